//! The PostgreSQL engine (15 or newer): the same contract as SQLite's, for many processes on one database. Statements
//! stand in `sql/<area>/<operation>.sql`; batches are arrays, one statement per table whatever the batch size. It decides
//! nothing: decisions come from core and are carried out here, in one transaction each. Start reading at `turn/mod.rs`.

mod accept;
mod admin;
mod audit;
mod budgeted;
mod budgets;
mod bulk;
mod connect;
mod deliveries;
mod drafts;
mod events;
mod failure;
mod feedback;
mod files;
mod fill;
mod findings;
mod inner;
mod jobs;
mod keys;
mod ledger;
mod logins;
mod mail;
mod migrate;
mod pipeline;
mod posting;
mod prices;
mod profiles;
mod prospects;
mod queues;
mod read;
mod retention;
mod schedules;
mod schema;
mod sources;
mod store;
mod subscribers;
mod sweep;
mod totals;
mod turn;
mod types;
mod waiting;
mod wake;
mod webhooks;

pub use connect::Options;
pub use migrate::MigrationReport;

use connect::{Role, Source};
use copydesk_store::StoreError;
use inner::Inner;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// One process's view of the database. Clones share the pools.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

impl std::ops::Deref for PostgresStore {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresStore({})", self.source.location())
    }
}

impl PostgresStore {
    /// Connects, checks the server and the schema. `url` is a URL or a key/value string, as `tokio_postgres` reads them.
    ///
    /// Errors: [`StoreError::Unavailable`] with a sentence that says what to do; [`StoreError::SchemaMismatch`] when the
    /// database is empty, older or differs; [`StoreError::TooNew`] when a newer program wrote it. Never the password.
    pub async fn connect(url: &str, options: Options) -> Result<PostgresStore, StoreError> {
        let auto_migrate = options.auto_migrate;
        let source = Source::parse(url, options)?;
        let readers = source.pool(Role::Reader)?;
        let server = connect::check_server(&readers, &source).await?;
        if auto_migrate {
            migrate::migrate(&source).await?;
        }
        {
            let client = readers.get().await.map_err(|error| source.explain(error))?;
            migrate::check_version(&client).await?;
        }
        let faults = schema::check(&readers).await?;
        if !faults.is_empty() {
            return Err(StoreError::SchemaMismatch(faults));
        }
        let claim_lock = connect::claim_lock(&readers).await?;
        let queues = queues::Queues::default();
        queues.load(&readers).await?;
        let budgets = budgets::Known::default();
        budgets.load(&readers).await?;
        let inner = Inner {
            writers: source.pool(Role::Writer)?,
            wake: wake::Wake::start(source.clone()),
            readers,
            source,
            server,
            queues,
            series: totals::Numbers::default(),
            budgets,
            headroom: accept::Headroom::default(),
            claim_lock,
            claims: AtomicU64::new(0),
        };
        Ok(PostgresStore(Arc::new(inner)))
    }

    /// Rises whenever another process may have made something claimable. A hint: workers poll as well.
    pub fn wakeups(&self) -> tokio::sync::watch::Receiver<u64> {
        self.wake.raised()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.source.options
    }
}

/// Brings a database up to date, e.g. for `copydesk db migrate`. Safe to run twice and on several machines at once.
pub async fn migrate(url: &str) -> Result<MigrationReport, StoreError> {
    migrate_with(url, Options::default()).await
}

/// The same in another namespace than `public`.
pub async fn migrate_with(url: &str, options: Options) -> Result<MigrationReport, StoreError> {
    let source = Source::parse(url, options)?;
    let pool = source.pool(Role::Reader)?;
    connect::check_server(&pool, &source).await?;
    migrate::migrate(&source).await
}

/// The live schema in the form of `schema.snapshot.txt`, for the test that keeps that file true.
#[doc(hidden)]
pub async fn live_schema(store: &PostgresStore) -> Result<Vec<String>, StoreError> {
    Ok(schema::live(&store.readers).await?)
}
