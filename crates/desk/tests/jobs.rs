//! Jobs: every item one draft whatever dies meanwhile, and the counts add up at every look.

use crate::harness::*;
use copydesk_core::access::Permit;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::job::{Command, ItemStatus, JobStatus};
use copydesk_core::{JobId, NanoUsd};
use copydesk_desk::jobs::source::{Columns, Source};
use copydesk_desk::jobs::{Defaults, OnInvalid};
use copydesk_desk::{DeskConfig, DeskError};
use copydesk_providers::ErrorClass;
use copydesk_store::jobs::{ItemFilter, ItemRow, JobFilter, JobRow, Sealed};
use copydesk_store::{ItemStore, JobStore, Order, PageRequest};
use copydesk_store_tests::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn asked() -> Defaults {
    Defaults { user: Some("ada".to_owned()), ..Defaults::new("note") }
}

fn prompts(n: usize) -> Source {
    Source::List(
        (1..=n).map(|n| json!({ "custom_id": format!("c{n}"), "input": { "prompt": format!("tea {n}") } })).collect(),
    )
}

fn table(text: &str) -> Source {
    Source::Table { reader: Box::new(std::io::Cursor::new(text.to_owned())), columns: Columns::default() }
}

/// Twenty may run at once, so the window is forty.
fn wide() -> DeskConfig {
    DeskConfig { max_concurrent: Some(20), ..config() }
}

async fn start(node: &Node, items: usize) -> JobId {
    node.desk.create_job(asked(), prompts(items)).await.unwrap().row().facts.id
}

async fn row(bench: &Bench, id: JobId) -> JobRow {
    let row = bench.store.inner().job(SCOPE, id).await.unwrap();
    let mut counted = copydesk_core::job::Counts::default();
    for item in items(bench, id).await {
        *counted.slot(item.status) += 1;
    }
    assert_eq!(row.job.counts, counted, "the counts are those of the items");
    row
}

async fn items(bench: &Bench, id: JobId) -> Vec<ItemRow> {
    let page = PageRequest { limit: 1_000, after: None, order: Order::OldestFirst };
    bench.store.inner().items(SCOPE, id, ItemFilter::default(), page).await.unwrap().rows
}

async fn standing(bench: &Bench, id: JobId) -> (JobStatus, [u64; 6]) {
    let job = row(bench, id).await.job;
    (job.status, ItemStatus::ALL.map(|status| job.counts.of(status)))
}

async fn ended(bench: &Bench, id: JobId) -> JobRow {
    bench.pass_until("the job has ended", || async { row(bench, id).await.job.status.ended().is_some() }).await;
    row(bench, id).await
}

/// Every completed item has a draft of its own with one version, and there are no other drafts.
async fn one_draft_each(bench: &Bench, id: JobId) {
    let drafts: Vec<_> = items(bench, id).await.iter().filter_map(|item| item.draft).collect();
    let once: BTreeSet<_> = drafts.iter().copied().collect();
    assert_eq!(once.len(), drafts.len(), "two items share a draft");
    let all: BTreeSet<_> = bench.drafts().await.iter().map(|draft| draft.id).collect();
    assert_eq!(all, once, "there is a draft that is no item's");
    for item in items(bench, id).await.iter().filter(|item| item.status == ItemStatus::Completed) {
        assert_eq!(bench.versions(item.draft.unwrap()).await.len(), 1);
    }
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s1_one_items_failure_does_not_stop_the_rest() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Echo, Reply::Fail(ErrorClass::Refused), Reply::Echo]);
    let node = bench.working(wide()).await;
    let id = start(&node, 100).await;
    let job = ended(&bench, id).await.job;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 99, 1, 0, 0]));
    assert_eq!(job.note.unwrap().message, "1 of 100 items failed.");
    one_draft_each(&bench, id).await;
    assert_eq!(bench.left("ada").await, credits("505"), "the failed one was not charged");
}

