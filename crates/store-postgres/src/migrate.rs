//! Migrations: embedded, numbered, each applied once and whole. A process that finds another one migrating waits for it.

use crate::connect::{Role, Source};
use crate::failure::Fault;
use crate::types::{Micros, sql};
use copydesk_store::{SchemaFault, StoreError};
use tokio_postgres::Client;

/// One step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: [Migration; 1] =
    [Migration { version: 1, name: "first_schema", text: include_str!("../migrations/0001_first_schema.sql") }];

/// The schema version this program was built for.
pub const KNOWN_VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// The statement of the newest migration that makes this view.
pub fn view(name: &str) -> Option<&'static str> {
    let opening = ["create view ", name, " as"].concat();
    MIGRATIONS.iter().rev().find_map(|migration| {
        let from = migration.text.find(&opening)?;
        let to = migration.text[from..].find(';')?;
        Some(&migration.text[from..=from + to])
    })
}

/// What [`crate::migrate`] did. Equal numbers: there was nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MigrationReport {
    pub from: i64,
    pub to: i64,
}

/// Brings the database up to date on a connection of its own, without the time limits of daily work.
pub async fn migrate(source: &Source) -> Result<MigrationReport, StoreError> {
    let unavailable = |error: tokio_postgres::Error| StoreError::Unavailable(source.sentence(&error));
    let (client, connection) = source.config.connect(source.tls.clone()).await.map_err(unavailable)?;
    let driver = tokio::spawn(connection);
    let report = run(&client, source).await;
    drop(client);
    driver.abort();
    report.map_err(StoreError::from)
}

async fn run(client: &Client, source: &Source) -> Result<MigrationReport, Fault> {
    if let Some(schema) = &source.options.schema {
        let row = client.query_one(sql!("admin/create_schema"), &[schema]).await?;
        create_schema(client, row.get("statement")).await?;
    }
    let mut unbounded = source.clone();
    unbounded.options.statement_timeout = std::time::Duration::ZERO;
    unbounded.options.lock_timeout = std::time::Duration::ZERO;
    unbounded
        .set_up(client, Role::Reader)
        .await
        .map_err(|error| Fault::from(deadpool_postgres::PoolError::PostCreateHook(error)))?;
    client.batch_execute(sql!("admin/begin")).await?;
    client.query_one(sql!("admin/migration_lock"), &[]).await?;
    client.batch_execute(sql!("admin/create_migrations")).await?;
    let from: i64 = client.query_one(sql!("admin/schema_version"), &[]).await?.get("version");
    if from > KNOWN_VERSION {
        client.batch_execute(sql!("admin/rollback")).await?;
        return Err(StoreError::TooNew { found: from, known: KNOWN_VERSION }.into());
    }
    let now: Micros = client.query_one(sql!("admin/now"), &[]).await?.get("now");
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > from) {
        client.batch_execute(migration.text).await?;
        let text = migration.text;
        client.execute(sql!("admin/insert_migration"), &[&migration.version, &migration.name, &text, &now]).await?;
    }
    client.batch_execute(sql!("admin/commit")).await?;
    Ok(MigrationReport { from, to: KNOWN_VERSION })
}

/// `if not exists` is not atomic: two processes may both find the schema missing.
async fn create_schema(client: &Client, statement: &str) -> Result<(), Fault> {
    match client.batch_execute(statement).await.map_err(Fault::from) {
        Ok(()) | Err(Fault::Race(_)) => Ok(()),
        Err(error @ (Fault::BadRow(_) | Fault::Store(_))) => Err(error),
    }
}

/// Refuses a database that is older or newer than this program.
pub async fn check_version(client: &Client) -> Result<i64, Fault> {
    let present: bool = client.query_one(sql!("admin/has_migrations"), &[]).await?.get("present");
    let found: i64 = match present {
        true => client.query_one(sql!("admin/schema_version"), &[]).await?.get("version"),
        false => 0,
    };
    if found > KNOWN_VERSION {
        return Err(StoreError::TooNew { found, known: KNOWN_VERSION }.into());
    }
    if found < KNOWN_VERSION {
        let what = match found {
            0 => "the database is empty".to_owned(),
            _ => format!("the database has schema version {found}, this program needs {KNOWN_VERSION}"),
        };
        let sql = "run `copydesk db migrate`, or start with `--auto-migrate`".to_owned();
        return Err(StoreError::SchemaMismatch(vec![SchemaFault { what: format!("{what}: {sql}"), sql }]).into());
    }
    Ok(found)
}
