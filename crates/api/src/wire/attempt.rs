//! Attempts of a generation: its calls, taken together by the claim they were made under.

use super::call::{self, CallError, CostBody, OPEN, UsageBody};
use crate::openapi::words::CallOutcome as OutcomeWord;
use copydesk_desk::store::usage::CallRow;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptBody {
    object: &'static str,
    generation_id: String,
    attempt: u32,
    /// `provider/model` of its last call.
    model: String,
    /// When its first call was opened.
    opened_at: String,
    /// When its last call came back; `null` while one is open.
    closed_at: Option<String>,
    /// That of its last call.
    #[schema(value_type = OutcomeWord)]
    outcome: &'static str,
    usage: UsageBody,
    cost: CostBody,
    error: Option<CallError>,
}

/// The attempts behind these calls, which stand in their order.
pub(crate) fn attempts(calls: &[CallRow]) -> Vec<AttemptBody> {
    calls.chunk_by(|one, next| one.attempt == next.attempt).filter_map(attempt).collect()
}

fn attempt(calls: &[CallRow]) -> Option<AttemptBody> {
    let (first, last) = (calls.first()?, calls.last()?);
    let closed = last.closed.as_ref();
    let (usage, cost) = call::sum(calls);
    Some(AttemptBody {
        object: "attempt",
        generation_id: last.generation.to_string(),
        attempt: last.attempt,
        model: last.model.clone(),
        opened_at: first.opened_at.to_string(),
        closed_at: closed.map(|(at, _)| at.to_string()),
        outcome: closed.map_or(OPEN, |(_, call)| call.outcome.as_str()),
        usage,
        cost,
        error: closed.and_then(|(_, call)| CallError::of(call)),
    })
}