#[tokio::test]
async fn seed_s1_a_second_start_returns_the_running_job() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let first = start(&node, 5).await;
    let second = node.desk.create_job(asked(), prompts(5)).await.unwrap();
    assert_eq!((second.row().facts.id, second.deduplicated()), (first, true));
    let other = node.desk.create_job(asked(), prompts(6)).await.unwrap();
    assert!(matches!(other, Sealed::New(_)), "other items are another job");
    node.desk.start_working().await.unwrap();
    ended(&bench, first).await;
    let third = node.desk.create_job(asked(), prompts(5)).await.unwrap();
    assert!(matches!(third, Sealed::New(_)), "the first one is over");
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_every_item_to_be_made_once() {
    let deaths = [Method::Accept, Method::Turn, Method::Items, Method::JobsAtWork, Method::SealJob, Method::StageItems];
    for method in deaths {
        for late in [0, 3] {
            let bench = Bench::new().await;
            let first = bench.working(DeskConfig { max_concurrent: Some(2), ..config() }).await;
            if matches!(method, Method::SealJob | Method::StageItems) {
                first.plug.die_after(method);
            }
            let making = tokio::spawn({
                let desk = first.desk.clone();
                async move { desk.create_job(asked(), prompts(40)).await }
            });
            if !matches!(method, Method::SealJob | Method::StageItems) {
                until("the job is there", || async {
                    let jobs = bench.store.inner().jobs(SCOPE, JobFilter::default(), PageRequest::newest(1)).await;
                    !jobs.unwrap().rows.is_empty()
                })
                .await;
                until("some were made", || async { bench.script.calls() >= late }).await;
                first.plug.die_after(method);
            }
            until("it has died", || async { first.plug.is_dead() }).await;
            making.abort();
            let next = bench.working(wide()).await;
            let jobs =
                bench.store.inner().jobs(SCOPE, JobFilter::default(), PageRequest::newest(10)).await.unwrap().rows;
            if method == Method::StageItems {
                assert_eq!(jobs, vec![], "what was not sealed is nothing");
                continue;
            }
            let id = jobs[0].facts.id;
            ended(&bench, id).await;
            assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 40, 0, 0, 0]), "{method:?} {late}");
            one_draft_each(&bench, id).await;
            drop(next);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for_and_nothing_is_made_twice() {
    for method in [Method::Accept, Method::CloseItems, Method::Items, Method::Turn] {
        let bench = Bench::new().await;
        let node = bench.idle(wide()).await;
        let id = start(&node, 60).await;
        bench.store.lose_next_commit(method, 2);
        node.desk.start_working().await.unwrap();
        ended(&bench, id).await;
        assert_eq!(standing(&bench, id).await.1, [0, 0, 60, 0, 0, 0], "{method:?}");
        one_draft_each(&bench, id).await;
    }
}

#[tokio::test]
async fn two_nodes_feed_one_job_and_make_every_item_once() {
    let bench = Bench::new().await;
    let one = bench.working_beside_others(wide()).await;
    let two = bench.working_beside_others(wide()).await;
    let id = start(&one, 150).await;
    // Both look at the same moment, again and again.
    for _ in 0..50 {
        let (a, b) = tokio::join!(one.desk.feed_jobs(), two.desk.feed_jobs());
        a.unwrap();
        b.unwrap();
    }
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 150, 0, 0, 0]));
    assert_eq!(bench.script.calls(), 150, "nobody was asked twice");
    one_draft_each(&bench, id).await;
}

#[tokio::test]
async fn a_pause_lets_what_has_begun_run_and_nothing_else() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::hold("x"));
    let node = bench.working(DeskConfig { max_concurrent: Some(4), ..config() }).await;
    let id = start(&node, 100).await;
    until("the window is full", || async { standing(&bench, id).await.1[1] == 16 }).await;
    until("four run", || async { bench.script.in_flight() == 4 }).await;
    assert_eq!(node.desk.pause_job(SCOPE, id).await.unwrap().job.status, JobStatus::Paused);
    bench.script.release(4);
    bench.pass_until("what ran has ended", || async { standing(&bench, id).await.1[2] == 4 }).await;
    bench.advance(seconds(60)).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Paused, [84, 12, 4, 0, 0, 0]));
    assert_eq!((bench.script.calls(), bench.script.in_flight()), (4, 0), "the window is held, not run");
    let held = items(&bench, id).await.into_iter().find(|item| item.status == ItemStatus::Processing).unwrap();
    let why = node.desk.why(SCOPE, held.generation.unwrap()).await.unwrap();
    assert_eq!(why, Waiting::JobPaused { job: id });
    bench.script.release(100);
    node.desk.order_job(SCOPE, id, None, Command::Resume).await.unwrap();
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 100, 0, 0, 0]));
    one_draft_each(&bench, id).await;
}

