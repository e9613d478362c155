//! Calls: one usage row each, and their sum for a generation. Money is whole nano-dollars; a price nobody knows is
//! `unpriced`, never zero.

use crate::openapi::words::{CallOutcome as OutcomeWord, CostSource, CostStatus};
use copydesk_core::NanoUsd;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_desk::store::usage::{CallRow, ClosedCall};
use serde::Serialize;
use utoipa::ToSchema;

/// The outcome word of a call that has not come back.
pub(crate) const OPEN: &str = "open";
const PRICED: &str = "priced";
const ESTIMATED: &str = "estimated";
pub(crate) const UNPRICED: &str = "unpriced";
/// The store's word for a figure that the provider itself gave.
const PROVIDER: &str = "provider";

#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(crate) struct CallBody {
    object: &'static str,
    id: String,
    uuid: String,
    generation_id: String,
    draft_id: String,
    user: String,
    attempt: u32,
    service: String,
    operation: String,
    provider: String,
    model: String,
    served_model: Option<String>,
    #[schema(value_type = OutcomeWord)]
    outcome: &'static str,
    opened_at: String,
    closed_at: Option<String>,
    duration_ms: Option<u64>,
    /// From the opening of the call to its first piece of text.
    first_token_ms: Option<u64>,
    tokens: Option<TokensBody>,
    /// Pictures made, seconds of video made, requests the provider bills; `null` means "not reported".
    images: Option<u32>,
    video_seconds: Option<u32>,
    requests: Option<u32>,
    cost: Option<CostBody>,
    http_status: Option<u16>,
    provider_request_id: Option<String>,
    error: Option<CallError>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CallError {
    code: String,
    message: String,
}

impl CallError {
    pub fn of(call: &ClosedCall) -> Option<CallError> {
        call.error.clone().map(|(code, message)| CallError { code, message })
    }
}

/// `null` means "not reported".
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensBody {
    input: Option<i64>,
    output: Option<i64>,
    total: Option<i64>,
    input_cached: Option<i64>,
    input_cache_write: Option<i64>,
    input_cache_write_1h: Option<i64>,
    input_image: Option<i64>,
    output_reasoning: Option<i64>,
    output_image: Option<i64>,
    estimated: bool,
}

#[derive(Serialize, ToSchema, Clone)]
#[schema(as = Cost)]
pub(crate) struct CostBody {
    pub nanousd: Option<i64>,
    #[schema(value_type = CostStatus)]
    pub status: &'static str,
    /// `provider` when the figure is the provider's own, else `table`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    #[schema(value_type = Option<CostSource>)]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    price_version: Option<String>,
}

impl From<&TokenUsage> for TokensBody {
    fn from(usage: &TokenUsage) -> TokensBody {
        TokensBody {
            input: usage.input.map(|tokens| tokens.0),
            output: usage.output.map(|tokens| tokens.0),
            total: usage.total().map(|tokens| tokens.0),
            input_cached: usage.input_cached.map(|tokens| tokens.0),
            input_cache_write: usage.input_cache_write.map(|tokens| tokens.0),
            input_cache_write_1h: usage.input_cache_write_1h.map(|tokens| tokens.0),
            input_image: usage.input_image.map(|tokens| tokens.0),
            output_reasoning: usage.output_reasoning.map(|tokens| tokens.0),
            output_image: usage.output_image.map(|tokens| tokens.0),
            estimated: usage.estimated,
        }
    }
}

pub(crate) fn cost(nanousd: Option<NanoUsd>, status: &str, price_version: Option<String>) -> CostBody {
    let (status, source) = match (nanousd, status) {
        (None, _) => (UNPRICED, None),
        (Some(_), PROVIDER) => (PRICED, Some(PROVIDER)),
        (Some(_), ESTIMATED) => (ESTIMATED, Some("table")),
        (Some(_), _) => (PRICED, Some("table")),
    };
    CostBody { nanousd: nanousd.map(|cost| cost.0), status, source, price_version }
}

impl From<CallRow> for CallBody {
    fn from(row: CallRow) -> CallBody {
        let closed = row.closed;
        let call = closed.as_ref().map(|(_, call)| call);
        CallBody {
            object: "call",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            generation_id: row.generation.to_string(),
            draft_id: row.draft.to_string(),
            user: row.user_external,
            attempt: row.attempt,
            service: row.service,
            operation: row.operation,
            provider: row.provider,
            model: row.model,
            served_model: call.and_then(|call| call.served_model.clone()),
            outcome: call.map_or(OPEN, |call| call.outcome.as_str()),
            opened_at: row.opened_at.to_string(),
            closed_at: closed.as_ref().map(|(at, _)| at.to_string()),
            duration_ms: call.map(|call| call.duration_ms),
            first_token_ms: call.and_then(|call| call.first_token_ms),
            tokens: call.map(|call| TokensBody::from(&call.usage)),
            images: call.and_then(|call| call.usage.images),
            video_seconds: call.and_then(|call| call.usage.video_seconds),
            requests: call.and_then(|call| call.usage.requests),
            cost: call.map(|call| cost(call.cost, &call.cost_status, call.price_version.clone())),
            http_status: call.and_then(|call| call.http_status),
            provider_request_id: call.and_then(|call| call.provider_request_id.clone()),
            error: call.and_then(CallError::of),
        }
    }
}

/// What all calls of a generation used together.
#[derive(Serialize, ToSchema)]
#[schema(as = GenerationUsage)]
pub(crate) struct UsageBody {
    calls: usize,
    calls_open: usize,
    input_tokens: i64,
    output_tokens: i64,
    total_tokens: i64,
    /// At least one figure is an estimate.
    estimated: bool,
}

/// The sum over calls. Calls that never left count as calls and cost nothing; one without a price makes the sum unpriced.
pub(crate) fn sum(rows: &[CallRow]) -> (UsageBody, CostBody) {
    let closed = || rows.iter().filter_map(|row| row.closed.as_ref().map(|(_, call)| call));
    let sent = || closed().filter(|call| call.outcome != CallOutcome::NotSent);
    let total = |tokens: fn(&TokenUsage) -> Option<copydesk_core::Tokens>| {
        closed().filter_map(|call| tokens(&call.usage)).fold(0_i64, |sum, tokens| sum.saturating_add(tokens.0))
    };
    let usage = UsageBody {
        calls: rows.len(),
        calls_open: rows.len() - closed().count(),
        input_tokens: total(|usage| usage.input),
        output_tokens: total(|usage| usage.output),
        total_tokens: total(TokenUsage::total),
        estimated: sent().any(|call| call.usage.estimated),
    };
    let nanousd = sent().try_fold(0_i64, |sum, call| sum.checked_add(call.cost?.0));
    let status = match nanousd {
        None => UNPRICED,
        Some(_) if sent().any(|call| call.cost_status == ESTIMATED) => ESTIMATED,
        Some(_) => PRICED,
    };
    (usage, CostBody { nanousd, status, source: None, price_version: None })
}
