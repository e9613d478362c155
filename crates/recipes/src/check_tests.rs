//! Every kind of fault of a recipe folder is found, named by file and key, and all are reported together.

use super::*;
use crate::loader::Origin;
use copydesk_core::ledger::{Margin, Metered, Price};
use copydesk_core::recipe::{AnswerShape, StepKind};

const RECIPE: &str = r#"
name = "note"
title = "Note"
output = "text"
route = ["demo/writer"]
price = 0.5

[[steps]]
name = "plan"
prompt = "plan.j2"
answer = "json"

[[steps]]
name = "write"
system = "system.j2"
prompt = "prompt.j2"
temperature = 1
"#;
const SCHEMA_TEXT: &str = r#"{"type": "object", "additionalProperties": false, "required": ["topic"],
    "properties": {"topic": {"type": "string"}, "tone": {"type": "string"}}}"#;

/// A sound folder with some files replaced; an empty text removes the file.
fn folder(changes: &[(&str, &str)]) -> RecipeFiles {
    let mut files = RecipeFiles::compiled_in(
        "note",
        &[
            ("recipe.toml", RECIPE),
            ("input.schema.json", SCHEMA_TEXT),
            ("example.json", r#"{"topic": "Rust", "tone": "dry"}"#),
            ("example.plan.json", r#"{"angle": "speed"}"#),
            ("plan.j2", "Plan {{ input.topic }}"),
            ("system.j2", "{% if input.tone is defined %}Be {{ input.tone }}.{% endif %}"),
            ("prompt.j2", "Write about {{ input.topic }}: {{ steps.plan.angle }} ({{ recipe.title }})"),
        ],
    );
    for (name, text) in changes {
        if text.is_empty() {
            files.files.remove(*name);
        } else {
            files.files.insert((*name).to_owned(), (*text).to_owned());
        }
    }
    files
}

fn places(changes: &[(&str, &str)]) -> Vec<String> {
    let faults = load(&folder(changes)).map(drop).unwrap_err();
    faults.iter().map(|fault| format!("{} {}", fault.file, fault.key.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn a_sound_folder_becomes_a_recipe_with_a_version() {
    let loaded = load(&folder(&[])).unwrap();
    assert_eq!(loaded.origin, Origin::BuiltIn);
    assert_eq!(loaded.recipe.price, Price::Fixed("0.5".parse().unwrap()));
    assert_eq!(loaded.recipe.version.len(), 12);
    assert!(loaded.recipe.dedupe);
}

#[test]
fn a_step_of_json_asks_for_json_and_a_step_of_text_for_nothing() {
    let loaded = load(&folder(&[])).unwrap();
    assert_eq!(
        [0, 1, 2].map(|step| loaded.answer_shape(step)),
        [AnswerShape::Json, AnswerShape::Free, AnswerShape::Free]
    );
    let last = RECIPE.replace("temperature = 1", "answer = \"json\"");
    let loaded = load(&folder(&[("recipe.toml", &last)])).unwrap();
    assert_eq!(loaded.answer_shape(1), AnswerShape::Json, "a text of JSON has no form to hold it to");
}

#[test]
fn a_price_by_cost_is_a_table_of_exact_amounts() {
    let price = |table: &str| load(&folder(&[("recipe.toml", &RECIPE.replace("price = 0.5", table))]));
    let loaded = price("price = { per_usd = \"100\", margin = \"12.5%\", max = 2.000001, min = 0.5 }").unwrap();
    let credits = |text: &str| text.parse().unwrap();
    let rate = Metered { per_usd: credits("100"), margin: Margin(1_250), min: credits("0.5") };
    assert_eq!(loaded.recipe.price, Price::Metered { max: credits("2.000001"), rate });
    let keys = |table: &str| -> Vec<String> {
        price(table).map(drop).unwrap_err().into_iter().filter_map(|fault| fault.key).collect()
    };
    assert_eq!(keys("price = { margin = \"30%\" }"), ["price.per_usd", "price.max"]);
    assert_eq!(keys("price = { per_usd = 100, max = 5, margin = 0.3 }"), ["price.margin"]);
    assert_eq!(keys("price = { per_usd = 100, max = 5, margin = \"a lot\" }"), ["price.margin"]);
    assert_eq!(keys("price = { per_usd = 100, max = 5, min = 6 }"), ["price.min"]);
    assert_eq!(keys("price = { per_usd = 100, max = \"much\", least = 6 }"), ["price.least", "price.max"]);
}

#[test]
fn one_fault_is_named_by_file_and_key() {
    let toml = |from: &str, to: &str| RECIPE.replace(from, to);
    let cases: Vec<(&str, String, &str)> = vec![
        ("recipe.toml", toml("name = \"note\"", "name = \"other\""), "recipe.toml name"),
        ("recipe.toml", toml("title =", "titel ="), "recipe.toml titel, recipe.toml title"),
        ("recipe.toml", toml("\"text\"", "\"poem\""), "recipe.toml output"),
        ("recipe.toml", toml("demo/writer", "writer"), "recipe.toml route[0]"),
        ("recipe.toml", toml("0.5", "\"cheap\""), "recipe.toml price"),
        ("recipe.toml", toml("0.5", "-1"), "recipe.toml price"),
        ("recipe.toml", toml("\"write\"", "\"plan\""), "recipe.toml steps[1].name"),
        ("recipe.toml", toml("temperature = 1", "temperature = 3"), "recipe.toml steps[1].temperature"),
        ("recipe.toml", toml("\"json\"", "\"yaml\""), "recipe.toml steps[0].answer"),
        ("recipe.toml", toml("\"prompt.j2\"", "\"promt.j2\""), "recipe.toml steps[1].prompt"),
        ("recipe.toml", toml("\"prompt.j2\"", "\"../prompt.j2\""), "recipe.toml steps[1].prompt"),
        ("recipe.toml", format!("{RECIPE}[limits]\nattempt_timeout = 5"), "recipe.toml limits.attempt_timeout"),
        ("recipe.toml", format!("{RECIPE}[limits]\nmax_attempts = 0"), "recipe.toml limits.max_attempts"),
        ("recipe.toml", format!("{RECIPE}[fallback]\nno_items = \"x\""), "recipe.toml fallback.no_items"),
        (
            "recipe.toml",
            format!("{RECIPE}[fallback]\nno_content = \"guide\""),
            "recipe.toml fallback, recipe.toml fallback",
        ),
        ("recipe.toml", toml("[[steps]]", "[[steps]"), "recipe.toml line 8"),
        ("recipe.toml", String::new(), "recipe.toml -"),
        ("input.schema.json", String::new(), "input.schema.json -"),
        ("input.schema.json", "{".to_owned(), "input.schema.json line 1"),
        ("input.schema.json", r#"{"type": "objekt"}"#.to_owned(), "input.schema.json #/type"),
        ("example.json", String::new(), "example.json -"),
        ("example.json", r#"{"topic": 7}"#.to_owned(), "example.json /topic"),
        ("prompt.j2", "line\n{% if %}".to_owned(), "prompt.j2 line 2"),
        ("prompt.j2", "{{ topic }}".to_owned(), "prompt.j2 topic"),
        ("prompt.j2", "{{ input.topik }}".to_owned(), "prompt.j2 input.topik"),
        ("prompt.j2", "{{ steps.write }}".to_owned(), "prompt.j2 steps.write"),
        ("prompt.j2", "{{ recipe.color }}".to_owned(), "prompt.j2 recipe.color"),
        ("prompt.j2", "{{ input.topic | shout }}".to_owned(), "prompt.j2 line 1"),
        ("prompt.j2", "a\n{{ steps.plan.angel }}".to_owned(), "prompt.j2 line 2"),
        ("prompt.j2", "{% include 'absent.j2' %}".to_owned(), "prompt.j2 line 1"),
        ("system.j2", "a\nBe {{ input.tone }}.".to_owned(), "system.j2 line 2"),
    ];
    for (file, text, wanted) in cases {
        assert_eq!(places(&[(file, &text)]).join(", "), wanted, "{file}: {text}");
    }
}

/// The last step of the test recipe as one that makes files.
fn making(step: &str) -> String {
    let at = RECIPE.rfind("[[steps]]").unwrap();
    format!("{}[[steps]]\nname = \"film\"\nprompt = \"prompt.j2\"\n{step}", &RECIPE[..at])
        .replace("output = \"text\"", "output = \"media\"")
}

#[test]
fn a_media_step_reads_its_settings() {
    let step = "kind = \"media\"\nsettings_from = [\"topic\"]\npictures_from = \"topic\"\n[steps.settings]\nseconds = 8\nsize = [1, 2.5]\n";
    let loaded = load(&folder(&[("recipe.toml", &making(step))])).unwrap();
    let StepKind::Media { settings, pictures_from } = &loaded.recipe.steps[1].kind else { panic!("a media step") };
    assert_eq!(Value::Object(settings.fixed.clone()), serde_json::json!({"seconds": 8, "size": [1, 2.5]}));
    assert_eq!((settings.from_input.as_slice(), pictures_from.as_deref()), (&["topic".to_owned()][..], Some("topic")));
}

#[test]
fn what_a_kind_of_step_does_not_know_is_named() {
    for (step, wanted) in [
        ("kind = \"medium\"", "recipe.toml steps[1].kind, recipe.toml output"),
        ("kind = \"media\"\ntemperature = 1", "recipe.toml steps[1].temperature"),
        ("kind = \"picture\"\npictures_from = \"topic\"", "recipe.toml steps[1].pictures_from"),
        ("kind = \"media\"\nsettings_from = [\"topik\"]", "recipe.toml steps[1].settings_from"),
        ("kind = \"picture\"\n[steps.settings]\nseed = 1", "recipe.toml steps[1].settings"),
        ("kind = \"media\"\n[steps.settings]\nday = 2026-11-01", "recipe.toml steps[1].settings.day"),
    ] {
        assert_eq!(places(&[("recipe.toml", &making(step))]).join(", "), wanted, "{step}");
    }
}

#[test]
fn all_faults_of_a_folder_are_reported_at_once() {
    let recipe = RECIPE.replace("demo/writer", "writer").replace("0.5", "\"cheap\"").replace("\"json\"", "\"yaml\"");
    let seen = places(&[("recipe.toml", &recipe), ("plan.j2", "{% bad"), ("example.json", "[")]);
    let wanted = [
        "recipe.toml route[0]",
        "recipe.toml price",
        "recipe.toml steps[0].answer",
        "plan.j2 line 1",
        "example.json line 1",
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn a_fault_says_what_to_do() {
    let faults = load(&folder(&[("system.j2", "Be {{ input.tone }}.")])).map(drop).unwrap_err();
    let said = faults[0].to_string();
    assert!(said.starts_with("system.j2: line 1: cannot be filled in without input.tone"), "{said}");
    assert!(said.contains("is defined"), "{said}");
    let faults = load(&folder(&[("recipe.toml", &RECIPE.replace("title =", "titel ="))])).map(drop).unwrap_err();
    assert!(faults[0].fix.contains("Did you mean \"title\"?"), "{}", faults[0]);
}

#[test]
fn a_path_is_a_recipe_or_a_folder_of_recipes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(check_path(dir.path())[0].outcome.as_ref().unwrap_err()[0].what, "holds no recipe");
    for name in ["note", "broken"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    for (name, text) in &folder(&[]).files {
        std::fs::write(dir.path().join("note").join(name), text).unwrap();
    }
    let reports = check_path(dir.path());
    let outcomes: Vec<bool> = reports.iter().map(|report| report.outcome.is_ok()).collect();
    assert_eq!(outcomes, [false, true]);
    let one = check_path(&dir.path().join("note"));
    assert!(one.len() == 1 && one[0].outcome.is_ok());
    assert!(check_path(&dir.path().join("absent"))[0].outcome.is_err());
}
