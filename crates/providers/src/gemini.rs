//! The adapter for Google's Gemini API in its own format: chat, pictures within a chat, and Veo's video jobs (`veo.rs`).
//! It makes at most one request per method and reports it; it never retries, never prices what it has no table for, and
//! keeps no state between calls. The format is in `gemini_wire.rs`, its errors in `gemini_error.rs`.

use crate::catalogue::Catalogue;
use crate::exchange::{Endpoint, set_up};
use crate::gemini_wire::GeminiChat;
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::media::RunsMediaJobs;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use copydesk_core::CallId;

/// Where Google serves it.
///
/// Source: ai.google.dev/api, read November 2026.
pub const GEMINI_BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Gemini {
    pub(crate) endpoint: Endpoint,
    chat: GeminiChat,
}

set_up!(Gemini);

impl Gemini {
    /// A provider called `name` under `base_url`, the part before `/models/`; usually [`GEMINI_BASE_URL`].
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Gemini {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Header("x-goog-api-key"));
        let chat = GeminiChat { base_url: endpoint.base_url.clone() };
        Gemini { endpoint, chat }
    }
}

impl Provider for Gemini {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::GEMINI, call_id, timeouts))
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}
