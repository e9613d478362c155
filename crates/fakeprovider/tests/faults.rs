//! Each fault on the wire. The tables are one row a fault; the last test sees that no fault is without a row here or a
//! test of its own.

use std::collections::BTreeSet;

use copydesk_fakeprovider::{Dialect, FakeProvider, Fault, How};
use serde_json::{Value, json};

use crate::raw::{Got, call, chat, request, send};

const STREAM: bool = true;
const PLAIN: bool = false;

/// The answer arrives whole, in a right framing, with this status and these texts in it.
struct Whole(Fault, bool, u16, &'static [&'static str]);

const WHOLE: &[Whole] = &[
    Whole(Fault::SseCut, STREAM, 200, &["data: {", "\"content\":\"🙂\""]),
    Whole(Fault::MissingFinalEvent, STREAM, 200, &["\"finish_reason\":\"stop\"", "prompt_tokens"]),
    Whole(Fault::MissingFinish, STREAM, 200, &["[DONE]", "prompt_tokens"]),
    Whole(Fault::Html200, PLAIN, 200, &["<!DOCTYPE html>", "<script>"]),
    Whole(Fault::HtmlAsJson, PLAIN, 200, &["<!DOCTYPE html>"]),
    Whole(Fault::Html502, PLAIN, 502, &["502 Bad Gateway"]),
    Whole(Fault::Text200, PLAIN, 200, &["upstream connect error"]),
    Whole(Fault::ErrorString200, PLAIN, 200, &["{\"error\":\"The provider"]),
    Whole(Fault::ErrorObject200, PLAIN, 200, &["\"code\":502"]),
    Whole(Fault::ErrorObject200Text, PLAIN, 200, &["\"code\":\"server_error\""]),
    Whole(Fault::ErrorArray200, PLAIN, 200, &["[{\"error\":"]),
    Whole(Fault::ErrorInChoices, PLAIN, 200, &["\"finish_reason\":\"error\"", "\"error\":{\"code\":502", "This"]),
    Whole(Fault::ErrorMidStream, STREAM, 200, &["\"content\":\"This \"", "\"error\":{"]),
    Whole(Fault::JsonAsHtml, PLAIN, 200, &["\"content\":\"This is"]),
    Whole(Fault::NoContentType, PLAIN, 200, &["\"content\":\"This is"]),
    Whole(Fault::SseAsJson, PLAIN, 200, &["data: {", "[DONE]"]),
    Whole(Fault::ContinueFirst, PLAIN, 100, &[]),
    Whole(Fault::QuotaExhausted, PLAIN, 429, &["\"code\":\"insufficient_quota\""]),
    Whole(Fault::QuotaPerDay, PLAIN, 429, &["\"type\":\"insufficient_quota\""]),
    Whole(Fault::QuotaPerMinute, PLAIN, 429, &["\"code\":\"rate_limit_exceeded\""]),
    Whole(Fault::ContextTooLong, PLAIN, 400, &["\"code\":\"context_length_exceeded\""]),
    Whole(Fault::Refusal, PLAIN, 200, &["\"content\":null", "\"refusal\":\"I can't help"]),
    Whole(Fault::ContentFilter, PLAIN, 200, &["\"finish_reason\":\"content_filter\"", "This is"]),
    Whole(Fault::Length, PLAIN, 200, &["\"finish_reason\":\"length\"", "\"completion_tokens\":6"]),
    Whole(Fault::UnknownFinish, PLAIN, 200, &["\"finish_reason\":\"cosmic_ray\""]),
    Whole(Fault::EmptyAnswer, PLAIN, 200, &["\"content\":\"\"", "\"completion_tokens\":0", "\"stop\""]),
    Whole(Fault::SameId, PLAIN, 200, &["\"id\":\"chatcmpl-fake-same\""]),
    Whole(Fault::OtherModel, PLAIN, 200, &["\"model\":\"fake-other-model\""]),
    Whole(Fault::UsageNull, PLAIN, 200, &["\"usage\":null"]),
    Whole(Fault::UsageString, PLAIN, 200, &["\"prompt_tokens\":\"5\"", "\"completion_tokens\":\"12\""]),
    Whole(Fault::UsageFloat, PLAIN, 200, &["\"prompt_tokens\":5.5", "\"completion_tokens\":12.5"]),
    Whole(Fault::UsageNegative, PLAIN, 200, &["\"prompt_tokens\":-6", "\"completion_tokens\":-13"]),
    Whole(Fault::UsageTwoPow63, PLAIN, 200, &["\"completion_tokens\":9223372036854775808"]),
    Whole(Fault::UsageParts, PLAIN, 200, &["\"prompt_tokens\":5", "\"total_tokens\":1017"]),
    Whole(Fault::UsageAboveHold, PLAIN, 200, &["\"completion_tokens\":1000012", "\"total_tokens\":1000017"]),
    Whole(Fault::Nul, PLAIN, 200, &["An odd\\u0000 text"]),
    Whole(Fault::NulRaw, PLAIN, 200, &["An odd \0 text"]),
    Whole(Fault::LoneSurrogate, PLAIN, 200, &["An odd \\ud800 text"]),
    Whole(Fault::EmojiCut, STREAM, 200, &["🙂", "🦀"]),
    Whole(Fault::EmojiHalves, PLAIN, 200, &["An odd \\ud83d\\ude00 text"]),
    Whole(Fault::EmojiHalves, STREAM, 200, &["\"content\":\"\\ud83d\"", "\"content\":\"\\ude00 \""]),
];

