//! Sweeping: what is found overdue, by which reason, and that sweeping twice, or against a finishing worker, is harmless.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::{FailureCode, State, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, NodeId};
use copydesk_store::Scope;
use copydesk_store::generations::{Change, Claimed, Heartbeat, Overdue, OverdueReason, Run, SweepRequest};
use std::sync::Arc;
use std::time::Duration;

/// A node is lost after 30 s, an attempt may overrun by 10 s, nothing else is asked.
pub(super) fn request(t: &Bench) -> SweepRequest {
    SweepRequest {
        now: t.now(),
        lost_before: t.now().minus(Duration::from_secs(30)),
        only_living: None,
        attempt_grace: Duration::from_secs(10),
        stale_before: None,
        limit: 100,
        after: None,
    }
}

async fn sweep(t: &Bench) -> Vec<Overdue> {
    t.store.overdue(request(t)).await.expect("overdue")
}

fn found(overdue: &[Overdue]) -> Vec<(GenerationId, OverdueReason)> {
    overdue.iter().map(|it| (it.generation.id, it.reason)).collect()
}

fn end(t: &Bench, overdue: &Overdue) -> Change {
    match overdue.reason {
        OverdueReason::Deadline => builder::expire(&t.ids, overdue.scope, &overdue.generation, t.now()),
        OverdueReason::AttemptOverran | OverdueReason::NodeLost | OverdueReason::Stale => {
            builder::lose(&t.ids, overdue.scope, &overdue.generation, overdue.open_call, t.now())
        }
    }
}

pub async fn a_passed_deadline_is_found_wherever_the_generation_is(t: Arc<Bench>) {
    t.beat(t.node).await;
    t.grant("a", 100).await;
    let running = t.running(t.request().deadline_in_s(50).hold(10)).await;
    let failing = t.running(t.request().deadline_in_s(50).hold(10)).await;
    t.done(builder::fail(&t.ids, &failing, FailureCode::ProviderError, t.now())).await;
    let (scheduled, _) = t.start(t.request().deadline_in_s(50).run_in_s(40).hold(10)).await;
    let (holder, _) = t.start(t.request().deadline_in_s(50).target("x").hold(10)).await;
    let (blocked, _) = t.start(t.request().deadline_in_s(50).target("x").hold(10)).await;
    t.start(t.request().deadline_in_s(51).hold(10)).await;
    t.advance_s(49);
    t.beat(t.node).await;
    assert_eq!(sweep(&t).await, [], "not before the deadline");
    t.advance_s(1);
    let overdue = sweep(&t).await;
    let expected = [running.generation.id, failing.generation.id, scheduled, holder, blocked];
    assert_eq!(found(&overdue), expected.map(|id| (id, OverdueReason::Deadline)), "oldest first");
    assert_eq!(overdue[0].open_call, Some(running.call));
    assert!(overdue[1..].iter().all(|it| it.open_call.is_none()));
    assert_eq!(overdue[0].input_bytes, t.request().input.len() as u64);
    for it in &overdue {
        assert_eq!(
            it.generation,
            t.row(it.generation.id).await.generation,
            "what the sweeper gets is what stands there"
        );
    }
    for it in &overdue {
        t.done(end(&t, it)).await;
    }
    assert_eq!(sweep(&t).await, []);
    assert_eq!(t.balance("a").await, (90, 10));
    let row = t.row(scheduled).await;
    assert_eq!(row.last_error.clone().map(|(code, _)| code).as_deref(), Some("deadline_exceeded"));
    let State::Failed { failure, .. } = row.generation.state else { panic!("a passed deadline fails it") };
    assert_eq!(failure.message, "Generation timeout: Task stuck in pending status for 50.0 seconds");
}

pub async fn an_attempt_that_overruns_is_found_after_its_grace(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.advance_s(69);
    t.beat(t.node).await;
    assert_eq!(sweep(&t).await, [], "60 s and 10 s of grace are not over");
    t.advance_s(2);
    let overdue = sweep(&t).await;
    assert_eq!(found(&overdue), [(run.generation.id, OverdueReason::AttemptOverran)]);
    assert_eq!((overdue[0].open_call, overdue[0].scope), (Some(run.call), Scope::DEFAULT));
}

pub async fn a_silent_nodes_runs_are_found(t: Arc<Bench>) {
    let (silent, alive) = (t.node, t.ids.node());
    t.beat(silent).await;
    t.beat(alive).await;
    let run = t.running(t.request()).await;
    t.start(t.request()).await;
    let claim = Some(builder::claim(&t.ids, alive, 1, builder::no_limits()));
    let turn = copydesk_store::generations::Turn { now: t.now(), writes: vec![], claim };
    assert_eq!(t.turn(turn).await.claimed.len(), 1);
    t.advance_s(29);
    t.beat(alive).await;
    assert_eq!(sweep(&t).await, []);
    t.advance_s(2);
    assert_eq!(found(&sweep(&t).await), [(run.generation.id, OverdueReason::NodeLost)]);
}

