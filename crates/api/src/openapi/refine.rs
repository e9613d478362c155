//! What holds for every route and type by its shape or its name, put into the document in one place: `*_at` is an instant,
//! `draft_id` has the form of a draft's id, a field that may be null is always there, bodies take no unknown fields.

use super::{problems, words};
use crate::wire::links::BASE;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The largest rate of a price. Units: nano-dollars.
const RATE_MAX: i64 = copydesk_core::metering::price::RATE_MAX.0;
const REF: &str = "#/components/schemas/";
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// The word in `object` of a type, and the prefix of its own `id`.
const NOUNS: &[(&str, &str, &str)] = &[
    ("Attempt", "attempt", ""),
    ("DraftDiff", "diff", ""),
    ("Accepted", "generation", "gen"),
    ("Account", "account", ""),
    ("AuditReport", "audit", ""),
    ("Budget", "budget", "bud"),
    ("Bulk", "bulk", "blk"),
    ("BulkItem", "bulk_item", ""),
    ("BulkOutlook", "dry_run", ""),
    ("Call", "call", "cal"),
    ("DoctorReport", "doctor", ""),
    ("Draft", "draft", "drf"),
    ("DraftExport", "draft_export", ""),
    ("DryRunPlan", "dry_run", ""),
    ("DryRunRepeat", "dry_run", ""),
    ("Event", "event", ""),
    ("EventList", "list", ""),
    ("File", "file", "fil"),
    ("Generation", "generation", "gen"),
    ("GenerationWaiting", "why", ""),
    ("Job", "job", "job"),
    ("JobItem", "job_item", ""),
    ("JobOutlook", "dry_run", ""),
    ("JobRetried", "job", "job"),
    ("Key", "key", "key"),
    ("Invite", "invite", "lnk"),
    ("Lane", "lane", ""),
    ("Mail", "mail", "eml"),
    ("Mailing", "mailing", "mlg"),
    ("MailingOutlook", "dry_run", ""),
    ("Subscriber", "subscriber", "sub"),
    ("SubscriberListCount", "subscriber_list", ""),
    ("SubscriberImport", "subscriber_import", ""),
    ("Suppression", "suppression", "sup"),
    ("Model", "model", ""),
    ("ModelTest", "model_test", ""),
    ("Pack", "pack", ""),
    ("Posting", "posting", ""),
    ("EligibleProspects", "eligible_prospects", ""),
    ("ImportOutcome", "import_outcome", ""),
    ("DraftCounts", "draft_counts", ""),
    ("Feedback", "feedback", "fbk"),
    ("Profile", "profile", "prf"),
    ("Source", "source", "src"),
    ("SourceItem", "source_item", "itm"),
    ("SourceOutlook", "dry_run", ""),
    ("SourceFetch", "source_fetch", ""),
    ("Prospect", "prospect", "prs"),
    ("ProspectDraft", "", "drf"),
    ("ProspectImport", "prospect_import", "imp"),
    ("Provider", "provider", ""),
    ("TestClock", "test_clock", ""),
    ("TestFault", "test_fault", ""),
    ("Health", "health", ""),
    ("Promise", "promise", ""),
    ("PromiseRun", "promise_run", ""),
    ("ProviderDetails", "provider", ""),
    ("ProviderTest", "provider_test", ""),
    ("ProviderTestPlan", "dry_run", ""),
    ("Pruned", "pruned", ""),
    ("Readiness", "readiness", ""),
    ("Recipe", "recipe", ""),
    ("Schedule", "schedule", "sch"),
    ("ScheduleRun", "schedule_run", ""),
    ("ScheduleTimes", "schedule_times", ""),
    ("SetPrice", "price", ""),
    ("Settings", "settings", ""),
    ("Status", "status", ""),
    ("StreamToken", "stream_token", ""),
    ("Transfer", "transfer", "led"),
    ("UsageTotals", "usage", ""),
    ("Version", "version", ""),
    ("Asset", "", "ast"),
    ("Node", "", "nod"),
    ("OneTimeLink", "link", ""),
    ("Session", "session", ""),
    ("Setup", "setup", ""),
    ("SignIn", "sign_in", "sin"),
    ("User", "user", "usr"),
    ("SweptGeneration", "", "gen"),
    ("List", "list", ""),
    ("Worker", "worker", "nod"),
    ("Webhook", "webhook", "whk"),
    ("Delivery", "delivery", "msg"),
    ("Replay", "replay", ""),
];

