//! `copydesk webhooks listen --forward-to URL`: follows a server's events over its stream and posts each to an address of this
//! machine, as the message a webhook would have been, signed with a secret of its own. Nobody has to reach this machine. A
//! connection that is lost is made again from the last position, so nothing is left out.

use crate::backend::{Backend, Need};
use crate::cli::events::{Tail, follow, somebody_works};
use crate::cli::frames::Frame;
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use crate::wiring;
use copydesk_core::webhook::Wanted;
use copydesk_core::{Timestamp, WebhookId, WorkspaceId};
use copydesk_desk::World;
use copydesk_desk::webhooks::payload::{body, message_id};
use copydesk_desk::webhooks::{SigningSecret, signature};
use copydesk_store::events::EventRow;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// What one message may take.
const TOTAL: Duration = Duration::from_secs(20);

#[derive(clap::Args, Debug)]
pub struct Listen {
    /// Where this machine takes webhooks, e.g. http://127.0.0.1:3000/webhooks
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// Only these kinds, e.g. generation.completed or draft.*; may be repeated (default: all)
    #[arg(long = "event", value_name = "KIND")]
    events: Vec<String>,
    /// What comes after this number; 0 is the beginning (default: what comes from now on)
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
    /// Keep the signing secret in this file, so that it is the same the next time; made if it is not there
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

pub async fn run(listen: Listen, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let wanted = Wanted::new(&listen.events).map_err(|bad| Failure::usage(bad.to_string()))?;
    let url = reqwest::Url::parse(&listen.forward_to)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            Failure::usage(format!(
                "{:?} is not a web address such as http://127.0.0.1:3000/webhooks",
                listen.forward_to
            ))
        })?;
    let secret = secret(listen.secret_file.as_deref())?;
    let world = World::real();
    // The listener is no webhook of the server's; the same event is the same message whenever it is listened to.
    let webhook = WebhookId(WorkspaceId::DEFAULT.uuid());
    let receiver = Receiver { client: wiring::web_client()?, url, secret, world, webhook };
    Backend::with(settings, Need::Records, async |backend| {
        somebody_works(backend, settings)?;
        output.once(&format!("Forwarding to {}; Ctrl-C ends it. Verify with this secret:", receiver.url));
        if output.json {
            output.line_of_json(&json!({ "secret": receiver.secret.reveal() }))
        } else {
            output.data(&receiver.secret.reveal())
        }
        let tail = Tail::new(Vec::new(), listen.after.clone());
        let base = base(backend, settings);
        let forward = async |frame: &Frame| {
            if frame.event == "resync" {
                output.talk("Events were removed before they were read; they are left out");
            } else if wanted.wants(&frame.event) {
                receiver.forward(&frame.data, &base, output).await;
            }
        };
        tokio::select! {
            ended = follow(backend, settings, &tail, output, forward) => ended,
            _ = tokio::signal::ctrl_c() => Ok(exit::INTERRUPTED),
        }
    })
    .await
}

struct Receiver {
    client: reqwest::Client,
    url: reqwest::Url,
    secret: SigningSecret,
    world: World,
    webhook: WebhookId,
}

impl Receiver {
    /// One attempt, and one line about it. The address is this machine's owner's own, so it may be any.
    async fn forward(&self, event: &Value, base: &str, output: Output) {
        let Some(row) = row(event) else {
            return output.talk("An event of the stream cannot be read; it is left out");
        };
        let (id, at, body) = (message_id(self.webhook, &row), self.world.now(), body(&row, base));
        let headers = signature::headers(id, at, std::slice::from_ref(&self.secret), &body);
        let request = headers
            .iter()
            .fold(self.client.post(self.url.clone()), |request, (name, value)| request.header(*name, value));
        let begun = self.world.steady();
        let answer = request.timeout(TOTAL).body(body).send().await;
        let ms = self.world.steady().saturating_sub(begun).as_millis();
        let (status, said) = match &answer {
            Ok(answer) => (Some(answer.status().as_u16()), format!("-> {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => (None, "-> no answer in time".to_owned()),
            Err(error) if error.is_connect() => (None, "-> no connection: is something listening there?".to_owned()),
            Err(_) => (None, "-> the exchange broke".to_owned()),
        };
        if output.json {
            let line = json!({ "seq": row.seq, "type": row.kind, "id": id.to_string(), "http_status": status, "duration_ms": ms });
            return output.line_of_json(&line);
        }
        output.data(&format!("{}  {}  {}  {said}  {ms} ms", row.seq, row.kind, about(event)));
    }
}

fn about(event: &Value) -> String {
    let about = ["/generation_id", "/draft_id", "/user_id"].map(|part| cell(event, part));
    about.into_iter().find(|id| id != "-").unwrap_or_default()
}

/// The event as the server has it.
fn row(event: &Value) -> Option<EventRow> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    Some(EventRow {
        seq: event.get("seq")?.as_i64()?,
        kind: text("type")?.to_owned(),
        generation: text("generation_id").and_then(|id| id.parse().ok()),
        draft: text("draft_id").and_then(|id| id.parse().ok()),
        user: text("user_id").and_then(|id| id.parse().ok()),
        at: text("at")?.parse::<Timestamp>().ok()?,
        data: event.get("data")?.to_string(),
    })
}

/// Where the links in messages begin.
fn base(backend: &Backend, settings: &Settings) -> String {
    let server = settings.http.public_url.clone().or_else(|| backend.address().map(str::to_owned));
    server.unwrap_or_else(|| format!("http://{}", settings.listen)).trim_end_matches('/').to_owned()
}

fn secret(file: Option<&std::path::Path>) -> Result<SigningSecret, Failure> {
    let fresh = SigningSecret::random(&World::real());
    let Some(file) = file else { return Ok(fresh) };
    let failed = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    match std::fs::read_to_string(file) {
        Ok(text) => {
            SigningSecret::parse(text.trim()).ok_or_else(|| failed("it holds no signing secret (whsec_...)".to_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::secret_key::write_private(file, &fresh.reveal()).map_err(|error| failed(error.to_string()))?;
            Ok(fresh)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_the_stream_is_the_event_of_the_server() {
        let event = json!({ "object": "event", "seq": 7, "type": "draft.updated", "generation_id": null,
            "draft_id": "drf_01h455vb4pex5vsknk084sn02q", "user_id": null, "at": "2026-01-01T00:00:00.000001Z", "data": { "revision": 2 } });
        let row = row(&event).unwrap();
        assert_eq!((row.seq, row.kind.as_str(), row.data.as_str()), (7, "draft.updated", "{\"revision\":2}"));
        assert!(row.draft.is_some() && row.generation.is_none());
        assert_eq!(super::row(&json!({ "seq": "7" })), None);
    }

    #[test]
    fn a_secret_in_a_file_is_the_same_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hook.secret");
        let first = secret(Some(&file)).unwrap();
        assert_eq!(secret(Some(&file)).unwrap(), first);
        assert_ne!(secret(None).unwrap(), first);
        std::fs::write(&file, "nothing").unwrap();
        assert!(secret(Some(&file)).is_err());
    }
}
