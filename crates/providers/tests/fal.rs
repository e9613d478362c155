//! What fal's queue may answer, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod jobs;
mod support;

use std::time::Duration;

use copydesk_core::generation::{FailureCode, FaultOf};
use copydesk_providers::media::{JobRef, Progress, Submitted};
use copydesk_providers::{CallReport, ErrorClass, Fal, HttpClient, Provider, Secret, TimeoutPhase};
use jobs::{asset, call_id, ended, jobs, judged, poll, seen, server, submit, verdict};
use serde_json::{Value, json};
use support::{Act, Deltas, KEY, RawServer, answer, request};

const ID: &str = "80e732af-660e-45cd-bd63-580e4f2a94cc";
const WAITING: &str = "fal-ai/flux|80e732af-660e-45cd-bd63-580e4f2a94cc";
const COMPLETED: &str = "fal-ai/flux|80e732af-660e-45cd-bd63-580e4f2a94cc|result";

fn fal(base_url: &str) -> Fal {
    Fal::new("fal", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn submitted(case: &str) -> CallReport<Submitted> {
    let server = server("fal", case).await;
    jobs(&fal(&server.base_url)).submit(&submit("fal-ai/flux/dev", json!({}))).await
}

async fn polled(job: &str, case: &str) -> CallReport<Progress> {
    let server = server("fal", case).await;
    jobs(&fal(&server.base_url)).poll(&poll(job)).await
}

async fn cancelled(case: &str) -> CallReport<()> {
    let server = server("fal", case).await;
    jobs(&fal(&server.base_url)).cancel(&poll(WAITING)).await
}

#[tokio::test]
async fn a_submission_is_the_input_with_the_key_in_fals_own_form() {
    let server = server("fal", "submitted_elsewhere").await;
    let report = jobs(&fal(&server.base_url)).submit(&submit("fal-ai/flux/dev", json!({"seed": 7}))).await;
    assert_eq!(report.result.unwrap(), Submitted { job: JobRef(WAITING.into()), progress: None });
    assert_eq!(report.provider_request_id.as_deref(), Some(ID));
    let (head, body) = seen(&server);
    assert!(head.starts_with("post /v1/fal-ai/flux/dev http/1.1"), "{head}");
    assert!(head.contains("authorization: key topsecret-key-42"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", call_id())), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({"prompt": "a cat", "seed": 7}));
}

#[tokio::test]
async fn addresses_of_the_answer_are_never_asked_and_an_odd_id_is_no_job() {
    // The recorded answer names evil.example and 127.0.0.1:1; the job's name holds neither.
    let job = submitted("submitted_elsewhere").await.result.unwrap().job;
    assert_eq!(job.0, WAITING);
    assert_eq!(verdict(submitted("submitted_odd_id").await), (ErrorClass::Malformed, true));
}

#[tokio::test]
async fn an_app_that_another_port_names_is_not_taken() {
    let other = RawServer::start(vec![Act::Hang]).await;
    let url = format!("{}/fal-ai/other/requests/{ID}/status", other.base_url);
    let body = json!({"request_id": ID, "status_url": url}).to_string();
    let answering = answer("HTTP/1.1 200 OK\ncontent-type: application/json", &body);
    let server = RawServer::start(vec![Act::Send(answering)]).await;
    let job = jobs(&fal(&server.base_url)).submit(&submit("fal-ai/flux/dev", json!({}))).await.result.unwrap().job;
    assert_eq!(job.0, WAITING, "another port is another host");
}

#[tokio::test]
async fn a_request_is_followed_from_the_queue_to_its_files_with_one_get_each() {
    for case in ["in_queue", "in_progress"] {
        let report = polled(WAITING, case).await;
        assert_eq!(report.result.unwrap(), Progress::Running { percent: None, wait: None }, "{case}");
        assert!(report.sent);
    }
    let status = server("fal", "completed").await;
    let next = jobs(&fal(&status.base_url)).poll(&poll(WAITING)).await.result.unwrap();
    assert_eq!(next, Progress::Next(JobRef(COMPLETED.into())));
    let (head, body) = seen(&status);
    assert!(head.starts_with(&format!("get /v1/fal-ai/flux/requests/{ID}/status http/1.1")), "{head}");
    assert!(body.is_empty());

    let result = server("fal", "result_images").await;
    let report = jobs(&fal(&result.base_url)).poll(&poll(COMPLETED)).await;
    assert_eq!(report.provider_request_id.as_deref(), Some(ID));
    let wanted = vec![
        asset("https://v3.fal.media/files/a/1.png", Some("image/png")),
        asset("https://v3.fal.media/files/a/2.jpg", Some("image/jpeg")),
    ];
    assert_eq!(report.result.unwrap(), Progress::Done(wanted));
    let (head, _) = seen(&result);
    assert!(head.starts_with(&format!("get /v1/fal-ai/flux/requests/{ID} http/1.1")), "{head}");
}

#[tokio::test]
async fn a_video_and_a_plain_address_are_files_too_and_a_poem_is_none() {
    let Progress::Done(mut assets) = polled(COMPLETED, "result_video").await.result.unwrap() else {
        panic!("it is done")
    };
    assets.sort_by(|one, other| one.url.cmp(&other.url));
    let video = asset("https://v3.fal.media/files/b/out.mp4", Some("video/mp4"));
    assert_eq!(assets, [asset("https://v3.fal.media/files/b/out.mp3", None), video]);
    assert_eq!(judged(polled(COMPLETED, "result_text").await), (ErrorClass::Rejected, false));
}

#[tokio::test]
async fn a_result_of_blackened_pictures_is_a_refusal_and_nobodys_fault_but_the_requests() {
    let refused = ended(polled(COMPLETED, "result_nsfw").await.result);
    assert_eq!((refused.class, refused.retryable()), (ErrorClass::Refused, false));
    assert!(refused.message.contains("has_nsfw_concepts"), "{refused}");
    let failure = refused.failure("fal");
    assert_eq!((failure.code, failure.fault_of), (FailureCode::Refused, FaultOf::Request));
}

#[tokio::test]
async fn a_result_that_is_asked_for_too_early_is_still_running() {
    let report = polled(COMPLETED, "result_early_400").await;
    assert_eq!(report.result.unwrap(), Progress::Running { percent: None, wait: None });
}

#[tokio::test]
async fn completed_may_mean_failed() {
    let cases = [
        ("completed_timeout", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
        ("completed_disconnected", ErrorClass::ServerError, true),
        ("completed_unknown", ErrorClass::Rejected, false),
    ];
    for (case, class, retryable) in cases {
        assert_eq!(judged(polled(WAITING, case).await), (class, retryable), "{case}");
    }
    assert_eq!(ended(polled(WAITING, "completed_unknown").await.result).message, "It fell over");
}

#[tokio::test]
async fn every_error_of_a_submission_has_its_class() {
    let cases = [
        ("unauthorized_401", ErrorClass::Unauthorized, false),
        ("balance_403", ErrorClass::Quota, false),
        ("not_found_404", ErrorClass::ModelNotFound, false),
        ("timeout_408", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
        ("conflict_409", ErrorClass::Overloaded, true),
        ("invalid_422", ErrorClass::Rejected, false),
        ("policy_422", ErrorClass::Refused, false),
        ("busy_429", ErrorClass::RateLimited, true),
        ("html_502", ErrorClass::ServerError, true),
        ("ingress_503", ErrorClass::Overloaded, true),
        ("app_500", ErrorClass::Rejected, false),
    ];
    for (case, class, retryable) in cases {
        assert_eq!(verdict(submitted(case).await), (class, retryable), "{case}");
    }
    let busy = submitted("busy_429").await.result.unwrap_err();
    assert_eq!(busy.retry_after, Some(Duration::from_secs(4)));
    let invalid = submitted("invalid_422").await.result.unwrap_err();
    let message = "body.num_images: Input should be less than or equal to 4; body.images.0: field required";
    assert_eq!((invalid.message.as_str(), invalid.provider_code.as_deref()), (message, Some("less_than_equal")));
}

#[tokio::test]
async fn every_error_of_a_result_has_its_class() {
    let cases = [
        ("policy_422", ErrorClass::Refused, false),
        ("invalid_422", ErrorClass::Rejected, false),
        ("app_500", ErrorClass::Rejected, false),
        ("app_500_retryable", ErrorClass::ServerError, true),
        ("app_504_typed", ErrorClass::TimedOut(TimeoutPhase::Upstream), true),
        ("ingress_503", ErrorClass::Overloaded, true),
        ("not_found_404", ErrorClass::Rejected, false),
    ];
    for (case, class, retryable) in cases {
        assert_eq!(judged(polled(COMPLETED, case).await), (class, retryable), "{case}");
    }
}

#[tokio::test]
async fn a_broken_question_says_nothing_about_the_job() {
    // The app's own 500 on the way to a status is still only a status that could not be read.
    assert_eq!(judged(polled(WAITING, "app_500").await), (ErrorClass::ServerError, true));
    let cases = [
        ("truncated", ErrorClass::CutOff),
        ("empty", ErrorClass::Empty),
        ("html_200", ErrorClass::Malformed),
        ("unknown_state", ErrorClass::Malformed),
    ];
    for (case, class) in cases {
        assert_eq!(judged(polled(WAITING, case).await), (class, true), "{case}");
    }
    assert_eq!(judged(polled(COMPLETED, "truncated").await), (ErrorClass::CutOff, true));
}

#[tokio::test]
async fn a_request_is_stopped_with_a_put_and_one_that_has_ended_needs_none() {
    let server = server("fal", "cancelled").await;
    jobs(&fal(&server.base_url)).cancel(&poll(COMPLETED)).await.result.unwrap();
    let (head, _) = seen(&server);
    assert!(head.starts_with(&format!("put /v1/fal-ai/flux/requests/{ID}/cancel http/1.1")), "{head}");
    cancelled("cancel_late_400").await.result.unwrap();
    assert_eq!(verdict(cancelled("cancel_404").await), (ErrorClass::Rejected, false));
}

#[tokio::test]
async fn a_job_nobody_named_is_never_asked_for() {
    let server = RawServer::start(vec![Act::Hang]).await;
    let provider = fal(&server.base_url);
    for job in ["", ID, "fal-ai/flux|../../x", "../x|y", "fal-ai/flux|x|status", "http://evil.example/a|x"] {
        let report = jobs(&provider).poll(&poll(job)).await;
        assert!(!report.sent);
        assert_eq!(verdict(report), (ErrorClass::Misconfigured, false), "{job}");
        assert_eq!(verdict(jobs(&provider).cancel(&poll(job)).await), (ErrorClass::Misconfigured, false), "{job}");
    }
    assert_eq!(verdict(jobs(&provider).submit(&submit("flux", json!({}))).await), (ErrorClass::ModelNotFound, false));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_key_is_in_no_part_of_an_error() {
    let error = submitted("unauthorized_401").await.result.unwrap_err();
    assert!(!format!("{error:?}").contains("topsecret"), "{error:?}");
    assert_eq!(error.message, "Cannot access application with key [redacted]");
}

#[tokio::test]
async fn it_does_not_chat_and_says_so_without_asking() {
    let server = RawServer::start(vec![Act::Hang]).await;
    let report = fal(&server.base_url).call(&request("a/b", "hi"), &Deltas::default()).await;
    assert!(!report.sent && server.requests().is_empty());
    assert_eq!(report.result.unwrap_err().message, "fal runs media jobs; it does not chat");
}
