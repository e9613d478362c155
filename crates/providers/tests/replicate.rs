//! What Replicate may answer, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod jobs;
mod support;

use std::time::Duration;

use copydesk_core::generation::failure::FailureCode;
use copydesk_providers::media::{JobRef, Progress, Submitted};
use copydesk_providers::{CallReport, ErrorClass, HttpClient, Provider, Replicate, Secret, TimeoutPhase};
use jobs::{asset, call_id, ended, jobs, judged, poll, seen, server, submit, verdict};
use serde_json::{Value, json};
use support::{Act, Deltas, KEY, RawServer, request};

const ID: &str = "gm3qorzdhgbfurvjtvhg6dckhu";

fn replicate(base_url: &str) -> Replicate {
    Replicate::new("replicate", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn polled(case: &str) -> CallReport<Progress> {
    let server = server("replicate", case).await;
    jobs(&replicate(&server.base_url)).poll(&poll(ID)).await
}

async fn submitted(case: &str) -> CallReport<Submitted> {
    let server = server("replicate", case).await;
    jobs(&replicate(&server.base_url)).submit(&submit("google/veo-3", json!({}))).await
}

#[tokio::test]
async fn a_submission_says_what_is_wanted_and_does_not_wait_for_it() {
    let server = server("replicate", "submitted").await;
    let provider = replicate(&server.base_url);
    let report = jobs(&provider).submit(&submit("google/veo-3", json!({"duration": 8}))).await;
    assert_eq!(report.result.unwrap(), Submitted { job: JobRef(ID.into()), progress: None });
    assert_eq!((report.http_status, report.sent), (Some(201), true));
    assert_eq!(report.served_model.as_deref(), Some("google/veo-3"));
    assert_eq!(report.provider_request_id.as_deref(), Some(ID));
    let (head, body) = seen(&server);
    assert!(head.starts_with("post /v1/models/google/veo-3/predictions http/1.1"), "{head}");
    assert!(head.contains("authorization: bearer topsecret-key-42"), "{head}");
    assert!(head.contains("cancel-after: 20s") && !head.contains("prefer:"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", call_id())), "{head}");
    let wanted = json!({"input": {"prompt": "a cat", "duration": 8}});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), wanted);
}

#[tokio::test]
async fn a_version_is_submitted_in_the_body() {
    let server = server("replicate", "submitted").await;
    let model = format!("stability-ai/sdxl:{}", "a1".repeat(32));
    jobs(&replicate(&server.base_url)).submit(&submit(&model, json!({}))).await.result.unwrap();
    let (head, body) = seen(&server);
    assert!(head.starts_with("post /v1/predictions http/1.1"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["version"], json!(model));
}

#[tokio::test]
async fn a_job_that_is_done_or_has_failed_at_once_is_still_a_job() {
    let done = submitted("submitted_done").await.result.unwrap();
    let out = asset("https://replicate.delivery/xezq/abc/out.webp", None);
    assert_eq!(done.progress, Some(Progress::Done(vec![out])));
    let failed = submitted("submitted_failed").await.result.unwrap();
    assert_eq!(failed, Submitted { job: JobRef(ID.into()), progress: None });
}

#[tokio::test]
async fn a_lost_answer_to_a_submission_says_that_it_had_left() {
    let server = RawServer::start(vec![]).await;
    let report = jobs(&replicate(&server.base_url)).submit(&submit("a/b", json!({}))).await;
    assert!(report.sent);
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Network);
}

#[tokio::test]
async fn a_model_or_a_job_that_would_bend_the_address_is_never_asked_for() {
    let server = server("replicate", "submitted").await;
    let provider = replicate(&server.base_url);
    for model in ["../account", "a/b/../c", "a/b?x=1", "veo"] {
        let report = jobs(&provider).submit(&submit(model, json!({}))).await;
        assert!(!report.sent);
        assert_eq!(report.result.unwrap_err().class, ErrorClass::ModelNotFound, "{model}");
    }
    for job in ["", "../account", "abc/cancel", "abc?x", "a|b"] {
        let polled = jobs(&provider).poll(&poll(job)).await;
        assert!(!polled.sent);
        assert_eq!(polled.result.unwrap_err().class, ErrorClass::Misconfigured, "{job}");
        assert_eq!(verdict(jobs(&provider).cancel(&poll(job)).await), (ErrorClass::Misconfigured, false));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_question_is_one_get_and_running_is_running() {
    let server = server("replicate", "processing").await;
    let report = jobs(&replicate(&server.base_url)).poll(&poll(ID)).await;
    assert_eq!(report.result.unwrap(), Progress::Running { percent: None, wait: None });
    assert!(report.sent, "a request without a body has left too");
    let (head, body) = seen(&server);
    assert!(head.starts_with(&format!("get /v1/predictions/{ID} http/1.1")) && body.is_empty(), "{head}");
    assert!(head.contains("authorization: bearer"), "{head}");
}

#[tokio::test]
async fn the_files_of_a_finished_prediction_are_named_in_every_shape_of_output() {
    let at = |path: &str| asset(&format!("https://replicate.delivery/xezq/abc/{path}"), None);
    let cases = [
        ("succeeded_text", vec![at("tmp.mp4")]),
        ("succeeded_list", vec![at("out-0.webp"), at("out-1.webp")]),
        ("succeeded_object", vec![at("f.png"), at("v.mp4")]),
    ];
    for (case, wanted) in cases {
        let Progress::Done(mut assets) = polled(case).await.result.unwrap() else { panic!("{case} is done") };
        assets.sort_by(|one, other| one.url.cmp(&other.url));
        assert_eq!(assets, wanted, "{case}");
    }
}

#[tokio::test]
async fn a_success_without_a_file_is_no_success() {
    assert_eq!(judged(polled("succeeded_empty").await), (ErrorClass::Rejected, false));
    let removed = ended(polled("succeeded_removed").await.result);
    assert!(removed.message.contains("deleted"), "{removed}");
}

#[tokio::test]
async fn a_failed_prediction_says_why_and_whether_another_can_work() {
    let cases = [
        ("failed_nsfw", ErrorClass::Refused, false),
        ("failed_sensitive", ErrorClass::Refused, false),
        ("failed_interrupted", ErrorClass::ServerError, true),
        ("failed_memory", ErrorClass::ServerError, true),
        ("failed_input", ErrorClass::Rejected, false),
        ("canceled", ErrorClass::Rejected, false),
        ("aborted", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
    ];
    for (case, class, retryable) in cases {
        let report = polled(case).await;
        assert_eq!(report.http_status, Some(200), "{case}");
        assert_eq!(judged(report), (class, retryable), "{case}");
    }
    let refused = ended(polled("failed_nsfw").await.result);
    assert_eq!(refused.message, "NSFW content detected. Try running it again, or try a different prompt.");
    assert_eq!(refused.failure("replicate").code, FailureCode::Refused);
}

#[tokio::test]
async fn every_error_status_has_its_class() {
    let cases = [
        ("unauthorized_401", ErrorClass::Unauthorized, false),
        ("payment_402", ErrorClass::Quota, false),
        ("model_404", ErrorClass::ModelNotFound, false),
        ("invalid_422", ErrorClass::Rejected, false),
        ("sensitive_422", ErrorClass::Refused, false),
        ("throttled_429", ErrorClass::RateLimited, true),
        ("server_500", ErrorClass::ServerError, true),
        ("html_502", ErrorClass::ServerError, true),
    ];
    for (case, class, retryable) in cases {
        assert_eq!(verdict(submitted(case).await), (class, retryable), "{case}");
    }
    let invalid = submitted("invalid_422").await.result.unwrap_err();
    assert_eq!(invalid.message, "Input validation failed: - input: prompt is required\n");
}

#[tokio::test]
async fn a_job_that_is_not_there_is_not_a_model_that_is_not_there() {
    assert_eq!(judged(polled("model_404").await), (ErrorClass::Rejected, false));
}

#[tokio::test]
async fn a_throttled_request_says_when_to_come_back() {
    let wait = async |case| submitted(case).await.result.unwrap_err().retry_after;
    assert_eq!(wait("throttled_429").await, Some(Duration::from_secs(30)));
    assert_eq!(wait("throttled_field_429").await, Some(Duration::from_secs(6)));
}

#[tokio::test]
async fn the_key_is_in_no_part_of_an_error() {
    let error = submitted("unauthorized_401").await.result.unwrap_err();
    assert!(!format!("{error:?}").contains("topsecret"), "{error:?}");
    assert_eq!(error.message, "Unauthenticated: You did not pass a valid authentication token: [redacted]");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_says_nothing_about_the_job() {
    let cases = [
        ("truncated", ErrorClass::CutOff),
        ("empty", ErrorClass::Empty),
        ("html_200", ErrorClass::Malformed),
        ("unknown_state", ErrorClass::Malformed),
    ];
    for (case, class) in cases {
        assert_eq!(judged(polled(case).await), (class, true), "{case}");
    }
    assert_eq!(verdict(submitted("truncated").await), (ErrorClass::CutOff, true));
    assert!(ended(polled("unknown_state").await.result).message.contains("hibernating"));
}

#[tokio::test]
async fn a_job_is_stopped_with_one_post() {
    let server = server("replicate", "canceled").await;
    jobs(&replicate(&server.base_url)).cancel(&poll(ID)).await.result.unwrap();
    let (head, _) = seen(&server);
    assert!(head.starts_with(&format!("post /v1/predictions/{ID}/cancel http/1.1")), "{head}");
}

#[tokio::test]
async fn it_does_not_chat_and_says_so_without_asking() {
    let server = RawServer::start(vec![Act::Hang]).await;
    let report = replicate(&server.base_url).call(&request("a/b", "hi"), &Deltas::default()).await;
    assert!(!report.sent && server.requests().is_empty());
    let error = report.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::Misconfigured);
    assert_eq!(error.message, "Replicate runs media jobs; it does not chat");
}
