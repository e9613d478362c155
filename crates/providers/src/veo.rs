//! Veo's video jobs at the Gemini API: long-running operations with a name of their own. Each method is at most one
//! request; nothing is remembered between them. It never asks at an address that an answer made up: an operation's name
//! is checked before it becomes part of one.
//!
//! Source: ai.google.dev/gemini-api/docs/video, google/longrunning/operations.proto, and `reference/providers.md`, 1.4
//! (November 2026).

use copydesk_core::metering::usage::TokenUsage;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWrite;

use crate::error::{ErrorClass, ProviderError};
use crate::exchange::{Exchanged, error_inside};
use crate::gemini::Gemini;
use crate::gemini_error::{explain, explain_job, operation_error};
use crate::gemini_request::model_path;
use crate::media::{
    AssetRef, FetchRequest, Fetched, JobRef, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted,
};
use crate::picture;
use crate::provider::{BoxFuture, CallReport, Part};
use crate::secret::Secret;

/// The longest name of an operation. Google's have some eighty letters.
const JOB_BYTES_MAX: usize = 512;
/// Settings that belong beside the prompt; all others are parameters.
const INSTANCE_SETTINGS: [&str; 3] = ["lastFrame", "referenceImages", "video"];

impl RunsMediaJobs for Gemini {
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        Box::pin(async move {
            let key = self.endpoint.api_key.as_ref();
            let ready = model_path(&request.model).and_then(|path| Ok((path, submit_body(request)?)));
            let (path, body) = match ready {
                Ok(ready) => ready,
                Err(error) => return CallReport::not_sent(error.masked(key)),
            };
            let url = format!("{}/{path}:predictLongRunning", self.endpoint.base_url);
            let done = self.endpoint.json(request.call_id, &url, Some(body), request.timeouts, &explain).await;
            report(done, key, submitted)
        })
    }

    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        Box::pin(async move {
            let key = self.endpoint.api_key.as_ref();
            let job = match checked(&request.job.0) {
                Ok(job) => job,
                Err(error) => return CallReport::not_sent(error.masked(key)),
            };
            let url = format!("{}/{job}", self.endpoint.base_url);
            let done = self.endpoint.json(request.call_id, &url, None, request.timeouts, &explain_job).await;
            report(done, key, progress).masked(key)
        })
    }

    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        Box::pin(async move {
            let url = direct(&request.asset.url);
            self.endpoint.download(request.call_id, &url, into, request.timeouts).await.into_report()
        })
    }

    fn cancel<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        Box::pin(async move {
            let key = self.endpoint.api_key.as_ref();
            let job = match checked(&request.job.0) {
                Ok(job) => job,
                Err(error) => return CallReport::not_sent(error.masked(key)),
            };
            let url = format!("{}/{job}:cancel", self.endpoint.base_url);
            let body = Some(json!({}));
            let done = self.endpoint.json(request.call_id, &url, body, request.timeouts, &explain_job).await;
            report(done, key, cancelled)
        })
    }
}

/// What the answer means, with what is known of the request around it.
fn report<T>(
    done: Exchanged,
    key: Option<&Secret>,
    read: impl FnOnce(&Value) -> Result<T, ProviderError>,
) -> CallReport<T> {
    let result = done.result.and_then(|body| {
        let with_raw = |error: ProviderError| ProviderError { raw: Some(body.to_string()), ..error };
        read(&body).map_err(|error| with_raw(error).masked(key))
    });
    CallReport {
        result,
        usage: TokenUsage::default(),
        http_status: done.http_status,
        provider_request_id: done.request_id,
        served_model: None,
        sent: done.sent,
        partial_text: None,
    }
}

