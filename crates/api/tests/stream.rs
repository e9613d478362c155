//! Event streams, read as a browser would read them.

use crate::scripted::{FIRST_HALF, SECOND_HALF};
use crate::site::Site;
use axum::body::BodyDataStream;
use futures::StreamExt;
use http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

/// How long a test waits for an event before it is called lost.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client {
    body: BodyDataStream,
    unread: String,
    head: http::response::Parts,
}

#[derive(Debug)]
struct Seen {
    event: String,
    id: String,
    data: Value,
}

impl Client {
    async fn connect(site: &Site, generation: &Value, query: &str, last_id: Option<&str>) -> Client {
        let path = format!("/api/v1/generations/{}/stream{query}", generation["id"].as_str().unwrap());
        let mut request = Request::get(path).header("authorization", format!("Bearer {}", site.key));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let answer = site.app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        Client { body: body.into_data_stream(), unread: String::new(), head }
    }

    async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let frame = self.unread[..end].to_owned();
                self.unread.drain(..end + 2);
                return Some(frame);
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("an event in time")?;
            self.unread.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Seen> {
        loop {
            let frame = self.frame().await?;
            let field = |name: &str| {
                let lines = frame.lines().filter_map(|line| line.split_once(": "));
                lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
            };
            let Some(event) = field("event") else { continue };
            let data = serde_json::from_str(&field("data").unwrap()).unwrap();
            return Some(Seen { event, id: field("id").unwrap_or_default(), data });
        }
    }

    async fn expect(&mut self, event: &str) -> Seen {
        let seen = self.next().await.expect("one more event");
        assert_eq!(seen.event, event, "{seen:?}");
        seen
    }

    /// The next pieces of text until `wanted` is complete; returns the last id.
    async fn expect_text(&mut self, wanted: &str) -> String {
        let (mut text, mut id) = (String::new(), String::new());
        while text != wanted {
            let seen = self.next().await.expect("more text");
            let piece = seen.data["text"].as_str().unwrap_or_else(|| panic!("{seen:?}"));
            match seen.event.as_str() {
                "generation.snapshot" => text = piece.to_owned(),
                "generation.delta" => text.push_str(piece),
                other => panic!("{other} before {wanted:?} was there"),
            }
            assert!(wanted.starts_with(&text), "{text:?}");
            id = seen.id;
        }
        id
    }
}

#[tokio::test]
async fn a_stream_shows_the_text_coming_and_ends_with_the_terminal_event() {
    let site = Site::working().await;
    let body = site.accept(json!({"model": "demo/held"})).await;
    let mut client = Client::connect(&site, &body, "", None).await;
    let header = |name: &str| client.head.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((header("cache-control"), header("x-accel-buffering")), ("no-store".to_owned(), "no".to_owned()));
    assert_eq!(client.frame().await.unwrap(), "retry: 2000");
    let accepted = client.expect("generation.accepted").await;
    assert_eq!((&accepted.data["id"], &accepted.data["draft_id"]), (&body["id"], &body["draft_id"]));
    let started = client.expect("generation.started").await;
    assert_eq!((&started.data["attempt"], &started.data["model"]), (&json!(1), &json!("demo/held")));
    let id = client.expect_text(FIRST_HALF).await;
    assert_eq!(id, format!("1.{}", FIRST_HALF.len()));
    site.provider.open_gate();
    let id = client.expect_text(SECOND_HALF).await;
    assert_eq!(id, format!("1.{}", FIRST_HALF.len() + SECOND_HALF.len()));
    let done = client.expect("generation.completed").await;
    assert_eq!((&done.data["draft_id"], &done.data["version"]), (&body["draft_id"], &json!(1)));
    assert_eq!(done.data["usage"]["output_tokens"], 4);
    assert_eq!(done.data["cost"], json!({"nanousd": 3_900, "status": "priced"}));
    assert!(client.next().await.is_none(), "nothing follows the end");
    // A browser comes back by itself after an end; it is told to stay away.
    let back = Client::connect(&site, &body, "", Some(&done.id)).await;
    assert_eq!(back.head.status, 204);
}

#[tokio::test]
async fn a_client_that_comes_back_reads_on_from_its_byte() {
    let site = Site::working().await;
    let body = site.accept(json!({"model": "demo/held"})).await;
    let mut first = Client::connect(&site, &body, "", None).await;
    first.expect("generation.accepted").await;
    first.expect("generation.started").await;
    let id = first.expect_text(FIRST_HALF).await;
    drop(first);
    let mut resumed = Client::connect(&site, &body, "", Some(&id)).await;
    // In the middle of a letter, and beyond the end: no position of this text, so it comes whole.
    let mut lost = Client::connect(&site, &body, "?after=1.2", None).await;
    let mut beyond = Client::connect(&site, &body, "?after=1.999", None).await;
    let snapshot = lost.expect("generation.snapshot").await;
    assert_eq!((&snapshot.data["offset"], &snapshot.data["text"]), (&json!(0), &json!(FIRST_HALF)));
    beyond.expect("generation.snapshot").await;
    site.provider.open_gate();
    let delta = resumed.expect("generation.delta").await;
    assert_eq!((&delta.data["offset"], &delta.data["text"]), (&json!(FIRST_HALF.len()), &json!(SECOND_HALF)));
    resumed.expect("generation.completed").await;
    for bad in ["x", "1", "1.x"] {
        let refused = Client::connect(&site, &body, &format!("?after={bad}"), None).await;
        assert_eq!(refused.head.status, 400);
    }
}

