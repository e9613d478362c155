//! `copydesk budgets`: what may be used in a day or a month. Limits are dollars here, or tokens, and whole nano-dollars or
//! tokens on the wire.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell};
use copydesk_core::NanoUsd;
use copydesk_core::budget::{Measure, Shares};
use http::Method;
use serde_json::{Value, json};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List the budgets in force and what is used of them
    Ls {
        /// Those that have ended, too
        #[arg(long)]
        ended: bool,
    },
    /// Set a budget: of the whole workspace, of one user or key, or of each of them
    Set(Set),
    /// Change the limit, or the shares at which it warns
    Change {
        /// The budget's id, bud_...
        budget: String,
        /// Dollars, or tokens where it counts those
        #[arg(long)]
        limit: Option<String>,
        /// Percent, such as 50,80,100
        #[arg(long, value_name = "SHARES")]
        warn_at: Option<String>,
    },
    /// End a budget: it limits nothing any more, and what it counted stays
    End {
        /// The budget's id, bud_...
        budget: String,
    },
    /// Show one budget, by period and by user or key
    Show {
        /// The budget's id, bud_...
        budget: String,
        /// How many periods back
        #[arg(long, default_value_t = 1)]
        periods: u32,
    },
}

#[derive(clap::Args, Debug)]
pub struct Set {
    /// Dollars, such as 25 or 0.50; with --tokens a number of tokens
    limit: String,
    /// When it begins anew: day or month
    #[arg(long, value_name = "day|month", default_value = "month")]
    period: String,
    /// Count input and output tokens instead of cost
    #[arg(long)]
    tokens: bool,
    /// Of this user
    #[arg(long, conflicts_with_all = ["key_id", "each"])]
    user: Option<String>,
    /// Of the API key with this id
    #[arg(long, value_name = "ID", conflicts_with = "each")]
    key_id: Option<String>,
    /// Of each user or each key by itself, also new ones
    #[arg(long, value_name = "user|key")]
    each: Option<String>,
    /// Whose midnight begins a period
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Percent, such as 50,80,100
    #[arg(long, value_name = "SHARES")]
    warn_at: Option<String>,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Ls { ended } => {
            list(&backend.get(&format!("/api/v1/budgets?limit=1000&ended={ended}")).await?.body, output)
        }
        Command::Set(set) => {
            let body = set.body()?;
            show(&backend.post("/api/v1/budgets", &body).await?.body, output);
        }
        Command::Change { budget, limit, warn_at } => {
            let path = path(&budget);
            let limit = match limit {
                Some(limit) => Some(amount(&limit, unit(&backend.get(&path).await?.body))?),
                None => None,
            };
            let body = json!({ "limit": limit, "warn_at": warn_at.as_deref().map(shares).transpose()? });
            show(&backend.call(Method::PATCH, &path, Some(&body), &[]).await?.body, output);
        }
        Command::End { budget } => {
            show(&backend.call(Method::DELETE, &path(&budget), None, &[]).await?.body, output);
        }
        Command::Show { budget, periods } => {
            show(&backend.get(&format!("{}?periods={periods}", path(&budget))).await?.body, output);
        }
    }
    Ok(())
}

impl Set {
    fn body(&self) -> Result<Value, Failure> {
        let measure = if self.tokens { Measure::Tokens } else { Measure::Cost };
        Ok(json!({
            "user": self.user, "key": self.key_id, "each": self.each, "unit": measure.as_str(), "period": self.period,
            "zone": self.zone, "limit": amount(&self.limit, measure)?,
            "warn_at": self.warn_at.as_deref().map(shares).transpose()?,
        }))
    }
}

fn path(budget: &str) -> String {
    format!("/api/v1/budgets/{}", escape(budget))
}

fn amount(text: &str, measure: Measure) -> Result<i64, Failure> {
    let text = text.trim();
    match measure {
        Measure::Cost => {
            let dollars = text.strip_prefix('$').unwrap_or(text).parse::<NanoUsd>();
            dollars.map(|nanos| nanos.0).map_err(|bad| Failure::usage(bad.to_string()))
        }
        Measure::Tokens => text.parse().map_err(|_| {
            Failure::usage(format!("{text:?} is not a number of tokens: write it in digits, such as 500000"))
        }),
    }
}

fn shares(text: &str) -> Result<Vec<u8>, Failure> {
    let read = Shares::parse(text).map(|shares| shares.as_slice().to_vec());
    read.map_err(|bad| Failure::usage(format!("--warn-at {text}: {bad}")))
}

fn unit(body: &Value) -> Measure {
    Measure::parse(&cell(body, "/unit")).unwrap_or(Measure::Cost)
}

fn shown(body: &Value, part: &Value, pointer: &str) -> String {
    part.pointer(pointer).and_then(Value::as_i64).map_or_else(|| "-".to_owned(), |amount| unit(body).shown(amount))
}

/// Whose it is.
fn whose(body: &Value) -> String {
    match cell(body, "/subject").as_str() {
        "user" => format!("user {}", owner(body)),
        "key" => owner(body),
        other => other.replace('_', " "),
    }
}

fn owner(part: &Value) -> String {
    let names = ["/user", "/user_id", "/key_id"].map(|pointer| cell(part, pointer));
    names.into_iter().find(|name| name != "-").unwrap_or_else(|| "-".to_owned())
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |row: &Value| {
        let now = row.get("current").unwrap_or(&Value::Null);
        vec![
            cell(row, "/id"),
            whose(row),
            format!("{} {}", cell(row, "/period"), cell(row, "/zone")),
            shown(row, row, "/limit"),
            shown(row, now, "/used"),
            shown(row, now, "/reserved"),
            shown(row, now, "/remaining"),
            if cell(row, "/ended_at") == "-" { owner(now) } else { "ended".to_owned() },
        ]
    };
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("No budgets are set. Set one: copydesk budgets set 50 --period month");
        return;
    }
    let headings = ["BUDGET", "OF", "EVERY", "LIMIT", "USED", "RESERVED", "REMAINING", "LARGEST"];
    output.table(Table { headings: &headings, rows, cut: None });
}

fn show(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let now = body.get("current").unwrap_or(&Value::Null);
    let warn_at: Vec<String> =
        body.get("warn_at").and_then(Value::as_array).into_iter().flatten().map(|share| format!("{share}%")).collect();
    let ended = match cell(body, "/ended_at").as_str() {
        "-" => String::new(),
        at => format!("\nended      {at}"),
    };
    output.data(&format!(
        "budget     {}\nof         {}\nlimit      {} a {} ({})\nwarns at   {}\nused       {}\nreserved   {}\nremaining  \
         {}\nuntil      {}{ended}",
        cell(body, "/id"),
        whose(body),
        shown(body, body, "/limit"),
        cell(body, "/period"),
        cell(body, "/zone"),
        if warn_at.is_empty() { "-".to_owned() } else { warn_at.join(", ") },
        shown(body, now, "/used"),
        shown(body, now, "/reserved"),
        shown(body, now, "/remaining"),
        cell(now, "/period_end"),
    ));
    let periods = body.get("periods").and_then(Value::as_array).into_iter().flatten();
    let rows: Vec<Vec<String>> = periods
        .map(|part| {
            let amounts = ["/used", "/reserved", "/remaining"].map(|pointer| shown(body, part, pointer));
            [vec![cell(part, "/period_start"), owner(part)], amounts.to_vec()].concat()
        })
        .collect();
    if !rows.is_empty() {
        output.table(Table { headings: &["FROM", "OF", "USED", "RESERVED", "REMAINING"], rows, cut: None });
    }
}
