//! What must be true afterwards, asked from outside.

use crate::load::{self, Acknowledged};
use crate::server::Setup;
use copydesk_providers::DemoHandle;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long everything that was accepted may take to end once the server stays up.
const END_LIMIT: Duration = Duration::from_secs(180);

async fn get(setup: &Setup, path: &str) -> Result<Value, String> {
    let reply = reqwest::Client::new().get(format!("{}{path}", setup.url)).bearer_auth(&setup.key).send().await;
    let reply = reply.map_err(|error| error.to_string())?;
    let status = reply.status();
    let body: Value = reply.json().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(body) } else { Err(format!("{path} answered {status}: {body}")) }
}

/// All rows of a list.
async fn all(setup: &Setup, path: &str) -> Result<Vec<Value>, String> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(setup, &format!("{path}?limit=1000{cursor}")).await?;
        rows.extend(page.get("data").and_then(Value::as_array).cloned().unwrap_or_default());
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(rows),
        }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub async fn judge(setup: &Setup, acknowledged: &[Acknowledged], demo: &DemoHandle) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    all_ended(setup).await?;
    let generations: BTreeMap<String, Value> =
        all(setup, "/api/v1/generations").await?.into_iter().map(|row| (text(&row, "id").to_owned(), row)).collect();
    for one in acknowledged {
        match generations.get(&one.generation) {
            None => faults.push(format!("{} was acknowledged and is not there", one.generation)),
            Some(row) if row.get("finished_at").is_none_or(Value::is_null) => {
                faults.push(format!("{} has not ended: {}", one.generation, text(row, "status")));
            }
            Some(row) if text(row, "draft_id") != one.draft => {
                faults.push(format!("{} belongs to another draft than was acknowledged", one.generation));
            }
            Some(_) => {}
        }
    }
    let drafts: BTreeSet<&str> = acknowledged.iter().map(|one| one.draft.as_str()).collect();
    if drafts.len() != acknowledged.len() {
        faults.push(format!("{} requests share drafts", acknowledged.len() - drafts.len()));
    }
    let phantoms = generations.len().saturating_sub(acknowledged.len());
    if phantoms > 0 {
        faults.push(format!("{phantoms} generations that nobody was told about"));
    }
    faults.extend(replays(setup, acknowledged).await);
    faults.extend(books(setup, demo).await?);
    Ok(faults)
}

async fn all_ended(setup: &Setup) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let status = get(setup, "/api/v1/status").await?;
        let open = |name: &str| status.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX);
        if open("waiting") == 0 && open("processing") == 0 {
            return Ok(());
        }
        if begun.elapsed() > END_LIMIT {
            let (waiting, processing) = (open("waiting"), open("processing"));
            return Err(format!(
                "not everything ended within {END_LIMIT:?}: {waiting} wait, {processing} are processing"
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The same request again gives the same ids, also now.
async fn replays(setup: &Setup, acknowledged: &[Acknowledged]) -> Vec<String> {
    let client = reqwest::Client::new();
    let mut faults = Vec::new();
    for one in acknowledged.iter().step_by(10) {
        match load::send(&client, &setup.url, one.number).await {
            Some((_, body)) if text(&body, "id") == one.generation => {}
            other => {
                faults.push(format!("request {} was {} and is answered with {other:?}", one.number, one.generation))
            }
        }
    }
    faults
}

/// Every request the provider saw is a row, and no row claims an answer the provider never gave.
async fn books(setup: &Setup, demo: &DemoHandle) -> Result<Vec<String>, String> {
    let rows = all(setup, "/api/v1/usage/rows").await?;
    let known: BTreeSet<&str> = rows.iter().map(|row| text(row, "id")).collect();
    let mut faults = Vec::new();
    for request in demo.requests() {
        match &request.call_id {
            Some(call) if known.contains(call.as_str()) => {}
            other => faults.push(format!("the provider was called as {other:?}, which is not on the books")),
        }
    }
    let seen: BTreeSet<String> = demo.requests().into_iter().filter_map(|request| request.call_id).collect();
    let complete = demo.requests_total() as usize == demo.requests().len();
    for row in rows.iter().filter(|row| complete && text(row, "outcome") == "ok") {
        if !seen.contains(text(row, "id")) {
            faults.push(format!("{} claims an answer the provider never gave", text(row, "id")));
        }
    }
    Ok(faults)
}

/// `copydesk audit` on the stopped installation.
pub fn audit(setup: &Setup) -> Result<Vec<String>, String> {
    let output = setup.command().args(["audit", "--json"]).output().map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("audit printed no report ({error}): {}", String::from_utf8_lossy(&output.stderr)))?;
    let findings = report.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(findings.iter().map(|finding| format!("audit: {finding}")).collect())
}
