//! fal's queue as values: where a request is queued, what an answer says about it, and what its errors mean. Pure
//! functions; it never sends or waits.
//!
//! Source: fal.ai/docs, "Queue API", "Model errors" and "Request errors" (read November 2026).

use std::borrow::Cow;
use std::fmt::Write;

use reqwest::Url;
use serde_json::{Map, Value};

use crate::error::{ErrorClass, ProviderError, TimeoutPhase};
use crate::error_text::{ErrorText, describe};
use crate::media::{AssetRef, JobRef, Progress};
use crate::media_job::{add, input, is_address, is_segment, not_a_job, unreadable};
use crate::provider::Part;

/// The longest address of an app below its host.
const SEGMENTS_MAX: usize = 6;
/// The longest id of a request; they are UUIDs.
const ID_BYTES_MAX: usize = 64;
/// Behind the id in a job's name: the request is completed, and its result is what is left to read.
const RESULT: &str = "result";
/// How many of a list of complaints are told.
const COMPLAINTS_MAX: usize = 3;

/// A request in the queue, as its [`JobRef`] names it: `APP|ID`, and `APP|ID|result` once it is completed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Queued {
    /// The app without the path of the endpoint within it: `fal-ai/flux` for the model `fal-ai/flux/dev`.
    pub app: String,
    pub id: String,
    pub is_completed: bool,
}

impl Queued {
    /// Errors: `Misconfigured` - nothing in this queue is called that.
    pub fn parse(job: &JobRef) -> Result<Queued, ProviderError> {
        let mut parts = job.0.split('|');
        let (app, id, stage) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let is_known = matches!(stage, None | Some(RESULT)) && parts.next().is_none();
        if !is_known || !is_app(app) || !is_id(id) {
            return Err(not_a_job("fal"));
        }
        Ok(Queued { app: app.to_owned(), id: id.to_owned(), is_completed: stage.is_some() })
    }

    pub fn job(&self) -> JobRef {
        let stage = if self.is_completed { format!("|{RESULT}") } else { String::new() };
        JobRef(format!("{}|{}{stage}", self.app, self.id))
    }

    pub fn completed(self) -> Queued {
        Queued { is_completed: true, ..self }
    }

    /// The address of its result; `/status` and `/cancel` stand below it.
    pub fn url(&self, base_url: &str) -> String {
        format!("{base_url}/{}/requests/{}", self.app, self.id)
    }
}

fn is_id(text: &str) -> bool {
    text.len() <= ID_BYTES_MAX && is_segment(text)
}

fn is_app(text: &str) -> bool {
    let segments = text.split('/').count();
    (2..=SEGMENTS_MAX).contains(&segments) && text.split('/').all(is_segment)
}

/// Where a request for this model is queued.
///
/// Errors: `ModelNotFound` - no model is called that.
pub(crate) fn submit_url(base_url: &str, model: &str) -> Result<String, ProviderError> {
    if is_app(model) {
        return Ok(format!("{base_url}/{model}"));
    }
    Err(ProviderError::new(ErrorClass::ModelNotFound, "a model at fal is written owner/name or owner/name/endpoint"))
}

/// The settings, the prompt, and the pictures under the name most models give them.
pub(crate) fn body(settings: &Map<String, Value>, parts: &[Part]) -> Value {
    let (mut input, pictures) = input(settings, parts);
    match pictures.as_slice() {
        [] => {}
        [picture] => {
            input.insert("image_url".into(), picture.as_str().into());
        }
        [_, ..] => {
            input.insert("image_urls".into(), pictures.into());
        }
    }
    Value::Object(input)
}

/// The request that was queued. Its app is read from the address fal gives for its status, if that is on fal's own host;
/// otherwise from the model. No address of the answer is ever asked as it stands.
pub(crate) fn submitted(base_url: &str, model: &str, body: &Value) -> Result<Queued, ProviderError> {
    let text_at = |name: &str| body.get(name).and_then(Value::as_str);
    let id = text_at("request_id").filter(|id| is_id(id));
    let id = id.ok_or_else(|| unreadable("the answer names no request", body))?;
    let app = text_at("status_url").and_then(|url| app_in(base_url, url, id)).unwrap_or_else(|| app_of(model));
    Ok(Queued { app, id: id.to_owned(), is_completed: false })
}

fn app_in(base_url: &str, status_url: &str, id: &str) -> Option<String> {
    let (base, url) = (Url::parse(base_url).ok()?, Url::parse(status_url).ok()?);
    let path = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    let app = path.strip_prefix('/')?.strip_suffix(&format!("/requests/{id}/status"))?;
    (url.origin() == base.origin() && is_app(app)).then(|| app.to_owned())
}

