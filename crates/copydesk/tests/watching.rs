//! Waiting for a generation: it fails, it takes too long, or the watcher leaves.

use crate::support::{Place, text};
use serde_json::Value;

#[test]
fn ctrl_c_detaches_names_the_generation_and_exits_130() {
    let place = Place::new();
    let running = place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--stream", "--json"]);
    running.prints("generation.started");
    running.signal("INT");
    let ran = running.ended();
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    ran.exits(130).says(&id).says("is kept").says("copydesk generations cancel");
    let last: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!((last["final"].clone(), text(&last, "/event")), (true.into(), "interrupted".to_owned()));
    assert_eq!(text(&place.json(&["generations", "show", &id]), "/generation/status"), "pending");
    place.run(&["audit"]).exits(0);
}

#[test]
fn ctrl_c_while_a_server_works_leaves_the_work_alone() {
    let place = Place::new();
    let server = place.serve(&[]);
    let running = place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--stream", "--json"]);
    running.prints("generation.started");
    running.signal("INT");
    running.ended().exits(130).says("it goes on;");
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    place.run(&["generations", "why", &id]).exits(0).prints("processing");
    place.run(&["generations", "cancel", &id]).exits(0).says("You were not charged");
    server.stop().exits(0);
}

#[test]
fn a_timeout_exits_6_and_names_the_generation() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--timeout", "1s"]);
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    ran.refuses(6, "timed_out").says(&id).says("`copydesk serve`").says("copydesk generations show");
    let again =
        place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--timeout", "1s", "--quiet"]);
    again.refuses(6, "timed_out").says(&id);
}

#[test]
fn a_failure_exits_5_says_why_and_that_it_was_free() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/fail"]);
    ran.refuses(5, "provider_error").says("Attempt 1 failed").says("Attempt 2 failed");
    ran.says("The demo model failed").says("You were not charged").says("copydesk generations retry gen_");
    assert!(!ran.err.contains("raw answer"), "{}", ran.err);
    let generation = &place.json(&["generations", "ls"])["data"][0];
    assert_eq!((text(generation, "/status"), generation["attempt"].clone()), ("failed".to_owned(), 3.into()));
}

#[test]
fn a_failure_in_json_ends_the_stream_with_its_code() {
    let place = Place::new();
    let ran =
        place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/fail?status=400", "--stream", "--json"]);
    ran.exits(5);
    let last: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!((last["final"].clone(), text(&last, "/event")), (true.into(), "generation.failed".to_owned()));
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(text(&error, "/error/code"), text(&last, "/error/code"));
}

#[test]
fn a_flaky_provider_is_tried_again_and_the_draft_arrives_once() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/flaky?fail=1", "--stream"]);
    ran.exits(0).prints("Hello").says("Attempt 1 failed, trying again");
    assert_eq!(ran.out.matches("# ").count(), 1, "{}", ran.out);
    assert!(!ran.err.contains("# Hello"), "only a terminal sees the text twice: {}", ran.err);
}
