//! A request in Anthropic's messages format: turns, tools, and the schema of an answer in the part of JSON Schema that
//! Anthropic enforces. Pure functions; it never sends or waits. Read next: `anthropic_wire.rs` for the answers.
//!
//! Source: platform.claude.com/docs, pages "Messages", "Tool use", "Vision" and "Structured outputs" (November 2026).

use serde_json::{Map, Value, json};

use crate::anthropic_schema::narrowed;
use crate::error::{ErrorClass, ProviderError};
use crate::openai_wire::decimal;
use crate::picture;
use crate::provider::{CallRequest, Message, Part, Picture, PictureSource, Role, Tool, ToolCall};
use crate::tool_input::object_of;

/// The output limit of a request that names none, since Anthropic demands one. Thinking counts against it, and the
/// newer models think unasked, so it is generous; every model on offer takes nearly four times as much. Units: tokens.
pub const OUTPUT_TOKENS_DEFAULT: u32 = 16_384;

/// Errors: `Misconfigured` - this format cannot say it.
pub(crate) fn request_body(request: &CallRequest) -> Result<Value, ProviderError> {
    if request.pictures {
        return Err(cannot("Anthropic's models draw no pictures"));
    }
    let Conversation { system, turns } = conversation(&request.messages)?;
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("max_tokens".into(), request.max_output_tokens.unwrap_or(OUTPUT_TOKENS_DEFAULT).into());
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    let turn = |turn: Turn| json!({"role": turn.role, "content": turn.blocks});
    body.insert("messages".into(), turns.into_iter().map(turn).collect());
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    if let Some(degree) = decimal(request.temperature) {
        body.insert("temperature".into(), degree);
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
    }
    // There is no way to ask for JSON of no schema.
    if let Some(schema) = request.shape.schema() {
        let format = json!({"type": "json_schema", "schema": narrowed(schema)});
        body.insert("output_config".into(), json!({"format": format}));
    }
    Ok(Value::Object(body))
}

fn cannot(what: &str) -> ProviderError {
    ProviderError::new(ErrorClass::Misconfigured, what)
}

/// The messages as Anthropic takes them: what the system says apart, then turns of the two roles in alternation.
struct Conversation {
    system: Vec<Value>,
    turns: Vec<Turn>,
}

struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

fn conversation(messages: &[Message]) -> Result<Conversation, ProviderError> {
    let mut system = Vec::new();
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        let (role, blocks) = match message.role {
            Role::System if message.content.iter().any(|part| matches!(part, Part::Picture(_))) => {
                return Err(cannot("a system message for Anthropic cannot hold a picture"));
            }
            Role::System => {
                system.extend(blocks(message));
                continue;
            }
            Role::User => ("user", blocks(message)),
            Role::Assistant => {
                let calls: Result<Vec<Value>, ProviderError> = message.tool_calls.iter().map(tool_use).collect();
                ("assistant", [blocks(message), calls?].concat())
            }
            Role::Tool => ("user", vec![tool_result(message)?]),
        };
        match turns.last_mut() {
            // Anthropic refuses a turn without content, so a message that says nothing is no turn.
            _ if blocks.is_empty() => {}
            Some(turn) if turn.role == role => turn.blocks.extend(blocks),
            Some(_) | None => turns.push(Turn { role, blocks }),
        }
    }
    Ok(Conversation { system, turns })
}

/// The parts of a message as content blocks. Anthropic refuses text without a visible character; it is left out.
fn blocks(message: &Message) -> Vec<Value> {
    let block = |part: &Part| match part {
        Part::Text(text) if text.trim().is_empty() => None,
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Picture(picture) => Some(image(picture)),
    };
    message.content.iter().filter_map(block).collect()
}

fn image(picture: &Picture) -> Value {
    let source = match &picture.source {
        PictureSource::Url(url) => json!({"type": "url", "url": url}),
        PictureSource::Bytes(bytes) => {
            json!({"type": "base64", "media_type": picture.media_type, "data": picture::encode(bytes)})
        }
    };
    json!({"type": "image", "source": source})
}

