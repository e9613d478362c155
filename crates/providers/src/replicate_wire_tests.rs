//! What Replicate's format means, value by value.

use proptest::prelude::*;

use super::*;
use crate::any_json::any_json;
use crate::provider::{Bytes, Picture, PictureSource};

const BASE: &str = "https://api.replicate.com/v1";
const VERSION: &str = "9dcd6d78e7c6560c340d916fe32e9f24aabfa331e5cce95fe31f77fb03121426";

fn picture() -> Part {
    Part::Picture(Picture { media_type: "image/png".into(), source: PictureSource::Bytes(Bytes::from_static(b"png")) })
}

fn settings(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn failure(text: &str) -> ErrorClass {
    ended(progress(&json!({"id": "a", "status": "failed", "error": text}))).class
}

/// Why there is nothing to fetch: the job's own failure, or that of the question about it.
fn ended(result: Result<Progress, ProviderError>) -> ProviderError {
    match result {
        Ok(Progress::Failed(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_model_by_name_has_an_address_of_its_own_and_a_version_stands_in_the_body() {
    let of = |model: &str| target(BASE, model).unwrap();
    let by_name = of("black-forest-labs/flux-1.1-pro");
    assert_eq!(by_name, (format!("{BASE}/models/black-forest-labs/flux-1.1-pro/predictions"), None));
    let full = format!("stability-ai/sdxl:{VERSION}");
    assert_eq!(of(&full), (format!("{BASE}/predictions"), Some(full.clone())));
    assert_eq!(of(VERSION), (format!("{BASE}/predictions"), Some(VERSION.to_owned())));
}

#[test]
fn a_model_that_could_bend_the_address_is_no_model() {
    for bad in ["", "flux", "a/b/c", "a/..", "../b", "a/b?x", "a/b:", "a/b:c/d", "a/b#", "a b/c", "/b", "a/", "a/b:c:d"]
    {
        assert_eq!(target(BASE, bad).unwrap_err().class, ErrorClass::ModelNotFound, "{bad}");
    }
}

#[test]
fn the_body_holds_the_settings_the_prompt_and_the_picture() {
    let parts = [Part::Text("a cat".into()), picture()];
    let body = body(&settings(json!({"duration": 5, "prompt": "a dog"})), &parts, Some(VERSION.into())).unwrap();
    let wanted = json!({
        "version": VERSION,
        "input": {"duration": 5, "prompt": "a cat", "image": "data:image/png;base64,cG5n"},
    });
    assert_eq!(body, wanted);
}

#[test]
fn what_was_not_given_is_not_sent_and_two_pictures_are_refused() {
    assert_eq!(body(&Map::new(), &[], None).unwrap(), json!({"input": {}}));
    let error = body(&Map::new(), &[picture(), picture()], None).unwrap_err();
    assert_eq!(error.class, ErrorClass::Misconfigured);
}

#[test]
fn a_deadline_is_sent_in_whole_seconds_within_what_the_interface_takes() {
    assert_eq!(cancel_after(Duration::from_secs(300)).as_deref(), Some("300s"));
    assert_eq!(cancel_after(Duration::from_millis(1_500)).as_deref(), Some("5s"));
    assert_eq!(cancel_after(Duration::MAX), None);
}

#[test]
fn only_an_id_goes_into_an_address() {
    let url = |id: &str| job_url(BASE, &JobRef(id.into())).map_err(|error| error.class);
    assert_eq!(url("gm3qorzdhgbfurvjtvhg6dckhu").unwrap(), format!("{BASE}/predictions/gm3qorzdhgbfurvjtvhg6dckhu"));
    for bad in ["", "a/cancel", "..", "a?b", "a b", "é", &"x".repeat(65)] {
        assert_eq!(url(bad), Err(ErrorClass::Misconfigured), "{bad}");
    }
}

#[test]
fn a_submission_names_its_job_and_says_nothing_of_progress_but_a_finished_one() {
    let of = |status: &str| {
        submitted(&json!({"id": "abc", "status": status, "output": "https://replicate.delivery/a.png"})).unwrap()
    };
    assert_eq!(of("starting"), Submitted { job: JobRef("abc".into()), progress: None });
    assert_eq!(of("failed").progress, None);
    let asset = AssetRef { url: "https://replicate.delivery/a.png".into(), media_type: None };
    assert_eq!(of("succeeded").progress, Some(Progress::Done(vec![asset])));
    for bad in [json!({}), json!({"id": 7}), json!({"id": "a/../b"}), json!({"id": ""}), json!([]), json!("abc")] {
        assert_eq!(submitted(&bad).unwrap_err().class, ErrorClass::Malformed, "{bad}");
    }
}

#[test]
fn files_are_found_in_a_text_a_list_and_an_object() {
    let found = |output: Value| match progress(&json!({"status": "succeeded", "output": output})) {
        Ok(Progress::Done(assets)) => assets.into_iter().map(|asset| asset.url).collect(),
        Ok(Progress::Running { .. } | Progress::Next(_)) => panic!("it is done"),
        Ok(Progress::Failed(error)) | Err(error) => vec![format!("{:?}", error.class)],
    };
    assert_eq!(found(json!("https://a/1")), ["https://a/1"]);
    assert_eq!(found(json!(["https://a/1", "https://a/2", "https://a/1"])), ["https://a/1", "https://a/2"]);
    assert_eq!(found(json!({"video": "https://a/v", "frames": [{"url": "https://a/f"}]})).len(), 2);
    for empty in [json!(null), json!([]), json!("a poem"), json!("https://a is a site"), json!(["file:///etc/passwd"])]
    {
        assert_eq!(found(empty.clone()), ["Rejected"], "{empty}");
    }
}

#[test]
fn a_prediction_that_was_stopped_is_not_run_again_and_one_that_never_ran_may_be() {
    let class = |status: &str| ended(progress(&json!({"status": status}))).class;
    assert_eq!(class("canceled"), ErrorClass::Rejected);
    assert_eq!(class("aborted"), ErrorClass::TimedOut(TimeoutPhase::Upstream));
    assert_eq!(class("melting"), ErrorClass::Malformed);
    assert!(ended(progress(&json!({"status": "melting"}))).message.contains("melting"));
}

#[test]
fn a_filters_no_is_a_refusal() {
    let words = [
        "NSFW content detected. Try running it again, or try a different prompt.",
        "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
        "Error generating: content policy violation",
        "Your request was rejected by our safety system.",
    ];
    for words in words {
        assert_eq!(failure(words), ErrorClass::Refused, "{words}");
    }
}

#[test]
fn what_the_platform_broke_can_be_tried_again() {
    let words = [
        "Prediction interrupted; please retry (code: PA)",
        "Director: unexpected error handling prediction (E8765)",
        "E6716: timeout starting prediction",
        "E1001 model out of memory",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
    ];
    for words in words {
        assert_eq!(failure(words), ErrorClass::ServerError, "{words}");
    }
    assert_eq!(failure("Service is currently unavailable due to high demand. (E003)"), ErrorClass::Overloaded);
}

#[test]
fn what_the_model_did_not_take_is_rejected_in_its_own_words() {
    let error = ended(progress(&json!({"status": "failed", "error": "width must be a multiple of 8"})));
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Rejected, "width must be a multiple of 8"));
    let coded = ended(progress(&json!({"status": "failed", "error": "The input was invalid (E006)"})));
    assert_eq!((coded.class, coded.provider_code.as_deref()), (ErrorClass::Rejected, Some("E006")));
    let silent = ended(progress(&json!({"status": "failed", "error": null})));
    assert_eq!(silent.class, ErrorClass::ServerError);
}

#[test]
fn a_wait_is_read_from_a_field_or_from_words() {
    let wait = |body: Value| explain(&body, "").retry_after;
    assert_eq!(wait(json!({"detail": "Your rate limit resets in ~30s."})), Some(Duration::from_secs(30)));
    assert_eq!(wait(json!({"detail": "resets in 1.5 seconds"})), Some(Duration::from_millis(1_500)));
    assert_eq!(wait(json!({"detail": "resets in ~2m"})), Some(Duration::from_secs(120)));
    assert_eq!(wait(json!({"detail": "resets in ~5s", "retry_after": 7})), Some(Duration::from_secs(7)));
    for none in ["resets in a while", "resets in", "resets in ~", "resets in -3s", "resets in 1.2.3s"] {
        assert_eq!(wait(json!({"detail": none})), None, "{none}");
    }
    assert_eq!(wait(json!({"retry_after": -1})), None);
    assert_eq!(wait(json!({"retry_after": 1e300})), None);
}

const WORDS: &[&str] =
    &["status", "output", "error", "id", "detail", "title", "succeeded", "failed", "url", "retry_after", "https://a/1"];

proptest! {
    #[test]
    fn no_json_and_no_text_makes_it_panic(body in any_json(WORDS), text in ".{0,80}") {
        let _answers = (submitted(&body).is_ok(), progress(&body).is_ok(), explain(&body, &text));
        let _failure = progress(&json!({"status": "failed", "error": body})).is_ok();
        let _done = progress(&json!({"status": "succeeded", "output": body})).is_ok();
        let _words = (class_of_failure(&text), seconds_in(&text), seconds_in(&format!("resets in {text}")));
        let _target = (target(BASE, &text).is_ok(), job_url(BASE, &JobRef(text)).is_ok());
    }
}
