//! The usage of one call as one normalised record, whatever the provider calls its fields. `None` means "not reported";
//! zero means zero.

use crate::{NanoUsd, Tokens};

/// What one call used.
///
/// Units: tokens, unless a field says otherwise.
/// Invariant: `input_cached` and `input_cache_write` are parts of `input` that do not overlap, `input_cache_write_1h` is
/// the part of `input_cache_write` that is kept for an hour, `input_image` is part of `input`; `output_reasoning` and
/// `output_image` are parts of `output` that do not overlap. No part is ever added to its whole. An adapter of a provider that counts parts outside the whole (Anthropic) adds them up first.
/// Source: the providers' own usage objects, see `providers/src/<name>.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TokenUsage {
    pub input: Option<Tokens>,
    pub output: Option<Tokens>,
    /// Input that was read from the provider's prompt cache.
    pub input_cached: Option<Tokens>,
    /// Input that was written to the provider's prompt cache, for however long.
    pub input_cache_write: Option<Tokens>,
    /// The part of `input_cache_write` that is kept for an hour, which costs more than five minutes.
    pub input_cache_write_1h: Option<Tokens>,
    /// Input that is pictures, where the provider tells it apart from text.
    pub input_image: Option<Tokens>,
    pub output_reasoning: Option<Tokens>,
    /// Output that is pictures, where the provider counts pictures in tokens.
    pub output_image: Option<Tokens>,
    /// Pictures made.
    pub images: Option<u32>,
    /// Units: seconds of video made, begun ones counted whole.
    pub video_seconds: Option<u32>,
    /// What the provider counts where it bills by the request. Not reported means one, since a call is one request.
    pub requests: Option<u32>,
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
