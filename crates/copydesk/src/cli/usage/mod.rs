//! `copydesk usage`: totals as a table; `copydesk usage export`: totals or rows as a file.

mod csv;
mod export;
#[cfg(feature = "parquet")]
mod parquet;
mod sink;

use super::generations::escape;
use super::models::dollars;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted};
use serde_json::Value;

#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Totals, or with --rows every call, as CSV, JSON Lines or Parquet
    Export(export::Arguments),
}

/// Which totals.
#[derive(clap::Args, Debug)]
pub struct Asked {
    /// Told apart by: user, recipe (service), operation, provider, model; several with commas
    #[arg(long, value_name = "LIST")]
    by: Option<String>,
    /// quarter, hour, day, week, month or whole
    #[arg(long, default_value = "day")]
    interval: String,
    /// Whose days, e.g. Asia/Kathmandu (default: the setting `tz`)
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// How far back, e.g. 24h or 30d (default: the last seven days)
    #[arg(long, value_name = "SPAN", conflicts_with = "from")]
    since: Option<String>,
    /// From this date in the zone, or this instant, on
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Up to this date in the zone, or this instant (default: now)
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Only this user's
    #[arg(long)]
    user: Option<String>,
    /// Only this recipe's
    #[arg(long)]
    recipe: Option<String>,
    /// Only this model's
    #[arg(long)]
    model: Option<String>,
}

impl Asked {
    /// The totals.
    pub fn path(&self) -> String {
        let more = [("group_by", &self.by), ("recipe", &self.recipe), ("model", &self.model)];
        let path = format!("/api/v1/usage?interval={}", escape(&self.interval));
        self.span_and_user().into_iter().chain(more).fold(path, with)
    }

    /// The calls themselves, oldest first.
    pub fn rows_path(&self, limit: usize) -> String {
        let path = format!("/api/v1/usage/rows?order=asc&limit={limit}");
        self.span_and_user().into_iter().fold(path, with)
    }

    /// Errors: something was asked for that only totals know.
    pub fn must_fit_rows(&self) -> Result<(), Failure> {
        let wrong = [("--by", &self.by), ("--recipe", &self.recipe), ("--model", &self.model)];
        match wrong.into_iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => {
                Err(Failure::usage(format!("--rows writes every call of the span, and {name} is for totals"))
                    .hint("choose by --user, --since, --from, --to; the rows name their recipe and model"))
            }
            None => Ok(()),
        }
    }

    fn span_and_user(&self) -> [(&'static str, &Option<String>); 5] {
        [("tz", &self.tz), ("since", &self.since), ("from", &self.from), ("to", &self.to), ("user", &self.user)]
    }
}

fn with(path: String, (name, value): (&'static str, &Option<String>)) -> String {
    match value {
        Some(value) => format!("{path}&{name}={}", escape(value)),
        None => path,
    }
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    if let Some(Command::Export(export)) = arguments.command {
        return export::run(export, settings, output).await;
    }
    let path = arguments.asked.path();
    let usage = Backend::with(settings, Need::Records, async |backend| backend.get(&path).await).await?.body;
    if output.json {
        output.object(&usage);
    } else {
        show(&usage, output);
    }
    Ok(exit::OK)
}

/// The names a `usage` object is grouped by.
fn groups(usage: &Value) -> Vec<String> {
    let names = usage.get("group_by").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

const FIGURES: [(&str, &str); 4] =
    [("CALLS", "/calls"), ("FAILED", "/failed"), ("IN", "/tokens/input"), ("OUT", "/tokens/output")];

fn show(usage: &Value, output: Output) {
    let groups = groups(usage);
    let rows = usage.get("data").and_then(Value::as_array).into_iter().flatten();
    let mut table: Vec<Vec<String>> = rows
        .map(|row| {
            let group = groups.iter().map(|name| cell(row, &format!("/group/{name}")));
            [period(usage, row)].into_iter().chain(group).chain(figures(row)).collect()
        })
        .collect();
    if table.is_empty() {
        output.talk(&format!("No calls between {} and {}.", cell(usage, "/from"), cell(usage, "/to")));
        return;
    }
    let total = usage.get("total").unwrap_or(&Value::Null);
    let blank = groups.iter().map(|_| String::new());
    table.push(["all".to_owned()].into_iter().chain(blank).chain(figures(total)).collect());
    let names: Vec<String> = groups.iter().map(|name| name.to_uppercase()).collect();
    let first = cell(usage, "/interval").to_uppercase();
    let headings = [first.as_str()].into_iter().chain(names.iter().map(String::as_str));
    let headings: Vec<&str> = headings.chain(FIGURES.map(|(heading, _)| heading)).chain(["COST"]).collect();
    output.table(Table { headings: &headings, rows: table, cut: None });
    output.talk(&format!("Times are {}.", cell(usage, "/tz")));
    if let Some(calls @ 1..) = total.get("unpriced").and_then(Value::as_i64) {
        let calls = counted(&calls.to_string(), "call");
        output.talk(&format!("+ {calls} without a known cost: the sums are short of it. See docs/prices.md."));
    }
}

/// Where a row's interval begins, as short as the interval allows.
fn period(usage: &Value, row: &Value) -> String {
    let from = cell(row, "/from");
    match cell(usage, "/interval").as_str() {
        "hour" | "quarter" => from.get(..16).map_or(from.clone(), |text| text.replace('T', " ")),
        _ => from.get(..10).map_or(from.clone(), str::to_owned),
    }
}

fn figures(row: &Value) -> Vec<String> {
    let unpriced = row.get("unpriced").and_then(Value::as_i64).unwrap_or_default();
    let mark = if unpriced > 0 { " +" } else { "" };
    let cost = match row.pointer("/cost/nanousd").and_then(Value::as_i64) {
        Some(nanos) => format!("{}{mark}", dollars(nanos)),
        None => "unpriced".to_owned(),
    };
    FIGURES.iter().map(|(_, pointer)| cell(row, pointer)).chain([cost]).collect()
}
