//! Jobs from a file and bulk actions, by the program itself: started, followed, killed in the middle, tried again, exported.

use crate::support::{Place, text};
use serde_json::Value;
use std::collections::BTreeSet;

const STATUSES: [&str; 6] = ["pending", "processing", "completed", "failed", "skipped", "cancelled"];

/// Rows of which those named ask for fewer tokens than an answer has, which fails.
fn table(rows: usize, failing: &[usize]) -> String {
    let row = |n: usize| {
        let cut = if failing.contains(&n) { "1" } else { "" };
        format!("c{n},\"Line {n}, please\",{cut}\n")
    };
    format!("custom_id,prompt,max_output_tokens\n{}", (1..=rows).map(row).collect::<String>())
}

fn first_job(place: &Place) -> String {
    text(&place.json(&["jobs", "ls"]), "/data/0/id")
}

fn count(job: &Value, name: &str) -> u64 {
    job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {name} in {job:#}"))
}

#[test]
fn seed_a15_a_job_killed_in_the_middle_is_finished_and_nobody_is_drafted_twice() {
    let place = Place::new().with("COPYDESK_MAX_CONCURRENT", "64");
    place.write("people.csv", table(2_000, &[5, 700, 1_900]));
    let server = place.serve(&[]);
    let key = server.admin_key();
    place.run(&["jobs", "start", "people.csv", "--recipe", "text"]).exits(0).prints("2,000 items = ");
    let id = first_job(&place);
    loop {
        let (status, body) = server.http("GET", &format!("/api/v1/jobs/{id}"), Some(&key), "");
        let job: Value = serde_json::from_str(&body).unwrap();
        let all: u64 = STATUSES.iter().map(|name| count(&job, name)).sum();
        assert_eq!((status, all, job["total_targets"].as_u64()), (200, 2_000, Some(2_000)), "at every look");
        if count(&job, "completed") >= 1_000 {
            break;
        }
    }
    server.running.kill();

    let halted = place.json(&["jobs", "ls"]);
    assert_eq!(halted["data"][0]["status"], "running", "{halted:#}");
    let server = place.serve(&[]);
    place
        .run(&["jobs", "watch", &id])
        .exits(7)
        .prints("2,000 items = 1,997 drafts + 3 failed")
        .says("copydesk jobs retry");
    let export = place.run(&["jobs", "export", &id]);
    export.exits(0);
    let rows: Vec<Value> = export.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let drafts: BTreeSet<&str> = rows.iter().filter_map(|row| row["draft_id"].as_str()).collect();
    assert_eq!((rows.len(), drafts.len()), (2_000, 2_000), "one draft each");
    let failed: Vec<&str> =
        rows.iter().filter(|row| row["status"] == "failed").map(|row| row["custom_id"].as_str().unwrap()).collect();
    assert_eq!(failed, ["c5", "c700", "c1900"]);
    let mut query = "?limit=1000".to_owned();
    let mut seen = 0;
    loop {
        let (_, page) = server.http("GET", &format!("/api/v1/drafts{query}"), Some(&key), "");
        let page: Value = serde_json::from_str(&page).unwrap();
        for draft in page["data"].as_array().unwrap() {
            assert!(draft["versions"].as_u64() <= Some(1), "nobody was drafted twice: {draft}");
            seen += 1;
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=1000&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, 2_000, "and there are no others");
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}

#[test]
fn a_file_is_looked_at_started_followed_and_exported_without_a_server() {
    let place = Place::new();
    place.write("people.csv", table(12, &[]));
    place
        .run(&["jobs", "start", "people.csv", "--recipe", "text", "--dry-run"])
        .exits(0)
        .prints("12 rows = 12 to make + 0 to skip + 0 not valid")
        .prints("cost: at most $")
        .says("Nothing was written.");
    place.is_empty();
    place
        .run(&["jobs", "start", "people.csv", "--recipe", "text", "--watch", "--name", "Autumn"])
        .exits(0)
        .prints("completed")
        .prints("12 items = 12 drafts")
        .says("copydesk jobs export");
    let id = first_job(&place);
    place.run(&["jobs", "ls"]).exits(0).prints("12/12").prints("Autumn").says("copydesk jobs show");
    place.run(&["jobs", "show", &id]).exits(0).prints("12 items = 12 drafts");
    let csv = place.run(&["jobs", "export", &id, "--format", "csv"]);
    csv.exits(0).prints("number,custom_id,external_id,status,");
    let last = place.run(&["jobs", "watch", &id, "--json"]).exits(0).json();
    assert_eq!((&last["final"], &last["status"]), (&Value::Bool(true), &Value::from("completed")));
}

#[test]
fn a_look_at_a_file_says_how_much_of_it_credits_and_budgets_carry() {
    let place = Place::new().with("COPYDESK_CREDITS", "on");
    place.run(&["credits", "grant", "ann", "5", "--reference", "start"]).exits(0);
    place.write("people.csv", table(4, &[]));
    let look = |recipe: &str| {
        let args = ["jobs", "start", "people.csv", "--recipe", recipe, "--user", "ann", "--dry-run"];
        place.run(&args).exits(0).out.clone()
    };
    let pictures = look("picture");
    assert!(pictures.contains("credits: 8 needed, 5 there; they carry 2 of 4, then the job pauses\n"), "{pictures}");
    place.run(&["budgets", "set", "10", "--tokens", "--period", "day"]).exits(0);
    let texts = look("text");
    assert!(texts.contains("credits: 0 needed, 5 there; enough for all\n"), "{texts}");
    assert!(texts.contains("10 tokens left; it surely carries 0 of 4, then the job may pause\n"), "{texts}");
}

#[test]
fn a_job_waits_is_resumed_and_cancelled_and_says_what_is_next() {
    let place = Place::new();
    place.write("people.jsonl", "{\"input\":{\"prompt\":\"a\"}}\n{\"input\":{\"prompt\":\"b\"}}\n");
    place.run(&["jobs", "start", "people.jsonl", "--recipe", "text", "--wait"]).exits(0).prints("pending");
    let id = first_job(&place);
    place.run(&["jobs", "resume", &id]).exits(0).prints("running").says("copydesk serve").says("jobs watch");
    place.run(&["jobs", "pause", &id]).exits(0).prints("paused").says("jobs resume");
    place.run(&["jobs", "watch", &id]).exits(9).says("is paused");
    place.run(&["jobs", "cancel", &id]).exits(0).prints("stopping");
    place.run(&["jobs", "watch", &id]).exits(5).prints("2 items = 0 drafts + 2 cancelled");
    place.run(&["jobs", "resume", &id]).exits(9).says("already_terminal");
    place.run(&["jobs", "retry", &id, "--cancelled"]).exits(0).says("2 items pending again");
    place.run(&["jobs", "watch", &id]).exits(0).prints("2 items = 2 drafts");
}

#[test]
fn what_is_wrong_with_a_file_is_said_row_by_row() {
    let place = Place::new();
    place.write("bad.csv", "prompt,priority\n,0\ntea,9999\n");
    place
        .run(&["jobs", "start", "bad.csv", "--recipe", "text"])
        .exits(2)
        .says("line 2: ")
        .says("line 3: it must be -100 to 100");
    let looked = place.run(&["jobs", "start", "bad.csv", "--recipe", "text", "--dry-run"]);
    looked.exits(2).prints("2 not valid").says("--skip-invalid");
    place.run(&["jobs", "start", "none.csv", "--recipe", "text"]).exits(3).says("none.csv cannot be read");
    place.run(&["jobs", "start", "people.xlsx", "--recipe", "text"]).exits(2).says("none of .csv");
    place.run(&["jobs", "start", "bad.csv", "--recipe", "poem"]).exits(3).says("recipe_not_found");
    place.run(&["jobs", "start", "bad.csv", "--recipe", "text", "--cap", "5eur"]).exits(2).says("amount of dollars");
    place.run(&["jobs", "show", "job_nothing"]).exits(3).says("copydesk jobs ls");
    place.run(&["jobs", "ls"]).exits(0).says("No jobs yet");
    place.is_empty();
}

#[test]
fn a_cap_pauses_a_job_and_raising_it_goes_on() {
    let place = Place::new();
    place.write("people.csv", table(3, &[]));
    let capped = place.run(&["jobs", "start", "people.csv", "--recipe", "text", "--cap", "0.000000001", "--watch"]);
    capped.exits(8).says("--cap");
    let id = first_job(&place);
    place.run(&["jobs", "resume", &id]).exits(8).says("job_cap_reached");
    place.run(&["jobs", "resume", &id, "--cap", "5usd"]).exits(0).prints("running");
    place.run(&["jobs", "watch", &id]).exits(0).prints("3 items = 3 drafts");
}

#[test]
fn many_are_counted_first_and_acted_on_with_yes() {
    let place = Place::new();
    place.write("people.csv", table(12, &[3, 7]));
    place.run(&["jobs", "start", "people.csv", "--recipe", "text", "--watch"]).exits(7);
    place.run(&["bulk", "retry"]).exits(2).says("--all");
    place
        .run(&["bulk", "retry", "--status", "failed"])
        .exits(0)
        .prints("retry 2 generations, at most $")
        .says("Do it with --yes");
    place.run(&["bulk", "ls"]).exits(0).says("No bulk actions yet");
    let retried = place.run(&["bulk", "retry", "--status", "failed", "--yes"]);
    retried.exits(0).prints("2 generations = 2 done").says("copydesk generations ls");
    place.run(&["bulk", "retry", "--status", "failed"]).exits(0).prints("2 of them were tried again since");
    place.run(&["bulk", "cancel", "--status", "completed", "--yes"]).exits(2).says("pending and processing");
    let gone = place.run(&["bulk", "delete", "--status", "draft", "--yes"]);
    gone.exits(0).prints("10 drafts = 10 done").says("copydesk bulk undelete");
    let unknown = "drf_01h455vb4pex5vsknk084sn02q";
    place.run(&["bulk", "delete", unknown, "--yes"]).exits(7).prints("1 failed").prints("not_found");
    place.run(&["bulk", "ls"]).exits(0).prints("delete").prints("10/10").says("copydesk bulk show");
    let csv = place.run(&["bulk", "export", "generations", "--status", "completed", "--format", "csv"]);
    csv.exits(0).prints("draft_id,generation_id,");
    assert_eq!(csv.out.lines().count(), 11, "what is deleted is told without its text: {}", csv.out);
    let kept = text(&place.json(&["drafts", "ls"]), "/data/0/id");
    let lines = place.run(&["bulk", "export", "drafts", &kept]);
    let line: Value = serde_json::from_str(&lines.exits(0).out).unwrap();
    assert_eq!(line["draft_id"], kept.as_str());
    place.run(&["audit"]).exits(0).says("nothing was found");
}
