//! What happens when a model or provider fails again and again: it is left alone by every desk, tried again carefully, and
//! who can go elsewhere does. And how many calls a minute sees.

use crate::harness::*;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::health::breaker::FAULTS_SPAN;
use copydesk_core::health::{Rate, Stance, Subject, stance};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_desk::DeskConfig;
use copydesk_desk::accept::Request;
use copydesk_providers::ErrorClass;
use copydesk_store::HealthStore;
use copydesk_store::generations::Lane;
use futures::future::join_all;
use std::num::NonZeroU32;
use std::time::Duration;

fn loose(n: usize) -> Request {
    Request { recipe: "loose".to_owned(), ..note(&format!("letter number {n}.")) }
}

fn of_model(model: &str, n: usize) -> Request {
    Request { model: Some(model.to_owned()), ..loose(n) }
}

fn routed(prompt: &str) -> Request {
    Request { recipe: "routed".to_owned(), ..note(prompt) }
}

/// Where `subject` stands now.
async fn stands(bench: &Bench, subject: Subject) -> Stance {
    let rows = bench.store.inner().health().await.unwrap();
    stance(rows.iter().find(|row| row.subject == subject).map(|row| &row.health), bench.world.now())
}

fn one() -> Subject {
    Subject::Model("demo/one".to_owned())
}

async fn all_are(bench: &Bench, ids: &[GenerationId], status: Status) -> bool {
    for id in ids {
        if bench.status(*id).await != status {
            return false;
        }
    }
    true
}

/// A 429 with so long a wait, for one request.
async fn rate_limited(bench: &Bench, node: &Node, seconds_long: u64) -> Timestamp {
    bench.script.then([Reply::RateLimited(seconds(seconds_long))]);
    node.accept(loose(900)).await;
    until("the provider said so", || async { bench.script.calls() == 1 }).await;
    until("it is written", || async { stands(bench, one()).await != Stance::Closed }).await;
    bench.world.now().plus(seconds(seconds_long))
}

#[tokio::test]
async fn a_storm_of_429_opens_the_breaker_and_the_calls_stay_bounded() {
    let bench = Bench::new().await;
    let nodes = [bench.working_beside_others(config()).await, bench.working_beside_others(config()).await];
    bench.script.otherwise(Reply::Fail(ErrorClass::RateLimited));
    join_all((0..100).map(|n| nodes[n % 2].accept(loose(n)))).await;
    for _ in 0..600 {
        bench.advance(seconds(1)).await;
    }
    // Two tries of each before it opens, a few more that were under way; then one probe after 5, 10, 20, ... 300 s.
    let calls = bench.script.calls();
    assert!((100..=216).contains(&calls), "{calls} calls in ten minutes, where a hundred requests wait");
    assert!(bench.generations().await.iter().filter(|row| row.status() == Status::Failed).count() <= 16);
    bench.script.otherwise(Reply::Echo);
    let ids: Vec<GenerationId> = bench.generations().await.iter().map(|row| row.generation.id).collect();
    bench
        .pass_until("all that did not use up their attempts are done", || async {
            let mut open = false;
            for id in &ids {
                open |= !bench.status(*id).await.is_final();
            }
            !open
        })
        .await;
    assert_eq!(stands(&bench, one()).await, Stance::Closed);
    bench.in_order().await;
}

#[tokio::test]
async fn a_retry_after_cools_the_model_down_for_everybody() {
    let bench = Bench::new().await;
    let first = bench.working_beside_others(config()).await;
    let second = bench.working_beside_others(config()).await;
    let end = rate_limited(&bench, &first, 30).await;
    let receipts = [second.accept(loose(1)).await, first.accept(loose(2)).await];
    let elsewhere = second.accept(of_model("demo/two", 3)).await;
    bench
        .pass_until("another model answers", || async { bench.status(elsewhere.generation).await == Status::Completed })
        .await;
    let why = second.desk.why(SCOPE, receipts[0].generation).await.unwrap();
    assert!(
        matches!(&why, Waiting::CoolingDown { lane, until, .. } if lane == "model:demo/one" && *until == end),
        "{why:?}"
    );
    assert_eq!(bench.script.calls(), 2, "nobody asked it again");
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    bench.pass_until("both are done", || all_are(&bench, &ids, Status::Completed)).await;
    assert!(bench.script.seen()[2].at >= end);
    bench.in_order().await;
}

