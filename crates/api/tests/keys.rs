//! Keys over HTTP: making, showing, changing, ending, rotating; what each may do, and how often.

use crate::site::{Site, other_workspace, text};
use copydesk_core::Timestamp;
use copydesk_desk::clock::{HandClock, SystemDice};
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::KeyStore;
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Routes, each with a body that gets past reading, and the scope it needs.
fn routes_of_work() -> Vec<(&'static str, &'static str, Option<Value>, &'static str)> {
    let nothing = || Some(json!({}));
    vec![
        ("GET", "/generations", None, "generations:read"),
        ("POST", "/generations", Some(text(json!({}))), "generations:write"),
        ("GET", "/generations/gen_x", None, "generations:read"),
        ("GET", "/generations/gen_x/why", None, "generations:read"),
        ("GET", "/generations/gen_x/calls", None, "usage:read"),
        ("POST", "/generations/gen_x/cancel", nothing(), "generations:write"),
        ("POST", "/generations/gen_x/retry", nothing(), "generations:write"),
        ("POST", "/generations/gen_x/extend", Some(json!({"deadline": "10m"})), "generations:write"),
        ("GET", "/generations/gen_x/stream", None, "generations:read"),
        ("GET", "/drafts", None, "drafts:read"),
        ("GET", "/drafts/x", None, "drafts:read"),
        ("PATCH", "/drafts/x", nothing(), "drafts:write"),
        ("DELETE", "/drafts/x", None, "drafts:write"),
        ("POST", "/drafts/x/undelete", nothing(), "drafts:write"),
        ("POST", "/drafts/x/regenerate", nothing(), "generations:write"),
        ("POST", "/drafts/x/publish", nothing(), "drafts:write"),
        ("POST", "/drafts/x/unpublish", nothing(), "drafts:write"),
        ("POST", "/drafts/x/approve", nothing(), "drafts:write"),
        ("POST", "/drafts/x/reject", nothing(), "drafts:write"),
        ("GET", "/drafts/x/versions", None, "drafts:read"),
        ("GET", "/drafts/x/versions/1", None, "drafts:read"),
        ("POST", "/drafts/x/versions/1/restore", nothing(), "drafts:write"),
        ("GET", "/assets/x", None, "drafts:read"),
        ("GET", "/usage", None, "usage:read"),
        ("GET", "/usage/rows", None, "usage:read"),
        ("GET", "/credits/accounts", None, "credits:read"),
        ("GET", "/credits/accounts/ann", None, "credits:read"),
        ("GET", "/credits/ledger", None, "credits:read"),
        ("GET", "/credits/packs", None, "credits:read"),
        ("POST", "/credits/grants", nothing(), "credits:write"),
        ("POST", "/credits/adjustments", nothing(), "credits:write"),
        ("POST", "/credits/gifts", nothing(), "credits:write"),
        ("POST", "/credits/refunds", nothing(), "credits:write"),
        ("GET", "/recipes", None, "models:read"),
        ("GET", "/bulk", None, "generations:read"),
        ("GET", "/bulk/x", None, "generations:read"),
        ("GET", "/bulk/x/items", None, "generations:read"),
        ("GET", "/bulk/x/export", None, "drafts:read"),
    ]
}