fn tool_use(call: &ToolCall) -> Result<Value, ProviderError> {
    Ok(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": object_of(call)?}))
}

fn tool_result(message: &Message) -> Result<Value, ProviderError> {
    let Some(id) = &message.tool_call_id else {
        return Err(cannot("a tool's message does not say which call it answers"));
    };
    let mut result = json!({"type": "tool_result", "tool_use_id": id});
    let content = blocks(message);
    if !content.is_empty() {
        result["content"] = content.into();
    }
    Ok(result)
}

fn tool(tool: &Tool) -> Value {
    let mut out = json!({"name": tool.name, "input_schema": tool.parameters});
    if let Some(text) = &tool.description {
        out["description"] = text.as_str().into();
    }
    out
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;

    use super::*;
    use crate::provider::{AnswerShape, Bytes};

    fn request(messages: Vec<Message>) -> CallRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        CallRequest::new(call_id, "claude-sonnet-5", messages)
    }

    fn picture(source: PictureSource) -> Part {
        Part::Picture(Picture { media_type: "image/png".into(), source })
    }

    fn call(arguments: &str) -> ToolCall {
        ToolCall { id: "toolu_1".into(), name: "weather".into(), arguments: arguments.into(), signature: None }
    }

    fn turns(messages: Vec<Message>) -> Value {
        request_body(&request(messages)).unwrap()["messages"].take()
    }

    #[test]
    fn the_request_body_says_everything_once() {
        let tools = vec![
            Tool {
                name: "weather".into(),
                description: Some("Tells it.".into()),
                parameters: json!({"type": "object"}),
            },
            Tool { name: "noon".into(), description: None, parameters: json!({"type": "object"}) },
        ];
        let full = CallRequest {
            max_output_tokens: Some(100),
            temperature: Some(0.3),
            shape: AnswerShape::Schema(
                json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}),
            ),
            tools,
            stream: true,
            ..request(vec![Message::system("be kind"), Message::user("hi"), Message::system("be brief")])
        };
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}},
        });
        let wanted = json!({
            "model": "claude-sonnet-5", "max_tokens": 100, "stream": true, "temperature": 0.3,
            "system": [{"type": "text", "text": "be kind"}, {"type": "text", "text": "be brief"}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "tools": [
                {"name": "weather", "description": "Tells it.", "input_schema": {"type": "object"}},
                {"name": "noon", "input_schema": {"type": "object"}},
            ],
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        });
        assert_eq!(request_body(&full).unwrap(), wanted);
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent_except_the_limit_anthropic_demands() {
        let body = request_body(&request(vec![Message::user("hi")])).unwrap();
        let mut keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["max_tokens", "messages", "model"]);
        assert_eq!(body["max_tokens"], json!(OUTPUT_TOKENS_DEFAULT));
    }

    #[test]
    fn neighbours_of_one_role_become_one_turn_and_a_tools_result_is_the_users() {
        let asks = Message { tool_calls: vec![call(r#"{"city":"Kiel"}"#)], ..Message::assistant("One moment.") };
        let result = Message { tool_call_id: Some("toolu_1".into()), ..Message::new(Role::Tool, "12 degrees") };
        let silent = Message { tool_call_id: Some("toolu_2".into()), ..Message::new(Role::Tool, "") };
        let said = turns(vec![Message::user("a"), Message::user("b"), asks, result, silent, Message::user("Well?")]);
        let wanted = json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Kiel"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "12 degrees"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2"},
                {"type": "text", "text": "Well?"},
            ]},
        ]);
        assert_eq!(said, wanted);
    }

    #[test]
    fn empty_text_is_no_block_and_an_empty_message_no_turn() {
        let asks = Message { tool_calls: vec![call("")], ..Message::assistant("") };
        let said = turns(vec![Message::user("a"), Message::assistant(" \n"), Message::user("b"), asks]);
        let wanted = json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]},
        ]);
        assert_eq!(said, wanted);
    }

    #[test]
    fn pictures_go_as_base64_or_by_address() {
        let shown = Message {
            content: vec![
                Part::Text("what is this?".into()),
                picture(PictureSource::Bytes(Bytes::from_static(b"\x89PNG"))),
                picture(PictureSource::Url("https://example.com/a.png".into())),
            ],
            ..Message::user("")
        };
        let wanted = json!([{"role": "user", "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        ]}]);
        assert_eq!(turns(vec![shown]), wanted);
    }

    #[test]
    fn what_the_format_cannot_say_is_refused_before_anything_is_sent() {
        let drawn = CallRequest { pictures: true, ..request(vec![Message::user("a cat")]) };
        let seen = Message {
            content: vec![picture(PictureSource::Url("https://example.com/a.png".into()))],
            ..Message::system("")
        };
        let broken = Message { tool_calls: vec![call("{\"city\":")], ..Message::assistant("") };
        let list = Message { tool_calls: vec![call("[1]")], ..Message::assistant("") };
        let orphan = Message::new(Role::Tool, "12 degrees");
        let mut cases: Vec<CallRequest> =
            [seen, broken, list, orphan].into_iter().map(|message| request(vec![message])).collect();
        cases.push(drawn);
        for case in cases {
            let error = request_body(&case).unwrap_err();
            assert_eq!(error.class, ErrorClass::Misconfigured, "{error}");
        }
    }
}
