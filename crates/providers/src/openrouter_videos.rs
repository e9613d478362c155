//! OpenRouter's video jobs as values: what is posted, what a job's state means, where its videos are. Pure functions;
//! they never send or wait. A job's id and the addresses come out of an answer and are checked before they are used.
//!
//! Source: OpenRouter's documentation, "Video Generation", and its OpenAPI description (August to November 2026);
//! `reference/providers.md`, 1.4.

use copydesk_core::metering::usage::TokenUsage;
use serde_json::{Map, Value, json};

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, error_in};
use crate::exchange::{Found, error_inside};
use crate::media::{AssetRef, JobRef, Progress, SubmitRequest, Submitted};
use crate::openrouter_wire::{cost_in, refine};
use crate::picture;
use crate::provider::{Part, Picture};

/// The longest id of a job.
const JOB_ID_BYTES_MAX: usize = 200;
/// The most videos one job may hold.
const ASSETS_MAX: usize = 16;

/// What starts a job: the prompt, and up to two pictures to begin and to end with. A setting never replaces any of it;
/// pictures that only show a style are given as the setting `input_references`.
///
/// Errors: `Misconfigured` - more pictures than a video has ends.
pub(crate) fn submit_body(request: &SubmitRequest) -> Result<Value, ProviderError> {
    let mut texts = Vec::new();
    let mut frames = Vec::new();
    for part in &request.input {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::Picture(picture) => frames.push(picture),
        }
    }
    let mut body: Map<String, Value> = request.settings.clone();
    body.insert("model".into(), request.model.clone().into());
    body.insert("prompt".into(), texts.join("\n").into());
    match frames.as_slice() {
        [] => {}
        [first] => {
            body.insert("frame_images".into(), json!([frame(first, "first_frame")]));
        }
        [first, last] => {
            let frames = json!([frame(first, "first_frame"), frame(last, "last_frame")]);
            body.insert("frame_images".into(), frames);
        }
        more => {
            let message = format!("a video starts from at most two pictures, not from {}", more.len());
            return Err(ProviderError::new(ErrorClass::Misconfigured, message));
        }
    }
    Ok(Value::Object(body))
}

fn frame(picture: &Picture, place: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": picture::as_url(picture)}, "frame_type": place})
}

/// The address of a job.
///
/// Errors: `Misconfigured` - the id could lead elsewhere.
pub(crate) fn job_url(base_url: &str, job: &JobRef) -> Result<String, ProviderError> {
    if is_safe(&job.0) {
        Ok(format!("{base_url}/videos/{}", job.0))
    } else {
        Err(ProviderError::new(ErrorClass::Misconfigured, "this is not the id of a video job"))
    }
}

/// Letters, digits and three signs that mean nothing in an address; and not only dots, which do.
fn is_safe(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= JOB_ID_BYTES_MAX && id.bytes().all(is_plain) && !id.bytes().all(|byte| byte == b'.')
}

/// The answer to a submission. The `polling_url` is not used: the id says the same, and the key goes where we send it.
pub(crate) fn submitted(body: &Value, base_url: &str) -> Found<Submitted> {
    let id = body.get("id").and_then(Value::as_str).filter(|id| is_safe(id));
    let Some(job) = id.map(|id| JobRef(id.to_owned())) else {
        let malformed =
            || ProviderError::new(ErrorClass::Malformed, "the answer names no job").with_raw(body.to_string());
        let error = error_in(body).map_or_else(malformed, |error| failed_with(error, body));
        return Found { result: Err(error), usage: TokenUsage::default(), served_model: None };
    };
    let state = progress(body, base_url, &job);
    let result = state.result.and_then(|progress| {
        let progress = match progress {
            Progress::Running { .. } | Progress::Next(_) => None,
            Progress::Failed(error) => return Err(error),
            done @ Progress::Done(_) => Some(done),
        };
        Ok(Submitted { job, progress })
    });
    Found { result, usage: state.usage, served_model: state.served_model }
}