#[tokio::test]
async fn a_paused_job_is_held_over_a_crash_and_is_cancelled_with_what_is_held() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Hang);
    let first = bench.working(DeskConfig { max_concurrent: Some(2), ..config() }).await;
    let id = start(&first, 30).await;
    until("two run", || async { bench.script.in_flight() == 2 }).await;
    until("the window is full", || async { standing(&bench, id).await.1[1] == 16 }).await;
    first.desk.pause_job(SCOPE, id).await.unwrap();
    first.kill();
    bench.script.otherwise(Reply::Echo);
    let node = bench.working(config()).await;
    bench.pass_until("what had begun is done", || async { standing(&bench, id).await.1[2] == 2 }).await;
    bench.advance(seconds(30)).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Paused, [14, 14, 2, 0, 0, 0]), "the rest is still held");
    node.desk.order_job(SCOPE, id, None, Command::Cancel).await.unwrap();
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Cancelled, [0, 0, 2, 0, 0, 28]));
    assert_eq!(bench.left("ada").await, credits("990"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_ends_what_is_not_done_and_gives_every_hold_back() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Echo, Reply::Echo]);
    bench.script.otherwise(Reply::Hang);
    let node = bench.working(DeskConfig { max_concurrent: Some(4), ..config() }).await;
    let id = start(&node, 50).await;
    until("two are done and four run", || async {
        (standing(&bench, id).await.1[2], bench.script.in_flight()) == (2, 4)
    })
    .await;
    node.desk.order_job(SCOPE, id, None, Command::Cancel).await.unwrap();
    let job = ended(&bench, id).await.job;
    assert_eq!(standing(&bench, id).await, (JobStatus::Cancelled, [0, 0, 2, 0, 0, 48]));
    assert!(!job.stopping && job.finished_at.is_some());
    assert_eq!(bench.left("ada").await, credits("990"), "two were paid for");
    bench.in_order().await;
}

#[tokio::test]
async fn failed_items_are_tried_again_in_their_own_drafts_with_another_model() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Fail(ErrorClass::Refused));
    bench.other.otherwise(Reply::Echo);
    let node = bench.working(wide()).await;
    let id = start(&node, 30).await;
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Failed, [0, 0, 0, 30, 0, 0]));
    let drafts: Vec<_> = items(&bench, id).await.iter().map(|item| item.draft).collect();
    let model = Some("other/one".to_owned());
    let (_, count) = node.desk.retry_failed(SCOPE, id, false, model).await.unwrap();
    assert_eq!(count, 30);
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 30, 0, 0, 0]));
    assert_eq!(items(&bench, id).await.iter().map(|item| item.draft).collect::<Vec<_>>(), drafts);
    assert_eq!((bench.script.calls(), bench.other.calls()), (30, 30));
    let unknown = node.desk.retry_failed(SCOPE, id, false, Some("nobody/none".to_owned())).await;
    assert!(matches!(unknown, Err(DeskError::UnknownModel { .. })), "{unknown:?}");
    one_draft_each(&bench, id).await;
}

#[tokio::test]
async fn one_item_that_is_tried_again_by_hand_ends_the_job_again() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    let node = bench.working(wide()).await;
    let id = start(&node, 1).await;
    ended(&bench, id).await;
    let generation = items(&bench, id).await[0].generation.unwrap();
    let again = node.desk.retry(SCOPE, generation, Default::default()).await.unwrap();
    bench.completed(again.generation).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 1, 0, 0, 0]));
    one_draft_each(&bench, id).await;
}

