//! Jobs: staged and sealed or nothing, fed and ended item by item, counts that add up at every moment, orders.

use crate::bench::{Bench, all};
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::job::{Command, Counts, ItemStatus, JobStatus, Note};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, JobId, NanoUsd};
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::{Accept, Accepted, GenerationFilter, Idempotency, Slot};
use copydesk_store::jobs::{
    CloseItems, ForItem, ItemEnd, ItemFilter, ItemRef, ItemRow, JobFilter, JobOrder, JobRow, NewJob, ReopenItems,
    Reopened, Sealed, Staged,
};
use copydesk_store::{Order, PageRequest, Scope, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// A job with so many items, running.
async fn job(t: &Bench, items: u32) -> JobId {
    make(t, builder::new_job(&t.ids, items, t.now())).await.row().facts.id
}

async fn make(t: &Bench, new: NewJob) -> Sealed {
    stage(t, &new).await;
    t.store.seal_job(new).await.expect("seal_job")
}

async fn stage(t: &Bench, new: &NewJob) {
    let items = builder::items(u32::try_from(new.total).unwrap_or(u32::MAX));
    for piece in items.chunks(2) {
        t.store.stage_items(new.facts.scope, new.facts.id, piece.to_vec()).await.expect("stage_items");
    }
}

async fn row(t: &Bench, id: JobId) -> JobRow {
    t.store.job(Scope::DEFAULT, id).await.expect("job")
}

/// Status, and the six counts in their order.
async fn standing(t: &Bench, id: JobId) -> (JobStatus, [u64; 6]) {
    let job = row(t, id).await.job;
    (job.status, ItemStatus::ALL.map(|status| job.counts.of(status)))
}

async fn items(t: &Bench, id: JobId, status: Option<ItemStatus>) -> Vec<ItemRow> {
    all(|page| t.store.items(Scope::DEFAULT, id, ItemFilter { status }, page)).await
}

fn feed(t: &Bench, job: JobId, seq: u32) -> Accept {
    t.request().change(|it| it.job = Some(ForItem::Feeds(ItemRef { job, seq })))
}

async fn fed(t: &Bench, job: JobId, seq: u32) -> GenerationId {
    t.start(feed(t, job, seq)).await.0
}

async fn order(t: &Bench, job: JobId, command: Command) -> Result<JobRow, StoreError> {
    t.store.order_job(JobOrder { scope: Scope::DEFAULT, job, at: t.now(), revision: None, command }).await
}

fn close(t: &Bench, job: JobId, ends: &[(u32, ItemStatus)]) -> CloseItems {
    let end = |(seq, status): &(u32, ItemStatus)| ItemEnd {
        seq: *seq,
        status: *status,
        note: Some(Note::new("because", "So.")),
        instead: None,
    };
    CloseItems { scope: Scope::DEFAULT, job, at: t.now(), ends: ends.iter().map(end).collect() }
}

fn reopen(t: &Bench, job: JobId) -> ReopenItems {
    ReopenItems { scope: Scope::DEFAULT, job, at: t.now(), cancelled: false, model: None, after: 0, limit: 100 }
}

async fn told(t: &Bench) -> Vec<String> {
    let events = t.events(Scope::DEFAULT).await;
    events.into_iter().map(|event| event.kind).filter(|kind| kind.starts_with("job.")).collect()
}

fn gone<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{answer:?}");
}

