//! `copydesk events tail`: what happens, as it happens. A connection that is lost is made again, from the last position.

use super::frames::{Frame, Frames};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use serde_json::Value;
use std::time::Duration;

/// Pauses between attempts to come back: the first, and the longest.
const COME_BACK_FIRST: Duration = Duration::from_millis(500);
const COME_BACK_MAX: Duration = Duration::from_secs(30);

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Print events as they come, until Ctrl-C; with --json one object a line
    Tail(Tail),
}

#[derive(clap::Args, Debug)]
pub struct Tail {
    /// Only these kinds, e.g. draft.published or generation.*
    #[arg(long = "type", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only what is about this generation, draft or user
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// What comes after this number; 0 is the beginning (default: what comes from now on)
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let Command::Tail(tail) = command;
    Backend::with(settings, Need::Records, async |backend| {
        somebody_works(backend, settings)?;
        tokio::select! {
            ended = follow(backend, settings, &tail, output, async |frame: &Frame| show(frame, output)) => ended,
            _ = tokio::signal::ctrl_c() => Ok(exit::INTERRUPTED),
        }
    })
    .await
}

/// Where no server works nothing happens.
pub(super) fn somebody_works(backend: &Backend, settings: &Settings) -> Result<(), Failure> {
    if backend.is_inside() && settings.database_url.is_none() {
        let message = "No server works on this data folder, so nothing happens there.".to_owned();
        return Err(Failure::new(exit::UNREACHABLE, "server_unreachable", message)
            .hint("start one with `copydesk serve`; past events are in GET /api/v1/events"));
    }
    Ok(())
}

/// Never ends but by an error that another try would meet again. Each event is done with before the next is taken.
pub(super) async fn follow(
    backend: &Backend,
    settings: &Settings,
    tail: &Tail,
    output: Output,
    mut on_event: impl AsyncFnMut(&Frame),
) -> Result<u8, Failure> {
    let mut frames = Frames::new(backend.stream(&tail.path(None)).await?);
    let mut pause = COME_BACK_FIRST;
    loop {
        let lost = loop {
            match frames.next().await {
                Ok(Some(frame)) if frame.event == "done" => break cell(&frame.data, "/reason"),
                Ok(Some(frame)) => {
                    pause = COME_BACK_FIRST;
                    on_event(&frame).await;
                }
                Ok(None) => break "the connection ended".to_owned(),
                Err(failure) => break failure.message,
            }
        };
        output.talk(&format!("Disconnected ({lost}); trying to come back"));
        let position = frames.position.clone();
        frames = loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(COME_BACK_MAX);
            let found = backend.found_again(settings);
            let again = found.as_ref().unwrap_or(backend).stream(&tail.path(position.as_deref())).await;
            match again {
                Ok(stream) => break Frames::new(stream),
                // The server is not there, or not ready, or the note is not its own yet.
                Err(failure) if tail.may_pass(&failure, settings) => {}
                Err(failure) => return Err(failure),
            }
        };
        frames.position = position;
        output.talk("Connected again");
    }
}

fn show(frame: &Frame, output: Output) {
    if output.json {
        return output.line_of_json(&frame.data);
    }
    match frame.event.as_str() {
        "resync" => {
            output.talk(&format!("Events were removed before they were read; see {}", cell(&frame.data, "/url")))
        }
        kind => {
            let about = ["/generation_id", "/draft_id", "/user_id"].map(|part| cell(&frame.data, part));
            let about = about.into_iter().find(|id| id != "-").unwrap_or_default();
            let facts = frame.data.get("data").map(Value::to_string).unwrap_or_default();
            output.data(&format!(
                "{}  {}  {kind}  {about}  {facts}",
                cell(&frame.data, "/seq"),
                cell(&frame.data, "/at")
            ));
        }
    }
}

impl Tail {
    pub(super) fn new(kinds: Vec<String>, after: Option<String>) -> Tail {
        Tail { kinds, subject: None, after }
    }

    fn path(&self, position: Option<&str>) -> String {
        let after = position.or(self.after.as_deref()).unwrap_or("now");
        let kinds = self.kinds.join(",");
        let asked = [("after", after), ("type", &kinds), ("subject", self.subject.as_deref().unwrap_or_default())];
        let asked = asked.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = asked.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        format!("/api/v1/events?{}", query.join("&"))
    }

    fn may_pass(&self, failure: &Failure, settings: &Settings) -> bool {
        let away =
            failure.exit == exit::UNREACHABLE || ["draining", "storage_unavailable"].contains(&failure.code.as_str());
        away || (settings.server.is_none() && failure.code == "invalid_key")
    }
}

/// For the part of an address after the `?`.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*,".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_names_what_was_asked_and_where_to_go_on() {
        let mut tail = Tail { kinds: vec![], subject: None, after: None };
        assert_eq!(tail.path(None), "/api/v1/events?after=now");
        tail.kinds = vec!["draft.*".to_owned(), "a&b".to_owned()];
        tail.after = Some("5".to_owned());
        assert_eq!(tail.path(None), "/api/v1/events?after=5&type=draft.*,a%26b");
        assert_eq!(tail.path(Some("17")), "/api/v1/events?after=17&type=draft.*,a%26b");
    }
}
