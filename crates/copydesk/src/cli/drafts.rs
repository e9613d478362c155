//! `copydesk drafts`: list, show, export, regenerate, versions, restore, review, publish, unpublish, rm, undelete.

use super::downloads;
use super::generate::ids;
use super::generations::escape;
use super::mailings;
use super::watch::{Show, ended, no_version, watch};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_export::Format;
use http::Method;
use serde_json::{Map, Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List drafts, newest first
    Ls {
        /// pending, processing, draft, published, failed or cancelled
        #[arg(long)]
        status: Option<String>,
        /// none (not reviewed yet), approved or rejected
        #[arg(long)]
        review: Option<String>,
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        recipe: Option<String>,
        /// Those that the items of this job made
        #[arg(long)]
        job: Option<String>,
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
        #[command(flatten)]
        asked: Asked,
        /// Print the ids and do not wait
        #[arg(long)]
        no_wait: bool,
    },
    /// List a draft's versions
    Versions { draft: String },
    /// Make a copy of an earlier version the current one
    Restore { draft: String, version: u32 },
    /// Say what you think of a draft's current version
    Review {
        draft: String,
        /// approved, rejected, or none, which takes it back
        verdict: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Release a draft; a published draft is never changed
    Publish { draft: String },
    /// Take a release back
    Unpublish { draft: String },
    /// Send a published draft to the subscribers of a list; without --yes they are only counted
    Send {
        draft: String,
        #[arg(long)]
        list: String,
        /// Also to those who got another version before
        #[arg(long)]
        again: bool,
        /// Only count, which is what happens without --yes
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Do it
        #[arg(long, short)]
        yes: bool,
    },
    /// Send a draft to at most five addresses, to see what it looks like
    SendTest {
        draft: String,
        #[arg(required = true, value_name = "ADDRESS")]
        to: Vec<String>,
    },
    /// Print a draft as Markdown, a page, plain text, a mail, JSON or an archive, or write it to a file
    Export {
        draft: String,
        /// md, html, txt, eml, json or zip; by the ending of the file, else md
        #[arg(long, short)]
        format: Option<String>,
        /// Write it here
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// An earlier version
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// Begin the Markdown with what is known of it
        #[arg(long)]
        front_matter: bool,
    },
    /// Delete a draft
    Rm { draft: String },
    /// Take a deletion back
    Undelete { draft: String },
}

/// What a draft is filled with once more.
#[derive(clap::Args, Debug)]
pub struct Asked {
    #[arg(long, short)]
    model: Option<String>,
    /// Only this part, such as title, intro, topics/2 or text; everything else stays as it stands
    #[arg(long)]
    part: Option<String>,
    /// Only this passage of the part, letter by letter as it stands there
    #[arg(long, value_name = "TEXT", requires = "part")]
    selection: Option<String>,
    /// What you wish for the part
    #[arg(long, short, value_name = "TEXT", requires = "part")]
    instruction: Option<String>,
    /// Take everything else from this version, instead of the current one
    #[arg(long, value_name = "N", requires = "part")]
    version: Option<u32>,
}

impl Asked {
    fn body(self) -> Value {
        let Asked { model, part, selection, instruction, version } = self;
        let mut body = Map::new();
        for (name, value) in [("model", model), ("part", part), ("instruction", instruction)] {
            body.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        }
        body.extend(selection.map(|text| ("selection".to_owned(), json!({ "text": text }))));
        body.extend(version.map(|number| ("version".to_owned(), Value::from(number))));
        Value::Object(body)
    }
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let need = match &command {
        Command::Regenerate { no_wait: false, .. } => Need::Worker,
        Command::Regenerate { no_wait: true, .. }
        | Command::Ls { .. }
        | Command::Show { .. }
        | Command::Versions { .. }
        | Command::Restore { .. }
        | Command::Export { .. }
        | Command::Review { .. }
        | Command::Publish { .. }
        | Command::Send { .. }
        | Command::SendTest { .. }
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
        Command::Ls { status, review, user, recipe, job, limit, cursor } => {
            let mut path = format!("/api/v1/drafts?limit={limit}");
            let mut kept = String::new();
            let named = [("status", status), ("review", review), ("user", user), ("recipe", recipe), ("job", job)];
            for (name, value) in named {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                    kept.push_str(&format!(" --{name} {value}"));
                }
            }
            path.extend(cursor.map(|cursor| format!("&cursor={}", escape(&cursor))));
            list(&backend.get(&path).await?.body, &kept, output);
        }
        Command::Show { draft, version } => show(backend, &draft, version, output).await?,
        Command::Regenerate { draft, asked, no_wait } => {
            return regenerate(backend, &draft, &asked.body(), no_wait, output).await;
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
        Command::Export { draft, format, output: place, version, front_matter } => {
            export(backend, &draft, Wanted { format, place, version, front_matter }, output).await?;
        }
        Command::Review { draft, verdict, reason } => review(backend, &draft, &verdict, reason, output).await?,
        Command::Publish { draft } => order(&draft, "publish", "is published.").await?,
        Command::Send { draft, list, again, dry_run: _, yes } => {
            let body = json!({ "list": list, "again": again });
            send(backend, &draft, &body, yes, output).await?;
        }
        Command::SendTest { draft, to } => {
            let body = backend.post(&format!("/api/v1/drafts/{draft}/send_test"), &json!({ "to": to })).await?.body;
            mailings::told(&body, output);
        }
        Command::Unpublish { draft } => order(&draft, "unpublish", "is a draft again.").await?,
        Command::Undelete { draft } => order(&draft, "undelete", "is back.").await?,
        Command::Rm { draft } => {
            backend.call(Method::DELETE, &format!("/api/v1/drafts/{draft}"), None, &[]).await?;
            output.talk(&format!("{draft} is deleted; `copydesk drafts undelete {draft}` takes it back."));
        }
    }
    Ok(exit::OK)
}

/// Orders it, or only counts.
async fn send(backend: &Backend, draft: &str, body: &Value, yes: bool, output: Output) -> Result<(), Failure> {
    let url = format!("/api/v1/drafts/{draft}/send");
    if yes {
        mailings::told(&backend.post(&url, body).await?.body, output);
    } else {
        let outlook = backend.post(&format!("{url}?dry_run=true"), body).await?.body;
        mailings::foretell(&outlook, "subscribers", output);
    }
    Ok(())
}

async fn review(
    backend: &Backend,
    draft: &str,
    verdict: &str,
    reason: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let mut body = json!({ "review": verdict });
    if let Some(reason) = reason {
        body["review_reason"] = reason.into();
    }
    let anyhow = [("if-match", "*")];
    let path = format!("/api/v1/drafts/{draft}");
    let body = backend.call(Method::PATCH, &path, Some(&body), &anyhow).await?.body;
    let sentence = match body["review"].as_str() {
        Some("none") => format!("{draft} is not reviewed any more."),
        Some(review) => format!("{draft} is {review}; `copydesk drafts review {draft} none` takes it back."),
        None => format!("{draft} is reviewed."),
    };
    told(&body, output, &sentence);
    Ok(())
}

/// How a draft is exported.
struct Wanted {
    format: Option<String>,
    place: Option<PathBuf>,
    version: Option<u32>,
    front_matter: bool,
}

async fn export(backend: &Backend, draft: &str, wanted: Wanted, output: Output) -> Result<(), Failure> {
    let Wanted { format, place, version, front_matter } = wanted;
    let ending = place.as_ref().and_then(|place| place.extension()?.to_str()).map(str::to_ascii_lowercase);
    let known = ending.filter(|ending| Format::parse(ending).is_some());
    let format = format.or(known).unwrap_or_else(|| Format::Markdown.as_str().to_owned());
    let mut url = format!("/api/v1/drafts/{}/export?format={}", escape(draft), escape(&format));
    url.extend(version.map(|number| format!("&version={number}")));
    url.extend(front_matter.then_some("&front_matter=true"));
    match place {
        Some(place) => {
            let written = downloads::download(backend, &url, &place).await?;
            written.map_err(|error| downloads::unwritable(&place, &error))?;
            output.talk(&format!("{draft} is in {}.", place.display()));
        }
        None if format == Format::Archive.as_str() && std::io::stdout().is_terminal() => {
            return Err(Failure::usage("an archive is nothing to look at: name a file with -o"));
        }
        None => downloads::print(backend, &url).await?,
    }
    Ok(())
}

fn told(body: &Value, output: Output, sentence: &str) {
    if output.json { output.object(body) } else { output.talk(sentence) }
}

/// `kept` is what selects from the list, for the next page.
fn list(body: &Value, kept: &str, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = rows(body)
        .map(|draft| {
            let texts = ["/id", "/status", "/review", "/current_version", "/recipe", "/user", "/title"];
            let mut row = texts.map(|pointer| cell(draft, pointer)).to_vec();
            row.push(minute(draft, "/updated_at"));
            row
        })
        .collect();
    if rows.is_empty() {
        output.talk("No drafts here. Make one: copydesk generate newsletter --input FEED.xml");
        return;
    }
    let headings = ["ID", "STATUS", "REVIEW", "VER", "RECIPE", "USER", "TITLE", "UPDATED"];
    output.table(Table { headings: &headings, rows, cut: Some(6) });
    if let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) {
        output.talk(&format!("More: copydesk drafts ls{kept} --cursor {cursor}"));
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
    let number = cell(&body, "/content/version");
    let version = backend.get(&format!("/api/v1/drafts/{draft}/versions/{number}")).await?.body;
    output.talk(&provenance(&version));
    Ok(())
}

/// What went into a version, in a line.
fn provenance(version: &Value) -> String {
    let mut said = format!("Version {}, {}", cell(version, "/version"), cell(version, "/origin"));
    for (words, pointer) in [
        (" by ", "/provenance/model"),
        (" with the recipe ", "/provenance/recipe"),
        (" ", "/provenance/recipe_version"),
    ] {
        if let Some(text) = version.pointer(pointer).and_then(Value::as_str) {
            said.push_str(&format!("{words}{text}"));
        }
    }
    if let Some(revised) = revised(version) {
        said.push_str(&format!(", {revised}"));
    }
    let filled: Vec<&str> = version["filled"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !filled.is_empty() {
        said.push_str(&format!(", filled in: {}", filled.join(", ")));
    }
    match version["generation_id"].as_str() {
        Some(id) => format!("{said}. All of it: copydesk generations show {id}"),
        None => format!("{said}."),
    }
}

/// Which part a version wrote anew, if it did not write the whole.
fn revised(version: &Value) -> Option<String> {
    let part = version.pointer("/revision/part")?.as_str()?;
    let passage = if version["revision"]["selection"].is_null() { "" } else { "a passage of " };
    Some(format!("{passage}{part} regenerated from version {}", cell(version, "/revision/from_version")))
}

/// Why a draft has nothing to show: what became of its last generation.
async fn empty(backend: &Backend, draft: &str, status: &str) -> Result<Failure, Failure> {
    let path = format!("/api/v1/generations?draft={}&limit=1", escape(draft));
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
            if let Some(revised) = revised(version) {
                row[2] = revised;
            }
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
    body: &Value,
    no_wait: bool,
    output: Output,
) -> Result<u8, Failure> {
    let accepted = backend.post(&format!("/api/v1/drafts/{draft}/regenerate"), body).await?.body;
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
