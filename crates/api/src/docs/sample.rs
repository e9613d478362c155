//! A made-up value for a schema: what an answer looks like. Only what is always there, and fixed for ever, so that the page
//! changes only when the API does.

use serde_json::{Map, Value, json};

/// Deeper than this nothing is shown.
const DEPTH_MAX: u32 = 5;
const TIME: &str = "2026-01-31T08:00:00.000000Z";
const UUID: &str = "019c1234-5678-7abc-8def-0123456789ab";
const DIGITS: &str = "01kg938nkrfay8vvr14d2pf4db";

pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    value(document, schema, 0)
}

fn value(document: &Value, schema: &Value, depth: u32) -> Value {
    if let Some(target) = schema["$ref"].as_str() {
        return document.pointer(target.trim_start_matches('#')).map_or(Value::Null, |to| value(document, to, depth));
    }
    if let Some(known) = schema.get("const").or_else(|| schema.get("example")).or_else(|| schema["enum"].get(0)) {
        return known.clone();
    }
    let branch = |list: &str| schema[list].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
    if let Some(parts) = schema["allOf"].as_array() {
        return merged(document, parts, schema, depth);
    }
    if let Some(one) = branch("oneOf").or_else(|| branch("anyOf")) {
        return value(document, one, depth);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str)).unwrap_or("object");
    match kind {
        "string" => text(schema),
        "integer" | "number" => json!(schema["minimum"].as_i64().unwrap_or(0).max(1)),
        "boolean" => json!(false),
        "array" if depth < DEPTH_MAX => json!([value(document, &schema["items"], depth + 1)]),
        "array" => json!([]),
        "null" => Value::Null,
        _ => object(document, schema, depth),
    }
}

fn merged(document: &Value, parts: &[Value], schema: &Value, depth: u32) -> Value {
    let all = parts.iter().chain([schema].into_iter().filter(|own| own["properties"].is_object()));
    let mut members = Map::new();
    for part in all {
        let part = match part.get("allOf") {
            Some(_) if std::ptr::eq(part, schema) => object(document, part, depth),
            Some(_) | None => value(document, part, depth),
        };
        members.extend(part.as_object().cloned().unwrap_or_default());
    }
    Value::Object(members)
}

fn object(document: &Value, schema: &Value, depth: u32) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    let shown = fields.filter(|(name, _)| required.contains(&name.as_str()) && depth < DEPTH_MAX);
    Value::Object(shown.map(|(name, field)| (name.clone(), value(document, field, depth + 1))).collect())
}

fn text(schema: &Value) -> Value {
    let prefix = schema["pattern"]
        .as_str()
        .and_then(|pattern| pattern.strip_prefix('^')?.split_once("_[0-7]").map(|(prefix, _)| prefix));
    match (schema["format"].as_str(), prefix) {
        (Some("date-time"), _) => json!(TIME),
        (Some("uuid"), _) => json!(UUID),
        (_, Some(prefix)) => json!(format!("{prefix}_{DIGITS}")),
        (_, None) => json!("..."),
    }
}
