//! Problems: their shape, and that nothing odd gets past them.

use crate::site::{Site, text};
use copydesk_desk::DeskConfig;
use copydesk_store_tests::ModelStore;
use serde_json::json;

#[tokio::test]
async fn every_error_is_problem_json() {
    let site = Site::idle().await;
    let json_type = ("content-type", "application/json");
    let bearer = format!("Bearer {}", site.key);
    let key = ("authorization", bearer.as_str());
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let table: [Case; 14] = [
        ("GET", "/nowhere", &[], "", 404, "not_found"),
        ("GET", "/api/v1/nowhere", &[], "", 404, "not_found"),
        ("GET", "/api/v1", &[], "", 404, "not_found"),
        ("DELETE", "/livez", &[], "", 405, "method_not_allowed"),
        ("PUT", "/api/v1/generations", &[key], "", 405, "method_not_allowed"),
        ("POST", "/api/v1/generations", &[key], "{}", 415, "unsupported_media_type"),
        ("POST", "/api/v1/generations", &[key, ("content-type", "text/plain")], "{}", 415, "unsupported_media_type"),
        ("POST", "/api/v1/generations", &[key, json_type], "{\"recipe\":", 400, "malformed_json"),
        ("POST", "/api/v1/generations", &[key, json_type], "{\"a\":1,\"a\":2}", 400, "malformed_json"),
        ("POST", "/api/v1/generations", &[key, json_type], "\u{0}", 400, "malformed_json"),
        ("POST", "/api/v1/generations", &[key, json_type], "[1]", 422, "validation_failed"),
        ("POST", "/api/v1/generations", &[key], "", 422, "validation_failed"),
        ("GET", "/api/v1/drafts/%ff", &[key], "", 404, "not_found"),
        ("GET", "/docs/errors/nope", &[], "", 404, "not_found"),
    ];
    for (method, path, headers, body, status, code) in table {
        let reply = site.raw(method, path, headers, body.to_owned()).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {path} {body:?}");
    }
    let reply = site.raw("PUT", "/api/v1/generations", &[key], "").await;
    let mut allowed: Vec<&str> = reply.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn a_problem_reads_as_documented() {
    let site = Site::idle().await;
    let reply = site.send("POST", "/generations", Some(json!({"recipe": "txet"})), &[("x-request-id", "req-7")]).await;
    assert_eq!(reply.status, 404);
    insta::assert_json_snapshot!(reply.json(), @r#"
    {
      "code": "recipe_not_found",
      "detail": "There is no recipe \"txet\". Known recipes: newsletter, outreach, picture, text, video.",
      "doc_url": "https://desk.example/docs/errors/recipe_not_found",
      "error": {
        "code": "recipe_not_found",
        "message": "There is no recipe \"txet\". Known recipes: newsletter, outreach, picture, text, video.",
        "param": null,
        "type": "recipe_not_found"
      },
      "errors": [],
      "hint": "GET /api/v1/recipes lists them with their inputs.",
      "known": [
        "newsletter",
        "outreach",
        "picture",
        "text",
        "video"
      ],
      "request_id": "req-7",
      "retryable": false,
      "status": 404,
      "title": "No such recipe",
      "type": "https://desk.example/docs/errors/recipe_not_found"
    }
    "#);
}

#[tokio::test]
async fn a_missing_recipe_lists_the_known_ones() {
    let site = Site::idle().await;
    for reply in [site.get("/recipes/poem").await, site.post("/generations", json!({"recipe": "poem"})).await] {
        assert_eq!((reply.status, reply.code().as_str()), (404, "recipe_not_found"));
        assert_eq!(reply.json()["known"], json!(["newsletter", "outreach", "picture", "text", "video"]));
    }
}

#[tokio::test]
async fn unknown_fields_are_named() {
    let site = Site::idle().await;
    let body = text(json!({"metdata": {}, "input": {"prompt": "x", "tone": "y"}}));
    let reply = site.post("/generations", body).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"));
    let body = reply.json();
    assert_eq!(body["errors"][0]["pointer"], "/metdata");
    assert_eq!(body["errors"][0]["code"], "unknown_field");
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains("\"metadata\""), "{body}");
    assert_eq!(body["error"]["param"], "metdata");
    // Below the input it is the recipe's schema that says so.
    let reply = site.post("/generations", text(json!({"input": {"prompt": "x", "tone": "y"}}))).await;
    assert_eq!(reply.code(), "validation_failed");
    assert_eq!(reply.json()["errors"][0]["pointer"], "/input/tone");
    // And everywhere else, parameters of the address included.
    for (method, path, body) in [
        ("POST", "/generations/gen_x/cancel", Some(json!({"force": true}))),
        ("PATCH", "/settings", Some(json!({"generaton": "off"}))),
        ("GET", "/generations?staus=failed", None),
        ("GET", "/drafts?limit=1&limit=2", None),
    ] {
        let reply = site.send(method, path, body, &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{path}");
    }
}

#[tokio::test]
async fn seed_s0_a_time_without_an_offset_is_refused_with_a_hint() {
    let site = Site::idle().await;
    for field in ["run_at", "deadline"] {
        let reply = site.post("/generations", text(json!({field: "2026-01-31T08:00:00"}))).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "naive_timestamp"));
        assert_eq!(reply.json()["errors"][0]["pointer"], format!("/{field}"));
        assert!(reply.json()["detail"].as_str().unwrap().contains("no offset"));
    }
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
}

