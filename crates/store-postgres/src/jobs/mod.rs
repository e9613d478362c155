//! Jobs and their items: staging and sealing, orders, and the lists. What accepted and ended generations mean for their
//! items is in `moves.rs`. Whoever changes anything of a sealed job locks its row first, and several in the order of their
//! ids; it is taken after accounts and budgets, and held to the end of a short transaction (ADR 24).

mod items;
mod moves;

pub use moves::Jobbed;

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, narrow, params, sql, text, unknown_word, wide};
use crate::waiting::Park;
use copydesk_core::job::book::{Changed, JobBook};
use copydesk_core::job::{Command, Counts, ItemStatus, Job, JobStatus, Note, Queued, command, queued};
use copydesk_core::refusal::Refusal;
use copydesk_core::{JobId, KeyId, NanoUsd, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::events::NewEvent;
use copydesk_store::generations::Idempotency;
use copydesk_store::jobs::{
    JobFacts, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs, Sealed, Staged, new_job, no_job, nothing_staged,
    told,
};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

/// Each further try means that somebody else has committed, so the number is only a safety net.
const TRIES_MAX: u32 = 10;

impl PostgresStore {
    pub(crate) async fn insert_staged(&self, scope: Scope, job: JobId, items: &[NewItem]) -> Result<(), Fault> {
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!(deep "jobs/begin_staging"), params![job.0, scope.workspace.0]);
        let status = |item: &NewItem| match item.skipped {
            Some(_) => ItemStatus::Skipped.as_str(),
            None => ItemStatus::Pending.as_str(),
        };
        let rows = columns!(items, i => job.0, i64::from(i.seq), scope.workspace.0, text(&i.custom_id), status(i),
            i.skipped.as_ref().map(|note| note.code.as_str()), i.skipped.as_ref().map(|note| text(&note.message)));
        steps.add(sql!(deep "jobs/stage_item"), rows);
        steps.add(sql!(deep "jobs/stage_input"), columns!(items, i => job.0, i64::from(i.seq), text(&i.request)));
        tx.commit(steps).await?;
        Ok(())
    }

    pub(crate) async fn seal(&self, new: &NewJob) -> Result<Sealed, StoreError> {
        for _ in 0..TRIES_MAX {
            match self.try_seal(new).await {
                Err(Fault::Race(words)) => tracing::debug!(words, "sealing a job starts again"),
                done => return Ok(done?),
            }
        }
        Err(StoreError::Busy("others took the same keys too many times".to_owned()))
    }

    async fn try_seal(&self, new: &NewJob) -> Result<Sealed, Fault> {
        let facts = &new.facts;
        let (scope, workspace) = (facts.scope, facts.scope.workspace.0);
        if let Some(key) = &new.idempotency
            && let Some(first) = self.find_job_replay(scope, key).await?
        {
            return Ok(first);
        }
        let mut book = JobBook::default();
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let holder =
            facts.dedupe_key.as_ref().map(|key| steps.add(sql!(deep "jobs/find_live_key"), params![workspace, key]));
        let staging = steps.add(sql!(deep "jobs/find_staging"), params![facts.id.0, Uuid::nil()]);
        let staged = steps.add(sql!(deep "jobs/staged_counts"), params![facts.id.0, workspace]);
        let answers = tx.send(steps).await?;
        let holder = answers.rows(holder).first().map(|row| JobId(row.get("job_id")));
        let counts = counts_of(answers.rows(Some(staged)))?;
        let whole = counts.total() == new.total && new.total > 0 && !answers.rows(Some(staging)).is_empty();
        if holder.is_none() && !whole {
            tx.rollback().await?;
            return Err(nothing_staged(facts.id, new.total, counts.total()).into());
        }
        book.put(new_job(new, counts));
        let changes = book.take_changes();
        let mut steps = Steps::default();
        let made = changes.first().filter(|_| holder.is_none());
        let live = made.map(|changed| add(&mut steps, facts, changed));
        let sealed = match (holder, made) {
            (Some(holder), _) => Sealed::Duplicate(self.read_job(scope, holder).await?),
            (None, Some(changed)) => Sealed::New(JobRow { facts: facts.clone(), job: changed.job.clone() }),
            (None, None) => return Err(StoreError::Corrupt(format!("{} was put and is not there", facts.id)).into()),
        };
        let id = sealed.row().facts.id.0;
        let kept = new.idempotency.as_ref().map(|key| {
            let row = params![workspace, key_text(key), key.fingerprint.to_vec(), id, sealed.deduplicated()];
            steps.add(sql!(deep "jobs/put_key"), row)
        });
        let answers = tx.send(steps).await?;
        let lost = |place: Option<usize>| place.is_some() && answers.rows(place).is_empty();
        if lost(kept) || lost(live.flatten()) {
            tx.rollback().await?;
            return Err(Fault::Race("a job's key was taken meanwhile".to_owned()));
        }
        tx.commit(Steps::default()).await?;
        Ok(sealed)
    }

    pub(crate) async fn find_job_replay(&self, scope: Scope, key: &Idempotency) -> Result<Option<Sealed>, StoreError> {
        let params = params![scope.workspace.0, key_text(key)];
        let rows = read(&self.readers, sql!(deep "jobs/find_key"), params).await?;
        let Some(known) = rows.first() else { return Ok(None) };
        if hash_of(known, "fingerprint")? != key.fingerprint {
            return Err(Refusal::IdempotencyKeyReused.into());
        }
        let row = self.read_job(scope, JobId(known.get("job_id"))).await?;
        Ok(Some(Sealed::Replayed { row, deduplicated: known.get("deduplicated") }))
    }

    pub(crate) async fn remove_staged(&self, which: Staged, limit: u32) -> Result<u64, Fault> {
        let (of, before) = match which {
            Staged::Of(id) => (id.0, Uuid::nil()),
            Staged::Before(id) => (Uuid::nil(), id.0),
        };
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!(deep "jobs/find_staging"), params![of, before]);
        let found = tx.send(steps).await?.into_rows();
        let Some(id) = found.first().map(|row| row.get::<_, Uuid>("job_id")) else {
            tx.rollback().await?;
            return Ok(0);
        };
        let mut steps = Steps::default();
        steps.add(sql!(deep "jobs/drop_staged_items"), params![id, i64::from(limit)]);
        let dropped: Vec<i64> = tx.send(steps).await?.into_rows().iter().map(|row| row.get("seq")).collect();
        let mut steps = Steps::default();
        if let Some(last) = dropped.iter().max() {
            steps.add(sql!(deep "jobs/drop_staged_inputs"), params![id, *last]);
        }
        if dropped.len() < limit as usize {
            steps.add(sql!(deep "jobs/end_staging"), params![id]);
        }
        tx.commit(steps).await?;
        Ok(dropped.len() as u64)
    }

    pub(crate) async fn read_job(&self, scope: Scope, id: JobId) -> Result<JobRow, StoreError> {
        let rows = read(&self.readers, sql!(deep "jobs/get"), params![scope.workspace.0, id.0]).await?;
        job_row(rows.first().ok_or_else(|| no_job(id))?)
    }

    pub(crate) async fn find_live_job(&self, scope: Scope, dedupe_key: &str) -> Result<Option<JobRow>, StoreError> {
        let params = params![scope.workspace.0, dedupe_key];
        let rows = read(&self.readers, sql!(deep "jobs/find_live_key"), params).await?;
        match rows.first() {
            Some(row) => self.read_job(scope, JobId(row.get("job_id"))).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn page_jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<JobRow>, StoreError> {
        let cursor = Cursor::<JobId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "jobs/list_newest"),
            Order::OldestFirst => sql!(deep "jobs/list_oldest"),
        };
        let (status, user) = (filter.status.map(JobStatus::as_str), filter.user.map(|user| user.0));
        let params = params![scope.workspace.0, cursor.after.0, status, user, filter.recipe.as_deref(), cursor.limit];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, job_row, |row| row.job.id.to_string())
    }

    pub(crate) async fn list_jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let params = params![after, JobStatus::Running.as_str(), i64::from(limit)];
        let rows = read(&self.readers, sql!(deep "jobs/at_work"), params).await?;
        rows.iter().map(job_row).collect()
    }

    pub(crate) async fn count_open_jobs(&self) -> Result<Vec<OpenJobs>, StoreError> {
        let rows = read(&self.readers, sql!(deep "jobs/open"), params![]).await?;
        let group = |row: &Row| {
            let (word, note): (&str, String) = (row.get("status"), row.get("note_code"));
            Ok(OpenJobs {
                status: JobStatus::parse(word).ok_or_else(|| unknown_word("status of a job", word))?,
                stopping: row.get("stopping"),
                note: Some(note).filter(|note| !note.is_empty()),
                jobs: narrow("jobs", row.get("jobs"))?,
                counts: counts(row)?,
            })
        };
        rows.iter().map(group).collect()
    }

    pub(crate) async fn carry_out_order(&self, order: &JobOrder) -> Result<JobRow, Fault> {
        for _ in 0..TRIES_MAX {
            match self.try_order(order).await {
                Err(Fault::Race(words)) => tracing::debug!(words, "an order to a job starts again"),
                done => return done,
            }
        }
        Err(StoreError::Busy(format!("others moved {} too many times", order.job)).into())
    }

    async fn try_order(&self, order: &JobOrder) -> Result<JobRow, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        if matches!(order.command, Command::Start | Command::Resume) {
            let mut steps = Steps::default();
            steps.add(sql!(deep "jobs/lock_held"), queue_params(order.job));
            tx.send(steps).await?;
        }
        let row = lock(&mut tx, order.scope, order.job).await?;
        if order.revision.is_some_and(|seen| seen != row.job.revision) {
            tx.rollback().await?;
            return Err(StoreError::from(Refusal::VersionConflict { current: row.job.revision }).into());
        }
        let next = command(&row.job, &order.command, order.at);
        let next = match next {
            Ok(Some(next)) => next,
            Ok(None) => {
                tx.rollback().await?;
                return Ok(row);
            }
            Err(refusal) => {
                tx.rollback().await?;
                return Err(StoreError::from(refusal).into());
            }
        };
        let mut steps = Steps::default();
        let released = match queued(&row.job, &next) {
            Queued::Hold => {
                steps.add(sql!(deep "jobs/hold"), queue_params(order.job));
                false
            }
            Queued::Release => {
                steps.add(sql!(deep "jobs/release"), queue_params(order.job));
                true
            }
            Queued::Leave => false,
        };
        let mut book = JobBook::default();
        book.put(next);
        let job = commit(tx, book, steps).await?.unwrap_or(row.job);
        if released {
            self.wake.others();
        }
        Ok(JobRow { facts: row.facts, job })
    }
}

