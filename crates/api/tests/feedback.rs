//! Feedback over HTTP: given, seen, taken back, and what it does to the next draft.

use crate::site::{Reply, Site};
use copydesk_desk::store::Scope;
use serde_json::{Value, json};

/// A finished newsletter of this user.
async fn drafted(site: &Site, user: &str) -> String {
    let body = json!({"recipe": "newsletter", "model": "demo/editor", "user": user, "input": {"topic": "tea"}});
    let made = site.send("POST", "/generations", Some(body), &[("prefer", "wait=30")]).await.json();
    assert_eq!(made["status"], "completed", "{made}");
    format!("/drafts/{}", made["draft_id"].as_str().unwrap())
}

async fn said(site: &Site, draft: &str, body: Value) -> Reply {
    site.send("PUT", &format!("{draft}/feedback"), Some(body), &[]).await
}

fn blamed(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    reply.json()["errors"][0]["pointer"].as_str().unwrap().to_owned()
}

/// The input that a newsletter of this user is asked with.
async fn asked(site: &Site, user: &str, input: Value) -> Value {
    let body = json!({"recipe": "newsletter", "model": "demo/editor", "user": user, "input": input});
    let made = site.post("/generations", body).await.json();
    site.ended(&made["id"]).await;
    site.get(&format!("/generations/{}", made["id"].as_str().unwrap())).await.json()
}

#[tokio::test]
async fn what_is_said_of_a_section_shapes_the_next_draft() {
    let site = Site::working().await;
    let draft = drafted(&site, "ann").await;
    let before = asked(&site, "ann", json!({"topic": "milk"})).await;
    assert!(before.get("filled").is_none(), "nothing was said: {before}");
    let kept = said(&site, &draft, json!({"part": "intro", "vote": "down", "comment": "Get to the\npoint."})).await;
    assert_eq!((kept.status, &kept.json()["vote"], &kept.json()["version"]), (200, &json!("down"), &json!(1)));
    said(&site, &draft, json!({"vote": "up"})).await;
    let next = asked(&site, "ann", json!({"topic": "coffee"})).await;
    let title = site.get(&draft).await.json()["title"].as_str().unwrap().to_owned();
    let expected =
        json!({"liked": [format!("the whole of \"{title}\"")], "disliked": ["the intro: Get to the point."]});
    assert_eq!((&next["input"]["feedback"], &next["filled"]), (&expected, &json!(["feedback"])));
    assert!(site.provider.prompts().iter().any(|prompt| prompt.contains("Disliked: the intro: Get to the point.")));
    // Others are not told what to do by her, and who says it himself has said it.
    assert!(asked(&site, "bob", json!({"topic": "coffee"})).await["input"].get("feedback").is_none());
    let own = asked(&site, "ann", json!({"topic": "cocoa", "feedback": {"liked": ["jokes"]}})).await;
    assert_eq!(own["input"]["feedback"], json!({"liked": ["jokes"]}));
}

#[tokio::test]
async fn a_regeneration_hears_what_was_said_of_what_it_replaces() {
    let site = Site::working().await;
    let draft = drafted(&site, "ann").await;
    said(&site, &draft, json!({"part": "topics/1", "vote": "down", "comment": "Wrong topic."})).await;
    let again = site.post(&format!("{draft}/regenerate"), json!({})).await.json();
    site.ended(&again["id"]).await;
    let kept = site.get(&format!("/generations/{}", again["id"].as_str().unwrap())).await.json();
    assert!(kept["input"]["feedback"]["disliked"][0].as_str().unwrap().ends_with(": Wrong topic."), "{kept}");
    let listed = site.get(&format!("/feedback?draft={}", draft.trim_start_matches("/drafts/"))).await.json();
    let one = listed["data"][0].clone();
    assert_eq!(
        (&one["part"], &one["version"], one["heading"].as_str().unwrap().is_empty()),
        (&json!("topics/1"), &json!(1), false)
    );
    let path = format!("/feedback/{}", one["id"].as_str().unwrap());
    assert_eq!(site.send("DELETE", &path, None, &[]).await.status, 204);
    assert_eq!(site.send("DELETE", &path, None, &[]).await.code(), "not_found");
    assert!(asked(&site, "ann", json!({"topic": "coffee"})).await["input"].get("feedback").is_none());
}

#[tokio::test]
async fn the_last_word_on_a_part_counts_and_what_is_not_there_is_named() {
    let site = Site::working().await;
    let draft = drafted(&site, "ann").await;
    let first = said(&site, &draft, json!({"part": "conclusion", "vote": "down"})).await.json();
    let second = said(&site, &draft, json!({"part": "conclusion", "vote": "up", "comment": "Warm."})).await.json();
    assert_eq!((&first["id"], &second["vote"]), (&second["id"], &json!("up")));
    assert_eq!(site.get("/feedback?recipe=newsletter").await.json()["data"].as_array().unwrap().len(), 1);
    let missing = said(&site, &draft, json!({"part": "topics/99", "vote": "up"})).await;
    assert_eq!(blamed(&missing), "/part");
    let told = missing.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("intro") && told.contains("topics/1"), "{told}");
    assert_eq!(blamed(&said(&site, &draft, json!({"vote": "sideways"})).await), "/vote");
    assert_eq!(blamed(&said(&site, &draft, json!({})).await), "/vote");
    assert_eq!(blamed(&said(&site, &draft, json!({"vote": "up", "comment": "x".repeat(2_001)})).await), "/comment");
    assert_eq!(blamed(&said(&site, &draft, json!({"vote": "up", "version": 0})).await), "/version");
    assert_eq!(said(&site, &draft, json!({"vote": "up", "version": 9})).await.code(), "not_found");
    assert_eq!(said(&site, "/drafts/drf_00000000000000000000000000", json!({"vote": "up"})).await.code(), "not_found");
    site.send("DELETE", &draft, None, &[]).await;
    assert_eq!(said(&site, &draft, json!({"vote": "up"})).await.code(), "not_found");
}

#[tokio::test]
async fn a_key_of_one_user_gives_and_sees_that_users_own() {
    let site = Site::working().await;
    let (anns, bobs) = (drafted(&site, "ann").await, drafted(&site, "bob").await);
    let (_, key) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let put = |draft: &str| format!("{draft}/feedback");
    assert_eq!(site.send_as(&key, "PUT", &put(&anns), Some(json!({"vote": "up"}))).await.status, 200);
    assert_eq!(site.send_as(&key, "PUT", &put(&bobs), Some(json!({"vote": "up"}))).await.code(), "not_found");
    let bobs = said(&site, &bobs, json!({"vote": "down"})).await.json()["id"].as_str().unwrap().to_owned();
    let seen = site.send_as(&key, "GET", "/feedback", None).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1);
    assert_eq!(site.send_as(&key, "DELETE", &format!("/feedback/{bobs}"), None).await.code(), "not_found");
    let there = site.desk.store().one_feedback(Scope::DEFAULT, bobs.parse().unwrap()).await;
    assert!(there.is_ok(), "{there:?}");
}
