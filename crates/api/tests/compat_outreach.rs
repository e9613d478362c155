//! The outreach system's start button and list, as its front end calls and reads them.

use crate::site::{Reply, Site};
use copydesk_desk::DeskConfig;
use copydesk_desk::config::Outreach;
use copydesk_desk::store::StoreError;
use copydesk_store_tests::contract::Method;
use copydesk_store_tests::{ModelStore, When};
use serde_json::{Value, json};

async fn site() -> Site {
    let outreach = Outreach { sender: Some("We are Fernleaf.".to_owned()), ..Outreach::default() };
    Site::with(DeskConfig { outreach, max_concurrent: Some(8), ..DeskConfig::default() }, ModelStore::new()).await
}

async fn ask(site: &Site, method: &str, path: &str, body: Value) -> Reply {
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    site.raw(method, path, &headers, body).await
}

async fn prospects(site: &Site, from: usize, to: usize) {
    for n in from..to {
        let body = json!({"external_id": format!("legacy-{n}"), "contact_email": format!("p{n}@example.com"),
            "verification_status": "verified", "source_type": "website", "company": format!("Cafe {n}")});
        assert_eq!(site.post("/prospects", body).await.status, 201);
    }
}

fn names(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn ended(site: &Site, uuid: &Value) -> Value {
    let path = format!("/api/pipeline/draft/jobs/{}", uuid.as_str().unwrap());
    for _ in 0..5_000 {
        let seen = ask(site, "GET", &path, Value::Null).await.json();
        if !["pending", "running"].contains(&seen["status"].as_str().unwrap()) {
            return seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("{uuid} did not end");
}

#[tokio::test]
async fn seed_s1_the_start_button_is_answered_as_its_front_end_reads_it() {
    let site = site().await;
    prospects(&site, 0, 3).await;
    let first = ask(&site, "POST", "/api/pipeline/draft", json!({})).await;
    let body = first.json();
    assert_eq!(first.status, 200, "{body}");
    assert_eq!(names(&body), ["deduplicated", "job_id", "message", "prospects_count", "success"]);
    assert_eq!(
        (&body["success"], &body["prospects_count"], &body["deduplicated"]),
        (&json!(true), &json!(3), &json!(false))
    );
    assert_eq!(body["job_id"].as_str().unwrap().len(), 36);
    // B24: the second click, also without a body, is the first one's job.
    for again in [json!({}), Value::Null, json!({"prospect_ids": []}), json!({"prospect_ids": null, "page": 1})] {
        let again = ask(&site, "POST", "/api/pipeline/draft", again).await.json();
        assert_eq!((&again["job_id"], &again["deduplicated"]), (&body["job_id"], &json!(true)));
    }
    let one = ask(&site, "POST", "/api/pipeline/draft", json!({"prospect_ids": ["legacy-1"]})).await.json();
    let by_uuid = ask(&site, "GET", "/api/prospects", Value::Null).await.json()["data"][1]["id"].clone();
    assert!(one["job_id"] != body["job_id"] && one["prospects_count"] == 1, "{one}");
    let two = ask(&site, "POST", "/api/pipeline/draft", json!({"prospect_ids": [by_uuid, "legacy-2"]})).await.json();
    assert_eq!((&two["success"], &two["prospects_count"]), (&json!(true), &json!(2)));
    site.desk.start_working().await.unwrap();
    let mut made = 0;
    for job in [&body, &one, &two] {
        made += ended(&site, &job["job_id"]).await["drafts_created"].as_u64().unwrap();
    }
    assert_eq!(made, 3, "nobody twice");
    let nobody = ask(&site, "POST", "/api/pipeline/draft", json!({})).await;
    let said = nobody.json();
    assert_eq!((nobody.status, &said["success"]), (422, &json!(false)), "{said}");
    assert!(said["message"].as_str().unwrap().contains("3 have a draft"), "{said}");
    let unknown = ask(&site, "POST", "/api/pipeline/draft", json!({"prospect_ids": ["who"]})).await;
    assert_eq!((unknown.status, &unknown.json()["success"]), (422, &json!(false)));
}

#[tokio::test]
async fn seed_s1_a16_the_switch_that_is_off_is_403_with_a_sentence_and_nothing_is_written() {
    let site = site().await;
    prospects(&site, 0, 2).await;
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    let off = ask(&site, "POST", "/api/pipeline/draft", json!({})).await;
    let body = off.json();
    assert_eq!(
        (off.status, &body["success"], &body["code"], &body["status"]),
        (403, &json!(false), &json!("generation_paused"), &json!(403))
    );
    assert!(body["message"].as_str().unwrap().contains("switched off"), "{body}");
    assert_eq!(ask(&site, "GET", "/api/jobs", Value::Null).await.json(), json!([]));
    site.send("PATCH", "/settings", Some(json!({"generation": "on"})), &[]).await;
    assert_eq!(ask(&site, "POST", "/api/pipeline/draft", json!({})).await.status, 200);
}

#[tokio::test]
async fn seed_s1_prospects_are_listed_with_their_drafts_as_the_screen_reads_them() {
    let site = site().await;
    prospects(&site, 0, 3).await;
    let body = ask(&site, "GET", "/api/prospects?skip=0&limit=1000", Value::Null).await.json();
    assert_eq!(names(&body), ["data", "limit", "skip", "total"]);
    assert_eq!((&body["total"], &body["skip"], &body["limit"]), (&json!(3), &json!(0), &json!(1000)));
    let wanted = [
        "category",
        "company",
        "contact_email",
        "created_at",
        "draft_body",
        "draft_status",
        "draft_subject",
        "external_id",
        "id",
        "name",
        "source_type",
        "updated_at",
        "verification_status",
        "website",
    ];
    assert_eq!(names(&body["data"][0]), wanted);
    assert_eq!((&body["data"][0]["draft_subject"], &body["data"][0]["draft_status"]), (&Value::Null, &Value::Null));
    site.desk.start_working().await.unwrap();
    let job = ask(&site, "POST", "/api/pipeline/draft", json!({})).await.json();
    ended(&site, &job["job_id"]).await;
    let body = ask(&site, "GET", "/api/prospects?skip=1&limit=1", Value::Null).await.json();
    let one = &body["data"][0];
    assert_eq!((body["data"].as_array().unwrap().len(), &one["external_id"]), (1, &json!("legacy-1")));
    assert_eq!(
        (&one["draft_status"], &one["draft_subject"]),
        (&json!("drafted"), &json!("A question about your cafe"))
    );
    assert_eq!(one["draft_body"], "Hello,\n\nWe read your page.\n\nKind regards");
    let other = site.elsewhere_in_it().await;
    let bearer = format!("Bearer {}", other.key);
    let foreign = site.raw("GET", "/api/prospects", &[("authorization", &bearer)], "").await;
    assert_eq!(foreign.json(), json!({"data": [], "total": 0, "skip": 0, "limit": 100}));
    assert_eq!(site.raw("GET", "/api/prospects", &[], "").await.status, 401);
    assert_eq!(ask(&site, "GET", "/api/prospects?limit=1001", Value::Null).await.status, 422);
}

#[tokio::test]
async fn seed_s1_b26_drafts_beyond_the_first_thousand_are_there() {
    let site = site().await;
    let rows: String = (0..1_050).map(|n| format!("p{n},p{n}@example.com,website,verified\n")).collect();
    let table = format!("external_id,contact_email,source_type,verification_status\n{rows}");
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    assert_eq!(site.raw("POST", "/api/v1/prospects/import", &headers, table).await.status, 201);
    site.desk.start_working().await.unwrap();
    let job = ask(&site, "POST", "/api/pipeline/draft", json!({"prospect_ids": ["p1049"]})).await.json();
    ended(&site, &job["job_id"]).await;
    let body = ask(&site, "GET", "/api/prospects?skip=1000&limit=1000", Value::Null).await.json();
    let data = body["data"].as_array().unwrap();
    assert_eq!((data.len(), &body["total"], &data[49]["draft_status"]), (50, &json!(1_050), &json!("drafted")));
    let drafted = site.get("/prospects?stage=drafted").await.json();
    assert_eq!(drafted["data"][0]["external_id"], "p1049", "and the native list finds it without the others");
}

#[tokio::test]
async fn seed_s1_b25_a_cancelled_job_stops_and_says_so() {
    let site = site().await;
    prospects(&site, 0, 5).await;
    let job = ask(&site, "POST", "/api/pipeline/draft", json!({})).await.json();
    let id = job["job_id"].as_str().unwrap();
    assert_eq!(site.post(&format!("/jobs/{id}/cancel"), json!({})).await.status, 200);
    site.desk.start_working().await.unwrap();
    let seen = ended(&site, &job["job_id"]).await;
    assert_eq!((&seen["status"], &seen["drafts_created"]), (&json!("cancelled"), &json!(0)));
    let body = ask(&site, "GET", "/api/prospects", Value::Null).await.json();
    assert!(body["data"].as_array().unwrap().iter().all(|one| one["draft_subject"].is_null()), "{body}");
    let again = ask(&site, "POST", "/api/pipeline/draft", json!({})).await.json();
    assert!(
        again["job_id"] != job["job_id"] && again["prospects_count"] == 5,
        "who got nothing is eligible again: {again}"
    );
    assert_eq!(ended(&site, &again["job_id"]).await["drafts_created"], 5);
}

#[tokio::test]
async fn seed_s1_a14_a_broken_jobs_list_hides_no_drafts_and_broken_drafts_are_an_error() {
    let site = site().await;
    prospects(&site, 0, 2).await;
    site.desk.start_working().await.unwrap();
    let job = ask(&site, "POST", "/api/pipeline/draft", json!({})).await.json();
    ended(&site, &job["job_id"]).await;
    let gone = || StoreError::Unavailable("injected".to_owned());
    site.faults.fail_next(Method::Jobs, 100, When::Before, gone());
    let broken = ask(&site, "GET", "/api/jobs", Value::Null).await;
    // B27: no error is an empty list.
    assert_eq!((broken.status, broken.code().as_str()), (503, "storage_unavailable"));
    let seen = ask(&site, "GET", "/api/prospects", Value::Null).await.json();
    assert!(seen["data"].as_array().unwrap().iter().all(|one| one["draft_status"] == "drafted"), "{seen}");
    site.faults.fail_next(Method::CutProspects, 100, When::Before, gone());
    let broken = ask(&site, "GET", "/api/prospects", Value::Null).await;
    assert_eq!(broken.status, 503);
    assert!(broken.json().get("data").is_none(), "who keeps what is shown is not told that there is nothing");
}
