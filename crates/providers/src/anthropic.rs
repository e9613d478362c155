//! The adapter for Anthropic's messages API. It makes one call and reports it; it never retries, never prices what it
//! has no table for, sends no beta header, and keeps no state between calls.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3, and platform.claude.com/docs (November 2026).

pub use crate::anthropic_request::OUTPUT_TOKENS_DEFAULT;
use crate::anthropic_wire::AnthropicMessages;
use crate::catalogue::Catalogue;
use crate::exchange::{Endpoint, set_up};
use crate::http::{Auth, HttpClient};
use crate::listing;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, Provider, Timeouts};
use copydesk_core::CallId;

/// The address that is meant when none is configured.
pub const BASE_URL_DEFAULT: &str = "https://api.anthropic.com/v1";

/// One configured provider of this kind.
#[derive(Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
    messages: AnthropicMessages,
}

set_up!(Anthropic);

impl Anthropic {
    /// A provider called `name` under `base_url`, the part before `/messages`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> Anthropic {
        let endpoint = Endpoint::new(name, base_url, http, Auth::Header("x-api-key"));
        let messages = AnthropicMessages { url: format!("{}/messages", endpoint.base_url) };
        Anthropic { endpoint, messages }
    }
}

impl Provider for Anthropic {
    fn name(&self) -> &str {
        &self.endpoint.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.endpoint.call(&self.messages, request, sink))
    }
    fn catalogue(&self) -> &Catalogue {
        &self.endpoint.catalogue
    }
    fn list_models(&self, call_id: CallId, timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        Some(self.endpoint.list(&listing::ANTHROPIC, call_id, timeouts))
    }
}
