//! Schemas as people read them: the fields of an object with their types, and the list of all types.

use super::escaped;
use super::markdown::inline;
use serde_json::Value;

const REF: &str = "#/components/schemas/";

/// The type in words, with links to the types that have a name.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix(REF)) {
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    for list in ["oneOf", "anyOf"] {
        if let Some(branches) = schema[list].as_array() {
            return branches.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(fixed) = schema.get("const") {
        return format!("<code>{}</code>", escaped(&fixed.to_string()));
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let words = match &schema["type"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec!["any value"],
    };
    let format = schema["format"].as_str().filter(|format| matches!(*format, "date-time" | "uuid"));
    let mut said = words.join(" or ");
    if let Some(format) = format {
        said = said.replace("string", format);
    }
    said
}

/// What a value must also be.
pub(super) fn limits(schema: &Value) -> String {
    let number = |name: &str| schema[name].as_i64();
    let mut said = Vec::new();
    match (number("minimum"), number("maximum")) {
        (Some(0), None) | (None, None) => {}
        (Some(least), Some(most)) => said.push(format!("{least} to {most}")),
        (Some(least), None) => said.push(format!("at least {least}")),
        (None, Some(most)) => said.push(format!("at most {most}")),
    }
    if let Some(most) = number("maxLength") {
        said.push(format!("at most {most} characters"));
    }
    if let Some(usual) = schema.get("default").filter(|usual| !usual.is_null()) {
        said.push(format!("default <code>{}</code>", escaped(&usual.to_string())));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str).map(|word| format!("<code>{}</code>", escaped(word)));
        said.push(words.collect::<Vec<_>>().join(" "));
    }
    if said.is_empty() { String::new() } else { format!("<p class=\"limits\">{}</p>", said.join(" &middot; ")) }
}

/// One thing with a name: a field, a parameter, a header.
pub(super) fn entry(name: &str, schema: &Value, must: bool, said: &str) -> String {
    let must = if must { "<span class=\"tag must\">required</span>" } else { "" };
    let said = if said.is_empty() { String::new() } else { format!("<p>{}</p>", inline(said)) };
    format!(
        "<div class=\"entry\"><dt><code>{}</code> <span class=\"kind\">{}</span>{must}</dt><dd>{said}{}</dd></div>\n",
        escaped(name),
        kind(schema),
        limits(schema),
    )
}

/// The fields of an object, those that must be there first.
pub(super) fn fields(document: &Value, schema: &Value, request: bool) -> String {
    let mut all = Vec::new();
    gather(document, schema, &mut all);
    all.sort_by_key(|(name, _, must)| (!(request && *must), name.clone()));
    let entries = all.iter().map(|(name, field, must)| {
        let said = field["description"].as_str().or_else(|| branch(field)?["description"].as_str()).unwrap_or_default();
        // In an answer nearly everything is always there; what may be missing is said instead.
        let optional = if request || *must { "" } else { "Not always there. " };
        entry(name, field, request && *must, &format!("{optional}{said}"))
    });
    let entries: String = entries.collect();
    if entries.is_empty() { String::new() } else { format!("<dl>{entries}</dl>\n") }
}

fn branch(field: &Value) -> Option<&Value> {
    field["oneOf"].as_array()?.iter().find(|one| one["type"] != "null")
}

fn gather(document: &Value, schema: &Value, all: &mut Vec<(String, Value, bool)>) {
    if let Some(target) = schema["$ref"].as_str() {
        if let Some(to) = document.pointer(target.trim_start_matches('#')) {
            gather(document, to, all);
        }
        return;
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(document, part, all);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let must = required.iter().any(|word| word == name);
        all.push((name.clone(), field.clone(), must));
    }
}

/// Every type with a name.
pub(super) fn types(document: &Value) -> String {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let one = |(name, schema): (&String, &Value)| {
        let said = schema["description"].as_str().map(|said| format!("<p>{}</p>", inline(said))).unwrap_or_default();
        let request = schema["additionalProperties"] == false;
        let fields = fields(document, schema, request);
        let plain = if fields.is_empty() {
            let pattern = schema["pattern"].as_str();
            let pattern = pattern.map(|text| format!("<p class=\"limits\"><code>{}</code></p>", escaped(text)));
            format!("<p>{}</p>{}{}", kind(schema), limits(schema), pattern.unwrap_or_default())
        } else {
            fields
        };
        format!("<section class=\"type\" id=\"type-{name}\"><h3>{name}</h3>{said}{plain}</section>\n")
    };
    schemas.map(one).collect()
}
