//! `copydesk jobs`: many generations from one file. Caps are dollars here, and whole nano-dollars on the wire.

use super::generations::escape;
use super::job_watch::{self, equation};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_core::{MicroCredits, NanoUsd};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Start a job: one generation for each row of a file
    Start(Box<Start>),
    /// List jobs, newest first
    Ls {
        /// Only pending, running, paused, completed, failed or cancelled ones
        #[arg(long)]
        status: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a job, and the items that failed or were skipped
    Show {
        /// The job's id, job_...
        job: String,
    },
    /// Follow a job to its end
    Watch {
        /// The job's id, job_...
        job: String,
    },
    /// Let no further items begin
    Pause {
        /// The job's id, job_...
        job: String,
    },
    /// Go on with a paused job, or start one that waits
    Resume {
        /// The job's id, job_...
        job: String,
        /// Raise the cap first: dollars, such as 5 or 2.50, or none
        #[arg(long, value_name = "DOLLARS")]
        cap: Option<String>,
    },
    /// Cancel what is not done yet; drafts that are done stay
    Cancel {
        /// The job's id, job_...
        job: String,
    },
    /// Try failed items again; they fill the drafts they had
    Retry {
        /// The job's id, job_...
        job: String,
        /// Cancelled items, too
        #[arg(long)]
        cancelled: bool,
        /// With this model instead
        #[arg(long)]
        model: Option<String>,
    },
    /// Write every item with the text of its draft to standard output
    Export {
        /// The job's id, job_...
        job: String,
        /// csv or jsonl
        #[arg(long, default_value = "jsonl")]
        format: String,
        /// Only items of this status, such as completed
        #[arg(long)]
        status: Option<String>,
    },
}

