//! What Anthropic may answer, one recorded answer per claim, and what goes out to it. The answers are written from its
//! documentation (November 2026); none was bought.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::Tokens;
use copydesk_providers::{
    AnswerShape, Anthropic, Bytes, CallReport, CallRequest, ErrorClass, Finish, HttpClient, Message, Part, Picture,
    PictureSource, Provider, ProviderError, Secret, TimeoutPhase, Tool,
};
use serde_json::{Value, json};
use support::{Act, Deltas, KEY, RawServer, answer, chunk, chunked_head, fixture, request, streamed, tool_call};

fn provider(server: &RawServer) -> Anthropic {
    Anthropic::new("anthropic", &server.base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn send(acts: Vec<Act>, request: &CallRequest, deltas: &Deltas) -> CallReport {
    provider(&RawServer::start(acts).await).call(request, deltas).await
}

/// One call to the fixture's answer, streamed when the case is a stream.
async fn call(case: &str) -> CallReport {
    let request =
        if case.starts_with("stream") { streamed("claude-sonnet-5", "hi") } else { request("claude-sonnet-5", "hi") };
    send(vec![Act::Send(fixture("anthropic", case))], &request, &Deltas::default()).await
}

async fn error(case: &str) -> ProviderError {
    let report = call(case).await;
    assert!(report.sent, "an answer means that the request had left");
    report.result.unwrap_err()
}

#[tokio::test]
async fn a_whole_answer_is_reported_with_all_that_was_used_and_thinking_is_not_text() {
    let report = call("answer").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    // 20 fresh, 30 written to the cache, 70 read from it.
    assert_eq!((report.usage.input, report.usage.input_cached), (Some(Tokens(120)), Some(Tokens(70))));
    assert_eq!((report.usage.output, report.usage.output_reasoning), (Some(Tokens(48)), Some(Tokens(30))));
    assert_eq!((report.usage.provider_cost, report.usage.estimated), (None, false));
    assert_eq!((report.http_status, report.partial_text), (Some(200), None));
    assert_eq!(report.provider_request_id.as_deref(), Some("req_011CSHoEeqs5C35K2UUqR7Fy"));
    assert_eq!(report.served_model.as_deref(), Some("claude-sonnet-5"));
}

#[tokio::test]
async fn a_stream_is_handed_on_piece_by_piece_and_its_last_figures_count() {
    let deltas = Deltas::default();
    let report = send(vec![Act::Send(fixture("anthropic", "stream"))], &streamed("m", "hi"), &deltas).await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    assert_eq!(deltas.texts(), ["Grüße ", "aus dem Hafen 🦀"]);
    assert_eq!((report.usage.input, report.usage.input_cached), (Some(Tokens(125)), Some(Tokens(100))));
    assert_eq!((report.usage.output, report.usage.output_reasoning), (Some(Tokens(15)), Some(Tokens(6))));
    assert_eq!(report.served_model.as_deref(), Some("claude-sonnet-5"));
}

#[tokio::test]
async fn a_stream_cut_into_any_pieces_gives_the_same_answer() {
    let body = fixture("anthropic", "stream");
    let start = body.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for width in [1, 3, 64] {
        let mut acts = vec![Act::Send(chunked_head("text/event-stream"))];
        acts.extend(body[start..].chunks(width).map(|piece| Act::Send(chunk(piece))));
        acts.push(Act::Send(chunk(b"")));
        let report = send(acts, &streamed("m", "hi"), &Deltas::default()).await;
        assert_eq!(report.result.unwrap().text, "Grüße aus dem Hafen 🦀", "pieces of {width} bytes");
        assert_eq!(report.usage.output, Some(Tokens(15)));
    }
}

#[tokio::test]
async fn the_request_carries_the_key_in_anthropics_own_header_and_the_version() {
    let server = RawServer::fixture("anthropic", "answer").await;
    let request = request("claude-sonnet-5", "hello");
    provider(&server).call(&request, &Deltas::default()).await.result.unwrap();
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
    assert!(head.contains("x-api-key: topsecret-key-42") && !head.contains("authorization"), "{head}");
    assert!(head.contains("anthropic-version: 2023-06-01") && !head.contains("anthropic-beta"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", request.call_id)), "{head}");
    let wanted = json!({
        "model": "claude-sonnet-5",
        "max_tokens": copydesk_providers::anthropic::OUTPUT_TOKENS_DEFAULT,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), wanted);
}

#[tokio::test]
async fn tools_pictures_and_a_schema_go_out_together() {
    let server = RawServer::fixture("anthropic", "answer_json").await;
    let bytes = PictureSource::Bytes(Bytes::from_static(b"\x89PNG"));
    let picture = Part::Picture(Picture { media_type: "image/png".into(), source: bytes });
    let shown = Message { content: vec![Part::Text("rate it".into()), picture], ..Message::user("") };
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "maximum": 9}}});
    let request = CallRequest {
        messages: vec![Message::system("be kind"), shown],
        tools: vec![Tool { name: "t".into(), description: None, parameters: json!({"type": "object"}) }],
        shape: AnswerShape::Schema(schema),
        ..request("claude-sonnet-5", "")
    };
    let report = provider(&server).call(&request, &Deltas::default()).await;
    assert_eq!(report.result.unwrap().text, r#"{"title":"Moin","score":7}"#);
    let seen = server.requests().remove(0);
    let body: Value = serde_json::from_str(seen.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["system"], json!([{"type": "text", "text": "be kind"}]));
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw=="});
    assert_eq!(body["messages"][0]["content"][1], json!({"type": "image", "source": source}));
    assert_eq!(body["tools"], json!([{"name": "t", "input_schema": {"type": "object"}}]));
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    assert_eq!(body["output_config"]["format"]["schema"]["additionalProperties"], false);
}

#[tokio::test]
async fn tool_calls_come_whole_or_in_pieces_and_keep_their_ids() {
    let whole = call("answer_tools").await.result.unwrap();
    let wanted = [
        tool_call("toolu_01A09q90qw90lq917835lq9", "get_weather", r#"{"location":"Kiel, DE"}"#),
        tool_call("toolu_02", "get_time", "{}"),
    ];
    assert_eq!((whole.text.as_str(), whole.finish), ("I'll look.", Finish::ToolCalls));
    assert_eq!(whole.tool_calls, wanted);
    let streamed = call("stream_tools").await.result.unwrap();
    let wanted = [
        tool_call("toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather", r#"{"location": "Kiel, DE"}"#),
        tool_call("toolu_02", "get_time", "{}"),
    ];
    assert_eq!((streamed.text.as_str(), streamed.finish), ("Okay.", Finish::ToolCalls));
    assert_eq!(streamed.tool_calls, wanted);
}

#[tokio::test]
async fn a_refusal_keeps_the_reason_the_text_so_far_and_the_usage() {
    let report = call("refusal").await;
    let refused = report.result.unwrap_err();
    assert_eq!((refused.class, refused.retryable()), (ErrorClass::Refused, false));
    assert_eq!(refused.message, "This request was declined because it could enable cyber harm. [cyber]");
    assert_eq!((report.partial_text.as_deref(), report.usage.output), (Some("Hello.."), Some(Tokens(3))));
    let report = call("stream_refusal").await;
    let refused = report.result.unwrap_err();
    assert_eq!((refused.class, refused.message.as_str()), (ErrorClass::Refused, "the model refused to write this"));
    assert_eq!((report.partial_text.as_deref(), report.usage.output), (Some("Hello.."), Some(Tokens(22))));
}

#[tokio::test]
async fn a_length_cut_is_told_from_a_whole_answer() {
    for case in ["length_with_text", "context_window"] {
        let cut = call(case).await.result.unwrap();
        assert_eq!((cut.text.as_str(), cut.finish), ("Cut of", Finish::Length), "{case}");
    }
    let report = call("length_without_text").await;
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Truncated);
    assert_eq!((report.usage.output, report.usage.output_reasoning), (Some(Tokens(300)), Some(Tokens(300))));
}

#[tokio::test]
async fn an_empty_answer_is_an_error_and_an_unknown_reason_is_kept() {
    let report = call("empty").await;
    assert_eq!((report.result.unwrap_err().class, report.usage.output), (ErrorClass::Empty, Some(Tokens(0))));
    let paused = call("unknown_stop").await.result.unwrap();
    assert_eq!(paused.finish, Finish::Unknown("pause_turn".into()));
}

#[tokio::test]
async fn every_error_status_has_its_class_and_its_wait() {
    let cases = [
        ("invalid_request_400", ErrorClass::Rejected, None),
        ("own_spend_limit_400", ErrorClass::Quota, None),
        ("too_long_400", ErrorClass::TooLarge, None),
        ("unauthorized_401", ErrorClass::Unauthorized, None),
        ("billing_402", ErrorClass::Quota, Some(30)),
        ("permission_403", ErrorClass::Unauthorized, None),
        ("model_404", ErrorClass::ModelNotFound, None),
        ("path_404", ErrorClass::Misconfigured, None),
        ("conflict_409", ErrorClass::Overloaded, None),
        ("too_large_413", ErrorClass::TooLarge, None),
        ("rate_limit_429", ErrorClass::RateLimited, Some(7)),
        ("spend_limit_429", ErrorClass::Quota, None),
        ("api_error_500", ErrorClass::ServerError, None),
        ("timeout_504", ErrorClass::TimedOut(TimeoutPhase::Upstream), None),
        ("overloaded_529", ErrorClass::Overloaded, Some(2)),
    ];
    for (case, class, wait) in cases {
        let report = call(case).await;
        assert_eq!(report.provider_request_id.as_deref(), Some("req_011CSHoEeqs5C35K2UUqR7Fy"), "{case}");
        let error = report.result.unwrap_err();
        assert_eq!((error.class, error.retry_after), (class, wait.map(Duration::from_secs)), "{case}");
        assert!(!error.message.is_empty() && error.provider_code.is_some(), "{case}: {error:?}");
        assert!(!format!("{error:?}").contains(KEY), "{case}: the key is quoted");
    }
    let rejected = error("invalid_request_400").await;
    assert_eq!(rejected.message, "`temperature` is deprecated for this model.");
    let spent = error("spend_limit_429").await;
    assert_eq!((spent.retryable(), spent.provider_code.as_deref()), (false, Some("enforced_spend_limit_reached")));
}

#[tokio::test]
async fn an_error_after_a_success_is_that_error_and_keeps_text_and_usage() {
    let inside = error("error_200").await;
    assert_eq!((inside.class, inside.message.as_str()), (ErrorClass::Overloaded, "Overloaded"));
    let report = call("stream_error").await;
    assert_eq!(report.http_status, Some(200));
    assert_eq!(report.partial_text.as_deref(), Some("The first half"));
    assert_eq!((report.usage.input, report.usage.input_cached), (Some(Tokens(125)), Some(Tokens(100))));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.provider_code.as_deref()), (ErrorClass::Overloaded, Some("overloaded_error")));
    let first = call("stream_error_first").await;
    assert_eq!((first.result.unwrap_err().class, first.partial_text), (ErrorClass::Quota, None));
}

