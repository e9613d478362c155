//! The providers over HTTP: who sees which, what is shown of them, and what a test of one asks and costs.

use crate::site::{Setup, Site};
use copydesk_providers::{ErrorClass, HttpClient, OpenAiCompatible};
use serde_json::{Value, json};
use std::sync::Arc;

/// The demo provider, and one that nobody answers at.
async fn two() -> Site {
    let house = OpenAiCompatible::new("house", "http://127.0.0.1:9/v1", HttpClient::new().unwrap());
    Site::made(Setup { others: vec![Arc::new(house)], ..Setup::default() }).await
}

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_test_key_knows_of_the_demo_provider_only() {
    let site = two().await;
    assert_eq!(names(&site.get("/providers").await.json()), ["demo", "house"]);
    let (_, test) = site.new_key(json!({"name": "t", "mode": "test", "role": "admin"})).await;
    assert!(test.starts_with("dk_test_"), "{test}");
    let seen = site.send_as(&test, "GET", "/providers", None).await;
    assert_eq!((seen.status, names(&seen.json())), (200, vec!["demo"]));
    let unknown = site.send_as(&test, "GET", "/providers/nobody", None).await;
    for (method, path) in [("GET", "/providers/house"), ("POST", "/providers/house/test")] {
        let body = (method == "POST").then(|| json!({}));
        let hidden = site.send_as(&test, method, path, body).await;
        assert_eq!((hidden.status, hidden.code()), (unknown.status, unknown.code()), "{path}");
        assert_eq!(
            hidden.json()["detail"].as_str().unwrap().replace("house", "nobody"),
            unknown.json()["detail"].as_str().unwrap()
        );
    }
    assert_eq!(site.send_as(&test, "GET", "/providers/demo", None).await.status, 200);
}

#[tokio::test]
async fn a_provider_is_shown_with_its_models_and_its_breaker() {
    let site = Site::working().await;
    let before = site.get("/providers/demo").await.json();
    assert_eq!((&before["breaker"], &before["cooling"]), (&json!("closed"), &Value::Null));
    assert_eq!((&before["key_set"], &before["lists_models"]), (&json!(false), &json!(false)));
    assert!(before["models"].as_array().unwrap().contains(&json!("demo/writer")), "{before}");
    // A key that is refused keeps every model of the provider from answering.
    site.post("/models/test", json!({"model": "demo/locked"})).await;
    let after = site.get("/providers/demo").await.json();
    assert_eq!((&after["breaker"], &after["cooling"]["code"]), (&json!("open"), &json!("provider_auth")));
}

#[tokio::test]
async fn the_cheapest_proof_is_the_list_and_it_is_on_no_books() {
    let site = Site::working().await;
    *site.provider.listing.lock().unwrap() = Some(Ok(vec!["writer".to_owned(), "new-one".to_owned()]));
    let reply = site.post("/providers/demo/test", json!({})).await;
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["ok"], &body["proof"], &body["call"]),
        (200, &json!(true), &json!("models"), &Value::Null)
    );
    assert_eq!(body["list"]["models"], json!(["demo/writer", "demo/new-one"]));
    assert_eq!(reply.header("copydesk-cost"), "", "nothing was called");
    *site.provider.listing.lock().unwrap() = Some(Err(ErrorClass::Unauthorized));
    let body = site.post("/providers/demo/test", json!({})).await.json();
    assert_eq!((&body["ok"], &body["list"]["error"]["code"]), (&json!(false), &json!("provider_auth")));
    assert_eq!(body["list"]["models"], Value::Null);
    let dry = site.post("/providers/demo/test?dry_run=true", json!({})).await.json();
    assert_eq!(dry, json!({"object": "dry_run", "would": "list_models", "provider": "demo"}));
    assert_eq!(site.provider.calls(), 0);
    assert_eq!(site.get("/usage/rows").await.json()["data"], json!([]));
    assert_eq!(site.get("/providers/demo").await.json()["breaker"], "closed", "no breaker moved");
}

#[tokio::test]
async fn a_test_by_a_call_is_metered_and_the_same_twice_under_one_key() {
    let site = Site::working().await;
    let asked = || Some(json!({"model": "demo/writer"}));
    let dry = site.send("POST", "/providers/demo/test?dry_run=true", asked(), &[]).await.json();
    assert_eq!((&dry["object"], &dry["would"]), (&json!("dry_run"), &json!("accept")));
    let key = [("idempotency-key", "once")];
    let reply = site.send("POST", "/providers/demo/test", asked(), &key).await;
    assert_eq!((reply.status, reply.header("copydesk-cost")), (200, "nanousd=3900, status=priced"));
    let body = reply.json();
    assert_eq!((&body["ok"], &body["proof"], &body["list"]), (&json!(true), &json!("call"), &Value::Null));
    let again = site.send("POST", "/providers/demo/test", asked(), &key).await.json();
    assert_eq!(again["call"]["call_id"], body["call"]["call_id"]);
    assert_eq!(site.get("/usage/rows").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_tested_says_why() {
    let site = two().await;
    let refused = site.post("/providers/demo/test", json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"));
    assert!(refused.json()["errors"][0]["detail"].as_str().unwrap().contains("demo/MODEL"));
    let strange = site.post("/providers/demo/test", json!({"model": "house/x"})).await;
    assert_eq!((strange.status, strange.code().as_str()), (422, "validation_failed"));
    let unknown = site.post("/providers/demo/test", json!({"model": "demo/wrter"})).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "model_not_found"));
    let field = site.post("/providers/demo/test", json!({"modell": "demo/writer"})).await;
    assert_eq!((field.status, field.code().as_str()), (422, "validation_failed"));
    let nobody = site.post("/providers/nobody/test", json!({})).await;
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "not_found"));
    // Nobody listens there: that is the answer, not an error.
    let dead = site.post("/providers/house/test", json!({})).await;
    assert_eq!((dead.status, &dead.json()["list"]["error"]["code"]), (200, &json!("provider_unreachable")));
}

#[tokio::test]
async fn providers_are_the_operators() {
    let site = Site::idle().await;
    let foreign = site.key_in(crate::site::other_workspace()).await;
    let (_, viewer) = site.new_key(json!({"role": "viewer"})).await;
    for (method, path) in [("GET", "/providers"), ("GET", "/providers/demo"), ("POST", "/providers/demo/test")] {
        let body = || (method == "POST").then(|| json!({}));
        assert_eq!(site.raw(method, &format!("/api/v1{path}"), &[], "").await.code(), "missing_key");
        assert_eq!(site.send_as("dk_live_wrong", method, path, body()).await.code(), "invalid_key");
        assert_eq!(site.send_as(&foreign, method, path, body()).await.code(), "scope_missing", "{path}");
    }
    assert_eq!(site.send_as(&viewer, "POST", "/providers/demo/test", Some(json!({}))).await.code(), "scope_missing");
}
