//! `webhooks`: made, tested, looked at and sent again by people, and `listen`, which brings events to this machine.

use crate::support::{KEY, Place, text};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a message may take to arrive. Only a failing test ever waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Message {
    headers: BTreeMap<String, String>,
    body: serde_json::Value,
}

/// A receiver that answers 204. It takes messages until the process ends.
fn receiver() -> (String, Receiver<Message>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (found, messages) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let found = found.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                while let Some(message) = read(&stream) {
                    found.send(message).unwrap_or_default();
                    if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, messages)
}

fn read(stream: &TcpStream) -> Option<Message> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut headers) = (String::new(), BTreeMap::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_lowercase(), value.to_owned())),
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Message { headers, body: serde_json::from_slice(&body).ok()? })
}

#[test]
fn a_webhook_is_made_tested_looked_at_rotated_and_removed() {
    let place = Place::new().with("COPYDESK_WEBHOOK_ALLOW", "127.0.0.1");
    let server = place.serve(&[]);
    let (url, messages) = receiver();
    place.run(&["webhooks", "ls"]).exits(0).says("copydesk webhooks add URL");
    let made = place.run(&["webhooks", "add", &url, "--event", "generation.*", "--description", "my app"]);
    let secret = made.exits(0).says("shown only now").out.trim().to_owned();
    assert!(secret.starts_with("whsec_"), "the secret alone is on the standard output");
    let id = text(&place.json(&["webhooks", "ls"]), "/data/0/id").to_owned();
    place.run(&["webhooks", "ls"]).exits(0).prints(&url).prints("well").prints("my app").says("webhooks deliveries");
    place.run(&["webhooks", "ping", &id]).exits(0).prints("arrived  HTTP 204");
    let ping = messages.recv_timeout(PATIENCE).unwrap();
    assert_eq!(ping.body["type"], "webhook.ping");
    place.run(&["webhooks", "trigger", "generation.completed", &id]).exits(0).prints("arrived");
    assert_eq!(messages.recv_timeout(PATIENCE).unwrap().body["type"], "generation.completed");

    place.run(&["generate", "text", "--set", "prompt=One"]).exits(0);
    let told = [messages.recv_timeout(PATIENCE).unwrap(), messages.recv_timeout(PATIENCE).unwrap()];
    let message = told[0].headers["webhook-id"].clone();
    place.run(&["webhooks", "deliveries", &id]).exits(0).prints(&message).says("webhooks delivery msg_");
    place.run(&["webhooks", "delivery", &message]).exits(0).prints("ATTEMPT").prints("204").says("webhooks redeliver");
    place.run(&["webhooks", "redeliver", &message]).exits(0).says("is sent again");
    assert_eq!(messages.recv_timeout(PATIENCE).unwrap().headers["webhook-id"], message);
    place.run(&["webhooks", "replay", &id, "1", "2"]).exits(0).says("2 message(s) are on their way");
    let new = place.run(&["webhooks", "rotate", &id, "--overlap", "1h"]).exits(0).out.trim().to_owned();
    place.run(&["webhooks", "rotate", &id]).refuses(9, "old_secret_counts").says("--drop-previous");
    let newest = place.run(&["webhooks", "rotate", &id, "--drop-previous"]).exits(0).out.trim().to_owned();
    assert_ne!(new, newest);
    place.run(&["webhooks", "show", &id]).exits(0).prints("old secret until").prints("generation.*");
    place.run(&["webhooks", "disable", &id]).exits(0).prints("by_hand");
    place.run(&["webhooks", "redeliver", &message]).exits(2).says("the webhook is disabled");
    place.run(&["webhooks", "enable", &id]).exits(0).prints("enabled");
    place.run(&["webhooks", "rm", &id]).exits(0).says("was removed");
    place.run(&["webhooks", "show", &id]).refuses(3, "not_found").says("copydesk webhooks ls");

    let log = server.stop().exits(0).err.clone();
    s_06_s_68_signing_secrets_are_in_no_file_and_no_log(&place, &log, &[&secret, &new, &newest]);
}

