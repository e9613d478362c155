//! `copydesk cleanup-stale`: ends generations that are older than they should be. The sweeper does the same by itself at
//! every deadline; this is for a shorter limit, by hand.

use crate::backend::{Backend, Need};
use crate::config::{Settings, parse_span};
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted};
use copydesk_core::time::Age;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Show what would be ended, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Older than this, e.g. 1h, 30m, 0.5h (default: the setting `deadline`, 1h)
    #[arg(long, value_name = "AGE")]
    max_age: Option<String>,
    /// The same in hours, as the original script took it; fractions are allowed
    #[arg(long, value_name = "HOURS", conflicts_with = "max_age")]
    max_age_hours: Option<f64>,
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    // One configured value for the command and for the sweeper; a flag overrides it.
    let configured = || format!("{}s", settings.desk.deadline.as_secs());
    let age = match arguments.max_age_hours {
        Some(hours) => format!("{hours}h"),
        None => arguments.max_age.unwrap_or_else(configured),
    };
    if parse_span(&age).is_none() {
        return Err(Failure::usage(format!(
            "--max-age {age} is not an age of at least one second: write 1h, 30m or 0.5h"
        )));
    }
    let body = json!({ "max_age": age, "dry_run": arguments.dry_run });
    let path = "/api/v1/maintenance/cleanup-stale";
    let answer = Backend::with(settings, Need::Records, async |backend| backend.post(path, &body).await).await?.body;
    if output.json {
        output.object(&answer);
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = answer
        .get("generations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|row| vec![cell(row, "/id"), cell(row, "/status"), age_of(row), cell(row, "/becomes")])
        .collect();
    if !rows.is_empty() {
        let becomes = if arguments.dry_run { "WOULD BE" } else { "IS" };
        output.table(Table { headings: &["GENERATION", "WAS", "AGE", becomes], rows: rows.clone(), cut: None });
    }
    let count = cell(&answer, "/marked_as_failed");
    output.talk(&if arguments.dry_run {
        format!(
            "{} older than {age} would be ended; nothing was changed.",
            counted(&rows.len().to_string(), "generation")
        )
    } else {
        format!("Marked {} as failed; their holds were released.", counted(&count, "stale generation"))
    });
    Ok(exit::OK)
}

fn age_of(row: &Value) -> String {
    row.get("age_s")
        .and_then(Value::as_u64)
        .map_or("-".to_owned(), |seconds| Age(Duration::from_secs(seconds)).to_string())
}
