//! Budgets: what is set aside at accept, used up by calls and given back at the end; refused before anything is written.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER, START, user_id};
use copydesk_core::access::{KeyTerms, Permit, Role};
use copydesk_core::budget::bound::{Bound, MostCost};
use copydesk_core::budget::{Budget, Measure, Period, Shares, Subject};
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, KeyId, NanoUsd, Timestamp, Tokens};
use copydesk_store::budgets::{BudgetChange, BudgetFilter, NewBudget, UseRow};
use copydesk_store::generations::{Accept, Accepted, Change, Claimed, Heartbeat, Idempotency, Turn, Write};
use copydesk_store::keys::KeyRow;
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::usage::ClosedCall;
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// A day's cost, in UTC. A settled call of these tests costs 1,000 and takes 150 tokens.
fn of(t: &Bench, subject: Subject, limit: i64) -> Budget {
    Budget { subject, ..builder::budget(&t.ids, limit, t.now()) }
}

async fn set(t: &Bench, budget: Budget) -> BudgetId {
    let new = NewBudget { budget: budget.clone(), idempotency: None };
    assert_eq!(t.store.set_budget(new).await.expect("set_budget"), budget);
    budget.id
}

async fn uses(t: &Bench, id: BudgetId) -> Vec<UseRow> {
    t.store.budget_uses(Scope::DEFAULT, id, Timestamp::from_micros(0), 100).await.expect("budget_uses")
}

/// Used and reserved of the newest period.
async fn standing(t: &Bench, id: BudgetId) -> (i64, i64) {
    uses(t, id).await.first().map_or((0, 0), |it| (it.row.used, it.row.reserved))
}

fn exceeded(answer: Result<Accepted, Refusal>) -> (i64, i64, i64, i64) {
    match answer {
        Err(Refusal::BudgetExceeded(no)) => (no.limit, no.used, no.reserved, no.needed),
        other => panic!("expected budget_exceeded: {other:?}"),
    }
}

async fn know_key(t: &Bench, name: u8) -> KeyId {
    let id = t.ids.key();
    let row = KeyRow {
        id,
        scope: Scope::DEFAULT,
        secret_hash: [name; 32],
        shown: "cdk_...".to_owned(),
        terms: KeyTerms::new("k", Permit::of(Role::Editor)),
        revision: 1,
        created_at: t.now(),
        revoked_at: None,
        replaced_by: None,
        last_used: None,
    };
    t.store.add_key(row).await.expect("add_key");
    id
}

/// A fresh user is known after his first request.
async fn know_user(t: &Bench, name: &str) {
    let (id, _) = t.start(t.request().user(name)).await;
    t.cancel(Scope::DEFAULT, id).await;
}

fn cost(call: ClosedCall, nanos: i64) -> ClosedCall {
    ClosedCall { cost: Some(NanoUsd(nanos)), ..call }
}

async fn late(t: &Bench, run: &Claimed, nanos: i64) {
    let call = cost(builder::closed(run.call, CallOutcome::Ok, 0), nanos);
    t.turn(Turn { now: t.now(), writes: vec![Write::Late { scope: run.scope, call }], claim: None }).await;
}

pub async fn what_a_call_uses_comes_out_of_what_was_set_aside_and_the_rest_goes_back(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(4_000)).await;
    assert_eq!(standing(&t, id).await, (0, 4_000));
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    assert_eq!(standing(&t, id).await, (1_000, 3_000), "a failed attempt counts, and there may be others");
    t.advance_s(60);
    let run = t.claim_one().await;
    t.settle(&run).await;
    assert_eq!(standing(&t, id).await, (2_000, 0));
}

pub async fn what_needs_more_than_was_set_aside_counts_in_full(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(400)).await;
    t.settle(&run).await;
    assert_eq!(standing(&t, id).await, (1_000, 0));
}

pub async fn a_cancelled_generation_gives_back_what_was_set_aside(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 5_000)).await;
    let (generation, _) = t.start(t.request().bound(5_000)).await;
    assert_eq!(exceeded(t.accept(t.request().user("b").bound(1)).await), (5_000, 0, 5_000, 1));
    t.cancel(Scope::DEFAULT, generation).await;
    assert_eq!(standing(&t, id).await, (0, 0));
    t.start(t.request().user("b").bound(5_000)).await;
}

