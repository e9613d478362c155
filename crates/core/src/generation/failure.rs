//! Why an attempt or a generation failed: one list of public codes, whether another try can help, a sentence for the
//! user and the detail for the operator. The same codes appear in problem answers and in `generation.error`.

use std::fmt;
use std::time::Duration;

/// A public failure code. Its word is stable for ever; each has a page `docs/errors/<code>.md`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureCode {
    /// Connection refused, reset, name not found, TLS: nothing usable came back.
    ProviderUnreachable,
    /// 5xx, overloaded, an error object without a better class.
    ProviderError,
    /// 429, try again later.
    RateLimited,
    /// A quota or balance at the provider that will not come back by waiting a little.
    ProviderQuota,
    /// The provider did not answer in time.
    ProviderTimeout,
    /// Not JSON, HTML, cut off, or of an unknown shape.
    ProviderBadResponse,
    /// The provider refused our key.
    ProviderAuth,
    /// The provider refused the request as such (400, 404, 413, 422).
    ProviderRejected,
    /// The model or a filter refused to write this.
    Refused,
    /// The answer hit a length limit before it was whole.
    OutputTruncated,
    /// The answer is whole but not of the form the recipe needs.
    OutputInvalid,
    /// The attempt ran into its own time limit.
    AttemptTimeout,
    /// A job may have been started at the provider that nobody knows: the answer to its submission was lost.
    SubmissionUnknown,
    /// The process that ran the attempt died or lost its lease.
    LeaseLost,
    /// The generation's deadline passed.
    DeadlineExceeded,
    /// The next call might pass what the generation may cost.
    MaxCostReached,
    /// Something inside Copydesk broke.
    Internal,
}

impl FailureCode {
    pub const ALL: [FailureCode; 17] = [
        Self::ProviderUnreachable,
        Self::ProviderError,
        Self::RateLimited,
        Self::ProviderQuota,
        Self::ProviderTimeout,
        Self::ProviderBadResponse,
        Self::ProviderAuth,
        Self::ProviderRejected,
        Self::Refused,
        Self::OutputTruncated,
        Self::OutputInvalid,
        Self::AttemptTimeout,
        Self::SubmissionUnknown,
        Self::LeaseLost,
        Self::DeadlineExceeded,
        Self::MaxCostReached,
        Self::Internal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderUnreachable => "provider_unreachable",
            Self::ProviderError => "provider_error",
            Self::RateLimited => "rate_limited",
            Self::ProviderQuota => "provider_quota",
            Self::ProviderTimeout => "provider_timeout",
            Self::ProviderBadResponse => "provider_bad_response",
            Self::ProviderAuth => "provider_auth",
            Self::ProviderRejected => "provider_rejected",
            Self::Refused => "refused",
            Self::OutputTruncated => "output_truncated",
            Self::OutputInvalid => "output_invalid",
            Self::AttemptTimeout => "attempt_timeout",
            Self::SubmissionUnknown => "submission_unknown",
            Self::LeaseLost => "lease_lost",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::MaxCostReached => "max_cost_reached",
            Self::Internal => "internal",
        }
    }

    pub fn parse(word: &str) -> Option<FailureCode> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// Whether another attempt can help.
    pub const fn retryable(self) -> bool {
        match self {
            Self::ProviderUnreachable
            | Self::ProviderError
            | Self::RateLimited
            | Self::ProviderTimeout
            | Self::ProviderBadResponse
            | Self::OutputTruncated
            | Self::OutputInvalid
            | Self::AttemptTimeout
            | Self::LeaseLost
            | Self::Internal => true,
            Self::ProviderQuota
            | Self::ProviderAuth
            | Self::ProviderRejected
            | Self::Refused
            | Self::SubmissionUnknown
            | Self::DeadlineExceeded
            | Self::MaxCostReached => false,
        }
    }
}

impl FailureCode {
    /// Whether another model may succeed where this one failed. A refusal is not shopped around, and what broke on our
    /// own side breaks for every model.
    pub const fn elsewhere(self) -> bool {
        match self {
            Self::ProviderUnreachable
            | Self::ProviderError
            | Self::RateLimited
            | Self::ProviderQuota
            | Self::ProviderTimeout
            | Self::ProviderBadResponse
            | Self::ProviderAuth
            | Self::ProviderRejected
            | Self::OutputTruncated
            | Self::OutputInvalid
            | Self::AttemptTimeout => true,
            // Another model would not undo what this one may be making.
            Self::SubmissionUnknown
            | Self::Refused
            | Self::LeaseLost
            | Self::DeadlineExceeded
            | Self::MaxCostReached
            | Self::Internal => false,
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose fault a failed call is: what it says about the next one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultOf {
    /// Of this request, its text or its answer: the next one may fare better at once.
    Request,
    /// Of the model: others of the same provider may answer.
    Model,
    /// Of the provider or the way to it: none of its models will answer.
    Provider,
}

/// One failure, in two voices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub code: FailureCode,
    /// For the user: what happened, without internals. One sentence.
    pub message: String,
    /// For the operator: the provider's own words (at most 2 KB, secrets removed) or the cause chain.
    pub detail: Option<String>,
    /// The provider asked to wait this long.
    pub retry_after: Option<Duration>,
    /// At most so many tries of one model may end like this; `None` is as many as the terms give.
    pub tries_max: Option<u32>,
    /// Whether another model of the route may do better.
    pub elsewhere: bool,
    /// What it says about the next call (`health/breaker.rs`).
    pub fault_of: FaultOf,
}

impl Failure {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Failure {
        let (detail, retry_after, tries_max, elsewhere) = (None, None, None, code.elsewhere());
        let fault_of = FaultOf::Request;
        Failure { code, message: message.into(), detail, retry_after, tries_max, elsewhere, fault_of }
    }
    /// Nobody can do better: neither another attempt nor another model.
    pub fn for_good(mut self) -> Failure {
        (self.tries_max, self.elsewhere) = (Some(1), false);
        self
    }
    pub fn of(mut self, fault_of: FaultOf) -> Failure {
        self.fault_of = fault_of;
        self
    }
    pub fn with_detail(mut self, detail: impl Into<String>) -> Failure {
        self.detail = Some(detail.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
