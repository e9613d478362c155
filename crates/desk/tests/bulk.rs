//! Bulk actions: each thing acted on once whatever dies meanwhile, only what was there when it was asked for, counts that
//! are those of the items at every look.

use crate::harness::*;
use copydesk_core::access::{Allowed, Permit};
use copydesk_core::bulk::{Action, BulkStatus, Kind, Outcome, Tally};
use copydesk_core::draft::Review;
use copydesk_core::generation::Status;
use copydesk_core::{BulkId, GenerationId};
use copydesk_desk::accept::Request;
use copydesk_desk::bulk::{Wanted, Which};
use copydesk_desk::profiles::NewProfile;
use copydesk_desk::{DeskConfig, DeskError};
use copydesk_providers::ErrorClass;
use copydesk_store::bulk::{BulkItemFilter, BulkItemRow, BulkRow, Opened};
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::{GenerationFilter, Idempotency};
use copydesk_store::{BulkStore, Order, PageRequest};
use copydesk_store_tests::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

fn wanted(action: Action, which: Which) -> Wanted {
    let kind = match (&which, action.kind()) {
        (_, Some(kind)) => kind,
        (Which::Generations(_), None) => Kind::Generations,
        (Which::Drafts(_) | Which::Ids(_), None) => Kind::Drafts,
    };
    let permit = Arc::new(Permit::owner());
    Wanted { scope: SCOPE, permit, key: None, action, kind, which, model: None, reason: None, idempotency: None }
}

fn all(action: Action) -> Wanted {
    wanted(action, Which::Generations(GenerationFilter::default()))
}

async fn open(node: &Node, wanted: Wanted) -> BulkId {
    node.desk.open_bulk(wanted).await.unwrap().row().facts.id
}

async fn row(bench: &Bench, id: BulkId) -> BulkRow {
    let row = bench.store.inner().bulk(SCOPE, id).await.unwrap();
    let mut counted = Tally::default();
    items(bench, id).await.iter().for_each(|item| *counted.slot(item.outcome) += 1);
    assert_eq!(row.bulk.tally, counted, "the counts are those of the items");
    row
}

async fn items(bench: &Bench, id: BulkId) -> Vec<BulkItemRow> {
    let page = PageRequest { limit: 1_000, after: None, order: Order::OldestFirst };
    bench.store.inner().bulk_items(SCOPE, id, BulkItemFilter::default(), page).await.unwrap().rows
}

async fn ended(bench: &Bench, id: BulkId) -> BulkRow {
    bench
        .pass_until("the bulk action has ended", || async { row(bench, id).await.bulk.status.ended().is_some() })
        .await;
    row(bench, id).await
}

fn tally(open: u64, done: u64, skipped: u64, failed: u64) -> Tally {
    Tally { open, done, skipped, failed }
}

/// So many generations that have failed.
async fn failures(bench: &Bench, node: &Node, count: usize) -> Vec<GenerationId> {
    bench.script.then(std::iter::repeat_n(Reply::Fail(ErrorClass::Refused), count));
    let mut failed = vec![];
    for n in 0..count {
        failed.push(node.accept(note(&format!("fails {n}"))).await.generation);
    }
    for id in &failed {
        bench.until_status(*id, Status::Failed).await;
    }
    failed
}

fn node_with_room() -> DeskConfig {
    DeskConfig { max_concurrent: Some(20), ..config() }
}