pub async fn what_is_refused_writes_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let id = set(&t, of(&t, Subject::Workspace, 100)).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    let request = t.request().bound(101).hold(5).key("k", 1).dedupe("d").target("x");
    assert_eq!(exceeded(t.accept(request.clone()).await), (100, 0, 0, 101));
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
    assert_eq!(uses(&t, id).await.len(), 0, "not even an empty sum");
    let smaller = Accept { bound: t.request().bound(100).bound, ..request };
    t.start(smaller).await;
}

pub async fn a_batch_is_decided_in_its_order(t: Arc<Bench>) {
    set(&t, of(&t, Subject::Workspace, 100)).await;
    let batch = [60, 50, 40, 1].map(|most| t.request().bound(most)).to_vec();
    let answers: Vec<bool> = t.accept_all(batch).await.iter().map(Result::is_ok).collect();
    assert_eq!(answers, [true, false, true, false]);
}

pub async fn a_hundred_requests_at_once_never_pass_a_limit(t: Arc<Bench>) {
    const ROOM: usize = 7;
    let id = set(&t, of(&t, Subject::Workspace, 1_000 * ROOM as i64 + 999)).await;
    let each = set(&t, of(&t, Subject::EachUser, 1_000_000)).await;
    let beat = Heartbeat { node: t.ids.node(), at: t.now(), label: "n".to_owned(), goodbye: false, runs: vec![] };
    t.second().heartbeat(beat).await.expect("heartbeat");
    let requests = (0..100).map(|n| {
        let (t, request) = (Arc::clone(&t), t.request().user(&format!("u{}", n % 9)).bound(1_000));
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        tokio::spawn(async move { store.accept(vec![request]).await.expect("accept").remove(0) })
    });
    let mut accepted = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.expect("a request") {
            Ok(_) => accepted += 1,
            Err(refusal) => assert_eq!(refusal.code(), "budget_exceeded"),
        }
    }
    assert_eq!(accepted, ROOM);
    assert_eq!(standing(&t, id).await, (0, 7_000));
    let reserved: i64 = uses(&t, each).await.iter().map(|it| it.row.reserved).sum();
    assert_eq!(reserved, 7_000, "what one budget refuses no other sets aside");
}

pub async fn s16_the_first_requests_ever_of_a_user_meet_the_budget_of_each_user(t: Arc<Bench>) {
    let each = set(&t, of(&t, Subject::EachUser, 1_999)).await;
    let beat = Heartbeat { node: t.ids.node(), at: t.now(), label: "n".to_owned(), goodbye: false, runs: vec![] };
    t.second().heartbeat(beat).await.expect("heartbeat");
    let requests = (0..100).map(|n| {
        let (t, request) = (Arc::clone(&t), t.request().user(&format!("new{}", n % 2)).bound(1_000));
        let store = if n % 4 < 2 { t.store.clone() } else { t.second() };
        tokio::spawn(async move { store.accept(vec![request]).await.expect("accept").remove(0).is_ok() })
    });
    let mut accepted = 0;
    for request in requests.collect::<Vec<_>>() {
        accepted += usize::from(request.await.expect("a request"));
    }
    assert_eq!(accepted, 2, "one of each");
    assert!(uses(&t, each).await.iter().all(|it| it.row.reserved == 1_000));
}

pub async fn many_turns_and_accepts_at_once_keep_the_sums(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 1_000_000)).await;
    let each = set(&t, of(&t, Subject::EachUser, 1_000_000)).await;
    let beat = Heartbeat { node: t.ids.node(), at: t.now(), label: "n".to_owned(), goodbye: false, runs: vec![] };
    t.second().heartbeat(beat).await.expect("heartbeat");
    let batch = (0..60).map(|n| t.request().user(&format!("u{}", n % 7)).bound(5_000)).collect();
    t.accept_all(batch).await;
    let runs = t.claim(60).await;
    let tasks = runs.into_iter().enumerate().map(|(n, run)| {
        let t = Arc::clone(&t);
        tokio::spawn(async move {
            let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
            store.accept(vec![t.request().user(&format!("u{}", n % 5)).bound(10)]).await.expect("accept");
            let change = builder::settle(&t.ids, &run, t.now());
            store.turn(builder::writes(t.now(), vec![change])).await.expect("turn");
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task");
    }
    assert_eq!(standing(&t, id).await, (60_000, 600));
    let sums = uses(&t, each).await.iter().fold((0, 0), |sum, it| (sum.0 + it.row.used, sum.1 + it.row.reserved));
    assert_eq!(sums, (60_000, 600));
}

pub async fn a_repeat_or_a_duplicate_sets_nothing_aside(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 100)).await;
    let first = t.request().bound(60).key("k", 1).dedupe("d");
    t.start(first.clone()).await;
    assert!(matches!(t.accept(first).await, Ok(Accepted::Replayed { .. })));
    assert!(matches!(t.accept(t.request().bound(60).dedupe("d")).await, Ok(Accepted::Duplicate { .. })));
    assert_eq!(standing(&t, id).await, (0, 60));
}

