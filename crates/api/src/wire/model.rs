//! Models and their prices as readers see them.

use copydesk_core::metering::price::Price;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ModelBody {
    object: &'static str,
    /// `provider/model`: what a request names.
    id: String,
    provider: String,
    model: String,
    /// `null` means that no price is known; calls are then unpriced.
    price: Option<PriceBody>,
}

/// Units: nano-dollars per million tokens.
#[derive(Serialize)]
struct PriceBody {
    version: String,
    input_per_million_nanousd: Option<i64>,
    output_per_million_nanousd: Option<i64>,
    cached_per_million_nanousd: Option<i64>,
}

impl ModelBody {
    pub fn new(provider: &str, model: &str, price: Option<Price>) -> ModelBody {
        ModelBody {
            object: "model",
            id: format!("{provider}/{model}"),
            provider: provider.to_owned(),
            model: model.to_owned(),
            price: price.map(|price| PriceBody {
                version: price.version,
                input_per_million_nanousd: price.tokens.input.map(|cost| cost.0),
                output_per_million_nanousd: price.tokens.output.map(|cost| cost.0),
                cached_per_million_nanousd: price.tokens.cached.map(|cost| cost.0),
            }),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ProviderBody {
    object: &'static str,
    name: String,
    /// False when the provider takes any model name, so that the list above is not all there is.
    models_known: bool,
}

impl ProviderBody {
    pub fn new(name: String, models_known: bool) -> ProviderBody {
        ProviderBody { object: "provider", name, models_known }
    }
}
