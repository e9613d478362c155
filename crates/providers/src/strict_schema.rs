//! Which JSON Schemas OpenAI takes with `strict`. With it the answer is bound to the schema token by token; a schema
//! outside the subset is refused as a whole (400). So `strict` is sent only where the schema is surely inside, and left
//! out (OpenAI's own default: false, the schema is then a hint) everywhere else. Pure; it never changes a schema.
//!
//! Source: OpenAI, "Structured Outputs", supported schemas (November 2026): every object closed and all its properties
//! required, no alternatives at the root, a list of keywords, and limits on depth and size.

use serde_json::{Map, Value};

/// Keywords of the subset. What is not here (`allOf`, `not`, `default`, `if` and others) is not strict.
const KEYWORDS: [&str; 23] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
const DEPTH_MAX: usize = 10;
const PROPERTIES_MAX: usize = 5_000;
const ENUM_VALUES_MAX: usize = 1_000;
/// All names, enum values and constants together. Units: bytes, where OpenAI counts characters.
const NAMES_BYTES_MAX: usize = 120_000;

/// Adds `strict` to a chat request whose schema allows it.
pub(crate) fn make_strict_where_allowed(body: &mut Value) {
    if let Some(Value::Object(format)) = body.pointer_mut("/response_format/json_schema")
        && format.get("schema").is_some_and(allows_strict)
    {
        format.insert("strict".into(), true.into());
    }
}

/// Whether OpenAI surely takes this schema with `strict`.
pub(crate) fn allows_strict(schema: &Value) -> bool {
    let mut walk = Walk::default();
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    is_object && schema.get("anyOf").is_none() && walk.schema(schema, 1) && walk.is_small()
}

#[derive(Default)]
struct Walk {
    properties: usize,
    enum_values: usize,
    names_bytes: usize,
}

impl Walk {
    fn is_small(&self) -> bool {
        self.properties <= PROPERTIES_MAX && self.enum_values <= ENUM_VALUES_MAX && self.names_bytes <= NAMES_BYTES_MAX
    }

    fn schema(&mut self, schema: &Value, depth: usize) -> bool {
        let Some(fields) = schema.as_object() else { return false };
        let says_something = ["type", "anyOf", "$ref", "enum", "const"].iter().any(|key| fields.contains_key(*key));
        depth <= DEPTH_MAX
            && says_something
            && fields.keys().all(|key| KEYWORDS.contains(&key.as_str()))
            && fields.get("$ref").is_none_or(is_local)
            && self.values(fields)
            && self.object(fields, depth)
            && fields.get("items").is_none_or(|items| self.schema(items, depth + 1))
            && self.alternatives(fields, depth)
            && ["$defs", "definitions"].iter().all(|key| self.named(fields.get(*key), depth))
    }

    /// A closed object with all its properties required.
    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> bool {
        let is_object = match fields.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => return false,
            None => false,
        };
        if !is_object {
            return !fields.contains_key("properties");
        }
        let Some(properties) = fields.get("properties").and_then(Value::as_object) else { return false };
        let required = fields.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_required = |name: &String| required.iter().any(|word| word.as_str() == Some(name));
        fields.get("additionalProperties") == Some(&Value::Bool(false))
            && required.len() == properties.len()
            && properties.keys().all(is_required)
            && self.named(fields.get("properties"), depth)
    }

    fn named(&mut self, schemas: Option<&Value>, depth: usize) -> bool {
        let Some(schemas) = schemas else { return true };
        let Some(schemas) = schemas.as_object() else { return false };
        self.properties += schemas.len();
        self.names_bytes += schemas.keys().map(String::len).sum::<usize>();
        schemas.values().all(|schema| self.schema(schema, depth + 1))
    }

    fn alternatives(&mut self, fields: &Map<String, Value>, depth: usize) -> bool {
        match fields.get("anyOf") {
            Some(Value::Array(schemas)) => !schemas.is_empty() && schemas.iter().all(|s| self.schema(s, depth + 1)),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => false,
            None => true,
        }
    }

    fn values(&mut self, fields: &Map<String, Value>) -> bool {
        let values = fields.get("enum").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        self.enum_values += values.len();
        let texts = values.iter().chain(fields.get("const")).filter_map(Value::as_str);
        self.names_bytes += texts.map(str::len).sum::<usize>();
        fields.get("enum").is_none_or(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    }
}

