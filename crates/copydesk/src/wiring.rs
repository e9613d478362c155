//! Puts a desk together from settings. The only place that names the engines and the real world.

use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::secret_key;
use copydesk_desk::assets::FolderAssets;
use copydesk_desk::clock::SystemDice;
use copydesk_desk::mail::Mailer;
use copydesk_desk::prospects::verify::{MailDomains, NoDomains};
use copydesk_desk::recipes::Shelf;
use copydesk_desk::testing::TestMode;
use copydesk_desk::{Desk, Hooks, Parts, World};
use copydesk_outbound::{Outbound, Rules};
use copydesk_providers::{
    DemoHandle, DemoServer, HttpClient, PriceTable, ProviderConfig, ProviderKind, Registry, Secret,
};
use copydesk_smtp::{Domains, Smtp, Waits, domain_of};
use copydesk_store::{Store, StoreError};
use copydesk_store_postgres::PostgresStore;
use copydesk_store_sqlite::SqliteStore;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the command line's own requests wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The setting that lets webhooks into private networks.
const WEBHOOK_ALLOW: &str = "COPYDESK_WEBHOOK_ALLOW";
/// Where pictures and videos are, in the data folder.
const ASSETS_FOLDER: &str = "assets";

/// A desk with the things that must live as long as it does.
pub struct Wired {
    pub desk: Desk,
    /// The demo provider's own server on loopback.
    pub demo: DemoHandle,
    pub watchman: Watchman,
    /// What tests may do to it, in test mode.
    pub test: Option<TestMode>,
}

/// Knows whether the store can still be written. Only the embedded one can end for good under a running process.
#[derive(Clone)]
pub struct Watchman(Option<Arc<SqliteStore>>);

impl Watchman {
    /// Why nothing can be written any more until this process has been started again.
    pub fn store_ended(&self) -> Option<Failure> {
        self.0.as_ref().and_then(|store| store_ended(store.poisoned()))
    }
}

fn store_ended(poison: Option<&str>) -> Option<Failure> {
    let why = poison?;
    let message =
        format!("the database cannot be written any more: {why}; the server ends, so that it can be started again");
    Some(
        Failure::new(exit::UNEXPECTED, "storage_unavailable", message)
            .hint("look at the disk, then start it again: nothing that was confirmed is lost"),
    )
}

/// An open store, and the signal that another process made something claimable, where there can be another one.
pub struct OpenStore {
    pub store: Arc<dyn Store>,
    pub wakeups: Option<watch::Receiver<u64>>,
    pub watchman: Watchman,
}

/// Opens the store the settings name, or says what to do about it.
pub async fn open_store(settings: &Settings) -> Result<OpenStore, Failure> {
    try_open_store(settings).await.map_err(|error| explained(settings, error))
}

/// What to do now depends on the engine: an address is corrected, a folder is chosen.
pub fn explained(settings: &Settings, error: StoreError) -> Failure {
    let place = if settings.database_url.is_some() { Place::Postgres } else { Place::Folder };
    let hint = match (&error, place) {
        (StoreError::Unavailable(_), Place::Folder) => {
            "name a folder that can be written, with --data DIR or COPYDESK_DATA"
        }
        (StoreError::Corrupt(_), Place::Folder) => {
            "put a backup of copydesk.db in its place, or name another folder with --data DIR"
        }
        (StoreError::Held { .. }, _) => {
            "it is another command, or a server that is starting: wait for it and try again, or name another folder with \
             --data DIR"
        }
        (StoreError::SchemaMismatch(_), Place::Postgres) => {
            "`copydesk db migrate` brings an older or empty database up to date; run the statements above for the rest"
        }
        (StoreError::SchemaMismatch(_), Place::Folder) => {
            "run the statements above, or put a backup of copydesk.db in its place"
        }
        _ => return Failure::from(error),
    };
    Failure::from(error).hint(hint)
}

/// Which engine the settings ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Folder,
    Postgres,
}

