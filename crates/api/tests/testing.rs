//! Test mode over HTTP: the clock and the faults, what is refused, and that there is none of it elsewhere.

use crate::site::{Setup, Site};
use copydesk_desk::World;
use copydesk_desk::clock::{MovableClock, SystemDice};
use copydesk_desk::testing::{Faults, TestMode};
use copydesk_store_tests::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

async fn site() -> Site {
    let clock = Arc::new(MovableClock::default());
    let world = World::new(clock.clone(), Arc::new(SystemDice::default()));
    let site = Site::made(Setup { world, ..Setup::default() }).await;
    site.set_up(|api| api.test = Some(TestMode { clock, faults: Faults::default() }))
}

#[tokio::test]
async fn moving_the_clock_over_a_deadline_fails_what_hangs() {
    let site = site().await;
    site.desk.start_working().await.unwrap();
    let accepted = site.accept(json!({"model": "demo/held", "deadline": "10m"})).await;
    let path = format!("/generations/{}", accepted["id"].as_str().unwrap());
    while site.get(&path).await.json()["status"] != "processing" {
        tokio::task::yield_now().await;
    }
    let moved = site.post("/test/clock", json!({"advance": "PT1M"})).await;
    assert_eq!((moved.status, &moved.json()["ahead_s"]), (200, &json!(60)));
    assert_eq!(site.get(&path).await.json()["status"], "processing");
    assert_eq!(site.post("/test/clock", json!({"advance": "PT10M"})).await.json()["ahead_s"], 660);
    let ended = site.ended(&accepted["id"]).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("deadline_exceeded")));
    assert_eq!(ended["attempt"], 1, "its own node was never taken for dead");
    let (deadline, finished) = (ended["deadline_at"].as_str().unwrap(), ended["finished_at"].as_str().unwrap());
    assert!(finished >= deadline, "{finished} {deadline}");
}

#[tokio::test]
async fn a_sweep_right_behind_a_jump_finds_its_own_node_alive() {
    let clock = Arc::new(MovableClock::default());
    let world = World::new(clock.clone(), Arc::new(SystemDice::default()));
    let site = Site::made(Setup { world, ..Setup::default() }).await;
    site.desk.start_working().await.unwrap();
    let accepted = site.accept(json!({"model": "demo/held"})).await;
    let path = format!("/generations/{}", accepted["id"].as_str().unwrap());
    while site.get(&path).await.json()["status"] != "processing" {
        tokio::task::yield_now().await;
    }
    let test = TestMode { clock, faults: Faults::default() };
    let beats = site.faults.called(Method::Heartbeat);
    assert!(site.desk.move_clock(&test, Duration::from_secs(60)).await.unwrap());
    // Nothing else had its turn in between.
    assert_eq!(site.faults.called(Method::Heartbeat), beats + 1, "it said that it lives as it moved the clock");
    assert_eq!(site.desk.sweep_once().await.unwrap(), [], "twice the lease is over, and nothing was lost");
    assert_eq!(site.get(&path).await.json()["status"], "processing");
}

#[tokio::test]
async fn answers_say_how_long_they_took_in_test_mode_only() {
    let site = site().await;
    let timing = site.get("/test/clock").await.header("server-timing").to_owned();
    assert!(
        timing.starts_with("total;dur=") && timing.contains(", auth;dur=") && timing.contains(", route;dur="),
        "{timing}"
    );
    assert!(site.raw("GET", "/livez", &[], "").await.header("server-timing").starts_with("total;dur="));
    let usual = Site::idle().await;
    assert_eq!(usual.get("/status").await.header("server-timing"), "");
}

#[tokio::test]
async fn faults_are_ordered_listed_and_taken_back() {
    let site = site().await;
    let set = |model: &'static str, fault: &'static str, times: Value| {
        site.post("/test/faults", json!({"model": model, "fault": fault, "times": times}))
    };
    let one = set("demo/writer", "error_500", json!(3)).await;
    let wanted = json!([{"object": "test_fault", "model": "demo/writer", "fault": "error_500", "times": 3}]);
    assert_eq!((one.status, &one.json()["data"]), (200, &wanted));
    assert_eq!(set("demo/writer", "error_500", json!(3)).await.json()["data"], wanted, "twice is once");
    for (model, fault, times) in [
        ("openai/gpt", "hang", json!(1)),
        ("demo/painter", "hang", json!(1)),
        ("demo/writer", "melts", json!(1)),
        ("demo/writer", "hang", json!(0)),
        ("demo/writer", "hang", json!(1_001)),
        ("demo/writer", "hang", json!("one")),
    ] {
        let refused = set(model, fault, times.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"), "{model} {fault} {times}");
    }
    assert_eq!(site.send("DELETE", "/test/faults?model=demo/chat", None, &[]).await.status, 204);
    assert_eq!(site.get("/test/faults").await.json()["data"], wanted);
    assert_eq!(site.send("DELETE", "/test/faults", None, &[]).await.status, 204);
    assert_eq!(site.get("/test/faults").await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_clock_only_goes_forward_and_not_for_ever() {
    let site = site().await;
    for wrong in [
        json!({}),
        json!({"advance": "-PT1M"}),
        json!({"advance": "11m"}),
        json!({"advance": 660}),
        json!({"advance": "PT0S"}),
        json!({"advance": "P367D"}),
        json!({"advance": "PT1M", "to": 1}),
    ] {
        let refused = site.post("/test/clock", wrong.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"), "{wrong}");
    }
    assert_eq!(site.get("/test/clock").await.json()["ahead_s"], 0);
    for _ in 0..10 {
        assert_eq!(site.post("/test/clock", json!({"advance": "P366D"})).await.status, 200);
    }
    let far = site.post("/test/clock", json!({"advance": "PT1S"})).await;
    assert_eq!((far.status, far.code().as_str()), (422, "validation_failed"));
}

#[tokio::test]
async fn test_mode_is_the_operators_and_is_described_where_it_is() {
    let (testing, usual) = (site().await, Site::idle().await);
    let foreign = testing.key_in(crate::site::other_workspace()).await;
    for (method, path) in [
        ("GET", "/test/clock"),
        ("POST", "/test/clock"),
        ("GET", "/test/faults"),
        ("POST", "/test/faults"),
        ("DELETE", "/test/faults"),
    ] {
        let body = || match path {
            _ if method != "POST" => None,
            "/test/clock" => Some(json!({"advance": "PT1S"})),
            _ => Some(json!({"model": "demo/writer", "fault": "hang"})),
        };
        assert_eq!(testing.raw(method, &format!("/api/v1{path}"), &[], "").await.code(), "missing_key");
        assert_eq!(testing.send_as("dk_live_wrong", method, path, body()).await.code(), "invalid_key");
        assert_eq!(testing.send_as(&foreign, method, path, body()).await.code(), "scope_missing");
        let nothing = usual.send(method, path, body(), &[]).await;
        assert_eq!((nothing.status, nothing.code().as_str()), (404, "not_found"), "{method} {path}");
        assert!(
            nothing.json()["detail"].as_str().unwrap().starts_with("There is nothing at"),
            "as any unknown address"
        );
    }
    for (site, there) in [(&testing, true), (&usual, false)] {
        let document = site.raw("GET", "/openapi.json", &[], "").await.json();
        assert_eq!(document["paths"].get("/api/v1/test/clock").is_some(), there);
    }
}