#[tokio::test]
async fn whole_answers_say_what_their_fault_says() {
    let fake = FakeProvider::start().await;
    for Whole(fault, stream, status, texts) in WHOLE {
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), *stream).await;
        assert_eq!(got.status(), *status, "{fault}");
        for text in *texts {
            assert!(got.body_text().contains(text), "{fault}: no {text} in {}", got.body_text());
        }
        let log = fake.log();
        assert_eq!(log.last().map(|entry| entry.fault), Some(Some(*fault)));
    }
    let log = fake.wait_for(|log| log.iter().all(|entry| entry.ended.is_over())).await;
    assert!(log.iter().all(|entry| entry.ended == How::Answered), "they are all written to the end");
}

/// What must not be in the answer.
const LACKS: &[(Fault, bool, &[&str])] = &[
    (Fault::SseCut, STREAM, &["[DONE]", "\"finish_reason\":\"stop\"", "prompt_tokens"]),
    (Fault::MissingFinalEvent, STREAM, &["[DONE]"]),
    (Fault::MissingFinish, STREAM, &["\"finish_reason\":\"stop\""]),
    (Fault::ErrorFirst, STREAM, &["This", "[DONE]"]),
    (Fault::ErrorMidStream, STREAM, &["[DONE]", "prompt_tokens"]),
    (Fault::UsageMissing, PLAIN, &["usage", "prompt_tokens"]),
    (Fault::UsageMissing, STREAM, &["usage", "prompt_tokens"]),
    (Fault::UsageNull, STREAM, &["prompt_tokens"]),
];

#[tokio::test]
async fn what_a_fault_takes_away_is_not_there() {
    let fake = FakeProvider::start().await;
    for (fault, stream, texts) in LACKS {
        let body = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), *stream).await.body_text();
        for text in *texts {
            assert!(!body.contains(text), "{fault}: {text} in {body}");
        }
    }
}

/// The status in the dialect's own shape: where its error says what.
const STATUSES: &[(Fault, u16)] = &[
    (Fault::Status400, 400),
    (Fault::Status401, 401),
    (Fault::Status402, 402),
    (Fault::Status403, 403),
    (Fault::Status404, 404),
    (Fault::Status408, 408),
    (Fault::Status409, 409),
    (Fault::Status413, 413),
    (Fault::Status422, 422),
    (Fault::Status425, 425),
    (Fault::Status429, 429),
    (Fault::Status500, 500),
    (Fault::Status502, 502),
    (Fault::Status503, 503),
    (Fault::Status504, 504),
    (Fault::Status524, 524),
    (Fault::Status529, 529),
];

#[tokio::test]
async fn statuses_come_in_the_shape_of_their_dialect() {
    let fake = FakeProvider::start().await;
    for (fault, status) in STATUSES {
        for dialect in Dialect::CHAT {
            let got = call(&fake, dialect, &format!("m?fault={fault}"), STREAM).await;
            assert_eq!(got.status(), *status, "{dialect:?}");
            let value = got.json();
            let message = match dialect {
                Dialect::Ollama => &value["error"],
                Dialect::OpenAi
                | Dialect::OpenRouter
                | Dialect::Anthropic
                | Dialect::Gemini
                | Dialect::Replicate
                | Dialect::Fal
                | Dialect::Asset
                | Dialect::Unknown => &value["error"]["message"],
            };
            assert!(message.as_str().is_some_and(|text| !text.is_empty()), "{dialect:?} {value}");
            assert_eq!(got.header("retry-after"), None, "{fault} says nothing of coming back");
        }
    }
    assert_eq!(fake.billed().input, 0, "an error costs nothing");
}

