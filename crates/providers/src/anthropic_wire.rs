//! Anthropic's messages format as values: the pieces of an answer, the usage object, the errors. Pure functions; it
//! never sends or waits. Read next: `anthropic_request.rs` for the other direction.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3, and platform.claude.com/docs, pages "Streaming", "Errors", "Rate
//! limits" and "Handle stop reasons" (November 2026).

use copydesk_core::Tokens;
use copydesk_core::metering::usage::TokenUsage;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::anthropic_request::request_body;
use crate::count::{believable, part_of, tokens_at};
use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, error_in};
use crate::exchange::{Dialect, Piece, WireRequest};
use crate::provider::{CallRequest, DeltaSink, Finish};
use crate::transcript::Transcript;

/// The last version that takes a temperature, for the models that still heed one. 2026-10-21 refuses the field.
pub(crate) const VERSION: &str = "2023-06-01";

/// Anthropic's messages format at one address.
#[derive(Clone, Debug)]
pub(crate) struct AnthropicMessages {
    /// The whole address of the endpoint.
    pub url: String,
}

impl Dialect for AnthropicMessages {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        let version = (HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
        Ok(WireRequest { url: self.url.clone(), headers: vec![version], body: request_body(request)? })
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        absorb(piece, transcript, sink);
    }

    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        classed(describe(body, raw))
    }

    fn id_headers(&self) -> &'static [&'static str] {
        &["request-id", "x-request-id"]
    }
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Takes a whole answer or one event. Events this version does not know are passed over, as Anthropic asks.
fn absorb(piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    let body = piece.body;
    match text_at(body, "/type").or(piece.event) {
        Some("message") | None => whole(body, transcript, sink),
        Some("message_start") => {
            head(&body["message"], transcript);
            // The meter has only started: a stream that breaks off here has told its input and no output.
            (transcript.usage.output, transcript.usage.output_reasoning) = (None, None);
        }
        Some("content_block_start") => begin_block(place_of(body), &body["content_block"], transcript, sink),
        Some("content_block_delta") => add_to_block(place_of(body), &body["delta"], transcript, sink),
        Some("content_block_stop") => end_block(place_of(body), transcript),
        Some("message_delta") => {
            add_usage(body, transcript);
            stop(&body["delta"], transcript);
        }
        Some("message_stop") => transcript.ended = true,
        Some("error") => transcript.error = Some(classed(error_in(body).unwrap_or_default())),
        Some(_) => {}
    }
    if let Some(found) = error_in(body) {
        transcript.error = Some(classed(found));
    }
}

fn place_of(event: &Value) -> u64 {
    event.get("index").and_then(Value::as_u64).unwrap_or_default()
}

fn head(message: &Value, transcript: &mut Transcript) {
    transcript.model = text_at(message, "/model").map(str::to_owned).or(transcript.model.take());
    transcript.id = text_at(message, "/id").map(str::to_owned).or(transcript.id.take());
    add_usage(message, transcript);
}

fn whole(message: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    head(message, transcript);
    if let Some(blocks) = message.get("content").and_then(Value::as_array) {
        transcript.is_answer = true;
        for (place, block) in (0_u64..).zip(blocks) {
            begin_block(place, block, transcript, sink);
            end_block(place, transcript);
        }
    }
    stop(message, transcript);
}

/// A content block, whole or as it is before its first piece. What is neither text nor a tool call is never shown:
/// thinking above all, which counts in the usage only.
fn begin_block(place: u64, block: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    match text_at(block, "/type") {
        Some("text") => transcript.push_text(text_at(block, "/text").unwrap_or_default(), sink),
        Some("tool_use") => {
            let next = transcript.tool_calls.len();
            let Some(call) = transcript.tool_call(next) else { return };
            if let Some(id) = text_at(block, "/id") {
                call.id = id.to_owned();
            }
            call.name = text_at(block, "/name").unwrap_or_default().to_owned();
            // A stream begins with an empty object and sends the real one as text afterwards.
            if let Some(input) = block.get("input").and_then(Value::as_object).filter(|input| !input.is_empty()) {
                call.arguments = Value::Object(input.clone()).to_string();
            }
            transcript.tool_places.insert(place, next);
        }
        Some(_) | None => {}
    }
}

