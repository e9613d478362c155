//! A request in Gemini's format, as values: its address, its contents, its settings. Pure; it never sends or waits.
//!
//! Source: ai.google.dev/api/generate-content, /docs/function-calling, /docs/thought-signatures, /docs/image-generation
//! (November 2026).

use serde_json::{Map, Value, json};

use crate::error::{ErrorClass, ProviderError};
use crate::openai_wire::decimal;
use crate::picture;
use crate::provider::{AnswerShape, CallRequest, Message, Part, Picture, PictureSource, Role, Tool, ToolCall};

/// What stands for a signature of Gemini's own thoughts that we do not have. Models from Gemini 3 on refuse a history
/// with tool calls or drawn pictures without one.
///
/// Source: ai.google.dev/gemini-api/docs/thought-signatures (November 2026).
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// `models/NAME` with everything encoded that an address cannot hold. A name that says its own collection keeps it.
///
/// Errors: `ModelNotFound` - no model can be called this.
pub(crate) fn model_path(model: &str) -> Result<String, ProviderError> {
    let own_collection = ["models/", "tunedModels/"].iter().any(|collection| model.starts_with(collection));
    let segments: Vec<String> = if own_collection {
        model.split('/').map(encoded).collect()
    } else {
        vec!["models".to_owned(), encoded(model)]
    };
    if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
        return Err(ProviderError::new(ErrorClass::ModelNotFound, format!("{model:?} is not the name of a model")));
    }
    Ok(segments.join("/"))
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Errors: `Misconfigured` - a picture for the system, or a tool's answer to no question.
pub(crate) fn body(request: &CallRequest) -> Result<Value, ProviderError> {
    let mut body = Map::new();
    let system = system_parts(&request.messages)?;
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": system}));
    }
    body.insert("contents".into(), contents(request)?);
    if !request.tools.is_empty() {
        let declared: Vec<Value> = request.tools.iter().map(declaration).collect();
        body.insert("tools".into(), json!([{"functionDeclarations": declared}]));
    }
    let config = generation_config(request);
    if !config.is_empty() {
        body.insert("generationConfig".into(), Value::Object(config));
    }
    Ok(Value::Object(body))
}

fn generation_config(request: &CallRequest) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(limit) = request.max_output_tokens {
        config.insert("maxOutputTokens".into(), limit.into());
    }
    if let Some(degree) = decimal(request.temperature) {
        config.insert("temperature".into(), degree);
    }
    if request.shape != AnswerShape::Free {
        config.insert("responseMimeType".into(), "application/json".into());
    }
    if let Some(schema) = request.shape.schema() {
        // `responseSchema` takes a subset of OpenAPI's schemas; this one takes JSON Schema as it is.
        config.insert("responseJsonSchema".into(), schema.clone());
    }
    if request.pictures {
        config.insert("responseModalities".into(), json!(["TEXT", "IMAGE"]));
    }
    config
}

fn declaration(tool: &Tool) -> Value {
    let mut out = json!({"name": tool.name});
    if let Some(text) = &tool.description {
        out["description"] = text.as_str().into();
    }
    if tool.parameters.as_object().is_some_and(|schema| !schema.is_empty()) {
        out["parametersJsonSchema"] = tool.parameters.clone();
    }
    out
}

fn system_parts(messages: &[Message]) -> Result<Vec<Value>, ProviderError> {
    let mut parts = Vec::new();
    for part in messages.iter().filter(|message| message.role == Role::System).flat_map(|message| &message.content) {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => parts.push(json!({"text": text})),
            Part::Picture(_) => return Err(unsayable("Gemini's system instruction takes no pictures")),
        }
    }
    Ok(parts)
}

