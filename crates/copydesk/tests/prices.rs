//! `prices`: dollars in, exact prices out, for whatever process comes next.

use crate::support::{Place, text};

#[test]
fn a_price_is_set_in_dollars_listed_and_ended() {
    let place = Place::new();
    place.run(&["prices", "ls"]).exits(0).says("No price was set");
    let set = ["prices", "set", "demo/writer", "--input", "0.000000001", "--output", "1.5", "--from", "2026-01-01"];
    place.run(&set).exits(0).says("demo/writer from 2026-01-01T00:00:00.000000Z: api-2026-01-01-");
    place.run(&["prices", "ls"]).exits(0).prints("$0.000000001").prints("$1.50").prints("2026-01-01");
    place.run(&["models", "ls", "--provider", "demo"]).exits(0).prints("api-2026-01-01-");
    place.run(&["prices", "rm", "demo/writer"]).exits(0).says("have ended");
    place.run(&["prices", "ls", "--model", "demo/writer"]).exits(0).prints("ended");
    place.run(&["prices", "rm", "demo/writer"]).refuses(3, "not_found");
    assert!(!place.run(&["models", "ls", "--provider", "demo"]).exits(0).out.contains("api-2026"));
}

#[test]
fn a_price_file_is_imported_whole_or_not_at_all() {
    let place = Place::new();
    let file = "[[prices.\"demo/writer\"]]\ninput = \"1\"\noutput = \"2\"\nfrom = \"2026-02-01\"\n\
                tiers = [{ above = 5, input = \"3\", output = \"4\" }]\n\
                [[prices.\"demo/writer\"]]\nfree = true\nfrom = \"2099-01-01\"\n";
    place.write("mine.toml", file);
    place.run(&["prices", "import", "mine.toml"]).exits(0).says("from 2026-02-01").says("from 2099-01-01");
    let listed = place.json(&["prices", "ls"]);
    assert_eq!(text(&listed, "/data/0/from"), "2099-01-01T00:00:00.000000Z");
    assert_eq!(listed["data"][1]["price"]["tiers"][0]["input_per_million_nanousd"], 3_000_000_000_i64);
    place.run(&["models", "ls", "--provider", "demo"]).exits(0).prints("$1.00").prints("2026-02-01");

    place.write("bad.toml", format!("{file}\n[prices.\"demo/chat\"]\ninput = 2.5\n"));
    let ran = place.run(&["prices", "import", "bad.toml"]);
    ran.refuses(2, "bad_prices").says("bad.toml: prices.\"demo/chat\".input").says("\"2.50\"");
    assert_eq!(place.json(&["prices", "ls"])["data"].as_array().unwrap().len(), 2);
    place.run(&["prices", "import", "gone.toml"]).refuses(2, "bad_prices").says("gone.toml");
}

#[test]
fn a_bad_price_is_refused_with_what_to_write() {
    let place = Place::new();
    for (flags, words) in [
        (&["--input", "-1"][..], "dollars as text"),
        (&["--input", "0"], "free = true"),
        (&["--from", "2026-01-01"], "has no rate"),
        (&["--input", "1", "--from", "1.1.2026"], "write a day such as"),
    ] {
        let command: Vec<&str> = ["prices", "set", "demo/writer"].iter().chain(flags).copied().collect();
        place.run(&command).refuses(2, "bad_prices").says(words).says("the command line");
    }
    place.run(&["prices", "set", "writer", "--free"]).refuses(2, "bad_prices").says("PROVIDER/MODEL");
    place.run(&["prices", "set", "demo/wrter", "--free"]).refuses(3, "model_not_found").says("demo/writer");
    place.run(&["prices", "rm", "writer"]).refuses(2, "usage").says("PROVIDER/MODEL");
}
