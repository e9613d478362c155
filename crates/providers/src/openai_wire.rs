//! The OpenAI chat format as values: the request body, the usage object, message content, and JSON that is not quite
//! JSON. Pure functions; it never sends or waits.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{NanoUsd, Tokens};
use serde_json::{Map, Value, json};

use crate::provider::CallRequest;

/// No model counts more in one call; a larger figure is a broken one and would be billed.
const TOKENS_MAX: i64 = 1_000_000_000;
/// The same for the provider's own cost: a million dollars in nano-dollars.
const COST_NANOUSD_MAX: i64 = 1_000_000_000_000_000;

/// The field that carries the output limit. OpenAI's newer models refuse `max_tokens`; many servers know nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaxTokensField {
    MaxTokens,
    MaxCompletionTokens,
}

impl MaxTokensField {
    const fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

pub(crate) fn request_body(request: &CallRequest, limit_field: MaxTokensField) -> Vec<u8> {
    let messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| json!({"role": message.role.as_str(), "content": message.content}))
        .collect();
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("messages".into(), messages.into());
    if request.stream {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(limit) = request.max_output_tokens {
        body.insert(limit_field.as_str().into(), limit.into());
    }
    // Through its decimal text: 0.3_f32 widened to f64 would go out as 0.30000001192092896.
    if let Some(number) = request.temperature.and_then(|degree| degree.to_string().parse::<f64>().ok()) {
        body.insert("temperature".into(), json!(number));
    }
    if let Some(schema) = &request.json_schema {
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        body.insert("response_format".into(), format);
    }
    Value::Object(body).to_string().into_bytes()
}

/// The usage object of an answer or a chunk; `None` when there is none. Cached tokens are part of the input and
/// reasoning tokens part of the output in this format, so nothing is added up here. A figure that is negative,
/// fractional, a text, or larger than what it is part of counts as not reported.
pub(crate) fn usage_in(body: &Value) -> Option<TokenUsage> {
    let usage = body.get("usage").filter(|usage| usage.is_object())?;
    let tokens = |pointer: &str| {
        let count = usage.pointer(pointer).and_then(Value::as_i64);
        count.filter(|count| (0..=TOKENS_MAX).contains(count)).map(Tokens)
    };
    let part_of =
        |part: Option<Tokens>, whole: Option<Tokens>| part.filter(|part| whole.is_none_or(|whole| *part <= whole));
    let (input, output) = (tokens("/prompt_tokens"), tokens("/completion_tokens"));
    let cost = match usage.get("cost") {
        Some(Value::Number(number)) => nano_usd(&number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    Some(TokenUsage {
        input,
        output,
        input_cached: part_of(tokens("/prompt_tokens_details/cached_tokens"), input),
        output_reasoning: part_of(tokens("/completion_tokens_details/reasoning_tokens"), output),
        input_cache_write: part_of(tokens("/prompt_tokens_details/cache_write_tokens"), input),
        provider_cost: cost,
        ..TokenUsage::default()
    })
}

/// Dollars as decimal text (`0.00014`, `1.4e-5`) in nano-dollars, without floating point.
///
/// Rounding: up to a whole nano-dollar, once.
pub(crate) fn nano_usd(text: &str) -> Option<NanoUsd> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let shift = exponent.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let nanos = match u32::try_from(shift) {
        Ok(up) => value.checked_mul(10_i128.checked_pow(up)?)?,
        Err(_) => match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(divisor) => value / divisor + i128::from(value % divisor != 0),
            None => i128::from(value != 0),
        },
    };
    i64::try_from(nanos).ok().filter(|nanos| *nanos <= COST_NANOUSD_MAX).map(NanoUsd)
}

/// The text of a `content` field: a string, null, or an array of parts of which the text parts count.
pub(crate) fn content_text(content: &Value) -> String {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part_text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    // Postgres stores no NUL; replacing it here keeps both stores equal.
    text.replace('\0', "\u{fffd}")
}

fn part_text(part: &Value) -> &str {
    part.as_str().or_else(|| part.get("text").and_then(Value::as_str)).unwrap_or_default()
}

/// Reads JSON that may hold bytes outside UTF-8 or halves of surrogate pairs; both become U+FFFD.
pub(crate) fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        if text.contains("\\u") {
            serde_json::from_str(&without_lone_surrogates(text)).map_err(|_| error)
        } else {
            Err(error)
        }
    })
}