pub async fn what_is_staged_is_nothing_until_it_is_sealed(t: Arc<Bench>) {
    let new = builder::new_job(&t.ids, 5, t.now());
    let id = new.facts.id;
    stage(&t, &new).await;
    gone(t.store.job(Scope::DEFAULT, id).await);
    gone(t.store.items(Scope::DEFAULT, id, ItemFilter::default(), PageRequest::newest(10)).await);
    assert_eq!(t.store.jobs_at_work(None, 10).await.expect("jobs_at_work"), vec![]);
    let answer = t.accept(feed(&t, id, 1)).await;
    assert_eq!(answer, Err(Refusal::NotClaimable { status: Status::Cancelled }));
    assert_eq!(told(&t).await, Vec::<String>::new());

    let Sealed::New(sealed) = t.store.seal_job(new.clone()).await.expect("seal_job") else { panic!("it is new") };
    assert_eq!((&sealed.facts, sealed.job.counts), (&new.facts, Counts { pending: 5, ..Counts::default() }));
    assert_eq!(row(&t, id).await, sealed);
    assert_eq!(t.store.jobs_at_work(None, 10).await.expect("jobs_at_work"), vec![sealed]);
    let rows = items(&t, id, None).await;
    assert_eq!(rows.iter().map(|item| item.custom_id.as_str()).collect::<Vec<_>>(), ["i1", "i2", "i3", "i4", "i5"]);
    assert_eq!(rows[2].request, r#"{"n":3}"#);
    assert_eq!(told(&t).await, ["job.progress"]);
    gone(t.store.seal_job(new).await);
}

pub async fn fewer_items_than_said_make_no_job(t: Arc<Bench>) {
    let new = builder::new_job(&t.ids, 3, t.now());
    stage(&t, &new).await;
    gone(t.store.seal_job(NewJob { total: 4, ..new.clone() }).await);
    gone(t.store.job(Scope::DEFAULT, new.facts.id).await);
    let mut foreign = new.clone();
    foreign.facts.scope = OTHER;
    gone(t.store.seal_job(foreign).await);
    assert!(matches!(t.store.seal_job(new).await, Ok(Sealed::New(_))), "nothing was lost by that");
}

pub async fn what_is_never_sealed_is_dropped_in_pieces_and_what_is_stays(t: Arc<Bench>) {
    let kept = job(&t, 3).await;
    let stale = builder::new_job(&t.ids, 5, t.now());
    stage(&t, &stale).await;
    let later = builder::new_job(&t.ids, 2, t.now());
    stage(&t, &later).await;
    let before = Staged::Before(later.facts.id);
    let drop = |which, limit| t.store.drop_staged(which, limit);
    assert_eq!(drop(before, 2).await.expect("drop_staged"), 2);
    assert_eq!(drop(before, 2).await.expect("drop_staged"), 2);
    gone(t.store.seal_job(stale.clone()).await);
    assert_eq!(drop(before, 2).await.expect("drop_staged"), 1);
    assert_eq!(drop(before, 2).await.expect("drop_staged"), 0);
    assert_eq!(drop(Staged::Of(kept), 100).await.expect("drop_staged"), 0, "a sealed job is not staged");
    assert_eq!(items(&t, kept, None).await.len(), 3);
    assert!(matches!(t.store.seal_job(later).await, Ok(Sealed::New(_))));
}

fn key(name: &str, body: u8) -> Option<Idempotency> {
    let (owner, route) = ("key_1".to_owned(), "POST /jobs".to_owned());
    let expires_at = builder::START.plus(Duration::from_secs(86_400));
    Some(Idempotency { owner, route, key: name.to_owned(), fingerprint: [body; 32], expires_at })
}

pub async fn one_idempotency_key_makes_one_job(t: Arc<Bench>) {
    let first = NewJob { idempotency: key("k", 1), ..builder::new_job(&t.ids, 2, t.now()) };
    let id = make(&t, first).await.row().facts.id;
    let again = NewJob { idempotency: key("k", 1), ..builder::new_job(&t.ids, 2, t.now()) };
    let Sealed::Replayed { row, deduplicated } = make(&t, again.clone()).await else { panic!("a repeat") };
    assert_eq!((row.facts.id, deduplicated), (id, false));
    let look = |body| t.store.replay_job(Scope::DEFAULT, key("k", body).expect("a key"));
    assert_eq!(look(1).await.expect("replay_job").map(|sealed| sealed.row().facts.id), Some(id));
    assert_eq!(look(2).await, Err(Refusal::IdempotencyKeyReused.into()));
    let other = NewJob { idempotency: key("k", 2), ..builder::new_job(&t.ids, 2, t.now()) };
    stage(&t, &other).await;
    assert_eq!(t.store.seal_job(other).await, Err(Refusal::IdempotencyKeyReused.into()));
    assert_eq!(t.store.drop_staged(Staged::Of(again.facts.id), 9).await.expect("drop_staged"), 2, "it stays staged");
    assert_eq!(all(|page| t.store.jobs(Scope::DEFAULT, JobFilter::default(), page)).await.len(), 1);
}

pub async fn a_dedupe_key_makes_one_job_until_that_has_ended(t: Arc<Bench>) {
    let new = || {
        let mut new = builder::new_job(&t.ids, 1, t.now());
        new.facts.dedupe_key = Some("campaign".to_owned());
        new
    };
    let first = make(&t, new()).await.row().facts.id;
    let second = make(&t, NewJob { idempotency: key("k", 1), ..new() }).await;
    assert_eq!((second.row().facts.id, second.deduplicated()), (first, true));
    let mut foreign = new();
    foreign.facts.scope = OTHER;
    assert!(matches!(make(&t, foreign).await, Sealed::New(_)), "keys belong to their workspace");
    fed(&t, first, 1).await;
    t.settle(&t.claim_one().await).await;
    let third = make(&t, new()).await;
    assert!(matches!(third, Sealed::New(_)), "{third:?}");
    let repeat = make(&t, NewJob { idempotency: key("k", 1), ..new() }).await;
    assert_eq!((repeat.row().facts.id, repeat.deduplicated()), (first, true), "the first answer again");
}

pub async fn a_job_that_runs_again_takes_its_dedupe_key_back_where_it_is_free(t: Arc<Bench>) {
    let new = || {
        let mut new = builder::new_job(&t.ids, 1, t.now());
        new.facts.dedupe_key = Some("campaign".to_owned());
        new
    };
    let fail = async |id| {
        fed(&t, id, 1).await;
        let run = t.claim_one().await;
        t.done(builder::fail(&t.ids, &run, FailureCode::Refused, t.now())).await;
    };
    let first = make(&t, new()).await.row().facts.id;
    fail(first).await;
    t.store.reopen_items(reopen(&t, first)).await.expect("reopen_items");
    let second = make(&t, new()).await;
    assert_eq!((second.row().facts.id, second.deduplicated()), (first, true), "it is its again");
    fail(first).await;
    let third = make(&t, new()).await;
    assert!(matches!(third, Sealed::New(_)), "and free again at its end: {third:?}");
    t.store.reopen_items(reopen(&t, first)).await.expect("reopen_items");
    fail(first).await;
    let fourth = make(&t, new()).await;
    assert_eq!((fourth.row().facts.id, fourth.deduplicated()), (third.row().facts.id, true), "another one's stays its");
}

pub async fn racing_starts_of_one_job_make_one(t: Arc<Bench>) {
    let mut racers = vec![];
    for place in 0..8 {
        let mut new = builder::new_job(&t.ids, 2, t.now());
        new.facts.dedupe_key = Some("campaign".to_owned());
        stage(&t, &new).await;
        let store: Arc<dyn Store> = if place % 2 == 0 { t.store.clone() } else { t.second() };
        racers.push(tokio::spawn(async move { store.seal_job(new).await.expect("seal_job") }));
    }
    let mut made = vec![];
    for racer in racers {
        made.push(racer.await.expect("no racer panics"));
    }
    assert_eq!(made.iter().filter(|sealed| matches!(sealed, Sealed::New(_))).count(), 1);
    let first = made[0].row().facts.id;
    assert!(made.iter().all(|sealed| sealed.row().facts.id == first));
}

pub async fn an_item_becomes_a_generation_once(t: Arc<Bench>) {
    let id = job(&t, 3).await;
    let generation = fed(&t, id, 2).await;
    assert_eq!(t.row(generation).await.job, Some(ItemRef { job: id, seq: 2 }));
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [2, 1, 0, 0, 0, 0]));
    assert_eq!(t.accept(feed(&t, id, 2)).await, Err(Refusal::NotClaimable { status: Status::Processing }));
    let batch = t.accept_all(vec![feed(&t, id, 1), feed(&t, id, 1), t.request()]).await;
    assert!(matches!(batch[0], Ok(Accepted::New { .. })));
    assert_eq!(batch[1], Err(Refusal::NotClaimable { status: Status::Processing }), "in the batch's order");
    assert!(matches!(batch[2], Ok(Accepted::New { .. })), "others are not disturbed");
    let other = t.accept(feed(&t, id, 3).scope(OTHER)).await;
    assert_eq!(other, Err(Refusal::NotClaimable { status: Status::Cancelled }), "another workspace sees no such item");
    let mine = GenerationFilter { job: Some(id), ..GenerationFilter::default() };
    let made: Vec<GenerationId> =
        all(|page| t.store.list(Scope::DEFAULT, mine.clone(), page)).await.iter().map(|it| it.generation.id).collect();
    assert_eq!(made.len(), 2);
    let item = &items(&t, id, Some(ItemStatus::Processing)).await[1];
    assert_eq!((item.seq, item.generation), (2, Some(generation)));
}

