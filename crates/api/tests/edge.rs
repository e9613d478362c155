//! The edge: hosts, origins, the headers of every answer, and names that lead nowhere.

use crate::served::{Served, endless};
use crate::site::{Site, text};
use copydesk_api::edge::{EdgeSettings, Hosts, Origins};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use serde_json::json;
use std::time::Duration;

async fn edged(edge: EdgeSettings) -> Site {
    Site::edged(World::real(), DeskConfig::default(), ModelStore::new(), edge).await
}

#[tokio::test]
async fn s52_every_answer_carries_the_security_headers_errors_too() {
    let site = edged(EdgeSettings { hsts: Some(Duration::from_secs(86_400)), ..EdgeSettings::default() }).await;
    for (method, path) in [
        ("GET", "/livez"),
        ("GET", "/nowhere"),
        ("GET", "/api/v1/drafts"),
        ("TRACE", "/livez"),
        ("GET", "/docs/errors/internal"),
    ] {
        let reply = site.raw(method, path, &[], "").await;
        let header = |name| reply.header(name);
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        // A page brings one of its own, which lets its style in and nothing else.
        let csp = header("content-security-policy");
        let strict = ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"];
        assert!(strict.iter().all(|rule| csp.contains(rule)), "{path}: {csp}");
        assert!(!csp.contains("script"), "{path}: {csp}");
        assert_eq!(header("strict-transport-security"), "max-age=86400");
    }
}

#[tokio::test]
async fn s14_only_names_of_ours_are_answered() {
    let hosts = Some(Hosts::new("127.0.0.1".parse().unwrap(), ["desk.example"]));
    let site = edged(EdgeSettings { hosts: hosts.clone(), ..EdgeSettings::default() }).await;
    for host in ["localhost:8420", "127.0.0.1", "desk.example"] {
        assert_eq!(site.raw("GET", "/livez", &[("host", host)], "").await.status, 200, "{host}");
    }
    let reply = site.raw("GET", "/livez", &[("host", "evil.example:8420")], "").await;
    assert_eq!((reply.status, reply.code().as_str()), (421, "unknown_host"));
    // A forwarded name is nobody's word.
    let forged = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
    assert_eq!(site.raw("GET", "/livez", &forged, "").await.status, 421);
    let twice = [("host", "localhost"), ("host", "evil.example")];
    assert_eq!(site.raw("GET", "/livez", &twice, "").await.code(), "bad_header");
    let served = Served::edged(endless(), EdgeSettings { hosts, ..EdgeSettings::default() }).await;
    let ask = |head: &str| format!("GET /livez {head}connection: close\r\n\r\n");
    assert!(served.ask(ask("HTTP/1.1\r\n")).await.starts_with("HTTP/1.1 400 "), "HTTP/1.1 wants a Host");
    assert!(served.ask(ask("HTTP/1.0\r\n")).await.starts_with("HTTP/1.0 200 "));
    let absolute = "GET http://evil.example/livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(served.ask(absolute).await.starts_with("HTTP/1.1 421 "));
}

#[tokio::test]
async fn s55_no_origin_is_allowed_unless_it_is_listed() {
    let off = Site::idle().await;
    let from = |origin: &'static str| [("origin", origin)];
    let reply = off.raw("GET", "/livez", &from("https://app.example"), "").await;
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), ("", ""));
    let cors_origins = Origins::new(["https://app.example"]).unwrap();
    let site = edged(EdgeSettings { cors_origins, ..EdgeSettings::default() }).await;
    for evil in ["null", "https://evil.example", "https://app.example.evil.example", "http://app.example"] {
        let reply = site.raw("GET", "/livez", &from(evil), "").await;
        assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), ("", "origin"), "{evil}");
    }
    let reply = site.raw("GET", "/api/v1/drafts", &from("https://app.example"), "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (401, "https://app.example"));
    assert_eq!(reply.header("access-control-allow-credentials"), "");
    assert!(reply.header("access-control-expose-headers").contains("retry-after"));
}

