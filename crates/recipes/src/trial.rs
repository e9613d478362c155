//! Filling in a recipe's templates for trial: with the folder's example as it is, with each optional field left out in
//! turn, and with all of them left out. A forgotten `is defined` is found here and not when a user leaves a field empty.

use std::collections::BTreeSet;

use copydesk_core::recipe::{Content, Revision, Step, StepAnswer};
use serde_json::{Map, Value, json};

use crate::check::EXAMPLE;
use crate::fault::Fault;
use crate::loaded::LoadedRecipe;
use crate::loader::RecipeFiles;
use crate::manifest;
use crate::render::RenderError;

/// Most optional fields that are left out in turn.
const VARIANTS_MAX: usize = 200;
const REVISION_FIX: &str = "`heading`, `selection` and `instruction` may be absent: test them with `is defined`.";
/// Deepest nesting of the input that is looked at.
const DEPTH_MAX: usize = 8;

/// Everything that goes wrong in the trials, each template line once.
pub(crate) fn faults(files: &RecipeFiles, loaded: &LoadedRecipe) -> Vec<Fault> {
    let steps = loaded.recipe.steps.iter();
    let answers: Vec<String> = steps.map(|step| sample_answer(files, step)).collect();
    let whole = trial(loaded, &loaded.example, &answers, &format!("with {EXAMPLE}"), "Correct it.");
    if !whole.is_empty() {
        return whole;
    }
    let schema = &loaded.recipe.input_schema;
    let mut variants: Vec<(String, Value)> = optional_fields(&loaded.example, schema)
        .into_iter()
        .map(|path| (format!("without input.{}", path.join(".")), without(&loaded.example, &path)))
        .collect();
    variants.push(("without any optional field".to_owned(), bare(&loaded.example, schema)));
    let (mut found, mut places) = (Vec::new(), BTreeSet::new());
    for (with, input) in variants {
        // Some schemas ask for more than `required` says; what they refuse can never reach a template.
        if loaded.validate(&input).is_err() {
            continue;
        }
        let fix = "The field is optional: test it with `is defined`, or give it a `default`.";
        for fault in trial(loaded, &input, &answers, &with, fix) {
            if places.insert((fault.file.clone(), fault.key.clone())) {
                found.push(fault);
            }
        }
    }
    found
}

fn trial(loaded: &LoadedRecipe, input: &Value, answers: &[String], with: &str, fix: &str) -> Vec<Fault> {
    let attempt = |(index, step): (usize, &Step)| match loaded.render_step(index, input, answers) {
        Ok(messages) if messages.iter().all(|message| !message.text.is_empty()) => None,
        Ok(_) => Some(Fault::new(&step.prompt, format!("comes to nothing {with}"), fix)),
        Err(error) => Some(fault_of(error, with, fix)),
    };
    let mut found: Vec<Fault> = loaded.recipe.steps.iter().enumerate().filter_map(attempt).collect();
    for revising in revisions(loaded) {
        let fault = match revising.render_step(0, input, &[]) {
            Ok(messages) if messages.iter().all(|message| !message.text.is_empty()) => continue,
            Ok(_) => Fault::new(&revising.recipe.steps[0].prompt, format!("comes to nothing {with}"), fix),
            Err(error) => fault_of(error, with, REVISION_FIX),
        };
        found.push(fault);
    }
    found
}

/// The recipe as it writes anew a part with all that can be known of one, and one with nothing but its text.
fn revisions(loaded: &LoadedRecipe) -> Vec<LoadedRecipe> {
    let topic = json!({ "heading": "Heading", "body": "Body.", "sources": [] });
    let body = json!({ "intro": "Intro.", "text": "Text.", "topics": [topic], "conclusion": "", "sources": [] });
    let base = Content { form: loaded.recipe.output, title: "Title".to_owned(), body };
    let of = |part: &str, said: Option<&str>| {
        let said = said.map(str::to_owned);
        Revision { part: part.to_owned(), selection: said.clone(), instruction: said, from_version: 1 }
    };
    let all = [of("topics/1", Some("Body.")), of("topics/1", None), of("title", None)];
    all.into_iter().filter_map(|revision| loaded.revising(revision, base.clone())).collect()
}

