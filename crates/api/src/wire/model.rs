//! Models and their prices as readers see them.

use crate::openapi::words::FailureReason;
use crate::wire::price::PriceBody;
use copydesk_core::Timestamp;
use copydesk_core::health::{Stance, Subject, stance};
use copydesk_core::metering::price::Price;
use copydesk_desk::store::HealthRow;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Cooling)]
pub(crate) struct CoolingBody {
    until: String,
    #[schema(value_type = FailureReason)]
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

#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
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
