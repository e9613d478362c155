//! Starting and stopping without losing or doubling anything.

use crate::harness::*;
use copydesk_core::generation::{State, Status, Wait};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_desk::DeskConfig;
use copydesk_desk::DeskError;
use copydesk_store::StoreError;
use copydesk_store_tests::{Method, When};

#[tokio::test]
async fn a_stopping_desk_takes_nothing_new_and_finishes_what_runs() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { max_concurrent: Some(1), ..config() }).await;
    bench.script.then([Reply::hold("Done.")]);
    let running = node.accept(note("tea")).await;
    let waiting = node.accept(note("coffee")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let desk = node.desk.clone();
    let stop = tokio::spawn(async move { desk.stop(seconds(25)).await });
    until("it is draining", || async { node.desk.is_draining() }).await;
    assert_eq!(node.desk.accept(note("milk")).await, Err(DeskError::Draining));
    bench.script.release(1);
    assert_eq!(within("it has stopped", stop).await.unwrap(), Ok(0), "and it does not wait for the clock");
    bench.completed(running.generation).await;
    assert_eq!(bench.status(waiting.generation).await, Status::Pending);
    assert_eq!((bench.script.calls(), bench.world.now()), (1, START));

    let next = bench.working(config()).await;
    bench.completed(waiting.generation).await;
    assert_eq!(within("it has stopped", next.desk.stop(seconds(25))).await, Ok(0), "an idle desk stops at once");
    assert_eq!(bench.left("ada").await, credits("990"));
    bench.in_order().await;
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_handed_back_without_using_up_an_attempt() {
    let bench = Bench::new().await;
    let first = bench.working_beside_others(config()).await;
    let second = bench.working_beside_others(config()).await;
    bench.script.then([Reply::hold("Half a te")]);
    let receipt = first.accept(note("tea")).await;
    bench.pass_until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let (leaving, staying) = if first.desk.live().count() == 1 { (&first, &second) } else { (&second, &first) };
    let desk = leaving.desk.clone();
    let stop = tokio::spawn(async move { desk.stop(seconds(3)).await });
    until("it is draining", || async { leaving.desk.is_draining() }).await;
    bench.advance(seconds(3)).await;
    assert_eq!(within("it has stopped", stop).await.unwrap(), Ok(1));
    assert_eq!(bench.script.dropped(), 1);
    bench.pass_until("the other one finishes it", || async { bench.status(receipt.generation).await.is_final() }).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, row.generation.attempt.0), (1, 2));
    let (cancelled, ok) = (Some(CallOutcome::Cancelled), Some(CallOutcome::Ok));
    assert_eq!(bench.outcomes(receipt.generation).await, [cancelled, ok]);
    assert!(!staying.desk.is_draining());
    assert!(bench.world.now() < START.plus(seconds(30)), "nobody waited for a lease to run out");
    bench.in_order().await;
}

#[tokio::test]
async fn a_claim_that_is_answered_after_the_grace_is_handed_back_unbegun() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    settle().await;
    node.plug.hold_next(Method::Turn);
    let receipt = node.accept(note("tea")).await;
    until("the answer of the claim is held back", || async { node.plug.waiting() == 1 }).await;
    let desk = node.desk.clone();
    let stop = tokio::spawn(async move { desk.stop(seconds(0)).await });
    settle().await;
    node.plug.let_go();
    assert_eq!(within("it has stopped", stop).await.unwrap(), Ok(0));
    let row = bench.row(receipt.generation).await;
    assert_eq!((row.generation.state, row.generation.spent), (State::Pending { wait: Wait::Ready }, 0));
    assert_eq!(bench.script.calls(), 0);
    assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::NotSent)]);
    bench.in_order().await;
}

#[tokio::test]
async fn a_start_that_failed_can_be_repeated() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.store.fail_next(Method::Heartbeat, 1, When::Before, StoreError::Unavailable("injected".to_owned()));
    assert!(matches!(node.desk.start_working().await, Err(DeskError::Store(StoreError::Unavailable(_)))));
    node.desk.start_working().await.unwrap();
    bench.completed(receipt.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_first_sweep_that_fails_does_not_keep_the_desk_from_working() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.store.fail_next(Method::Overdue, 1, When::Before, StoreError::Corrupt("injected".to_owned()));
    node.desk.start_working().await.unwrap();
    bench.completed(receipt.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn starting_twice_is_starting_once_and_a_desk_that_never_worked_stops_at_once() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { max_concurrent: Some(1), ..config() }).await;
    node.desk.start_working().await.unwrap();
    bench.script.otherwise(Reply::hold("x"));
    node.accept(note("tea")).await;
    node.accept(note("coffee")).await;
    settle().await;
    assert_eq!(bench.script.in_flight(), 1);
    let idle = bench.idle(config()).await;
    assert_eq!(within("it has stopped", idle.desk.stop(seconds(25))).await, Ok(0));
}