#[derive(clap::Args, Debug)]
pub struct Start {
    /// A table with a header row (.csv, .tsv) or one JSON object a line (.jsonl, .ndjson)
    #[arg(value_name = "FILE", required_unless_present_any = ["stored", "prospects"])]
    path: Option<PathBuf>,
    /// A file that is on the server already, fil_... (`copydesk files put`)
    #[arg(long = "file", value_name = "ID", conflicts_with = "path")]
    stored: Option<String>,
    /// One mail for each of these prospects: eligible, ids with commas, or a filter such as category=cafe,stage=none
    #[arg(long, value_name = "WHO", conflicts_with_all = ["path", "stored"])]
    prospects: Option<String>,
    /// Write once more to those of them to whom a mail was last sent so long ago, such as 7d, and who have not answered
    #[arg(long, value_name = "AGE", requires = "prospects")]
    follow_up: Option<String>,
    /// NAME=TEXT for the input of every prospect's mail, such as tone=warm
    #[arg(long = "set", value_name = "NAME=TEXT", requires = "prospects")]
    input: Vec<String>,
    /// A file with the text about who writes (the input `sender`)
    #[arg(long, value_name = "PATH", requires = "prospects")]
    sender: Option<PathBuf>,
    /// What to make of each row
    #[arg(long)]
    recipe: String,
    /// provider/model, instead of the recipe's route
    #[arg(long)]
    model: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// Whose job it is
    #[arg(long)]
    user: Option<String>,
    /// The most it may cost, such as 5usd; it pauses before it would be passed
    #[arg(long, value_name = "DOLLARS")]
    cap: Option<String>,
    /// FIELD=COLUMN where a column is not called like the field it fills, such as input.topic=Subject
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<String>,
    /// What stands between the cells of a table
    #[arg(long, value_name = "CHARACTER|tab")]
    delimiter: Option<String>,
    /// Skip rows that are not valid, instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
    /// Skip rows whose external_id a draft has already
    #[arg(long)]
    skip_existing: bool,
    /// While a job with this key has not ended, a second start gets it
    #[arg(long)]
    dedupe_key: Option<String>,
    /// Make it, and let it wait for `copydesk jobs resume`
    #[arg(long)]
    wait: bool,
    /// Check every row and say what it would cost; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Follow it to its end
    #[arg(long)]
    watch: bool,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let works = match &command {
        Command::Start(start) => start.watch && !start.dry_run,
        Command::Watch { .. } => true,
        Command::Ls { .. }
        | Command::Show { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Cancel { .. }
        | Command::Retry { .. }
        | Command::Export { .. } => false,
    };
    let need = if works { Need::Worker } else { Need::Records };
    Backend::with(settings, need, async |backend| act(backend, command, output).await).await
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
    let order = async |job: &str, verb: &str, body: Value| {
        Ok::<_, Failure>(backend.post(&format!("{}/{verb}", path(job)), &body).await?.body)
    };
    match command {
        Command::Start(start) => return start.run(backend, output).await,
        Command::Ls { status, limit } => {
            let status = status.map(|word| format!("&status={}", escape(&word))).unwrap_or_default();
            list(&backend.get(&format!("/api/v1/jobs?limit={limit}{status}")).await?.body, output);
        }
        Command::Show { job } => show(backend, &job, output).await?,
        Command::Watch { job } => return job_watch::watch(backend, &job, output).await,
        Command::Pause { job } => {
            let body = order(&job, "pause", json!({})).await?;
            tell(&body, &format!("go on with: copydesk jobs resume {job}"), output);
        }
        Command::Resume { job, cap } => {
            if let Some(cap) = cap {
                let cap = if cap == "none" { None } else { Some(dollars(&cap)?.0) };
                let body = json!({ "max_cost": cap });
                backend.call(http::Method::PATCH, &path(&job), Some(&body), &[]).await?;
            }
            let body = order(&job, "resume", json!({})).await?;
            tell(&body, &format!("{}follow it with: copydesk jobs watch {job}", goes_on(backend)), output);
        }
        Command::Cancel { job } => {
            let body = order(&job, "cancel", json!({})).await?;
            tell(&body, &format!("what is done stays: copydesk jobs export {job}"), output);
        }
        Command::Retry { job, cancelled, model } => {
            let body = order(&job, "retry_failed", json!({ "cancelled": cancelled, "model": model })).await?;
            let again = items(&body, "/reopened");
            let next = format!("{again} pending again; {}follow it with: copydesk jobs watch {job}", goes_on(backend));
            tell(&body, &next, output);
        }
        Command::Export { job, format, status } => {
            let status = status.map(|word| format!("&status={}", escape(&word))).unwrap_or_default();
            let url = format!("{}/export?format={}{status}", path(&job), escape(&format));
            super::downloads::print(backend, &url).await?;
        }
    }
    Ok(exit::OK)
}

/// Nobody works on it when this command has ended.
fn goes_on(backend: &Backend) -> &'static str {
    if backend.is_inside() { "it goes on when `copydesk serve` runs; " } else { "" }
}

fn path(job: &str) -> String {
    format!("/api/v1/jobs/{}", escape(job))
}

impl Start {
    async fn run(self, backend: &Backend, output: Output) -> Result<u8, Failure> {
        let place = if self.dry_run { "/api/v1/jobs?dry_run=true" } else { "/api/v1/jobs" };
        let answer = match (&self.path, &self.stored, &self.prospects) {
            (Some(file), ..) => backend.upload(&self.in_query()?, kind_of(file)?, file).await?.body,
            (None, Some(id), _) => backend.post(place, &self.in_json(id)?).await?.body,
            (None, None, Some(who)) => backend.post(place, &self.of_prospects(who)?).await?.body,
            (None, None, None) => {
                return Err(Failure::usage("name a file, one that is on the server with --file, or --prospects"));
            }
        };
        if self.dry_run {
            let stored = self.stored.unwrap_or_default();
            let name = self.path.map_or(stored, |path| path.display().to_string());
            let name = self.prospects.unwrap_or(name);
            return outlook(&answer, &name, output);
        }
        let id = cell(&answer, "/id");
        if answer.pointer("/deduplicated") == Some(&Value::Bool(true)) {
            output.talk(&format!("This very job has not ended yet: {id}"));
        }
        if self.watch {
            return job_watch::watch(backend, &id, output).await;
        }
        let how = goes_on(backend);
        tell(&answer, &format!("{how}follow it with: copydesk jobs watch {id}"), output);
        Ok(exit::OK)
    }

