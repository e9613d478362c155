//! `copydesk mailings`: send prospects their drafts, and see what became of each mail. Without `--yes` it only says who would get one.

use super::generations::escape;
use super::job_watch::grouped;
use super::prospects::filter;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_core::mail::MailStatus;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a mailing is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Send prospects the drafts they have; without --yes it is only counted
    Send(Send),
    /// List mailings, newest first
    Ls {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a mailing, and its mails
    Show {
        /// Its id, mlg_...
        mailing: String,
        /// Only mails that are queued, sending, sent, failed, unknown, cancelled or skipped
        #[arg(long)]
        status: Option<String>,
        /// How many mails
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Follow a mailing to its end
    Watch {
        /// Its id, mlg_...
        mailing: String,
    },
    /// Begin nothing further of it
    Pause {
        /// Its id, mlg_...
        mailing: String,
    },
    /// Let it go on
    Resume {
        /// Its id, mlg_...
        mailing: String,
    },
    /// Take back all its mails that wait
    Cancel {
        /// Its id, mlg_...
        mailing: String,
    },
    /// Send its failed mails once more
    Retry {
        /// Its id, mlg_...
        mailing: String,
    },
    /// Say what became of a mail that is unknown: sent, not_sent, or again to send it once more
    Judge {
        /// Its id, eml_...
        mail: String,
        /// sent, not_sent or again
        outcome: String,
    },
}

#[derive(clap::Args, Debug)]
pub struct Send {
    /// `eligible`, or ids or your own names of prospects, with commas
    #[arg(long, value_name = "eligible|ID,ID")]
    prospects: Option<String>,
    /// FIELD=WORD of the list of prospects instead, such as category=bakery
    #[arg(long = "where", value_name = "FIELD=WORD")]
    filter: Vec<String>,
    /// Also to those who got another version of the draft before
    #[arg(long)]
    again: bool,
    /// Do it; without this it is only counted
    #[arg(long, short)]
    yes: bool,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Send(send) => send.run(backend, output).await,
        Command::Ls { limit } => {
            list(&backend.get(&format!("/api/v1/mailings?limit={limit}")).await?.body, output);
            Ok(exit::OK)
        }
        Command::Show { mailing, status, limit } => {
            let body = backend.get(&path(&mailing)).await?.body;
            let status = status.map(|word| format!("&status={}", escape(&word))).unwrap_or_default();
            let mails = backend.get(&format!("{}/mails?limit={limit}{status}", path(&mailing))).await?.body;
            show(&body, &mails, output);
            Ok(exit::OK)
        }
        Command::Watch { mailing } => {
            let mut body = backend.get(&path(&mailing)).await?.body;
            while body.pointer("/finished_at").is_none_or(Value::is_null) {
                tokio::time::sleep(LOOK_EVERY).await;
                body = backend.get(&path(&mailing)).await?.body;
            }
            let bad = [MailStatus::Failed, MailStatus::Unknown].iter().any(|status| has(&body, *status));
            told(&body, output);
            Ok(if bad { exit::PARTLY_FAILED } else { exit::OK })
        }
        Command::Pause { mailing } => order(backend, &mailing, "pause", output).await,
        Command::Resume { mailing } => order(backend, &mailing, "resume", output).await,
        Command::Cancel { mailing } => order(backend, &mailing, "cancel", output).await,
        Command::Retry { mailing } => order(backend, &mailing, "retry_failed", output).await,
        Command::Judge { mail, outcome } => {
            let url = format!("/api/v1/mails/{}/outcome", escape(&mail));
            let body = backend.post(&url, &json!({ "outcome": outcome })).await?.body;
            if output.json {
                output.object(&body);
            } else {
                output.data(&format!(
                    "{}  {}  {}\n",
                    cell(&body, "/id"),
                    cell(&body, "/status"),
                    cell(&body, "/address")
                ));
                output.talk(&format!("its mailing: copydesk mailings show {}", cell(&body, "/mailing_id")));
            }
            Ok(exit::OK)
        }
    }
}