#[tokio::test]
async fn cancelling_by_filter_stops_what_is_live_and_nothing_else() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let done = node.accept(note("done")).await;
    bench.completed(done.generation).await;
    bench.script.otherwise(Reply::hold("held"));
    let mut live = vec![];
    for n in 0..30 {
        live.push(node.accept(note(&format!("live {n}"))).await.generation);
    }
    bench.pass_until("four run", || async { bench.script.in_flight() == 4 }).await;
    let id = open(&node, all(Action::Cancel)).await;
    let later = node.accept(note("asked for later")).await.generation;
    let bulk = ended(&bench, id).await.bulk;
    assert_eq!((bulk.status, bulk.tally), (BulkStatus::Completed, tally(0, 30, 0, 0)));
    for generation in live {
        assert_eq!(bench.status(generation).await, Status::Cancelled);
    }
    assert_eq!(bench.status(done.generation).await, Status::Completed);
    assert_ne!(bench.status(later).await, Status::Cancelled, "it was not there when that was asked for");
    bench.script.release(1);
    bench.completed(later).await;
    bench.in_order().await;
}

#[tokio::test]
async fn what_cannot_be_done_to_one_is_said_of_that_one() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let done = node.accept(note("done")).await.generation;
    bench.completed(done).await;
    bench.script.otherwise(Reply::hold("held"));
    let live = node.accept(note("live")).await.generation;
    let unknown = GenerationId(uuid::Uuid::from_u128(7));
    let which = Which::Ids(vec![done.0, live.0, unknown.0, live.0]);
    let id = open(&node, wanted(Action::Cancel, which)).await;
    let bulk = ended(&bench, id).await.bulk;
    assert_eq!(bulk.tally, tally(0, 1, 1, 1), "named twice is there once");
    let said = |of: GenerationId, items: &[BulkItemRow]| {
        let item = items.iter().find(|item| item.item == of.0).unwrap();
        (item.outcome, item.note.as_ref().map(|note| note.code.clone()))
    };
    let items = items(&bench, id).await;
    assert_eq!(said(live, &items), (Outcome::Done, None));
    assert_eq!(said(done, &items), (Outcome::Skipped, Some("already_terminal".to_owned())));
    assert_eq!(said(unknown, &items), (Outcome::Failed, Some("not_found".to_owned())));
}

#[tokio::test]
async fn a_retry_killed_in_the_middle_makes_one_further_generation_of_each() {
    for method in [Method::Accept, Method::EndBulkItems, Method::Gather] {
        let bench = Bench::new().await;
        let first = bench.working(node_with_room()).await;
        let failed = failures(&bench, &first, 60).await;
        first.plug.die_after(method);
        let id = open(&first, all(Action::Retry)).await;
        bench.pass_until("it has died", || async { first.plug.is_dead() }).await;
        let _second = bench.working(node_with_room()).await;
        let bulk = ended(&bench, id).await.bulk;
        assert_eq!((bulk.status, bulk.tally), (BulkStatus::Completed, tally(0, 60, 0, 0)), "{method:?}");
        let made: BTreeSet<_> = items(&bench, id).await.iter().map(|item| item.made.unwrap()).collect();
        assert_eq!(made.len(), 60);
        for generation in &made {
            let completed = async || bench.status(*generation).await == Status::Completed;
            bench.pass_until("what it made is completed", completed).await;
        }
        assert_eq!(bench.generations().await.len(), 120, "{method:?}: one further one of each");
        assert_eq!(bench.drafts().await.len(), 60, "into the drafts they had");
        for generation in failed {
            assert_eq!(bench.status(generation).await, Status::Failed, "what has ended never changes");
        }
        bench.in_order().await;
    }
}

#[tokio::test]
async fn what_was_tried_again_since_is_not_tried_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let failed = failures(&bench, &node, 3).await;
    let alone = node.desk.retry(SCOPE, failed[0], Default::default()).await.unwrap();
    bench.completed(alone.generation).await;
    let outlook = node.desk.dry_bulk(all(Action::Retry)).await.unwrap();
    assert_eq!((outlook.total, outlook.superseded), (3, Some(1)));
    let first = open(&node, all(Action::Retry)).await;
    assert_eq!(ended(&bench, first).await.bulk.tally, tally(0, 2, 1, 0));
    for item in items(&bench, first).await.iter().filter_map(|item| item.made) {
        bench.completed(item).await;
    }
    let again = open(&node, all(Action::Retry)).await;
    assert_eq!(ended(&bench, again).await.bulk.tally, tally(0, 0, 3, 0));
    assert!(items(&bench, again).await.iter().all(|item| item.note.as_ref().is_some_and(|it| it.code == "superseded")));
    assert_eq!(bench.generations().await.len(), 6);
    for draft in bench.drafts().await {
        assert_eq!(draft.versions, 1, "no good draft was written again");
    }
}

