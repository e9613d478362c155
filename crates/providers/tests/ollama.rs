//! What an Ollama server may answer, one recorded answer per claim, and what goes out to it. The answers are written
//! from its documentation (November 2026).

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::Tokens;
use copydesk_providers::{
    AnswerShape, Bytes, CallReport, CallRequest, ErrorClass, Finish, HttpClient, Message, Ollama, Part, Picture,
    PictureSource, Provider, ProviderError, Secret, Tool,
};
use serde_json::{Value, json};
use support::{Act, Deltas, KEY, RawServer, answer, chunk, chunked_head, fixture, request, streamed, tool_call};

fn provider(server: &RawServer) -> Ollama {
    Ollama::new("ollama", server.base_url.trim_end_matches("/v1"), HttpClient::new().unwrap())
}

async fn send(acts: Vec<Act>, request: &CallRequest, deltas: &Deltas) -> CallReport {
    let server = RawServer::start(acts).await;
    provider(&server).with_api_key(Some(Secret::new(KEY))).call(request, deltas).await
}

/// One call to the fixture's answer, streamed when the case is a stream.
async fn call(case: &str) -> CallReport {
    let request = if case.starts_with("stream") { streamed("llama3.2", "hi") } else { request("llama3.2", "hi") };
    send(vec![Act::Send(fixture("ollama", case))], &request, &Deltas::default()).await
}

async fn error(case: &str) -> ProviderError {
    let report = call(case).await;
    assert!(report.sent, "an answer means that the request had left");
    report.result.unwrap_err()
}

#[tokio::test]
async fn a_whole_answer_is_reported_and_thinking_is_not_text() {
    let report = call("answer").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(26)), Some(Tokens(298))));
    assert_eq!((report.usage.input_cached, report.usage.output_reasoning), (None, None));
    assert_eq!(report.served_model.as_deref(), Some("llama3.2"));
}

#[tokio::test]
async fn a_stream_of_lines_is_handed_on_piece_by_piece() {
    let deltas = Deltas::default();
    let report = send(vec![Act::Send(fixture("ollama", "stream"))], &streamed("llama3.2", "hi"), &deltas).await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    assert_eq!(deltas.texts(), ["Grüße ", "aus dem Hafen 🦀"]);
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(26)), Some(Tokens(282))));
    let without_last_line_end = call("stream_no_last_line_end").await;
    assert_eq!(without_last_line_end.result.unwrap().text, "All of it.");
}

#[tokio::test]
async fn a_stream_cut_into_any_pieces_gives_the_same_answer() {
    let body = fixture("ollama", "stream");
    let start = body.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for width in [1, 3, 64] {
        let mut acts = vec![Act::Send(chunked_head("application/x-ndjson"))];
        acts.extend(body[start..].chunks(width).map(|piece| Act::Send(chunk(piece))));
        acts.push(Act::Send(chunk(b"")));
        let report = send(acts, &streamed("m", "hi"), &Deltas::default()).await;
        assert_eq!(report.result.unwrap().text, "Grüße aus dem Hafen 🦀", "pieces of {width} bytes");
    }
}

