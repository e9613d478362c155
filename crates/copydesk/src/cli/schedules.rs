//! `copydesk schedules`: generations that recur, ready at a time of somebody's day.

use super::generate::assign;
use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

const BASE: &str = "/api/v1/schedules";

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Make a schedule, e.g. add newsletter --at 08:00 --days mon-fri --zone Europe/Warsaw --user ann
    Add {
        /// The name of a recipe
        recipe: String,
        /// Whose drafts they are
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        what: What,
        /// Check it and print its next times; nothing is written
        #[arg(long)]
        dry_run: bool,
    },
    /// List schedules, newest first
    Ls {
        /// active, paused or broken
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        recipe: Option<String>,
    },
    /// Show one schedule and what became of its last times
    Show {
        /// The schedule's id, sch_...
        schedule: String,
    },
    /// Change what is named; the rest stays
    Edit {
        /// The schedule's id, sch_...
        schedule: String,
        /// Another recipe
        #[arg(long)]
        recipe: Option<String>,
        #[command(flatten)]
        what: What,
    },
    /// Remove a schedule; what it made stays
    Rm { schedule: String },
    /// Pause a schedule
    Pause { schedule: String },
    /// Let a paused or broken schedule go on with its next time
    Resume { schedule: String },
    /// Make one now, outside the plan
    Run { schedule: String },
    /// Print the next times of a schedule, or of a plan that none has yet
    Next {
        /// The schedule's id; without it, of --at or --cron
        schedule: Option<String>,
        #[command(flatten)]
        when: When,
        #[arg(long, default_value_t = 5)]
        count: u32,
    },
}

/// When results are to be ready.
#[derive(clap::Args, Debug)]
pub struct When {
    /// The time of the day, such as 08:00
    #[arg(long, value_name = "HH:MM", conflicts_with = "cron")]
    at: Option<String>,
    /// On these days, such as mon-fri or mon,thu
    #[arg(long, conflicts_with = "cron")]
    days: Option<String>,
    /// Or minute, hour, day of the month, month, day of the week: "0 8 1 * *"
    #[arg(long)]
    cron: Option<String>,
    /// Whose clocks, such as Europe/Warsaw
    #[arg(long)]
    zone: Option<String>,
}

#[derive(clap::Args, Debug)]
pub struct What {
    #[command(flatten)]
    when: When,
    /// How long before it is to be ready each begins: 0s to 6h, usually 15m
    #[arg(long)]
    lead: Option<String>,
    /// How late a missed one is still made up for: 0s to 24h, usually 2h
    #[arg(long)]
    grace: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    #[arg(long, short)]
    model: Option<String>,
    /// One field of the input, e.g. topic=tea
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The input as a file of JSON
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Your own id of each draft, e.g. letter-{date}
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    let order = async |schedule: &str, verb: &str| backend.post(&path(schedule, verb), &json!({})).await;
    match command {
        Command::Add { recipe, user, what, dry_run } => {
            let mut body = what.body(json!({}))?;
            body["recipe"] = recipe.into();
            if let Some(user) = user {
                body["user"] = user.into();
            }
            add(backend, body, dry_run, output).await?;
        }
        Command::Ls { state, user, recipe } => {
            let mut path = format!("{BASE}?limit=1000");
            for (name, value) in [("state", state), ("user", user), ("recipe", recipe)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                }
            }
            list(&backend.get(&path).await?.body, output);
        }
        Command::Show { schedule } => {
            let body = backend.get(&path(&schedule, "")).await?.body;
            let runs = backend.get(&path(&schedule, "runs?limit=10")).await?.body;
            show(&body, runs["data"].as_array().map_or(&[], Vec::as_slice), output);
        }
        Command::Edit { schedule, recipe, what } => {
            let path = path(&schedule, "");
            let there = backend.get(&path).await?.body;
            let mut body = what.body(there["input"].clone())?;
            if let Some(recipe) = recipe {
                body["recipe"] = recipe.into();
            }
            let tag = format!("\"{}\"", there["revision"]);
            let changed = backend.call(Method::PATCH, &path, Some(&body), &[("if-match", &tag)]).await?.body;
            show(&changed, &[], output);
        }
        Command::Rm { schedule } => {
            backend.call(Method::DELETE, &path(&schedule, ""), None, &[]).await?;
            output.talk("The schedule is gone. What it made stays.");
        }
        Command::Pause { schedule } => {
            show(&order(&schedule, "pause").await?.body, &[], output);
            output.talk(&format!("Let it go on: copydesk schedules resume {schedule}"));
        }
        Command::Resume { schedule } => show(&order(&schedule, "resume").await?.body, &[], output),
        Command::Run { schedule } => {
            let body = order(&schedule, "run").await?.body;
            if output.json {
                output.object(&body);
                return Ok(());
            }
            output.data(&format!("{}  {}", cell(&body, "/id"), cell(&body, "/draft_id")));
            output.talk(&format!("See it: copydesk generations show {}", cell(&body, "/id")));
        }
        Command::Next { schedule, when, count } => next_times(backend, schedule, &when, count, output).await?,
    }
    Ok(())
}

