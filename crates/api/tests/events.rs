//! The workspace's events: one list, whether it is read in pages, streamed or sent over a socket.

use crate::site::{Site, text};
use axum::body::BodyDataStream;
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::config::Retention;
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use futures::{SinkExt, StreamExt};
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt;

/// How long a test waits for a frame before it is called lost.
const PATIENCE: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One frame, whatever it came over.
#[derive(Clone, PartialEq, Debug)]
struct Frame {
    id: i64,
    event: String,
    data: Value,
}

struct Sse {
    head: http::response::Parts,
    body: BodyDataStream,
    unread: String,
}

impl Sse {
    async fn open(site: &Site, query: &str, headers: &[(&str, &str)]) -> Sse {
        let mut request = Request::get(format!("/api/v1/events{query}")).header("accept", "text/event-stream");
        if !query.contains("stream_token") {
            request = request.header("authorization", format!("Bearer {}", site.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = site.app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        Sse { head, body: body.into_data_stream(), unread: String::new() }
    }

    /// The next block; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let block = self.unread[..end].to_owned();
                self.unread.drain(..end + 2);
                return Some(block);
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a frame in time")?;
            self.unread.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                block
                    .lines()
                    .filter_map(|line| line.split_once(": "))
                    .find(|(key, _)| *key == name)
                    .map(|(_, text)| text)
            };
            let Some(event) = field("event") else { continue };
            let data = serde_json::from_str(field("data").unwrap()).unwrap();
            return Some(Frame { id: field("id").unwrap().parse().unwrap(), event: event.to_owned(), data });
        }
    }

    async fn take(&mut self, n: usize) -> Vec<Frame> {
        let mut frames = vec![];
        while frames.len() < n {
            frames.push(self.next().await.expect("one more frame"));
        }
        frames
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(address: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/api/v1/events/ws{query}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Socket(client_async(request, stream).await?.0))
    }

    async fn message(&mut self) -> Message {
        let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
        message.expect("one more message").unwrap()
    }

    async fn next(&mut self) -> Frame {
        loop {
            if let Message::Text(text) = self.message().await {
                let value: Value = serde_json::from_str(&text).unwrap();
                let (id, event) = (value["id"].as_i64().unwrap(), value["event"].as_str().unwrap().to_owned());
                return Frame { id, event, data: value["data"].clone() };
            }
        }
    }

    async fn take(&mut self, n: usize) -> Vec<Frame> {
        let mut frames = vec![];
        while frames.len() < n {
            frames.push(self.next().await);
        }
        frames
    }

    /// The code with which the server closes.
    async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.unwrap().code.into();
            }
        }
    }
}

/// The site behind a real socket.
async fn served(site: &Site) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = site.app.clone();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A site on a clock that moves by hand.
async fn in_hand() -> (Site, Arc<HandClock>) {
    let clock = HandClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    (Site::in_world(world, DeskConfig::default(), ModelStore::new()).await, clock)
}

/// All events, in pages of three.
async fn pages(site: &Site, query: &str) -> Vec<Frame> {
    let (mut after, mut frames) = (json!(0), vec![]);
    loop {
        let page = site.get(&format!("/events?limit=3&after={after}{query}")).await.json();
        for event in page["data"].as_array().unwrap() {
            let (id, kind) = (event["seq"].as_i64().unwrap(), event["type"].as_str().unwrap().to_owned());
            frames.push(Frame { id, event: kind, data: event.clone() });
        }
        after = page["next_after"].clone();
        if page["has_more"] == false {
            return frames;
        }
    }
}

/// A history that depends on `seed`: requests of two users, some cancelled, and those of another workspace between them.
async fn history(site: &Site, seed: u64) -> Vec<Value> {
    let other = site.elsewhere_in_it().await;
    let (mut state, mut made) = (seed, vec![]);
    for _ in 0..30 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match state >> 61 {
            0..=3 => made.push(site.accept(json!({"user": if state >> 40 & 1 == 0 { "ann" } else { "bob" }})).await),
            4 | 5 => drop(other.accept(json!({})).await),
            _ => {
                if let Some(last) = made.last() {
                    site.post(&format!("/generations/{}/cancel", last["id"].as_str().unwrap()), json!({})).await;
                }
            }
        }
    }
    made
}