#[tokio::test]
async fn a_job_without_credits_pauses_instead_of_failing_every_item() {
    let bench = Bench::new().await;
    let node = bench.working(wide()).await;
    // A note costs 5 and Ada has 1,000.
    let id = start(&node, 250).await;
    bench.pass_until("it is paused", || async { row(&bench, id).await.job.status == JobStatus::Paused }).await;
    bench.pass_until("the rest has run", || async { standing(&bench, id).await.1[1] == 0 }).await;
    assert_eq!(standing(&bench, id).await.1, [50, 0, 200, 0, 0, 0]);
    let note = row(&bench, id).await.job.note.unwrap();
    assert_eq!(note.code, "insufficient_credits");
    bench.grant("ada", "250").await;
    node.desk.order_job(SCOPE, id, None, Command::Resume).await.unwrap();
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await.1, [0, 0, 250, 0, 0, 0]);
    assert_eq!(bench.left("ada").await, credits("0"));
}

#[tokio::test]
async fn a_job_never_spends_more_than_its_cap_and_goes_on_when_that_is_raised() {
    let bench = Bench::new().await;
    let node = bench.idle(DeskConfig { credits: false, ..wide() }).await;
    let outlook = node.desk.dry_job(asked(), prompts(100)).await.unwrap();
    let most = outlook.intake.most.unwrap();
    // Room for what one may use, and for what three have used.
    let cap = NanoUsd(most.0 / 100 + 500_000);
    let id = {
        let asked = Defaults { cost_max: Some(cap), ..asked() };
        node.desk.create_job(asked, prompts(100)).await.unwrap().row().facts.id
    };
    node.desk.start_working().await.unwrap();
    bench.pass_until("it is paused", || async { row(&bench, id).await.job.status == JobStatus::Paused }).await;
    let job = row(&bench, id).await.job;
    assert_eq!(job.note.as_ref().unwrap().code, "job_cap_reached");
    assert!(job.spent <= cap && job.spent.0 > 0 && job.counts.completed > 0, "{job:?}");
    assert_eq!(job.counts.processing, 0, "it pauses when nothing can turn out cheaper any more");
    let refused = node.desk.order_job(SCOPE, id, None, Command::Resume).await.unwrap_err();
    assert!(matches!(&refused, DeskError::Refused(refusal) if refusal.code() == "job_cap_reached"), "{refused}");
    node.desk.order_job(SCOPE, id, None, Command::Cap(None)).await.unwrap();
    node.desk.order_job(SCOPE, id, None, Command::Resume).await.unwrap();
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await.1, [0, 0, 100, 0, 0, 0]);
}

#[tokio::test]
async fn every_bad_row_is_named_and_nothing_is_made() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let text = "custom_id,prompt,priority\na,tea,0\na,milk,0\nb,,0\nc,rum,1000\n";
    let refused = node.desk.create_job(asked(), table(text)).await.unwrap_err();
    let DeskError::Invalid(faults) = &refused else { panic!("{refused:?}") };
    let named: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect();
    assert_eq!(
        named,
        [
            ("/lines/3/custom_id", "duplicate_custom_id"),
            ("/lines/4/input/prompt", "required"),
            ("/lines/5/priority", "out_of_range")
        ]
    );
    let jobs = || bench.store.inner().jobs(SCOPE, JobFilter::default(), PageRequest::newest(10));
    assert_eq!(jobs().await.unwrap().rows, vec![]);
    let skipping = Defaults { on_invalid: OnInvalid::Skip, start: false, ..asked() };
    let id = node.desk.create_job(skipping, table(text)).await.unwrap().row().facts.id;
    assert_eq!(standing(&bench, id).await, (JobStatus::Pending, [1, 0, 0, 0, 3, 0]));
    let why = items(&bench, id).await[2].note.clone().unwrap();
    assert!(why.message.starts_with("Line 4: /input/prompt: "), "{why:?}");
}

