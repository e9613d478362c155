//! Calls: one row per request to a provider, written before it leaves, closed with its figures.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope};
use copydesk_core::metering::question::{Question, Total};
use copydesk_core::metering::totals::Figures;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::recipe::step::counts_tokens;
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, Timestamp, Tokens, UserId};

pub trait UsageStore: Send + Sync {
    /// Calls of the workspace, newest first unless asked otherwise; open ones included.
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>>;

    /// What the closed calls of the workspace used, in the order of parts, then groups. A call counts in the quarter of an
    /// hour in which it was closed, pruned ones too. It costs the same however many calls there are.
    ///
    /// Errors: [`copydesk_core::refusal::Refusal::UsageTooLarge`].
    fn totals(&self, scope: Scope, question: Question) -> Answer<'_, Vec<Total>>;

    /// What the application calls these users. Those who are not known are left out.
    fn user_names(&self, scope: Scope, users: Vec<UserId>) -> Answer<'_, Vec<(UserId, String)>>;
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

/// A rough token, for the estimate of a call nobody will report. Units: bytes.
const BYTES_PER_TOKEN: u64 = 4;

impl ClosedCall {
    /// The end of a call nobody will report: lost, with an estimate of its input where that counts in tokens. What it
    /// took and cost nobody knows.
    pub fn unreported(id: CallId, operation: &str, input_bytes: u64) -> ClosedCall {
        let guess = Tokens(i64::try_from(input_bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i64::MAX));
        let input = counts_tokens(operation).then_some(guess);
        ClosedCall {
            id,
            outcome: CallOutcome::Lost,
            usage: TokenUsage { input, estimated: input.is_some(), ..TokenUsage::default() },
            cost: None,
            cost_status: "unpriced".to_owned(),
            price_version: None,
            duration_ms: 0,
            first_token_ms: None,
            http_status: None,
            provider_request_id: None,
            served_model: None,
            error: None,
        }
    }

    /// What it adds to the totals when it is booked with `outcome`.
    pub fn figures(&self, outcome: CallOutcome) -> Figures {
        Figures::of_call(outcome, &self.usage, self.cost, self.duration_ms)
    }
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
