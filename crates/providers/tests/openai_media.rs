//! What OpenAI may answer to a request for pictures or vectors, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use copydesk_core::{CallId, Tokens};
use copydesk_providers::media::{DrawRequest, EmbedRequest};
use copydesk_providers::provider::PictureSource;
use copydesk_providers::{CallReport, ErrorClass, HttpClient, OpenAi, Picture, Provider, Secret, Timeouts};
use support::{Act, KEY, RawServer, answer};

fn provider(base_url: &str) -> OpenAi {
    OpenAi::new("openai", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

fn call_id() -> CallId {
    CallId("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001".parse().unwrap())
}

fn pictures(count: u32) -> DrawRequest {
    let (model, prompt) = ("gpt-image-2".into(), "a boat".into());
    DrawRequest { call_id: call_id(), model, prompt, count, size: None, timeouts: Timeouts::default() }
}

fn texts(texts: &[&str]) -> EmbedRequest {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    EmbedRequest { call_id: call_id(), model: "e".into(), texts, dimensions: None, timeouts: Timeouts::default() }
}

async fn serve(case: &str) -> RawServer {
    RawServer::fixture("openai", case).await
}

async fn draw(case: &str) -> CallReport<Vec<Picture>> {
    let server = serve(case).await;
    provider(&server.base_url).draws_pictures().unwrap().draw(&pictures(2)).await
}

async fn embed(case: &str) -> CallReport<Vec<Vec<f32>>> {
    let server = serve(case).await;
    provider(&server.base_url).embeds_text().unwrap().embed(&texts(&["one", "two"])).await
}

#[tokio::test]
async fn drawn_pictures_come_decoded_with_their_usage() {
    let report = draw("pictures").await;
    let pictures = report.result.unwrap();
    assert_eq!(pictures.len(), 2);
    assert_eq!(pictures[0].media_type, "image/png");
    assert!(matches!(&pictures[0].source, PictureSource::Bytes(bytes) if bytes.starts_with(b"\x89PNG")));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(50)), Some(Tokens(8_320))));
    assert_eq!((report.provider_request_id.as_deref(), report.http_status), (Some("req_img1"), Some(200)));
    let linked = draw("picture_by_address").await.result.unwrap();
    assert!(matches!(&linked[0].source, PictureSource::Url(url) if url == "https://files.example/img-1.png?sig=a"));
}

#[tokio::test]
async fn an_answer_without_pictures_is_empty_and_one_with_a_broken_picture_is_malformed_and_both_keep_the_usage() {
    let empty = draw("pictures_empty").await;
    assert_eq!(empty.usage.input, Some(Tokens(50)));
    assert_eq!(empty.result.unwrap_err().class, ErrorClass::Empty);
    let broken = draw("pictures_broken").await;
    assert_eq!(broken.usage.output, Some(Tokens(40)));
    assert_eq!(broken.result.unwrap_err().class, ErrorClass::Malformed);
}

#[tokio::test]
async fn a_blocked_picture_is_refused_with_the_providers_reason() {
    let error = draw("moderation_blocked").await.result.unwrap_err();
    assert_eq!((error.class, error.provider_code.as_deref()), (ErrorClass::Refused, Some("moderation_blocked")));
    assert!(error.message.contains("safety_violations=[violence]"));
}

#[tokio::test]
async fn pictures_larger_than_an_ordinary_answer_are_read_when_several_were_asked_for() {
    let picture = "A".repeat(6 * 1024 * 1024);
    let body = format!("{{\"data\":[{{\"b64_json\":\"{picture}\"}},{{\"b64_json\":\"{picture}\"}}]}}");
    let head = "HTTP/1.1 200 OK\ncontent-type: application/json";
    let server = RawServer::start(vec![Act::Send(answer(head, &body))]).await;
    let provider = provider(&server.base_url);
    let draws = provider.draws_pictures().unwrap();
    assert_eq!(draws.draw(&pictures(2)).await.result.unwrap().len(), 2);
    let error = draws.draw(&pictures(1)).await.result.unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (ErrorClass::Malformed, "the answer is larger than 8388608 bytes")
    );
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_and_can_be_priced() {
    let report = embed("embeddings").await;
    let vectors = report.result.unwrap();
    assert_eq!((vectors.len(), vectors[1].as_slice()), (2, [0.25, -0.5, 0.001].as_slice()));
    assert!(vectors[0][0] < 0.0 && vectors[0].len() == 3);
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(8)), Some(Tokens(0))));
    assert_eq!(report.served_model.as_deref(), Some("text-embedding-4"));
}

#[tokio::test]
async fn too_few_vectors_or_no_number_is_malformed_and_the_usage_is_kept() {
    let short = embed("embeddings_short").await;
    assert_eq!(short.usage.input, Some(Tokens(8)));
    let error = short.result.unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (ErrorClass::Malformed, "the answer holds 1 vectors for 2 texts")
    );
    assert_eq!(embed("embeddings_nan").await.result.unwrap_err().class, ErrorClass::Malformed);
}

#[tokio::test]
async fn nothing_to_embed_is_nothing_sent() {
    let server = serve("embeddings").await;
    let report = provider(&server.base_url).embeds_text().unwrap().embed(&texts(&[])).await;
    assert!(!report.sent && server.requests().is_empty());
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Rejected);
}

#[tokio::test]
async fn the_endpoints_are_asked_with_the_key_and_the_calls_id() {
    let server = serve("embeddings").await;
    let report = provider(&server.base_url).embeds_text().unwrap().embed(&texts(&["one", "two"])).await;
    assert!(report.sent);
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /v1/embeddings http/1.1"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", call_id())) && head.contains("authorization: bearer"));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::json!({"model": "e", "input": ["one", "two"], "encoding_format": "float"}));
}

#[tokio::test]
async fn what_is_not_json_is_no_answer_here_either() {
    let cases = [
        ("text/html", "<title>Just a moment</title>", ErrorClass::Malformed),
        ("application/json", "{\"data\":[", ErrorClass::CutOff),
        ("application/json", "", ErrorClass::Empty),
        ("text/event-stream", "data: {}\n\n", ErrorClass::Malformed),
        ("application/json", "{\"error\":{\"code\":\"server_is_overloaded\"}}", ErrorClass::Overloaded),
        ("application/json", "{\"error\":{\"code\":\"invalid_prompt\"}}", ErrorClass::Refused),
        ("application/json", "{\"error\":\"quoted topsecret-key-42\"}", ErrorClass::ServerError),
    ];
    for (kind, body, class) in cases {
        let sent = answer(&format!("HTTP/1.1 200 OK\ncontent-type: {kind}"), body);
        let server = RawServer::start(vec![Act::Send(sent)]).await;
        let provider = provider(&server.base_url);
        let drawn = provider.draws_pictures().unwrap().draw(&pictures(1)).await.result.unwrap_err();
        let embedded = provider.embeds_text().unwrap().embed(&texts(&["one"])).await.result.unwrap_err();
        assert_eq!((drawn.class, embedded.class), (class, class), "{body}");
        assert!(!format!("{drawn:?}").contains(KEY), "{drawn:?}");
    }
}