/// SQLite migrates itself; Postgres only when asked to.
pub async fn try_open_store(settings: &Settings) -> Result<OpenStore, StoreError> {
    let waiting_max = settings.desk.waiting_max;
    match &settings.database_url {
        Some(url) => {
            let options = copydesk_store_postgres::Options {
                auto_migrate: settings.auto_migrate,
                waiting_max,
                ..Default::default()
            };
            let store = PostgresStore::connect(&url.0, options).await?;
            Ok(OpenStore { wakeups: Some(store.wakeups()), store: Arc::new(store), watchman: Watchman(None) })
        }
        None => {
            let options = copydesk_store_sqlite::Options { waiting_max, ..Default::default() };
            let folder = settings.data.clone();
            // Opening reads and may migrate: not on a runtime thread.
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&folder, options)).await;
            let store =
                Arc::new(opened.map_err(|panic| StoreError::Corrupt(format!("it could not be opened: {panic}")))??);
            Ok(OpenStore { store: store.clone(), wakeups: None, watchman: Watchman(Some(store)) })
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
    let OpenStore { store, wakeups, watchman } = open;
    let assets = Arc::new(FolderAssets::new(settings.data.join(ASSETS_FOLDER)));
    let config = settings.desk.clone();
    let hooks = hooks(settings)?;
    let test = settings.test_mode.then(|| TestMode { clock: Arc::default(), faults: demo.faults() });
    let world = match &test {
        Some(test) => World::new(test.clock.clone(), Arc::new(SystemDice::default())),
        None => World::real(),
    };
    let parts = Parts { store, assets, world, shelf, providers, config, label, hooks };
    let desk = Desk::open(parts).await?;
    if let Some(wakeups) = wakeups {
        follow(&desk, wakeups);
    }
    Ok(Wired { desk, demo, watchman, test })
}

/// Webhooks reach the public internet, and what the settings allow besides.
fn hooks(settings: &Settings) -> Result<Hooks, Failure> {
    if !settings.webhook_allow.is_empty() {
        let ranges: Vec<String> = settings.webhook_allow.iter().map(ToString::to_string).collect();
        tracing::warn!(ranges = ranges.join(","), "Webhooks may reach private addresses ({WEBHOOK_ALLOW})");
    }
    let rules = Rules::new(settings.webhook_allow.clone(), WEBHOOK_ALLOW);
    let courier =
        Outbound::new(rules).map_err(|error| Failure::new(exit::UNEXPECTED, "internal", error.to_string()))?;
    let base = settings.http.public_url.clone().unwrap_or_else(|| format!("http://{}", settings.listen));
    let mailer = settings.smtp.clone().map(|server| {
        let hello = settings.desk.mail.from.as_deref().and_then(domain_of).unwrap_or_else(host);
        Arc::new(Smtp { server, waits: Waits::default(), hello }) as Arc<dyn Mailer>
    });
    let domains: Arc<dyn MailDomains> = match Domains::new(&settings.name_servers) {
        Ok(domains) => Arc::new(domains),
        Err(words) => Arc::new(NoDomains(format!("this machine names no name server ({words}); dns.servers can"))),
    };
    Ok(Hooks { courier: Arc::new(courier), vault: secret_key::vault(settings), base, mailer, domains })
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
    let broken = |error: copydesk_desk::recipes::ShelfError| Failure::new(exit::USAGE, "bad_recipe", error.to_string());
    let shelf = Shelf::built_in().map_err(broken)?;
    match &settings.recipes {
        Some(folder) => shelf.with_user_dir(folder).map_err(|error| {
            broken(error).hint(format!("`copydesk recipes check {}` looks through all of them", folder.display()))
        }),
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
    Registry::build(&configs, &http, &prices(settings)?).map_err(|error| bad_provider(error.to_string()))
}

/// The text of a price file, and the name its version and its faults carry.
pub fn price_file(path: &Path) -> Result<(String, String), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| bad_prices(format!("the price file {} cannot be read: {error}", path.display())))?;
    let name = path.file_name().map_or_else(|| "prices".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok((text, name))
}

pub fn bad_prices(sentence: String) -> Failure {
    Failure::new(exit::USAGE, "bad_prices", sentence).hint("docs/prices.md shows how a price file is written")
}

/// The built-in prices under those of the operator's file. A file that cannot be used stops the start: wrong money is worse.
fn prices(settings: &Settings) -> Result<PriceTable, Failure> {
    let built_in = PriceTable::built_in();
    let Some(path) = &settings.prices else { return Ok(built_in) };
    let (text, name) = price_file(path)?;
    built_in.with_overrides(&text, &name).map_err(|fault| bad_prices(fault.to_string()))
}

fn bad_provider(sentence: String) -> Failure {
    Failure::new(exit::USAGE, "bad_setting", sentence)
}

/// A web client for the command line's own requests. The crypto code was chosen by the providers' client.
pub fn web_client() -> Result<reqwest::Client, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(exit::UNEXPECTED, "internal", error.to_string());
    HttpClient::new().map_err(|error| broken(&error))?;
    reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).build().map_err(|error| broken(&error))
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this-host".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_ended_ends_the_process_with_code_1_and_a_sentence() {
        assert!(store_ended(None).is_none());
        let failure = store_ended(Some("disk I/O error")).unwrap();
        assert_eq!(failure.exit, exit::UNEXPECTED);
        assert!(failure.message.contains("disk I/O error") && failure.hint.is_some(), "{failure:?}");
    }
}
