//! `copydesk generate`: one request, one draft. The draft's text goes to stdout, everything else to stderr.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::feed;
use crate::output::{Output, cell};
use futures::StreamExt;
use futures::stream::BoxStream;
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
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
    /// The same key again gives the same draft again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show the text while it is being written (with --json: one event per line)
    #[arg(long)]
    stream: bool,
    /// Write the draft to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long to wait, e.g. 90s or 10m; the work goes on afterwards
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// Print the ids and do not wait (needs a running server to do the work)
    #[arg(long)]
    no_wait: bool,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    crate::config::parse_span(text).ok_or_else(|| "write it as 90s, 10m or 1h".to_owned())
}

/// How the watching ended.
enum Seen {
    Ended,
    TimedOut,
    Interrupted,
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let body = request(&arguments).await?;
    let backend = Backend::open(settings, if arguments.no_wait { Need::Records } else { Need::Worker }).await?;
    let headers: Vec<(&str, &str)> = arguments.idempotency_key.iter().map(|key| ("Idempotency-Key", key.as_str())).collect();
    let accepted = backend.call(Method::POST, "/api/v1/generations", Some(&body), &headers).await?;
    let (id, draft) = (cell(&accepted.body, "/id"), cell(&accepted.body, "/draft_id"));
    if accepted.body.get("deduplicated").and_then(Value::as_bool) == Some(true) {
        output.talk(&format!("The same request is being worked on already: {id}"));
    }
    if arguments.no_wait {
        output.object(&accepted.body);
        backend.close(Duration::ZERO).await?;
        return Ok(exit::OK);
    }
    let (seen, shown) = watch(&backend, &id, &arguments, output).await?;
    let code = match seen {
        Seen::Ended => finish(&backend, &id, &draft, &arguments, &shown, output).await,
        Seen::TimedOut => {
            output.talk(&format!("{id} is not done yet and goes on; see it with: copydesk generations show {id}"));
            Ok(exit::TIMED_OUT)
        }
        Seen::Interrupted => {
            let goes_on = if backend.is_inside() { "goes on when `copydesk serve` runs" } else { "goes on" };
            output.talk(&format!("Interrupted. {id} is kept and {goes_on}; stop it with: copydesk generations cancel {id}"));
            Ok(exit::INTERRUPTED)
        }
    };
    backend.close(Duration::ZERO).await?;
    code
}

async fn request(arguments: &Arguments) -> Result<Value, Failure> {
    let mut input = match &arguments.input {
        Some(source) => feed::read(source).await?,
        None => json!({}),
    };
    for assignment in &arguments.set {
        set(&mut input, assignment)?;
    }
    let mut body = json!({ "recipe": arguments.recipe, "input": input });
    let optional = [("model", &arguments.model), ("user", &arguments.user), ("target", &arguments.target)];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = Value::String(value.clone());
        }
    }
    Ok(body)
}

/// `a.b=value`: the value is JSON where it parses as such, else a text.
fn set(input: &mut Value, assignment: &str) -> Result<(), Failure> {
    let (path, text) = assignment
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| Failure::usage(format!("--set {assignment} has no NAME=VALUE")))?;
    let mut place = input;
    for name in path.split('.') {
        let fields = place.as_object_mut().ok_or_else(|| Failure::usage(format!("--set {path}: {name} has no place in the input")))?;
        place = fields.entry(name).or_insert_with(|| json!({}));
    }
    *place = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    Ok(())
}

/// Watches to the end. Also returns the text that was streamed to a terminal, so that it is not printed twice.
async fn watch(backend: &Backend, id: &str, arguments: &Arguments, output: Output) -> Result<(Seen, String), Failure> {
    let mut frames = Frames::new(backend.stream(&format!("/api/v1/generations/{id}/stream")).await?);
    let mut line = Line::new(output, arguments.stream);
    let patience = arguments.timeout.unwrap_or(Duration::from_secs(24 * 3_600));
    let limit = tokio::time::sleep(patience);
    tokio::pin!(limit);
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame?,
            () = &mut limit => return Ok((Seen::TimedOut, line.shown)),
            _ = tokio::signal::ctrl_c() => return Ok((Seen::Interrupted, line.shown)),
        };
        let Some(Frame { event, mut data }) = frame else { return Ok((Seen::Ended, line.shown)) };
        if arguments.stream && output.json {
            data["event"] = Value::String(event.clone());
            let last = is_terminal(&event);
            data["final"] = Value::Bool(last);
            output.line_of_json(&data);
        }
        line.show(&event, &data, output);
        if is_terminal(&event) {
            return Ok((Seen::Ended, line.shown));
        }
    }
}

fn is_terminal(event: &str) -> bool {
    matches!(event, "generation.completed" | "generation.failed" | "generation.cancelled")
}

