//! `copydesk usage`: what was used, as a table and as files.

use crate::support::{Place, text};
use serde_json::Value;

#[test]
fn totals_are_the_sum_of_the_rows_in_every_form() {
    let place = Place::new();
    place.written();
    place.failed();
    let rows = place.run(&["usage", "export", "--rows", "--format", "jsonl"]).exits(0).out.clone();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let input: i64 = rows.iter().filter_map(|row| row.pointer("/tokens/input")?.as_i64()).sum();
    let usage = place.json(&["usage", "--by", "recipe,model", "--interval", "whole"]);
    assert_eq!(usage["total"]["calls"], rows.len());
    assert_eq!(usage["total"]["tokens"]["input"], input);
    assert_eq!(usage["total"]["failed"], 1);
    assert_eq!(text(&usage, "/data/0/group/recipe"), "text");
    place.run(&["usage", "--by", "model"]).exits(0).prints("DAY").prints("MODEL").prints("demo/writer").prints("all");
    place.run(&["usage", "export", "--by", "model", "-o", "usage.csv"]).exits(0).says("rows to usage.csv");
    let csv = place.read("usage.csv");
    assert!(csv.starts_with("from,to,model,calls,failed,"), "{csv}");
    assert!(csv.contains("demo/writer,1,0,"), "{csv}");
    place.run(&["usage", "export", "--rows", "--format", "parquet", "-o", "usage.parquet"]).exits(0);
    assert_eq!(&std::fs::read(place.path("usage.parquet")).unwrap()[..4], b"PAR1");
    assert!(!place.path("usage.parquet.part").exists(), "the file has its name");
}

#[test]
fn days_are_those_of_the_zone_that_is_set_or_asked_for() {
    let place = Place::new().with("COPYDESK_TZ", "asia/kathmandu");
    let usage = place.json(&["usage"]);
    assert_eq!((text(&usage, "/tz"), usage["data"].as_array().unwrap().len()), ("Asia/Kathmandu".into(), 7));
    assert!(text(&usage, "/from").ends_with("T00:00:00+05:45"), "{usage}");
    let asked =
        place.json(&["usage", "--tz", "UTC", "--from", "2026-03-29", "--to", "2026-03-31", "--interval", "hour"]);
    assert_eq!(asked["data"].as_array().unwrap().len(), 48);
    let berlin = place.json(&[
        "usage",
        "--tz",
        "Europe/Berlin",
        "--from",
        "2026-03-29",
        "--to",
        "2026-03-31",
        "--interval",
        "hour",
    ]);
    assert_eq!(berlin["data"].as_array().unwrap().len(), 47, "the clocks change on the 29th");
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_could() {
    let place = Place::new();
    place.run(&["usage", "--tz", "Europe/Berlni"]).exits(2).says("did you mean Europe/Berlin?");
    place.run(&["usage", "--by", "colour"]).exits(2).says("user, service, operation, provider, model, recipe");
    place.run(&["usage", "--from", "2026-01-02", "--to", "2026-01-01"]).exits(2).says("is not before");
    place.run(&["usage", "export", "--format", "parquet"]).exits(2).says("--output FILE");
    let place = Place::new().with("COPYDESK_TZ", "Mars/Olympus");
    place.run(&["usage"]).exits(2).says("Asia/Kathmandu");
}

#[test]
fn old_rows_go_when_asked_and_totals_stay() {
    let place = Place::new();
    place.written();
    place.run(&["prune"]).exits(2).says("[retention]");
    place.run(&["prune", "--usage", "soon"]).exits(2).says("not a length of time");
    place
        .run(&["prune", "--usage", "1d", "--dry-run"])
        .exits(0)
        .prints("0 usage rows, 0 events, 0 messages and 0 items would be removed");
    place.write("copydesk.toml", "[retention]\nevents = \"90d\"\n");
    place
        .run(&["prune"])
        .exits(0)
        .prints("0 usage rows, 0 events, 0 messages and 0 items were removed. No total changed.");
    place.run(&["config", "show"]).exits(0).prints("retention.events");
}
