//! `generations`, `cleanup-stale`, `audit`, `doctor`, `db`: looking after the work.

use crate::support::{Place, text};

#[test]
fn why_says_in_words_what_a_generation_waits_for() {
    let place = Place::new();
    let (waiting, _) = place.waiting();
    place.run(&["generations", "why", &waiting]).exits(0).prints("`copydesk serve`");
    assert_eq!(text(&place.json(&["generations", "why", &waiting]), "/waiting/reason"), "no_worker");
    let (done, _) = place.written();
    place.run(&["generations", "why", &done]).exits(0).prints("it is completed");
}

#[test]
fn a_cancelled_generation_was_free_and_stays_cancelled() {
    let place = Place::new();
    let (id, draft) = place.waiting();
    place.run(&["generations", "cancel", &id]).exits(0).says("is cancelled").says("You were not charged");
    place.run(&["generations", "cancel", &id]).exits(9).says("already_terminal");
    assert_eq!(text(&place.json(&["drafts", "show", &draft]), "/status"), "cancelled");
    place.run(&["generations", "ls", "--status", "cancelled"]).exits(0).prints(&id);
}

#[test]
fn a_generation_that_waits_is_given_more_time_and_never_less() {
    let place = Place::new();
    let (id, _) = place.waiting();
    place.run(&["generations", "extend", &id, "5h"]).exits(0).says("has time until").says("it is pending");
    let until = text(&place.json(&["generations", "show", &id]), "/generation/deadline_at");
    place.run(&["generations", "extend", &id, "1m"]).exits(9).says("deadline_not_later").says("generations cancel");
    place.run(&["generations", "extend", &id, "31d"]).exits(2).says("/deadline");
    assert_eq!(text(&place.json(&["generations", "extend", &id, &until]), "/deadline_at"), until);
    place.run(&["generations", "cancel", &id]).exits(0);
    place.run(&["generations", "extend", &id, "5h"]).exits(9).says("already_terminal");
}

#[test]
fn a_retry_is_a_new_generation_for_the_same_draft() {
    let place = Place::new();
    let (failed, draft) = place.failed();
    place.run(&["generations", "retry", &failed, "--model", "demo/writer"]).exits(0).prints("completed").prints(&draft);
    let all = place.json(&["generations", "ls"]);
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    assert_eq!(text(&all, "/data/1/status"), "failed");
    place.run(&["drafts", "show", &draft]).exits(0).prints("Hello");
    let again = place.run(&["generations", "retry", &failed, "--model", "demo/fail?status=400"]);
    assert_ne!(again.exit, Some(0));
}

#[test]
fn a_generation_is_shown_with_its_calls() {
    let place = Place::new();
    let (id, _) = place.failed();
    let ran = place.run(&["generations", "show", &id]);
    ran.exits(0).prints("demo/fail").prints("CALL").prints("cal_").prints("failed");
    assert_eq!(place.json(&["generations", "show", &id])["calls"].as_array().unwrap().len(), 1);
}

#[test]
fn ids_without_waiting_are_printed_for_people_and_for_scripts() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=One", "--no-wait"]);
    ran.exits(0).prints("generation  gen_").prints("draft       drf_");
    assert!(text(&place.json(&["generate", "text", "--set", "prompt=Two", "--no-wait"]), "/id").starts_with("gen_"));
}

#[test]
fn cleanup_stale_shows_first_and_then_ends_what_is_too_old() {
    let place = Place::new();
    // The wait of a second is what makes it old enough.
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/stuck", "--timeout", "1s"]);
    ran.exits(6);
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    place.run(&["cleanup-stale", "--dry-run"]).exits(0).prints_nothing().says("older than 3600s");
    let dry = place.run(&["cleanup-stale", "--dry-run", "--max-age", "1s"]);
    dry.exits(0).prints(&id).prints("seconds").says("1 generation").says("nothing was changed");
    assert_eq!(text(&place.json(&["generations", "ls"]), "/data/0/status"), "pending");
    place.run(&["cleanup-stale", "--max-age", "1s"]).exits(0).prints(&id).says("Marked 1 stale generation as failed");
    let generation = &place.json(&["generations", "ls"])["data"][0];
    assert_eq!(
        (text(generation, "/status"), text(generation, "/error/code")),
        ("failed".into(), "deadline_exceeded".into())
    );
    place.run(&["cleanup-stale", "--max-age-hours", "0.5"]).exits(0).says("Marked 0 stale generations");
    place.run(&["audit"]).exits(0);
}