/// The bodies about one generation, whose cost is in a header too (`costed.rs`).
const COSTED: [&str; 4] = ["Generation", "FinishedOrRehearsed", "TriedOrRehearsed", "ProvedOrRehearsed"];

/// The prefix of the id that a field of this name carries.
fn prefix(field: &str) -> Option<&'static str> {
    match field {
        "generation_id" | "live_generation_id" | "holder" => Some("gen"),
        "draft_id" => Some("drf"),
        "user_id" | "peer_id" => Some("usr"),
        "workspace_id" => Some("wsp"),
        "call_id" => Some("cal"),
        "replaced_by" | "key_id" => Some("key"),
        "webhook_id" => Some("whk"),
        _ => None,
    }
}

fn is_instant(field: &str) -> bool {
    field.ends_with("_at") || matches!(field, "at" | "idle_until" | "now" | "from" | "to" | "until" | "since")
}

/// Makes the document that leaves this crate out of what the macros wrote.
pub(super) fn refine(document: &mut Value) {
    name_lists(document);
    let read = bodies(document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        // Those of other systems have their own words.
        for (name, schema) in schemas.iter_mut().filter(|(name, _)| !name.starts_with("Compat")) {
            objects(schema, &mut |object| if read.contains(name) { strict(object) } else { whole(object) });
            noun(name, schema);
        }
    }
    require_bodies(document);
    conditional(document);
    let mut answers = Map::new();
    operations(document, |method, operation| {
        any_bytes(operation);
        never_null(operation);
        mark_answers(operation);
        problems::answer(method, operation, &mut answers);
    });
    document["components"]["responses"] = Value::Object(answers);
    if let Some(paths) = document["paths"].as_object_mut() {
        *paths = std::mem::take(paths).into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    }
}

fn operations(document: &mut Value, mut change: impl FnMut(&str, &mut Map<String, Value>)) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        for (method, operation) in item.iter_mut().filter(|(method, _)| METHODS.contains(&method.as_str())) {
            operation.as_object_mut().into_iter().for_each(|operation| change(method, operation));
        }
    }
}

/// What is of any type has no shape, either.
fn any_bytes(operation: &mut Map<String, Value>) {
    let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    let mut contents: Vec<&mut Value> = answers.filter_map(|answer| answer.pointer_mut("/content/*~1*")).collect();
    contents.iter_mut().for_each(|content| content["schema"] = json!({}));
    if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.pointer_mut("/content/*~1*")) {
        content["schema"] = json!({});
    }
}

/// A parameter that is not there is not null, and an empty one counts as not there.
fn never_null(operation: &mut Map<String, Value>) {
    let Some(Value::Array(params)) = operation.get_mut("parameters") else { return };
    for param in params.iter_mut().filter_map(Value::as_object_mut) {
        if param["in"] == "query" {
            param.insert("allowEmptyValue".to_owned(), true.into());
        }
        let Some(schema) = param.get_mut("schema") else { continue };
        if let Some(kind) = schema["type"].as_array().and_then(|kinds| kinds.first().cloned()) {
            schema["type"] = kind;
        }
        let branches = schema["oneOf"].as_array().cloned().unwrap_or_default();
        if let Some(alone) = branches.into_iter().find(|one| one["$ref"].is_string()) {
            *schema = alone;
        }
    }
}

