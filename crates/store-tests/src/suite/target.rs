//! Targets: what may be written by only one generation at a time. The others wait outside the queue and are let in, one
//! by one, by the transaction that frees the target.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::{FailureCode, State, Wait};
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::Scope;
use copydesk_store::generations::Turn;
use std::sync::Arc;

const WAITS: State = State::Pending { wait: Wait::Target };
const READY: State = State::Pending { wait: Wait::Ready };

async fn state(t: &Bench, id: GenerationId) -> State {
    t.row(id).await.generation.state
}

pub async fn the_second_of_a_target_waits_and_is_let_in_by_the_firsts_end(t: Arc<Bench>) {
    let (first, _) = t.start(t.request().target("app7")).await;
    let (second, _) = t.start(t.request().target("app7")).await;
    let (free, _) = t.start(t.request().target("app8")).await;
    assert_eq!((state(&t, first).await, state(&t, second).await), (READY, WAITS));
    let runs = t.claim(10).await;
    assert_eq!(runs.iter().map(|run| run.generation.id).collect::<Vec<_>>(), [first, free]);

    let claim = Some(builder::claim(&t.ids, t.node, 10, builder::no_limits()));
    let writes = vec![builder::write(builder::settle(&t.ids, &runs[0], t.now()))];
    let turn = t.turn(Turn { now: t.now(), writes, claim }).await;
    let claimed: Vec<_> = turn.claimed.iter().map(|run| run.generation.id).collect();
    assert_eq!(claimed, [second], "freed and claimed in one turn");
}

pub async fn two_of_a_batch_with_the_same_target_are_not_both_claimable(t: Arc<Bench>) {
    t.accept_all((0..5).map(|_| t.request().target("app7")).collect()).await;
    assert_eq!(t.claim(10).await.len(), 1);
    assert_eq!(t.claim(10).await.len(), 0);
}

pub async fn the_freed_target_goes_to_the_first_by_place_then_id(t: Arc<Bench>) {
    let run = t.running(t.request().user("ann").target("x")).await;
    let (anns, _) = t.start(t.request().user("ann").target("x")).await;
    let (bobs, _) = t.start(t.request().user("bob").target("x")).await;
    let (urgent, _) = t.start(t.request().user("cy").priority(10).target("x")).await;
    t.settle(&run).await;
    let mut order = vec![];
    for _ in 0..3 {
        let run = t.claim_one().await;
        order.push(run.generation.id);
        t.settle(&run).await;
    }
    assert_eq!(order, [urgent, bobs, anns], "urgent first, then the user who has had less");
}

pub async fn failure_cancel_and_deadline_free_the_target_as_well(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let mut waiting = vec![];
    for _ in 0..3 {
        waiting.push(t.start(t.request().target("x").deadline_in_s(3_000)).await.0);
    }
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderAuth, t.now())).await;
    assert_eq!(state(&t, waiting[0]).await, READY, "a failure frees it");
    t.cancel(Scope::DEFAULT, waiting[0]).await;
    assert_eq!(state(&t, waiting[1]).await, READY, "a cancel of a waiting holder frees it");
    t.advance_s(3_000);
    let generation = t.generation(Scope::DEFAULT, waiting[1]).await;
    t.done(builder::expire(&t.ids, Scope::DEFAULT, &generation, t.now())).await;
    assert_eq!(state(&t, waiting[2]).await, READY, "a passed deadline frees it");
}

pub async fn a_generation_that_backs_off_keeps_its_target(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let (second, _) = t.start(t.request().target("x")).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    assert_eq!(state(&t, second).await, WAITS);
    assert_eq!(t.claim(5).await, []);
    t.advance_s(60);
    let again = t.claim_one().await;
    assert_eq!(again.generation.id, run.generation.id);
    t.done(builder::hand_back(&t.ids, &again, t.now())).await;
    assert_eq!(state(&t, second).await, WAITS, "so does one that is handed back");
}

pub async fn cancelling_one_that_waits_for_the_target_frees_nothing(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let (second, _) = t.start(t.request().target("x")).await;
    let (third, _) = t.start(t.request().target("x")).await;
    t.cancel(Scope::DEFAULT, second).await;
    assert_eq!(state(&t, third).await, WAITS);
    assert_eq!(t.claim(5).await, []);
    t.settle(&run).await;
    assert_eq!(t.claim_one().await.generation.id, third);
}

pub async fn two_workspaces_targets_never_meet(t: Arc<Bench>) {
    t.start(t.request().target("x")).await;
    t.start(t.request().scope(builder::OTHER).target("x")).await;
    assert_eq!(t.claim(5).await.len(), 2);
}

pub async fn a_promoted_generation_still_waits_for_its_run_at(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let request = t.request().target("x").run_in_s(600);
    let until: Timestamp = request.run_at.expect("just set");
    let (later, _) = t.start(request).await;
    t.settle(&run).await;
    assert_eq!(t.claim(5).await, []);
    assert_eq!(state(&t, later).await, State::Pending { wait: Wait::Scheduled { until } });
    t.advance_s(600);
    assert_eq!(t.claim_one().await.generation.id, later);
}

pub async fn promotion_leaves_the_fence_as_it_was(t: Arc<Bench>) {
    let run = t.running(t.request().target("x")).await;
    let (second, _) = t.start(t.request().target("x")).await;
    let seen = t.generation(Scope::DEFAULT, second).await;
    t.settle(&run).await;
    // A cancel decided before the promotion still fits: waiting in another place is no change of state.
    t.done(builder::cancel(&t.ids, Scope::DEFAULT, &seen, t.now())).await;
}

pub async fn many_waiting_for_one_target_all_run_one_by_one(t: Arc<Bench>) {
    t.accept_all((0..40).map(|n| t.request().user(["ann", "bob"][n % 2]).target("x")).collect()).await;
    for _ in 0..40 {
        let runs = t.claim(5).await;
        assert_eq!(runs.len(), 1, "exactly one is claimable");
        t.settle(&runs[0]).await;
    }
    assert_eq!(t.claim(5).await, []);
}