/// A job's state. The cost comes with the end of the job and is repeated in every later answer: it is to be booked with
/// the first poll that reports the end.
pub(crate) fn progress(body: &Value, base_url: &str, job: &JobRef) -> Found<Progress> {
    let status = body.get("status").and_then(Value::as_str).unwrap_or_default();
    let usage = TokenUsage { provider_cost: cost_in(body), ..TokenUsage::default() };
    let (result, usage) = match status {
        "pending" | "in_progress" | "queued" | "processing" => {
            (Ok(Progress::Running { percent: percent_in(body), wait: None }), TokenUsage::default())
        }
        "completed" => (Ok(Progress::Done(assets(body, base_url, job))), usage),
        "failed" | "cancelled" | "expired" => (Ok(Progress::Failed(failed(body, status))), usage),
        other => (Err(unknown_state(body, other)), TokenUsage::default()),
    };
    let served_model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()).map(str::to_owned);
    Found { result, usage, served_model }
}

fn percent_in(body: &Value) -> Option<u8> {
    body.get("progress").and_then(Value::as_u64).filter(|percent| *percent <= 100).and_then(|p| u8::try_from(p).ok())
}

fn unknown_state(body: &Value, status: &str) -> ProviderError {
    match error_in(body) {
        Some(error) => failed_with(error, body),
        None => {
            let message = format!("the job is in an unknown state {status:?}");
            ProviderError::new(ErrorClass::Malformed, message).with_raw(body.to_string())
        }
    }
}

fn failed_with(error: ErrorText, body: &Value) -> ProviderError {
    error_inside(refine(error, body.get("error").unwrap_or(&Value::Null)), body)
}

/// Invariant: never retryable. The job has ended, and asking for it again gives the same answer.
fn failed(body: &Value, status: &str) -> ProviderError {
    let mut error = match error_in(body) {
        Some(error) => failed_with(error, body),
        None => ProviderError::new(ErrorClass::Rejected, format!("the job has {status}")).with_raw(body.to_string()),
    };
    if speaks_of_a_filter(&error.message) {
        error.class = ErrorClass::Refused;
    } else if error.retryable() {
        error.class = ErrorClass::Rejected;
    }
    error.provider_code.get_or_insert_with(|| status.to_owned());
    error
}

/// A failed job explains itself in a sentence and nothing else.
fn speaks_of_a_filter(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["content policy", "policy violation", "moderation", "safety", "nsfw", "prohibited content"]
        .iter()
        .any(|sign| message.contains(sign))
}

/// Where the videos are: at OpenRouter, which asks for the key and keeps them; else the signed addresses, which expire;
/// else the job's own content.
fn assets(body: &Value, base_url: &str, job: &JobRef) -> Vec<AssetRef> {
    let listed = |name: &str| -> Vec<AssetRef> {
        let list = body.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|entry| asset(entry, base_url)).take(ASSETS_MAX).collect()
    };
    let found = Some(listed("unsigned_urls")).filter(|found| !found.is_empty()).unwrap_or_else(|| listed("urls"));
    if !found.is_empty() {
        return found;
    }
    vec![AssetRef { url: format!("{base_url}/videos/{}/content?index=0", job.0), media_type: None }]
}

fn asset(entry: &Value, base_url: &str) -> Option<AssetRef> {
    let url = entry.as_str().or_else(|| entry.get("url").and_then(Value::as_str))?;
    let is_whole = url.starts_with("https://") || url.starts_with("http://");
    let url = if is_whole { url.to_owned() } else { format!("{}{}", origin(base_url)?, within(url)?) };
    Some(AssetRef { url, media_type: None })
}

