//! `copydesk bulk`: one action on many generations or drafts. Without `--yes` it only says how many that are.

use super::generations::escape;
use super::job_watch::grouped;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_core::NanoUsd;
use copydesk_core::bulk::{BulkStatus, Outcome};
use copydesk_core::generation::Status;
use futures::StreamExt;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often a bulk action is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const FAILED: &str = Outcome::Failed.as_str();
/// How many failed and skipped items are shown.
const SHOWN: u32 = 10;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Stop generations; their holds are released
    Cancel(Many),
    /// Try failed generations again, for the drafts they had
    Retry(Many),
    /// Approve drafts
    Approve(Many),
    /// Reject drafts
    Reject(Many),
    /// Delete drafts; undelete brings them back
    Delete(Many),
    /// Bring deleted drafts back
    Undelete(Many),
    /// Write what drafts or generations hold to standard output
    Export(Box<Export>),
    /// List bulk actions, newest first
    Ls {
        /// Only gathering, running, completed or cancelled ones
        #[arg(long)]
        status: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a bulk action, and what failed or was skipped
    Show {
        /// Its id, blk_...
        bulk: String,
    },
    /// Let it touch nothing more; what is done stays done
    Stop {
        /// Its id, blk_...
        bulk: String,
    },
}

/// Which ones: ids, or what a list is filtered by.
#[derive(clap::Args, Debug)]
pub struct Which {
    /// gen_... or drf_..., instead of a filter
    ids: Vec<String>,
    /// Only those of this status
    #[arg(long)]
    status: Option<String>,
    /// Only drafts that are reviewed so: none, approved or rejected
    #[arg(long)]
    review: Option<String>,
    /// Only those of this user
    #[arg(long)]
    user: Option<String>,
    /// Only those of this recipe
    #[arg(long)]
    recipe: Option<String>,
    /// Only those of this job
    #[arg(long)]
    job: Option<String>,
    /// Only generations for this draft
    #[arg(long)]
    draft: Option<String>,
    /// Only the draft with your id
    #[arg(long)]
    external_id: Option<String>,
    /// All there are, without a filter
    #[arg(long)]
    all: bool,
}

#[derive(clap::Args, Debug)]
pub struct Many {
    #[command(flatten)]
    which: Which,
    /// For retry: provider/model to try them with instead
    #[arg(long)]
    model: Option<String>,
    /// For approve and reject: what is said of them
    #[arg(long)]
    reason: Option<String>,
    /// Do it; without this it is only counted
    #[arg(long, short)]
    yes: bool,
    /// Do not wait for its end
    #[arg(long)]
    no_wait: bool,
}

#[derive(clap::Args, Debug)]
pub struct Export {
    /// drafts or generations
    of: String,
    #[command(flatten)]
    which: Which,
    /// csv or jsonl
    #[arg(long, default_value = "jsonl")]
    format: String,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let need = match &command {
        // Somebody has to do it.
        Command::Export(_) => Need::Worker,
        Command::Cancel(many)
        | Command::Retry(many)
        | Command::Approve(many)
        | Command::Reject(many)
        | Command::Delete(many)
        | Command::Undelete(many)
            if many.yes && !many.no_wait =>
        {
            Need::Worker
        }
        Command::Cancel(_)
        | Command::Retry(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Delete(_)
        | Command::Undelete(_)
        | Command::Ls { .. }
        | Command::Show { .. }
        | Command::Stop { .. } => Need::Records,
    };
    Backend::with(settings, need, async |backend| act(backend, command, output).await).await
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Cancel(many) => many.run("cancel", backend, output).await,
        Command::Retry(many) => many.run("retry", backend, output).await,
        Command::Approve(many) => many.run("approve", backend, output).await,
        Command::Reject(many) => many.run("reject", backend, output).await,
        Command::Delete(many) => many.run("delete", backend, output).await,
        Command::Undelete(many) => many.run("undelete", backend, output).await,
        Command::Export(export) => export.run(backend).await,
        Command::Ls { status, limit } => {
            let status = status.map(|word| format!("&status={}", escape(&word))).unwrap_or_default();
            list(&backend.get(&format!("/api/v1/bulk?limit={limit}{status}")).await?.body, output);
            Ok(exit::OK)
        }
        Command::Show { bulk } => {
            let body = backend.get(&path(&bulk)).await?.body;
            show(backend, &body, output).await
        }
        Command::Stop { bulk } => {
            let body = backend.post(&format!("{}/cancel", path(&bulk)), &json!({})).await?.body;
            show(backend, &body, output).await?;
            Ok(exit::OK)
        }
    }
}