/// The endpoint's path counts when a request is queued, and not when it is asked for.
fn app_of(model: &str) -> String {
    let segments = if model.starts_with("workflows/") || model.starts_with("comfy/") { 3 } else { 2 };
    model.split('/').take(segments).collect::<Vec<_>>().join("/")
}

/// How far a request is.
///
/// Errors: `Malformed` when the answer does not say.
pub(crate) fn status(queued: Queued, body: &Value) -> Result<Progress, ProviderError> {
    match body.get("status").and_then(Value::as_str) {
        Some("IN_QUEUE" | "IN_PROGRESS") => Ok(Progress::Running { percent: None, wait: None }),
        Some("COMPLETED") => match failure(body) {
            Some(error) => Ok(Progress::Failed(error)),
            None => Ok(Progress::Next(queued.completed().job())),
        },
        Some(word @ ("FAILED" | "ERROR" | "CANCELLED" | "CANCELED")) => {
            Ok(Progress::Failed(failure(body).unwrap_or_else(|| {
                let message = format!("the request ended as {word}");
                ProviderError::new(ErrorClass::Rejected, message).with_raw(body.to_string())
            })))
        }
        Some(word) => Err(unreadable(format!("the request is in the unknown state {word:?}"), body)),
        None => Err(unreadable("the answer does not say how far the request is", body)),
    }
}

/// The failure of a completed request: the status is the same as that of a good one.
fn failure(body: &Value) -> Option<ProviderError> {
    let is_given = |name: &str| body.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
    if !is_given("error") && !is_given("error_type") {
        return None;
    }
    let found = explain(body, &body.to_string());
    let class = found.class.unwrap_or(ErrorClass::Rejected);
    let message = if found.message.is_empty() { "the request failed".to_owned() } else { found.message };
    let mut error = ProviderError::new(class, message).with_raw(body.to_string());
    error.provider_code = found.words.into_iter().next();
    Some(error)
}

/// The files in a result, without the pictures that fal's own checker has blackened. A failure when it names none
/// (`Rejected`: the request is completed, so asking again would change nothing) or all are blackened (`Refused`).
pub(crate) fn result(body: &Value) -> Progress {
    if let Some(error) = failure(body) {
        return Progress::Failed(error);
    }
    let (body, blackened) = without_blackened(body);
    let mut assets = Vec::new();
    collect(&body, &mut assets);
    if assets.is_empty() && blackened > 0 {
        let message = "the safety checker found every picture unsafe and blackened it (has_nsfw_concepts)";
        return Progress::Failed(ProviderError::new(ErrorClass::Refused, message).with_raw(body.to_string()));
    }
    if assets.is_empty() {
        let message = "the request is completed, but its result names no file";
        return Progress::Failed(ProviderError::new(ErrorClass::Rejected, message).with_raw(body.to_string()));
    }
    Progress::Done(assets)
}

/// A result without its blackened pictures, and how many they were. `has_nsfw_concepts` says it of each picture in order,
/// or of the only one.
fn without_blackened(body: &Value) -> (Cow<'_, Value>, usize) {
    let flags: Vec<bool> = match body.get("has_nsfw_concepts") {
        Some(Value::Array(flags)) => flags.iter().map(|flag| flag == &Value::Bool(true)).collect(),
        Some(Value::Bool(flag)) => vec![*flag],
        Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => vec![],
    };
    let blackened = flags.iter().filter(|flag| **flag).count();
    if blackened == 0 {
        return (Cow::Borrowed(body), 0);
    }
    let mut clean = body.clone();
    if let Some(images) = clean.get_mut("images").and_then(Value::as_array_mut) {
        let mut flags = flags.iter();
        images.retain(|_| flags.next() != Some(&true));
    }
    if let Some(fields) = clean.as_object_mut().filter(|_| flags[0]) {
        fields.remove("image");
    }
    (Cow::Owned(clean), blackened)
}

