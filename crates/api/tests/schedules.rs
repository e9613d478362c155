//! Schedules over HTTP: made, shown, changed, paused, run by hand, and what is refused.

use crate::site::{Reply, Setup, Site};
use copydesk_core::schedule::SCHEDULES_MAX;
use copydesk_desk::World;
use copydesk_desk::clock::{HandClock, SystemDice};
use copydesk_desk::store::{ScheduleStore, Scope, StoreError};
use copydesk_store_tests::{Method, When};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Ann's line for the day, at eight in Warsaw.
fn daily() -> Value {
    json!({"recipe": "text", "input": {"prompt": "A line for the day."}, "user": "ann", "name": "Line",
        "at": "08:00", "days": ["mon-fri"], "zone": "Europe/Warsaw"})
}

fn with(change: Value) -> Value {
    let mut body = daily();
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn made(site: &Site) -> Value {
    let reply = site.post("/schedules", daily()).await;
    assert_eq!((reply.status, reply.header("etag")), (201, "\"1\""), "{}", reply.json());
    let body = reply.json();
    assert_eq!(reply.header("location"), body["url"].as_str().unwrap());
    body
}

fn of(schedule: &Value, part: &str) -> String {
    format!("/schedules/{}{part}", schedule["id"].as_str().unwrap())
}

fn fault(reply: &Reply) -> (String, String) {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    let error = &reply.json()["errors"][0];
    (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
}

/// It is Thursday, 1 January 2026, midnight in UTC.
async fn at_new_year() -> (Site, Arc<HandClock>) {
    let clock = HandClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let world = World::new(clock.clone(), Arc::new(SystemDice::default()));
    (Site::made(Setup { world, ..Setup::default() }).await, clock)
}

#[tokio::test]
async fn a_schedule_is_made_shown_changed_and_removed() {
    let (site, _clock) = at_new_year().await;
    let schedule = made(&site).await;
    let shown = json!([
        schedule["state"],
        schedule["cron"],
        schedule["at"],
        schedule["days"],
        schedule["next_at"],
        schedule["next_local"],
        schedule["next_start_at"],
        schedule["lead_s"],
        schedule["last_run"]
    ]);
    let expected = json!([
        "active",
        "0 8 * * mon-fri",
        "08:00",
        ["mon", "tue", "wed", "thu", "fri"],
        "2026-01-01T07:00:00.000000Z",
        "2026-01-01T08:00:00+01:00",
        "2026-01-01T06:45:00.000000Z",
        900,
        null
    ]);
    assert_eq!(shown, expected);
    // Only what is named changes; the days stay those of before.
    let edit = json!({"at": "07:30", "name": null, "lead": "0s", "input": {"prompt": "Another line."}});
    let changed = site.send("PATCH", &of(&schedule, ""), Some(edit), &[("if-match", "\"1\"")]).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.json());
    let changed = changed.json();
    assert_eq!((&changed["cron"], &changed["name"]), (&json!("30 7 * * mon,tue,wed,thu,fri"), &Value::Null));
    assert_eq!((&changed["lead_s"], &changed["user"]), (&json!(0), &json!("ann")));
    assert_eq!(changed["input"]["prompt"], "Another line.");
    let monthly = site.send("PATCH", &of(&schedule, ""), Some(json!({"cron": "0 8 1 * *"})), &[]).await.json();
    assert_eq!((&monthly["at"], &monthly["next_at"]), (&Value::Null, &json!("2026-01-01T07:00:00.000000Z")));
    let days = site.send("PATCH", &of(&schedule, ""), Some(json!({"days": ["mon"]})), &[]).await;
    assert_eq!(fault(&days), ("/at".to_owned(), "required".to_owned()), "at what time of the day?");
    let stale = site.send("PATCH", &of(&schedule, ""), Some(json!({"at": "09:00"})), &[("if-match", "\"1\"")]).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "version_conflict"));
    let listed = site.get("/schedules?q=user:ann%20state:active%20recipe:text").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(site.get("/schedules?state=paused").await.json()["data"], json!([]));
    assert_eq!(fault(&site.get("/schedules?state=asleep").await).0, "?state");
    assert_eq!(site.send("DELETE", &of(&schedule, ""), None, &[("if-match", "\"1\"")]).await.status, 412);
    assert_eq!(site.send("DELETE", &of(&schedule, ""), None, &[]).await.status, 204);
    assert_eq!(site.get(&of(&schedule, "")).await.code(), "not_found");
}

