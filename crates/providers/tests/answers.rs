//! What an OpenAI-shaped provider may answer, one recorded answer per claim: which are answers, and what the others are.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::generation::failure::FailureCode;
use copydesk_core::{NanoUsd, Tokens};
use copydesk_providers::{ErrorClass, Finish, Provider, ProviderError};
use support::{Act, Deltas, RawServer, answer, call, chunk, chunked_head, fixture, request, streamed};

async fn error(case: &str) -> ProviderError {
    let report = call(case).await;
    assert!(report.sent, "an answer means that the request had left");
    report.result.unwrap_err()
}

#[tokio::test]
async fn a_whole_answer_is_reported_with_all_that_was_used() {
    let report = call("answer").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(120)), Some(Tokens(48))));
    assert_eq!((report.usage.input_cached, report.usage.output_reasoning), (Some(Tokens(100)), Some(Tokens(30))));
    assert_eq!(report.usage.provider_cost, Some(NanoUsd(140_000)));
    assert!(!report.usage.estimated && report.sent);
    assert_eq!((report.http_status, report.partial_text), (Some(200), None));
    assert_eq!(report.provider_request_id.as_deref(), Some("gen-1730000000-abc"));
    assert_eq!(report.served_model.as_deref(), Some("meta/llama-4"));
}

#[tokio::test]
async fn a_stream_is_handed_on_piece_by_piece_and_its_last_chunk_has_the_usage() {
    let server = RawServer::fixture("openai_compatible", "stream").await;
    let deltas = Deltas::default();
    let report = server.provider().call(&streamed("gpt-5", "hi"), &deltas).await;
    assert_eq!(report.result.unwrap().text, "Grüße aus dem Hafen 🦀");
    assert_eq!(deltas.texts(), ["Grüße ", "aus dem Hafen 🦀"]);
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(9)), Some(Tokens(8))));
    assert_eq!(report.provider_request_id.as_deref(), Some("req_7"));
}

#[tokio::test]
async fn the_request_carries_the_call_id_the_key_and_its_length() {
    let server = RawServer::fixture("openai_compatible", "answer").await;
    let request = request("some/model", "hello");
    server.provider().call(&request, &Deltas::default()).await.result.unwrap();
    let seen = server.requests().remove(0);
    let head = seen.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", request.call_id)), "{head}");
    assert!(head.contains("authorization: bearer topsecret-key-42") && head.contains("content-length: "), "{head}");
    assert!(!head.contains("transfer-encoding"), "some servers cannot read a chunked request: {head}");
}

#[tokio::test]
async fn html_with_status_200_is_a_bad_response_not_an_answer() {
    let error = error("html_200").await;
    assert_eq!((error.class, error.retryable()), (ErrorClass::Malformed, true));
    assert!(error.message.contains("Just a moment..."), "{error}");
    let failure = error.failure("acme");
    assert_eq!(failure.code, FailureCode::ProviderBadResponse);
    assert_eq!(failure.message, "acme sent an answer that cannot be read.");
    assert!(call("text_200").await.result.unwrap_err().message.contains("text/plain"));
}

#[tokio::test]
async fn html_with_an_error_status_is_classed_by_the_status() {
    let error = error("html_502").await;
    assert_eq!((error.class, error.retry_after), (ErrorClass::ServerError, Some(Duration::from_secs(3))));
    assert_eq!(error.message, "status 502 with an HTML page titled \"502 Bad Gateway\"");
    assert_eq!(call("html_404").await.result.unwrap_err().class, ErrorClass::Misconfigured);
}

#[tokio::test]
async fn truncated_json_is_cut_off_and_never_an_answer() {
    let error = error("truncated_json").await;
    assert_eq!((error.class, error.class.code()), (ErrorClass::CutOff, FailureCode::ProviderBadResponse));
    assert!(error.raw.unwrap().contains("dark and"));
}

#[tokio::test]
async fn seed_s2_error_as_a_string_keeps_the_providers_sentence() {
    let error = error("error_string_500").await;
    assert_eq!(error.class, ErrorClass::ServerError);
    assert_eq!(error.message, "model requires more system memory (9.4 GiB) than is available (7.1 GiB)");
    let inside = call("error_string_200").await;
    assert_eq!(inside.http_status, Some(200));
    assert_eq!(inside.result.unwrap_err().message, "upstream model is warming up");
}

#[tokio::test]
async fn an_error_object_inside_a_200_is_that_error() {
    let error = error("error_object_200").await;
    assert_eq!(error.class, ErrorClass::RateLimited);
    assert_eq!(error.message, "Provider returned error: slow down, friend");
    assert_eq!(error.provider_code.as_deref(), Some("rate_limit_exceeded"));
}

#[tokio::test]
async fn an_error_inside_a_choice_keeps_the_partial_text_and_the_usage() {
    let report = call("error_choice_200").await;
    assert_eq!(report.partial_text.as_deref(), Some("Half a tho"));
    assert_eq!(report.usage.output, Some(Tokens(3)));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::ServerError, "Upstream connection lost"));
    assert_eq!(call("finish_error_200").await.result.unwrap_err().class, ErrorClass::ServerError);
}

#[tokio::test]
async fn an_error_in_an_array_is_read_like_any_other() {
    let error = error("error_array_503").await;
    assert_eq!(error.class, ErrorClass::Overloaded);
    assert_eq!(error.message, "The model is overloaded. Please try again later.");
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_an_error_with_partial_text() {
    let report = call("error_mid_stream").await;
    assert_eq!(report.partial_text.as_deref(), Some("The first half"));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::ServerError, "Provider disconnected unexpectedly"));
    assert_eq!(call("error_event_stream").await.result.unwrap_err().class, ErrorClass::Overloaded);
}

