//! Replicate's predictions as values: where one is started, what it is given, what an answer says about it, and what its
//! failure means. Pure functions; it never sends or waits.
//!
//! Source: replicate.com/docs, "HTTP API", "Prediction lifecycle", "Rate limits" and "Error codes", and the changelog of
//! 2025-10-16 for `Cancel-After` (read November 2026).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::{ErrorClass, ProviderError, TimeoutPhase};
use crate::error_text::{ErrorText, describe, error_in};
use crate::media::{AssetRef, JobRef, Progress, Submitted};
use crate::media_job::{add, input, is_address, is_segment, not_a_job, unreadable};
use crate::provider::Part;

/// The shortest deadline the interface takes.
const CANCEL_AFTER_MIN: Duration = Duration::from_secs(5);
/// A longer deadline is none: predictions end after 30 minutes by themselves.
const CANCEL_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The longest id of a prediction; they have 26 characters.
const ID_BYTES_MAX: usize = 64;

/// What marks a failure as the model's or a filter's "no", in lower case.
const REFUSALS: [&str; 10] = [
    "nsfw",
    "flagged",
    "sensitive content",
    "content policy",
    "moderation",
    "safety checker",
    "safety filter",
    "safety system",
    "inappropriate content",
    "prohibited content",
];
/// What marks a failure as the platform's, in lower case: the same prediction may well succeed.
const TRANSIENT: [&str; 12] = [
    "prediction interrupted",
    "(code: pa)",
    "unexpected error handling prediction",
    "out of memory",
    "please retry",
    "try again later",
    "temporarily unavailable",
    "service unavailable",
    "high demand",
    "internal server error",
    "bad gateway",
    "timed out",
];

/// Where a prediction of this model is started, and the version the body has to name.
///
/// Errors: `ModelNotFound` - no model is called that.
pub(crate) fn target(base_url: &str, model: &str) -> Result<(String, Option<String>), ProviderError> {
    let is_version = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name = |text: &str| text.split_once('/').is_some_and(|(owner, name)| is_segment(owner) && is_segment(name));
    match model.split_once(':') {
        Some((name, version)) if is_name(name) && is_segment(version) => {
            Ok((format!("{base_url}/predictions"), Some(model.to_owned())))
        }
        None if is_version(model) => Ok((format!("{base_url}/predictions"), Some(model.to_owned()))),
        None if is_name(model) => Ok((format!("{base_url}/models/{model}/predictions"), None)),
        Some(_) | None => {
            let message = "a model at Replicate is written owner/name or owner/name:version";
            Err(ProviderError::new(ErrorClass::ModelNotFound, message))
        }
    }
}

/// The body that starts a prediction.
///
/// Errors: `Misconfigured` - more than one picture; which inputs take several differs from model to model.
pub(crate) fn body(
    settings: &Map<String, Value>,
    parts: &[Part],
    version: Option<String>,
) -> Result<Value, ProviderError> {
    let (mut input, pictures) = input(settings, parts);
    match pictures.as_slice() {
        [] => {}
        [picture] => {
            input.insert("image".into(), picture.as_str().into());
        }
        [_, ..] => {
            let message = "only one picture can be given as input; name further ones in the settings by their address";
            return Err(ProviderError::new(ErrorClass::Misconfigured, message));
        }
    }
    let mut body = json!({"input": input});
    if let Some(version) = version {
        body["version"] = version.into();
    }
    Ok(body)
}

/// The header `Cancel-After`, counted from the prediction's start in the queue.
pub(crate) fn cancel_after(deadline: Duration) -> Option<String> {
    (deadline <= CANCEL_AFTER_MAX).then(|| format!("{}s", deadline.max(CANCEL_AFTER_MIN).as_secs()))
}

/// The address of a prediction.
///
/// Errors: `Misconfigured` - the text is no prediction's id.
pub(crate) fn job_url(base_url: &str, job: &JobRef) -> Result<String, ProviderError> {
    if is_id(&job.0) { Ok(format!("{base_url}/predictions/{}", job.0)) } else { Err(not_a_job("Replicate")) }
}

fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The prediction that was started. One that has failed already is left to the first question about it, so that its id
/// is known in any case.
pub(crate) fn submitted(body: &Value) -> Result<Submitted, ProviderError> {
    let id = body.get("id").and_then(Value::as_str).filter(|id| is_id(id));
    let id = id.ok_or_else(|| unreadable("the answer names no prediction", body))?;
    let done = |progress: &Progress| match progress {
        Progress::Done(_) => true,
        Progress::Running { .. } | Progress::Next(_) | Progress::Failed(_) => false,
    };
    Ok(Submitted { job: JobRef(id.to_owned()), progress: progress(body).ok().filter(done) })
}

