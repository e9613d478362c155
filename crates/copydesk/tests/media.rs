//! Pictures and videos of the demo provider: made, kept, fetched, and finished after a power cut.

use crate::support::{Place, text};
use serde_json::Value;

fn operations(place: &Place, id: &str) -> Vec<(String, String)> {
    let shown = place.json(&["generations", "show", id]);
    let calls = shown["calls"].as_array().unwrap().iter();
    calls.map(|call| (text(call, "/operation"), text(call, "/outcome"))).collect()
}

fn named(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(operation, outcome)| ((*operation).to_owned(), (*outcome).to_owned())).collect()
}

#[test]
fn a_video_is_made_without_a_key_and_written_to_a_file() {
    let place = Place::new();
    let ran = place.run(&["generate", "video", "--set", "prompt=a boat", "--set", "seconds=1", "-o", "boat.gif"]);
    ran.exits(0).says("is in boat.gif").says("demo/camera").says("$0.050000");
    let film = std::fs::read(place.path("boat.gif")).unwrap();
    assert!(film.starts_with(b"GIF89a") && film.ends_with(&[0x3b]));
    let drafts = place.json(&["drafts", "ls"]);
    let id = text(&drafts, "/data/0/id");
    let shown = place.run(&["drafts", "show", &id]);
    shown.exits(0).prints("a boat").prints("image/gif").prints(&format!("{} bytes", film.len()));
    let draft = place.json(&["drafts", "show", &id]);
    assert_eq!(draft["content"]["assets"][0]["bytes"], film.len());
    assert_eq!(draft["content"]["body"]["assets"][0]["id"], draft["content"]["assets"][0]["id"]);
    place.run(&["audit"]).exits(0);
}

#[test]
fn several_pictures_become_several_files() {
    let place = Place::new();
    let small = ["--set", "size=40x30", "--set", "count=2"];
    let ran = place.run(&[&["generate", "picture", "--set", "prompt=a boat", "-o", "boat.png"], &small[..]].concat());
    ran.exits(0).says("boat-1.png").says("boat-2.png");
    let files = ["boat-1.png", "boat-2.png"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert!(files.iter().all(|file| file.starts_with(b"\x89PNG")) && files[0] != files[1]);
    assert!(!place.path("boat.png").exists());
    // Without a file to write to, the draft says what there is.
    let ran = place.run(&["generate", "picture", "--set", "prompt=a goat"]);
    ran.exits(0).prints("a goat").prints("image/png");
}

#[test]
fn a_model_that_cannot_make_it_is_refused_at_once() {
    let place = Place::new().with("COPYDESK_PROVIDER_BOX_BASE_URL", "http://127.0.0.1:9/v1");
    let ran = place.run(&["generate", "picture", "--set", "prompt=a boat", "-m", "box/any", "-o", "x.png"]);
    ran.exits(2)
        .says("The step \"draw\" needs an interface for pictures, and box/any has none: its provider only chats.");
    assert!(!place.path("x.png").exists());
    place.is_empty();
}

#[test]
fn a_killed_server_leaves_a_job_that_the_next_one_asks_about() {
    let place = Place::new();
    let server = place.serve(&[]);
    let key = server.admin_key();
    let body = r#"{"recipe":"video","input":{"prompt":"a boat","seconds":1}}"#;
    let (status, accepted) = server.http("POST", "/api/v1/generations", Some(&key), body);
    assert_eq!(status, 202, "{accepted}");
    let id = text(&serde_json::from_str::<Value>(&accepted).unwrap(), "/id");
    let calls = || server.http("GET", &format!("/api/v1/generations/{id}/calls"), Some(&key), "").1;
    // The question about the job is open: the job's name is on the disk.
    while !calls().contains("film.result") {}
    server.running.kill();

    let server = place.serve(&[]);
    let (_, events) = server.http("GET", &format!("/api/v1/generations/{id}/stream"), Some(&key), "");
    assert!(events.contains("generation.completed"), "{events}");
    let made = [("film.submit", "ok"), ("film.result", "lost"), ("film.result", "ok")];
    assert_eq!(operations(&place, &id), named(&made), "it was started once");
    let shown = place.json(&["generations", "show", &id]);
    let draft = place.json(&["drafts", "show", &text(&shown, "/generation/draft_id")]);
    assert_eq!((draft["versions"].clone(), draft["content"]["form"].clone()), (1.into(), "media".into()));
    let asset = text(&draft, "/content/assets/0/id");
    let (status, _) = server.http("GET", &format!("/api/v1/assets/{asset}"), None, "");
    assert_eq!(status, 401, "nobody reads it without a key");
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}