#[tokio::test]
async fn the_same_history_is_the_same_list_over_pages_streams_and_sockets() {
    for seed in 1..=4 {
        let site = Site::idle().await;
        let made = history(&site, seed).await;
        let address = served(&site).await;
        let bearer = format!("Bearer {}", site.key);
        let draft = made[0]["draft_id"].as_str().unwrap();
        let filters = [
            "".to_owned(),
            "&type=generation.*".into(),
            "&type=generation.cancelled,draft.*".into(),
            format!("&subject={draft}"),
        ];
        for filter in filters {
            let paged = pages(&site, &filter).await;
            assert!(!paged.is_empty() || filter.contains("cancelled"), "{filter}");
            let mut sse = Sse::open(&site, &format!("?after=0{filter}"), &[]).await;
            assert_eq!(sse.take(paged.len()).await, paged, "seed {seed}, {filter:?}");
            let mut socket =
                Socket::open(&address, &format!("?after=0{filter}"), &[("authorization", &bearer)]).await.unwrap();
            assert_eq!(socket.take(paged.len()).await, paged, "seed {seed}, {filter:?}");
            // And what comes now comes to all three.
            let new = site.accept(json!({})).await;
            if filter.is_empty() {
                let next = sse.next().await.unwrap();
                assert_eq!(next.data["generation_id"], new["id"]);
                assert_eq!((next.clone(), socket.next().await), (pages(&site, &filter).await.pop().unwrap(), next));
            }
        }
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_every_position_with_each_event_once() {
    let site = Site::idle().await;
    history(&site, 7).await;
    let all = pages(&site, "").await;
    for (n, frame) in all.iter().enumerate() {
        let last = frame.id.to_string();
        let mut sse = Sse::open(&site, "?after=0", &[("last-event-id", last.as_str())]).await;
        assert_eq!(sse.take(all.len() - n - 1).await, all[n + 1..], "the header wins");
        let mut again = Sse::open(&site, &format!("?after={last}"), &[]).await;
        assert_eq!(again.take(all.len() - n - 1).await, all[n + 1..]);
    }
}

#[tokio::test]
async fn a_stream_begins_with_what_comes_and_says_how_it_is_read() {
    let site = Site::idle().await;
    site.accept(json!({})).await;
    let mut sse = Sse::open(&site, "", &[]).await;
    let header = |name: &str| sse.head.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((header("cache-control"), header("x-accel-buffering")), ("no-store".to_owned(), "no".to_owned()));
    assert_eq!(sse.block().await.unwrap(), "retry: 2000");
    let at = pages(&site, "").await[0].id;
    assert_eq!(sse.block().await.unwrap(), format!(": from here\nid: {at}"), "who is cut off now misses nothing");
    let new = site.accept(json!({})).await;
    assert_eq!(sse.next().await.unwrap().data["generation_id"], new["id"], "nothing of the past");
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives_and_moves_its_position() {
    let (site, clock) = in_hand().await;
    let mut sse = Sse::open(&site, "?type=draft.published&after=0", &[]).await;
    sse.block().await;
    sse.block().await;
    site.accept(json!({})).await;
    let seen = pages(&site, "").await[0].id;
    // What was passed over is not asked for again.
    let moved = async { while sse.block().await.unwrap() != format!(": keep-alive\nid: {seen}") {} };
    let advancing = async {
        loop {
            clock.advance(KEEP_ALIVE);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = moved => {}, () = advancing => {} }
}

#[tokio::test]
async fn a_position_that_was_never_given_out_is_refused() {
    let site = Site::idle().await;
    site.accept(json!({})).await;
    let address = served(&site).await;
    for after in ["99", "-1", "x", "1.0"] {
        let page = site.get(&format!("/events?after={after}")).await;
        assert_eq!((page.status, page.code().as_str()), (400, "bad_cursor"), "{after}");
        let sse = Sse::open(&site, "", &[("last-event-id", after)]).await;
        assert_eq!(sse.head.status, 400, "{after}");
        let bearer = format!("Bearer {}", site.key);
        let refused = Socket::open(&address, &format!("?after={after}"), &[("authorization", &bearer)]).await;
        assert!(matches!(refused.map(|_| ()), Err(Error::Http(answer)) if answer.status() == 400), "{after}");
    }
    for query in ["?type=Draft", "?type=", "?subject=x", "?subject=gen_1", "?kind=x", "?type=a.*.b"] {
        let status = Sse::open(&site, query, &[]).await.head.status.as_u16();
        assert_eq!(status, if query == "?type=" { 200 } else { 422 }, "{query}");
    }
}

#[tokio::test]
async fn what_was_removed_for_its_age_is_said_and_never_skipped_in_silence() {
    let site = Site::idle().await;
    let made = site.accept(json!({})).await;
    for _ in 0..4 {
        site.accept(json!({})).await;
    }
    let all = pages(&site, "").await;
    site.desk
        .prune(Retention { usage: None, events: Some(Duration::ZERO), deliveries: None, items: None }, false)
        .await
        .unwrap();
    let left = pages(&site, "").await;
    assert_eq!(left, all[4..], "the newest stays");
    let id = made["id"].as_str().unwrap();
    for (query, url) in [
        ("?after=1".to_owned(), "https://desk.example/api/v1/generations".to_owned()),
        (format!("?after=1&subject={id}"), format!("https://desk.example/api/v1/generations/{id}")),
    ] {
        let frame = Sse::open(&site, &query, &[]).await.next().await.unwrap();
        assert_eq!((frame.event.as_str(), &frame.data), ("resync", &json!({ "url": url })));
        assert_eq!(frame.id, all[3].id, "it goes on behind what is gone");
        assert_eq!(site.get(&format!("/events{query}")).await.json()["resync"], url);
    }
    let mut sse = Sse::open(&site, "?after=1", &[]).await;
    assert_eq!((sse.next().await.unwrap().event.as_str(), sse.next().await.unwrap()), ("resync", left[0].clone()));
    let kept = site.get(&format!("/events?after={}", all[3].id)).await.json();
    assert_eq!((&kept["resync"], kept["data"].as_array().unwrap().len()), (&Value::Null, 1), "nothing was missed");
}

#[tokio::test]
async fn a_stream_ends_with_done_when_the_server_stops_and_none_begins() {
    let site = Site::idle().await;
    let address = served(&site).await;
    let bearer = format!("Bearer {}", site.key);
    let mut sse = Sse::open(&site, "", &[]).await;
    let mut socket = Socket::open(&address, "", &[("authorization", &bearer)]).await.unwrap();
    site.accept(json!({})).await;
    let last = (sse.next().await.unwrap(), socket.next().await);
    assert_eq!(last.0, last.1);
    site.desk.begin_stop();
    let done = sse.next().await.unwrap();
    assert_eq!((done.event.as_str(), &done.data, done.id), ("done", &json!({"reason": "draining"}), last.0.id));
    assert_eq!(sse.next().await, None);
    assert_eq!((socket.next().await, socket.closed().await), (done, 1012));
    assert_eq!(Sse::open(&site, "", &[]).await.head.status, 503);
}

#[tokio::test]
async fn another_workspaces_events_are_neither_seen_nor_woken_for() {
    let site = Site::idle().await;
    let other = site.elsewhere_in_it().await;
    let mine = site.accept(json!({})).await;
    let (mut here, mut there) = (Sse::open(&site, "?after=0", &[]).await, Sse::open(&other, "?after=0", &[]).await);
    let theirs = other.accept(json!({})).await;
    assert_eq!(there.next().await.unwrap().data["generation_id"], theirs["id"], "the first is their own");
    let again = site.accept(json!({})).await;
    for id in [&mine["id"], &again["id"]] {
        assert_eq!(here.next().await.unwrap().data["generation_id"], *id);
    }
    let subject = format!("?after=0&subject={}", mine["id"].as_str().unwrap());
    assert_eq!(other.get(&format!("/events{subject}")).await.json()["data"], json!([]), "an id of others is nothing");
}

async fn token(site: &Site) -> String {
    let reply = site.post("/stream-tokens", json!({})).await;
    assert_eq!((reply.status, &reply.json()["object"]), (201, &json!("stream_token")));
    reply.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_token_opens_streams_for_a_minute_and_nothing_else() {
    let (site, clock) = in_hand().await;
    let address = served(&site).await;
    let made = site.accept(json!({})).await;
    let token = token(&site).await;
    let query = format!("?after=0&stream_token={token}");
    let frame = Sse::open(&site, &query, &[]).await.next().await.unwrap();
    assert_eq!(frame.data["generation_id"], made["id"]);
    assert_eq!(Socket::open(&address, &query, &[]).await.unwrap().next().await, frame);
    let stream = format!("/api/v1/generations/{}/stream?stream_token={token}", made["id"].as_str().unwrap());
    let answer = site.app.clone().oneshot(Request::get(stream).body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    for (method, path) in [("GET", "/events"), ("GET", "/drafts"), ("POST", "/generations"), ("POST", "/stream-tokens")]
    {
        let path = format!("/api/v1{path}?stream_token={token}");
        let body = text(json!({})).to_string();
        let reply = site.raw(method, &path, &[("content-type", "application/json")], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "key_in_query"), "{method} {path}");
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(Sse::open(&site, &query, &[]).await.head.status, 401, "a minute later");
    let forged = format!("?stream_token={}0", &token[..token.len() - 1]);
    let forged =
        if forged.ends_with(&token) { format!("?stream_token={}1", &token[..token.len() - 1]) } else { forged };
    assert_eq!(Sse::open(&site, &forged, &[]).await.head.status, 401);
    assert_eq!(Sse::open(&site, "?stream_token=x", &[]).await.head.status, 401);
}

#[tokio::test]
async fn streams_are_not_for_pages_of_other_sites() {
    let site = Site::idle().await;
    let address = served(&site).await;
    let bearer = format!("Bearer {}", site.key);
    let made = site.accept(json!({})).await;
    for (origin, fits) in [
        ("https://desk.example".to_owned(), true),
        (format!("http://{address}"), true),
        ("https://evil.example".to_owned(), false),
        ("https://desk.example.evil.example".to_owned(), false),
        ("null".to_owned(), false),
    ] {
        let opened = Socket::open(&address, "", &[("authorization", &bearer), ("origin", &origin)]).await;
        assert_eq!(opened.is_ok(), fits, "{origin}");
        let sse = Sse::open(&site, "", &[("origin", &origin), ("host", &address)]).await;
        assert_eq!(sse.head.status == 200, fits, "{origin}");
        let stream = format!("/generations/{}/stream", made["id"].as_str().unwrap());
        if !fits {
            let reply = site.send("GET", &stream, None, &[("origin", &origin), ("host", &address)]).await;
            assert_eq!((reply.status, reply.code().as_str()), (403, "origin_refused"), "{origin}");
        }
    }
}

#[tokio::test]
async fn what_a_client_sends_over_a_socket_is_passed_over_or_ends_it() {
    let site = Site::idle().await;
    let address = served(&site).await;
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str())];
    let open = || Socket::open(&address, "", &headers);
    let mut chatty = open().await.unwrap();
    chatty.0.send(Message::text("hello?")).await.unwrap();
    let made = site.accept(json!({})).await;
    assert_eq!(chatty.next().await.data["generation_id"], made["id"], "text is passed over");
    chatty.0.send(Message::binary(vec![0])).await.unwrap();
    assert_eq!(chatty.closed().await, 1003);
    let mut loud = open().await.unwrap();
    loud.0.send(Message::text("x".repeat(1_025))).await.unwrap();
    assert_eq!(loud.closed().await, 1009);
    let plain = site.get("/events/ws").await;
    assert_eq!((plain.status, plain.code().as_str()), (400, "bad_header"));
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_closed() {
    let (site, clock) = in_hand().await;
    let address = served(&site).await;
    let bearer = format!("Bearer {}", site.key);
    let mut socket = Socket::open(&address, "", &[("authorization", &bearer)]).await.unwrap();
    let advance = {
        let clock = clock.clone();
        tokio::spawn(async move {
            loop {
                clock.advance(KEEP_ALIVE);
                tokio::task::yield_now().await;
            }
        })
    };
    // Reading answers pings by itself; this one answers the first and then does not read.
    assert!(matches!(socket.message().await, Message::Ping(_)));
    let gone = async {
        while !site.get_metrics().await.contains("copydesk_sse_clients 0\n") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("it is closed");
    advance.abort();
}

#[tokio::test]
async fn a_socket_counts_among_the_requests_of_its_key_until_it_is_closed() {
    let site = Site::idle().await;
    let address = served(&site).await;
    let (_, key) = site.new_key(json!({"role": "viewer", "concurrent_max": 1})).await;
    let bearer = format!("Bearer {key}");
    let mut socket = Socket::open(&address, "", &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(site.send_as(&key, "GET", "/drafts", None).await.status, 429);
    socket.0.send(Message::binary(vec![0])).await.unwrap();
    assert_eq!(socket.closed().await, 1003);
    drop(socket);
    let freed = async { while site.send_as(&key, "GET", "/drafts", None).await.status == 429 {} };
    tokio::time::timeout(PATIENCE, freed).await.expect("its place is free again");
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let (mut site, clock) = in_hand().await;
    let owner = site.key.clone();
    let (id, key) = site.new_key(json!({"role": "viewer"})).await;
    site.key = key;
    let mut stream = Sse::open(&site, "?after=now", &[]).await;
    site.key = owner;
    assert_eq!(site.send("DELETE", &format!("/keys/{id}"), None, &[]).await.status, 204);
    clock.advance(KEEP_ALIVE);
    let last = stream.next().await.expect("it says why");
    assert_eq!((last.event.as_str(), &last.data), ("done", &json!({"reason": "key_ended"})));
    assert_eq!(stream.next().await, None);
}