#[tokio::test]
async fn a_local_server_is_asked_without_a_key_and_told_not_to_stream() {
    let server = RawServer::fixture("ollama", "answer").await;
    provider(&server).call(&request("llama3.2", "hello"), &Deltas::default()).await.result.unwrap();
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().starts_with("post /api/chat http/1.1"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    let wanted = json!({"model": "llama3.2", "stream": false, "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), wanted);
}

#[tokio::test]
async fn tools_pictures_and_a_schema_go_out_together_and_a_key_where_there_is_one() {
    let server = RawServer::fixture("ollama", "answer_json").await;
    let bytes = PictureSource::Bytes(Bytes::from_static(b"\x89PNG"));
    let picture = Part::Picture(Picture { media_type: "image/png".into(), source: bytes });
    let shown = Message { content: vec![Part::Text("rate it".into()), picture], ..Message::user("") };
    let request = CallRequest {
        messages: vec![shown],
        tools: vec![Tool { name: "t".into(), description: None, parameters: json!({"type": "object"}) }],
        shape: AnswerShape::Schema(json!({"type": "object", "required": ["age"]})),
        ..request("llama3.2", "")
    };
    let report = provider(&server).with_api_key(Some(Secret::new(KEY))).call(&request, &Deltas::default()).await;
    assert_eq!(report.result.unwrap().text, r#"{"age": 22, "available": false}"#);
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("authorization: bearer topsecret-key-42"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["messages"], json!([{"role": "user", "content": "rate it", "images": ["iVBORw=="]}]));
    assert_eq!(body["format"], json!({"type": "object", "required": ["age"]}));
    assert_eq!(body["tools"][0]["function"], json!({"name": "t", "parameters": {"type": "object"}}));
}

#[tokio::test]
async fn tool_calls_are_a_wish_for_tools_though_the_reason_says_stop() {
    let whole = call("answer_tools").await.result.unwrap();
    let wanted = [tool_call("call_9kw1", "get_weather", r#"{"city":"Tokyo"}"#), tool_call("call_1", "get_time", "{}")];
    assert_eq!((whole.tool_calls, whole.finish), (wanted.to_vec(), Finish::ToolCalls));
    let streamed = call("stream_tools").await.result.unwrap();
    let wanted = vec![tool_call("call_0", "get_weather", r#"{"city":"Tokyo"}"#)];
    assert_eq!((streamed.tool_calls, streamed.finish), (wanted, Finish::ToolCalls));
}

#[tokio::test]
async fn a_prompt_from_the_cache_reports_no_input_and_that_is_not_zero() {
    let report = call("cached_prompt").await;
    assert_eq!((report.usage.input, report.usage.output), (None, Some(Tokens(2))));
}

#[tokio::test]
async fn the_reason_to_be_done_is_kept_whatever_it_is() {
    let cut = call("length_with_text").await.result.unwrap();
    assert_eq!((cut.text.as_str(), cut.finish), ("Cut of", Finish::Length));
    assert_eq!(error("length_without_text").await.class, ErrorClass::Truncated);
    assert_eq!(call("unknown_reason").await.result.unwrap().finish, Finish::Unknown("tired".into()));
    assert_eq!(call("no_reason").await.result.unwrap().finish, Finish::Unknown(String::new()));
    for case in ["load", "unload"] {
        assert_eq!(error(case).await.class, ErrorClass::Empty, "{case}");
    }
}

#[tokio::test]
async fn every_error_status_has_its_class_and_its_wait() {
    let cases = [
        ("no_tools_400", ErrorClass::Rejected, None),
        ("too_long_400", ErrorClass::TooLarge, None),
        ("unauthorized_401", ErrorClass::Unauthorized, None),
        ("model_404", ErrorClass::ModelNotFound, None),
        ("wrong_path_404", ErrorClass::Misconfigured, None),
        ("rate_limit_429", ErrorClass::RateLimited, Some(3)),
        ("usage_limit_429", ErrorClass::Quota, None),
        ("memory_500", ErrorClass::ServerError, None),
        ("cloud_502", ErrorClass::ServerError, None),
        ("busy_503", ErrorClass::Overloaded, None),
    ];
    for (case, class, wait) in cases {
        let error = error(case).await;
        assert_eq!((error.class, error.retry_after), (class, wait.map(Duration::from_secs)), "{case}");
        assert!(!error.message.is_empty() && !format!("{error:?}").contains(KEY), "{case}: {error:?}");
    }
    assert_eq!(error("model_404").await.message, "model 'nope' not found");
}

#[tokio::test]
async fn an_error_after_a_success_is_that_error_and_keeps_the_text() {
    let inside = error("error_200").await;
    assert_eq!((inside.class, inside.retryable()), (ErrorClass::ServerError, true));
    assert_eq!(inside.message, "an error was encountered while running the model");
    let report = call("stream_error_last").await;
    assert_eq!((report.http_status, report.partial_text.as_deref()), (Some(200), Some("The first half")));
    assert_eq!(report.result.unwrap_err().message, "an error was encountered while running the model");
    let first = call("stream_error_first").await;
    assert_eq!((first.result.unwrap_err().class, first.partial_text), (ErrorClass::ModelNotFound, None));
}

#[tokio::test]
async fn a_stream_without_its_end_is_never_a_success() {
    for (case, text) in [("stream_no_end", "It ends like th"), ("stream_cut_line", "It ends")] {
        let report = call(case).await;
        assert_eq!((report.partial_text.as_deref(), report.usage.output), (Some(text), None));
        assert_eq!(report.result.unwrap_err().class, ErrorClass::CutOff, "{case}");
    }
    assert_eq!(error("truncated_json").await.class, ErrorClass::CutOff);
}

#[tokio::test]
async fn what_is_not_a_message_is_not_an_answer() {
    for body in ["{}", "[]", "7", "null", r#"{"message":"hello"}"#, r#"{"models":[]}"#] {
        let sent = answer("HTTP/1.1 200 OK\ncontent-type: application/json", body);
        let report = send(vec![Act::Send(sent)], &request("m", "hi"), &Deltas::default()).await;
        assert_eq!(report.result.unwrap_err().class, ErrorClass::Malformed, "{body}");
    }
}

#[tokio::test]
async fn a_request_the_format_cannot_say_never_leaves() {
    let server = RawServer::fixture("ollama", "answer").await;
    let source = PictureSource::Url("https://example.com/a.png".into());
    let linked = Part::Picture(Picture { media_type: "image/png".into(), source });
    let request =
        CallRequest { messages: vec![Message { content: vec![linked], ..Message::user("") }], ..request("m", "") };
    let report = provider(&server).call(&request, &Deltas::default()).await;
    assert_eq!((report.result.unwrap_err().class, report.sent), (ErrorClass::Misconfigured, false));
    assert!(server.requests().is_empty());
}
