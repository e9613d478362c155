//! Power cuts, crashes and broken disks: what was accepted is finished by whoever comes next, once.

use crate::support::{Place, text};

#[test]
fn seed_s0_b17_a_restart_finishes_what_a_killed_server_had_begun() {
    let place = Place::new();
    let server = place.serve(&[]);
    let key = server.admin_key();
    let client =
        place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/slow?ms=1500", "--stream", "--json"]);
    client.prints("generation.started");
    server.running.kill();
    let lost = client.ended();
    lost.exits(10).says("goes on when the server runs again").says("gen_");

    let server = place.serve(&[]);
    let id = text(&place.json(&["generations", "ls"]), "/data/0/id");
    let (_, events) = server.http("GET", &format!("/api/v1/generations/{id}/stream"), Some(&key), "");
    assert!(events.contains("generation.completed"), "{events}");
    let shown = place.json(&["generations", "show", &id]);
    assert_eq!(
        (text(&shown, "/generation/status"), shown["generation"]["attempt"].clone()),
        ("completed".to_owned(), 2.into())
    );
    let outcomes: Vec<String> = shown["calls"].as_array().unwrap().iter().map(|call| text(call, "/outcome")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "lost").count(), 1, "{outcomes:?}");
    let drafts = place.json(&["drafts", "ls"]);
    assert_eq!(drafts["data"].as_array().unwrap().len(), 1);
    assert_eq!(drafts["data"][0]["versions"], 1);
    place.run(&["audit"]).exits(0).says("nothing was found");
    server.stop().exits(0);
}

#[test]
fn what_a_killed_command_had_begun_is_finished_by_the_next_one_that_works() {
    let place = Place::new();
    let killed =
        place.start(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/slow?ms=1500", "--stream", "--json"]);
    killed.prints("generation.started");
    killed.kill();
    // The same request again, while the first one is live: the same draft, not a second one.
    let ran = place.run(&["generate", "text", "--set", "prompt=Hello", "-m", "demo/slow?ms=1500"]);
    ran.exits(0).says("worked on already").prints("Hello");
    assert_eq!(place.json(&["drafts", "ls"])["data"].as_array().unwrap().len(), 1);
    place.run(&["audit"]).exits(0);
}

#[test]
fn a_disk_that_fails_ends_the_server_with_code_1_and_a_restart_has_everything() {
    let place = Place::new();
    // Files may grow to 2 MB; a write beyond that fails, as it does on a broken disk.
    let server = place.serve_behind("trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"", &[]);
    let key = server.admin_key();
    let words = "word ".repeat(20_000);
    let mut accepted = 0;
    for number in 0..200 {
        let body = serde_json::json!({ "recipe": "text", "input": { "prompt": format!("{number} {words}") },
                                       "run_at": "2999-01-01T00:00:00Z", "deadline": "2999-01-02T00:00:00Z" });
        match server.try_http("POST", "/api/v1/generations", Some(&key), &body.to_string()) {
            Some((202, _)) => accepted += 1,
            Some(_) | None => break,
        }
    }
    let ended = server.running.ended();
    ended.exits(1).says("the database cannot be written any more").says("start it again");
    assert!(accepted > 0, "some were accepted before the disk failed");
    assert!(!place.data("server.json").exists());
    let kept = place.json(&["generations", "ls", "--limit", "1000"])["data"].as_array().unwrap().len();
    assert_eq!(kept, accepted, "what was confirmed is there");
    place.run(&["audit"]).exits(0);
}
