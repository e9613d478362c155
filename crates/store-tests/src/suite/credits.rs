//! Gifts, grants that expire, metered prices, and ten thousand races for the end of a generation: exact every time.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, credits};
use copydesk_core::generation::Status;
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, NanoUsd, Timestamp};
use copydesk_store::generations::{Applied, Change, Claimed};
use copydesk_store::ledger::{Entry, TransferFilter};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Grants `micros` to `user` that expire so many seconds from now.
async fn grant_for_s(t: &Bench, user: &str, micros: i64, seconds: u64) -> Transfer {
    let expires_at = Some(t.now().plus(Duration::from_secs(seconds)));
    let grant = Transfer { expires_at, ..t.transfer(TransferKind::Grant, user, micros) };
    t.open_with(user, grant.clone()).await;
    grant
}

/// What expired: users and amounts.
fn lost(expired: &[Transfer]) -> Vec<i64> {
    expired.iter().map(|transfer| transfer.amount.micros()).collect()
}

async fn expires_next(t: &Bench, user: &str) -> Option<Timestamp> {
    let user = builder::user_id(Scope::DEFAULT, user);
    t.store.account(Scope::DEFAULT, user).await.expect("account").expires_next_at
}

pub async fn a_gift_moves_credits_from_one_user_to_the_other_once(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.grant("bob", 1).await;
    let gift = t.gift("a", "bob", 30, "birthday");
    let first = t.store.gift(gift.clone()).await.expect("gift");
    assert_eq!((first.posted, &first.transfer, first.balance.available), (true, &gift.sent, credits(70)));
    let again = t.store.gift(t.gift("a", "bob", 30, "birthday")).await.expect("gift");
    assert_eq!((again.posted, &again.transfer), (false, &gift.sent));
    for other in [t.gift("a", "bob", 31, "birthday"), t.gift("bob", "a", 30, "birthday")] {
        let error = t.store.gift(other).await.expect_err("another gift under the same reference");
        assert!(matches!(error, StoreError::Refused(Refusal::ReferenceReused(_))), "{error:?}");
    }
    let too_much = t.store.gift(t.gift("a", "bob", 71, "more")).await;
    assert!(matches!(too_much, Err(StoreError::Refused(Refusal::InsufficientCredits { .. }))), "{too_much:?}");
    let nothing = t.store.gift(t.gift("a", "bob", 0, "nothing")).await;
    assert_eq!(nothing, Err(StoreError::Refused(Refusal::AmountZero)));
    assert_eq!((t.balance("a").await, t.balance("bob").await), ((70, 0), (31, 0)));
    let rows: Vec<_> = t.transfers(Scope::DEFAULT).await.into_iter().skip(2).collect();
    assert_eq!(rows, [gift.sent, gift.received]);
}

pub async fn s15_credits_for_one_are_spent_once_by_two_hundred_requests_on_two_nodes(t: Arc<Bench>) {
    t.grant("a", 10).await;
    let requests = (0..200).map(|n| {
        let (t, request) = (Arc::clone(&t), t.request().hold(10));
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        tokio::spawn(async move { store.accept(vec![request]).await.expect("accept").remove(0) })
    });
    let mut accepted = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.expect("a request") {
            Ok(_) => accepted += 1,
            Err(refusal) => assert_eq!(refusal.code(), "insufficient_credits"),
        }
    }
    assert_eq!((accepted, t.balance("a").await), (1, (0, 10)));
    t.assert_clean().await;
}

pub async fn a_gift_that_no_balance_can_hold_is_refused_on_both_sides(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.grant("bob", i64::MAX - 10).await;
    let before = t.statement(Scope::DEFAULT, TransferFilter::default()).await;
    let too_much = t.store.gift(t.gift("a", "bob", 11, "g")).await;
    assert_eq!(too_much, Err(StoreError::Refused(Refusal::AmountTooLarge)));
    assert_eq!(t.statement(Scope::DEFAULT, TransferFilter::default()).await, before);
    assert_eq!((t.balance("a").await, t.balance("bob").await), ((100, 0), (i64::MAX - 10, 0)));
}

