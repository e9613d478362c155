//! What the Gemini API may answer, one recorded answer per claim. The answers are in `fixtures/gemini`, written after
//! Google's documentation (November 2026).

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::time::Duration;

use copydesk_core::Tokens;
use copydesk_core::generation::failure::FailureCode;
use copydesk_providers::media::{AssetRef, FetchRequest, JobRef, PollRequest, Progress, RunsMediaJobs, SubmitRequest};
use copydesk_providers::{
    AnswerShape, CallReport, CallRequest, ErrorClass, Finish, Gemini, HttpClient, Message, NoSink, Part, PictureSource,
    Provider, ProviderError, Role, Secret, TimeoutPhase, Tool, ToolCall,
};
use serde_json::{Value, json};
use support::{Deltas, KEY, RawServer, patient, request, streamed};

const MODEL: &str = "gemini-2.5-flash";
const JOB: &str = "models/veo-3.1-generate-preview/operations/i4ahdqbsmpjx";

async fn server(case: &str) -> RawServer {
    RawServer::fixture("gemini", case).await
}

fn gemini(server: &RawServer) -> Gemini {
    Gemini::new("gemini", &server.base_url, HttpClient::new().unwrap()).with_api_key(Some(Secret::new(KEY)))
}

async fn call(case: &str) -> CallReport {
    let server = server(case).await;
    let request = if case.contains("stream") { streamed(MODEL, "hi") } else { request(MODEL, "hi") };
    gemini(&server).call(&request, &NoSink).await
}

async fn error(case: &str) -> ProviderError {
    let report = call(case).await;
    assert!(report.sent, "an answer means that the request had left");
    report.result.unwrap_err()
}

/// The one request a server saw: its head in small letters, and its body.
fn seen(server: &RawServer) -> (String, String) {
    let mut requests = server.requests();
    assert_eq!(requests.len(), 1, "one method, one request");
    let (head, body) =
        requests.remove(0).split_once("\r\n\r\n").map(|(head, body)| (head.to_lowercase(), body.into())).unwrap();
    (head, body)
}

fn question(job: &str) -> PollRequest {
    let call_id = request(MODEL, "").call_id;
    PollRequest { call_id, model: MODEL.into(), job: JobRef(job.into()), timeouts: patient() }
}

async fn poll(case: &str) -> CallReport<Progress> {
    let server = server(case).await;
    gemini(&server).poll(&question(JOB)).await
}

/// Why there is nothing to fetch: the job's own failure, or that of the question about it.
fn ended(result: Result<Progress, ProviderError>) -> ProviderError {
    match result {
        Ok(Progress::Failed(error)) | Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_whole_answer_is_reported_with_all_that_was_used_and_without_thoughts() {
    let report = call("answer").await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Grüße aus dem Hafen 🦀", Finish::Stop));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(120)), Some(Tokens(48))));
    assert_eq!((report.usage.input_cached, report.usage.output_reasoning), (Some(Tokens(100)), Some(Tokens(30))));
    assert_eq!((report.http_status, report.partial_text, report.sent), (Some(200), None, true));
    assert_eq!(report.provider_request_id.as_deref(), Some("Il0taoSYJ5Cez7IP"));
    assert_eq!(report.served_model.as_deref(), Some("gemini-2.5-flash-002"));
}

#[tokio::test]
async fn the_key_goes_in_its_own_header_and_never_into_the_address() {
    let server = server("answer").await;
    let request = request(MODEL, "hello");
    gemini(&server).call(&request, &NoSink).await.result.unwrap();
    let (head, body) = seen(&server);
    assert!(head.starts_with("post /v1/models/gemini-2.5-flash:generatecontent http/1.1"), "{head}");
    assert!(head.contains("x-goog-api-key: topsecret-key-42") && !head.contains("authorization"), "{head}");
    assert!(head.contains(&format!("x-copydesk-call-id: {}", request.call_id)), "{head}");
    let wanted = json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), wanted);
}

