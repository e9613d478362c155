//! `copydesk audit`: re-proves every invariant on the live data, or says what the background audit has found.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted};
use serde_json::Value;
use std::time::Duration;

/// How long a server may take to prove everything.
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Prove nothing now: show what the background audit has found, and how far it is
    #[arg(long)]
    status: bool,
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let path = if arguments.status { "/api/v1/audit?mode=status" } else { "/api/v1/audit" };
    let ask = async |backend: &Backend| backend.get_slowly(path, PATIENCE).await;
    let report = Backend::with(settings, Need::Records, ask).await?.body;
    let findings: Vec<&Value> = report.get("findings").and_then(Value::as_array).into_iter().flatten().collect();
    if output.json {
        output.object(&report);
    } else if !findings.is_empty() {
        output.table(table(&findings, arguments.status));
    }
    if arguments.status && !output.json {
        output.talk(&progress(&report));
    }
    if findings.is_empty() {
        if !arguments.status {
            output.talk("The books are right: every check passed, nothing was found.");
        }
        return Ok(exit::OK);
    }
    let open = report.pointer("/background/open_findings").and_then(Value::as_u64).filter(|_| arguments.status);
    let count = open.unwrap_or(findings.len() as u64);
    Err(Failure::new(exit::CHECK_FAILED, "audit_findings", format!("{count} broken invariant(s)"))
        .hint("keep a copy of the data before anything is mended; docs/audit.md says what each check means"))
}

fn table<'a>(findings: &[&Value], status: bool) -> Table<'a> {
    let row = |finding: &&Value| {
        let mut row = ["/check", "/subject", "/detail"].map(|pointer| cell(finding, pointer)).to_vec();
        if status {
            row.insert(2, cell(finding, "/first_seen_at"));
        }
        row
    };
    let headings: &[&str] =
        if status { &["CHECK", "SUBJECT", "SINCE", "DETAIL"] } else { &["CHECK", "SUBJECT", "DETAIL"] };
    Table { headings, rows: findings.iter().map(row).collect(), cut: None }
}

fn progress(report: &Value) -> String {
    let of = |name: &str| report.get("background").map_or_else(String::new, |background| cell(background, name));
    let number = |name: &str| report.pointer(name).and_then(Value::as_u64).unwrap_or_default();
    if report.pointer("/background/round_began_at").is_none_or(Value::is_null) {
        return "The background audit has not begun: a server does it (`copydesk serve`).".to_owned();
    }
    let open = counted(&of("/open_findings"), "finding");
    let (proved, last) = (number("/background/proved"), number("/background/proved_last_round"));
    let part = if last == 0 { String::new() } else { format!(" of about {last}") };
    let whole = match number("/background/rounds") {
        0 => "No whole round yet.".to_owned(),
        rounds => format!("{rounds} whole round(s), the last ended at {}.", of("/last_round_at")),
    };
    format!("{open} open. {whole} This round: {proved}{part} keys proved, in {} now.", of("/proving"))
}
