//! Profiles over HTTP: set, seen, filled into requests, filled anew, and what is refused.

use crate::site::{Reply, Site};
use copydesk_desk::store::profiles::PutProfile;
use copydesk_desk::store::{ProfileStore, Scope};
use serde_json::{Value, json};

const OWN: &str = "/recipes/newsletter/profile?user=ann";
const ALL: &str = "/recipes/newsletter/profile";

async fn put(site: &Site, path: &str, fields: Value, seen: Option<&str>) -> Reply {
    let header = seen.map(|seen| ("if-match", seen));
    site.send("PUT", path, Some(json!({ "fields": fields })), header.as_slice()).await
}

/// A newsletter of Ann's, as it is kept.
async fn asked(site: &Site, input: Value) -> Value {
    let body = json!({"recipe": "newsletter", "model": "demo/editor", "user": "ann", "input": input});
    let reply = site.post("/generations", body).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    site.get(&format!("/generations/{}", reply.json()["id"].as_str().unwrap())).await.json()
}

#[tokio::test]
async fn a_request_is_filled_from_the_users_own_profile_and_then_from_everybodys() {
    let site = Site::idle().await;
    let own = json!({"tone": {"formality": "casual"}});
    let made = put(&site, OWN, own.clone(), None).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    assert_eq!((&made.json()["user"], &made.json()["fields"]), (&json!("ann"), &own));
    let everybodys = json!({"tone": {"formality": "formal"}, "language": "German", "topics": 3});
    assert_eq!(put(&site, ALL, everybodys, None).await.status, 201);
    let kept = asked(&site, json!({"topic": "tea", "topics": 4})).await;
    let whole = json!({"topic": "tea", "topics": 4, "tone": {"formality": "casual"}, "language": "German"});
    assert_eq!((&kept["input"], &kept["filled"]), (&whole, &json!(["language", "tone"])));
    // Somebody without one of his own has everybody's.
    let body = json!({"recipe": "newsletter", "user": "bob", "input": {"topic": "tea"}});
    let bobs = site.post("/generations", body).await.json();
    let bobs = site.get(&format!("/generations/{}", bobs["id"].as_str().unwrap())).await.json();
    assert_eq!(bobs["input"]["tone"]["formality"], "formal");
    // Another recipe has none.
    let other = site.accept(json!({"user": "ann"})).await;
    let other = site.get(&format!("/generations/{}", other["id"].as_str().unwrap())).await.json();
    assert!(other.get("filled").is_none(), "{other}");
    let listed = site.get("/profiles?q=recipe:newsletter&order=asc").await.json();
    let users: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|row| &row["user"]).collect();
    assert_eq!(users, [&json!("ann"), &Value::Null]);
}

#[tokio::test]
async fn a_regeneration_is_filled_anew_and_keeps_what_the_request_said() {
    let site = Site::working().await;
    put(&site, OWN, json!({"tone": {"formality": "casual"}, "topics": 3}), None).await;
    let first = asked(&site, json!({"topic": "tea", "topics": 5})).await;
    site.ended(&first["id"]).await;
    assert_eq!(put(&site, OWN, json!({"tone": {"formality": "formal"}, "topics": 9}), Some("\"1\"")).await.status, 200);
    let again = format!("/drafts/{}/regenerate", first["draft_id"].as_str().unwrap());
    let second = site.post(&again, json!({})).await.json();
    let second = site.get(&format!("/generations/{}", second["id"].as_str().unwrap())).await.json();
    assert_eq!(second["input"], json!({"topic": "tea", "topics": 5, "tone": {"formality": "formal"}}));
    // The first one keeps what it was made with.
    let first = site.get(&format!("/generations/{}", first["id"].as_str().unwrap())).await.json();
    assert_eq!(first["input"]["tone"]["formality"], "casual");
}

#[tokio::test]
async fn seed_b20_what_a_profile_says_reaches_the_prompt() {
    let site = Site::working().await;
    let voice = "I never write a sentence that my grandmother would not finish.";
    put(&site, OWN, json!({"voice_samples": [voice]}), None).await;
    let one = asked(&site, json!({"topic": "tea"})).await;
    site.ended(&one["id"]).await;
    assert!(site.provider.prompts().iter().any(|prompt| prompt.contains(voice)), "{:?}", site.provider.prompts());
}

#[tokio::test]
async fn items_of_a_job_are_filled_with_their_own_users_profile() {
    let site = Site::working().await;
    put(&site, OWN, json!({"language": "German"}), None).await;
    let item = |user: &str| json!({"user": user, "input": {"topic": user}});
    let items = json!({"recipe": "newsletter", "model": "demo/editor", "items": [item("ann"), item("bob")]});
    let job = site.send("POST", "/jobs", Some(items), &[("prefer", "wait=30")]).await.json();
    let rows = site.get(&format!("/generations?job={}&order=asc&expand=input", job["id"].as_str().unwrap())).await;
    let languages: Vec<Value> =
        rows.json()["data"].as_array().unwrap().iter().map(|row| row["input"]["language"].clone()).collect();
    assert_eq!(languages, [json!("German"), Value::Null]);
}