#[tokio::test]
async fn error_words_are_the_providers_own() {
    let fake = FakeProvider::start().await;
    let cases: &[(Dialect, Fault, u16, &str, Value)] = &[
        (Dialect::OpenAi, Fault::Status401, 401, "/error/code", json!("invalid_api_key")),
        (Dialect::OpenRouter, Fault::Status529, 529, "/error/metadata/error_type", json!("provider_overloaded")),
        (Dialect::OpenRouter, Fault::QuotaExhausted, 402, "/error/code", json!(402)),
        (Dialect::Anthropic, Fault::Status529, 529, "/error/type", json!("overloaded_error")),
        (Dialect::Anthropic, Fault::QuotaExhausted, 402, "/error/type", json!("billing_error")),
        (Dialect::Gemini, Fault::Status429, 429, "/error/status", json!("RESOURCE_EXHAUSTED")),
        (Dialect::Gemini, Fault::QuotaPerMinute, 429, "/error/details/1/retryDelay", json!("2s")),
        (
            Dialect::Gemini,
            Fault::QuotaPerDay,
            429,
            "/error/details/0/violations/0/quotaId",
            json!("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        ),
        (Dialect::Gemini, Fault::Refusal, 200, "/promptFeedback/blockReason", json!("PROHIBITED_CONTENT")),
        (Dialect::Gemini, Fault::ContentFilter, 200, "/candidates/0/finishReason", json!("SAFETY")),
        (Dialect::Anthropic, Fault::Refusal, 200, "/stop_reason", json!("refusal")),
        (Dialect::Anthropic, Fault::Length, 200, "/stop_reason", json!("max_tokens")),
        (Dialect::Ollama, Fault::Length, 200, "/done_reason", json!("length")),
    ];
    for (dialect, fault, status, pointer, expected) in cases {
        let got = call(&fake, *dialect, &format!("m?fault={fault}"), PLAIN).await;
        assert_eq!((got.status(), got.json().pointer(pointer)), (*status, Some(expected)), "{dialect:?} {fault}");
    }
}

const RETRY_AFTER: &[(Fault, &str, Option<&str>)] = &[
    (Fault::RetryAfterSeconds, "retry-after", Some("2")),
    (Fault::RetryAfterFraction, "retry-after", Some("0.25")),
    (Fault::RetryAfterDatePast, "retry-after", Some("Wed, 21 Oct 2015 07:28:00 GMT")),
    (Fault::RetryAfterMs, "retry-after-ms", Some("1500")),
    (Fault::RetryAfterMs, "retry-after", None),
    (Fault::RetryAfterZero, "retry-after", Some("0")),
    (Fault::RetryAfterNegative, "retry-after", Some("-1")),
    (Fault::RetryAfterHuge, "retry-after", Some("99999999")),
    (Fault::RetryAfterGarbage, "retry-after", Some("soon, probably")),
];

#[tokio::test]
async fn every_way_of_saying_when_to_come_back() {
    let fake = FakeProvider::start().await;
    for (fault, name, value) in RETRY_AFTER {
        let got = call(&fake, Dialect::Anthropic, &format!("m?fault={fault}"), PLAIN).await;
        assert_eq!((got.status(), got.header(name).as_deref()), (429, *value), "{fault}");
    }
    let got = call(&fake, Dialect::OpenAi, &format!("m?fault={}", Fault::RetryAfterDate), PLAIN).await;
    assert!(got.header("retry-after").is_some_and(|date| date.ends_with(" GMT")));
}

const CONTENT_TYPES: &[(Fault, bool, Option<&str>)] = &[
    (Fault::HtmlAsJson, PLAIN, Some("application/json")),
    (Fault::Html200, PLAIN, Some("text/html; charset=utf-8")),
    (Fault::Text200, PLAIN, Some("text/plain")),
    (Fault::JsonAsHtml, PLAIN, Some("text/html")),
    (Fault::NoContentType, PLAIN, None),
    (Fault::SseAsJson, STREAM, Some("application/json")),
];

#[tokio::test]
async fn content_types_lie() {
    let fake = FakeProvider::start().await;
    for (fault, stream, expected) in CONTENT_TYPES {
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), *stream).await;
        assert_eq!(got.header("content-type").as_deref(), *expected, "{fault}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let fake = FakeProvider::start().await;
    for fault in [Fault::TruncatedJson, Fault::InvalidJson, Fault::Empty200] {
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), PLAIN).await;
        let body = got.body().unwrap();
        assert_eq!(got.status(), 200);
        assert!(serde_json::from_slice::<Value>(&body).is_err(), "{fault}");
        assert_eq!(body.is_empty(), fault == Fault::Empty200, "{fault}");
    }
    let got = call(&fake, Dialect::OpenAi, "m?fault=non_utf8", PLAIN).await;
    assert!(got.body().unwrap().windows(2).any(|pair| pair == b"\xff\xfe"));
    let got = call(&fake, Dialect::OpenAi, "m?fault=truncated_json", STREAM).await;
    let body = got.body_text();
    assert!(!body.contains("[DONE]") && body.ends_with("\n\n"), "the last event is cut, the stream is not");
}