/// Adds a new job to a transaction's writes. Where the answer of its dedupe key stands.
fn add<'a>(steps: &mut Steps<'a>, facts: &'a JobFacts, changed: &'a Changed) -> Option<usize> {
    steps.add(sql!(deep "jobs/end_staging"), params![facts.id.0]);
    steps.add(sql!(deep "jobs/insert"), row_params(facts, &changed.job));
    let live = facts.dedupe_key.as_ref().filter(|_| changed.job.status.ended().is_none());
    let live = live.map(|key| {
        steps.add(sql!(deep "jobs/take_live_key"), params![facts.scope.workspace.0, key.as_str(), facts.id.0])
    });
    let events: Vec<NewEvent<'_>> = told(changed).into_iter().collect();
    events::write(steps, &events);
    live
}

/// Of the statements about a job's items in the queue.
fn queue_params(job: JobId) -> Vec<crate::types::Param<'static>> {
    params![job.0, ItemStatus::Processing.as_str(), Park::HELD]
}

/// Locks one job.
async fn lock(tx: &mut Tx, scope: Scope, id: JobId) -> Result<JobRow, Fault> {
    let mut steps = Steps::default();
    let one = [id];
    steps.add(sql!(deep "jobs/load"), columns!(one, id => id.0));
    let rows = tx.send(steps).await?.into_rows();
    let row = rows.first().map(job_row).transpose()?;
    row.filter(|row| row.facts.scope == scope).ok_or_else(|| no_job(id).into())
}

