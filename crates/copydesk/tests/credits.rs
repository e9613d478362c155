//! Credits on the command line: from a grant to a refund, in credits with decimals, and a code to leave with for each no.

use crate::support::Place;
use serde_json::{Value, json};

const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "required": ["prompt"],
  "properties": {"prompt": {"type": "string"}}}"#;

/// A place where credits count, with two recipes: `paid` for 5 credits, `metered` by its cost.
fn place() -> Place {
    let place = Place::new().with("COPYDESK_CREDITS", "on").with("COPYDESK_RECIPES", "recipes");
    for (name, price) in
        [("paid", "5"), ("metered", r#"{ per_usd = "100000", margin = "30%", max = "50", min = "0.5" }"#)]
    {
        let recipe = format!(
            "name = \"{name}\"\ntitle = \"Note\"\noutput = \"text\"\nroute = [\"demo/writer\"]\nprice = {price}\n\n\
             [[steps]]\nname = \"write\"\nprompt = \"prompt.j2\"\n"
        );
        place.write(&format!("recipes/{name}/recipe.toml"), recipe);
        place.write(&format!("recipes/{name}/input.schema.json"), SCHEMA);
        place.write(&format!("recipes/{name}/example.json"), r#"{ "prompt": "Hello" }"#);
        place.write(&format!("recipes/{name}/prompt.j2"), "{{ input.prompt }}");
    }
    place
}

fn generate(place: &Place, recipe: &str) -> Value {
    place.run(&["generate", recipe, "--user", "ann", "--set", "prompt=tea"]).exits(0);
    place.json(&["generations", "ls"])["data"][0].clone()
}

fn available(place: &Place, user: &str) -> i64 {
    place.json(&["credits", "show", user])["available"].as_i64().unwrap()
}

#[test]
fn from_a_grant_to_a_refund() {
    let place = place();
    let ran = place.run(&["credits", "grant", "ann", "20", "--reference", "first"]);
    assert!(ran.exits(0).out.starts_with("grant of 20 credits: led_"), "{}", ran.out);
    let again = place.run(&["credits", "grant", "ann", "20", "--reference", "first"]);
    assert!(again.exits(0).out.contains("(was there already)"), "{}", again.out);
    place.run(&["credits", "grant", "bob", "1", "--reference", "second", "--expires", "30d"]).exits(0);
    place.run(&["credits", "adjust", "ann", "+5", "--reason", "goodwill"]).exits(0);
    place.run(&["credits", "adjust", "ann", "-2.5", "--reason", "half of it back"]).exits(0);
    place.run(&["credits", "gift", "ann", "bob", "2.25", "--reference", "birthday"]).exits(0);
    assert_eq!((available(&place, "ann"), available(&place, "bob")), (20_250_000, 3_250_000));
    let generation = generate(&place, "paid");
    assert_eq!(generation["credits"], json!({"held": 0, "settled": 5_000_000, "released": 0}));
    let id = generation["id"].as_str().unwrap();
    place.run(&["credits", "refund", id, "1.5", "--reason", "too short"]).exits(0);
    let one = place.json(&["credits", "ledger", "ann", "--kind", "refund"]);
    assert_eq!((&one["data"][0]["amount"], &one["data"][0]["generation_id"]), (&json!(1_500_000), &json!(id)));
    let shown = place.run(&["credits", "show", "ann"]);
    assert_eq!(shown.exits(0).out, "user       ann\navailable  16.75\nheld       0\ntotal      16.75\n");
    let all = place.run(&["credits", "show"]);
    assert!(all.exits(0).out.starts_with("USER  AVAILABLE  HELD  TOTAL  EXPIRES\n"), "{}", all.out);
    let ledger = place.run(&["credits", "ledger", "ann"]).exits(0).out.clone();
    let kinds: Vec<&str> = ledger.lines().skip(1).map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(kinds, ["refund", "settle", "hold", "gift_sent", "adjust_down", "adjust_up", "grant"]);
    assert!(ledger.contains("half of it back") && ledger.contains("16.75"), "{ledger}");
    place.run(&["audit"]).exits(0);
}

#[test]
fn a_metered_recipe_takes_what_its_call_cost() {
    let place = place();
    place.run(&["credits", "grant", "ann", "60", "--reference", "first"]).exits(0);
    let shown = &place.json(&["generate", "metered", "--user", "ann", "--set", "prompt=tea"])["generation"];
    let cost = shown["cost"]["nanousd"].as_i64().unwrap();
    // 100,000 credits for a dollar and 30 % on top: 130 micro-credits for a billionth, at least half a credit.
    let due = (cost * 130).clamp(500_000, 50_000_000);
    assert_eq!(shown["credits"], json!({"held": 0, "settled": due, "released": 50_000_000 - due, "refunded": 0}));
    assert!(cost > 0);
    assert_eq!(available(&place, "ann"), 60_000_000 - due);
    place.run(&["audit"]).exits(0);
}

#[test]
fn who_cannot_pay_leaves_with_8_and_nothing_is_queued() {
    let place = place();
    place.run(&["credits", "grant", "ann", "4.999999", "--reference", "first"]).exits(0);
    let before = place.json(&["credits", "ledger"]);
    let ran = place.run(&["generate", "paid", "--user", "ann", "--set", "prompt=tea"]);
    let said = "error[insufficient_credits]: This needs 5 credits; 4.999999 are available and 0 are held";
    assert!(ran.exits(8).err.contains(said), "{}", ran.err);
    place.is_empty();
    assert_eq!(place.json(&["credits", "ledger"]), before);
}

#[test]
fn each_mistake_has_its_words_and_its_code() {
    let place = place();
    place.run(&["credits", "grant", "ann", "10", "--reference", "first"]).exits(0);
    let before = place.json(&["credits", "ledger"]);
    let cases: [(&[&str], i32, &str); 11] = [
        (&["grant", "ann", "1.0000001", "--reference", "r"], 2, "at most six decimals"),
        (&["grant", "ann", "lots", "--reference", "r"], 2, "is not an amount"),
        (&["grant", "ann", "9999999999999", "--reference", "r"], 2, "is not an amount"),
        (&["grant", "ann", "0", "--reference", "r"], 2, "must not be zero"),
        (&["grant", "ann", "11", "--reference", "first"], 9, "10 credits; this one is a grant of 11 credits"),
        (&["grant", "ann", "--pack", "huge", "--reference", "r"], 2, "there is no pack \"huge\""),
        (&["adjust", "ann", "5", "--reason", "x"], 2, "write +5 or -5"),
        (&["adjust", "nobody", "+5", "--reason", "x"], 3, "There is no user nobody."),
        (&["gift", "ann", "ann", "1"], 2, "nobody can give credits to himself"),
        (&["gift", "ann", "bob", "1"], 3, "There is no user bob."),
        (&["refund", "gen_01kc0000010008000000000001", "--reason", "x"], 3, "There is no generation"),
    ];
    for (arguments, code, words) in cases {
        let ran = place.run(&[&["credits"], arguments].concat());
        assert!(ran.exits(code).err.contains(words), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(place.json(&["credits", "ledger"]), before);
}

#[test]
fn packs_come_from_the_settings_file_and_switch_nothing_on() {
    let place = Place::new();
    let packs = "[credits.packs.medium]\ncredits = \"110\"\nprice = \"$4.99\"\ntitle = \"Medium\"\n";
    place.write("copydesk.toml", packs);
    let off = place.run(&["credits", "packs"]);
    assert!(off.exits(9).err.contains("error[credits_off]") && off.err.contains("COPYDESK_CREDITS=on"), "{}", off.err);
    place.write("copydesk.toml", format!("[credits]\non = true\n{packs}"));
    let listed = place.run(&["credits", "packs"]);
    assert_eq!(listed.exits(0).out, "NAME    CREDITS  PRICE  TITLE\nmedium  110      $4.99  Medium\n");
    place.run(&["credits", "grant", "ann", "--pack", "medium", "--reference", "pay-1"]).exits(0);
    assert_eq!(place.json(&["credits", "ledger"])["data"][0]["kind"], "purchase");
    place.write("copydesk.toml", "[credits.packs.medium]\ncredits = 0\n");
    assert!(place.run(&["credits", "packs"]).exits(2).err.contains("pack medium: credits is 0"));
}
