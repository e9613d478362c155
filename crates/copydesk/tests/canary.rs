//! The canary: no key of a provider is ever written anywhere. A provider quotes the key it was shown in every place it
//! can; everything the program prints, stores, logs and answers is searched for it afterwards.

use crate::support::{Place, Ran, Server, text};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;

/// Every key has this inside, and nothing else has.
const CANARY: &str = "CaNaRy-5up3r53cr3t";

/// What the provider does with the key: the model's name says it.
const QUOTES: [&str; 12] =
    ["answer", "message", "code", "type", "html", "html-ok", "text", "echo", "redirect", "names", "stream", "finish"];
/// Those that fail for good at the first try.
const FINAL: [&str; 5] = ["message", "code", "type", "echo", "redirect"];

/// Where a key is shown; `openai-compatible` stands for the many.
const PROVIDERS: [&str; 5] = ["local", "openai", "anthropic", "gemini", "filed"];

/// A provider that quotes. It serves until the process ends.
fn quoting() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream));
        }
    });
    base
}

fn serve(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let keys = ["authorization", "x-api-key", "x-goog-api-key"].iter().find_map(|name| header(&head, name));
    let key = keys.unwrap_or("no key").trim_start_matches("Bearer ").to_owned();
    assert!(key.contains(CANARY), "the provider was shown {key}");
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let model = asked["model"].as_str().unwrap_or(&head).to_owned();
    let quote = QUOTES.iter().find(|quote| model.contains(&format!("q-{quote}."))).unwrap();
    // The client may have heard enough.
    drop((&stream).write_all(answer(quote, &key, &head).as_bytes()));
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn http(status: &str, kind: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The formats differ in their good answers; each is found in here by its own adapter.
fn good(key: &str, finish: &str, names: bool) -> String {
    let name = if names { key } else { "fine" };
    serde_json::json!({
        "id": name, "model": name, "responseId": name, "modelVersion": name, "type": "message",
        "choices": [{"index": 0, "message": {"content": "A good text."}, "finish_reason": finish}],
        "content": [{"type": "text", "text": "A good text."}], "stop_reason": finish,
        "candidates": [{"content": {"parts": [{"text": "A good text."}]}, "finishReason": "STOP"}],
        "system_fingerprint": key,
    })
    .to_string()
}

fn answer(quote: &str, key: &str, head: &str) -> String {
    let json = "application/json";
    let error = |message: &str, code: &str, kind: &str| {
        serde_json::json!({"type": "error", "error": {"message": message, "code": code, "type": kind, "status": kind}})
            .to_string()
    };
    let quoting = format!("the key {key} is wrong, {key}");
    match quote {
        "answer" => {
            http("200 OK", json, &format!("x-echo: {key}\r\nset-cookie: key={key}\r\n"), &good("-", "stop", false))
        }
        "message" => http("401 Unauthorized", json, "", &error(&quoting, "invalid_api_key", "authentication_error")),
        "code" => http("400 Bad Request", json, "", &error("no", key, "bad")),
        "type" => http("400 Bad Request", json, "", &error("no", "", key)),
        "html" => http("502 Bad Gateway", "text/html", "", &format!("<html><title>{quoting}</title>{quoting}</html>")),
        "html-ok" => http("200 OK", "text/html", "", &format!("<html><title>{quoting}</title>{quoting}</html>")),
        "text" => http("200 OK", "text/plain", "", &quoting),
        "echo" => {
            let lines: Vec<&str> = head.lines().collect();
            http(
                "400 Bad Request",
                json,
                "",
                &serde_json::json!({"error": "no", "request": {"headers": lines}}).to_string(),
            )
        }
        "redirect" => http("302 Found", json, &format!("location: https://elsewhere.invalid/?key={key}\r\n"), ""),
        "names" => {
            let ids = format!("x-request-id: {key}\r\nrequest-id: {key}\r\nx-generation-id: {key}\r\n");
            http("200 OK", json, &ids, &good(key, "stop", true))
        }
        "stream" => {
            let event = error(&quoting, key, key);
            http("200 OK", "text/event-stream", "", &format!(": {key}\n\nid: {key}\nevent: error\ndata: {event}\n\n"))
        }
        "finish" => http("200 OK", json, "", &good("-", key, false)),
        other => panic!("nobody quotes like {other}"),
    }
}

/// One place with five keys: three from variables, two from files.
fn place(base: &str) -> Place {
    let place = Place::new();
    for name in ["anthropic", "filed"] {
        place.write(&format!("keys/{name}"), format!("{CANARY}-{name}\n"));
    }
    let file = |name: &str| place.path(&format!("keys/{name}")).display().to_string();
    let (anthropic, filed) = (file("anthropic"), file("filed"));
    place
        .with("COPYDESK_LOG", "trace")
        .with("OPENAI_API_KEY", &format!("{CANARY}-openai"))
        .with("COPYDESK_PROVIDER_OPENAI_BASE_URL", &format!("{base}/v1"))
        .with("GEMINI_API_KEY", &format!("{CANARY}-gemini"))
        .with("COPYDESK_PROVIDER_GEMINI_BASE_URL", &format!("{base}/v1beta"))
        .with("COPYDESK_PROVIDER_LOCAL_KIND", "openai-compatible")
        .with("COPYDESK_PROVIDER_LOCAL_BASE_URL", &format!("{base}/v1"))
        .with("COPYDESK_PROVIDER_LOCAL_API_KEY", &format!("{CANARY}-local"))
        .with("COPYDESK_PROVIDER_ANTHROPIC_KIND", "anthropic")
        .with("COPYDESK_PROVIDER_ANTHROPIC_BASE_URL", &format!("{base}/v1"))
        .with("COPYDESK_PROVIDER_ANTHROPIC_API_KEY_FILE", &anthropic)
        .with("COPYDESK_PROVIDER_FILED_KIND", "openrouter")
        .with("COPYDESK_PROVIDER_FILED_BASE_URL", &format!("{base}/api/v1"))
        .with("COPYDESK_PROVIDER_FILED_API_KEY_FILE", &filed)
}

/// What was seen, and where.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn ran(&mut self, what: &str, ran: Ran) -> Ran {
        assert!(!ran.err.contains("panicked"), "{what}: {}", ran.err);
        self.note(format!("{what}, stdout"), ran.out.clone());
        self.note(format!("{what}, stderr"), ran.err.clone());
        ran
    }

    fn asked(&mut self, server: &Server, key: &str, path: &str) -> String {
        let (status, body) = server.http("GET", path, Some(key), "");
        assert_eq!(status, 200, "{path}: {body}");
        self.note(format!("GET {path}"), body.clone());
        body
    }

    /// Everything below a folder, byte for byte, but the files the keys came from.
    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("keys") {
                self.files(&path);
            } else if path.is_file() {
                self.note(path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }

    fn is_clean(&self) {
        let found: Vec<String> = self.0.iter().filter(|(_, text)| text.contains(CANARY)).map(around).collect();
        assert!(found.is_empty(), "the key was seen in {} places:\n{}", found.len(), found.join("\n"));
        let bytes: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        assert!(self.0.len() > 150 && bytes > 1_000_000, "only {} places, {bytes} bytes", self.0.len());
    }
}

fn around((place, text): &(String, String)) -> String {
    let at = text.find(CANARY).unwrap_or_default();
    let from = text[..at].char_indices().rev().nth(120).map_or(0, |(index, _)| index);
    format!("{place}: ...{}", text[from..].chars().take(220).collect::<String>())
}

#[test]
fn a_providers_key_is_nowhere_however_it_is_quoted() {
    let place = place(&quoting());
    let mut seen = Seen::default();
    let server = place.serve(&[]);
    let key = server.admin_key();
    let mut streams = Vec::new();
    for provider in PROVIDERS {
        for quote in QUOTES {
            let model = format!("{provider}/q-{quote}.");
            seen.ran(&format!("models test {model}"), place.run(&["models", "test", &model]));
            let prompt = format!("prompt=Hello {model}");
            let ran = place.run(&["generate", "text", "--set", &prompt, "-m", &model, "--no-wait", "--json"]);
            streams.push((format!("/api/v1/generations/{}/stream", text(&ran.exits(0).json(), "/id")), quote));
        }
    }
    let mut ends = Vec::new();
    for (path, quote) in streams {
        // Tries that come again come later; what ends at once is waited for, the rest is cut off by the stop.
        if FINAL.contains(&quote) || quote == "answer" {
            let events = seen.asked(&server, &key, &path);
            ends.push((quote, events.contains("generation.completed"), events.contains("generation.failed")));
        }
    }
    assert!(
        ends.iter().all(|(quote, completed, failed)| *completed == (*quote == "answer") && failed != completed),
        "{ends:?}"
    );
    for path in ["generations", "drafts", "usage/rows", "events", "settings", "models", "doctor", "status"] {
        let (status, body) = server.http("GET", &format!("/api/v1/{path}?limit=100"), Some(&key), "");
        seen.note(format!("GET {path}: {status}"), body);
    }
    for command in [&["doctor"][..], &["doctor", "--json"], &["config", "show"], &["config", "show", "--json"]] {
        seen.ran(&command.join(" "), place.run(command));
    }
    for command in [&["generations", "ls", "--json"][..], &["drafts", "ls", "--json"], &["models", "ls"], &["audit"]] {
        seen.ran(&command.join(" "), place.run(command));
    }
    for generation in place.json(&["generations", "ls"])["data"].as_array().unwrap() {
        let id = text(generation, "/id");
        seen.ran("generations show", place.run(&["generations", "show", &id]));
        seen.asked(&server, &key, &format!("/api/v1/generations/{id}/calls"));
    }
    // With the write-ahead log as it is while the server runs, and again after it has stopped.
    seen.files(&place.path("."));
    let stopped = server.stop();
    assert!(stopped.err.contains("TRACE"), "the log is as loud as it can be");
    seen.ran("serve", stopped);
    seen.files(&place.path("."));
    seen.is_clean();
}