/// Prints the draft, or says why there is none.
async fn finish(
    backend: &Backend,
    id: &str,
    draft: &str,
    arguments: &Arguments,
    shown: &str,
    output: Output,
) -> Result<u8, Failure> {
    let generation = backend.get(&format!("/api/v1/generations/{id}")).await?.body;
    let status = cell(&generation, "/status");
    if generation.pointer("/version").is_none_or(Value::is_null) {
        let failure = Failure::new(exit::WORK_FAILED, &or(cell(&generation, "/error/code"), &status), or(cell(&generation, "/error/message"), &status));
        let failure = failure.hint(format!("You were not charged. Try again with: copydesk generations retry {id}"));
        return Err(failure);
    }
    let draft = backend.get(&format!("/api/v1/drafts/{draft}")).await?.body;
    if output.json {
        if !arguments.stream {
            output.object(&json!({ "generation": generation, "draft": draft }));
        }
    } else {
        let text = cell(&draft, "/content/markdown");
        match &arguments.output {
            Some(path) => std::fs::write(path, &text).map_err(|error| {
                Failure::new(exit::UNEXPECTED, "cannot_write", format!("{} cannot be written: {error}", path.display()))
                    .hint(format!("the draft is safe: copydesk drafts show {}", cell(&draft, "/id")))
            })?,
            None if std::io::stdout().is_terminal() && shown.trim() == text.trim() => {}
            None => output.data(&text),
        }
    }
    summary(&generation, &draft, output);
    Ok(exit::OK)
}

fn or(text: String, other: &str) -> String {
    if text == "-" { other.to_owned() } else { text }
}

fn summary(generation: &Value, draft: &Value, output: Output) {
    let usage = |name: &str| cell(generation, &format!("/usage/{name}"));
    let marked = match cell(draft, "/content/origin").as_str() {
        "fallback" => format!(" · fallback ({}), not charged", cell(draft, "/content/reason")),
        _ => String::new(),
    };
    output.talk(&format!(
        "\n{} · version {} · {} words · {} · {} tokens in, {} out · {}{marked}",
        cell(draft, "/id"),
        cell(draft, "/current_version"),
        cell(draft, "/content/words"),
        cell(generation, "/model"),
        usage("input_tokens"),
        usage("output_tokens"),
        cost(generation),
    ));
}

/// Nano-dollars as people read them; a price nobody knows is said to be unknown.
fn cost(generation: &Value) -> String {
    match generation.pointer("/cost/nanousd").and_then(Value::as_i64) {
        Some(nanos) => format!("${:.6}", nanos as f64 / 1e9),
        None => "price unknown".to_owned(),
    }
}

/// The moving line on a terminal; nothing elsewhere.
struct Line {
    bar: ProgressBar,
    show_text: bool,
    /// The text of the current attempt that was shown.
    shown: String,
}

impl Line {
    fn new(output: Output, streaming: bool) -> Line {
        let bar = if output.may_animate() && !streaming { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Line { bar, show_text: streaming && !output.json, shown: String::new() }
    }

    fn show(&mut self, event: &str, data: &Value, output: Output) {
        match event {
            "generation.accepted" => self.bar.set_message("Pending"),
            "generation.started" => self.bar.set_message(format!("Processing ({})", cell(data, "/model"))),
            "generation.retrying" => {
                let reason = or(cell(data, "/error/message"), "the attempt failed");
                self.bar.suspend(|| output.talk(&format!("Retrying: {reason}")));
                self.bar.set_message("Retrying");
            }
            "generation.delta" | "generation.snapshot" => {
                let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
                let so_far = data.get("offset").and_then(Value::as_u64).unwrap_or(0) + text.len() as u64;
                self.bar.set_message(format!("Writing, {so_far} characters"));
                if self.show_text && !output.quiet {
                    if event == "generation.snapshot" {
                        self.shown.clear();
                    }
                    self.shown.push_str(text);
                    eprint!("{text}");
                }
            }
            _ => {}
        }
        if is_terminal(event) {
            self.bar.finish_and_clear();
            if self.show_text && !output.quiet {
                eprintln!();
            }
        }
    }
}

struct Frame {
    event: String,
    data: Value,
}

/// Server-sent events out of a byte stream.
struct Frames {
    stream: BoxStream<'static, Result<Vec<u8>, Failure>>,
    buffer: Vec<u8>,
}

impl Frames {
    fn new(stream: BoxStream<'static, Result<Vec<u8>, Failure>>) -> Frames {
        Frames { stream, buffer: Vec::new() }
    }

    /// The next event; `None` at the end. Comments and fields we do not use are skipped.
    async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(frame) = read_frame(&String::from_utf8_lossy(&block)) {
                    return Ok(Some(frame));
                }
            }
            match self.stream.next().await {
                Some(piece) => self.buffer.extend(piece?),
                None => return Ok(None),
            }
        }
    }
}

fn read_frame(block: &str) -> Option<Frame> {
    let (mut event, mut data) = (None, String::new());
    for line in block.lines() {
        if let Some(name) = line.strip_prefix("event:") {
            event = Some(name.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("data:") {
            data.push_str(text.trim_start());
        }
    }
    Some(Frame { event: event?, data: serde_json::from_str(&data).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_input_are_set_by_path() {
        let mut input = json!({ "items": [] });
        set(&mut input, "tone.length=short").unwrap();
        set(&mut input, "topics=3").unwrap();
        assert_eq!(input, json!({ "items": [], "tone": { "length": "short" }, "topics": 3 }));
        assert!(set(&mut input, "topics.x=3").is_err());
        assert!(set(&mut input, "nonsense").is_err());
    }

    #[test]
    fn a_frame_is_read_whatever_stands_around_it() {
        let frame = read_frame(": comment\nretry: 2000\nid: 1.0\nevent: generation.delta\ndata: {\"text\":\"a\"}\n\n").unwrap();
        assert_eq!((frame.event.as_str(), cell(&frame.data, "/text").as_str()), ("generation.delta", "a"));
        assert!(read_frame(": keep-alive\n\n").is_none());
    }
}