/// Every file in a result, in order: objects with an address of their own, and fields called `url` or `..._url`.
fn collect(value: &Value, assets: &mut Vec<AssetRef>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, assets)),
        Value::Object(fields) => {
            let media_type = fields.get("content_type").and_then(Value::as_str).filter(|text| !text.is_empty());
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "url" && is_address(text) => add(assets, text, media_type),
                    Some(text) if name.ends_with("_url") && is_address(text) => add(assets, text, None),
                    Some(_) | None => collect(field, assets),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether an error says no more than that the result is not there yet.
pub(crate) fn is_early(error: &ProviderError) -> bool {
    error.message.to_lowercase().contains("still in progress")
}

/// The error in a body: `{detail: text, error_type}`, `{detail: [{loc, msg, type}]}`, or `{error, error_type}`.
pub(crate) fn explain(body: &Value, raw: &str) -> ErrorText {
    let mut found = describe(body, raw);
    let complaints = body.get("detail").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !complaints.is_empty() {
        found.message = told(complaints);
    }
    let types = complaints.iter().filter_map(|complaint| complaint.get("type").and_then(Value::as_str));
    let own = ["error_type", "type"].into_iter().filter_map(|name| body.get(name).and_then(Value::as_str));
    let words: Vec<String> = own.chain(types).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    // One complaint about the content is enough, wherever it stands in the list.
    let refused = words.iter().find(|word| class_of_type(word) == Some(ErrorClass::Refused));
    found.class = refused.or(words.first()).and_then(|word| class_of_type(word));
    if !words.is_empty() {
        found.words = refused.cloned().into_iter().chain(words.iter().cloned()).collect();
    }
    // An account without money is told apart from a wrong key by words alone: both are a 403.
    if found.message.to_lowercase().contains("exhausted balance") {
        found.class = Some(ErrorClass::Quota);
    }
    found
}

fn told(complaints: &[Value]) -> String {
    let mut text = String::new();
    for complaint in complaints.iter().take(COMPLAINTS_MAX) {
        let message = complaint.get("msg").or(Some(complaint)).and_then(Value::as_str).unwrap_or("no explanation");
        let place = complaint.get("loc").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let place: Vec<String> =
            place.iter().map(|step| step.as_str().map_or(step.to_string(), str::to_owned)).collect();
        let between = if text.is_empty() { "" } else { "; " };
        let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(".")) };
        write!(text, "{between}{place}{message}").expect("writing to a String does not fail");
    }
    text
}

/// What fal's own word for an error says; `None` for one that is not known.
pub(crate) fn class_of_type(word: &str) -> Option<ErrorClass> {
    let class = match word {
        "request_timeout" | "startup_timeout" | "generation_timeout" => ErrorClass::TimedOut(TimeoutPhase::Upstream),
        "runner_scheduling_failure" | "downstream_service_unavailable" => ErrorClass::Overloaded,
        "runner_connection_timeout"
        | "runner_disconnected"
        | "runner_connection_refused"
        | "runner_connection_error"
        | "runner_incomplete_response"
        | "runner_server_error"
        | "downstream_service_error"
        | "internal_error"
        | "internal_server_error" => ErrorClass::ServerError,
        "content_policy_violation" => ErrorClass::Refused,
        "client_disconnected" | "client_cancelled" | "bad_request" | "no_media_generated" => ErrorClass::Rejected,
        _ => return None,
    };
    Some(class)
}

/// What the head of an answer adds to its error.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'a> {
    pub status: u16,
    /// `x-fal-error-type`
    pub error_type: Option<&'a str>,
    /// `x-fal-retryable`
    pub retryable: Option<&'a str>,
    /// `x-fal-request-id` is there: the answer is the app's own and not the ingress's.
    pub is_apps_own: bool,
}

/// The class of an error of the app, as the head corrects it. The ingress's 502, 503 and 504 pass; the app's own 5xx is
/// tried again only where fal says that this helps.
pub(crate) fn corrected(error: ProviderError, head: Head<'_>) -> ProviderError {
    let known = error.provider_code.as_deref().and_then(class_of_type);
    let by_head = head.error_type.and_then(class_of_type);
    let is_final = matches!(error.class, ErrorClass::Refused | ErrorClass::Quota | ErrorClass::Unauthorized);
    let class = match head.retryable {
        _ if is_final || head.status < 400 => error.class,
        Some("true") if !error.class.retryable() => ErrorClass::ServerError,
        Some("false") if error.class.retryable() && head.status != 429 => ErrorClass::Rejected,
        Some(_) | None => match known.or(by_head) {
            Some(class) => class,
            None if head.status >= 500 && head.is_apps_own && head.retryable != Some("true") => ErrorClass::Rejected,
            None => error.class,
        },
    };
    let provider_code = error.provider_code.or_else(|| head.error_type.map(str::to_owned));
    ProviderError { class, provider_code, ..error }
}

#[cfg(test)]
#[path = "fal_wire_tests.rs"]
mod tests;
