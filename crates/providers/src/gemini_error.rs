//! What Google's errors mean: which wait is worth it, which quota comes back today, and what no retry helps. Pure; it
//! reads values and never sends or waits.
//!
//! Source: ai.google.dev/gemini-api/docs/troubleshooting and google/rpc/error_details.proto, and `reference/providers.md`,
//! 1.2 (November 2026).

use std::time::Duration;

use serde_json::Value;

use crate::error::{ErrorClass, RETRY_AFTER_MAX, TimeoutPhase};
use crate::error_text::{ErrorText, describe, error_in};

/// The error in a body that is known to be one.
pub(crate) fn explain(body: &Value, raw: &str) -> ErrorText {
    refined(body, describe(body, raw))
}

/// The error inside a body that may also be a good answer.
pub(crate) fn error_within(body: &Value) -> Option<ErrorText> {
    error_in(body).map(|found| refined(body, found))
}

/// The error of a long-running operation. Its `code` is one of gRPC's small numbers and no HTTP status.
pub(crate) fn operation_error(body: &Value) -> Option<ErrorText> {
    let mut found = error_within(body)?;
    let code = body.pointer("/error/code").and_then(Value::as_u64);
    let word = code.and_then(grpc_word);
    if let Some(word) = word.filter(|_| found.words.is_empty()) {
        found.words.push(word.to_owned());
        found = refined(body, found);
    }
    // In a job, what is not found is the job's own affair: the model was there when it began.
    if found.class == Some(ErrorClass::ModelNotFound) {
        found.class = Some(ErrorClass::Rejected);
    }
    Some(found)
}

/// The error of a question about a job: what is not found is the job, not the model.
pub(crate) fn explain_job(body: &Value, raw: &str) -> ErrorText {
    let mut found = explain(body, raw);
    if found.class == Some(ErrorClass::ModelNotFound) || (found.class.is_none() && found.status == Some(404)) {
        found.class = Some(ErrorClass::Rejected);
    }
    found
}

/// Adds what Google's status words, details and sentences say beyond the HTTP status.
fn refined(body: &Value, mut found: ErrorText) -> ErrorText {
    let error = error_object(body);
    let details = error.and_then(|error| error.get("details")).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let reason = details.iter().find_map(|detail| detail.get("reason").and_then(Value::as_str));
    let class = class_of(&found, reason, details);
    if let Some(reason) = reason.filter(|reason| !found.words.iter().any(|word| word == reason)) {
        found.words.insert(0, reason.to_owned());
    }
    // The wait Google adds to a spent daily quota is that of the minute quota, and misleads.
    if class != Some(ErrorClass::Quota) {
        let delay = details.iter().find_map(|detail| detail.get("retryDelay").and_then(Value::as_str));
        found.retry_after = delay.and_then(seconds).or(found.retry_after);
    }
    found.class = class.or(found.class);
    found
}

fn error_object(body: &Value) -> Option<&Value> {
    let body = body.get(0).unwrap_or(body);
    body.get("error").filter(|error| error.is_object())
}

fn class_of(found: &ErrorText, reason: Option<&str>, details: &[Value]) -> Option<ErrorClass> {
    let message = found.message.to_ascii_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    let is = |word: &str| found.words.iter().any(|seen| seen == word);
    if reason.is_some_and(|reason| reason.starts_with("API_KEY_")) || says(&["api key not valid", "api key expired"]) {
        return Some(ErrorClass::Unauthorized);
    }
    if reason == Some("BILLING_DISABLED") {
        return Some(ErrorClass::Quota);
    }
    // Before the sizes: a quota on tokens speaks of them, too.
    if is("RESOURCE_EXHAUSTED") || found.status == Some(429) {
        return Some(class_of_exhaustion(&message, details));
    }
    let too_long = found.status == Some(413)
        || says(&["input token count", "input context is too long", "request payload size exceeds"])
        || (says(&["token count"]) && says(&["exceed"]));
    if too_long {
        return Some(ErrorClass::TooLarge);
    }
    let class = match found.words.iter().find_map(|word| class_of_status(word)) {
        // A country without a free tier is let in once it pays; one that is not served at all is not.
        Some(ErrorClass::Rejected) if is("FAILED_PRECONDITION") && says(&["billing"]) => ErrorClass::Quota,
        Some(ErrorClass::Rejected) if says(&["responsible ai", "usage guidelines"]) => ErrorClass::Refused,
        other => return other,
    };
    Some(class)
}

