//! `copydesk generations`: list, show, why, cancel, retry, extend.

use super::generate::ids;
use super::models::dollars;
use super::watch::{Show, ended, watch};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute, second};
use serde_json::{Value, json};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List generations, newest first
    Ls {
        /// Filters as one text, such as 'status:failed user:"Anna B"'
        query: Option<String>,
        /// pending, processing, completed, failed or cancelled
        #[arg(long)]
        status: Option<String>,
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        recipe: Option<String>,
        /// Those of this job
        #[arg(long)]
        job: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// One generation with its calls
    Show { generation: String },
    /// What a generation is waiting for
    Why { generation: String },
    /// Stop a generation; its whole hold is released
    Cancel { generation: String },
    /// Give a generation more time; what it had already it keeps
    Extend {
        generation: String,
        /// A length of time from now (10m, 2h), or an instant with an offset (2026-01-31T08:00:00Z)
        deadline: String,
    },
    /// Try a failed or cancelled generation again, for the same draft
    Retry {
        generation: String,
        #[arg(long, short)]
        model: Option<String>,
        /// Print the ids and do not wait
        #[arg(long)]
        no_wait: bool,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let need = match &command {
        Command::Retry { no_wait: false, .. } => Need::Worker,
        Command::Retry { no_wait: true, .. }
        | Command::Ls { .. }
        | Command::Show { .. }
        | Command::Why { .. }
        | Command::Extend { .. }
        | Command::Cancel { .. } => Need::Records,
    };
    Backend::with(settings, need, async |backend| act(backend, command, output).await).await
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls { query, status, user, recipe, job, limit, cursor } => {
            let mut path = format!("/api/v1/generations?limit={limit}");
            let filters = [
                ("q", query),
                ("status", status),
                ("user", user),
                ("recipe", recipe),
                ("job", job),
                ("cursor", cursor),
            ];
            for (name, value) in filters {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                }
            }
            list(&backend.get(&path).await?.body, output);
        }
        Command::Show { generation } => show(backend, &generation, output).await?,
        Command::Why { generation } => {
            let body = backend.get(&format!("/api/v1/generations/{generation}/why")).await?.body;
            if output.json {
                output.object(&body);
            } else {
                output.data(&match body.get("waiting") {
                    None | Some(Value::Null) => format!("It is not waiting: it is {}.", cell(&body, "/status")),
                    Some(waiting) => cell(waiting, "/detail"),
                });
            }
        }
        Command::Cancel { generation } => {
            let body = backend.post(&format!("/api/v1/generations/{generation}/cancel"), &json!({})).await?.body;
            if output.json {
                output.object(&body);
            } else {
                output.talk(&format!("{generation} is cancelled. You were not charged."));
            }
        }
        Command::Extend { generation, deadline } => {
            let path = format!("/api/v1/generations/{generation}/extend");
            let body = backend.post(&path, &json!({ "deadline": deadline })).await?.body;
            if output.json {
                output.object(&body);
            } else {
                let (status, until) = (cell(&body, "/status"), second(&body, "/deadline_at"));
                output.talk(&format!("{generation} has time until {until}; it is {status}."));
            }
        }
        Command::Retry { generation, model, no_wait } => {
            let body = model.map_or_else(|| json!({}), |model| json!({ "model": model }));
            let accepted = backend.post(&format!("/api/v1/generations/{generation}/retry"), &body).await?.body;
            if no_wait {
                ids(&accepted, output);
            } else {
                let id = cell(&accepted, "/id");
                watch(backend, &id, Show::Progress, None, output).await?;
                ended(backend, &id).await?;
                show(backend, &id, output).await?;
            }
        }
    }
    Ok(exit::OK)
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = body
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|row| {
            let text = |pointer: &str| cell(row, pointer);
            let (accepted, error) = (minute(row, "/accepted_at"), text("/error/code"));
            vec![
                text("/id"),
                text("/status"),
                text("/attempt"),
                text("/recipe"),
                text("/model"),
                text("/user"),
                accepted,
                error,
            ]
        })
        .collect();
    if rows.is_empty() {
        output.talk("No generations here. Start one: copydesk generate newsletter --input FEED.xml");
        return;
    }
    let headings = ["ID", "STATUS", "TRY", "RECIPE", "MODEL", "USER", "ACCEPTED", "ERROR"];
    output.table(Table { headings: &headings, rows, cut: Some(4) });
    if let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) {
        output.talk(&format!("More: copydesk generations ls --cursor {cursor}"));
    }
}

/// The columns of a call.
const CALL: [(&str, &str); 10] = [
    ("CALL", "/id"),
    ("TRY", "/attempt"),
    ("STEP", "/operation"),
    ("MODEL", "/model"),
    ("OUTCOME", "/outcome"),
    ("IN", "/tokens/input"),
    ("OUT", "/tokens/output"),
    ("FIRST", "/first_token_ms"),
    ("MS", "/duration_ms"),
    ("ERROR", "/error/code"),
];

async fn show(backend: &Backend, id: &str, output: Output) -> Result<(), Failure> {
    let generation = backend.get(&format!("/api/v1/generations/{id}")).await?.body;
    let calls = backend.get(&format!("/api/v1/generations/{id}/calls")).await?.body;
    if output.json {
        output.object(&json!({ "generation": generation, "calls": calls.get("data") }));
        return Ok(());
    }
    let facts = [
        ("status", "/status"),
        ("waiting", "/waiting/detail"),
        ("expected", "/eta"),
        ("draft", "/draft_id"),
        ("recipe", "/recipe"),
        ("model", "/model"),
        ("user", "/user"),
        ("attempt", "/attempt"),
        ("accepted", "/accepted_at"),
        ("started", "/started_at"),
        ("deadline", "/deadline_at"),
        ("finished", "/finished_at"),
        ("version", "/version"),
        ("error", "/error/message"),
    ];
    let names = generation.get("filled").and_then(Value::as_array);
    let filled = names.map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    let cap = generation.get("max_cost").and_then(Value::as_i64).map(dollars);
    let rows: Vec<Vec<String>> = facts
        .iter()
        .map(|(name, pointer)| {
            let value =
                if pointer.ends_with("_at") { second(&generation, pointer) } else { cell(&generation, pointer) };
            vec![(*name).to_owned(), value]
        })
        .filter(|row| row[1] != "-")
        .chain(cap.map(|cap| vec!["most it may cost".to_owned(), cap]))
        .chain(filled.map(|filled| vec!["of a profile".to_owned(), filled]))
        .collect();
    output.table(Table { headings: &["GENERATION", id], rows, cut: None });
    let rows: Vec<Vec<String>> = calls
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|call| CALL.map(|(_, pointer)| cell(call, pointer)).to_vec())
        .collect();
    if !rows.is_empty() {
        output.data("");
        output.table(Table { headings: &CALL.map(|(heading, _)| heading), rows, cut: Some(3) });
    }
    Ok(())
}

/// Percent-encodes a query value.
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (byte as char).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
