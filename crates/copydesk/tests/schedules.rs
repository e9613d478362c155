//! Schedules on the command line: made, listed, shown, changed, run by hand, removed.

use crate::support::Place;
use serde_json::Value;

const ADD: [&str; 14] = [
    "schedules",
    "add",
    "newsletter",
    "--at",
    "08:00",
    "--days",
    "mon-fri",
    "--zone",
    "Europe/Warsaw",
    "--user",
    "ann",
    "--set",
    "topic=tea",
    "--name=Morning",
];

#[test]
fn a_schedule_is_made_listed_shown_changed_and_run() {
    let place = Place::new();
    place.run(&["schedules", "ls"]).exits(0).prints_nothing().says("copydesk schedules add newsletter --at 08:00");
    let dry: Vec<&str> = ADD.into_iter().chain(["--dry-run"]).collect();
    let dry = place.run(&dry);
    assert_eq!(dry.exits(0).out.matches(" 08:00  +0").count(), 5, "{}", dry.out);
    dry.says("Nothing was written");
    place
        .run(&ADD)
        .exits(0)
        .prints("ready     08:00 mon-fri Europe/Warsaw")
        .prints("begins    15 min before")
        .prints("tea");
    let listed = place.json(&["schedules", "ls"]);
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    place.run(&["schedules", "ls"]).exits(0).prints("Morning").prints("active").prints("08:00 mon-fri");
    place
        .run(&["schedules", "next", &id, "--count", "2"])
        .exits(0)
        .prints("08:00")
        .says("By the clocks of Europe/Warsaw");
    let edit = ["schedules", "edit", &id, "--at", "07:30", "--set", "topics=3", "--lead", "1h"];
    place.run(&edit).exits(0).prints("07:30 mon-fri").prints("60 min before").prints("topics");
    let input = place.json(&["schedules", "show", &id])["input"].clone();
    assert_eq!(input, serde_json::json!({"topic": "tea", "topics": 3}), "the rest of the input stays");
    place.run(&["schedules", "pause", &id]).exits(0).prints("paused").says(&format!("copydesk schedules resume {id}"));
    place.run(&["schedules", "run", &id]).exits(0).prints("gen_").says("copydesk generations show gen_");
    place
        .run(&["schedules", "show", &id])
        .exits(0)
        .prints("by hand")
        .prints("made: pending")
        .says("copydesk drafts show");
    place.run(&["schedules", "resume", &id]).exits(0).prints("active");
    place.run(&["schedules", "rm", &id]).exits(0).says("What it made stays");
    place.run(&["schedules", "show", &id]).exits(3).prints_nothing().says("not_found");
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let place = Place::new();
    let said = |arguments: &[&str], words: &str| {
        let ran = place.run(arguments);
        assert!(ran.exit != Some(0) && ran.err.contains(words), "{arguments:?}: {}", ran.err);
    };
    let add = ["schedules", "add", "newsletter", "--set", "topic=tea"];
    let with = |more: &[&'static str]| add.into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
    said(&with(&["--zone", "UTC"]), "Give cron, or at and days");
    said(&with(&["--at", "08:00"]), "A zone such as Europe/Warsaw");
    said(&with(&["--cron", "*/5 * * * *", "--zone", "UTC"]), "15 is the least");
    said(&["schedules", "next", "--at", "26:00"], "no time of the day such as 08:00");
    let spring = place.json(&["schedules", "next", "--cron", "0 8 29 2 *", "--count", "1"]);
    assert!(spring["times"][0]["local"].as_str().is_some_and(|local| local.contains("-02-29T08:00")), "{spring}");
    assert_eq!(spring["at"], Value::Null);
}
