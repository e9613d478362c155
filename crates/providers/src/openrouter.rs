//! OpenRouter: chat, and videos as jobs. It makes at most one request a method and reports it; it never retries, keeps no
//! state, and sends its key to its own host only. Read next: `openrouter_wire.rs`, `openrouter_videos.rs`.
//!
//! Source: OpenRouter's documentation and OpenAPI description (August to November 2026); `reference/providers.md`, 1.2 to 1.4.

use tokio::io::AsyncWrite;

use crate::catalogue::Catalogue;
use crate::error::{ErrorClass, ProviderError};
use crate::exchange::{Endpoint, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::media::{FetchRequest, Fetched, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted};
use crate::openai_wire::{MaxTokensField, OpenAiChat};
use crate::openrouter_videos::{job_url, progress, submit_body, submitted};
use crate::openrouter_wire::{OpenRouterChat, explain};
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use copydesk_core::CallId;

/// One configured account at OpenRouter.
#[derive(Debug)]
pub struct OpenRouter {
    endpoint: Endpoint,
    chat: OpenRouterChat,
}

set_up!(OpenRouter);

impl OpenRouter {
    /// A provider called `name` under `base_url`, the part before `/chat/completions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> OpenRouter {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let url = format!("{}/chat/completions", endpoint.base_url);
        let chat = OpenRouterChat(OpenAiChat { url, limit_field: MaxTokensField::MaxTokens });
        OpenRouter { endpoint, chat }
    }

    async fn submit_once(&self, request: &SubmitRequest) -> CallReport<Submitted> {
        let key = self.endpoint.api_key.as_ref();
        let body = match submit_body(request) {
            Ok(body) => body,
            Err(error) => return CallReport::not_sent(error.masked(key)),
        };
        let base_url = &self.endpoint.base_url;
        let url = format!("{base_url}/videos");
        let exchanged = self.endpoint.json(request.call_id, &url, Some(body), request.timeouts, &explain).await;
        exchanged.report(key, |body| submitted(body, base_url))
    }

    async fn poll_once(&self, request: &PollRequest) -> CallReport<Progress> {
        let (key, base_url) = (self.endpoint.api_key.as_ref(), &self.endpoint.base_url);
        let url = match job_url(base_url, &request.job) {
            Ok(url) => url,
            Err(error) => return CallReport::not_sent(error.masked(key)),
        };
        let mut exchanged = self.endpoint.json(request.call_id, &url, None, request.timeouts, &explain).await;
        // What is not found here is the job; the model was there when it began.
        if let Err(error) = &mut exchanged.result
            && error.class == ErrorClass::ModelNotFound
        {
            error.class = ErrorClass::Rejected;
        }
        exchanged.report(key, |body| progress(body, base_url, &request.job)).masked(key)
    }
}

impl Provider for OpenRouter {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn says_what_it_costs(&self) -> bool {
        true
    }

    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::OPENROUTER, call_id, timeouts))
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}

impl RunsMediaJobs for OpenRouter {
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        Box::pin(self.submit_once(request))
    }

    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        Box::pin(self.poll_once(request))
    }

    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        let asset = &request.asset.url;
        Box::pin(
            async move { self.endpoint.download(request.call_id, asset, into, request.timeouts).await.into_report() },
        )
    }

    /// OpenRouter has no address to cancel a video job at. Saying so without a request keeps the caller from believing
    /// that the job, and its bill, had stopped.
    fn cancel<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        let message = "OpenRouter cannot cancel a video job: it runs on and is billed";
        let error = ProviderError::new(ErrorClass::Misconfigured, message);
        Box::pin(std::future::ready(CallReport::not_sent(error)))
    }
}