#[tokio::test]
async fn two_processes_at_the_same_bulk_action_do_each_thing_once() {
    let bench = Bench::new().await;
    let config = || DeskConfig { poll_every: seconds(1), ..node_with_room() };
    let one = bench.working_beside_others(config()).await;
    let _two = bench.working_beside_others(config()).await;
    failures(&bench, &one, 40).await;
    let id = open(&one, all(Action::Retry)).await;
    let bulk = ended(&bench, id).await.bulk;
    assert_eq!(bulk.tally, tally(0, 40, 0, 0));
    assert_eq!(bench.generations().await.len(), 80);
}

#[tokio::test]
async fn a_retry_keeps_the_queue_short() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    failures(&bench, &node, 60).await;
    bench.script.otherwise(Reply::hold("held"));
    let id = open(&node, all(Action::Retry)).await;
    bench.pass_until("four run", || async { bench.script.in_flight() == 4 }).await;
    for _ in 0..5 {
        bench.advance(seconds(1)).await;
        settle().await;
    }
    let done = row(&bench, id).await.bulk.tally.done;
    assert!((16..=24).contains(&done), "a window of sixteen and what runs: {done}");
    bench.script.otherwise(Reply::Echo);
    bench.script.release(60);
    assert_eq!(ended(&bench, id).await.bulk.tally.done, 60);
}

#[tokio::test]
async fn a_retry_waits_while_generation_is_switched_off_and_for_room_in_the_queue() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    failures(&bench, &node, 3).await;
    node.kill();
    let off = bench.working(DeskConfig { generation: false, ..config() }).await;
    let id = open(&off, all(Action::Retry)).await;
    for _ in 0..3 {
        bench.advance(seconds(1)).await;
        settle().await;
    }
    assert_eq!(row(&bench, id).await.bulk.tally, tally(3, 0, 0, 0), "they are neither done nor failed");
    off.kill();
    let _on = bench.working(config()).await;
    assert_eq!(ended(&bench, id).await.bulk.tally, tally(0, 3, 0, 0));
}

#[tokio::test]
async fn each_retry_is_paid_by_its_own_user_and_who_cannot_pay_is_named() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Refused), Reply::Fail(ErrorClass::Refused)]);
    let rich = node.accept(note("rich")).await.generation;
    bench.until_status(rich, Status::Failed).await;
    bench.grant("poor", "5").await;
    let poor = node.accept(copydesk_desk::accept::Request { user: Some("poor".to_owned()), ..note("poor") }).await;
    bench.until_status(poor.generation, Status::Failed).await;
    let spent = node.accept(copydesk_desk::accept::Request { user: Some("poor".to_owned()), ..note("spends") }).await;
    bench.completed(spent.generation).await;
    let id = open(&node, all(Action::Retry)).await;
    assert_eq!(ended(&bench, id).await.bulk.tally, tally(0, 1, 0, 1));
    let failed = items(&bench, id).await.into_iter().find(|item| item.outcome == Outcome::Failed).unwrap();
    assert_eq!((failed.item, failed.note.unwrap().code), (poor.generation.0, "insufficient_credits".to_owned()));
}

