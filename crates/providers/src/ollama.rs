//! The adapter for Ollama's own chat API. It makes one call and reports it; it never retries, never loads or removes a
//! model, never prices what it has no table for, and keeps no state between calls. A local server needs no key.
//!
//! Source: docs.ollama.com/api, pages "Chat", "Streaming", "Usage" and "Errors" (November 2026).

use crate::catalogue::Catalogue;
use crate::exchange::{Endpoint, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::ollama_wire::OllamaChat;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use copydesk_core::CallId;

/// The address that is meant when none is configured.
pub const BASE_URL_DEFAULT: &str = "http://127.0.0.1:11434";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Ollama {
    endpoint: Endpoint,
    chat: OllamaChat,
}

set_up!(Ollama);

impl Ollama {
    /// A provider called `name` under `base_url`, the part before `/api/chat`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Ollama {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Bearer);
        let chat = OllamaChat { url: format!("{}/api/chat", endpoint.base_url) };
        Ollama { endpoint, chat }
    }
}

impl Provider for Ollama {
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
        Some(self.endpoint.list(&listing::OLLAMA, call_id, timeouts))
    }
}