#[tokio::test]
async fn bombs_and_giants_are_refused() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let deep = format!("{{\"recipe\":\"text\",\"input\":{}", "[".repeat(19_000));
    assert_eq!(site.raw("POST", "/api/v1/generations", &headers, deep).await.code(), "malformed_json");
    let big = json!({"recipe": "text", "input": {"prompt": "x".repeat(20_000)}}).to_string();
    let reply = site.raw("POST", "/api/v1/generations", &headers, big).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
    assert_eq!(reply.json()["limit"], 20_000);
    // A length nobody declared is counted while it comes in.
    let pieces = futures::stream::iter((0..1_000).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000])));
    let reply = site.raw("POST", "/api/v1/generations", &headers, axum::body::Body::from_stream(pieces)).await;
    assert_eq!(reply.code(), "too_large");
    let broken = futures::stream::iter([Ok(vec![b'{']), Err(std::io::Error::other("cut"))]);
    let reply = site.raw("POST", "/api/v1/generations", &headers, axum::body::Body::from_stream(broken)).await;
    assert_eq!(reply.code(), "malformed_json");
}

#[tokio::test]
async fn a_request_id_is_echoed_when_it_is_harmless() {
    let site = Site::idle().await;
    let sent = |id: &'static str| {
        let site = &site;
        async move { site.raw("GET", "/livez", &[("x-request-id", id)], "").await.header("x-request-id").to_owned() }
    };
    assert_eq!(sent("abc-123").await, "abc-123");
    let made = sent("<script>").await;
    assert!(made.starts_with("req_") && made.len() == 36, "{made}");
    assert_ne!(sent("").await, made);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let site = Site::with(DeskConfig::default(), ModelStore::with_waiting_max(1)).await;
    site.accept(json!({})).await;
    let reply = site.post("/generations", text(json!({}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "queue_full"));
    assert!((1..=120).contains(&reply.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(reply.header("x-should-retry"), "true");
}

#[tokio::test]
async fn a_stopping_server_refuses_and_says_so() {
    let site = Site::idle().await;
    site.desk.begin_stop();
    let reply = site.post("/generations", text(json!({}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "draining"));
    assert_eq!(reply.header("retry-after"), "1");
    let reply = site.raw("GET", "/readyz", &[], "").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "draining"));
    assert_eq!(reply.json()["checks"][2]["name"], "draining");
    assert_eq!(site.raw("GET", "/livez", &[], "").await.status, 200);
}

#[tokio::test]
async fn every_code_has_a_page_at_its_address() {
    let site = Site::idle().await;
    for code in copydesk_api::codes() {
        let reply = site.raw("GET", &format!("/docs/errors/{}", code.as_str()), &[], "").await;
        assert_eq!(reply.status, 200);
        assert!(reply.header("content-type").starts_with("text/markdown"));
    }
}

#[tokio::test]
async fn beside_another_router_unknown_paths_below_the_base_stay_problems() {
    let site = Site::idle().await;
    let web = axum::Router::new().fallback(|| async { "a page" });
    let both = Site { app: site.app.clone().reset_fallback().merge(web), ..site };
    for path in ["/api/v1", "/api/v1/nowhere", "/api/v1/generations/x/nowhere", "/api/v1/drafts/x/versions/1/x"] {
        assert_eq!(both.raw("GET", path, &[], "").await.code(), "not_found", "{path}");
    }
    assert_eq!(both.raw("GET", "/nowhere", &[], "").await.bytes, b"a page");
    assert_eq!(both.raw("DELETE", "/livez", &[], "").await.code(), "method_not_allowed");
}