#[tokio::test]
async fn a_stream_is_handed_on_piece_by_piece_and_its_last_chunk_has_the_usage() {
    let server = server("stream").await;
    let deltas = Deltas::default();
    let report = gemini(&server).call(&streamed(MODEL, "hi"), &deltas).await;
    assert_eq!(report.result.unwrap().text, "Grüße aus dem Hafen 🦀");
    assert_eq!(deltas.texts(), ["Grüße ", "aus dem Hafen 🦀"]);
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(9)), Some(Tokens(20))));
    assert_eq!(report.usage.output_reasoning, Some(Tokens(12)));
    assert_eq!(report.provider_request_id.as_deref(), Some("resp-7"));
    assert!(seen(&server).0.starts_with("post /v1/models/gemini-2.5-flash:streamgeneratecontent?alt=sse http/1.1"));
}

#[tokio::test]
async fn tools_are_declared_and_their_calls_come_back_whole() {
    let server = server("tools_stream").await;
    let tool = Tool { name: "weather".into(), description: None, parameters: json!({"type": "object"}) };
    let request = CallRequest { tools: vec![tool], ..streamed(MODEL, "weather?") };
    let report = gemini(&server).call(&request, &NoSink).await;
    let answer = report.result.unwrap();
    assert_eq!((answer.finish, answer.text.as_str()), (Finish::ToolCalls, ""));
    let calls: Vec<_> = answer.tool_calls.iter().map(|call| (&*call.id, &*call.name, &*call.arguments)).collect();
    assert_eq!(calls, [("call_0", "weather", r#"{"city":"Kiel"}"#), ("fc-2", "weather", r#"{"city":"Lübeck"}"#)]);
    assert_eq!(report.usage.output, Some(Tokens(24)));
    assert!(seen(&server).1.contains(r#""functionDeclarations":[{"#));
}

#[tokio::test]
async fn the_signature_of_a_tool_call_is_handed_out_and_goes_back_with_it() {
    let server_of_calls = server("tools_stream").await;
    let question = streamed("gemini-3-pro", "weather?");
    let calls = gemini(&server_of_calls).call(&question, &NoSink).await.result.unwrap().tool_calls;
    let signatures: Vec<_> = calls.iter().map(|call| call.signature.as_deref()).collect();
    assert_eq!(signatures, [Some("abc"), None]);
    let result = |call: &ToolCall| Message { tool_call_id: Some(call.id.clone()), ..Message::new(Role::Tool, "rain") };
    let results: Vec<Message> = calls.iter().map(result).collect();
    let asked = Message { tool_calls: calls, ..Message::assistant("") };
    let next = CallRequest { messages: [question.messages.clone(), vec![asked], results].concat(), ..question };
    let server = server("stream").await;
    gemini(&server).call(&next, &NoSink).await.result.unwrap();
    let body: Value = serde_json::from_str(&seen(&server).1).unwrap();
    let parts = body["contents"][1]["parts"].as_array().unwrap();
    let sent: Vec<_> = parts.iter().map(|part| part.get("thoughtSignature").and_then(Value::as_str)).collect();
    assert_eq!(sent, [Some("abc"), None], "as it came, and nothing made up beside it");
}

#[tokio::test]
async fn a_schema_is_asked_for_as_json_schema() {
    let server = server("json_schema").await;
    let schema = json!({"type": "object", "properties": {"subject": {"type": "string"}}});
    let request = CallRequest { shape: AnswerShape::Schema(schema.clone()), ..request(MODEL, "hi") };
    let answer = gemini(&server).call(&request, &NoSink).await.result.unwrap();
    assert_eq!(answer.text, r#"{"subject": "Hafen"}"#);
    let body: Value = serde_json::from_str(&seen(&server).1).unwrap();
    let wanted = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    assert_eq!(body["generationConfig"], wanted);
}

#[tokio::test]
async fn pictures_come_beside_the_text_and_a_missing_one_is_a_failure() {
    let server = server("picture").await;
    let request = CallRequest { pictures: true, ..request("gemini-2.5-flash-image", "a boat") };
    let report = gemini(&server).call(&request, &NoSink).await;
    let answer = report.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.pictures.len()), ("Here it is.", 1));
    assert!(matches!(&answer.pictures[0].source, PictureSource::Bytes(bytes) if bytes.starts_with(b"\x89PNG")));
    assert_eq!(report.usage.output, Some(Tokens(1295)));
    let missing = call("no_image").await;
    assert_eq!(
        (missing.usage.output, missing.partial_text.as_deref()),
        (Some(Tokens(6)), Some("I would draw a boat."))
    );
    let error = missing.result.unwrap_err();
    assert_eq!((error.class, error.retryable()), (ErrorClass::Empty, true));
    assert_eq!(error.message, "the answer was not finished (NO_IMAGE): The model wrote text only.");
    assert_eq!(error.provider_code.as_deref(), Some("NO_IMAGE"));
}

#[tokio::test]
async fn every_error_status_has_its_class_and_keeps_googles_words() {
    for (case, class, retryable, words) in [
        ("key_invalid_400", ErrorClass::Unauthorized, false, "API key not valid"),
        ("forbidden_403", ErrorClass::Unauthorized, false, "reported as leaked"),
        ("too_long_400", ErrorClass::TooLarge, false, "The input token count (1200293) exceeds"),
        ("invalid_400", ErrorClass::Rejected, false, "contents is not specified"),
        ("location_400", ErrorClass::Rejected, false, "User location is not supported"),
        ("billing_400", ErrorClass::Quota, false, "Please enable billing"),
        ("unknown_model_404", ErrorClass::ModelNotFound, false, "models/gemini-99 is not found"),
        ("minute_quota_429", ErrorClass::RateLimited, true, "limit: 15"),
        ("day_quota_429", ErrorClass::Quota, false, "You exceeded your current quota"),
        ("zero_quota_429", ErrorClass::Quota, false, "limit: 0"),
        ("internal_500", ErrorClass::ServerError, true, "An internal error"),
        ("overloaded_503", ErrorClass::Overloaded, true, "The model is overloaded"),
        ("deadline_504", ErrorClass::TimedOut(TimeoutPhase::Upstream), true, "within the deadline"),
        ("error_array_200", ErrorClass::Overloaded, true, "The model is overloaded"),
    ] {
        let error = error(case).await;
        assert_eq!((error.class, error.retryable()), (class, retryable), "{case}");
        assert!(error.message.contains(words), "{case}: {error}");
        assert!(error.raw.unwrap().contains("error"), "{case}");
    }
}

#[tokio::test]
async fn a_minute_quota_says_how_long_and_a_day_quota_does_not_mislead() {
    assert_eq!(error("minute_quota_429").await.retry_after, Some(Duration::from_millis(12_500)));
    assert_eq!(error("day_quota_429").await.retry_after, None);
    assert_eq!(error("day_quota_429").await.failure("gemini").code, FailureCode::ProviderQuota);
    assert_eq!(error("zero_quota_429").await.retry_after, None);
}

#[tokio::test]
async fn a_key_google_quotes_is_in_no_part_of_the_error() {
    let error = error("key_invalid_400").await;
    let everything = format!("{error:?} {:?}", error.failure("gemini"));
    assert!(!everything.contains("topsecret"), "{everything}");
    assert_eq!(error.provider_code.as_deref(), Some("API_KEY_INVALID"));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_keeps_the_partial_text_and_the_usage() {
    let report = call("error_mid_stream").await;
    assert_eq!(report.partial_text.as_deref(), Some("The first half"));
    assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(9)), Some(Tokens(3))));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.retry_after), (ErrorClass::RateLimited, Some(Duration::from_secs(7))));
}

