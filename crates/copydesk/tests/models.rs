//! `models`: what they cost, whose price holds, and whether one answers.

use crate::support::{Place, text};

#[test]
fn prices_are_listed_with_their_version_and_day_and_unpriced_is_spelt_out() {
    let place = Place::new().with("OPENAI_API_KEY", "sk-none");
    let ran = place.run(&["models", "ls", "--provider", "openai"]);
    ran.exits(0).prints("openai/gpt-4o ").prints("$2.50").prints("$10.00").prints("$1.25").prints("models.dev-20");
    assert!(!ran.out.contains("demo/"), "{}", ran.out);
    place.run(&["models", "ls", "--provider", "demo"]).exits(0).prints("unpriced").prints("demo-20");
    place.run(&["models", "ls", "--provider", "nobody"]).refuses(3, "not_found").says("demo").says("openai");
    let listed = place.json(&["models", "ls", "--provider", "openai"]);
    let all = listed["data"].as_array().unwrap();
    let model = all.iter().find(|model| model["id"] == "openai/gpt-4o").unwrap();
    assert_eq!(model["price"]["input_per_million_nanousd"], 2_500_000_000_i64);
    assert!(text(model, "/price/from").ends_with('Z'));
    assert_eq!(listed["providers"].as_array().unwrap().len(), 1);
}

#[test]
fn a_price_file_wins_and_a_bad_one_stops_the_start() {
    let place = Place::new().with("OPENAI_API_KEY", "sk-none");
    place.write("copydesk.toml", "prices = \"mine.toml\"\n");
    let file = "[prices.\"openai/gpt-4o\"]\ninput = \"2.10\"\noutput = \"8.40\"\nfrom = \"2020-01-01\"\n";
    place.write("mine.toml", file);
    let ran = place.run(&["models", "ls", "--provider", "openai"]);
    ran.exits(0).prints("$2.10").prints("$8.40").prints("2020-01-01").prints("mine.toml-");
    place.write("mine.toml", file.replace("\"2.10\"", "-1"));
    for command in [&["models", "ls"][..], &["serve"], &["generate", "text", "--set", "prompt=hello"]] {
        let ran = place.run(command);
        ran.refuses(2, "bad_prices").says("mine.toml: prices.\"openai/gpt-4o\".input").says("\"2.50\"");
    }
    place.run(&["models", "ls", "--prices", "gone.toml"]).refuses(2, "bad_prices").says("gone.toml");
}

#[test]
fn a_model_is_tried_without_a_network_and_stands_on_the_books() {
    let place = Place::new();
    let ran = place.run(&["models", "test", "demo/writer"]);
    ran.exits(0).prints("model     demo/writer").prints("answer").prints("ms to the first text");
    ran.prints(" in, ").prints("$0.").prints("(prices demo-20").prints("breaker   closed").prints("books     cal_");
    place.run(&["models", "test", "demo/unpriced"]).exits(0).prints("cost      unpriced");
    let ran = place.run(&["models", "test", "demo/quota"]);
    ran.exits(5).prints("error     demo is receiving too many").prints("(rate_limited)");
    ran.prints("status    429").prints("provider  demo: The demo quota").prints("tokens    not reported");
    ran.prints("breaker   open until");
    let ran = place.run(&["models", "test", "demo/quota"]);
    ran.exits(5).prints("waiting   Lane \"model:demo/quota\" is left alone until").prints("call      none was made");
    let body = place.run(&["models", "test", "demo/quota", "--json"]);
    assert_eq!(body.exits(5).json()["waiting"]["reason"], "cooling_down");
    place.run(&["models", "test", "demo/wrter"]).refuses(3, "model_not_found").says("demo/writer");
    assert_eq!(place.json(&["generations", "ls"])["data"].as_array().unwrap().len(), 5);
    place.run(&["audit"]).exits(0);
}
