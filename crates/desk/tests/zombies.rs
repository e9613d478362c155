//! Workers that come too late: whoever lost the lease books what was used, and nothing else.

use crate::harness::*;
use copydesk_core::Tokens;
use copydesk_core::generation::Status;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store_tests::Method;

#[tokio::test]
async fn a_late_result_of_a_lost_lease_is_booked_and_nothing_else() {
    let bench = Bench::new().await;
    let zombie = bench.working_beside_others(config()).await;
    bench.script.then([Reply::hold("Too late."), Reply::say("In time.")]);
    let receipt = zombie.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    zombie.plug.block(Method::Heartbeat);
    let other = bench.working_beside_others(config()).await;
    zombie.desk.begin_stop();
    bench.pass_until("the other one has done it", || async { bench.status(receipt.generation).await.is_final() }).await;
    assert!(bench.world.now() >= START.plus(seconds(30)), "not before the lease ran out");
    let (row, draft) = (bench.completed(receipt.generation).await, bench.draft(receipt.draft).await);
    assert_eq!(bench.outcomes(receipt.generation).await[0], Some(CallOutcome::Lost));

    bench.script.release(1);
    until("the late figures are booked", || async {
        bench.outcomes(receipt.generation).await[0] == Some(CallOutcome::Late)
    })
    .await;
    assert_eq!((bench.row(receipt.generation).await, bench.draft(receipt.draft).await), (row, draft));
    assert!(bench.body(receipt.draft).await.contains("In time."));
    let calls = bench.calls(Some(receipt.generation)).await;
    let (_, late) = calls[0].closed.clone().unwrap();
    assert_eq!(
        (late.usage.total(), late.usage.estimated),
        (Some(Tokens(120)), false),
        "the true figures, not the estimate"
    );
    assert_eq!((bench.versions(receipt.draft).await.len(), bench.left("ada").await), (1, credits("995")));
    assert_eq!(other.desk.live().count(), 0);
    bench.in_order().await;
}

#[tokio::test]
async fn a_late_attempt_does_not_take_its_successor_in_the_same_process_along() {
    let bench = Bench::new().await;
    let node = bench.working_beside_others(config()).await;
    bench.script.then([Reply::hold("First try."), Reply::hold("Second try.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.plug.block(Method::Heartbeat);
    bench.advance(seconds(31)).await;
    let sweeper = bench.idle_beside_others(config()).await;
    assert_eq!(sweeper.desk.sweep_once().await.unwrap().len(), 1);
    bench.advance(seconds(3)).await;
    assert_eq!(bench.script.in_flight(), 2, "the same desk runs the second attempt beside the first");
    bench.script.release(1);
    until("the first one is booked", || async {
        bench.outcomes(receipt.generation).await[0] == Some(CallOutcome::Late)
    })
    .await;
    assert_eq!(node.desk.live().count(), 1, "the second one is still known");
    node.plug.unblock();
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    until("the second one is dropped", || async { bench.script.dropped() == 1 }).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    assert_eq!(bench.left("ada").await, credits("1000"));
    settle().await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_process_that_slept_does_not_take_its_own_work_back() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("Done.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.plug.block(Method::Heartbeat);
    bench.advance(seconds(40)).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Processing);
    node.plug.unblock();
    bench.script.release(1);
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.spent, bench.script.calls(), bench.script.dropped()), (1, 1, 0));
    bench.in_order().await;
}

#[tokio::test]
async fn a_deadline_and_a_result_at_once_give_one_end() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    for n in 0..20 {
        bench.script.then([Reply::hold("Just in time.")]);
        let mut request = note(&format!("tea {n}"));
        request.deadline = Some(bench.world.now().plus(seconds(60)));
        let receipt = node.accept(request).await;
        until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
        bench.script.release(1);
        bench.clock.advance(seconds(60));
        until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        let versions = bench.versions(receipt.draft).await.len();
        let completed = bench.status(receipt.generation).await == Status::Completed;
        assert_eq!(versions, usize::from(completed));
        until("nothing runs", || async { node.desk.live().count() == 0 && bench.script.in_flight() == 0 }).await;
        settle().await;
    }
    bench.in_order().await;
}
