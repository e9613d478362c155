//! Signing in and out over HTTP: passwords, links, cookies, pages of other sites, and what ends a sign-in.

use crate::site::{Reply, Site, text};
use axum::body::Body;
use copydesk_api::server::Peer;
use copydesk_core::Timestamp;
use copydesk_core::access::{KeyTerms, Permit, Role};
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::issue::Issuer;
use copydesk_desk::people::PersonPatch;
use copydesk_desk::secrets::{SecretKind, SecretText};
use copydesk_desk::store::{LoginStore, Scope};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::{Method, ModelStore};
use http::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub const PASSWORD: &str = "correct horse";

/// A browser on a page of ours: the cookie it was given, and what it says of itself.
#[derive(Clone)]
pub struct Browser {
    pub cookie: String,
}

impl Browser {
    /// The cookie of an answer.
    pub fn of(reply: &Reply) -> Browser {
        assert_eq!(reply.status, 200, "{}", reply.json());
        let set = reply.header("set-cookie");
        Browser { cookie: set.split(';').next().unwrap().to_owned() }
    }

    pub async fn send(&self, site: &Site, method: &str, path: &str, body: Option<Value>) -> Reply {
        let more = [("sec-fetch-site", "same-origin"), ("origin", "https://desk.example")];
        self.send_with(site, method, path, body, &more).await
    }

    pub async fn send_with(
        &self,
        site: &Site,
        method: &str,
        path: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Reply {
        let mut headers = vec![("cookie", self.cookie.as_str()), ("host", "desk.example")];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(more);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        site.raw(method, &format!("/api/v1{path}"), &headers, body).await
    }

    pub async fn status(&self, site: &Site) -> u16 {
        self.send(site, "GET", "/session", None).await.status
    }
}

/// Somebody of this role with [`PASSWORD`]; its id.
pub async fn person(site: &Site, name: &str, role: &str) -> String {
    let body = json!({"email": format!("{name}@example.com"), "role": role, "password": PASSWORD});
    let reply = site.post("/users", body).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()["id"].as_str().unwrap().to_owned()
}

pub async fn try_in(site: &Site, body: Value) -> Reply {
    site.raw("POST", "/api/v1/session", &[("content-type", "application/json")], body.to_string()).await
}

pub async fn signed_in(site: &Site, name: &str) -> Browser {
    let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    Browser::of(&try_in(site, body).await)
}

/// From a socket with this address, without a key.
async fn from(site: &Site, address: [u8; 4], body: &Value) -> Reply {
    let request = Request::post("/api/v1/session").header("content-type", "application/json");
    let request = request.extension(Peer(SocketAddr::from((address, 40_000))));
    let answer = site.app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Reply { status: parts.status.as_u16(), headers: parts.headers, bytes }
}

/// The body without what is different in every answer.
fn told(reply: &Reply) -> Value {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("request_id");
    body
}

#[tokio::test]
async fn who_signs_in_is_told_who_he_is_and_may_what_his_role_may() {
    let site = Site::idle().await;
    let id = person(&site, "ann", "editor").await;
    let reply = try_in(&site, json!({"email": " Ann@EXAMPLE.com", "password": PASSWORD})).await;
    let (ann, body) = (Browser::of(&reply), reply.json());
    assert_eq!((&body["user"]["id"], &body["user"]["email"]), (&json!(id), &json!("ann@example.com")));
    assert_eq!((&body["role"], &body["secure"], &body["key_id"]), (&json!("editor"), &json!(true), &Value::Null));
    assert_eq!(ann.send(&site, "GET", "/session", None).await.json(), body);
    assert_eq!(ann.send(&site, "GET", "/drafts", None).await.status, 200);
    assert_eq!(ann.send(&site, "GET", "/keys", None).await.code(), "scope_missing");
    let made = ann.send(&site, "POST", "/generations", Some(text(json!({})))).await;
    assert_eq!(made.status, 202, "{}", made.json());
    let work = site.get(&format!("/generations/{}", made.json()["id"].as_str().unwrap())).await.json();
    assert_eq!(work["user"], "ann@example.com", "his work is his");
    let key = site.get("/session").await.json();
    assert_eq!((&key["user"], &key["role"]), (&Value::Null, &json!("owner")));
    assert!(key["key_id"].as_str().unwrap().starts_with("key_"));
    for (method, path) in [("DELETE", "/session"), ("GET", "/session/all"), ("DELETE", "/session/all/sin_x")] {
        let reply = site.send(method, path, None, &[]).await;
        assert!(matches!(reply.status, 403 | 404), "a key is not signed in: {method} {path} {}", reply.status);
    }
}

#[tokio::test]
async fn a_member_sees_what_is_his_and_nothing_else() {
    let site = Site::idle().await;
    let asked = json!({"email": "ann@example.com", "role": "member", "password": PASSWORD, "user": "ann"});
    assert_eq!(site.post("/users", asked).await.status, 201);
    let (anns, bobs) = (site.accept(json!({"user": "ann"})).await, site.accept(json!({"user": "bob"})).await);
    let ann = signed_in(&site, "ann").await;
    let list = ann.send(&site, "GET", "/generations", None).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], anns["id"]);
    let other = ann.send(&site, "GET", &format!("/generations/{}", bobs["id"].as_str().unwrap()), None).await;
    assert_eq!(other.status, 404);
    let for_bob = ann.send(&site, "POST", "/generations", Some(text(json!({"user": "bob"})))).await;
    assert_eq!(for_bob.code(), "validation_failed");
    assert_eq!(ann.send(&site, "POST", "/generations", Some(text(json!({})))).await.status, 202);
    for (method, path) in [("GET", "/users"), ("GET", "/invites"), ("GET", "/keys"), ("GET", "/status")] {
        assert_eq!(ann.send(&site, method, path, None).await.code(), "scope_missing", "{path}");
    }
    assert_eq!(ann.send(&site, "GET", "/session/all", None).await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn s_11_nobody_learns_who_signs_in_here() {
    let site = Site::idle().await;
    person(&site, "ann", "editor").await;
    let disabled = person(&site, "bob", "editor").await;
    assert_eq!(site.send("DELETE", &format!("/users/{disabled}"), None, &[]).await.status, 204);
    let mut answers = Vec::new();
    for (email, password) in [
        ("ann@example.com", "wrong horse"),
        ("nobody@example.com", PASSWORD),
        ("bob@example.com", PASSWORD),
        ("no e-mail", PASSWORD),
        ("ann@example.com", ""),
        ("ann@example.com'--", PASSWORD),
    ] {
        let reply = try_in(&site, json!({"email": email, "password": password})).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "sign_in_failed"), "{email}");
        assert!(!reply.headers.contains_key("set-cookie"), "{email}");
        answers.push(told(&reply));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all of them: {answers:?}");
    let elsewhere = json!({"email": "ann@example.com", "password": PASSWORD,
        "workspace_id": "0190aaaa-0000-7000-8000-000000000009"});
    assert_eq!(told(&try_in(&site, elsewhere).await), answers[0], "another workspace's people are others");
}