pub async fn racing_feeders_make_one_generation_of_each_item(t: Arc<Bench>) {
    let id = job(&t, 30).await;
    let mut racers = vec![];
    for place in 0..6 {
        let store: Arc<dyn Store> = if place % 2 == 0 { t.store.clone() } else { t.second() };
        let batches: Vec<Vec<Accept>> =
            (0..3).map(|part| (1..=10).map(|n| feed(&t, id, part * 10 + n)).collect()).collect();
        racers.push(tokio::spawn(async move {
            let mut made = 0;
            for batch in batches {
                let answers = store.accept(batch).await.expect("accept");
                made += answers.iter().filter(|answer| matches!(answer, Ok(Accepted::New { .. }))).count();
            }
            made
        }));
    }
    let mut made = 0;
    for racer in racers {
        made += racer.await.expect("no racer panics");
    }
    assert_eq!((made, standing(&t, id).await.1), (30, [0, 30, 0, 0, 0, 0]));
    assert_eq!(t.generations(Scope::DEFAULT).await.len(), 30);
}

pub async fn only_a_running_job_is_fed(t: Arc<Bench>) {
    let new = NewJob { status: JobStatus::Pending, ..builder::new_job(&t.ids, 2, t.now()) };
    let id = make(&t, new).await.row().facts.id;
    let no = Err(Refusal::NotClaimable { status: Status::Pending });
    assert_eq!(t.accept(feed(&t, id, 1)).await, no, "not before it is started");
    assert_eq!(order(&t, id, Command::Start).await.expect("start").job.status, JobStatus::Running);
    fed(&t, id, 1).await;
    let run = t.claim_one().await;
    order(&t, id, Command::Pause(Note::new("paused", "By hand."))).await.expect("pause");
    assert_eq!(t.accept(feed(&t, id, 2)).await, no, "not while it is paused");
    t.settle(&run).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Paused, [1, 0, 1, 0, 0, 0]), "what runs ends as it would");
    order(&t, id, Command::Resume).await.expect("resume");
    order(&t, id, Command::Cancel).await.expect("cancel");
    assert_eq!(t.accept(feed(&t, id, 2)).await, no, "not when it was cancelled");
}

