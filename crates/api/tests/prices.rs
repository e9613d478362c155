//! Prices set over the API: what is taken, what is refused and how, and who may.

use crate::site::{Site, other_workspace};
use serde_json::{Value, json};

const PUT: &str = "/prices/demo/writer";

fn faults(body: &Value) -> Vec<(&str, &str)> {
    let of = |fault: &'_ Value, key: &str| -> &'static str { fault[key].as_str().unwrap().to_owned().leak() };
    body["errors"].as_array().unwrap().iter().map(|fault| (of(fault, "pointer"), of(fault, "code"))).collect()
}

#[tokio::test]
async fn a_price_is_set_listed_used_and_ended() {
    let site = Site::working().await;
    let price = json!({
        "from": "2026-01-01T00:00:00+01:00",
        "input_per_million_nanousd": 1_000_000_000_i64, "output_per_million_nanousd": 2_000_000_000_i64,
        "tiers": [{"above_input_tokens": 200_000, "input_per_million_nanousd": 3}],
    });
    let set = site.send("PUT", PUT, Some(price), &[]).await;
    assert_eq!(set.status, 200, "{}", set.json());
    let set = set.json();
    assert_eq!((&set["model"], &set["from"]), (&json!("demo/writer"), &json!("2025-12-31T23:00:00.000000Z")));
    assert_eq!(set["price"]["tiers"][0]["input_per_million_nanousd"], 3);
    let version = set["price"]["version"].as_str().unwrap();

    let done = site.finished(json!({"model": "demo/writer"})).await;
    let calls = site.get(&format!("/generations/{}/calls", done["id"].as_str().unwrap())).await.json();
    assert_eq!(calls["data"][0]["cost"]["price_version"], version);
    assert_eq!(calls["data"][0]["cost"]["nanousd"], 18_000);
    let models = site.get("/models").await.json();
    let writer = models["data"].as_array().unwrap().iter().find(|model| model["id"] == "demo/writer").unwrap();
    assert_eq!(writer["price"]["version"], version);

    let ended = site.send("DELETE", PUT, None, &[]).await;
    assert_eq!((ended.status, &ended.json()["price"]), (200, &json!(null)));
    let listed = site.get("/prices?model=demo/writer").await.json();
    let numbers: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|row| row["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [2, 1], "the newest first, and nothing is ever removed");
    assert_eq!(site.get("/prices?model=demo/other").await.json()["data"], json!([]));
    assert_eq!(site.send("DELETE", PUT, None, &[]).await.code(), "not_found");
}

#[tokio::test]
async fn every_fault_of_a_price_is_named_with_its_place() {
    let site = Site::idle().await;
    let refused = async |body: Value| {
        let reply = site.send("PUT", PUT, Some(body), &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"));
        reply.json()
    };
    let body = refused(json!({
        "from": "2026-01-01T00:00:00", "input_per_million_nanousd": 2.5, "output_per_million_nanousd": -1,
        "cached_per_million_nanousd": 0, "per_image_nanousd": "1", "per_request_nanousd": 2_000_000_000_000_000_i64,
        "inptu": 1, "tiers": [{"above_input_tokens": 0}, {"above_input_tokens": 5, "input_per_million_nanousd": -3}],
    }))
    .await;
    let wanted = [
        ("/from", "naive_timestamp"),
        ("/input_per_million_nanousd", "wrong_type"),
        ("/output_per_million_nanousd", "wrong_type"),
        ("/cached_per_million_nanousd", "not_allowed"),
        ("/tiers/0/above_input_tokens", "required"),
        ("/tiers/0/input_per_million_nanousd", "required"),
        ("/tiers/1/input_per_million_nanousd", "wrong_type"),
        ("/tiers/1/input_per_million_nanousd", "required"),
        ("/per_image_nanousd", "wrong_type"),
        ("/per_request_nanousd", "out_of_range"),
        ("/inptu", "unknown_field"),
    ];
    assert_eq!(faults(&body), wanted);
    assert_eq!(faults(&refused(json!({})).await), [("", "required")]);
    assert_eq!(faults(&refused(json!({"tiers": 5, "free": true})).await), [("/tiers", "wrong_type")]);
    let unknown = site.send("PUT", "/prices/demo/wrter", Some(json!({"free": true})), &[]).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "model_not_found"));
    assert_eq!(site.get("/prices").await.json()["data"], json!([]), "nothing was written");
}

#[tokio::test]
async fn only_the_operator_sees_and_sets_prices() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", site.key_in(other_workspace()).await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for (method, path) in [("GET", "/api/v1/prices"), ("PUT", "/api/v1/prices/demo/writer")] {
        let reply = site.raw(method, path, &headers, r#"{"free": true}"#).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "scope_missing"), "{method}");
    }
    assert_eq!(site.raw("DELETE", "/api/v1/prices/demo/writer", &[], "").await.code(), "missing_key");
}