#[tokio::test]
async fn a_time_that_has_come_is_on_the_list_of_runs_with_what_became_of_its_generation() {
    let (site, clock) = at_new_year().await;
    let schedule = made(&site).await;
    clock.advance(Duration::from_secs(7 * 3_600));
    site.desk.run_schedules().await.unwrap();
    let runs = site.get(&of(&schedule, "/runs")).await.json();
    let run = &runs["data"][0];
    let said = json!([run["number"], run["kind"], run["outcome"], run["status"], run["missed"], run["ready_at"]]);
    assert_eq!(said, json!([1, "catch_up", "made", "pending", 0, "2026-01-01T07:00:00.000000Z"]));
    let now = site.get(&of(&schedule, "")).await;
    assert_eq!(now.header("etag"), "\"1\"", "a run is no change by a person");
    assert_eq!(&now.json()["last_run"], run);
    let draft = site.get(&format!("/drafts/{}", run["draft_id"].as_str().unwrap())).await.json();
    assert_eq!((&draft["user"], &draft["status"]), (&json!("ann"), &json!("pending")));
}

#[tokio::test]
async fn a_refused_time_says_why() {
    let (site, clock) = at_new_year().await;
    let schedule = made(&site).await;
    assert_eq!(site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await.status, 200);
    clock.advance(Duration::from_secs(7 * 3_600));
    site.desk.run_schedules().await.unwrap();
    let now = site.get(&of(&schedule, "")).await.json();
    assert_eq!((&now["state"], &now["failures"]), (&json!("active"), &json!(1)));
    let last = &now["last_run"];
    assert_eq!((&last["outcome"], &last["error"]["code"]), (&json!("refused"), &json!("generation_paused")));
    let told = site.get("/events?type=schedule.*").await.json();
    let told = &told["data"][0];
    assert_eq!(told["type"], "schedule.failed", "{told}");
}

#[tokio::test]
async fn paused_resumed_and_run_by_hand() {
    let (site, _clock) = at_new_year().await;
    let schedule = made(&site).await;
    let paused = site.post(&of(&schedule, "/pause"), json!({})).await.json();
    assert_eq!((&paused["state"], &paused["next_at"]), (&json!("paused"), &Value::Null));
    let key = [("idempotency-key", "run-1")];
    let run = site.send("POST", &of(&schedule, "/run"), Some(json!({})), &key).await;
    assert_eq!(run.status, 202, "{}", run.json());
    let again = site.send("POST", &of(&schedule, "/run"), Some(json!({})), &key).await;
    assert_eq!((again.json()["id"].clone(), again.header("idempotent-replayed")), (run.json()["id"].clone(), "true"));
    let runs = site.get(&of(&schedule, "/runs")).await.json();
    assert_eq!((runs["data"].as_array().unwrap().len(), &runs["data"][0]["kind"]), (1, &json!("by_hand")));
    let resumed = site.send("POST", &of(&schedule, "/resume"), Some(json!({})), &[("if-match", "\"2\"")]).await;
    assert_eq!(resumed.json()["next_at"], "2026-01-01T07:00:00.000000Z");
    assert_eq!(site.send("POST", &of(&schedule, "/pause"), None, &[("if-match", "\"2\"")]).await.status, 412);
}