/// Writes what the book of one job says, with `steps` before it, and commits. The job as it is then.
async fn commit(tx: Tx, mut book: JobBook, mut steps: Steps<'_>) -> Result<Option<Job>, Fault> {
    let job = write(&mut steps, &mut book).pop();
    tx.commit(steps).await?;
    Ok(job)
}

/// Adds what the book says to a transaction's writes: jobs, keys that end with them, and what is told.
fn write(steps: &mut Steps<'_>, book: &mut JobBook) -> Vec<Job> {
    let changes = book.take_changes();
    let jobs: Vec<Job> = changes.iter().map(|changed| changed.job.clone()).collect();
    if jobs.is_empty() {
        return jobs;
    }
    let owned =
        |note: &Option<Note>, part: fn(&Note) -> &String| note.as_ref().map(|note| text(part(note)).into_owned());
    steps.add(
        sql!(deep "jobs/put"),
        columns!(jobs, j => j.status.as_str(), j.stopping, owned(&j.note, |note| &note.code),
            owned(&j.note, |note| &note.message), wide(j.counts.pending), wide(j.counts.processing),
            wide(j.counts.completed), wide(j.counts.failed), wide(j.counts.skipped), wide(j.counts.cancelled), j.spent.0,
            wide(j.unpriced), j.cost_max.map(|cap| cap.0), j.revision, j.started_at.map(Micros::from),
            Micros::from(j.updated_at), j.finished_at.map(Micros::from), j.told_at.map(Micros::from), j.id.0),
    );
    let ended: Vec<&Job> = jobs.iter().filter(|job| job.status.ended().is_some()).collect();
    if !ended.is_empty() {
        steps.add(sql!(deep "jobs/free_live_key"), columns!(ended, j => j.id.0));
    }
    let revived: Vec<&Job> = changes.iter().filter(|changed| changed.revived).map(|changed| &changed.job).collect();
    if !revived.is_empty() {
        steps.add(sql!(deep "jobs/retake_live_key"), columns!(revived, j => j.id.0));
    }
    let events: Vec<NewEvent<'static>> = changes.iter().filter_map(told).collect();
    events::write(steps, &events);
    jobs
}

