//! `drafts`: the life of a draft by hand.

use crate::postgres::Database;
use crate::support::{Place, Server, text, week_xml};
use serde_json::{Value, json};

#[test]
fn a_list_that_is_empty_says_how_to_begin() {
    let place = Place::new();
    place.run(&["drafts", "ls"]).exits(0).prints_nothing().says("copydesk generate newsletter");
    place.run(&["generations", "ls"]).exits(0).prints_nothing().says("copydesk generate");
}

#[test]
fn lists_have_whole_ids_short_times_and_a_next_page() {
    let place = Place::new();
    let first = place.written().1;
    let second = place.written().1;
    let ran = place.run(&["drafts", "ls", "--limit", "1"]);
    ran.exits(0).prints(&second).says("More: copydesk drafts ls --cursor ");
    let row = ran.out.lines().nth(1).unwrap();
    assert!(row.ends_with('Z') && !row.contains('T'), "to the minute: {row}");
    let cursor = ran.err.split("--cursor ").nth(1).unwrap().trim();
    place.run(&["drafts", "ls", "--limit", "1", "--cursor", cursor]).exits(0).prints(&first);
    let updated = text(&place.json(&["drafts", "ls"]), "/data/0/updated_at");
    assert!(updated.contains('T') && updated.contains('.'), "RFC 3339 for scripts: {updated}");
    place.run(&["drafts", "ls", "--status", "failed"]).exits(0).prints_nothing();
}

#[test]
fn a_draft_is_regenerated_and_its_versions_are_kept() {
    let place = Place::new();
    let (_, draft) = place.written();
    let first = place.run(&["drafts", "show", &draft]).exits(0).out.clone();
    let second = place.run(&["drafts", "regenerate", &draft, "--model", "demo/writer?seed=7"]);
    assert_ne!(second.exits(0).out, first);
    place.run(&["drafts", "versions", &draft]).exits(0).prints("generated").prints("\n2");
    assert_eq!(place.run(&["drafts", "show", &draft, "--version", "1"]).exits(0).out, first);
    place.run(&["drafts", "show", &draft, "--version", "9"]).refuses(3, "not_found").says("copydesk drafts versions");
    place.run(&["drafts", "restore", &draft, "1"]).exits(0).says("Version 3").says("copy of version 1");
    assert_eq!(place.run(&["drafts", "show", &draft]).exits(0).out, first);
}

#[test]
fn one_part_is_regenerated_and_said_to_be() {
    let place = Place::new();
    let (_, draft) = place.written();
    let first = place.run(&["drafts", "show", &draft]).exits(0).out.clone();
    let wish = ["--part", "text", "--instruction", "Shorter."];
    let second = place.run(&[&["drafts", "regenerate", &draft], &wish[..]].concat());
    second.exits(0).says("text regenerated from version 1");
    assert!(second.out.len() < first.len(), "{}", second.out);
    place.run(&["drafts", "versions", &draft]).exits(0).prints("text regenerated from version 1");
    place.run(&["drafts", "regenerate", &draft, "--part", "topics/1"]).exits(2).says("version 2 has: title, text");
    place.run(&["drafts", "regenerate", &draft, "--instruction", "Shorter."]).exits(2).says("--part");
}

#[test]
fn a_regeneration_that_fails_leaves_the_draft_as_it_was() {
    let place = Place::new();
    let (_, draft) = place.written();
    let before = place.run(&["drafts", "show", &draft]).exits(0).out.clone();
    let ran = place.run(&["drafts", "regenerate", &draft, "--model", "demo/fail?status=400"]);
    ran.exits(5).prints_nothing().says("You were not charged");
    assert_eq!(place.run(&["drafts", "show", &draft]).exits(0).out, before);
}

#[test]
fn a_published_draft_is_never_changed() {
    let place = Place::new();
    let (_, draft) = place.written();
    place.run(&["drafts", "publish", &draft]).exits(0).says("is published");
    let refused = place.run(&["drafts", "regenerate", &draft]);
    refused.refuses(9, "draft_published").says("`copydesk drafts unpublish DRAFT`");
    place.run(&["drafts", "unpublish", &draft]).exits(0).says("is a draft again");
    place.run(&["drafts", "regenerate", &draft, "--no-wait"]).exits(0).prints("gen_");
}

#[test]
fn a_deleted_draft_comes_back() {
    let place = Place::new();
    let (_, draft) = place.written();
    place.run(&["drafts", "rm", &draft]).exits(0).says("is deleted").says("undelete");
    let gone = place.run(&["drafts", "show", &draft]);
    gone.refuses(3, "not_found").says(&format!("`copydesk drafts undelete {draft}`"));
    place.run(&["drafts", "ls"]).exits(0).prints_nothing();
    place.run(&["drafts", "undelete", &draft]).exits(0).says("is back");
    place.run(&["drafts", "show", &draft]).exits(0).prints("Hello");
}

#[test]
fn a_failed_draft_says_why_and_what_to_do() {
    let place = Place::new();
    let (generation, draft) = place.failed();
    let ran = place.run(&["drafts", "show", &draft]);
    ran.exits(5)
        .prints_nothing()
        .says(&draft)
        .says("The demo model does not accept this request")
        .says("You were not charged")
        .says(&generation);
    place.run(&["drafts", "publish", &draft]).refuses(9, "draft_empty").says("copydesk drafts regenerate");
    place.run(&["drafts", "versions", &draft]).exits(0).prints_nothing().says("No versions yet");
}