#[tokio::test]
async fn a_hang_up_does_not_stop_the_generation() {
    let site = Site::working().await;
    let body = site.accept(json!({"model": "demo/held"})).await;
    let mut client = Client::connect(&site, &body, "", None).await;
    client.expect("generation.accepted").await;
    client.expect("generation.started").await;
    drop(client);
    site.provider.open_gate();
    let id = body["id"].as_str().unwrap().parse().unwrap();
    let row = site.desk.wait(copydesk_desk::store::Scope::DEFAULT, id, PATIENCE).await.unwrap();
    assert_eq!(row.status().as_str(), "completed");
}

#[tokio::test]
async fn a_new_attempt_begins_its_text_anew() {
    let site = Site::working().await;
    let body = site.accept(json!({"model": "demo/flaky"})).await;
    let mut client = Client::connect(&site, &body, "", None).await;
    let mut events = Vec::new();
    let mut text = String::new();
    while let Some(seen) = client.next().await {
        match seen.event.as_str() {
            "generation.snapshot" => text = seen.data["text"].as_str().unwrap().to_owned(),
            "generation.delta" => text.push_str(seen.data["text"].as_str().unwrap()),
            _ => {}
        }
        events.push(seen);
    }
    let retrying = events.iter().find(|seen| seen.event == "generation.retrying").unwrap();
    assert_eq!((&retrying.data["attempt"], &retrying.data["error"]["code"]), (&json!(1), &json!("provider_error")));
    assert!(retrying.data["in_ms"].as_u64().unwrap() <= 1_250);
    let started: Vec<&Value> =
        events.iter().filter(|seen| seen.event == "generation.started").map(|seen| &seen.data["attempt"]).collect();
    assert_eq!(started.last(), Some(&&json!(2)));
    assert_eq!(events.last().unwrap().event, "generation.completed");
    if !text.is_empty() {
        assert_eq!(text, format!("{FIRST_HALF}{SECOND_HALF}"), "no letter of the failed attempt is left");
    }
}

#[tokio::test]
async fn failed_and_cancelled_are_ends_too() {
    let site = Site::working().await;
    let failed = site.finished(json!({"model": "demo/refuses"})).await;
    let mut client = Client::connect(&site, &failed, "", None).await;
    client.expect("generation.accepted").await;
    let end = client.expect("generation.failed").await;
    assert_eq!((&end.data["error"]["code"], &end.data["credits"]["released"]), (&json!("refused"), &json!(0)));
    assert!(client.next().await.is_none());
    let body = site.accept(json!({"model": "demo/held"})).await;
    let mut client = Client::connect(&site, &body, "", None).await;
    client.expect("generation.accepted").await;
    client.expect("generation.started").await;
    let path = format!("/generations/{}/cancel", body["id"].as_str().unwrap());
    assert_eq!(site.send("POST", &path, None, &[]).await.status, 200);
    loop {
        let seen = client.next().await.expect("the end");
        if seen.event == "generation.cancelled" {
            break;
        }
    }
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn a_stream_says_when_its_deadline_is_moved() {
    let site = Site::idle().await;
    let body = site.accept(json!({"deadline": "10m"})).await;
    let mut client = Client::connect(&site, &body, "", None).await;
    client.expect("generation.accepted").await;
    let path = format!("/generations/{}/extend", body["id"].as_str().unwrap());
    let extended = site.post(&path, json!({"deadline": "1h"})).await.json();
    assert_eq!(client.expect("generation.extended").await.data["deadline_at"], extended["deadline_at"]);
}

#[tokio::test]
async fn work_of_another_process_is_followed_by_its_status() {
    let here = Site::idle().await;
    let body = here.accept(json!({})).await;
    let mut client = Client::connect(&here, &body, "", None).await;
    let accepted = client.expect("generation.accepted").await;
    assert_eq!(accepted.data["waiting"]["reason"], "no_worker");
    // Another desk on the same store takes it; this one hears nothing and looks.
    here.elsewhere().await;
    loop {
        let seen = client.next().await.expect("the end");
        if seen.event == "generation.completed" {
            break;
        }
    }
    assert!(client.next().await.is_none());
}
