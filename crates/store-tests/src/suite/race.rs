//! Races: many tasks on two handles at once. Whoever wins, limits hold and the books balance to the last credit.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::ledger::TransferKind;
use copydesk_store::Scope;
use copydesk_store::generations::{Applied, Limits, Turn};
use std::sync::Arc;

pub async fn a_thousand_racing_ends_of_one_generation_have_one_winner(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(40).max_attempts(1)).await;
    let now = t.advance_s(3_600);
    let mut tasks = vec![];
    for n in 0..1_000 {
        let change = match n % 4 {
            0 => builder::settle(&t.ids, &run, now),
            1 => builder::cancel(&t.ids, run.scope, &run.generation, now),
            2 => builder::expire(&t.ids, run.scope, &run.generation, now),
            _ => builder::lose(&t.ids, run.scope, &run.generation, Some(run.call), now),
        };
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        tasks.push(tokio::spawn(async move {
            store.turn(builder::writes(now, vec![change])).await.expect("turn").applied.remove(0)
        }));
    }
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("a racing task") {
            Applied::Done { .. } => winners += 1,
            Applied::Lost { found } => assert!(found.is_some()),
        }
    }
    assert_eq!(winners, 1);
    let completed = t.status(run.generation.id).await == Status::Completed;
    assert_eq!(t.balance("a").await, if completed { (60, 0) } else { (100, 0) });
    let ends = [TransferKind::Settle, TransferKind::Release];
    assert_eq!(t.transfers(Scope::DEFAULT).await.iter().filter(|row| ends.contains(&row.kind)).count(), 1);
    assert_eq!(t.draft(run.draft).await.versions, u32::from(completed));
    assert_eq!(t.calls(run.generation.id).await.len(), 1);
}

pub async fn racing_claims_never_exceed_a_lane(t: Arc<Bench>) {
    t.accept_all((0..100).map(|_| t.request()).collect()).await;
    let limits = Limits { global: Some(5), ..builder::no_limits() };
    for _ in 0..5 {
        let mut tasks = vec![];
        for n in 0..8 {
            let claim = Some(builder::claim(&t.ids, t.ids.node(), 3, limits.clone()));
            let turn = Turn { now: t.now(), writes: vec![], claim };
            let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
            tasks.push(tokio::spawn(async move { store.turn(turn).await.expect("turn").claimed }));
        }
        let mut runs = vec![];
        for task in tasks {
            runs.extend(task.await.expect("a claiming task"));
        }
        runs.extend(t.claim_with(10, limits.clone()).await);
        assert_eq!(runs.len(), 5, "never more than the limit, and no slot is left empty");
        let changes = runs.iter().map(|run| builder::settle(&t.ids, run, t.now())).collect();
        let applied = t.turn(builder::writes(t.now(), changes)).await.applied;
        assert!(applied.iter().all(|answer| matches!(answer, Applied::Done { version: Some(1) })));
    }
}

pub async fn racing_workers_finish_every_generation_exactly_once(t: Arc<Bench>) {
    t.grant("ann", 1_000).await;
    t.grant("bob", 1_000).await;
    let batch = |n: usize| t.request().user(["ann", "bob"][n % 2]).hold(10).target(["x", "y", "z"][n % 3]);
    t.accept_all((0..60).map(batch).collect()).await;
    t.accept_all((0..60).map(|n| t.request().user(["ann", "bob"][n % 2]).hold(10)).collect()).await;
    let tasks: Vec<_> = (0..4).map(|n| tokio::spawn(work(t.clone(), n))).collect();
    for task in tasks {
        task.await.expect("a worker");
    }
    let rows = t.generations(Scope::DEFAULT).await;
    let completed = rows.iter().filter(|row| row.status() == Status::Completed).count();
    let failed = rows.iter().filter(|row| row.status() == Status::Failed).count();
    assert_eq!(completed + failed, 120, "every one is final");
    let spent = 10 * i64::try_from(completed).expect("a small number");
    let left = (t.balance("ann").await, t.balance("bob").await);
    assert_eq!((left.0.0 + left.1.0, left.0.1 + left.1.1), (2_000 - spent, 0));
    let versions: u32 = t.drafts(Scope::DEFAULT).await.iter().map(|draft| draft.versions).sum();
    assert_eq!(versions as usize, completed);
}

/// A worker that settles what it claims, gives some back and fails some for good, until nothing is left.
async fn work(t: Arc<Bench>, n: usize) {
    let store = if n.is_multiple_of(2) { t.store.clone() } else { t.second() };
    let (node, mut writes, mut idle, mut turns) = (t.ids.node(), vec![], 0, 0_usize);
    while idle < 50 {
        let claim = Some(builder::claim(&t.ids, node, 4, builder::no_limits()));
        let answer = store.turn(Turn { now: t.now(), writes, claim }).await.expect("turn");
        assert!(answer.applied.iter().all(|it| matches!(it, Applied::Done { .. })), "nobody else touches its runs");
        idle = if answer.claimed.is_empty() { idle + 1 } else { 0 };
        tokio::task::yield_now().await;
        turns += 1;
        let decide = |(k, run)| match (turns + k) % 7 {
            0 => builder::hand_back(&t.ids, run, t.now()),
            1 => builder::fail(&t.ids, run, FailureCode::Refused, t.now()),
            _ => builder::settle(&t.ids, run, t.now()),
        };
        writes = answer.claimed.iter().enumerate().map(decide).map(builder::write).collect();
    }
}