#[tokio::test]
async fn an_error_may_be_the_first_and_only_event() {
    let fake = FakeProvider::start().await;
    for dialect in Dialect::CHAT {
        let got = call(&fake, dialect, "m?fault=error_first", STREAM).await;
        assert_eq!(got.status(), 200);
        let body = got.body_text();
        assert_eq!(body.matches("\"error\"").count().min(1), 1, "{dialect:?}: {body}");
        assert!(!body.contains("This"), "{dialect:?}");
    }
}

#[tokio::test]
async fn the_same_usage_comes_twice() {
    let fake = FakeProvider::start().await;
    let plain = call(&fake, Dialect::OpenAi, "m?fault=usage_twice", PLAIN).await.body_text();
    assert_eq!(plain.matches("\"usage\":").count(), 2);
    assert!(serde_json::from_str::<Value>(&plain).is_ok(), "two keys of one name are JSON all the same");
    let stream = call(&fake, Dialect::OpenAi, "m?fault=usage_twice", STREAM).await.body_text();
    assert_eq!(stream.matches("\"prompt_tokens\":5").count(), 2);
    assert_eq!(fake.billed().input, 10, "billed once for each of the two calls");
}

#[tokio::test]
async fn usage_lies_reach_every_dialect() {
    let fake = FakeProvider::start().await;
    for dialect in Dialect::CHAT {
        for stream in [PLAIN, STREAM] {
            let text = call(&fake, dialect, "m?fault=usage_2_pow_63", stream).await.body_text();
            assert!(text.contains(":9223372036854775808"), "{dialect:?} {stream}");
            let text = call(&fake, dialect, "m?fault=usage_missing", stream).await.body_text();
            assert!(!text.contains("_tokens\"") && !text.contains("TokenCount") && !text.contains("eval_count"));
            let text = call(&fake, dialect, "m?fault=usage_above_hold", stream).await.body_text();
            assert!(text.contains(":1000012"), "{dialect:?} {stream} {text}");
        }
    }
    assert_eq!(fake.log().iter().filter(|entry| entry.billed.output >= 1_000_000).count(), 10);
}

#[tokio::test]
async fn a_model_is_gone_after_it_worked() {
    let fake = FakeProvider::start().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(call(&fake, Dialect::Gemini, "m?fault=model_gone", PLAIN).await.status());
    }
    assert_eq!(statuses, [200, 404, 404]);
}

#[tokio::test]
async fn three_of_ten_fail_with_five_statuses_in_turn() {
    let fake = FakeProvider::start().await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(call(&fake, Dialect::OpenAi, "m?fault=mixed_5xx", PLAIN).await.status());
    }
    let failed: Vec<u16> = statuses.into_iter().filter(|status| *status != 200).collect();
    assert_eq!(failed, [500, 502, 503, 504, 529, 500]);
}

