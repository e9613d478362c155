//! Ollama's chat format as values: the request body, the lines of an answer, the errors. Pure functions; it never sends
//! or waits.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3, and docs.ollama.com/api (November 2026).

use copydesk_core::metering::usage::TokenUsage;
use serde_json::{Map, Value, json};

use crate::count::tokens_at;
use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, error_in};
use crate::exchange::{Dialect, Piece, WireRequest};
use crate::openai_wire::decimal;
use crate::picture;
use crate::provider::{AnswerShape, CallRequest, DeltaSink, Finish, Message, Part, Tool, ToolCall};
use crate::tool_input::object_of;
use crate::transcript::Transcript;

/// Ollama's chat format at one address.
#[derive(Clone, Debug)]
pub(crate) struct OllamaChat {
    /// The whole address of the endpoint.
    pub url: String,
}

impl Dialect for OllamaChat {
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError> {
        Ok(WireRequest { url: self.url.clone(), headers: vec![], body: request_body(request)? })
    }

    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink) {
        absorb(piece.body, transcript, sink);
    }

    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        classed(describe(body, raw))
    }
}

/// Errors: `Misconfigured` - this format cannot say it.
fn request_body(request: &CallRequest) -> Result<Value, ProviderError> {
    if request.pictures {
        return Err(cannot("Ollama's chat models draw no pictures"));
    }
    if request.messages.is_empty() {
        return Err(cannot("Ollama takes a chat without messages for the wish to load the model"));
    }
    let messages: Result<Vec<Value>, ProviderError> =
        request.messages.iter().map(|one| message(one, &request.messages)).collect();
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("messages".into(), messages?.into());
    // Ollama streams unless told not to.
    body.insert("stream".into(), request.stream.into());
    match &request.shape {
        AnswerShape::Schema(schema) => drop(body.insert("format".into(), schema.clone())),
        AnswerShape::Json => drop(body.insert("format".into(), "json".into())),
        AnswerShape::Free => {}
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
    }
    let mut options = Map::new();
    if let Some(limit) = request.max_output_tokens {
        options.insert("num_predict".into(), limit.into());
    }
    if let Some(degree) = decimal(request.temperature) {
        options.insert("temperature".into(), degree);
    }
    if !options.is_empty() {
        body.insert("options".into(), options.into());
    }
    Ok(Value::Object(body))
}

fn cannot(what: &str) -> ProviderError {
    ProviderError::new(ErrorClass::Misconfigured, what)
}

fn message(message: &Message, all: &[Message]) -> Result<Value, ProviderError> {
    let mut out = json!({"role": message.role.as_str(), "content": message.text()});
    let mut images = Vec::new();
    for part in &message.content {
        if let Part::Picture(picture) = part {
            let data = picture::to_base64(picture);
            images.push(data.ok_or_else(|| cannot("Ollama takes a picture's bytes and follows no address"))?);
        }
    }
    if !images.is_empty() {
        out["images"] = images.into();
    }
    if !message.tool_calls.is_empty() {
        let calls: Result<Vec<Value>, ProviderError> = message.tool_calls.iter().map(tool_call).collect();
        out["tool_calls"] = calls?.into();
    }
    if let Some(id) = &message.tool_call_id {
        out["tool_call_id"] = id.as_str().into();
        // Older versions know a result by the tool's name only.
        if let Some(call) = all.iter().flat_map(|one| &one.tool_calls).find(|call| call.id == *id) {
            out["tool_name"] = call.name.as_str().into();
        }
    }
    Ok(out)
}

fn tool_call(call: &ToolCall) -> Result<Value, ProviderError> {
    Ok(json!({"id": call.id, "function": {"name": call.name, "arguments": object_of(call)?}}))
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name, "parameters": tool.parameters});
    if let Some(text) = &tool.description {
        function["description"] = text.as_str().into();
    }
    json!({"type": "function", "function": function})
}

