//! Trying again: when, how often, with which model - and what is never tried again.

use crate::harness::*;
use copydesk_core::generation::{FailureCode, State, Status, Wait};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_desk::accept::{Again, Request};
use copydesk_providers::{ErrorClass, Finish, TimeoutPhase};
use std::time::Duration;

/// How long after `since` the next attempt may start.
async fn backoff(bench: &Bench, id: GenerationId, since: Timestamp) -> Duration {
    until("it waits to be tried again", || async {
        matches!(bench.row(id).await.generation.state, State::Pending { wait: Wait::BackingOff { .. } })
    })
    .await;
    let state = bench.row(id).await.generation.state;
    let State::Pending { wait: Wait::BackingOff { until } } = state else { panic!("{state:?}") };
    until.since(since)
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_after_one_and_then_after_two_seconds() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::ServerError), Reply::Fail(ErrorClass::Overloaded)]);
    let receipt = node.accept(note("tea")).await;
    for base in [seconds(1), seconds(2)] {
        let now = bench.world.now();
        let calls = bench.script.calls();
        let wait = backoff(&bench, receipt.generation, now).await;
        assert!(wait >= base && wait <= base + base / 4, "{wait:?}");
        bench.advance(base - Duration::from_millis(1)).await;
        assert_eq!(bench.script.calls(), calls, "not a moment earlier");
        bench.advance(wait - base + Duration::from_millis(1)).await;
        until("the next attempt begins", || async { bench.script.calls() == calls + 1 }).await;
    }
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, row.generation.attempt.0), (3, 3));
    let (failed, ok) = (Some(CallOutcome::Failed), Some(CallOutcome::Ok));
    assert_eq!(bench.outcomes(receipt.generation).await, [failed, failed, ok]);
    assert_eq!(bench.left("ada").await, credits("995"), "failed attempts cost the user nothing");
    bench.in_order().await;
}

#[tokio::test]
async fn the_wait_a_provider_asks_for_is_kept() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::RateLimited(seconds(30))]);
    let receipt = node.accept(note("tea")).await;
    assert_eq!(backoff(&bench, receipt.generation, START).await, seconds(30));
    let other = Request { model: Some("demo/two".to_owned()), ..note("coffee") };
    bench.completed(node.accept(other).await.generation).await;
    bench.advance(Duration::from_millis(29_999)).await;
    assert_eq!(bench.script.calls(), 2, "it holds up nobody else and does not come back early");
    bench.advance(Duration::from_millis(1)).await;
    bench.completed(receipt.generation).await;
    assert_eq!(bench.script.seen()[2].at, START.plus(seconds(30)));
    bench.in_order().await;
}

fn of(recipe: &str) -> Request {
    Request { recipe: recipe.to_owned(), ..note("tea") }
}

async fn models_called(bench: &Bench, request: Request) -> Vec<String> {
    let node = bench.working(config()).await;
    let receipt = node.accept(request).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let booked: Vec<String> = bench.calls(None).await.into_iter().map(|row| row.model).collect();
    let called: Vec<String> = bench.script.seen().into_iter().map(|call| format!("demo/{}", call.model)).collect();
    assert_eq!(booked, called, "every call stands on the books under the model that was asked");
    bench.in_order().await;
    called
}

#[tokio::test]
async fn a_model_is_tried_three_times_before_the_next_of_the_route() {
    let bench = Bench::new().await;
    bench.script.then([
        Reply::Fail(ErrorClass::Overloaded),
        Reply::Fail(ErrorClass::CutOff),
        Reply::Fail(ErrorClass::Empty),
    ]);
    assert_eq!(models_called(&bench, of("routed")).await, ["demo/one", "demo/one", "demo/one", "demo/two"]);
    assert_eq!(bench.left("ada").await, credits("995"));
}

#[tokio::test]
async fn what_this_model_can_never_do_goes_to_the_next_one_at_once() {
    for class in [ErrorClass::ModelNotFound, ErrorClass::TooLarge] {
        let bench = Bench::new().await;
        bench.script.then([Reply::Fail(class)]);
        assert_eq!(models_called(&bench, of("routed")).await, ["demo/one", "demo/two"], "{class:?}");
        assert_eq!(bench.script.seen()[1].at, START, "nobody waits for another model");
    }
}

