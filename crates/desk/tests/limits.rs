//! How many run at once, in which order, and that waiting costs nothing.

use crate::harness::*;
use copydesk_core::generation::Status;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_desk::accept::Request;
use copydesk_desk::clock::{Clock, CountingDice, HandClock};
use copydesk_desk::{Desk, DeskConfig, Parts, World};
use copydesk_providers::ErrorClass;
use copydesk_store::generations::Lane;
use futures::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn loose(n: usize) -> Request {
    Request { recipe: "loose".to_owned(), ..note(&format!("letter number {n}.")) }
}

async fn all_are(bench: &Bench, ids: &[GenerationId], status: Status) -> bool {
    for id in ids {
        if bench.status(*id).await != status {
            return false;
        }
    }
    true
}

/// Each draft has exactly one version, with the text that was asked for.
async fn none_mixed_none_lost(bench: &Bench, wanted: usize) {
    let rows = bench.generations().await;
    assert_eq!(rows.len(), wanted);
    for row in rows {
        let input = bench.row(row.generation.id).await.input;
        let input: serde_json::Value = serde_json::from_str(&input).unwrap();
        assert!(bench.body(row.draft).await.contains(input["prompt"].as_str().unwrap()));
        assert_eq!(bench.versions(row.draft).await.len(), 1);
    }
    assert_eq!(bench.script.calls(), wanted);
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s2_a9_a_hundred_requests_never_run_more_than_four_at_once() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::Echo);
    let receipts = join_all((0..100).map(|n| node.accept(loose(n)))).await;
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    until("all are completed", || all_are(&bench, &ids, Status::Completed)).await;
    assert_eq!(bench.script.peak(), 4);
    assert_eq!(bench.left("ada").await, credits("500"));
    none_mixed_none_lost(&bench, 100).await;
}

#[tokio::test]
async fn two_desks_on_one_database_never_run_more_than_four_together() {
    let bench = Bench::new().await;
    let (one, two) = (bench.working_beside_others(config()).await, bench.working_beside_others(config()).await);
    bench.script.otherwise(Reply::Echo);
    let requests = (0..100).map(|n| if n % 2 == 0 { &one } else { &two }.accept(loose(n)));
    let receipts = join_all(requests).await;
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    bench.pass_until("all are completed", || all_are(&bench, &ids, Status::Completed)).await;
    assert!(bench.script.peak() <= 4, "{} at once", bench.script.peak());
    none_mixed_none_lost(&bench, 100).await;
}

#[tokio::test]
async fn what_one_desk_leaves_free_the_other_takes() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::hold("x"));
    let slots = |n| DeskConfig { max_concurrent: Some(n), ..config() };
    let busy = bench.working_beside_others(slots(4)).await;
    let helper = bench.working_beside_others(slots(4)).await;
    join_all((0..4).map(|n| busy.accept(loose(n)))).await;
    until("four are under way", || async { bench.script.in_flight() == 4 }).await;
    let waiting = helper.accept(loose(4)).await;
    settle().await;
    let why = helper.desk.why(SCOPE, waiting.generation).await.unwrap();
    assert_eq!(why.sentence(), "4 of 4 slots of lane \"global\" are in use.");
    bench.script.release(1);
    bench.advance(seconds(2)).await;
    assert_eq!((bench.script.in_flight(), bench.script.peak()), (4, 4));
    bench.script.release(10);
    bench.pass_until("it is over", || async { bench.status(waiting.generation).await.is_final() }).await;
}

#[tokio::test]
async fn seed_s2_without_a_queue_every_request_runs_at_once_with_the_same_guarantees() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { max_concurrent: None, ..config() }).await;
    bench.script.otherwise(Reply::hold("All at once."));
    let receipts = join_all((0..100).map(|n| node.accept(loose(n)))).await;
    until("all are under way", || async { bench.script.in_flight() == 100 }).await;
    let double = node.accept(note("tea")).await;
    let second = node.accept(note("tea")).await;
    assert_eq!(double.generation, second.generation);
    bench.script.release(101);
    let ids: Vec<GenerationId> = receipts.iter().map(|receipt| receipt.generation).collect();
    until("all are completed", || all_are(&bench, &ids, Status::Completed)).await;
    bench.completed(double.generation).await;
    assert_eq!(bench.left("ada").await, credits("495"));
    bench.in_order().await;
}

#[tokio::test]
async fn one_click_does_not_wait_behind_another_users_batch_of_two_hundred() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { max_concurrent: Some(1), ..config() }).await;
    bench.script.otherwise(Reply::hold("x"));
    let batch = (0..200).map(|n| node.accept(Request { user: Some("bob".to_owned()), ..loose(n) }));
    join_all(batch).await;
    until("the batch is under way", || async { bench.script.in_flight() == 1 }).await;
    let click = node.accept(note("Ada's click")).await;
    let why = node.desk.why(SCOPE, click.generation).await.unwrap();
    assert_eq!(why.reason(), "lane_full");
    bench.script.release(2);
    bench.completed(click.generation).await;
    let place = bench.script.seen().iter().position(|call| call.prompt == "Ada's click").unwrap();
    assert_eq!(place, 1, "the next one to run");
}

