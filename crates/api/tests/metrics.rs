//! `/metrics`: that a scraper can read it, what it counts, and who may see it.

use crate::site::{Site, other_workspace};
use copydesk_api::{ApiSettings, router};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a scraper would understand: numbers by name with labels.
struct Scraped(BTreeMap<String, f64>);

impl Scraped {
    /// Panics on whatever a scraper would refuse: a name without HELP and TYPE, either of them twice or apart from its
    /// samples, a bad name, a bad number, the same sample twice, a histogram that does not add up.
    fn read(text: &str) -> Scraped {
        let (mut found, mut helped, mut typed) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut family = String::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                assert!(is_name(name) && !help.is_empty() && helped.insert(name.to_owned()), "{line}");
                family = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                assert_eq!(name, family, "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (sample, value) = line.rsplit_once(' ').expect(line);
                let name = sample.split('{').next().expect("a first part");
                let kind = typed.get(&family).unwrap_or_else(|| panic!("no TYPE before {line}"));
                let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} below {family}"));
                let fits = if kind == "histogram" {
                    ["_bucket", "_sum", "_count"].contains(&suffix)
                } else {
                    suffix.is_empty()
                };
                assert!(fits && is_name(name), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                    let labels = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).expect(line);
                    for label in labels.split(',') {
                        let (label, text) = label.split_once("=\"").expect(line);
                        assert!(is_name(label) && text.ends_with('"'), "{line}");
                    }
                }
                let value: f64 = value.parse().expect(line);
                assert!(value >= 0.0 && found.insert(sample.to_owned(), value).is_none(), "{line}");
            }
        }
        for name in typed.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            let all = found[&format!("{name}_bucket{{le=\"+Inf\"}}")];
            assert_eq!(all, found[&format!("{name}_count")], "{name}");
        }
        Scraped(found)
    }

    fn of(&self, sample: &str) -> f64 {
        self.0.get(sample).copied().unwrap_or_else(|| panic!("no {sample} in {:#?}", self.0))
    }

    fn has(&self, name: &str) -> bool {
        self.0.keys().any(|sample| sample.split('{').next() == Some(name))
    }
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    name.chars().next().is_some_and(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

async fn scrape(site: &Site) -> Scraped {
    let bearer = format!("Bearer {}", site.key);
    let reply = site.raw("GET", "/metrics", &[("authorization", &bearer)], "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    Scraped::read(std::str::from_utf8(&reply.bytes).expect("UTF-8"))
}

/// The numbers once so many generations were counted: their end is readable a moment before.
async fn scrape_after(site: &Site, worked_on: f64) -> Scraped {
    for _ in 0..2_000 {
        let found = scrape(site).await;
        if found.of("copydesk_processing_seconds_count") >= worked_on {
            return found;
        }
        tokio::task::yield_now().await;
    }
    panic!("{worked_on} were never counted");
}

#[tokio::test]
async fn a_fresh_process_has_every_counter_without_labels_at_zero() {
    let site = Site::idle().await;
    let found = scrape(&site).await;
    for name in [
        "copydesk_cost_usd_total",
        "copydesk_unpriced_calls_total",
        "copydesk_deadline_exceeded_total",
        "copydesk_breaker_opened_total",
        "copydesk_queue_oldest_seconds",
        "copydesk_sse_clients",
        "copydesk_wait_seconds_count",
        "copydesk_processing_seconds_sum",
    ] {
        assert_eq!(found.of(name), 0.0, "{name}");
    }
    assert!(found.has("copydesk_build_info") && !found.has("copydesk_generations_total"));
}

#[tokio::test]
async fn what_was_done_is_counted_once_and_by_its_outcome() {
    let site = Site::working().await;
    site.finished(json!({"model": "demo/writer", "user": "ada"})).await;
    site.finished(json!({"model": "demo/writer"})).await;
    let failed = site.finished(json!({"model": "demo/refuses"})).await;
    assert_eq!(failed["status"], "failed");
    let busy = site.post("/models/test", json!({"model": "demo/busy"})).await.json();
    assert_eq!(busy["error"]["code"], "rate_limited");
    let found = scrape_after(&site, 4.0).await;
    let of = |sample: &str| found.of(sample);
    assert_eq!(of(r#"copydesk_generations_total{recipe="text",outcome="completed"}"#), 2.0);
    assert_eq!(of(r#"copydesk_generations_total{recipe="text",outcome="failed"}"#), 2.0);
    assert_eq!(of(r#"copydesk_generations_total{recipe="text",outcome="cancelled"}"#), 0.0);
    let requests = |model: &str, outcome: &str| {
        format!(r#"copydesk_provider_requests_total{{provider="demo",model="{model}",outcome="{outcome}"}}"#)
    };
    assert_eq!(of(&requests("writer", "ok")), 2.0);
    assert_eq!(of(&requests("refuses", "failed")), 1.0);
    assert_eq!(of(r#"copydesk_tokens_total{provider="demo",model="writer",direction="input"}"#), 20.0);
    assert_eq!(of(r#"copydesk_tokens_total{provider="demo",model="writer",direction="output"}"#), 8.0);
    // Each of the four calls was reported with 10 tokens in and 4 out: 3,900 nano-dollars.
    assert_eq!(of("copydesk_cost_usd_total"), 0.000_015_6);
    assert_eq!((of("copydesk_wait_seconds_count"), of("copydesk_processing_seconds_count")), (4.0, 4.0));
    assert_eq!(of(r#"copydesk_breaker_state{subject="model:demo/busy"}"#), 2.0);
    assert_eq!(of("copydesk_breaker_opened_total"), 1.0);
    assert!(found.0.keys().all(|sample| !sample.contains("ada")), "no label names a user");
}

#[tokio::test]
async fn what_waits_is_counted_by_its_lane_and_reason_and_what_is_ended_for_it_too() {
    let site = Site::idle().await;
    let first = site.accept(json!({})).await;
    site.accept(json!({"run_at": "2099-01-01T00:00:00Z"})).await;
    let found = scrape(&site).await;
    assert_eq!(found.of(r#"copydesk_queue_depth{lane="recipe:text",reason="ready"}"#), 1.0);
    assert_eq!(found.of(r#"copydesk_queue_depth{lane="recipe:text",reason="scheduled"}"#), 1.0);
    assert!(found.of("copydesk_queue_oldest_seconds") > 0.0);
    site.post(&format!("/generations/{}/cancel", first["id"].as_str().unwrap()), json!({})).await;
    site.post("/maintenance/cleanup-stale", json!({"max_age": "0s"})).await;
    let found = scrape(&site).await;
    assert_eq!(found.of(r#"copydesk_generations_total{recipe="text",outcome="cancelled"}"#), 1.0);
    assert_eq!(found.of(r#"copydesk_generations_total{recipe="text",outcome="failed"}"#), 1.0);
    assert_eq!(found.of("copydesk_deadline_exceeded_total"), 1.0);
    assert_eq!(found.of("copydesk_processing_seconds_count"), 0.0, "neither was ever worked on");
}

#[tokio::test]
async fn jobs_are_counted_by_how_they_stand_and_why() {
    let site = Site::idle().await;
    let none = scrape(&site).await;
    for status in ["pending", "running", "paused", "stopping"] {
        assert_eq!(none.of(&format!(r#"copydesk_jobs{{status="{status}"}}"#)), 0.0, "{status}");
    }
    assert!(!none.has("copydesk_job_feeder_age_seconds"), "nobody has looked yet");
    let job = async |prompts: &[&str]| {
        let items: Vec<_> = prompts.iter().map(|prompt| json!({"input": {"prompt": prompt}})).collect();
        site.post("/jobs", json!({"recipe": "text", "items": items})).await.json()["id"].as_str().unwrap().to_owned()
    };
    let paused = job(&["a", "b", "c"]).await;
    job(&["d", "e"]).await;
    site.desk.feed_jobs().await.unwrap();
    assert_eq!(site.post(&format!("/jobs/{paused}/pause"), json!({})).await.status, 200);
    let found = scrape(&site).await;
    let of = |sample: &str| found.of(sample);
    assert_eq!((of(r#"copydesk_jobs{status="running"}"#), of(r#"copydesk_jobs{status="paused"}"#)), (1.0, 1.0));
    assert_eq!(of(r#"copydesk_jobs_paused{reason="paused"}"#), 1.0);
    assert_eq!(
        (of(r#"copydesk_job_items{status="processing"}"#), of(r#"copydesk_job_items{status="pending"}"#)),
        (5.0, 0.0)
    );
    assert_eq!(of(r#"copydesk_queue_depth{lane="recipe:text",reason="held"}"#), 3.0);
    assert!(of("copydesk_job_feeder_age_seconds") < 60.0);
    let held = site.get(&format!("/jobs/{paused}/items")).await.json()["data"][0]["generation_id"].clone();
    let why = site.get(&format!("/generations/{}/why", held.as_str().unwrap())).await.json()["waiting"].clone();
    assert_eq!((&why["reason"], &why["paused"]), (&json!("paused"), &json!(paused)));
}

#[tokio::test]
async fn metrics_ask_for_the_operators_key_unless_they_were_opened() {
    let site = Site::idle().await;
    assert_eq!(site.raw("GET", "/metrics", &[], "").await.code(), "missing_key");
    let bearer = format!("Bearer {}", site.key_in(other_workspace()).await);
    assert_eq!(site.raw("GET", "/metrics", &[("authorization", &bearer)], "").await.code(), "scope_missing");
    let open = Site {
        app: router(site.desk.clone(), ApiSettings { metrics_open: true, ..ApiSettings::default() }),
        ..Site::idle().await
    };
    assert_eq!(open.raw("GET", "/metrics", &[], "").await.status, 200);
    assert_eq!(open.raw("GET", "/api/v1/status", &[], "").await.status, 401, "nothing else is opened with it");
}