/// Not a stopwatch: what takes the time is the hashing, and it happens for everybody. A try without it would be a hundred
/// times faster, so a factor of three is far from both.
#[tokio::test]
async fn s_11_an_unknown_email_takes_as_long_as_a_wrong_password() {
    let site = Site::idle().await;
    person(&site, "ann", "editor").await;
    let world = World::real();
    let mut took = [Duration::ZERO; 2];
    for round in 0..6 {
        let known = round % 2 == 0;
        let email = if known { "ann@example.com".to_owned() } else { format!("nobody{round}@example.com") };
        let began = world.steady();
        assert_eq!(try_in(&site, json!({"email": email, "password": "wrong horse"})).await.status, 401);
        took[usize::from(known)] += world.steady() - began;
    }
    let [unknown, known] = took;
    assert!(unknown * 3 > known && known * 3 > unknown, "{took:?}");
}

#[tokio::test]
async fn s_11_a_guesser_is_turned_away_and_the_owner_is_not() {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    person(&site, "ann", "owner").await;
    let right = json!({"email": "ann@example.com", "password": PASSWORD});
    let wrong = json!({"email": "ann@example.com", "password": "wrong horse"});
    let home = [198, 51, 100, 7];
    assert_eq!(from(&site, home, &right).await.status, 200, "she is signed in at home");
    let guesser = [203, 0, 113, 1];
    let mut tries = 0;
    let barred = loop {
        let reply = from(&site, guesser, &wrong).await;
        if reply.status != 401 {
            break reply;
        }
        tries += 1;
    };
    assert_eq!((tries, barred.status, barred.header("retry-after")), (5, 429, "13"));
    assert_eq!(from(&site, guesser, &right).await.status, 429, "the right one is not looked at, either");
    assert_eq!(from(&site, [203, 0, 113, 2], &right).await.status, 200, "from anywhere else it is");
    for last in 10..30 {
        from(&site, [203, 0, 113, last], &wrong).await;
    }
    assert_eq!(from(&site, [203, 0, 113, 99], &right).await.status, 429, "everybody guesses at her");
    assert_eq!(from(&site, home, &right).await.status, 200, "not at home, where she is signed in");
    clock.advance(Duration::from_secs(600));
    assert_eq!(from(&site, guesser, &right).await.status, 200);
}

