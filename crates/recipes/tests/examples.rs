//! The files under `examples/newsletter/` work: they are read, fit the newsletter recipe and reach the prompt.

use copydesk_recipes::{Shelf, input_from_file};
use serde_json::Value;

/// The input, its number of items, and the prompt made of it.
fn tried(name: &str, bytes: &[u8]) -> (Value, usize, String) {
    let input = input_from_file(name, bytes).unwrap_or_else(|error| panic!("{error}"));
    let shelf = Shelf::built_in().unwrap_or_else(|error| panic!("{error}"));
    let recipe = shelf.get("newsletter").expect("it is built in");
    assert_eq!(recipe.validate(&input), Ok(()), "{name}");
    assert_eq!(recipe.before_call(&input), None, "{name} is enough to write from");
    let messages = recipe.render_step(0, &input, &[]).unwrap_or_else(|error| panic!("{error}"));
    let text = messages.into_iter().map(|message| message.text).collect::<Vec<_>>().join("\n");
    let items = input["items"].as_array().map_or(0, Vec::len);
    (input, items, text)
}

#[test]
fn the_rss_week_has_ten_items_newest_first() {
    let (input, items, prompt) = tried("week.xml", include_bytes!("../../../examples/newsletter/week.xml"));
    assert_eq!(items, 10);
    let times: Vec<&str> =
        input["items"].as_array().unwrap().iter().map(|i| i["published_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times.iter().all(|at| at.starts_with("2026-11-")), "{times:?}");
    assert!(prompt.contains("[1] A year of Rust in the billing team"), "{prompt}");
    assert!(prompt.contains("from 14 MB to 3 MB and halved its start time.\nThe author measured"), "{prompt}");
    assert!(prompt.contains("“use a channel”"), "{prompt}");
}

#[test]
fn the_atom_week_has_three_items() {
    let (input, items, prompt) = tried("week-atom.xml", include_bytes!("../../../examples/newsletter/week-atom.xml"));
    assert_eq!(items, 3);
    assert_eq!(input["items"][0]["published_at"], "2026-11-19T17:00:00Z");
    assert_eq!(input["items"][1]["title"], "When unwrap is fine");
    assert!(prompt.contains("https://example.org/depot/unwrap?from=feed&v=2"), "{prompt}");
}

#[test]
fn the_example_input_brings_voice_and_tone() {
    let (_, items, prompt) = tried("input.json", include_bytes!("../../../examples/newsletter/input.json"));
    assert_eq!(items, 4);
    assert!(prompt.contains("You know that feeling when the graph finally goes flat?"), "{prompt}");
    assert!(prompt.contains("Formality: casual."), "{prompt}");
}