#[tokio::test]
async fn the_next_times_are_shown_with_their_offsets_before_anything_is_made() {
    let (site, clock) = at_new_year().await;
    clock.advance(Duration::from_secs(86 * 24 * 3_600));
    let times = site.get("/schedules/next?cron=30+2+*+*+*&zone=Europe/Berlin&count=3").await.json();
    let local: Vec<&Value> = times["times"].as_array().unwrap().iter().map(|time| &time["local"]).collect();
    // The clocks go from two to three on the 29th.
    assert_eq!(local, ["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]);
    let at = site.get("/schedules/next?at=08:00&days=mon,thu&zone=Pacific/Auckland").await.json();
    assert_eq!((at["times"].as_array().unwrap().len(), &at["days"]), (5, &json!(["mon", "thu"])));
    let dry = site.post("/schedules?dry_run=true", daily()).await;
    assert_eq!((dry.status, dry.json()["times"].as_array().unwrap().len()), (200, 5));
    assert_eq!(site.get("/schedules").await.json()["data"], json!([]), "nothing was made");
    for (query, pointer) in [
        ("", "?cron"),
        ("cron=x", "?cron"),
        ("cron=0+8+*+*+*&at=08:00", "?cron"),
        ("at=25:00", "?at"),
        ("at=08:00&days=someday", "?days"),
        ("at=08:00&zone=Mars", "?zone"),
        ("at=08:00&count=101", "?count"),
        ("at=08:00&count=0", "?count"),
    ] {
        assert_eq!(fault(&site.get(&format!("/schedules/next?{query}")).await).0, pointer, "{query}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named() {
    let site = Site::idle().await;
    for (change, pointer, code) in [
        (json!({"at": null, "days": null}), "/cron", "required"),
        (json!({"cron": "0 8 * * *"}), "/cron", "not_allowed"),
        (json!({"at": null, "days": null, "cron": "61 8 * * *"}), "/cron", "bad_cron"),
        (json!({"at": null, "days": null, "cron": "*/5 * * * *"}), "/cron", "too_often"),
        (json!({"at": "8"}), "/at", "bad_time_of_day"),
        (json!({"days": ["someday"]}), "/days", "bad_time_of_day"),
        (json!({"zone": null}), "/zone", "required"),
        (json!({"zone": "Mars/Base"}), "/zone", "unknown_zone"),
        (json!({"lead": "7h"}), "/lead", "out_of_range"),
        (json!({"grace": "25h"}), "/grace", "out_of_range"),
        (json!({"input": {}}), "/input/prompt", "required"),
        (json!({"metadata": []}), "/metadata", "wrong_type"),
        (json!({"params": {"heat": 1}}), "/params/heat", "unknown_field"),
        (json!({"external_id": "x".repeat(256)}), "/external_id", "bad_length"),
        (json!({"name": ""}), "/name", "bad_length"),
        (json!({"colour": "red"}), "/colour", "unknown_field"),
    ] {
        let reply = site.post("/schedules", with(change.clone())).await;
        assert_eq!(fault(&reply), (pointer.to_owned(), code.to_owned()), "{change}: {}", reply.json());
    }
    assert_eq!(site.post("/schedules", with(json!({"recipe": "nothing"}))).await.code(), "recipe_not_found");
    assert_eq!(site.post("/schedules", with(json!({"model": "demo/nothing"}))).await.code(), "model_not_found");
    assert_eq!(site.get("/schedules").await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_same_request_twice_makes_one_schedule() {
    let site = Site::idle().await;
    let key = [("idempotency-key", "s-1")];
    let first = site.send("POST", "/schedules", Some(daily()), &key).await;
    let again = site.send("POST", "/schedules", Some(daily()), &key).await;
    assert_eq!((first.status, again.status, first.json()["id"].clone()), (201, 201, again.json()["id"].clone()));
    let other = site.send("POST", "/schedules", Some(with(json!({"at": "09:00"}))), &key).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(site.get("/schedules").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_workspace_that_is_full_of_schedules_says_so() {
    let (site, faults) = Site::faulty(copydesk_desk::DeskConfig::default()).await;
    let full = copydesk_core::refusal::Refusal::SchedulesFull { max: SCHEDULES_MAX };
    faults.fail_next(Method::AddSchedule, 1, When::Before, StoreError::Refused(full));
    let reply = site.post("/schedules", daily()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "schedules_full"));
    assert_eq!(reply.json()["limit"], SCHEDULES_MAX);
}

#[tokio::test]
async fn s_02_a_key_of_one_user_has_that_users_schedules_only() {
    let site = Site::idle().await;
    let anns = made(&site).await;
    let (_, bob) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    let as_bob = async |method: &str, path: &str, body: Option<Value>| site.send_as(&bob, method, path, body).await;
    assert_eq!(as_bob("GET", "/schedules", None).await.json()["data"], json!([]));
    for (method, part, body) in [
        ("GET", "", None),
        ("PATCH", "", Some(json!({"at": "09:00"}))),
        ("DELETE", "", None),
        ("POST", "/pause", Some(json!({}))),
        ("POST", "/resume", Some(json!({}))),
        ("POST", "/run", Some(json!({}))),
        ("GET", "/runs", None),
    ] {
        let reply = as_bob(method, &of(&anns, part), body.clone()).await;
        let unknown = as_bob(method, &format!("/schedules/sch_01900000000000000000000000{part}"), body).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {part}");
        assert_eq!(unknown.status, 404);
    }
    assert_eq!(fault(&as_bob("POST", "/schedules", Some(daily())).await).0, "/user");
    let mut own = daily();
    own.as_object_mut().unwrap().remove("user");
    let made = as_bob("POST", "/schedules", Some(own)).await;
    assert_eq!((made.status, &made.json()["user"]), (201, &json!("bob")));
    let id = made.json()["id"].as_str().unwrap().parse().unwrap();
    let row = site.store.schedule(Scope::DEFAULT, id).await.unwrap();
    assert!(row.said.spec.contains(r#""confined":true"#), "what it makes sees no more than its maker");
    let elsewhere = site.elsewhere_in_it().await;
    assert_eq!(elsewhere.get(&of(&anns, "")).await.code(), "not_found");
    assert_eq!(elsewhere.get("/schedules").await.json()["data"], json!([]));
    assert_eq!(site.send_as("dk_live_wrong", "GET", "/schedules", None).await.status, 401);
    let (_, viewer) = site.new_key(json!({"role": "viewer"})).await;
    assert_eq!(site.send_as(&viewer, "POST", "/schedules", Some(daily())).await.status, 403);
}
