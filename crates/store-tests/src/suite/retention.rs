//! Retention: old calls and events go, and no total changes.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::metering::question::{Group, Question};
use copydesk_core::metering::totals::{QUARTER_US, bucket};
use copydesk_core::{Timestamp, WorkspaceId};
use copydesk_store::Scope;
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::usage::CallFilter;
use std::sync::Arc;

const NOBODY: Scope = Scope::of(WorkspaceId(uuid::Uuid::from_u128(77)));

/// All there is to remove; how many went.
async fn prune(t: &Bench, what: Aged, before: Timestamp, limit: u32, dry_run: bool) -> u64 {
    let (mut after, mut removed, mut batches) = (None, 0, 0);
    loop {
        let batch = t.store.prune(Prune { what, before, after, limit, dry_run }).await.expect("prune");
        removed += batch.removed;
        batches += 1;
        assert!(batches < 200, "the scan comes to an end");
        match batch.next {
            Some(next) => after = Some(next),
            None => return removed,
        }
    }
}

async fn whole(t: &Bench, scope: Scope) -> Vec<copydesk_core::metering::question::Total> {
    let day = |days: i64| Timestamp::from_micros(bucket(builder::START).micros() + days * 96 * QUARTER_US);
    let (only, by) = (Group::default(), [].into());
    t.store.totals(scope, Question { only, by, cuts: vec![day(-1), day(0), day(1), day(30)] }).await.expect("totals")
}

async fn settled(t: &Bench, user: &str, scope: Scope) {
    let run = t.running(t.request().user(user).scope(scope)).await;
    t.settle(&run).await;
}

pub async fn old_calls_go_and_no_total_changes(t: Arc<Bench>) {
    for user in ["ann", "bob", "ann"] {
        settled(&t, user, Scope::DEFAULT).await;
    }
    settled(&t, "cy", OTHER).await;
    let before = t.advance_s(3 * 86_400);
    settled(&t, "ann", Scope::DEFAULT).await;
    let totals = (whole(&t, Scope::DEFAULT).await, whole(&t, OTHER).await);
    assert_eq!(prune(&t, Aged::Calls, before, 2, true).await, 4);
    assert_eq!(t.calls_of(Scope::DEFAULT, CallFilter::default()).await.len(), 4, "a trial removes nothing");
    assert_eq!(prune(&t, Aged::Calls, before, 2, false).await, 4);
    assert_eq!(t.calls_of(Scope::DEFAULT, CallFilter::default()).await.len(), 1);
    assert_eq!(t.calls_of(OTHER, CallFilter::default()).await.len(), 0);
    assert_eq!((whole(&t, Scope::DEFAULT).await, whole(&t, OTHER).await), totals);
    assert_eq!(prune(&t, Aged::Calls, before, 2, false).await, 0, "twice is once");
    let ann = CallFilter { user: Some(builder::user_id(Scope::DEFAULT, "ann")), ..CallFilter::default() };
    assert_eq!(t.calls_of(Scope::DEFAULT, ann).await.len(), 1);
}

pub async fn calls_of_live_and_of_lately_ended_generations_stay(t: Arc<Bench>) {
    let failing = t.running(t.request().deadline_in_s(10_000_000)).await;
    let lasting = t.running(t.request().deadline_in_s(10_000_000)).await;
    for run in [&failing, &lasting] {
        t.done(builder::hand_back(&t.ids, run, t.now())).await;
    }
    let before = t.advance_s(86_400);
    let ends = t.claim(1).await.remove(0);
    t.settle(&ends).await;
    assert_eq!(prune(&t, Aged::Calls, before, 10, false).await, 0, "one is live, the other ended after the day");
    let later = t.advance_s(86_400);
    assert_eq!(prune(&t, Aged::Calls, later, 10, false).await, 2, "both calls of the one that ended");
    assert_eq!(t.calls_of(Scope::DEFAULT, CallFilter::default()).await.len(), 1);
}

pub async fn open_calls_stay_however_old(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    let later = t.advance_s(86_400);
    assert_eq!(prune(&t, Aged::Calls, later, 10, false).await, 0);
    t.store.close_orphan_calls(later, later, 10).await.expect("close_orphan_calls");
}

pub async fn old_events_go_and_the_newest_of_each_workspace_stays(t: Arc<Bench>) {
    settled(&t, "ann", Scope::DEFAULT).await;
    settled(&t, "cy", OTHER).await;
    settled(&t, "ann", Scope::DEFAULT).await;
    let (mine, theirs) = (t.events(Scope::DEFAULT).await, t.events(OTHER).await);
    let newest = mine.last().expect("events").seq;
    let later = t.advance_s(86_400);
    let removed = prune(&t, Aged::Events, later, 2, false).await;
    assert_eq!(removed as usize, (mine.len() - 1) + (theirs.len() - 1), "{mine:#?} {theirs:#?}");
    let left: Vec<i64> = t.events(Scope::DEFAULT).await.iter().map(|event| event.seq).collect();
    assert_eq!(left, [newest]);
    settled(&t, "ann", Scope::DEFAULT).await;
    assert!(t.events(Scope::DEFAULT).await.iter().all(|event| event.seq >= newest), "no number is used twice");
    assert_eq!(t.events_after(Scope::DEFAULT, newest, 10).await.len(), theirs.len());
    let bounds = t.second().event_bounds(Scope::DEFAULT).await.expect("event_bounds");
    assert_eq!(bounds.removed_to, mine[mine.len() - 2].seq, "whoever has read less has missed something");
    assert_eq!(t.store.event_bounds(NOBODY).await.expect("event_bounds").removed_to, 0);
}

pub async fn the_ledger_is_never_pruned(t: Arc<Bench>) {
    t.grant("a", 1_000).await;
    let run = t.running(t.request().hold(100)).await;
    t.settle(&run).await;
    let (transfers, balance) = (t.transfers(Scope::DEFAULT).await, t.balance("a").await);
    let later = t.advance_s(86_400);
    for what in [Aged::Calls, Aged::Events] {
        prune(&t, what, later, 10, false).await;
    }
    assert_eq!((t.transfers(Scope::DEFAULT).await, t.balance("a").await), (transfers, balance));
}

pub async fn two_processes_that_prune_count_each_call_once(t: Arc<Bench>) {
    for _ in 0..30 {
        settled(&t, "ann", Scope::DEFAULT).await;
    }
    let before = t.advance_s(86_400);
    let sweep = async |store: Arc<dyn copydesk_store::Store>| {
        let (mut after, mut removed) = (None, 0);
        loop {
            let prune = Prune { what: Aged::Calls, before, after, limit: 4, dry_run: false };
            let batch = store.prune(prune).await.expect("prune");
            removed += batch.removed;
            match batch.next {
                Some(next) => after = Some(next),
                None => return removed,
            }
        }
    };
    let (mine, theirs) = futures::join!(sweep(t.store.clone()), sweep(t.second()));
    // What one of them held just then the other one left.
    let rest = prune(&t, Aged::Calls, before, 10, false).await;
    assert_eq!(mine + theirs + rest, 30);
    let default = WorkspaceId::DEFAULT;
    assert_eq!(whole(&t, Scope::of(default)).await.len(), 3);
}