pub async fn a_generations_end_is_its_items(t: Arc<Bench>) {
    let id = job(&t, 3).await;
    for (seq, after) in [(1, [2, 0, 1, 0, 0, 0]), (2, [1, 0, 1, 1, 0, 0]), (3, [0, 0, 1, 1, 0, 1])] {
        let generation = fed(&t, id, seq).await;
        let run = t.claim_one().await;
        assert_eq!(standing(&t, id).await.0, JobStatus::Running, "not before the last one has ended");
        match seq {
            1 => drop(t.settle(&run).await),
            2 => drop(t.done(builder::fail(&t.ids, &run, FailureCode::Refused, t.now())).await),
            _ => t.cancel(Scope::DEFAULT, generation).await,
        }
        assert_eq!(standing(&t, id).await.1, after);
        t.advance_s(1);
    }
    let JobRow { job, .. } = row(&t, id).await;
    assert_eq!((job.status, job.finished_at.is_some()), (JobStatus::Completed, true));
    assert_eq!(job.note.map(|note| note.message), Some("1 of 3 items failed.".to_owned()));
    // The cancelled run's call is open; the failed one cost as much as the settled one.
    assert_eq!((job.spent, job.unpriced), (NanoUsd(2_000), 0));
    let failed = &items(&t, id, Some(ItemStatus::Failed)).await[0];
    assert_eq!((failed.seq, failed.note.as_ref().map(|note| note.code.as_str())), (2, Some("refused")));
    assert!(failed.draft.is_some());
    assert_eq!(told(&t).await.last().map(String::as_str), Some("job.finished"));
    assert_eq!(told(&t).await.iter().filter(|kind| *kind == "job.finished").count(), 1);
    assert_eq!(t.store.jobs_at_work(None, 10).await.expect("jobs_at_work"), vec![]);
}

