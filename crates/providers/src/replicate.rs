//! The adapter for Replicate: media jobs, which it calls predictions. Each method is one request and keeps nothing; it
//! never chats, never blocks on a prediction (`Prefer` is not sent), never retries, and never follows an address of an
//! answer other than to download a finished file. A file is deleted an hour after its prediction.
//!
//! Source: see `replicate_wire.rs`.

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::io::AsyncWrite;

use crate::ask::{Ask, Asked};
use crate::catalogue::Catalogue;
use crate::error::ProviderError;
use crate::exchange::{Endpoint, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::media::{FetchRequest, Fetched, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted};
use crate::media_job::no_chat;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use crate::replicate_wire as wire;
use crate::secret::safe_name;
use copydesk_core::CallId;

/// Replicate's own address.
pub const REPLICATE_BASE_URL: &str = "https://api.replicate.com/v1";

/// One configured account at Replicate, or something that speaks its interface.
#[derive(Debug)]
pub struct Replicate {
    endpoint: Endpoint,
}

set_up!(Replicate);

impl Replicate {
    /// A provider called `name` under `base_url`, the part before `/predictions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Replicate {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        Replicate { endpoint }
    }

    async fn start(&self, request: &SubmitRequest) -> CallReport<Submitted> {
        let ask = match self.start_ask(request) {
            Ok(ask) => ask,
            Err(error) => return CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        };
        let asked = self.endpoint.ask(ask, &wire::explain).await;
        self.report(asked, wire::submitted)
    }

    fn start_ask(&self, request: &SubmitRequest) -> Result<Ask, ProviderError> {
        let (url, version) = wire::target(&self.endpoint.base_url, &request.model)?;
        let body = wire::body(&request.settings, &request.input, version)?;
        // The total limit of a submission is the job's own deadline; the other three keep the request itself short.
        let deadline = wire::cancel_after(request.timeouts.total).and_then(|text| HeaderValue::try_from(text).ok());
        let headers = deadline.map(|value| (HeaderName::from_static("cancel-after"), value)).into_iter().collect();
        let (call_id, timeouts) = (request.call_id, request.timeouts);
        Ok(Ask { call_id, method: Method::POST, url, headers, body: Some(body), timeouts })
    }

    async fn look(&self, request: &PollRequest) -> CallReport<Progress> {
        match wire::job_url(&self.endpoint.base_url, &request.job) {
            Ok(url) => {
                let asked = self.endpoint.ask_about(request, Method::GET, url, None, &wire::explain).await;
                self.report(asked, wire::progress).masked(self.endpoint.api_key.as_ref())
            }
            Err(error) => CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        }
    }

    async fn stop(&self, request: &PollRequest) -> CallReport<()> {
        match wire::job_url(&self.endpoint.base_url, &request.job) {
            Ok(url) => {
                let asked = self
                    .endpoint
                    .ask_about(request, Method::POST, format!("{url}/cancel"), Some(json!({})), &wire::explain)
                    .await;
                self.report(asked, |_| Ok(()))
            }
            Err(error) => CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        }
    }

    fn report<T>(&self, asked: Asked, read: impl FnOnce(&Value) -> Result<T, ProviderError>) -> CallReport<T> {
        let text_at = |name: &str| {
            let body = asked.result.as_ref().ok()?;
            let text = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())?;
            Some(safe_name(text, self.endpoint.api_key.as_ref()))
        };
        let (model, id) = (text_at("model"), text_at("id"));
        let mut report = asked.into_report(self.endpoint.api_key.as_ref(), read);
        report.provider_request_id = report.provider_request_id.or(id);
        report.served_model = model;
        report
    }
}

impl Provider for Replicate {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, _request: &'a CallRequest, _sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(async { CallReport::not_sent(no_chat("Replicate")) })
    }
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::REPLICATE, call_id, timeouts))
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}

impl RunsMediaJobs for Replicate {
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        Box::pin(self.start(request))
    }
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        Box::pin(self.look(request))
    }
    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        Box::pin(async {
            let (call_id, url) = (request.call_id, &request.asset.url);
            self.endpoint.download(call_id, url, into, request.timeouts).await.into_report()
        })
    }
    fn cancel<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        Box::pin(self.stop(request))
    }
}