#[tokio::test]
async fn s_11_who_is_signed_in_is_not_barred_with_a_guesser_beside_him() {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock, Arc::new(CountingDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    person(&site, "ann", "viewer").await;
    let ann = signed_in(&site, "ann").await;
    let address = [203, 0, 113, 1];
    let shows = async |cookie: &str| {
        let request = Request::get("/api/v1/session").header("cookie", cookie);
        let request = request.extension(Peer(SocketAddr::from((address, 40_000)))).body(Body::empty()).unwrap();
        site.app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(shows(&ann.cookie).await, 200);
    let guess = || SecretText::random(&World::real(), SecretKind::SignIn);
    let mut tries = 0;
    while shows(&format!("__Host-copydesk={}", guess().reveal())).await == 401 {
        tries += 1;
        assert!(tries < 100, "nobody guesses for ever");
    }
    assert_eq!((tries, shows(&ann.cookie).await), (10, 200));
}

#[tokio::test]
async fn s_13_every_sign_in_is_a_new_one_and_the_one_before_ends() {
    let site = Site::idle().await;
    person(&site, "ann", "editor").await;
    let first = signed_in(&site, "ann").await;
    let second = signed_in(&site, "ann").await;
    assert_ne!(first.cookie, second.cookie);
    assert_eq!((first.status(&site).await, second.status(&site).await), (200, 200), "two browsers");
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let again = first.send(&site, "POST", "/session", Some(body)).await;
    let third = Browser::of(&again);
    assert_ne!(first.cookie, third.cookie, "a cookie somebody planted is not the one that works");
    assert_eq!((first.status(&site).await, third.status(&site).await), (401, 200));
    let planted = Browser { cookie: format!("__Host-copydesk=dks_{}", "a".repeat(49)) };
    let reply = planted.send(&site, "GET", "/session", None).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "session_ended"));
    assert!(reply.header("set-cookie").starts_with("__Host-copydesk=; Path=/; Max-Age=0;"));
}

#[tokio::test]
async fn s_13_s_58_signing_out_ends_it_at_once_and_leaves_nothing_behind() {
    let site = Site::idle().await;
    person(&site, "ann", "editor").await;
    let (ann, other) = (signed_in(&site, "ann").await, signed_in(&site, "ann").await);
    assert_eq!(ann.send(&site, "GET", "/drafts", None).await.header("cache-control"), "no-store");
    let out = ann.send(&site, "DELETE", "/session", None).await;
    assert_eq!((out.status, out.header("clear-site-data")), (204, "\"cache\", \"storage\""));
    assert_eq!(out.header("cache-control"), "no-store");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!((ann.status(&site).await, other.status(&site).await), (401, 200));
}

#[tokio::test]
async fn s_13_password_role_and_disabling_end_what_was() {
    let site = Site::idle().await;
    person(&site, "root", "owner").await;
    let id = person(&site, "ann", "editor").await;
    let path = format!("/users/{id}");
    for patch in [json!({"role": "viewer"}), json!({"password": "battery staple"}), json!({"disabled": true})] {
        site.send("PATCH", &path, Some(json!({"password": PASSWORD, "disabled": false})), &[]).await;
        let ann = signed_in(&site, "ann").await;
        assert_eq!(ann.status(&site).await, 200);
        assert_eq!(site.send("PATCH", &path, Some(json!({"name": "Ann"})), &[]).await.status, 200);
        assert_eq!(ann.status(&site).await, 200, "another name ends nothing");
        assert_eq!(site.send("PATCH", &path, Some(patch.clone()), &[]).await.status, 200);
        assert_eq!(ann.status(&site).await, 401, "{patch}");
    }
    let refused = try_in(&site, json!({"email": "ann@example.com", "password": PASSWORD})).await;
    assert_eq!(refused.code(), "sign_in_failed", "she is disabled");
}

