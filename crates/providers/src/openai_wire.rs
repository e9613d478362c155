//! The OpenAI chat format as values: the request body, the pieces of an answer, the usage object. Pure functions; it
//! never sends or waits.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{NanoUsd, Tokens};
use serde_json::{Map, Value, json};

use crate::error::ProviderError;
use crate::error_text::{ErrorText, describe, error_in};
use crate::exchange::{Dialect, Piece, WireRequest};
use crate::picture;
use crate::provider::{AnswerShape, CallRequest, DeltaSink, Finish, Message, Part, Tool, ToolCall};
use crate::transcript::Transcript;

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

/// OpenAI's chat format, and what differs between those who speak it.
#[derive(Clone, Debug)]
pub(crate) struct OpenAiChat {
    /// The whole address of the endpoint.
    pub url: String,
    pub limit_field: MaxTokensField,
}

impl Dialect for OpenAiChat {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        Ok(WireRequest { url: self.url.clone(), headers: vec![], body: request_body(request, self.limit_field) })
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        absorb(piece.body, transcript, sink);
    }

    fn id_headers(&self) -> &'static [&'static str] {
        &["x-generation-id", "x-request-id", "request-id"]
    }
}

pub(crate) fn request_body(request: &CallRequest, limit_field: MaxTokensField) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("messages".into(), request.messages.iter().map(message).collect());
    if request.stream {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(limit) = request.max_output_tokens {
        body.insert(limit_field.as_str().into(), limit.into());
    }
    if let Some(degree) = decimal(request.temperature) {
        body.insert("temperature".into(), degree);
    }
    if let Some(format) = response_format(request) {
        body.insert("response_format".into(), format);
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
    }
    if request.pictures {
        body.insert("modalities".into(), json!(["image", "text"]));
    }
    Value::Object(body)
}

/// OpenAI refuses to answer in JSON when no message says the word.
fn response_format(request: &CallRequest) -> Option<Value> {
    let says_json = || request.messages.iter().any(|message| message.text().to_lowercase().contains("json"));
    match &request.shape {
        AnswerShape::Schema(schema) => {
            Some(json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}))
        }
        AnswerShape::Json => says_json().then(|| json!({"type": "json_object"})),
        AnswerShape::Free => None,
    }
}

/// Through its decimal text: 0.3_f32 widened to f64 would go out as 0.30000001192092896.
pub(crate) fn decimal(number: Option<f32>) -> Option<Value> {
    number.and_then(|number| number.to_string().parse::<f64>().ok()).map(|number| json!(number))
}

fn message(message: &Message) -> Value {
    let content = match message.content.as_slice() {
        [Part::Text(text)] => Value::from(text.as_str()),
        parts => parts.iter().map(part).collect(),
    };
    let mut out = json!({"role": message.role.as_str(), "content": content});
    if !message.tool_calls.is_empty() {
        let call = |call: &ToolCall| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call.id, "type": "function", "function": function})
        };
        out["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    if let Some(id) = &message.tool_call_id {
        out["tool_call_id"] = id.as_str().into();
    }
    out
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Picture(picture) => json!({"type": "image_url", "image_url": {"url": picture::as_url(picture)}}),
    }
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name, "parameters": tool.parameters});
    if let Some(text) = &tool.description {
        function["description"] = text.as_str().into();
    }
    json!({"type": "function", "function": function})
}

/// Takes one body or chunk.
pub(crate) fn absorb(body: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    transcript.error = error_in(body).or_else(|| bare_error(body)).or(transcript.error.take());
    transcript.usage = usage_in(body).unwrap_or(transcript.usage);
    let text_at = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    transcript.model = text_at("model").map(str::to_owned).or(transcript.model.take());
    transcript.id = text_at("id").map(str::to_owned).or(transcript.id.take());
    let choices = body.get("choices").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
    if let Some(choice) = choices.iter().find(is_first) {
        transcript.is_answer = true;
        absorb_choice(choice, transcript, sink);
    }
}

/// An error that is the whole piece and not a field of it, as older versions of vLLM send it in mid-stream.
fn bare_error(body: &Value) -> Option<ErrorText> {
    let is_error = body.get("object").and_then(Value::as_str) == Some("error");
    is_error.then(|| describe(body, ""))
}

