//! The demo provider over real HTTP: every model does what its row says, the log is exact, and prices are known.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use copydesk_core::metering::cost::{Cost, cost};
use copydesk_core::metering::price::Price;
use copydesk_core::{Timestamp, Tokens};
use copydesk_providers::demo::{DemoProvider, Model, PRICE_VERSION};
use copydesk_providers::media::{DrawRequest, FetchRequest, JobRef, PollRequest, Progress, SubmitRequest};
use copydesk_providers::{
    AnswerShape, CallReport, CallRequest, DemoHandle, DemoServer, ErrorClass, Finish, HttpClient, Part, PriceTable,
    Provider, ProviderConfig, ProviderKind, Registry, TimeoutPhase, Timeouts, demo,
};
use serde_json::Value;
use support::{Deltas, patient, request, streamed};

async fn start() -> (DemoHandle, DemoProvider) {
    let (handle, base_url) = DemoServer::start().await.unwrap();
    let provider = demo::provider("demo", &base_url, &HttpClient::new().unwrap());
    (handle, provider)
}

async fn ask(provider: &DemoProvider, request: CallRequest) -> CallReport {
    provider.call(&request, &Deltas::default()).await
}

async fn class(provider: &DemoProvider, model: &str) -> ErrorClass {
    ask(provider, request(model, "tea")).await.result.unwrap_err().class
}

const NEWS: &str = "Write our newsletter.\nTopic: the old town\nTopics: 3\n<items>\n\
    [1] Ferry line opens to the islands\nhttps://news.example/ferry\nThe first ferry left at dawn with 200 people on board. \
    It runs every hour until midnight. Tickets cost as much as a bus ride.\n\n\
    [2] Library lends out tools\nhttps://www.library.example/tools\nDrills, ladders and sewing machines can be borrowed for \
    a week. Members pay nothing.\n\n\
    [3] Night ferry makes cafés stay open\nhttps://food.example/late\nThree cafés at the pier now close at one in the morning.\n\n\
    [4] Bees on the town hall roof\nhttps://news.example/bees\n\n\
    [5] Old quarry becomes a lake\nhttps://lake.example/\nSwimmers have been asking for years. The water is clean, the \
    council says, and the path is done.\n\n</items>\nAnswer with JSON.";

fn price_of(provider: &DemoProvider, model: &str) -> Option<Price> {
    provider.catalogue().price_at(model, Timestamp::from_micros(0))
}

#[tokio::test]
async fn the_writer_makes_a_newsletter_from_the_items_and_names_its_sources() {
    let (_handle, provider) = start().await;
    let answer = ask(&provider, request("writer", NEWS)).await.result.unwrap();
    let issue: Value = serde_json::from_str(&answer.text).unwrap();
    let topics = issue["topics"].as_array().unwrap();
    let mut sources: Vec<u64> =
        topics.iter().flat_map(|topic| topic["sources"].as_array().unwrap()).map(|n| n.as_u64().unwrap()).collect();
    sources.sort_unstable();
    assert_eq!((topics.len(), sources), (3, vec![1, 2, 3, 4, 5]));
    assert!(answer.text.contains("Drills, ladders and sewing machines"), "{issue:#}");
    for field in ["title", "intro", "conclusion"] {
        assert!(issue[field].as_str().unwrap().len() > 10, "{issue:#}");
    }
    assert_eq!(issue["title"], "The old town: Ferry line opens to the islands");
}

#[tokio::test]
async fn a_stream_and_a_whole_answer_say_and_count_the_same() {
    let (_handle, provider) = start().await;
    for model in ["writer", "coder", "chat", "echo", "unpriced"] {
        let whole = ask(&provider, request(model, "Write about 🦀 crabs.")).await;
        let deltas = Deltas::default();
        let piecewise = provider.call(&streamed(model, "Write about 🦀 crabs."), &deltas).await;
        let text = whole.result.unwrap().text;
        assert_eq!(text, piecewise.result.unwrap().text, "{model}");
        assert_eq!(deltas.texts().concat(), text);
        assert_eq!(whole.usage, piecewise.usage);
        assert_eq!(whole.usage.output, Some(Tokens(text.len().div_ceil(4) as i64)));
    }
}

#[tokio::test]
async fn calls_made_are_calls_in_the_log_with_the_same_tokens() {
    let (handle, provider) = start().await;
    let mut made = BTreeMap::new();
    for number in 1..=20_u128 {
        let call_id = copydesk_core::CallId(uuid::Uuid::from_u128(number));
        let report = ask(&provider, CallRequest { call_id, ..request("echo", &"x".repeat(number as usize)) }).await;
        made.insert(call_id.to_string(), (report.usage.input.unwrap(), report.usage.output.unwrap()));
    }
    let logged: BTreeMap<_, _> = handle
        .requests()
        .into_iter()
        .map(|seen| {
            let usage = seen.usage.unwrap();
            (seen.call_id.unwrap(), (Tokens(usage.input as i64), Tokens(usage.output as i64)))
        })
        .collect();
    assert_eq!((logged, handle.requests_total()), (made, 20));
}

