//! Keys of one user: they see, make and change that user's things, and a foreign id answers like one that nobody has.

use crate::site::{Site, text};
use copydesk_desk::DeskConfig;
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};

async fn member(site: &Site, user: &str) -> String {
    site.new_key(json!({"role": "member", "user": user})).await.1
}

async fn finished(site: &Site, key: &str, more: Value) -> Value {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("prefer", "wait=30")];
    let reply = site.raw("POST", "/api/v1/generations", &headers, text(more).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

#[tokio::test]
async fn s_01_another_users_id_answers_like_one_that_nobody_has() {
    let site = Site::working().await;
    let (ann, bob) = (member(&site, "ann").await, member(&site, "bob").await);
    let done = finished(&site, &ann, json!({"external_id": "mine"})).await;
    assert_eq!(done["user"], "ann");
    let (generation, draft) = (done["id"].as_str().unwrap(), done["draft_id"].as_str().unwrap());
    let routes = [
        ("GET", "/generations/ID", None),
        ("GET", "/generations/ID/why", None),
        ("GET", "/generations/ID/calls", None),
        ("GET", "/generations/ID/stream", None),
        ("POST", "/generations/ID/cancel", Some(json!({}))),
        ("POST", "/generations/ID/retry", Some(json!({}))),
        ("POST", "/generations/ID/extend", Some(json!({"deadline": "10m"}))),
        ("GET", "/drafts/ID", None),
        ("GET", "/drafts/ID/versions", None),
        ("GET", "/drafts/ID/versions/1", None),
        ("POST", "/drafts/ID/versions/1/restore", Some(json!({}))),
        ("PATCH", "/drafts/ID", Some(json!({"title": "x"}))),
        ("DELETE", "/drafts/ID", None),
        ("POST", "/drafts/ID/undelete", Some(json!({}))),
        ("POST", "/drafts/ID/publish", Some(json!({}))),
        ("POST", "/drafts/ID/unpublish", Some(json!({}))),
        ("POST", "/drafts/ID/approve", Some(json!({}))),
        ("POST", "/drafts/ID/reject", Some(json!({}))),
        ("POST", "/drafts/ID/regenerate", Some(json!({}))),
        ("POST", "/generations", Some(json!({"recipe": "text", "input": {"prompt": "x"}, "draft_id": "ID"}))),
    ];
    let bearer = format!("Bearer {bob}");
    for (method, path, body) in routes {
        let of_draft = path.starts_with("/drafts") || path == "/generations";
        let (theirs, nobodys) = match of_draft {
            true => (draft, "drf_01900000000000000000000000"),
            false => (generation, "gen_01900000000000000000000000"),
        };
        let mut answers = Vec::new();
        for id in [theirs, nobodys] {
            let mut headers = vec![("authorization", bearer.as_str()), ("x-request-id", "same")];
            if body.is_some() {
                headers.push(("content-type", "application/json"));
            }
            if method == "PATCH" {
                headers.push(("if-match", "*"));
            }
            let body = body.as_ref().map(|body| body.to_string().replace("ID", id)).unwrap_or_default();
            let reply = site.raw(method, &format!("/api/v1{}", path.replace("ID", id)), &headers, body).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
            answers.push(String::from_utf8(reply.bytes).unwrap().replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    assert_eq!(site.send_as(&bob, "GET", "/drafts/ext:mine", None).await.status, 404);
    for own in [format!("/generations/{generation}"), format!("/drafts/{draft}"), "/drafts/ext:mine".to_owned()] {
        assert_eq!(site.send_as(&ann, "GET", &own, None).await.status, 200, "{own}");
    }
}

#[tokio::test]
async fn s_02_lists_and_filters_show_a_members_own_things_only() {
    let site = Site::working().await;
    let (ann, bob) = (member(&site, "ann").await, member(&site, "bob").await);
    finished(&site, &ann, json!({})).await;
    let foreign = finished(&site, &bob, json!({})).await;
    let anonymous = site.finished(json!({})).await;
    for path in ["/generations", "/drafts", "/usage/rows"] {
        let all = site.get(path).await.json();
        assert_eq!(all["data"].as_array().unwrap().len(), 3, "{path}: the owner sees everybody's");
        let own = site.send_as(&ann, "GET", path, None).await.json();
        assert_eq!(own["data"].as_array().unwrap().len(), 1, "{path}");
        assert!(own["data"][0].to_string().contains("ann"), "{path}: {own}");
        for filter in ["bob", foreign["user_id"].as_str().unwrap_or("bob"), "anonymous"] {
            let theirs = site.send_as(&ann, "GET", &format!("{path}?user={filter}"), None).await.json();
            assert_eq!(theirs["data"], json!([]), "{path}?user={filter}");
        }
        let named = site.send_as(&ann, "GET", &format!("{path}?user=ann"), None).await.json();
        assert_eq!(named["data"].as_array().unwrap().len(), 1, "{path}?user=ann");
    }
    let usage = site.send_as(&ann, "GET", "/usage?group_by=user", None).await;
    let said = String::from_utf8(usage.bytes).unwrap();
    assert!(!said.contains("bob") && !said.contains("anonymous"), "{said}");
    let draft = anonymous["draft_id"].as_str().unwrap();
    let filtered = site.send_as(&ann, "GET", &format!("/generations?draft={draft}"), None).await.json();
    assert_eq!(filtered["data"], json!([]));
}

#[tokio::test]
async fn a_member_asks_for_himself_and_for_nobody_else() {
    let site = Site::idle().await;
    let ann = member(&site, "ann").await;
    let ask = async |more: Value| site.send_as(&ann, "POST", "/generations", Some(text(more))).await;
    let refused = ask(json!({"user": "bob"})).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["pointer"].clone()), (422, json!("/user")));
    for more in [json!({}), json!({"user": "ann"})] {
        let id = ask(more).await.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(site.get(&format!("/generations/{id}")).await.json()["user"], "ann");
    }
    let rehearsed = site.send_as(&ann, "POST", "/generations?dry_run=true", Some(text(json!({})))).await.json();
    assert_eq!(rehearsed["user"], "ann");
}

#[tokio::test]
async fn s_02_the_same_dedupe_key_of_two_users_is_two_generations() {
    let site = Site::idle().await;
    let (ann, bob) = (member(&site, "ann").await, member(&site, "bob").await);
    let ask = async |key: &str| {
        let reply = site.send_as(key, "POST", "/generations", Some(text(json!({"dedupe_key": "same"})))).await;
        assert_eq!(reply.status, 202, "{}", reply.json());
        reply.json()["id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (ask(&ann).await, ask(&bob).await);
    assert_ne!(first, second);
    assert_eq!(ask(&ann).await, first, "one's own is still the same");
    let shown = site.send_as(&bob, "GET", &format!("/generations/{second}"), None).await.json();
    assert!(shown["dedupe_key"].is_null() || shown["dedupe_key"] == "same", "{shown}");
}

#[tokio::test]
async fn s_02_a_locked_target_does_not_name_another_users_generation() {
    let site = Site::idle().await;
    let (ann, bob) = (member(&site, "ann").await, member(&site, "bob").await);
    let ask = async |key: &str| {
        let body = text(json!({"target": "page/1"}));
        site.send_as(key, "POST", "/generations", Some(body)).await.json()["id"].as_str().unwrap().to_owned()
    };
    let (held, waits) = (ask(&ann).await, ask(&bob).await);
    let why = site.send_as(&bob, "GET", &format!("/generations/{waits}/why"), None).await.json();
    assert_eq!(why["waiting"]["reason"], "behind_others", "{why}");
    assert!(!why.to_string().contains(&held));
    let operator = site.get(&format!("/generations/{waits}/why")).await.json();
    assert!(operator.to_string().contains(&held), "{operator}");
}

#[tokio::test]
async fn a_member_sees_his_own_credits_only() {
    let site = Site::with(DeskConfig { credits: true, ..DeskConfig::default() }, ModelStore::new()).await;
    for user in ["ann", "bob"] {
        let body = json!({"user": user, "amount": 5_000_000, "kind": "grant", "reference": format!("r-{user}")});
        let granted = site.post("/credits/grants", body).await;
        assert_eq!(granted.status, 201, "{}", granted.json());
    }
    let ann = member(&site, "ann").await;
    let accounts = site.send_as(&ann, "GET", "/credits/accounts", None).await.json();
    assert_eq!(accounts["data"].as_array().unwrap().len(), 1);
    assert_eq!(site.send_as(&ann, "GET", "/credits/accounts/ann", None).await.status, 200);
    let mut answers = Vec::new();
    for user in ["bob", "zoe"] {
        let reply = site.send_as(&ann, "GET", &format!("/credits/accounts/{user}"), None).await;
        assert_eq!(reply.status, 404);
        answers.push(reply.json()["detail"].as_str().unwrap().replace(user, "USER"));
    }
    assert_eq!(answers[0], answers[1]);
    let ledger = site.send_as(&ann, "GET", "/credits/ledger", None).await.json();
    assert_eq!(ledger["data"].as_array().unwrap().len(), 1);
    let theirs = site.send_as(&ann, "GET", "/credits/ledger?user=bob", None).await.json();
    assert_eq!(theirs["data"], json!([]));
    let told = site.send_as(&ann, "GET", "/events", None).await.json();
    let told = told["data"].as_array().unwrap();
    assert!(!told.is_empty() && told.iter().all(|event| event["user_id"] == told[0]["user_id"]), "{told:?}");
}