#[tokio::test]
async fn drafts_are_reviewed_deleted_and_brought_back_together() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let mut drafts = vec![];
    for n in 0..5 {
        let receipt = node.accept(note(&format!("n {n}"))).await;
        bench.completed(receipt.generation).await;
        drafts.push(receipt.draft);
    }
    let every = || Which::Drafts(DraftFilter::default());
    let id = open(&node, wanted(Action::Approve, every())).await;
    assert_eq!(ended(&bench, id).await.bulk.tally, tally(0, 5, 0, 0));
    assert_eq!(bench.draft(drafts[2]).await.review, Review::Approved);
    let id = open(&node, wanted(Action::Reject, Which::Ids(vec![drafts[2].0]))).await;
    ended(&bench, id).await;
    assert_eq!(bench.draft(drafts[2]).await.review, Review::Rejected);
    bench.script.otherwise(Reply::hold("held"));
    let busy = node.accept(note("busy")).await.draft;
    let gone = open(&node, wanted(Action::Delete, every())).await;
    assert_eq!(ended(&bench, gone).await.bulk.tally, tally(0, 5, 0, 1));
    let note = items(&bench, gone).await.into_iter().find(|item| item.item == busy.0).unwrap().note.unwrap();
    assert_eq!(note.code, "draft_busy");
    assert_eq!(bench.drafts().await.iter().map(|draft| draft.id).collect::<Vec<_>>(), [busy]);
    let back: Vec<_> = items(&bench, gone).await.into_iter().filter(|item| item.outcome == Outcome::Done).collect();
    let id = open(&node, wanted(Action::Undelete, Which::Ids(back.iter().map(|item| item.item).collect()))).await;
    assert_eq!(ended(&bench, id).await.bulk.tally, tally(0, 5, 0, 0));
    assert_eq!(bench.drafts().await.len(), 6);
    let kept = open(&node, wanted(Action::Export, every())).await;
    assert_eq!(ended(&bench, kept).await.bulk.tally, tally(0, 6, 0, 0));
}

#[tokio::test]
async fn a_cancelled_one_acts_on_nothing_more() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    failures(&bench, &node, 60).await;
    bench.script.otherwise(Reply::hold("held"));
    let id = open(&node, all(Action::Retry)).await;
    bench.pass_until("some were retried", || async { row(&bench, id).await.bulk.tally.done > 0 }).await;
    let stopped = node.desk.cancel_bulk(SCOPE, id).await.unwrap().bulk;
    assert_eq!(stopped.status, BulkStatus::Cancelled);
    bench.script.otherwise(Reply::Echo);
    bench.script.release(60);
    let before = bench.generations().await.len();
    for _ in 0..3 {
        bench.advance(seconds(1)).await;
        settle().await;
    }
    assert_eq!(bench.generations().await.len(), before);
    let after = row(&bench, id).await.bulk;
    assert_eq!((after.status, after.tally.total()), (BulkStatus::Cancelled, 60));
    let again = node.desk.cancel_bulk(SCOPE, id).await.unwrap().bulk;
    assert_eq!(again.status, BulkStatus::Cancelled, "twice is once");
}

#[tokio::test]
async fn a_dry_run_counts_and_prices_and_writes_nothing() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let failed = failures(&bench, &node, 12).await;
    let outlook = node.desk.dry_bulk(all(Action::Retry)).await.unwrap();
    assert_eq!((outlook.total, outlook.more), (12, false));
    assert_eq!(outlook.first, failed[..10].iter().map(|id| id.0).collect::<Vec<_>>());
    assert!(outlook.most.is_some_and(|most| most.0 > 0), "{outlook:?}");
    let none = node.desk.dry_bulk(all(Action::Cancel)).await.unwrap();
    assert_eq!((none.total, none.most), (0, None));
    let page = PageRequest::newest(10);
    assert_eq!(bench.store.inner().bulks(SCOPE, Default::default(), page).await.unwrap().rows, vec![]);
    assert_eq!(bench.generations().await.len(), 12);
}

