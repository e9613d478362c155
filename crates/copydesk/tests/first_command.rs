//! `generate`: the first thing anybody runs.

use crate::support::{Place, repository, text, week_xml};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn the_first_command_of_the_readme_prints_a_newsletter_and_only_that() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    assert!(readme.contains("generate newsletter --input examples/newsletter/week.xml"));
    let place = Place::new();
    let ran = place.run(&["generate", "newsletter", "--input", &week_xml()]);
    ran.exits(0).prints("\n## ").prints("billing team").says(" · version 1 · ").says("demo/writer");
    assert!(ran.out.starts_with("# "), "{}", ran.out);
    assert!(!ran.out.contains("drf_"), "the summary belongs on stderr: {}", ran.out);
    assert_eq!(ran.err.lines().filter(|line| !line.is_empty()).count(), 1, "{}", ran.err);
    assert_eq!(place.json(&["drafts", "ls"])["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_draft_goes_to_the_file_that_was_named() {
    let place = Place::new();
    let ran = place.run(&["generate", "newsletter", "--input", &week_xml(), "-o", "week.md"]);
    ran.exits(0).prints_nothing().says("week.md");
    assert!(place.read("week.md").starts_with("# "));
}

#[test]
fn json_is_one_object_with_the_generation_and_its_draft() {
    let place = Place::new();
    let answer = place.json(&["generate", "newsletter", "--input", &week_xml()]);
    let members: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(members, ["draft", "generation"]);
    assert_eq!(text(&answer, "/generation/status"), "completed");
    assert_eq!(text(&answer, "/generation/draft_id"), text(&answer, "/draft/id"));
    assert_eq!(text(&answer, "/draft/status"), "draft");
    assert!(text(&answer, "/draft/content/markdown").starts_with("# "));
}

#[test]
fn stream_with_json_is_one_event_per_line_and_only_the_last_is_final() {
    let place = Place::new();
    let ran =
        place.run(&["generate", "newsletter", "--input", &week_xml(), "-m", "demo/slow?ms=1000", "--stream", "--json"]);
    let lines: Vec<Value> = ran.exits(0).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, others) = lines.split_last().unwrap();
    assert_eq!(last["final"], true);
    assert_eq!(last["event"], "generation.completed");
    assert!(others.iter().all(|line| line["final"] == false && line["event"].is_string()));
    assert!(others.iter().any(|line| line["event"] == "generation.delta"));
}

#[test]
fn a_feed_is_read_from_standard_input() {
    let place = Place::new();
    let feed = std::fs::read(week_xml()).unwrap();
    place.run_with_input(&["generate", "newsletter", "--input", "-"], &feed).exits(0).prints("billing team");
    let ran = place.run_with_input(&["generate", "newsletter", "--input", "-"], b"<html></html>");
    ran.refuses(2, "bad_input").says("standard input");
}

#[test]
fn an_atom_feed_is_read() {
    let place = Place::new();
    let ran = place.run(&["generate", "newsletter", "--input", &repository("examples/newsletter/week-atom.xml")]);
    ran.exits(0).prints("ticket machine");
}

#[test]
fn a_json_input_with_voice_and_tone_is_taken() {
    let place = Place::new();
    let answer = place.json(&["generate", "newsletter", "--input", &repository("examples/newsletter/input.json")]);
    assert_eq!(text(&answer, "/generation/input/tone/formality"), "casual");
    assert_eq!(answer["generation"]["input"]["voice_samples"].as_array().unwrap().len(), 3);
    assert_eq!(text(&answer, "/draft/content/origin"), "generated");
}

#[test]
fn a_feed_is_fetched_from_an_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = stream.read(&mut [0; 4_096]).unwrap();
        let feed = std::fs::read(week_xml()).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", feed.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&feed)).unwrap();
        asked
    });
    Place::new().run(&["generate", "newsletter", "--input", &url]).exits(0).prints("billing team");
    assert!(server.join().unwrap() > 0);
}

#[test]
fn an_empty_feed_gives_an_honest_fallback_that_is_marked_and_free() {
    let place = Place::new();
    place.write("empty.xml", "<rss version=\"2.0\"><channel><title>Empty</title></channel></rss>");
    let ran = place.run(&["generate", "newsletter", "--input", "empty.xml"]);
    ran.exits(0).prints("nothing to write about").says("fallback (no_content)").says("not charged");
    let draft = &place.json(&["drafts", "ls"])["data"][0];
    let shown = place.json(&["drafts", "show", &text(draft, "/id")]);
    assert_eq!(text(&shown, "/content/origin"), "fallback");
    assert_eq!(text(&shown, "/content/reason"), "no_content");
    let generation = &place.json(&["generations", "ls"])["data"][0];
    assert_eq!(generation["credits"]["settled"], 0);
}

#[test]
fn quiet_prints_the_draft_and_nothing_else() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "--quiet"]);
    ran.exits(0).prints("Hello");
    assert_eq!(ran.err, "");
}

#[test]
fn the_same_idempotency_key_gives_the_same_draft() {
    let place = Place::new();
    let once = || {
        let answer = place.json(&["generate", "text", "--set", "prompt=Hello", "--idempotency-key", "order-17"]);
        (text(&answer, "/draft/id"), text(&answer, "/generation/id"))
    };
    assert_eq!(once(), once());
    let other = place.run(&["generate", "text", "--set", "prompt=Other", "--idempotency-key", "order-17"]);
    other.refuses(2, "idempotency_key_reused");
    assert_eq!(place.json(&["drafts", "ls"])["data"].as_array().unwrap().len(), 1);
}
