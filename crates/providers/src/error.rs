//! What can go wrong with a call, in classes that say what to do next, and how each reads to the user and to the
//! operator. It reads no wire format (that is `error_text.rs`) and makes no retry: it only says whether one can help.

use std::fmt;
use std::time::Duration;

use copydesk_core::generation::failure::{Failure, FailureCode, FaultOf};

use crate::secret::{Secret, mask};

/// How much of a provider's raw answer is kept for the operator.
pub const RAW_BYTES_MAX: usize = 2 * 1024;
/// The longest message that is kept.
pub const MESSAGE_BYTES_MAX: usize = 1024;
/// The longest wait a provider may ask for; a longer one is cut to this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// Which limit on waiting ran out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimeoutPhase {
    Connect,
    FirstByte,
    Idle,
    Total,
    /// The provider itself says that something behind it took too long (408, 504, 524).
    Upstream,
}

/// The classes of failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorClass {
    /// Too many requests for now.
    RateLimited,
    /// The provider or the model has no room for now.
    Overloaded,
    TimedOut(TimeoutPhase),
    /// No connection, or it broke before an answer began.
    Network,
    /// The provider's certificate is not valid for its name. Trying again would not make it so.
    Certificate,
    /// A redirect, an unusable address: our own settings are wrong.
    Misconfigured,
    /// The provider refused our key.
    Unauthorized,
    /// A balance or quota that waiting a little does not bring back.
    Quota,
    /// The request as such was refused.
    Rejected,
    /// The provider does not know the model.
    ModelNotFound,
    /// The request is longer than the model or the provider takes.
    TooLarge,
    /// The model or a filter refused to write this.
    Refused,
    /// A length limit was reached before any text was written.
    Truncated,
    /// The answer stopped in the middle: a broken transfer or a stream without its end.
    CutOff,
    /// The answer came whole and holds nothing.
    Empty,
    /// HTML, text, broken JSON, an unknown shape, or over a size limit.
    Malformed,
    /// The provider failed and says so.
    ServerError,
}