/// Whether a spent quota comes back in minutes. Without a word about it, it is taken to.
fn class_of_exhaustion(message: &str, details: &[Value]) -> ErrorClass {
    let violations = details.iter().filter_map(|detail| detail.get("violations").and_then(Value::as_array)).flatten();
    let never = |violation: &Value| match violation.get("quotaValue") {
        Some(Value::String(text)) => text == "0",
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => false,
    };
    let daily = |violation: &Value| {
        let id = violation.get("quotaId").and_then(Value::as_str).unwrap_or_default();
        id.contains("PerDay")
    };
    let spent = violations.into_iter().any(|violation| never(violation) || daily(violation));
    let unpaid = ["credits are depleted", "spending cap", "spend cap"].iter().any(|text| message.contains(text));
    if spent || unpaid || limit_is_zero(message) { ErrorClass::Quota } else { ErrorClass::RateLimited }
}

/// Google's sentence repeats each limit: `limit: 0, model: gemini-x`.
fn limit_is_zero(message: &str) -> bool {
    let mut limits = message.split("limit: ").skip(1);
    limits.any(|rest| {
        let number: String = rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
        number.trim_end_matches('.') == "0"
    })
}

/// The status words of `google.rpc.Code`.
fn class_of_status(word: &str) -> Option<ErrorClass> {
    let class = match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "UNIMPLEMENTED" | "ALREADY_EXISTS" => {
            ErrorClass::Rejected
        }
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => ErrorClass::Unauthorized,
        "NOT_FOUND" => ErrorClass::ModelNotFound,
        "RESOURCE_EXHAUSTED" => ErrorClass::RateLimited,
        "UNAVAILABLE" | "ABORTED" => ErrorClass::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorClass::TimedOut(TimeoutPhase::Upstream),
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "CANCELLED" => ErrorClass::ServerError,
        _ => return None,
    };
    Some(class)
}

fn grpc_word(code: u64) -> Option<&'static str> {
    let word = match code {
        1 => "CANCELLED",
        2 => "UNKNOWN",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => return None,
    };
    Some(word)
}

