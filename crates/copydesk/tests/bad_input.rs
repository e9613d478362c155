//! Requests that are wrong: one clear sentence with the next step, the right code, and nothing begun.

use crate::support::{Place, week_xml};
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn an_unknown_recipe_names_the_known_ones_and_the_command_that_lists_them() {
    let place = Place::new();
    let ran = place.run(&["generate", "sonnet"]);
    ran.refuses(3, "recipe_not_found").says("newsletter, outreach, picture, text, video").says("`copydesk recipes ls`");
    assert!(!ran.err.contains("/api/"), "{}", ran.err);
    place.is_empty();
}

#[test]
fn an_unknown_model_names_the_command_that_lists_them() {
    let place = Place::new();
    for model in ["nobody/x", "demo/nobody"] {
        let ran = place.run(&["generate", "text", "--set", "prompt=x", "--model", model]);
        ran.refuses(3, "model_not_found").says(model).says("`copydesk models ls`");
    }
    place.is_empty();
}

#[test]
fn faults_of_the_input_are_listed_with_json_pointers_each_once() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=4", "--set", "colour=red"]);
    ran.refuses(2, "validation_failed").says("    /input/prompt: ").says("    /input/colour: ");
    ran.says("`copydesk recipes show text`");
    let ran = place.run(&["generate", "newsletter", "--set", "tone.length=endless"]);
    ran.refuses(2, "validation_failed").says("    /input/tone/length: ");
    place.run(&["generate", "text"]).refuses(2, "validation_failed").says("    /input/prompt: ");
    place.is_empty();
}

#[test]
fn errors_in_json_have_code_message_hint_and_faults() {
    let ran = Place::new().run(&["generate", "text", "--json"]);
    ran.exits(2).prints_nothing();
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["code"], "validation_failed");
    assert_eq!(error["error"]["errors"].as_array().unwrap().len(), 1);
    assert!(error["error"]["hint"].is_string());
}

#[test]
fn what_is_no_feed_is_refused_with_what_it_is() {
    let place = Place::new();
    let binary: Vec<u8> = (0..=255_u8).cycle().take(3_000).collect();
    let cases: [(&str, &[u8], &str); 7] = [
        ("page.xml", b"<!doctype html><html><body>Hello</body></html>", "it is an HTML page"),
        ("cut.json", b"{\"topic\": ", "broken at line 1"),
        ("text.json", b"\"only a text\"", "neither JSON nor a feed"),
        ("note.txt", b"Dear editor, here is the news.", "neither JSON nor a feed"),
        ("binary", &binary, "not text"),
        ("nothing", b"", "is empty"),
        ("cut.xml", b"<rss><channel><item>", "XML is broken"),
    ];
    for (name, bytes, why) in cases {
        place.write(name, bytes);
        place.run(&["generate", "newsletter", "--input", name]).refuses(2, "bad_input").says(name).says(why);
    }
    assert!(!place.path("copydesk-data").exists(), "a bad file is refused before anything is made");
}

#[test]
fn a_missing_file_is_named() {
    let place = Place::new();
    let ran = place.run(&["generate", "newsletter", "--input", "no-such-feed.xml"]);
    ran.refuses(3, "input_unreadable").says("no-such-feed.xml").says("No such file");
    place.is_empty();
}

#[test]
fn an_address_that_refuses_is_named() {
    // Bound and closed again: nobody listens there now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new();
    let ran = place.run(&["generate", "newsletter", "--input", &format!("http://{address}/feed")]);
    ran.refuses(10, "input_unreachable").says(&address.to_string()).says("onnection refused");
    place.is_empty();
}

#[test]
fn an_address_that_says_no_is_named_with_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = stream.read(&mut [0; 4_096]).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        asked
    });
    Place::new().run(&["generate", "newsletter", "--input", &url]).refuses(10, "input_unreachable").says("404");
    assert!(server.join().unwrap() > 0);
}

#[test]
fn an_input_of_another_recipe_is_refused() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--input", &week_xml()]);
    ran.refuses(2, "validation_failed").says("    /input/items: ").says("    /input/prompt: ");
    place.is_empty();
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_a_model_is_asked() {
    let place = Place::new();
    let ran = place.run(&["generate", "text", "--set", "prompt=x", "-o", "no-such-folder/draft.md"]);
    ran.refuses(2, "usage").says("no-such-folder").says("nothing was generated");
    place.write("folder/file", "");
    place.run(&["generate", "text", "--set", "prompt=x", "-o", "folder"]).refuses(2, "usage").says("is a folder");
    place.is_empty();
}

#[test]
fn wrong_arguments_exit_with_2_and_say_how_to_write_them() {
    let place = Place::new();
    place.run(&["generate", "text", "--set", "prompt"]).exits(2).says("NAME=VALUE");
    place.run(&["generate", "text", "--timeout", "5"]).exits(2).says("90s, 10m or 1h");
    place.run(&["generate", "text", "--colour"]).exits(2).says("--colour");
    place.run(&["publish"]).exits(2).says("publish");
    place.run(&["cleanup-stale", "--max-age", "5"]).exits(2).says("30m");
    place.run(&["drafts", "ls", "--limit", "0"]).exits(2).says("--limit: ");
    place.run(&["drafts", "ls", "--status", "lost"]).exits(2).says("--status: ");
    place.is_empty();
}

#[test]
fn an_unknown_id_says_where_to_look() {
    let place = Place::new();
    place.run(&["drafts", "show", "drf_nobody"]).refuses(3, "not_found").says("`copydesk drafts ls`");
    place.run(&["generations", "why", "gen_nobody"]).refuses(3, "not_found").says("`copydesk generations ls`");
    place.run(&["recipes", "show", "nobody"]).refuses(3, "recipe_not_found").says("`copydesk recipes ls`");
}
