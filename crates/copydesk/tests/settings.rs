//! Settings: where they come from, what is refused, what is never shown.

use crate::support::{Place, text};
use std::path::Path;

#[test]
fn every_setting_is_shown_with_its_origin_and_what_it_hides() {
    let place = Place::new().with("GENERATION_MAX_CONCURRENT", "7").with("GENERATION_USE_QUEUE", "false");
    place.write("copydesk.toml", "max_concurrent = 9\ndeadline = \"2h\"\n");
    let ran = place.run(&["config", "show"]);
    ran.exits(0).prints("variable GENERATION_MAX_CONCURRENT, hides file copydesk.toml").prints("file copydesk.toml");
    let shown = place.json(&["config", "show"]);
    let find = |name: &str| {
        let all = shown["data"].as_array().unwrap();
        let found = all.iter().find(|setting| setting["name"] == name).unwrap();
        (text(found, "/value"), text(found, "/origin"))
    };
    assert_eq!(find("max_concurrent"), ("7".to_owned(), "variable GENERATION_MAX_CONCURRENT".to_owned()));
    assert_eq!(find("use_queue"), ("false".to_owned(), "variable GENERATION_USE_QUEUE".to_owned()));
    assert_eq!(find("deadline").1, "file copydesk.toml");
    assert_eq!(find("listen"), ("127.0.0.1:8420".to_owned(), "default".to_owned()));
}

#[test]
fn a_misspelt_variable_is_refused_with_the_one_that_is_meant() {
    let place = Place::new().with("COPYDESK_MAX_CONCURENT", "3");
    for command in [&["drafts", "ls"][..], &["serve"], &["config", "show"]] {
        place.run(command).refuses(2, "bad_setting").says("did you mean COPYDESK_MAX_CONCURRENT?");
    }
    assert!(!place.path("copydesk-data").exists());
}

#[test]
fn the_master_switch_holds_for_commands_without_a_server() {
    let mut place = Place::new();
    let (waiting, draft) = place.waiting();
    place = place.with("COPYDESK_GENERATION", "off");
    for command in [
        &["generate", "text", "--set", "prompt=Hello"][..],
        &["generate", "text", "--set", "prompt=Hello", "--no-wait"],
        &["drafts", "regenerate", &draft, "--no-wait"],
    ] {
        let ran = place.run(command);
        ran.says("Nothing was queued and nothing was charged").says("generation_paused");
        assert_ne!(ran.exit, Some(0), "{command:?}");
    }
    let listed = place.json(&["generations", "ls"]);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "what was accepted before waits");
    assert_eq!((text(&listed, "/data/0/id"), text(&listed, "/data/0/status")), (waiting, "pending".to_owned()));
    place.with("COPYDESK_GENERATION", "on").written();
}

#[test]
fn a_bad_value_names_key_value_rule_and_example() {
    let ran = Place::new().with("COPYDESK_DEADLINE", "3600").run(&["drafts", "ls"]);
    ran.refuses(2, "bad_setting").says("deadline (variable COPYDESK_DEADLINE)").says("\"3600\"").says("90s, 15m, 1h");
    let ran = Place::new().with("COPYDESK_MAX_JOBS", "many").run(&["drafts", "ls"]);
    ran.refuses(2, "bad_setting").says("max_jobs (variable COPYDESK_MAX_JOBS)").says("0 to 1000000");
    let ran = Place::new().with("COPYDESK_MAX_ASSET_BYTES", "0").run(&["drafts", "ls"]);
    ran.refuses(2, "bad_setting").says("max_asset_bytes").says("1 to 536870912 bytes");
    let place = Place::new();
    place.write("copydesk.toml", "colour = \"red\"\n");
    place.run(&["drafts", "ls"]).refuses(2, "bad_setting").says("colour").says("copydesk.toml");
    place.run(&["drafts", "ls", "--config", "other.toml"]).refuses(2, "bad_setting").says("other.toml");
}

#[test]
fn secrets_are_shown_nowhere_and_kept_nowhere() {
    const CANARY: &str = "canary-canary-canary";
    let place = Place::new()
        .with("COPYDESK_ADMIN_KEY", CANARY)
        .with("COPYDESK_KEY", CANARY)
        .with("OPENROUTER_API_KEY", CANARY)
        .with("COPYDESK_PROVIDER_LOCAL_BASE_URL", "http://127.0.0.1:1/v1")
        .with("COPYDESK_PROVIDER_LOCAL_API_KEY", CANARY);
    let mut said = String::new();
    let mut heard = |arguments: &[&str]| {
        let ran = place.run(arguments);
        said.push_str(&ran.out);
        said.push_str(&ran.err);
        ran.exit
    };
    assert_eq!(heard(&["config", "show"]), Some(0));
    assert_eq!(heard(&["config", "show", "--json"]), Some(0));
    assert_eq!(heard(&["generate", "text", "--set", "prompt=Hello", "-vv"]), Some(0));
    assert_eq!(
        heard(&["generate", "text", "--set", "prompt=Hello", "--model", "local/any", "--timeout", "1s", "-vv"]),
        Some(6)
    );
    assert!(heard(&["doctor"]).is_some());
    assert_eq!(heard(&["config", "show", "--database-url", &format!("postgres://u:{CANARY}@127.0.0.1:1/d")]), Some(0));
    let server = place.serve(&["-vv"]);
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(CANARY), "").0, 200);
    assert_eq!(heard(&["drafts", "ls", "-vv"]), Some(0));
    let served = server.stop();
    said.push_str(&served.err);
    assert!(said.contains("[set, not shown]"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    assert!(files_with(&place.path("copydesk-data"), CANARY).is_empty());
}

fn files_with(folder: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, secret));
        } else if std::fs::read(&path).unwrap().windows(secret.len()).any(|piece| piece == secret.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}
