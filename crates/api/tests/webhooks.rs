//! Webhooks over HTTP: made, read, changed, tested and sent again, by whom, and what a test tells to whom.

use crate::site::{Reply, Site};
use axum::Router;
use axum::extract::State;
use copydesk_desk::webhooks::SigningSecret;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Got = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A receiver on this machine that answers with a status.
async fn receiver(status: u16) -> (String, Got) {
    let got = Got::default();
    let take = async move |State(got): State<Got>, headers: HeaderMap, body: String| {
        got.lock().unwrap().push((headers, body));
        (http::StatusCode::from_u16(status).unwrap(), "an answer of my own network")
    };
    let app = Router::new().route("/hook", axum::routing::post(take)).with_state(got.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, got)
}

async fn made(site: &Site, body: Value) -> Value {
    let reply = site.post("/webhooks", body).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()
}

fn blamed(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors.iter().map(|error| (word(error, "pointer"), word(error, "code"))).collect()
}

/// The message once it has ended.
async fn ended(site: &Site, key: &str, id: &str) -> Value {
    let wait = async {
        loop {
            let message = site.send_as(key, "GET", &format!("/deliveries/{id}"), None).await.json();
            if message["status"] != "waiting" {
                return message;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_rotated_and_removed_and_its_secret_is_shown_once() {
    let site = Site::idle().await;
    let reply =
        site.post("/webhooks", json!({"url": "https://8.8.8.8/hook", "events": ["completed", "draft.*"]})).await;
    let hook = reply.json();
    assert_eq!((reply.status, reply.header("etag")), (201, "\"1\""));
    let secret = hook["secret"].as_str().unwrap();
    assert!(SigningSecret::parse(secret).is_some());
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    let one = site.get(&path).await;
    assert_eq!(
        (one.header("etag"), &one.json()["secret"], &one.json()["for"]),
        ("\"1\"", &Value::Null, &json!("events"))
    );
    assert!(!site.get("/webhooks").await.json().to_string().contains(secret));
    let edit = json!({"events": [], "description": "all"});
    let old = [("if-match", "\"7\"")];
    assert_eq!(site.send("PATCH", &path, Some(edit.clone()), &old).await.code(), "version_conflict");
    let changed = site.send("PATCH", &path, Some(edit), &[("if-match", "\"1\"")]).await.json();
    assert_eq!(
        (&changed["events"], &changed["description"], &changed["revision"]),
        (&json!([]), &json!("all"), &json!(2))
    );
    let off = site.send("PATCH", &path, Some(json!({"enabled": false})), &[]).await.json();
    assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("by_hand")));
    let on = site.post(&format!("{path}/enable"), json!({})).await.json();
    assert_eq!(on["status"], "enabled");
    let rotated = site.post(&format!("{path}/rotate"), json!({"overlap": "1h"})).await.json();
    assert!(rotated["secret"] != hook["secret"] && rotated["old_secret_until"].is_string(), "{rotated}");
    assert_eq!(blamed(&site.post(&format!("{path}/rotate"), json!({"overlap": "40d"})).await)[0].0, "/overlap");
    let refused = site.post(&format!("{path}/rotate"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "old_secret_counts"));
    let refused = refused.json();
    assert_eq!((&refused["until"], &refused["webhook"]["id"]), (&rotated["old_secret_until"], &hook["id"]));
    let again = site.post(&format!("{path}/rotate"), json!({"drop_previous": true})).await.json();
    assert!(again["secret"].is_string() && again["secret"] != rotated["secret"], "{again}");
    assert_eq!(site.send("DELETE", &path, None, &[]).await.status, 204);
    assert_eq!(site.get(&path).await.code(), "not_found");
    assert_eq!(site.get("/webhooks").await.json()["data"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said_with_its_place_and_the_setting_that_helps() {
    let site = Site::idle().await;
    let cases = [
        (json!({}), "/url", "required"),
        (json!({"url": 7}), "/url", "wrong_type"),
        (json!({"url": "https://10.0.0.7/"}), "/url", "not_public"),
        (json!({"url": "https://[::1]/"}), "/url", "not_public"),
        (json!({"url": "https://0x7f.2/"}), "/url", "not_public"),
        (json!({"url": "ftp://8.8.8.8/"}), "/url", "bad_scheme"),
        (json!({"url": "https://me:pw@8.8.8.8/"}), "/url", "login_in_url"),
        (json!({"url": "https://8.8.8.8/#x"}), "/url", "fragment_in_url"),
        (json!({"url": "https://8.8.8.8/", "events": ["completd"]}), "/events", "unknown_kind"),
        (json!({"url": "https://8.8.8.8/", "events": "draft.*"}), "/events", "wrong_type"),
        (json!({"url": "https://8.8.8.8/", "description": "x".repeat(501)}), "/description", "bad_length"),
        (json!({"url": "https://8.8.8.8/", "for": "requests"}), "/url", "not_allowed"),
        (json!({"for": "ever", "url": "https://8.8.8.8/"}), "/for", "not_allowed"),
        (json!({"url": "https://8.8.8.8/", "secret": "x"}), "/secret", "unknown_field"),
    ];
    for (body, pointer, code) in cases {
        let reply = site.post("/webhooks", body.clone()).await;
        assert_eq!(blamed(&reply), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    let reply = site.post("/webhooks", json!({"url": "https://10.0.0.7/"})).await.json();
    assert!(reply["detail"].as_str().unwrap().contains("COPYDESK_WEBHOOK_ALLOW=10.0.0.7/32"), "{reply}");
    assert_eq!(site.get("/webhooks").await.json()["data"], json!([]));
}

#[tokio::test]
async fn s26_a_private_address_is_refused_when_it_is_saved_in_every_way_it_can_be() {
    let site = Site::idle().await;
    let hook = made(&site, json!({"url": "https://8.8.8.8/"})).await;
    made(&site, json!({"for": "requests"})).await;
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    for url in ["https://169.254.169.254/latest", "https://3232235777:8443/", "http://8.8.8.8/", "https://192.168.1.1/"]
    {
        let patched = site.send("PATCH", &path, Some(json!({"url": url})), &[]).await;
        assert_eq!(blamed(&patched)[0].0, "/url", "{url}");
        let body = json!({"recipe": "text", "input": {"prompt": "tea"}, "webhook_url": url});
        assert_eq!(blamed(&site.post("/generations", body).await)[0].0, "/webhook_url", "{url}");
    }
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
}

#[tokio::test]
async fn one_idempotency_key_makes_one_webhook() {
    let site = Site::idle().await;
    let (body, key) = (json!({"url": "https://8.8.8.8/"}), [("idempotency-key", "k-1")]);
    let first = site.send("POST", "/webhooks", Some(body.clone()), &key).await.json();
    let again = site.send("POST", "/webhooks", Some(body), &key).await;
    assert_eq!((again.status, again.code().as_str()), (409, "webhook_made"));
    assert_eq!(again.json()["webhook"]["id"], first["id"]);
    assert_eq!(site.get("/webhooks").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_workspaces_own_admins_make_webhooks() {
    let site = Site::idle().await;
    let hook = made(&site, json!({"url": "https://8.8.8.8/"})).await;
    let ping = site.post(&format!("/webhooks/{}/ping", hook["id"].as_str().unwrap()), json!({})).await.json();
    let (hook, message) = (hook["id"].as_str().unwrap(), ping["id"].as_str().unwrap());
    let reads = [format!("/webhooks/{hook}"), format!("/webhooks/{hook}/deliveries"), format!("/deliveries/{message}")];
    let writes = ["ping", "rotate", "enable"].map(|act| format!("/webhooks/{hook}/{act}"));
    let (_, editor) = site.new_key(json!({"role": "editor"})).await;
    let (_, member) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let (_, reader) = site.new_key(json!({"scopes": ["webhooks:read"]})).await;
    let stranger = site.elsewhere_in_it().await;
    for path in &reads {
        for key in [&editor, &member] {
            assert_eq!(site.send_as(key, "GET", path, None).await.code(), "scope_missing", "{path}");
        }
        assert_eq!(site.send_as(&reader, "GET", path, None).await.status, 200, "{path}");
        let (foreign, unknown) = (
            stranger.get(path).await,
            path.replace(hook, "whk_00000000000000000000000001").replace(message, "msg_00000000000000000000000001"),
        );
        let nobody = stranger.get(&unknown).await;
        assert_eq!(
            (foreign.status, foreign.code(), nobody.code()),
            (404, "not_found".to_owned(), "not_found".to_owned())
        );
    }
    for path in writes.iter().chain([&format!("/deliveries/{message}/redeliver")]) {
        assert_eq!(site.send_as(&reader, "POST", path, Some(json!({}))).await.code(), "scope_missing", "{path}");
        assert_eq!(stranger.post(path, json!({})).await.code(), "not_found", "{path}");
    }
    let range = json!({"from_seq": 1, "to_seq": 2});
    assert_eq!(stranger.post(&format!("/webhooks/{hook}/replay"), range).await.code(), "not_found");
    let created = site.send_as(&reader, "POST", "/webhooks", Some(json!({"url": "https://8.8.8.8/"}))).await;
    assert_eq!(created.code(), "scope_missing");
    assert_eq!(site.raw("GET", "/api/v1/webhooks", &[], "").await.code(), "missing_key");
}

#[tokio::test]
async fn s35_a_test_tells_who_may_not_make_webhooks_only_whether_it_arrived() {
    let site = Site::working().await;
    let (_, reader) = site.new_key(json!({"scopes": ["webhooks:read"]})).await;
    for (status, arrives) in [(200, true), (503, false)] {
        let (url, _) = receiver(status).await;
        let hook = made(&site, json!({"url": url})).await;
        let ping = site.post(&format!("/webhooks/{}/ping", hook["id"].as_str().unwrap()), json!({})).await;
        assert_eq!((ping.status, &ping.json()["status"]), (202, &json!("waiting")));
        let id = ping.json()["id"].as_str().unwrap().to_owned();
        let seen = ended(&site, &reader, &id).await;
        let attempt = &seen["attempts"][0];
        assert_eq!(attempt["arrived"], json!(arrives));
        for hidden in ["http_status", "outcome", "duration_ms", "detail"] {
            assert_eq!(attempt[hidden], Value::Null, "{hidden}");
        }
        for at in [&attempt["at"], &seen["ended_at"]] {
            assert!(at.as_str().unwrap().ends_with(".000000Z"), "to the second: {at}");
        }
        let whole = ended(&site, &site.key, &id).await;
        assert_eq!(whole["attempts"][0]["http_status"], json!(status));
        assert_eq!(whole["attempts"][0]["detail"], Value::Null, "what a private receiver answers is not kept");
        assert!(whole["attempts"][0]["duration_ms"].is_number());
    }
}

#[tokio::test]
async fn an_event_reaches_its_receiver_soon_and_can_be_sent_again() {
    let site = Site::working().await;
    let (url, got) = receiver(204).await;
    let hook = made(&site, json!({"url": url, "events": ["generation.accepted"]})).await;
    let reply = site.post("/generations", json!({"recipe": "text", "input": {"prompt": "tea"}})).await.json();
    let begun = site.desk.world().steady();
    let arrived = async {
        while got.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
    // The goal is a tenth of this; the rest is for machines that are busy.
    assert!(site.desk.world().steady() - begun < Duration::from_secs(1));
    let (headers, body) = got.lock().unwrap()[0].clone();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["data"]["generation_id"], reply["id"]);
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let message = ended(&site, &site.key, &id).await;
    assert_eq!((&message["status"], &message["body"], &message["seq"]), (&json!("delivered"), &body, &body["seq"]));
    let again = site.post(&format!("/deliveries/{id}/redeliver"), json!({})).await;
    assert_eq!(again.status, 202);
    ended(&site, &site.key, &id).await;
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    let seq = body["seq"].as_i64().unwrap();
    let replay = site.post(&format!("{path}/replay"), json!({"from_seq": seq, "to_seq": seq})).await;
    assert_eq!((replay.status, &replay.json()["messages"]), (202, &json!(1)));
    ended(&site, &site.key, &id).await;
    let all = got.lock().unwrap().clone();
    assert!(all.len() == 3 && all.iter().all(|(headers, _)| headers["webhook-id"] == *id), "{}", all.len());
    let listed = site.get(&format!("{path}/deliveries?status=delivered")).await.json();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["attempts_made"]), (&json!(id), &json!(3)));
    assert_eq!(site.get(&format!("{path}/deliveries?status=given_up")).await.json()["data"], json!([]));
    assert_eq!(site.get(&format!("{path}/deliveries?status=lost")).await.status, 422);
    let metrics = String::from_utf8(
        site.raw("GET", "/metrics", &[("authorization", &format!("Bearer {}", site.key))], "").await.bytes,
    )
    .unwrap();
    assert!(metrics.contains("copydesk_webhook_deliveries_total{outcome=\"ok\"} 3"), "{metrics}");
}

#[tokio::test]
async fn a_request_names_its_own_address_or_is_told_what_is_missing() {
    let site = Site::working().await;
    let (url, got) = receiver(200).await;
    let body =
        json!({"recipe": "text", "input": {"prompt": "tea"}, "webhook_url": url, "webhook_events": ["completed"]});
    assert_eq!(
        blamed(&site.post("/generations", body.clone()).await),
        [("/webhook_url".to_owned(), "no_webhook_secret".to_owned())]
    );
    let requests = made(&site, json!({"for": "requests"})).await;
    assert_eq!((&requests["url"], &requests["for"]), (&Value::Null, &json!("requests")));
    assert_eq!(site.post("/webhooks", json!({"for": "requests"})).await.code(), "webhook_made");
    let ping = site.post(&format!("/webhooks/{}/ping", requests["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(ping.status, 422);
    let (_, member) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let refused = site.send_as(&member, "POST", "/generations", Some(body.clone())).await;
    assert_eq!(blamed(&refused), [("/webhook_url".to_owned(), "not_allowed".to_owned())]);
    let lone = json!({"recipe": "text", "input": {"prompt": "tea"}, "webhook_events": ["completed"]});
    assert_eq!(blamed(&site.post("/generations", lone).await)[0].0, "/webhook_events");
    let reply = site.post("/generations", body).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    let arrived = async {
        while got.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
    let body: Value = serde_json::from_str(&got.lock().unwrap()[0].1).unwrap();
    assert_eq!((&body["data"]["generation_id"], &body["type"]), (&reply.json()["id"], &json!("generation.completed")));
}

#[tokio::test]
async fn the_doctor_and_the_metrics_know_of_webhooks() {
    let site = Site::idle().await;
    let checks = site.get("/doctor").await.json()["checks"].clone();
    let check = checks.as_array().unwrap().iter().find(|check| check["name"] == "webhooks").unwrap().clone();
    assert!(
        check["ok"] == json!(true) && check["detail"].as_str().unwrap().starts_with("0 message(s) wait"),
        "{check}"
    );
}
