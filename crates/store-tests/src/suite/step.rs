//! Steps: checkpoints inside a generation. A finished step is kept, given back with the next claim, and never repeated.

use crate::bench::Bench;
use crate::builder::{self, finished};
use copydesk_core::generation::{FailureCode, State};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::Scope;
use copydesk_store::generations::Change;
use std::sync::Arc;

pub async fn a_finished_step_closes_its_call_and_opens_the_next(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let at = t.advance_s(2);
    let step = builder::step(&t.ids, &run, "plan", "{\"n\":1}", "write", at);
    let opened = step.opens.clone().expect("a step opens a call");
    t.done(step.clone()).await;
    let row = t.row(run.generation.id).await;
    assert_eq!(row.generation, builder::after(&run, &step).generation, "the attempt goes on");
    assert!(matches!(row.generation.state, State::Processing { .. }));
    let calls = t.calls(run.generation.id).await;
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].closed, Some((at, builder::closed(run.call, CallOutcome::Ok, 0))));
    assert_eq!((calls[1].id, calls[1].operation.as_str(), calls[1].attempt), (opened.id, "write", 1));
    assert_eq!((calls[1].opened_at, &calls[1].closed, calls[1].model.as_str()), (at, &None, "demo/swift"));
    let run = builder::after(&run, &step);
    t.settle(&run).await;
    assert!(t.calls(run.generation.id).await.iter().all(|call| call.closed.is_some()));
}

pub async fn finished_steps_are_given_back_with_the_next_claim(t: Arc<Bench>) {
    let mut run = t.running(t.request()).await;
    for (name, output, next) in [("back_end", "{\"b\":1}", "front_end"), ("front_end", "{\"f\":2}", "review")] {
        let step = builder::step(&t.ids, &run, name, output, next, t.now());
        t.done(step.clone()).await;
        run = builder::after(&run, &step);
    }
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    t.advance_s(60);
    let again = t.claim_one().await;
    assert_eq!(again.steps, [finished("back_end", "{\"b\":1}"), finished("front_end", "{\"f\":2}")], "in their order");
    let calls = t.calls(run.generation.id).await;
    let last = calls.iter().find(|call| call.id == again.call).expect("the call of the new attempt");
    assert_eq!((last.operation.as_str(), last.attempt), ("review", 2), "the next attempt goes on where this one was");
}

pub async fn a_step_survives_a_lost_lease_and_a_hand_back(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let step = builder::step(&t.ids, &run, "submit", "{\"job\":7}", "poll", t.now());
    t.done(step.clone()).await;
    let run = builder::after(&run, &step);
    t.done(builder::lose(&t.ids, run.scope, &run.generation, Some(run.call), t.now())).await;
    t.advance_s(60);
    let second = t.claim_one().await;
    assert_eq!(second.steps, [finished("submit", "{\"job\":7}")]);
    t.done(builder::hand_back(&t.ids, &second, t.now())).await;
    assert_eq!(t.claim_one().await.steps, [finished("submit", "{\"job\":7}")]);
}

pub async fn the_same_step_written_twice_is_one(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let step = builder::step(&t.ids, &run, "submit", "{\"job\":7}", "poll", t.now());
    t.done(step.clone()).await;
    t.lost(step.clone()).await;
    let other = Change { step: Some(finished("submit", "{\"job\":8}")), opens: None, ..step.clone() };
    t.lost(other).await;
    let run = builder::after(&run, &step);
    t.done(builder::hand_back(&t.ids, &run, t.now())).await;
    assert_eq!(t.claim_one().await.steps, [finished("submit", "{\"job\":7}")]);
}

pub async fn a_claim_before_any_step_gives_none(t: Arc<Bench>) {
    let first = t.running(t.request()).await;
    let step = builder::step(&t.ids, &first, "plan", "{}", "write", t.now());
    t.done(step).await;
    let second = t.running(t.request()).await;
    assert_eq!(second.steps, [], "another generation's steps are not its own");
    assert_eq!(second.scope, Scope::DEFAULT);
}