impl Send {
    async fn run(self, backend: &Backend, output: Output) -> Result<u8, Failure> {
        let which = match (self.prospects.as_deref(), self.filter.is_empty()) {
            (Some("eligible"), true) => json!("eligible"),
            (Some(ids), true) => json!({ "ids": ids.split(',').map(str::trim).collect::<Vec<_>>() }),
            (None, false) => filter(&self.filter)?,
            (None, true) | (Some(_), false) => {
                return Err(Failure::usage(
                    "say to whom: --prospects eligible, --prospects ID,ID or --where FIELD=WORD",
                ));
            }
        };
        let body = json!({ "prospects": which, "again": self.again });
        if !self.yes {
            foretell(&backend.post("/api/v1/mailings?dry_run=true", &body).await?.body, "prospects", output);
            return Ok(exit::OK);
        }
        told(&backend.post("/api/v1/mailings", &body).await?.body, output);
        Ok(exit::OK)
    }
}

async fn order(backend: &Backend, mailing: &str, word: &str, output: Output) -> Result<u8, Failure> {
    told(&backend.post(&format!("{}/{word}", path(mailing)), &json!({})).await?.body, output);
    Ok(exit::OK)
}

fn path(mailing: &str) -> String {
    format!("/api/v1/mailings/{}", escape(mailing))
}

/// `None` where the server does not say.
fn count(mailing: &Value, status: MailStatus) -> Option<u64> {
    mailing.pointer(&format!("/counts/{status}")).and_then(Value::as_u64)
}

fn has(mailing: &Value, status: MailStatus) -> bool {
    count(mailing, status).is_some_and(|count| count > 0)
}

/// Who would get a mail, and who not.
pub(super) fn foretell(outlook: &Value, who: &str, output: Output) {
    if output.json {
        output.object(outlook);
        return;
    }
    output.data(&foretold(outlook, who));
    let none = outlook["queued"] == 0;
    output.talk(if none { "There is nothing to send." } else { "Nothing was sent. Do it with --yes" });
}

fn foretold(outlook: &Value, who: &str) -> String {
    let queued = outlook["queued"].as_u64().map(|queued| format!("{} {who} would get a mail\n", grouped(queued)));
    let skipped = outlook["skipped"].as_object().into_iter().flatten().map(|(_, skipped)| {
        let count = skipped["count"].as_u64().map_or_else(|| "some".to_owned(), grouped);
        format!("  {count} would not: {}\n", cell(skipped, "/why"))
    });
    queued.into_iter().chain(skipped).collect()
}

/// `mlg_...  sending\n12 mails = 4 sent + 7 queued + 1 skipped`
fn line(mailing: &Value) -> String {
    if mailing["filling"] == true && mailing["total"] == 0 {
        return format!("{}  {}\nits mails are still to be written", cell(mailing, "/id"), cell(mailing, "/status"));
    }
    let counted = |status: MailStatus| count(mailing, status).map(|count| (count, status));
    let counts: Vec<(u64, MailStatus)> = MailStatus::ALL.into_iter().filter_map(counted).collect();
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, status)| format!("{} {status}", grouped(*count)))
        .collect();
    let sum = match (parts.is_empty(), counts.is_empty()) {
        (false, _) => format!(" = {}", parts.join(" + ")),
        (true, false) => " = 0".to_owned(),
        (true, true) => String::new(),
    };
    let noun = if mailing["total"] == 1 { "mail" } else { "mails" };
    let so_far = if mailing["filling"] == true { " so far" } else { "" };
    let total = mailing["total"].as_u64().map(|total| format!("\n{} {noun}{so_far}{sum}", grouped(total)));
    format!("{}  {}{}", cell(mailing, "/id"), cell(mailing, "/status"), total.unwrap_or_default())
}

pub(super) fn told(mailing: &Value, output: Output) {
    if output.json {
        output.object(mailing);
        return;
    }
    output.data(&format!("{}\n", line(mailing)));
    output.talk(&next(mailing));
}

/// The command that helps most.
fn next(mailing: &Value) -> String {
    let id = cell(mailing, "/id");
    match cell(mailing, "/status").as_str() {
        "paused" => format!("let it go on with: copydesk mailings resume {id}"),
        "sending" => format!("follow it with: copydesk mailings watch {id}"),
        _ if has(mailing, MailStatus::Unknown) => {
            let unknown = MailStatus::Unknown;
            format!("see those nobody can know about with: copydesk mailings show {id} --status {unknown}")
        }
        _ if has(mailing, MailStatus::Failed) => {
            format!("see why with: copydesk mailings show {id} --status {}", MailStatus::Failed)
        }
        _ => format!("its mails: copydesk mailings show {id}"),
    }
}