#[tokio::test]
async fn a_stream_without_its_end_is_never_a_success() {
    for (case, text) in [("stream_no_end", "It ends like th"), ("stream_cut_event", "It ends")] {
        let report = call(case).await;
        assert_eq!(report.partial_text.as_deref(), Some(text));
        assert_eq!(report.usage.input, Some(Tokens(25)));
        assert_eq!(report.result.unwrap_err().class, ErrorClass::CutOff, "{case}");
    }
    // The reason to stop came, so only the farewell is missing.
    let report = call("stream_no_message_stop").await;
    assert_eq!((report.result.unwrap().text.as_str(), report.usage.output), ("All of it.", Some(Tokens(5))));
}

#[tokio::test]
async fn what_is_not_a_message_is_not_an_answer() {
    assert_eq!(error("truncated_json").await.class, ErrorClass::CutOff);
    let bodies = ["{}", "[]", "7", "null", r#"{"type":"message"}"#, r#"{"type":"message_start","message":{}}"#];
    for body in bodies {
        let sent = answer("HTTP/1.1 200 OK\ncontent-type: application/json", body);
        let report = send(vec![Act::Send(sent)], &request("m", "hi"), &Deltas::default()).await;
        assert_eq!(report.result.unwrap_err().class, ErrorClass::Malformed, "{body}");
    }
    let html = answer("HTTP/1.1 200 OK\ncontent-type: text/html", "<title>Just a moment...</title>");
    let report = send(vec![Act::Send(html)], &request("m", "hi"), &Deltas::default()).await;
    assert!(report.result.unwrap_err().message.contains("Just a moment..."));
}

#[tokio::test]
async fn a_request_the_format_cannot_say_never_leaves() {
    let server = RawServer::fixture("anthropic", "answer").await;
    let drawn = CallRequest { pictures: true, ..request("claude-sonnet-5", "a cat") };
    let report = provider(&server).call(&drawn, &Deltas::default()).await;
    assert_eq!((report.result.unwrap_err().class, report.sent), (ErrorClass::Misconfigured, false));
    assert!(server.requests().is_empty());
}
