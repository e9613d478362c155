//! The adapter for Ollama's own chat API. It makes one call and reports it; it never retries, never loads or removes a
//! model, never prices what it has no table for, and keeps no state between calls. A local server needs no key.
//!
//! Source: docs.ollama.com/api, pages "Chat", "Streaming", "Usage" and "Errors" (November 2026).

use std::collections::BTreeMap;

use copydesk_core::metering::price::Price;

use crate::exchange::Endpoint;
use crate::http::{Auth, HttpClient};
use crate::ollama_wire::OllamaChat;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider};
use crate::secret::Secret;

/// The address that is meant when none is configured.
pub const BASE_URL_DEFAULT: &str = "http://127.0.0.1:11434";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Ollama {
    endpoint: Endpoint,
    chat: OllamaChat,
    models: Vec<String>,
    prices: BTreeMap<String, Price>,
}

impl Ollama {
    /// A provider called `name` under `base_url`, the part before `/api/chat`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Ollama {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let chat = OllamaChat { url: format!("{}/api/chat", endpoint.base_url) };
        Ollama { endpoint, chat, models: Vec::new(), prices: BTreeMap::new() }
    }
    /// For a server behind a key, such as ollama.com.
    pub fn with_api_key(mut self, api_key: Option<Secret>) -> Ollama {
        self.endpoint.api_key = api_key;
        self
    }
    /// Names the models there are; a name outside the list is then unknown.
    pub fn with_models(mut self, models: Vec<String>) -> Ollama {
        self.models = models;
        self
    }
    /// The prices of models by their name without options.
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> Ollama {
        self.prices = prices;
        self
    }
}

impl Provider for Ollama {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn price(&self, model: &str) -> Option<Price> {
        let base = model.split_once('?').map_or(model, |(base, _)| base);
        self.prices.get(model).or_else(|| self.prices.get(base)).cloned()
    }
    fn models(&self) -> Vec<String> {
        self.models.clone()
    }
}
