//! A try of a model as readers see it: what its generation and its only call say.

use crate::openapi::words::FailureReason;
use crate::wire::call::{CostBody, TokensBody, cost};
use crate::wire::model::CoolingBody;
use crate::wire::waiting::WaitingBody;
use copydesk_core::Timestamp;
use copydesk_core::generation::State;
use copydesk_core::health::Subject;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_desk::model_test::ModelTest;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = ModelTest)]
pub(crate) struct ModelTestBody {
    object: &'static str,
    /// `provider/model`, as it was asked for.
    model: String,
    provider: String,
    generation_id: String,
    /// The row on the books; `null` when no call was made.
    call_id: Option<String>,
    /// Whether the model answered.
    pub ok: bool,
    at: String,
    text: Option<String>,
    served_model: Option<String>,
    first_token_ms: Option<u64>,
    duration_ms: Option<u64>,
    http_status: Option<u16>,
    tokens: TokensBody,
    pub cost: CostBody,
    error: Option<TestError>,
    /// What kept the model from being called.
    waiting: Option<WaitingBody>,
    /// The circuit breaker of the model, or of its provider, after the call; `null` means that it is closed.
    cooling: Option<CoolingBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ModelTestError)]
struct TestError {
    #[schema(value_type = FailureReason)]
    code: String,
    message: String,
    /// The provider's own words, secrets removed.
    provider_message: Option<String>,
}

impl ModelTestBody {
    pub fn new(test: ModelTest, now: Timestamp) -> ModelTestBody {
        let ModelTest { generation, call, text, waits, health } = test;
        let model = generation.asked_model.clone();
        let provider = Subject::provider_of(&model);
        let cooling = |subject: &Subject| CoolingBody::of(subject, &health, now);
        let closed = call.as_ref().and_then(|call| call.closed.as_ref().map(|(_, closed)| closed));
        let sent = closed.filter(|closed| closed.outcome != CallOutcome::NotSent);
        let words = closed.and_then(|closed| closed.error.as_ref().map(|(_, words)| words.clone()));
        ModelTestBody {
            object: "model_test",
            provider: model.split('/').next().unwrap_or_default().to_owned(),
            generation_id: generation.generation.id.to_string(),
            ok: text.is_some(),
            at: generation.generation.terms.accepted_at.to_string(),
            text,
            served_model: sent.and_then(|closed| closed.served_model.clone()),
            first_token_ms: sent.and_then(|closed| closed.first_token_ms),
            duration_ms: sent.map(|closed| closed.duration_ms),
            http_status: sent.and_then(|closed| closed.http_status),
            tokens: TokensBody::from(&sent.map_or_else(TokenUsage::default, |closed| closed.usage)),
            cost: sent.map_or_else(
                || cost(None, "", None),
                |closed| cost(closed.cost, &closed.cost_status, closed.price_version.clone()),
            ),
            error: error(&generation.generation.state, words),
            waiting: waits.and_then(WaitingBody::of),
            cooling: cooling(&Subject::Model(model.clone())).or_else(|| cooling(&provider)),
            call_id: call.map(|call| call.id.to_string()),
            model,
        }
    }
}

fn error(state: &State, words: Option<String>) -> Option<TestError> {
    match state {
        State::Failed { failure, .. } => Some(TestError {
            code: failure.code.as_str().to_owned(),
            message: failure.message.clone(),
            provider_message: failure.detail.clone().or(words),
        }),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    }
}
