//! Every answer in these tests is held against the OpenAPI document: its status is documented for the route, its
//! content type too, its body fits the schema and has no field that the document does not know.

use crate::site::Reply;
use copydesk_api::compat::CompatSettings;
use copydesk_api::document;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;

const SCHEMAS: &str = "#/components/schemas/";

/// The document, made once.
pub fn spec() -> &'static Value {
    static SPEC: OnceLock<Value> = OnceLock::new();
    SPEC.get_or_init(|| document(crate::site::PUBLIC_URL, &CompatSettings::default()))
}

/// The paths of the document with the operations below them.
pub fn paths() -> impl Iterator<Item = (&'static String, &'static Map<String, Value>)> {
    spec()["paths"].as_object().unwrap().iter().map(|(path, item)| (path, item.as_object().unwrap()))
}

/// Every operation with its method (lower case) and path.
pub fn operations() -> impl Iterator<Item = (&'static String, &'static String, &'static Value)> {
    paths().flat_map(|(path, item)| item.iter().map(move |(method, operation)| (method, path, operation)))
}

/// A path with something in its slots.
pub fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
}

/// What a `$ref` stands for.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(target) => spec().pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target} is nothing")),
        None => value,
    }
}

/// The documented path that a request's path falls under: the one with the most fixed segments.
pub fn path_of(path: &str) -> Option<&'static String> {
    let given: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let rest = template.ends_with("/{model}") && given.len() > wanted.len();
        let matches = wanted.iter().zip(&given).all(|(want, have)| want.starts_with('{') || want == have);
        matches && (wanted.len() == given.len() || rest)
    };
    let fixed = |template: &str| template.split('/').filter(|segment| !segment.starts_with('{')).count();
    paths().map(|(path, _)| path).filter(|template| fits(template)).max_by_key(|template| fixed(template))
}

/// Holds an answer against the document. Paths that are not in it, and methods a path does not know, are no operations.
pub fn check(method: &str, uri: &str, reply: &Reply) {
    let path = uri.split('?').next().unwrap_or_default();
    let head = method == "HEAD";
    let verb = if head { "get".to_owned() } else { method.to_lowercase() };
    let Some(template) = path_of(path) else { return };
    let Some(operation) = spec()["paths"][template].get(&verb) else { return };
    // Other systems' addresses may be elsewhere, or switched off.
    if !template.starts_with("/api/v1") && reply.status == 404 && text(reply).contains("There is nothing at") {
        return;
    }
    let of = format!("{method} {uri} -> {}", reply.status);
    assert!(!reply.header("x-request-id").is_empty(), "{of}: no request id");
    let answer = operation["responses"].get(reply.status.to_string());
    let answer = resolved(answer.unwrap_or_else(|| panic!("{of}: not documented: {}", text(reply))));
    let content = answer.get("content").and_then(Value::as_object);
    let Some(content) = content.filter(|_| !head) else {
        assert!(reply.bytes.is_empty(), "{of}: a body that is not documented");
        return;
    };
    let kind = reply.header("content-type").split(';').next().unwrap_or_default();
    let described = content.get(kind).or_else(|| content.get("*/*"));
    let described = described.unwrap_or_else(|| panic!("{of}: {kind:?} is not documented"));
    if kind.ends_with("json") && !kind.ends_with("ndjson") {
        let faults = faults(&described["schema"], &reply.json());
        assert!(faults.is_empty(), "{of}: {}\n{}", faults.join("\n"), text(reply));
        assert_eq!(reply.header("copydesk-cost"), cost_header(&reply.json()), "{of}");
    }
}

/// What the header `Copydesk-Cost` says of a body: what its `cost` says, where it is about one generation.
fn cost_header(body: &Value) -> String {
    let body = if body["object"] == "provider_test" { &body["call"] } else { body };
    let about_one = ["generation", "model_test"].iter().any(|object| body["object"] == *object);
    let status = body["cost"]["status"].as_str().filter(|_| about_one);
    let figure = body["cost"]["nanousd"].as_i64().map(|nanousd| format!("nanousd={nanousd}, ")).unwrap_or_default();
    status.map_or_else(String::new, |status| format!("{figure}status={status}"))
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.bytes).into_owned()
}

/// What is wrong with a value by a schema of the document.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    validator(schema).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn validator(schema: &Value) -> Validator {
    let closed = closed_components();
    let root = json!({ "components": { "schemas": closed }, "allOf": [schema] });
    jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap()
}

/// The schemas, with the fields nobody described forbidden. A client must bear a new field; these tests must see it.
fn closed_components() -> &'static Value {
    static CLOSED: OnceLock<Value> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let mut schemas = spec()["components"]["schemas"].clone();
        let mut parts = BTreeSet::from(["Problem".to_owned()]);
        for schema in schemas.as_object().unwrap().values() {
            let all = schema["allOf"].as_array().into_iter().flatten();
            parts.extend(all.filter_map(|part| part["$ref"].as_str()).map(|target| target.replace(SCHEMAS, "")));
        }
        for (_, schema) in schemas.as_object_mut().unwrap().iter_mut().filter(|(name, _)| !parts.contains(*name)) {
            if schema.get("allOf").is_some() || schema.get("properties").is_some() {
                schema["unevaluatedProperties"] = false.into();
            }
        }
        schemas
    })
}