#[tokio::test]
async fn s_13_another_node_learns_of_it_within_a_second() {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    let site = Site::in_world(world.clone(), DeskConfig::default(), ModelStore::new()).await;
    let other = Site::in_world(world, DeskConfig::default(), site.store.clone()).await;
    let id = person(&site, "ann", "editor").await;
    let ann = signed_in(&site, "ann").await;
    assert_eq!((ann.status(&site).await, ann.status(&other).await), (200, 200));
    assert_eq!(site.send("DELETE", &format!("/users/{id}"), None, &[]).await.status, 204);
    assert_eq!(ann.status(&site).await, 401, "here at once");
    clock.advance(Duration::from_secs(1));
    assert_eq!(ann.status(&other).await, 401, "there a second later");
}

#[tokio::test]
async fn s_13_a_sign_in_ends_by_itself() {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    person(&site, "ann", "editor").await;
    let (idle, busy) = (signed_in(&site, "ann").await, signed_in(&site, "ann").await);
    site.desk.start_working().await.unwrap();
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    clock.advance(6 * DAY);
    assert_eq!(busy.status(&site).await, 200);
    // When he was seen is written with the node's beat, and the last one is its goodbye.
    site.desk.stop(Duration::ZERO).await.unwrap();
    assert_eq!(seen(&site).await, site.desk.world().now());
    clock.advance(2 * DAY);
    assert_eq!(idle.status(&site).await, 401, "a week without a request");
    assert_eq!(busy.status(&site).await, 200, "seen two days ago");
    clock.advance(30 * DAY);
    assert_eq!(busy.status(&site).await, 401, "thirty days in any case");
}

/// When somebody was last seen, as the store has it.
async fn seen(site: &Site) -> Timestamp {
    use copydesk_core::UserId;
    use copydesk_desk::store::SignInStore;
    let ann = UserId::from_external(Scope::DEFAULT.workspace, "ann@example.com");
    let rows = site.store.sign_ins(Scope::DEFAULT, ann).await.unwrap();
    rows.iter().map(|row| row.last_seen_at).max().unwrap()
}

#[tokio::test]
async fn one_changes_ones_own_password_and_is_signed_in_anew() {
    let site = Site::idle().await;
    person(&site, "ann", "viewer").await;
    let (ann, other) = (signed_in(&site, "ann").await, signed_in(&site, "ann").await);
    let change = |current: &str, new: &str| Some(json!({"current_password": current, "new_password": new}));
    let wrong = ann.send(&site, "POST", "/session/password", change("wrong horse", "battery staple")).await;
    assert_eq!(wrong.code(), "sign_in_failed");
    for bad in ["short", "password1", "ann@example.com"] {
        let reply = ann.send(&site, "POST", "/session/password", change(PASSWORD, bad)).await;
        assert_eq!(reply.json()["errors"][0]["pointer"], "/new_password", "{bad}: {}", reply.json());
    }
    assert_eq!(ann.status(&site).await, 200, "nothing was changed");
    let changed = ann.send(&site, "POST", "/session/password", change(PASSWORD, "battery staple")).await;
    let fresh = Browser::of(&changed);
    assert_eq!((ann.status(&site).await, other.status(&site).await, fresh.status(&site).await), (401, 401, 200));
    let old = try_in(&site, json!({"email": "ann@example.com", "password": PASSWORD})).await;
    assert_eq!(old.status, 401);
}