pub async fn a_node_that_said_goodbye_is_lost_at_once(t: Arc<Bench>) {
    t.beat(t.node).await;
    let run = t.running(t.request()).await;
    assert_eq!(sweep(&t).await, []);
    let goodbye = Heartbeat { node: t.node, at: t.now(), label: "test".to_owned(), goodbye: true, runs: vec![] };
    t.store.heartbeat(goodbye).await.expect("heartbeat");
    assert_eq!(found(&sweep(&t).await), [(run.generation.id, OverdueReason::NodeLost)]);
    assert_eq!(t.store.describe().await.expect("describe").nodes, [], "its row is gone as well");
}

pub async fn a_run_of_a_node_never_heard_of_is_lost(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    assert_eq!(found(&sweep(&t).await), [(run.generation.id, OverdueReason::NodeLost)]);
}

pub async fn the_only_living_process_takes_all_other_nodes_runs_back(t: Arc<Bench>) {
    let (before, after): (NodeId, NodeId) = (t.node, t.ids.node());
    t.beat(before).await;
    let run = t.running(t.request()).await;
    t.beat(after).await;
    let only = |node| SweepRequest { only_living: Some(node), ..request(&t) };
    let overdue = t.store.overdue(only(after)).await.expect("overdue");
    assert_eq!(found(&overdue), [(run.generation.id, OverdueReason::NodeLost)], "however fresh its last beat");
    assert_eq!(t.store.overdue(only(before)).await.expect("overdue"), []);
}

pub async fn stale_ones_are_found_only_when_asked_for(t: Arc<Bench>) {
    let (old, _) = t.start(t.request()).await;
    t.advance_s(100);
    let (young, _) = t.start(t.request()).await;
    assert_eq!(sweep(&t).await, []);
    let before = SweepRequest { stale_before: Some(t.now().minus(Duration::from_secs(50))), ..request(&t) };
    let overdue = t.store.overdue(before).await.expect("overdue");
    assert_eq!(found(&overdue), [(old, OverdueReason::Stale)]);
    assert_eq!(t.status(young).await, Status::Pending);
}

pub async fn a_scan_continues_after_the_last_one_seen(t: Arc<Bench>) {
    let batch: Vec<_> = (0..10).map(|_| t.request().deadline_in_s(5)).collect();
    let accepted: Vec<_> = batch.iter().map(|it| it.generation).collect();
    t.accept_all(batch).await;
    t.claim(4).await;
    t.advance_s(6);
    let (mut seen, mut after) = (vec![], None);
    loop {
        let overdue = t.store.overdue(SweepRequest { limit: 3, after, ..request(&t) }).await.expect("overdue");
        assert!(overdue.len() <= 3);
        let Some(last) = overdue.last() else { break };
        after = Some(last.generation.id);
        seen.extend(overdue.iter().map(|it| it.generation.id));
    }
    assert_eq!(seen, accepted, "nothing ended, and still every one was seen once, oldest first");
}

pub async fn sweeping_twice_is_sweeping_once(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.accept_all((0..4).map(|_| t.request().hold(10)).collect()).await;
    t.claim(2).await;
    t.advance_s(3_600);
    let (first, second) = (sweep(&t).await, sweep(&t).await);
    assert_eq!(found(&first), found(&second));
    for it in &first {
        t.done(end(&t, it)).await;
    }
    for it in &second {
        t.lost(end(&t, it)).await;
    }
    assert_eq!((sweep(&t).await, t.balance("a").await), (vec![], (100, 0)));
}

pub async fn a_beat_is_told_which_of_its_runs_are_over(t: Arc<Bench>) {
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    let runs = t.claim(5).await;
    let of = |run: &Claimed| Run { generation: run.generation.id, attempt: run.generation.attempt };
    let all: Vec<Run> = runs.iter().map(of).collect();
    let beat = async |runs: Vec<Run>| {
        let beat = Heartbeat { node: t.node, at: t.now(), label: "test".to_owned(), goodbye: false, runs };
        t.store.heartbeat(beat).await.expect("heartbeat").over
    };
    assert_eq!(beat(vec![]).await, []);
    assert_eq!(beat(all.clone()).await, []);
    t.cancel(Scope::DEFAULT, runs[0].generation.id).await;
    t.settle(&runs[1]).await;
    t.done(builder::lose(&t.ids, runs[2].scope, &runs[2].generation, None, t.now())).await;
    let step = builder::step(&t.ids, &runs[3], "outline", "{}", "write", t.now());
    t.done(step).await;
    assert_eq!(beat(all.clone()).await, all[..3], "cancelled, completed, waiting for its next attempt");
    t.advance_s(600);
    assert_eq!(of(&t.claim_one().await).generation, all[2].generation);
    assert_eq!(beat(all.clone()).await, all[..3], "its next attempt is another run");
    assert_eq!(beat(all[3..].to_vec()).await, [], "a checkpoint ends nothing");
}

