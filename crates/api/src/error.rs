//! The public codes: every reason this program gives for saying no, in one list. A code is a plain word that is stable
//! for ever and has a page `docs/errors/<code>.md`; the same words stand in problem answers and in `generation.error`.
//! How a problem is written is `problem.rs`.

use crate::extract::fields::near;
use copydesk_core::access::Denied;
use copydesk_core::generation::FailureCode;
use copydesk_core::refusal::Refusal;

/// Each code once: its word, the HTTP status, the title, and whether the same request may succeed unchanged. Its page is
/// `docs/errors/<word>.md`.
macro_rules! codes {
    ($($name:ident => $word:literal, $status:literal, $title:literal, $retryable:literal;)+) => {
        /// A public code.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Code { $($name,)+ }

        impl Code {
            const ALL: &[Code] = &[$(Self::$name,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$name => Facts { status: $status, title: $title, retryable: $retryable },)+
                }
            }
            /// What happened, what to do, whether anything was charged: Markdown, compiled in.
            pub const fn page(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../../../docs/errors/", $word, ".md")),)+ }
            }
        }
    };
}

#[rustfmt::skip]
codes! {
    MalformedJson => "malformed_json", 400, "The body is not JSON", false;
    BadHeader => "bad_header", 400, "A header cannot be read", false;
    BadCursor => "bad_cursor", 400, "The position is not one of ours", false;
    KeyInQuery => "key_in_query", 400, "The key is in the address", false;
    MissingKey => "missing_key", 401, "No key", false;
    InvalidKey => "invalid_key", 401, "The key is not valid", false;
    ExpiredKey => "expired_key", 401, "The key has expired", false;
    RevokedKey => "revoked_key", 401, "The key was revoked", false;
    SignInFailed => "sign_in_failed", 401, "Not signed in", false;
    SessionEnded => "session_ended", 401, "No longer signed in", false;
    InsufficientCredits => "insufficient_credits", 402, "Not enough credits", false;
    BudgetExceeded => "budget_exceeded", 402, "The budget is used up", false;
    MaxCostReached => "max_cost_reached", 402, "It would cost more than it may", false;
    JobCapReached => "job_cap_reached", 402, "The job's cap is reached", false;
    ScopeMissing => "scope_missing", 403, "This key may not do that", false;
    RecipeNotAllowed => "recipe_not_allowed", 403, "This key may not use that recipe", false;
    ModelNotAllowed => "model_not_allowed", 403, "This key may not use that model", false;
    OriginRefused => "origin_refused", 403, "Not for pages of other sites", false;
    CsrfFailed => "csrf_failed", 403, "Not from a page of ours", false;
    NotFound => "not_found", 404, "Not found", false;
    RecipeNotFound => "recipe_not_found", 404, "No such recipe", false;
    ModelNotFound => "model_not_found", 404, "No such model", false;
    MethodNotAllowed => "method_not_allowed", 405, "Not with this method", false;
    AlreadyTerminal => "already_terminal", 409, "It has ended already", false;
    DeadlineNotLater => "deadline_not_later", 409, "The deadline only moves later", false;
    NotClaimable => "not_claimable", 409, "It cannot be claimed", false;
    GenerationPaused => "generation_paused", 409, "Generation is switched off", false;
    AuditRunning => "audit_running", 409, "An audit is running", true;
    DraftPublished => "draft_published", 409, "The draft is published", false;
    DraftBusy => "draft_busy", 409, "The draft is being written", false;
    DraftEmpty => "draft_empty", 409, "The draft is empty", false;
    AmountTooLarge => "amount_too_large", 409, "The amount is too large", false;
    AmountZero => "amount_zero", 422, "The amount is zero", false;
    ReferenceReused => "reference_reused", 409, "The reference was used for something else", false;
    CreditsOff => "credits_off", 409, "Credits are switched off", false;
    MailNotSetUp => "mail_not_set_up", 409, "No mail can be sent here", false;
    LastKey => "last_key", 409, "The last key cannot be given up", false;
    KeyEnded => "key_ended", 409, "The key has ended", false;
    LastOwner => "last_owner", 409, "The last owner stays one", false;
    LoginExists => "login_exists", 409, "Somebody signs in with it already", false;
    NoLogin => "no_login", 409, "This user does not sign in", false;
    LinkSpent => "link_spent", 410, "The link opens nothing", false;
    Replaced => "replaced", 410, "Another draft took its place", false;
    Expired => "expired", 410, "It has expired", false;
    FilesFull => "files_full", 422, "There is no room for the file", false;
    SchedulesFull => "schedules_full", 422, "The workspace has too many schedules", false;
    DraftExists => "draft_exists", 409, "There is a draft already", false;
    ProspectExists => "prospect_exists", 409, "The prospect is there already", false;
    KeyMade => "key_made", 409, "The key was made already", false;
    WebhookMade => "webhook_made", 409, "The webhook was made already", false;
    OldSecretCounts => "old_secret_counts", 409, "The secret before still counts", false;
    UnpricedModel => "unpriced_model_with_metered_price", 422, "The model has no price", false;
    UnpricedModelWithBudget => "unpriced_model_with_budget", 422, "A budget cannot bound the model's cost", false;
    UsageTooLarge => "usage_too_large", 422, "The answer would be too large", false;
    VersionConflict => "version_conflict", 412, "Somebody else changed it", false;
    RequestTimeout => "request_timeout", 408, "The body came too slowly", true;
    TooLarge => "too_large", 413, "The body is too large", false;
    UriTooLong => "uri_too_long", 414, "The address is too long", false;
    UnsupportedMediaType => "unsupported_media_type", 415, "The body is not declared as JSON", false;
    ValidationFailed => "validation_failed", 422, "The request is not valid", false;
    NaiveTimestamp => "naive_timestamp", 422, "A time has no offset from UTC", false;
    UnknownHost => "unknown_host", 421, "This is not a name of this server", false;
    IdempotencyKeyReused => "idempotency_key_reused", 422, "The idempotency key was used for another request", false;
    IfMatchRequired => "if_match_required", 428, "The revision is missing", false;
    HeadersTooLarge => "headers_too_large", 431, "The headers are too large", false;
    QueueFull => "queue_full", 429, "The queue is full", true;
    RangeNotSatisfiable => "range_not_satisfiable", 416, "The part lies behind the end", false;
    RateLimited => "rate_limited", 429, "Too many at once", true;
    Internal => "internal", 500, "Something inside Copydesk broke", false;
    SchemaMismatch => "schema_mismatch", 503, "The database does not fit this program", false;
    StorageUnavailable => "storage_unavailable", 503, "The database is not available", true;
    OutcomeUnknown => "outcome_unknown", 503, "Unknown whether it was written", false;
    SecretKeyMissing => "secret_key_missing", 503, "The server cannot keep a secret", false;
    Draining => "draining", 503, "The server is shutting down", true;
    TooManyConnections => "too_many_connections", 503, "Too many connections", true;
    StorageFull => "storage_full", 507, "The disk is full", false;
    ProviderUnreachable => "provider_unreachable", 502, "The provider cannot be reached", true;
    ProviderError => "provider_error", 502, "The provider reported an error", true;
    ProviderQuota => "provider_quota", 502, "The provider's quota is used up", false;
    ProviderTimeout => "provider_timeout", 504, "The provider did not answer in time", true;
    ProviderBadResponse => "provider_bad_response", 502, "The provider's answer cannot be read", true;
    ProviderAuth => "provider_auth", 502, "The provider refused our key", false;
    ProviderRejected => "provider_rejected", 502, "The provider refused the request", false;
    Refused => "refused", 422, "The model refused to write this", false;
    OutputTruncated => "output_truncated", 502, "The answer was cut off", true;
    OutputInvalid => "output_invalid", 502, "The answer has the wrong form", true;
    AttemptTimeout => "attempt_timeout", 504, "The attempt took too long", true;
    SubmissionUnknown => "submission_unknown", 502, "It is unknown whether the provider began", false;
    LeaseLost => "lease_lost", 503, "The worker was lost", true;
    DeadlineExceeded => "deadline_exceeded", 504, "The deadline passed", false;
}