/// Google has been seen to write an error into a stream as bare JSON, outside any event. The reader of events skips what
/// is no field of one, so the call is only known to be cut off: retryable, with its text and usage, without the reason.
#[tokio::test]
async fn an_error_outside_the_events_of_a_stream_is_cut_off_and_never_a_success() {
    let report = call("error_outside_stream").await;
    assert_eq!(report.partial_text.as_deref(), Some("The first half"));
    assert_eq!(report.usage.output, Some(Tokens(3)));
    assert_eq!(report.result.unwrap_err().class, ErrorClass::CutOff);
}

#[tokio::test]
async fn a_blocked_prompt_is_refused_with_its_reason_whole_or_streamed() {
    for (case, reason) in [("blocked_prompt", "SAFETY"), ("blocked_prompt_stream", "PROHIBITED_CONTENT")] {
        let report = call(case).await;
        assert_eq!((report.usage.input, report.usage.output), (Some(Tokens(14)), None));
        let error = report.result.unwrap_err();
        assert_eq!((error.class, error.retryable()), (ErrorClass::Refused, false), "{case}");
        assert_eq!(error.message, format!("the prompt was blocked ({reason})"));
    }
}

#[tokio::test]
async fn a_refusal_after_text_is_refused_and_keeps_text_and_usage() {
    let report = call("safety_stream").await;
    assert_eq!(report.partial_text.as_deref(), Some("It begins harmlessly"));
    assert_eq!(report.usage.output, Some(Tokens(5)));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Refused, "the answer was blocked (SAFETY)"));
}

