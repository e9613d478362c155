//! OpenRouter's dialect of the chat format: its errors, whose class stands in several places, and its cost. Pure
//! functions; they never send or wait. What is like every other provider of the format is in `openai_wire.rs`.
//!
//! Source: OpenRouter's documentation, "Errors and Debugging", "Limits", "Usage Accounting" and its OpenAPI description
//! (August to November 2026); `reference/providers.md`, 1.2 and 1.3.

use std::time::Duration;

use copydesk_core::NanoUsd;
use serde_json::Value;

use crate::error::{ErrorClass, ProviderError, RETRY_AFTER_MAX};
use crate::error_text::{ErrorText, class_of_word, describe};
use crate::exchange::{Dialect, Piece, WireRequest};
use crate::openai_wire::{OpenAiChat, nano_usd, number_at};
use crate::provider::{CallRequest, DeltaSink};
use crate::strict_schema::make_strict_where_allowed;
use crate::transcript::Transcript;

/// The chat format with OpenRouter's own words. `stream_options` stays in the request: OpenRouter ignores it and always
/// reports the usage, but a proxy that stands in its place may not.
#[derive(Clone, Debug)]
pub(crate) struct OpenRouterChat(pub OpenAiChat);

impl Dialect for OpenRouterChat {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        let mut wire = self.0.request(request)?;
        make_strict_where_allowed(&mut wire.body);
        Ok(wire)
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        self.0.absorb(piece, transcript, sink);
        if piece.body.get("usage").is_some_and(Value::is_object) {
            transcript.usage.provider_cost = cost_in(piece.body);
        }
        transcript.error = transcript.error.take().map(|found| refine(found, error_object(piece.body)));
    }

    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        explain(body, raw)
    }

    fn id_headers(&self) -> &'static [&'static str] {
        &["x-generation-id", "x-request-id"]
    }
}

/// The cost of an answer whose body has a usage object. `cost` is what OpenRouter takes from our account; with a key of
/// our own at the upstream provider (`is_byok`) that is its fee only, and the upstream's bill comes on top. Without the
/// upstream's figure the sum is not known, and so not reported.
///
/// Rounding: up, once, after the sum.
pub(crate) fn cost_in(body: &Value) -> Option<NanoUsd> {
    let usage = body.get("usage")?;
    let fee = number_at(usage, "/cost")?;
    if usage.get("is_byok").and_then(Value::as_bool) != Some(true) {
        return nano_usd(&[&fee]);
    }
    let upstream = number_at(usage, "/cost_details/upstream_inference_cost")?;
    nano_usd(&[&fee, &upstream])
}

/// The error in a body that is known to be one.
pub(crate) fn explain(body: &Value, raw: &str) -> ErrorText {
    refine(describe(body, raw), error_object(body))
}

/// Where the error stands: in the choice it ended, or at the top.
fn error_object(body: &Value) -> &Value {
    let at = |pointer: &str| body.pointer(pointer).filter(|error| error.is_object());
    at("/choices/0/error").or_else(|| at("/error")).unwrap_or(&Value::Null)
}

