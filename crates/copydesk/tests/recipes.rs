//! `recipes` and `models`: what there is, and what is wrong with a folder of one's own.

use crate::support::{Place, text};

fn haiku(place: &Place) {
    place.write("mine/haiku/recipe.toml", "name = \"haiku\"\ntitle = \"Haiku\"\noutput = \"text\"\nroute = [\"demo/writer\"]\n\n[[steps]]\nname = \"write\"\nprompt = \"prompt.j2\"\n");
    place.write(
        "mine/haiku/input.schema.json",
        "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"topic\"], \"properties\": {\"topic\": {\"type\": \"string\"}}}",
    );
    place.write("mine/haiku/prompt.j2", "A haiku about {{ input.topic }}.");
    place.write("mine/haiku/example.json", "{\"topic\": \"rain\"}");
}

#[test]
fn recipes_and_models_are_listed() {
    let place = Place::new();
    place.run(&["recipes", "ls"]).exits(0).prints("newsletter").prints("built in");
    place.run(&["recipes", "show", "text"]).exits(0).prints("prompt").prints("yes");
    assert_eq!(text(&place.json(&["recipes", "show", "text"]), "/name"), "text");
    place.run(&["models", "ls"]).exits(0).prints("demo/writer").prints("$0.15").prints("unpriced");
}

#[test]
fn a_recipe_of_ones_own_is_checked_and_used() {
    let place = Place::new();
    haiku(&place);
    place.run(&["recipes", "check", "mine/haiku"]).exits(0).says("sound");
    place.run(&["recipes", "ls", "--recipes", "mine"]).exits(0).prints("haiku");
    place.run(&["generate", "haiku", "--recipes", "mine", "--set", "topic=rain"]).exits(0).prints("ain");
}

#[test]
fn a_broken_folder_lists_all_its_faults_at_once() {
    let place = Place::new();
    haiku(&place);
    place.write("mine/broken/recipe.toml", "name = \"other\"\n");
    let ran = place.run(&["recipes", "check", "mine"]);
    ran.exits(11).says("mine/haiku: sound").says("faults in mine");
    for fault in
        ["title", "output", "route", "input.schema.json", "example.json", "\"other\" is not the name of the folder"]
    {
        ran.prints(fault);
    }
    place.run(&["recipes", "check", "nowhere"]).exits(11).prints("nowhere");
    let refused = place.run(&["generate", "haiku", "--recipes", "mine", "--set", "topic=rain"]);
    refused.exits(2).prints_nothing().says("mine/broken").says("`copydesk recipes check mine`");
}