#[tokio::test]
async fn after_the_cooldown_one_probe_is_let_through_and_its_success_opens_the_gate() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let end = rate_limited(&bench, &node, 30).await;
    bench.script.otherwise(Reply::hold("fine"));
    let receipts = join_all((0..6).map(|n| node.accept(loose(n)))).await;
    bench.pass_until("the probe is under way", || async { bench.script.in_flight() == 1 }).await;
    assert_eq!(bench.script.seen()[1].at, end, "to the second");
    for _ in 0..5 {
        bench.advance(seconds(1)).await;
    }
    assert_eq!(bench.script.in_flight(), 1, "one at a time until it has answered");
    bench.script.release(1);
    bench.pass_until("the others follow", || async { bench.script.in_flight() == 4 }).await;
    bench.script.release(20);
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    bench.pass_until("all are done", || all_are(&bench, &ids, Status::Completed)).await;
    assert_eq!(stands(&bench, one()).await, Stance::Closed);
    bench.in_order().await;
}

/// Every 100 ms a request, for so many seconds; `look` sees the bench after each.
async fn steady_stream(bench: &Bench, node: &Node, seconds_long: usize, mut look: impl AsyncFnMut()) {
    for n in 0..seconds_long * 10 {
        node.accept(loose(n)).await;
        bench.advance(Duration::from_millis(100)).await;
        look().await;
    }
}

#[tokio::test]
async fn a_model_that_fails_every_first_try_is_never_left_alone_and_every_request_succeeds_at_its_second() {
    let bench = Bench::new().await;
    bench.grant("ada", "2000").await;
    let node = bench.working(DeskConfig { max_concurrent: Some(4), ..config() }).await;
    bench.script.otherwise(Reply::Flaky(ErrorClass::ServerError));
    join_all((1_000..1_100).map(|n| node.accept(loose(n)))).await;
    steady_stream(&bench, &node, 30, async || assert_eq!(stands(&bench, one()).await, Stance::Closed)).await;
    for _ in 0..2 {
        bench.advance(seconds(1)).await;
    }
    for row in bench.generations().await {
        assert_eq!((row.status(), row.generation.spent), (Status::Completed, 2));
    }
    bench.in_order().await;
}

#[tokio::test]
async fn a_dead_model_is_left_alone_before_any_request_has_used_up_its_tries() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::Fail(ErrorClass::ServerError));
    let mut opened = None;
    steady_stream(&bench, &node, 4, async || {
        if opened.is_none() && stands(&bench, one()).await != Stance::Closed {
            opened = Some(bench.world.now());
        }
    })
    .await;
    assert!(opened.unwrap().since(START) <= FAULTS_SPAN + Duration::from_millis(100));
    assert!(bench.generations().await.iter().all(|row| row.status() == Status::Pending));
}

#[tokio::test]
async fn a_dead_model_with_few_requests_is_left_alone_too() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::Fail(ErrorClass::ServerError));
    for n in 0..2 {
        node.accept(loose(n)).await;
        for _ in 0..600 {
            bench.advance(seconds(1)).await;
        }
    }
    assert_ne!(stands(&bench, one()).await, Stance::Closed, "three tries each, ten minutes apart");
}