pub async fn regenerating_over_and_over_is_stopped(t: Arc<Bench>) {
    set(&t, of(&t, Subject::Workspace, 3_500)).await;
    let first = t.request().bound(1_000);
    let run = t.running(first).await;
    let draft = run.draft;
    t.settle(&run).await;
    for _ in 0..2 {
        let run = t.running(t.request().existing(draft).bound(1_000)).await;
        t.settle(&run).await;
    }
    assert_eq!(exceeded(t.accept(t.request().existing(draft).bound(1_000)).await), (3_500, 3_000, 0, 1_000));
}

pub async fn a_budget_in_tokens_counts_input_and_output(t: Arc<Bench>) {
    let id = set(&t, Budget { measure: Measure::Tokens, ..of(&t, Subject::Workspace, 1_000) }).await;
    let run = t.running(t.request().bound(1_000)).await;
    t.settle(&run).await;
    assert_eq!(standing(&t, id).await, (150, 0));
    assert_eq!(exceeded(t.accept(t.request().bound(851)).await), (1_000, 150, 0, 851));
}

pub async fn a_cost_nobody_knows_is_refused_where_cost_is_counted(t: Arc<Bench>) {
    let unknown = |tokens| {
        let cost = MostCost::Unknown { model: "demo/unpriced".to_owned() };
        t.request().change(|it| it.bound = Some(Bound { tokens: Tokens(tokens), cost }))
    };
    set(&t, Budget { measure: Measure::Tokens, ..of(&t, Subject::Workspace, 1_000) }).await;
    t.start(unknown(10)).await;
    let budget = set(&t, of(&t, Subject::Workspace, 1_000)).await;
    let refusal = Refusal::UnpricedModelWithBudget { model: "demo/unpriced".to_owned(), budget };
    assert_eq!(t.accept(unknown(10)).await, Err(refusal));
}

pub async fn a_generation_counts_in_the_period_of_its_accept(t: Arc<Bench>) {
    let zone = Zone::named("Asia/Kathmandu").expect("a zone");
    let id = set(&t, Budget { zone, ..of(&t, Subject::Workspace, 1_500) }).await;
    // START is 05:45 there; the day ends at 18:15 UTC.
    t.advance_s((18 * 60 + 15) * 60 - 1);
    let request = t.request().bound(1_500).change(|it| it.deadline_at = it.at.plus(Duration::from_secs(9_000)));
    let run = t.running(request).await;
    t.advance_s(1);
    t.settle(&run).await;
    let midnight = START.plus(Duration::from_secs((18 * 60 + 15) * 60));
    let rows = uses(&t, id).await;
    assert_eq!(rows.iter().map(|it| (it.row.used, it.row.reserved)).collect::<Vec<_>>(), [(1_000, 0)]);
    assert_eq!(rows[0].period_at, midnight.minus(Duration::from_secs(86_400)));
    t.start(t.request().bound(1_500)).await;
    assert_eq!(uses(&t, id).await[0].period_at, midnight);
}

