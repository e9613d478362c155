//! Every click ends, whether or not anybody looks: deadlines, the sweeper, the cleanup by hand.

use crate::harness::*;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{CallId, NodeId};
use copydesk_desk::accept::Request;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Claim, Heartbeat, Limits, Turn};
use copydesk_store::{AdminStore, GenerationStore, StoreError};
use copydesk_store_tests::{Method, When};
use std::time::Duration;

async fn pause(bench: &Bench, recipe: &str) {
    bench.store.set_pause(PauseKey::recipe(recipe.to_owned()), true, bench.world.now()).await.unwrap();
}

#[tokio::test]
async fn seed_s3_a5_a_request_nobody_works_on_ends_at_its_deadline_with_nobody_looking() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    pause(&bench, "note").await;
    let receipt = node.accept(note("tea")).await;
    assert_eq!(bench.balance("ada").await.held, credits("5"));
    bench.advance(seconds(3_599)).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Pending);
    bench.advance(seconds(5)).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::DeadlineExceeded);
    assert_eq!(failure.message, "Generation timeout: Task stuck in pending status for 1.0 hours");
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Failed);
    assert_eq!((bench.left("ada").await, bench.script.calls()), (credits("1000"), 0));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s3_a_task_found_after_18_hours_is_told_so() {
    let bench = Bench::new().await;
    let accepting = bench.idle(config()).await;
    let receipt = accepting.accept(note("tea")).await;
    bench.advance(seconds(65_520)).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Pending, "there was no process that could look");
    let _node = bench.working(config()).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.message, "Generation timeout: Task stuck in pending status for 18.2 hours");
    settle().await;
    assert_eq!((bench.left("ada").await, bench.script.calls()), (credits("1000"), 0));
    bench.in_order().await;
}

#[tokio::test]
async fn a_call_that_is_under_way_at_the_deadline_is_ended_there() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("Half a text")]);
    let mut request = note("tea");
    request.deadline = Some(START.plus(seconds(60)));
    let receipt = node.accept(request).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    bench.advance(seconds(60)).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::DeadlineExceeded);
    assert_eq!(failure.message, "Generation timeout: Task stuck in processing status for 1.0 minutes");
    assert_eq!((bench.script.dropped(), bench.left("ada").await), (1, credits("1000")));
    let (_, closed) = bench.calls(None).await[0].closed.clone().unwrap();
    assert!(closed.usage.estimated && closed.cost.is_some(), "what the operator probably pays is on the books");
    bench.in_order().await;
}

#[tokio::test]
async fn work_of_a_dead_process_past_its_deadline_is_ended_and_not_begun_again() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Hang);
    let receipt = bench.left_by_a_dead_process(config(), note("tea"), 1).await;
    bench.advance(seconds(7_200)).await;
    let _second = bench.working(config()).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.message, "Generation timeout: Task stuck in processing status for 2.0 hours");
    assert_eq!((bench.script.calls(), bench.left("ada").await), (1, credits("1000")));
    assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::Lost)]);
    bench.in_order().await;
}

#[tokio::test]
async fn a_wait_that_would_outlast_the_deadline_is_not_begun() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::RateLimited(seconds(300))]);
    let mut request = note("tea");
    request.deadline = Some(START.plus(seconds(60)));
    let receipt = node.accept(request).await;
    assert_eq!(bench.failed(receipt.generation).await.code, FailureCode::RateLimited);
    assert_eq!((bench.world.now(), bench.left("ada").await), (START, credits("1000")));
    bench.in_order().await;
}

/// 0.01 hours, as the seed's own script was tried.
const MAX_AGE: Duration = Duration::from_secs(36);

#[tokio::test]
async fn seed_s3_a6_a_dry_run_changes_nothing_a_real_one_marks_and_a_second_one_marks_none() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let old = [node.accept(note("tea")).await, node.accept(note("coffee")).await];
    bench.advance(seconds(30)).await;
    let young = node.accept(note("milk")).await;
    bench.advance(seconds(10)).await;

    let listed = node.desk.cleanup_stale(MAX_AGE, true).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.generation).collect::<Vec<_>>(), old.clone().map(|one| one.generation));
    assert_eq!((listed[0].age, listed[0].status, listed[0].becomes), (seconds(40), Status::Pending, Status::Failed));
    for receipt in &old {
        assert_eq!(bench.status(receipt.generation).await, Status::Pending);
    }
    let marked = node.desk.cleanup_stale(MAX_AGE, false).await.unwrap();
    assert_eq!(marked, listed);
    for receipt in &old {
        let failure = bench.failed(receipt.generation).await;
        assert_eq!(failure.message, "Generation timeout: Task stuck in pending status for 40.0 seconds");
    }
    assert_eq!(node.desk.cleanup_stale(MAX_AGE, false).await.unwrap(), []);
    assert_eq!(bench.status(young.generation).await, Status::Pending);
    assert_eq!(bench.balance("ada").await.held, credits("5"), "the young one's hold stays");
    bench.in_order().await;
}

