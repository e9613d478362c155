//! What browsers say of the page a request comes from, and what becomes of cookies: other sites change nothing, sign nobody in
//! and follow nothing.

use crate::sign_in::{Browser, PASSWORD, person, signed_in, try_in};
use crate::site::Site;
use axum::body::Body;
use copydesk_api::edge::EdgeSettings;
use copydesk_api::server::Peer;
use copydesk_api::{ApiSettings, router};
use copydesk_store_tests::ModelStore;
use http::Request;
use serde_json::json;
use std::net::SocketAddr;
use tower::ServiceExt;

#[tokio::test]
async fn s_53_what_changes_something_comes_from_a_page_of_ours() {
    let site = Site::idle().await;
    person(&site, "ann", "owner").await;
    let ann = signed_in(&site, "ann").await;
    let before = site.store.describe_keys().await;
    let make = Some(json!({"name": "stolen", "role": "owner"}));
    for said in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://blog.desk.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://desk.example")],
        &[("origin", "null")],
        &[("origin", "https://desk.example"), ("origin", "https://desk.example")],
    ] {
        for (method, path, body) in [("POST", "/keys", make.clone()), ("DELETE", "/session", None)] {
            let reply = ann.send_with(&site, method, path, body, said).await;
            assert_eq!((reply.status, reply.code().as_str()), (403, "csrf_failed"), "{method} {path} {said:?}");
        }
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let headers = [
            ("cookie", ann.cookie.as_str()),
            ("host", "desk.example"),
            ("origin", "https://desk.example"),
            ("content-type", kind),
        ];
        let reply = site.raw("POST", "/api/v1/keys", &headers, make.clone().unwrap().to_string()).await;
        assert_eq!(reply.code(), "unsupported_media_type", "{kind}");
    }
    assert_eq!(site.store.describe_keys().await, before, "nothing was made");
    for said in [&[("origin", "https://desk.example")][..], &[("sec-fetch-site", "same-origin")]] {
        assert_eq!(ann.send_with(&site, "POST", "/keys", make.clone(), said).await.status, 201, "{said:?}");
    }
    let read = ann.send_with(&site, "GET", "/drafts", None, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(read.status, 200, "a link leads here; the answer can be read by nobody else");
    assert!(!read.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn s_53_no_other_site_signs_anybody_in() {
    let site = Site::idle().await;
    person(&site, "ann", "owner").await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD}).to_string();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        let headers = [("content-type", "application/json"), ("host", "desk.example"), (name, value)];
        for path in ["/api/v1/session", "/api/v1/setup"] {
            let body = if path.ends_with("setup") {
                json!({"link": "x", "email": "a@b", "password": PASSWORD}).to_string()
            } else {
                body.clone()
            };
            let reply = site.raw("POST", path, &headers, body).await;
            assert_eq!(reply.code(), "csrf_failed", "{path} {value}");
        }
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = site.raw("POST", "/api/v1/session", &form, "email=ann@example.com&password=x").await;
    assert_eq!(reply.code(), "unsupported_media_type");
}

#[tokio::test]
async fn s_54_the_cookie_behind_tls_is_for_this_host_and_no_script() {
    let site = Site::idle().await;
    person(&site, "ann", "viewer").await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let reply = try_in(&site, body.clone()).await;
    let set = reply.header("set-cookie");
    assert!(set.starts_with("__Host-copydesk=dks_"), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"), "{set}");
    assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 1);
    let plain = Browser::of(&reply);
    let renamed = Browser { cookie: plain.cookie.replace("__Host-", "") };
    assert_eq!(renamed.status(&site).await, 401, "a cookie of plain HTTP is not looked at");

    let proxies = EdgeSettings { trusted_proxies: vec!["10.0.0.7".parse().unwrap()], ..EdgeSettings::default() };
    let settings = ApiSettings { edge: proxies, ..ApiSettings::default() };
    let app = router(site.desk.clone(), settings);
    let set_by = async |peer: [u8; 4], proto: &str| {
        let request = Request::post("/api/v1/session").header("content-type", "application/json");
        let request = request.header("x-forwarded-proto", proto).extension(Peer(SocketAddr::from((peer, 1))));
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let secure = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        secure.split_once('=').map(|(name, _)| name.to_owned()).unwrap()
    };
    assert_eq!(set_by([10, 0, 0, 7], "https").await, "__Host-copydesk", "our proxy says so");
    assert_eq!(set_by([10, 0, 0, 7], "http").await, "copydesk");
    assert_eq!(set_by([203, 0, 113, 1], "https").await, "copydesk", "anybody else may say what he likes");
}

#[tokio::test]
async fn s_56_no_other_site_follows_by_cookie() {
    let site = Site::idle().await;
    person(&site, "ann", "viewer").await;
    let ann = signed_in(&site, "ann").await;
    let generation = site.accept(json!({})).await;
    let stream = format!("/generations/{}/stream", generation["id"].as_str().unwrap());
    for path in ["/events", "/events/ws", stream.as_str()] {
        for said in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
            let reply = ann.send_with(&site, "GET", path, None, &[said, ("accept", "text/event-stream")]).await;
            assert_eq!((reply.status, reply.code().as_str()), (403, "origin_refused"), "{path} {said:?}");
        }
    }
    let cancel = format!("/generations/{}/cancel", generation["id"].as_str().unwrap());
    assert_eq!(site.post(&cancel, json!({})).await.status, 200, "so that its stream has an end");
    let token = ann.send(&site, "POST", "/stream-tokens", None).await;
    assert_eq!(token.status, 201, "{}", token.json());
    let stream = ("accept", "text/event-stream");
    let path = format!(
        "/api/v1/generations/{}/stream?stream_token={}",
        generation["id"].as_str().unwrap(),
        token.json()["token"].as_str().unwrap()
    );
    assert_eq!(site.raw("GET", &path, &[stream], "").await.status, 200, "his token opens streams");
    ann.send(&site, "DELETE", "/session", None).await;
    assert_eq!(site.raw("GET", &path, &[stream], "").await.status, 401, "and ends with him");
}

trait DescribeKeys {
    async fn describe_keys(&self) -> u64;
}

impl DescribeKeys for ModelStore {
    async fn describe_keys(&self) -> u64 {
        use copydesk_desk::store::AdminStore;
        self.describe().await.unwrap().keys
    }
}
