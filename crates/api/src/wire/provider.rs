//! Providers as readers see them, and what came of a test of one. Keys are never among it.

use crate::openapi::words::FailureReason;
use crate::wire::dry_run::DryRunBody;
use crate::wire::model::{CoolingBody, ProviderBody};
use crate::wire::model_test::ModelTestBody;
use copydesk_core::Timestamp;
use copydesk_core::health::{Stance, Subject, stance};
use copydesk_desk::provider_test::{Listed, Setup};
use copydesk_desk::store::HealthRow;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = ProviderDetails)]
pub(crate) struct ProviderDetailsBody {
    #[serde(flatten)]
    provider: ProviderBody,
    /// The wire format it is spoken to in; `null` for one that no setting made.
    #[schema(example = "openrouter")]
    kind: Option<&'static str>,
    /// Where it is asked, without a name, a password or a query in it.
    base_url: Option<String>,
    /// Whether a key is set. The key itself is shown nowhere.
    key_set: bool,
    /// The circuit breaker of the provider: `closed` lets calls through, `open` leaves it alone (`cooling` says until when),
    /// `probing` lets one through to see.
    breaker: BreakerWord,
    /// Those known without asking, as far as the key reaches them, each as a request names it.
    models: Vec<String>,
    /// Whether it can be asked which models it has, so that a test needs no call.
    lists_models: bool,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Breaker)]
enum BreakerWord {
    Closed,
    Open,
    Probing,
}

/// What is known of a provider, gathered by the route.
pub(crate) struct Known<'a> {
    pub name: String,
    pub setup: Option<&'a Setup>,
    pub models_known: bool,
    pub models: Vec<String>,
    pub lists_models: bool,
    pub health: &'a [HealthRow],
    pub now: Timestamp,
}

impl ProviderDetailsBody {
    pub fn new(known: Known<'_>) -> ProviderDetailsBody {
        let Known { name, setup, models_known, models, lists_models, health, now } = known;
        let subject = Subject::Provider(name.clone());
        let row = health.iter().find(|row| row.subject == subject).map(|row| &row.health);
        let breaker = match stance(row, now) {
            Stance::Closed => BreakerWord::Closed,
            Stance::Open { .. } => BreakerWord::Open,
            Stance::Probing => BreakerWord::Probing,
        };
        ProviderDetailsBody {
            provider: ProviderBody::new(name, models_known, CoolingBody::of(&subject, health, now)),
            kind: setup.map(|setup| setup.kind.as_str()),
            base_url: setup.map(|setup| setup.base_url.clone()),
            key_set: setup.is_some_and(|setup| setup.has_key),
            breaker,
            models,
            lists_models,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProviderTest)]
pub(crate) struct ProviderTestBody {
    object: &'static str,
    provider: String,
    /// Whether it answered as it should.
    ok: bool,
    /// How it was asked: `models` for the list of its models, which is free, or `call` for one tiny call.
    proof: ProofWord,
    /// What its list said; `null` when a model was called.
    list: Option<ListBody>,
    /// What the call said, as POST `/models/test` tells it; `null` when a list was the proof.
    pub call: Option<Box<ModelTestBody>>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ProviderProof)]
enum ProofWord {
    Models,
    Call,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProviderListing)]
struct ListBody {
    at: String,
    duration_ms: u64,
    http_status: Option<u16>,
    /// Those it has, as a request names them, at most 2000; `null` when it did not say.
    models: Option<Vec<String>>,
    error: Option<ListError>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProviderListingError)]
struct ListError {
    #[schema(value_type = FailureReason)]
    code: &'static str,
    message: String,
    /// The provider's own words, secrets removed.
    provider_message: Option<String>,
}

impl ProviderTestBody {
    pub fn listed(provider: &str, listed: Listed) -> ProviderTestBody {
        let Listed { at, took, http_status, result } = listed;
        let (models, error) = match result {
            Ok(models) => (Some(models.iter().map(|model| format!("{provider}/{model}")).collect()), None),
            Err(failure) => {
                let (code, message) = (failure.code.as_str(), failure.message);
                (None, Some(ListError { code, message, provider_message: failure.detail }))
            }
        };
        let list = ListBody {
            at: at.to_string(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            http_status,
            models,
            error,
        };
        ProviderTestBody {
            object: "provider_test",
            provider: provider.to_owned(),
            ok: list.error.is_none(),
            proof: ProofWord::Models,
            list: Some(list),
            call: None,
        }
    }

    pub fn called(provider: &str, call: ModelTestBody) -> ProviderTestBody {
        ProviderTestBody {
            object: "provider_test",
            provider: provider.to_owned(),
            ok: call.ok,
            proof: ProofWord::Call,
            list: None,
            call: Some(Box::new(call)),
        }
    }
}

/// What a test of a provider is answered with.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum ProvedOrRehearsed {
    Proved(Box<ProviderTestBody>),
    Plan(Box<PlanBody>),
    DryRun(Box<DryRunBody>),
}

/// What a rehearsed test would do where it needs no call.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderTestPlan)]
pub(crate) struct PlanBody {
    object: &'static str,
    #[schema(example = "list_models")]
    would: &'static str,
    provider: String,
}

impl PlanBody {
    pub fn new(provider: &str) -> PlanBody {
        PlanBody { object: "dry_run", would: "list_models", provider: provider.to_owned() }
    }
}