pub async fn a_lost_write_moves_no_item(t: Arc<Bench>) {
    let id = job(&t, 1).await;
    let generation = fed(&t, id, 1).await;
    let run = t.claim_one().await;
    t.cancel(Scope::DEFAULT, generation).await;
    let before = row(&t, id).await;
    t.apply(builder::settle(&t.ids, &run, t.now())).await;
    assert_eq!((row(&t, id).await, before.job.status), (before, JobStatus::Cancelled));
}

pub async fn a_retried_attempt_leaves_the_item_processing(t: Arc<Bench>) {
    let id = job(&t, 1).await;
    fed(&t, id, 1).await;
    let run = t.claim_one().await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [0, 1, 0, 0, 0, 0]));
    t.advance_s(600);
    let run = t.claim_one().await;
    t.settle(&run).await;
    let job = row(&t, id).await.job;
    assert_eq!((job.status, job.spent), (JobStatus::Completed, NanoUsd(2_000)), "both attempts are paid for");
}

pub async fn many_ends_in_one_turn_are_counted_together(t: Arc<Bench>) {
    let (one, two) = (job(&t, 20).await, job(&t, 20).await);
    for seq in 1..=20 {
        fed(&t, one, seq).await;
        fed(&t, two, seq).await;
    }
    let runs = t.claim(40).await;
    let changes = runs.iter().map(|run| builder::settle(&t.ids, run, t.now())).collect();
    t.turn(builder::writes(t.now(), changes)).await;
    for id in [one, two] {
        assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 20, 0, 0, 0]));
        assert_eq!(row(&t, id).await.job.spent, NanoUsd(20_000));
    }
}

pub async fn settles_of_two_processes_count_every_item(t: Arc<Bench>) {
    let id = job(&t, 40).await;
    for seq in 1..=40 {
        fed(&t, id, seq).await;
    }
    let runs = t.claim(40).await;
    let mut racers = vec![];
    for (place, part) in runs.chunks(5).enumerate() {
        let store: Arc<dyn Store> = if place % 2 == 0 { t.store.clone() } else { t.second() };
        let changes = part.iter().map(|run| builder::settle(&t.ids, run, t.now())).collect();
        let turn = builder::writes(t.now(), changes);
        racers.push(tokio::spawn(async move { store.turn(turn).await.expect("turn") }));
    }
    for racer in racers {
        racer.await.expect("no racer panics");
    }
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 40, 0, 0, 0]));
    assert_eq!(told(&t).await.iter().filter(|kind| *kind == "job.finished").count(), 1, "it ended once");
}

pub async fn only_pending_items_are_closed(t: Arc<Bench>) {
    let id = job(&t, 4).await;
    let (generation, draft) = t.start(feed(&t, id, 1)).await;
    let ends = close(&t, id, &[(1, ItemStatus::Cancelled), (2, ItemStatus::Skipped), (3, ItemStatus::Failed)]);
    assert_eq!(t.store.close_items(ends.clone()).await.expect("close_items"), 2);
    assert_eq!(t.store.close_items(ends).await.expect("close_items"), 0, "twice is once");
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [1, 1, 0, 1, 1, 0]));
    let end = ItemEnd { seq: 4, status: ItemStatus::Skipped, note: None, instead: Some((generation, draft)) };
    let last = CloseItems { ends: vec![end], ..close(&t, id, &[]) };
    gone(t.store.close_items(CloseItems { scope: OTHER, ..last.clone() }).await);
    assert_eq!(t.store.close_items(last).await.expect("close_items"), 1);
    let skipped = items(&t, id, Some(ItemStatus::Skipped)).await;
    assert_eq!(skipped[0].note, Some(Note::new("because", "So.")));
    assert_eq!((skipped[1].generation, skipped[1].draft), (Some(generation), Some(draft)));
    t.settle(&t.claim_one().await).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 1, 1, 2, 0]));
}

