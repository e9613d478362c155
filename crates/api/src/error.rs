//! The public codes: every reason this program gives for saying no, in one list. A code is a plain word that is stable
//! for ever and has a page `docs/errors/<code>.md`; the same words stand in problem answers and in `generation.error`.
//! How a problem is written is `problem.rs`; which error becomes which code is `problem.rs`, too.

use crate::extract::fields::near;
use copydesk_core::access::Denied;
use copydesk_core::generation::FailureCode;
use copydesk_core::refusal::Refusal;

/// A public code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Code {
    MalformedJson,
    BadHeader,
    BadCursor,
    KeyInQuery,
    MissingKey,
    InvalidKey,
    ExpiredKey,
    RevokedKey,
    InsufficientCredits,
    BudgetExceeded,
    ScopeMissing,
    RecipeNotAllowed,
    ModelNotAllowed,
    OriginRefused,
    NotFound,
    RecipeNotFound,
    ModelNotFound,
    MethodNotAllowed,
    AlreadyTerminal,
    NotClaimable,
    GenerationPaused,
    AuditRunning,
    DraftPublished,
    DraftBusy,
    DraftEmpty,
    AmountTooLarge,
    AmountZero,
    ReferenceReused,
    CreditsOff,
    LastKey,
    KeyEnded,
    KeyMade,
    UnpricedModel,
    UnpricedModelWithBudget,
    UsageTooLarge,
    VersionConflict,
    RequestTimeout,
    TooLarge,
    UriTooLong,
    UnsupportedMediaType,
    ValidationFailed,
    NaiveTimestamp,
    UnknownHost,
    IdempotencyKeyReused,
    IfMatchRequired,
    HeadersTooLarge,
    QueueFull,
    RangeNotSatisfiable,
    RateLimited,
    Internal,
    SchemaMismatch,
    StorageUnavailable,
    OutcomeUnknown,
    Draining,
    TooManyConnections,
    StorageFull,
    ProviderUnreachable,
    ProviderError,
    ProviderQuota,
    ProviderTimeout,
    ProviderBadResponse,
    ProviderAuth,
    ProviderRejected,
    Refused,
    OutputTruncated,
    OutputInvalid,
    AttemptTimeout,
    SubmissionUnknown,
    LeaseLost,
    DeadlineExceeded,
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
    &Code::ALL
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
    const ALL: [Code; 70] = [
        Self::MalformedJson,
        Self::BadHeader,
        Self::BadCursor,
        Self::KeyInQuery,
        Self::MissingKey,
        Self::InvalidKey,
        Self::ExpiredKey,
        Self::RevokedKey,
        Self::InsufficientCredits,
        Self::BudgetExceeded,
        Self::ScopeMissing,
        Self::RecipeNotAllowed,
        Self::ModelNotAllowed,
        Self::OriginRefused,
        Self::NotFound,
        Self::RecipeNotFound,
        Self::ModelNotFound,
        Self::MethodNotAllowed,
        Self::AlreadyTerminal,
        Self::NotClaimable,
        Self::GenerationPaused,
        Self::AuditRunning,
        Self::DraftPublished,
        Self::DraftBusy,
        Self::DraftEmpty,
        Self::AmountTooLarge,
        Self::AmountZero,
        Self::ReferenceReused,
        Self::CreditsOff,
        Self::LastKey,
        Self::KeyEnded,
        Self::KeyMade,
        Self::UnpricedModel,
        Self::UnpricedModelWithBudget,
        Self::UsageTooLarge,
        Self::VersionConflict,
        Self::RequestTimeout,
        Self::TooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::NaiveTimestamp,
        Self::UnknownHost,
        Self::IdempotencyKeyReused,
        Self::IfMatchRequired,
        Self::HeadersTooLarge,
        Self::QueueFull,
        Self::RangeNotSatisfiable,
        Self::RateLimited,
        Self::Internal,
        Self::SchemaMismatch,
        Self::StorageUnavailable,
        Self::OutcomeUnknown,
        Self::Draining,
        Self::TooManyConnections,
        Self::StorageFull,
        Self::ProviderUnreachable,
        Self::ProviderError,
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
    ];

    #[rustfmt::skip]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::BadHeader => "bad_header",
            Self::BadCursor => "bad_cursor",
            Self::KeyInQuery => "key_in_query",
            Self::MissingKey => "missing_key",
            Self::InvalidKey => "invalid_key",
            Self::ExpiredKey => "expired_key",
            Self::RevokedKey => "revoked_key",
            Self::InsufficientCredits => "insufficient_credits",
            Self::BudgetExceeded => "budget_exceeded",
            Self::ScopeMissing => "scope_missing",
            Self::RecipeNotAllowed => "recipe_not_allowed",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::OriginRefused => "origin_refused",
            Self::NotFound => "not_found",
            Self::RecipeNotFound => "recipe_not_found",
            Self::ModelNotFound => "model_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AlreadyTerminal => "already_terminal",
            Self::NotClaimable => "not_claimable",
            Self::GenerationPaused => "generation_paused",
            Self::AuditRunning => "audit_running",
            Self::DraftPublished => "draft_published",
            Self::DraftBusy => "draft_busy",
            Self::DraftEmpty => "draft_empty",
            Self::AmountTooLarge => "amount_too_large",
            Self::AmountZero => "amount_zero",
            Self::ReferenceReused => "reference_reused",
            Self::CreditsOff => "credits_off",
            Self::LastKey => "last_key",
            Self::KeyEnded => "key_ended",
            Self::KeyMade => "key_made",
            Self::UnpricedModel => "unpriced_model_with_metered_price",
            Self::UnpricedModelWithBudget => "unpriced_model_with_budget",
            Self::UsageTooLarge => "usage_too_large",
            Self::VersionConflict => "version_conflict",
            Self::RequestTimeout => "request_timeout",
            Self::TooLarge => "too_large",
            Self::UriTooLong => "uri_too_long",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::ValidationFailed => "validation_failed",
            Self::NaiveTimestamp => "naive_timestamp",
            Self::UnknownHost => "unknown_host",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::IfMatchRequired => "if_match_required",
            Self::HeadersTooLarge => "headers_too_large",
            Self::QueueFull => "queue_full",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::SchemaMismatch => "schema_mismatch",
            Self::StorageUnavailable => "storage_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Draining => "draining",
            Self::TooManyConnections => "too_many_connections",
            Self::StorageFull => "storage_full",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::ProviderError => "provider_error",
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
        }
    }

    /// The code that is written so.
    pub fn parse(word: &str) -> Option<Code> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    #[rustfmt::skip]
    pub const fn facts(self) -> Facts {
        const fn facts(status: u16, title: &'static str, retryable: bool) -> Facts {
            Facts { status, title, retryable }
        }
        match self {
            Self::MalformedJson => facts(400, "The body is not JSON", false),
            Self::BadHeader => facts(400, "A header cannot be read", false),
            Self::BadCursor => facts(400, "The position is not one of ours", false),
            Self::KeyInQuery => facts(400, "The key is in the address", false),
            Self::MissingKey => facts(401, "No key", false),
            Self::InvalidKey => facts(401, "The key is not valid", false),
            Self::ExpiredKey => facts(401, "The key has expired", false),
            Self::RevokedKey => facts(401, "The key was revoked", false),
            Self::InsufficientCredits => facts(402, "Not enough credits", false),
            Self::BudgetExceeded => facts(402, "The budget is used up", false),
            Self::ScopeMissing => facts(403, "This key may not do that", false),
            Self::RecipeNotAllowed => facts(403, "This key may not use that recipe", false),
            Self::ModelNotAllowed => facts(403, "This key may not use that model", false),
            Self::OriginRefused => facts(403, "Not for pages of other sites", false),
            Self::NotFound => facts(404, "Not found", false),
            Self::RecipeNotFound => facts(404, "No such recipe", false),
            Self::ModelNotFound => facts(404, "No such model", false),
            Self::MethodNotAllowed => facts(405, "Not with this method", false),
            Self::AlreadyTerminal => facts(409, "It has ended already", false),
            Self::NotClaimable => facts(409, "It cannot be claimed", false),
            Self::GenerationPaused => facts(409, "Generation is switched off", false),
            Self::AuditRunning => facts(409, "An audit is running", true),
            Self::DraftPublished => facts(409, "The draft is published", false),
            Self::DraftBusy => facts(409, "The draft is being written", false),
            Self::DraftEmpty => facts(409, "The draft is empty", false),
            Self::AmountTooLarge => facts(409, "The amount is too large", false),
            Self::AmountZero => facts(422, "The amount is zero", false),
            Self::ReferenceReused => facts(409, "The reference was used for something else", false),
            Self::CreditsOff => facts(409, "Credits are switched off", false),
            Self::LastKey => facts(409, "The last key cannot be given up", false),
            Self::KeyEnded => facts(409, "The key has ended", false),
            Self::KeyMade => facts(409, "The key was made already", false),
            Self::UnpricedModel => facts(422, "The model has no price", false),
            Self::UnpricedModelWithBudget => facts(422, "A budget cannot bound the model's cost", false),
            Self::UsageTooLarge => facts(422, "The answer would be too large", false),
            Self::VersionConflict => facts(412, "Somebody else changed it", false),
            Self::RequestTimeout => facts(408, "The body came too slowly", true),
            Self::TooLarge => facts(413, "The body is too large", false),
            Self::UriTooLong => facts(414, "The address is too long", false),
            Self::UnsupportedMediaType => facts(415, "The body is not declared as JSON", false),
            Self::ValidationFailed => facts(422, "The request is not valid", false),
            Self::NaiveTimestamp => facts(422, "A time has no offset from UTC", false),
            Self::UnknownHost => facts(421, "This is not a name of this server", false),
            Self::IdempotencyKeyReused => facts(422, "The idempotency key was used for another request", false),
            Self::IfMatchRequired => facts(428, "The revision is missing", false),
            Self::HeadersTooLarge => facts(431, "The headers are too large", false),
            Self::QueueFull => facts(429, "The queue is full", true),
            Self::RangeNotSatisfiable => facts(416, "The part lies behind the end", false),
            Self::RateLimited => facts(429, "Too many at once", true),
            Self::Internal => facts(500, "Something inside Copydesk broke", false),
            Self::SchemaMismatch => facts(503, "The database does not fit this program", false),
            Self::StorageUnavailable => facts(503, "The database is not available", true),
            Self::OutcomeUnknown => facts(503, "Unknown whether it was written", false),
            Self::Draining => facts(503, "The server is shutting down", true),
            Self::TooManyConnections => facts(503, "Too many connections", true),
            Self::StorageFull => facts(507, "The disk is full", false),
            Self::ProviderUnreachable => facts(502, "The provider cannot be reached", true),
            Self::ProviderError => facts(502, "The provider reported an error", true),
            Self::ProviderQuota => facts(502, "The provider's quota is used up", false),
            Self::ProviderTimeout => facts(504, "The provider did not answer in time", true),
            Self::ProviderBadResponse => facts(502, "The provider's answer cannot be read", true),
            Self::ProviderAuth => facts(502, "The provider refused our key", false),
            Self::ProviderRejected => facts(502, "The provider refused the request", false),
            Self::Refused => facts(422, "The model refused to write this", false),
            Self::OutputTruncated => facts(502, "The answer was cut off", true),
            Self::OutputInvalid => facts(502, "The answer has the wrong form", true),
            Self::AttemptTimeout => facts(504, "The attempt took too long", true),
            Self::SubmissionUnknown => facts(502, "It is unknown whether the provider began", false),
            Self::LeaseLost => facts(503, "The worker was lost", true),
            Self::DeadlineExceeded => facts(504, "The deadline passed", false),
        }
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