    fn in_query(&self) -> Result<String, Failure> {
        let mut query = vec![format!("recipe={}", escape(&self.recipe))];
        let texts = [
            ("model", &self.model),
            ("name", &self.name),
            ("user", &self.user),
            ("dedupe_key", &self.dedupe_key),
            ("delimiter", &self.delimiter),
        ];
        query.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name}={}", escape(text.as_ref()?)))));
        if let Some(cap) = &self.cap {
            query.push(format!("max_cost={}", dollars(cap)?.0));
        }
        let columns: Vec<String> = self.columns()?.iter().map(|(field, column)| format!("{field}:{column}")).collect();
        if !columns.is_empty() {
            query.push(format!("columns={}", escape(&columns.join(","))));
        }
        let flags = [
            ("on_invalid=skip", self.skip_invalid),
            ("skip_existing=true", self.skip_existing),
            ("start=false", self.wait),
            ("dry_run=true", self.dry_run),
        ];
        query.extend(flags.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.to_owned()));
        Ok(format!("/api/v1/jobs?{}", query.join("&")))
    }
}

impl Start {
    fn columns(&self) -> Result<Vec<(&str, &str)>, Failure> {
        let pairs = self.columns.iter().map(|pair| {
            pair.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--column {pair:?} is not FIELD=COLUMN, such as input.topic=Subject"))
            })
        });
        pairs.collect()
    }

    /// The same of prospects.
    fn of_prospects(&self, who: &str) -> Result<Value, Failure> {
        let mut input = serde_json::Map::new();
        for pair in &self.input {
            let (name, text) = pair
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--set {pair:?} is not NAME=TEXT, such as tone=warm")))?;
            input.insert(name.to_owned(), text.into());
        }
        if let Some(path) = &self.sender {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
            input.insert("sender".to_owned(), text.trim().into());
        }
        Ok(json!({
            "prospects": super::prospects::who(who)?,
            "follow_up": self.follow_up,
            "input": input,
            "recipe": self.recipe,
            "model": self.model,
            "name": self.name,
            "user": self.user,
            "dedupe_key": self.dedupe_key,
            "max_cost": self.cap.as_deref().map(dollars).transpose()?.map(|cap| cap.0),
            "start": !self.wait,
        }))
    }

    /// The same of a file that is on the server.
    fn in_json(&self, id: &str) -> Result<Value, Failure> {
        let columns: serde_json::Map<String, Value> =
            self.columns()?.into_iter().map(|(field, column)| (field.to_owned(), column.into())).collect();
        Ok(json!({
            "file_id": id,
            "recipe": self.recipe,
            "model": self.model,
            "name": self.name,
            "user": self.user,
            "dedupe_key": self.dedupe_key,
            "delimiter": self.delimiter,
            "columns": columns,
            "max_cost": self.cap.as_deref().map(dollars).transpose()?.map(|cap| cap.0),
            "on_invalid": if self.skip_invalid { "skip" } else { "refuse" },
            "skip_existing": self.skip_existing,
            "start": !self.wait,
        }))
    }
}

pub(super) fn kind_of(file: &Path) -> Result<&'static str, Failure> {
    match file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Ok("text/csv"),
        Some("tsv") => Ok("text/tab-separated-values"),
        Some("jsonl" | "ndjson") => Ok("application/x-ndjson"),
        _ => Err(Failure::usage(format!("{} is none of .csv, .tsv, .jsonl, .ndjson", file.display())).hint(
            "a table needs a header row whose names are the recipe's fields; `copydesk recipes show RECIPE` lists them",
        )),
    }
}

fn dollars(text: &str) -> Result<NanoUsd, Failure> {
    super::generate::dollars(text).map_err(Failure::usage)
}

