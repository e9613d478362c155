//! Calls: one row per request to a provider, written before it leaves, closed with its figures.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, Timestamp, UserId};

pub trait UsageStore: Send + Sync {
    /// Calls of the workspace, newest first unless asked otherwise; open ones included.
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>>;
}

/// The intent of a further call inside an attempt (the first one is written by the claim).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenCall {
    pub id: CallId,
    pub step: String,
    /// `provider/model`
    pub model: String,
}

/// The end of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedCall {
    pub id: CallId,
    pub outcome: CallOutcome,
    pub usage: TokenUsage,
    pub cost: Option<NanoUsd>,
    /// `provider | priced | estimated | unpriced`
    pub cost_status: String,
    pub price_version: Option<String>,
    pub duration_ms: u64,
    /// From the opening of the call to its first piece of text, where any came.
    pub first_token_ms: Option<u64>,
    pub http_status: Option<u16>,
    pub provider_request_id: Option<String>,
    /// The model that answered, where the provider says so.
    pub served_model: Option<String>,
    /// Failure code and the provider's own words.
    pub error: Option<(String, String)>,
}

/// A usage row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRow {
    pub id: CallId,
    pub generation: GenerationId,
    pub draft: DraftId,
    pub user: UserId,
    pub user_external: String,
    pub attempt: u32,
    /// The recipe: which part of the application asked.
    pub service: String,
    /// The step of the recipe.
    pub operation: String,
    pub provider: String,
    pub model: String,
    pub opened_at: Timestamp,
    /// `None` while the call is open.
    pub closed: Option<(Timestamp, ClosedCall)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallFilter {
    pub user: Option<UserId>,
    pub generation: Option<GenerationId>,
    pub draft: Option<DraftId>,
}