fn show(mailing: &Value, mails: &Value, output: Output) {
    if output.json {
        output.object(&json!({ "mailing": mailing, "mails": mails["data"] }));
        return;
    }
    output.data(&format!("{}\n\n", line(mailing)));
    let row = |mail: &Value| {
        let said = [cell(mail, "/reply/text"), cell(mail, "/reason")].into_iter().find(|text| text.len() > 1);
        vec![
            cell(mail, "/id"),
            cell(mail, "/status"),
            cell(mail, "/address"),
            cell(mail, "/tries"),
            cell(mail, "/reply/code"),
            said.unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = mails["data"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        output.table(Table { headings: &["MAIL", "STATUS", "TO", "TRIES", "CODE", "WHY"], rows, cut: Some(5) });
    }
    let id = cell(mailing, "/id");
    output.talk(&match () {
        () if has(mailing, MailStatus::Unknown) => {
            "say what became of an unknown one with: copydesk mailings judge MAIL sent|not_sent|again".to_owned()
        }
        () if has(mailing, MailStatus::Failed) => {
            format!("send the failed ones once more with: copydesk mailings retry {id}")
        }
        () if has(mailing, MailStatus::Queued) => format!("hold it back with: copydesk mailings pause {id}"),
        () => "all of them: copydesk mailings ls".to_owned(),
    });
}

fn list(body: &Value, output: Output) {
    if output.json {
        output.object(body);
        return;
    }
    let row = |mailing: &Value| {
        let counted = |status| cell(mailing, &format!("/counts/{status}"));
        vec![
            cell(mailing, "/id"),
            cell(mailing, "/status"),
            cell(mailing, "/total"),
            counted(MailStatus::Sent),
            counted(MailStatus::Queued),
            counted(MailStatus::Failed),
            counted(MailStatus::Unknown),
            counted(MailStatus::Skipped),
            minute(mailing, "/created_at"),
        ]
    };
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output
            .talk("Nothing was mailed yet. See who would get a mail with: copydesk mailings send --prospects eligible");
        return;
    }
    let headings = &["ID", "STATUS", "MAILS", "SENT", "QUEUED", "FAILED", "UNKNOWN", "SKIPPED", "ORDERED"];
    output.table(Table { headings, rows, cut: None });
    output.talk("one of them: copydesk mailings show MAILING");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_a_mailing_is_filled_its_line_says_so() {
        let begun = json!({ "id": "mlg_1", "status": "sending", "total": 0, "filling": true, "counts": { "sent": 0 } });
        assert_eq!(line(&begun), "mlg_1  sending\nits mails are still to be written");
        let some = json!({ "id": "mlg_1", "status": "sending", "total": 3, "filling": true, "counts": { "sent": 3 } });
        assert_eq!(line(&some), "mlg_1  sending\n3 mails so far = 3 sent");
    }

    #[test]
    fn a_count_that_the_server_does_not_send_is_no_zero() {
        let whole = json!({ "id": "mlg_1", "status": "sending", "total": 2, "counts": { "sent": 1, "queued": 1, "failed": 0 } });
        assert_eq!(line(&whole), "mlg_1  sending\n2 mails = 1 queued + 1 sent");
        let none = json!({ "id": "mlg_1", "status": "finished", "total": 0, "counts": { "sent": 0 } });
        assert_eq!(line(&none), "mlg_1  finished\n0 mails = 0");
        assert_eq!(line(&json!({ "id": "mlg_1", "status": "sending" })), "mlg_1  sending");
        assert_eq!(line(&json!({ "id": "mlg_1", "status": "sending", "total": 3 })), "mlg_1  sending\n3 mails");
        let outlook = json!({ "queued": 0, "skipped": { "answered": { "count": 1, "why": "it has answered" } } });
        assert_eq!(foretold(&outlook, "prospects"), "0 prospects would get a mail\n  1 would not: it has answered\n");
        let skipped = json!({ "skipped": { "answered": { "why": "it has answered" } } });
        assert_eq!(foretold(&skipped, "prospects"), "  some would not: it has answered\n");
        assert_eq!(foretold(&json!({}), "prospects"), "");
        assert_eq!(next(&json!({ "id": "mlg_1", "status": "finished" })), "its mails: copydesk mailings show mlg_1");
    }
}