pub async fn a_cancelled_job_ends_with_its_last_item(t: Arc<Bench>) {
    let id = job(&t, 3).await;
    let generation = fed(&t, id, 1).await;
    let stopping = order(&t, id, Command::Cancel).await.expect("cancel");
    assert_eq!((stopping.job.status, stopping.job.stopping), (JobStatus::Running, true));
    assert_eq!(order(&t, id, Command::Cancel).await.expect("twice"), stopping, "twice is once");
    assert_eq!(t.store.jobs_at_work(None, 10).await.expect("jobs_at_work"), vec![stopping]);
    let ends = [(2, ItemStatus::Cancelled), (3, ItemStatus::Cancelled)];
    t.store.close_items(close(&t, id, &ends)).await.expect("close_items");
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [0, 1, 0, 0, 0, 2]));
    t.cancel(Scope::DEFAULT, generation).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Cancelled, [0, 0, 0, 0, 0, 3]));
    let refused = order(&t, id, Command::Start).await;
    assert_eq!(refused, Err(Refusal::AlreadyTerminal { status: Status::Cancelled }.into()));
}

pub async fn failed_items_are_opened_again_and_fill_their_own_drafts(t: Arc<Bench>) {
    let id = job(&t, 5).await;
    for seq in 1..=5 {
        fed(&t, id, seq).await;
    }
    let runs = t.claim(5).await;
    t.settle(&runs[0]).await;
    for run in &runs[1..] {
        t.done(builder::fail(&t.ids, run, FailureCode::Refused, t.now())).await;
    }
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 1, 4, 0, 0]));
    let drafts: Vec<_> = items(&t, id, None).await.iter().map(|item| item.draft).collect();
    let first = t.store.reopen_items(ReopenItems { limit: 3, ..reopen(&t, id) }).await.expect("reopen_items");
    assert_eq!(first, Reopened { count: 3, next: Some(4) });
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [3, 0, 1, 1, 0, 0]));
    let model = Some("demo/slow".to_owned());
    let rest = ReopenItems { after: 4, model: model.clone(), ..reopen(&t, id) };
    assert_eq!(t.store.reopen_items(rest).await.expect("reopen_items"), Reopened { count: 1, next: None });
    let rows = items(&t, id, Some(ItemStatus::Pending)).await;
    assert_eq!(rows.iter().map(|item| item.model.clone()).collect::<Vec<_>>(), [None, None, None, model]);
    for item in &rows {
        let draft = item.draft.expect("it had one");
        let answer = t.accept(feed(&t, id, item.seq).existing(draft)).await;
        assert!(matches!(answer, Ok(Accepted::New { draft: same, .. }) if same == draft), "{answer:?}");
    }
    for run in t.claim(4).await {
        t.settle(&run).await;
    }
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 5, 0, 0, 0]));
    assert_eq!(items(&t, id, None).await.iter().map(|item| item.draft).collect::<Vec<_>>(), drafts);
    assert_eq!(t.drafts(Scope::DEFAULT).await.len(), 5, "nobody got a second draft");
    assert_eq!(told(&t).await.iter().filter(|kind| *kind == "job.finished").count(), 2);
}

pub async fn what_is_being_cancelled_is_not_opened_again(t: Arc<Bench>) {
    let id = job(&t, 2).await;
    fed(&t, id, 1).await;
    t.store.close_items(close(&t, id, &[(2, ItemStatus::Cancelled)])).await.expect("close_items");
    order(&t, id, Command::Cancel).await.expect("cancel");
    let all = ReopenItems { cancelled: true, ..reopen(&t, id) };
    let refused = t.store.reopen_items(all.clone()).await;
    assert_eq!(refused, Err(Refusal::AlreadyTerminal { status: Status::Cancelled }.into()));
    let run = t.claim_one().await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    assert_eq!(t.store.reopen_items(all).await.expect("reopen_items").count, 2, "afterwards it may");
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [2, 0, 0, 0, 0, 0]));
}

