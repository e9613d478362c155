//! `copydesk generate`: one request, one draft. The draft's text goes to stdout, everything else to stderr.

use super::generations::escape;
use super::watch::{Show, ended, no_version, watch};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::feed;
use crate::output::{Output, Table, cell, counted};
use copydesk_core::NanoUsd;
use http::Method;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which kind of generation; `copydesk recipes ls` lists them
    recipe: String,
    /// A feed, a JSON file, an address, or - for standard input
    #[arg(long, short, value_name = "FILE")]
    input: Option<String>,
    /// Set one part of the input, e.g. --set topics=3 or --set tone.length=short
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Model, as provider/model (default: the recipe's first)
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Whose draft it is; any string
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// What may be written by only one generation at a time
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Change a parameter the recipe lets be changed, e.g. --param temperature=0.2 (may be repeated)
    #[arg(long, value_name = "NAME=NUMBER")]
    param: Vec<String>,
    /// The most it may cost over all attempts, e.g. 0.05usd; before a call that may pass it, it fails
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    max_cost: Option<NanoUsd>,
    /// The same key again gives the same draft again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show the text while it is being written (with --json: one event per line)
    #[arg(long)]
    stream: bool,
    /// Write the draft to a file; of pictures and videos their bytes (several: FILE-1.png, FILE-2.png)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long to wait, e.g. 90s or 10m; the work goes on afterwards
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// Print the ids and do not wait (needs a running server to do the work)
    #[arg(long)]
    no_wait: bool,
    /// Check everything and print what would be done; nothing is written and no model is called
    #[arg(long)]
    dry_run: bool,
    /// Say whether it would become a draft, what goes in, and what is missing; nothing is written
    #[arg(long, conflicts_with_all = ["dry_run", "no_wait", "stream", "output"])]
    check: bool,
}

/// `5`, `2.50`, `5usd`.
pub fn dollars(text: &str) -> Result<NanoUsd, String> {
    let bare = text.trim().to_ascii_lowercase();
    let bare = bare.trim_start_matches('$').trim_end_matches("usd").trim();
    bare.parse().map_err(|_| format!("{text:?} is not an amount of dollars, such as 5 or 2.50usd"))
}

fn parse_time(text: &str) -> Result<Duration, String> {
    crate::config::parse_span(text).ok_or_else(|| "write it as 90s, 10m or 1h".to_owned())
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    if let Some(path) = &arguments.output {
        must_be_writable(path)?;
    }
    let body = request(&arguments).await?;
    let need = if arguments.no_wait || arguments.dry_run || arguments.check { Need::Records } else { Need::Worker };
    Backend::with(settings, need, async |backend| generate(backend, &arguments, &body, output).await).await
}

async fn generate(backend: &Backend, arguments: &Arguments, body: &Value, output: Output) -> Result<u8, Failure> {
    if arguments.check {
        return check(backend, arguments, body, output).await;
    }
    let headers: Vec<(&str, &str)> =
        arguments.idempotency_key.iter().map(|key| ("Idempotency-Key", key.as_str())).collect();
    let path = if arguments.dry_run { "/api/v1/generations?dry_run=true" } else { "/api/v1/generations" };
    let accepted = backend.call(Method::POST, path, Some(body), &headers).await;
    let accepted = accepted.map_err(|failure| what_it_takes(failure, &arguments.recipe))?.body;
    if arguments.dry_run {
        rehearsed(&accepted, output);
        return Ok(exit::OK);
    }
    if accepted.get("deduplicated").and_then(Value::as_bool) == Some(true) {
        output.talk(&format!("The same request is being worked on already: {}", cell(&accepted, "/id")));
    }
    if arguments.no_wait {
        ids(&accepted, output);
        return Ok(exit::OK);
    }
    let (id, draft) = (cell(&accepted, "/id"), cell(&accepted, "/draft_id"));
    let show = match (arguments.stream, output.json) {
        (true, true) => Show::Events,
        (true, false) if is_plain_text(backend, &arguments.recipe).await? => Show::Text,
        (true | false, _) => Show::Progress,
    };
    let watched = watch(backend, &id, show, arguments.timeout, output).await?;
    if cell(&watched.last, "/event") != "generation.completed" {
        return Err(no_version(&watched.last));
    }
    if show == Show::Events && arguments.output.is_none() {
        // The last event has said it all, also when the server goes away right after it.
        return Ok(exit::OK);
    }
    let fetched = async {
        let generation = ended(backend, &id).await?;
        Ok((generation, backend.get(&format!("/api/v1/drafts/{draft}")).await?.body))
    };
    let (generation, draft) = fetched.await.map_err(|failure: Failure| gone(failure, &draft))?;
    match (&arguments.output, super::downloads::listed(&draft)) {
        (Some(path), files) if !files.is_empty() => super::downloads::save(backend, &draft, path, output).await?,
        (Some(path), _) => write(&draft, path, output)?,
        (None, _) => {}
    }
    deliver(&generation, &draft, arguments, &watched.shown, output);
    summary(&generation, &draft, output);
    Ok(exit::OK)
}

