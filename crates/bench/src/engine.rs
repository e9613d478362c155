//! Opening either engine on a fresh place, by name.

use crate::figures;
use copydesk_store::Store;
use copydesk_store_postgres::PostgresStore;
use copydesk_store_sqlite::SqliteStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres::NoTls;

/// More than any benchmark lets wait.
const WAITING_MAX: u64 = 10_000_000;

/// Which engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        }
    }
}

/// A place for data: a folder, or a namespace of its own in the test cluster.
#[derive(Clone, Debug)]
pub struct Place {
    pub engine: Engine,
    pub folder: PathBuf,
    pub schema: String,
}

impl Place {
    pub fn new(engine: Engine, folder: &Path, name: &str) -> Place {
        Place { engine, folder: folder.join(name), schema: format!("bench_{name}_{}", std::process::id()) }
    }

    /// The address of the test cluster.
    pub fn postgres_url() -> Result<String, String> {
        std::env::var("COPYDESK_TEST_POSTGRES_URL").map_err(|_| {
            "COPYDESK_TEST_POSTGRES_URL is not set: run this through `cargo xtask bench` or `cargo xtask crash`"
                .to_owned()
        })
    }

    pub async fn open(&self) -> Result<Arc<dyn Store>, String> {
        match self.engine {
            Engine::Sqlite => {
                let options = copydesk_store_sqlite::Options { waiting_max: WAITING_MAX, ..Default::default() };
                let store = SqliteStore::open(&self.folder, options).map_err(|error| error.to_string())?;
                Ok(Arc::new(store))
            }
            Engine::Postgres => {
                let options = copydesk_store_postgres::Options {
                    auto_migrate: true,
                    schema: Some(self.schema.clone()),
                    waiting_max: WAITING_MAX,
                    ..Default::default()
                };
                let store =
                    PostgresStore::connect(&Self::postgres_url()?, options).await.map_err(|error| error.to_string())?;
                Ok(Arc::new(store))
            }
        }
    }

    /// Processor time the processes of the database server have used that live now; the server must run on this machine.
    /// `None` for an engine without a server. Units: seconds.
    pub async fn server_cpu_seconds(&self) -> Result<Option<f64>, String> {
        match self.engine {
            Engine::Sqlite => Ok(None),
            Engine::Postgres => {
                let text = |error: tokio_postgres::Error| error.to_string();
                let (client, connection) =
                    tokio_postgres::connect(&Self::postgres_url()?, NoTls).await.map_err(text)?;
                tokio::spawn(connection);
                let rows = client.query("select pid from pg_stat_activity", &[]).await.map_err(text)?;
                let used = rows.iter().map(|row| figures::cpu_seconds_of(&row.get::<_, i32>(0).to_string()));
                Ok(Some(used.filter(|seconds| seconds.is_finite()).sum()))
            }
        }
    }
}