/// How far a prediction is.
///
/// Errors: `Malformed` when the answer does not say.
pub(crate) fn progress(body: &Value) -> Result<Progress, ProviderError> {
    let ended =
        |class, message: &str| Ok(Progress::Failed(ProviderError::new(class, message).with_raw(body.to_string())));
    match body.get("status").and_then(Value::as_str) {
        Some("starting" | "processing" | "queued") => Ok(Progress::Running { percent: None, wait: None }),
        Some("succeeded") => Ok(finished(body)),
        Some("failed") => Ok(Progress::Failed(failed(body))),
        // It ran and is charged; running it once more would be charged once more.
        Some("canceled" | "cancelled") => {
            ended(ErrorClass::Rejected, "the prediction was canceled, or ran into its deadline")
        }
        // It never ran and is not charged.
        Some("aborted") => {
            ended(ErrorClass::TimedOut(TimeoutPhase::Upstream), "the prediction did not start before its deadline")
        }
        Some(word) => Err(unreadable(format!("the prediction is in the unknown state {word:?}"), body)),
        None => Err(unreadable("the answer does not say how far the prediction is", body)),
    }
}

fn finished(body: &Value) -> Progress {
    let mut assets = Vec::new();
    collect(body.get("output").unwrap_or(&Value::Null), &mut assets);
    if !assets.is_empty() {
        return Progress::Done(assets);
    }
    let removed = body.get("data_removed").and_then(Value::as_bool).unwrap_or(false);
    let message = if removed {
        "the prediction succeeded, but its output has been deleted in the meantime"
    } else {
        "the prediction succeeded, but its output names no file"
    };
    Progress::Failed(ProviderError::new(ErrorClass::Rejected, message).with_raw(body.to_string()))
}

/// Every address in an output, in order: a text, a list, or an object of either.
fn collect(output: &Value, assets: &mut Vec<AssetRef>) {
    match output {
        Value::String(text) if is_address(text) => add(assets, text, None),
        Value::Array(items) => items.iter().for_each(|item| collect(item, assets)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, assets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The failure of a prediction, in its own words.
fn failed(body: &Value) -> ProviderError {
    let raw = body.to_string();
    let text = error_in(body).map(|found| found.message).filter(|message| !message.trim().is_empty());
    let Some(text) = text else {
        return ProviderError::new(ErrorClass::ServerError, "the prediction failed without a reason").with_raw(raw);
    };
    let mut error = ProviderError::new(class_of_failure(&text), text.trim()).with_raw(raw);
    error.provider_code = code_in(&text);
    error
}

/// What the words of a failure say. A code decides where there is one: the numbers from E1000 are the platform's own,
/// the three-digit ones come from models behind other companies' interfaces.
fn class_of_failure(text: &str) -> ErrorClass {
    match code_in(text).as_deref() {
        Some("E003" | "E004") => return ErrorClass::Overloaded,
        Some("E005") => return ErrorClass::Refused,
        // Invalid input; a webhook without an address.
        Some("E006" | "E4875") => return ErrorClass::Rejected,
        Some(code) if code.len() == 5 => return ErrorClass::ServerError,
        Some(_) | None => {}
    }
    let text = text.to_lowercase();
    if REFUSALS.iter().any(|words| text.contains(words)) {
        ErrorClass::Refused
    } else if TRANSIENT.iter().any(|words| text.contains(words)) {
        ErrorClass::ServerError
    } else {
        ErrorClass::Rejected
    }
}

/// The code in a failure's text: `E` with three or four digits, as a word of its own.
fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        word.strip_prefix('E')
            .is_some_and(|rest| matches!(rest.len(), 3 | 4) && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).find(is_code).map(str::to_owned)
}

/// The error in a body with an error status: `{title, detail, status}`.
pub(crate) fn explain(body: &Value, raw: &str) -> ErrorText {
    let mut found = describe(body, raw);
    let title = body.get("title").and_then(Value::as_str).unwrap_or_default();
    if !title.is_empty() && !found.message.contains(title) {
        found.message = format!("{title}: {}", found.message);
    }
    found.retry_after = wait_in(body, &found.message);
    found.class = match found.status {
        Some(402) => Some(ErrorClass::Quota),
        Some(400 | 422) if class_of_failure(&found.message) == ErrorClass::Refused => Some(ErrorClass::Refused),
        Some(_) | None => None,
    };
    found
}

/// The wait in a 429: a number of seconds in a field, or in words ("resets in ~30s").
fn wait_in(body: &Value, message: &str) -> Option<Duration> {
    let field = body.get("retry_after").and_then(Value::as_f64);
    field.or_else(|| seconds_in(message)).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn seconds_in(message: &str) -> Option<f64> {
    let (_, after) = message.split_once("resets in")?;
    let after = after.trim_start_matches([' ', '~']);
    let end = after.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(after.len());
    let number: f64 = after[..end].trim_end_matches('.').parse().ok()?;
    let unit = after[end..].trim_start();
    let factor = match unit.as_bytes() {
        [b'm', b's', ..] => 0.001,
        [b'm', ..] => 60.0,
        [b'h', ..] => 3_600.0,
        _ => 1.0,
    };
    Some(number * factor)
}

#[cfg(test)]
#[path = "replicate_wire_tests.rs"]
mod tests;