pub async fn racing_gifts_both_ways_neither_lose_nor_make_credits(t: Arc<Bench>) {
    t.grant("a", 50).await;
    t.grant("bob", 50).await;
    let mut tasks = vec![];
    for n in 0..24 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let (from, to) = if n % 3 == 0 { ("a", "bob") } else { ("bob", "a") };
        // Every second reference comes twice.
        let gift = t.gift(from, to, 9, &format!("g{}", n / 6 * 6 + n % 3));
        tasks.push(tokio::spawn(async move { store.gift(gift).await }));
    }
    for task in tasks {
        match task.await.expect("a giving task") {
            Ok(_) | Err(StoreError::Refused(Refusal::InsufficientCredits { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let (a, bob) = (t.balance("a").await, t.balance("bob").await);
    assert_eq!((a.0 + bob.0, a.1 + bob.1), (100, 0));
}

pub async fn what_is_left_of_a_grant_expires_and_nothing_else_does(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let grant = grant_for_s(&t, "a", 40, 60).await;
    assert_eq!(expires_next(&t, "a").await, grant.expires_at);
    t.advance_s(59);
    assert_eq!(t.expire_lots().await, []);
    t.advance_s(1);
    let expired = t.expire_lots().await;
    assert_eq!(lost(&expired), [40]);
    assert!(expired[0].reason.as_ref().is_some_and(|reason| reason.contains(&grant.id.to_string())), "{expired:?}");
    assert_eq!((t.balance("a").await, expires_next(&t, "a").await), ((100, 0), None));
    assert_eq!(t.transfers(Scope::DEFAULT).await.last(), expired.last());
    assert_eq!(t.expire_lots().await, [], "once only");
}

pub async fn what_expires_soonest_is_spent_first(t: Arc<Bench>) {
    t.grant("bob", 1).await;
    t.grant("a", 100).await;
    let later = grant_for_s(&t, "a", 30, 200).await;
    let soon = grant_for_s(&t, "a", 20, 100).await;
    assert_eq!(expires_next(&t, "a").await, soon.expires_at);
    let run = t.running(t.request().hold(15)).await;
    t.settle(&run).await;
    let listed = t.store.accounts(Scope::DEFAULT, PageRequest::newest(9)).await.expect("accounts").rows;
    assert!(listed.contains(&t.store.account(Scope::DEFAULT, run.user).await.expect("account")), "{listed:?}");
    // 5 are left of the one, 30 of the other; a correction and a gift spend as well.
    t.post(t.transfer(TransferKind::AdjustDown, "a", 7)).await.expect("post");
    assert_eq!(expires_next(&t, "a").await, later.expires_at, "the first one is used up");
    t.store.gift(t.gift("a", "bob", 8, "g")).await.expect("gift");
    t.advance_s(100);
    assert_eq!(t.expire_lots().await, []);
    t.advance_s(100);
    assert_eq!(lost(&t.expire_lots().await), [20]);
    assert_eq!((t.balance("a").await, t.balance("bob").await), ((100, 0), (9, 0)));
}

pub async fn what_a_hold_has_set_aside_expires_when_it_is_released(t: Arc<Bench>) {
    grant_for_s(&t, "a", 40, 60).await;
    let run = t.running(t.request().hold(25).deadline_in_s(3_600)).await;
    t.advance_s(60);
    assert_eq!(lost(&t.expire_lots().await), [15], "25 of the 40 are held");
    assert_eq!(t.expire_lots().await, []);
    assert_eq!(t.balance("a").await, (0, 25));
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    assert_eq!(t.balance("a").await, (25, 0));
    assert_eq!(lost(&t.expire_lots().await), [25]);
    assert_eq!(t.balance("a").await, (0, 0));
}

pub async fn what_is_spent_of_a_hold_does_not_expire(t: Arc<Bench>) {
    grant_for_s(&t, "a", 40, 60).await;
    grant_for_s(&t, "a", 10, 61).await;
    let run = t.running(t.request().hold(45).metered(0).deadline_in_s(3_600)).await;
    t.advance_s(61);
    assert_eq!(lost(&t.expire_lots().await), [5], "all of the first and half of the second are held");
    t.done(builder::settle_at_cost(&t.ids, &run, NanoUsd(38), t.now())).await;
    assert_eq!(lost(&t.expire_lots().await), [2, 5]);
    assert_eq!(t.balance("a").await, (0, 0));
}

pub async fn expiring_is_bounded_goes_on_and_is_not_repeated(t: Arc<Bench>) {
    let mut users = ["ann", "bob", "cy"];
    users.sort_by_key(|user| builder::user_id(Scope::DEFAULT, user));
    for user in users {
        for n in 1..=3 {
            grant_for_s(&t, user, n, 60).await;
        }
    }
    // What is held for a long time by the first must not hide the others.
    t.running(t.request().user(users[0]).hold(6).deadline_in_s(3_600)).await;
    t.advance_s(60);
    let mut expired = vec![];
    loop {
        let some = t.store.expire_lots(t.now(), vec![t.ids.transfer()]).await.expect("expire_lots");
        assert!(some.len() <= 1);
        if some.is_empty() {
            break;
        }
        expired.extend(some);
    }
    assert_eq!(expired.len(), 6);
    for (user, left) in users.iter().zip([(0, 6), (0, 0), (0, 0)]) {
        assert_eq!(t.balance(user).await, left);
    }
    let none = t.store.expire_lots(t.now(), vec![]).await.expect("expire_lots");
    assert_eq!(none, []);
}

pub async fn racing_expiries_and_settles_keep_the_books(t: Arc<Bench>) {
    for n in 0..12 {
        grant_for_s(&t, "a", 10 + n, 60).await;
    }
    t.accept_all((0..10).map(|_| t.request().hold(9).metered(0).deadline_in_s(3_600)).collect()).await;
    let runs = t.claim(10).await;
    let now = t.advance_s(60);
    let mut tasks = vec![];
    for (n, run) in runs.iter().enumerate() {
        let cost = NanoUsd(i64::try_from(n).expect("a small number"));
        let change = builder::settle_at_cost(&t.ids, run, cost, now);
        let (settler, sweeper) = (t.store.clone(), t.second());
        let ids = vec![t.ids.transfer(), t.ids.transfer(), t.ids.transfer()];
        tasks.push(tokio::spawn(async move { settler.turn(builder::writes(now, vec![change])).await.map(|_| ()) }));
        tasks.push(tokio::spawn(async move { sweeper.expire_lots(now, ids).await.map(|_| ()) }));
    }
    for task in tasks {
        task.await.expect("a racing task").expect("written");
    }
    t.expire_lots().await;
    assert_eq!(t.balance("a").await, (0, 0), "what was not spent has expired");
    let spent: i64 = (0..10).sum();
    let sum = |rows: &[Transfer], kind| {
        rows.iter().filter(|row| row.kind == kind).map(|row| row.amount.micros()).sum::<i64>()
    };
    let rows = t.transfers(Scope::DEFAULT).await;
    assert_eq!((sum(&rows, TransferKind::Settle), sum(&rows, TransferKind::Expire)), (spent, 186 - spent));
}

pub async fn a_metered_price_takes_the_cost_and_gives_the_rest_back(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30).metered(5)).await;
    t.done(builder::settle_at_cost(&t.ids, &run, NanoUsd(12), t.now())).await;
    assert_eq!(t.balance("a").await, (88, 0));
    let run = t.running(t.request().hold(30).metered(5)).await;
    t.done(builder::settle_at_cost(&t.ids, &run, NanoUsd(0), t.now())).await;
    assert_eq!(t.balance("a").await, (83, 0), "at least the minimum");
    let run = t.running(t.request().hold(30).metered(0)).await;
    t.done(builder::settle_at_cost(&t.ids, &run, NanoUsd(0), t.now())).await;
    assert_eq!(t.balance("a").await, (83, 0), "nothing is due");
}

pub async fn what_a_metered_price_comes_to_above_the_hold_is_absorbed(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30).metered(0)).await;
    let settle = builder::settle_at_cost(&t.ids, &run, NanoUsd(47), t.now());
    t.done(settle.clone()).await;
    t.lost(settle).await;
    assert_eq!(t.balance("a").await, (70, 0));
    let kind = TransferFilter { kind: Some(TransferKind::Absorb), ..TransferFilter::default() };
    let rows = t.statement(Scope::DEFAULT, kind).await;
    assert_eq!(rows.len(), 1);
    let Entry { transfer, after } = &rows[0];
    assert_eq!((transfer.amount, transfer.generation), (credits(17), Some(run.generation.id)));
    assert_eq!((after.available, after.held), (credits(70), credits(0)), "the user's own balance does not move");
}