/// Errors: `Misconfigured` - pictures Veo cannot start from.
fn submit_body(request: &SubmitRequest) -> Result<Value, ProviderError> {
    let mut instance = Map::new();
    let mut prompt: Vec<&str> = Vec::new();
    for part in &request.input {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => prompt.push(text),
            Part::Picture(picture) => {
                let unusable = |why: &str| ProviderError::new(ErrorClass::Misconfigured, why);
                let data = picture::to_base64(picture);
                let data = data.ok_or_else(|| unusable("Veo takes a picture's bytes and not its address"))?;
                // The documentation shows `inlineData` here; what the service takes is this (Google's own SDKs).
                let image = json!({"mimeType": picture.media_type, "bytesBase64Encoded": data});
                if instance.insert("image".into(), image).is_some() {
                    return Err(unusable(
                        "Veo starts from one picture; others go into `lastFrame` or `referenceImages`",
                    ));
                }
            }
        }
    }
    if !prompt.is_empty() {
        instance.insert("prompt".into(), prompt.join("\n").into());
    }
    let mut parameters = Map::new();
    for (name, value) in &request.settings {
        if INSTANCE_SETTINGS.contains(&name.as_str()) {
            instance.insert(name.clone(), value.clone());
        } else {
            parameters.insert(name.clone(), value.clone());
        }
    }
    let mut body = json!({"instances": [instance]});
    if !parameters.is_empty() {
        body["parameters"] = Value::Object(parameters);
    }
    Ok(body)
}

/// Errors: that of a refused job, or `Malformed` without a usable name of one.
fn submitted(body: &Value) -> Result<Submitted, ProviderError> {
    let progress = progress(body)?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if checked(name).is_err() {
        return Err(ProviderError::new(ErrorClass::Malformed, "the answer names no operation that can be asked for"));
    }
    let progress = match progress {
        Progress::Running { .. } | Progress::Next(_) => None,
        Progress::Failed(error) => return Err(error),
        done @ Progress::Done(_) => Some(done),
    };
    Ok(Submitted { job: JobRef(name.to_owned()), progress })
}

/// How far an operation is.
///
/// It failed by its own error, `Refused` when every video was filtered, `Empty` when it is done without one.
///
/// Errors: `Malformed`.
pub(crate) fn progress(body: &Value) -> Result<Progress, ProviderError> {
    if let Some(found) = operation_error(body) {
        return Ok(Progress::Failed(error_inside(found, body)));
    }
    let is_done = body.get("done").and_then(Value::as_bool);
    // Protobuf leaves out what is false, so a running operation may have a name and nothing else.
    if is_done.is_none() && !body.get("name").is_some_and(Value::is_string) {
        return Err(ProviderError::new(ErrorClass::Malformed, "the answer is no operation"));
    }
    if is_done != Some(true) {
        let percent = body.pointer("/metadata/progressPercent").and_then(Value::as_u64);
        let percent = percent.and_then(|percent| u8::try_from(percent).ok()).filter(|percent| *percent <= 100);
        return Ok(Progress::Running { percent, wait: None });
    }
    let response = body.get("response").unwrap_or(&Value::Null);
    let videos = response.get("generateVideoResponse").filter(|videos| videos.is_object()).unwrap_or(response);
    let samples = ["generatedSamples", "generatedVideos"].into_iter().find_map(|name| videos.get(name)?.as_array());
    let assets: Vec<AssetRef> = samples.into_iter().flatten().filter_map(asset).collect();
    if !assets.is_empty() {
        return Ok(Progress::Done(assets));
    }
    Ok(Progress::Failed(filtered(videos).unwrap_or_else(|| {
        ProviderError::new(ErrorClass::Empty, "the operation is done and names no video that can be fetched")
    })))
}

fn asset(sample: &Value) -> Option<AssetRef> {
    let text_at = |pointer: &str| sample.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let media_type = text_at("/video/mimeType").or_else(|| text_at("/video/encoding"));
    Some(AssetRef { url: text_at("/video/uri")?.to_owned(), media_type: media_type.map(str::to_owned) })
}

/// The refusal in a response whose videos a filter took away.
fn filtered(videos: &Value) -> Option<ProviderError> {
    let reasons = videos.get("raiMediaFilteredReasons").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).filter(|reason| !reason.is_empty()).collect();
    let count = videos.get("raiMediaFilteredCount").and_then(Value::as_u64).unwrap_or(0);
    if count == 0 && reasons.is_empty() {
        return None;
    }
    let message = if reasons.is_empty() {
        "a safety filter removed every video and gave no reason".to_owned()
    } else {
        reasons.join("; ")
    };
    Some(ProviderError::new(ErrorClass::Refused, message))
}