#[tokio::test]
async fn what_the_provider_can_not_do_now_waits_when_the_next_model_is_the_same_providers() {
    for (class, wait) in [(ErrorClass::Unauthorized, 60), (ErrorClass::Quota, 300)] {
        let bench = Bench::new().await;
        bench.script.then([Reply::Fail(class)]);
        assert_eq!(models_called(&bench, of("routed")).await, ["demo/one", "demo/two"], "{class:?}");
        assert_eq!(bench.script.seen()[1].at, START.plus(seconds(wait)), "{class:?} cools the whole provider");
    }
}

#[tokio::test]
async fn a_refusal_is_not_shopped_around() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    assert_eq!(models_called(&bench, of("routed")).await, ["demo/one"]);
}

#[tokio::test]
async fn what_cannot_be_read_twice_is_not_asked_a_third_time() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Fail(ErrorClass::Malformed), Reply::Fail(ErrorClass::Malformed)]);
    assert_eq!(models_called(&bench, of("routed")).await, ["demo/one", "demo/one", "demo/two"]);
}

#[tokio::test]
async fn a_model_asked_for_by_name_is_the_only_one() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Fail(ErrorClass::Overloaded));
    let request = Request { model: Some("demo/one".to_owned()), ..of("routed") };
    assert_eq!(models_called(&bench, request).await, ["demo/one", "demo/one", "demo/one"]);
}

#[tokio::test]
async fn a_retry_goes_along_the_route_again_and_keeps_a_model_asked_for_by_name() {
    for (asked, models) in [(None, vec!["one", "two"]), (Some("demo/two".to_owned()), vec!["two"])] {
        let bench = Bench::new().await;
        bench.script.otherwise(Reply::Fail(ErrorClass::TooLarge));
        let node = bench.working(config()).await;
        let receipt = node.accept(Request { model: asked, ..of("routed") }).await;
        bench.failed(receipt.generation).await;
        let again = node.desk.retry(SCOPE, receipt.generation, Again::default()).await.unwrap();
        bench.failed(again.generation).await;
        let called: Vec<String> = bench.script.seen().into_iter().map(|call| call.model).collect();
        assert_eq!(called, [models.clone(), models].concat());
    }
}

#[tokio::test]
async fn a_model_of_the_route_that_is_not_set_up_here_is_passed_over() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Fail(ErrorClass::Quota)]);
    assert_eq!(models_called(&bench, of("spare")).await, ["demo/one", "demo/three"]);
}