fn absorb_choice(choice: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    transcript.error = error_in(choice).or(transcript.error.take());
    let message = choice.get("delta").or_else(|| choice.get("message")).filter(|message| message.is_object());
    if let Some(message) = message {
        transcript.push_text(&content_text(&message["content"]), sink);
        transcript.refusal.push_str(&content_text(&message["refusal"]));
        let images = message.get("images").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let urls = images.iter().filter_map(|image| image.pointer("/image_url/url").and_then(Value::as_str));
        transcript.pictures.extend(urls.filter_map(picture::from_url));
        absorb_tool_calls(message, transcript);
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("error") => {
            let message = "the provider ended the answer with an error and no explanation".to_owned();
            transcript.error.get_or_insert(ErrorText { message, ..ErrorText::default() });
        }
        Some(word) if !word.is_empty() => transcript.finish = Some(Finish::parse(word)),
        Some(_) | None => {}
    }
}

/// Tool calls come whole, or in pieces that name their place and add to the arguments.
fn absorb_tool_calls(message: &Value, transcript: &mut Transcript) {
    let calls = message.get("tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (order, piece) in calls.iter().enumerate() {
        let place = piece.get("index").and_then(Value::as_u64).map_or(order, |index| index as usize);
        let Some(call) = transcript.tool_call(place) else { continue };
        let text_at = |pointer: &str| piece.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(id) = text_at("/id") {
            call.id = id.to_owned();
        }
        call.name.push_str(text_at("/function/name").unwrap_or_default());
        call.arguments.push_str(text_at("/function/arguments").unwrap_or_default());
    }
}

/// The usage object of an answer or a chunk; `None` when there is none. Cached tokens are part of the input and
/// reasoning tokens part of the output in this format, so nothing is added up here. A figure that is negative,
/// fractional, a text, or larger than what it is part of counts as not reported.
pub(crate) fn usage_in(body: &Value) -> Option<TokenUsage> {
    let usage = body.get("usage").filter(|usage| usage.is_object())?;
    let tokens = |pointer: &str| tokens_at(usage, pointer);
    let (input, output) = (tokens("/prompt_tokens"), tokens("/completion_tokens"));
    // llama.cpp says it beside the usage, in an object that older versions had alone.
    let cached = tokens("/prompt_tokens_details/cached_tokens").or_else(|| tokens_at(body, "/timings/cache_n"));
    Some(TokenUsage {
        input,
        output,
        input_cached: part_of(cached, input),
        output_reasoning: part_of(tokens("/completion_tokens_details/reasoning_tokens"), output),
        input_cache_write: part_of(tokens("/prompt_tokens_details/cache_write_tokens"), input),
        provider_cost: number_at(usage, "/cost").and_then(|dollars| nano_usd(&[&dollars])),
        ..TokenUsage::default()
    })
}

/// A count of tokens, where there is a believable one.
pub(crate) fn tokens_at(value: &Value, pointer: &str) -> Option<Tokens> {
    let count = value.pointer(pointer).and_then(Value::as_i64);
    count.filter(|count| (0..=TOKENS_MAX).contains(count)).map(Tokens)
}

/// A figure that is part of another one; none when it is larger than its whole.
pub(crate) fn part_of(part: Option<Tokens>, whole: Option<Tokens>) -> Option<Tokens> {
    part.filter(|part| whole.is_none_or(|whole| *part <= whole))
}