#[tokio::test]
async fn a_mishap_of_the_model_is_worth_another_try() {
    let report = call("malformed_call_stream").await;
    assert_eq!(report.usage.input, Some(Tokens(60)));
    let error = report.result.unwrap_err();
    assert_eq!((error.class, error.retryable()), (ErrorClass::Malformed, true));
    assert!(error.message.contains("MALFORMED_FUNCTION_CALL") && error.message.contains("print(weather("), "{error}");
}

#[tokio::test]
async fn a_length_limit_cuts_an_answer_or_leaves_none() {
    let cut = call("length_with_text").await.result.unwrap();
    assert_eq!((cut.text.as_str(), cut.finish), ("The harbour is dark and", Finish::Length));
    let none = call("length_without_text").await;
    assert_eq!((none.usage.output, none.usage.output_reasoning), (Some(Tokens(95)), Some(Tokens(95))));
    assert_eq!(none.result.unwrap_err().class, ErrorClass::Truncated);
}

#[tokio::test]
async fn an_empty_answer_is_an_error_and_an_unknown_end_is_one_that_keeps_its_word() {
    let empty = call("empty").await;
    assert_eq!(empty.usage.input, Some(Tokens(9)));
    assert_eq!(empty.result.unwrap_err().class, ErrorClass::Empty);
    let unknown = call("unknown_finish").await;
    assert_eq!(unknown.partial_text.as_deref(), Some("Somehow an end"));
    let error = unknown.result.unwrap_err();
    assert_eq!((error.class, error.provider_code.as_deref()), (ErrorClass::Malformed, Some("SOLAR_FLARE")));
}

#[tokio::test]
async fn what_is_cut_or_no_answer_is_never_a_success() {
    for (case, class, text) in [
        ("no_finish_stream", ErrorClass::CutOff, Some("It ends like th")),
        ("cut_event_stream", ErrorClass::CutOff, Some("It ends")),
        ("truncated_json", ErrorClass::CutOff, None),
        ("html_200", ErrorClass::Malformed, None),
        ("unknown_shape", ErrorClass::Malformed, None),
    ] {
        let report = call(case).await;
        assert_eq!(report.partial_text.as_deref(), text, "{case}");
        assert_eq!(report.result.unwrap_err().class, class, "{case}");
    }
}

#[tokio::test]
async fn a_request_the_format_cannot_say_never_leaves() {
    let server = server("answer").await;
    let report = gemini(&server).call(&request("models/../../v1/keys", "hi"), &NoSink).await;
    assert_eq!((report.sent, report.http_status), (false, None));
    assert_eq!(report.result.unwrap_err().class, ErrorClass::ModelNotFound);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_video_is_ordered_with_its_settings_and_its_operation_is_handed_out() {
    let server = server("veo_started").await;
    let order = SubmitRequest {
        call_id: request(MODEL, "").call_id,
        model: "veo-3.1-generate-preview".into(),
        input: vec![Part::Text("waves".into())],
        settings: json!({"durationSeconds": 8}).as_object().unwrap().clone(),
        timeouts: patient(),
    };
    let report = gemini(&server).submit(&order).await;
    assert!(report.sent);
    let submitted = report.result.unwrap();
    assert_eq!((submitted.job, submitted.progress), (JobRef(JOB.into()), None));
    let (head, body) = seen(&server);
    assert!(head.starts_with("post /v1/models/veo-3.1-generate-preview:predictlongrunning http/1.1"), "{head}");
    let wanted = json!({"instances": [{"prompt": "waves"}], "parameters": {"durationSeconds": 8}});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), wanted);
}

#[tokio::test]
async fn an_order_that_google_turns_away_is_classed_like_a_chat_call() {
    let server = server("minute_quota_429").await;
    let order = SubmitRequest {
        call_id: request(MODEL, "").call_id,
        model: "veo-3.1-generate-preview".into(),
        input: vec![Part::Text("waves".into())],
        settings: serde_json::Map::new(),
        timeouts: patient(),
    };
    let error = gemini(&server).submit(&order).await.result.unwrap_err();
    assert_eq!((error.class, error.retry_after), (ErrorClass::RateLimited, Some(Duration::from_millis(12_500))));
}

