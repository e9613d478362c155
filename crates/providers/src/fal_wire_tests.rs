//! What fal's format means, value by value.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::any_json::any_json;
use crate::provider::{Bytes, Picture, PictureSource};

const BASE: &str = "https://queue.fal.run";
const ID: &str = "80e732af-660e-45cd-bd63-580e4f2a94cc";

fn queued(app: &str) -> Queued {
    Queued { app: app.into(), id: ID.into(), is_completed: false }
}

fn picture() -> Part {
    Part::Picture(Picture { media_type: "image/png".into(), source: PictureSource::Bytes(Bytes::from_static(b"png")) })
}

/// Why there is nothing to fetch: the job's own failure, or that of the question about it.
fn ended(result: Result<Progress, ProviderError>) -> ProviderError {
    match result {
        Ok(Progress::Failed(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_model_is_an_address_and_nothing_that_could_bend_one() {
    assert_eq!(submit_url(BASE, "fal-ai/flux/dev").unwrap(), "https://queue.fal.run/fal-ai/flux/dev");
    assert!(submit_url(BASE, "fal-ai/kling-video/v2.1/pro/image-to-video").is_ok());
    for bad in ["", "flux", "fal-ai/", "/flux", "a/../b", "a/b?x", "a//b", "a/b#c", "a/b|c", "a/b/c/d/e/f/g"] {
        assert_eq!(submit_url(BASE, bad).unwrap_err().class, ErrorClass::ModelNotFound, "{bad}");
    }
}

#[test]
fn the_body_is_the_input_itself() {
    let settings = json!({"seed": 7, "prompt": "a dog"});
    let settings = settings.as_object().unwrap();
    let one = body(settings, &[Part::Text("a cat".into()), Part::Text("at dawn".into()), picture()]);
    assert_eq!(one, json!({"seed": 7, "prompt": "a cat\nat dawn", "image_url": "data:image/png;base64,cG5n"}));
    let two = body(&Map::new(), &[picture(), picture()]);
    assert_eq!(two, json!({"image_urls": ["data:image/png;base64,cG5n", "data:image/png;base64,cG5n"]}));
}

#[test]
fn a_job_is_named_by_its_app_and_its_id_and_survives_being_written_down() {
    for queued in [queued("fal-ai/flux"), queued("workflows/me/mine").completed()] {
        assert_eq!(Queued::parse(&queued.job()), Ok(queued));
    }
    assert_eq!(queued("fal-ai/flux").completed().job().0, format!("fal-ai/flux|{ID}|result"));
    assert_eq!(queued("fal-ai/flux").url(BASE), format!("{BASE}/fal-ai/flux/requests/{ID}"));
}

#[test]
fn a_job_nobody_named_goes_into_no_address() {
    let bad =
        ["", "|", "a/b", "a/b|", "a/b|x/y", "a/b|..", "a/b|x|status", "a/b|x|result|x", "../b|x", "a|x", "a/b|x|"];
    for bad in bad {
        assert_eq!(Queued::parse(&JobRef(bad.into())).unwrap_err().class, ErrorClass::Misconfigured, "{bad}");
    }
}

#[test]
fn the_app_is_read_from_an_address_on_the_own_host_only() {
    let app = |status_url: &str| {
        let answer = json!({"request_id": ID, "status_url": status_url});
        submitted(BASE, "fal-ai/flux/dev", &answer).unwrap().app
    };
    assert_eq!(app(&format!("{BASE}/fal-ai/other/requests/{ID}/status")), "fal-ai/other");
    let foreign = [
        format!("https://evil.example/fal-ai/other/requests/{ID}/status"),
        format!("http://queue.fal.run/fal-ai/other/requests/{ID}/status"),
        format!("{BASE}:8443/fal-ai/other/requests/{ID}/status"),
        format!("{BASE}@evil.example/fal-ai/other/requests/{ID}/status"),
        format!("{BASE}/a/b/c/d/e/f/g/requests/{ID}/status"),
        format!("{BASE}/fal-ai/other/requests/another/status"),
        "nonsense".to_owned(),
    ];
    for foreign in foreign {
        assert_eq!(app(&foreign), "fal-ai/flux", "{foreign}");
    }
}

#[test]
fn without_an_address_the_app_is_the_model_without_its_endpoint() {
    let app = |model: &str| submitted(BASE, model, &json!({"request_id": ID})).unwrap().app;
    assert_eq!(app("fal-ai/flux/dev"), "fal-ai/flux");
    assert_eq!(app("fal-ai/fast-sdxl"), "fal-ai/fast-sdxl");
    assert_eq!(app("workflows/me/mine/endpoint"), "workflows/me/mine");
    for bad in
        [json!({}), json!({"request_id": 7}), json!({"request_id": "../x"}), json!({"request_id": ""}), json!([])]
    {
        assert_eq!(submitted(BASE, "a/b", &bad).unwrap_err().class, ErrorClass::Malformed, "{bad}");
    }
}

#[test]
fn completed_is_another_stage_and_not_yet_the_result() {
    let of = |body: Value| status(queued("a/b"), &body);
    assert_eq!(of(json!({"status": "IN_QUEUE", "queue_position": 0})), of(json!({"status": "IN_PROGRESS"})));
    assert_eq!(
        of(json!({"status": "COMPLETED", "error": null})),
        Ok(Progress::Next(JobRef(format!("a/b|{ID}|result"))))
    );
    for bad in [json!({"status": "DREAMING"}), json!({}), json!([]), json!({"status": 7})] {
        assert_eq!(of(bad.clone()).unwrap_err().class, ErrorClass::Malformed, "{bad}");
    }
    assert_eq!(ended(of(json!({"status": "CANCELLED"}))).class, ErrorClass::Rejected);
}

#[test]
fn a_completed_request_may_have_failed() {
    let of = |error_type: &str| {
        let body = json!({"status": "COMPLETED", "error": "no", "error_type": error_type});
        ended(status(queued("a/b"), &body))
    };
    assert_eq!(of("request_timeout").class, ErrorClass::TimedOut(TimeoutPhase::Upstream));
    assert_eq!(of("runner_scheduling_failure").class, ErrorClass::Overloaded);
    assert_eq!(of("content_policy_violation").class, ErrorClass::Refused);
    assert_eq!(of("client_cancelled").class, ErrorClass::Rejected);
    let unknown = of("something_new");
    assert_eq!((unknown.class, unknown.message.as_str()), (ErrorClass::Rejected, "no"));
    assert_eq!(unknown.provider_code.as_deref(), Some("something_new"));
    let nameless = ended(status(queued("a/b"), &json!({"status": "COMPLETED", "error_type": "internal_error"})));
    assert_eq!(nameless.class, ErrorClass::ServerError);
}

#[test]
fn one_complaint_about_the_content_makes_a_refusal() {
    let detail = json!([
        {"loc": ["body", "seed"], "msg": "too large", "type": "less_than"},
        {"loc": ["body", "prompt", 0], "msg": "flagged", "type": "content_policy_violation"},
    ]);
    let found = explain(&json!({"detail": detail}), "");
    assert_eq!(found.class, Some(ErrorClass::Refused));
    assert_eq!(found.message, "body.seed: too large; body.prompt.0: flagged");
    assert_eq!(found.words[0], "content_policy_violation");
}

#[test]
fn an_empty_account_is_no_wrong_key() {
    let found = explain(&json!({"detail": "User is locked. Reason: Exhausted balance."}), "");
    assert_eq!(found.class, Some(ErrorClass::Quota));
    assert_eq!(explain(&json!({"detail": "Invalid key"}), "").class, None);
}

#[test]
fn an_apps_own_failure_is_tried_again_only_where_fal_says_so() {
    let class = |status: u16, retryable, is_apps_own, error_type| {
        let error = ProviderError::new(ErrorClass::ServerError, "no");
        corrected(error, Head { status, error_type, retryable, is_apps_own }).class
    };
    assert_eq!(class(502, None, false, None), ErrorClass::ServerError);
    assert_eq!(class(500, None, true, None), ErrorClass::Rejected);
    assert_eq!(class(500, Some("true"), true, None), ErrorClass::ServerError);
    assert_eq!(class(500, Some("false"), false, None), ErrorClass::Rejected);
    assert_eq!(class(504, None, true, Some("startup_timeout")), ErrorClass::TimedOut(TimeoutPhase::Upstream));
    let of = |class, head| corrected(ProviderError::new(class, "no"), head).class;
    let retryable = Head { status: 422, retryable: Some("true"), is_apps_own: true, error_type: None };
    assert_eq!(of(ErrorClass::Rejected, retryable), ErrorClass::ServerError);
    assert_eq!(of(ErrorClass::Refused, retryable), ErrorClass::Refused, "a refusal is final whatever the head says");
    let limited = Head { status: 429, retryable: Some("false"), ..Head::default() };
    assert_eq!(of(ErrorClass::RateLimited, limited), ErrorClass::RateLimited);
}

#[test]
fn files_are_found_wherever_they_stand_with_their_types() {
    let found = |body: Value| match result(&body) {
        Progress::Done(assets) => assets.into_iter().map(|asset| (asset.url, asset.media_type)).collect(),
        Progress::Running { .. } | Progress::Next(_) => panic!("it is done"),
        Progress::Failed(error) => vec![(format!("{:?}", error.class), None)],
    };
    let png = Some("image/png".to_owned());
    let images = json!({"images": [{"url": "https://a/1", "content_type": "image/png"}, {"url": "https://a/2"}]});
    assert_eq!(found(images), [("https://a/1".to_owned(), png), ("https://a/2".to_owned(), None)]);
    assert_eq!(found(json!({"audio_url": "https://a/3"})), [("https://a/3".to_owned(), None)]);
    for none in
        [json!({}), json!(null), json!({"text": "https://a/4"}), json!({"image": {"url": "file:///etc/passwd"}})]
    {
        assert_eq!(found(none.clone()), [("Rejected".to_owned(), None)], "{none}");
    }
}

#[test]
fn blackened_pictures_are_no_result_and_nothing_but_those_is_a_refusal() {
    let files = |body: Value| match result(&body) {
        Progress::Done(assets) => Ok(assets.into_iter().map(|asset| asset.url).collect::<Vec<_>>()),
        Progress::Running { .. } | Progress::Next(_) => panic!("it is done"),
        Progress::Failed(error) => Err((error.class, error.retryable())),
    };
    let of = |flags: Value| {
        files(json!({"images": [{"url": "https://a/1"}, {"url": "https://a/2"}], "has_nsfw_concepts": flags}))
    };
    let both = Ok(vec!["https://a/1".to_owned(), "https://a/2".to_owned()]);
    for harmless in [json!([false, false]), json!([]), json!(null), json!("odd"), json!([null, 1])] {
        assert_eq!(of(harmless.clone()), both, "{harmless}");
    }
    assert_eq!(of(json!([true, false])), Ok(vec!["https://a/2".to_owned()]));
    assert_eq!(of(json!([true, true])), Err((ErrorClass::Refused, false)));
    let single = |flag: Value| files(json!({"image": {"url": "https://a/1"}, "has_nsfw_concepts": flag}));
    for all in [json!([true]), json!(true)] {
        assert_eq!(single(all.clone()), Err((ErrorClass::Refused, false)), "{all}");
    }
    assert_eq!(single(json!(false)), Ok(vec!["https://a/1".to_owned()]));
}

const WORDS: &[&str] = &[
    "has_nsfw_concepts",
    "status",
    "COMPLETED",
    "IN_QUEUE",
    "detail",
    "error",
    "error_type",
    "type",
    "msg",
    "loc",
    "url",
    "images",
    "request_id",
    "status_url",
    "content_type",
    "content_policy_violation",
    "https://a/1",
];

proptest! {
    #[test]
    fn no_json_and_no_text_makes_it_panic(body in any_json(WORDS), text in ".{0,80}") {
        let found = explain(&body, &text);
        let _nested = (explain(&json!({"detail": body}), &text), failure(&json!({"error": body})));
        let _read = (submitted(BASE, &text, &body).is_ok(), status(queued("a/b"), &body).is_ok(), result(&body));
        let _queued = (Queued::parse(&JobRef(text.clone())).is_ok(), submit_url(BASE, &text).is_ok());
        let _app = app_in(BASE, &text, ID);
        let error = ProviderError::new(found.class.unwrap_or(ErrorClass::Rejected), found.message);
        let head = Head { status: 500, error_type: Some(&text), retryable: Some(&text), is_apps_own: true };
        let _corrected = corrected(error, head);
    }
}