fn outlook(answer: &Value, file: &str, output: Output) -> Result<u8, Failure> {
    let invalid = answer.pointer("/invalid").and_then(Value::as_u64).unwrap_or_default();
    let refused = invalid > 0 && answer.pointer("/would_create").and_then(Value::as_u64) == Some(0);
    if output.json {
        output.object(answer);
    } else {
        output.data(&format!(
            "{} rows = {} to make + {} to skip + {invalid} not valid\n",
            cell(answer, "/total_targets"),
            if refused { "0".to_owned() } else { cell(answer, "/would_create") },
            if refused { "0".to_owned() } else { cell(answer, "/would_skip") },
        ));
        let most = match answer.pointer("/estimate/high_nanousd").and_then(Value::as_i64) {
            Some(cost) => format!("at most ${}", NanoUsd(cost)),
            None => format!("unknown: {} has no price", cell(answer, "/estimate/unpriced_model")),
        };
        output.data(&format!("cost: {most}\n"));
        for line in carried(answer) {
            output.data(&format!("{line}\n"));
        }
        for fault in answer.pointer("/errors").and_then(Value::as_array).into_iter().flatten() {
            output.data(&format!("{}: {}\n", cell(fault, "/pointer"), cell(fault, "/detail")));
        }
        output.talk("Nothing was written.");
    }
    if refused {
        let message = format!("{file}: {invalid} rows are not valid");
        return Err(Failure::new(exit::USAGE, "validation_failed", message)
            .hint("correct them, or leave them out with --skip-invalid"));
    }
    Ok(exit::OK)
}

/// How many of the items credits and budgets carry now.
fn carried(answer: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let items = cell(answer, "/would_create");
    let whole = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_i64);
    if let Some(credits) = answer.pointer("/credits").filter(|credits| !credits.is_null()) {
        let amount = |pointer: &str| whole(credits, pointer).and_then(|micros| MicroCredits::new(micros).ok());
        let needed = amount("/needed_max").map_or_else(String::new, |needed| needed.to_string());
        lines.push(match (amount("/available"), credits.pointer("/enough").and_then(Value::as_bool)) {
            (Some(available), Some(true)) => format!("credits: {needed} needed, {available} there; enough for all"),
            (Some(available), Some(false)) => {
                let carried = cell(credits, "/carried");
                format!(
                    "credits: {needed} needed, {available} there; they carry {carried} of {items}, then the job pauses"
                )
            }
            (_, _) => format!("credits: {needed} needed, by {} users", cell(credits, "/users")),
        });
    }
    for budget in answer.pointer("/budgets").and_then(Value::as_array).into_iter().flatten() {
        let shown = |pointer: &str| match (whole(budget, pointer), cell(budget, "/unit").as_str()) {
            (Some(amount), "cost") => format!("${}", NanoUsd(amount)),
            (Some(amount), _) => format!("{amount} tokens"),
            (None, _) => "an unknown amount".to_owned(),
        };
        let name = match cell(budget, "/id").as_str() {
            "-" => format!("budget by {}", cell(budget, "/period")),
            id => format!("budget {id} by {}", cell(budget, "/period")),
        };
        let left = if budget.pointer("/remaining").is_some() {
            format!(", {} left", shown("/remaining"))
        } else {
            String::new()
        };
        let enough = budget.pointer("/enough") == Some(&Value::Bool(true));
        let what = if enough {
            "enough for all".to_owned()
        } else {
            format!("it surely carries {} of {items}, then the job may pause", cell(budget, "/carried"))
        };
        lines.push(format!("{name}: at most {}{left}; {what}", shown("/needed_max")));
    }
    lines
}

fn tell(job: &Value, next: &str, output: Output) {
    if output.json {
        output.object(job);
        return;
    }
    output.data(&format!("{}  {}\n{}\n", cell(job, "/id"), status(job), equation(job)));
    output.talk(next);
}

/// The status, and why.
pub fn status(job: &Value) -> String {
    let word = word(job);
    match job.pointer("/note/message").and_then(Value::as_str) {
        Some(note) => format!("{word}: {note}"),
        None => word,
    }
}

fn word(job: &Value) -> String {
    if job.pointer("/stopping") == Some(&Value::Bool(true)) { "stopping".to_owned() } else { cell(job, "/status") }
}