#[test]
fn doctor_says_yes_to_a_sound_installation_and_no_to_waiting_work() {
    let place = Place::new();
    place.written();
    let ran = place.run(&["doctor"]);
    ran.exits(0).prints("ok    storage").prints("ok    schema").prints("ok    worker");
    assert_eq!(place.json(&["doctor"])["ok"], true);
    place.waiting();
    place
        .run(&["doctor"])
        .exits(11)
        .prints("FAIL  worker")
        .prints("Start one with `copydesk serve`.")
        .says("1 check(s) failed");
}

#[test]
fn a_worker_that_was_killed_is_no_illness_when_nothing_waits() {
    let place = Place::new();
    let (id, _) = {
        let server = place.serve(&[]);
        let done = place.written();
        server.running.kill();
        done
    };
    place.run(&["doctor"]).exits(0).prints("nothing waits for one");
    place.run(&["generations", "show", &id]).exits(0);
    place.waiting();
    place.run(&["doctor"]).exits(11).prints("FAIL  worker").prints("no server is running and work waits");
}

#[test]
fn audit_finds_planted_damage_and_exits_11() {
    let place = Place::new();
    let (_, draft) = place.written();
    place.run(&["audit"]).exits(0).says("nothing was found");
    let database = rusqlite::Connection::open(place.data("copydesk.db")).unwrap();
    database.execute("UPDATE drafts SET status = 'pending'", []).unwrap();
    drop(database);
    let ran = place.run(&["audit"]);
    ran.exits(11).prints("CHECK").prints(&draft[4..8]).says("broken invariant");
    assert_eq!(place.run(&["audit", "--json"]).exits(11).json()["ok"], false);
    let ran = place.run(&["promises", "run", "drafts_are_what_they_say"]);
    ran.exits(11).prints("BROKEN").prints("draft_status_fits").prints(&draft[4..8]).says("all there is");
    place.run(&["promises", "run", "balances_add_up"]).exits(0).prints("ok  Every balance").says("keys looked at");
    place.run(&["promises", "run", "world_peace"]).refuses(3, "not_found").says("balances_add_up");
}

/// Asks again and again; each time is a run of the program.
fn until(what: &str, condition: impl Fn() -> bool) {
    assert!((0..500).any(|_| condition()), "waited in vain until {what}");
}

#[test]
fn a_running_server_finds_planted_damage_by_itself_and_sees_when_it_is_mended() {
    let place = Place::new().with("COPYDESK_AUDIT_EVERY", "1s");
    let (_, draft) = place.written();
    place.run(&["audit", "--status"]).exits(0).says("has not begun");
    let _server = place.serve(&[]);
    let rounds = |report: &serde_json::Value| report["background"]["rounds"].as_u64().unwrap_or(0);
    let status = || place.run(&["audit", "--status", "--json"]).json();
    until("a whole round", || rounds(&status()) > 0);
    let database = rusqlite::Connection::open(place.data("copydesk.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database.execute("UPDATE drafts SET status = 'pending'", []).unwrap();
    until("it is found", || status()["ok"] == false);
    let ran = place.run(&["audit", "--status"]);
    ran.exits(11).prints("draft_status_fits").prints(&draft[4..8]).says("1 finding open").says("broken invariant");
    place.run(&["doctor"]).exits(11).prints("FAIL  audit").prints("1 of draft_status_fits");
    place.run(&["health"]).exits(11).prints("FAIL  audit").prints("ok    disk").prints("ok    clock");
    let ran = place.run(&["promises"]);
    ran.exits(11).prints("BROKEN  drafts_are_what_they_say").prints("one_result").says("copydesk promises run NAME");
    ran.says("The last whole round looked at");
    let ran = place.run(&["promises", "show", "drafts_are_what_they_say"]);
    ran.exits(11).prints("draft_status_fits").prints(&draft[4..8]);
    let told = "SELECT count(*) FROM events WHERE kind = 'promise.violated'";
    assert_eq!(database.query_row(told, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    database.execute("UPDATE drafts SET status = 'draft'", []).unwrap();
    until("it is gone", || status()["ok"] == true);
    place.run(&["audit", "--status"]).exits(0).says("0 findings open");
    place.run(&["promises"]).exits(0);
    place.run(&["health"]).exits(0).prints("ok    audit");
}

#[test]
fn db_status_and_check_describe_the_database() {
    let place = Place::new();
    place.waiting();
    place.run(&["db", "status"]).exits(0).prints("sqlite").prints("copydesk.db").prints("pending     1");
    assert_eq!(place.json(&["db", "status"])["pending"], 1);
    place.run(&["db", "check"]).exits(0).says("exactly the expected one");
    place.run(&["db", "migrate"]).exits(0).says("is at schema version");
}