/// A path on the provider's own host. Two slashes would begin another host's name.
fn within(path: &str) -> Option<&str> {
    Some(path).filter(|path| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'))
}

fn origin(base_url: &str) -> Option<&str> {
    let host_at = base_url.find("://")? + 3;
    let end = base_url[host_at..].find('/').map_or(base_url.len(), |slash| host_at + slash);
    Some(&base_url[..end])
}

#[cfg(test)]
mod tests {
    use copydesk_core::{CallId, NanoUsd};
    use proptest::prelude::*;

    use super::*;
    use crate::provider::Timeouts;

    const BASE: &str = "https://router.example/api/v1";

    fn request(input: Vec<Part>, settings: Value) -> SubmitRequest {
        let call_id = CallId("00000000-0000-0000-0000-000000000001".parse().unwrap());
        let settings = settings.as_object().unwrap().clone();
        SubmitRequest { call_id, model: "google/veo-4".into(), input, settings, timeouts: Timeouts::default() }
    }

    fn picture(url: &str) -> Part {
        Part::Picture(picture::from_url(url).unwrap())
    }

    fn urls(body: Value) -> Vec<String> {
        match progress(&body, BASE, &JobRef("job-1".into())).result.unwrap() {
            Progress::Done(assets) => assets.into_iter().map(|asset| asset.url).collect(),
            Progress::Running { .. } | Progress::Next(_) | Progress::Failed(_) => Vec::new(),
        }
    }

    #[test]
    fn the_settings_are_said_in_the_providers_words_and_replace_nothing_of_ours() {
        let settings = json!({"duration": 8, "aspect_ratio": "16:9", "model": "dearer", "prompt": "other"});
        let text = vec![Part::Text("a boat".into()), Part::Text("at dawn".into())];
        let body = submit_body(&request(text, settings)).unwrap();
        let wanted =
            json!({"model": "google/veo-4", "prompt": "a boat\nat dawn", "duration": 8, "aspect_ratio": "16:9"});
        assert_eq!(body, wanted);
    }

    #[test]
    fn one_picture_begins_the_video_two_begin_and_end_it_and_three_are_refused() {
        let [a, b] = ["https://x.example/a.png", "data:image/png;base64,AAAA"].map(picture);
        let frames =
            |parts| submit_body(&request(parts, json!({"frame_images": []}))).map(|body| body["frame_images"].clone());
        let first =
            json!({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}, "frame_type": "first_frame"});
        let last = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "frame_type": "last_frame"});
        assert_eq!(frames(vec![a.clone()]).unwrap(), json!([first]));
        assert_eq!(frames(vec![a.clone(), b.clone()]).unwrap(), json!([first, last]));
        assert_eq!(frames(vec![a.clone(), b, a]).unwrap_err().class, ErrorClass::Misconfigured);
    }

    #[test]
    fn an_id_that_could_lead_elsewhere_never_gets_into_an_address() {
        assert_eq!(job_url(BASE, &JobRef("job-abc_1.2".into())).unwrap(), format!("{BASE}/videos/job-abc_1.2"));
        let long = "a".repeat(JOB_ID_BYTES_MAX + 1);
        for bad in ["", ".", "..", "a/b", "../keys", "a?b", "a#b", "a%2fb", "a b", "ä", "a\n", "@x", long.as_str()] {
            assert_eq!(job_url(BASE, &JobRef(bad.into())).unwrap_err().class, ErrorClass::Misconfigured, "{bad:?}");
            let found = submitted(&json!({"id": bad, "status": "pending"}), BASE);
            assert_eq!(found.result.unwrap_err().class, ErrorClass::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn a_job_runs_until_it_says_otherwise_and_costs_when_it_has_ended() {
        let state = |body: Value| progress(&body, BASE, &JobRef("j".into()));
        for status in ["pending", "in_progress"] {
            let found = state(json!({"status": status, "progress": 40, "usage": {"cost": 9}}));
            assert_eq!(found.result.unwrap(), Progress::Running { percent: Some(40), wait: None });
            assert_eq!(found.usage, TokenUsage::default());
        }
        let done = state(json!({"status": "completed", "usage": {"cost": 0.25, "is_byok": false}}));
        assert_eq!(done.usage.provider_cost, Some(NanoUsd(250_000_000)));
        let own = state(json!({"status": "completed", "usage": {"cost": 0.01, "is_byok": true}}));
        assert_eq!(own.usage.provider_cost, None, "the upstream's bill is not in it");
        assert_eq!(state(json!({"status": "failed", "usage": {"cost": 0}})).usage.provider_cost, Some(NanoUsd(0)));
        assert_eq!(
            state(json!({"status": "pending", "progress": 101})).result.unwrap(),
            Progress::Running { percent: None, wait: None }
        );
    }

    #[test]
    fn a_job_that_ended_badly_is_an_error_that_no_poll_changes() {
        let class = |body| match progress(&body, BASE, &JobRef("j".into())).result {
            Ok(Progress::Failed(error)) | Err(error) => error,
            Ok(other) => panic!("{other:?}"),
        };
        let policy = class(json!({"status": "failed", "error": "Content policy violation"}));
        assert_eq!((policy.class, policy.message.as_str()), (ErrorClass::Refused, "Content policy violation"));
        let cases = [
            (json!({"status": "failed", "error": "Provider returned error"}), "Provider returned error"),
            (json!({"status": "failed"}), "the job has failed"),
            (json!({"status": "cancelled", "error": "Job was cancelled"}), "Job was cancelled"),
            (json!({"status": "expired"}), "the job has expired"),
            (json!({"status": "failed", "error": {"code": 503, "message": "no room"}}), "no room"),
        ];
        for (body, message) in cases {
            let error = class(body.clone());
            assert_eq!((error.class, error.message.as_str()), (ErrorClass::Rejected, message), "{body}");
        }
        let unknown = class(json!({"status": "paused"}));
        assert_eq!((unknown.class, unknown.retryable()), (ErrorClass::Malformed, true));
        assert_eq!(class(json!({"error": {"code": 404, "message": "gone"}})).class, ErrorClass::ModelNotFound);
    }

    #[test]
    fn the_videos_are_at_openrouter_first_then_signed_then_where_the_documentation_says() {
        let listed = json!({"status": "completed", "unsigned_urls": ["https://router.example/api/v1/videos/a/content?index=0",
            "/api/v1/videos/a/content?index=1"], "urls": ["https://cdn.example/x"]});
        assert_eq!(
            urls(listed),
            [
                "https://router.example/api/v1/videos/a/content?index=0",
                "https://router.example/api/v1/videos/a/content?index=1",
            ]
        );
        let signed = json!({"status": "completed", "urls": [{"url": "https://cdn.example/x?sig=1", "expires_at": 1}]});
        assert_eq!(urls(signed), ["https://cdn.example/x?sig=1"]);
        let none =
            json!({"status": "completed", "unsigned_urls": ["//evil.example/x", "ftp://x", 7, "file:///etc/passwd"]});
        assert_eq!(urls(none), ["https://router.example/api/v1/videos/job-1/content?index=0"]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let word = prop_oneof![Just("completed"), Just("failed"), Just("pending"), Just("/x"), Just("é"), Just("")];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word.prop_map(Value::from),
        ];
        let key = prop_oneof![
            Just("id"),
            Just("status"),
            Just("error"),
            Just("unsigned_urls"),
            Just("urls"),
            Just("url"),
            Just("usage"),
            Just("cost"),
            Just("is_byok"),
            Just("message"),
            Just("metadata"),
            Just("availability"),
            Just("retry_after"),
            Just("code"),
            Just("choices"),
            Just("delta"),
            Just("images"),
            Just("content"),
            Just("finish_reason"),
        ];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((key.clone(), inner), 0..6)
                    .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(body in any_json()) {
            let _job = (submitted(&body, BASE).usage, progress(&body, BASE, &JobRef("j".into())).usage);
            let _error = crate::openrouter_wire::explain(&body, "");
            let url = format!("{BASE}/chat/completions");
            let limit_field = crate::openai_wire::MaxTokensField::MaxTokens;
            let chat = crate::openrouter_wire::OpenRouterChat(crate::openai_wire::OpenAiChat { url, limit_field });
            let mut transcript = crate::transcript::Transcript::default();
            for body in [&body, &json!({"choices": [body.clone()], "usage": body.clone(), "error": body.clone()})] {
                let piece = crate::exchange::Piece { event: None, body };
                crate::exchange::Dialect::absorb(&chat, piece, &mut transcript, &crate::provider::NoSink);
            }
        }
    }
}