/// Takes a whole answer or one line of a stream. The `thinking` beside the text is never shown.
fn absorb(body: &Value, transcript: &mut Transcript, sink: &dyn DeltaSink) {
    if let Some(found) = error_in(body) {
        transcript.error = Some(classed(found));
    }
    let text_at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    transcript.model = text_at("/model").map(str::to_owned).or(transcript.model.take());
    if let Some(message) = body.get("message").filter(|message| message.is_object()) {
        transcript.is_answer = true;
        transcript.push_text(text_at("/message/content").unwrap_or_default(), sink);
        let calls = message.get("tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        calls.iter().for_each(|call| absorb_tool_call(call, transcript));
    }
    let before = transcript.usage;
    transcript.usage = TokenUsage {
        input: tokens_at(body, "/prompt_eval_count").or(before.input),
        output: tokens_at(body, "/eval_count").or(before.output),
        ..before
    };
    if body.get("done") == Some(&Value::Bool(true)) {
        transcript.finish = Some(finish(text_at("/done_reason"), !transcript.tool_calls.is_empty()));
        transcript.ended = true;
    }
}

/// Tool calls come whole. Their arguments are an object, which is handed on as text.
fn absorb_tool_call(piece: &Value, transcript: &mut Transcript) {
    let Some(call) = transcript.tool_call(transcript.tool_calls.len()) else { return };
    if let Some(id) = piece.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        call.id = id.to_owned();
    }
    call.name = piece.pointer("/function/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    call.arguments = match piece.pointer("/function/arguments") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
}

/// Why it is done. Older versions give no reason; with tool calls the reason is `stop`.
fn finish(word: Option<&str>, asks_for_tools: bool) -> Finish {
    // `load` and `unload` among the unknown: nothing was written, and the conclusion says so.
    let finish = Finish::parse(word.unwrap_or_default());
    if asks_for_tools && finish == Finish::Stop { Finish::ToolCalls } else { finish }
}

/// Ollama's errors are sentences. These are known; any other is judged by its status, and by none as a failure of the
/// server.
fn classed(mut found: ErrorText) -> ErrorText {
    let message = found.message.to_ascii_lowercase();
    found.class = if message.starts_with("model ") && message.contains("not found") {
        Some(ErrorClass::ModelNotFound)
    } else if message.contains("context length") {
        Some(ErrorClass::TooLarge)
    } else if message.contains("usage limit") {
        // ollama.com: hours or days, not seconds.
        Some(ErrorClass::Quota)
    } else if message.contains("maximum pending requests exceeded") {
        Some(ErrorClass::Overloaded)
    } else if message.contains("does not support") {
        Some(ErrorClass::Rejected)
    } else {
        found.class
    };
    found
}

#[cfg(test)]
mod tests {
    use copydesk_core::{CallId, Tokens};
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;
    use crate::any_json::any_json;
    use crate::error_text::into_error;
    use crate::provider::{Bytes, NoSink, Picture, PictureSource, Role};
    use crate::transcript::Shape;

    fn request(messages: Vec<Message>) -> CallRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        CallRequest::new(call_id, "llama3.2", messages)
    }

    fn picture(source: PictureSource) -> Part {
        Part::Picture(Picture { media_type: "image/png".into(), source })
    }

    fn absorbed(lines: &[Value]) -> Transcript {
        let mut transcript = Transcript::default();
        lines.iter().for_each(|line| absorb(line, &mut transcript, &NoSink));
        transcript
    }

    #[test]
    fn the_request_body_says_everything_once() {
        let weather = Tool {
            name: "weather".into(),
            description: Some("Tells it.".into()),
            parameters: json!({"type": "object"}),
        };
        let full = CallRequest {
            max_output_tokens: Some(100),
            temperature: Some(0.3),
            shape: AnswerShape::Schema(json!({"type": "object"})),
            tools: vec![weather],
            stream: true,
            ..request(vec![Message::system("be kind"), Message::user("hi")])
        };
        let function = json!({"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}});
        let wanted = json!({
            "model": "llama3.2",
            "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
            "stream": true, "format": {"type": "object"},
            "tools": [{"type": "function", "function": function}],
            "options": {"num_predict": 100, "temperature": 0.3},
        });
        assert_eq!(request_body(&full).unwrap(), wanted);
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent_except_that_no_stream_is_wanted() {
        let body = request_body(&request(vec![Message::user("hi")])).unwrap();
        let wanted = json!({"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}], "stream": false});
        assert_eq!(body, wanted);
    }

    #[test]
    fn a_tools_result_names_the_call_and_the_tool_and_pictures_are_bytes() {
        let call = ToolCall {
            id: "call_a".into(),
            name: "weather".into(),
            arguments: "{\"city\":\"Kiel\"}".into(),
            signature: None,
        };
        let asks = Message { tool_calls: vec![call], ..Message::assistant("") };
        let result = Message { tool_call_id: Some("call_a".into()), ..Message::new(Role::Tool, "12 degrees") };
        let bytes = picture(PictureSource::Bytes(Bytes::from_static(b"\x89PNG")));
        let shown = Message { content: vec![Part::Text("and this?".into()), bytes], ..Message::user("") };
        let function = json!({"name": "weather", "arguments": {"city": "Kiel"}});
        let wanted = json!([
            {"role": "assistant", "content": "", "tool_calls": [{"id": "call_a", "function": function}]},
            {"role": "tool", "content": "12 degrees", "tool_call_id": "call_a", "tool_name": "weather"},
            {"role": "user", "content": "and this?", "images": ["iVBORw=="]},
        ]);
        assert_eq!(request_body(&request(vec![asks, result, shown])).unwrap()["messages"], wanted);
    }

    #[test]
    fn what_the_format_cannot_say_is_refused_before_anything_is_sent() {
        let linked = picture(PictureSource::Url("https://example.com/a.png".into()));
        let broken = ToolCall { id: "a".into(), name: "b".into(), arguments: "{".into(), signature: None };
        let cases = [
            request(vec![]),
            CallRequest { pictures: true, ..request(vec![Message::user("a cat")]) },
            request(vec![Message { content: vec![linked], ..Message::user("") }]),
            request(vec![Message { tool_calls: vec![broken], ..Message::assistant("") }]),
        ];
        for case in cases {
            let error = request_body(&case).unwrap_err();
            assert_eq!(error.class, ErrorClass::Misconfigured, "{error}");
        }
    }

    #[test]
    fn thinking_is_not_text_and_figures_that_are_missing_are_not_zero() {
        let transcript = absorbed(&[
            json!({"message": {"role": "assistant", "content": "", "thinking": "secret"}, "done": false}),
            json!({"message": {"role": "assistant", "content": "Moin"}, "done": false}),
            json!({"message": {}, "done": true, "done_reason": "stop", "eval_count": 2, "prompt_eval_count": -1}),
        ]);
        assert_eq!((transcript.text.as_str(), transcript.ended), ("Moin", true));
        assert_eq!((transcript.usage.input, transcript.usage.output), (None, Some(Tokens(2))));
    }

    #[test]
    fn every_done_reason_has_a_meaning_and_a_new_one_is_kept() {
        let cases = [
            (json!("stop"), Finish::Stop),
            (json!("length"), Finish::Length),
            (json!("load"), Finish::Unknown("load".into())),
            (json!("unload"), Finish::Unknown("unload".into())),
            (json!("tired"), Finish::Unknown("tired".into())),
            (json!(null), Finish::Unknown(String::new())),
        ];
        for (reason, finish) in cases {
            let transcript = absorbed(&[json!({"message": {}, "done": true, "done_reason": reason})]);
            assert_eq!(transcript.finish, Some(finish), "{reason}");
        }
        assert_eq!(absorbed(&[json!({"message": {}, "done": false, "done_reason": "stop"})]).finish, None);
    }

    #[test]
    fn tool_calls_are_handed_on_as_text_and_turn_a_stop_into_a_wish_for_tools() {
        let call = |name: &str, arguments: Value| json!({"function": {"name": name, "arguments": arguments}});
        let named = json!({"id": "call_x", "function": {"name": "c"}});
        let transcript = absorbed(&[
            json!({"message": {"tool_calls": [call("a", json!({"n": 1})), call("b", json!("as text"))]}}),
            json!({"message": {"tool_calls": [named]}}),
            json!({"message": {}, "done": true, "done_reason": "stop"}),
        ]);
        let call = |id: &str, name: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: None,
        };
        let wanted = [call("call_0", "a", "{\"n\":1}"), call("call_1", "b", "as text"), call("call_x", "c", "{}")];
        assert_eq!(transcript.tool_calls, wanted);
        assert_eq!(transcript.finish, Some(Finish::ToolCalls));
    }

    #[test]
    fn every_known_sentence_says_whether_a_retry_helps() {
        let cases = [
            (404, "model 'nope' not found", ErrorClass::ModelNotFound),
            (404, "model \"nope\" not found, try pulling it first", ErrorClass::ModelNotFound),
            (200, "model 'nope' not found", ErrorClass::ModelNotFound),
            (400, "invalid model name", ErrorClass::Rejected),
            (400, "registry.ollama.ai/library/tiny:latest does not support tools", ErrorClass::Rejected),
            (400, "the input length exceeds the context length", ErrorClass::TooLarge),
            (401, "unauthorized", ErrorClass::Unauthorized),
            (429, "too many requests", ErrorClass::RateLimited),
            (429, "you have reached your weekly usage limit, upgrade for higher limits", ErrorClass::Quota),
            (499, "request canceled", ErrorClass::ServerError),
            (500, "llama runner process has terminated: exit status 2", ErrorClass::ServerError),
            (503, "server busy, please try again.  maximum pending requests exceeded", ErrorClass::Overloaded),
            (200, "an error was encountered while running the model", ErrorClass::ServerError),
        ];
        for (status, text, class) in cases {
            let body = json!({"error": text});
            let error = into_error(status, classed(describe(&body, "")), &HeaderMap::new(), "");
            assert_eq!((error.class, error.message.as_str()), (class, text));
        }
    }

    const WORDS: &[&str] = &[
        "model",
        "message",
        "content",
        "thinking",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "done",
        "done_reason",
        "stop",
        "load",
        "prompt_eval_count",
        "eval_count",
        "error",
        "status",
    ];

    proptest! {
        #[test]
        fn no_json_makes_it_panic(lines in proptest::collection::vec(any_json(WORDS), 1..8)) {
            let transcript = absorbed(&lines);
            lines.iter().for_each(|line| drop(classed(describe(line, "raw"))));
            prop_assert!(transcript.tool_calls.len() <= 128);
            prop_assert_eq!(transcript.ended, transcript.finish.is_some());
            prop_assert!(transcript.ended || transcript.conclude(Shape::Stream).is_err());
        }
    }
}
