//! A value that fits a JSON Schema, in pleasant words: so that any recipe with a required shape can be tried with the
//! demo writer. It reads the common keywords only and never fails; a schema it cannot follow gets a plain text.

use serde_json::{Map, Value, json};

use super::words::{Die, clip, upper_first};

/// How deep a schema is followed; deeper levels get a text.
const DEPTH_MAX: usize = 8;
/// Items of a list without limits of its own.
const ITEMS_USUAL: usize = 3;
const ITEMS_MAX: usize = 50;

/// A value for `schema` about `subject`.
pub(crate) fn instance(schema: &Value, subject: &str, die: &mut Die) -> Value {
    Writer { root: schema, subject }.value(schema, "text", die, 0)
}

struct Writer<'a> {
    root: &'a Value,
    subject: &'a str,
}

impl Writer<'_> {
    fn value(&self, schema: &Value, name: &str, die: &mut Die, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return json!(self.text(name, schema, die));
        }
        if let Some(target) =
            schema.get("$ref").and_then(Value::as_str).and_then(|path| self.root.pointer(path.trim_start_matches('#')))
        {
            return self.value(target, name, die, depth + 1);
        }
        if let Some(fixed) = schema.get("const").or_else(|| schema.get("default")) {
            return fixed.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty()) {
            return choices[die.throw(choices.len())].clone();
        }
        let either = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.as_array()?.first());
        if let Some(first) = either.filter(|_| schema.get("type").is_none()) {
            return self.value(first, name, die, depth + 1);
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            Some(kind) => kind.as_str(),
            None if schema.get("properties").is_some() => Some("object"),
            None => None,
        };
        match kind {
            Some("object") => self.object(schema, die, depth),
            Some("array") => self.list(schema, name, die, depth),
            Some("integer" | "number") => number(schema),
            Some("boolean") => json!(true),
            Some("null") => Value::Null,
            Some(_) | None => json!(self.text(name, schema, die)),
        }
    }

    fn object(&self, schema: &Value, die: &mut Die, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let written = properties
            .into_iter()
            .flatten()
            .map(|(name, inner)| (name.clone(), self.value(inner, name, die, depth + 1)));
        Value::Object(written.collect::<Map<_, _>>())
    }

    fn list(&self, schema: &Value, name: &str, die: &mut Die, depth: usize) -> Value {
        let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
        let (least, most) = (limit("minItems").unwrap_or(0), limit("maxItems").unwrap_or(ITEMS_MAX));
        // Deep lists stay short: a list of lists of lists would otherwise grow by a power.
        let room = if depth > 3 { ITEMS_USUAL } else { ITEMS_MAX };
        let count = ITEMS_USUAL.max(least).min(most).min(room);
        let inner = schema.get("items").unwrap_or(&Value::Null);
        (0..count).map(|_| self.value(inner, name, die, depth + 1)).collect()
    }

    fn text(&self, name: &str, schema: &Value, die: &mut Die) -> String {
        let subject = self.subject;
        let text = match name {
            "title" | "heading" | "subject" | "name" | "headline" => {
                let form = die.pick(&["A closer look at {}", "{}, in short", "What matters about {}"]);
                upper_first(&form.replace("{}", &clip(subject, 50)))
            }
            "email" => "hello@example.com".to_owned(),
            "url" | "link" => "https://example.com/".to_owned(),
            _ => {
                let open = die.pick(&["This is about {}.", "Here is the short version of {}.", "A few words on {}."]);
                let close = die.pick(&[
                    "It is easier than it looks.",
                    "One step at a time is enough.",
                    "A good start beats a perfect plan.",
                ]);
                format!("{} {close}", open.replace("{}", subject))
            }
        };
        let most = schema.get("maxLength").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let least =
            schema.get("minLength").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
        let mut text = most.map_or_else(|| text.clone(), |most| text.chars().take(most).collect());
        while text.chars().count() < least.min(10_000) {
            text.push_str(" And so on.");
        }
        text
    }
}

fn number(schema: &Value) -> Value {
    let limit = |key: &str| schema.get(key).filter(|limit| limit.is_number()).cloned();
    limit("minimum").or_else(|| limit("maximum")).unwrap_or(json!(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_has_the_shape_that_was_asked_for() {
        let schema = json!({"type": "object", "properties": {
            "subject": {"type": "string", "maxLength": 20},
            "tone": {"enum": ["warm"]},
            "score": {"type": "integer", "minimum": 4},
            "parts": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"$ref": "#/$defs/part"}},
        }, "$defs": {"part": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}});
        let value = instance(&schema, "bees", &mut Die::new(1));
        assert!(value["subject"].as_str().unwrap().chars().count() <= 20);
        assert_eq!((&value["tone"], &value["score"]), (&json!("warm"), &json!(4)));
        assert_eq!(value["parts"], json!([{"ok": true}, {"ok": true}]));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(instance(&schema, "loops", &mut Die::new(1)).to_string().len() < 2_000);
    }
}
