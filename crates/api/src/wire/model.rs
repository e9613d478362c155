//! Models and their prices as readers see them.

use copydesk_core::health::{Stance, Subject, stance};
use copydesk_core::metering::price::{ContextTier, Price, TokenRates};
use copydesk_core::{NanoUsd, Timestamp};
use copydesk_desk::store::HealthRow;
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
    cooling: Option<CoolingBody>,
}

/// It is left alone after failures. `null` means that it is called when its turn comes.
#[derive(Serialize)]
pub(crate) struct CoolingBody {
    until: String,
    code: &'static str,
    message: String,
}

impl CoolingBody {
    /// Of the model or provider itself; a model's provider has its own.
    pub fn of(subject: &Subject, rows: &[HealthRow], now: Timestamp) -> Option<CoolingBody> {
        let health = &rows.iter().find(|row| row.subject == *subject)?.health;
        match stance(Some(health), now) {
            Stance::Open { until } => Some(CoolingBody {
                until: until.to_string(),
                code: health.code.as_str(),
                message: health.message.clone(),
            }),
            Stance::Closed | Stance::Probing => None,
        }
    }
}

/// Units: nano-dollars, per million tokens or per piece. `null` means that this is not priced on its own.
#[derive(Serialize)]
struct PriceBody {
    version: String,
    /// When it began to hold; `null` where nobody says.
    from: Option<String>,
    free: bool,
    #[serde(flatten)]
    tokens: RatesBody,
    per_image_nanousd: Option<i64>,
    per_video_second_nanousd: Option<i64>,
    per_request_nanousd: Option<i64>,
    /// Rates for the whole call when its input is longer.
    tiers: Vec<TierBody>,
}

#[derive(Serialize)]
struct TierBody {
    above_input_tokens: i64,
    #[serde(flatten)]
    tokens: RatesBody,
}

#[derive(Serialize)]
struct RatesBody {
    input_per_million_nanousd: Option<i64>,
    output_per_million_nanousd: Option<i64>,
    cached_per_million_nanousd: Option<i64>,
    cache_write_per_million_nanousd: Option<i64>,
    cache_write_1h_per_million_nanousd: Option<i64>,
    reasoning_per_million_nanousd: Option<i64>,
    input_image_per_million_nanousd: Option<i64>,
    output_image_per_million_nanousd: Option<i64>,
}

fn nanos(rate: Option<NanoUsd>) -> Option<i64> {
    rate.map(|rate| rate.0)
}

impl From<&TokenRates> for RatesBody {
    fn from(rates: &TokenRates) -> RatesBody {
        RatesBody {
            input_per_million_nanousd: nanos(rates.input),
            output_per_million_nanousd: nanos(rates.output),
            cached_per_million_nanousd: nanos(rates.cached),
            cache_write_per_million_nanousd: nanos(rates.cache_write),
            cache_write_1h_per_million_nanousd: nanos(rates.cache_write_1h),
            reasoning_per_million_nanousd: nanos(rates.reasoning),
            input_image_per_million_nanousd: nanos(rates.input_image),
            output_image_per_million_nanousd: nanos(rates.output_image),
        }
    }
}

impl From<&ContextTier> for TierBody {
    fn from(tier: &ContextTier) -> TierBody {
        TierBody { above_input_tokens: tier.above_input.0, tokens: RatesBody::from(&tier.rates) }
    }
}

impl From<Price> for PriceBody {
    fn from(price: Price) -> PriceBody {
        PriceBody {
            from: price.from.map(|from| from.to_string()),
            free: price.free,
            tokens: RatesBody::from(&price.tokens),
            per_image_nanousd: nanos(price.per_image),
            per_video_second_nanousd: nanos(price.per_video_second),
            per_request_nanousd: nanos(price.per_request),
            tiers: price.tiers.iter().map(TierBody::from).collect(),
            version: price.version,
        }
    }
}

impl ModelBody {
    pub fn new(provider: &str, model: &str, price: Option<Price>, cooling: Option<CoolingBody>) -> ModelBody {
        ModelBody {
            object: "model",
            id: format!("{provider}/{model}"),
            provider: provider.to_owned(),
            model: model.to_owned(),
            price: price.map(PriceBody::from),
            cooling,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ProviderBody {
    object: &'static str,
    name: String,
    /// False when the provider takes any model name, so that the list above is not all there is.
    models_known: bool,
    /// All its models are left alone.
    cooling: Option<CoolingBody>,
}

impl ProviderBody {
    pub fn new(name: String, models_known: bool, cooling: Option<CoolingBody>) -> ProviderBody {
        ProviderBody { object: "provider", name, models_known, cooling }
    }
}
