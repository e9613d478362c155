//! Keys: none, wrong, another workspace's, in the wrong place.

use crate::contract::{filled, operations};
use crate::site::{Site, other_workspace};
use copydesk_api::{ApiSettings, router};
use copydesk_desk::keys::KeyText;
use serde_json::json;
use tower::ServiceExt;

#[tokio::test]
async fn every_route_needs_a_key_but_pages_and_probes() {
    let site = Site::idle().await;
    let mut open = Vec::new();
    for (method, path, operation) in operations() {
        let reply = site.raw(&method.to_uppercase(), &filled(path), &[], "").await;
        if operation.get("security").is_some() {
            assert!(reply.status != 401 || path == "/api/v1/session", "{method} {path}");
            open.push(path.as_str());
            continue;
        }
        // Its caller reads other words, which `compat.rs` has.
        if path == "/api/generate/cleanup-stale" {
            assert_eq!(reply.status, 401);
            continue;
        }
        assert_eq!((reply.status, reply.code().as_str()), (401, "missing_key"), "{method} {path}");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    let reading =
        ["/docs", "/docs/errors", "/docs/errors/{code}", "/docs/style.css", "/healthz", "/livez", "/llms.txt"];
    // Below the base only the ways in are open.
    let entrance = ["/api/v1/session", "/api/v1/setup", "/api/v1/setup"];
    assert_eq!(
        open,
        [
            &["/.well-known/security.txt"][..],
            &entrance,
            &reading,
            &["/openapi.json", "/readyz", "/unsubscribe/{token}", "/unsubscribe/{token}"]
        ]
        .concat()
    );
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_every_spelling() {
    let site = Site::idle().await;
    let unknown = KeyText::random(site.desk.world());
    for bad in [format!("Bearer {}", unknown.reveal()), "Bearer".into(), "Basic abc".into(), "Bearer ".into()] {
        let reply = site.raw("GET", "/api/v1/recipes", &[("authorization", &bad)], "").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_key"), "{bad}");
    }
    let good = format!("bearer  {}", site.key);
    assert_eq!(site.raw("GET", "/api/v1/recipes", &[("authorization", &good)], "").await.status, 200);
}

#[tokio::test]
async fn a_key_in_the_address_is_refused_even_when_it_is_right() {
    let site = Site::idle().await;
    let path = format!("/api/v1/recipes?api_key={}", site.key);
    let reply = site.raw("GET", &path, &[], "").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "key_in_query"));
    assert!(!String::from_utf8(reply.bytes).unwrap().contains(&site.key));
}

#[tokio::test]
async fn a_trusted_caller_and_the_local_key_need_no_row() {
    let site = Site::idle().await;
    let ask = |settings: ApiSettings, header: Option<String>| {
        let app = router(site.desk.clone(), settings);
        let mut request = http::Request::get("/api/v1/recipes");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        async move { app.oneshot(request).await.unwrap().status().as_u16() }
    };
    let trusted = ApiSettings { trusted: true, ..ApiSettings::default() };
    assert_eq!(ask(trusted, None).await, 200);
    let local = ApiSettings { local_key: Some(KeyText::new("a-key-of-this-process")), ..ApiSettings::default() };
    assert_eq!(ask(local.clone(), Some("Bearer a-key-of-this-process".into())).await, 200);
    assert_eq!(ask(local, Some("Bearer another-key-of-nobody".into())).await, 401);
}

#[tokio::test]
async fn another_workspaces_id_answers_like_an_unknown_one() {
    let mut site = Site::working().await;
    let done = site.finished(json!({"external_id": "mine"})).await;
    let (generation, draft) = (done["id"].as_str().unwrap(), done["draft_id"].as_str().unwrap());
    site.key = site.key_in(other_workspace()).await;
    let unknown_generation = "gen_01900000000000000000000000";
    let unknown_draft = "drf_01900000000000000000000000";
    let routes = [
        ("GET", "/generations/ID", "", json!(null)),
        ("GET", "/generations/ID/why", "", json!(null)),
        ("GET", "/generations/ID/calls", "", json!(null)),
        ("GET", "/generations/ID/stream", "", json!(null)),
        ("POST", "/generations/ID/cancel", "", json!({})),
        ("POST", "/generations/ID/extend", "", json!({"deadline": "10m"})),
        ("POST", "/generations/ID/retry", "", json!({})),
        ("GET", "/drafts/ID", "", json!(null)),
        ("GET", "/drafts/ID/versions", "", json!(null)),
        ("GET", "/drafts/ID/versions/1", "", json!(null)),
        ("POST", "/drafts/ID/versions/1/restore", "", json!({})),
        ("PATCH", "/drafts/ID", "*", json!({"title": "x"})),
        ("DELETE", "/drafts/ID", "", json!(null)),
        ("POST", "/drafts/ID/undelete", "", json!({})),
        ("POST", "/drafts/ID/publish", "", json!({})),
        ("POST", "/drafts/ID/unpublish", "", json!({})),
        ("POST", "/drafts/ID/approve", "", json!({})),
        ("POST", "/drafts/ID/reject", "", json!({})),
        ("POST", "/drafts/ID/regenerate", "", json!({})),
    ];
    for (method, path, if_match, body) in routes {
        let (theirs, nobodys) =
            if path.starts_with("/drafts") { (draft, unknown_draft) } else { (generation, unknown_generation) };
        let mut answers = Vec::new();
        for id in [theirs, nobodys] {
            let headers = [("x-request-id", "same"), ("if-match", if_match)];
            let headers = if if_match.is_empty() { &headers[..1] } else { &headers[..] };
            let body = Some(body.clone()).filter(|body| !body.is_null());
            let reply = site.send(method, &path.replace("ID", id), body, headers).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
            answers.push(String::from_utf8(reply.bytes).unwrap().replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    assert_eq!(site.get("/drafts/ext:mine").await.status, 404);
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
    assert_eq!(site.get("/usage/rows").await.json()["data"], json!([]));
    assert_eq!(site.get("/events").await.json()["data"], json!([]));
    let reply = site.post("/generations", json!({"recipe": "text", "input": {"prompt": "x"}, "draft_id": draft})).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn the_installation_is_the_operators() {
    let mut site = Site::idle().await;
    site.key = site.key_in(other_workspace()).await;
    let mut operators = 0;
    // Keys sign nobody in or out: sign_in.rs has that.
    for (method, path, operation) in operations().filter(|(_, path, _)| !path.starts_with("/api/v1/session")) {
        let bearer = format!("Bearer {}", site.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = site.raw(&method.to_uppercase(), &filled(path), &headers, body).await;
        let documented = operation["x-operator"] == true;
        assert_eq!(reply.status == 403, documented, "{method} {path}: {}", reply.status);
        if documented {
            assert_eq!(reply.code(), "scope_missing", "{method} {path}");
            operators += 1;
        }
    }
    assert!(operators >= 11, "{operators}");
}
