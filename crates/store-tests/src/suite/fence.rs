//! Zombies: an attempt that lost its lease and reports all the same. Whatever it says, nothing but usage changes, and its
//! figures are on the books exactly once.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::Scope;
use copydesk_store::generations::{Applied, Change, Claimed, Turn, Write};
use copydesk_store::usage::{CallRow, ClosedCall};
use std::sync::Arc;

/// The ways an attempt is overtaken, each with credits held.
#[derive(Clone, Copy, Debug)]
enum Overtaken {
    LeaseExpired,
    LeaseExpiredAndReclaimed,
    CompletedByAnother,
    PastItsDeadline,
    Cancelled,
}

const WAYS: [Overtaken; 5] = [
    Overtaken::LeaseExpired,
    Overtaken::LeaseExpiredAndReclaimed,
    Overtaken::CompletedByAnother,
    Overtaken::PastItsDeadline,
    Overtaken::Cancelled,
];

/// A run whose generation has moved on without it. Its call is still open.
async fn zombie(t: &Bench, way: Overtaken) -> Claimed {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30).target("x").dedupe("d")).await;
    match way {
        Overtaken::LeaseExpired | Overtaken::LeaseExpiredAndReclaimed | Overtaken::CompletedByAnother => {
            t.done(builder::lose(&t.ids, run.scope, &run.generation, None, t.now())).await;
            t.advance_s(60);
            if !matches!(way, Overtaken::LeaseExpired) {
                let second = t.claim_one().await;
                assert_eq!(second.generation.id, run.generation.id);
                if matches!(way, Overtaken::CompletedByAnother) {
                    t.settle(&second).await;
                }
            }
        }
        Overtaken::PastItsDeadline => {
            t.advance_s(3_600);
            t.done(builder::expire(&t.ids, run.scope, &run.generation, t.now())).await;
        }
        Overtaken::Cancelled => t.cancel(run.scope, run.generation.id).await,
    }
    t.advance_s(1);
    run
}

async fn first_call(t: &Bench, run: &Claimed) -> CallRow {
    t.calls(run.generation.id).await.into_iter().find(|call| call.id == run.call).expect("the call of the attempt")
}

/// For each way to be overtaken: `report` changes nothing but the call, which is late with the reported figures, also
/// when it is reported twice.
async fn every_zombie(t: &Bench, report: impl Fn(&Bench, &Claimed) -> Change) {
    for way in WAYS {
        let t = t.fresh(crate::Setup::default()).await;
        let run = zombie(&t, way).await;
        let change = report(&t, &run);
        let others = |calls: Vec<CallRow>| calls.into_iter().filter(|call| call.id != run.call).collect::<Vec<_>>();
        let before = others(t.calls(run.generation.id).await);
        t.lost(change.clone()).await;
        let reported = change.closes.clone().expect("a report has figures");
        let late = ClosedCall { outcome: CallOutcome::Late, ..reported };
        let booked = first_call(&t, &run).await;
        assert_eq!(booked.closed.as_ref().map(|(_, call)| call), Some(&late), "{way:?}: booked as late");
        t.advance_s(1);
        t.lost(change).await;
        assert_eq!(first_call(&t, &run).await, booked, "{way:?}: reported twice is on the books once");
        assert_eq!(others(t.calls(run.generation.id).await), before, "{way:?}: other calls are untouched");
        t.assert_clean().await;
    }
}

pub async fn a_late_success_changes_nothing_but_usage(t: Arc<Bench>) {
    every_zombie(&t, |t, run| builder::settle(&t.ids, run, t.now())).await;
}

pub async fn a_late_failure_changes_nothing_but_usage(t: Arc<Bench>) {
    every_zombie(&t, |t, run| builder::fail(&t.ids, run, FailureCode::ProviderAuth, t.now())).await;
}

pub async fn a_late_retry_changes_nothing_but_usage(t: Arc<Bench>) {
    // Decided before the deadline, from what the worker saw when it claimed.
    every_zombie(&t, |t, run| builder::fail(&t.ids, run, FailureCode::ProviderError, builder::START)).await;
}