fn counts_of(rows: &[Row]) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for row in rows {
        *counts.slot(item_status(row)?) = narrow("count", row.get("count"))?;
    }
    Ok(counts)
}

fn item_status(row: &Row) -> Result<ItemStatus, StoreError> {
    let word: &str = row.get("status");
    ItemStatus::parse(word).ok_or_else(|| unknown_word("status of an item", word))
}

fn row_params<'a>(facts: &'a JobFacts, job: &'a Job) -> Vec<crate::types::Param<'a>> {
    params![
        facts.id.0,
        facts.scope.workspace.0,
        facts.user.0,
        text(&facts.user_external),
        facts.key.map(|key| key.0),
        facts.name.as_deref().map(text),
        facts.recipe.as_str(),
        text(&facts.spec),
        facts.dedupe_key.as_deref(),
        Micros::from(facts.created_at),
        job.status.as_str(),
        job.stopping,
        job.note.as_ref().map(|note| note.code.as_str()),
        job.note.as_ref().map(|note| text(&note.message)),
        wide(job.counts.total()),
        wide(job.counts.pending),
        wide(job.counts.processing),
        wide(job.counts.completed),
        wide(job.counts.failed),
        wide(job.counts.skipped),
        wide(job.counts.cancelled),
        job.spent.0,
        wide(job.unpriced),
        job.cost_max.map(|cap| cap.0),
        job.revision,
        job.started_at.map(Micros::from),
        Micros::from(job.updated_at),
        job.finished_at.map(Micros::from),
        job.told_at.map(Micros::from)
    ]
}

fn job_row(row: &Row) -> Result<JobRow, StoreError> {
    let (id, workspace) = (JobId(row.get("id")), WorkspaceId(row.get("workspace_id")));
    let user = UserId(row.get("user_id"));
    let facts = JobFacts {
        id,
        scope: Scope::of(workspace),
        user,
        user_external: row.get("user_external"),
        key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
        name: row.get("name"),
        recipe: row.get("recipe"),
        spec: row.get("spec"),
        dedupe_key: row.get("dedupe_key"),
        created_at: row.get::<_, Micros>("created_at").into(),
    };
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    let status: &str = row.get("status");
    let job = Job {
        id,
        workspace,
        user,
        status: JobStatus::parse(status).ok_or_else(|| unknown_word("status of a job", status))?,
        stopping: row.get("stopping"),
        note: note(row),
        counts: counts(row)?,
        spent: NanoUsd(row.get("spent_nanousd")),
        unpriced: narrow("unpriced", row.get("unpriced"))?,
        cost_max: row.get::<_, Option<i64>>("cost_max_nanousd").map(NanoUsd),
        revision: row.get("revision"),
        started_at: instant("started_at"),
        updated_at: row.get::<_, Micros>("updated_at").into(),
        finished_at: instant("finished_at"),
        told_at: instant("told_at"),
    };
    Ok(JobRow { facts, job })
}

fn counts(row: &Row) -> Result<Counts, StoreError> {
    let count = |column: &str| narrow(column, row.get(column));
    Ok(Counts {
        pending: count("pending")?,
        processing: count("processing")?,
        completed: count("completed")?,
        failed: count("failed")?,
        skipped: count("skipped")?,
        cancelled: count("cancelled")?,
    })
}

fn note(row: &Row) -> Option<Note> {
    let code: Option<String> = row.get("note_code");
    code.zip(row.get("note")).map(|(code, message)| Note { code, message })
}