#[tokio::test]
async fn faults_come_from_header_query_model_script_and_always() {
    let fake = FakeProvider::start().await;
    let (path, body) = chat(Dialect::OpenAi, "m", PLAIN);
    let ask = async |path: &str, extra: &str| send(&fake, &request("POST", path, extra, &body)).await.status();
    assert_eq!(ask(&path, "x-fake-fault: status_503&times=1\r\n").await, 503);
    assert_eq!(ask(&path, "x-fake-fault: status_503&times=1\r\n").await, 200, "once is over");
    assert_eq!(ask(&format!("{path}?fault=status_502"), "").await, 502);
    fake.script([Fault::Status400, Fault::Status401]);
    assert_eq!((ask(&path, "").await, ask(&path, "").await, ask(&path, "").await), (400, 401, 200));
    fake.always(Some(Fault::Status429.into()));
    assert_eq!(ask(&path, "").await, 429);
    fake.always(None);
    assert_eq!(ask(&path, "x-fake-fault: no_such_thing\r\n").await, 400, "a misspelled fault is not health");
    assert_eq!(fake.scripted(), 0);
}

#[tokio::test]
async fn redirects_lead_to_a_listener_that_remembers() {
    let fake = FakeProvider::start().await;
    for (fault, status) in [(Fault::Redirect302, 302), (Fault::Redirect307, 307)] {
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), PLAIN).await;
        assert_eq!(got.status(), status);
        assert_eq!(got.header("location"), Some(format!("{}/v1/chat/completions", fake.elsewhere_url())));
    }
    assert_eq!(fake.elsewhere_connections().ever, 0, "a raw client follows nothing");
    // A client that does follow is seen, and what it brought along.
    let (path, body) = chat(Dialect::OpenAi, "m?fault=redirect_307", PLAIN);
    crate::answers::client();
    let follows = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = follows.post(format!("{}{path}", fake.base_url())).json(&body).header("x-api-key", "canary");
    assert_eq!(answer.send().await.unwrap().status(), 200, "a client that follows is made to feel successful");
    assert_eq!(fake.elsewhere_log()[0].authorization.as_deref(), Some("canary"));
}

/// The faults with tests in other files.
const ELSEWHERE: &[Fault] = &[
    // connections.rs
    Fault::HangBeforeHead,
    Fault::HangAfterHead,
    Fault::HangMidBody,
    Fault::Hold,
    Fault::Drip,
    Fault::ResetBeforeHead,
    Fault::ResetAfterHead,
    Fault::ResetMidBody,
    Fault::ResetAfterBody,
    Fault::CloseBeforeHead,
    Fault::CloseAfterHead,
    Fault::TruncatedBody,
    Fault::TruncatedChunked,
    Fault::BrokenChunks,
    Fault::ChunkLengthLies,
    Fault::BothLengths,
    Fault::TlsGarbage,
    Fault::Early413,
    Fault::EarlyAnswer,
    Fault::ReadNothing,
    // floods.rs
    Fault::Whitespace10Mib,
    Fault::GzipBomb,
    Fault::Body1Gib,
    Fault::Headers100k,
    Fault::Line50Mib,
    // jobs.rs
    Fault::JobError,
    Fault::JobFiltered,
    Fault::JobExpired,
    Fault::JobStuck,
    Fault::JobLost,
    Fault::AssetGone,
    Fault::AssetIsHtml,
];

/// The faults with a test in this file that is no table.
const HERE: &[Fault] = &[
    Fault::TruncatedJson,
    Fault::InvalidJson,
    Fault::Empty200,
    Fault::NonUtf8,
    Fault::UsageTwice,
    Fault::ModelGone,
    Fault::Mixed5xx,
    Fault::Redirect302,
    Fault::Redirect307,
    Fault::RetryAfterDate,
];

#[test]
fn no_fault_is_without_a_test() {
    let mut tested: BTreeSet<Fault> = ELSEWHERE.iter().chain(HERE).copied().collect();
    tested.extend(WHOLE.iter().map(|row| row.0));
    tested.extend(LACKS.iter().map(|row| row.0));
    tested.extend(STATUSES.iter().map(|row| row.0));
    tested.extend(RETRY_AFTER.iter().map(|row| row.0));
    let untested: Vec<&Fault> = Fault::ALL.iter().filter(|fault| !tested.contains(fault)).collect();
    assert_eq!(untested, Vec::<&Fault>::new());
}

#[tokio::test]
async fn a_continue_stands_before_the_answer() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::OpenAi, "m?fault=continue_first", PLAIN).await;
    let rest = got.text().strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").map(str::to_owned).unwrap();
    let rest = Got { bytes: rest.into_bytes(), end: got.end };
    assert_eq!((rest.status(), &rest.json()["choices"][0]["finish_reason"]), (200, &json!("stop")));
}
