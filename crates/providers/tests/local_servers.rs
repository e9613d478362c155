//! What llama.cpp and vLLM may answer through the adapter for every OpenAI-shaped provider, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use copydesk_core::Tokens;
use copydesk_providers::{CallReport, ErrorClass, Finish, Provider};
use support::{Deltas, RawServer, request, streamed};

async fn call(case: &str) -> CallReport {
    let (server, case) = case.split_once('/').unwrap();
    let server = RawServer::fixture(server, case).await;
    let request = if case.contains("stream") { streamed("m", "hi") } else { request("m", "hi") };
    server.provider().call(&request, &Deltas::default()).await
}

#[tokio::test]
async fn reused_tokens_are_reported_as_cached_wherever_the_server_says_them() {
    let cases = [("llama_cpp/answer", 90), ("llama_cpp/answer_stream", 90), ("vllm/answer", 96)];
    for (case, cached) in cases {
        let report = call(case).await;
        let answer = report.result.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("A calm harbour.", Finish::Stop), "{case}");
        assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(100)), Some(Tokens(6))), "{case}");
        assert_eq!(report.usage.input_cached, Some(Tokens(cached)), "{case}");
    }
}

#[tokio::test]
async fn a_server_that_still_loads_its_model_is_asked_again_and_a_context_that_is_too_small_is_not() {
    let cases = [
        ("llama_cpp/loading", ErrorClass::Overloaded, true),
        ("llama_cpp/context", ErrorClass::TooLarge, false),
        ("llama_cpp/context_old", ErrorClass::TooLarge, false),
        ("llama_cpp/key", ErrorClass::Unauthorized, false),
        ("llama_cpp/not_supported", ErrorClass::Rejected, false),
        ("llama_cpp/server_error", ErrorClass::ServerError, true),
        ("vllm/context", ErrorClass::TooLarge, false),
        ("vllm/context_old", ErrorClass::TooLarge, false),
        ("vllm/model", ErrorClass::ModelNotFound, false),
        ("vllm/key", ErrorClass::Unauthorized, false),
        ("vllm/bad_request", ErrorClass::Rejected, false),
        ("vllm/engine_dead", ErrorClass::ServerError, true),
    ];
    for (case, class, retryable) in cases {
        let error = call(case).await.result.unwrap_err();
        assert_eq!((error.class, error.retryable()), (class, retryable), "{case}");
    }
}

#[tokio::test]
async fn the_sizes_a_server_names_reach_the_operator() {
    let error = call("llama_cpp/context").await.result.unwrap_err();
    assert_eq!(error.provider_code.as_deref(), Some("exceed_context_size_error"));
    let raw = error.raw.unwrap();
    assert!(raw.contains("\"n_prompt_tokens\":13392") && raw.contains("\"n_ctx\":8192"), "{raw}");
}

#[tokio::test]
async fn an_error_in_mid_stream_is_seen_in_every_form() {
    for case in ["llama_cpp/error_mid_stream", "vllm/error_mid_stream", "vllm/error_mid_stream_old"] {
        let report = call(case).await;
        assert_eq!(report.partial_text.as_deref(), Some("The first half"), "{case}");
        assert_eq!(report.result.unwrap_err().class, ErrorClass::ServerError, "{case}");
    }
}
