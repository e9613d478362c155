//! What each process counts of a generation that two of them worked on.

use crate::harness::*;
use copydesk_desk::accept::Request;
use copydesk_desk::credits::{Grant, Memo, Size};
use copydesk_desk::metrics::Value;
use copydesk_providers::ErrorClass;
use copydesk_store_tests::Method;

/// One number; 0 where there is none.
async fn number(node: &Node, name: &str, label: &str) -> u64 {
    let families = node.desk.metrics().await.unwrap();
    let family = families.iter().find(|family| family.name == name).unwrap();
    let has = |labels: &[(&'static str, String)]| label.is_empty() || labels.iter().any(|(_, value)| value == label);
    let found = family.samples.iter().find(|sample| has(&sample.labels) && sample.suffix != "_bucket");
    match found.map(|sample| sample.value) {
        Some(Value::Whole(n) | Value::Micros(n) | Value::Nanos(n)) => n,
        None => 0,
    }
}

const ENDS: &str = "copydesk_generations_total";
const CREDITS: &str = "copydesk_credits_total";
const CALLS: &str = "copydesk_provider_requests_total";

#[tokio::test]
async fn a_late_result_ends_nothing_and_its_call_is_counted_as_late() {
    let bench = Bench::new().await;
    let zombie = bench.working_beside_others(config()).await;
    bench.script.then([Reply::hold("Too late."), Reply::say("In time.")]);
    let receipt = zombie.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    zombie.plug.block(Method::Heartbeat);
    let other = bench.working_beside_others(config()).await;
    zombie.desk.begin_stop();
    bench.pass_until("the other one has done it", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.script.release(1);
    until("the late call is counted", || async { number(&zombie, CALLS, "late").await == 1 }).await;
    assert_eq!(number(&zombie, ENDS, "completed").await, 0);
    until("the end is counted", || async { number(&other, ENDS, "completed").await == 1 }).await;
    assert_eq!((number(&other, CALLS, "lost").await, number(&other, CALLS, "ok").await), (1, 1));
    assert_eq!(number(&other, "copydesk_unpriced_calls_total", "").await, 1, "what the lost one cost nobody knows");
    bench.in_order().await;
}

#[tokio::test]
async fn every_attempt_is_a_call_and_only_the_last_is_an_end() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Overloaded), Reply::say("A text.")]);
    let receipt = node.accept(note("tea")).await;
    bench.pass_until("it is there", || async { bench.status(receipt.generation).await.is_final() }).await;
    until("it is counted", || async { number(&node, ENDS, "completed").await == 1 }).await;
    assert_eq!((number(&node, CALLS, "failed").await, number(&node, CALLS, "ok").await), (1, 1));
    assert_eq!(number(&node, ENDS, "failed").await, 0);
    let waits = node.desk.metrics().await.unwrap();
    let waits = waits.iter().find(|family| family.name == "copydesk_wait_seconds").unwrap();
    assert_eq!(
        waits.samples.last().unwrap().value,
        Value::Whole(1),
        "a second attempt does not wait for the first time"
    );
}

#[tokio::test]
async fn credits_are_counted_where_they_moved_and_a_repeated_grant_is_not() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(Request { recipe: "metered".to_owned(), ..note("tea") }).await;
    bench.pass_until("it is there", || async { bench.status(receipt.generation).await.is_final() }).await;
    until("its end is counted", || async { number(&node, CREDITS, "release").await > 0 }).await;
    for (entry, micros) in [("hold", 5_000_000), ("settle", 3_500_000), ("release", 1_500_000), ("grant", 0)] {
        assert_eq!(number(&node, CREDITS, entry).await, micros, "{entry}");
    }
    for _ in 0..2 {
        let reference = Some("invoice 7".to_owned());
        let memo = Memo { scope: SCOPE, user: "ada".to_owned(), reference, reason: None, idempotency: None };
        let size = Size::Amount(credits("2"));
        node.desk.grant(Grant { memo, kind: None, size, expires_at: None }).await.unwrap();
    }
    assert_eq!(number(&node, CREDITS, "grant").await, 2_000_000);
}
