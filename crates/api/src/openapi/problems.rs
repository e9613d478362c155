//! Which problems a route can answer. A handler names its own codes in `x-problems`; what follows from its shape - it asks
//! for a key, reads a body, writes - is added here, once for all routes, and becomes answers by status.

use crate::error::Code;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The extension a handler names its codes in; it does not leave this crate.
pub(crate) const PROBLEMS: &str = "x-problems";

/// In the document, on what acts on the whole installation: it needs a key of the default workspace.
pub(crate) const OPERATORS: &str = "x-operator";

/// Every route.
const EVERY: &[Code] = &[
    Code::MethodNotAllowed,
    Code::BadHeader,
    Code::UnknownHost,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::TooManyConnections,
    Code::Internal,
];
/// A route that asks for a key: the key itself may be wrong, and it is looked up in the database.
const KEYED: &[Code] = &[
    Code::MissingKey,
    Code::InvalidKey,
    Code::ExpiredKey,
    Code::RevokedKey,
    Code::SessionEnded,
    Code::ScopeMissing,
    Code::RateLimited,
    Code::KeyInQuery,
    Code::StorageUnavailable,
    Code::SchemaMismatch,
];
/// A route that writes for whoever is signed in.
const BY_COOKIE: &[Code] = &[Code::CsrfFailed];
/// A route that writes.
const WRITING: &[Code] = &[Code::OutcomeUnknown, Code::StorageFull];
/// A route that reads a body.
const BODY: &[Code] = &[Code::MalformedJson, Code::TooLarge, Code::UnsupportedMediaType, Code::ValidationFailed];
/// A route with query parameters.
const QUERY: &[Code] = &[Code::ValidationFailed];
/// A list with pages.
const PAGED: &[Code] = &[Code::BadCursor];
/// A route with something in its path.
const PATH: &[Code] = &[Code::NotFound];

/// A route that only operators may use.
pub(crate) const OPERATOR: &[Code] = &[Code::ScopeMissing];
/// A request for work: a generation, a regeneration, a new try.
pub(crate) const WORK: &[Code] = &[
    Code::RecipeNotFound,
    Code::ModelNotFound,
    Code::RecipeNotAllowed,
    Code::ModelNotAllowed,
    Code::NotFound,
    Code::InsufficientCredits,
    Code::BudgetExceeded,
    Code::UnpricedModelWithBudget,
    Code::GenerationPaused,
    Code::DraftPublished,
    Code::DraftBusy,
    Code::UnpricedModel,
    Code::ValidationFailed,
    Code::IdempotencyKeyReused,
    Code::QueueFull,
    Code::Draining,
];
/// A change of a draft that may name its revision.
pub(crate) const CHANGE: &[Code] = &[Code::VersionConflict, Code::DraftPublished, Code::DraftBusy, Code::DraftEmpty];
/// A posting of credits by hand.
pub(crate) const POSTING: &[Code] = &[
    Code::CreditsOff,
    Code::NotFound,
    Code::InsufficientCredits,
    Code::AmountTooLarge,
    Code::AmountZero,
    Code::ReferenceReused,
    Code::IdempotencyKeyReused,
];

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Puts the problems of one operation among its answers. `shared` is where the answers themselves go: many operations say
/// no in the same words.
pub(crate) fn answer(method: &str, operation: &mut Map<String, Value>, shared: &mut Map<String, Value>) {
    let mut codes = own(operation.remove(PROBLEMS).as_ref());
    if OPERATOR.iter().all(|code| codes.contains(code.as_str())) {
        operation.insert(OPERATORS.to_owned(), true.into());
    }
    let params = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let has = |place: &str| params.iter().any(|param| param["in"] == place);
    let cases = [
        (true, EVERY),
        (operation.get("security").is_none(), KEYED),
        (!matches!(method, "get" | "head") && operation.get("security").is_none(), BY_COOKIE),
        (!matches!(method, "get" | "head"), WRITING),
        (operation.contains_key("requestBody"), BODY),
        (has("query"), QUERY),
        (params.iter().any(|param| param["name"] == "cursor"), PAGED),
        (has("path"), PATH),
    ];
    for (_, some) in cases.into_iter().filter(|(applies, _)| *applies) {
        codes.extend(some.iter().map(|code| code.as_str()));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes.into_iter().filter_map(Code::parse) {
        by_status.entry(code.facts().status).or_default().push(code);
    }
    let succeeded = is_compatible(operation);
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, codes) in by_status {
        let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let name = format!("{}{status}-{}", if succeeded { "compat-" } else { "" }, words.join("-"));
        // A route that says no in another system's words has described that.
        if answers.contains_key(&status.to_string()) {
            continue;
        }
        answers.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        shared.entry(name).or_insert_with(|| {
            let mut answer = problem(status, &codes);
            if succeeded {
                answer["headers"]["Link"] = json!({ "$ref": "#/components/headers/Successor" });
            }
            answer
        });
    }
}