#[tokio::test]
async fn a_failed_probe_doubles_the_wait() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::Fail(ErrorClass::ServerError));
    join_all((0..8).map(|n| node.accept(loose(n)))).await;
    bench.pass_until("it opens", || async { matches!(stands(&bench, one()).await, Stance::Open { .. }) }).await;
    let calls = bench.script.calls();
    assert!((16..=24).contains(&calls), "{calls}: two tries each, and some third ones");
    for _ in 0..25 {
        bench.advance(seconds(1)).await;
    }
    assert_eq!(bench.script.calls(), calls + 2, "after five seconds and after ten more");
}

#[tokio::test]
async fn who_has_a_further_model_goes_on_at_once_and_pays_for_one_result_only() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    rate_limited(&bench, &node, 300).await;
    let receipt = node.accept(routed("tea")).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!(bench.world.now(), START, "no time has passed");
    assert_eq!((row.model.as_str(), row.asked_model.as_str()), ("demo/two", "demo/one"));
    let (passed_over, ok) = (Some(CallOutcome::NotSent), Some(CallOutcome::Ok));
    assert_eq!(bench.outcomes(receipt.generation).await, [passed_over, ok]);
    let calls = bench.calls(Some(receipt.generation)).await;
    let (code, words) = calls[0].closed.as_ref().unwrap().1.error.clone().unwrap();
    assert_eq!(code, FailureCode::RateLimited.as_str());
    assert!(words.starts_with("demo/one was passed over: model:demo/one is left alone until"), "{words}");
    assert_eq!(bench.balance("ada").await.available, credits("990"), "one is settled, the other one held");
    bench.in_order().await;
}

/// The provider refuses its key, which leaves it alone for a minute.
async fn refused_key(bench: &Bench, node: &Node) {
    bench.script.then([Reply::Fail(ErrorClass::Unauthorized)]);
    let refused = node.accept(loose(900)).await;
    assert_eq!(bench.failed(refused.generation).await.code, FailureCode::ProviderAuth);
}

#[tokio::test]
async fn a_cooling_provider_is_passed_over_with_all_its_models_straight_to_one_that_is_not() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    refused_key(&bench, &node).await;
    let receipt = node.accept(Request { recipe: "wide".to_owned(), ..note("tea") }).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((bench.world.now(), row.model.as_str()), (START, "other/one"));
    let passed_over = Some(CallOutcome::NotSent);
    assert_eq!(bench.outcomes(receipt.generation).await, [passed_over, Some(CallOutcome::Ok)], "demo/two is not asked");
    bench.in_order().await;
}

#[tokio::test]
async fn a_route_within_a_cooling_provider_waits_in_place_and_keeps_its_model_and_its_tries() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    refused_key(&bench, &node).await;
    let receipt = node.accept(routed("tea")).await;
    bench.advance(seconds(59)).await;
    let row = bench.row(receipt.generation).await;
    assert_eq!((row.model.as_str(), row.generation.spent, row.status()), ("demo/one", 0, Status::Pending));
    let (_, words) = row.last_error.unwrap();
    assert!(words.contains("provider:demo is left alone until"), "{words}");
    assert_eq!(bench.calls(Some(receipt.generation)).await.len(), 1, "nobody turns in circles meanwhile");
    bench.advance(seconds(1)).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.model.as_str(), row.generation.spent), ("demo/one", 1));
    bench.in_order().await;
}

#[tokio::test]
async fn where_every_model_is_left_alone_the_first_one_to_come_back_is_taken() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    rate_limited(&bench, &node, 300).await;
    bench.script.then([Reply::RateLimited(seconds(30))]);
    node.accept(of_model("demo/two", 901)).await;
    until("the other one is left alone", || async {
        stands(&bench, Subject::Model("demo/two".to_owned())).await != Stance::Closed
    })
    .await;
    let receipt = node.accept(routed("tea")).await;
    bench.advance(seconds(29)).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Pending);
    bench.pass_until("it is done", || async { bench.status(receipt.generation).await == Status::Completed }).await;
    assert_eq!(bench.row(receipt.generation).await.model, "demo/two");
    assert!(bench.world.now() < START.plus(seconds(60)));
    bench.in_order().await;
}

