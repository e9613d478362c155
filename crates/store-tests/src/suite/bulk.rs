//! Bulk actions: gathered piece by piece from where the walk stands, ended item by item, counts that add up throughout.

use crate::bench::{Bench, all};
use crate::builder::{self, OTHER};
use copydesk_core::bulk::{Action, BulkStatus, Outcome, Tally};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BulkId, GenerationId, UserId};
use copydesk_store::bulk::{
    BulkFilter, BulkItemEnd, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened,
};
use copydesk_store::generations::Idempotency;
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

async fn open(t: &Bench, new: NewBulk) -> BulkRow {
    t.store.open_bulk(new).await.expect("open_bulk").row().clone()
}

/// A bulk action over these, running.
async fn over(t: &Bench, action: Action, items: &[Uuid]) -> BulkRow {
    open(t, NewBulk { items: items.to_vec(), ..builder::new_bulk(&t.ids, action, t.now()) }).await
}

async fn row(t: &Bench, id: BulkId) -> BulkRow {
    t.store.bulk(Scope::DEFAULT, id).await.expect("bulk")
}

async fn items(t: &Bench, id: BulkId, outcome: Option<Outcome>) -> Vec<BulkItemRow> {
    all(|page| t.store.bulk_items(Scope::DEFAULT, id, BulkItemFilter { outcome }, page)).await
}

fn ids(t: &Bench, count: usize) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = (0..count).map(|_| t.ids.draft().0).collect();
    ids.sort();
    ids
}

fn end(t: &Bench, bulk: BulkId, ends: &[(Uuid, Outcome)]) -> EndBulkItems {
    let end = |(item, outcome): &(Uuid, Outcome)| BulkItemEnd {
        item: *item,
        outcome: *outcome,
        note: (*outcome != Outcome::Done).then(|| Note::new("because", "So.")),
        made: (*outcome == Outcome::Done).then_some(GenerationId(*item)),
    };
    EndBulkItems { scope: Scope::DEFAULT, bulk, at: t.now(), ends: ends.iter().map(end).collect() }
}

fn gather(t: &Bench, bulk: BulkId, from: &str, to: Option<&str>, items: &[Uuid]) -> Gather {
    Gather {
        scope: Scope::DEFAULT,
        bulk,
        at: t.now(),
        from: from.to_owned(),
        to: to.map(str::to_owned),
        items: items.to_vec(),
        note: None,
    }
}

async fn told(t: &Bench) -> Vec<String> {
    let events = t.events(Scope::DEFAULT).await;
    events.into_iter().map(|event| event.kind).filter(|kind| kind.starts_with("bulk.")).collect()
}

fn key(name: &str, body: u8) -> Option<Idempotency> {
    let (owner, route) = ("key_1".to_owned(), "POST /bulk".to_owned());
    let expires_at = builder::START.plus(Duration::from_secs(86_400));
    Some(Idempotency { owner, route, key: name.to_owned(), fingerprint: [body; 32], expires_at })
}

fn gone<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{answer:?}");
}