/// Neither as they are shown nor as the bytes that sign, and the key that seals them is in its own file only.
#[track_caller]
fn s_06_s_68_signing_secrets_are_in_no_file_and_no_log(place: &Place, log: &str, secrets: &[&str]) {
    assert!(log.contains("A webhook was made") && log.contains("A webhook's secret was rotated"), "{log}");
    let key = place.read("copydesk-data/secret.key").trim().to_owned();
    assert_eq!(key.len(), 64);
    for secret in secrets.iter().chain([&key.as_str()]) {
        assert!(!log.contains(*secret));
        for entry in std::fs::read_dir(place.data("")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || (path.ends_with("secret.key") && *secret == key) {
                continue;
            }
            let (bytes, bare) = (std::fs::read(&path).unwrap(), secret.trim_start_matches("whsec_"));
            for needle in [secret.as_bytes(), bare.as_bytes()] {
                assert!(
                    !bytes.windows(needle.len()).any(|window| window == needle),
                    "{} holds a secret",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_reached_is_said_with_the_setting_that_helps() {
    let place = Place::new();
    let server = place.serve(&[]);
    let refused = place.run(&["webhooks", "add", "http://localhost:3000/hook"]);
    refused.refuses(2, "validation_failed").says("COPYDESK_WEBHOOK_ALLOW");
    place.run(&["webhooks", "add", "https://10.0.0.7/"]).exits(2).says("COPYDESK_WEBHOOK_ALLOW=10.0.0.7/32");
    place.run(&["webhooks", "add"]).exits(2);
    place.run(&["webhooks", "add", "--requests"]).exits(0).says("webhook_url");
    place.run(&["webhooks", "add", "--requests"]).refuses(9, "webhook_made").says("webhooks rotate");
    place.run(&["webhooks", "ls"]).exits(0).prints("(the addresses of requests)");
    server.stop().exits(0);
    place.run(&["webhooks", "ping", "whk_00000000000000000000000001"]).refuses(10, "server_unreachable");
}

#[test]
fn a_listener_forwards_each_event_once_also_to_and_from_a_new_server() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY);
    let server = place.serve(&[]);
    let (url, messages) = receiver();
    let listener = place.start(&["webhooks", "listen", "--forward-to", &url, "--event", "completed", "--after", "0"]);
    let secret = listener.prints("whsec_");
    assert!(secret.starts_with("whsec_"));
    place.run(&["generate", "text", "--set", "prompt=One"]).exits(0);
    listener.prints("generation.completed");
    let first = messages.recv_timeout(PATIENCE).unwrap();
    server.stop().exits(0);
    listener.says("Disconnected");
    let server = place.serve(&[]);
    listener.says("Connected again");
    place.run(&["generate", "text", "--set", "prompt=Two"]).exits(0);
    let second = messages.recv_timeout(PATIENCE).unwrap();
    assert!(first.body["seq"].as_i64() < second.body["seq"].as_i64());
    assert_ne!(first.headers["webhook-id"], second.headers["webhook-id"]);
    for message in [&first, &second] {
        assert_eq!(message.body["type"], "generation.completed");
        assert!(message.headers["webhook-signature"].starts_with("v1,"));
        assert!(message.body["data"]["generation_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    }
    listener.prints(&format!("{}  generation.completed", second.body["seq"]));
    listener.signal("INT");
    listener.ended().exits(130);
    server.stop().exits(0);
    assert!(messages.try_recv().is_err(), "each once");
}

#[test]
fn a_listener_says_what_is_wrong_with_its_arguments_and_needs_a_server() {
    let place = Place::new();
    place.run(&["webhooks", "listen", "--forward-to", "localhost"]).exits(2).says("is not a web address");
    place
        .run(&["webhooks", "listen", "--forward-to", "http://127.0.0.1:1/", "--event", "no"])
        .exits(2)
        .says("is not a kind of event");
    place.run(&["webhooks", "listen", "--forward-to", "http://127.0.0.1:1/"]).refuses(10, "server_unreachable");
}
