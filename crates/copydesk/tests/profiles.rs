//! Profiles on the command line: set field by field, shown, filled into what is generated, removed.

use crate::support::Place;
use serde_json::json;

#[test]
fn a_profile_is_set_field_by_field_and_goes_into_what_is_generated() {
    let place = Place::new();
    place.write("about.md", "We never write a sentence\nthat nobody needs.\n");
    let about = place.path("about.md").display().to_string();
    let made = place.run(&["profiles", "set", "newsletter", "tone.length=short", "topics=3", "--user", "ann"]);
    assert!(made.exits(0).out.contains("PROFILE  newsletter"), "{}", made.out);
    let more = ["profiles", "set", "newsletter", "--user", "ann", "--unset", "topics", "language=English"];
    place.run(&more).exits(0);
    place.write("voice.json", json!({"voice_samples": ["Tea is a small thing, and enough."]}).to_string());
    let samples = place.path("voice.json").display().to_string();
    place.run(&["profiles", "set", "newsletter", "--input", &samples]).exits(0);
    let shown = place.run(&["profiles", "show", "newsletter", "--user", "ann"]);
    let out = &shown.exits(0).out;
    assert!(out.contains("tone      {\"length\":\"short\"}") && !out.contains("topics"), "{out}");
    let listed = place.run(&["profiles", "ls"]);
    let out = &listed.exits(0).out;
    assert!(out.contains("ann") && out.contains("everybody") && out.contains("voice_samples"), "{out}");
    place.run(&["generate", "newsletter", "--set", "topic=tea", "--user", "ann"]).exits(0);
    let row = place.json(&["generations", "ls", "user:ann"])["data"][0].clone();
    let one = place.json(&["generations", "show", row["id"].as_str().unwrap()])["generation"].clone();
    let shown = place.run(&["generations", "show", row["id"].as_str().unwrap()]);
    assert!(shown.exits(0).out.contains("of a profile  language, tone, voice_samples"), "{}", shown.out);
    assert_eq!(one["filled"], json!(["language", "tone", "voice_samples"]), "{one}");
    assert_eq!(one["input"]["tone"], json!({"length": "short"}));
    for (arguments, words) in [
        (vec!["profiles", "set", "newsletter", "colour=red"], "colour"),
        (vec!["profiles", "set", "newsletter", "--unset", "topics"], "does not say topics"),
        (vec!["profiles", "set", "newsletter", "--text", about.as_str()], "has no FIELD=FILE"),
        (vec!["profiles", "set", "newsletter", "--input", about.as_str()], "is no JSON"),
        (vec!["profiles", "show", "text"], "no profile"),
    ] {
        let refused = place.run(&arguments);
        assert!(refused.exit != Some(0) && refused.err.contains(words), "{arguments:?}: {}", refused.err);
    }
    place.run(&["profiles", "rm", "newsletter", "--user", "ann"]).exits(0);
    place.run(&["profiles", "rm", "newsletter"]).exits(0);
    assert!(place.run(&["profiles", "ls"]).exits(0).err.contains("No profiles"));
}
