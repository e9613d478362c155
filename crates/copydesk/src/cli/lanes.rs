//! `copydesk lanes`: what bounds the work, and pausing a part of it; `copydesk workers`: who does it.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use serde_json::Value;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Recipes, providers and models with what is limited, paused, left alone, waiting and running
    Ls,
    /// Stop starting work of a lane; new requests are accepted and wait
    Pause {
        /// recipe:NAME, provider:NAME or model:PROVIDER/MODEL
        lane: String,
    },
    /// Let a paused lane go on
    Resume {
        /// recipe:NAME, provider:NAME or model:PROVIDER/MODEL
        lane: String,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| match command {
        Command::Ls => {
            list(&backend.get("/api/v1/lanes").await?.body, output);
            Ok(())
        }
        Command::Pause { lane } => set(backend, &lane, "pause", output).await,
        Command::Resume { lane } => set(backend, &lane, "resume", output).await,
    })
    .await?;
    Ok(exit::OK)
}

async fn set(backend: &Backend, lane: &str, verb: &str, output: Output) -> Result<(), Failure> {
    let body = backend.post(&format!("/api/v1/lanes/{}/{verb}", escape(lane)), &Value::Null).await?.body;
    if output.json {
        output.object(&body);
        return Ok(());
    }
    let waiting = body.get("ready").and_then(Value::as_u64).unwrap_or_default();
    match cell(&body, "/paused_since").as_str() {
        "-" => output.talk(&format!("{lane} goes on; {waiting} ready.")),
        since => output.talk(&format!("{lane} has been paused since {since}; {waiting} wait. What runs goes on.")),
    }
    Ok(())
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows = body.get("data").and_then(Value::as_array).into_iter().flatten();
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let figures = ["/running", "/limit", "/ready", "/parked"].map(|pointer| cell(row, pointer));
            [vec![cell(row, "/lane")], figures.to_vec(), vec![rate(row), state(row)]].concat()
        })
        .collect();
    let headings = ["LANE", "RUNNING", "LIMIT", "READY", "PARKED", "PER MINUTE", "STATE"];
    output.table(Table { headings: &headings, rows, cut: Some(6) });
}

fn rate(row: &Value) -> String {
    let part = |pointer: &str, unit: &str| row.pointer(pointer)?.as_u64().map(|number| format!("{number} {unit}"));
    let parts = [part("/requests_per_minute", "requests"), part("/tokens_per_minute", "tokens")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn state(row: &Value) -> String {
    let there = |pointer: &str| row.pointer(pointer).is_some_and(|value| !value.is_null());
    if there("/paused_since") {
        format!("paused since {}", minute(row, "/paused_since"))
    } else if there("/cooling") {
        format!("left alone until {}: {}", minute(row, "/cooling/until"), cell(row, "/cooling/last_error"))
    } else if there("/rate_opens_at") {
        format!("rate used up until {}", cell(row, "/rate_opens_at"))
    } else {
        "open".to_owned()
    }
}

pub async fn workers(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let body = Backend::with(settings, Need::Records, async |backend| backend.get("/api/v1/workers").await).await?.body;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let rows = body.get("data").and_then(Value::as_array).into_iter().flatten();
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let state = if row.get("alive") == Some(&Value::Bool(true)) { "alive" } else { "lost" };
            let beat = format!("{} s ago", cell(row, "/beat_age_s"));
            vec![cell(row, "/label"), minute(row, "/started_at"), beat, cell(row, "/running"), state.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        output.talk("No worker has registered; start one with copydesk serve.");
        return Ok(exit::OK);
    }
    output.table(Table { headings: &["WORKER", "STARTED", "LAST BEAT", "RUNNING", "STATE"], rows, cut: None });
    Ok(exit::OK)
}