#[tokio::test]
async fn a_job_is_asked_for_by_its_name_until_it_is_done() {
    let server = server("veo_running").await;
    let running = gemini(&server).poll(&question(JOB)).await.result.unwrap();
    assert_eq!(running, Progress::Running { percent: None, wait: None });
    let (head, body) = seen(&server);
    assert!(head.starts_with(&format!("get /v1/{JOB} http/1.1")) && body.is_empty(), "{head}");
    let uri = "https://generativelanguage.googleapis.com/v1beta/files/a1b2c3:download?alt=media";
    let asset = AssetRef { url: uri.into(), media_type: None };
    assert_eq!(poll("veo_done").await.result.unwrap(), Progress::Done(vec![asset]));
}

#[tokio::test]
async fn a_job_that_failed_was_filtered_or_is_gone_is_an_error_of_its_class() {
    for (case, class, retryable) in [
        ("veo_failed", ErrorClass::ServerError, true),
        ("veo_filtered", ErrorClass::Refused, false),
        ("veo_gone_404", ErrorClass::Rejected, false),
        ("veo_cancelled", ErrorClass::Malformed, true),
    ] {
        let report = poll(case).await;
        assert!(report.sent, "{case}");
        let error = ended(report.result);
        assert_eq!((error.class, error.retryable()), (class, retryable), "{case}: {error}");
    }
    assert!(ended(poll("veo_filtered").await.result).message.contains("usage guidelines"));
    assert_eq!(ended(poll("veo_failed").await.result).provider_code.as_deref(), Some("INTERNAL"));
}

#[tokio::test]
async fn a_job_with_a_name_that_leads_elsewhere_is_never_asked_for() {
    let server = server("veo_running").await;
    let gemini = gemini(&server);
    for bad in ["../keys/operations/x", "operations/x?alt=media", "https://evil.example/operations/x", "models/x"] {
        let polled = gemini.poll(&question(bad)).await;
        let cancelled = gemini.cancel(&question(bad)).await;
        assert!(!polled.sent && !cancelled.sent, "{bad}");
        assert_eq!(polled.result.unwrap_err().class, ErrorClass::Misconfigured, "{bad}");
        assert_eq!(cancelled.result.unwrap_err().class, ErrorClass::Misconfigured, "{bad}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_job_is_cancelled_by_its_name() {
    let server = server("veo_cancelled").await;
    gemini(&server).cancel(&question(JOB)).await.result.unwrap();
    let (head, body) = seen(&server);
    assert!(head.starts_with(&format!("post /v1/{JOB}:cancel http/1.1")), "{head}");
    assert_eq!(body, "{}");
}

async fn fetched(server: &RawServer, from: &str) -> (CallReport<copydesk_providers::media::Fetched>, Vec<u8>) {
    let asset = AssetRef { url: format!("{from}/files/a1b2c3:download?alt=media"), media_type: None };
    let call_id = request(MODEL, "").call_id;
    let wanted = FetchRequest { call_id, model: MODEL.into(), asset, timeouts: patient() };
    let mut film = Vec::new();
    let report = gemini(server).fetch(&wanted, &mut film).await;
    (report, film)
}

#[tokio::test]
async fn a_film_is_fetched_with_the_key_from_our_own_host_and_without_it_from_another() {
    let own = server("veo_film").await;
    let (report, film) = fetched(&own, &own.base_url).await;
    let done = report.result.unwrap();
    assert_eq!((done.media_type.as_str(), done.bytes, film.as_slice()), ("video/mp4", 15, &b"ftypisom-a-film"[..]));
    assert!(seen(&own).0.contains("x-goog-api-key: topsecret-key-42"));
    let other = server("veo_film").await;
    let (report, _film) = fetched(&own, &other.base_url).await;
    report.result.unwrap();
    let (head, _body) = seen(&other);
    assert!(!head.contains("topsecret") && head.starts_with("get /v1/files/a1b2c3:download?alt=media"), "{head}");
}

#[tokio::test]
async fn a_page_instead_of_a_film_is_an_error() {
    let server = server("html_200").await;
    let (report, _film) = fetched(&server, &server.base_url).await;
    assert_eq!(report.result.unwrap_err().class, ErrorClass::Malformed);
}