/// A voice that was stored meanwhile goes along, and costs.
#[tokio::test]
async fn a_retry_is_priced_with_what_is_filled_in() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    let letter = json!({"topic": "tea", "topics": 1});
    let asked = Request { user: Some("ada".to_owned()), ..Request::new("letter", letter) };
    let failed = node.accept(asked).await.generation;
    bench.until_status(failed, Status::Failed).await;
    let most = async || node.desk.dry_bulk(all(Action::Retry)).await.unwrap().most.unwrap();
    let plain = most().await;
    let fields =
        json!({"voice_samples": ["I never write a sentence that my grandmother would not finish. ".repeat(20)]});
    let fields = fields.as_object().cloned().unwrap();
    let profile = NewProfile { recipe: "letter".to_owned(), user: Some("ada".to_owned()), fields, revision: None };
    node.desk.put_profile(SCOPE, profile).await.unwrap();
    assert!(most().await > plain, "{plain:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_place() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let completed = GenerationFilter { status: Some(Status::Completed), ..GenerationFilter::default() };
    let wrong = [
        (wanted(Action::Cancel, Which::Generations(completed)), "/filter/status"),
        (Wanted { kind: Kind::Drafts, ..all(Action::Cancel) }, "/of"),
        (Wanted { model: Some("demo/writer".to_owned()), ..all(Action::Cancel) }, "/model"),
    ];
    for (asked, place) in wrong {
        let Err(DeskError::Invalid(faults)) = node.desk.open_bulk(asked).await else { panic!("{place} is wrong") };
        assert_eq!(faults[0].pointer, place);
    }
    let unknown = Wanted { model: Some("nobody/nothing".to_owned()), ..all(Action::Retry) };
    assert!(matches!(node.desk.open_bulk(unknown).await, Err(DeskError::UnknownModel { .. })));
}

#[tokio::test]
async fn a_key_asks_for_its_own_users_things_and_allowed_recipes_only() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let failed = failures(&bench, &node, 2).await;
    bench.grant("ben", "100").await;
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    let ben = node.accept(copydesk_desk::accept::Request { user: Some("ben".to_owned()), ..note("bens") }).await;
    bench.until_status(ben.generation, Status::Failed).await;
    let scope = SCOPE.of_user(user("ben"));
    let permit = Arc::new(Permit { user: Some("ben".to_owned()), ..Permit::owner() });
    let bens = || Wanted { scope, permit: permit.clone(), ..all(Action::Retry) };
    let id = open(&node, bens()).await;
    assert_eq!(ended(&bench, id).await.bulk.tally, tally(0, 1, 0, 0), "by filter it finds its own");
    let id = open(&node, Wanted { which: Which::Ids(failed.iter().map(|id| id.0).collect()), ..bens() }).await;
    ended(&bench, id).await;
    let codes: Vec<_> = items(&bench, id).await.into_iter().map(|item| item.note.unwrap().code).collect();
    assert_eq!(codes, ["not_found", "not_found"], "what is another's is nobody's");
    let narrow = Arc::new(Permit { recipes: Allowed::only(["other"]), ..Permit::owner() });
    let which = Which::Ids(failed.iter().map(|id| id.0).collect());
    let id = open(&node, Wanted { permit: narrow, which, ..all(Action::Retry) }).await;
    ended(&bench, id).await;
    assert!(items(&bench, id).await.iter().all(|item| item.note.as_ref().is_some_and(|it| it.code == "not_allowed")));
    assert_eq!(bench.generations().await.len(), 4, "one retry was made");
}

#[tokio::test]
async fn the_same_request_twice_opens_one() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let key = Idempotency {
        owner: "key_1".to_owned(),
        route: "POST /bulk".to_owned(),
        key: "once".to_owned(),
        fingerprint: [1; 32],
        expires_at: START.plus(seconds(86_400)),
    };
    let asked = || Wanted { idempotency: Some(key.clone()), ..all(Action::Cancel) };
    let first = open(&node, asked()).await;
    let again = node.desk.open_bulk(asked()).await.unwrap();
    assert!(matches!(again, Opened::Replayed(row) if row.facts.id == first));
}