impl ErrorClass {
    pub const ALL: [ErrorClass; 21] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::TimedOut(TimeoutPhase::Connect),
        Self::TimedOut(TimeoutPhase::FirstByte),
        Self::TimedOut(TimeoutPhase::Idle),
        Self::TimedOut(TimeoutPhase::Total),
        Self::TimedOut(TimeoutPhase::Upstream),
        Self::Network,
        Self::Certificate,
        Self::Misconfigured,
        Self::Unauthorized,
        Self::Quota,
        Self::Rejected,
        Self::ModelNotFound,
        Self::TooLarge,
        Self::Refused,
        Self::Truncated,
        Self::CutOff,
        Self::Empty,
        Self::Malformed,
        Self::ServerError,
    ];

    /// The class as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::TimedOut(TimeoutPhase::Connect) => "connect_timed_out",
            Self::TimedOut(TimeoutPhase::FirstByte) => "first_byte_timed_out",
            Self::TimedOut(TimeoutPhase::Idle) => "idle_timed_out",
            Self::TimedOut(TimeoutPhase::Total) => "total_timed_out",
            Self::TimedOut(TimeoutPhase::Upstream) => "upstream_timed_out",
            Self::Network => "network",
            Self::Certificate => "certificate",
            Self::Misconfigured => "misconfigured",
            Self::Unauthorized => "unauthorized",
            Self::Quota => "quota",
            Self::Rejected => "rejected",
            Self::ModelNotFound => "model_not_found",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::CutOff => "cut_off",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::ServerError => "server_error",
        }
    }

    /// Whether the same request can succeed later.
    pub const fn retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Overloaded
            | Self::TimedOut(_)
            | Self::Network
            | Self::Truncated
            | Self::CutOff
            | Self::Empty
            | Self::Malformed
            | Self::ServerError => true,
            Self::Certificate
            | Self::Misconfigured
            | Self::Unauthorized
            | Self::Quota
            | Self::Rejected
            | Self::ModelNotFound
            | Self::TooLarge
            | Self::Refused => false,
        }
    }

    /// How many tries of one model may end like this. What cannot be read once may have been an accident; twice, it is
    /// how this address answers.
    const fn tries_max(self) -> Option<u32> {
        match self {
            Self::Malformed => Some(2),
            Self::RateLimited
            | Self::Overloaded
            | Self::TimedOut(_)
            | Self::Network
            | Self::Certificate
            | Self::Misconfigured
            | Self::Unauthorized
            | Self::Quota
            | Self::Rejected
            | Self::ModelNotFound
            | Self::TooLarge
            | Self::Refused
            | Self::Truncated
            | Self::CutOff
            | Self::Empty
            | Self::ServerError => None,
        }
    }

    /// The public code. Invariant: retryable here is retryable there, so that the two can never disagree. That is why
    /// a bad certificate is `provider_rejected` and not `provider_unreachable`.
    pub const fn code(self) -> FailureCode {
        match self {
            Self::RateLimited => FailureCode::RateLimited,
            Self::Overloaded | Self::ServerError => FailureCode::ProviderError,
            Self::TimedOut(_) => FailureCode::ProviderTimeout,
            Self::Network => FailureCode::ProviderUnreachable,
            Self::Unauthorized => FailureCode::ProviderAuth,
            Self::Quota => FailureCode::ProviderQuota,
            Self::Certificate | Self::Misconfigured | Self::Rejected | Self::ModelNotFound | Self::TooLarge => {
                FailureCode::ProviderRejected
            }
            Self::Refused => FailureCode::Refused,
            Self::Truncated => FailureCode::OutputTruncated,
            Self::CutOff | Self::Empty | Self::Malformed => FailureCode::ProviderBadResponse,
        }
    }

    /// Whose fault it is: what it says about the next call. A request that is refused as such, or a text that is, says
    /// nothing; what keeps every model of the provider from answering is the provider's.
    pub const fn fault_of(self) -> FaultOf {
        match self {
            Self::Rejected | Self::TooLarge | Self::Refused | Self::Truncated => FaultOf::Request,
            Self::RateLimited
            | Self::Overloaded
            | Self::TimedOut(
                TimeoutPhase::FirstByte | TimeoutPhase::Idle | TimeoutPhase::Total | TimeoutPhase::Upstream,
            )
            | Self::ModelNotFound
            | Self::CutOff
            | Self::Empty
            | Self::Malformed
            | Self::ServerError => FaultOf::Model,
            Self::TimedOut(TimeoutPhase::Connect)
            | Self::Network
            | Self::Certificate
            | Self::Misconfigured
            | Self::Unauthorized
            | Self::Quota => FaultOf::Provider,
        }
    }

    /// What happened, for the user: one sentence without internals.
    fn sentence(self, provider: &str) -> String {
        match self {
            Self::RateLimited => format!("{provider} is receiving too many requests right now."),
            Self::Overloaded => format!("{provider} is overloaded right now."),
            Self::TimedOut(TimeoutPhase::Connect) => format!("{provider} could not be reached in time."),
            Self::TimedOut(TimeoutPhase::FirstByte) => format!("{provider} did not begin to answer in time."),
            Self::TimedOut(TimeoutPhase::Idle) => format!("{provider} stopped answering in the middle."),
            Self::TimedOut(TimeoutPhase::Total) => format!("{provider} did not finish its answer in time."),
            Self::TimedOut(TimeoutPhase::Upstream) => format!("{provider} reports that the model took too long."),
            Self::Network => format!("{provider} could not be reached, or the connection broke."),
            Self::Certificate => format!("The connection to {provider} is not safe: its certificate is not valid."),
            Self::Misconfigured => format!("The connection to {provider} is not set up correctly."),
            Self::Unauthorized => format!("{provider} does not accept the key it was given."),
            Self::Quota => format!("The account at {provider} has no balance or quota left."),
            Self::Rejected => format!("{provider} did not accept the request."),
            Self::ModelNotFound => format!("{provider} does not have this model."),
            Self::TooLarge => format!("The request is too long for this model at {provider}."),
            Self::Refused => format!("{provider} refused to write this."),
            Self::Truncated => format!("{provider} reached its length limit before it wrote anything."),
            Self::CutOff => format!("{provider} closed the stream before the answer was whole."),
            Self::Empty => format!("{provider} sent an empty answer."),
            Self::Malformed => format!("{provider} sent an answer that cannot be read."),
            Self::ServerError => format!("{provider} reported an error on its side."),
        }
    }
}

/// One failed call, as the provider or the way to it explained it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderError {
    pub class: ErrorClass,
    /// The provider's own sentence where it gave one, else ours. For the operator; secrets masked.
    pub message: String,
    /// The provider's own code or type for the error.
    pub provider_code: Option<String>,
    /// The first [`RAW_BYTES_MAX`] bytes of the answer, secrets masked.
    pub raw: Option<String>,
    /// The wait the provider asked for, at most [`RETRY_AFTER_MAX`].
    pub retry_after: Option<Duration>,
}

