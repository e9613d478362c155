//! `copydesk sources`: where items of newsletters come from.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_core::source::{Kind, State};
use http::Method;
use serde_json::{Map, Value};
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Add a feed, a web page, a text or a Markdown file
    Add(Add),
    /// List sources with their state
    Ls {
        /// This user's own only
        #[arg(long)]
        user: Option<String>,
        #[arg(long, value_parser = Kind::WORDS)]
        kind: Option<String>,
        #[arg(long, value_parser = State::WORDS)]
        state: Option<String>,
    },
    /// Show one source, and what its last fetches brought
    Show { id: String },
    /// Change a source; what is not named stays
    Edit(Edit),
    /// Remove a source with its items; drafts keep what went into them
    Rm { id: String },
    /// Fetch a source now, whatever its schedule says
    Fetch { id: String },
    /// List what a source brought, or all that a user's newsletter is made of
    Items {
        id: Option<String>,
        #[arg(long, conflicts_with = "id")]
        user: Option<String>,
        /// Of the last days
        #[arg(long, conflicts_with = "id")]
        days: Option<u32>,
    },
    /// Leave a source alone until it is resumed
    Pause { id: String },
    /// Fetch a paused source again
    Resume { id: String },
}

#[derive(clap::Args, Debug)]
pub struct Add {
    /// The address of an RSS or Atom feed
    #[arg(
        required_unless_present_any = ["page", "text", "markdown", "file_id"],
        conflicts_with_all = ["page", "text", "markdown", "file_id"],
    )]
    url: Option<String>,
    /// A web page instead: what it says is one item, which changes as the page does
    #[arg(long, value_name = "URL", conflicts_with_all = ["text", "markdown", "file_id"])]
    page: Option<String>,
    /// A text instead of an address
    #[arg(long, conflicts_with_all = ["markdown", "file_id"])]
    text: Option<String>,
    /// A Markdown file instead of an address
    #[arg(long, value_name = "FILE", conflicts_with = "file_id")]
    markdown: Option<PathBuf>,
    /// The same, of a file that is on the server: fil_... of `files put`
    #[arg(long, value_name = "ID")]
    file_id: Option<String>,
    /// This user's own; everybody's without it
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    name: Option<String>,
    /// How often: 1h (15m to 7d), or each day at a time: "02:00 Europe/Berlin"
    #[arg(long)]
    schedule: Option<String>,
    /// Try only: fetch it once and show what it would bring; nothing is written
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args, Debug)]
pub struct Edit {
    id: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    url: Option<String>,
    #[arg(long)]
    text: Option<String>,
    /// The text is that of a file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    markdown: Option<PathBuf>,
    /// The text is that of a file on the server
    #[arg(long, value_name = "ID", conflicts_with_all = ["text", "markdown"])]
    file_id: Option<String>,
    /// How often: 1h (15m to 7d), or each day at a time: "02:00 Europe/Berlin"
    #[arg(long)]
    schedule: Option<String>,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Add(add) => {
            if add.dry_run {
                let path = "/api/v1/sources?dry_run=true";
                outlook(&backend.call(Method::POST, path, Some(&add.body()?), &[]).await?.body, output);
                return Ok(());
            }
            let made = backend.call(Method::POST, "/api/v1/sources", Some(&add.body()?), &[]).await?.body;
            show(&made, output);
            if made["url"].is_string() {
                output.talk(&format!("Look what it brings: copydesk sources fetch {}", cell(&made, "/id")));
            } else {
                output.talk("Write from it: copydesk generate newsletter [--user USER]");
            }
        }
        Command::Ls { user, kind, state } => {
            let mut path = "/api/v1/sources?limit=1000&order=asc".to_owned();
            for (name, value) in [("user", user), ("kind", kind), ("state", state)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                }
            }
            list(&backend.get(&path).await?.body, output);
        }
        Command::Show { id } => {
            let source = backend.get(&path(&id, "")).await?.body;
            show(&source, output);
            if !output.json && source["url"].is_string() {
                log(&backend.get(&path(&id, "/fetches?limit=5")).await?.body, output);
            }
        }
        Command::Edit(edit) => {
            let body = edit.body()?;
            show(&backend.call(Method::PATCH, &path(&edit.id, ""), Some(&body), &[]).await?.body, output);
        }
        Command::Rm { id } => {
            backend.call(Method::DELETE, &path(&id, ""), None, &[]).await?;
            output.talk("The source is gone with its items. Drafts keep what went into them.");
        }
        Command::Fetch { id } => {
            let source = backend.call(Method::POST, &path(&id, "/fetch"), None, &[]).await?.body;
            show(&source, output);
            output.talk(&format!("What it brought: copydesk sources items {id}"));
        }
        Command::Items { id: Some(id), .. } => items(&backend.get(&path(&id, "/items?limit=100")).await?.body, output),
        Command::Items { id: None, user, days } => {
            let mut path = "/api/v1/items?limit=100".to_owned();
            for (name, value) in [("user", user), ("days", days.map(|days| days.to_string()))] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                }
            }
            items(&backend.get(&path).await?.body, output);
        }
        Command::Pause { id } => {
            show(&backend.call(Method::POST, &path(&id, "/pause"), None, &[]).await?.body, output);
        }
        Command::Resume { id } => {
            show(&backend.call(Method::POST, &path(&id, "/resume"), None, &[]).await?.body, output);
        }
    }
    Ok(())
}

