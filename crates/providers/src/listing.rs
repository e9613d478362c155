//! Asking a provider which models it has: one GET that costs nothing, and the cheapest proof that it is there, understands us
//! and takes the key. Formats whose list is handed to anybody are asked for one that is not, so that a good answer says so.
//!
//! Source: the API references of OpenAI ("List models"), Anthropic ("Models"), Google ("models.list"), Ollama ("List models"),
//! OpenRouter ("List models filtered by user") and Replicate ("List public models"), November 2026.

use std::collections::BTreeSet;

use copydesk_core::CallId;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::ask::Ask;
use crate::error_text::describe;
use crate::exchange::Endpoint;
use crate::media_job::unreadable;
use crate::provider::{BoxFuture, CallReport, Timeouts};
use crate::secret::safe_name;

/// The most names that are kept of one list.
pub const LISTED_MAX: usize = 2_000;

/// Where a format has its list, and what it looks like.
pub(crate) struct Listing {
    /// Below the provider's base address.
    pub path: &'static str,
    /// The member that holds the entries.
    pub entries: &'static str,
    /// The name in one entry, as a request would write it.
    pub name: fn(&Value) -> Option<String>,
    pub header: Option<(&'static str, &'static str)>,
}

/// As OpenAI wrote it first.
pub(crate) const OPENAI: Listing = Listing { path: "/models", entries: "data", name: id, header: None };
pub(crate) const ANTHROPIC: Listing =
    Listing { header: Some(("anthropic-version", crate::anthropic_wire::VERSION)), ..OPENAI };
pub(crate) const GEMINI: Listing = Listing {
    path: "/models",
    entries: "models",
    name: |entry| Some(entry.get("name")?.as_str()?.trim_start_matches("models/").to_owned()),
    header: None,
};
pub(crate) const OLLAMA: Listing = Listing {
    path: "/api/tags",
    entries: "models",
    name: |entry| Some(entry.get("name")?.as_str()?.to_owned()),
    header: None,
};
/// The list at `/models` is for everybody; this one is for whoever has a key.
pub(crate) const OPENROUTER: Listing = Listing { path: "/models/user", ..OPENAI };
pub(crate) const REPLICATE: Listing = Listing {
    path: "/models",
    entries: "results",
    name: |entry| Some(format!("{}/{}", entry.get("owner")?.as_str()?, entry.get("name")?.as_str()?)),
    header: None,
};

fn id(entry: &Value) -> Option<String> {
    Some(entry.get("id")?.as_str()?.to_owned())
}

impl Endpoint {
    /// The names of the models there are, sorted, each once.
    pub fn list<'a>(
        &'a self,
        listing: &'static Listing,
        call_id: CallId,
        timeouts: Timeouts,
    ) -> BoxFuture<'a, CallReport<Vec<String>>> {
        Box::pin(async move {
            let header =
                listing.header.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let ask = Ask {
                call_id,
                method: Method::GET,
                url: format!("{}{}", self.base_url, listing.path),
                headers: header.into_iter().collect(),
                body: None,
                timeouts,
            };
            let key = self.api_key.as_ref();
            let asked = self.ask(ask, &|body, raw| describe(body, raw)).await;
            asked.into_report(key, |body| {
                let entries = body.get(listing.entries).and_then(Value::as_array);
                let entries = entries.ok_or_else(|| unreadable("the answer is no list of models", body))?;
                let names: BTreeSet<String> =
                    entries.iter().filter_map(listing.name).map(|name| safe_name(&name, key)).collect();
                Ok(names.into_iter().take(LISTED_MAX).collect())
            })
        })
    }
}
