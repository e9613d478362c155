//! "Can I draft?": what is missing is said before the click.

use crate::site::Site;
use serde_json::{Value, json};

async fn asked(site: &Site, body: Value) -> Value {
    let reply = site.post("/recipes/newsletter/ready", body).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

fn status<'a>(ready: &'a Value, name: &str) -> &'a str {
    let check = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no check {name}: {ready}"))["status"].as_str().unwrap()
}

#[tokio::test]
async fn seed_s0_why_is_my_draft_empty_is_answered_before_the_click() {
    let site = Site::idle().await;
    let empty = asked(&site, json!({})).await;
    assert_eq!((&empty["can_draft"], &empty["would"]), (&json!(false), &json!("guide")));
    assert_eq!((status(&empty, "sources"), status(&empty, "items"), status(&empty, "voice")), ("warn", "fail", "warn"));
    let topic = asked(&site, json!({"input": {"topic": "Tea"}, "user": "ann", "model": "demo/editor"})).await;
    assert_eq!((&topic["can_draft"], &topic["would"]), (&json!(true), &json!("draft")), "{topic}");
    assert_eq!((status(&topic, "items"), status(&topic, "request")), ("warn", "ok"));
    assert_eq!(topic["dry_run"]["would"], "accept");
    let headlines = json!({"input": {"items": [{"title": "Tea is hot"}]}});
    assert_eq!(asked(&site, headlines).await["would"], "digest");
    assert_eq!(site.get("/drafts").await.json()["data"], json!([]), "nothing was written");
}

#[tokio::test]
async fn a_source_a_voice_and_an_opinion_are_seen_to_go_in() {
    let site = Site::idle().await;
    let source = json!({"kind": "text", "name": "Notes", "text": "The kettle was mended on Monday.", "user": "ann"});
    let made = site.post("/sources", source).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let voice = json!({"fields": {"voice_samples": ["I write as I boil water: not for long."]}});
    site.send("PUT", "/recipes/newsletter/profile?user=ann", Some(voice), &[]).await;
    let ready = asked(&site, json!({"user": "ann", "model": "demo/editor"})).await;
    assert_eq!((&ready["can_draft"], &ready["filled"]), (&json!(true), &json!(["items", "voice_samples"])), "{ready}");
    for check in ["sources", "items", "voice", "feedback", "request"] {
        assert_eq!(status(&ready, check), "ok", "{check}: {ready}");
    }
    let bobs = asked(&site, json!({"user": "bob"})).await;
    assert_eq!((&bobs["can_draft"], status(&bobs, "sources")), (&json!(false), "warn"), "it is not his source");
}

#[tokio::test]
async fn what_refuses_a_request_is_said_and_is_no_error() {
    let site = Site::idle().await;
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    let off = asked(&site, json!({"input": {"topic": "Tea"}})).await;
    assert_eq!((&off["can_draft"], &off["would"], status(&off, "request")), (&json!(false), &json!("refused"), "fail"));
    assert_eq!(off["dry_run"], Value::Null);
    let wrong = asked(&site, json!({"input": {"topic": 7}})).await;
    let told = wrong["checks"].as_array().unwrap().last().unwrap()["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("/input/topic"), "{told}");
    let nowhere = asked(&site, json!({"input": {"topic": "Tea"}, "model": "the good one"})).await;
    assert_eq!((&nowhere["would"], status(&nowhere, "request")), (&json!("refused"), "fail"), "{nowhere}");
    assert_eq!(site.post("/recipes/none/ready", json!({})).await.code(), "recipe_not_found");
    for bad in [json!({"topic": "x"}), json!({"user": ""}), json!({"input": []})] {
        assert_eq!(site.post("/recipes/newsletter/ready", bad.clone()).await.status, 422, "{bad}");
    }
}