fn routes_of_the_rest() -> Vec<(&'static str, &'static str, Option<Value>, &'static str)> {
    let nothing = || Some(json!({}));
    vec![
        ("GET", "/recipes/text", None, "models:read"),
        ("GET", "/models", None, "models:read"),
        ("POST", "/models/test", nothing(), "models:test"),
        ("GET", "/prices", None, "prices:read"),
        ("PUT", "/prices/demo/writer", nothing(), "prices:write"),
        ("DELETE", "/prices/demo/writer", None, "prices:write"),
        ("GET", "/settings", None, "settings:read"),
        ("PATCH", "/settings", nothing(), "settings:write"),
        ("GET", "/events", None, "events:read"),
        ("GET", "/keys", None, "keys:read"),
        ("POST", "/keys", nothing(), "keys:write"),
        ("GET", "/keys/x", None, "keys:read"),
        ("PATCH", "/keys/x", nothing(), "keys:write"),
        ("DELETE", "/keys/x", None, "keys:write"),
        ("POST", "/keys/x/rotate", nothing(), "keys:write"),
        ("GET", "/users", None, "users:read"),
        ("POST", "/users", nothing(), "users:write"),
        ("GET", "/users/x", None, "users:read"),
        ("PATCH", "/users/x", nothing(), "users:write"),
        ("DELETE", "/users/x", None, "users:write"),
        ("POST", "/users/x/link", nothing(), "users:write"),
        ("GET", "/invites", None, "users:read"),
        ("POST", "/invites", nothing(), "users:write"),
        ("DELETE", "/invites/x", None, "users:write"),
        ("GET", "/files", None, "files:read"),
        ("POST", "/files", nothing(), "files:write"),
        ("GET", "/files/x", None, "files:read"),
        ("GET", "/files/x/content", None, "files:read"),
        ("DELETE", "/files/x", None, "files:write"),
        ("GET", "/audit", None, "maintenance"),
        ("POST", "/maintenance/cleanup-stale", nothing(), "maintenance"),
        ("POST", "/maintenance/prune", nothing(), "maintenance"),
        ("GET", "/doctor", None, "status:read"),
        ("GET", "/status", None, "status:read"),
    ]
}

fn routes() -> Vec<(&'static str, &'static str, Option<Value>, &'static str)> {
    [routes_of_work(), routes_of_the_rest()].concat()
}

#[tokio::test]
async fn s_04_every_role_reaches_exactly_the_routes_of_its_scopes() {
    let site = Site::idle().await;
    for role in ["owner", "admin", "editor", "viewer", "member"] {
        let user = if role == "member" { json!("ann") } else { Value::Null };
        let (id, key) = site.new_key(json!({"role": role, "user": user})).await;
        let scopes = site.get(&format!("/keys/{id}")).await.json()["scopes"].clone();
        let scopes: Vec<&str> = scopes.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
        for (method, path, body, scope) in routes() {
            let reply = site.send_as(&key, method, path, body).await;
            let refused = reply.status == 403 && reply.json()["scope"] == scope;
            assert_eq!(refused, !scopes.contains(&scope), "{role}: {method} {path} answered {}", reply.status);
            if refused {
                assert_eq!(reply.code(), "scope_missing");
                assert!(reply.json()["detail"].as_str().unwrap().contains(scope));
            }
        }
    }
}

#[tokio::test]
async fn s_04_a_viewers_key_changes_nothing_by_any_spelling() {
    let site = Site::idle().await;
    let (_, viewer) = site.new_key(json!({"role": "viewer"})).await;
    for (method, path, body, scope) in routes().into_iter().filter(|(_, _, _, scope)| !scope.ends_with(":read")) {
        let reply = site.send_as(&viewer, method, path, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "scope_missing"), "{method} {path} ({scope})");
    }
    let bearer = format!("Bearer {viewer}");
    for (path, header) in [
        ("/api/v1//generations", ("x-a", "b")),
        ("/api/v1/%67enerations", ("x-a", "b")),
        ("/api/v1/GENERATIONS", ("x-a", "b")),
        ("/api/v1/generations/", ("x-a", "b")),
        ("/api/v1/./generations", ("x-a", "b")),
        ("/api/v1/generations", ("x-http-method-override", "GET")),
        ("/api/v1/generations", ("x-original-url", "/livez")),
    ] {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), header];
        let reply = site.raw("POST", path, &headers, text(json!({})).to_string()).await;
        assert!(matches!(reply.status, 403..=405), "{path} {header:?} answered {}", reply.status);
    }
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
}

