//! The same request twice: by key, by dedupe key, by double click.

use crate::site::{Site, text};
use serde_json::json;

fn newsletter() -> serde_json::Value {
    json!({"recipe": "newsletter", "input": {"topic": "Rust at work"}, "user": "ann"})
}

#[tokio::test]
async fn seed_s0_b16_two_clicks_get_the_same_ids() {
    let site = Site::idle().await;
    let (one, two) = tokio::join!(site.post("/generations", newsletter()), site.post("/generations", newsletter()));
    assert_eq!((one.status, two.status), (202, 202));
    let (one, two) = (one.json(), two.json());
    assert_eq!((&one["id"], &one["draft_id"]), (&two["id"], &two["draft_id"]));
    let deduplicated = [&one, &two].into_iter().filter(|body| body["deduplicated"] == true).count();
    assert_eq!(deduplicated, 1);
    assert_eq!(site.get("/drafts").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_users_same_words_are_another_request() {
    let site = Site::idle().await;
    let ann = site.post("/generations", newsletter()).await.json();
    let mut bobs = newsletter();
    bobs["user"] = json!("bob");
    assert_ne!(ann["id"], site.post("/generations", bobs).await.json()["id"]);
}

#[tokio::test]
async fn a_replay_is_byte_identical() {
    let site = Site::working().await;
    let key = [("idempotency-key", "\"8e03978e-40d5\"")];
    let body = text(json!({"metadata": {"a": 1, "b": 2}}));
    let first = site.send("POST", "/generations", Some(body.clone()), &key).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, ""));
    assert_eq!(first.header("retry-after"), "1");
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), first.json()["urls"]["self"]);
    let scope = copydesk_desk::store::Scope::DEFAULT;
    let row = site.desk.wait(scope, id.parse().unwrap(), std::time::Duration::from_secs(30)).await.unwrap();
    assert!(row.status().is_final());
    assert_eq!(first.json()["accepted_at"], row.generation.terms.accepted_at.to_string());
    // The other spelling of the key, another order of fields, and it has ended meanwhile.
    let shuffled =
        format!("{{ \"metadata\": {{\"b\":2,\"a\":1}}, \"input\": {}, \"recipe\": \"text\" }}", body["input"]);
    let bearer = format!("Bearer {}", site.key);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json; charset=utf-8"),
        ("idempotency-key", "8e03978e-40d5"),
    ];
    let again = site.raw("POST", "/api/v1/generations", &headers, shuffled).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, "true"));
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(site.provider.calls(), 1);
}

#[tokio::test]
async fn the_replay_of_a_duplicate_is_byte_identical() {
    let site = Site::idle().await;
    site.post("/generations", newsletter()).await;
    let key = [("idempotency-key", "second-click")];
    let first = site.send("POST", "/generations", Some(newsletter()), &key).await;
    assert_eq!((first.status, &first.json()["deduplicated"]), (202, &json!(true)));
    let again = site.send("POST", "/generations", Some(newsletter()), &key).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, "true"));
    assert_eq!(again.bytes, first.bytes);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_one_route_and_one_caller() {
    let mut site = Site::idle().await;
    let key = [("idempotency-key", "k1")];
    let first = site.send("POST", "/generations", Some(text(json!({}))), &key).await.json();
    let reply = site.send("POST", "/generations", Some(text(json!({}))), &key).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "idempotency_key_reused"));
    // Another route: the draft is being filled, so this is that generation.
    let path = format!("/drafts/{}/regenerate", first["draft_id"].as_str().unwrap());
    let reply = site.send("POST", &path, Some(json!({})), &key).await;
    assert_eq!((reply.status, &reply.json()["id"]), (202, &first["id"]));
    site.key = site.key_in(copydesk_desk::store::Scope::DEFAULT).await;
    let reply = site.send("POST", "/generations", Some(text(json!({}))), &key).await;
    assert_eq!((reply.status, reply.header("idempotent-replayed")), (202, ""));
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let site = Site::idle().await;
    let key = [("idempotency-key", "k1")];
    assert_eq!(site.send("POST", "/generations", Some(json!({"recipe": "text"})), &key).await.status, 422);
    assert_eq!(site.send("POST", "/generations", Some(text(json!({}))), &key).await.status, 202);
    for bad in ["", "\"open"] {
        let reply = site.send("POST", "/generations", Some(text(json!({}))), &[("idempotency-key", bad)]).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_header"));
    }
}

#[tokio::test]
async fn the_same_prompt_to_another_model_is_another_generation() {
    let site = Site::idle().await;
    let by = |model: &str| json!({"model": model, "input": {"prompt": "The same."}});
    let first = site.accept(by("demo/writer")).await;
    let other = site.accept(by("demo/flaky")).await;
    assert_ne!(first["id"], other["id"]);
    assert_eq!(other.get("deduplicated"), None);
    let again = site.accept(by("demo/writer")).await;
    assert_eq!((&again["id"], &again["deduplicated"]), (&first["id"], &json!(true)));
}

#[tokio::test]
async fn a_callers_own_dedupe_key_finds_the_live_one() {
    let site = Site::idle().await;
    let first = site.accept(json!({"dedupe_key": "campaign-7/ann"})).await;
    assert_eq!(first.get("deduplicated"), None);
    let second = site.accept(json!({"dedupe_key": "campaign-7/ann"})).await;
    assert_eq!((&second["id"], &second["deduplicated"]), (&first["id"], &json!(true)));
    let shown = site.get(&format!("/generations/{}", first["id"].as_str().unwrap())).await.json();
    assert_eq!(shown["dedupe_key"], "campaign-7/ann");
}

#[tokio::test]
async fn a_repeated_test_of_a_model_calls_it_once() {
    let site = Site::working().await;
    let key = [("idempotency-key", "t1")];
    let body = || Some(json!({"model": "demo/writer"}));
    let first = site.send("POST", "/models/test", body(), &key).await.json();
    let again = site.send("POST", "/models/test", body(), &key).await.json();
    assert_eq!((&again["generation_id"], &again["call_id"]), (&first["generation_id"], &first["call_id"]));
    assert_eq!(site.provider.calls(), 1);
    let other = site.send("POST", "/models/test", Some(json!({"model": "demo/flaky"})), &key).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
}