#[tokio::test]
async fn a_browser_of_a_listed_origin_may_ask_first_without_a_key() {
    let cors_origins = Origins::new(["https://app.example"]).unwrap();
    let site = edged(EdgeSettings { cors_origins, ..EdgeSettings::default() }).await;
    let preflight = |origin: &'static str| [("origin", origin), ("access-control-request-method", "POST")];
    let reply = site.raw("OPTIONS", "/api/v1/generations", &preflight("https://app.example"), "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, "https://app.example"));
    assert!(reply.header("access-control-allow-headers").contains("authorization"));
    assert!(reply.header("access-control-allow-methods").contains("PATCH"));
    let reply = site.raw("OPTIONS", "/api/v1/generations", &preflight("null"), "").await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    assert_eq!(reply.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn s04_s67_no_route_is_reached_by_another_name() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", site.key);
    let key = ("authorization", bearer.as_str());
    let draft = site.accept(json!({})).await["draft_id"].as_str().unwrap().to_owned();
    for path in [
        "/api/v1//drafts",
        "//api/v1/drafts",
        "/api/v1/drafts/",
        "/API/v1/drafts",
        "/api/v1/Drafts",
        "/api/v1/%64rafts",
        "/api/v1/./drafts",
        "/api/v1/x/../drafts",
        "/api/v1/%2e/drafts",
        "/api/v1/drafts%2f",
        "/api/v1/drafts;x=y",
        "/debug",
        "/.git/config",
        "/.env",
    ] {
        let reply = site.raw("GET", path, &[key], "").await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
    let path = format!("/api/v1/drafts/{draft}");
    for header in ["x-http-method-override", "x-method-override", "x-http-method", "_method"] {
        let reply = site.raw("POST", &path, &[key, (header, "DELETE")], "").await;
        assert_eq!((reply.status, reply.code().as_str()), (405, "method_not_allowed"), "{header}");
    }
    for method in ["TRACE", "CONNECT", "PROPFIND", "FOO"] {
        assert_eq!(site.raw(method, &path, &[key], "").await.status, 405, "{method}");
    }
    assert_eq!(site.raw("GET", "/metrics", &[], "").await.status, 401);
    assert_eq!(site.get(&format!("/drafts/{draft}")).await.status, 200, "and it is still there");
}

#[tokio::test]
async fn s60_json_at_its_edges_is_refused_or_read_exactly() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let around = |metadata: &str| {
        format!("{{\"recipe\":\"text\",\"input\":{{\"prompt\":\"x\"}},\"metadata\":{metadata}}}").into_bytes()
    };
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let utf16: Vec<u8> = "{\"recipe\":\"text\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let table: [(Vec<u8>, u16, &str); 13] = [
        (around(&nested(200)), 400, "malformed_json"),
        (around(&members(1_900)), 422, "validation_failed"),
        (around("{\"a\":1,\"a\":2}"), 400, "malformed_json"),
        (around("{\"a\":1e400}"), 400, "malformed_json"),
        (around(&format!("{{\"a\":{}}}", "9".repeat(400))), 400, "malformed_json"),
        ([b"\xef\xbb\xbf".to_vec(), around("{}")].concat(), 400, "malformed_json"),
        (utf16, 400, "malformed_json"),
        (around("{\"a\":\"\\ud800\"}"), 400, "malformed_json"),
        ([around("{\"a\":\"").as_slice(), b"\xc0\xaf\"}"].concat(), 400, "malformed_json"),
        (around("{\"a\":\"\\u0000\"}"), 422, "validation_failed"),
        (around("{\"a\":\"\u{0}\"}"), 400, "malformed_json"),
        (around("{} x"), 400, "malformed_json"),
        (around("NaN"), 400, "malformed_json"),
    ];
    for (body, status, code) in table {
        let shown: String = String::from_utf8_lossy(&body).chars().take(120).collect();
        let reply = site.raw("POST", "/api/v1/generations", &headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{shown}");
    }
    let blank = site.raw("DELETE", "/api/v1/webhooks/none", &headers, "\t").await;
    assert_eq!(blank.code(), "malformed_json", "white space is no JSON, and not the same as nothing");
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
    assert_eq!(site.post("/generations", text(json!({"metadata": {"a": 1}}))).await.status, 202);
}

#[tokio::test]
async fn s66_pages_have_a_largest_size_and_cursors_are_ours() {
    let site = Site::idle().await;
    for (query, code) in [
        ("limit=1000000000", "validation_failed"),
        ("limit=0", "validation_failed"),
        ("limit=-1", "validation_failed"),
        ("cursor=c_00", "bad_cursor"),
        ("cursor=99999999", "bad_cursor"),
        ("offset=1000000", "validation_failed"),
    ] {
        assert_eq!(site.get(&format!("/drafts?{query}")).await.code(), code, "{query}");
    }
}
