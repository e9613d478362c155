//! Finds the error in a provider's answer, whatever its shape: object, string, or an array with one object; code as a
//! number or a word. It normalises and classifies; it reads nothing from the network and never fails itself.
//!
//! Source: the providers' error pages as collected in `reference/providers.md`, 1.2 (November 2026).

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::error::{ErrorClass, ProviderError, RETRY_AFTER_MAX, TimeoutPhase};

/// What an answer says about its own failure.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ErrorText {
    pub message: String,
    /// Codes, types and statuses as words, the most specific first.
    pub words: Vec<String>,
    /// An HTTP status given as the error's code.
    pub status: Option<u16>,
    /// The class, where the format says more than words and status do.
    pub class: Option<ErrorClass>,
    /// A wait named in the body; the headers' own wins.
    pub retry_after: Option<Duration>,
}

/// The error inside a body that may also be a good answer: only an explicit `error` counts.
pub(crate) fn error_in(body: &Value) -> Option<ErrorText> {
    match body {
        Value::Array(items) => items.first().and_then(error_in),
        Value::Object(fields) => fields.get("error").and_then(read_error),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The error in a body that is known to be one (an error status). Falls back to other usual fields, then to the text.
pub(crate) fn describe(body: &Value, raw: &str) -> ErrorText {
    error_in(body)
        .or_else(|| read_error(body))
        .filter(|found| *found != ErrorText::default())
        .unwrap_or_else(|| ErrorText { message: raw.trim().to_owned(), ..ErrorText::default() })
}

fn read_error(error: &Value) -> Option<ErrorText> {
    match error {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(ErrorText { message: text.clone(), ..ErrorText::default() }),
        Value::Bool(true) => Some(ErrorText::default()),
        Value::Number(code) => Some(ErrorText { status: as_status(&code.to_string()), ..ErrorText::default() }),
        Value::Array(items) => items.first().and_then(read_error),
        Value::Object(_) => Some(read_object(error)),
    }
}

fn read_object(error: &Value) -> ErrorText {
    let text_at = |pointer: &str| error.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = ["/message", "/detail", "/detail/0/msg", "/title", "/msg", "/description", "/error"]
        .into_iter()
        .find_map(text_at)
        .unwrap_or_default();
    let words = ["/code", "/metadata/error_type", "/details/error_code", "/error_type", "/status", "/type"];
    let words: Vec<String> = words.into_iter().filter_map(text_at).map(str::to_owned).collect();
    let number = error.get("code").or_else(|| error.get("status")).and_then(|code| match code {
        Value::Number(number) => as_status(&number.to_string()),
        Value::String(text) => as_status(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    // OpenRouter puts the upstream's own words into metadata.raw; its message is then only "Provider returned error".
    let upstream = text_at("/metadata/raw").map(|raw| format!("{message}: {raw}"));
    ErrorText {
        message: upstream.unwrap_or_else(|| message.to_owned()),
        words: words.into_iter().filter(|word| as_status(word).is_none()).collect(),
        status: number,
        ..ErrorText::default()
    }
}

fn as_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (100..=599).contains(status))
}

/// Builds the error for an answer with the HTTP status `status` (2xx when the error came inside a success).
pub(crate) fn into_error(status: u16, found: ErrorText, headers: &HeaderMap, raw: &str) -> ProviderError {
    let wait = retry_after(headers).or(found.retry_after);
    let class = found.class.unwrap_or_else(|| classify(status, &found, wait));
    let class = if forbids_retry(status, headers) { without_retry(class) } else { class };
    let message = if found.message.is_empty() {
        match found.words.first() {
            Some(word) => format!("the provider reported {word}"),
            None => format!("the provider answered with status {status} and no explanation"),
        }
    } else {
        found.message
    };
    let mut error = ProviderError::new(class, message).with_raw(raw).with_retry_after(wait);
    error.provider_code = found.words.into_iter().next().or_else(|| found.status.map(|status| status.to_string()));
    error
}

/// `x-should-retry: false` with an error status: the server itself says that the same request will fail again. OpenAI's
/// and Anthropic's own clients obey it before they look at the status. Its `true` is not obeyed: it would only turn a
/// refused request into a repeated one.
fn forbids_retry(status: u16, headers: &HeaderMap) -> bool {
    let word = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
    !(200..300).contains(&status) && word.is_some_and(|word| word.trim().eq_ignore_ascii_case("false"))
}

fn without_retry(class: ErrorClass) -> ErrorClass {
    if class == ErrorClass::RateLimited {
        ErrorClass::Quota
    } else if class.retryable() {
        ErrorClass::Rejected
    } else {
        class
    }
}

fn classify(http_status: u16, found: &ErrorText, wait: Option<Duration>) -> ErrorClass {
    if let Some(class) = found.words.iter().find_map(|word| class_of_word(word)) {
        return class;
    }
    let inside_a_success = (200..300).contains(&http_status);
    let status = if inside_a_success { found.status.unwrap_or(500) } else { http_status };
    if inside_a_success && found.status.is_none() && found.words.iter().any(|word| word.starts_with("invalid_request"))
    {
        return ErrorClass::Rejected;
    }
    // vLLM and older llama.cpp say it in a sentence only.
    if matches!(status, 400 | 413 | 422) && speaks_of_the_context(&found.message) {
        return ErrorClass::TooLarge;
    }
    class_of_status(status, wait)
}

fn speaks_of_the_context(message: &str) -> bool {
    ["maximum context length", "exceeds the available context size"].iter().any(|words| message.contains(words))
}

/// Words that say more than the status. `invalid_request_error` is not among them: OpenAI gives it with nearly any 4xx.
pub(crate) fn class_of_word(word: &str) -> Option<ErrorClass> {
    let class = match word.to_ascii_lowercase().as_str() {
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "insufficient_credits"
        | "insufficient_balance" => ErrorClass::Quota,
        "rate_limit_exceeded" | "rate_limit_error" | "too_many_requests" | "rate_limited" => ErrorClass::RateLimited,
        "provider_overloaded"
        | "server_is_overloaded"
        | "overloaded_error"
        | "slow_down"
        | "service_unavailable_error"
        | "provider_unavailable"
        | "unavailable_error"
        | "unavailable"
        | "engine_overloaded" => ErrorClass::Overloaded,
        "context_length_exceeded"
        | "max_tokens_exceeded"
        | "string_too_long"
        | "string_above_max_length"
        | "array_above_max_length"
        | "exceed_context_size_error"
        | "request_too_large" => ErrorClass::TooLarge,
        "content_policy_violation"
        | "image_content_policy_violation"
        | "misalignment_policy_violation"
        | "cyber_policy"
        | "bio_policy"
        | "content_filter"
        | "refusal"
        | "moderation"
        | "moderation_blocked" => ErrorClass::Refused,
        // The key is good; the place we call from is not.
        "unsupported_country_region_territory" => ErrorClass::Rejected,
        // llama.cpp, with 501: a server that was started without this will not learn it.
        "not_supported_error" => ErrorClass::Rejected,
        "invalid_api_key" | "authentication" | "authentication_error" | "permission_denied" | "permission_error" => {
            ErrorClass::Unauthorized
        }
        "model_not_found" | "not_found_error" => ErrorClass::ModelNotFound,
        "unknown_url" => ErrorClass::Misconfigured,
        "timeout" | "timeout_error" => ErrorClass::TimedOut(TimeoutPhase::Upstream),
        "server" | "server_error" | "api_error" | "internal_error" => ErrorClass::ServerError,
        _ => return None,
    };
    Some(class)
}

fn class_of_status(status: u16, wait: Option<Duration>) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Unauthorized,
        // OpenRouter: an in-flight budget frees itself and says when; credits do not.
        402 if wait.is_some() => ErrorClass::RateLimited,
        402 => ErrorClass::Quota,
        404 | 410 => ErrorClass::ModelNotFound,
        408 | 504 | 524 => ErrorClass::TimedOut(TimeoutPhase::Upstream),
        409 | 425 | 503 | 529 => ErrorClass::Overloaded,
        413 => ErrorClass::TooLarge,
        429 => ErrorClass::RateLimited,
        300..=399 => ErrorClass::Misconfigured,
        400..=498 => ErrorClass::Rejected,
        _ => ErrorClass::ServerError,
    }
}

/// The wait the provider asks for, at most [`RETRY_AFTER_MAX`]. A date is read against the answer's own `date` header,
/// so a wrong clock on either side does no harm; without one it says nothing. Negative and unreadable values are none.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let from_seconds = |seconds: f64| Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX.as_secs_f64()));
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Some(from_seconds(millis / 1_000.0));
    }
    let value = text("retry-after")?;
    if let Some(seconds) = number(value) {
        return Some(from_seconds(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let seconds = date(value)?.as_second() - date(text("date")?)?.as_second();
    Some(Duration::from_secs(seconds.max(0).unsigned_abs()).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn class(status: u16, body: Value) -> ErrorClass {
        into_error(status, describe(&body, ""), &HeaderMap::new(), "").class
    }

    #[test]
    fn seed_s2_an_error_is_read_from_an_object_a_string_or_an_array() {
        let bodies = [
            json!({"error": {"message": "no room"}}),
            json!({"error": "no room"}),
            json!([{"error": {"message": "no room", "code": 503}}]),
            json!({"error": ["no room"]}),
            json!({"detail": "no room"}),
            json!("no room"),
        ];
        for body in bodies {
            assert_eq!(describe(&body, "").message, "no room", "{body}");
        }
    }

    #[test]
    fn a_good_answer_with_a_null_error_is_not_an_error() {
        for body in [json!({"error": null, "choices": []}), json!({"error": "", "x": 1}), json!([]), json!("error")] {
            assert_eq!(error_in(&body), None, "{body}");
        }
    }

    #[test]
    fn a_429_for_an_empty_account_is_quota_and_any_other_is_a_rate_limit() {
        for code in ["insufficient_quota", "credit_balance_exhausted", "project_spend_limit_exceeded"] {
            assert_eq!(class(429, json!({"error": {"code": code}})), ErrorClass::Quota);
        }
        let by_type = json!({"error": {"type": "insufficient_quota", "code": "something_new"}});
        assert_eq!(class(429, by_type), ErrorClass::Quota);
        assert_eq!(class(429, json!({"error": {"code": "rate_limit_exceeded"}})), ErrorClass::RateLimited);
        assert_eq!(class(429, json!(null)), ErrorClass::RateLimited);
    }

    #[test]
    fn an_error_inside_a_success_is_classed_by_its_own_code() {
        assert_eq!(class(200, json!({"error": {"code": 429, "message": "x"}})), ErrorClass::RateLimited);
        assert_eq!(class(200, json!({"error": {"code": "503"}})), ErrorClass::Overloaded);
        assert_eq!(class(200, json!({"error": "model exploded"})), ErrorClass::ServerError);
        assert_eq!(class(200, json!({"error": {"type": "invalid_request_error"}})), ErrorClass::Rejected);
    }

    #[test]
    fn every_status_says_whether_a_retry_helps() {
        for status in [408, 409, 425, 429, 500, 502, 503, 504, 524, 529] {
            assert!(class(status, json!(null)).retryable(), "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 405, 410, 413, 422] {
            assert!(!class(status, json!(null)).retryable(), "{status}");
        }
    }

    #[test]
    fn a_server_that_says_not_to_retry_is_believed_and_one_that_says_to_retry_is_not() {
        let with = |status, word, body: Value| {
            into_error(status, describe(&body, ""), &headers(&[("x-should-retry", word)]), "").class
        };
        assert_eq!(with(429, "false", json!(null)), ErrorClass::Quota);
        for status in [408, 409, 500, 503, 529] {
            assert_eq!(with(status, "False", json!(null)), ErrorClass::Rejected, "{status}");
        }
        assert_eq!(with(401, "false", json!(null)), ErrorClass::Unauthorized);
        assert_eq!(with(503, "true", json!(null)), ErrorClass::Overloaded);
        assert_eq!(with(400, "true", json!(null)), ErrorClass::Rejected);
        let inside = json!({"error": {"code": 503}});
        assert_eq!(with(200, "false", inside), ErrorClass::Overloaded, "the header spoke of the success");
    }

    #[test]
    fn a_context_that_is_too_long_is_known_by_its_sentence_where_there_is_no_word() {
        let message = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.";
        assert_eq!(class(400, json!({"message": message, "code": 400})), ErrorClass::TooLarge);
        assert_eq!(class(200, json!({"error": {"message": message, "code": 400}})), ErrorClass::TooLarge);
        assert_eq!(class(500, json!({"message": message})), ErrorClass::ServerError);
    }

    #[test]
    fn a_country_that_is_not_served_is_no_fault_of_the_key() {
        let body = json!({"error": {"code": "unsupported_country_region_territory", "type": "request_forbidden"}});
        assert_eq!(class(403, body), ErrorClass::Rejected);
        assert_eq!(class(403, json!(null)), ErrorClass::Unauthorized);
    }

    #[test]
    fn retry_after_is_read_in_every_form_and_capped() {
        let wait = |value| retry_after(&headers(&[("retry-after", value)]));
        assert_eq!(wait("2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("1.5"), Some(Duration::from_millis(1_500)));
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait("99999999"), Some(RETRY_AFTER_MAX));
        for bad in ["-1", "soon", "", "NaN", "inf", "Wed, 04 Nov 2026 10:00:07 GMT"] {
            assert_eq!(wait(bad), None, "{bad:?}");
        }
        assert_eq!(
            retry_after(&headers(&[("retry-after-ms", "250"), ("retry-after", "9")])),
            Some(Duration::from_millis(250))
        );
    }

    #[test]
    fn a_retry_date_is_read_against_the_answers_own_date() {
        let at = |date, retry| retry_after(&headers(&[("date", date), ("retry-after", retry)]));
        let now = "Wed, 04 Nov 2026 10:00:00 GMT";
        assert_eq!(at(now, "Wed, 04 Nov 2026 10:00:07 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(at(now, "Wed, 04 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(at(now, "Thu, 05 Nov 2026 10:00:00 GMT"), Some(RETRY_AFTER_MAX));
        assert_eq!(at("nonsense", "Wed, 04 Nov 2026 10:00:07 GMT"), None);
    }

    #[test]
    fn the_upstreams_own_words_are_kept() {
        let body = json!({"error": {"message": "Provider returned error", "metadata": {"raw": "GPU on fire"}}});
        assert_eq!(describe(&body, "").message, "Provider returned error: GPU on fire");
    }
}
