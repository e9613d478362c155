//! `copydesk db`: what the database is, whether its schema fits, bring it up to date.

use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table};
use crate::wiring;
use copydesk_core::generation::Status;
use copydesk_store::StoreError;
use serde_json::json;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Engine, place, schema version, how much waits
    Status,
    /// Compare the live schema with the expected one
    Check,
    /// Bring the schema up to date (the embedded database does it by itself, after a backup copy)
    Migrate,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Status => status(settings, output).await,
        Command::Check => check(settings, output).await,
        Command::Migrate => migrate(settings, output).await,
    }
}

async fn status(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let store = wiring::open_store(settings).await?.store;
    let about = store.describe().await?;
    if output.json {
        output.object(&json!({
            "engine": about.engine, "version": about.version, "location": about.location,
            "schema_version": about.schema_version, "known_schema_version": about.known_schema_version,
            (Status::Pending.as_str()): about.waiting, (Status::Processing.as_str()): about.processing, "nodes": about.nodes.len(),
        }));
        return Ok(exit::OK);
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = vec![
        row("version", about.version),
        row("location", about.location),
        row("schema", format!("{} of {}", about.schema_version, about.known_schema_version)),
        row(Status::Pending.as_str(), about.waiting.to_string()),
        row(Status::Processing.as_str(), about.processing.to_string()),
        row("nodes", about.nodes.len().to_string()),
    ];
    output.table(Table { headings: &["ENGINE", about.engine], rows, cut: None });
    Ok(exit::OK)
}

async fn check(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let store = wiring::open_store(settings).await?.store;
    let faults = store.check_schema().await?;
    if !faults.is_empty() {
        return Err(StoreError::SchemaMismatch(faults).into());
    }
    output.talk("The schema is exactly the expected one.");
    Ok(exit::OK)
}

async fn migrate(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let Some(url) = &settings.database_url else {
        let store = wiring::open_store(settings).await?.store;
        output.talk(&format!("The embedded database is at schema version {}.", store.describe().await?.schema_version));
        return Ok(exit::OK);
    };
    let report = copydesk_store_postgres::migrate(&url.0).await?;
    output.talk(&if report.from == report.to {
        format!("The schema is at version {} already.", report.to)
    } else {
        format!("The schema went from version {} to {}.", report.from, report.to)
    });
    Ok(exit::OK)
}
