//! More time: the deadline of a live generation moves later where it stands. Its place in the queue stays, and an attempt
//! that runs meanwhile is overtaken, not late.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::{FailureCode, State, Status, Wait};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::Scope;
use copydesk_store::generations::{Applied, Fence, SweepRequest, Turn};
use std::sync::Arc;
use std::time::Duration;

/// Seconds after the start of a test.
fn at_s(seconds: u64) -> Timestamp {
    builder::START.plus(Duration::from_secs(seconds))
}

async fn extend(t: &Bench, id: GenerationId, deadline_at: Timestamp) {
    let generation = t.generation(Scope::DEFAULT, id).await;
    t.done(builder::extend(&t.ids, Scope::DEFAULT, &generation, deadline_at, t.now())).await;
}

/// Those that are past their deadline at `now`.
async fn overdue(t: &Bench, now: Timestamp) -> Vec<GenerationId> {
    let request = SweepRequest {
        now,
        lost_before: builder::START.minus(Duration::from_secs(1)),
        only_living: None,
        attempt_grace: Duration::from_secs(100_000),
        stale_before: None,
        limit: 100,
        after: None,
    };
    t.store.overdue(request).await.expect("overdue").into_iter().map(|found| found.generation.id).collect()
}

pub async fn more_time_moves_the_deadline_wherever_a_generation_stands(t: Arc<Bench>) {
    t.beat(t.node).await;
    let running = t.running(t.request().target("x")).await;
    let failed = t.running(t.request().user("b")).await;
    t.done(builder::fail(&t.ids, &failed, FailureCode::ProviderError, t.now())).await;
    let (waits, _) = t.start(t.request().target("x")).await;
    let (later, _) = t.start(t.request().run_in_s(600)).await;
    let (ready, _) = t.start(t.request()).await;
    let all = [running.generation.id, failed.generation.id, waits, later, ready];
    for id in all {
        let before = t.row(id).await;
        extend(&t, id, at_s(7_200)).await;
        let after = t.row(id).await;
        let mut expected = before.clone();
        expected.generation.terms.deadline_at = at_s(7_200);
        expected.generation.row_version.0 += 1;
        assert_eq!(after, expected, "the deadline and nothing else");
        assert_eq!(t.event_kinds(id).await.last().map(String::as_str), Some("generation.extended"));
    }
    let event = t.events(Scope::DEFAULT).await.pop().expect("an event");
    assert_eq!(event.data, format!("{{\"attempt\":0,\"deadline_at\":\"{}\"}}", at_s(7_200)));
    assert_eq!(overdue(&t, at_s(7_199)).await, []);
    let mut found = overdue(&t, at_s(7_200)).await;
    let mut expected = all.to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "the sweeper comes at the new deadline");
}

pub async fn a_claim_and_a_promotion_hand_the_new_deadline_on(t: Arc<Bench>) {
    let first = t.running(t.request().target("x").deadline_in_s(100)).await;
    let (waits, _) = t.start(t.request().target("x").deadline_in_s(100)).await;
    extend(&t, waits, at_s(5_000)).await;
    t.settle(&first).await;
    assert_eq!(t.row(waits).await.generation.state, State::Pending { wait: Wait::Ready }, "it is let in");
    let claimed = t.claim_one().await;
    assert_eq!(claimed.generation.id, waits);
    assert_eq!(claimed.generation.terms.deadline_at, at_s(5_000));
    let State::Processing { attempt_deadline, .. } = claimed.generation.state else { panic!("claimed") };
    assert_eq!(attempt_deadline, t.now().plus(Duration::from_secs(60)), "its own time-out bounds it now");
    t.advance_s(200);
    t.done(builder::fail(&t.ids, &claimed, FailureCode::ProviderError, t.now())).await;
    assert_eq!(t.row(waits).await.generation.terms.deadline_at, at_s(5_000), "also behind a failed attempt");
    assert_eq!(t.status(waits).await, Status::Pending);
}