fn is_local(reference: &Value) -> bool {
    reference
        .as_str()
        .is_some_and(|text| text == "#" || text.starts_with("#/$defs/") || text.starts_with("#/definitions/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn closed(properties: Value) -> Value {
        let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
        json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
    }

    #[test]
    fn a_closed_object_with_everything_required_is_strict_at_every_depth() {
        let inner = closed(json!({"size": {"type": ["string", "null"], "enum": ["S", null]}}));
        let schema = closed(json!({
            "title": {"type": "string", "description": "one line", "pattern": "^[a-z]+$"},
            "parts": {"type": "array", "items": inner, "minItems": 1},
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        }));
        assert!(allows_strict(&schema));
        assert!(allows_strict(&closed(json!({}))));
    }

    #[test]
    fn every_output_form_asks_for_a_shape_that_can_be_strict() {
        for form in copydesk_core::recipe::OutputForm::ALL {
            let shape = form.shape();
            assert!(shape.schema().is_none_or(allows_strict), "{form:?}");
            assert_eq!(form.is_json(), shape.schema().is_some());
        }
    }

    #[test]
    fn what_openai_would_refuse_is_not_sent_as_strict() {
        let open = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let optional = json!({"type": "object", "additionalProperties": false, "required": [],
            "properties": {"a": {"type": "string"}}});
        let cases = [
            json!({"type": "object"}),
            json!({"type": "array", "items": {"type": "string"}}),
            json!("text"),
            json!(null),
            open.clone(),
            optional,
            closed(json!({"a": open})),
            closed(json!({"a": {}})),
            closed(json!({"a": {"type": "string", "default": "x"}})),
            closed(json!({"a": {"allOf": [{"type": "string"}]}})),
            closed(json!({"a": {"$ref": "https://example.com/schema.json"}})),
            closed(json!({"a": {"type": "array", "items": true}})),
            closed(json!({"a": {"type": "string", "enum": []}})),
        ];
        for schema in cases {
            assert!(!allows_strict(&schema), "{schema}");
        }
        let mut alternatives = closed(json!({}));
        alternatives["anyOf"] = json!([{"type": "object"}]);
        assert!(!allows_strict(&alternatives));
    }

    #[test]
    fn a_schema_over_the_limits_is_not_strict() {
        let mut deep = json!({"type": "string"});
        for _ in 0..DEPTH_MAX {
            deep = closed(json!({"a": deep}));
        }
        assert!(!allows_strict(&deep));
        let words: Vec<String> = (0..=ENUM_VALUES_MAX).map(|number| number.to_string()).collect();
        assert!(!allows_strict(&closed(json!({"a": {"type": "string", "enum": words}}))));
    }

    #[test]
    fn strict_is_added_only_where_there_is_a_schema_that_allows_it() {
        let mut body = json!({"response_format": {"json_schema": {"name": "answer", "schema": closed(json!({}))}}});
        make_strict_where_allowed(&mut body);
        assert_eq!(body.pointer("/response_format/json_schema/strict"), Some(&json!(true)));
        let mut open = json!({"response_format": {"json_schema": {"name": "answer", "schema": {"type": "object"}}}});
        let before = open.clone();
        make_strict_where_allowed(&mut open);
        assert_eq!(open, before);
        let mut none = json!({"model": "m"});
        make_strict_where_allowed(&mut none);
        assert_eq!(none, json!({"model": "m"}));
    }
}
