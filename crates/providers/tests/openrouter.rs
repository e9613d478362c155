//! What OpenRouter may answer in chat, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::{NanoUsd, Tokens};
use copydesk_providers::provider::PictureSource;
use copydesk_providers::{
    CallReport, CallRequest, ErrorClass, Finish, HttpClient, OpenRouter, Provider, Secret, TimeoutPhase,
};
use support::{Act, Deltas, KEY, RawServer, chunk, chunked_head, request, streamed};

fn provider(base_url: &str) -> OpenRouter {
    OpenRouter::new("openrouter", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn call(case: &str) -> CallReport {
    let server = RawServer::fixture("openrouter", case).await;
    let request = if case.contains("stream") { streamed("m", "hi") } else { request("m", "hi") };
    provider(&server.base_url).call(&request, &Deltas::default()).await
}

#[tokio::test]
async fn a_whole_answer_is_reported_with_openrouters_cost_and_id() {
    let report = call("answer").await;
    assert_eq!(report.result.unwrap().text, "A calm harbour.");
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(194)), Some(Tokens(2))));
    assert_eq!((report.usage.input_cached, report.usage.output_reasoning), (Some(Tokens(100)), Some(Tokens(1))));
    assert_eq!(report.usage.provider_cost, Some(NanoUsd(950_000)), "the upstream's part is in it already");
    assert_eq!(report.provider_request_id.as_deref(), Some("gen-1793900000-A1"));
    assert_eq!(report.served_model.as_deref(), Some("meta/llama-5"));
}

#[tokio::test]
async fn with_a_key_of_our_own_the_streams_last_chunk_gives_fee_and_upstream_bill_together() {
    let report = call("answer_stream").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("A calm harbour.", Finish::Stop));
    assert_eq!(report.usage.provider_cost, Some(NanoUsd(37_879_500)));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(194)), Some(Tokens(2))));
}

#[tokio::test]
async fn tools_are_read_although_the_last_chunk_repeats_the_end() {
    let report = call("tools_stream").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.tool_calls.len(), answer.finish), (1, Finish::ToolCalls));
    assert_eq!(
        (answer.tool_calls[0].id.as_str(), answer.tool_calls[0].arguments.as_str()),
        ("toolu_1", "{\"port\":\"Kiel\"}")
    );
    assert_eq!(report.usage.provider_cost, Some(NanoUsd(400_000)));
}

#[tokio::test]
async fn pictures_come_beside_the_text() {
    let answer = call("pictures").await.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.pictures.len()), ("Here it is.", 1));
    assert_eq!(answer.pictures[0].media_type, "image/png");
}

#[tokio::test]
async fn a_picture_of_several_megabytes_may_come_in_one_event_of_a_stream_that_was_asked_for_pictures() {
    let data = "A".repeat(5 * 1024 * 1024);
    let event = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"images\":[{{\"image_url\":{{\"url\":\"data:image/png;base64,{data}\"}}}}]}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    let mut acts = vec![Act::Send(chunked_head("text/event-stream"))];
    acts.extend(event.as_bytes().chunks(64 * 1024).map(|piece| Act::Send(chunk(piece))));
    acts.push(Act::Send(chunk(b"data: [DONE]\n\n")));
    acts.push(Act::Send(chunk(b"")));
    let server = RawServer::start(acts).await;
    let provider = provider(&server.base_url);
    let wanted = CallRequest { pictures: true, ..streamed("m", "draw") };
    let answer = provider.call(&wanted, &Deltas::default()).await.result.unwrap();
    let length = match &answer.pictures[0].source {
        PictureSource::Bytes(bytes) => bytes.len(),
        PictureSource::Url(_) => 0,
    };
    assert_eq!(length, 5 * 1024 * 1024 / 4 * 3);
    let unasked = provider.call(&streamed("m", "draw"), &Deltas::default()).await.result.unwrap_err();
    assert_eq!(unasked.class, ErrorClass::Malformed);
    let body = server.requests().remove(0);
    assert!(body.contains("\"modalities\":[\"image\",\"text\"]"));
}

#[tokio::test]
async fn an_error_may_be_the_first_and_only_event() {
    let report = call("error_stream_first").await;
    assert_eq!((report.http_status, report.partial_text), (Some(200), None));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.provider_code.as_deref()), (ErrorClass::RateLimited, Some("rate_limit_exceeded")));
}

