//! `copydesk feedback`: what users think of parts of their drafts, for the next ones.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Value, json};

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Say what you think of a draft or a part of it
    Give {
        draft: String,
        /// up or down
        vote: String,
        /// intro, topics/1, conclusion, title and so on; the whole without it
        #[arg(long)]
        part: Option<String>,
        #[arg(long)]
        comment: Option<String>,
        /// An earlier version
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// List feedback, newest first
    Ls {
        #[arg(long)]
        draft: Option<String>,
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        recipe: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Take an opinion back
    Rm { feedback: String },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Give { draft, vote, part, comment, version } => {
            let mut body = json!({ "vote": vote });
            for (name, value) in [("part", part), ("comment", comment)] {
                if let Some(value) = value {
                    body[name] = value.into();
                }
            }
            if let Some(version) = version {
                body["version"] = version.into();
            }
            let path = format!("/api/v1/drafts/{draft}/feedback");
            let kept = backend.call(Method::PUT, &path, Some(&body), &[]).await?.body;
            if output.json {
                output.object(&kept);
            } else {
                let recipe = cell(&kept, "/recipe");
                output.talk(&format!(
                    "Kept. It goes into this user's next requests for {recipe}, where the recipe takes feedback."
                ));
                output.talk(&format!("Take it back: copydesk feedback rm {}", cell(&kept, "/id")));
            }
        }
        Command::Ls { draft, user, recipe, limit, cursor } => {
            let (mut path, mut kept) = (format!("/api/v1/feedback?limit={limit}"), String::new());
            for (name, value) in [("draft", draft), ("user", user), ("recipe", recipe)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                    kept.push_str(&format!(" --{name} {value}"));
                }
            }
            path.extend(cursor.map(|cursor| format!("&cursor={}", escape(&cursor))));
            list(&backend.get(&path).await?.body, &kept, output);
        }
        Command::Rm { feedback } => {
            backend.call(Method::DELETE, &format!("/api/v1/feedback/{feedback}"), None, &[]).await?;
            output.talk("It is gone. What it was filled into stays as it is.");
        }
    }
    Ok(())
}

/// `kept` is what selects from the list, for the next page.
fn list(body: &Value, kept: &str, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = body["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let part = row["part"].as_str().unwrap_or("whole").to_owned();
            let mut line = vec![cell(row, "/id"), cell(row, "/draft_id"), cell(row, "/version"), part];
            line.extend(["/vote", "/comment"].map(|pointer| cell(row, pointer)));
            line.push(minute(row, "/updated_at"));
            line
        })
        .collect();
    if rows.is_empty() {
        output
            .talk("No feedback here. Give some: copydesk feedback give DRAFT down --part intro --comment \"Shorter.\"");
        return;
    }
    let headings = ["ID", "DRAFT", "VER", "PART", "VOTE", "COMMENT", "SAID"];
    output.table(Table { headings: &headings, rows, cut: Some(5) });
    if let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) {
        output.talk(&format!("More: copydesk feedback ls{kept} --cursor {cursor}"));
    }
}