/// The server ended between the work and our question for it.
fn gone(failure: Failure, draft: &str) -> Failure {
    if failure.exit != exit::UNREACHABLE {
        return failure;
    }
    let message = format!("The server went away when {draft} had been written: {}.", failure.message);
    Failure::new(exit::UNREACHABLE, "server_lost", message)
        .hint(format!("the draft is safe: copydesk drafts show {draft}"))
}

/// Said before a model is paid for a draft that then cannot be stored.
fn must_be_writable(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = if path.is_dir() {
        format!("{} is a folder", path.display())
    } else if !folder.is_dir() {
        format!("the folder {} does not exist", folder.display())
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("--output: {why}; nothing was generated")).hint("name a file in a folder that exists"))
}

/// A recipe's output that has parts arrives as JSON, which is nothing to read along.
async fn is_plain_text(backend: &Backend, recipe: &str) -> Result<bool, Failure> {
    let recipe = backend.get(&format!("/api/v1/recipes/{}", super::generations::escape(recipe))).await?.body;
    Ok(cell(&recipe, "/output") == "text")
}

/// A wrong input is mended by knowing the right one.
fn what_it_takes(failure: Failure, recipe: &str) -> Failure {
    if failure.code == "validation_failed" && failure.lines.iter().any(|line| line.starts_with("/input")) {
        return failure
            .hint(format!("`copydesk recipes show {recipe}` lists what it takes; --set NAME=VALUE sets one part"));
    }
    failure
}

/// Exits like a check that failed where no model would write.
async fn check(backend: &Backend, arguments: &Arguments, body: &Value, output: Output) -> Result<u8, Failure> {
    let mut asked = json!({});
    for name in ["input", "user", "model"] {
        if let Some(value) = body.get(name) {
            asked[name] = value.clone();
        }
    }
    let path = format!("/api/v1/recipes/{}/ready", escape(&arguments.recipe));
    let ready = backend.post(&path, &asked).await?.body;
    let may = ready["can_draft"].as_bool() == Some(true);
    if output.json {
        output.object(&ready);
    } else {
        let checks = ready["checks"].as_array().into_iter().flatten();
        let rows = checks.map(|check| ["/status", "/name", "/detail"].map(|at| cell(check, at)).to_vec()).collect();
        output.table(Table { headings: &["", "CHECK", "FOUND"], rows, cut: None });
        for check in ready["checks"].as_array().into_iter().flatten().filter(|check| check["fix"].is_string()) {
            output.talk(&format!("{}: {}", cell(check, "/name"), cell(check, "/fix")));
        }
        let would = match ready["would"].as_str() {
            Some("draft") => "A model would write a draft.".to_owned(),
            Some("refused") => "It would be refused.".to_owned(),
            Some(other) => format!("No model would be called: a {other} would stand in for the draft."),
            None => "The server does not say what would come of it.".to_owned(),
        };
        output.talk(&would);
    }
    Ok(if may { exit::OK } else { exit::CHECK_FAILED })
}

