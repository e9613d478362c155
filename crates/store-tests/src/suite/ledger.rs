//! The ledger: grants, refunds, balances, and that nothing is ever posted twice.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, credits};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::refusal::Refusal;
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;

fn named(transfer: Transfer, reference: &str) -> Transfer {
    Transfer { reference: Some(reference.to_owned()), ..transfer }
}

pub async fn a_grant_is_posted_once_per_reference(t: Arc<Bench>) {
    let grant = named(t.transfer(TransferKind::Grant, "a", 50), "invoice-1");
    let first = t.post(grant.clone()).await.expect("post");
    assert_eq!((first.posted, &first.transfer), (true, &grant));
    assert_eq!(first.balance.available, credits(50));
    t.advance_s(1);
    let again = named(t.transfer(TransferKind::Grant, "a", 70), "invoice-1");
    let second = t.post(again).await.expect("post");
    assert_eq!((second.posted, second.transfer), (false, grant), "the first one is the answer");
    assert_eq!(second.balance.available, credits(50));
    assert!(t.post(named(t.transfer(TransferKind::Grant, "a", 70), "invoice-2")).await.expect("post").posted);
    assert!(t.post(t.transfer(TransferKind::Grant, "a", 1)).await.expect("post").posted);
    assert!(t.post(t.transfer(TransferKind::Grant, "a", 1)).await.expect("post").posted, "no reference, no sameness");
    assert_eq!(t.balance("a").await, (122, 0));
}

pub async fn a_grant_or_refund_of_nothing_is_refused_and_not_written(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    t.settle(&run).await;
    let before = t.transfers(Scope::DEFAULT).await;
    let nothing = Err(StoreError::Refused(Refusal::AmountZero));
    assert_eq!(t.post(t.transfer(TransferKind::Grant, "a", 0)).await, nothing);
    let refund = Transfer { generation: Some(run.generation.id), ..t.transfer(TransferKind::Refund, "a", 0) };
    assert_eq!(t.post(refund).await, nothing);
    assert_eq!(t.transfers(Scope::DEFAULT).await, before);
}

pub async fn two_workspaces_references_never_meet(t: Arc<Bench>) {
    t.post(named(t.transfer(TransferKind::Grant, "a", 50), "r")).await.expect("post");
    let there = Transfer {
        workspace: builder::OTHER.workspace,
        user: builder::user_id(builder::OTHER, "a"),
        ..named(t.transfer(TransferKind::Grant, "a", 60), "r")
    };
    assert!(t.post(there.clone()).await.expect("post").posted);
    let balance = t.store.balance(builder::OTHER, there.user).await.expect("balance");
    assert_eq!((balance.available, t.balance("a").await), (credits(60), (50, 0)));
}

pub async fn racing_grants_of_one_reference_are_one(t: Arc<Bench>) {
    let mut tasks = vec![];
    for n in 0..20 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let grant = named(t.transfer(TransferKind::Grant, "a", 50), "r");
        tasks.push(tokio::spawn(async move { store.post(grant).await.expect("post") }));
    }
    let mut posted = 0;
    for task in tasks {
        posted += usize::from(task.await.expect("a posting task").posted);
    }
    assert_eq!((posted, t.balance("a").await), (1, (50, 0)));
}

pub async fn a_user_never_seen_has_nothing(t: Arc<Bench>) {
    assert_eq!(t.balance("nobody").await, (0, 0));
}

pub async fn refunds_never_exceed_what_was_settled(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    let refund =
        |micros| Transfer { generation: Some(run.generation.id), ..t.transfer(TransferKind::Refund, "a", micros) };
    let too_large = Err(StoreError::Refused(Refusal::AmountTooLarge));
    assert_eq!(t.post(refund(1)).await, too_large, "nothing is settled yet");
    t.settle(&run).await;
    assert_eq!(t.post(refund(31)).await, too_large);
    assert!(t.post(named(refund(20), "sorry")).await.expect("post").posted);
    assert!(!t.post(named(refund(20), "sorry")).await.expect("post").posted);
    assert_eq!(t.post(refund(11)).await, too_large, "with the refund before it, it would be 31 of 30");
    assert!(t.post(refund(10)).await.expect("post").posted);
    assert_eq!(t.post(refund(1)).await, too_large);
    assert_eq!(t.balance("a").await, (100, 0));
}