fn cancelled(body: &Value) -> Result<(), ProviderError> {
    operation_error(body).map_or(Ok(()), |found| Err(error_inside(found, body)))
}

/// A job's name as it may stand in an address: `models/veo-x/operations/abc`, plain words between slashes.
///
/// Errors: `Misconfigured` - it could lead to another place.
fn checked(job: &str) -> Result<&str, ProviderError> {
    let is_word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !matches!(word, "" | "." | "..") && word.bytes().all(plain)
    };
    let words: Vec<&str> = job.split('/').collect();
    let is_operation = matches!(words.as_slice(), [.., "operations", _]) && words.iter().copied().all(is_word);
    if is_operation && job.len() <= JOB_BYTES_MAX {
        return Ok(job);
    }
    Err(ProviderError::new(ErrorClass::Misconfigured, "this is not the name of an operation at the Gemini API"))
}

/// The address under which Google hands out a file itself. The one it names answers with a redirect to this one on the
/// same host, and a redirect is followed without the key.
///
/// Source: Google's own SDKs download from `/download/v1beta/files/...` (November 2026).
fn direct(url: &str) -> String {
    const HOST: &str = "https://generativelanguage.googleapis.com/";
    match url.strip_prefix(HOST) {
        Some(path) if is_file_download(path) => format!("{HOST}download/{path}"),
        Some(_) | None => url.to_owned(),
    }
}