fn path(bulk: &str) -> String {
    format!("/api/v1/bulk/{}", escape(bulk))
}

impl Which {
    /// The fields of the request that say which.
    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let filters = [
            ("status", &self.status),
            ("user", &self.user),
            ("recipe", &self.recipe),
            ("job", &self.job),
            ("draft", &self.draft),
            ("external_id", &self.external_id),
            ("review", &self.review),
        ];
        let filter: Map<String, Value> =
            filters.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?.into()))).collect();
        let ways = [!self.ids.is_empty(), !filter.is_empty(), self.all].into_iter().filter(|way| *way).count();
        if ways != 1 {
            return Err(Failure::usage("say which ones: ids, or a filter, or --all for all there are")
                .hint("a filter is --status, --user, --recipe, --job, --draft or --external-id"));
        }
        let (name, value) = match self.ids.is_empty() {
            true => ("filter", Value::Object(filter)),
            false => ("ids", self.ids.clone().into()),
        };
        Ok(Map::from_iter([(name.to_owned(), value)]))
    }
}

impl Many {
    async fn run(self, action: &str, backend: &Backend, output: Output) -> Result<u8, Failure> {
        let mut body = self.which.fields()?;
        body.insert("action".to_owned(), action.into());
        for (name, value) in [("model", self.model), ("reason", self.reason)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        }
        let body = Value::Object(body);
        if !self.yes {
            let outlook = backend.post("/api/v1/bulk?dry_run=true", &body).await?.body;
            foretell(&outlook, action, output);
            return Ok(exit::OK);
        }
        let opened = backend.post("/api/v1/bulk", &body).await?.body;
        if self.no_wait {
            let id = cell(&opened, "/id");
            if output.json {
                output.object(&opened);
            } else {
                output.data(&format!("{}\n", line(&opened)));
                let how = if backend.is_inside() { "it is done when `copydesk serve` runs; " } else { "" };
                output.talk(&format!("{how}see how far it is with: copydesk bulk show {id}"));
            }
            return Ok(exit::OK);
        }
        let ended = end(backend, opened).await?;
        show(backend, &ended, output).await
    }
}

/// What it would be done to.
fn foretell(outlook: &Value, action: &str, output: Output) {
    if output.json {
        output.object(outlook);
        return;
    }
    let total = outlook.pointer("/total").and_then(Value::as_u64).unwrap_or_default();
    let of = cell(outlook, "/of");
    let noun = if total == 1 { of.trim_end_matches('s') } else { &of };
    let more = if outlook.pointer("/more") == Some(&Value::Bool(true)) { " and more" } else { "" };
    let cost = outlook.pointer("/cost_max_nanousd").and_then(Value::as_i64);
    let cost = cost.map(|cost| format!(", at most ${}", NanoUsd(cost))).unwrap_or_default();
    output.data(&format!("{action} {} {noun}{more}{cost}\n", grouped(total)));
    if let Some(later @ 1..) = outlook.pointer("/superseded").and_then(Value::as_u64) {
        output.data(&format!("  {} of them were tried again since, and are skipped\n", grouped(later)));
    }
    for id in outlook.pointer("/first").and_then(Value::as_array).into_iter().flatten() {
        output.data(&format!("  {}\n", id.as_str().unwrap_or_default()));
    }
    if total > 10 {
        output.data(&format!("  ... and {} more\n", grouped(total - 10)));
    }
    output.talk(if total == 0 { "There is nothing to do." } else { "Nothing was done. Do it with --yes" });
}

/// Looks until it has ended.
async fn end(backend: &Backend, mut body: Value) -> Result<Value, Failure> {
    let id = cell(&body, "/id");
    let follow = async {
        while body.pointer("/finished_at").is_none_or(Value::is_null) {
            tokio::time::sleep(LOOK_EVERY).await;
            body = backend.get(&path(&id)).await?.body;
        }
        Ok(body)
    };
    tokio::select! {
        ended = follow => ended,
        _ = tokio::signal::ctrl_c() => {
            let how = if backend.is_inside() { "it goes on when `copydesk serve` runs" } else { "it goes on" };
            Err(Failure::new(exit::INTERRUPTED, "interrupted", format!("You stopped waiting for {id}; {how}."))
                .hint(format!("see it with `copydesk bulk show {id}`, stop it with `copydesk bulk stop {id}`")))
        }
    }
}