#[tokio::test]
async fn who_was_disabled_elsewhere_sets_no_password_in_the_second_his_cookie_is_still_believed() {
    let site = Site::idle().await;
    let id = person(&site, "ann", "viewer").await;
    let ann = signed_in(&site, "ann").await;
    assert_eq!(ann.status(&site).await, 200);
    let there = site.elsewhere().await;
    let terms = KeyTerms::new("root", Permit::of(Role::Owner));
    let by = Issuer { scope: Scope::DEFAULT, name: "root".to_owned(), terms };
    let off = PersonPatch { disabled: Some(true), ..Default::default() };
    there.change_person(&by, id.parse().unwrap(), off).await.unwrap();
    let body = json!({"current_password": PASSWORD, "new_password": "battery staple"});
    let reply = ann.send(&site, "POST", "/session/password", Some(body)).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "sign_in_failed"));
    let into = json!({"email": "ann@example.com", "password": "battery staple"});
    assert_eq!(try_in(&site, into).await.status, 401, "nothing was changed");
}

#[tokio::test]
async fn s_11_who_is_turned_away_costs_no_look_into_the_database_and_no_hash() {
    let clock = HandClock::at(Timestamp::from_micros(1_767_268_800_000_000));
    let world = World::new(clock, Arc::new(CountingDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    let body = |n: usize| json!({"email": format!("nobody{n}@example.com"), "password": "wrong horse"});
    for n in 0..20 {
        assert_eq!(from(&site, [192, 0, 2, 9], &body(n)).await.status, 401);
    }
    let before = site.faults.called(Method::FindLogin);
    for n in 20..60 {
        let reply = from(&site, [192, 0, 2, 9], &body(n)).await;
        assert_eq!((reply.status, reply.header("retry-after").is_empty()), (429, false));
    }
    assert_eq!((before, site.faults.called(Method::FindLogin)), (20, 20));
}

#[tokio::test]
async fn one_sees_and_ends_where_one_is_signed_in() {
    let site = Site::idle().await;
    person(&site, "ann", "viewer").await;
    person(&site, "bob", "viewer").await;
    let (ann, other, bob) =
        (signed_in(&site, "ann").await, signed_in(&site, "ann").await, signed_in(&site, "bob").await);
    let list = ann.send(&site, "GET", "/session/all", None).await.json();
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["current"]).collect::<Vec<_>>(), [&json!(false), &json!(true)]);
    let id = rows[0]["id"].as_str().unwrap();
    let (bobs, unknown) = (bob.send(&site, "GET", "/session/all", None).await.json(), "sin_01900000000000000000000000");
    for nothing in [bobs["data"][0]["id"].as_str().unwrap(), unknown] {
        let reply = ann.send(&site, "DELETE", &format!("/session/all/{nothing}"), None).await;
        assert_eq!(reply.code(), "not_found", "{nothing}");
    }
    assert_eq!(ann.send(&site, "DELETE", &format!("/session/all/{id}"), None).await.status, 204);
    assert_eq!((ann.status(&site).await, other.status(&site).await, bob.status(&site).await), (200, 401, 200));
}

#[tokio::test]
async fn s_12_the_first_owner_is_made_by_the_link_of_the_start_and_by_nobody_else() {
    let site = Site::idle().await;
    assert_eq!(site.raw("GET", "/api/v1/setup", &[], "").await.json(), json!({"object": "setup", "needed": true}));
    let made = site.desk.setup_link(Scope::DEFAULT).await.unwrap();
    let post = async |link: &str, email: &str| {
        let body = json!({"link": link, "email": email, "password": PASSWORD}).to_string();
        site.raw("POST", "/api/v1/setup", &[("content-type", "application/json")], body).await
    };
    for guess in ["", "dkl_", &format!("dkl_{}", "a".repeat(49)), &site.key] {
        let reply = post(guess, "stranger@example.com").await;
        assert_eq!((reply.status, reply.code().as_str()), (410, "link_spent"), "{guess}");
    }
    let by_session = try_in(&site, json!({"link": made.secret.reveal(), "password": PASSWORD})).await;
    assert_eq!(by_session.code(), "link_spent", "a setup link signs in by its own route only");
    let owner = post(made.secret.reveal(), "ann@example.com").await;
    assert_eq!((owner.json()["role"].clone(), Browser::of(&owner).status(&site).await), (json!("owner"), 200));
    let again = post(made.secret.reveal(), "stranger@example.com").await;
    assert_eq!((again.status, again.code().as_str()), (404, "not_found"), "the route is gone");
    let another = site.desk.setup_link(Scope::DEFAULT).await.unwrap();
    assert_eq!(post(another.secret.reveal(), "stranger@example.com").await.status, 404);
    assert_eq!(site.raw("GET", "/api/v1/setup", &[], "").await.json()["needed"], false);
}