/// The turns. Answers of tools that follow one another are one turn: Gemini wants as many answers in it as there were
/// questions.
fn contents(request: &CallRequest) -> Result<Value, ProviderError> {
    let signed = wants_signatures(&request.model);
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System => {}
            Role::User => turns.push((Role::User, parts(message, Signed::Never))),
            Role::Assistant => {
                let signing = if signed { Signed::Pictures } else { Signed::Never };
                let mut parts = parts(message, signing);
                // Of several calls at once only the first carries a signature.
                let unsigned = signed && message.tool_calls.iter().all(|call| call.signature.is_none());
                let calls = message.tool_calls.iter().enumerate();
                parts.extend(calls.map(|(place, call)| function_call(call, unsigned && place == 0)));
                turns.push((Role::Assistant, parts));
            }
            Role::Tool => {
                let answer = function_response(message, &request.messages[..at])?;
                match turns.last_mut() {
                    Some((Role::Tool, parts)) => parts.push(answer),
                    Some(_) | None => turns.push((Role::Tool, vec![answer])),
                }
            }
        }
    }
    let turn = |(role, mut parts): (Role, Vec<Value>)| {
        if parts.is_empty() {
            parts.push(json!({"text": ""}));
        }
        let role = if role == Role::Assistant { "model" } else { "user" };
        json!({"role": role, "parts": parts})
    };
    Ok(turns.into_iter().map(turn).collect())
}

/// Whether drawn pictures need a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    Never,
    Pictures,
}

/// Gemini refuses empty text, so it is left out.
fn parts(message: &Message, signed: Signed) -> Vec<Value> {
    let part = |part: &Part| match part {
        Part::Text(text) if text.is_empty() => None,
        Part::Text(text) => Some(json!({"text": text})),
        Part::Picture(picture) => {
            let mut out = picture_part(picture);
            if signed == Signed::Pictures {
                out["thoughtSignature"] = NO_SIGNATURE.into();
            }
            Some(out)
        }
    };
    message.content.iter().filter_map(part).collect()
}

fn picture_part(picture: &Picture) -> Value {
    let data = match &picture.source {
        PictureSource::Bytes(bytes) => {
            let data = picture::encode(bytes);
            return json!({"inlineData": {"mimeType": picture.media_type, "data": data}});
        }
        PictureSource::Url(url) => url,
    };
    if picture.media_type.is_empty() || picture.media_type.contains('*') {
        return json!({"fileData": {"fileUri": data}});
    }
    json!({"fileData": {"mimeType": picture.media_type, "fileUri": data}})
}

/// A call with the signature it came with. One that came without is `signed` in its stead, where Gemini wants that.
fn function_call(call: &ToolCall, signed: bool) -> Value {
    let args = match serde_json::from_str::<Value>(&call.arguments) {
        Ok(args) if args.is_object() => args,
        Ok(_) | Err(_) if call.arguments.trim().is_empty() => json!({}),
        // Gemini takes an object and nothing else; what a model wrote wrongly stays readable in one.
        Ok(_) | Err(_) => json!({"arguments": call.arguments}),
    };
    let mut function = json!({"name": call.name, "args": args});
    if let Some(id) = own_id(&call.id) {
        function["id"] = id.into();
    }
    let mut out = json!({"functionCall": function});
    if let Some(signature) = call.signature.as_deref().or(signed.then_some(NO_SIGNATURE)) {
        out["thoughtSignature"] = signature.into();
    }
    out
}

fn function_response(message: &Message, before: &[Message]) -> Result<Value, ProviderError> {
    let id = message.tool_call_id.as_deref().ok_or_else(|| unsayable("a tool's answer names no tool call"))?;
    // Ids we made up repeat from turn to turn, so the last call by that id is the one.
    let call = before.iter().rev().flat_map(|message| &message.tool_calls).find(|call| call.id == id);
    let call = call.ok_or_else(|| unsayable("a tool's answer belongs to no tool call before it"))?;
    let text = message.text();
    let response = match serde_json::from_str::<Value>(&text) {
        Ok(answer) if answer.is_object() => answer,
        Ok(answer) => json!({"result": answer}),
        Err(_) => json!({"result": text}),
    };
    let mut function = json!({"name": call.name, "response": response});
    if let Some(id) = own_id(id) {
        function["id"] = id.into();
    }
    let pictures: Vec<Value> = message.content.iter().filter_map(only_picture).collect();
    if !pictures.is_empty() {
        function["parts"] = pictures.into();
    }
    Ok(json!({"functionResponse": function}))
}

fn only_picture(part: &Part) -> Option<Value> {
    match part {
        Part::Text(_) => None,
        Part::Picture(picture) => Some(picture_part(picture)),
    }
}