fn add_to_block(place: u64, delta: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    match text_at(delta, "/type") {
        Some("text_delta") => transcript.push_text(text_at(delta, "/text").unwrap_or_default(), sink),
        Some("input_json_delta") => {
            let Some(next) = transcript.tool_places.get(&place).copied() else { return };
            let Some(call) = transcript.tool_call(next) else { return };
            call.arguments.push_str(text_at(delta, "/partial_json").unwrap_or_default());
        }
        Some(_) | None => {}
    }
}

/// A call without arguments says so with an empty object, whether it came whole or in pieces.
fn end_block(place: u64, transcript: &mut Transcript) {
    let Some(next) = transcript.tool_places.get(&place).copied() else { return };
    if let Some(call) = transcript.tool_call(next).filter(|call| call.arguments.is_empty()) {
        call.arguments.push_str("{}");
    }
}

fn stop(message: &Value, transcript: &mut Transcript) {
    let Some(word) = text_at(message, "/stop_reason") else { return };
    transcript.finish = Some(match word {
        "refusal" => Finish::ContentFilter,
        "model_context_window_exceeded" => Finish::Length,
        // A paused turn is one, too: it ends in the middle of something only Anthropic's own tools could finish.
        other => Finish::parse(other),
    });
    if word == "refusal" {
        let said = text_at(message, "/stop_details/explanation").unwrap_or("the model refused to write this");
        let kind = text_at(message, "/stop_details/category").map(|kind| format!(" [{kind}]")).unwrap_or_default();
        transcript.refusal = format!("{said}{kind}");
    }
}

/// Takes the usage object of an answer or an event. The figures are sums so far, and a later event may leave some out.
fn add_usage(holder: &Value, transcript: &mut Transcript) {
    let Some(usage) = holder.get("usage").filter(|usage| usage.is_object()) else { return };
    let before = transcript.usage;
    let cached = tokens_at(usage, "/cache_read_input_tokens").or(before.input_cached);
    // A sum so far never shrinks: one that is smaller than before has left out what was cached.
    let input = whole_input(usage).max(before.input);
    let output = tokens_at(usage, "/output_tokens").or(before.output);
    let thinking = tokens_at(usage, "/output_tokens_details/thinking_tokens").or(before.output_reasoning);
    transcript.usage = TokenUsage {
        input,
        output,
        input_cached: part_of(cached, input),
        output_reasoning: part_of(thinking, output),
        ..before
    };
}

/// Anthropic counts what it reads from the cache and what it writes to it outside `input_tokens`. A part that is there
/// and cannot be believed makes the whole unknown; one that is missing was not used.
fn whole_input(usage: &Value) -> Option<Tokens> {
    let part = |name: &str| match usage.get(name) {
        None | Some(Value::Null) => Some(Tokens(0)),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
            tokens_at(usage, &format!("/{name}"))
        }
    };
    let (read, written) = (part("cache_read_input_tokens")?, part("cache_creation_input_tokens")?);
    believable(tokens_at(usage, "/input_tokens")?.0 + read.0 + written.0)
}