#[tokio::test]
async fn an_error_inside_a_success_is_classed_by_openrouters_own_signs_too() {
    let error = call("flagged_stream").await.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Refused, "Your input was flagged: violence"));
}

#[tokio::test]
async fn an_error_after_content_keeps_text_usage_and_cost() {
    for (case, text) in [("error_stream_word", "The first half"), ("error_choice", "partial output")] {
        let report = call(case).await;
        assert_eq!(report.partial_text.as_deref(), Some(text));
        assert_eq!(
            (report.usage.output, report.usage.provider_cost),
            (Some(Tokens(3)), Some(NanoUsd(10_000))),
            "{case}"
        );
        assert!(report.result.unwrap_err().retryable(), "{case}");
    }
    let refused = call("refused_mid_stream").await;
    assert_eq!(refused.partial_text.as_deref(), Some("The first"));
    assert_eq!(refused.result.unwrap_err().class, ErrorClass::Refused);
}

#[tokio::test]
async fn an_error_with_null_choices_keeps_the_upstreams_words() {
    let error = call("error_choices_null").await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::TimedOut(TimeoutPhase::Upstream));
    assert_eq!(error.message, "Provider returned error: error code: 524");
}

#[tokio::test]
async fn what_is_no_whole_answer_is_never_a_success() {
    let cases = [
        ("refusal", ErrorClass::Refused),
        ("empty", ErrorClass::Empty),
        ("no_finish_stream", ErrorClass::CutOff),
        ("truncated_json", ErrorClass::CutOff),
    ];
    for (case, class) in cases {
        assert_eq!(call(case).await.result.unwrap_err().class, class, "{case}");
    }
    assert_eq!(call("empty").await.usage.provider_cost, Some(NanoUsd(10_000)), "and yet it is paid for");
    assert_eq!(call("length").await.result.unwrap().finish, Finish::Length);
    let unknown = call("unknown_finish").await.result.unwrap().finish;
    assert_eq!(unknown, Finish::Unknown("insufficient_system_resource".into()));
}

#[tokio::test]
async fn every_error_is_retried_or_not_as_openrouter_says() {
    let cases = [
        ("e400", ErrorClass::Rejected, false),
        ("e400_model", ErrorClass::ModelNotFound, false),
        ("e400_context", ErrorClass::TooLarge, false),
        ("e400_upstream", ErrorClass::Rejected, false),
        ("e401", ErrorClass::Unauthorized, false),
        ("e402_credits", ErrorClass::Quota, false),
        ("e402_in_flight", ErrorClass::RateLimited, true),
        ("e402_key_limit", ErrorClass::Quota, false),
        ("e403_moderation", ErrorClass::Refused, false),
        ("e403_guardrail", ErrorClass::Refused, false),
        ("e403_budget", ErrorClass::Quota, false),
        ("e403_region", ErrorClass::Rejected, false),
        ("e404", ErrorClass::ModelNotFound, false),
        ("e408", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
        ("e413", ErrorClass::TooLarge, false),
        ("e422", ErrorClass::Rejected, false),
        ("e429", ErrorClass::RateLimited, true),
        ("e429_capacity", ErrorClass::RateLimited, true),
        ("e429_upstream", ErrorClass::RateLimited, true),
        ("e499", ErrorClass::ServerError, true),
        ("e500", ErrorClass::ServerError, true),
        ("e502", ErrorClass::Overloaded, true),
        ("e503", ErrorClass::Overloaded, true),
        ("e524", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
        ("e529", ErrorClass::Overloaded, true),
    ];
    for (case, class, retryable) in cases {
        let error = call(case).await.result.unwrap_err();
        assert_eq!((error.class, error.retryable()), (class, retryable), "{case}");
    }
}

#[tokio::test]
async fn the_wait_comes_from_the_header_or_from_the_body() {
    for (case, seconds) in [("e402_in_flight", 3), ("e429", 60), ("e429_capacity", 40), ("e503", 8)] {
        let wait = call(case).await.result.unwrap_err().retry_after;
        assert_eq!(wait, Some(Duration::from_secs(seconds)), "{case}");
    }
}

#[tokio::test]
async fn the_words_of_whoever_refused_are_kept() {
    let words = [
        ("e403_moderation", "Your chosen model requires moderation and your input was flagged: violence/graphic"),
        (
            "e429_upstream",
            "Provider returned error: acme/m is temporarily rate-limited upstream. Please retry shortly.",
        ),
    ];
    for (case, message) in words {
        assert_eq!(call(case).await.result.unwrap_err().message, message);
    }
}
