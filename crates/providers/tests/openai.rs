//! What OpenAI may answer, one recorded answer per claim: chat, and the errors that all of its endpoints share.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::Tokens;
use copydesk_providers::{CallReport, ErrorClass, Finish, HttpClient, OpenAi, Provider, ProviderError, Secret};
use support::{Deltas, KEY, RawServer, request, streamed};

fn provider(base_url: &str) -> OpenAi {
    OpenAi::new("openai", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn call(case: &str) -> CallReport {
    let server = RawServer::fixture("openai", case).await;
    let request = if case.contains("stream") { streamed("gpt-6", "hi") } else { request("gpt-6", "hi") };
    provider(&server.base_url).call(&request, &Deltas::default()).await
}

async fn error(case: &str) -> ProviderError {
    let report = call(case).await;
    assert!(report.sent);
    report.result.unwrap_err()
}

#[tokio::test]
async fn a_whole_and_a_streamed_answer_say_the_same() {
    for (case, id) in [("answer", "req_3f2a"), ("answer_stream", "req_5b11")] {
        let report = call(case).await;
        let answer = report.result.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("A calm harbour.", Finish::Stop), "{case}");
        assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(1_117)), Some(Tokens(46))));
        assert_eq!((report.usage.input_cached, report.usage.output_reasoning), (Some(Tokens(1_024)), Some(Tokens(40))));
        assert_eq!(report.usage.provider_cost, None);
        assert_eq!(report.provider_request_id.as_deref(), Some(id), "the header, not the body's id");
        assert_eq!(report.served_model.as_deref(), Some("gpt-6-2026-09-01"));
    }
}

#[tokio::test]
async fn tools_come_whole_or_in_pieces() {
    let whole = call("tools").await.result.unwrap();
    assert_eq!((whole.text.as_str(), whole.finish), ("", Finish::ToolCalls));
    let pieces = call("tools_stream").await.result.unwrap();
    assert_eq!(pieces.tool_calls[0], whole.tool_calls[0]);
    assert_eq!(
        (pieces.tool_calls[0].id.as_str(), pieces.tool_calls[0].arguments.as_str()),
        ("call_Ab", "{\"port\":\"Kiel\"}")
    );
    assert_eq!((pieces.tool_calls[1].name.as_str(), pieces.tool_calls[1].arguments.as_str()), ("find_wind", "{}"));
}

#[tokio::test]
async fn a_refusal_keeps_its_reason_and_what_it_cost() {
    let report = call("refusal_stream").await;
    assert_eq!(report.usage.output, Some(Tokens(9)));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Refused, "I can't write that."));
    assert_eq!(call("content_filter").await.result.unwrap_err().class, ErrorClass::Refused);
}

#[tokio::test]
async fn a_length_cut_and_an_unknown_end_are_never_silently_complete() {
    assert_eq!(call("length").await.result.unwrap().finish, Finish::Length);
    let report = call("length_all_reasoning").await;
    assert_eq!(report.usage.output_reasoning, Some(Tokens(64)));
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Truncated);
    assert_eq!(call("unknown_finish").await.result.unwrap().finish, Finish::Unknown("pause_turn".into()));
}

#[tokio::test]
async fn a_stream_without_its_last_chunk_is_whole_without_usage_and_one_without_a_finish_is_cut() {
    let report = call("no_usage_stream").await;
    assert_eq!(report.usage.input, None, "not reported is not zero");
    assert_eq!(report.result.unwrap().text, "Whole.");
    let cut = call("no_finish_stream").await;
    assert_eq!(cut.partial_text.as_deref(), Some("It ends like th"));
    assert_eq!(cut.result.unwrap_err().class, ErrorClass::CutOff);
    assert_eq!(error("truncated_json").await.class, ErrorClass::CutOff);
}

#[tokio::test]
async fn an_error_in_mid_stream_keeps_text_and_usage() {
    let report = call("error_mid_stream").await;
    assert_eq!(report.partial_text.as_deref(), Some("The first half"));
    assert_eq!((report.usage.output, report.http_status), (Some(Tokens(3)), Some(200)));
    assert_eq!(report.result.unwrap_err().class, ErrorClass::ServerError);
    let refused = call("policy_mid_stream").await;
    assert_eq!(refused.partial_text.as_deref(), Some("The first"));
    assert_eq!(refused.result.unwrap_err().class, ErrorClass::Refused);
    assert_eq!(call("error_200").await.result.unwrap_err().class, ErrorClass::Overloaded);
}

#[tokio::test]
async fn every_error_is_retried_or_not_as_openai_says() {
    let cases = [
        ("invalid_key", ErrorClass::Unauthorized, false),
        ("no_permission", ErrorClass::Unauthorized, false),
        ("country", ErrorClass::Rejected, false),
        ("model_not_found", ErrorClass::ModelNotFound, false),
        ("context_length", ErrorClass::TooLarge, false),
        ("string_too_long", ErrorClass::TooLarge, false),
        ("request_too_large", ErrorClass::TooLarge, false),
        ("unsupported_value", ErrorClass::Rejected, false),
        ("unprocessable", ErrorClass::Rejected, false),
        ("invalid_prompt", ErrorClass::Refused, false),
        ("content_policy", ErrorClass::Refused, false),
        ("moderation_blocked", ErrorClass::Refused, false),
        ("credit_balance_exhausted", ErrorClass::Quota, false),
        ("organization_spend_limit_exceeded", ErrorClass::Quota, false),
        ("project_spend_limit_exceeded", ErrorClass::Quota, false),
        ("organization_usage_limit_exceeded", ErrorClass::Quota, false),
        ("quota_old", ErrorClass::Quota, false),
        ("no_retry_429", ErrorClass::Quota, false),
        ("no_retry_500", ErrorClass::Rejected, false),
        ("rate_limit", ErrorClass::RateLimited, true),
        ("slow_down_429", ErrorClass::Overloaded, true),
        ("slow_down_503", ErrorClass::Overloaded, true),
        ("overloaded", ErrorClass::Overloaded, true),
        ("conflict", ErrorClass::Overloaded, true),
        ("server_error", ErrorClass::ServerError, true),
    ];
    for (case, class, retryable) in cases {
        let report = call(case).await;
        assert_eq!(report.provider_request_id.as_deref(), Some("req_err"), "{case}");
        let error = report.result.unwrap_err();
        assert_eq!((error.class, error.retryable()), (class, retryable), "{case}");
    }
}

#[tokio::test]
async fn the_wait_is_taken_from_the_finest_header() {
    assert_eq!(error("rate_limit").await.retry_after, Some(Duration::from_millis(6_120)));
    assert_eq!(error("slow_down_429").await.retry_after, Some(Duration::from_secs(30)));
    assert_eq!(error("server_error").await.retry_after, None);
}

#[tokio::test]
async fn the_providers_words_are_kept_without_the_key_it_quotes() {
    let error = error("invalid_key").await;
    assert!(error.message.starts_with("Incorrect API key provided: [redacted]"), "{error}");
    assert!(!format!("{error:?}").contains("sk-proj"));
    assert_eq!(error.provider_code.as_deref(), Some("invalid_api_key"));
}