#[tokio::test]
async fn the_owner_of_the_settings_is_there_after_every_start() {
    let site = Site::idle().await;
    let put = async |password: &str| site.desk.put_owner(Scope::DEFAULT, "Ann@example.com", password).await.unwrap();
    assert!(put(PASSWORD).await && !put(PASSWORD).await, "the second time changes nothing");
    let ann = signed_in(&site, "ann").await;
    assert!(put("battery staple").await, "another password takes the place of the first");
    assert_eq!(ann.status(&site).await, 401);
    assert!(put(PASSWORD).await);
    person(&site, "bob", "owner").await;
    let id = signed_in(&site, "ann").await.send(&site, "GET", "/session", None).await.json();
    let path = format!("/users/{}", id["user"]["id"].as_str().unwrap());
    site.send("PATCH", &path, Some(json!({"role": "viewer", "disabled": true})), &[]).await;
    assert!(put(PASSWORD).await, "the way back in");
    assert_eq!(site.get(&path).await.json()["role"], "owner");
    assert!(site.desk.put_owner(Scope::DEFAULT, "bob@example.com", "short").await.is_err());
}

#[tokio::test]
async fn a_link_is_used_once_whoever_is_first() {
    let site = Site::idle().await;
    let id = person(&site, "ann", "editor").await;
    let link = site.post(&format!("/users/{id}/link"), json!({"purpose": "sign_in"})).await;
    assert_eq!(link.status, 201);
    let secret = link.json()["secret"].as_str().unwrap().to_owned();
    let tries = (0..50).map(|_| try_in(&site, json!({"link": secret})));
    let replies = futures::future::join_all(tries).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().filter(|reply| reply.status != 200).all(|reply| reply.code() == "link_spent"));
    let rows = site.store.find_login(Scope::DEFAULT, "ann@example.com".parse_email()).await.unwrap().unwrap();
    assert_eq!(rows.id.to_string(), id);
}

#[tokio::test]
async fn a_reset_wants_a_new_password_and_an_invite_makes_a_person() {
    let site = Site::idle().await;
    let id = person(&site, "ann", "editor").await;
    let before = signed_in(&site, "ann").await;
    let link = site.post(&format!("/users/{id}/link"), json!({})).await.json();
    assert_eq!(link["purpose"], "reset");
    let secret = &link["secret"];
    assert_eq!(try_in(&site, json!({"link": secret})).await.json()["errors"][0]["pointer"], "/password");
    let bad = try_in(&site, json!({"link": secret, "password": "password1"})).await;
    assert_eq!(bad.json()["errors"][0]["code"], "too_common", "and the link is still good");
    let reply = try_in(&site, json!({"link": secret, "password": "battery staple"})).await;
    assert_eq!((Browser::of(&reply).status(&site).await, before.status(&site).await), (200, 401));

    let invite = site.post("/invites", json!({"email": "Bob@example.com", "role": "viewer"})).await.json();
    let body = json!({"link": invite["secret"], "password": "battery staple", "name": "Bob"});
    let bob = try_in(&site, body).await;
    assert_eq!(bob.json()["user"]["name"], "Bob");
    assert_eq!((bob.json()["role"].clone(), Browser::of(&bob).status(&site).await), (json!("viewer"), 200));
    let listed = site.get("/invites").await.json();
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["secret"]), (&json!("used"), &Value::Null));
    let plain = site.post(&format!("/users/{id}/link"), json!({"purpose": "sign_in"})).await.json();
    let reply = try_in(&site, json!({"link": plain["secret"], "password": "battery staple"})).await;
    assert_eq!(reply.json()["errors"][0]["pointer"], "/password", "it lets in without one");
}

trait ParseEmail {
    fn parse_email(&self) -> copydesk_core::access::Email;
}

impl ParseEmail for str {
    fn parse_email(&self) -> copydesk_core::access::Email {
        copydesk_core::access::Email::parse(self).unwrap()
    }
}