fn without_lone_surrogates(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        repaired.push_str(&rest[..at]);
        rest = &rest[at..];
        let (keep, skip) = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => (&rest[..12], 12),
            (Some(Half::High | Half::Low), _) => ("\\ufffd", 6),
            (None, _) => {
                // An escape and the character it escapes stay together, so that `\\ud800` is not taken for one.
                let width = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                (&rest[..width], width)
            }
        };
        repaired.push_str(keep);
        rest = &rest[skip..];
    }
    repaired + rest
}

enum Half {
    High,
    Low,
}

fn surrogate(escape: &str) -> Option<Half> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;

    use super::*;
    use crate::provider::{Message, Timeouts};

    fn request() -> CallRequest {
        CallRequest {
            call_id: CallId("00000000-0000-0000-0000-000000000001".parse().unwrap()),
            model: "m".into(),
            messages: vec![Message::system("be kind"), Message::user("hi")],
            max_output_tokens: Some(100),
            temperature: Some(0.3),
            json_schema: Some(json!({"type": "object"})),
            stream: true,
            timeouts: Timeouts::default(),
        }
    }

    #[test]
    fn the_request_body_says_everything_once() {
        let body: Value = serde_json::from_slice(&request_body(&request(), MaxTokensField::MaxTokens)).unwrap();
        let wanted = json!({
            "model": "m",
            "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
            "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": 100, "temperature": 0.3,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent() {
        let plain =
            CallRequest { max_output_tokens: None, temperature: None, json_schema: None, stream: false, ..request() };
        let body: Value = serde_json::from_slice(&request_body(&plain, MaxTokensField::MaxTokens)).unwrap();
        let mut keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["messages", "model"]);
    }

    #[test]
    fn cached_and_reasoning_tokens_are_parts_and_never_added() {
        let usage = usage_in(&json!({"usage": {
            "prompt_tokens": 100, "completion_tokens": 50, "cost": 0.00014,
            "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 15}, "completion_tokens_details": {"reasoning_tokens": 30},
        }}))
        .unwrap();
        assert_eq!(usage.total(), Some(Tokens(150)));
        assert_eq!((usage.input_cached, usage.output_reasoning), (Some(Tokens(80)), Some(Tokens(30))));
        assert_eq!((usage.input_cache_write, usage.input_cache_write_1h), (Some(Tokens(15)), None));
        assert_eq!(usage.provider_cost, Some(NanoUsd(140_000)));
    }

    #[test]
    fn garbage_in_usage_is_not_reported_and_never_zero() {
        let garbage = [json!(-1), json!(1.5), json!("12"), json!(null), json!(u64::MAX), json!(9_000_000_000_000_i64)];
        for value in garbage {
            let usage = usage_in(&json!({"usage": {"prompt_tokens": value, "completion_tokens": 3}})).unwrap();
            assert_eq!((usage.input, usage.output), (None, Some(Tokens(3))), "{value}");
        }
        let more_than_whole = json!({"usage": {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}}});
        assert_eq!(usage_in(&more_than_whole).unwrap().input_cached, None);
        assert_eq!(usage_in(&json!({"usage": null})), None);
        assert_eq!(usage_in(&json!({"usage": {"cost": -0.5}})).unwrap().provider_cost, None);
    }

    #[test]
    fn dollars_become_nano_dollars_without_floats_rounded_up() {
        let cases = [
            ("0", 0),
            ("1", 1_000_000_000),
            ("0.00014", 140_000),
            ("1.4e-5", 14_000),
            ("1E2", 100_000_000_000),
            ("0.0000000001", 1),
            ("1e-40", 1),
            ("0.123456789", 123_456_789),
            ("0.1234567891", 123_456_790),
        ];
        for (text, nanos) in cases {
            assert_eq!(nano_usd(text), Some(NanoUsd(nanos)), "{text}");
        }
        for bad in ["-1", "", ".", "e5", "1e", "1e99", "NaN", "10000000", "1,5"] {
            assert_eq!(nano_usd(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_may_be_null_or_parts() {
        assert_eq!(content_text(&json!(null)), "");
        let parts = json!([{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]);
        assert_eq!(content_text(&parts), "ab");
        assert_eq!(content_text(&json!("a\u{0}b")), "a\u{fffd}b");
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_a_whole_one_kept() {
        let text = r#"{"a":"x\ud83dy","b":"\ud83e\udd80","c":"\\ud83d","d":"\udd80"}"#;
        let value = parse_json(text).unwrap();
        assert_eq!(value, json!({"a": "x\u{fffd}y", "b": "🦀", "c": "\\ud83d", "d": "\u{fffd}"}));
        assert!(parse_json(r#"{"a":"\ud83d"#).unwrap_err().is_eof());
    }
}
