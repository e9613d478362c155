//! `serve --test-mode` and `test`: time moves, calls fail on order, and nowhere else.

use crate::support::{Place, text};
use serde_json::Value;

/// Asks again and again; each time is a run of the program.
fn until(what: &str, condition: impl Fn() -> bool) {
    assert!((0..500).any(|_| condition()), "waited in vain until {what}");
}

#[test]
fn a_generation_that_hangs_is_failed_when_the_clock_passes_its_deadline() {
    let place = Place::new();
    let server = place.serve(&["--test-mode"]);
    server.running.says("TEST MODE");
    let (key, ask) = (
        server.admin_key(),
        r#"{"recipe": "text", "input": {"prompt": "x"}, "model": "demo/stuck", "deadline": "10m"}"#,
    );
    let (status, body) = server.http("POST", "/api/v1/generations", Some(&key), ask);
    assert_eq!(status, 202, "{body}");
    let id = text(&serde_json::from_str(&body).unwrap(), "/id");
    let look = || -> Value {
        let (status, body) = server.http("GET", &format!("/api/v1/generations/{id}"), Some(&key), "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    until("it is being worked on", || look()["status"] == "processing");
    place.run(&["test", "clock", "advance", "1m"]).exits(0).prints("(60 s ahead)");
    assert_eq!(look()["status"], "processing", "its own node is not taken for dead by the jump");
    assert_eq!(look()["attempt"], 1);
    place.run(&["test", "clock", "advance", "10m"]).exits(0).prints("(660 s ahead)");
    until("it is failed", || look()["status"] == "failed");
    let ended = look();
    assert_eq!((&ended["error"]["code"], &ended["credits"]["settled"]), (&"deadline_exceeded".into(), &0.into()));
    // Both in moved time: at its deadline or when the clock had passed it, not eleven real minutes from it.
    let (deadline, finished) = (text(&ended, "/deadline_at"), text(&ended, "/finished_at"));
    assert!(finished >= deadline, "{finished} {deadline}");
    place.run(&["audit"]).exits(0);
    place.run(&["health"]).exits(0).prints("ok    worker");
    server.stop().exits(0);
}

#[test]
fn the_demo_provider_fails_so_often_and_then_works() {
    let place = Place::new();
    let server = place.serve(&["--test-mode"]);
    let ran = place.run(&["test", "fault", "set", "demo/writer", "garbage", "--times", "1"]);
    ran.exits(0).prints("demo/writer").prints("garbage").says("copydesk test fault clear");
    let call = place.run(&["models", "test", "demo/writer"]);
    call.exits(5).prints("provider_bad_response");
    place.run(&["test", "fault", "ls"]).exits(0).says("No fault is ordered");
    place.run(&["test", "fault", "set", "demo/painter", "hang"]).exits(2).says("chat model of the demo provider");
    place.run(&["test", "fault", "set", "demo/writer", "melts"]).exits(2).says("hang, error_500");
    place.run(&["test", "fault", "set", "demo/chat", "slow", "--times", "9"]).exits(0);
    place.run(&["test", "fault", "clear", "demo/chat"]).exits(0).says("No fault is ordered");
    place.run(&["test", "clock", "advance", "soon"]).refuses(2, "validation_failed");
    place.run(&["test", "clock", "show"]).exits(0).prints("(0 s ahead)");
    drop(server);
}

#[test]
fn outside_test_mode_there_is_no_clock_to_move() {
    let place = Place::new();
    let server = place.serve(&[]);
    let key = server.admin_key();
    for (method, path) in
        [("GET", "clock"), ("POST", "clock"), ("GET", "faults"), ("POST", "faults"), ("DELETE", "faults")]
    {
        let (status, body) = server.http(method, &format!("/api/v1/test/{path}"), Some(&key), "{}");
        let unknown = server.http(method, "/api/v1/test/nothing", Some(&key), "{}");
        assert_eq!((status, unknown.0), (404, 404), "{body}");
        assert!(body.contains("There is nothing at"), "{body}");
    }
    place.run(&["test", "clock", "advance", "11m"]).refuses(3, "not_found").says("serve --test-mode");
    drop(server);
    let real = Place::new().with("OPENAI_API_KEY", "sk-none");
    real.run(&["serve", "--test-mode"]).refuses(2, "bad_setting").says("a provider has a key");
}
