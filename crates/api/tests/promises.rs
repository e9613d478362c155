//! Promises and health over HTTP: what is said of them, that both say the truth about damage, and whose they are.

use crate::site::Site;
use copydesk_desk::DeskConfig;
use copydesk_desk::store::StoreError;
use copydesk_desk::store::promises::PROMISES;
use copydesk_store_tests::{Method, When};
use serde_json::{Value, json};

fn check<'a>(body: &'a Value, name: &str) -> &'a Value {
    let all = body["checks"].as_array().unwrap();
    all.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {body}"))
}

#[tokio::test]
async fn every_promise_is_listed_and_can_be_proved() {
    let site = Site::working().await;
    site.finished(json!({})).await;
    let list = site.get("/promises").await.json();
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, PROMISES.iter().map(|promise| promise.name).collect::<Vec<_>>());
    assert!(list["data"].as_array().unwrap().iter().all(|one| one["ok"] == true && one["last_round_at"].is_null()));
    let mut rows = 0;
    for name in names {
        let one = site.get(&format!("/promises/{name}")).await.json();
        assert_eq!((&one["name"], &one["violations"], &one["findings"]), (&json!(name), &json!(0), &json!([])));
        for _ in 0..2 {
            let run = site.post(&format!("/promises/{name}/run"), json!({})).await;
            assert_eq!(run.status, 200);
            let run = run.json();
            assert_eq!(
                (&run["ok"], &run["complete"], &run["findings"]),
                (&json!(true), &json!(true), &json!([])),
                "{run}"
            );
            rows += run["rows"].as_u64().unwrap();
        }
    }
    assert!(rows > 0, "something was looked at");
}

#[tokio::test]
async fn one_proof_at_a_time_and_unknown_promises_are_named() {
    let site = Site::idle().await;
    let unknown = site.get("/promises/world_peace").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"));
    assert!(unknown.json()["hint"].as_str().unwrap().contains("balances_add_up"));
    assert_eq!(site.post("/promises/world_peace/run", json!({})).await.status, 404);
    let field = site.post("/promises/one_result/run", json!({"now": true})).await;
    assert_eq!((field.status, field.code().as_str()), (422, "validation_failed"));
    let foreign = site.key_in(crate::site::other_workspace()).await;
    let (_, viewer) = site.new_key(json!({"role": "viewer"})).await;
    for (method, path) in [
        ("GET", "/health"),
        ("GET", "/promises"),
        ("GET", "/promises/one_result"),
        ("POST", "/promises/one_result/run"),
    ] {
        let body = || (method == "POST").then(|| json!({}));
        assert_eq!(site.raw(method, &format!("/api/v1{path}"), &[], "").await.code(), "missing_key");
        assert_eq!(site.send_as("dk_live_wrong", method, path, body()).await.code(), "invalid_key");
        assert_eq!(site.send_as(&foreign, method, path, body()).await.code(), "scope_missing", "{path}");
    }
    assert_eq!(
        site.send_as(&viewer, "POST", "/promises/one_result/run", Some(json!({}))).await.code(),
        "scope_missing"
    );
}

#[tokio::test]
async fn health_grades_the_checks_of_the_doctor() {
    let site = Site::working().await;
    let health = site.get("/health").await.json();
    assert_eq!(health["status"], "ok", "{health}");
    let doctor = site.get("/doctor").await.json();
    let names = |body: &Value| -> Vec<String> {
        body["checks"].as_array().unwrap().iter().map(|check| check["name"].to_string()).collect()
    };
    assert_eq!(names(&health), names(&doctor), "one list");
    for name in ["storage", "schema", "canary", "clock", "disk", "worker", "waiting", "providers", "webhooks", "audit"]
    {
        assert_eq!(check(&health, name)["status"], "ok", "{name}");
    }
    // A provider that refuses our key is left alone: worth a look, no fault of the installation.
    site.post("/models/test", json!({"model": "demo/locked"})).await;
    let health = site.get("/health").await.json();
    assert_eq!((&health["status"], &check(&health, "providers")["status"]), (&json!("warn"), &json!("warn")));
    assert!(check(&health, "providers")["fix"].as_str().unwrap().contains("copydesk providers test"));
    assert_eq!(site.get("/doctor").await.json()["ok"], true);
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    let health = site.get("/health").await.json();
    assert_eq!((&health["status"], &check(&health, "pauses")["status"]), (&json!("fail"), &json!("fail")));
}

#[tokio::test]
async fn a_store_that_takes_no_writes_or_fails_is_a_grade_and_not_an_error() {
    let (site, faults) = Site::faulty(DeskConfig::default()).await;
    let error = StoreError::Unavailable("no disk".to_owned());
    faults.fail_next(Method::Backlog, 1, When::Before, error);
    let health = site.get("/health").await;
    assert_eq!((health.status, &check(&health.json(), "waiting")["status"]), (200, &json!("fail")));
    let error = StoreError::Unavailable("attempt to write a readonly database".to_owned());
    faults.fail_next(Method::Canary, 2, When::Before, error);
    let health = site.get("/health").await.json();
    assert_eq!((&health["status"], &check(&health, "canary")["status"]), (&json!("fail"), &json!("fail")));
    assert_eq!(check(&health, "storage")["status"], "ok", "it can still be read");
    assert_eq!(site.get("/doctor").await.json()["ok"], false);
    assert!(!health.to_string().contains("readonly database"), "the database's words are for the log");
    assert_eq!(check(&site.get("/health").await.json(), "canary")["status"], "ok", "and it is well again");
}

#[tokio::test]
async fn a_second_proof_is_told_that_one_runs() {
    let site = Site::idle().await;
    site.faults.hold(Method::Prove);
    let first = site.post("/promises/one_result/run", json!({}));
    let second = async {
        while site.faults.called(Method::Prove) == 0 {
            tokio::task::yield_now().await;
        }
        let proof = site.post("/promises/balances_add_up/run", json!({})).await;
        let audit = site.get("/audit").await;
        site.faults.let_go();
        [proof, audit]
    };
    let (first, seconds) = futures::join!(first, second);
    for second in seconds {
        assert_eq!((second.status, second.code().as_str()), (409, "audit_running"));
    }
    assert_eq!(first.status, 200);
}