#[tokio::test]
async fn who_has_not_seen_what_is_there_changes_nothing() {
    let site = Site::idle().await;
    put(&site, ALL, json!({"language": "German"}), None).await;
    let blind = put(&site, ALL, json!({"language": "English"}), None).await;
    assert_eq!((blind.status, blind.code().as_str()), (428, "if_match_required"));
    let stale = put(&site, ALL, json!({"language": "English"}), Some("\"7\"")).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "version_conflict"));
    let read = site.get(ALL).await;
    assert_eq!((read.header("etag"), &read.json()["fields"]["language"]), ("\"1\"", &json!("German")));
    assert_eq!(put(&site, ALL, json!({"language": "English"}), Some("*")).await.header("etag"), "\"2\"");
    let stale = site.send("DELETE", ALL, None, &[("if-match", "\"1\"")]).await;
    assert_eq!(stale.code(), "version_conflict");
    assert_eq!(site.send("DELETE", ALL, None, &[("if-match", "\"2\"")]).await.status, 204);
    assert_eq!(site.get(ALL).await.code(), "not_found");
    assert_eq!(site.send("DELETE", ALL, None, &[]).await.code(), "not_found");
    let gone = put(&site, ALL, json!({"language": "English"}), Some("\"2\"")).await;
    assert_eq!(gone.code(), "not_found");
    assert_eq!(asked(&site, json!({"topic": "tea"})).await["input"], json!({"topic": "tea"}));
}

#[tokio::test]
async fn what_does_not_fit_the_recipe_is_named() {
    let site = Site::idle().await;
    for (fields, pointer, code) in [
        (json!({"tone": {"formality": "rude"}}), "/fields/tone/formality", "not_allowed"),
        (json!({"colour": "red"}), "/fields/colour", "unknown_field"),
        (json!({"items": [{"link": "https://a.example"}]}), "/fields/items/0/title", "required"),
        (json!([]), "/fields", "wrong_type"),
    ] {
        let reply = put(&site, ALL, fields.clone(), None).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{fields}");
        let error = &reply.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{fields}: {error}");
    }
    assert_eq!(put(&site, "/recipes/nothing/profile", json!({}), None).await.code(), "recipe_not_found");
    let long = format!("{ALL}?user={}", "u".repeat(300));
    assert_eq!(put(&site, &long, json!({}), None).await.json()["errors"][0]["pointer"], "?user");
    // A recipe needs its prompt of somebody; a profile need not say it.
    assert_eq!(put(&site, "/recipes/text/profile", json!({}), None).await.status, 201);
}

#[tokio::test]
async fn s_02_a_key_of_one_user_sees_and_sets_that_users_own_only() {
    let site = Site::idle().await;
    put(&site, ALL, json!({"language": "German"}), None).await;
    put(&site, OWN, json!({"topics": 3}), None).await;
    let (_, bob) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    let as_bob = async |method: &str, path: &str, body: Option<Value>| site.send_as(&bob, method, path, body).await;
    // Without a name it is his own that is meant.
    assert_eq!(as_bob("GET", ALL, None).await.code(), "not_found");
    assert_eq!(as_bob("GET", OWN, None).await.code(), "validation_failed");
    let fields = json!({"fields": {"topics": 4}});
    let made = as_bob("PUT", ALL, Some(fields)).await;
    assert_eq!((made.status, &made.json()["user"]), (201, &json!("bob")));
    let seen = as_bob("GET", "/profiles", None).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1, "{seen}");
    // Everybody's goes into his requests all the same.
    let body = json!({"recipe": "newsletter", "input": {"topic": "tea"}});
    let one = as_bob("POST", "/generations", Some(body)).await.json();
    let one = as_bob("GET", &format!("/generations/{}", one["id"].as_str().unwrap()), None).await.json();
    assert_eq!(one["input"], json!({"topic": "tea", "topics": 4, "language": "German"}));
    let elsewhere = site.elsewhere_in_it().await;
    assert_eq!(elsewhere.get(ALL).await.code(), "not_found");
    assert_eq!(elsewhere.get("/profiles").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_dry_run_is_filled_and_a_field_that_no_longer_fits_says_whose_it_is() {
    let site = Site::idle().await;
    // The recipe knew this field when the profile was set.
    let old = PutProfile {
        scope: Scope::DEFAULT,
        at: site.desk.world().now(),
        id: "prf_01900000000000000000000000".parse().unwrap(),
        recipe: "newsletter".to_owned(),
        user: None,
        fields: json!({"colour": "red"}).to_string(),
        revision: None,
    };
    site.store.put_profile(old).await.unwrap();
    let body = json!({"recipe": "newsletter", "input": {"topic": "tea"}});
    let reply = site.post("/generations?dry_run=true", body).await;
    let error = &reply.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/input/colour"), &json!("unknown_field")), "{error}");
    assert!(error["detail"].as_str().unwrap().ends_with("(a profile says it, the request does not)"), "{error}");
    assert_eq!(put(&site, ALL, json!({"language": "German"}), Some("*")).await.status, 200);
    let body = json!({"recipe": "newsletter", "input": {"topic": "tea"}});
    assert_eq!(site.post("/generations?dry_run=true", body).await.status, 200);
}
