//! The adapter for Google's Gemini API in its own format: chat, pictures within a chat, and Veo's video jobs (`veo.rs`).
//! It makes at most one request per method and reports it; it never retries, never prices what it has no table for, and
//! keeps no state between calls. The format is in `gemini_wire.rs`, its errors in `gemini_error.rs`.

use std::collections::BTreeMap;

use copydesk_core::metering::price::Price;

use crate::exchange::Endpoint;
use crate::gemini_wire::GeminiChat;
use crate::http::{Auth, HttpClient};
use crate::media::RunsMediaJobs;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider};
use crate::secret::Secret;

/// Where Google serves it.
///
/// Source: ai.google.dev/api, read November 2026.
pub const GEMINI_BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Gemini {
    pub(crate) endpoint: Endpoint,
    chat: GeminiChat,
    models: Vec<String>,
    prices: BTreeMap<String, Price>,
}

impl Gemini {
    /// A provider called `name` under `base_url`, the part before `/models/`; usually [`GEMINI_BASE_URL`].
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Gemini {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Header("x-goog-api-key"));
        let chat = GeminiChat { base_url: endpoint.base_url.clone() };
        Gemini { endpoint, chat, models: Vec::new(), prices: BTreeMap::new() }
    }
    pub fn with_api_key(mut self, api_key: Option<Secret>) -> Gemini {
        self.endpoint.api_key = api_key;
        self
    }
    /// Names the models there are; a name outside the list is then unknown.
    pub fn with_models(mut self, models: Vec<String>) -> Gemini {
        self.models = models;
        self
    }
    /// The prices of models by their name, with or without `models/` before it.
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> Gemini {
        self.prices = prices;
        self
    }
}

impl Provider for Gemini {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn price(&self, model: &str) -> Option<Price> {
        let base = model.strip_prefix("models/").unwrap_or(model);
        self.prices.get(model).or_else(|| self.prices.get(base)).cloned()
    }
    fn models(&self) -> Vec<String> {
        self.models.clone()
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}
