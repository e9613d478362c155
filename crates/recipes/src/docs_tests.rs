//! Keeps `docs/recipes.md` true: its complete example is loaded, its fragments are merged into a recipe and checked, and
//! every key, word, code and filter is named there.

use std::collections::BTreeMap;

use copydesk_core::recipe::{FallbackBody, FallbackReason, OutputForm};
use serde_json::json;

use crate::builtin::BUILT_IN;
use crate::loader::{RecipeFiles, load};
use crate::{manifest, validate};

const DOCS: &str = include_str!("../../../docs/recipes.md");

/// Code blocks: the line before the fence that is not blank, the language, the text.
fn blocks() -> Vec<(&'static str, &'static str, String)> {
    let (mut found, mut before, mut open) = (Vec::new(), "", None::<(&str, &str, String)>);
    for line in DOCS.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((before, language, String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if !line.trim().is_empty() => before = line,
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a code block of the page never ends");
    found
}

#[test]
fn the_complete_example_of_the_page_is_a_sound_recipe() {
    let named = blocks().into_iter().filter_map(|(before, _, text)| {
        let file = before.strip_prefix("`release-note/")?.strip_suffix('`')?;
        Some((file.to_owned(), text))
    });
    let mut files = RecipeFiles::compiled_in("release-note", &[]);
    files.files = named.collect::<BTreeMap<_, _>>();
    assert_eq!(files.files.len(), 7);
    let recipe = load(&files).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let plan = r#"{"headline": "H", "highlights": ["One"]}"#.to_owned();
    let messages = recipe.render_step(1, &recipe.example, &[plan]).unwrap();
    assert!(messages[1].text.ends_with("Say most about:\n- One"), "{}", messages[1].text);
}

#[test]
fn every_other_toml_block_of_the_page_fits_into_a_recipe() {
    let fragments: Vec<_> = blocks()
        .into_iter()
        .filter(|(before, language, _)| *language == "toml" && !before.starts_with("`release-note/"))
        .collect();
    assert_eq!(fragments.len(), 4);
    let (name, built_in) = BUILT_IN[0];
    for (_, _, fragment) in fragments {
        let mut files = RecipeFiles::compiled_in(name, built_in);
        let mut recipe: toml::Table = files.files["recipe.toml"].parse().unwrap();
        let fragment_table: toml::Table = fragment.parse().unwrap();
        if fragment_table.get("output").is_some_and(|form| form.as_str() == Some("media")) {
            recipe.remove("fallback");
            recipe.remove("revise");
        }
        recipe.extend(fragment_table);
        files.files.insert("recipe.toml".into(), recipe.to_string());
        load(&files).map(drop).unwrap_or_else(|faults| panic!("{fragment}\n{faults:#?}"));
    }
}

#[test]
fn every_key_word_code_and_filter_is_on_the_page() {
    let named = |word: &str| DOCS.contains(&format!("`{word}`")) || DOCS.contains(&format!("`\"{word}\"`"));
    let keys = manifest::KEYS
        .into_iter()
        .chain(manifest::STEP_KEYS)
        .chain(manifest::PICTURE_STEP_KEYS)
        .chain(manifest::MEDIA_STEP_KEYS)
        .chain(manifest::STEP_KINDS)
        .chain(manifest::LIMIT_KEYS)
        .chain(manifest::FALLBACK_KEYS)
        .chain(manifest::FILL_KEYS)
        .chain(manifest::REVISE_KEYS);
    let keys = keys.filter(|key| !["steps", "limits", "fallback", "fill", "revise"].contains(key));
    let words = OutputForm::ALL.into_iter().map(OutputForm::as_str);
    let words = words.chain(FallbackReason::ALL.into_iter().map(FallbackReason::as_str));
    let words = words.chain(FallbackBody::ALL.into_iter().map(FallbackBody::as_str));
    for word in keys.chain(words).chain(validate::INPUT_FAULT_CODES).chain(["one_line", "cut(n)", "data", "revision"]) {
        assert!(named(word), "docs/recipes.md does not name `{word}`");
    }
    for table in ["[[steps]]", "[limits]", "[fallback]", "[fill]", "[revise]"] {
        assert!(named(table), "docs/recipes.md does not name {table}");
    }
    for (name, _) in BUILT_IN {
        assert!(named(name), "docs/recipes.md does not name the recipe {name}");
    }
}

#[test]
fn the_defaults_on_the_page_are_the_programs() {
    let row = |key: &str| DOCS.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap_or_default();
    let limits = copydesk_core::recipe::Limits::default();
    let defaults = [
        ("max_attempts", limits.attempts_max.to_string()),
        ("max_input_bytes", limits.input_bytes_max.to_string()),
        ("attempt_timeout", format!("\"{}m\"", limits.attempt_timeout.as_secs() / 60)),
        ("max_output_tokens", manifest::OUTPUT_TOKENS_DEFAULT.to_string()),
    ];
    for (key, default) in defaults {
        assert!(row(key).contains(&format!("| `{default}` |")), "{key}: {}", row(key));
    }
}

#[test]
fn the_codes_on_the_page_are_all_there_are() {
    let schema = json!({"not": {}});
    let validator = validate::InputValidator::compile("s", &schema, 100).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(validator.validate(&json!(1)).unwrap_err()[0].code, "invalid");
    for keyword in [
        "type",
        "enum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "multipleOf",
        "pattern",
        "format",
        "uniqueItems",
        "required",
        "additionalProperties",
        "anyOf",
    ] {
        assert!(validate::INPUT_FAULT_CODES.contains(&validate::code_of(keyword)), "{keyword}");
    }
}
