//! The codes and the document out of the program, without a server and without settings.

use crate::support::Place;
use serde_json::Value;

#[test]
fn a_code_is_explained_in_plain_text_also_where_the_settings_are_broken() {
    let place = Place::new().with("COPYDESK_DEADLINE", "never");
    insta::assert_snapshot!(place.run(&["explain", "queue_full"]).exits(0).out, @r"
    The queue is full

    Code: `queue_full`

    What happened

    As many generations wait as the server is set to hold (`waiting` says how many).
    Taking more would only make all of them later.

    What to do

    Wait as long as `Retry-After` says and send it again. Operators add workers or
    raise the limit.

    Is anything charged?

    No. The request was refused before anything was queued or held.
    ");
}

#[test]
fn an_unknown_code_names_those_that_are_near() {
    let place = Place::new();
    place.run(&["explain", "queue_ful"]).refuses(3, "not_found").says("queue_full");
    place.run(&["explain", "credits"]).refuses(3, "not_found").says("insufficient_credits, credits_off");
    place.run(&["explain", "xyzzy"]).refuses(3, "not_found").says("`copydesk explain` lists all codes");
}

#[test]
fn without_a_code_all_are_listed() {
    let place = Place::new();
    let listed = place.run(&["explain", "--json"]);
    let list: Value = serde_json::from_str(&listed.exits(0).out).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), copydesk_api::codes().len());
    assert!(place.run(&["explain"]).exits(0).out.contains("insufficient_credits"));
}

#[test]
fn a_refusal_names_the_command_that_explains_it() {
    let place = Place::new();
    let ran = place.run(&["generate", "sonnet"]);
    assert!(ran.exits(3).err.ends_with("docs: copydesk explain recipe_not_found\n"), "{}", ran.err);
    let usage = place.run(&["explain", "a", "b"]);
    assert!(!usage.err.contains("docs:"), "what has no code has no page: {}", usage.err);
}

#[test]
fn the_document_is_printed_whole() {
    let printed = Place::new().run(&["openapi"]);
    let document: Value = serde_json::from_str(&printed.exits(0).out).unwrap();
    let kept = std::fs::read_to_string(crate::support::repository("docs/openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_str::<Value>(&kept).unwrap());
}
