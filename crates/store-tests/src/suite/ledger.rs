//! The ledger: what is posted by hand, balances and statements, and that nothing is ever posted twice. Expiry, gifts and
//! metered prices are in `credits.rs`.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, credits};
use copydesk_core::NanoUsd;
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::refusal::Refusal;
use copydesk_store::ledger::{CHANGED, Entry, Post, Posted, TransferFilter};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
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
    let again = named(t.transfer(TransferKind::Grant, "a", 50), "invoice-1");
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

pub async fn a_reference_of_another_amount_kind_or_user_is_refused_and_not_written(t: Arc<Bench>) {
    t.grant("bob", 5).await;
    t.post(named(t.transfer(TransferKind::Grant, "a", 50), "invoice-1")).await.expect("post");
    let before = t.snapshot(Scope::DEFAULT).await;
    for (kind, user, amount) in
        [(TransferKind::Grant, "a", 70), (TransferKind::Purchase, "a", 50), (TransferKind::Grant, "bob", 50)]
    {
        let error = t.post(named(t.transfer(kind, user, amount), "invoice-1")).await.expect_err("it is another one");
        let StoreError::Refused(Refusal::ReferenceReused(clash)) = error else { panic!("{error:?}") };
        assert_eq!((clash.first, clash.given), ((TransferKind::Grant, credits(50)), (kind, credits(amount))));
    }
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
}

pub async fn a_posting_is_repeated_by_its_idempotency_key_and_by_no_other_body(t: Arc<Bench>) {
    let keyed = |transfer, body| {
        let request = t.request().key("k", body);
        Post { transfer, open_as: Some("a".to_owned()), idempotency: request.idempotency }
    };
    let first = t.store.post(keyed(t.transfer(TransferKind::Grant, "a", 50), 1)).await.expect("post");
    let again = t.store.post(keyed(t.transfer(TransferKind::Grant, "a", 50), 1)).await.expect("post");
    assert_eq!((first.posted, again.posted), (true, false));
    assert_eq!(again.transfer, first.transfer);
    let other = t.store.post(keyed(t.transfer(TransferKind::Grant, "a", 60), 2)).await;
    assert_eq!(other, Err(StoreError::Refused(Refusal::IdempotencyKeyReused)));
    t.advance_s(86_401);
    let later = t.store.post(keyed(t.transfer(TransferKind::Grant, "a", 60), 2)).await.expect("post");
    assert!(later.posted, "an expired key counts as absent");
    assert_eq!(t.balance("a").await, (110, 0));
}

pub async fn a_grant_makes_its_user_and_nothing_else_does(t: Arc<Bench>) {
    t.open_with("zoe", t.transfer(TransferKind::Purchase, "zoe", 50)).await;
    let zoe = builder::user_id(Scope::DEFAULT, "zoe");
    let account = t.store.account(Scope::DEFAULT, zoe).await.expect("account");
    assert_eq!((account.user_external.as_str(), account.balance.available), ("zoe", credits(50)));
    let nobody = builder::user_id(Scope::DEFAULT, "nobody");
    let unknown = Err(StoreError::NotFound { what: "user", id: nobody.to_string() });
    for kind in [TransferKind::AdjustUp, TransferKind::AdjustDown, TransferKind::Grant] {
        assert_eq!(t.post(t.transfer(kind, "nobody", 5)).await, unknown);
    }
    assert_eq!(t.store.account(Scope::DEFAULT, nobody).await.map(|_| ()), unknown.clone().map(|_: Posted| ()));
    let (from, to) = (t.gift("zoe", "nobody", 5, "g"), t.gift("nobody", "zoe", 5, "g"));
    assert_eq!((t.store.gift(from).await, t.store.gift(to).await), (unknown.clone(), unknown));
    assert_eq!(t.transfers(Scope::DEFAULT).await.len(), 1);
    t.start(t.request().user("zoe")).await;
    assert_eq!(t.generations(Scope::DEFAULT).await[0].user_external, "zoe", "the one that was made");
}

pub async fn adjustments_keep_their_reason_and_never_overdraw(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let reason = Some("Goodwill after ticket 7: \"sorry\", 50 %".to_owned());
    for (kind, amount, left) in [(TransferKind::AdjustUp, 20, 120), (TransferKind::AdjustDown, 50, 70)] {
        let adjust = Transfer { reason: reason.clone(), ..t.transfer(kind, "a", amount) };
        let posted = t.post(adjust.clone()).await.expect("post");
        assert_eq!((posted.transfer, posted.balance.available), (adjust, credits(left)));
    }
    let too_much = t.post(t.transfer(TransferKind::AdjustDown, "a", 71)).await;
    let (required, available, held) = (credits(71), credits(70), credits(0));
    assert_eq!(too_much, Err(StoreError::Refused(Refusal::InsufficientCredits { required, available, held })));
    assert_eq!(t.transfers(Scope::DEFAULT).await[1].reason, reason);
    assert_eq!(t.balance("a").await, (70, 0));
}