#[tokio::test]
async fn what_would_only_repeat_itself_fails_at_once_and_the_rest_is_tried_three_times() {
    for class in ErrorClass::ALL {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.script.otherwise(Reply::Fail(class));
        let receipt = node.accept(note("tea")).await;
        let over = || async { bench.status(receipt.generation).await.is_final() };
        if class.retryable() {
            bench.pass_until("it is over", over).await;
        } else {
            until("it is over", over).await;
            assert_eq!(bench.world.now(), START);
        }
        let failure = bench.failed(receipt.generation).await;
        assert_eq!(failure.code, class.code(), "{class:?}");
        let once_more = if class == ErrorClass::Malformed { 2 } else { 3 };
        let calls = if class.retryable() { once_more } else { 1 };
        assert_eq!(bench.script.calls(), calls, "{class:?}");
        assert_eq!(bench.left("ada").await, credits("1000"));
        bench.in_order().await;
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_short_or_filtered_is_a_failed_attempt() {
    let table = [
        (Finish::Length, FailureCode::OutputTruncated, 3),
        (Finish::ToolCalls, FailureCode::ProviderBadResponse, 3),
        (Finish::ContentFilter, FailureCode::Refused, 1),
    ];
    for (finish, code, attempts) in table {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.script.otherwise(Reply::Finish("A text that en".to_owned(), finish));
        let receipt = node.accept(note("tea")).await;
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        assert_eq!(bench.failed(receipt.generation).await.code, code);
        assert_eq!((bench.script.calls(), bench.versions(receipt.draft).await.len()), (attempts, 0));
        let tokens: i64 = bench
            .calls(None)
            .await
            .iter()
            .map(|row| {
                let (_, closed) = row.closed.as_ref().unwrap();
                assert_eq!(closed.error.as_ref().unwrap().0, code.as_str(), "the reason stands beside the call");
                closed.usage.total().unwrap().0
            })
            .sum();
        assert_eq!(tokens, 120 * attempts as i64, "the operator's tokens are on the books");
        assert_eq!(bench.left("ada").await, credits("1000"));
        bench.in_order().await;
    }
}

#[tokio::test]
async fn an_answer_with_an_end_nobody_knows_is_kept_and_marked() {
    for (word, mark) in [("cosmic_ray", "cosmic_ray"), ("", "none")] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.script.otherwise(Reply::Finish("A whole text.".to_owned(), Finish::Unknown(word.to_owned())));
        let receipt = node.accept(note("tea")).await;
        bench.completed(receipt.generation).await;
        let versions = bench.versions(receipt.draft).await;
        let provenance: serde_json::Value = serde_json::from_str(&versions[0].content.provenance).unwrap();
        assert_eq!(provenance["finish"], mark);
        bench.in_order().await;
    }
}

#[tokio::test]
async fn an_attempt_that_hangs_ends_at_its_time_limit_and_frees_its_slot() {
    let bench = Bench::new().await;
    let node = bench.working(copydesk_desk::DeskConfig { max_concurrent: Some(1), ..config() }).await;
    bench.script.then([Reply::Hang, Reply::say("Coffee."), Reply::say("Tea.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let next = node.accept(note("coffee")).await;
    bench.advance(Duration::from_millis(119_999)).await;
    assert_eq!(bench.script.in_flight(), 1);
    bench.advance(Duration::from_millis(1)).await;
    bench.completed(next.generation).await;
    assert_eq!(bench.script.dropped(), 1, "the provider's socket is closed");
    let row = bench.row(receipt.generation).await;
    let (code, sentence) = row.last_error.unwrap();
    assert_eq!((code.as_str(), sentence.as_str()), ("attempt_timeout", "demo/one did not finish within 120 s."));
    let calls = bench.calls(Some(receipt.generation)).await;
    let (_, closed) = calls[0].closed.clone().unwrap();
    assert_eq!((closed.outcome, closed.usage.estimated, closed.duration_ms), (CallOutcome::Failed, true, 120_000));
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Completed);
    bench.in_order().await;
}

#[tokio::test]
async fn a_time_out_of_the_provider_is_retried_like_any_failure() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::TimedOut(TimeoutPhase::Idle))]);
    let receipt = node.accept(note("tea")).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_panic_in_a_provider_is_a_failed_attempt_and_frees_the_slot() {
    let bench = Bench::new().await;
    let node = bench.working(copydesk_desk::DeskConfig { max_concurrent: Some(1), ..config() }).await;
    bench.script.then([Reply::Panic]);
    let receipt = node.accept(note("tea")).await;
    let next = node.accept(note("coffee")).await;
    bench.completed(next.generation).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!(bench.row(receipt.generation).await.generation.spent, 2);
    let (_, closed) = bench.calls(Some(receipt.generation)).await[0].closed.clone().unwrap();
    assert_eq!(closed.outcome, CallOutcome::Failed, "the provider had the request already");
    assert!(closed.usage.estimated);
    bench.in_order().await;
}

#[tokio::test]
async fn why_a_generation_is_tried_again_is_shown_while_it_waits() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Finish("A text that en".to_owned(), Finish::Length)]);
    let receipt = node.accept(note("tea")).await;
    backoff(&bench, receipt.generation, START).await;
    let why = node.desk.why(SCOPE, receipt.generation).await.unwrap();
    let sentence = why.sentence();
    assert!(sentence.starts_with("Attempt 1 failed (The answer was cut off by a length limit"), "{sentence}");
    let retrying = bench.events(receipt.generation).await.iter().any(|event| event.kind == "generation.retrying");
    assert!(retrying);
}