/// A protobuf duration as JSON writes it: `12.5s`.
fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.trim().strip_suffix('s')?.parse().ok()?;
    let usable = number.is_finite() && number >= 0.0;
    usable.then(|| Duration::from_secs_f64(number.min(RETRY_AFTER_MAX.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::error::ProviderError;
    use crate::error_text::into_error;

    fn error(status: u16, body: &Value) -> ProviderError {
        into_error(status, explain(body, ""), &HeaderMap::new(), "")
    }

    fn exhausted(message: &str, quota_id: &str, quota_value: &Value, delay: &str) -> Value {
        let violation = json!({"quotaMetric": "x", "quotaId": quota_id, "quotaValue": quota_value});
        json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
        ]}})
    }

    #[test]
    fn a_minute_quota_waits_as_long_as_google_says_fractions_too() {
        let body =
            exhausted("slow down", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", &json!("15"), "12.5s");
        let error = error(429, &body);
        assert_eq!((error.class, error.retry_after), (ErrorClass::RateLimited, Some(Duration::from_millis(12_500))));
        assert_eq!(error.provider_code.as_deref(), Some("RESOURCE_EXHAUSTED"));
    }

    #[test]
    fn a_day_quota_is_no_rate_limit_and_its_misleading_wait_is_dropped() {
        let body = exhausted("slow down", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", &json!("50"), "18s");
        let error = error(429, &body);
        assert_eq!((error.class, error.retryable(), error.retry_after), (ErrorClass::Quota, false, None));
    }

    #[test]
    fn a_limit_of_zero_never_comes_back() {
        let zero = |value| exhausted("no", "InputTokensPerModelPerMinute-FreeTier", &value, "3s");
        assert_eq!(error(429, &zero(json!("0"))).class, ErrorClass::Quota);
        assert_eq!(error(429, &zero(json!(0))).class, ErrorClass::Quota);
        assert_eq!(error(429, &zero(json!("10"))).class, ErrorClass::RateLimited);
        for (text, class) in [
            ("Quota exceeded for metric: m, limit: 0, model: x", ErrorClass::Quota),
            ("Quota exceeded for metric: m, limit: 0", ErrorClass::Quota),
            ("Quota exceeded for metric: m, limit: 0.5", ErrorClass::RateLimited),
            ("Quota exceeded for metric: m, limit: 05", ErrorClass::RateLimited),
            ("The input token count exceeds your quota per minute.", ErrorClass::RateLimited),
            ("Your prepayment credits are depleted.", ErrorClass::Quota),
            ("Resource has been exhausted (e.g. check quota).", ErrorClass::RateLimited),
        ] {
            let body = json!([{"error": {"code": 429, "message": text, "status": "RESOURCE_EXHAUSTED"}}]);
            assert_eq!(error(429, &body).class, class, "{text}");
        }
    }

    #[test]
    fn each_status_word_has_its_class_whatever_the_http_status() {
        for (status, word, class) in [
            (400, "INVALID_ARGUMENT", ErrorClass::Rejected),
            (401, "UNAUTHENTICATED", ErrorClass::Unauthorized),
            (403, "PERMISSION_DENIED", ErrorClass::Unauthorized),
            (404, "NOT_FOUND", ErrorClass::ModelNotFound),
            (499, "CANCELLED", ErrorClass::ServerError),
            (500, "INTERNAL", ErrorClass::ServerError),
            (501, "UNIMPLEMENTED", ErrorClass::Rejected),
            (503, "UNAVAILABLE", ErrorClass::Overloaded),
            (504, "DEADLINE_EXCEEDED", ErrorClass::TimedOut(TimeoutPhase::Upstream)),
        ] {
            let body = json!({"error": {"code": status, "message": "x", "status": word}});
            assert_eq!(error(status, &body).class, class, "{word}");
            assert_eq!(into_error(200, error_within(&body).unwrap(), &HeaderMap::new(), "").class, class, "{word}");
        }
    }

    #[test]
    fn a_bad_key_comes_with_status_400_and_is_still_a_bad_key() {
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
        let body = json!({"error": {"code": 400, "message": "x", "status": "INVALID_ARGUMENT", "details": details}});
        let found = error(400, &body);
        assert_eq!((found.class, found.provider_code.as_deref()), (ErrorClass::Unauthorized, Some("API_KEY_INVALID")));
        let plain = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}});
        assert_eq!(error(400, &plain).class, ErrorClass::Unauthorized);
    }

    #[test]
    fn a_country_is_refused_unless_paying_opens_it() {
        let body = |text| json!({"error": {"code": 400, "message": text, "status": "FAILED_PRECONDITION"}});
        let closed = error(400, &body("User location is not supported for the API use."));
        assert_eq!((closed.class, closed.retryable()), (ErrorClass::Rejected, false));
        let unpaid = error(400, &body("The free tier is not available in your country. Please enable billing."));
        assert_eq!(unpaid.class, ErrorClass::Quota);
    }

    #[test]
    fn too_many_tokens_are_too_large() {
        for text in [
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            "Request payload size exceeds the limit: 20971520 bytes.",
        ] {
            let body = json!([{"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}]);
            assert_eq!(error(400, &body).class, ErrorClass::TooLarge, "{text}");
        }
    }

    #[test]
    fn an_operations_code_is_grpcs_and_no_http_status() {
        let class = |code: u64, text: &str| {
            let body = json!({"done": true, "error": {"code": code, "message": text}});
            into_error(200, operation_error(&body).unwrap(), &HeaderMap::new(), "").class
        };
        assert_eq!(class(3, "bad image"), ErrorClass::Rejected);
        assert_eq!(class(3, "The prompt violates our usage guidelines."), ErrorClass::Refused);
        assert_eq!(class(5, "gone"), ErrorClass::Rejected);
        assert_eq!(class(8, "full"), ErrorClass::RateLimited);
        assert_eq!(class(13, "oops"), ErrorClass::ServerError);
        assert_eq!(class(14, "busy"), ErrorClass::Overloaded);
        assert_eq!(class(99, "new"), ErrorClass::ServerError);
    }

    #[test]
    fn a_wait_that_cannot_be_read_is_none() {
        assert_eq!(seconds("0.250s"), Some(Duration::from_millis(250)));
        assert_eq!(seconds("99999s"), Some(RETRY_AFTER_MAX));
        for bad in ["", "s", "12", "-1s", "NaNs", "infs", "1m"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