fn items(body: &Value, pointer: &str) -> String {
    crate::output::counted(&cell(body, pointer), "item")
}

fn list(body: &Value, output: Output) {
    if output.json {
        output.object(body);
        return;
    }
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("No jobs yet. Start one with: copydesk jobs start FILE --recipe RECIPE");
        return;
    }
    let headings = &["ID", "STATUS", "RECIPE", "DONE", "FAILED", "COST", "STARTED", "NAME"];
    output.table(Table { headings, rows, cut: Some(7) });
    output.talk("one of them: copydesk jobs show JOB");
}

fn row(job: &Value) -> Vec<String> {
    let spent = NanoUsd(job.pointer("/cost/nanousd").and_then(Value::as_i64).unwrap_or_default());
    let cap = job.pointer("/max_cost").and_then(Value::as_i64).map(|cap| format!(" of ${}", NanoUsd(cap)));
    vec![
        cell(job, "/id"),
        word(job),
        cell(job, "/recipe"),
        format!("{}/{}", cell(job, "/drafts_created"), cell(job, "/total_targets")),
        cell(job, "/counts/failed"),
        format!("${spent}{}", cap.unwrap_or_default()),
        minute(job, "/started_at"),
        cell(job, "/name"),
    ]
}

/// How many failed and skipped items are shown.
const SHOWN: u32 = 10;

async fn show(backend: &Backend, job: &str, output: Output) -> Result<(), Failure> {
    let body = backend.get(&path(job)).await?.body;
    if output.json {
        output.object(&body);
        return Ok(());
    }
    let spent = NanoUsd(body.pointer("/cost/nanousd").and_then(Value::as_i64).unwrap_or_default());
    output.data(&format!("{}  {}\n{}\n", cell(&body, "/id"), status(&body), equation(&body)));
    output.data(&format!(
        "recipe {}, user {}, cost ${spent}, started {}, updated {}\n",
        cell(&body, "/recipe"),
        cell(&body, "/user"),
        minute(&body, "/started_at"),
        minute(&body, "/updated_at")
    ));
    let mut rows = Vec::new();
    for word in ["failed", "skipped"] {
        let page = backend.get(&format!("{}/items?status={word}&limit={SHOWN}", path(job))).await?.body;
        let found = page["data"].as_array().into_iter().flatten().map(|item| {
            vec![cell(item, "/custom_id"), cell(item, "/status"), cell(item, "/note/code"), cell(item, "/note/message")]
        });
        rows.extend(found);
    }
    let failed = cell(&body, "/counts/failed") != "0";
    if !rows.is_empty() {
        output.data("\n");
        output.table(Table { headings: &["ITEM", "STATUS", "CODE", "WHY"], rows, cut: Some(3) });
    }
    let id = cell(&body, "/id");
    output.talk(&match (cell(&body, "/status").as_str(), failed) {
        ("pending" | "paused", _) => format!("go on with: copydesk jobs resume {id}"),
        ("running", _) => format!("follow it with: copydesk jobs watch {id}"),
        (_, true) => format!("try the failed ones again with: copydesk jobs retry {id}"),
        (_, false) => format!("get the drafts with: copydesk jobs export {id} --format csv"),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_read_as_people_write_it() {
        for (text, nanos) in
            [("5", 5_000_000_000), ("5usd", 5_000_000_000), ("$2.50", 2_500_000_000), ("0.1 USD", 100_000_000)]
        {
            assert_eq!(dollars(text).unwrap(), NanoUsd(nanos), "{text}");
        }
        for bad in ["", "-1", "five", "5eur"] {
            assert_eq!(dollars(bad).unwrap_err().exit, exit::USAGE, "{bad}");
        }
    }

    #[test]
    fn a_file_says_by_its_name_what_it_is() {
        assert_eq!(kind_of(Path::new("a/B.CSV")).unwrap(), "text/csv");
        assert_eq!(kind_of(Path::new("x.jsonl")).unwrap(), "application/x-ndjson");
        assert_eq!(kind_of(Path::new("x.xlsx")).unwrap_err().exit, exit::USAGE);
    }
}