/// `blk_...  delete  completed: 12 drafts = 11 done + 1 failed`
fn line(bulk: &Value) -> String {
    let count = |name: &str| bulk.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or_default();
    let total = bulk.pointer("/total").and_then(Value::as_u64).unwrap_or_default();
    let mut parts = vec![format!("{} done", grouped(count("done")))];
    for name in [Outcome::Skipped.as_str(), FAILED, BulkStatus::Cancelled.as_str(), Status::Pending.as_str()] {
        if count(name) > 0 {
            parts.push(format!("{} {name}", grouped(count(name))));
        }
    }
    let (action, of, status) = (cell(bulk, "/action"), cell(bulk, "/of"), cell(bulk, "/status"));
    format!("{}  {action}  {status}\n{} {of} = {}", cell(bulk, "/id"), grouped(total), parts.join(" + "))
}

/// The action and what went wrong. The exit code is 7 when some failed.
async fn show(backend: &Backend, bulk: &Value, output: Output) -> Result<u8, Failure> {
    let failed = bulk.pointer("/counts/failed").and_then(Value::as_u64).unwrap_or_default() > 0;
    let code = if failed { exit::PARTLY_FAILED } else { exit::OK };
    if output.json {
        output.object(bulk);
        return Ok(code);
    }
    let id = cell(bulk, "/id");
    output.data(&format!("{}\n", line(bulk)));
    if let Some(note) = bulk.pointer("/note/message").and_then(Value::as_str) {
        output.data(&format!("{note}\n"));
    }
    let mut rows = Vec::new();
    for word in [FAILED, Outcome::Skipped.as_str()] {
        let page = backend.get(&format!("{}/items?outcome={word}&limit={SHOWN}", path(&id))).await?.body;
        let found = page["data"].as_array().into_iter().flatten().map(|item| {
            let thing = [cell(item, "/generation_id"), cell(item, "/draft_id")].into_iter().find(|id| id.len() > 1);
            vec![thing.unwrap_or_default(), word.to_owned(), cell(item, "/note/code"), cell(item, "/note/message")]
        });
        rows.extend(found);
    }
    if !rows.is_empty() {
        output.data("\n");
        output.table(Table { headings: &["ITEM", "OUTCOME", "CODE", "WHY"], rows, cut: Some(3) });
    }
    let finished = bulk.pointer("/finished_at").is_some_and(Value::is_string);
    output.talk(&match (finished, cell(bulk, "/action").as_str()) {
        (false, _) => format!("stop it with: copydesk bulk stop {id}"),
        (true, "delete") => "bring some back with: copydesk bulk undelete DRAFT... --yes".to_owned(),
        (true, "cancel") => "try them again with: copydesk bulk retry --status cancelled".to_owned(),
        (true, "retry") => "watch them with: copydesk generations ls --status pending".to_owned(),
        (true, _) => "all of them: copydesk bulk ls".to_owned(),
    });
    Ok(code)
}

impl Export {
    async fn run(self, backend: &Backend) -> Result<u8, Failure> {
        let mut body = self.which.fields()?;
        body.insert("action".to_owned(), "export".into());
        body.insert("of".to_owned(), self.of.into());
        let opened = backend.post("/api/v1/bulk", &Value::Object(body)).await?.body;
        let ended = end(backend, opened).await?;
        let from = format!("{}/export?format={}", path(&cell(&ended, "/id")), escape(&self.format));
        let mut pieces = backend.bytes(&from).await?;
        let mut out = std::io::stdout().lock();
        while let Some(piece) = pieces.next().await {
            // A closed pipe is the reader's wish.
            if std::io::Write::write_all(&mut out, &piece?).is_err() {
                break;
            }
        }
        Ok(exit::OK)
    }
}

fn list(body: &Value, output: Output) {
    if output.json {
        output.object(body);
        return;
    }
    let row = |bulk: &Value| {
        let total = bulk.pointer("/total").and_then(Value::as_u64).unwrap_or_default();
        vec![
            cell(bulk, "/id"),
            cell(bulk, "/action"),
            cell(bulk, "/of"),
            cell(bulk, "/status"),
            format!("{}/{}", cell(bulk, "/counts/done"), total),
            cell(bulk, "/counts/failed"),
            minute(bulk, "/created_at"),
        ]
    };
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("No bulk actions yet. See what one would do with: copydesk bulk retry --status failed");
        return;
    }
    output.table(Table { headings: &["ID", "ACTION", "OF", "STATUS", "DONE", "FAILED", "ASKED"], rows, cut: None });
    output.talk("one of them: copydesk bulk show BULK");
}