/// Adds what OpenRouter says beyond a code and a message.
pub(crate) fn refine(mut found: ErrorText, error: &Value) -> ErrorText {
    let status = error.get("http_status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    found.status = found.status.or(status);
    found.class = found.class.or_else(|| class_of(&found, error));
    let wait = error.pointer("/availability/retry_after").and_then(Value::as_f64);
    let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(|wait| wait.min(RETRY_AFTER_MAX));
    found.retry_after = found.retry_after.or(wait);
    if let Some(words) = further_words(error) {
        found.message = if found.message.is_empty() { words } else { format!("{}: {words}", found.message) };
    }
    found
}

/// Why the input was flagged, or the upstream's own words where they are an object and not a text.
fn further_words(error: &Value) -> Option<String> {
    let reasons = error.pointer("/metadata/reasons").and_then(Value::as_array);
    let reasons: Vec<&str> = reasons.into_iter().flatten().filter_map(Value::as_str).collect();
    if !reasons.is_empty() {
        return Some(reasons.join(", "));
    }
    let raw = error.pointer("/metadata/raw").filter(|raw| raw.is_object())?;
    let message = ["/error/message", "/message", "/error"].iter().find_map(|at| raw.pointer(at)?.as_str());
    Some(message.map_or_else(|| raw.to_string(), str::to_owned))
}

/// The class, from the most certain sign to the least. `None` leaves it to the shared words and the status.
fn class_of(found: &ErrorText, error: &Value) -> Option<ErrorClass> {
    let metadata = error.get("metadata").unwrap_or(&Value::Null);
    let text_at = |pointer: &str| error.pointer(pointer).and_then(Value::as_str);
    match text_at("/metadata/limit_source") {
        // It frees itself when running requests end. The status rule asks for the `Retry-After` that comes with it.
        Some("openrouter_in_flight_budget") if text_at("/metadata/reason") != Some("weight_exceeds_budget") => {
            return None;
        }
        Some(_) => return Some(ErrorClass::Quota),
        None => {}
    }
    let has_some = |name: &str| metadata.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if has_some("reasons") || has_some("patterns") {
        return Some(ErrorClass::Refused);
    }
    let by_type = || found.words.iter().find_map(|word| class_of_type(word));
    class_of_availability(error).or_else(by_type).or_else(|| class_of_prohibition(found))
}

/// 402 and 403 where no word says more. Only 401 speaks of the key: with 403 it is good, and what was asked for is not
/// allowed to it.
fn class_of_prohibition(found: &ErrorText) -> Option<ErrorClass> {
    let denied = found.words.iter().any(|word| word == "permission_denied");
    if !denied && found.words.iter().any(|word| class_of_word(word).is_some()) {
        return None;
    }
    match found.status {
        Some(402) => Some(ErrorClass::Quota),
        Some(403) => Some(class_of_forbidden(&found.message)),
        Some(_) | None => denied.then(|| class_of_forbidden(&found.message)),
    }
}

/// Why no provider could be found for the model.
fn class_of_availability(error: &Value) -> Option<ErrorClass> {
    let class = match error.pointer("/availability/code")?.as_str()? {
        "capacity_exhausted" => ErrorClass::RateLimited,
        "temporarily_unavailable" => ErrorClass::Overloaded,
        // The router marks single cases as passing.
        _ if error.pointer("/availability/retryable") == Some(&Value::Bool(true)) => ErrorClass::Overloaded,
        "model_not_found"
        | "no_endpoints"
        | "model_deprecated"
        | "model_unavailable_upstream"
        | "free_variant_ended" => ErrorClass::ModelNotFound,
        "region_restricted" | "privacy_restricted" | "constraint_filtered" | "wrong_endpoint" => ErrorClass::Rejected,
        _ => return None,
    };
    Some(class)
}

/// The words of `error_type` that mean here what they do not mean everywhere.
fn class_of_type(word: &str) -> Option<ErrorClass> {
    let class = match word {
        "payment_required" | "token_limit_exceeded" => ErrorClass::Quota,
        "payload_too_large" | "image_too_large" => ErrorClass::TooLarge,
        "not_found" => ErrorClass::ModelNotFound,
        "invalid_request"
        | "invalid_prompt"
        | "unprocessable"
        | "precondition_failed"
        | "invalid_image"
        | "image_too_small"
        | "unsupported_image_format"
        | "image_not_found"
        | "image_download_failed" => ErrorClass::Rejected,
        _ => return None,
    };
    Some(class)
}

/// A spent budget of a guardrail, a workspace or the key, said in words only by older bodies; or a plain prohibition.
fn class_of_forbidden(message: &str) -> ErrorClass {
    let message = message.to_ascii_lowercase();
    if message.contains("limit exceeded") || message.contains("budget") {
        ErrorClass::Quota
    } else {
        ErrorClass::Rejected
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::error_text::into_error;

    fn class_with(status: u16, headers: &[(&'static str, &'static str)], error: Value) -> ErrorClass {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        into_error(status, explain(&json!({"error": error}), ""), &headers, "").class
    }

    fn class(status: u16, error: Value) -> ErrorClass {
        class_with(status, &[], error)
    }

    #[test]
    fn every_error_type_has_the_class_the_documentation_gives_it() {
        let cases = [
            ("rate_limit_exceeded", 429, ErrorClass::RateLimited),
            ("provider_overloaded", 503, ErrorClass::Overloaded),
            ("provider_unavailable", 502, ErrorClass::Overloaded),
            ("timeout", 504, ErrorClass::TimedOut(crate::error::TimeoutPhase::Upstream)),
            ("server", 500, ErrorClass::ServerError),
            ("unmapped", 500, ErrorClass::ServerError),
            ("context_length_exceeded", 400, ErrorClass::TooLarge),
            ("max_tokens_exceeded", 400, ErrorClass::TooLarge),
            ("string_too_long", 400, ErrorClass::TooLarge),
            ("payload_too_large", 413, ErrorClass::TooLarge),
            ("image_too_large", 400, ErrorClass::TooLarge),
            ("token_limit_exceeded", 400, ErrorClass::Quota),
            ("payment_required", 402, ErrorClass::Quota),
            ("content_policy_violation", 400, ErrorClass::Refused),
            ("refusal", 400, ErrorClass::Refused),
            ("authentication", 401, ErrorClass::Unauthorized),
            ("permission_denied", 403, ErrorClass::Rejected),
            ("invalid_request", 400, ErrorClass::Rejected),
            ("invalid_prompt", 400, ErrorClass::Rejected),
            ("unprocessable", 422, ErrorClass::Rejected),
            ("image_not_found", 404, ErrorClass::Rejected),
            ("not_found", 404, ErrorClass::ModelNotFound),
        ];
        for (word, status, wanted) in cases {
            let error = json!({"code": status, "message": "m", "metadata": {"error_type": word}});
            assert_eq!(class(status, error.clone()), wanted, "{word}");
            assert_eq!(class(200, error), wanted, "{word} inside a success");
        }
    }

    #[test]
    fn an_in_flight_budget_is_waited_for_only_where_the_wait_is_named_and_no_other_402_is() {
        let error = |source: Value, reason| {
            json!({"code": 402, "message": "m", "metadata":
            {"limit_source": source, "reason": reason, "error_type": "payment_required"}})
        };
        let waits = [("retry-after", "4")];
        let in_flight = error(json!("openrouter_in_flight_budget"), "in_flight_budget_exhausted");
        assert_eq!(class_with(402, &waits, in_flight.clone()), ErrorClass::RateLimited);
        assert_eq!(class(402, in_flight), ErrorClass::Quota);
        for (source, reason) in [
            (json!("openrouter_in_flight_budget"), "weight_exceeds_budget"),
            (json!("openrouter_credits"), "weight_exceeds_budget"),
            (json!("openrouter_key_limit"), ""),
            (json!("something_new"), ""),
            (json!(null), ""),
        ] {
            assert_eq!(class_with(402, &waits, error(source.clone(), reason)), ErrorClass::Quota, "{source}");
        }
        assert_eq!(class_with(402, &waits, json!({"code": 402, "message": "Insufficient credits"})), ErrorClass::Quota);
    }

    #[test]
    fn a_403_is_a_budget_a_filter_or_a_prohibition_but_never_a_wrong_key() {
        for source in ["openrouter_guardrail_budget", "openrouter_workspace_budget", "openrouter_key_limit"] {
            assert_eq!(class(403, json!({"code": 403, "metadata": {"limit_source": source}})), ErrorClass::Quota);
        }
        let old = json!({"code": 403, "message": "Key limit exceeded (monthly limit)."});
        assert_eq!(class(403, old), ErrorClass::Quota);
        let flagged = json!({"code": 403, "message": "Flagged", "metadata": {"reasons": ["violence", "hate"]}});
        let found = explain(&json!({"error": flagged}), "");
        assert_eq!((found.class, found.message.as_str()), (Some(ErrorClass::Refused), "Flagged: violence, hate"));
        let guarded = json!({"code": 403, "message": "Request blocked", "metadata": {"patterns": ["ignore all"]}});
        assert_eq!(class(403, guarded), ErrorClass::Refused);
        assert_eq!(class(403, json!({"code": 403, "message": "Not allowed"})), ErrorClass::Rejected);
        assert_eq!(class(401, json!({"code": 401, "message": "User not found."})), ErrorClass::Unauthorized);
    }

    #[test]
    fn a_model_nobody_serves_says_whether_that_passes() {
        let error = |code: &str, retryable: bool| {
            json!({"message": "m", "error_type": "not_found", "http_status": 404,
            "availability": {"code": code, "retryable": retryable, "retry_after": 40}})
        };
        assert_eq!(class(429, error("capacity_exhausted", true)), ErrorClass::RateLimited);
        assert_eq!(class(503, error("temporarily_unavailable", true)), ErrorClass::Overloaded);
        assert_eq!(class(404, error("no_endpoints", true)), ErrorClass::Overloaded);
        assert_eq!(class(404, error("no_endpoints", false)), ErrorClass::ModelNotFound);
        assert_eq!(class(400, error("model_not_found", false)), ErrorClass::ModelNotFound);
        assert_eq!(class(404, error("privacy_restricted", false)), ErrorClass::Rejected);
        assert_eq!(class(404, error("something_new", false)), ErrorClass::ModelNotFound);
        let found = explain(&json!({"error": error("capacity_exhausted", true)}), "");
        assert_eq!(found.retry_after, Some(Duration::from_secs(40)));
        let endless = json!({"availability": {"code": "capacity_exhausted", "retry_after": 1e300}});
        assert_eq!(explain(&json!({"error": endless}), "").retry_after, None);
    }

    #[test]
    fn the_upstreams_words_are_kept_as_a_text_and_as_an_object() {
        for raw in [json!("GPU on fire"), json!({"error": {"message": "GPU on fire"}}), json!({"error": "GPU on fire"})]
        {
            let error = json!({"code": 502, "message": "Provider returned error", "metadata": {"raw": raw}});
            assert_eq!(explain(&json!({"error": error}), "").message, "Provider returned error: GPU on fire");
        }
    }

    #[test]
    fn with_a_key_of_our_own_the_upstreams_bill_is_added_exactly() {
        let cost = |usage| cost_in(&json!({"usage": usage}));
        let details = json!({"upstream_inference_cost": 0.0360795});
        assert_eq!(cost(json!({"cost": 0.95, "cost_details": details})), Some(NanoUsd(950_000_000)));
        let own = json!({"cost": 0, "is_byok": true, "cost_details": details});
        assert_eq!(cost(own), Some(NanoUsd(36_079_500)));
        let fee = json!({"cost": 0.0018, "is_byok": true, "cost_details": details});
        assert_eq!(cost(fee), Some(NanoUsd(37_879_500)));
        assert_eq!(
            cost(json!({"cost": 0.0018, "is_byok": true, "cost_details": {"upstream_inference_cost": null}})),
            None
        );
        assert_eq!(cost(json!({"cost": 0.0018, "is_byok": true})), None, "a fee alone would be too little");
        assert_eq!(cost(json!({"cost": null, "is_byok": false})), None);
        assert_eq!(cost(json!({"cost": "0.1"})), None);
    }
}
