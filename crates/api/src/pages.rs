//! The page of every code, compiled in: what happened, what to do, whether anything was charged.

use crate::error::Code;

/// The page in Markdown.
#[rustfmt::skip]
pub fn page(code: Code) -> &'static str {
    macro_rules! md {
        ($word:literal) => { include_str!(concat!("../../../docs/errors/", $word, ".md")) };
    }
    match code {
        Code::MalformedJson => md!("malformed_json"),
        Code::BadHeader => md!("bad_header"),
        Code::BadCursor => md!("bad_cursor"),
        Code::KeyInQuery => md!("key_in_query"),
        Code::MissingKey => md!("missing_key"),
        Code::InvalidKey => md!("invalid_key"),
        Code::ExpiredKey => md!("expired_key"),
        Code::RevokedKey => md!("revoked_key"),
        Code::InsufficientCredits => md!("insufficient_credits"),
        Code::BudgetExceeded => md!("budget_exceeded"),
        Code::UnpricedModelWithBudget => md!("unpriced_model_with_budget"),
        Code::ScopeMissing => md!("scope_missing"),
        Code::RecipeNotAllowed => md!("recipe_not_allowed"),
        Code::ModelNotAllowed => md!("model_not_allowed"),
        Code::OriginRefused => md!("origin_refused"),
        Code::NotFound => md!("not_found"),
        Code::RecipeNotFound => md!("recipe_not_found"),
        Code::ModelNotFound => md!("model_not_found"),
        Code::MethodNotAllowed => md!("method_not_allowed"),
        Code::AlreadyTerminal => md!("already_terminal"),
        Code::NotClaimable => md!("not_claimable"),
        Code::GenerationPaused => md!("generation_paused"),
        Code::AuditRunning => md!("audit_running"),
        Code::DraftPublished => md!("draft_published"),
        Code::DraftBusy => md!("draft_busy"),
        Code::DraftEmpty => md!("draft_empty"),
        Code::AmountTooLarge => md!("amount_too_large"),
        Code::AmountZero => md!("amount_zero"),
        Code::ReferenceReused => md!("reference_reused"),
        Code::CreditsOff => md!("credits_off"),
        Code::LastKey => md!("last_key"),
        Code::KeyEnded => md!("key_ended"),
        Code::KeyMade => md!("key_made"),
        Code::UnpricedModel => md!("unpriced_model_with_metered_price"),
        Code::UsageTooLarge => md!("usage_too_large"),
        Code::VersionConflict => md!("version_conflict"),
        Code::RequestTimeout => md!("request_timeout"),
        Code::TooLarge => md!("too_large"),
        Code::UriTooLong => md!("uri_too_long"),
        Code::UnsupportedMediaType => md!("unsupported_media_type"),
        Code::ValidationFailed => md!("validation_failed"),
        Code::NaiveTimestamp => md!("naive_timestamp"),
        Code::UnknownHost => md!("unknown_host"),
        Code::IdempotencyKeyReused => md!("idempotency_key_reused"),
        Code::IfMatchRequired => md!("if_match_required"),
        Code::HeadersTooLarge => md!("headers_too_large"),
        Code::QueueFull => md!("queue_full"),
        Code::RangeNotSatisfiable => md!("range_not_satisfiable"),
        Code::RateLimited => md!("rate_limited"),
        Code::Internal => md!("internal"),
        Code::SchemaMismatch => md!("schema_mismatch"),
        Code::StorageUnavailable => md!("storage_unavailable"),
        Code::OutcomeUnknown => md!("outcome_unknown"),
        Code::Draining => md!("draining"),
        Code::TooManyConnections => md!("too_many_connections"),
        Code::StorageFull => md!("storage_full"),
        Code::ProviderUnreachable => md!("provider_unreachable"),
        Code::ProviderError => md!("provider_error"),
        Code::ProviderQuota => md!("provider_quota"),
        Code::ProviderTimeout => md!("provider_timeout"),
        Code::ProviderBadResponse => md!("provider_bad_response"),
        Code::ProviderAuth => md!("provider_auth"),
        Code::ProviderRejected => md!("provider_rejected"),
        Code::Refused => md!("refused"),
        Code::OutputTruncated => md!("output_truncated"),
        Code::OutputInvalid => md!("output_invalid"),
        Code::AttemptTimeout => md!("attempt_timeout"),
        Code::SubmissionUnknown => md!("submission_unknown"),
        Code::LeaseLost => md!("lease_lost"),
        Code::DeadlineExceeded => md!("deadline_exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn codes_and_pages_pair_up() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages: BTreeSet<String> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let words: BTreeSet<String> = codes().iter().map(|code| code.as_str().to_owned()).collect();
        assert_eq!(pages, words);
    }

    #[test]
    fn every_page_is_its_codes_own_and_says_what_was_charged() {
        for code in codes() {
            let text = page(*code);
            assert!(text.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
            assert!(text.starts_with("# "), "{}", code.as_str());
            for heading in ["## What happened", "## What to do", "## Is anything charged?"] {
                assert!(text.contains(heading), "{}: {heading}", code.as_str());
            }
        }
    }
}