/// `List_Draft`, as the macro calls the generic type, becomes `DraftList`, and what it lists has a name.
fn name_lists(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let names: Vec<String> = schemas.keys().filter_map(|name| name.strip_prefix("List_")).map(str::to_owned).collect();
    for name in names {
        let Some(mut list) = schemas.remove(&format!("List_{name}")) else { continue };
        let listed =
            std::mem::replace(&mut list["properties"]["data"]["items"], json!({ "$ref": format!("{REF}{name}") }));
        schemas.entry(name.clone()).or_insert(listed);
        schemas.insert(format!("{name}List"), list);
    }
    references(document, &mut |target| {
        if let Some(name) = target.strip_prefix(REF).and_then(|name| name.strip_prefix("List_")) {
            *target = format!("{REF}{name}List");
        }
    });
}

/// The schemas that are read from requests, with those inside them.
fn bodies(document: &mut Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = Vec::new();
    operations(document, |_, operation| {
        operation.get_mut("requestBody").into_iter().for_each(|body| references(body, &mut |to| todo.push(to.clone())));
    });
    while let Some(target) = todo.pop() {
        let name = target.trim_start_matches(REF).to_owned();
        if found.insert(name.clone()) {
            references(&mut document["components"]["schemas"][&name], &mut |to| todo.push(to.clone()));
        }
    }
    found
}

/// A body without required fields may be left out, because an empty one is an empty object; one that `file_id` can stand for, too.
fn require_bodies(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    operations(document, |_, operation| {
        let params = operation.get("parameters").and_then(Value::as_array);
        let by_id = params.is_some_and(|params| params.iter().any(|param| param["name"] == "file_id"));
        let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) else { return };
        // A body that is a file, unless the file is here already.
        if body["content"].get("application/json").is_none() {
            body.insert("required".to_owned(), (!by_id).into());
            return;
        }
        let schema = &mut body["content"]["application/json"]["schema"];
        // `Option<T>` is how a handler says so; null itself is no body.
        if let Some(alone) = schema["oneOf"].as_array().and_then(|any| any.iter().find(|one| one["$ref"].is_string())) {
            *schema = alone.clone();
        }
        let name = schema["$ref"].as_str().unwrap_or_default().trim_start_matches(REF);
        let required = schemas[name]["required"].as_array().is_some_and(|fields| !fields.is_empty());
        body.insert("required".to_owned(), required.into());
    });
}

/// Every answer in JSON to a GET below the base has a tag, and is asked for by it.
fn conditional(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for item in paths.iter_mut().filter(|(path, _)| path.starts_with(BASE)).map(|(_, item)| item) {
        let Some(operation) = item.get_mut("get").and_then(Value::as_object_mut) else { continue };
        if operation["responses"]["200"]["content"].get("application/json").is_none() {
            continue;
        }
        let params = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(params) = params.as_array_mut().filter(|all| all.iter().all(|one| one["name"] != "If-None-Match")) {
            let description = "`ETag`s that the caller has already; the answer is then 304 without a body.";
            params.push(json!({
                "name": "If-None-Match", "in": "header", "description": description, "schema": { "type": "string" },
            }));
        }
        if let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            answers.entry("304").or_insert_with(|| json!({ "description": "You have it already." }));
        }
    }
}

fn noun(name: &str, schema: &mut Value) {
    let name = if name.ends_with("List") && name != "EventList" { "List" } else { name };
    let Some((_, word, prefix)) = NOUNS.iter().find(|(component, _, _)| *component == name) else { return };
    objects(schema, &mut |object| {
        let Some(fields) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
        if let Some(field) = fields.get_mut("object").filter(|_| !word.is_empty()) {
            *field = json!({ "type": "string", "const": word });
        }
        if let Some(field) = fields.get_mut("id").filter(|_| !prefix.is_empty()) {
            field["pattern"] = id_pattern(prefix);
        }
    });
}

fn id_pattern(prefix: &str) -> Value {
    format!("^{}$", words::id(prefix)).into()
}

/// A request's object: whatever is not named is refused, and null counts as absent.
fn strict(object: &mut Value) {
    for (_, rate) in object
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.ends_with("_nanousd"))
    {
        rate["minimum"] = 0.into();
        rate["maximum"] = RATE_MAX.into();
    }
    object["additionalProperties"] = false.into();
}

