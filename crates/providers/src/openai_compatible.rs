//! The adapter for every provider that speaks OpenAI's chat format: OpenRouter, OpenAI, Ollama, vLLM, llama.cpp, the
//! demo provider. It makes one call and reports it; it never retries, never prices what it has no table for, and keeps
//! no state between calls.

use std::collections::BTreeMap;

use copydesk_core::Timestamp;
use copydesk_core::metering::price::Price;

use crate::exchange::Endpoint;
use crate::http::{Auth, HttpClient};
pub use crate::openai_wire::MaxTokensField;
use crate::openai_wire::OpenAiChat;
use crate::prices::ProviderPrices;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider};
use crate::secret::Secret;

/// One configured provider of this kind.
#[derive(Debug)]
pub struct OpenAiCompatible {
    endpoint: Endpoint,
    chat: OpenAiChat,
    models: Vec<String>,
    prices: BTreeMap<String, Price>,
    table: ProviderPrices,
}

impl OpenAiCompatible {
    /// A provider called `name` under `base_url`, the part before `/chat/completions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> OpenAiCompatible {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let url = format!("{}/chat/completions", endpoint.base_url);
        let chat = OpenAiChat { url, limit_field: MaxTokensField::MaxTokens };
        OpenAiCompatible {
            endpoint,
            chat,
            models: Vec::new(),
            prices: BTreeMap::new(),
            table: ProviderPrices::default(),
        }
    }
    pub fn with_api_key(mut self, api_key: Option<Secret>) -> OpenAiCompatible {
        self.endpoint.api_key = api_key;
        self
    }
    pub fn with_max_tokens_field(mut self, field: MaxTokensField) -> OpenAiCompatible {
        self.chat.limit_field = field;
        self
    }
    /// Names the models there are; a name outside the list is then unknown.
    pub fn with_models(mut self, models: Vec<String>) -> OpenAiCompatible {
        self.models = models;
        self
    }
    /// The prices of models by their name without options.
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> OpenAiCompatible {
        self.prices = prices;
        self
    }
    /// The dated prices of this provider, asked where it has no price of its own for a model.
    pub fn with_price_table(mut self, table: ProviderPrices) -> OpenAiCompatible {
        self.table = table;
        self
    }
}

impl Provider for OpenAiCompatible {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.chat, request, sink))
    }
    fn price(&self, model: &str) -> Option<Price> {
        self.price_at(model, Timestamp::from_micros(i64::MAX))
    }
    fn price_at(&self, model: &str, at: Timestamp) -> Option<Price> {
        let base = model.split_once('?').map_or(model, |(base, _)| base);
        let listed = self.prices.get(model).or_else(|| self.prices.get(base)).cloned();
        listed.or_else(|| self.table.price(base, at))
    }
    fn priced_models(&self) -> Vec<String> {
        self.table.models()
    }
    fn models(&self) -> Vec<String> {
        self.models.clone()
    }
}
