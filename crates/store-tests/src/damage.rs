//! Damages to the books, planted one at a time behind the contract's back: the auditor at once, the auditor slice by
//! slice, and the checker that shares no statement with it must all name what is broken, and nothing once it is undone.
//! An engine lends itself as a [`Patient`]. For tests only.

mod table;

pub use table::{DAMAGES, Damage};

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, Ids};
use crate::checker::{self, Dump, Verdict};
use crate::differential::{books, differential};
use copydesk_core::Timestamp;
use copydesk_core::budget::{Budget, Measure};
use copydesk_core::bulk::Action;
use copydesk_core::generation::FailureCode;
use copydesk_store::audit::{Place, Slice, Space, Span};
use copydesk_store::budgets::{BudgetFilter, NewBudget};
use copydesk_store::bulk::NewBulk;
use copydesk_store::generations::Turn;
use copydesk_store::jobs::{ForItem, ItemRef};
use copydesk_store::ledger::Post;
use copydesk_store::{PageRequest, Scope, Store};
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// An engine whose tables can be reached from outside.
pub trait Patient: Send + Sync {
    fn store(&self) -> Arc<dyn Store>;
    /// The tables as they are.
    fn dump(&self) -> BoxFuture<'_, Dump>;
    /// The engine's own statement of a damage, where it has one.
    fn words(&self, damage: &Damage) -> Option<&'static str>;
    /// Runs it, whatever rules it breaks; how many rows it changed.
    fn harm(&self, sql: &'static str) -> BoxFuture<'_, u64>;
    /// Keeps the tables as they are, for `heal`.
    fn save(&self) -> BoxFuture<'_, ()>;
    fn heal(&self) -> BoxFuture<'_, ()>;
}

/// How many keys a slice of the tests proves: few, so that there are many.
const SLICE: u32 = 20;
/// How long the random history is.
const STEPS: usize = 400;
/// How long the one is in which time passes and calls are removed for their age.
const BOOKS_STEPS: usize = 200;

/// What the auditor finds slice by slice: names of checks.
pub async fn by_slices(store: &dyn Store) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for space in Space::ALL {
        let mut after = Place::START;
        while after < Place::END {
            let span = Span { space, after, upto: Place::END };
            let proved = store.prove(Slice { span, limit: SLICE }).await.expect("prove");
            for found in &proved.found {
                assert!(proved.span.holds(found.place), "{found:?} is not in {:?}", proved.span);
            }
            names.extend(proved.found.iter().map(|found| found.finding.check));
            after = proved.span.upto;
        }
    }
    names
}

struct Opinions {
    whole: BTreeSet<&'static str>,
    slices: BTreeSet<&'static str>,
    checker: Verdict,
}

async fn ask(patient: &dyn Patient) -> Opinions {
    let store = patient.store();
    let findings = store.audit().await.expect("audit");
    Opinions {
        whole: findings.iter().map(|finding| finding.check).collect(),
        slices: by_slices(store.as_ref()).await,
        checker: checker::check(&patient.dump().await),
    }
}

async fn assert_sound(patient: &dyn Patient, when: &str) {
    let Opinions { whole, slices, checker } = ask(patient).await;
    assert!(whole.is_empty() && slices.is_empty() && checker.is_empty(), "{when}: {whole:?} {slices:?} {checker:#?}");
}

/// A random history, then each damage by itself.
pub async fn every_damage_is_named_by_both_and_none_when_it_is_undone(patient: &dyn Patient) {
    differential(patient.store(), 1, STEPS).await;
    one_of_everything(patient.store()).await;
    assert_sound(patient, "before").await;
    patient.save().await;
    for damage in DAMAGES {
        let Some(sql) = patient.words(damage) else { continue };
        assert!(patient.harm(sql).await > 0, "{sql} did nothing");
        let Opinions { whole, slices, checker } = ask(patient).await;
        assert!(whole.contains(damage.check), "{sql}: the auditor finds {whole:?}, not {}", damage.check);
        assert_eq!(slices, whole, "{sql}: slices are the whole");
        assert!(checker.contains_key(damage.invariant), "{sql}: {}: {checker:#?}", damage.invariant);
        patient.heal().await;
    }
    assert_sound(patient, "after").await;
}

/// Days in which budgets come and go and calls are removed: the opinions agree on what is left.
pub async fn no_damage_is_found_after_days_with_retention(patient: &dyn Patient) {
    books(patient.store(), 2, BOOKS_STEPS).await;
    assert_sound(patient, "after days").await;
    let dump = patient.dump().await;
    for (table, column) in [("budget_use", "folded"), ("budget_entries", "used_before")] {
        assert!(dump.rows(table).iter().any(|row| row.whole(column) > 0), "{table}.{column} is nowhere used");
    }
}

