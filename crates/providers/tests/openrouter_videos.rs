//! A video job at OpenRouter from its submission to its file, one recorded answer per claim.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use copydesk_core::{CallId, NanoUsd};
use copydesk_providers::media::{
    AssetRef, FetchRequest, Fetched, JobRef, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted,
};
use copydesk_providers::{
    CallReport, ErrorClass, HttpClient, OpenRouter, Part, Provider, ProviderError, Secret, Timeouts,
};
use support::{Act, KEY, RawServer, answer};

fn provider(base_url: &str) -> OpenRouter {
    OpenRouter::new("openrouter", base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

fn call_id() -> CallId {
    CallId("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001".parse().unwrap())
}

fn submission() -> SubmitRequest {
    let settings = serde_json::json!({"duration": 8}).as_object().unwrap().clone();
    let input = vec![Part::Text("a boat".into())];
    SubmitRequest { call_id: call_id(), model: "google/veo-4".into(), input, settings, timeouts: Timeouts::default() }
}

fn question(job: &str) -> PollRequest {
    let job = JobRef(job.into());
    PollRequest { call_id: call_id(), model: "google/veo-4".into(), job, timeouts: Timeouts::default() }
}

async fn serve(case: &str) -> RawServer {
    RawServer::fixture("openrouter", case).await
}

fn jobs(provider: &OpenRouter) -> &dyn RunsMediaJobs {
    provider.runs_media_jobs().unwrap()
}

async fn submit(case: &str) -> CallReport<Submitted> {
    let server = serve(case).await;
    jobs(&provider(&server.base_url)).submit(&submission()).await
}

async fn poll(case: &str) -> CallReport<Progress> {
    let server = serve(case).await;
    jobs(&provider(&server.base_url)).poll(&question("job-abc123")).await
}

async fn fetch(provider: &OpenRouter, url: String, into: &mut Vec<u8>) -> CallReport<Fetched> {
    let asset = AssetRef { url, media_type: None };
    let request = FetchRequest { call_id: call_id(), model: "v".into(), asset, timeouts: Timeouts::default() };
    jobs(provider).fetch(&request, into).await
}

/// Why there is nothing to fetch: the job's own failure, or that of the question about it.
fn ended(result: Result<Progress, ProviderError>) -> ProviderError {
    match result {
        Ok(Progress::Failed(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_submission_gives_the_jobs_name_and_nothing_to_pay_yet() {
    let server = serve("job_accepted").await;
    let report = jobs(&provider(&server.base_url)).submit(&submission()).await;
    let submitted = report.result.unwrap();
    assert_eq!((submitted.job, submitted.progress), (JobRef("job-abc123".into()), None));
    assert_eq!((report.http_status, report.usage.provider_cost), (Some(202), None));
    assert_eq!(report.provider_request_id.as_deref(), Some("req_job1"));
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/videos HTTP/1.1"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::json!({"model": "google/veo-4", "prompt": "a boat", "duration": 8}));
}

#[tokio::test]
async fn a_submission_whose_answer_names_no_job_is_no_success() {
    for body in ["{}", "[]", "{\"id\":\"../keys\",\"status\":\"pending\"}", "{\"id\":7,\"status\":\"pending\"}"] {
        let sent = answer("HTTP/1.1 202 Accepted\ncontent-type: application/json", body);
        let server = RawServer::start(vec![Act::Send(sent)]).await;
        let report = jobs(&provider(&server.base_url)).submit(&submission()).await;
        assert!(report.sent, "a job may run that nobody knows");
        assert_eq!(report.result.unwrap_err().class, ErrorClass::Malformed, "{body}");
    }
    assert_eq!(submit("e402_credits").await.result.unwrap_err().class, ErrorClass::Quota);
    assert_eq!(submit("e403_moderation").await.result.unwrap_err().class, ErrorClass::Refused);
}

#[tokio::test]
async fn a_poll_asks_once_at_the_jobs_own_address() {
    let server = serve("job_running").await;
    let report = jobs(&provider(&server.base_url)).poll(&question("job-abc123")).await;
    assert!(report.sent);
    assert_eq!(report.result.unwrap(), Progress::Running { percent: None, wait: None });
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("GET /v1/videos/job-abc123 HTTP/1.1"), "{}", requests[0]);
}

#[tokio::test]
async fn the_poll_that_reports_the_end_reports_the_cost() {
    let server = serve("job_done").await;
    let report = jobs(&provider(&server.base_url)).poll(&question("job-abc123")).await;
    assert_eq!(report.usage.provider_cost, Some(NanoUsd(250_000_000)));
    assert_eq!(report.served_model.as_deref(), Some("google/veo-4"));
    let url = format!("{}/api/v1/videos/job-abc123/content?index=0", server.base_url.trim_end_matches("/v1"));
    assert_eq!(report.result.unwrap(), Progress::Done(vec![AssetRef { url, media_type: None }]));
}

#[tokio::test]
async fn a_job_that_ended_badly_is_an_error_that_is_not_asked_for_again() {
    let refused = poll("job_refused").await;
    assert_eq!(refused.usage.provider_cost, Some(NanoUsd(0)));
    assert_eq!(ended(refused.result).class, ErrorClass::Refused);
    let expired = ended(poll("job_expired").await.result);
    assert_eq!((expired.class, expired.provider_code.as_deref()), (ErrorClass::Rejected, Some("expired")));
    let limited = ended(poll("e429").await.result);
    assert_eq!((limited.class, limited.retryable()), (ErrorClass::RateLimited, true), "the job still runs");
}

#[tokio::test]
async fn a_job_name_that_leads_elsewhere_is_not_sent() {
    let server = serve("job_running").await;
    let report = jobs(&provider(&server.base_url)).poll(&question("../keys?x=")).await;
    assert!(!report.sent && server.requests().is_empty());
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Misconfigured);
}

#[tokio::test]
async fn a_poll_that_finds_nobody_was_not_sent() {
    let server = serve("job_running").await;
    let base_url = server.base_url.clone();
    drop(server);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}/v1", listener.local_addr().unwrap());
    drop((listener, base_url));
    let report = jobs(&provider(&gone)).poll(&question("job-abc123")).await;
    assert_eq!((report.sent, report.result.unwrap_err().class), (false, ErrorClass::Network));
}

#[tokio::test]
async fn a_job_cannot_be_cancelled_and_nobody_is_told_that_it_was() {
    let server = serve("job_running").await;
    let report = jobs(&provider(&server.base_url)).cancel(&question("job-abc123")).await;
    assert!(!report.sent && server.requests().is_empty());
    let error = report.result.unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (ErrorClass::Misconfigured, "OpenRouter cannot cancel a video job: it runs on and is billed")
    );
}

#[tokio::test]
async fn a_video_is_fetched_with_the_key_from_our_own_host_and_with_no_key_from_any_other() {
    let sent = answer("HTTP/1.1 200 OK\ncontent-type: video/mp4", "ftypmp42");
    let own = RawServer::start(vec![Act::Send(sent.clone())]).await;
    let provider = provider(&own.base_url);
    let mut file = Vec::new();
    let report = fetch(&provider, format!("{}/videos/a/content?index=0", own.base_url), &mut file).await;
    assert_eq!(report.result.unwrap(), Fetched { media_type: "video/mp4".into(), bytes: 8 });
    assert_eq!(file, b"ftypmp42");
    assert!(own.requests()[0].to_lowercase().contains("authorization: bearer"));
    let sent = answer("HTTP/1.1 200 OK\ncontent-type: video/mp4", "ftypmp42");
    // A provider on this machine may keep its files there; who a public one may name is told in tests/download.rs.
    let other = RawServer::start(vec![Act::Send(sent)]).await;
    let report = fetch(&provider, format!("{}/x", other.base_url), &mut Vec::new()).await;
    assert_eq!(report.result.unwrap().bytes, 8);
    let seen = other.requests()[0].to_lowercase();
    assert!(!seen.contains("authorization") && !seen.contains(&support::KEY.to_lowercase()), "{seen}");
}

#[tokio::test]
async fn a_page_instead_of_a_video_is_no_video() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\ncontent-type: text/html", "<title>Login</title>"),
        ("HTTP/1.1 200 OK\ncontent-type: video/mp4", ""),
    ] {
        let server = RawServer::start(vec![Act::Send(answer(head, body))]).await;
        let report = fetch(&provider(&server.base_url), format!("{}/a", server.base_url), &mut Vec::new()).await;
        assert!(report.result.is_err(), "{head}");
    }
}