#[tokio::test]
async fn a_stream_without_its_end_is_never_a_success() {
    for (case, text) in [("no_finish_stream", "It ends like th"), ("cut_event_stream", "It ends")] {
        let report = call(case).await;
        assert_eq!(report.partial_text.as_deref(), Some(text));
        assert_eq!(report.usage.output, None);
        assert_eq!(report.result.unwrap_err().class, ErrorClass::CutOff, "{case}");
    }
}

#[tokio::test]
async fn an_empty_account_is_quota_and_is_not_retried() {
    let error = error("insufficient_quota_429").await;
    assert_eq!((error.class, error.retryable()), (ErrorClass::Quota, false));
    assert_eq!(error.failure("acme").code, FailureCode::ProviderQuota);
}

#[tokio::test]
async fn retry_after_is_obeyed_in_every_form_and_capped() {
    let at_a_date = error("rate_limit_429").await;
    assert_eq!((at_a_date.class, at_a_date.retry_after), (ErrorClass::RateLimited, Some(Duration::from_secs(7))));
    let cases = [
        ("2", Some(2_000)),
        ("0.5", Some(500)),
        ("0", Some(0)),
        ("99999999", Some(600_000)),
        ("-1", None),
        ("tomorrow", None),
    ];
    for (value, millis) in cases {
        let head = format!("HTTP/1.1 429 Too Many Requests\nretry-after: {value}\ncontent-type: text/plain");
        let server = RawServer::start(vec![Act::Send(answer(&head, "slow down"))]).await;
        let report = server.provider().call(&request("m", "hi"), &Deltas::default()).await;
        let error = report.result.unwrap_err();
        assert_eq!(error.retry_after, millis.map(Duration::from_millis), "{value}");
        assert_eq!((error.message.as_str(), error.failure("a").retry_after), ("slow down", error.retry_after));
    }
}

#[tokio::test]
async fn a_key_the_provider_quotes_is_in_no_part_of_the_error() {
    let error = error("unauthorized_401").await;
    assert_eq!((error.class, error.retryable()), (ErrorClass::Unauthorized, false));
    let everything = format!("{error:?} {:?}", error.failure("acme"));
    assert!(!everything.contains("topsecret") && !everything.contains("sk-proj"), "{everything}");
    assert!(error.message.starts_with("Incorrect API key provided: [redacted]"), "{error}");
}

#[tokio::test]
async fn content_may_be_parts_and_a_content_type_may_be_missing() {
    assert_eq!(call("content_parts").await.result.unwrap().text, "Two parts");
    assert_eq!(call("no_content_type").await.result.unwrap().text, "fine");
}

#[tokio::test]
async fn an_empty_answer_is_an_error_whose_usage_is_kept() {
    let report = call("content_null").await;
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Empty);
    assert_eq!(report.usage.input, Some(Tokens(4)));
    for body in ["", " \n"] {
        let sent = answer("HTTP/1.1 200 OK\ncontent-type: application/json", body);
        let server = RawServer::start(vec![Act::Send(sent)]).await;
        let report = server.provider().call(&request("m", "hi"), &Deltas::default()).await;
        assert_eq!(report.result.unwrap_err().class, ErrorClass::Empty);
    }
}

#[tokio::test]
async fn refusals_and_length_limits_are_told_apart() {
    let refused = error("refusal").await;
    assert_eq!((refused.class, refused.message.as_str()), (ErrorClass::Refused, "I can't help with that."));
    assert_eq!(error("length_without_text").await.class, ErrorClass::Truncated);
    let cut = call("length_with_text").await.result.unwrap();
    assert_eq!((cut.text.as_str(), cut.finish), ("Cut of", Finish::Length));
}

#[tokio::test]
async fn json_of_an_unknown_shape_is_not_an_answer() {
    for body in ["{}", "[]", "7", "\"hello\"", "{\"choices\":[]}", "{\"choices\":{}}", "null"] {
        let sent = answer("HTTP/1.1 200 OK\ncontent-type: application/json", body);
        let server = RawServer::start(vec![Act::Send(sent)]).await;
        let error = server.provider().call(&request("m", "hi"), &Deltas::default()).await.result.unwrap_err();
        assert_eq!((error.class, error.raw.as_deref()), (ErrorClass::Malformed, Some(body)));
    }
}

#[tokio::test]
async fn a_character_cut_between_two_pieces_arrives_whole() {
    let body = fixture("openai_compatible", "stream");
    let start = body.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for width in [1, 2, 3, 7] {
        let mut acts = vec![Act::Send(chunked_head("text/event-stream"))];
        acts.extend(body[start..].chunks(width).map(|piece| Act::Send(chunk(piece))));
        acts.push(Act::Send(chunk(b"")));
        let server = RawServer::start(acts).await;
        let deltas = Deltas::default();
        let report = server.provider().call(&streamed("m", "hi"), &deltas).await;
        assert_eq!(report.result.unwrap().text, "Grüße aus dem Hafen 🦀", "pieces of {width} bytes");
        assert_eq!(deltas.texts().concat(), "Grüße aus dem Hafen 🦀");
    }
}

#[tokio::test]
async fn a_provider_that_ignores_the_wish_to_stream_is_still_understood() {
    let server = RawServer::fixture("openai_compatible", "answer").await;
    let deltas = Deltas::default();
    let report = server.provider().call(&streamed("m", "hi"), &deltas).await;
    assert_eq!(report.result.unwrap().finish, Finish::Stop);
    assert_eq!(deltas.texts(), ["Grüße aus dem Hafen 🦀"]);
}
