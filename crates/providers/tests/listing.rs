//! Asking which models there are: where each format is asked, how, and what is made of the answers.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use copydesk_core::CallId;
use copydesk_providers::demo::NAME;
use copydesk_providers::{
    CallReport, DemoServer, ErrorClass, HttpClient, PriceTable, ProviderConfig, ProviderKind, Registry, Secret,
    Timeouts,
};
use serde_json::{Value, json};
use support::{Act, KEY, RawServer};

fn id() -> CallId {
    CallId("0190aaaa-0000-7000-8000-000000000001".parse().unwrap())
}

fn registry(kind: ProviderKind, base_url: &str) -> Registry {
    let (base_url, api_key) = (Some(base_url.to_owned()), Some(Secret::new(KEY)));
    let config = ProviderConfig { name: "one".to_owned(), kind, base_url, api_key };
    Registry::build(&[config], &HttpClient::new().unwrap(), &PriceTable::built_in()).unwrap()
}

/// What comes of the question to a server that answers like this, and what it was asked.
async fn ask(kind: ProviderKind, status: &str, body: &Value) -> (CallReport<Vec<String>>, String) {
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = RawServer::start(vec![Act::Send(answer.into_bytes())]).await;
    let registry = registry(kind, &server.base_url);
    let report = registry.get("one").unwrap().list_models(id(), Timeouts::default()).unwrap().await;
    (report, server.requests().concat())
}

#[tokio::test]
async fn every_format_is_asked_at_its_own_address_with_its_key() {
    let data = json!({ "data": [{ "id": "b" }, { "id": "a/x" }, { "id": "b" }, { "no": "id" }] });
    let models = json!({ "models": [{ "name": "models/b" }, { "name": "a/x" }] });
    let results = json!({ "results": [{ "owner": "a", "name": "x" }, { "owner": "b" }] });
    use ProviderKind as K;
    let bearer = format!("authorization: Bearer {KEY}");
    for (kind, address, header, answer, listed) in [
        (K::OpenAi, "GET /v1/models ", bearer.clone(), &data, vec!["a/x", "b"]),
        (K::OpenAiCompatible, "GET /v1/models ", bearer.clone(), &data, vec!["a/x", "b"]),
        (K::OpenRouter, "GET /v1/models/user ", bearer.clone(), &data, vec!["a/x", "b"]),
        (K::Anthropic, "GET /v1/models ", format!("x-api-key: {KEY}"), &data, vec!["a/x", "b"]),
        (K::Gemini, "GET /v1/models ", format!("x-goog-api-key: {KEY}"), &models, vec!["a/x", "b"]),
        (K::Ollama, "GET /v1/api/tags ", bearer.clone(), &models, vec!["a/x", "models/b"]),
        (K::Replicate, "GET /v1/models ", bearer, &results, vec!["a/x"]),
    ] {
        let (report, request) = ask(kind, "200 OK", answer).await;
        assert_eq!(report.result.unwrap(), listed, "{kind}");
        assert!(request.starts_with(address), "{kind}: {request}");
        assert!(request.to_lowercase().contains(&header.to_lowercase()), "{kind}: {request}");
        assert_eq!(request.contains("anthropic-version"), kind == K::Anthropic, "{kind}");
    }
}

#[tokio::test]
async fn a_refused_key_is_told_and_not_quoted() {
    let refusal =
        json!({ "error": { "message": format!("Incorrect API key provided: {KEY}"), "code": "invalid_api_key" } });
    for kind in
        [ProviderKind::OpenAi, ProviderKind::OpenRouter, ProviderKind::Anthropic, ProviderKind::OpenAiCompatible]
    {
        let (report, _) = ask(kind, "401 Unauthorized", &refusal).await;
        let error = report.result.unwrap_err();
        assert_eq!((error.class, report.http_status), (ErrorClass::Unauthorized, Some(401)), "{kind}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_list_is_no_proof() {
    for body in [json!({}), json!([]), json!({ "data": "none" })] {
        let (report, _) = ask(ProviderKind::OpenAi, "200 OK", &body).await;
        assert_eq!(report.result.unwrap_err().class, ErrorClass::Malformed, "{body}");
    }
    let (empty, _) = ask(ProviderKind::OpenAi, "200 OK", &json!({ "data": [] })).await;
    assert_eq!(empty.result.unwrap(), Vec::<String>::new(), "a server without a model is there all the same");
}

#[tokio::test]
async fn the_demo_provider_lists_what_its_catalogue_has_and_fal_cannot_be_asked() {
    let (_server, base_url) = DemoServer::start().await.unwrap();
    let registry = registry(ProviderKind::Demo, &base_url);
    let demo = registry.get("one").unwrap();
    let mut known = demo.catalogue().models().to_vec();
    known.sort();
    assert_eq!(demo.list_models(id(), Timeouts::default()).unwrap().await.result.unwrap(), known);
    assert!(known.contains(&"writer".to_owned()) && NAME == "demo");
    let fal = self::registry(ProviderKind::Fal, "http://127.0.0.1:9");
    assert!(fal.get("one").unwrap().list_models(id(), Timeouts::default()).is_none());
}