#[tokio::test]
async fn a_lane_of_its_own_limits_a_recipe_and_lets_the_others_pass() {
    let bench = Bench::new().await;
    let lanes = vec![(Lane::Recipe("loose".to_owned()), 1)];
    let node = bench.working(DeskConfig { lanes, ..config() }).await;
    bench.script.otherwise(Reply::hold("x"));
    join_all((0..3).map(|n| node.accept(loose(n)))).await;
    until("one is under way", || async { bench.script.in_flight() == 1 }).await;
    node.accept(note("tea")).await;
    until("another recipe passes", || async { bench.script.in_flight() == 2 }).await;
    settle().await;
    assert_eq!(bench.script.in_flight(), 2);
}

#[tokio::test]
async fn seed_a10_one_target_is_written_by_one_generation_at_a_time() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::hold("x"));
    let of_app = |n| Request { target: Some("openai_gpt-4o/app7".to_owned()), ..loose(n) };
    let first = node.accept(of_app(1)).await;
    let second = node.accept(of_app(2)).await;
    until("the first is under way", || async { bench.script.in_flight() == 1 }).await;
    settle().await;
    assert_eq!(bench.script.in_flight(), 1);
    assert_eq!(node.desk.why(SCOPE, second.generation).await.unwrap().reason(), "target_locked");
    bench.script.release(2);
    bench.completed(first.generation).await;
    bench.completed(second.generation).await;
    assert_eq!(bench.script.peak(), 1);
    bench.in_order().await;
}

/// The hand clock, counting how often somebody lies down to sleep.
struct CountingClock {
    hand: Arc<HandClock>,
    sleeps: AtomicUsize,
}

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.hand.now()
    }
    fn steady(&self) -> Duration {
        self.hand.steady()
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.sleeps.fetch_add(1, Ordering::SeqCst);
        self.hand.sleep(span)
    }
    fn follow(&self, _store_now: Timestamp) {}
}

#[tokio::test]
async fn a_desk_whose_slots_are_full_does_not_spin_on_what_is_due() {
    let bench = Bench::new().await;
    let clock = Arc::new(CountingClock { hand: bench.clock.clone(), sleeps: AtomicUsize::new(0) });
    let plug = Plug::new(bench.store.clone(), None);
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    let config = DeskConfig { max_concurrent: Some(1), ..config() };
    let desk = Desk::open(Parts { world, ..bench.parts(&plug, config) }).await.unwrap();
    desk.start_working().await.unwrap();
    bench.script.then([Reply::Fail(ErrorClass::Overloaded), Reply::hold("x")]);
    let failed = desk.accept(note("tea")).await.unwrap().generation;
    until("it backs off", || async { bench.row(failed).await.generation.spent == 1 }).await;
    let long = desk.accept(note("coffee")).await.unwrap().generation;
    until("the slot is taken", || async { bench.script.in_flight() == 1 }).await;
    bench.advance(seconds(10)).await;
    let before = clock.sleeps.load(Ordering::SeqCst);
    settle().await;
    let naps = clock.sleeps.load(Ordering::SeqCst) - before;
    assert!(naps <= 5, "it slept {naps} times while nothing happened");
    bench.script.release(1);
    bench.completed(long).await;
    bench.pass_until("it is over", || async { bench.status(failed).await.is_final() }).await;
    bench.completed(failed).await;
}

#[tokio::test]
async fn a_recipe_says_how_often_it_is_tried() {
    for attempts in [1_u32, 2, 5] {
        let mut bench = Bench::new().await;
        let (_folder, shelf) = recipes::note_with("max_attempts = 3", &format!("max_attempts = {attempts}"));
        bench.shelf = shelf;
        let node = bench.working(config()).await;
        bench.script.otherwise(Reply::Fail(ErrorClass::Overloaded));
        let receipt = node.accept(note("tea")).await;
        bench.pass_until("it has failed", || async { bench.status(receipt.generation).await.is_final() }).await;
        let row = bench.row(receipt.generation).await;
        assert_eq!((row.generation.spent, bench.script.calls()), (attempts, attempts as usize));
        assert_eq!(bench.left("ada").await, credits("1000"));
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_price_that_changes_meanwhile_changes_nothing_for_what_was_accepted() {
    let bench = Bench::new().await;
    let before = bench.idle(config()).await;
    let (paid, failing) = (before.accept(note("tea")).await, before.accept(note("coffee")).await);
    assert_eq!(bench.balance("ada").await.held, credits("10"));
    before.kill();
    let mut dearer = bench;
    let (_folder, shelf) = recipes::note_with("price = 5", "price = 9");
    dearer.shelf = shelf;
    dearer.script.then([Reply::say("A fine text."), Reply::Fail(ErrorClass::Refused)]);
    let node = dearer.working(DeskConfig { max_concurrent: Some(1), ..config() }).await;
    dearer.completed(paid.generation).await;
    dearer.failed(failing.generation).await;
    assert_eq!(dearer.left("ada").await, credits("995"), "5 settled, 5 given back, as agreed at accept");
    let next = node.accept(note("milk")).await;
    dearer.completed(next.generation).await;
    assert_eq!(dearer.left("ada").await, credits("986"), "the new price is for new requests");
    dearer.in_order().await;
}