impl Add {
    fn body(&self) -> Result<Value, Failure> {
        let (kind, text) = match (&self.page, &self.text, &self.markdown) {
            (Some(_), _, _) => ("page", None),
            (None, Some(text), _) => ("text", Some(text.clone())),
            (None, None, Some(file)) => ("markdown", Some(read(file)?)),
            (None, None, None) if self.file_id.is_some() => ("markdown", None),
            (None, None, None) => ("feed", None),
        };
        let said = [
            ("kind", Some(kind.to_owned())),
            ("url", self.page.clone().or_else(|| self.url.clone())),
            ("text", text),
            ("file_id", self.file_id.clone()),
            ("user", self.user.clone()),
            ("name", self.name.clone()),
            ("schedule", self.schedule.clone()),
        ];
        Ok(object(said))
    }
}

impl Edit {
    fn body(&self) -> Result<Value, Failure> {
        let text = match &self.markdown {
            Some(file) => Some(read(file)?),
            None => self.text.clone(),
        };
        let (name, url, schedule) = (self.name.clone(), self.url.clone(), self.schedule.clone());
        let file_id = self.file_id.clone();
        if [&name, &url, &schedule, &text, &file_id].into_iter().all(Option::is_none) {
            let flags = "say what changes: --name, --url, --text, --markdown, --file-id or --schedule";
            return Err(Failure::usage(flags.to_owned()));
        }
        Ok(object([("name", name), ("url", url), ("text", text), ("file_id", file_id), ("schedule", schedule)]))
    }
}

fn object<const N: usize>(said: [(&str, Option<String>); N]) -> Value {
    said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect::<Map<_, _>>().into()
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/sources/{}{rest}", escape(id))
}

fn rows(body: &Value) -> impl Iterator<Item = &Value> {
    body["data"].as_array().into_iter().flatten()
}

fn whose(source: &Value) -> String {
    source["user"].as_str().map_or_else(|| "everybody".to_owned(), str::to_owned)
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |row: &Value| {
        let error = row["error"]["message"].as_str().unwrap_or_default().to_owned();
        vec![
            cell(row, "/id"),
            cell(row, "/kind"),
            cell(row, "/state"),
            whose(row),
            cell(row, "/items"),
            cell(row, "/name"),
            error,
        ]
    };
    let rows: Vec<Vec<String>> = rows(body).map(row).collect();
    if rows.is_empty() {
        return output.talk("No sources. Add one: copydesk sources add https://example.com/feed.xml --user ann");
    }
    output.table(Table { headings: &["ID", "KIND", "STATE", "OF", "ITEMS", "NAME", "ERROR"], rows, cut: Some(6) });
    output.talk("One of them: copydesk sources show ID");
}

fn show(source: &Value, output: Output) {
    if output.json {
        return output.object(source);
    }
    let mut rows = vec![
        vec!["name".to_owned(), cell(source, "/name")],
        vec!["of".to_owned(), whose(source)],
        vec!["kind".to_owned(), cell(source, "/kind")],
        vec!["state".to_owned(), cell(source, "/state")],
        vec!["items".to_owned(), format!("{}, {} of them new at the last fetch", source["items"], source["new_items"])],
    ];
    for (name, place) in
        [("address", "/url"), ("its feed", "/feed_url"), ("schedule", "/schedule"), ("error", "/error/message")]
    {
        if let Some(said) = source.pointer(place).and_then(Value::as_str) {
            rows.push(vec![name.to_owned(), said.to_owned()]);
        }
    }
    for (name, place) in [("fetched", "/fetched_at"), ("next", "/next_at")] {
        if source.pointer(place).is_some_and(Value::is_string) {
            rows.push(vec![name.to_owned(), minute(source, place)]);
        }
    }
    output.table(Table { headings: &["SOURCE", &cell(source, "/id")], rows, cut: Some(1) });
}

/// What a source would be and bring.
fn outlook(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let mut rows = vec![vec!["would be".to_owned(), cell(body, "/state")]];
    for (name, place) in [("address", "/url"), ("its feed", "/feed_url"), ("error", "/error/message")] {
        if let Some(said) = body.pointer(place).and_then(Value::as_str) {
            rows.push(vec![name.to_owned(), said.to_owned()]);
        }
    }
    output.table(Table { headings: &["SOURCE", &cell(body, "/name")], rows, cut: Some(1) });
    let item = |item: &Value| vec![cell(item, "/title"), cell(item, "/link")];
    let items: Vec<Vec<String>> = body["items"].as_array().into_iter().flatten().map(item).collect();
    if !items.is_empty() {
        output.table(Table { headings: &["WOULD BRING", "LINK"], rows: items, cut: Some(0) });
    }
    let next = if body["error"].is_null() { " Add it: the same without --dry-run" } else { "" };
    output.talk(&format!("Nothing was written.{next}"));
}

fn log(body: &Value, output: Output) {
    let row = |row: &Value| {
        let error = row["error"]["message"].as_str().unwrap_or_default().to_owned();
        vec![
            minute(row, "/at"),
            cell(row, "/status"),
            cell(row, "/fetched"),
            cell(row, "/new"),
            cell(row, "/updated"),
            error,
        ]
    };
    let rows: Vec<Vec<String>> = rows(body).map(row).collect();
    if !rows.is_empty() {
        output.table(Table { headings: &["FETCHED", "STATUS", "READ", "NEW", "CHANGED", "ERROR"], rows, cut: Some(5) });
    }
}

fn items(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row =
        |row: &Value| vec![minute(row, "/seen_at"), cell(row, "/source"), cell(row, "/title"), cell(row, "/link")];
    let rows: Vec<Vec<String>> = rows(body).map(row).collect();
    if rows.is_empty() {
        return output.talk("No items yet. Fetch a source: copydesk sources fetch ID");
    }
    output.table(Table { headings: &["SEEN", "SOURCE", "TITLE", "LINK"], rows, cut: Some(2) });
    output.talk("Write from them: copydesk generate newsletter [--user USER]");
}
