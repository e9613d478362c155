//! `copydesk credits`: accounts, statements, and what is moved by hand. Amounts are credits with up to six decimals.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_core::MicroCredits;
use serde_json::{Value, json};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Show one user's account, or all of them
    Show {
        user: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Grant credits to a user, or book a pack that was bought
    Grant {
        user: String,
        /// Credits, such as 2.5
        #[arg(required_unless_present = "pack")]
        amount: Option<String>,
        /// A pack of copydesk.toml instead of an amount
        #[arg(long, value_name = "NAME", conflicts_with = "amount")]
        pack: Option<String>,
        /// Your own name for it, such as the number of the payment: one transfer each
        #[arg(long)]
        reference: String,
        /// When what is left of it expires: a time, or a span such as 30d
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        #[arg(long)]
        reason: Option<String>,
        /// The amount was paid for
        #[arg(long)]
        purchase: bool,
    },
    /// Correct a balance, up or down
    Adjust {
        user: String,
        /// Credits with their sign, such as +5 or -2.5
        #[arg(allow_hyphen_values = true)]
        amount: String,
        /// Stands in the statement for ever
        #[arg(long)]
        reason: String,
        #[arg(long)]
        reference: Option<String>,
    },
    /// Move credits from one user to another
    Gift {
        from: String,
        to: String,
        amount: String,
        #[arg(long)]
        reference: Option<String>,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Give back what a generation cost, or a part of it
    Refund {
        generation: String,
        /// All that is left, unless you say how much
        amount: Option<String>,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        reference: Option<String>,
    },
    /// Show a user's statement, or everybody's, newest first
    Ledger {
        user: Option<String>,
        /// grant, purchase, hold, settle, release, refund, adjust_up, adjust_down, gift_sent, gift_received, expire or absorb
        #[arg(long)]
        kind: Option<String>,
        #[arg(long)]
        generation: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// List the packs of copydesk.toml
    Packs,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Show { user: Some(user), .. } => {
            let path = format!("/api/v1/credits/accounts/{}", escape(&user));
            account(&backend.get(&path).await?.body, output);
        }
        Command::Show { user: None, limit, cursor } => {
            let path = query("/api/v1/credits/accounts", limit, [("cursor", cursor)]);
            accounts(&backend.get(&path).await?.body, output);
        }
        Command::Ledger { user, kind, generation, limit, cursor } => {
            let filters = [("user", user), ("kind", kind), ("generation", generation), ("cursor", cursor)];
            let path = query("/api/v1/credits/ledger", limit, filters);
            statement(&backend.get(&path).await?.body, output);
        }
        Command::Packs => packs(&backend.get("/api/v1/credits/packs").await?.body, output),
        Command::Grant { user, amount, pack, reference, expires, reason, purchase } => {
            let amount = amount.as_deref().map(micros).transpose()?;
            let kind = purchase.then_some("purchase");
            let body = json!({
                "user": user, "amount": amount, "pack": pack, "reference": reference, "reason": reason, "kind": kind,
                "expires_at": expires,
            });
            post(backend, "grants", &body, output).await?;
        }
        Command::Adjust { user, amount, reason, reference } => {
            let amount = signed_micros(&amount)?;
            let body = json!({ "user": user, "amount": amount, "reason": reason, "reference": reference });
            post(backend, "adjustments", &body, output).await?;
        }
        Command::Gift { from, to, amount, reference, reason } => {
            let amount = micros(&amount)?;
            let body = json!({ "from": from, "to": to, "amount": amount, "reference": reference, "reason": reason });
            post(backend, "gifts", &body, output).await?;
        }
        Command::Refund { generation, amount, reason, reference } => {
            let amount = amount.as_deref().map(micros).transpose()?;
            let body = json!({ "generation": generation, "amount": amount, "reason": reason, "reference": reference });
            post(backend, "refunds", &body, output).await?;
        }
    }
    Ok(())
}

async fn post(backend: &Backend, noun: &str, body: &Value, output: Output) -> Result<(), Failure> {
    posted(&backend.post(&format!("/api/v1/credits/{noun}"), body).await?.body, output);
    Ok(())
}

fn micros(text: &str) -> Result<i64, Failure> {
    text.parse::<MicroCredits>().map(MicroCredits::micros).map_err(|bad| Failure::usage(bad.to_string()))
}

fn signed_micros(text: &str) -> Result<i64, Failure> {
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(up), _) => micros(up),
        (None, Some(down)) => micros(down).map(|micros| -micros),
        (None, None) => Err(Failure::usage(format!("{text:?} has no sign: write +{text} or -{text}"))),
    }
}