pub async fn the_price_of_the_accept_is_the_price_of_the_end(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let request = t.request().hold(30).metered(3);
    let terms = request.terms();
    let (generation, _) = t.start(request).await;
    assert_eq!(t.row(generation).await.generation.terms, terms);
    let run = t.claim_one().await;
    assert_eq!(run.generation.terms, terms);
    t.advance_s(7_200);
    let overdue = t.store.overdue(super::sweep::request(&t)).await.expect("overdue");
    assert_eq!(overdue[0].generation.terms, terms);
    let step = builder::step(&t.ids, &run, "plan", "{}", "write", t.now());
    t.done(step.clone()).await;
    t.done(builder::hand_back(&t.ids, &builder::after(&run, &step), t.now())).await;
    let again = t.claim_one().await;
    assert_eq!(again.steps, [builder::finished("plan", "{}")], "with what it cost");
    t.settle(&again).await;
    assert_eq!(t.row(generation).await.generation.terms, terms);
}

/// How many generations race at once, and how often: ten thousand rounds.
const AT_ONCE: usize = 250;
const ROUNDS: usize = 40;
/// How many changes go in one turn: many turns at once, each about others of the contested generations.
const TOGETHER: usize = 25;
const HELD: i64 = 40;

/// Worker, sweeper, cancel and the late result of a lost attempt, for the end of each of 10,000 generations.
pub async fn ten_thousand_races_for_the_end_of_a_generation_are_exact(t: Arc<Bench>) {
    assert_eq!(AT_ONCE * ROUNDS, 10_000);
    let granted = HELD * 10_000;
    t.grant("a", granted).await;
    let mut cost_of: BTreeMap<GenerationId, i64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let (zombies, runs) = contested(&t).await;
        let now = t.now();
        let mut changes: [Vec<Change>; 4] = [vec![], vec![], vec![], vec![]];
        for (n, (zombie, run)) in zombies.iter().zip(&runs).enumerate() {
            // Below, at and above the hold.
            let cost = i64::try_from((n * 7 + round) % 60).expect("a small number");
            cost_of.insert(run.generation.id, cost);
            changes[0].push(builder::settle_at_cost(&t.ids, run, NanoUsd(cost), now));
            changes[1].push(builder::lose(&t.ids, run.scope, &run.generation, Some(run.call), now));
            changes[2].push(builder::cancel(&t.ids, run.scope, &run.generation, now));
            changes[3].push(builder::settle_at_cost(&t.ids, zombie, NanoUsd(cost), now));
        }
        let [_, _, _, late] = race(&t, changes, round, now).await;
        assert_eq!(late, 0, "the result of a lost attempt never wins");
    }
    exact(&t, &cost_of, granted).await;
}