pub async fn a_generation_tried_again_by_hand_stays_the_items(t: Arc<Bench>) {
    let id = job(&t, 2).await;
    let item = ItemRef { job: id, seq: 1 };
    let (_, draft) = t.start(feed(&t, id, 1)).await;
    t.store.close_items(close(&t, id, &[(2, ItemStatus::Skipped)])).await.expect("close_items");
    let run = t.claim_one().await;
    t.done(builder::fail(&t.ids, &run, FailureCode::Refused, t.now())).await;
    assert_eq!(standing(&t, id).await.0, JobStatus::Failed);
    let again = || t.request().existing(draft).change(|it| it.job = Some(ForItem::Again(item)));
    let (second, same) = t.start(again()).await;
    assert_eq!((same, t.row(second).await.job), (draft, Some(item)));
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [0, 1, 0, 0, 1, 0]));
    t.settle(&t.claim_one().await).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 1, 0, 1, 0]));
    let (third, _) = t.start(again()).await;
    assert_eq!(t.row(third).await.job, None, "what comes after the end is not the job's");
    t.cancel(Scope::DEFAULT, third).await;
    assert_eq!(standing(&t, id).await, (JobStatus::Completed, [0, 0, 1, 0, 1, 0]));
}

pub async fn a_refused_item_stays_pending(t: Arc<Bench>) {
    let id = job(&t, 1).await;
    let refused = t.accept(feed(&t, id, 1).hold(10)).await;
    assert!(matches!(refused, Err(Refusal::InsufficientCredits { .. })), "{refused:?}");
    let live = t.start(t.request().dedupe("same")).await;
    let answer = t.accept(feed(&t, id, 1).dedupe("same")).await;
    assert_eq!(answer, Ok(Accepted::Duplicate { generation: live.0, draft: live.1 }));
    assert_eq!(standing(&t, id).await, (JobStatus::Running, [1, 0, 0, 0, 0, 0]));
    assert_eq!(items(&t, id, None).await[0].generation, None);
}

pub async fn orders_name_the_revision_they_saw(t: Arc<Bench>) {
    let id = job(&t, 1).await;
    let revision = row(&t, id).await.job.revision;
    let with = |command, revision| {
        let order = JobOrder { scope: Scope::DEFAULT, job: id, at: t.now(), revision: Some(revision), command };
        t.store.order_job(order)
    };
    let capped = with(Command::Cap(Some(NanoUsd(5))), revision).await.expect("cap");
    assert_eq!((capped.job.cost_max, capped.job.revision), (Some(NanoUsd(5)), revision + 1));
    let stale = with(Command::Cap(None), revision).await;
    assert_eq!(stale, Err(Refusal::VersionConflict { current: revision + 1 }.into()));
    assert_eq!(row(&t, id).await, capped);
    let foreign = JobOrder { scope: OTHER, job: id, at: t.now(), revision: None, command: Command::Cancel };
    gone(t.store.order_job(foreign).await);
    gone(t.store.job(OTHER, id).await);
}

pub async fn jobs_are_paged_and_filtered(t: Arc<Bench>) {
    let mut ids = vec![];
    for n in 0..5 {
        let mut new = builder::new_job(&t.ids, 1, t.now());
        new.facts.recipe = if n < 2 { "code" } else { "chat" }.to_owned();
        new.status = if n == 4 { JobStatus::Pending } else { JobStatus::Running };
        ids.push(make(&t, new).await.row().facts.id);
    }
    let page = |filter: JobFilter, limit, after| {
        let page = PageRequest { limit, after, ..PageRequest::newest(limit) };
        t.store.jobs(Scope::DEFAULT, filter, page)
    };
    let first = page(JobFilter::default(), 3, None).await.expect("jobs");
    let second = page(JobFilter::default(), 3, first.next.clone()).await.expect("jobs");
    let found: Vec<JobId> = first.rows.iter().chain(&second.rows).map(|row| row.facts.id).collect();
    assert_eq!((found, second.next), (ids.iter().rev().copied().collect::<Vec<_>>(), None));
    let chat = JobFilter { recipe: Some("chat".to_owned()), ..JobFilter::default() };
    assert_eq!(page(chat, 10, None).await.expect("jobs").rows.len(), 3);
    let pending = JobFilter { status: Some(JobStatus::Pending), ..JobFilter::default() };
    assert_eq!(page(pending, 10, None).await.expect("jobs").rows[0].facts.id, ids[4]);
    let work = t.store.jobs_at_work(Some(ids[0]), 2).await.expect("jobs_at_work");
    assert_eq!(work.iter().map(|row| row.facts.id).collect::<Vec<_>>(), ids[1..3]);
}

