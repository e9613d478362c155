//! What the tests of media jobs share: requests, and servers that answer with a recorded answer of one adapter.

#![allow(dead_code, reason = "each test file uses its own part")]

use copydesk_core::CallId;
use copydesk_providers::media::{AssetRef, FetchRequest, JobRef, PollRequest, Progress, RunsMediaJobs, SubmitRequest};
use copydesk_providers::{ErrorClass, Part, Provider, ProviderError, Timeouts};
use serde_json::{Map, Value};

use crate::support::{RawServer, patient};

pub fn call_id() -> CallId {
    CallId("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001".parse().unwrap())
}

pub async fn server(adapter: &str, case: &str) -> RawServer {
    RawServer::fixture(adapter, case).await
}

pub fn jobs(provider: &dyn Provider) -> &dyn RunsMediaJobs {
    provider.runs_media_jobs().unwrap()
}

pub fn submit(model: &str, settings: Value) -> SubmitRequest {
    let settings = settings.as_object().cloned().unwrap_or_else(Map::new);
    let input = vec![Part::Text("a cat".into())];
    SubmitRequest { call_id: call_id(), model: model.into(), input, settings, timeouts: patient() }
}

pub fn poll(job: &str) -> PollRequest {
    PollRequest { call_id: call_id(), model: "m".into(), job: JobRef(job.into()), timeouts: patient() }
}

pub fn fetch(url: &str) -> FetchRequest {
    fetch_within(url, patient())
}

pub fn fetch_within(url: &str, timeouts: Timeouts) -> FetchRequest {
    let asset = AssetRef { url: url.into(), media_type: None };
    FetchRequest { call_id: call_id(), model: "m".into(), asset, timeouts }
}

pub fn asset(url: &str, media_type: Option<&str>) -> AssetRef {
    AssetRef { url: url.into(), media_type: media_type.map(str::to_owned) }
}

/// Head and body of the one request a server saw. The head is in lower case.
pub fn seen(server: &RawServer) -> (String, String) {
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "one method is one request");
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// The error of a report, and whether trying again can help.
pub fn verdict<T>(report: copydesk_providers::CallReport<T>) -> (ErrorClass, bool) {
    let error = report.result.err().unwrap();
    (error.class, error.retryable())
}

/// Why there is nothing to fetch: the job's own failure, or that of the question about it.
pub fn ended(result: Result<Progress, ProviderError>) -> ProviderError {
    match result {
        Ok(Progress::Failed(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

/// Its class, and whether another job can do better.
pub fn judged(report: copydesk_providers::CallReport<Progress>) -> (ErrorClass, bool) {
    let error = ended(report.result);
    (error.class, error.retryable())
}
