//! An answer's JSON Schema in the part of the language that Anthropic enforces. Pure. It takes away what Anthropic
//! answers with status 400 and writes it into the description, so the model can still heed it; it checks no answer.
//!
//! Source: platform.claude.com/docs, page "Structured outputs", section on limits (November 2026).

use serde_json::{Map, Value, json};

const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema as Anthropic takes it: objects closed, `oneOf` as `anyOf`, limits on size and range as words.
pub(crate) fn narrowed(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut out = Map::new();
    let mut notes = Vec::new();
    for (key, value) in fields {
        let kept = match key.as_str() {
            "properties" | "$defs" | "definitions" => Some((key.as_str(), narrowed_fields(value))),
            "items" => Some((key.as_str(), narrowed(value))),
            "anyOf" | "allOf" => Some((key.as_str(), narrowed_items(value))),
            "oneOf" => Some(("anyOf", narrowed_items(value))),
            "type" | "enum" | "const" | "default" | "title" | "description" | "required" | "$ref" => {
                Some((key.as_str(), value.clone()))
            }
            "format" if value.as_str().is_some_and(|name| FORMATS.contains(&name)) => {
                Some((key.as_str(), value.clone()))
            }
            "minItems" if matches!(value.as_u64(), Some(0 | 1)) => Some((key.as_str(), value.clone())),
            // A map of unknown keys cannot be enforced, and closing it would only allow the empty one. Anthropic's own
            // words about it are more use than an empty answer.
            "additionalProperties" if value.is_object() => Some((key.as_str(), value.clone())),
            "additionalProperties" | "$schema" | "$id" | "$comment" | "examples" => None,
            _ => {
                notes.push(format!("{key}: {value}"));
                None
            }
        };
        if let Some((key, value)) = kept {
            out.insert(key.to_owned(), value);
        }
    }
    if is_object(fields) {
        out.entry("additionalProperties").or_insert(json!(false));
    }
    if !notes.is_empty() {
        let said = out.get("description").and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
        out.insert("description".into(), format!("{said}{{{}}}", notes.join(", ")).into());
    }
    Value::Object(out)
}

fn is_object(fields: &Map<String, Value>) -> bool {
    let named = match fields.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    };
    named || fields.contains_key("properties")
}

fn narrowed_fields(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), narrowed(value))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value.clone(),
    }
}

fn narrowed_items(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(narrowed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_closed_and_limits_become_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["title"],
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 80, "description": "The headline."},
                "at": {"type": "string", "format": "date"},
                "color": {"type": "string", "format": "color"},
                "parts": {"type": "array", "minItems": 1, "maxItems": 9, "items": {"$ref": "#/$defs/part"}},
                "choice": {"oneOf": [{"type": "null"}, {"type": ["object", "null"], "properties": {}}]},
            },
            "$defs": {"part": {"type": "object", "additionalProperties": true, "properties": {}}},
        });
        let wanted = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["title"],
            "properties": {
                "title": {"type": "string", "description": "The headline. {maxLength: 80, minLength: 1}"},
                "at": {"type": "string", "format": "date"},
                "color": {"type": "string", "description": "{format: \"color\"}"},
                "parts": {
                    "type": "array", "minItems": 1, "items": {"$ref": "#/$defs/part"}, "description": "{maxItems: 9}",
                },
                "choice": {"anyOf": [
                    {"type": "null"},
                    {"type": ["object", "null"], "properties": {}, "additionalProperties": false},
                ]},
            },
            "$defs": {"part": {"type": "object", "additionalProperties": false, "properties": {}}},
        });
        assert_eq!(narrowed(&schema), wanted);
    }

    #[test]
    fn a_field_named_like_a_keyword_is_a_field() {
        let schema = json!({"type": "object", "properties": {"minLength": {"type": "integer"}}});
        assert_eq!(narrowed(&schema)["properties"], json!({"minLength": {"type": "integer"}}));
    }

    #[test]
    fn a_map_of_unknown_keys_is_left_for_anthropic_to_judge() {
        let schema = json!({"type": "object", "additionalProperties": {"type": "integer"}});
        assert_eq!(narrowed(&schema), schema);
    }

    #[test]
    fn a_schema_that_is_enforced_as_it_is_stays_as_it_is() {
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": {"enum": [1, null]}}});
        assert_eq!(narrowed(&schema), schema);
        assert_eq!(narrowed(&json!(true)), json!(true));
    }
}