/// Whatever the random history ended with, there is one of each: completed with a settle, failed, running, waiting for a
/// target, ready, some of them in budgets; a grant that expires, a gift.
async fn one_of_everything(store: Arc<dyn Store>) {
    let now = end_what_is_overdue(store.clone()).await;
    let store = store.as_ref();
    let ids = Ids::of_realm(77);
    let grant = builder::grant(&ids, "ann", 1_000, now);
    let expires_at = Some(now.plus(Duration::from_secs(86_400)));
    let transfer = copydesk_core::ledger::Transfer { expires_at, ..grant.transfer };
    store.post(Post { transfer, ..grant }).await.expect("post");
    store.post(builder::grant(&ids, "ben", 5, now)).await.expect("post");
    store.gift(builder::gift(&ids, ("ann", "ben"), 30, "gift-of-everything", now)).await.expect("gift");
    set_budgets(store, &ids, now).await;
    let request = || builder::accept(&ids, now).user("ann").recipe("everything").model("demo/everything");
    let job = job_of_everything(store, &ids, now).await;
    let bulk = builder::new_bulk(&ids, Action::Export, now);
    store.open_bulk(NewBulk { items: vec![bulk.facts.id.0], ..bulk }).await.expect("open_bulk");
    store.open_mailing(builder::skipped_mailing(&ids, now)).await.expect("open_mailing");
    let of = |seq| ForItem::Feeds(ItemRef { job, seq });
    let batch = vec![
        request().hold(100).bound(9),
        request().hold(100),
        request().target("book/everything").hold(100).dedupe("everything").bound(9),
        request().target("book/everything"),
        request().dedupe("another everything").bound(9),
        request().recipe("processing").model("demo/job").change(|it| it.job = Some(of(1))),
        request().recipe("job").model("demo/job").change(|it| it.job = Some(of(2))),
    ];
    for answer in store.accept(batch).await.expect("accept") {
        answer.expect("there is enough of everything");
    }
    let only = builder::lane(copydesk_store::generations::Lane::Recipe("everything".to_owned()), 3);
    let runs = claim(store, &ids, only, now).await;
    let made = runs.iter().find(|run| run.recipe == "job").expect("an item's runs");
    let mut ours = runs.iter().filter(|run| run.recipe == "everything");
    let (one, two) = (ours.next().expect("one runs"), ours.next().expect("another runs"));
    let ends = vec![
        builder::settle(&ids, made, now),
        builder::settle(&ids, one, now),
        builder::fail(&ids, two, FailureCode::Refused, now),
    ];
    store.turn(builder::writes(now, ends)).await.expect("turn");
}

async fn job_of_everything(store: &dyn Store, ids: &Ids, now: Timestamp) -> copydesk_core::JobId {
    let new = builder::new_job(ids, 3, now);
    let id = new.facts.id;
    store.stage_items(Scope::DEFAULT, id, builder::items(3)).await.expect("stage_items");
    store.seal_job(new).await.expect("seal_job");
    id
}

/// The history's clock moves as it likes. What it left behind ends at the instant of its last event, which is answered.
async fn end_what_is_overdue(store: Arc<dyn Store>) -> Timestamp {
    let bench = Bench::over(store, 76);
    let events = bench.events(Scope::DEFAULT).await;
    let now = events.iter().map(|event| event.at).max().unwrap_or(builder::START);
    bench.advance(now.since(bench.now()));
    for scope in [Scope::DEFAULT, builder::OTHER] {
        for row in bench.generations(scope).await {
            if row.finished_at().is_none() && row.generation.terms.deadline_at < now {
                bench.cancel(scope, row.generation.id).await;
            }
        }
    }
    bench.store.close_orphan_calls(now, now, 1_000).await.expect("close_orphan_calls");
    now
}

/// A budget of each measure that has room, in place of those that the history may have used up.
async fn set_budgets(store: &dyn Store, ids: &Ids, now: Timestamp) {
    let known = store.budgets(Scope::DEFAULT, BudgetFilter::default(), PageRequest::newest(100)).await;
    for budget in known.expect("budgets").rows {
        store.end_budget(Scope::DEFAULT, budget.id, now).await.expect("end_budget");
    }
    for measure in Measure::ALL {
        let budget = Budget { measure, ..builder::budget(ids, 1_000_000, now) };
        store.set_budget(NewBudget { budget, idempotency: None }).await.expect("set_budget");
    }
}

async fn claim(
    store: &dyn Store,
    ids: &Ids,
    limits: copydesk_store::generations::Limits,
    now: Timestamp,
) -> Vec<copydesk_store::generations::Claimed> {
    let claim = Some(builder::claim(ids, ids.node(), 1_000, limits));
    store.turn(Turn { now, writes: vec![], claim }).await.expect("turn").claimed
}
