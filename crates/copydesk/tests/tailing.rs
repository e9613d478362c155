//! `events tail`: what happens, as it happens, also across a server that ends and comes back.

use crate::support::{KEY, Place, text};
use serde_json::Value;

#[test]
fn a_tail_prints_what_happens_and_comes_back_to_a_new_server_without_loss_or_repeats() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY);
    let server = place.serve(&[]);
    let tail = place.start(&["events", "tail", "--after", "0", "--type", "generation.*", "--json"]);
    place.run(&["generate", "text", "--set", "prompt=One"]).exits(0);
    tail.prints("generation.completed");
    server.stop().exits(0);
    tail.says("Disconnected (draining)");
    let server = place.serve(&[]);
    tail.says("Connected again");
    place.run(&["generate", "text", "--set", "prompt=Two"]).exits(0);
    let pages = || {
        let (_, body) = server.http("GET", "/api/v1/events?type=generation.*", Some(KEY), "");
        serde_json::from_str::<Value>(&body).unwrap()["data"].as_array().unwrap().clone()
    };
    let all = pages();
    tail.prints(&text(all.last().unwrap(), "/generation_id"));
    tail.prints(&format!("\"seq\":{}", all.last().unwrap()["seq"]));
    tail.signal("INT");
    let ran = tail.ended();
    ran.exits(130);
    let printed: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed, all);
    server.stop().exits(0);
}

#[test]
fn a_tail_without_a_server_says_that_nothing_can_happen() {
    let place = Place::new();
    place.run(&["events", "tail"]).refuses(10, "server_unreachable").says("copydesk serve");
}
