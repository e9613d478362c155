//! Watching a generation to its end: the event stream, the moving line on a terminal, the ways to stop watching. It
//! never decides anything about the work: who stops watching only detaches.

use super::frames::{Frame, Frames};
use crate::backend::Backend;
use crate::exit::{self, Failure};
use crate::output::{Output, cell, shortened};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a watcher waits who named no limit; every generation has ended by its deadline long before.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// After how long a stream that ended early is opened again.
const COME_BACK: Duration = Duration::from_millis(500);
/// How much of a failed attempt's reason is shown. Units: characters.
const REASON_MAX: usize = 300;

/// What is shown meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// A moving line, on a terminal only.
    Progress,
    /// The text as it is written, on a terminal only.
    Text,
    /// Every event as a line of JSON; the last one has `"final": true`.
    Events,
}

/// What a watcher saw.
pub struct Watched {
    /// The text that stands on the terminal.
    pub shown: String,
    /// The last event: how it ended.
    pub last: Value,
}

/// Watches until the generation has ended.
///
/// Errors: exit 6 when `limit` has passed, 130 on Ctrl-C, 10 when the server went away; each names the generation.
pub async fn watch(
    backend: &Backend,
    id: &str,
    show: Show,
    limit: Option<Duration>,
    output: Output,
) -> Result<Watched, Failure> {
    let mut line = Line::new(output, show);
    let detached = tokio::select! {
        seen = follow(backend, id, &mut line) => match seen {
            Ok(last) => return Ok(Watched { shown: line.shown, last }),
            Err(failure) => lost(id, failure),
        },
        () = tokio::time::sleep(limit.unwrap_or(PATIENCE)) => {
            let message = format!("{id} was not done within {:?}.", limit.unwrap_or(PATIENCE));
            Failure::new(exit::TIMED_OUT, "timed_out", message).hint(goes_on(backend, id))
        }
        _ = tokio::signal::ctrl_c() => {
            let message = format!("You stopped watching {id}; it is kept.");
            Failure::new(exit::INTERRUPTED, "interrupted", message).hint(goes_on(backend, id))
        }
    };
    line.clear();
    if show == Show::Events {
        output.line_of_json(&json!({ "event": detached.code, "id": id, "final": true }));
    }
    Err(detached)
}

fn goes_on(backend: &Backend, id: &str) -> String {
    let how = if backend.is_inside() { "it goes on when `copydesk serve` runs" } else { "it goes on" };
    format!("{how}; see it with `copydesk generations show {id}`, stop it with `copydesk generations cancel {id}`")
}

fn lost(id: &str, failure: Failure) -> Failure {
    if failure.exit != exit::UNREACHABLE {
        return failure;
    }
    Failure::new(
        exit::UNREACHABLE,
        "server_lost",
        format!("The server went away while it worked on {id}: {}.", failure.message),
    )
    .hint(format!("it goes on when the server runs again; see it with `copydesk generations show {id}`"))
}

/// The finished generation, or why there is no version.
pub async fn ended(backend: &Backend, id: &str) -> Result<Value, Failure> {
    let generation = backend.get(&format!("/api/v1/generations/{id}")).await?.body;
    if generation.get("version").is_some_and(|version| !version.is_null()) {
        return Ok(generation);
    }
    Err(no_version(&generation))
}

/// Why a generation (or its last event) wrote nothing, and that it cost nothing.
pub fn no_version(generation: &Value) -> Failure {
    let id = cell(generation, "/id");
    let status = match cell(generation, "/event").strip_prefix("generation.") {
        Some(status) => status.to_owned(),
        None => cell(generation, "/status"),
    };
    let known = |pointer: &str, otherwise: String| match cell(generation, pointer).as_str() {
        "-" => otherwise,
        text => text.to_owned(),
    };
    let message = known("/error/message", format!("{id} was {status}."));
    let mut failure = Failure::new(exit::WORK_FAILED, &known("/error/code", status), message)
        .hint(format!("You were not charged. Try again with: copydesk generations retry {id}"));
    failure.lines.extend(generation.pointer("/error/detail").and_then(Value::as_str).map(reason));
    failure
}

/// An operator's reason without the provider's raw bytes.
fn reason(detail: &str) -> String {
    shortened(detail.split(" | raw answer: ").next().unwrap_or(detail), REASON_MAX)
}