#[tokio::test]
async fn a_file_of_many_bad_rows_says_how_many_more_there_are() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let text = format!("custom_id,prompt\n{}", (0..2_500).map(|n| format!("{n},\n")).collect::<String>());
    let outlook = node.desk.dry_job(asked(), table(&text)).await.unwrap().intake;
    assert_eq!((outlook.total, outlook.invalid, outlook.faults.len()), (2_500, 2_500, 100));
    let refused = node.desk.create_job(asked(), table(&text)).await.unwrap_err();
    let DeskError::Invalid(faults) = &refused else { panic!("{refused:?}") };
    assert_eq!(
        (faults.len(), faults[100].detail.as_str()),
        (101, "2400 more items are not valid; the first 100 faults are named")
    );
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_made_and_writes_nothing() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let outlook = node.desk.dry_job(asked(), table("prompt\ntea\nmilk\ntea\n")).await.unwrap();
    assert_eq!((outlook.intake.total, outlook.intake.skipped, outlook.intake.invalid), (3, 1, 0));
    assert!(outlook.intake.most.is_some_and(|most| most.0 > 0));
    let jobs = bench.store.inner().jobs(SCOPE, JobFilter::default(), PageRequest::newest(10)).await.unwrap().rows;
    assert_eq!((jobs, bench.drafts().await.len()), (vec![], 0));
}

#[tokio::test]
async fn what_asks_for_the_same_is_skipped_with_the_reason() {
    let bench = Bench::new().await;
    let node = bench.working(wide()).await;
    let first = node.desk.create_job(asked(), table("prompt,external_id\ntea,p-1\ntea,p-9\n")).await.unwrap();
    let id = first.row().facts.id;
    ended(&bench, id).await;
    let rows = items(&bench, id).await;
    assert_eq!((rows[0].status, rows[1].status), (ItemStatus::Completed, ItemStatus::Skipped));
    assert_eq!(rows[1].note.as_ref().unwrap().message, "It asks for the same as item 1 of this job.");
    let skipping = Defaults { skip_existing: true, ..asked() };
    let second = node.desk.create_job(skipping, table("prompt,external_id\nmilk,p-1\nrum,p-2\n")).await.unwrap();
    let id = second.row().facts.id;
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 1, 0, 1, 0]));
    assert_eq!(items(&bench, id).await[0].note.as_ref().unwrap().code, "draft_exists");
}

#[tokio::test]
async fn a_key_of_one_user_makes_and_sees_that_users_jobs_only() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let adas = start(&node, 2).await;
    let permit = Arc::new(Permit { user: Some("bob".to_owned()), ..Permit::owner() });
    let bobs = Defaults { permit, user: None, ..asked() };
    let refused = node.desk.create_job(Defaults { user: Some("ada".to_owned()), ..bobs.clone() }, prompts(2)).await;
    assert!(matches!(refused, Err(DeskError::Invalid(_))), "{refused:?}");
    let foreign = Source::List(vec![json!({ "input": { "prompt": "tea" }, "user": "ada" })]);
    let refused = node.desk.create_job(bobs.clone(), foreign).await.unwrap_err();
    let DeskError::Invalid(faults) = &refused else { panic!("{refused:?}") };
    assert_eq!((faults[0].pointer.as_str(), faults[0].code.as_str()), ("/items/0/user", "not_allowed"));
    let made = node.desk.create_job(bobs, prompts(2)).await.unwrap();
    assert!(matches!(made, Sealed::New(_)), "another user's same items are another job");
    let own = SCOPE.of_user(user("bob"));
    let seen = node.desk.store().jobs(own, JobFilter::default(), PageRequest::newest(10)).await.unwrap().rows;
    assert_eq!(seen.iter().map(|row| row.facts.id).collect::<Vec<_>>(), [made.row().facts.id]);
    for answer in [
        node.desk.store().job(own, adas).await.map(drop),
        node.desk.store().items(own, adas, ItemFilter::default(), PageRequest::newest(1)).await.map(drop),
    ] {
        assert!(answer.unwrap_err().to_string().contains("does not exist"));
    }
    let refused = node.desk.order_job(own, adas, None, Command::Cancel).await;
    assert!(matches!(refused, Err(DeskError::NotFound { .. })), "{refused:?}");
    let retried = node.desk.retry_failed(own, adas, true, None).await;
    assert!(matches!(retried, Err(DeskError::NotFound { .. })), "{retried:?}");
}