fn fault_of(error: RenderError, with: &str, fix: &str) -> Fault {
    match error {
        RenderError::Template { template, line, what } => {
            let fault = Fault::new(&template, format!("cannot be filled in {with}: {what}"), fix);
            match line {
                Some(line) => fault.at(format!("line {line}")),
                None => fault,
            }
        }
        RenderError::OutOfFuel { template } | RenderError::TooLong { template, .. } => {
            Fault::new(&template, format!("does too much work {with}"), "Check its loops.")
        }
        RenderError::StepOutputNotJson { step } => {
            let file = format!("example.{step}.json");
            Fault::new(&file, "is not a JSON object", "Write an answer of that step, as the model would.")
        }
        RenderError::NoSuchStep(_) | RenderError::MissingStepOutput { .. } => {
            Fault::new(manifest::FILE, error.to_string(), fix)
        }
    }
}

/// An answer of a step for the trial: `example.<step>.json` or `example.<step>.txt`, else a stand-in.
fn sample_answer(files: &RecipeFiles, step: &Step) -> String {
    let answer = step.as_chat().map(|chat| chat.answer).unwrap_or_default();
    let step = &step.name;
    let (ending, stand_in) = match answer {
        StepAnswer::Text => ("txt", format!("The answer of step {step}.")),
        StepAnswer::Json => ("json", "{}".to_owned()),
    };
    files.get(&format!("example.{step}.{ending}")).map_or(stand_in, str::to_owned)
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    required.iter().any(|wanted| wanted == name)
}

/// Paths of the optional fields that the example has. Entries of a list share their path.
fn optional_fields(example: &Value, schema: &Value) -> Vec<Vec<String>> {
    let mut paths = BTreeSet::new();
    collect_optional(example, schema, &mut Vec::new(), &mut paths);
    paths.into_iter().take(VARIANTS_MAX).collect()
}

fn collect_optional(example: &Value, schema: &Value, place: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    if place.len() >= DEPTH_MAX || paths.len() >= VARIANTS_MAX {
        return;
    }
    match example {
        Value::Object(object) => {
            for (name, value) in object {
                let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) else {
                    continue;
                };
                place.push(name.clone());
                if !is_required(schema, name) {
                    paths.insert(place.clone());
                }
                collect_optional(value, property, place, paths);
                place.pop();
            }
        }
        Value::Array(entries) => {
            let Some(items) = schema.get("items") else { return };
            for entry in entries {
                collect_optional(entry, items, place, paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value without the field at the path, in every entry of the lists on the way.
fn without(value: &Value, path: &[String]) -> Value {
    match (value, path) {
        (Value::Array(entries), _) => Value::Array(entries.iter().map(|entry| without(entry, path)).collect()),
        (Value::Object(object), [last]) => {
            let kept = object.iter().filter(|(name, _)| *name != last);
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        (Value::Object(object), [head, rest @ ..]) => {
            let changed = |(name, value): (&String, &Value)| {
                (name.clone(), if name == head { without(value, rest) } else { value.clone() })
            };
            Value::Object(object.iter().map(changed).collect())
        }
        (other, _) => other.clone(),
    }
}

/// The example with only those properties that the schema requires.
fn bare(example: &Value, schema: &Value) -> Value {
    match example {
        Value::Object(object) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                return example.clone();
            };
            let kept = object.iter().filter(|(name, _)| is_required(schema, name));
            let kept = kept.map(|(name, value)| {
                (name.clone(), properties.get(name).map_or_else(|| value.clone(), |property| bare(value, property)))
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(entries) => match schema.get("items") {
            Some(items) => Value::Array(entries.iter().map(|entry| bare(entry, items)).collect()),
            None => example.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => example.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn optional_fields_are_left_out_in_every_entry_of_a_list() {
        let schema = json!({"required": ["items"], "properties": {
            "tone": {"properties": {"length": {}}},
            "items": {"items": {"required": ["title"], "properties": {"title": {}, "link": {}}}}
        }});
        let example = json!({"tone": {"length": "short"}, "items": [{"title": "a"}, {"title": "b", "link": "c"}]});
        let paths: Vec<String> = optional_fields(&example, &schema).iter().map(|path| path.join(".")).collect();
        assert_eq!(paths, ["items.link", "tone", "tone.length"]);
        let path = ["items".to_owned(), "link".to_owned()];
        assert_eq!(without(&example, &path)["items"], json!([{"title": "a"}, {"title": "b"}]));
        assert_eq!(bare(&example, &schema), json!({"items": [{"title": "a"}, {"title": "b"}]}));
    }
}
