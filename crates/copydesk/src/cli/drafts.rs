//! `copydesk drafts`: list, show, regenerate, versions, restore, publish, unpublish, rm, undelete.

use super::generate::ids;
use super::watch::{Show, ended, no_version, watch};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Value, json};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List drafts, newest first
    Ls {
        /// pending, processing, draft, published, failed or cancelled
        #[arg(long)]
        status: Option<String>,
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        recipe: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Print a draft's text
    Show {
        draft: String,
        /// An earlier version
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Generate another version of a draft
    Regenerate {
        draft: String,
        #[arg(long, short)]
        model: Option<String>,
        /// Print the ids and do not wait
        #[arg(long)]
        no_wait: bool,
    },
    /// List a draft's versions
    Versions { draft: String },
    /// Make a copy of an earlier version the current one
    Restore { draft: String, version: u32 },
    /// Release a draft; a published draft is never changed
    Publish { draft: String },
    /// Take a release back
    Unpublish { draft: String },
    /// Delete a draft
    Rm { draft: String },
    /// Take a deletion back
    Undelete { draft: String },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let need = match &command {
        Command::Regenerate { no_wait: false, .. } => Need::Worker,
        Command::Regenerate { no_wait: true, .. }
        | Command::Ls { .. }
        | Command::Show { .. }
        | Command::Versions { .. }
        | Command::Restore { .. }
        | Command::Publish { .. }
        | Command::Unpublish { .. }
        | Command::Rm { .. }
        | Command::Undelete { .. } => Need::Records,
    };
    Backend::with(settings, need, async |backend| act(backend, command, output).await).await
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
    let order = async |draft: &str, verb: &str, sentence: &str| -> Result<(), Failure> {
        let body = backend.post(&format!("/api/v1/drafts/{draft}/{verb}"), &json!({})).await?.body;
        told(&body, output, &format!("{draft} {sentence}"));
        Ok(())
    };
    match command {
        Command::Ls { status, user, recipe, limit, cursor } => {
            let mut path = format!("/api/v1/drafts?limit={limit}");
            for (name, value) in [("status", status), ("user", user), ("recipe", recipe), ("cursor", cursor)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", super::generations::escape(&value)));
                }
            }
            list(&backend.get(&path).await?.body, output);
        }
        Command::Show { draft, version } => show(backend, &draft, version, output).await?,
        Command::Regenerate { draft, model, no_wait } => {
            return regenerate(backend, &draft, model, no_wait, output).await;
        }
        Command::Versions { draft } => {
            let body = backend.get(&format!("/api/v1/drafts/{draft}/versions")).await?.body;
            versions(&body, output);
        }
        Command::Restore { draft, version } => {
            let path = format!("/api/v1/drafts/{draft}/versions/{version}/restore");
            let body = backend.post(&path, &json!({})).await?.body;
            told(
                &body,
                output,
                &format!("Version {} of {draft} is a copy of version {version}.", cell(&body, "/current_version")),
            );
        }
        Command::Publish { draft } => order(&draft, "publish", "is published.").await?,
        Command::Unpublish { draft } => order(&draft, "unpublish", "is a draft again.").await?,
        Command::Undelete { draft } => order(&draft, "undelete", "is back.").await?,
        Command::Rm { draft } => {
            backend.call(Method::DELETE, &format!("/api/v1/drafts/{draft}"), None, &[]).await?;
            output.talk(&format!("{draft} is deleted; `copydesk drafts undelete {draft}` takes it back."));
        }
    }
    Ok(exit::OK)
}

fn told(body: &Value, output: Output, sentence: &str) {
    if output.json { output.object(body) } else { output.talk(sentence) }
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|draft| {
            let texts = ["/id", "/status", "/current_version", "/recipe", "/user", "/title"];
            let mut row = texts.map(|pointer| cell(draft, pointer)).to_vec();
            row.push(minute(draft, "/updated_at"));
            row
        })
        .collect();
    if rows.is_empty() {
        output.talk("No drafts here. Make one: copydesk generate newsletter --input FEED.xml");
        return;
    }
    let headings = ["ID", "STATUS", "VER", "RECIPE", "USER", "TITLE", "UPDATED"];
    output.table(Table { headings: &headings, rows, cut: Some(5) });
    if let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) {
        output.talk(&format!("More: copydesk drafts ls --cursor {cursor}"));
    }
}

fn rows(body: &Value) -> impl Iterator<Item = &Value> {
    body.get("data").and_then(Value::as_array).into_iter().flatten()
}

async fn show(backend: &Backend, draft: &str, version: Option<u32>, output: Output) -> Result<(), Failure> {
    let path = match version {
        Some(number) => format!("/api/v1/drafts/{draft}/versions/{number}"),
        None => format!("/api/v1/drafts/{draft}"),
    };
    let body = backend.get(&path).await?.body;
    if output.json {
        output.object(&body);
        return Ok(());
    }
    match body.pointer("/content/markdown").and_then(Value::as_str) {
        Some(text) => output.data(text),
        None => return Err(empty(backend, draft, &cell(&body, "/status")).await?),
    }
    Ok(())
}

/// Why a draft has nothing to show: what became of its last generation.
async fn empty(backend: &Backend, draft: &str, status: &str) -> Result<Failure, Failure> {
    let path = format!("/api/v1/generations?draft={}&limit=1", super::generations::escape(draft));
    let latest = backend.get(&path).await?.body.pointer("/data/0").cloned().unwrap_or_default();
    if latest.get("finished_at").is_some_and(|at| !at.is_null()) {
        let mut why = no_version(&latest);
        why.message = format!("{draft} has no content: {}", why.message);
        return Ok(why);
    }
    let message = format!("{draft} has no content yet: it is {status}.");
    let hint = format!("see what it waits for with: copydesk generations why {}", cell(&latest, "/id"));
    Ok(Failure::new(exit::CONFLICT, "draft_empty", message).hint(hint))
}

fn versions(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|version| {
            let mut row =
                ["/version", "/origin", "/reason", "/words", "/title"].map(|pointer| cell(version, pointer)).to_vec();
            row.push(minute(version, "/created_at"));
            row
        })
        .collect();
    if rows.is_empty() {
        output.talk("No versions yet.");
        return;
    }
    output.table(Table { headings: &["N", "ORIGIN", "REASON", "WORDS", "TITLE", "CREATED"], rows, cut: Some(4) });
}

async fn regenerate(
    backend: &Backend,
    draft: &str,
    model: Option<String>,
    no_wait: bool,
    output: Output,
) -> Result<u8, Failure> {
    let body = model.map_or_else(|| json!({}), |model| json!({ "model": model }));
    let accepted = backend.post(&format!("/api/v1/drafts/{draft}/regenerate"), &body).await?.body;
    if no_wait {
        ids(&accepted, output);
        return Ok(exit::OK);
    }
    let id = cell(&accepted, "/id");
    watch(backend, &id, Show::Progress, None, output).await?;
    ended(backend, &id).await?;
    show(backend, draft, None, output).await?;
    Ok(exit::OK)
}