impl ProviderError {
    pub fn new(class: ErrorClass, message: impl Into<String>) -> ProviderError {
        ProviderError { class, message: message.into(), provider_code: None, raw: None, retry_after: None }
    }

    /// Adds the raw answer. The caller masks at the end with [`ProviderError::masked`], before anything is cut off.
    pub fn with_raw(mut self, raw: impl Into<String>) -> ProviderError {
        self.raw = Some(raw.into()).filter(|raw: &String| !raw.is_empty());
        self
    }

    pub fn with_retry_after(mut self, wait: Option<Duration>) -> ProviderError {
        self.retry_after = wait.map(|wait| wait.min(RETRY_AFTER_MAX));
        self
    }

    /// The error as it may leave this crate: secrets masked first, then every text cut to its limit. The other way
    /// round, a key cut in two at the limit would not be recognised.
    pub fn masked(mut self, secret: Option<&Secret>) -> ProviderError {
        let clean = |text: &str, bytes_max: usize| cut(&mask(text, secret).replace('\0', "\u{fffd}"), bytes_max);
        self.message = clean(&self.message, MESSAGE_BYTES_MAX);
        self.provider_code = self.provider_code.map(|code| clean(&code, 100));
        self.raw = self.raw.map(|raw| clean(&raw, RAW_BYTES_MAX));
        self
    }

    /// Whether the same request can succeed later.
    pub fn retryable(&self) -> bool {
        self.class.retryable()
    }

    /// The failure as the books, the user and the operator see it.
    pub fn failure(&self, provider: &str) -> Failure {
        let mut detail = format!("{provider}: {}", self.message);
        if let Some(code) = &self.provider_code {
            detail.push_str(&format!(" [{code}]"));
        }
        if let Some(raw) = self.raw.as_deref().filter(|raw| !self.message.contains(raw)) {
            detail.push_str(&format!(" | raw answer: {raw}"));
        }
        let mut failure = Failure::new(self.class.code(), self.class.sentence(provider));
        failure.detail = Some(cut(&detail, RAW_BYTES_MAX));
        failure.retry_after = self.retry_after;
        failure.tries_max = self.class.tries_max();
        failure.fault_of = self.class.fault_of();
        failure
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProviderError {}

/// The longest beginning of `text` that fits and ends between two characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retryable_and_the_public_code_never_disagree() {
        for class in ErrorClass::ALL {
            assert_eq!(class.retryable(), class.code().retryable(), "{class:?}");
        }
    }

    #[test]
    fn a_failure_says_whose_fault_it_is() {
        let of = |class: ErrorClass| ProviderError::new(class, "no").failure("demo").fault_of;
        assert_eq!(of(ErrorClass::Rejected), FaultOf::Request);
        assert_eq!(of(ErrorClass::RateLimited), FaultOf::Model);
        assert_eq!(of(ErrorClass::TimedOut(TimeoutPhase::Connect)), FaultOf::Provider);
        let rejected =
            |class: &ErrorClass| class.fault_of() == FaultOf::Model && class.code() == FailureCode::ProviderRejected;
        let only: Vec<ErrorClass> = ErrorClass::ALL.into_iter().filter(rejected).collect();
        assert_eq!(only, [ErrorClass::ModelNotFound], "the breaker knows a missing model by this pair");
    }

    #[test]
    fn every_class_has_its_own_sentence_for_the_user() {
        let mut sentences: Vec<String> = ErrorClass::ALL.iter().map(|class| class.sentence("demo")).collect();
        assert!(sentences.iter().all(|text| text.contains("demo") && text.ends_with('.')));
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), ErrorClass::ALL.len());
    }

    #[test]
    fn a_key_that_straddles_the_limit_is_masked_before_the_cut() {
        let key = Secret::new("k1-abcdefghijklmnop");
        let raw = format!("{}{}", "x".repeat(RAW_BYTES_MAX - 8), key.expose());
        let error = ProviderError::new(ErrorClass::Unauthorized, "no").with_raw(raw).masked(Some(&key));
        let raw = error.raw.unwrap();
        assert!(!raw.contains("k1-") && raw.len() <= RAW_BYTES_MAX);
    }

    #[test]
    fn the_user_reads_a_sentence_and_the_operator_the_providers_words() {
        let mut error = ProviderError::new(ErrorClass::Quota, "You exceeded your current quota").with_raw("{...}");
        error.provider_code = Some("insufficient_quota".into());
        let failure = error.failure("openai");
        assert_eq!(failure.message, "The account at openai has no balance or quota left.");
        let detail = failure.detail.unwrap();
        assert_eq!(detail, "openai: You exceeded your current quota [insufficient_quota] | raw answer: {...}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