pub async fn a_late_step_changes_nothing_but_usage(t: Arc<Bench>) {
    every_zombie(&t, |t, run| builder::step(&t.ids, run, "plan", "{}", "write", t.now())).await;
}

pub async fn a_late_hand_back_changes_nothing_but_usage(t: Arc<Bench>) {
    every_zombie(&t, |t, run| builder::hand_back(&t.ids, run, t.now())).await;
}

pub async fn a_late_steps_next_call_is_not_opened(t: Arc<Bench>) {
    let run = zombie(&t, Overtaken::LeaseExpiredAndReclaimed).await;
    let step = builder::step(&t.ids, &run, "plan", "{}", "write", t.now());
    let opened = step.opens.clone().expect("a step opens a call").id;
    t.lost(step).await;
    assert!(t.calls(run.generation.id).await.iter().all(|call| call.id != opened));
}

pub async fn a_late_write_by_itself_books_the_call_once(t: Arc<Bench>) {
    let run = zombie(&t, Overtaken::Cancelled).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    let late = |n| Write::Late { scope: run.scope, call: builder::closed(run.call, CallOutcome::Ok, n) };
    t.turn(Turn { now: t.now(), writes: vec![late(3), late(4)], claim: None }).await;
    t.turn(Turn { now: t.advance_s(1), writes: vec![late(5)], claim: None }).await;
    let (_, call) = first_call(&t, &run).await.closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Late, 3), "the first report stands");
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
}

pub async fn a_call_closed_as_lost_gets_the_true_figures_later(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.done(builder::lose(&t.ids, run.scope, &run.generation, Some(run.call), t.now())).await;
    let (_, call) = first_call(&t, &run).await.closed.expect("closed");
    assert_eq!((call.outcome, call.usage.estimated), (CallOutcome::Lost, true));
    t.advance_s(5);
    t.lost(builder::settle(&t.ids, &run, t.now())).await;
    let (_, call) = first_call(&t, &run).await.closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Late, 0));
}

pub async fn another_workspaces_late_report_books_nothing(t: Arc<Bench>) {
    let run = zombie(&t, Overtaken::Cancelled).await;
    let foreign = Write::Late { scope: builder::OTHER, call: builder::closed(run.call, CallOutcome::Ok, 3) };
    t.turn(Turn { now: t.now(), writes: vec![foreign], claim: None }).await;
    assert_eq!(first_call(&t, &run).await.closed, None);
    let change = Change { scope: builder::OTHER, ..builder::settle(&t.ids, &run, t.now()) };
    assert_eq!(t.apply(change).await, Applied::Lost { found: None });
    assert_eq!(first_call(&t, &run).await.closed, None);
}

pub async fn a_cancel_and_a_settle_that_race_have_one_winner(t: Arc<Bench>) {
    t.grant("a", 100).await;
    for settle_first in [true, false] {
        let run = t.running(t.request().hold(10)).await;
        let settle = builder::settle(&t.ids, &run, t.now());
        let cancel = builder::cancel(&t.ids, run.scope, &run.generation, t.now());
        let (winner, loser) = if settle_first { (settle, cancel) } else { (cancel, settle) };
        t.done(winner).await;
        t.lost(loser).await;
        let expected = if settle_first { Status::Completed } else { Status::Cancelled };
        assert_eq!(t.status(run.generation.id).await, expected);
    }
    assert_eq!(t.balance("a").await, (90, 0));
}

pub async fn a_fence_must_fit_in_all_its_parts(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let right = builder::settle(&t.ids, &run, t.now());
    let wrong = |how: fn(&mut Change)| {
        let mut change = Change { closes: None, ..right.clone() };
        how(&mut change);
        change
    };
    t.lost(wrong(|it| it.fence.attempt.0 += 1)).await;
    t.lost(wrong(|it| {
        it.fence.row_version.0 += 1;
        it.decision.row_version.0 += 1;
    }))
    .await;
    t.lost(wrong(|it| it.fence.status = Status::Pending)).await;
    let missing = t.ids.generation();
    let change =
        Change { fence: copydesk_store::generations::Fence { generation: missing, ..right.fence }, ..wrong(|_| {}) };
    assert_eq!(t.apply(change).await, Applied::Lost { found: None });
    t.done(right).await;
}
