//! The usage of one call as one normalised record, whatever the provider calls its fields. `None` means "not reported";
//! zero means zero.

use crate::{NanoUsd, Tokens};

/// What one call used.
///
/// Units: tokens. Cached tokens are part of `input`, reasoning tokens are part of `output`; neither is ever added twice.
/// Source: the providers' own usage objects, see `providers/src/<name>.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TokenUsage {
    pub input: Option<Tokens>,
    pub output: Option<Tokens>,
    pub input_cached: Option<Tokens>,
    pub output_reasoning: Option<Tokens>,
    /// The provider's own figure for this call, where it gives one; it wins over our price table.
    pub provider_cost: Option<NanoUsd>,
    /// True when the figures are our estimate (a cut stream, a call lost in a crash), not the provider's report.
    pub estimated: bool,
}

impl TokenUsage {
    /// Input and output together, where at least one was reported.
    pub fn total(&self) -> Option<Tokens> {
        match (self.input, self.output) {
            (None, None) => None,
            (input, output) => Some(Tokens(input.unwrap_or_default().0.saturating_add(output.unwrap_or_default().0))),
        }
    }
}

/// How a call ended. Stored as the word [`CallOutcome::as_str`] gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallOutcome {
    /// The answer arrived whole.
    Ok,
    /// The provider or the way to it failed.
    Failed,
    /// The caller or the user stopped it.
    Cancelled,
    /// The process died or lost its lease while the call was open; figures are an estimate.
    Lost,
    /// The answer arrived after its attempt had lost the lease: on the books, but nothing else.
    Late,
    /// The intent was written and the request never left.
    NotSent,
}

impl CallOutcome {
    pub const ALL: [CallOutcome; 6] = [Self::Ok, Self::Failed, Self::Cancelled, Self::Lost, Self::Late, Self::NotSent];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Late => "late",
            Self::NotSent => "not_sent",
        }
    }
    pub fn parse(word: &str) -> Option<CallOutcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}