#[tokio::test]
async fn flaky_breaks_off_for_the_first_tries_of_a_prompt_and_then_answers() {
    let (_handle, provider) = start().await;
    for stream in [false, true] {
        let request = CallRequest { stream, ..request("flaky?fail=2", "tea") };
        for _ in 0..2 {
            let report = ask(&provider, request.clone()).await;
            assert_eq!(report.partial_text.is_some(), stream);
            assert_eq!(report.result.unwrap_err().class, ErrorClass::CutOff);
        }
        assert_eq!(ask(&provider, request).await.result.unwrap().finish, Finish::Stop);
    }
    assert_eq!(class(&provider, "flaky?status=503").await, ErrorClass::Overloaded);
}

#[tokio::test]
async fn fail_and_quota_fail_as_they_are_told() {
    let (_handle, provider) = start().await;
    let cases = [
        ("fail", ErrorClass::ServerError),
        ("fail?status=400", ErrorClass::Rejected),
        ("fail?status=401", ErrorClass::Unauthorized),
        ("fail?status=402", ErrorClass::Quota),
        ("fail?status=404", ErrorClass::ModelNotFound),
        ("fail?status=413", ErrorClass::TooLarge),
        ("fail?status=429", ErrorClass::RateLimited),
        ("fail?status=503", ErrorClass::Overloaded),
        ("fail?status=200", ErrorClass::ServerError),
    ];
    for (model, wanted) in cases {
        assert_eq!(class(&provider, model).await, wanted, "{model}");
    }
    let error = ask(&provider, request("quota?after=9", "tea")).await.result.unwrap_err();
    assert_eq!((error.class, error.retry_after), (ErrorClass::RateLimited, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn every_kind_of_garbage_is_recognised() {
    let (_handle, provider) = start().await;
    let cases = [
        ("html", ErrorClass::Malformed),
        ("cut", ErrorClass::CutOff),
        ("string", ErrorClass::ServerError),
        ("empty", ErrorClass::Empty),
        ("error200", ErrorClass::Overloaded),
        ("array", ErrorClass::Overloaded),
        ("midstream", ErrorClass::Overloaded),
        ("nofinish", ErrorClass::CutOff),
        ("refuse", ErrorClass::Refused),
        ("nonsense", ErrorClass::Rejected),
    ];
    for (kind, wanted) in cases {
        for stream in [false, true] {
            let request = CallRequest { stream, ..request(&format!("garbage?kind={kind}"), "tea") };
            assert_eq!(ask(&provider, request).await.result.unwrap_err().class, wanted, "{kind}, stream: {stream}");
        }
    }
    assert_eq!(class(&provider, "garbage").await, ErrorClass::Malformed);
    let cut = ask(&provider, request("garbage?kind=length", "tea")).await.result.unwrap();
    assert_eq!(cut.finish, Finish::Length);
    let bad = ask(&provider, request("garbage?kind=badjson", "tea")).await.result.unwrap();
    assert!(serde_json::from_str::<Value>(&bad.text).is_err());
}

#[tokio::test]
async fn stuck_never_answers_and_slow_answers_in_pieces() {
    let (handle, provider) = start().await;
    let timeouts = Timeouts { first_byte: Duration::from_millis(40), ..patient() };
    let stuck = ask(&provider, CallRequest { timeouts, ..request("stuck", "tea") }).await;
    assert!(stuck.sent);
    assert_eq!(stuck.result.unwrap_err().class, ErrorClass::TimedOut(TimeoutPhase::FirstByte));
    let deltas = Deltas::default();
    let slow = provider.call(&streamed("slow?ms=60", "tea"), &deltas).await;
    assert!(slow.result.is_ok() && deltas.texts().len() > 5);
    assert_eq!(handle.requests().len(), 2);
}

#[tokio::test]
async fn a_model_that_comes_later_is_refused_with_the_list_of_those_there_are() {
    let (_handle, provider) = start().await;
    let error = ask(&provider, request("image", "tea")).await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::ModelNotFound);
    assert!(Model::ALL.iter().all(|model| error.message.contains(model.as_str())), "{error}");
}

#[tokio::test]
async fn every_model_but_unpriced_has_a_price_and_costs_more_than_nothing() {
    let (_handle, provider) = start().await;
    let report = ask(&provider, request("writer", "tea")).await;
    let price = price_of(&provider, "writer?ms=1").unwrap();
    assert_eq!(price.version, PRICE_VERSION);
    let cost_of = cost(&report.usage, Some(&price));
    assert!(cost_of.nanousd().unwrap().0 > 0);
    assert_eq!(cost(&report.usage, price_of(&provider, "unpriced").as_ref()), Cost::Unpriced);
    for model in provider.catalogue().models() {
        assert_eq!(price_of(&provider, model).is_none(), model == "unpriced", "{model}");
    }
}

#[tokio::test]
async fn a_required_shape_is_written_even_without_items() {
    let (_handle, provider) = start().await;
    let schema = serde_json::json!({"type": "object", "properties": {"subject": {"type": "string"}, "body": {"type": "string"}}});
    let mail =
        CallRequest { shape: AnswerShape::Schema(schema), ..request("writer", "Write a mail about our bakery.") };
    let mail: Value = serde_json::from_str(&ask(&provider, mail).await.result.unwrap().text).unwrap();
    assert!(mail["body"].as_str().unwrap().contains("our bakery"), "{mail}");
}

#[tokio::test]
async fn the_registry_builds_a_demo_provider_that_answers() {
    let (handle, base_url) = DemoServer::start().await.unwrap();
    let config =
        ProviderConfig { name: "demo".into(), kind: ProviderKind::Demo, base_url: Some(base_url), api_key: None };
    let registry = Registry::build(&[config], &HttpClient::new().unwrap(), &PriceTable::built_in()).unwrap();
    let (provider, model) = registry.resolve("demo/echo?ms=1").unwrap_or_else(|error| panic!("{error}"));
    let report = provider.call(&request(&model, "hello"), &Deltas::default()).await;
    assert_eq!(report.result.unwrap().text, "hello");
    assert_eq!(handle.requests()[0].model, "echo?ms=1");
}

#[tokio::test]
async fn the_painter_draws_what_was_asked_for_and_the_same_again() {
    let (handle, provider) = start().await;
    let call_id = request("painter", "x").call_id;
    let (prompt, size) = ("a boat".to_owned(), Some("40x30".to_owned()));
    let order = DrawRequest { call_id, model: "painter".into(), prompt, count: 2, size, timeouts: patient() };
    let draws = provider.draws_pictures().unwrap();
    let report = draws.draw(&order).await;
    assert_eq!(report.usage.images, Some(2));
    let pictures = report.result.unwrap();
    assert!(pictures.iter().all(|picture| picture.media_type == "image/png") && pictures[0] != pictures[1]);
    assert_eq!(draws.draw(&order).await.result.unwrap(), pictures);
    let price = price_of(&provider, "painter").unwrap();
    assert_eq!(cost(&report.usage, Some(&price)).nanousd().unwrap().0, 20_000_000);
    for size in ["huge", "0x0", "9999x1"] {
        let bad = DrawRequest { size: Some(size.to_owned()), ..order.clone() };
        assert_eq!(draws.draw(&bad).await.result.unwrap_err().class, ErrorClass::Rejected, "{size}");
    }
    let other = DrawRequest { model: "writer".into(), ..order };
    assert_eq!(draws.draw(&other).await.result.unwrap_err().class, ErrorClass::ModelNotFound);
    assert_eq!(handle.requests().iter().filter(|seen| seen.call_id == Some(call_id.to_string())).count(), 6);
}

#[tokio::test]
async fn the_camera_is_at_work_for_two_questions_and_then_has_a_film() {
    let (_first, provider) = start().await;
    let jobs = provider.runs_media_jobs().unwrap();
    let call_id = request("camera", "x").call_id;
    let settings = serde_json::json!({"seconds": 3}).as_object().cloned().unwrap();
    let (model, input, timeouts) = ("camera".to_owned(), vec![Part::Text("a boat".into())], patient());
    let order = SubmitRequest { call_id, model: model.clone(), input, settings, timeouts };
    let job = jobs.submit(&order).await.result.unwrap().job;
    let question = PollRequest { call_id, model: model.clone(), job, timeouts };
    for percent in [33, 66] {
        let wait = Some(Duration::from_secs(1));
        let told = jobs.poll(&question).await.result.unwrap();
        assert_eq!(told, Progress::Running { percent: Some(percent), wait });
    }
    let done = jobs.poll(&question).await;
    assert_eq!(done.usage.video_seconds, Some(3));
    let Ok(Progress::Done(files)) = done.result else { panic!("it is done") };
    let mut film = Vec::new();
    let order = FetchRequest { call_id, model, asset: files[0].clone(), timeouts };
    let fetched = jobs.fetch(&order, &mut film).await.result.unwrap();
    assert_eq!((fetched.media_type.as_str(), fetched.bytes), ("image/gif", film.len() as u64));
    assert!(film.starts_with(b"GIF89a"));

    let (_second, after_a_restart) = start().await;
    let jobs = after_a_restart.runs_media_jobs().unwrap();
    assert!(matches!(jobs.poll(&question).await.result, Ok(Progress::Running { .. })), "its name says all there is");
    jobs.cancel(&question).await.result.unwrap();
    assert!(matches!(jobs.poll(&question).await.result, Ok(Progress::Failed(_))));
    let nonsense = PollRequest { job: JobRef("film-x".into()), ..question };
    assert_eq!(jobs.poll(&nonsense).await.result.unwrap_err().class, ErrorClass::Rejected);
}
