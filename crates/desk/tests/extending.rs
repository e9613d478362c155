//! More time for work that waits or runs: nothing of it is lost, made twice or booked wrongly.

use crate::harness::*;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::accept::{Receipt, Request};
use copydesk_store::StoreError;
use copydesk_store_tests::{Method, When};

const OK: Option<CallOutcome> = Some(CallOutcome::Ok);

/// A note that must be over in a minute.
fn hasty(prompt: &str) -> Request {
    Request { deadline: Some(START.plus(seconds(60))), ..note(prompt) }
}

async fn under_way(bench: &Bench) {
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
}

/// Gives it time until an hour after the start of the test.
async fn extend(node: &Node, receipt: &Receipt) {
    let row = node.desk.extend(SCOPE, receipt.generation, START.plus(seconds(3_600))).await.unwrap();
    assert_eq!(row.generation.terms.deadline_at, START.plus(seconds(3_600)));
}

#[tokio::test]
async fn a_result_that_comes_after_more_time_was_given_is_the_result() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("In time.")]);
    let receipt = node.accept(hasty("tea")).await;
    under_way(&bench).await;
    extend(&node, &receipt).await;
    bench.script.release(1);
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, bench.outcomes(receipt.generation).await), (1, vec![OK]), "it was never late");
    assert_eq!((bench.versions(receipt.draft).await.len(), bench.left("ada").await), (1, credits("995")));
    until("the slot is free", || async { node.desk.live().count() == 0 }).await;
    assert_eq!(within("it has stopped", node.desk.stop(seconds(25))).await, Ok(0), "nothing is waited for any more");
    bench.in_order().await;
}

#[tokio::test]
async fn a_failure_that_had_no_time_left_for_another_try_has_it_now() {
    for on_its_own in [true, false] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.script.then([Reply::Slow(seconds(59), "Half".to_owned())]);
        let receipt = node.accept(hasty("tea")).await;
        under_way(&bench).await;
        if on_its_own {
            extend(&node, &receipt).await;
        }
        // The attempt keeps the deadline of its own and is cut off there.
        bench.advance(seconds(60)).await;
        if !on_its_own {
            assert_eq!(bench.failed(receipt.generation).await.code, FailureCode::DeadlineExceeded);
            continue;
        }
        assert_eq!(bench.status(receipt.generation).await, Status::Pending);
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        let row = bench.completed(receipt.generation).await;
        assert_eq!((row.generation.spent, bench.script.calls()), (2, 2));
        assert_eq!(bench.left("ada").await, credits("995"));
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_step_that_ends_after_more_time_was_given_is_kept_and_not_paid_for_twice() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("three leaves"), Reply::hold("The tea has three leaves.")]);
    let receipt = node.accept(Request { recipe: "pair".to_owned(), ..hasty("tea") }).await;
    under_way(&bench).await;
    extend(&node, &receipt).await;
    bench.script.release(1);
    until("the second step is under way", || async { (bench.script.calls(), bench.script.in_flight()) == (2, 1) })
        .await;
    node.desk.extend(SCOPE, receipt.generation, START.plus(seconds(7_200))).await.unwrap();
    bench.script.release(1);
    bench.completed(receipt.generation).await;
    assert_eq!((bench.outcomes(receipt.generation).await, bench.script.calls()), (vec![OK, OK], 2));
    assert!(bench.body(receipt.draft).await.contains("The tea has three leaves."));
    bench.in_order().await;
}

#[tokio::test]
async fn a_stopping_desk_waits_for_an_attempt_that_has_to_say_its_end_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("In time.")]);
    let receipt = node.accept(hasty("tea")).await;
    under_way(&bench).await;
    extend(&node, &receipt).await;
    let desk = node.desk.clone();
    let stop = tokio::spawn(async move { desk.stop(seconds(25)).await });
    until("it is draining", || async { node.desk.is_draining() }).await;
    // The database is away when what stands there is to be read.
    bench.store.fail_next(Method::Get, 1, When::Before, StoreError::Unavailable("gone".to_owned()));
    bench.script.release(1);
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!(within("it has stopped", stop).await.unwrap(), Ok(0));
    assert_eq!(bench.outcomes(receipt.generation).await, [OK]);
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_after_more_time_was_given_still_wins_over_a_late_result() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("Too late.")]);
    let receipt = node.accept(hasty("tea")).await;
    under_way(&bench).await;
    extend(&node, &receipt).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    bench.script.release(1);
    until("its figures are booked", || async { bench.outcomes(receipt.generation).await[0].is_some() }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    let again = node.desk.extend(SCOPE, receipt.generation, START.plus(seconds(9_000))).await;
    assert_eq!(again, Err(DeskError::Refused(Refusal::AlreadyTerminal { status: Status::Cancelled })));
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}
