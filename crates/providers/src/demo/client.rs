//! The client of the demo provider: chat as of any provider of that format, pictures as of OpenAI, and jobs in a format of
//! its own. It makes one request a method and keeps nothing.

use copydesk_core::metering::usage::TokenUsage;
use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWrite;

use std::time::Duration;

use crate::ask::{Ask, Asked};
use crate::catalogue::Catalogue;
use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe};
use crate::exchange::Endpoint;
use crate::http::{Auth, HttpClient};
use crate::media::{
    AssetRef, DrawRequest, DrawsPictures, FetchRequest, Fetched, JobRef, PollRequest, Progress, RunsMediaJobs,
    SubmitRequest, Submitted,
};
use crate::media_job::{input, is_segment, not_a_job, unreadable};
use crate::openai::OpenAi;
use crate::openai_compatible::OpenAiCompatible;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Picture, Provider, Timeouts};
use copydesk_core::CallId;

const NAME: &str = "the demo provider";

/// The demo provider as the desk sees it.
#[derive(Debug)]
pub struct DemoProvider {
    chat: OpenAiCompatible,
    pictures: OpenAi,
    jobs: Endpoint,
}

impl DemoProvider {
    pub fn new(name: &str, base_url: &str, http: &HttpClient, catalogue: Catalogue) -> DemoProvider {
        DemoProvider {
            chat: OpenAiCompatible::new(name, base_url, http.clone()).with_catalogue(catalogue),
            pictures: OpenAi::new(name, base_url, http.clone()),
            jobs: Endpoint::new(name, base_url, http.clone(), Auth::Bearer),
        }
    }

    fn job_url(&self, job: &JobRef) -> Result<String, ProviderError> {
        if is_segment(&job.0) { Ok(format!("{}/jobs/{}", self.jobs.base_url, job.0)) } else { Err(not_a_job(NAME)) }
    }

    async fn about(&self, request: &PollRequest, method: Method, part: &str) -> Result<Asked, ProviderError> {
        let url = format!("{}{part}", self.job_url(&request.job)?);
        let body = (method == Method::POST).then(|| json!({}));
        Ok(self.jobs.ask_about(request, method, url, body, &explain).await)
    }

    /// `{status: running | done | stopped, wait_s, percent, files}`
    fn progress(&self, body: &Value) -> Result<Progress, ProviderError> {
        match body.get("status").and_then(Value::as_str) {
            Some("running") => Ok(Progress::Running {
                percent: body.get("percent").and_then(Value::as_u64).and_then(|percent| u8::try_from(percent).ok()),
                wait: body.get("wait_s").and_then(Value::as_u64).map(Duration::from_secs),
            }),
            Some("done") => {
                let files = body.get("files").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let asset = |path: &str| AssetRef { url: format!("{}{path}", self.jobs.base_url), media_type: None };
                Ok(Progress::Done(files.iter().filter_map(Value::as_str).map(asset).collect()))
            }
            Some("stopped") => Ok(Progress::Failed(ProviderError::new(ErrorClass::Rejected, "the job was stopped"))),
            Some(_) | None => Err(unreadable("the answer does not say how far the job is", body)),
        }
    }
}

fn explain(body: &Value, raw: &str) -> ErrorText {
    describe(body, raw)
}

impl Provider for DemoProvider {
    fn name(&self) -> &str {
        self.chat.name()
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        self.chat.call(request, sink)
    }
    fn catalogue(&self) -> &Catalogue {
        self.chat.catalogue()
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        self.chat.list_models(call_id, timeouts)
    }
    fn draws_pictures(&self) -> Option<&dyn DrawsPictures> {
        Some(self)
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}

impl DrawsPictures for DemoProvider {
    fn draw<'a>(&'a self, request: &'a DrawRequest) -> BoxFuture<'a, CallReport<Vec<Picture>>> {
        Box::pin(async move {
            let mut report = self.pictures.draw(request).await;
            if let Ok(pictures) = &report.result {
                report.usage.images = u32::try_from(pictures.len()).ok();
            }
            report
        })
    }
}

impl RunsMediaJobs for DemoProvider {
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        Box::pin(async move {
            let (mut body, _pictures) = input(&request.settings, &request.input);
            body.insert("model".into(), request.model.clone().into());
            let ask = Ask {
                call_id: request.call_id,
                method: Method::POST,
                url: format!("{}/jobs", self.jobs.base_url),
                headers: Vec::new(),
                body: Some(Value::Object(body)),
                timeouts: request.timeouts,
            };
            let asked = self.jobs.ask(ask, &explain).await;
            asked.into_report(None, |body| {
                let id = body.get("id").and_then(Value::as_str).filter(|id| is_segment(id));
                let id = id.ok_or_else(|| unreadable("the answer names no job", body))?;
                Ok(Submitted { job: JobRef(id.to_owned()), progress: self.progress(body).ok() })
            })
        })
    }

    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        Box::pin(async move {
            match self.about(request, Method::GET, "").await {
                Ok(asked) => {
                    let seconds = asked.result.as_ref().ok().and_then(|body| body.get("seconds")?.as_u64());
                    let report = asked.into_report(None, |body| self.progress(body));
                    let video_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
                    CallReport { usage: TokenUsage { video_seconds, ..report.usage }, ..report }
                }
                Err(error) => CallReport::not_sent(error),
            }
        })
    }

    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        Box::pin(async move {
            let (call_id, url) = (request.call_id, &request.asset.url);
            self.jobs.download(call_id, url, into, request.timeouts).await.into_report()
        })
    }

    fn cancel<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        Box::pin(async move {
            match self.about(request, Method::POST, "/cancel").await {
                Ok(asked) => asked.into_report(None, |_| Ok(())),
                Err(error) => CallReport::not_sent(error),
            }
        })
    }
}