#[tokio::test]
async fn figures_for_scrapers_need_their_scope() {
    let site = Site::idle().await;
    for (scope, status) in [("metrics:read", 200), ("drafts:read", 403)] {
        let (_, key) = site.new_key(json!({"scopes": [scope]})).await;
        let bearer = format!("Bearer {key}");
        assert_eq!(site.raw("GET", "/metrics", &[("authorization", &bearer)], "").await.status, status, "{scope}");
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_the_key_tells_what_it_may() {
    let site = Site::idle().await;
    let asked = json!({"name": "site", "scopes": ["drafts:read", "generations:read"], "recipes": ["text"],
        "models": ["demo/*"], "requests_per_minute": 600, "concurrent_max": 3, "expires_at": "90d"});
    let made = site.post("/keys", asked).await;
    assert_eq!(made.status, 201);
    let (mut key, secret) = (made.json(), made.json()["secret"].as_str().unwrap().to_owned());
    assert!(secret.starts_with("dk_live_") && secret.starts_with(key["shown"].as_str().unwrap()));
    assert_eq!(key["scopes"], json!(["generations:read", "drafts:read"]));
    assert_eq!((&key["status"], &key["role"], &key["user"]), (&json!("active"), &Value::Null, &Value::Null));
    key.as_object_mut().unwrap().remove("secret");
    let id = key["id"].as_str().unwrap().to_owned();
    assert_eq!(site.get(&format!("/keys/{id}")).await.json(), key);
    let listed = site.get("/keys").await;
    assert_eq!(listed.json()["data"][0], key);
    assert!(!String::from_utf8(listed.bytes).unwrap().contains(&secret[12..]));
    assert_eq!(site.send_as(&secret, "GET", "/drafts", None).await.status, 200);
    assert_eq!(site.send_as(&secret, "GET", "/keys", None).await.code(), "scope_missing");
}

#[tokio::test]
async fn s_03_a_field_that_is_not_the_callers_to_set_is_refused() {
    let site = Site::idle().await;
    let (id, _) = site.new_key(json!({"role": "viewer"})).await;
    for field in ["workspace_id", "id", "secret", "secret_hash", "revoked_at", "last_used", "status", "created_at"] {
        let reply = site.post("/keys", json!({"name": "x", "role": "viewer", field: "x"})).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{field}");
    }
    let path = format!("/keys/{id}");
    for field in ["mode", "user", "workspace_id", "revision", "replaced_by"] {
        let reply = site.send("PATCH", &path, Some(json!({field: "x"})), &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{field}");
    }
    assert_eq!(site.get("/keys").await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn bad_terms_are_refused_with_the_field_that_is_to_blame() {
    let site = Site::idle().await;
    for (body, pointer) in [
        (json!({"role": "viewer"}), "/name"),
        (json!({"name": "x"}), "/role"),
        (json!({"name": "x", "role": "king"}), "/role"),
        (json!({"name": "x", "scopes": []}), "/scopes"),
        (json!({"name": "x", "scopes": ["drafts:reed"]}), "/scopes"),
        (json!({"name": "x", "role": "viewer", "scopes": ["drafts:read"]}), "/scopes"),
        (json!({"name": "x", "role": "member"}), "/user"),
        (json!({"name": "x", "role": "editor", "user": "ann"}), "/role"),
        (json!({"name": "x", "scopes": ["keys:write"], "user": "ann"}), "/scopes"),
        (json!({"name": "x", "role": "viewer", "mode": "prod"}), "/mode"),
        (json!({"name": "x", "role": "viewer", "models": []}), "/models"),
        (json!({"name": "x", "role": "viewer", "concurrent_max": 0}), "/concurrent_max"),
        (json!({"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
    ] {
        let reply = site.post("/keys", body.clone()).await;
        assert_eq!(reply.status, 422, "{body}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{body}: {}", reply.json());
    }
}

#[tokio::test]
async fn nobody_hands_on_more_than_he_has() {
    let site = Site::idle().await;
    let (owner_id, _) = site.new_key(json!({"role": "owner"})).await;
    let (_, admin) = site.new_key(json!({"role": "admin", "models": ["demo/*"], "requests_per_minute": 6000})).await;
    let within = json!({"name": "x", "role": "editor", "models": ["demo/writer"], "requests_per_minute": 60});
    let made = site.send_as(&admin, "POST", "/keys", Some(within.clone())).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for (field, value) in [
        ("role", json!("owner")),
        ("models", Value::Null),
        ("models", json!(["openai/gpt-4o"])),
        ("requests_per_minute", Value::Null),
        ("requests_per_minute", json!(6001)),
    ] {
        let mut wider = within.clone();
        wider[field] = value.clone();
        let made = site.send_as(&admin, "POST", "/keys", Some(wider)).await;
        assert_eq!((made.status, made.code().as_str()), (403, "scope_missing"), "{field} {value}");
        let changed = site.send_as(&admin, "PATCH", &format!("/keys/{id}"), Some(json!({field: value}))).await;
        assert_eq!((changed.status, changed.code().as_str()), (403, "scope_missing"), "{field} {value}");
    }
    for (method, act, body) in
        [("PATCH", "", json!({"name": "mine"})), ("DELETE", "", json!({})), ("POST", "/rotate", json!({}))]
    {
        let reply = site.send_as(&admin, method, &format!("/keys/{owner_id}{act}"), Some(body)).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "scope_missing"), "{method} {act}");
    }
}

/// With a clock that is moved by hand.
async fn in_hand() -> (Site, Arc<HandClock>) {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock.clone(), Arc::new(SystemDice::default()));
    (Site::in_world(world, DeskConfig::default(), ModelStore::new()).await, clock)
}

#[tokio::test]
async fn s_10_a_revoked_key_is_refused_at_once_and_an_expired_one_says_so() {
    let (site, clock) = in_hand().await;
    let (id, key) = site.new_key(json!({"role": "viewer"})).await;
    assert_eq!(site.send_as(&key, "GET", "/drafts", None).await.status, 200);
    for _ in 0..2 {
        assert_eq!(site.send("DELETE", &format!("/keys/{id}"), None, &[]).await.status, 204);
    }
    let refused = site.send_as(&key, "GET", "/drafts", None).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "revoked_key"));
    assert_eq!(site.get(&format!("/keys/{id}")).await.json()["status"], "revoked");
    let changed = site.send("PATCH", &format!("/keys/{id}"), Some(json!({"name": "x"})), &[]).await;
    assert_eq!((changed.status, changed.code().as_str()), (409, "key_ended"));

    let (_, short) = site.new_key(json!({"role": "viewer", "expires_at": "1m"})).await;
    assert_eq!(site.send_as(&short, "GET", "/drafts", None).await.status, 200);
    clock.advance(Duration::from_secs(60));
    let refused = site.send_as(&short, "GET", "/drafts", None).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "expired_key"));
}

#[tokio::test]
async fn a_rotated_key_and_its_successor_both_work_until_the_overlap_is_over() {
    let site = Site::idle().await;
    let (id, old) = site.new_key(json!({"role": "viewer", "recipes": ["text"]})).await;
    let rotated = site.post(&format!("/keys/{id}/rotate"), json!({"overlap": "1h"})).await;
    assert_eq!(rotated.status, 201);
    let new = rotated.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(rotated.json()["recipes"], json!(["text"]), "on the same terms");
    for key in [&old, &new] {
        assert_eq!(site.send_as(key, "GET", "/drafts", None).await.status, 200);
    }
    let left = site.get(&format!("/keys/{id}")).await.json();
    assert_eq!((&left["status"], &left["replaced_by"]), (&json!("rotated"), &rotated.json()["id"]));
    assert_eq!(site.post(&format!("/keys/{id}/rotate"), json!({})).await.code(), "key_ended", "once");
    let second = rotated.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(site.post(&format!("/keys/{second}/rotate"), json!({"overlap": "0s"})).await.status, 201);
    assert_eq!(site.send_as(&new, "GET", "/drafts", None).await.code(), "expired_key");
    let long = site.post(&format!("/keys/{second}/rotate"), json!({"overlap": "31d"})).await;
    assert_eq!((long.status, long.json()["errors"][0]["pointer"].clone()), (422, json!("/overlap")));
}

#[tokio::test]
async fn the_last_key_that_manages_keys_is_not_given_up() {
    let site = Site::idle().await;
    let own = site.get("/keys").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/keys/{own}");
    let revoked = site.send("DELETE", &path, None, &[]).await;
    assert_eq!((revoked.status, revoked.code().as_str()), (409, "last_key"));
    let weaker = site.send("PATCH", &path, Some(json!({"role": "viewer"})), &[]).await;
    assert_eq!((weaker.status, weaker.code().as_str()), (409, "last_key"));
    site.new_key(json!({"role": "owner"})).await;
    assert_eq!(site.send("DELETE", &path, None, &[]).await.status, 204);
}

#[tokio::test]
async fn a_patch_sets_what_it_names_and_null_takes_a_limit_away() {
    let site = Site::idle().await;
    let (id, key) = site.new_key(json!({"role": "viewer", "recipes": ["text"], "concurrent_max": 1})).await;
    let path = format!("/keys/{id}");
    let patch = json!({"name": "renamed", "recipes": null, "concurrent_max": null, "scopes": ["drafts:read"]});
    let changed = site.send("PATCH", &path, Some(patch), &[]).await.json();
    assert_eq!(changed["name"], "renamed");
    assert_eq!((&changed["recipes"], &changed["concurrent_max"]), (&Value::Null, &Value::Null));
    assert_eq!(site.send_as(&key, "GET", "/usage", None).await.code(), "scope_missing", "at once");
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_makes_no_second_key() {
    let site = Site::idle().await;
    let send = |more: Value| {
        let mut body = json!({"name": "once", "role": "viewer"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        site.send("POST", "/keys", Some(body), &[("idempotency-key", "order-7")])
    };
    let first = send(json!({})).await;
    assert_eq!(first.status, 201);
    for more in [json!({}), json!({"name": "another"})] {
        let again = send(more).await;
        assert_eq!((again.status, again.code().as_str()), (409, "key_made"));
        assert_eq!(again.json()["key_id"], first.json()["id"]);
    }
    assert_eq!(site.get("/keys").await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn s_02_two_workspaces_keys_never_meet() {
    let site = Site::idle().await;
    let (id, _) = site.new_key(json!({"role": "viewer"})).await;
    let theirs = site.key_in(other_workspace()).await;
    let unknown = "key_01900000000000000000000000";
    let seen = site.send_as(&theirs, "GET", "/keys", None).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1, "their own");
    for (method, act, body) in [
        ("GET", "", None),
        ("PATCH", "", Some(json!({"name": "mine"}))),
        ("DELETE", "", None),
        ("POST", "/rotate", Some(json!({}))),
    ] {
        let mut answers = Vec::new();
        for id in [id.as_str(), unknown] {
            let reply = site.send_as(&theirs, method, &format!("/keys/{id}{act}"), body.clone()).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {act}");
            let request = reply.header("x-request-id").to_owned();
            answers.push(String::from_utf8(reply.bytes).unwrap().replace(id, "ID").replace(&request, "REQUEST"));
        }
        assert_eq!(answers[0], answers[1], "{method} {act}");
    }
    let made = site.send_as(&theirs, "POST", "/keys", Some(json!({"name": "b", "role": "owner"}))).await.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(site.send_as(secret, "GET", "/generations", None).await.json()["data"], json!([]));
    assert_eq!(site.send_as(secret, "GET", "/audit", None).await.code(), "scope_missing", "not the operator's");
}

#[tokio::test]
async fn a_key_uses_the_recipes_and_models_of_its_lists() {
    let site = Site::idle().await;
    let (_, key) = site.new_key(json!({"role": "editor", "recipes": ["text"], "models": ["demo/held"]})).await;
    let ask = async |body: Value| site.send_as(&key, "POST", "/generations", Some(body)).await;
    let other = ask(json!({"recipe": "newsletter", "input": {}})).await;
    assert_eq!((other.status, other.code().as_str()), (403, "recipe_not_allowed"));
    for more in [json!({}), json!({"model": "demo/writer"}), json!({"model": "nobody/knows"})] {
        let reply = ask(text(more.clone())).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "model_not_allowed"), "{more}");
    }
    let accepted = ask(text(json!({"model": "demo/held"}))).await;
    assert_eq!(accepted.status, 202, "{}", accepted.json());
    let draft = accepted.json()["draft_id"].as_str().unwrap().to_owned();
    let again =
        site.send_as(&key, "POST", &format!("/drafts/{draft}/regenerate"), Some(json!({"model": "demo/flaky"}))).await;
    assert_eq!((again.status, again.code().as_str()), (403, "model_not_allowed"));
}

#[tokio::test]
async fn a_test_key_reaches_the_demo_provider_only_and_names_its_models() {
    let site = Site::idle().await;
    let (_, key) = site.new_key(json!({"role": "owner", "mode": "test"})).await;
    assert!(key.starts_with("dk_test_"));
    let reply = site.send_as(&key, "POST", "/generations", Some(text(json!({"model": "openai/gpt-4o"})))).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "model_not_allowed"));
    let models = reply.json()["allowed_models"].as_array().unwrap().clone();
    assert!(!models.is_empty() && models.iter().all(|model| model.as_str().unwrap().starts_with("demo/")));
    assert!(reply.json()["detail"].as_str().unwrap().contains(models[0].as_str().unwrap()));
    assert_eq!(site.send_as(&key, "POST", "/generations", Some(text(json!({})))).await.status, 202);
    let test = site.send_as(&key, "POST", "/models/test", Some(json!({"model": "openai/gpt-4o"}))).await;
    assert_eq!((test.status, test.code().as_str()), (403, "model_not_allowed"));
    let live = site.send_as(&key, "POST", "/keys", Some(json!({"name": "x", "role": "owner"}))).await;
    assert_eq!((live.status, live.code().as_str()), (403, "scope_missing"), "a test key makes no live one");
}

#[tokio::test]
async fn a_key_over_its_rate_is_told_when_to_come_again() {
    let site = Site::idle().await;
    let (_, key) = site.new_key(json!({"role": "viewer", "requests_per_minute": 2})).await;
    let first = site.send_as(&key, "GET", "/drafts", None).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, "\"key\";q=2;w=60"));
    assert!(first.header("ratelimit").starts_with("\"key\";r=1;t="), "{}", first.header("ratelimit"));
    assert_eq!(site.send_as(&key, "GET", "/drafts", None).await.status, 200);
    let full = site.send_as(&key, "GET", "/drafts", None).await;
    assert_eq!((full.status, full.code().as_str()), (429, "rate_limited"));
    let wait: u32 = full.header("retry-after").parse().unwrap();
    assert!((1..=120).contains(&wait) && full.header("ratelimit").starts_with("\"key\";r=0;t="));
    assert_eq!(site.get("/drafts").await.header("ratelimit"), "", "a key without a rate has no such header");
}

