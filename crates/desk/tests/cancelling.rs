//! Cancelling in every phase: the work stops, the provider is let go, the whole hold comes back, nothing else changes.

use crate::harness::*;
use copydesk_core::Tokens;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::Status;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::accept::Again;
use copydesk_providers::ErrorClass;
use copydesk_store::AdminStore;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::Accepted;
use copydesk_store_tests::Method;

#[tokio::test]
async fn seed_a25_cancel_while_it_waits() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let recipe = PauseKey::recipe("note".to_owned());
    bench.store.set_pause(recipe.clone(), true, START).await.unwrap();
    let receipt = node.accept(note("tea")).await;
    let row = node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    assert_eq!(row.status(), Status::Cancelled);
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Cancelled);
    assert_eq!(bench.left("ada").await, credits("1000"));

    bench.store.set_pause(recipe, false, START).await.unwrap();
    bench.advance(seconds(10)).await;
    assert_eq!(bench.script.calls(), 0);
    let next = node.accept(note("tea")).await;
    assert!(matches!(next.accepted, Accepted::New { .. }), "the same work may be asked for again");
    bench.completed(next.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn seed_a25_cancel_during_the_call_lets_the_provider_go_and_books_what_it_used() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("Twelve bytes")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    let cancelled = bench.row(receipt.generation).await;
    until("the call is dropped", || async { bench.script.dropped() == 1 }).await;
    until("its figures are booked", || async { bench.outcomes(receipt.generation).await[0].is_some() }).await;
    let (_, closed) = bench.calls(None).await[0].closed.clone().unwrap();
    assert_eq!((closed.usage.output, closed.usage.estimated), (Some(Tokens(3)), true));
    bench.advance(seconds(60)).await;
    assert_eq!(bench.row(receipt.generation).await, cancelled, "nothing else changes");
    assert_eq!((bench.script.calls(), bench.left("ada").await), (1, credits("1000")));
    assert_eq!(node.desk.live().count(), 0, "the slot is free");
    bench.in_order().await;
}

#[tokio::test]
async fn seed_a25_cancel_while_it_backs_off() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Overloaded)]);
    let receipt = node.accept(note("tea")).await;
    until("it waits", || async { bench.row(receipt.generation).await.generation.spent == 1 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    bench.advance(seconds(60)).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    assert_eq!((bench.script.calls(), bench.left("ada").await), (1, credits("1000")));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_a25_cancel_after_the_end_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    let before = bench.completed(receipt.generation).await;
    let draft = bench.draft(receipt.draft).await;
    let answer = node.desk.cancel(SCOPE, receipt.generation).await;
    let status = Status::Completed;
    assert!(matches!(answer, Err(DeskError::Refused(Refusal::AlreadyTerminal { status: s })) if s == status));
    assert_eq!(bench.row(receipt.generation).await, before);
    assert_eq!(bench.draft(receipt.draft).await, draft);
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_between_the_claim_and_its_answer_keeps_the_provider_from_being_called() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    settle().await;
    node.plug.hold_next(Method::Turn);
    let receipt = node.accept(note("tea")).await;
    bench.until_status(receipt.generation, Status::Processing).await;
    until("the answer of the claim is held back", || async { node.plug.waiting() == 1 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    node.plug.let_go();
    settle().await;
    assert_eq!(bench.script.calls(), 0);
    assert_eq!((bench.status(receipt.generation).await, node.desk.live().count()), (Status::Cancelled, 0));
    let (_, closed) = bench.calls(None).await[0].closed.clone().unwrap();
    assert_eq!(closed.usage.total(), None, "nothing was used");
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancelled_regeneration_leaves_the_draft_as_it_was() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    bench.script.then([Reply::Hang]);
    let again = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.desk.cancel(SCOPE, again.generation).await.unwrap();
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.status, draft.current_version, draft.live_generation), (DraftStatus::Draft, 1, None));
    settle().await;
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_waiting_reader_is_told_of_the_end() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Hang]);
    let receipt = node.accept(note("tea")).await;
    let desk = node.desk.clone();
    let reader = tokio::spawn(async move { desk.wait(SCOPE, receipt.generation, seconds(60)).await });
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    assert_eq!(
        within("the reader is told", reader).await.unwrap().unwrap().status(),
        Status::Cancelled,
        "without the clock moving"
    );
}

#[tokio::test]
async fn s22_cancels_race_with_results_a_thousand_times_and_every_call_is_on_the_books() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.grant("ada", "9000").await;
    let mut paid = 0;
    for n in 0..1_000 {
        let receipt = node.accept(note(&format!("tea {n}"))).await;
        for _ in 0..n % 20 {
            tokio::task::yield_now().await;
        }
        let cancelled = node.desk.cancel(SCOPE, receipt.generation).await.is_ok();
        until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        let expected = if cancelled { Status::Cancelled } else { Status::Completed };
        assert_eq!(bench.status(receipt.generation).await, expected);
        paid += i64::from(!cancelled);
    }
    assert!((1..1_000).contains(&paid), "both ends were seen: {paid}");
    until("nothing runs", || async { node.desk.live().count() == 0 }).await;
    assert_eq!(bench.left("ada").await.micros(), (10_000 - 5 * paid) * 1_000_000);
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_on_another_node_stops_the_attempt_within_a_heartbeat() {
    let bench = Bench::new().await;
    let worker = bench.working_beside_others(config()).await;
    let other = bench.idle_beside_others(config()).await;
    bench.script.then([Reply::hold("Twelve bytes"), Reply::hold("Left alone.")]);
    let receipt = worker.accept(note("tea")).await;
    let untouched = worker.accept(note("coffee")).await;
    until("both calls are under way", || async { bench.script.in_flight() == 2 }).await;
    other.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    let cancelled = bench.row(receipt.generation).await;
    bench.advance(seconds(9)).await;
    assert_eq!(bench.script.dropped(), 0, "nobody has told it yet");
    bench.advance(seconds(1)).await;
    until("the call is dropped", || async { bench.script.dropped() == 1 }).await;
    until("its figures are booked", || async { bench.outcomes(receipt.generation).await[0].is_some() }).await;
    assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::Late)]);
    assert_eq!(bench.row(receipt.generation).await, cancelled, "nothing else changes");
    assert_eq!(worker.desk.live().count(), 1, "the slot is free, and the other one goes on");
    bench.script.release(1);
    bench.completed(untouched.generation).await;
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_deadline_noticed_by_another_node_stops_the_attempt_too() {
    let bench = Bench::new().await;
    let worker = bench.working_beside_others(config()).await;
    bench.script.then([Reply::Hang]);
    let receipt = worker.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let other = bench.idle_beside_others(config()).await;
    bench.clock.advance(seconds(5));
    let ended = other.desk.cleanup_stale(seconds(1), false).await.unwrap();
    assert_eq!(ended.len(), 1);
    bench.advance(seconds(5)).await;
    until("the call is dropped", || async { bench.script.dropped() == 1 }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Failed);
    until("the slot is free", || async { worker.desk.live().count() == 0 }).await;
    settle().await;
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}