#[tokio::test]
async fn a_cleanup_by_hand_also_ends_what_a_dead_process_left_behind() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Hang);
    let receipt = bench.left_by_a_dead_process(config(), note("tea"), 1).await;
    bench.advance(seconds(40)).await;
    let by_hand = bench.idle(config()).await;
    let listed = by_hand.desk.cleanup_stale(MAX_AGE, true).await.unwrap();
    assert_eq!(listed.len(), 1, "the dry run says what the real one does");
    assert_eq!(by_hand.desk.cleanup_stale(MAX_AGE, false).await.unwrap(), listed);
    assert_eq!(bench.status(receipt.generation).await, Status::Failed);
    assert_eq!(by_hand.desk.cleanup_stale(MAX_AGE, false).await.unwrap(), []);
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_desk_that_only_looks_takes_nothing_away_from_the_one_that_works() {
    let bench = Bench::new().await;
    let server = bench.working(config()).await;
    bench.script.then([Reply::hold("Done.")]);
    let receipt = server.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let tool = bench.idle(config()).await;
    assert_eq!(tool.desk.sweep_once().await.unwrap(), []);
    assert_eq!(tool.desk.cleanup_stale(seconds(3_600), false).await.unwrap(), []);
    bench.script.release(1);
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, bench.script.calls()), (1, 1));
    bench.in_order().await;
}

#[tokio::test]
async fn a_run_nobody_runs_is_taken_back_after_its_time_limit() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    // A store that says "nothing was written" and is wrong.
    bench.store.fail_next(Method::Turn, 1, When::After, StoreError::Unavailable("injected".to_owned()));
    let receipt = node.accept(note("tea")).await;
    until("it is claimed", || async { bench.status(receipt.generation).await == Status::Processing }).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert!(bench.world.now() < START.plus(seconds(150)), "time limit 120 s, grace 15 s, sweep 5 s, wait 1 s");
    let (lost, ok) = (Some(CallOutcome::Lost), Some(CallOutcome::Ok));
    assert_eq!(bench.outcomes(receipt.generation).await, [lost, ok]);
    bench.in_order().await;
}

#[tokio::test]
async fn what_is_taken_back_moves_on_along_its_route() {
    let bench = Bench::new().await;
    let node = bench.idle_beside_others(config()).await;
    let receipt = node.accept(Request { recipe: "routed".to_owned(), ..note("tea") }).await;
    let stuck = NodeId(bench.world.uuid(START));
    let mut models = vec![];
    for _ in 0..4 {
        let calls = vec![CallId(bench.world.uuid(bench.world.now()))];
        let claim = Some(Claim { node: stuck, calls, limits: Limits { global: None, lanes: vec![], rates: vec![] } });
        let turn = Turn { now: bench.world.now(), writes: vec![], claim };
        models.extend(bench.store.turn(turn).await.unwrap().claimed.into_iter().map(|claimed| claimed.model));
        bench.advance(seconds(150)).await;
        let (label, runs) = ("stuck".to_owned(), vec![]);
        let beat = Heartbeat { node: stuck, at: bench.world.now(), label, goodbye: false, runs };
        bench.store.heartbeat(beat).await.unwrap();
        node.desk.sweep_once().await.unwrap();
        bench.advance(seconds(10)).await;
    }
    assert_eq!(models, ["demo/one", "demo/one", "demo/one", "demo/two"]);
    assert_eq!(bench.row(receipt.generation).await.model, "demo/two");
}

#[tokio::test]
async fn sweeping_twice_or_on_two_desks_is_sweeping_once() {
    let bench = Bench::new().await;
    let (one, two) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
    for n in 0..20 {
        one.accept(note(&format!("tea {n}"))).await;
    }
    bench.advance(seconds(3_600)).await;
    let (first, second) = tokio::join!(one.desk.sweep_once(), two.desk.sweep_once());
    assert_eq!(first.unwrap().len() + second.unwrap().len(), 20);
    assert_eq!(one.desk.sweep_once().await.unwrap(), []);
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}