/// Generations whose first attempt was lost and whose second runs.
async fn contested(t: &Bench) -> (Vec<Claimed>, Vec<Claimed>) {
    let request = || t.request().hold(HELD).metered(0).max_attempts(2);
    t.accept_all((0..AT_ONCE).map(|_| request()).collect()).await;
    let by_id = |mut runs: Vec<Claimed>| {
        runs.sort_by_key(|run| run.generation.id);
        runs
    };
    let zombies = by_id(t.claim(AT_ONCE).await);
    let lose = |run: &Claimed| builder::lose(&t.ids, run.scope, &run.generation, Some(run.call), t.now());
    t.turn(builder::writes(t.now(), zombies.iter().map(lose).collect())).await;
    t.advance_s(60);
    let runs = by_id(t.claim(AT_ONCE).await);
    assert_eq!((zombies.len(), runs.len()), (AT_ONCE, AT_ONCE));
    (zombies, runs)
}

/// Lets the four write against each other, each beginning somewhere else; how often each of them won.
async fn race(t: &Bench, changes: [Vec<Change>; 4], round: usize, now: Timestamp) -> [usize; 4] {
    let mut tasks = vec![];
    for (who, mut own) in changes.into_iter().enumerate() {
        let others = (who * 2 + round) * TOGETHER % AT_ONCE;
        own.rotate_left(others);
        for turn in own.chunks(TOGETHER) {
            let store = if (who + round).is_multiple_of(2) { t.store.clone() } else { t.second() };
            let turn = builder::writes(now, turn.to_vec());
            tasks.push(tokio::spawn(async move { (who, store.turn(turn).await.expect("turn").applied) }));
        }
    }
    let mut wins = [0; 4];
    for task in tasks {
        let (who, applied) = task.await.expect("a racing task");
        wins[who] += applied.iter().filter(|answer| matches!(answer, Applied::Done { .. })).count();
    }
    assert_eq!(wins.iter().sum::<usize>(), AT_ONCE, "every generation has one winner: {wins:?}");
    wins
}

/// Each generation has one hold, and of it exactly what is due was taken and exactly the rest given back.
async fn exact(t: &Bench, cost_of: &BTreeMap<GenerationId, i64>, granted: i64) {
    let mut moved: BTreeMap<GenerationId, BTreeMap<&str, i64>> = BTreeMap::new();
    for row in t.transfers(Scope::DEFAULT).await {
        let Some(generation) = row.generation else { continue };
        let twice = moved.entry(generation).or_default().insert(row.kind.as_str(), row.amount.micros());
        assert_eq!(twice, None, "{generation} has one {} at most", row.kind.as_str());
    }
    let ended = t.generations(Scope::DEFAULT).await;
    let completed: BTreeSet<_> =
        ended.iter().filter(|row| row.status() == Status::Completed).map(|row| row.generation.id).collect();
    let mut left = granted;
    for (generation, cost) in cost_of {
        let kinds = &moved[generation];
        let of = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
        assert_eq!(of("hold"), HELD);
        assert_eq!(of("settle") + of("release"), HELD, "{generation}: {kinds:?}");
        let completed = completed.contains(generation);
        let due = if completed { (*cost).min(HELD) } else { 0 };
        assert_eq!((of("settle"), of("absorb")), (due, if completed { (cost - HELD).max(0) } else { 0 }));
        left -= due;
    }
    assert!(!completed.is_empty() && completed.len() < cost_of.len(), "not always the same one wins");
    assert_eq!(t.balance("a").await, (left, 0));
}
