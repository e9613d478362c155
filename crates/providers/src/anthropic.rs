//! The adapter for Anthropic's messages API. It makes one call and reports it; it never retries, never prices what it
//! has no table for, sends no beta header, and keeps no state between calls.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3, and platform.claude.com/docs (November 2026).

use std::collections::BTreeMap;

use copydesk_core::metering::price::Price;

pub use crate::anthropic_request::OUTPUT_TOKENS_DEFAULT;
use crate::anthropic_wire::AnthropicMessages;
use crate::exchange::Endpoint;
use crate::http::{Auth, HttpClient};
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider};
use crate::secret::Secret;

/// The address that is meant when none is configured.
pub const BASE_URL_DEFAULT: &str = "https://api.anthropic.com/v1";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
    messages: AnthropicMessages,
    models: Vec<String>,
    prices: BTreeMap<String, Price>,
}

impl Anthropic {
    /// A provider called `name` under `base_url`, the part before `/messages`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Anthropic {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Header("x-api-key"));
        let messages = AnthropicMessages { url: format!("{}/messages", endpoint.base_url) };
        Anthropic { endpoint, messages, models: Vec::new(), prices: BTreeMap::new() }
    }
    pub fn with_api_key(mut self, api_key: Option<Secret>) -> Anthropic {
        self.endpoint.api_key = api_key;
        self
    }
    /// Names the models there are; a name outside the list is then unknown.
    pub fn with_models(mut self, models: Vec<String>) -> Anthropic {
        self.models = models;
        self
    }
    /// The prices of models by their name without options.
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> Anthropic {
        self.prices = prices;
        self
    }
}

impl Provider for Anthropic {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.messages, request, sink))
    }
    fn price(&self, model: &str) -> Option<Price> {
        let base = model.split_once('?').map_or(model, |(base, _)| base);
        self.prices.get(model).or_else(|| self.prices.get(base)).cloned()
    }
    fn models(&self) -> Vec<String> {
        self.models.clone()
    }
}