pub async fn a_day_and_a_month_turn_where_the_clocks_change(t: Arc<Bench>) {
    let zone = || Zone::named("Europe/Berlin").expect("a zone");
    let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
    let to = |instant: &str| t.advance(at(instant).since(t.now()));
    let day = set(&t, Budget { zone: zone(), ..of(&t, Subject::Workspace, 100) }).await;
    let month = Budget { zone: zone(), period: Period::Month, limit: 250, ..of(&t, Subject::Workspace, 1) };
    let month = set(&t, month).await;
    to("2026-03-28T23:00:00Z");
    t.start(t.request().bound(100)).await;
    // This day has 23 hours.
    to("2026-03-29T21:59:59Z");
    assert_eq!(exceeded(t.accept(t.request().user("b").bound(1)).await), (100, 0, 100, 1));
    to("2026-03-29T22:00:00Z");
    t.start(t.request().user("b").bound(100)).await;
    let days: Vec<Timestamp> = uses(&t, day).await.iter().map(|it| it.period_at).collect();
    assert_eq!(days, [at("2026-03-29T22:00:00Z"), at("2026-03-28T23:00:00Z")]);
    to("2026-03-31T21:59:59Z");
    assert_eq!(exceeded(t.accept(t.request().user("c").bound(51)).await), (250, 0, 200, 51));
    to("2026-03-31T22:00:00Z");
    t.start(t.request().user("c").bound(100)).await;
    let months: Vec<Timestamp> = uses(&t, month).await.iter().map(|it| it.period_at).collect();
    assert_eq!(months, [at("2026-03-31T22:00:00Z"), at("2026-02-28T23:00:00Z")]);
}

pub async fn a_budget_set_meanwhile_counts_from_the_next_call_on(t: Arc<Bench>) {
    let run = t.running(t.request().user("early").bound(9_000)).await;
    let step = builder::step(&t.ids, &run, "s", "{}", "next", t.now());
    t.done(step.clone()).await;
    let run = builder::after(&run, &step);
    let id = set(&t, of(&t, Subject::Workspace, 1_200)).await;
    let waiting = t.start(t.request()).await.0;
    assert_eq!(standing(&t, id).await, (0, 0), "nothing is set aside for what nobody bounded");
    t.advance_s(86_400 - 60);
    let later = Change { at: t.now(), ..builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now()) };
    t.done(later).await;
    assert_eq!(standing(&t, id).await, (1_000, 0), "the call before it does not count");
    assert_eq!(exceeded(t.accept(t.request().user("b").bound(201)).await), (1_200, 1_000, 0, 201));
    t.cancel(Scope::DEFAULT, waiting).await;
}

pub async fn a_lost_call_counts_its_estimate_until_the_true_figures_come(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(5_000)).await;
    let generation = t.generation(Scope::DEFAULT, run.generation.id).await;
    t.done(builder::lose(&t.ids, Scope::DEFAULT, &generation, Some(run.call), t.now())).await;
    assert_eq!(standing(&t, id).await, (1_007, 3_993));
    t.advance_s(5);
    late(&t, &run, 2_500).await;
    assert_eq!(standing(&t, id).await, (2_500, 2_500));
    late(&t, &run, 9_000).await;
    assert_eq!(standing(&t, id).await, (2_500, 2_500), "the same result twice is once");
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    assert_eq!(standing(&t, id).await, (2_500, 0));
}

pub async fn true_figures_below_the_estimate_give_back_the_difference(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(2_000)).await;
    let generation = t.generation(Scope::DEFAULT, run.generation.id).await;
    t.done(builder::lose(&t.ids, Scope::DEFAULT, &generation, Some(run.call), t.now())).await;
    late(&t, &run, 300).await;
    assert_eq!(standing(&t, id).await, (300, 993));
}

pub async fn a_late_report_after_the_end_counts(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(2_000)).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    assert_eq!(standing(&t, id).await, (0, 0));
    late(&t, &run, 700).await;
    assert_eq!(standing(&t, id).await, (700, 0));
}

pub async fn a_call_nobody_reports_counts_its_estimate(t: Arc<Bench>) {
    let id = set(&t, Budget { measure: Measure::Tokens, ..of(&t, Subject::Workspace, 10_000) }).await;
    let run = t.running(t.request().bound(2_000)).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    t.advance_s(7_200);
    assert_eq!(t.store.close_orphan_calls(t.now(), t.now(), 10).await.expect("orphans"), 1);
    let (used, reserved) = standing(&t, id).await;
    assert!(used > 0 && reserved == 0, "{used}, {reserved}");
}

