//! `copydesk drafts`: list, show, regenerate, versions, restore, publish, rm.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell, table};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

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
    /// Delete a draft (it can be taken back through the API)
    Rm { draft: String },
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
        | Command::Rm { .. } => Need::Records,
    };
    let backend = Backend::open(settings, need).await?;
    let code = act(&backend, command, output).await;
    backend.close(Duration::ZERO).await?;
    code
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<u8, Failure> {
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
        Command::Regenerate { draft, model, no_wait } => return regenerate(backend, &draft, model, no_wait, output).await,
        Command::Versions { draft } => {
            let body = backend.get(&format!("/api/v1/drafts/{draft}/versions")).await?.body;
            versions(&body, output);
        }
        Command::Restore { draft, version } => {
            let path = format!("/api/v1/drafts/{draft}/versions/{version}/restore");
            let body = backend.post(&path, &json!({})).await?.body;
            told(&body, output, &format!("Version {} of {draft} is a copy of version {version}.", cell(&body, "/current_version")));
        }
        Command::Publish { draft } => {
            let body = backend.post(&format!("/api/v1/drafts/{draft}/publish"), &json!({})).await?.body;
            told(&body, output, &format!("{draft} is published."));
        }
        Command::Rm { draft } => {
            backend.call(Method::DELETE, &format!("/api/v1/drafts/{draft}"), None, &[]).await?;
            output.talk(&format!("{draft} is deleted."));
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
            ["/id", "/status", "/current_version", "/recipe", "/user", "/title", "/updated_at"].map(|pointer| cell(draft, pointer)).to_vec()
        })
        .collect();
    if rows.is_empty() {
        output.talk("No drafts here. Make one: copydesk generate newsletter --input FEED.xml");
        return;
    }
    output.data(&table(&["ID", "STATUS", "VERSION", "RECIPE", "USER", "TITLE", "UPDATED"], &rows));
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
        None => output.talk(&format!("{draft} is {} and has no content.", cell(&body, "/status"))),
    }
    Ok(())
}

fn versions(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|version| ["/version", "/origin", "/reason", "/words", "/title", "/created_at"].map(|pointer| cell(version, pointer)).to_vec())
        .collect();
    output.data(&table(&["N", "ORIGIN", "REASON", "WORDS", "TITLE", "CREATED"], &rows));
}

async fn regenerate(backend: &Backend, draft: &str, model: Option<String>, no_wait: bool, output: Output) -> Result<u8, Failure> {
    let body = model.map_or_else(|| json!({}), |model| json!({ "model": model }));
    let accepted = backend.post(&format!("/api/v1/drafts/{draft}/regenerate"), &body).await?.body;
    if no_wait {
        output.object(&accepted);
        return Ok(exit::OK);
    }
    let id = cell(&accepted, "/id");
    super::generations::wait_for(backend, &id, output).await?;
    show(backend, draft, None, output).await?;
    Ok(exit::OK)
}
