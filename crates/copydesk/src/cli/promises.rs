//! `copydesk promises`: what is promised, what the background audit found against it, and a proof of one now.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted, minute};
use serde_json::{Value, json};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// All of them, with what stands open (the same as without a word behind `promises`)
    Ls,
    /// One, with what was found against it
    Show {
        /// Its name
        name: String,
    },
    /// Prove one now, for half a minute at most; reads, and changes nothing
    Run {
        /// Its name
        name: String,
    },
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match arguments.command.unwrap_or(Command::Ls) {
        Command::Ls => list(settings, output).await,
        Command::Show { name } => show(&name, settings, output).await,
        Command::Run { name } => prove(&name, settings, output).await,
    }
}

async fn list(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let ask = async |backend: &Backend| backend.get("/api/v1/promises").await;
    let body = Backend::with(settings, Need::Records, ask).await?.body;
    let all: Vec<&Value> = body.get("data").and_then(Value::as_array).into_iter().flatten().collect();
    if output.json {
        output.object(&body);
    } else {
        let row =
            |one: &&Value| vec![kept(one).to_owned(), cell(one, "/name"), cell(one, "/violations"), cell(one, "/says")];
        let rows = all.iter().map(row).collect();
        output.table(Table { headings: &["", "PROMISE", "OPEN", "WHAT HOLDS"], rows, cut: Some(3) });
        let first = all.first().map_or(Value::Null, |one| (*one).clone());
        output.talk(&match cell(&first, "/rows_last_round").as_str() {
            "-" => format!(
                "No whole round of the background audit yet; this one looked at {} keys so far (`copydesk serve` does it).",
                cell(&first, "/rows_this_round")
            ),
            rows => format!("The last whole round looked at {rows} keys and ended at {}.", minute(&first, "/last_round_at")),
        });
        output.talk("Prove one now: copydesk promises run NAME");
    }
    let broken = all.iter().filter(|one| kept(one) != "ok").count();
    verdict(broken, "promise")
}

fn kept(one: &Value) -> &'static str {
    if one.get("ok") == Some(&Value::Bool(true)) { "ok" } else { "BROKEN" }
}

async fn show(name: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let path = format!("/api/v1/promises/{}", escape(name));
    let body = Backend::with(settings, Need::Records, async |backend| backend.get(&path).await).await?.body;
    if output.json {
        output.object(&body);
    } else {
        output.data(&format!("{}  {}", kept(&body), cell(&body, "/says")));
        let checks: Vec<&Value> = body.get("checks").and_then(Value::as_array).into_iter().flatten().collect();
        let rows = checks.iter().map(|check| vec![cell(check, "/name"), cell(check, "/violations")]).collect();
        output.table(Table { headings: &["CHECK", "OPEN"], rows, cut: None });
        findings(&body, output);
    }
    verdict(usize::from(kept(&body) != "ok"), "promise")
}

async fn prove(name: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let path = format!("/api/v1/promises/{}/run", escape(name));
    let body =
        Backend::with(settings, Need::Records, async |backend| backend.post(&path, &json!({})).await).await?.body;
    if output.json {
        output.object(&body);
    } else {
        output.data(&format!("{}  {}", kept(&body), cell(&body, "/says")));
        findings(&body, output);
        let all = if body.get("complete") == Some(&Value::Bool(true)) {
            "all there is".to_owned()
        } else {
            "the newest; `copydesk audit` proves everything".to_owned()
        };
        output.talk(&format!(
            "{} looked at in {} ms: {all}.",
            counted(&cell(&body, "/rows"), "key"),
            cell(&body, "/duration_ms")
        ));
    }
    let found = body.get("findings").and_then(Value::as_array).map_or(0, Vec::len);
    verdict(found, "finding")
}

fn findings(body: &Value, output: Output) {
    let found: Vec<&Value> = body.get("findings").and_then(Value::as_array).into_iter().flatten().collect();
    if found.is_empty() {
        return;
    }
    let row = |one: &&Value| ["/check", "/subject", "/detail"].map(|pointer| cell(one, pointer)).to_vec();
    let rows = found.iter().map(row).collect();
    output.table(Table { headings: &["CHECK", "SUBJECT", "DETAIL"], rows, cut: Some(2) });
}

fn verdict(broken: usize, noun: &str) -> Result<u8, Failure> {
    if broken == 0 {
        return Ok(exit::OK);
    }
    let message = format!("{} stand(s) against what is promised", counted(&broken.to_string(), noun));
    Err(Failure::new(exit::CHECK_FAILED, "audit_findings", message)
        .hint("keep a copy of the data before anything is mended; docs/audit.md says what each check means"))
}
