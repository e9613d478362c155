//! What the way to a provider may do: refuse, hang, drip, break, flood, redirect. Each ends in a named error in bounded
//! time and memory, and the report says whether the request had left.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::generation::failure::FailureCode;
use copydesk_providers::http::ANSWER_BYTES_MAX;
use copydesk_providers::{CallReport, CallRequest, ErrorClass, Provider, TimeoutPhase, Timeouts};
use support::{Act, Deltas, RawServer, answer, chunk, chunked_head, fixture, patient, provider, request, streamed};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_millis(40);

fn with(timeouts: Timeouts, request: CallRequest) -> CallRequest {
    CallRequest { timeouts, ..request }
}

async fn call_of(acts: Vec<Act>, request: CallRequest) -> CallReport {
    let server = RawServer::start(acts).await;
    server.provider().call(&request, &Deltas::default()).await
}

fn class(report: &CallReport) -> ErrorClass {
    report.result.as_ref().unwrap_err().class
}

fn delta(text: &str) -> Vec<u8> {
    chunk(format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n").as_bytes())
}

fn finish() -> Vec<u8> {
    chunk(b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
}

#[tokio::test]
async fn a_refused_connection_never_left_and_can_be_retried() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let report = provider(&base_url).call(&request("m", "hi"), &Deltas::default()).await;
    assert!(!report.sent);
    assert_eq!((class(&report), report.http_status), (ErrorClass::Network, None));
    assert_eq!(report.result.unwrap_err().failure("acme").code, FailureCode::ProviderUnreachable);
}

#[tokio::test]
async fn a_tls_handshake_that_is_no_tls_never_left_the_key() {
    let server = RawServer::start(vec![Act::Hang]).await;
    let https = server.base_url.replace("http://", "https://");
    let timeouts = Timeouts { connect: SOON, ..patient() };
    let report = provider(&https).call(&with(timeouts, request("m", "hi")), &Deltas::default()).await;
    assert!(!report.sent);
    assert_eq!(class(&report), ErrorClass::TimedOut(TimeoutPhase::Connect));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn silence_before_the_first_byte_is_a_first_byte_timeout_and_the_request_had_left() {
    let timeouts = Timeouts { first_byte: SOON, ..patient() };
    let report = call_of(vec![Act::Hang], with(timeouts, request("m", "hi"))).await;
    assert!(report.sent, "the provider may have billed it");
    assert_eq!(class(&report), ErrorClass::TimedOut(TimeoutPhase::FirstByte));
    assert_eq!(report.result.unwrap_err().message, "no answer for 0.04 s");
}

#[tokio::test]
async fn silence_between_two_pieces_is_an_idle_timeout_with_partial_text() {
    let acts = vec![Act::Send(chunked_head("text/event-stream")), Act::Send(delta("so far")), Act::Hang];
    let timeouts = Timeouts { idle: SOON, ..patient() };
    let report = call_of(acts, with(timeouts, streamed("m", "hi"))).await;
    assert_eq!(class(&report), ErrorClass::TimedOut(TimeoutPhase::Idle));
    assert_eq!(report.partial_text.as_deref(), Some("so far"));
    assert_eq!(report.http_status, Some(200));
}

#[tokio::test]
async fn an_answer_that_drips_for_ever_ends_with_the_total_limit() {
    let acts = vec![Act::Send(chunked_head("text/event-stream")), Act::Repeat(chunk(b": still here\n\n"), usize::MAX)];
    let timeouts = Timeouts { total: SOON, ..patient() };
    let report = call_of(acts, with(timeouts, streamed("m", "hi"))).await;
    // A fast drip may also reach the size limit first; both bounds hold.
    assert!(matches!(class(&report), ErrorClass::TimedOut(TimeoutPhase::Total) | ErrorClass::Malformed));
}

#[tokio::test]
async fn a_transfer_that_breaks_in_the_middle_is_cut_off() {
    let acts = vec![Act::Send(chunked_head("application/json")), Act::Send(chunk(b"{\"choices\":[{\"message\":"))];
    let report = call_of(acts, request("m", "hi")).await;
    assert_eq!(class(&report), ErrorClass::CutOff);
    assert!(report.result.unwrap_err().raw.unwrap().starts_with("{\"choices\""));
    let short =
        [&b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"[..], b"{\"cho"].concat();
    assert_eq!(class(&call_of(vec![Act::Send(short)], request("m", "hi")).await), ErrorClass::CutOff);
}

#[tokio::test]
async fn broken_chunk_framing_is_cut_off_with_the_text_so_far() {
    let acts = vec![
        Act::Send(chunked_head("text/event-stream")),
        Act::Send(delta("so far")),
        Act::Send(b"zz\r\nnot a chunk".to_vec()),
    ];
    let report = call_of(acts, streamed("m", "hi")).await;
    assert_eq!((class(&report), report.partial_text.as_deref()), (ErrorClass::CutOff, Some("so far")));
}

#[tokio::test]
async fn a_break_after_the_finish_reason_keeps_the_answer_without_usage() {
    let acts = vec![Act::Send(chunked_head("text/event-stream")), Act::Send(delta("whole")), Act::Send(finish())];
    let report = call_of(acts, streamed("m", "hi")).await;
    assert_eq!((report.result.unwrap().text.as_str(), report.usage.output), ("whole", None));
}

#[tokio::test]
async fn a_connection_closed_without_a_word_is_a_network_error_that_had_left() {
    let report = call_of(vec![], request("m", "hi")).await;
    assert!(report.sent);
    assert_eq!(class(&report), ErrorClass::Network);
}

#[tokio::test]
async fn garbage_instead_of_http_is_an_error_and_no_panic() {
    for bytes in [
        &b"\0\0\xff\xfe"[..],
        b"HELLO\r\n\r\n",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ] {
        let report = call_of(vec![Act::Send(bytes.to_vec())], with(patient(), request("m", "hi"))).await;
        assert!(report.result.unwrap_err().retryable());
    }
}

#[tokio::test]
async fn too_many_headers_are_an_answer_that_cannot_be_read_and_not_a_broken_connection() {
    let lines: String = (0..5_000).map(|line| format!("x-{line}: y\r\n")).collect();
    let bytes = format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes();
    let report = call_of(vec![Act::Send(bytes)], with(patient(), request("m", "hi"))).await;
    assert_eq!(class(&report), ErrorClass::Malformed);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_before_it_is_whole() {
    let piece = chunk(&[b'x'; 64 * 1024]);
    let acts = vec![Act::Send(chunked_head("application/json")), Act::Repeat(piece, 100_000)];
    let report = call_of(acts, with(patient(), request("m", "hi"))).await;
    let error = report.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::Malformed);
    assert!(error.message.contains(&ANSWER_BYTES_MAX.to_string()), "{error}");
}

#[tokio::test]
async fn a_small_gzip_that_grows_huge_is_refused_at_the_same_cap() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openai_compatible/bomb.json.gz");
    let packed = std::fs::read(path).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    );
    let report =
        call_of(vec![Act::Send([head.into_bytes(), packed].concat())], with(patient(), request("m", "hi"))).await;
    let error = report.result.unwrap_err();
    assert!(error.class == ErrorClass::Malformed && error.message.contains("larger than"), "{error:?}");
}

#[tokio::test]
async fn an_endless_line_in_a_stream_is_refused() {
    let acts = vec![
        Act::Send(chunked_head("text/event-stream")),
        Act::Send(delta("so far")),
        Act::Repeat(chunk(&[b'x'; 8 * 1024]), 10_000),
    ];
    let report = call_of(acts, with(patient(), streamed("m", "hi"))).await;
    assert_eq!((class(&report), report.partial_text.as_deref()), (ErrorClass::Malformed, Some("so far")));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let target = RawServer::fixture("openai_compatible", "answer").await;
    let redirect = String::from_utf8(fixture("openai_compatible", "redirect_307"))
        .unwrap()
        .replace("REDIRECT_TARGET", &target.base_url);
    // A 307 asks for the same request again, a 302 or 303 for a GET: a client may follow one kind and not the other.
    for status in [301, 302, 303, 307, 308] {
        let answer = redirect.replace("307", &status.to_string());
        let report = call_of(vec![Act::Send(answer.into_bytes())], request("m", "hi")).await;
        assert_eq!((class(&report), report.http_status), (ErrorClass::Misconfigured, Some(status)));
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn an_early_413_is_read_as_such() {
    let sent = answer("HTTP/1.1 413 Payload Too Large\ncontent-type: text/plain", "too big");
    let report = call_of(vec![Act::Send(sent)], request("m", &"long ".repeat(1_000))).await;
    assert_eq!(class(&report), ErrorClass::TooLarge);
}

#[tokio::test]
async fn a_key_that_cannot_be_a_header_is_explained_and_not_shown() {
    let provider = provider("http://127.0.0.1:1/v1").with_api_key(Some(copydesk_providers::Secret::new("bad\nkey-99")));
    let report = provider.call(&request("m", "hi"), &Deltas::default()).await;
    assert!(!report.sent);
    assert_eq!(class(&report), ErrorClass::Misconfigured);
    assert!(!format!("{report:?}").contains("key-99"));
    assert!(!format!("{provider:?}").contains("key-99"));
}

#[tokio::test]
async fn a_prompt_is_not_in_the_debug_of_a_request() {
    assert!(!format!("{:?}", request("m", "my private words")).contains("private"));
}

#[tokio::test]
async fn text_arrives_while_the_stream_is_still_open() {
    let acts = vec![Act::Send(chunked_head("text/event-stream")), Act::Send(delta("early")), Act::Hang];
    let server = RawServer::start(acts).await;
    let (provider, deltas, request) = (server.provider(), Deltas::default(), with(patient(), streamed("m", "hi")));
    tokio::select! {
        report = provider.call(&request, &deltas) => panic!("the stream is not over: {report:?}"),
        () = deltas.first.notified() => assert_eq!(deltas.texts(), ["early"]),
    }
}
