//! Puts a desk together from settings. The only place that names the engines and the real world.

use crate::config::Settings;
use crate::exit::{self, Failure};
use copydesk_desk::recipes::Shelf;
use copydesk_desk::{Desk, Parts, World};
use copydesk_providers::{DemoHandle, DemoServer, HttpClient, ProviderConfig, ProviderKind, Registry, Secret};
use copydesk_store::Store;
use copydesk_store_postgres::PostgresStore;
use copydesk_store_sqlite::SqliteStore;
use std::sync::Arc;
use tokio::sync::watch;

/// A desk with the things that must live as long as it does.
pub struct Wired {
    pub desk: Desk,
    /// The demo provider's own server on loopback.
    pub demo: DemoHandle,
}

/// An open store, and the signal that another process made something claimable, where there can be another one.
pub struct OpenStore {
    pub store: Arc<dyn Store>,
    pub wakeups: Option<watch::Receiver<u64>>,
}

/// Opens the store the settings name. SQLite migrates itself; Postgres only when asked to.
pub async fn open_store(settings: &Settings) -> Result<OpenStore, Failure> {
    let waiting_max = settings.desk.waiting_max;
    match &settings.database_url {
        Some(url) => {
            let options =
                copydesk_store_postgres::Options { auto_migrate: settings.auto_migrate, waiting_max, ..Default::default() };
            let store = PostgresStore::connect(&url.0, options).await?;
            Ok(OpenStore { wakeups: Some(store.wakeups()), store: Arc::new(store) })
        }
        None => {
            let options = copydesk_store_sqlite::Options { waiting_max, ..Default::default() };
            let folder = settings.data.clone();
            // Opening reads and may migrate: not on a runtime thread.
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&folder, options)).await;
            match opened {
                Ok(store) => Ok(OpenStore { store: Arc::new(store?), wakeups: None }),
                Err(panic) => Err(Failure::new(exit::UNEXPECTED, "internal", panic.to_string())),
            }
        }
    }
}

/// Builds the desk on an open store; nothing works yet.
pub async fn open_desk(settings: &Settings, open: OpenStore) -> Result<Wired, Failure> {
    let (demo, _) = DemoServer::start().await.map_err(|error| {
        Failure::new(exit::UNEXPECTED, "internal", format!("the demo provider cannot listen on loopback: {error}"))
    })?;
    let providers = providers(settings, &demo)?;
    let shelf = shelf(settings)?;
    let label = format!("{}/{}", host(), std::process::id());
    let OpenStore { store, wakeups } = open;
    let parts = Parts { store, world: World::real(), shelf, providers, config: settings.desk.clone(), label };
    let desk = Desk::open(parts).await?;
    if let Some(wakeups) = wakeups {
        follow(&desk, wakeups);
    }
    Ok(Wired { desk, demo })
}

/// Wakes the desk whenever another process made something claimable; ends with the store.
fn follow(desk: &Desk, mut wakeups: watch::Receiver<u64>) {
    let desk = desk.clone();
    tokio::spawn(async move {
        while wakeups.changed().await.is_ok() {
            desk.wake();
        }
    });
}

pub fn shelf(settings: &Settings) -> Result<Shelf, Failure> {
    let broken = |error: copydesk_desk::recipes::ShelfError| {
        Failure::new(exit::USAGE, "bad_recipe", error.to_string()).hint("`copydesk recipes check DIR` lists every fault")
    };
    let shelf = Shelf::built_in().map_err(broken)?;
    match &settings.recipes {
        Some(folder) => shelf.with_user_dir(folder).map_err(broken),
        None => Ok(shelf),
    }
}

fn providers(settings: &Settings, demo: &DemoHandle) -> Result<Registry, Failure> {
    let http = HttpClient::new().map_err(|error| Failure::new(exit::UNEXPECTED, "internal", error.to_string()))?;
    let mut configs = Vec::new();
    for (name, provider) in &settings.providers {
        let word = provider.kind.as_deref().unwrap_or(ProviderKind::OpenAiCompatible.as_str());
        let kind: ProviderKind = word.parse().map_err(|error| bad_provider(format!("provider {name}: {error}")))?;
        configs.push(ProviderConfig {
            name: name.clone(),
            kind,
            base_url: provider.base_url.clone(),
            api_key: provider.api_key.clone().map(Secret::new),
        });
    }
    if !settings.providers.contains_key("demo") {
        configs.push(ProviderConfig {
            name: copydesk_providers::demo::NAME.to_owned(),
            kind: ProviderKind::Demo,
            base_url: Some(demo.base_url().to_owned()),
            api_key: None,
        });
    }
    Registry::build(&configs, &http).map_err(|error| bad_provider(error.to_string()))
}

fn bad_provider(sentence: String) -> Failure {
    Failure::new(exit::USAGE, "bad_setting", sentence)
}

/// A web client for the command line's own requests. The crypto code was chosen by the providers' client.
pub fn web_client() -> Result<reqwest::Client, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(exit::UNEXPECTED, "internal", error.to_string());
    HttpClient::new().map_err(|error| broken(&error))?;
    reqwest::Client::builder().build().map_err(|error| broken(&error))
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "this-host".to_owned(), |name| name.trim().to_owned())
}