#[tokio::test]
async fn what_is_under_way_counts_open_streams_and_ends_with_them() {
    use axum::body::Body;
    use tower::ServiceExt;
    let site = Site::idle().await;
    let (_, key) = site.new_key(json!({"role": "viewer", "concurrent_max": 1})).await;
    let id = site.accept(json!({})).await["id"].as_str().unwrap().to_owned();
    let open = http::Request::get(format!("/api/v1/generations/{id}/stream"))
        .header("authorization", format!("Bearer {key}"))
        .body(Body::empty())
        .unwrap();
    let stream = site.app.clone().oneshot(open).await.unwrap();
    assert_eq!(stream.status(), 200);
    let full = site.send_as(&key, "GET", "/drafts", None).await;
    assert_eq!((full.status, full.code().as_str()), (429, "rate_limited"));
    assert_eq!(full.header("retry-after"), "1");
    drop(stream);
    for _ in 0..2 {
        assert_eq!(site.send_as(&key, "GET", "/drafts", None).await.status, 200);
    }
}

#[tokio::test]
async fn s_11_an_address_that_guesses_waits_and_the_owner_beside_it_does_not() {
    // A clock that stands still: a slow machine gives no more tries.
    let (site, _) = in_hand().await;
    let (guesser, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    assert_eq!(site.send_from(guesser, &site.key, "/drafts").await.status, 200, "the owner is known");
    let mut answers = Vec::new();
    for _ in 0..1_000 {
        let made_up = KeyText::random(site.desk.world());
        answers.push(site.send_from(guesser, made_up.reveal(), "/drafts").await.status);
    }
    assert!(answers.iter().filter(|status| **status == 401).count() < 100, "few of them were looked up");
    assert_eq!(answers.last(), Some(&429));
    let barred = site.send_from(guesser, KeyText::random(site.desk.world()).reveal(), "/drafts").await;
    assert_eq!(barred.code(), "rate_limited");
    assert!(!barred.header("retry-after").is_empty());
    assert_eq!(site.send_from(guesser, &site.key, "/drafts").await.status, 200, "the owner is not locked out");
    assert_eq!(site.send_from(other, KeyText::random(site.desk.world()).reveal(), "/drafts").await.status, 401);
}

#[tokio::test]
async fn s_05_s_08_nothing_in_the_header_is_more_than_a_key_that_is_none() {
    let site = Site::idle().await;
    let long = "k".repeat(100_000);
    let corpus = [
        "' OR '1'='1",
        "'; DROP TABLE api_keys; --",
        "\" OR \"\"=\"",
        "1' UNION SELECT secret_hash FROM api_keys --",
        "dk_live_' OR 1=1 --aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "%27%20OR%201%3D1",
        "\\'; select pg_sleep(10); --",
        "$1",
        "dk_live_",
        "dk_live_\u{00e9}",
        "dk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaa",
        "\u{feff}dk_live_x",
        long.as_str(),
    ];
    for wrong in corpus {
        let reply = site.send_as(wrong, "GET", "/drafts", None).await;
        let refused = if wrong == long { (431, "headers_too_large") } else { (401, "invalid_key") };
        assert_eq!((reply.status, reply.code().as_str()), refused, "{:.60}", wrong);
        let said = String::from_utf8(reply.bytes).unwrap();
        assert!(!said.contains("api_keys") && !said.contains(wrong), "{said}");
    }
    assert_eq!(site.get("/keys").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_use_is_written_with_the_beat_and_not_with_the_request() {
    let site = Site::working().await;
    let (id, key) = site.new_key(json!({"role": "viewer"})).await;
    site.send_from([192, 0, 2, 7], &key, "/drafts").await;
    let path = format!("/keys/{id}");
    assert_eq!(site.get(&path).await.json()["last_used"], Value::Null);
    site.desk.stop(Duration::ZERO).await.unwrap();
    let used = site.get(&path).await.json()["last_used"].clone();
    assert_eq!((used["address"].as_str(), used["at"].is_string()), (Some("192.0.2.7"), true), "{used}");
    let row = site.store.get_key(copydesk_desk::store::Scope::DEFAULT, id.parse().unwrap()).await.unwrap();
    assert_eq!(row.last_used.unwrap().from, "192.0.2.7");
}

#[tokio::test]
async fn lists_of_models_and_recipes_show_what_the_key_reaches() {
    let site = Site::idle().await;
    let names = async |key: &str, path: &str, field: &str| -> Vec<String> {
        let list = site.send_as(key, "GET", path, None).await.json();
        let rows = list["data"].as_array().unwrap().iter();
        rows.map(|row| row[field].as_str().unwrap().to_owned()).collect()
    };
    let (_, narrow) = site.new_key(json!({"role": "editor", "models": ["demo/writer"], "recipes": ["text"]})).await;
    assert_eq!(names(&narrow, "/models", "model").await, ["writer"]);
    assert_eq!(names(&narrow, "/recipes", "name").await, ["text"]);
    assert!(names(&site.key, "/models", "model").await.len() > 5);
    assert!(names(&site.key, "/recipes", "name").await.len() > 2);
}
