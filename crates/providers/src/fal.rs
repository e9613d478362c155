//! The adapter for fal: media jobs through its queue. Each method is one request and keeps nothing: a finished request is
//! told in two steps (`Progress::Next`), because fal keeps the status and the result at two addresses. It never chats,
//! never retries, and asks at no address out of an answer other than to download a finished file.
//!
//! Source: see `fal_wire.rs`.

use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWrite;

use crate::ask::{Ask, Asked};
use crate::catalogue::Catalogue;
use crate::error::ProviderError;
use crate::exchange::{Endpoint, set_up};
use crate::fal_wire::{self as wire, Head, Queued};
use crate::http::{Auth, HttpClient};
use crate::media::{FetchRequest, Fetched, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted};
use crate::media_job::no_chat;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider};
use crate::secret::safe_name;

/// fal's own queue.
pub const FAL_BASE_URL: &str = "https://queue.fal.run";

/// The header that says that an answer is the app's own and not the ingress's.
const APPS_OWN: &str = "x-fal-request-id";

/// One configured account at fal, or something that speaks its interface.
#[derive(Debug)]
pub struct Fal {
    endpoint: Endpoint,
}

set_up!(Fal);

impl Fal {
    /// A provider called `name` under `base_url`, the part before the model.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Fal {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Key);
        Fal { endpoint }
    }

    async fn start(&self, request: &SubmitRequest) -> CallReport<Submitted> {
        let base_url = &self.endpoint.base_url;
        let url = match wire::submit_url(base_url, &request.model) {
            Ok(url) => url,
            Err(error) => return CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        };
        let body = Some(wire::body(&request.settings, &request.input));
        let (call_id, timeouts) = (request.call_id, request.timeouts);
        let ask = Ask { call_id, method: Method::POST, url, headers: Vec::new(), body, timeouts };
        let asked = corrected(self.endpoint.ask(ask, &wire::explain).await);
        let fal_id = asked.result.as_ref().ok().and_then(|body| body.get("request_id")).and_then(Value::as_str);
        let fal_id = fal_id.map(|id| safe_name(id, self.endpoint.api_key.as_ref()));
        let mut report = asked.into_report(self.endpoint.api_key.as_ref(), |body| {
            let queued = wire::submitted(base_url, &request.model, body)?;
            Ok(Submitted { job: queued.job(), progress: None })
        });
        report.provider_request_id = report.provider_request_id.or(fal_id);
        report
    }

    async fn look(&self, request: &PollRequest) -> CallReport<Progress> {
        let queued = match Queued::parse(&request.job) {
            Ok(queued) => queued,
            Err(error) => return CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        };
        let (url, key) = (queued.url(&self.endpoint.base_url), self.endpoint.api_key.as_ref());
        if !queued.is_completed {
            let asked =
                self.endpoint.ask_about(request, Method::GET, format!("{url}/status"), None, &wire::explain).await;
            return asked.into_report(key, |body| wire::status(queued, body)).masked(key);
        }
        let mut asked = corrected(self.endpoint.ask_about(request, Method::GET, url, None, &wire::explain).await);
        if asked.result.as_ref().is_err_and(wire::is_early) {
            asked.result = Ok(Value::Null);
            return asked.into_report(key, |_| Ok(Progress::Running { percent: None, wait: None }));
        }
        // The app's own words about a request that is completed are its result, also as an error status.
        if asked.headers.contains_key(APPS_OWN)
            && let Err(error) = &asked.result
        {
            let failed = Progress::Failed(error.clone());
            asked.result = Ok(Value::Null);
            return asked.into_report(key, |_| Ok(failed)).masked(key);
        }
        asked.into_report(key, |body| Ok(wire::result(body))).masked(key)
    }

    async fn stop(&self, request: &PollRequest) -> CallReport<()> {
        let queued = match Queued::parse(&request.job) {
            Ok(queued) => queued,
            Err(error) => return CallReport::not_sent(error.masked(self.endpoint.api_key.as_ref())),
        };
        let url = format!("{}/cancel", queued.url(&self.endpoint.base_url));
        let mut asked = self.endpoint.ask_about(request, Method::PUT, url, Some(json!({})), &wire::explain).await;
        // What has ended needs no stopping.
        if asked.result.as_ref().is_err_and(|error| error.provider_code.as_deref() == Some("ALREADY_COMPLETED")) {
            asked.result = Ok(Value::Null);
        }
        asked.into_report(self.endpoint.api_key.as_ref(), |_| Ok(()))
    }
}

/// The answer with its error seen in the light of its head.
fn corrected(mut asked: Asked) -> Asked {
    let Some(status) = asked.http_status else { return asked };
    asked.result = asked.result.map_err(|error: ProviderError| {
        let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
        let head = Head {
            status,
            error_type: header("x-fal-error-type"),
            retryable: header("x-fal-retryable"),
            is_apps_own: header(APPS_OWN).is_some(),
        };
        wire::corrected(error, head)
    });
    asked
}

impl Provider for Fal {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, _request: &'a CallRequest, _sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(async { CallReport::not_sent(no_chat("fal")) })
    }
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}

impl RunsMediaJobs for Fal {
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
