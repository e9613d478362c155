//! The adapter for every provider that speaks OpenAI's chat format: OpenRouter, OpenAI, Ollama, vLLM, llama.cpp, the
//! demo provider. It makes one call and reports it; it never retries, never prices what it has no table for, and keeps
//! no state between calls.

use crate::catalogue::Catalogue;
use crate::exchange::{Endpoint, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
pub use crate::openai_wire::MaxTokensField;
use crate::openai_wire::OpenAiChat;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use copydesk_core::CallId;

/// One configured provider of this kind.
#[derive(Debug)]
pub struct OpenAiCompatible {
    endpoint: Endpoint,
    chat: OpenAiChat,
}

set_up!(OpenAiCompatible);

impl OpenAiCompatible {
    /// A provider called `name` under `base_url`, the part before `/chat/completions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> OpenAiCompatible {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let url = format!("{}/chat/completions", endpoint.base_url);
        let chat = OpenAiChat { url, limit_field: MaxTokensField::MaxTokens };
        OpenAiCompatible { endpoint, chat }
    }
    pub fn with_max_tokens_field(mut self, field: MaxTokensField) -> OpenAiCompatible {
        self.chat.limit_field = field;
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
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::OPENAI, call_id, timeouts))
    }
}