pub async fn a_failed_or_fallback_generation_has_nothing_to_refund(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    let refund = Transfer { generation: Some(run.generation.id), ..t.transfer(TransferKind::Refund, "a", 1) };
    assert_eq!(t.post(refund).await, Err(StoreError::Refused(Refusal::AmountTooLarge)));
    assert_eq!(t.balance("a").await, (100, 0));
}

pub async fn racing_refunds_never_exceed_the_settle(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    t.settle(&run).await;
    let mut tasks = vec![];
    for n in 0..20 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let refund = Transfer { generation: Some(run.generation.id), ..t.transfer(TransferKind::Refund, "a", 7) };
        tasks.push(tokio::spawn(async move { store.post(refund).await }));
    }
    let mut posted = 0;
    for task in tasks {
        match task.await.expect("a posting task") {
            Ok(answer) => posted += usize::from(answer.posted),
            Err(error) => assert_eq!(error, StoreError::Refused(Refusal::AmountTooLarge)),
        }
    }
    assert_eq!((posted, t.balance("a").await), (4, (98, 0)));
}

pub async fn every_hold_is_resolved_exactly_once(t: Arc<Bench>) {
    t.grant("a", 1_000).await;
    t.accept_all((0..30).map(|_| t.request().hold(10).max_attempts(1)).collect()).await;
    for (n, run) in t.claim(20).await.iter().enumerate() {
        let change = match n % 4 {
            0 => builder::settle(&t.ids, run, t.now()),
            1 => builder::fail(&t.ids, run, copydesk_core::generation::FailureCode::ProviderError, t.now()),
            2 => builder::cancel(&t.ids, run.scope, &run.generation, t.now()),
            _ => {
                builder::fail_or_fall_back(&t.ids, run, copydesk_core::generation::FailureCode::OutputInvalid, t.now())
            }
        };
        t.done(change.clone()).await;
        t.lost(change).await;
    }
    let of = |kind, rows: &[Transfer]| rows.iter().filter(|row| row.kind == kind).count();
    let rows = t.transfers(Scope::DEFAULT).await;
    let counts = [TransferKind::Hold, TransferKind::Settle, TransferKind::Release].map(|kind| of(kind, &rows));
    assert_eq!(counts, [30, 5, 15]);
    assert_eq!(t.balance("a").await, (1_000 - 50 - 100, 100));
}

pub async fn credits_and_debits_are_equal_over_all_accounts(t: Arc<Bench>) {
    t.grant("ann", 500).await;
    t.grant("bob", 300).await;
    t.accept_all((0..20).map(|n| t.request().user(["ann", "bob"][n % 2]).hold(7)).collect()).await;
    for (n, run) in t.claim(14).await.iter().enumerate() {
        if n % 3 == 0 {
            t.cancel(run.scope, run.generation.id).await;
        } else {
            t.settle(run).await;
        }
    }
    let mut sums = std::collections::HashMap::new();
    for row in t.transfers(Scope::DEFAULT).await {
        assert!(row.amount.micros() > 0);
        assert_ne!(row.kind.debit(), row.kind.credit());
        *sums.entry(row.kind.debit()).or_insert(0) -= row.amount.micros();
        *sums.entry(row.kind.credit()).or_insert(0) += row.amount.micros();
    }
    assert_eq!(sums.values().sum::<i64>(), 0);
    let (ann, bob) = (t.balance("ann").await, t.balance("bob").await);
    assert_eq!(sums[&copydesk_core::ledger::Account::UserAvailable], ann.0 + bob.0);
    assert_eq!(sums[&copydesk_core::ledger::Account::UserHeld], ann.1 + bob.1);
}