/// An answer's object: what may be null is there all the same; what may be missing is never null.
fn whole(object: &mut Value) {
    let mut required: BTreeSet<String> = object["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let Some(fields) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, schema) in fields.iter_mut() {
        if may_be_null(schema) {
            required.insert(name.clone());
        }
        let is_text = schema["type"] == "string" || schema["type"].as_array().is_some_and(|all| all[0] == "string");
        if !is_text {
            continue;
        }
        if is_instant(name) {
            schema["format"] = "date-time".into();
        } else if name == "uuid" || name.ends_with("_uuid") {
            schema["format"] = "uuid".into();
        } else if let Some(prefix) = prefix(name) {
            schema["pattern"] = id_pattern(prefix);
        }
    }
    if !required.is_empty() {
        object["required"] = json!(required);
    }
}

fn may_be_null(schema: &Value) -> bool {
    let listed = |list: &Value| list.as_array().is_some_and(|all| all.iter().any(|one| one == "null"));
    let branches = schema["oneOf"].as_array();
    listed(&schema["type"]) || branches.is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
}

/// The schema itself and the parts of an `allOf`, each of which describes some fields of one object.
fn objects(schema: &mut Value, change: &mut impl FnMut(&mut Value)) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(parts)) = members.get_mut("allOf") {
        parts.iter_mut().filter(|part| part.get("properties").is_some()).for_each(&mut *change);
    }
    if members.get("type").is_some_and(|kind| kind == "object") {
        change(schema);
    }
}

/// The headers that follow from what an operation is: each answer carries the request's id, a page the address of the
/// next one, an answer to a request for work where it is to be found.
fn mark_answers(operation: &mut Map<String, Value>) {
    let named = |name: &str| {
        let params = operation.get("parameters").and_then(Value::as_array);
        params.is_some_and(|params| params.iter().any(|param| param["name"] == name))
    };
    let (paged, work) = (named("cursor") || named("limit"), named("Prefer"));
    let succeeded = problems::is_compatible(operation);
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, answer) in answers.iter_mut() {
        let mut headers = vec![("X-Request-Id", "XRequestId")];
        if succeeded {
            headers.push(("Link", "Successor"));
        } else if status == "200" && paged {
            headers.push(("Link", "Link"));
        }
        if matches!(status.as_str(), "200" | "202") && work {
            headers.extend([
                ("Location", "Location"),
                ("Idempotent-Replayed", "IdempotentReplayed"),
                ("Preference-Applied", "PreferenceApplied"),
            ]);
        }
        if status == "200" && COSTED.iter().any(|name| body_of(answer) == format!("{REF}{name}")) {
            headers.push(("Copydesk-Cost", "CopydeskCost"));
        }
        if status == "202" {
            headers.push(("Retry-After", "RetryAfter"));
            answer["links"] = links();
        }
        for (name, component) in headers {
            answer["headers"][name] = json!({ "$ref": format!("#/components/headers/{component}") });
        }
    }
}

/// What an answer's body is.
fn body_of(answer: &Value) -> &str {
    answer["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default()
}

/// Where the ids of an accepted request lead.
fn links() -> Value {
    let generation =
        ["getGeneration", "getGenerationWaiting", "listGenerationCalls", "cancelGeneration", "retryGeneration"];
    let draft = ["getDraft", "listDraftVersions", "updateDraft", "regenerateDraft", "publishDraft", "deleteDraft"];
    let link = |name: &str, id: &str| {
        let to = json!({ "operationId": name, "parameters": { "id": format!("$response.body#/{id}") } });
        (name.to_owned(), to)
    };
    let all = generation.iter().map(|name| link(name, "id")).chain(draft.iter().map(|name| link(name, "draft_id")));
    Value::Object(all.collect())
}

fn references(value: &mut Value, each: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                each(target);
            }
            members.values_mut().for_each(|member| references(member, each));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| references(item, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