#[tokio::test]
async fn what_a_key_of_one_user_calls_its_work_meets_nobody_elses() {
    let bench = Bench::new().await;
    let node = bench.working(DeskConfig { max_concurrent: Some(1), ..config() }).await;
    bench.script.otherwise(Reply::hold("tea"));
    let job = |name: &str, external: &str| {
        let permit = Arc::new(Permit { user: Some(name.to_owned()), ..Permit::owner() });
        let defaults =
            Defaults { scope: SCOPE.of_user(user(name)), permit, user: None, skip_existing: true, ..asked() };
        let item = json!({ "input": { "prompt": name }, "dedupe_key": "mine", "external_id": external });
        (defaults, Source::List(vec![item]))
    };
    let mut jobs = Vec::new();
    for name in ["ada", "bob"] {
        let (defaults, items) = job(name, name);
        jobs.push(node.desk.create_job(defaults, items).await.unwrap().row().facts.id);
    }
    until("both are in the queue", || async {
        standing(&bench, jobs[0]).await.1[1] + standing(&bench, jobs[1]).await.1[1] == 2
    })
    .await;
    assert!(items(&bench, jobs[1]).await[0].note.is_none(), "the same name of another user is another thing");
}

#[tokio::test]
async fn the_user_of_a_job_is_the_user_of_its_items() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let foreign = Source::List(vec![json!({ "input": { "prompt": "tea" }, "user": "bob" })]);
    let refused = node.desk.create_job(asked(), foreign).await.unwrap_err();
    let DeskError::Invalid(faults) = &refused else { panic!("{refused:?}") };
    assert_eq!((faults[0].pointer.as_str(), faults[0].code.as_str()), ("/items/0/user", "not_allowed"));
    let theirs = Source::List(vec![json!({ "input": { "prompt": "tea" }, "user": "bob" })]);
    node.desk
        .create_job(Defaults { user: None, ..asked() }, theirs)
        .await
        .expect("a job of nobody's has items of anybody");
}

#[tokio::test]
async fn a_quote_that_is_never_closed_is_said_and_not_read_into_memory() {
    let bench = Bench::new().await;
    let node = bench.idle(wide()).await;
    let text = format!("prompt\ntea\n\"{}", "x,\n".repeat(2 * 1024 * 1024));
    let refused = node.desk.create_job(asked(), table(&text)).await.unwrap_err();
    assert!(refused.to_string().contains("never closed"), "{refused}");
}

#[tokio::test]
async fn an_item_that_waits_to_be_tried_again_is_not_made_twice_by_hand() {
    let bench = Bench::new().await;
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    let node = bench.working(wide()).await;
    let id = start(&node, 1).await;
    ended(&bench, id).await;
    let generation = items(&bench, id).await[0].generation.unwrap();
    node.desk.retry_failed(SCOPE, id, false, None).await.unwrap();
    let again = node.desk.retry(SCOPE, generation, Default::default()).await.unwrap();
    bench.completed(again.generation).await;
    ended(&bench, id).await;
    assert_eq!(standing(&bench, id).await, (JobStatus::Completed, [0, 0, 1, 0, 0, 0]));
    assert_eq!(bench.script.calls(), 2, "once for each try");
    one_draft_each(&bench, id).await;
}

#[tokio::test]
async fn what_was_staged_and_never_sealed_goes_in_an_hour() {
    let bench = Bench::new().await;
    let node = bench.working(wide()).await;
    let stale = JobId(bench.world.uuid(START));
    let item = |seq| copydesk_store::jobs::NewItem {
        seq,
        custom_id: seq.to_string(),
        skipped: None,
        request: Value::Null.to_string(),
    };
    bench.store.inner().stage_items(SCOPE, stale, (1..=3).map(item).collect()).await.unwrap();
    bench.advance(seconds(3_599)).await;
    let count = || async {
        let left = bench.store.inner().drop_staged(copydesk_store::jobs::Staged::Of(JobId(uuid::Uuid::nil())), 1);
        left.await.unwrap()
    };
    assert_eq!(count().await, 0);
    bench.advance(seconds(3_700)).await;
    let left = bench.store.inner().drop_staged(copydesk_store::jobs::Staged::Of(stale), 10).await.unwrap();
    assert_eq!(left, 0, "they are gone already");
    drop(node);
}