/// The decimal text of a JSON number, digit for digit as far as JSON's reader kept it.
pub(crate) fn number_at(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The sum of amounts in dollars, given as decimal text (`0.00014`, `1.4e-5`), in nano-dollars, without floating point.
///
/// Rounding: up to a whole nano-dollar, once, after the sum.
pub(crate) fn nano_usd(dollars: &[&str]) -> Option<NanoUsd> {
    let amounts: Vec<Decimal> = dollars.iter().map(|text| decimal_of(text)).collect::<Option<_>>()?;
    let scale = amounts.iter().map(|amount| amount.exponent).min()?;
    let mut sum = 0_i128;
    for amount in amounts {
        let up = u32::try_from(amount.exponent.checked_sub(scale)?).ok()?;
        sum = sum.checked_add(amount.digits.checked_mul(10_i128.checked_pow(up)?)?)?;
    }
    let shift = scale.checked_add(9)?;
    let nanos = match u32::try_from(shift) {
        Ok(up) => sum.checked_mul(10_i128.checked_pow(up)?)?,
        Err(_) => {
            let divisor = 10_i128.checked_pow(shift.unsigned_abs())?;
            sum / divisor + i128::from(sum % divisor != 0)
        }
    };
    i64::try_from(nanos).ok().filter(|nanos| *nanos <= COST_NANOUSD_MAX).map(NanoUsd)
}

/// `digits` times ten to the power of `exponent`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Smaller parts of a dollar count as the smallest one: rounding up makes them one and the same.
const EXPONENT_MIN: i32 = -30;

fn decimal_of(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = digits.parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if digits == 0 {
        return Some(Decimal { digits: 0, exponent: 0 });
    }
    let Some(below) = EXPONENT_MIN.checked_sub(exponent).filter(|below| *below > 0) else {
        return Some(Decimal { digits, exponent });
    };
    let cut = 10_i128.checked_pow(below.unsigned_abs()).map_or(1, |divisor| (digits / divisor).max(1));
    Some(Decimal { digits: cut, exponent: EXPONENT_MIN })
}

/// The text of a `content` field: a string, null, or an array of parts of which the text parts count.
pub(crate) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part_text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn part_text(part: &Value) -> &str {
    part.as_str().or_else(|| part.get("text").and_then(Value::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;

    use super::*;

    fn request() -> CallRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        CallRequest {
            max_output_tokens: Some(100),
            temperature: Some(0.3),
            shape: AnswerShape::Schema(json!({"type": "object"})),
            stream: true,
            ..CallRequest::new(call_id, "m", vec![Message::system("be kind"), Message::user("hi")])
        }
    }

    #[test]
    fn the_request_body_says_everything_once() {
        let body = request_body(&request(), MaxTokensField::MaxTokens);
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
        let plain = CallRequest {
            max_output_tokens: None,
            temperature: None,
            shape: AnswerShape::Free,
            stream: false,
            ..request()
        };
        let body = request_body(&plain, MaxTokensField::MaxTokens);
        let mut keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["messages", "model"]);
    }

    #[test]
    fn plain_json_is_asked_for_only_where_a_message_says_the_word() {
        let format = |text: &str| {
            let messages = vec![Message::user(text)];
            let body = request_body(
                &CallRequest { shape: AnswerShape::Json, messages, ..request() },
                MaxTokensField::MaxTokens,
            );
            body.get("response_format").cloned()
        };
        assert_eq!(format("Answer with one Json object."), Some(json!({"type": "json_object"})));
        assert_eq!(format("Answer."), None);
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
            assert_eq!(nano_usd(&[text]), Some(NanoUsd(nanos)), "{text}");
        }
        for bad in ["-1", "", ".", "e5", "1e", "1e99", "NaN", "10000000", "1,5"] {
            assert_eq!(nano_usd(&[bad]), None, "{bad}");
        }
    }

    #[test]
    fn a_sum_of_dollars_is_rounded_up_once_and_not_once_a_part() {
        assert_eq!(nano_usd(&["0.0000000004", "0.0000000004"]), Some(NanoUsd(1)));
        assert_eq!(nano_usd(&["0.95", "19"]), Some(NanoUsd(19_950_000_000)));
        assert_eq!(nano_usd(&["1e-40", "0.5", "0"]), Some(NanoUsd(500_000_001)));
        assert_eq!(nano_usd(&["0.1", "0.2"]), Some(NanoUsd(300_000_000)));
        assert_eq!(nano_usd(&["0.5", "-0.1"]), None);
        assert_eq!(nano_usd(&[]), None);
    }

    #[test]
    fn llama_cpps_reused_tokens_are_a_part_of_its_input() {
        let body = json!({
            "usage": {"prompt_tokens": 100, "completion_tokens": 5},
            "timings": {"cache_n": 90, "prompt_n": 10, "predicted_n": 5},
        });
        let usage = usage_in(&body).unwrap();
        assert_eq!((usage.input, usage.input_cached), (Some(Tokens(100)), Some(Tokens(90))));
        assert_eq!(usage_in(&json!({"timings": {"cache_n": 90}})), None);
    }

    #[test]
    fn content_may_be_null_or_parts() {
        assert_eq!(content_text(&json!(null)), "");
        let parts = json!([{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]);
        assert_eq!(content_text(&parts), "ab");
        assert_eq!(content_text(&json!("ab")), "ab");
    }
}
