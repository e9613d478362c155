//! A provider inside the process, and a desk around it: it answers at once, or after a given time, with a newsletter.

use copydesk_core::metering::price;
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{NanoUsd, Tokens};
use copydesk_desk::recipes::Shelf;
use copydesk_desk::{Desk, DeskConfig, Hooks, Parts, World};
use copydesk_providers::{Answer, CallReport, CallRequest, Catalogue, DeltaSink, Finish, Provider, Registry};
use copydesk_store::Store;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Answers every call alike.
pub struct InProcess {
    answer: String,
    takes: Duration,
    pub calls: AtomicU64,
    /// When the last call arrived.
    pub arrived: Mutex<Option<Instant>>,
    catalogue: Catalogue,
}

impl InProcess {
    /// With a newsletter.
    pub fn new(takes: Duration) -> Arc<InProcess> {
        let topics: Vec<Value> = (1..=4)
            .map(|n| json!({ "heading": format!("Topic {n}"), "body": "A paragraph of about four hundred characters. ".repeat(9), "sources": [n] }))
            .collect();
        let answer =
            json!({ "title": "The week", "intro": "Hello.", "topics": topics, "conclusion": "Bye." }).to_string();
        InProcess::saying(takes, answer)
    }

    /// With these words.
    pub fn saying(takes: Duration, answer: String) -> Arc<InProcess> {
        let models = ["instant", "two-seconds"].map(str::to_owned);
        let price = price::Price::per_million("bench", NanoUsd(150_000_000), NanoUsd(600_000_000));
        let prices = models.iter().map(|model| (model.clone(), price.clone())).collect();
        let catalogue = Catalogue::exact(models.to_vec(), prices);
        Arc::new(InProcess { answer, takes, calls: AtomicU64::new(0), arrived: Mutex::new(None), catalogue })
    }
}

impl Provider for InProcess {
    fn name(&self) -> &str {
        "inside"
    }
    fn call<'a>(&'a self, _request: &'a CallRequest, _sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Box::pin(async move {
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            CallReport {
                result: Ok(Answer::text(self.answer.clone(), Finish::Stop)),
                usage: TokenUsage { input: Some(Tokens(400)), output: Some(Tokens(500)), ..TokenUsage::default() },
                http_status: Some(200),
                provider_request_id: None,
                served_model: None,
                sent: true,
                partial_text: None,
            }
        })
    }
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

/// A newsletter request of about 1 KB.
pub fn input(number: usize) -> Value {
    let items: Vec<Value> = (0..4)
        .map(|n| json!({ "title": format!("Item {number}.{n}"), "link": "https://example.com/a", "text": "Some text about this item. ".repeat(7) }))
        .collect();
    json!({ "items": items })
}

/// The newsletter for one credit, which is otherwise the built-in one.
const PAID: &str = "newsletter-paid";

/// What the newsletter costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    Free,
    /// Credits are on: one is held and settled.
    OneCredit,
}

impl Price {
    pub const fn recipe(self) -> &'static str {
        match self {
            Price::Free => "newsletter",
            Price::OneCredit => PAID,
        }
    }
    pub const fn credits_on(self) -> bool {
        match self {
            Price::Free => false,
            Price::OneCredit => true,
        }
    }
}

fn shelf() -> Result<Shelf, String> {
    macro_rules! newsletter {
        ($file:literal) => {
            ($file, include_str!(concat!("../../../recipes/newsletter/", $file)))
        };
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let paid = folder.path().join(PAID);
    std::fs::create_dir(&paid).map_err(|error| error.to_string())?;
    let recipe = include_str!("../../../recipes/newsletter/recipe.toml")
        .replace("name = \"newsletter\"", &format!("name = \"{PAID}\""))
        .replace("price = 0", "price = 1");
    let files = [
        newsletter!("example.json"),
        newsletter!("input.schema.json"),
        newsletter!("prompt.j2"),
        newsletter!("revise.j2"),
        newsletter!("system.j2"),
        ("recipe.toml", &recipe),
    ];
    for (file, text) in files {
        std::fs::write(paid.join(file), text).map_err(|error| error.to_string())?;
    }
    let built_in = Shelf::built_in().map_err(|error| error.to_string())?;
    built_in.with_user_dir(folder.path()).map_err(|error| error.to_string())
}

/// A desk on `store` whose only provider is `provider`; not working yet.
pub async fn desk(store: Arc<dyn Store>, provider: Arc<InProcess>, config: DeskConfig) -> Result<Desk, String> {
    desk_with(store, provider, config, Hooks::default()).await
}

/// The same with ways to the outside.
pub async fn desk_with(
    store: Arc<dyn Store>,
    provider: Arc<InProcess>,
    config: DeskConfig,
    hooks: Hooks,
) -> Result<Desk, String> {
    let mut providers = Registry::new();
    providers.insert(provider).map_err(|error| error.to_string())?;
    let shelf = shelf()?;
    // No recipe of a benchmark makes files.
    let assets = Arc::new(copydesk_desk::assets::FolderAssets::new("no-files-are-made-here"));
    let parts =
        Parts { store, assets, world: World::real(), shelf, providers, config, label: "bench".to_owned(), hooks };
    Desk::open(parts).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The copy has a list of its own files, which a new file of the built-in newsletter would leave behind.
    #[test]
    fn the_newsletter_for_a_credit_is_a_whole_copy() {
        assert!(shelf().is_ok_and(|shelf| shelf.get(PAID).is_some()));
    }
}