/// Shows the events until the generation has ended; a stream that was cut is opened again.
async fn follow(backend: &Backend, id: &str, line: &mut Line) -> Result<Value, Failure> {
    loop {
        let mut frames = Frames::new(backend.stream(&format!("/api/v1/generations/{id}/stream")).await?);
        while let Some(Frame { event, data, .. }) = frames.next().await? {
            let last = line.show(&event, data);
            if is_terminal(&event) {
                return Ok(last);
            }
        }
        let generation = backend.get(&format!("/api/v1/generations/{id}")).await?.body;
        if generation.get("finished_at").is_some_and(|at| !at.is_null()) {
            return Ok(line.show(&format!("generation.{}", cell(&generation, "/status")), generation));
        }
        tokio::time::sleep(COME_BACK).await;
    }
}

fn is_terminal(event: &str) -> bool {
    matches!(event, "generation.completed" | "generation.failed" | "generation.cancelled")
}

/// The moving line on a terminal, or the text, or the events.
struct Line {
    output: Output,
    bar: ProgressBar,
    show: Show,
    /// The text of the current attempt that stands on the terminal.
    shown: String,
}

impl Line {
    fn new(output: Output, show: Show) -> Line {
        let may_move = output.may_animate();
        let show = if show == Show::Text && !may_move { Show::Progress } else { show };
        let bar = if may_move && show == Show::Progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Line { output, bar, show, shown: String::new() }
    }

    /// Shows an event, and gives it back with its name.
    fn show(&mut self, event: &str, mut data: Value) -> Value {
        match event {
            "generation.accepted" => self.bar.set_message(waits(&data)),
            "generation.started" => self.bar.set_message(format!("Processing ({})", cell(&data, "/model"))),
            "generation.retrying" => self.retrying(&data),
            "generation.delta" | "generation.snapshot" => self.text(event, &data),
            _ => {}
        }
        data["event"] = Value::String(event.to_owned());
        data["final"] = Value::Bool(is_terminal(event));
        if self.show == Show::Events {
            self.output.line_of_json(&data);
        }
        if is_terminal(event) {
            self.clear();
        }
        data
    }

    fn retrying(&mut self, data: &Value) {
        let why =
            data.pointer("/error/message").and_then(Value::as_str).map_or("the attempt failed".to_owned(), reason);
        if !self.shown.is_empty() {
            eprintln!();
            self.shown.clear();
        }
        if self.show != Show::Events {
            self.bar.suspend(|| {
                self.output.talk(&format!("Attempt {} failed, trying again: {why}", cell(data, "/attempt")))
            });
        }
        self.bar.set_message("Retrying");
    }

    fn text(&mut self, event: &str, data: &Value) {
        let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
        let so_far = data.get("offset").and_then(Value::as_u64).unwrap_or(0) + text.len() as u64;
        if so_far > 0 {
            self.bar.set_message(format!("Writing, {so_far} bytes so far"));
        }
        if self.show != Show::Text {
            return;
        }
        // A snapshot is the whole text so far: only what is new is added.
        let new =
            if event == "generation.snapshot" { text.strip_prefix(self.shown.as_str()).unwrap_or(text) } else { text };
        self.shown.push_str(new);
        eprint!("{new}");
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
        if !self.shown.is_empty() && !self.shown.ends_with('\n') {
            eprintln!();
        }
    }
}

fn waits(data: &Value) -> String {
    match cell(data, "/waiting/detail").as_str() {
        "-" => "Pending".to_owned(),
        detail => format!("Pending: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_gives_the_reason_without_the_raw_bytes_and_says_what_it_cost() {
        let failed = json!({ "id": "gen_1", "status": "failed",
            "error": { "code": "provider_error", "message": "It broke.", "detail": "demo: broke | raw answer: {\"x\":1}" } });
        let failure = no_version(&failed);
        assert_eq!((failure.exit, failure.code.as_str(), failure.message.as_str()), (5, "provider_error", "It broke."));
        assert_eq!(failure.lines, ["demo: broke"]);
        assert!(failure.hint.is_some_and(|hint| hint.contains("You were not charged") && hint.contains("gen_1")));
        let cancelled = no_version(&json!({ "id": "gen_1", "status": "cancelled", "error": null }));
        assert_eq!((cancelled.code.as_str(), cancelled.message.as_str()), ("cancelled", "gen_1 was cancelled."));
    }
}