pub async fn each_user_is_under_the_default_from_his_first_request_on(t: Arc<Bench>) {
    let default = set(&t, of(&t, Subject::EachUser, 100)).await;
    t.start(t.request().user("new").bound(100)).await;
    assert_eq!(exceeded(t.accept(t.request().user("new").bound(1)).await), (100, 0, 100, 1));
    t.start(t.request().user("other").bound(100)).await;
    let owners: Vec<_> = uses(&t, default).await.iter().map(|it| it.owner.0).collect();
    let mut users = ["new", "other"].map(|name| user_id(Scope::DEFAULT, name).0).to_vec();
    users.sort();
    assert_eq!(owners, users, "sums that are equal stand in the order of their owners");
    let own = set(&t, of(&t, Subject::User(user_id(Scope::DEFAULT, "new")), 500)).await;
    t.start(t.request().user("new").bound(500)).await;
    assert_eq!(standing(&t, own).await, (0, 500), "his own takes the place of the default");
}

pub async fn a_key_has_a_budget_whoever_uses_it(t: Arc<Bench>) {
    let (mine, yours) = (know_key(&t, 1).await, know_key(&t, 2).await);
    let own = set(&t, of(&t, Subject::Key(mine), 100)).await;
    set(&t, of(&t, Subject::EachKey, 30)).await;
    let run = t.running(t.request().user("b").by_key(mine).bound(60)).await;
    assert_eq!(t.row(run.generation.id).await.key, Some(mine));
    assert_eq!(exceeded(t.accept(t.request().user("c").by_key(mine).bound(41)).await), (100, 0, 60, 41));
    assert_eq!(exceeded(t.accept(t.request().by_key(yours).bound(31)).await), (30, 0, 0, 31));
    t.start(t.request().user("d").bound(1_000)).await;
    t.settle(&run).await;
    assert_eq!(standing(&t, own).await, (1_000, 0));
}

pub async fn a_budget_belongs_to_its_workspace(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10)).await;
    t.start(t.request().scope(OTHER).bound(1_000)).await;
    assert_eq!(standing(&t, id).await, (0, 0));
    assert!(matches!(t.store.budget(OTHER, id).await, Err(StoreError::NotFound { what: "budget", .. })));
    assert!(t.store.end_budget(OTHER, id, t.now()).await.is_err());
    let change = BudgetChange { limit: Some(1), warn_at: None, at: t.now() };
    assert!(t.store.change_budget(OTHER, id, change).await.is_err());
    assert_eq!(t.store.budget_uses(OTHER, id, START, 9).await.expect("uses"), []);
    let rows = t.store.budgets(OTHER, BudgetFilter { ended: true }, PageRequest::newest(9)).await.expect("budgets");
    assert_eq!(rows, Page { rows: vec![], next: None });
}

pub async fn a_changed_limit_holds_at_once_and_takes_nothing_back(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 100)).await;
    t.start(t.request().bound(80)).await;
    let change = |limit| BudgetChange { limit: Some(limit), warn_at: None, at: t.now() };
    let changed = t.store.change_budget(Scope::DEFAULT, id, change(50)).await.expect("change_budget");
    assert_eq!((changed.limit, changed.warn_at), (50, Shares::default()));
    assert_eq!(exceeded(t.accept(t.request().user("b").bound(1)).await), (50, 0, 80, 1));
    t.store.change_budget(Scope::DEFAULT, id, change(200)).await.expect("change_budget");
    t.start(t.request().user("b").bound(120)).await;
}

pub async fn an_ended_budget_limits_nothing_and_keeps_what_it_counted(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 2_000)).await;
    assert!(t.store.knows_budgets());
    let first = t.running(t.request().bound(2_000)).await;
    t.advance_s(1);
    let ended = t.store.end_budget(Scope::DEFAULT, id, t.now()).await.expect("end_budget");
    assert_eq!(ended.ended_at, Some(t.now()));
    assert!(!t.store.knows_budgets());
    let again = t.store.end_budget(Scope::DEFAULT, id, t.advance_s(1)).await.expect("end_budget");
    assert_eq!(again, ended, "twice is once");
    let second = t.running(t.request().user("b").bound(9_000)).await;
    t.settle(&first).await;
    t.settle(&second).await;
    assert_eq!(standing(&t, id).await, (1_000, 0), "what it knew it goes on counting, and nothing new");
    let change = BudgetChange { limit: Some(1), warn_at: None, at: t.now() };
    assert!(matches!(
        t.store.change_budget(Scope::DEFAULT, id, change).await,
        Err(StoreError::NotFound { what: "budget in force", .. })
    ));
    let list = async |ended| {
        let filter = BudgetFilter { ended };
        t.store.budgets(Scope::DEFAULT, filter, PageRequest::newest(9)).await.expect("budgets").rows.len()
    };
    assert_eq!((list(false).await, list(true).await), (0, 1));
}