#[tokio::test]
async fn a_refused_key_cools_the_provider_and_all_its_models() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Unauthorized)]);
    let refused = node.accept(loose(0)).await;
    assert_eq!(bench.failed(refused.generation).await.code, FailureCode::ProviderAuth);
    let waits = node.accept(of_model("demo/two", 1)).await;
    settle().await;
    let why = node.desk.why(SCOPE, waits.generation).await.unwrap();
    assert!(matches!(&why, Waiting::CoolingDown { lane, .. } if lane == "provider:demo"), "{why:?}");
    bench.advance(seconds(59)).await;
    assert_eq!(bench.script.calls(), 1);
    bench.advance(seconds(1)).await;
    bench.completed(waits.generation).await;
    assert_eq!(bench.store.inner().health().await.unwrap(), []);
    bench.in_order().await;
}

#[tokio::test]
async fn a_bad_text_or_a_refused_request_says_nothing_of_the_model() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::Fail(ErrorClass::Rejected));
    let receipts = join_all((0..20).map(|n| node.accept(loose(n)))).await;
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    until("all have failed", || all_are(&bench, &ids, Status::Failed)).await;
    assert_eq!(bench.store.inner().health().await.unwrap(), []);
    bench.in_order().await;
}

#[tokio::test]
async fn sixty_a_minute_is_one_a_second_over_two_desks() {
    let bench = Bench::new().await;
    let rate = Rate { requests_per_minute: NonZeroU32::new(60), tokens_per_minute: None };
    let rates = vec![(Lane::Provider("demo".to_owned()), rate)];
    let limited = DeskConfig { rates, max_concurrent: Some(50), ..config() };
    let nodes = [bench.working_beside_others(limited.clone()).await, bench.working_beside_others(limited).await];
    bench.script.otherwise(Reply::Echo);
    let receipts = join_all((0..40).map(|n| nodes[n % 2].accept(loose(n)))).await;
    until("the burst is through", || async { bench.script.calls() == 5 }).await;
    for n in 6..=20 {
        bench.advance(seconds(1)).await;
        until("the next one is through", || async { bench.script.calls() >= n }).await;
        settle().await;
        assert_eq!(bench.script.calls(), n, "one a second");
    }
    let rows = bench.generations().await;
    let waits = rows.iter().find(|row| row.status() == Status::Pending).unwrap();
    let why = nodes[0].desk.why(SCOPE, waits.generation.id).await.unwrap();
    assert!(matches!(&why, Waiting::RateLimited { lane, .. } if lane == "provider:demo"), "{why:?}");
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    bench.pass_until("all are done", || all_are(&bench, &ids, Status::Completed)).await;
    bench.in_order().await;
}

#[tokio::test]
async fn tokens_and_further_steps_are_paid_too() {
    let bench = Bench::new().await;
    let rate = Rate { requests_per_minute: NonZeroU32::new(60), tokens_per_minute: NonZeroU32::new(600) };
    let rates = vec![(Lane::Model("demo/one".to_owned()), rate)];
    let node = bench.working(DeskConfig { rates, ..config() }).await;
    let pair = Request { recipe: "pair".to_owned(), ..note("tea") };
    let receipt = node.accept(pair).await;
    bench.completed(receipt.generation).await;
    let paid = bench.store.inner().rates().await.unwrap();
    // Two requests of one second each; two answers of 120 tokens at ten a second.
    assert_eq!((paid[0].1.requests_at, paid[0].1.tokens_at), (START.plus(seconds(2)), START.plus(seconds(24))));
    let next = node.accept(loose(1)).await;
    settle().await;
    assert_eq!(bench.status(next.generation).await, Status::Pending, "more than fifteen seconds ahead");
    bench.advance(seconds(9)).await;
    bench.completed(next.generation).await;
    bench.in_order().await;
}