pub async fn a_statement_carries_its_running_balance(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.grant("bob", 7).await;
    let run = t.running(t.request().hold(30).metered(0)).await;
    t.done(builder::settle_at_cost(&t.ids, &run, NanoUsd(20), t.now())).await;
    let refund = Transfer { generation: Some(run.generation.id), ..t.transfer(TransferKind::Refund, "a", 4) };
    t.post(refund).await.expect("post");
    let line = |entry: &Entry| {
        let (available, held) = (entry.after.available.micros(), entry.after.held.micros());
        (entry.transfer.kind, entry.transfer.amount.micros(), available, held)
    };
    let own = TransferFilter { user: Some(run.user), ..TransferFilter::default() };
    let lines: Vec<_> = t.statement(Scope::DEFAULT, own.clone()).await.iter().map(line).collect();
    let expected = [
        (TransferKind::Grant, 100, 100, 0),
        (TransferKind::Hold, 30, 70, 30),
        (TransferKind::Settle, 20, 70, 10),
        (TransferKind::Release, 10, 80, 0),
        (TransferKind::Refund, 4, 84, 0),
    ];
    assert_eq!(lines, expected);
    let of_generation = TransferFilter { generation: Some(run.generation.id), ..TransferFilter::default() };
    assert_eq!(
        t.statement(Scope::DEFAULT, of_generation.clone()).await.iter().map(line).collect::<Vec<_>>(),
        expected[1..]
    );
    let refunds = TransferFilter { kind: Some(TransferKind::Refund), ..of_generation };
    assert_eq!(t.statement(Scope::DEFAULT, refunds).await.iter().map(line).collect::<Vec<_>>(), expected[4..]);
    let grants = TransferFilter { kind: Some(TransferKind::Grant), ..own };
    assert_eq!(t.statement(Scope::DEFAULT, grants).await.iter().map(line).collect::<Vec<_>>(), expected[..1]);
    let kind = TransferFilter { kind: Some(TransferKind::Grant), ..TransferFilter::default() };
    assert_eq!(t.statement(Scope::DEFAULT, kind).await.len(), 2, "of both users");
}

pub async fn accounts_are_paged_in_the_order_of_their_ids(t: Arc<Bench>) {
    let users = ["ann", "bob", "cy", "dora", "eve"];
    for (n, user) in users.iter().enumerate() {
        t.grant(user, 10 + n as i64).await;
    }
    t.start(t.request().user("never paid")).await;
    let mut ids: Vec<_> = users.iter().map(|user| builder::user_id(Scope::DEFAULT, user)).collect();
    ids.sort();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let (mut seen, mut page) = (vec![], PageRequest { limit: 2, after: None, order });
        loop {
            let answer = t.store.accounts(Scope::DEFAULT, page.clone()).await.expect("accounts");
            seen.extend(answer.rows.iter().map(|row| row.user));
            let Some(next) = answer.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, ids);
        ids.reverse();
    }
    assert_eq!(t.store.accounts(builder::OTHER, PageRequest::newest(9)).await.expect("accounts").rows, []);
}

pub async fn what_moves_by_hand_is_announced(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.grant("bob", 1).await;
    t.store.gift(t.gift("a", "bob", 30, "g")).await.expect("gift");
    let mut told = vec![];
    for event in t.events(Scope::DEFAULT).await.iter().filter(|event| event.kind == CHANGED) {
        let data: serde_json::Value = serde_json::from_str(&event.data).expect("events carry JSON");
        assert_eq!((event.generation, event.draft), (None, None));
        told.push((data["kind"].clone(), data["amount"].clone(), data["available"].clone()));
    }
    let expected = [("grant", 100, 100), ("grant", 1, 1), ("gift_sent", 30, 70), ("gift_received", 30, 31)];
    assert_eq!(told, expected.map(|(kind, amount, left)| (kind.into(), amount.into(), left.into())));
}

pub async fn two_workspaces_references_never_meet(t: Arc<Bench>) {
    t.post(named(t.transfer(TransferKind::Grant, "a", 50), "r")).await.expect("post");
    let there = Transfer {
        workspace: builder::OTHER.workspace,
        user: builder::user_id(builder::OTHER, "a"),
        ..named(t.transfer(TransferKind::Grant, "a", 60), "r")
    };
    let post = Post { transfer: there.clone(), open_as: Some("a".to_owned()), idempotency: None };
    assert!(t.store.post(post).await.expect("post").posted);
    let balance = t.store.balance(builder::OTHER, there.user).await.expect("balance");
    assert_eq!((balance.available, t.balance("a").await), (credits(60), (50, 0)));
}

pub async fn racing_grants_of_one_reference_are_one(t: Arc<Bench>) {
    let mut tasks = vec![];
    for n in 0..20 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let transfer = named(t.transfer(TransferKind::Grant, "a", 50), "r");
        let post = Post { transfer, open_as: Some("a".to_owned()), idempotency: None };
        tasks.push(tokio::spawn(async move { store.post(post).await.expect("post") }));
    }
    let mut posted = 0;
    for task in tasks {
        posted += usize::from(task.await.expect("a posting task").posted);
    }
    assert_eq!((posted, t.balance("a").await), (1, (50, 0)));
}

pub async fn racing_postings_of_one_idempotency_key_are_one(t: Arc<Bench>) {
    for user in ["ann", "bob"] {
        t.grant(user, 1).await;
    }
    for round in 0..5 {
        let mut tasks = vec![];
        for n in 0..20 {
            let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
            // Two accounts, so that no lock on one of them keeps the others away.
            let transfer = t.transfer(TransferKind::AdjustUp, ["ann", "bob"][n % 4 / 2], 50);
            let idempotency = t.request().key(&format!("k{round}"), 1).idempotency;
            let post = Post { transfer, open_as: None, idempotency };
            tasks.push(tokio::spawn(async move { store.post(post).await.expect("post") }));
        }
        let mut posted = 0;
        for task in tasks {
            posted += usize::from(task.await.expect("a posting task").posted);
        }
        assert_eq!(posted, 1);
    }
    assert_eq!(t.balance("ann").await.0 + t.balance("bob").await.0, 2 + 5 * 50);
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
        let post = Post { transfer: refund, open_as: None, idempotency: None };
        tasks.push(tokio::spawn(async move { store.post(post).await }));
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