/// The one that is ended is the last one there is, the other one is set at the same moment, in either order.
pub async fn a_budget_set_while_another_one_ends_is_known(t: Arc<Bench>) {
    let mut id = set(&t, of(&t, Subject::Workspace, 2_000)).await;
    for ends_first in [true, false, true, false] {
        let budget = of(&t, Subject::Workspace, 2_000);
        let end = t.store.end_budget(Scope::DEFAULT, id, t.now());
        let set = set(&t, budget);
        let (ended, next) = match ends_first {
            true => tokio::join!(end, set),
            false => {
                let (next, ended) = tokio::join!(set, end);
                (ended, next)
            }
        };
        assert!(ended.expect("end_budget").ended_at.is_some());
        assert!(t.store.knows_budgets());
        id = next;
    }
    t.store.end_budget(Scope::DEFAULT, id, t.now()).await.expect("end_budget");
    assert!(!t.store.knows_budgets());
}

pub async fn each_share_is_announced_once_in_a_period(t: Arc<Bench>) {
    let shares = Shares::new(vec![50, 100]).expect("shares");
    let id = set(&t, Budget { warn_at: shares, ..of(&t, Subject::EachUser, 2_000) }).await;
    for user in ["a", "a", "a", "b"] {
        let run = t.running(t.request().user(user)).await;
        t.settle(&run).await;
    }
    let events = t.events(Scope::DEFAULT).await;
    let told: Vec<serde_json::Value> = events
        .iter()
        .filter(|event| event.kind == "budget.warned")
        .map(|event| serde_json::from_str(&event.data).expect("JSON"))
        .collect();
    let short: Vec<_> = told
        .iter()
        .map(|it| (it["owner"].as_str().unwrap_or_default().to_owned(), it["share"].clone(), it["used"].clone()))
        .collect();
    let [ann, bob] = ["a", "b"].map(|name| user_id(Scope::DEFAULT, name).to_string());
    assert_eq!(
        short,
        [(ann.clone(), 50.into(), 1_000.into()), (ann, 100.into(), 2_000.into()), (bob, 50.into(), 1_000.into())]
    );
    assert_eq!((&told[0]["budget"], &told[0]["limit"]), (&id.to_string().into(), &2_000.into()));
    assert_eq!(told[0]["unit"], "cost");
    let warned: Vec<u8> = uses(&t, id).await.iter().map(|it| it.row.warned).collect();
    assert_eq!(warned, [100, 50]);
}

pub async fn what_happens_to_a_budget_is_announced(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10)).await;
    let shares = Shares::new(vec![1, 99]).expect("shares");
    let change = BudgetChange { limit: None, warn_at: Some(shares.clone()), at: t.now() };
    assert_eq!(t.store.change_budget(Scope::DEFAULT, id, change).await.expect("change").warn_at, shares);
    t.store.end_budget(Scope::DEFAULT, id, t.now()).await.expect("end");
    t.store.end_budget(Scope::DEFAULT, id, t.now()).await.expect("end");
    let events = t.events(Scope::DEFAULT).await;
    let changed: Vec<_> = events.iter().filter(|event| event.kind == "budget.changed").collect();
    let told: Vec<serde_json::Value> =
        changed.iter().map(|event| serde_json::from_str(&event.data).expect("JSON")).collect();
    let words: Vec<_> = told.iter().map(|it| it["change"].as_str().unwrap_or_default()).collect();
    assert_eq!(words, ["set", "changed", "ended"]);
    assert_eq!(told[1]["warn_at"], serde_json::json!([1, 99]));
}

pub async fn setting_a_budget_twice_with_one_key_sets_it_once(t: Arc<Bench>) {
    let key = |body| Idempotency {
        owner: "key_1".to_owned(),
        route: "POST /budgets".to_owned(),
        key: "k".to_owned(),
        fingerprint: [body; 32],
        expires_at: t.now().plus(Duration::from_secs(86_400)),
    };
    let new = |body| NewBudget { budget: of(&t, Subject::Workspace, 10), idempotency: Some(key(body)) };
    let first = t.store.set_budget(new(1)).await.expect("set_budget");
    assert_eq!(t.store.set_budget(new(1)).await.expect("set_budget"), first);
    let refused = t.store.set_budget(new(2)).await;
    assert_eq!(refused, Err(StoreError::Refused(Refusal::IdempotencyKeyReused)));
    let rows = t.store.budgets(Scope::DEFAULT, BudgetFilter::default(), PageRequest::newest(9)).await.expect("budgets");
    assert_eq!(rows.rows, [first]);
}