pub async fn more_time_keeps_the_place_in_the_queue(t: Arc<Bench>) {
    let mut order = vec![];
    for _ in 0..3 {
        order.push(t.start(t.request()).await.0);
    }
    extend(&t, order[0], at_s(9_000)).await;
    extend(&t, order[1], at_s(9_000)).await;
    let claimed: Vec<_> = t.claim(3).await.into_iter().map(|run| run.generation.id).collect();
    assert_eq!(claimed, order);
}

pub async fn an_attempt_that_is_overtaken_writes_nothing_and_decides_again(t: Arc<Bench>) {
    t.grant("a", 100).await;
    for report in ["settle", "fail", "step"] {
        let run = t.running(t.request().hold(30)).await;
        let (id, deadline) = (run.generation.id, run.generation.terms.deadline_at);
        extend(&t, id, deadline.plus(Duration::from_secs(60))).await;
        let decided = |run: &_| match report {
            "settle" => builder::settle(&t.ids, run, t.now()),
            "fail" => builder::fail(&t.ids, run, FailureCode::ProviderAuth, t.now()),
            _ => builder::step(&t.ids, run, "plan", "{}", "write", t.now()),
        };
        let stale = decided(&run);
        let before = t.snapshot(Scope::DEFAULT).await;
        let applied = t.apply(stale.clone()).await;
        assert!(applied.overtaken(&stale.fence), "{report}: {applied:?}");
        assert_eq!(t.snapshot(Scope::DEFAULT).await, before, "{report}");
        assert!(
            t.calls(id).await.iter().all(|call| call.closed.is_none()),
            "{report}: not late, so not booked as late"
        );
        let again = copydesk_store::generations::Claimed { generation: t.generation(run.scope, id).await, ..run };
        t.done(decided(&again)).await;
        let closed = t.calls(id).await.remove(0).closed.expect("booked with the second word").1;
        assert_ne!(closed.outcome, CallOutcome::Late, "{report}");
        if report == "step" {
            t.cancel(Scope::DEFAULT, id).await;
        }
    }
}

pub async fn a_stale_wish_for_more_time_changes_nothing(t: Arc<Bench>) {
    let (id, _) = t.start(t.request()).await;
    let seen = t.generation(Scope::DEFAULT, id).await;
    let stale = |deadline_at| builder::extend(&t.ids, Scope::DEFAULT, &seen, deadline_at, t.now());
    let run = t.claim_one().await;
    t.lost(stale(at_s(8_000))).await;
    let foreign = copydesk_store::generations::Change {
        scope: builder::OTHER,
        ..builder::extend(&t.ids, Scope::DEFAULT, &run.generation, at_s(8_000), t.now())
    };
    assert_eq!(t.apply(foreign).await, Applied::Lost { found: None });
    let twice = [8_000, 9_000].map(|s| builder::extend(&t.ids, run.scope, &run.generation, at_s(s), t.now()));
    let answers = t.turn(Turn { now: t.now(), writes: twice.map(builder::write).to_vec(), claim: None }).await;
    assert_eq!(answers.applied[0], Applied::Done { version: None });
    let found = Fence::of(&t.generation(run.scope, id).await);
    assert_eq!(answers.applied[1], Applied::Lost { found: Some(found) }, "two at once are one after the other");
    assert_eq!(t.row(id).await.generation.terms.deadline_at, at_s(8_000));
    t.cancel(Scope::DEFAULT, id).await;
    t.lost(builder::extend(&t.ids, run.scope, &run.generation, at_s(9_500), t.now())).await;
}

pub async fn more_time_and_a_sweep_that_race_have_one_winner(t: Arc<Bench>) {
    for extended_first in [true, false] {
        let (id, _) = t.start(t.request()).await;
        let generation = t.generation(Scope::DEFAULT, id).await;
        let now = generation.terms.deadline_at;
        let more = builder::extend(&t.ids, Scope::DEFAULT, &generation, now.plus(Duration::from_secs(60)), now);
        let end = builder::expire(&t.ids, Scope::DEFAULT, &generation, now);
        let (winner, loser) = if extended_first { (more, end) } else { (end, more) };
        t.done(winner).await;
        t.lost(loser).await;
        let expected = if extended_first { Status::Pending } else { Status::Failed };
        assert_eq!(t.status(id).await, expected);
    }
}