/// The class of an error where Anthropic's words say more than type and status do.
fn classed(mut found: ErrorText) -> ErrorText {
    let message = found.message.to_ascii_lowercase();
    let is = |kind: &str| found.words.iter().any(|word| word == kind);
    let spend_limit = found.words.iter().any(|word| word.starts_with("enforced_spend_limit"));
    // A limit the account set for itself, or an empty prepaid balance, comes as a bad request.
    let self_set = is("invalid_request_error")
        && (message.contains("credit balance is too low")
            || message.starts_with("you have reached your specified") && message.contains("usage limits"));
    let too_long = message.contains("prompt is too long") || message.contains("exceed context limit");
    found.class = if spend_limit || self_set || is("billing_error") {
        Some(ErrorClass::Quota)
    } else if is("invalid_request_error") && too_long {
        Some(ErrorClass::TooLarge)
    } else if is("not_found_error") && !message.contains("model") {
        // An unknown model is named as one. Anything else that is not found is not at this address.
        Some(ErrorClass::Misconfigured)
    } else {
        found.class
    };
    found
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::any_json::any_json;
    use crate::error::TimeoutPhase;
    use crate::error_text::into_error;
    use crate::provider::{NoSink, ToolCall};
    use crate::transcript::Shape;

    fn absorbed(pieces: &[Value]) -> Transcript {
        let mut transcript = Transcript::default();
        for body in pieces {
            absorb(Piece { event: None, body }, &mut transcript, &NoSink);
        }
        transcript
    }

    fn usage_of(usages: &[Value]) -> TokenUsage {
        let events: Vec<Value> =
            usages.iter().map(|usage| json!({"type": "message_delta", "delta": {}, "usage": usage})).collect();
        absorbed(&events).usage
    }

    #[test]
    fn input_is_the_sum_of_fresh_read_and_written_tokens() {
        let usage = usage_of(&[json!({
            "input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 5, "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
        })]);
        assert_eq!((usage.input, usage.input_cached), (Some(Tokens(95)), Some(Tokens(80))));
        assert_eq!((usage.output, usage.output_reasoning), (Some(Tokens(50)), Some(Tokens(30))));
        assert_eq!(usage.total(), Some(Tokens(145)));
    }

    #[test]
    fn later_figures_replace_earlier_ones_and_left_out_ones_stay() {
        let start = json!({"input_tokens": 10, "cache_read_input_tokens": 80, "output_tokens": 1});
        let usage = usage_of(&[start.clone(), json!({"output_tokens": 15}), json!({"output_tokens": 40})]);
        assert_eq!(
            (usage.input, usage.input_cached, usage.output),
            (Some(Tokens(90)), Some(Tokens(80)), Some(Tokens(40)))
        );
        let searched = json!({"input_tokens": 500, "cache_read_input_tokens": 80, "output_tokens": 15});
        assert_eq!(usage_of(&[start.clone(), searched]).input, Some(Tokens(580)));
        let without_cache = json!({"input_tokens": 10, "output_tokens": 15});
        assert_eq!(usage_of(&[start, without_cache]).input, Some(Tokens(90)));
    }

    #[test]
    fn garbage_in_usage_is_not_reported_and_never_zero() {
        for value in [json!(-1), json!(1.5), json!("12"), json!(u64::MAX), json!(9_000_000_000_000_i64)] {
            let usage = usage_of(&[json!({"input_tokens": value, "output_tokens": value})]);
            assert_eq!((usage.input, usage.output), (None, None), "{value}");
            let usage = usage_of(&[json!({"input_tokens": 3, "cache_read_input_tokens": value})]);
            assert_eq!((usage.input, usage.input_cached), (None, None), "{value}");
        }
        let usage = usage_of(&[json!({"input_tokens": 3, "cache_read_input_tokens": null})]);
        assert_eq!((usage.input, usage.input_cached), (Some(Tokens(3)), None));
        let thought = json!({"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 6}});
        assert_eq!(usage_of(&[thought]).output_reasoning, None);
        assert_eq!(usage_of(&[json!(null), json!([])]), TokenUsage::default());
    }

    #[test]
    fn tool_calls_are_found_by_their_block_even_when_pieces_are_mixed() {
        let begin =
            |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
        let tool = |name: &str| json!({"type": "tool_use", "id": format!("toolu_{name}"), "name": name, "input": {}});
        let piece = |index: u64, text: &str| {
            let delta = json!({"type": "input_json_delta", "partial_json": text});
            json!({"type": "content_block_delta", "index": index, "delta": delta})
        };
        let transcript = absorbed(&[
            begin(0, json!({"type": "thinking", "thinking": "secret"})),
            begin(1, tool("a")),
            begin(2, tool("b")),
            begin(3, json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})),
            piece(2, "{\"n\""),
            piece(1, ""),
            piece(3, "{\"query\":\"x\"}"),
            piece(2, ":1}"),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "content_block_stop", "index": 2}),
        ]);
        let call = |name: &str, arguments: &str| ToolCall {
            id: format!("toolu_{name}"),
            name: name.into(),
            arguments: arguments.into(),
            signature: None,
        };
        assert_eq!(transcript.tool_calls, [call("a", "{}"), call("b", "{\"n\":1}")]);
        assert_eq!(transcript.text, "");
    }

    #[test]
    fn every_stop_reason_has_a_meaning_and_a_new_one_is_kept() {
        let cases = [
            ("end_turn", Finish::Stop),
            ("stop_sequence", Finish::Stop),
            ("max_tokens", Finish::Length),
            ("model_context_window_exceeded", Finish::Length),
            ("tool_use", Finish::ToolCalls),
            ("refusal", Finish::ContentFilter),
            ("pause_turn", Finish::Unknown("pause_turn".into())),
            ("new_in_2027", Finish::Unknown("new_in_2027".into())),
        ];
        for (word, finish) in cases {
            let transcript = absorbed(&[json!({"type": "message_delta", "delta": {"stop_reason": word}})]);
            assert_eq!(transcript.finish, Some(finish), "{word}");
            assert_eq!(transcript.refusal.is_empty(), word != "refusal");
        }
        assert_eq!(absorbed(&[json!({"type": "message_delta", "delta": {"stop_reason": null}})]).finish, None);
    }

    #[test]
    fn only_the_farewell_ends_a_stream() {
        let stop = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
        assert!(!absorbed(std::slice::from_ref(&stop)).ended);
        assert!(absorbed(&[stop, json!({"type": "message_stop"})]).ended);
    }

    #[test]
    fn pings_and_events_of_tomorrow_change_nothing() {
        let transcript = absorbed(&[json!({"type": "ping"}), json!({"type": "telepathy", "content": "x"}), json!(7)]);
        assert_eq!(format!("{transcript:?}"), format!("{:?}", Transcript::default()));
    }

    #[test]
    fn every_documented_error_says_whether_a_retry_helps() {
        let body = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
        let code = json!({"error_code": "enforced_spend_limit_reached"});
        let spend = json!({"type": "rate_limit_error", "message": "no", "details": code});
        let spend = json!({"type": "error", "error": spend});
        let own_limit = "You have reached your specified API usage limits. You will regain access on 2026-12-01.";
        let no_credit = "Your credit balance is too low to access the Anthropic API.";
        let cases = [
            (400, body("invalid_request_error", "messages: field required"), ErrorClass::Rejected),
            (400, body("invalid_request_error", own_limit), ErrorClass::Quota),
            (400, body("invalid_request_error", no_credit), ErrorClass::Quota),
            (400, body("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), ErrorClass::TooLarge),
            (401, body("authentication_error", "invalid x-api-key"), ErrorClass::Unauthorized),
            (402, body("billing_error", "check your payment details"), ErrorClass::Quota),
            (403, body("permission_error", "not for this key"), ErrorClass::Unauthorized),
            (404, body("not_found_error", "model: claude-9"), ErrorClass::ModelNotFound),
            (404, body("not_found_error", "Not Found"), ErrorClass::Misconfigured),
            (409, body("conflict_error", "try again"), ErrorClass::Overloaded),
            (413, body("request_too_large", "too many bytes"), ErrorClass::TooLarge),
            (429, body("rate_limit_error", "too many requests"), ErrorClass::RateLimited),
            (429, spend, ErrorClass::Quota),
            (500, body("api_error", "oops"), ErrorClass::ServerError),
            (504, body("timeout_error", "too slow"), ErrorClass::TimedOut(TimeoutPhase::Upstream)),
            (529, body("overloaded_error", "Overloaded"), ErrorClass::Overloaded),
            // The same words after a success are judged the same.
            (200, body("overloaded_error", "Overloaded"), ErrorClass::Overloaded),
            (200, body("billing_error", "check your payment details"), ErrorClass::Quota),
            (200, body("something_new", "oops"), ErrorClass::ServerError),
        ];
        for (status, body, class) in cases {
            let error = into_error(status, classed(describe(&body, "")), &HeaderMap::new(), "");
            assert_eq!(error.class, class, "{status} {body}");
        }
    }

    const WORDS: &[&str] = &[
        "type",
        "index",
        "delta",
        "message",
        "message_start",
        "message_delta",
        "message_stop",
        "content_block",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "text",
        "text_delta",
        "tool_use",
        "input",
        "input_json_delta",
        "partial_json",
        "usage",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "stop_reason",
        "stop_details",
        "refusal",
        "error",
        "details",
        "error_code",
        "content",
        "id",
        "name",
        "model",
        "thinking",
        "ping",
    ];

    proptest! {
        #[test]
        fn no_json_makes_it_panic(bodies in proptest::collection::vec(any_json(WORDS), 1..8), event in 0..WORDS.len()) {
            let mut transcript = Transcript::default();
            for body in &bodies {
                absorb(Piece { event: WORDS.get(event).copied(), body }, &mut transcript, &NoSink);
                classed(describe(body, "raw"));
            }
            prop_assert!(transcript.tool_calls.len() <= 128);
            let usage = transcript.usage;
            prop_assert!(usage.input_cached.is_none_or(|part| usage.input.is_none_or(|whole| part <= whole)));
            prop_assert!(transcript.finish.is_some() || transcript.conclude(Shape::Stream).is_err());
        }
    }
}