pub async fn the_sweeper_loses_the_race_to_a_completion(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(10)).await;
    t.advance_s(40);
    let overdue = sweep(&t).await.remove(0);
    t.settle(&run).await;
    t.lost(end(&t, &overdue)).await;
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Ok, 0), "the sweeper's estimate does not touch it");
    assert_eq!((t.status(run.generation.id).await, t.balance("a").await), (Status::Completed, (90, 0)));
}

pub async fn a_completion_loses_the_race_to_the_sweeper(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(10).max_attempts(1)).await;
    t.advance_s(40);
    let overdue = sweep(&t).await.remove(0);
    t.done(end(&t, &overdue)).await;
    t.lost(builder::settle(&t.ids, &run, t.now())).await;
    assert_eq!((t.status(run.generation.id).await, t.balance("a").await), (Status::Failed, (100, 0)));
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Late, 0), "what it used is on the books");
}

pub async fn a_sweeper_that_loses_to_another_leaves_the_lost_call_lost(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.advance_s(40);
    let (first, second) = (sweep(&t).await.remove(0), sweep(&t).await.remove(0));
    t.done(end(&t, &first)).await;
    let calls = t.calls(run.generation.id).await;
    assert_eq!(calls[0].closed.as_ref().map(|(_, call)| call.outcome), Some(CallOutcome::Lost));
    t.advance_s(1);
    t.lost(end(&t, &second)).await;
    assert_eq!(t.calls(run.generation.id).await, calls, "an estimate is no late report");
    t.lost(builder::settle(&t.ids, &run, t.now())).await;
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Late, 0), "the worker's own figures are one");
}

pub async fn a_sweeper_that_loses_to_a_cancel_leaves_the_open_call_to_its_worker(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.advance_s(40);
    let overdue = sweep(&t).await.remove(0);
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    t.lost(end(&t, &overdue)).await;
    assert_eq!(t.calls(run.generation.id).await[0].closed, None, "its worker still reports it");
    t.lost(builder::hand_back(&t.ids, &run, t.now())).await;
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    let expected = builder::closed(run.call, CallOutcome::Late, 0);
    assert_eq!((call.outcome, call.usage), (expected.outcome, expected.usage));
}

pub async fn a_sweeper_that_loses_to_a_checkpoint_leaves_the_call_of_the_run_open(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.advance_s(40);
    let overdue = sweep(&t).await.remove(0);
    // A checkpoint in the middle of a long call: the same call goes on.
    let checkpoint =
        Change { closes: None, opens: None, ..builder::step(&t.ids, &run, "submit", "{}", "poll", t.now()) };
    t.done(checkpoint.clone()).await;
    t.lost(end(&t, &overdue)).await;
    assert_eq!(t.calls(run.generation.id).await[0].closed, None);
    let run = builder::after(&run, &checkpoint);
    t.done(builder::settle(&t.ids, &run, t.now())).await;
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Ok, 0), "its own figures are on the books");
}

pub async fn orphaned_calls_are_closed_as_lost_with_an_estimate(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    let busy = t.running(t.request()).await;
    let opened = t.now();
    t.advance_s(600);
    let close = async |before| t.store.close_orphan_calls(t.now(), before, 100).await.expect("close_orphan_calls");
    assert_eq!(close(opened).await, 0, "not one that was opened just then");
    assert_eq!(close(t.now()).await, 1, "a running call is no orphan");
    assert_eq!(close(t.now()).await, 0);
    let (at, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!((at, call.outcome, call.usage.estimated), (t.now(), CallOutcome::Lost, true));
    assert_eq!(t.calls(busy.generation.id).await[0].closed, None);
    t.lost(builder::settle(&t.ids, &run, t.now())).await;
    let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
    assert_eq!(call, builder::closed(run.call, CallOutcome::Late, 0), "the true figures replace the estimate");
}

pub async fn the_call_of_a_lost_attempt_is_an_orphan_while_the_next_runs(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.done(builder::lose(&t.ids, run.scope, &run.generation, None, t.now())).await;
    t.advance_s(60);
    let again = t.claim_one().await;
    t.advance_s(1);
    assert_eq!(t.store.close_orphan_calls(t.now(), t.now(), 100).await.expect("close_orphan_calls"), 1);
    let calls = t.calls(run.generation.id).await;
    let outcome =
        |id| calls.iter().find(|call| call.id == id).and_then(|call| call.closed.as_ref()).map(|it| it.1.outcome);
    assert_eq!((outcome(run.call), outcome(again.call)), (Some(CallOutcome::Lost), None));
}

pub async fn orphans_are_closed_no_more_than_asked_at_a_time(t: Arc<Bench>) {
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    for run in t.claim(5).await {
        t.cancel(Scope::DEFAULT, run.generation.id).await;
    }
    t.advance_s(600);
    for expected in [2, 2, 1, 0] {
        assert_eq!(t.store.close_orphan_calls(t.now(), t.now(), 2).await.expect("close_orphan_calls"), expected);
    }
}
