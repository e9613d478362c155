//! Lists that are searched and whose rows are expanded.

use crate::site::Site;
use copydesk_desk::DeskConfig;
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};

fn ids(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_says_what_the_parameters_say() {
    let site = Site::idle().await;
    let ann = site.accept(json!({"user": "Ann B"})).await;
    site.accept(json!({"user": "bob"})).await;
    let searched = site.get("/generations?q=user:%22Ann%20B%22%20%20status:pending").await.json();
    assert_eq!(ids(&searched), [ann["id"].as_str().unwrap()]);
    let mixed = site.get("/generations?q=status:pending&user=bob&limit=1").await.json();
    assert_eq!(mixed["data"][0]["user"], "bob");
    assert_eq!(ids(&site.get("/drafts?q=status:failed").await.json()), Vec::<&str>::new());
    assert_eq!(site.get("/generations?q=").await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_where_it_is_wrong() {
    let site = Site::idle().await;
    for (query, pointer, code) in [
        ("q=sea", "?q", "malformed"),
        ("q=user:%22ann", "?q", "malformed"),
        ("q=limit:5", "?q", "malformed"),
        ("q=status:done", "?status", "not_allowed"),
        ("q=colour:red", "?colour", "unknown_parameter"),
        ("q=user:ann%20user:bob", "?user", "repeated"),
        ("q=user:ann&user=bob", "?user", "repeated"),
        ("q=status:failed&q=user:ann", "?q", "repeated"),
    ] {
        let reply = site.get(&format!("/generations?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{query}");
        let error = &reply.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{query}: {error}");
    }
    // What is no list is not searched.
    let id = site.accept(json!({})).await["id"].as_str().unwrap().to_owned();
    let reply = site.get(&format!("/generations/{id}?q=expand:draft")).await;
    assert_eq!(reply.json()["errors"][0]["pointer"], "?q", "{}", reply.json());
}

#[tokio::test]
async fn rows_carry_what_was_asked_for_besides() {
    let site = Site::working().await;
    let done = site.finished(json!({})).await;
    let bare = &site.get("/generations").await.json()["data"][0];
    for part in ["draft", "input", "usage", "cost"] {
        assert!(bare.get(part).is_none(), "{part}: {bare}");
    }
    let row = &site.get("/generations?expand=draft,usage,input").await.json()["data"][0];
    for part in ["input", "usage", "cost"] {
        assert_eq!(row[part], done[part], "{part}");
    }
    let draft = site.get(&format!("/drafts/{}", done["draft_id"].as_str().unwrap())).await.json();
    assert!(draft["content"]["text"].is_string() || draft["content"].is_object(), "{draft}");
    assert_eq!(row["draft"], draft);
    assert_eq!(site.get("/drafts?expand=content").await.json()["data"][0], draft);
    assert!(site.get("/drafts").await.json()["data"][0].get("content").is_none());
    let one = site.get(&format!("/generations/{}?expand=draft", done["id"].as_str().unwrap())).await.json();
    assert_eq!(one["draft"], draft);
}

#[tokio::test]
async fn a_page_of_expanded_rows_is_short() {
    let site = Site::idle().await;
    for path in ["/generations?expand=draft", "/drafts?expand=content"] {
        let reply = site.get(&format!("{path}&limit=101")).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!("?limit")), "{path}");
        assert_eq!(site.get(&format!("{path}&limit=100")).await.status, 200);
        let reply = site.get(&format!("{path},colour")).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!("?expand")), "{path}");
    }
}

#[tokio::test]
async fn one_that_waits_says_its_place_and_when_it_will_probably_be_there() {
    let config = DeskConfig { max_concurrent: Some(1), ..DeskConfig::default() };
    let site = Site::with(config, ModelStore::new()).await;
    let early = site.accept(json!({})).await;
    let shown = async |row: &Value| site.get(&format!("/generations/{}", row["id"].as_str().unwrap())).await.json();
    assert_eq!(shown(&early).await["eta"], Value::Null, "none was seen yet");
    site.desk.start_working().await.unwrap();
    site.ended(&early["id"]).await;
    // One that holds the only slot, and two behind it.
    site.accept(json!({"model": "demo/held"})).await;
    let second = site.accept(json!({})).await;
    let third = site.accept(json!({})).await;
    let (second, third) = (shown(&second).await, shown(&third).await);
    assert_eq!((&second["status"], &third["status"]), (&json!("pending"), &json!("pending")));
    assert!(second["eta"].as_str() <= third["eta"].as_str(), "{} {}", second["eta"], third["eta"]);
    assert_eq!(second["queue_position"], second["waiting"]["position"]);
    let later = site.accept(json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "10m"})).await;
    assert!(shown(&later).await["eta"].as_str().unwrap().starts_with("2199-01-01T00:00:0"));
    site.provider.open_gate();
}