/// What would be done, a line for each part of it that is there.
fn rehearsed(plan: &Value, output: Output) {
    if output.json {
        return output.object(plan);
    }
    let lines = plan.as_object().into_iter().flatten().filter(|(name, value)| *name != "object" && !value.is_null());
    let text: Vec<String> = lines
        .map(|(name, value)| format!("{name:<20} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    output.data(&text.join("\n"));
}

/// The ids of what was accepted, for somebody who does not wait.
pub fn ids(accepted: &Value, output: Output) {
    if output.json {
        return output.object(accepted);
    }
    output.data(&format!("generation  {}\ndraft       {}", cell(accepted, "/id"), cell(accepted, "/draft_id")));
}

async fn request(arguments: &Arguments) -> Result<Value, Failure> {
    let mut input = match &arguments.input {
        Some(source) => feed::read(source).await?,
        None => json!({}),
    };
    for assignment in &arguments.set {
        assign(&mut input, assignment)?;
    }
    let mut body = json!({ "recipe": arguments.recipe, "input": input });
    let optional = [("model", &arguments.model), ("user", &arguments.user), ("target", &arguments.target)];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = Value::String(value.clone());
        }
    }
    for pair in &arguments.param {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--param {pair} has no NAME=NUMBER, such as temperature=0.2")))?;
        body["params"][name] = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    }
    if let Some(cap) = arguments.max_cost {
        body["max_cost"] = cap.0.into();
    }
    Ok(body)
}

/// `a.b=value`: the value is JSON where it parses as such, else a text.
pub fn assign(input: &mut Value, assignment: &str) -> Result<(), Failure> {
    let (path, text) = assignment
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| Failure::usage(format!("{assignment} is no NAME=VALUE")))?;
    let mut place = input;
    for name in path.split('.') {
        let fields =
            place.as_object_mut().ok_or_else(|| Failure::usage(format!("{path}: {name} has no place in the input")))?;
        place = fields.entry(name).or_insert_with(|| json!({}));
    }
    *place = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    Ok(())
}

/// Writes the draft's text to the file that was asked for.
fn write(draft: &Value, path: &Path, output: Output) -> Result<(), Failure> {
    std::fs::write(path, cell(draft, "/content/markdown")).map_err(|error| cannot_write(draft, path, &error))?;
    output.talk(&format!("The draft is in {}.", path.display()));
    Ok(())
}

/// A file that cannot be written, beside a draft that is safe.
pub fn cannot_write(draft: &Value, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::UNEXPECTED, "cannot_write", format!("{} cannot be written: {error}", path.display()))
        .hint(format!("the draft is safe: copydesk drafts show {}", cell(draft, "/id")))
}

/// Prints the draft, unless it went to a file.
fn deliver(generation: &Value, draft: &Value, arguments: &Arguments, shown: &str, output: Output) {
    let text = cell(draft, "/content/markdown");
    if output.json {
        if !arguments.stream {
            output.object(&json!({ "generation": generation, "draft": draft }));
        }
        return;
    }
    let stands_there = std::io::stdout().is_terminal() && shown.trim() == text.trim();
    if arguments.output.is_none() && !stands_there {
        output.data(&text);
    }
}

fn summary(generation: &Value, draft: &Value, output: Output) {
    let usage = |name: &str| cell(generation, &format!("/usage/{name}"));
    let spent = format!(
        "{} · {} in, {} out · {}",
        cell(generation, "/model"),
        counted(&usage("input_tokens"), "token"),
        usage("output_tokens"),
        cost(generation),
    );
    let how = match (cell(draft, "/content/origin").as_str(), cell(draft, "/content/reason").as_str()) {
        ("fallback", "no_content") => "fallback (no_content): no model was asked, not charged".to_owned(),
        ("fallback", reason) => format!("{spent} · fallback ({reason}), not charged"),
        (_, _) => spent,
    };
    let words = counted(&cell(draft, "/content/words"), "word");
    output.talk(&format!("\n{} · version {} · {words} · {how}", cell(draft, "/id"), cell(draft, "/current_version")));
}

/// Nano-dollars as people read them; a price nobody knows is said to be unknown.
fn cost(generation: &Value) -> String {
    match generation.pointer("/cost/nanousd").and_then(Value::as_i64) {
        Some(nanos) => format!("${:.6}", nanos as f64 / 1e9),
        None => "price unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_input_are_set_by_path() {
        let mut input = json!({ "items": [] });
        assign(&mut input, "tone.length=short").unwrap();
        assign(&mut input, "topics=3").unwrap();
        assert_eq!(input, json!({ "items": [], "tone": { "length": "short" }, "topics": 3 }));
        assert!(assign(&mut input, "topics.x=3").is_err());
        assert!(assign(&mut input, "nonsense").is_err());
    }
}
