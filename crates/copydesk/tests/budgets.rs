//! Budgets on the command line: dollars and tokens, and code 8 when there is no room.

use crate::support::Place;
use serde_json::json;

#[test]
fn a_budget_is_set_reached_raised_and_ended() {
    let place = Place::new();
    let made = place.run(&["budgets", "set", "200", "--tokens", "--period", "day", "--zone", "Europe/Berlin"]);
    let out = made.exits(0).out.clone();
    assert!(out.contains("limit      200 tokens a day (Europe/Berlin)\nwarns at   80%, 100%\n"), "{out}");
    let id = out.split_whitespace().nth(1).unwrap().to_owned();
    let refused = place.run(&["generate", "text", "--set", "prompt=tea"]);
    let said = &refused.exits(8).err;
    assert!(said.contains(&id) && said.contains("copydesk budgets change"), "{said}");
    let raised = place.run(&["budgets", "change", &id, "--limit", "1000000", "--warn-at", "10"]);
    assert!(raised.exits(0).out.contains("limit      1000000 tokens a day"), "{}", raised.out);
    place.run(&["generate", "text", "--set", "prompt=tea"]).exits(0);
    let row = place.json(&["budgets", "ls"])["data"][0].clone();
    assert!(row["current"]["used"].as_i64().unwrap() > 0 && row["current"]["reserved"] == 0, "{row}");
    let shown = place.run(&["budgets", "show", &id, "--periods", "2"]);
    assert!(shown.exits(0).out.contains("\nFROM "), "{}", shown.out);
    let ended = place.run(&["budgets", "end", &id]);
    assert!(ended.exits(0).out.contains("\nended      "), "{}", ended.out);
    assert_eq!(place.json(&["budgets", "ls"])["data"], json!([]));
    let table = place.run(&["budgets", "ls", "--ended"]);
    assert!(table.exits(0).out.starts_with("BUDGET "), "{}", table.out);
}

#[test]
fn dollars_are_dollars_and_what_is_wrong_is_said() {
    let place = Place::new();
    let made = place.run(&["budgets", "set", "2.5", "--each", "user"]);
    let out = &made.exits(0).out;
    assert!(out.contains("of         each user\nlimit      $2.50 a month (UTC)"), "{out}");
    place.run(&["generate", "text", "--set", "prompt=tea", "--user", "ann"]).exits(0);
    let table = place.run(&["budgets", "ls"]);
    assert!(table.exits(0).out.contains("ann"), "{}", table.out);
    for (arguments, words) in [
        (vec!["budgets", "set", "5,0"], "is not an amount of dollars"),
        (vec!["budgets", "set", "many", "--tokens"], "is not a number of tokens"),
        (vec!["budgets", "set", "5", "--warn-at", "90,50"], "each larger than the one before"),
        (vec!["budgets", "set", "5", "--zone", "Berlin"], "is not a time zone"),
        (vec!["budgets", "set", "5", "--user", "nobody"], "no user is called"),
    ] {
        let said = place.run(&arguments);
        assert!(said.exits(2).err.contains(words), "{arguments:?}: {}", said.err);
    }
    place.run(&["budgets", "end", "bud_nothing"]).exits(3);
}