pub async fn a_budget_of_nobody_is_not_set(t: Arc<Bench>) {
    let nobody = of(&t, Subject::User(user_id(Scope::DEFAULT, "nobody")), 10);
    let no_key = of(&t, Subject::Key(t.ids.key()), 10);
    for (budget, kind) in [(nobody, "user"), (no_key, "key")] {
        let answer = t.store.set_budget(NewBudget { budget, idempotency: None }).await;
        assert!(matches!(answer, Err(StoreError::NotFound { what, .. }) if what == kind), "{answer:?}");
    }
    know_user(&t, "somebody").await;
    set(&t, of(&t, Subject::User(user_id(Scope::DEFAULT, "somebody")), 10)).await;
}

pub async fn budgets_are_kept_as_they_were_set_and_paged(t: Arc<Bench>) {
    let key = know_key(&t, 1).await;
    know_user(&t, "a").await;
    let user = Subject::User(user_id(Scope::DEFAULT, "a"));
    let zone = Zone::named("America/St_Johns").expect("a zone");
    let mut kept = vec![];
    for subject in [Subject::Workspace, Subject::EachUser, user, Subject::EachKey, Subject::Key(key)] {
        let shares = Shares::new(vec![]).expect("shares");
        let plain = of(&t, subject, i64::from(u32::MAX) * 1_000);
        let budget = Budget { zone: zone.clone(), period: Period::Month, warn_at: shares, ..plain };
        set(&t, budget.clone()).await;
        assert_eq!(t.store.budget(Scope::DEFAULT, budget.id).await.expect("budget"), budget);
        kept.push(budget);
    }
    let all = crate::bench::all(|page| {
        let page = PageRequest { limit: 2, ..page };
        t.store.budgets(Scope::DEFAULT, BudgetFilter::default(), page)
    });
    assert_eq!(all.await, kept);
}

pub async fn removing_old_calls_leaves_the_sums(t: Arc<Bench>) {
    let id = set(&t, of(&t, Subject::Workspace, 10_000)).await;
    let run = t.running(t.request().bound(5_000)).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    t.advance_s(60);
    let run = t.claim_one().await;
    t.settle(&run).await;
    let other = t.running(t.request().user("b").bound(5_000)).await;
    t.advance_s(86_400);
    let mut after = None;
    loop {
        let prune = Prune { what: Aged::Calls, before: t.now(), after, limit: 1, dry_run: false };
        after = t.store.prune(prune).await.expect("prune").next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(t.calls(run.generation.id).await, []);
    assert_eq!(standing(&t, id).await, (2_000, 5_000));
    t.settle(&other).await;
    assert_eq!(t.status(other.generation.id).await, Status::Completed);
    assert_eq!(standing(&t, id).await, (3_000, 0));
}

pub async fn another_process_learns_of_a_budget_with_its_beat(t: Arc<Bench>) {
    let second = t.second();
    let id = set(&t, of(&t, Subject::Workspace, 100)).await;
    let beat = Heartbeat { node: t.ids.node(), at: t.now(), label: "n".to_owned(), goodbye: false, runs: vec![] };
    second.heartbeat(beat.clone()).await.expect("heartbeat");
    assert!(second.knows_budgets());
    let answer = second.accept(vec![t.request().bound(101)]).await.expect("accept").remove(0);
    assert_eq!(exceeded(answer), (100, 0, 0, 101));
    // What changed since then it reads where it matters.
    let change = BudgetChange { limit: Some(101), warn_at: None, at: t.now() };
    t.store.change_budget(Scope::DEFAULT, id, change).await.expect("change");
    let answer = second.accept(vec![t.request().bound(101)]).await.expect("accept").remove(0);
    assert!(answer.is_ok(), "{answer:?}");
    t.store.end_budget(Scope::DEFAULT, id, t.now()).await.expect("end");
    let answer = second.accept(vec![t.request().user("b").bound(101)]).await.expect("accept").remove(0);
    assert!(answer.is_ok(), "{answer:?}");
    second.heartbeat(beat).await.expect("heartbeat");
    assert!(!second.knows_budgets());
}