pub async fn a_jobs_skipped_items_are_there_from_the_start(t: Arc<Bench>) {
    let new = builder::new_job(&t.ids, 2, t.now());
    let mut items = builder::items(2);
    for item in &mut items {
        item.skipped = Some(Note::new("invalid", "Line 3: /input/topic is missing."));
    }
    t.store.stage_items(Scope::DEFAULT, new.facts.id, items).await.expect("stage_items");
    let sealed = t.store.seal_job(new).await.expect("seal_job");
    let job = &sealed.row().job;
    assert_eq!((job.status, job.counts.skipped), (JobStatus::Completed, 2), "there is nothing left to do");
    assert_eq!(told(&t).await, ["job.finished"]);
}

pub async fn a_slot_of_a_jobs_item_is_its_own(t: Arc<Bench>) {
    let id = job(&t, 1).await;
    let request = feed(&t, id, 1).external_id("p-1").title("For Ann");
    let Slot::New { draft, .. } = request.slot else { panic!("a new draft") };
    let (_, made) = t.start(request).await;
    assert_eq!((made, items(&t, id, None).await[0].draft), (draft, Some(draft)));
}

pub async fn the_drafts_a_jobs_items_made_are_paged_in_their_order(t: Arc<Bench>) {
    let id = job(&t, 6).await;
    let (_, others) = t.start(t.request()).await;
    let mut made = Vec::new();
    for seq in [2, 1, 4, 5] {
        made.push((seq, t.start(feed(&t, id, seq)).await.1));
    }
    made.sort();
    let made: Vec<DraftId> = made.into_iter().map(|(_, draft)| draft).collect();
    let (generation, _) = t.start(t.request()).await;
    let skipped = ItemEnd { seq: 6, status: ItemStatus::Skipped, note: None, instead: Some((generation, others)) };
    t.store.close_items(CloseItems { ends: vec![skipped], ..close(&t, id, &[]) }).await.expect("close_items");
    let of_job = DraftFilter { job: Some(id), ..DraftFilter::default() };
    let list = async |scope: Scope, filter: DraftFilter, page: PageRequest| {
        let page = t.store.list_drafts(scope, filter, page).await.expect("list_drafts");
        (page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), page.next)
    };
    let oldest = PageRequest { order: Order::OldestFirst, ..PageRequest::newest(3) };
    let (first, next) = list(Scope::DEFAULT, of_job.clone(), oldest.clone()).await;
    assert_eq!((first, next.as_deref()), (made[..3].to_vec(), Some("4")), "the number of its item is the cursor");
    let rest = PageRequest { after: next, ..oldest.clone() };
    assert_eq!(list(Scope::DEFAULT, of_job.clone(), rest).await, (made[3..].to_vec(), None));
    let newest: Vec<DraftId> = made.iter().rev().copied().collect();
    assert_eq!(list(Scope::DEFAULT, of_job.clone(), PageRequest::newest(10)).await.0, newest);
    assert_eq!(list(OTHER, of_job.clone(), oldest.clone()).await.0, []);
    let unknown = DraftFilter { job: Some(t.ids.job()), ..DraftFilter::default() };
    assert_eq!(list(Scope::DEFAULT, unknown, oldest.clone()).await.0, []);
    let run = t.claim_one().await;
    t.settle(&run).await;
    let settled = DraftFilter { status: Some(DraftStatus::Draft), ..of_job.clone() };
    let want: Vec<DraftId> = made.iter().copied().filter(|draft| *draft == run.draft).collect();
    assert_eq!(list(Scope::DEFAULT, settled, oldest.clone()).await.0, want);
    let bobs = DraftFilter { user: Some(builder::user_id(Scope::DEFAULT, "bob")), ..of_job.clone() };
    assert_eq!(list(Scope::DEFAULT, bobs, oldest.clone()).await.0, []);
    let bad = PageRequest { after: Some("drf_x".to_owned()), ..oldest };
    gone(t.store.list_drafts(Scope::DEFAULT, of_job, bad).await);
}
