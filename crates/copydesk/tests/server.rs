//! `serve`: who talks to it, its key, and how it stops.

use crate::support::{KEY, Place, text};
use serde_json::Value;

#[test]
fn commands_talk_to_the_server_that_owns_the_folder() {
    let place = Place::new();
    let server = place.serve(&[]);
    place.run(&["generate", "text", "--set", "prompt=Hello"]).exits(0).prints("Hello").says("drf_");
    let listed = place.json(&["drafts", "ls"]);
    let draft = text(&listed, "/data/0/id");
    place.run(&["drafts", "show", &draft]).exits(0).prints("Hello");
    place.run(&["doctor"]).exits(0).prints("1 node(s) alive");
    place.run(&["audit"]).exits(0);
    let key = server.admin_key();
    let (status, body) = server.http("GET", &format!("/api/v1/drafts/{draft}"), Some(&key), "");
    assert_eq!((status, text(&serde_json::from_str::<Value>(&body).unwrap(), "/id")), (200, draft));
    server.stop().exits(0);
    assert!(!place.data("server.json").exists(), "the note goes with the server");
}

#[test]
fn the_key_of_the_command_line_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let server = place.serve(&[]);
    let mode = std::fs::metadata(place.data("server.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop().exits(0);
}

#[test]
fn the_admin_key_is_printed_at_the_first_start_and_never_again() {
    let place = Place::new();
    let first = place.serve(&[]);
    let key = first.admin_key();
    assert_eq!(first.http("GET", "/api/v1/drafts", Some(&key), "").0, 200);
    assert_eq!(first.http("GET", "/api/v1/drafts", Some("wrong-key-wrong-key"), "").0, 401);
    first.stop().exits(0);
    let second = place.serve(&[]);
    assert_eq!(second.http("GET", "/api/v1/drafts", Some(&key), "").0, 200);
    let said = second.stop();
    assert!(!said.exits(0).err.contains("Admin key"), "{}", said.err);
    assert!(!said.err.contains(&key), "{}", said.err);
}

#[test]
fn the_admin_key_is_shown_also_with_quiet() {
    let place = Place::new();
    let running = place.start(&["serve", "--listen", "127.0.0.1:0", "--quiet"]);
    running.says("Admin key, shown only now: ");
    running.signal("TERM");
    running.ended().exits(0);
}

#[test]
fn a_key_of_the_settings_works_and_is_not_printed() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY);
    let server = place.serve(&[]);
    let url = format!("http://{}", server.address);
    let elsewhere = Place::new();
    elsewhere.run(&["drafts", "ls", "--server", &url, "--key", KEY]).exits(0);
    elsewhere.run(&["drafts", "ls", "--server", &url]).refuses(4, "missing_key").says("--key");
    elsewhere.run(&["drafts", "ls", "--server", &url, "--key", "another-key-another"]).refuses(4, "invalid_key");
    assert!(!server.stop().exits(0).err.contains(KEY));
}

#[test]
fn sigterm_lets_running_work_finish() {
    let place = Place::new();
    let server = place.serve(&[]);
    let client =
        place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/slow?ms=1500", "--stream", "--json"]);
    client.prints("generation.started");
    server.stop().exits(0).says("0 attempt(s) were handed back");
    let generation = &place.json(&["generations", "ls"])["data"][0];
    assert_eq!((text(generation, "/status"), generation["attempt"].clone()), ("completed".to_owned(), 1.into()));
    client.ended().exits(0).prints("\"final\":true");
    place.run(&["audit"]).exits(0);
}

#[test]
fn sigterm_hands_back_what_does_not_finish_in_time() {
    let place = Place::new().with("COPYDESK_DRAIN_GRACE", "1s");
    let server = place.serve(&[]);
    let client = place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--stream", "--json"]);
    client.prints("generation.started");
    server.stop().exits(0).says("1 attempt(s) were handed back");
    let generation = &place.json(&["generations", "ls"])["data"][0];
    assert_eq!(text(generation, "/status"), "pending");
    assert_eq!(generation["attempts_spent"], 0, "a stop costs no attempt");
    let id = text(generation, "/id");
    client.ended().exits(10).says(&id);
    place.run(&["audit"]).exits(0);
}

#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let place = Place::new();
    let server = place.serve(&[]);
    let client = place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--stream", "--json"]);
    client.prints("generation.started");
    server.running.signal("TERM");
    server.running.says("Stopping");
    server.running.signal("TERM");
    server.running.ended().exits(0).says("a second time");
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    place.run(&["generations", "cancel", &id]).exits(0);
    place.run(&["audit"]).exits(0);
}

#[test]
fn seed_s2_the_limit_of_the_original_variable_is_used_and_logged() {
    let place = Place::new().with("GENERATION_MAX_CONCURRENT", "7");
    let server = place.serve(&[]);
    server.running.says("Generation queue enabled with max_concurrent=7");
    server.running.says("Generation queue worker started");
    server.stop().exits(0);
}

#[test]
fn seed_s3_the_sweeper_says_in_the_log_what_it_ended() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY);
    let server = place.serve(&[]);
    let paused = server.http("POST", "/api/v1/lanes/recipe:text/pause", Some(KEY), "{}");
    assert_eq!(paused.0, 200, "{}", paused.1);
    let mut ids = Vec::new();
    for prompt in ["One", "Two"] {
        let body = format!("{{\"recipe\":\"text\",\"input\":{{\"prompt\":\"{prompt}\"}},\"deadline\":\"1s\"}}");
        let (status, answer) = server.http("POST", "/api/v1/generations", Some(KEY), &body);
        assert_eq!(status, 202, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    for id in ids {
        server.running.says(&format!("Marked stale creation {id} as failed (age: 0.0h)"));
    }
    server.running.says("Auto-cleanup: Marked ");
    let log = server.stop().exits(0).err.clone();
    let counted = log.lines().filter_map(|line| line.split("Auto-cleanup: Marked ").nth(1)?.split(' ').next());
    assert_eq!(counted.map(|number| number.parse::<u32>().unwrap()).sum::<u32>(), 2, "each is counted once: {log}");
}

#[test]
fn seed_s2_the_queue_is_switched_off_by_the_original_variable() {
    let place = Place::new().with("GENERATION_USE_QUEUE", "false").with("GENERATION_MAX_CONCURRENT", "7");
    let server = place.serve(&[]);
    let key = server.admin_key();
    let (status, settings) = server.http("GET", "/api/v1/settings", Some(&key), "");
    assert_eq!(status, 200);
    assert!(settings.contains("\"max_concurrent\":null"), "{settings}");
    assert!(!server.stop().exits(0).err.contains("max_concurrent=7"));
}

#[test]
fn generation_switched_off_refuses_and_keeps_nothing() {
    let place = Place::new().with("COPYDESK_GENERATION", "off");
    let server = place.serve(&[]);
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello"]);
    ran.refuses(9, "generation_paused").says("COPYDESK_GENERATION=on");
    place.run(&["doctor"]).exits(11).prints("FAIL  pauses");
    place.is_empty();
    server.stop().exits(0);
}