fn query<const N: usize>(path: &str, limit: u32, filters: [(&str, Option<String>); N]) -> String {
    let mut path = format!("{path}?limit={limit}");
    for (name, value) in filters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escape(&value)));
        }
    }
    path
}

/// Micro-credits as credits; what is no such number is shown as it stands there.
fn credits(body: &Value, pointer: &str) -> String {
    let micros = body.pointer(pointer).and_then(Value::as_i64).and_then(|micros| MicroCredits::new(micros).ok());
    micros.map_or_else(|| cell(body, pointer), |amount| amount.to_string())
}

fn rows(body: &Value) -> impl Iterator<Item = &Value> {
    body.get("data").and_then(Value::as_array).into_iter().flatten()
}

fn account(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let expires = match cell(body, "/expires_next_at").as_str() {
        "-" => String::new(),
        _ => format!("\nexpires    the next part at {}", minute(body, "/expires_next_at")),
    };
    output.data(&format!(
        "user       {}\navailable  {}\nheld       {}\ntotal      {}{expires}",
        cell(body, "/user"),
        credits(body, "/available"),
        credits(body, "/held"),
        credits(body, "/total"),
    ));
}

fn accounts(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|row| {
            let amounts = ["/available", "/held", "/total"].map(|pointer| credits(row, pointer));
            [vec![cell(row, "/user")], amounts.to_vec(), vec![minute(row, "/expires_next_at")]].concat()
        })
        .collect();
    if rows.is_empty() {
        output.talk("No accounts yet. Make one: copydesk credits grant USER 10 --reference first");
        return;
    }
    output.table(Table { headings: &["USER", "AVAILABLE", "HELD", "TOTAL", "EXPIRES"], rows, cut: None });
    more(body, "copydesk credits show", output);
}

fn statement(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|row| {
            let about = ["/peer", "/reference", "/generation_id"].map(|pointer| cell(row, pointer));
            let about = about.into_iter().find(|text| text != "-").unwrap_or_else(|| "-".to_owned());
            vec![
                minute(row, "/created_at"),
                cell(row, "/kind"),
                cell(row, "/user"),
                credits(row, "/amount"),
                credits(row, "/after/available"),
                credits(row, "/after/held"),
                about,
                cell(row, "/reason"),
            ]
        })
        .collect();
    if rows.is_empty() {
        output.talk("Nothing was booked yet.");
        return;
    }
    let headings = ["WHEN", "KIND", "USER", "AMOUNT", "AVAILABLE", "HELD", "ABOUT", "REASON"];
    output.table(Table { headings: &headings, rows, cut: Some(7) });
    more(body, "copydesk credits ledger", output);
}

fn packs(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|row| vec![cell(row, "/name"), credits(row, "/credits"), cell(row, "/price"), cell(row, "/title")])
        .collect();
    if rows.is_empty() {
        output.talk("No packs are set up. Write [credits.packs.NAME] with credits = \"110\" into copydesk.toml.");
        return;
    }
    output.table(Table { headings: &["NAME", "CREDITS", "PRICE", "TITLE"], rows, cut: Some(3) });
}

fn posted(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let again = if body.get("posted") == Some(&Value::Bool(true)) { "" } else { " (was there already)" };
    output.data(&format!(
        "{} of {} credits: {}{again}\navailable  {}\nheld       {}",
        cell(body, "/transfer/kind"),
        credits(body, "/transfer/amount"),
        cell(body, "/transfer/id"),
        credits(body, "/balance/available"),
        credits(body, "/balance/held"),
    ));
}

fn more(body: &Value, command: &str, output: Output) {
    if let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) {
        output.talk(&format!("More: {command} --cursor {cursor}"));
    }
}