pub async fn a_bulk_action_is_there_with_what_it_names_and_is_told(t: Arc<Bench>) {
    let some = ids(&t, 3);
    let user = UserId::from_external(Scope::DEFAULT.workspace, "ann");
    let new = NewBulk { items: some.clone(), ..builder::new_bulk(&t.ids, Action::Delete, t.now()) };
    let facts = copydesk_store::bulk::BulkFacts { user: Some(user), spec: r#"{"ids":3}"#.to_owned(), ..new.facts };
    let opened = open(&t, NewBulk { facts: facts.clone(), ..new }).await;
    assert_eq!((&opened.facts, opened.bulk.status), (&facts, BulkStatus::Running));
    assert_eq!(opened.bulk.tally, Tally { open: 3, ..Tally::default() });
    assert_eq!(row(&t, facts.id).await, opened);
    let found = items(&t, facts.id, None).await;
    assert_eq!(found.iter().map(|item| item.item).collect::<Vec<_>>(), some);
    assert!(found.iter().all(|item| item.outcome == Outcome::Open && item.note.is_none() && item.made.is_none()));
    assert_eq!(t.store.bulks_at_work(None, 10).await.expect("bulks_at_work"), vec![opened]);
    assert_eq!(told(&t).await, ["bulk.progress"]);
    let event = t.events(Scope::DEFAULT).await.pop().expect("an event");
    assert_eq!(event.user, Some(user));
    assert!(event.data.contains(&format!("\"bulk\":\"{}\"", facts.id)), "{}", event.data);
}

pub async fn opening_twice_with_one_key_opens_one(t: Arc<Bench>) {
    let new = || NewBulk { idempotency: key("once", 1), ..builder::new_bulk(&t.ids, Action::Cancel, t.now()) };
    let Opened::New(first) = t.store.open_bulk(new()).await.expect("open_bulk") else { panic!("it is new") };
    let again = t.store.open_bulk(new()).await.expect("open_bulk");
    assert_eq!(again, Opened::Replayed(first.clone()));
    let other = t.store.open_bulk(NewBulk { idempotency: key("once", 2), ..new() }).await;
    assert_eq!(other, Err(StoreError::Refused(Refusal::IdempotencyKeyReused)));
    let foreign = builder::new_bulk(&t.ids, Action::Cancel, t.now());
    let facts = copydesk_store::bulk::BulkFacts { scope: OTHER, ..foreign.facts };
    let elsewhere = t.store.open_bulk(NewBulk { facts, idempotency: key("once", 2), ..foreign }).await;
    assert!(matches!(elsewhere, Ok(Opened::New(_))), "another workspace's keys are its own");
    let all = t.store.bulks(Scope::DEFAULT, BulkFilter::default(), PageRequest::newest(10)).await.expect("bulks");
    assert_eq!(all.rows, vec![first]);
}

pub async fn what_is_gathered_is_added_once_and_only_from_where_the_walk_stands(t: Arc<Bench>) {
    let some = ids(&t, 4);
    let new = NewBulk { walk: Some("0".to_owned()), ..builder::new_bulk(&t.ids, Action::Delete, t.now()) };
    let id = open(&t, new).await.facts.id;
    assert_eq!(row(&t, id).await.bulk.status, BulkStatus::Gathering);
    let piece = gather(&t, id, "0", Some("1"), &some[..2]);
    let first = t.store.gather(piece.clone()).await.expect("gather");
    assert_eq!((first.bulk.tally.open, first.bulk.walk.as_deref()), (2, Some("1")));
    let again = t.store.gather(piece).await.expect("gather");
    assert_eq!(again, first, "another process was there");
    let both = t.store.gather(gather(&t, id, "1", Some("2"), &some[1..3])).await.expect("gather");
    assert_eq!(both.bulk.tally.open, 3, "what is an item already is not added again");
    let last = Gather { note: Some(Note::new("limit", "All that fit.")), ..gather(&t, id, "2", None, &some[3..]) };
    let whole = t.store.gather(last).await.expect("gather");
    assert_eq!((whole.bulk.status, whole.bulk.tally.open, &whole.bulk.walk), (BulkStatus::Running, 4, &None));
    assert_eq!(whole.bulk.note, Some(Note::new("limit", "All that fit.")));
    assert_eq!(row(&t, id).await, whole);
    assert_eq!(items(&t, id, None).await.len(), 4);
    let over = t.store.gather(gather(&t, id, "2", None, &ids(&t, 1))).await.expect("gather");
    assert_eq!(over, whole);
    let empty = NewBulk { walk: Some("0".to_owned()), ..builder::new_bulk(&t.ids, Action::Delete, t.now()) };
    let empty = open(&t, empty).await.facts.id;
    let ended = t.store.gather(gather(&t, empty, "0", None, &[])).await.expect("gather");
    assert_eq!((ended.bulk.status, ended.bulk.finished_at), (BulkStatus::Completed, Some(t.now())));
}

pub async fn what_ended_is_counted_once_and_the_last_one_ends_it(t: Arc<Bench>) {
    use Outcome::{Done, Failed, Open, Skipped};
    let some = ids(&t, 3);
    let id = over(&t, Action::Retry, &some).await.facts.id;
    let two = end(&t, id, &[(some[0], Done), (some[1], Failed)]);
    let first = t.store.end_bulk_items(two.clone()).await.expect("end_bulk_items");
    assert_eq!(first.bulk.tally, Tally { open: 1, done: 1, failed: 1, skipped: 0 });
    let again = t.store.end_bulk_items(two).await.expect("end_bulk_items");
    assert_eq!(again, first, "each ends once");
    let other = t.store.end_bulk_items(end(&t, id, &[(some[0], Skipped), (Uuid::max(), Done)])).await;
    assert_eq!(other.expect("end_bulk_items").bulk.tally, first.bulk.tally, "what it says first is what it says");
    assert_eq!(items(&t, id, Some(Open)).await.len(), 1);
    let failed = items(&t, id, Some(Failed)).await;
    assert_eq!(failed[0].note, Some(Note::new("because", "So.")));
    assert_eq!(items(&t, id, Some(Done)).await[0].made, Some(GenerationId(some[0])));
    t.advance(Duration::from_secs(1));
    let last = t.store.end_bulk_items(end(&t, id, &[(some[2], Skipped)])).await.expect("end_bulk_items");
    assert_eq!((last.bulk.status, last.bulk.finished_at), (BulkStatus::Completed, Some(t.now())));
    assert_eq!(row(&t, id).await, last);
    assert_eq!(t.store.bulks_at_work(None, 10).await.expect("bulks_at_work"), vec![]);
    assert_eq!(told(&t).await, ["bulk.progress", "bulk.finished"]);
}

pub async fn a_cancelled_one_leaves_what_is_open_and_counts_what_was_under_way(t: Arc<Bench>) {
    let some = ids(&t, 3);
    let id = over(&t, Action::Delete, &some).await.facts.id;
    let cancelled = t.store.cancel_bulk(Scope::DEFAULT, id, t.now()).await.expect("cancel_bulk");
    assert_eq!((cancelled.bulk.status, cancelled.bulk.tally.open), (BulkStatus::Cancelled, 3));
    assert_eq!(t.store.cancel_bulk(Scope::DEFAULT, id, t.now()).await, Ok(cancelled), "twice is once");
    let late = t.store.end_bulk_items(end(&t, id, &[(some[0], Outcome::Done)])).await.expect("end_bulk_items");
    assert_eq!((late.bulk.status, late.bulk.tally.open, late.bulk.tally.done), (BulkStatus::Cancelled, 2, 1));
    assert_eq!(t.store.bulks_at_work(None, 10).await.expect("bulks_at_work"), vec![]);
    gone(t.store.cancel_bulk(OTHER, id, t.now()).await);
    let walking = NewBulk { walk: Some("0".to_owned()), ..builder::new_bulk(&t.ids, Action::Delete, t.now()) };
    let walking = open(&t, walking).await.facts.id;
    t.store.cancel_bulk(Scope::DEFAULT, walking, t.now()).await.expect("cancel_bulk");
    let more = t.store.gather(gather(&t, walking, "0", None, &some)).await.expect("gather");
    assert_eq!(more.bulk.tally.total(), 0, "nothing more is gathered");
    let done = over(&t, Action::Export, &some).await.facts.id;
    let refused = t.store.cancel_bulk(Scope::DEFAULT, done, t.now()).await.map_err(|why| why.to_string());
    assert!(refused.is_err_and(|why| why.contains("completed")));
}

pub async fn an_export_is_completed_when_all_is_gathered(t: Arc<Bench>) {
    let some = ids(&t, 2);
    let new = NewBulk { walk: Some("0".to_owned()), ..builder::new_bulk(&t.ids, Action::Export, t.now()) };
    let id = open(&t, new).await.facts.id;
    let whole = t.store.gather(gather(&t, id, "0", None, &some)).await.expect("gather");
    assert_eq!((whole.bulk.status, whole.bulk.tally.done), (BulkStatus::Completed, 2));
    assert!(items(&t, id, None).await.iter().all(|item| item.outcome == Outcome::Done));
}

pub async fn bulk_actions_are_paged_and_found_in_their_workspace_only(t: Arc<Bench>) {
    let mut made = vec![];
    for _ in 0..5 {
        made.push(over(&t, Action::Delete, &ids(&t, 1)).await);
    }
    made.sort_by_key(|row| row.facts.id);
    let (mut after, mut seen) = (None, vec![]);
    loop {
        let page = PageRequest { limit: 2, after, order: Order::OldestFirst };
        let page = t.store.bulks(Scope::DEFAULT, BulkFilter::default(), page).await.expect("bulks");
        seen.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, made);
    let id = made[0].facts.id;
    t.store.cancel_bulk(Scope::DEFAULT, id, t.now()).await.expect("cancel_bulk");
    let filter = BulkFilter { status: Some(BulkStatus::Cancelled), user: None };
    let page = t.store.bulks(Scope::DEFAULT, filter, PageRequest::newest(10)).await.expect("bulks");
    assert_eq!(page.rows.iter().map(|row| row.facts.id).collect::<Vec<_>>(), [id]);
    let nobody = BulkFilter { user: Some(UserId::from_external(Scope::DEFAULT.workspace, "ann")), status: None };
    let page = t.store.bulks(Scope::DEFAULT, nobody, PageRequest::newest(10)).await.expect("bulks");
    assert_eq!(page.rows, vec![], "what is everybody's is not one user's");
    gone(t.store.bulk(OTHER, id).await);
    gone(t.store.bulk_items(OTHER, id, BulkItemFilter::default(), PageRequest::newest(10)).await);
    gone(t.store.gather(Gather { scope: OTHER, ..gather(&t, id, "0", None, &[]) }).await);
    gone(t.store.end_bulk_items(EndBulkItems { scope: OTHER, ..end(&t, id, &[]) }).await);
    let page = t.store.bulks(OTHER, BulkFilter::default(), PageRequest::newest(10)).await.expect("bulks");
    assert_eq!(page.rows, vec![]);
}

pub async fn racing_ends_of_the_same_items_count_each_once(t: Arc<Bench>) {
    let some = ids(&t, 40);
    let id = over(&t, Action::Delete, &some).await.facts.id;
    let ends: Vec<_> = some.iter().map(|item| (*item, Outcome::Done)).collect();
    let racers = (0..8).map(|place| {
        let (t, ends) = (Arc::clone(&t), end(&t, id, &ends[place * 4..(place * 4 + 12).min(40)]));
        let store = if place % 2 == 0 { Arc::clone(&t.store) } else { t.second() };
        tokio::spawn(async move { store.end_bulk_items(ends).await })
    });
    for racer in racers.collect::<Vec<_>>() {
        racer.await.expect("a racer").expect("end_bulk_items");
    }
    let row = row(&t, id).await;
    assert_eq!((row.bulk.status, row.bulk.tally.done, row.bulk.tally.open), (BulkStatus::Completed, 40, 0));
    assert_eq!(told(&t).await.iter().filter(|kind| *kind == "bulk.finished").count(), 1);
}