/// What is the same in every problem of a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// HTTP status; for codes that only appear inside `generation.error`, the nearest one.
    pub status: u16,
    pub title: &'static str,
    /// Whether the same request may succeed when it is sent again unchanged.
    pub retryable: bool,
}

/// Every public code: the one list. Pages and OpenAPI are checked against it.
pub fn codes() -> &'static [Code] {
    Code::ALL
}

/// The codes that a word which is none may mean: misspelt by a letter, or a part of them.
pub fn near_codes(word: &str) -> Vec<Code> {
    let words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let typo = near(word, &words);
    let part = |code: &&Code| word.len() > 2 && code.as_str().contains(word);
    match typo.and_then(Code::parse) {
        Some(code) => vec![code],
        None => Code::ALL.iter().filter(part).copied().collect(),
    }
}

impl Code {
    /// The code that is written so.
    pub fn parse(word: &str) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl From<FailureCode> for Code {
    fn from(code: FailureCode) -> Code {
        match code {
            FailureCode::ProviderUnreachable => Code::ProviderUnreachable,
            FailureCode::ProviderError => Code::ProviderError,
            FailureCode::RateLimited => Code::RateLimited,
            FailureCode::ProviderQuota => Code::ProviderQuota,
            FailureCode::ProviderTimeout => Code::ProviderTimeout,
            FailureCode::ProviderBadResponse => Code::ProviderBadResponse,
            FailureCode::ProviderAuth => Code::ProviderAuth,
            FailureCode::ProviderRejected => Code::ProviderRejected,
            FailureCode::Refused => Code::Refused,
            FailureCode::OutputTruncated => Code::OutputTruncated,
            FailureCode::OutputInvalid => Code::OutputInvalid,
            FailureCode::AttemptTimeout => Code::AttemptTimeout,
            FailureCode::SubmissionUnknown => Code::SubmissionUnknown,
            FailureCode::LeaseLost => Code::LeaseLost,
            FailureCode::DeadlineExceeded => Code::DeadlineExceeded,
            FailureCode::MaxCostReached => Code::MaxCostReached,
            FailureCode::Internal => Code::Internal,
        }
    }
}

impl From<&Denied> for Code {
    fn from(denied: &Denied) -> Code {
        match denied {
            Denied::Scope { .. } | Denied::Beyond { .. } => Code::ScopeMissing,
            Denied::Recipe { .. } => Code::RecipeNotAllowed,
            Denied::Model { .. } | Denied::TestModel { .. } => Code::ModelNotAllowed,
        }
    }
}

impl From<&Refusal> for Code {
    fn from(refusal: &Refusal) -> Code {
        match refusal {
            Refusal::AlreadyTerminal { .. } => Code::AlreadyTerminal,
            Refusal::DeadlineNotLater { .. } => Code::DeadlineNotLater,
            Refusal::NotClaimable { .. } => Code::NotClaimable,
            Refusal::InsufficientCredits { .. } => Code::InsufficientCredits,
            Refusal::BudgetExceeded(_) => Code::BudgetExceeded,
            Refusal::UnpricedModelWithBudget { .. } => Code::UnpricedModelWithBudget,
            Refusal::GenerationPaused { .. } => Code::GenerationPaused,
            Refusal::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Refusal::QueueFull { .. } => Code::QueueFull,
            Refusal::DraftNotFound => Code::NotFound,
            Refusal::DraftPublished => Code::DraftPublished,
            Refusal::DraftBusy => Code::DraftBusy,
            Refusal::DraftEmpty => Code::DraftEmpty,
            Refusal::VersionConflict { .. } => Code::VersionConflict,
            Refusal::AmountTooLarge => Code::AmountTooLarge,
            Refusal::AmountZero => Code::AmountZero,
            Refusal::ReferenceReused(_) => Code::ReferenceReused,
            Refusal::UsageTooLarge { .. } => Code::UsageTooLarge,
            Refusal::LastKey => Code::LastKey,
            Refusal::KeyEnded { .. } => Code::KeyEnded,
            Refusal::KeyMade { .. } => Code::KeyMade,
            Refusal::WebhookMade { .. } => Code::WebhookMade,
            Refusal::OldSecretCounts { .. } => Code::OldSecretCounts,
            Refusal::LastOwner => Code::LastOwner,
            Refusal::LoginExists => Code::LoginExists,
            Refusal::NoLogin => Code::NoLogin,
            Refusal::LinkSpent => Code::LinkSpent,
            Refusal::JobCapReached { .. } => Code::JobCapReached,
            Refusal::FilesFull(_) => Code::FilesFull,
            Refusal::SchedulesFull { .. } => Code::SchedulesFull,
            Refusal::DraftExists { .. } => Code::DraftExists,
            Refusal::ProspectExists { .. } => Code::ProspectExists,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_and_api_use_the_same_words() {
        for code in FailureCode::ALL {
            assert_eq!(Code::from(code).as_str(), code.as_str());
            assert_eq!(Code::parse(code.as_str()), Some(code.into()));
        }
        for refusal in [
            Refusal::LastKey,
            Refusal::LastOwner,
            Refusal::LoginExists,
            Refusal::NoLogin,
            Refusal::LinkSpent,
            Refusal::KeyEnded { how: "" },
            Refusal::DraftNotFound,
            Refusal::AmountZero,
            Refusal::DraftBusy,
            Refusal::QueueFull { waiting: 1 },
        ] {
            assert_eq!(Code::from(&refusal).as_str(), refusal.code());
        }
    }

    #[test]
    fn no_word_stands_for_two_codes() {
        for code in codes() {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
    }
}