/// An id that Gemini gave; those made up from a place (`call_0`) mean nothing to it.
fn own_id(id: &str) -> Option<&str> {
    let made_up = id
        .strip_prefix("call_")
        .is_some_and(|place| !place.is_empty() && place.len() <= 3 && place.bytes().all(|byte| byte.is_ascii_digit()));
    (!made_up && !id.is_empty()).then_some(id)
}

fn wants_signatures(model: &str) -> bool {
    let name = model.strip_prefix("models/").unwrap_or(model);
    !["gemini-1.", "gemini-2.", "gemma-", "tunedModels/"].iter().any(|older| name.starts_with(older))
}

fn unsayable(what: &str) -> ProviderError {
    ProviderError::new(ErrorClass::Misconfigured, what)
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;

    use super::*;
    use crate::provider::Bytes;

    fn request(messages: Vec<Message>) -> CallRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        CallRequest::new(call_id, "gemini-2.5-flash", messages)
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
    }

    fn asks(tool_calls: Vec<ToolCall>) -> Message {
        Message { tool_calls, ..Message::assistant("") }
    }

    fn answers(id: &str, text: &str) -> Message {
        Message { tool_call_id: Some(id.into()), ..Message::new(Role::Tool, text) }
    }

    fn picture(media_type: &str, source: PictureSource) -> Part {
        Part::Picture(Picture { media_type: media_type.into(), source })
    }

    #[test]
    fn the_request_body_says_everything_once() {
        let request = CallRequest {
            max_output_tokens: Some(100),
            temperature: Some(0.3),
            shape: AnswerShape::Schema(json!({"type": "object"})),
            pictures: true,
            tools: vec![
                Tool {
                    name: "weather".into(),
                    description: Some("asks".into()),
                    parameters: json!({"type": "object"}),
                },
                Tool { name: "now".into(), description: None, parameters: json!({}) },
            ],
            ..request(vec![
                Message::system("be kind"),
                Message::user("hi"),
                Message::assistant("hello"),
                Message::system("be brief"),
                Message::user("and?"),
            ])
        };
        let wanted = json!({
            "systemInstruction": {"parts": [{"text": "be kind"}, {"text": "be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [{"text": "hello"}]},
                {"role": "user", "parts": [{"text": "and?"}]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "weather", "description": "asks", "parametersJsonSchema": {"type": "object"}},
                {"name": "now"},
            ]}],
            "generationConfig": {
                "maxOutputTokens": 100, "temperature": 0.3,
                "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
                "responseModalities": ["TEXT", "IMAGE"],
            },
        });
        assert_eq!(body(&request).unwrap(), wanted);
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent() {
        let plain = body(&request(vec![Message::user("hi")])).unwrap();
        assert_eq!(plain, json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}));
    }

    #[test]
    fn pictures_go_as_bytes_or_by_address() {
        let bytes = PictureSource::Bytes(Bytes::from_static(b"\x89PNG"));
        let by_url = |url: &str| PictureSource::Url(url.into());
        let content = vec![
            Part::Text("see".into()),
            picture("image/png", bytes),
            picture("image/jpeg", by_url("https://example.com/a.jpg")),
            picture("image/*", by_url("https://example.com/b")),
        ];
        let sent = body(&request(vec![Message { content, ..Message::user("") }])).unwrap();
        let wanted = json!([
            {"text": "see"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg"}},
            {"fileData": {"fileUri": "https://example.com/b"}},
        ]);
        assert_eq!(sent["contents"][0]["parts"], wanted);
    }

    #[test]
    fn tool_calls_and_their_answers_are_named_and_the_answers_are_one_turn() {
        let messages = vec![
            Message::user("weather?"),
            asks(vec![call("call_0", "weather", r#"{"city":"Kiel"}"#), call("fc-9", "now", "")]),
            answers("call_0", r#"{"degrees":7}"#),
            answers("fc-9", "noon"),
        ];
        let wanted = json!([
            {"role": "user", "parts": [{"text": "weather?"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "weather", "args": {"city": "Kiel"}}},
                {"functionCall": {"name": "now", "args": {}, "id": "fc-9"}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "weather", "response": {"degrees": 7}}},
                {"functionResponse": {"name": "now", "response": {"result": "noon"}, "id": "fc-9"}},
            ]},
        ]);
        assert_eq!(body(&request(messages)).unwrap()["contents"], wanted);
    }

    #[test]
    fn a_made_up_id_that_repeats_means_the_last_call_by_it() {
        let messages = vec![
            asks(vec![call("call_0", "first", "{}")]),
            answers("call_0", "1"),
            asks(vec![call("call_0", "second", "not json")]),
            answers("call_0", "[2]"),
        ];
        let contents = body(&request(messages)).unwrap()["contents"].clone();
        assert_eq!(contents[1]["parts"][0]["functionResponse"]["name"], "first");
        assert_eq!(contents[1]["parts"][0]["functionResponse"]["response"], json!({"result": 1}));
        assert_eq!(contents[2]["parts"][0]["functionCall"]["args"], json!({"arguments": "not json"}));
        assert_eq!(contents[3]["parts"][0]["functionResponse"]["name"], "second");
    }

    #[test]
    fn what_the_format_cannot_say_is_an_error_and_not_left_out() {
        let picture = picture("image/png", PictureSource::Bytes(Bytes::from_static(b"x")));
        let cases = [
            Message { content: vec![picture], ..Message::system("") },
            Message::new(Role::Tool, "to nobody"),
            answers("fc-1", "to a call that is not there"),
        ];
        for message in cases {
            let error = body(&request(vec![message])).unwrap_err();
            assert_eq!((error.class, error.retryable()), (ErrorClass::Misconfigured, false), "{error}");
        }
    }

    #[test]
    fn gemini_3_gets_a_stand_in_for_the_signatures_we_do_not_keep() {
        let drawn = picture("image/png", PictureSource::Bytes(Bytes::from_static(b"x")));
        let turn = Message { content: vec![drawn], ..asks(vec![call("a", "x", "{}"), call("b", "y", "{}")]) };
        let parts_for = |model: &str| {
            let request = CallRequest { model: model.into(), ..request(vec![turn.clone()]) };
            let parts = body(&request).unwrap()["contents"][0]["parts"].as_array().unwrap().clone();
            parts.iter().map(|part| part.get("thoughtSignature").is_some()).collect::<Vec<_>>()
        };
        for newer in ["gemini-3-pro", "models/gemini-3.1-flash", "gemini-flash-latest"] {
            assert_eq!(parts_for(newer), [true, true, false], "{newer}");
        }
        for older in ["gemini-2.5-pro", "models/gemini-1.5-pro", "tunedModels/mine"] {
            assert_eq!(parts_for(older), [false, false, false], "{older}");
        }
    }

    #[test]
    fn a_signature_goes_back_to_every_model_and_in_the_place_it_came_from() {
        let signed = |id: &str| ToolCall { signature: Some(format!("of {id}")), ..call(id, "now", "{}") };
        for model in ["gemini-2.5-pro", "gemini-3-pro"] {
            let messages = vec![Message::user("hi"), asks(vec![signed("a"), call("b", "now", "{}"), signed("c")])];
            let sent = body(&CallRequest { model: model.into(), ..request(messages) }).unwrap();
            let signature = |place: usize| sent["contents"][1]["parts"][place].get("thoughtSignature").cloned();
            assert_eq!([0, 1, 2].map(signature), [Some(json!("of a")), None, Some(json!("of c"))], "{model}");
        }
    }

    #[test]
    fn a_turn_without_content_is_still_a_turn() {
        let sent = body(&request(vec![Message::user("")])).unwrap();
        assert_eq!(sent["contents"][0]["parts"], json!([{"text": ""}]));
    }

    #[test]
    fn a_models_name_stays_inside_its_place_in_the_address() {
        let path = |model| model_path(model).unwrap();
        assert_eq!(path("gemini-2.5-flash"), "models/gemini-2.5-flash");
        assert_eq!(path("models/gemini-2.5-flash"), "models/gemini-2.5-flash");
        assert_eq!(path("tunedModels/my-model"), "tunedModels/my-model");
        assert_eq!(path("a/b?c=d#e:f%2e g"), "models/a%2Fb%3Fc%3Dd%23e%3Af%252e%20g");
        assert_eq!(path("modèle"), "models/mod%C3%A8le");
        for bad in ["", "..", ".", "models/", "models/../../v1/keys", "tunedModels//x"] {
            assert_eq!(model_path(bad).unwrap_err().class, ErrorClass::ModelNotFound, "{bad:?}");
        }
    }
}