/// `v1beta/files/abc:download?alt=media`
fn is_file_download(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [version, "files", file] => version.starts_with('v') && file.ends_with(":download"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use copydesk_core::CallId;

    use super::*;
    use crate::provider::{Bytes, Picture, PictureSource, Timeouts};

    fn request(input: Vec<Part>, settings: &Value) -> SubmitRequest {
        SubmitRequest {
            call_id: CallId("00000000-0000-0000-0000-000000000001".parse().unwrap()),
            model: "veo-3.1-generate-preview".into(),
            input,
            settings: settings.as_object().unwrap().clone(),
            timeouts: Timeouts::default(),
        }
    }

    fn picture(source: PictureSource) -> Part {
        Part::Picture(Picture { media_type: "image/png".into(), source })
    }

    fn bytes() -> PictureSource {
        PictureSource::Bytes(Bytes::from_static(b"\x89PNG"))
    }

    fn error(body: &Value) -> ProviderError {
        match progress(body) {
            Ok(Progress::Failed(error)) | Err(error) => error,
            Ok(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_says_its_prompt_its_picture_and_its_settings() {
        let settings = json!({"aspectRatio": "16:9", "durationSeconds": 8, "lastFrame": {"x": 1}});
        let input = vec![Part::Text("waves".into()), Part::Text("at dusk".into()), picture(bytes())];
        let wanted = json!({
            "instances": [{
                "prompt": "waves\nat dusk",
                "image": {"mimeType": "image/png", "bytesBase64Encoded": "iVBORw=="},
                "lastFrame": {"x": 1},
            }],
            "parameters": {"aspectRatio": "16:9", "durationSeconds": 8},
        });
        assert_eq!(submit_body(&request(input, &settings)).unwrap(), wanted);
        let plain = submit_body(&request(vec![Part::Text("waves".into())], &json!({}))).unwrap();
        assert_eq!(plain, json!({"instances": [{"prompt": "waves"}]}));
    }

    #[test]
    fn pictures_veo_cannot_start_from_are_an_error_before_anything_is_sent() {
        let by_address = picture(PictureSource::Url("https://example.com/a.png".into()));
        for input in [vec![by_address], vec![picture(bytes()), picture(bytes())]] {
            assert_eq!(submit_body(&request(input, &json!({}))).unwrap_err().class, ErrorClass::Misconfigured);
        }
    }

    #[test]
    fn only_the_name_of_an_operation_becomes_part_of_an_address() {
        for good in ["models/veo-3.1-generate-preview/operations/abc_12-x", "operations/abc", "a/b/operations/c.d"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        let long = format!("operations/{}", "x".repeat(JOB_BYTES_MAX));
        let bad = [
            "",
            "operations",
            "operations/",
            "/operations/x",
            "models/veo/operations/../../../v1/keys",
            "models/../operations/x",
            "models/veo/operations/x?alt=media",
            "models/veo/operations/x#y",
            "models/veo/operations/x:cancel",
            "https://evil.example/operations/x",
            "//evil.example/operations/x",
            "models/veo/operations/%2e%2e",
            "models/veo/operations/x y",
            "models/veo/operations/x\r\nhost: evil",
            "models/veo",
            "@evil.example/operations/x",
            &long,
        ];
        for bad in bad {
            assert_eq!(checked(bad).unwrap_err().class, ErrorClass::Misconfigured, "{bad:?}");
        }
    }

    #[test]
    fn an_operation_runs_until_it_says_done() {
        let running = |percent| Ok(Progress::Running { percent, wait: None });
        assert_eq!(progress(&json!({"name": "operations/x"})), running(None));
        assert_eq!(progress(&json!({"name": "operations/x", "done": false})), running(None));
        let at = |percent: i64| json!({"done": false, "metadata": {"progressPercent": percent}});
        assert_eq!(progress(&at(40)), running(Some(40)));
        assert_eq!(progress(&at(400)), running(None));
        for nothing in [json!(null), json!({}), json!([]), json!("done"), json!({"name": 1})] {
            assert_eq!(error(&nothing).class, ErrorClass::Malformed, "{nothing}");
        }
    }

    #[test]
    fn a_finished_operation_names_its_videos_in_either_spelling() {
        let sample = json!({"video": {"uri": "https://example.com/v", "encoding": "video/mp4"}});
        let asset = AssetRef { url: "https://example.com/v".into(), media_type: Some("video/mp4".into()) };
        for response in [
            json!({"generateVideoResponse": {"generatedSamples": [sample], "raiMediaFilteredCount": 1}}),
            json!({"generateVideoResponse": {"generatedVideos": [sample]}}),
            json!({"generatedVideos": [{}, sample]}),
        ] {
            let body = json!({"name": "operations/x", "done": true, "response": response});
            assert_eq!(progress(&body), Ok(Progress::Done(vec![asset.clone()])), "{body}");
        }
    }

    #[test]
    fn a_filtered_video_is_refused_with_the_reasons() {
        let body = |videos: Value| json!({"done": true, "response": {"generateVideoResponse": videos}});
        let reasons = json!({"raiMediaFilteredCount": 2, "raiMediaFilteredReasons": ["a celebrity", "a child"]});
        let found = error(&body(reasons));
        assert_eq!((found.class, found.message.as_str()), (ErrorClass::Refused, "a celebrity; a child"));
        assert_eq!(error(&body(json!({"raiMediaFilteredCount": 1}))).class, ErrorClass::Refused);
        assert_eq!(error(&body(json!({"raiMediaFilteredCount": 0}))).class, ErrorClass::Empty);
        assert_eq!(error(&json!({"done": true})).class, ErrorClass::Empty);
    }

    #[test]
    fn a_submitted_job_without_a_usable_name_is_malformed() {
        for body in [json!({"name": "../../keys"}), json!({"name": "https://evil.example/operations/x"})] {
            assert_eq!(submitted(&body).unwrap_err().class, ErrorClass::Malformed, "{body}");
        }
        let job = submitted(&json!({"name": "models/veo/operations/x"})).unwrap();
        assert_eq!(job, Submitted { job: JobRef("models/veo/operations/x".into()), progress: None });
    }

    #[test]
    fn googles_files_are_fetched_from_where_the_redirect_would_lead() {
        let host = "https://generativelanguage.googleapis.com";
        let named = format!("{host}/v1beta/files/abc:download?alt=media");
        assert_eq!(direct(&named), format!("{host}/download/v1beta/files/abc:download?alt=media"));
        for other in [
            format!("{host}/download/v1beta/files/abc:download?alt=media"),
            format!("{host}/v1beta/models/x"),
            format!("{host}.evil.example/v1beta/files/abc:download"),
            "https://storage.googleapis.com/v1beta/files/abc:download".to_owned(),
        ] {
            assert_eq!(direct(&other), other);
        }
    }
}
