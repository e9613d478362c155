//! GET /usage: totals, whatever the zone, and what cannot be asked.

use crate::site::Site;
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};
use std::sync::Arc;

async fn figures(site: &Site, query: &str) -> Value {
    let reply = site.get(&format!("/usage?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

#[tokio::test]
async fn totals_are_told_apart_by_what_is_asked_and_sum_to_the_rows() {
    let site = Site::working().await;
    for user in ["ann", "bob", "bob"] {
        site.finished(json!({"user": user})).await;
    }
    let rows = site.get("/usage/rows").await.json();
    let sum: i64 = rows["data"].as_array().unwrap().iter().map(|row| row["tokens"]["output"].as_i64().unwrap()).sum();
    let usage = figures(&site, "group_by=user,recipe&interval=whole").await;
    assert_eq!((&usage["object"], &usage["tz"], &usage["interval"]), (&json!("usage"), &json!("UTC"), &json!("whole")));
    let groups: Vec<&Value> = usage["data"].as_array().unwrap().iter().map(|row| &row["group"]).collect();
    let (ann, bob) = (json!({"user": "ann", "recipe": "text"}), json!({"user": "bob", "recipe": "text"}));
    assert!(groups.contains(&&ann) && groups.contains(&&bob) && groups.len() == 2, "{groups:?}");
    assert_eq!((&usage["total"]["calls"], &usage["total"]["tokens"]["output"]), (&json!(3), &json!(sum)));
    let bob = figures(&site, "user=bob&interval=whole&recipe=text").await;
    assert_eq!(bob["total"]["calls"], 2);
    assert_eq!(figures(&site, "user=nobody&interval=whole").await["total"]["calls"], 0);
}

#[tokio::test]
async fn seven_days_of_the_zone_are_shown_unless_asked_for_others() {
    // In the last quarter of a day the span ends at midnight, and two days are two.
    let clock = HandClock::at("2026-11-05T12:00:00Z".parse().unwrap());
    let world = World::new(clock, Arc::new(CountingDice::default()));
    let site = Site::in_world(world, DeskConfig::default(), ModelStore::new()).await;
    let usage = figures(&site, "tz=Asia/Kathmandu").await;
    let days = usage["data"].as_array().unwrap();
    assert_eq!(days.len(), 7, "a day without calls is there too");
    assert!(days.iter().all(|day| day["from"].as_str().unwrap().ends_with("T00:00:00+05:45")), "{days:?}");
    let hours = figures(&site, "tz=Europe/Berlin&interval=hour&from=2026-10-25&to=2026-10-26").await;
    assert_eq!(hours["data"].as_array().unwrap().len(), 25);
    assert_eq!(hours["data"][3]["from"], "2026-10-25T02:00:00+01:00");
    let since = figures(&site, "interval=day&since=2d").await;
    assert_eq!(since["data"].as_array().unwrap().len(), 3, "two days back, from its first minute on");
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let site = Site::idle().await;
    for (query, parameter, says) in [
        ("tz=Kathmandu", "?tz", "Asia/Kathmandu"),
        ("tz=Europe/Berlni", "?tz", "Europe/Berlin"),
        ("interval=year", "?interval", "quarter, hour, day, week, month, whole"),
        ("group_by=model,colour", "?group_by", "colour"),
        ("group_by=service,recipe", "?group_by", "twice"),
        ("from=2026-01-02&to=2026-01-02", "?from", "is not before"),
        ("from=2026-01-01T00:07:00Z", "?from", "the nearest is 2026-01-01T00:00:00"),
        ("from=2026-01-01&to=2026-01-02T00:01:00Z", "?to", "a quarter of an hour"),
        ("from=1990-01-01", "?from", "is not between 2000-01-01"),
        ("from=2026-01-01T00:00:00", "?from", "a date alone begins in the zone"),
        ("from=yesterday", "?from", "or a date such as"),
        ("since=1d&from=2026-01-01", "?since", "leave one of the two out"),
        ("interval=quarter&from=2001-01-01&to=2026-01-01", "?interval", "more than 100000 parts"),
        ("recipe=text&service=text", "?recipe", "leave one of the two out"),
        ("colour=red", "?colour", "no such parameter"),
    ] {
        let reply = site.get(&format!("/usage?{query}")).await;
        let body = reply.json();
        assert_eq!(reply.status, 422, "{query}: {body}");
        assert_eq!(body["errors"][0]["pointer"], parameter, "{query}: {body}");
        assert!(body["errors"][0]["detail"].as_str().unwrap().contains(says), "{query}: {body}");
    }
}

#[tokio::test]
async fn an_answer_that_would_be_too_large_is_refused_by_its_own_code() {
    let site = Site::working().await;
    for user in ["ann", "bob"] {
        site.finished(json!({"user": user})).await;
    }
    let reply = site.get("/usage?group_by=user&interval=hour&from=2019-01-01&to=2026-01-01").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "usage_too_large"));
    assert_eq!(reply.json()["max"], 100_000);
}

#[tokio::test]
async fn rows_of_a_span_are_those_opened_in_it() {
    let site = Site::working().await;
    for _ in 0..3 {
        site.finished(json!({})).await;
    }
    let all = site.get("/usage/rows?order=asc").await.json();
    let opened: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|row| row["opened_at"].as_str().unwrap()).collect();
    let (second, third) = (opened[1], opened[2]);
    let count = async |query: String| {
        let mut seen = 0;
        let mut path = format!("/usage/rows?limit=1&{query}");
        loop {
            let page = site.get(&path).await.json();
            seen += page["data"].as_array().unwrap().len();
            let Some(cursor) = page["next_cursor"].as_str() else { return seen };
            path = format!("/usage/rows?limit=1&{query}&cursor={cursor}");
        }
    };
    for order in ["asc", "desc"] {
        assert_eq!(count(format!("order={order}&from={second}")).await, 2, "{order}");
        assert_eq!(count(format!("order={order}&to={third}")).await, 2, "{order}");
        assert_eq!(count(format!("order={order}&from={second}&to={third}")).await, 1, "{order}");
        assert_eq!(count(format!("order={order}&since=1d")).await, 3, "{order}");
    }
    let reply = site.get(&format!("/usage/rows?from={third}&to={second}")).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!("?from")));
}

#[tokio::test]
async fn who_has_an_answer_already_is_told_so() {
    let site = Site::working().await;
    site.finished(json!({})).await;
    let path = "/usage?interval=whole";
    let first = site.get(path).await;
    let tag = first.header("etag");
    assert!(tag.len() > 20, "{tag:?}");
    let again = site.send("GET", path, None, &[("if-none-match", &format!("W/{tag}"))]).await;
    assert_eq!((again.status, again.header("etag"), again.bytes.len()), (304, tag, 0));
    site.finished(json!({})).await;
    let other = site.send("GET", path, None, &[("if-none-match", tag)]).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), tag);
}