/// Whether it is an address of another system, whose every answer names the native one.
pub(super) fn is_compatible(operation: &Map<String, Value>) -> bool {
    operation.get("tags").is_some_and(|tags| tags[0] == "compatibility")
}

/// The words in nested lists.
fn own(value: Option<&Value>) -> BTreeSet<&'static str> {
    match value {
        Some(Value::String(word)) => Code::parse(word).map(Code::as_str).into_iter().collect(),
        Some(Value::Array(items)) => items.iter().flat_map(|item| own(Some(item))).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => BTreeSet::new(),
    }
}

fn problem(status: u16, codes: &[Code]) -> Value {
    let sentences: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.facts().title)).collect();
    let mut headers = json!({
        "X-Request-Id": { "$ref": "#/components/headers/XRequestId" },
        "X-Should-Retry": { "$ref": "#/components/headers/XShouldRetry" },
    });
    if matches!(status, 429 | 503) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
    }
    if status == 401 {
        headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/WwwAuthenticate" });
    }
    json!({
        "description": sentences.join(" "),
        "headers": headers,
        "content": { "application/problem+json": { "schema": {
            "allOf": [{ "$ref": "#/components/schemas/Problem" }],
            "properties": { "code": { "enum": codes }, "status": { "const": status } },
        } } },
    })
}

/// The schema of every problem.
pub(crate) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let codes = crate::error::codes();
    json!({
        "type": "object",
        "description": "How this API says no (RFC 9457). Some codes carry further members, such as `current`.",
        "required": [
            "type", "title", "status", "detail", "code", "hint", "retryable", "errors", "request_id", "doc_url", "error"
        ],
        "properties": {
            "type": { "type": "string", "description": "The address of the code's page." },
            "title": text,
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What happened." },
            "code": { "type": "string", "enum": codes, "description": "Stable for ever: what programs look at." },
            "hint": { "type": ["string", "null"], "description": "What to do." },
            "retryable": { "type": "boolean", "description": "Whether the same request may succeed unchanged." },
            "errors": { "type": "array", "items": { "$ref": "#/components/schemas/Fault" } },
            "request_id": { "type": "string", "description": "Also in the header `X-Request-Id` and in the log." },
            "doc_url": text,
            "error": {
                "type": "object",
                "description": "The same for clients that look where OpenAI's API has it.",
                "required": ["message", "type", "param", "code"],
                "properties": { "message": text, "type": text, "param": maybe, "code": text },
            },
        },
    })
}

/// One thing that is wrong with a request.
pub(crate) fn fault() -> Value {
    json!({
        "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {
                "type": "string",
                "description": "Where: a JSON pointer into the body, or `?name` for a parameter of the address.",
            },
            "code": { "type": "string", "description": "Such as `unknown_field`, `required`, `out_of_range`." },
            "detail": { "type": "string" },
        },
    })
}