async fn add(backend: &Backend, body: Value, dry_run: bool, output: Output) -> Result<(), Failure> {
    if dry_run {
        times(&backend.post(&format!("{BASE}?dry_run=true"), &body).await?.body, output);
        output.talk("Nothing was written. Make it: the same command without --dry-run");
        return Ok(());
    }
    let made = backend.post(BASE, &body).await?.body;
    show(&made, &[], output);
    output.talk(&format!("A running server makes it. Its times: copydesk schedules next {}", cell(&made, "/id")));
    Ok(())
}

/// Of a schedule that is there, or of a plan that none has yet.
async fn next_times(
    backend: &Backend,
    schedule: Option<String>,
    when: &When,
    count: u32,
    output: Output,
) -> Result<(), Failure> {
    let mut query = format!("{BASE}/next?count={count}");
    let said = match schedule {
        None => when.said(),
        Some(schedule) => {
            let there = backend.get(&path(&schedule, "")).await?.body;
            vec![("cron", text(&there, "cron")), ("zone", text(&there, "zone"))]
        }
    };
    for (name, value) in said {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", escape(&value)));
        }
    }
    times(&backend.get(&query).await?.body, output);
    Ok(())
}

fn path(schedule: &str, part: &str) -> String {
    let slash = if part.is_empty() { "" } else { "/" };
    format!("{BASE}/{}{slash}{part}", escape(schedule))
}

fn text(body: &Value, name: &str) -> Option<String> {
    body[name].as_str().map(str::to_owned)
}

impl When {
    fn said(&self) -> Vec<(&'static str, Option<String>)> {
        let When { at, days, cron, zone } = self;
        vec![("at", at.clone()), ("days", days.clone()), ("cron", cron.clone()), ("zone", zone.clone())]
    }
}

impl What {
    /// What was said; `input` is what its fields are set in.
    fn body(&self, mut input: Value) -> Result<Value, Failure> {
        let mut body = Map::new();
        let mut put = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.as_str().into());
            }
        };
        for (name, value) in self.when.said().into_iter().filter(|(name, _)| *name != "days") {
            put(name, &value);
        }
        let rest = [
            ("lead", &self.lead),
            ("grace", &self.grace),
            ("name", &self.name),
            ("model", &self.model),
            ("external_id", &self.external_id),
        ];
        rest.into_iter().for_each(|(name, value)| put(name, value));
        if let Some(days) = &self.when.days {
            body.insert("days".to_owned(), days.split(',').collect());
        }
        if let Some(file) = &self.input {
            let cannot = |why: String| Failure::usage(format!("{} {why}", file.display()));
            let read = std::fs::read_to_string(file).map_err(|error| cannot(format!("cannot be read: {error}")))?;
            input = serde_json::from_str(&read).map_err(|error| cannot(format!("is no JSON: {error}")))?;
        }
        for assignment in &self.set {
            assign(&mut input, assignment)?;
        }
        if self.input.is_some() || !self.set.is_empty() {
            body.insert("input".to_owned(), input);
        }
        Ok(Value::Object(body))
    }
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |row: &Value| {
        let name = if row["name"].is_null() { cell(row, "/recipe") } else { cell(row, "/name") };
        vec![cell(row, "/id"), name, cell(row, "/user"), when(row), cell(row, "/state"), next(row), last(row)]
    };
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("No schedules. Make one: copydesk schedules add newsletter --at 08:00 --days mon-fri --zone Europe/Warsaw --user ann");
    }
    let headings = &["ID", "MAKES", "USER", "WHEN", "STATE", "NEXT", "LAST"];
    output.table(Table { headings, rows, cut: Some(1) });
    output.talk("One of them: copydesk schedules show SCHEDULE");
}