#[test]
fn a_draft_that_is_not_written_yet_says_where_to_look() {
    let place = Place::new();
    let (generation, draft) = place.waiting();
    let ran = place.run(&["drafts", "show", &draft]);
    ran.refuses(9, "draft_empty").says("it is pending").says(&format!("copydesk generations why {generation}"));
    place.run(&["generations", "cancel", &generation]).exits(0);
    place.run(&["drafts", "show", &draft]).exits(5).says("cancelled").says("You were not charged");
}

#[test]
fn drafts_are_listed_of_one_user_and_of_one_status_of_his() {
    let place = Place::new();
    let write = |user: &str, more: &[&str]| {
        let mut arguments = vec!["generate", "text", "--set", "prompt=Hello", "--user", user];
        arguments.extend_from_slice(more);
        place.run(&arguments);
    };
    write("ann", &[]);
    write("ann", &["--model", "demo/fail?status=400"]);
    write("bob", &[]);
    let found = |arguments: &[&str]| {
        let listed = place.json(&[&["drafts", "ls"], arguments].concat());
        let rows = listed["data"].as_array().unwrap().clone();
        rows.iter().map(|row| format!("{} {}", text(row, "/user"), text(row, "/status"))).collect::<Vec<String>>()
    };
    assert_eq!(found(&["--user", "ann"]), ["ann failed", "ann draft"]);
    assert_eq!(found(&["--user", "ann", "--status", "failed"]), ["ann failed"]);
    assert_eq!(found(&["--user", "ann", "--status", "pending"]), [""; 0]);
    assert_eq!(found(&["--user", "bob"]), ["bob draft"]);
    assert_eq!(found(&["--user", "nobody"]), [""; 0]);
}

#[test]
fn a_draft_is_exported_to_the_screen_and_to_a_file() {
    let place = Place::new();
    let made = place.json(&["generate", "text", "--set", "prompt=tea"]);
    let id = made["draft"]["id"].as_str().unwrap();
    let shown = place.run(&["drafts", "show", id]);
    let printed = place.run(&["drafts", "export", id]);
    assert_eq!(printed.exits(0).out.trim_end(), shown.exits(0).out.trim_end());
    let saved = place.run(&["drafts", "export", id, "-o", "tea.html"]);
    assert!(saved.exits(0).err.contains("is in tea.html"), "{}", saved.err);
    assert!(place.read("tea.html").starts_with("<!doctype html>"));
    place.run(&["drafts", "export", id, "--format", "zip", "-o", "tea.bin"]).exits(0);
    assert!(std::fs::read(place.path("tea.bin")).unwrap().starts_with(b"PK"));
    let mail = place.run(&["drafts", "export", id, "--format", "eml", "--version", "1"]);
    assert!(mail.exits(0).out.starts_with("Subject: "), "{}", mail.out);
    let unknown = place.run(&["drafts", "export", id, "--format", "pdf"]);
    assert!(unknown.exits(2).err.contains("--format: it must be one of md, html"), "{}", unknown.err);
    place.run(&["drafts", "export", "drf_nothing"]).exits(3);
}

/// The draft's text as the API has it.
fn content(server: &Server, key: &str, draft: &str) -> Value {
    let (status, body) = server.http("GET", &format!("/api/v1/drafts/{draft}"), Some(key), "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["content"]["body"].take()
}

fn a_part_is_new_and_the_rest_stays(place: &Place, flags: &[&str]) {
    let server = place.serve(flags);
    let key = server.admin_key();
    let written = place.json(&["generate", "newsletter", "--input", &week_xml()]);
    let draft = text(&written, "/draft/id");
    let mut by_hand = content(&server, &key, &draft);
    by_hand["intro"] = "Hello, by hand.".into();
    let edit = json!({ "content": by_hand }).to_string();
    let (status, body) = server.http("PATCH", &format!("/api/v1/drafts/{draft}"), Some(&key), &edit);
    assert_eq!(status, 200, "{body}");

    let part = ["drafts", "regenerate", &draft, "--part", "topics/1", "--instruction", "Shorter."];
    let failed = place.run(&[&part[..], &["-m", "demo/fail?status=400"]].concat());
    failed.exits(5);
    assert_eq!(content(&server, &key, &draft), by_hand, "nothing stands in for a part");
    let retried = failed.err.split_whitespace().find(|word| word.starts_with("gen_")).unwrap().to_owned();
    // The process dies while the model writes; whoever comes next writes the part once.
    let slow = ["generations", "retry", &retried, "-m", "demo/slow?ms=1500", "--no-wait"];
    let path = format!("/api/v1/generations/{}", text(&place.json(&slow), "/id"));
    let is_at_work = || server.http("GET", &path, Some(&key), "").1.contains("\"status\":\"processing\"");
    assert!((0..5_000).any(|_| is_at_work()), "it is not begun");
    server.running.kill();
    let server = place.serve(flags);
    let (_, events) = server.http("GET", &format!("{path}/stream"), Some(&key), "");
    assert!(events.contains("generation.completed"), "{events}");
    let mut now = content(&server, &key, &draft);
    assert_ne!(now["topics"][0], by_hand["topics"][0], "the part is new");
    now["topics"][0] = by_hand["topics"][0].clone();
    assert_eq!(now, by_hand, "and nothing else");
    place.run(&["drafts", "versions", &draft]).exits(0).prints("topics/1 regenerated from version 2").prints("\n3");
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}

#[test]
fn a_part_is_new_and_the_rest_stays_through_a_failure_and_a_kill_sqlite() {
    a_part_is_new_and_the_rest_stays(&Place::new(), &[]);
}

#[test]
fn a_part_is_new_and_the_rest_stays_through_a_failure_and_a_kill_postgres() {
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url);
    a_part_is_new_and_the_rest_stays(&place, &["--auto-migrate"]);
}
