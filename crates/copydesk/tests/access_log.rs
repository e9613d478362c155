//! The access log: a line for each request, of nothing that is anybody's business.

use crate::support::{KEY, Place};
use std::io::{Read, Write};
use std::net::TcpStream;

/// What a client may put anywhere.
const CANARY: &str = "CaNaRy-53cr3t";

fn send(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn s68_s69_a_request_is_one_line_without_anything_the_client_wrote() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY).with("COPYDESK_LOG", "trace");
    let server = place.serve(&[]);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let body = format!("{{\"recipe\":\"text\",\"input\":{{\"prompt\":\"{CANARY}\"}},\"user\":\"{CANARY}\"}}");
    let head = |method: &str, path: &str, more: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
             cookie: c={CANARY}\r\nx-forwarded-for: 6.6.6.6\r\nuser-agent: {CANARY}\r\n{more}\r\n"
        )
    };
    let asks = [
        head(
            "POST",
            "/api/v1/generations",
            &format!(
                "content-type: application/json\r\nidempotency-key: {CANARY}\r\ncontent-length: {}\r\n",
                body.len()
            ),
        ) + &body,
        head(
            "GET",
            &format!("/api/v1/drafts?user={CANARY}"),
            &format!("traceparent: {trace}\r\nx-request-id: mine-1\r\n"),
        ),
        head("GET", &format!("/api/v1/drafts/ext:{CANARY}"), "traceparent: \u{9b}31m \\n\r\n"),
        head("GET", &format!("/{CANARY}?api_key={CANARY}"), &format!("x-request-id: {CANARY} \u{9b}2J\r\n")),
        head("GET", &format!("/api/v1/drafts?key={CANARY}"), ""),
    ];
    let statuses: Vec<String> = asks.iter().map(|ask| send(&server.address, ask)[9..12].to_owned()).collect();
    assert_eq!(statuses, ["202", "200", "404", "404", "400"]);
    let log = server.stop().exits(0).err.clone();
    assert!(!log.contains(CANARY) && !log.contains(KEY), "{log}");
    assert!(!log.contains(|sign: char| sign.is_control() && sign != '\n'), "{log}");
    // The first one is the test's own question whether the server is there.
    let lines = log.lines().filter(|line| line.contains(" INFO ") && line.contains("route=")).skip(1);
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), asks.len(), "{log}");
    assert!(lines[0].contains("method=POST route=/api/v1/generations status=202 bytes="), "{}", lines[0]);
    assert!(lines[0].contains(" key=key_") && lines[0].contains("client=127.0.0.1"), "{}", lines[0]);
    assert!(lines[1].contains(&format!("trace={trace}")) && lines[1].contains("request=mine-1"), "{}", lines[1]);
    assert!(lines[2].contains("route=/api/v1/drafts/{id} status=404") && lines[2].contains("trace=-"), "{}", lines[2]);
    assert!(lines[3].contains("route=- status=404") && lines[3].contains("key=-"), "{}", lines[3]);
}

#[test]
fn the_access_log_can_be_switched_off_and_believes_a_trusted_proxy() {
    let ask = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-forwarded-for: 198.51.100.7\r\n\r\n";
    let quiet = Place::new().with("COPYDESK_ACCESS_LOG", "off");
    let server = quiet.serve(&[]);
    assert!(send(&server.address, ask).starts_with("HTTP/1.1 200"));
    assert!(!server.stop().exits(0).err.contains("route="));
    let behind = Place::new().with("COPYDESK_TRUSTED_PROXIES", "127.0.0.0/8");
    let server = behind.serve(&["--public-url", "https://desk.example.com"]);
    assert!(send(&server.address, ask).starts_with("HTTP/1.1 200"));
    assert!(send(&server.address, &ask.replace("localhost", "desk.example.com")).starts_with("HTTP/1.1 200"));
    let stranger = send(&server.address, &ask.replace("localhost", "evil.example.com"));
    assert!(stranger.starts_with("HTTP/1.1 421"), "{stranger}");
    assert!(stranger.contains("https://desk.example.com/docs/errors/unknown_host"), "{stranger}");
    assert!(server.stop().exits(0).err.contains("client=198.51.100.7"));
}