/// `08:00 mon-fri Europe/Warsaw`, or the cron line.
fn when(row: &Value) -> String {
    let zone = cell(row, "/zone");
    let (Some(at), Some(days)) = (row["at"].as_str(), row["days"].as_array()) else {
        return format!("{} {zone}", cell(row, "/cron"));
    };
    let days: Vec<&str> = days.iter().filter_map(Value::as_str).collect();
    let days = match days.as_slice() {
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] => "daily".to_owned(),
        ["mon", "tue", "wed", "thu", "fri"] => "mon-fri".to_owned(),
        days => days.join(","),
    };
    format!("{at} {days} {zone}")
}

/// By the clocks of its zone, to the minute.
fn next(row: &Value) -> String {
    row["next_local"].as_str().map_or_else(|| "-".to_owned(), local)
}

fn local(shown: &str) -> String {
    shown.get(..16).unwrap_or(shown).replace('T', " ")
}

fn last(row: &Value) -> String {
    match row["last_run"].as_object() {
        None => "-".to_owned(),
        Some(_) => outcome(&row["last_run"]),
    }
}

fn outcome(run: &Value) -> String {
    let (outcome, code) = (cell(run, "/outcome"), run["error"]["code"].as_str());
    let of = code.or(run["status"].as_str());
    of.map_or_else(|| outcome.clone(), |of| format!("{outcome}: {of}"))
}

fn show(schedule: &Value, runs: &[Value], output: Output) {
    if output.json {
        return output.object(schedule);
    }
    let mut rows: Vec<[String; 2]> = vec![
        ["id".to_owned(), cell(schedule, "/id")],
        ["makes".to_owned(), cell(schedule, "/recipe")],
        ["user".to_owned(), cell(schedule, "/user")],
        ["ready".to_owned(), when(schedule)],
        ["begins".to_owned(), format!("{} min before", schedule["lead_s"].as_u64().unwrap_or_default() / 60)],
        ["state".to_owned(), cell(schedule, "/state")],
        ["next".to_owned(), next(schedule)],
        ["last".to_owned(), last(schedule)],
    ];
    for (name, pointer) in [("why", "/error/message"), ("passed over", "/last_skipped_at"), ("model", "/model")] {
        if schedule.pointer(pointer).is_some_and(|value| !value.is_null()) {
            rows.push([name.to_owned(), cell(schedule, pointer)]);
        }
    }
    for (name, value) in schedule["input"].as_object().into_iter().flatten() {
        let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        rows.push([name.clone(), said.split_whitespace().collect::<Vec<_>>().join(" ")]);
    }
    let name = if schedule["name"].is_null() { "-".to_owned() } else { cell(schedule, "/name") };
    let rows = rows.into_iter().map(Vec::from).collect();
    output.table(Table { headings: &["SCHEDULE", &name], rows, cut: Some(1) });
    if !runs.is_empty() {
        let row = |run: &Value| {
            let missed = run["missed"].as_u64().filter(|missed| *missed > 0).map(|missed| missed.to_string());
            let (ready_at, kind) = (minute(run, "/ready_at"), cell(run, "/kind").replace('_', " "));
            vec![ready_at, kind, outcome(run), missed.unwrap_or_default(), cell(run, "/draft_id")]
        };
        output.data("");
        let headings = &["READY (UTC)", "KIND", "OUTCOME", "MISSED", "DRAFT"];
        output.table(Table { headings, rows: runs.iter().map(row).collect(), cut: None });
        output.talk("Read one: copydesk drafts show DRAFT");
    }
}

fn times(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let zone = cell(body, "/zone");
    let row = |time: &Value| {
        let shown = cell(time, "/local");
        let offset = shown.get(19..).unwrap_or_default().to_owned();
        vec![local(&shown), offset, minute(time, "/ready_at")]
    };
    let rows: Vec<Vec<String>> = body["times"].as_array().into_iter().flatten().map(row).collect();
    output.table(Table { headings: &["READY", "OFFSET", "UTC"], rows, cut: None });
    output.talk(&format!("By the clocks of {zone}: {}", cell(body, "/cron")));
}
