//! Jobs and their items: staging and sealing, orders, and the lists. What an accepted or ended generation means for its
//! item is in `moves.rs`. Decides nothing: core's `job` does.

mod items;
mod moves;

pub(crate) use moves::{Attached, attach, check, end};

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::generations::HELD;
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::job::{Counts, ItemStatus, Job, JobStatus, Note, Queued, command, queued};
use copydesk_core::refusal::Refusal;
use copydesk_core::{JobId, KeyId, NanoUsd, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::generations::Idempotency;
use copydesk_store::jobs::{
    JobFacts, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs, Sealed, Staged, new_job, no_job, nothing_staged,
};
use copydesk_store::{Answer, JobStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};
use uuid::Uuid;

impl JobStore for SqliteStore {
    fn stage_items(&self, scope: Scope, job: JobId, items: Vec<NewItem>) -> Answer<'_, ()> {
        let bytes = items.iter().map(|item| item.request.len() + item.custom_id.len()).sum();
        Box::pin(self.write(bytes, move |session| stage(session.db, scope, job, &items)))
    }

    fn seal_job(&self, new: NewJob) -> Answer<'_, Sealed> {
        Box::pin(self.write(new.facts.spec.len(), move |session| seal(session, &new)))
    }

    fn replay_job(&self, scope: Scope, key: Idempotency) -> Answer<'_, Option<Sealed>> {
        Box::pin(self.read(move |db| replay(db, scope, &key)))
    }

    fn live_job(&self, scope: Scope, dedupe_key: String) -> Answer<'_, Option<JobRow>> {
        Box::pin(self.read(move |db| {
            let holder = holder(db, scope, &dedupe_key)?;
            holder.map(|holder| get(db, scope, holder)).transpose()
        }))
    }

    fn drop_staged(&self, which: Staged, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| drop_staged(session.db, which, limit)))
    }

    fn job(&self, scope: Scope, id: JobId) -> Answer<'_, JobRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn jobs(&self, scope: Scope, filter: JobFilter, page: PageRequest) -> Answer<'_, Page<JobRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<JobId>(&page, |id| id.0)?;
            let (status, user) = (filter.status.map(JobStatus::as_str), filter.user.map(|user| *user.0.as_bytes()));
            let params =
                params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), status, user, filter.recipe, cut.limit];
            let rows = db.all(ordered!(cut, "jobs/list"), params, job_row)?;
            Ok(page::cut(rows, page.limit, |row| row.job.id.to_string()))
        }))
    }

    fn order_job(&self, order: JobOrder) -> Answer<'_, JobRow> {
        Box::pin(self.write(0, move |session| carry_out(session, &order)))
    }

    fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Answer<'_, Vec<JobRow>> {
        Box::pin(self.read(move |db| {
            let after = after.map_or(Uuid::nil(), |id| id.0);
            db.all(sql!("jobs/at_work"), params![after.as_bytes(), JobStatus::Running.as_str(), limit], job_row)
        }))
    }

    fn open_jobs(&self) -> Answer<'_, Vec<OpenJobs>> {
        Box::pin(self.read(|db| {
            db.all(sql!("jobs/open"), [], |row| {
                let note: String = row.get("note_code")?;
                Ok(OpenJobs {
                    status: codec::word(row, "job_list.status", JobStatus::parse)?,
                    stopping: row.get("stopping")?,
                    note: Some(note).filter(|note| !note.is_empty()),
                    jobs: codec::unsigned(row, "jobs")?,
                    counts: counts(row)?,
                })
            })
        }))
    }
}

fn stage(db: Db<'_>, scope: Scope, job: JobId, items: &[NewItem]) -> Done<()> {
    let (id, workspace) = (job.0.as_bytes(), scope.workspace.0.as_bytes());
    db.execute(sql!("jobs/begin_staging"), params![id, workspace])?;
    for item in items {
        let status = if item.skipped.is_some() { ItemStatus::Skipped } else { ItemStatus::Pending };
        let (code, note) = item.skipped.as_ref().map(|note| (&note.code, &note.message)).unzip();
        db.execute(
            sql!("jobs/stage_item"),
            params![id, item.seq, workspace, item.custom_id, status.as_str(), code, note],
        )?;
        db.execute(sql!("jobs/stage_input"), params![id, item.seq, item.request])?;
    }
    Ok(())
}

/// The job that has this dedupe key.
fn holder(db: Db<'_>, scope: Scope, dedupe_key: &str) -> Done<Option<JobId>> {
    let params = params![scope.workspace.0.as_bytes(), dedupe_key];
    db.first(sql!("jobs/find_live_key"), params, |row| Ok(JobId(codec::uuid(row, 0)?)))
}

fn seal(session: &mut Session<'_>, new: &NewJob) -> Done<Sealed> {
    let (db, facts) = (session.db, &new.facts);
    let (scope, id) = (facts.scope, facts.id.0.as_bytes());
    if let Some(key) = &new.idempotency
        && let Some(first) = replay(db, scope, key)?
    {
        return Ok(first);
    }
    let holder = match &facts.dedupe_key {
        Some(key) => holder(db, scope, key)?,
        None => None,
    };
    let sealed = match holder {
        Some(holder) => Sealed::Duplicate(get(db, scope, holder)?),
        None => {
            let counts = staged_counts(db, scope, facts.id)?;
            let staged = db.execute(sql!("jobs/end_staging"), [id])?;
            if staged == 0 || counts.total() != new.total || new.total == 0 {
                return Err(nothing_staged(facts.id, new.total, counts.total()).into());
            }
            let job = new_job(new, counts);
            insert(db, facts, &job)?;
            take_live_key(db, facts)?;
            session.jobs.put(job);
            session.book_jobs()?;
            Sealed::New(get(db, scope, facts.id)?)
        }
    };
    if let Some(key) = &new.idempotency {
        let made = sealed.row().facts.id;
        let workspace = scope.workspace.0.as_bytes();
        let params = params![workspace, key_text(key), key.fingerprint, made.0.as_bytes(), sealed.deduplicated()];
        db.execute(sql!("jobs/put_key"), params)?;
    }
    Ok(sealed)
}

fn take_live_key(db: Db<'_>, facts: &JobFacts) -> Done<()> {
    if let Some(key) = &facts.dedupe_key {
        let params = params![facts.scope.workspace.0.as_bytes(), key, facts.id.0.as_bytes()];
        db.execute(sql!("jobs/take_live_key"), params)?;
    }
    Ok(())
}

fn staged_counts(db: Db<'_>, scope: Scope, job: JobId) -> Done<Counts> {
    let mut counts = Counts::default();
    db.each(sql!("jobs/staged_counts"), params![job.0.as_bytes(), scope.workspace.0.as_bytes()], |row| {
        let status = codec::word(row, "job_items.status", ItemStatus::parse)?;
        *counts.slot(status) = codec::unsigned(row, "count")?;
        Ok(())
    })?;
    Ok(counts)
}

fn replay(db: Db<'_>, scope: Scope, key: &Idempotency) -> Done<Option<Sealed>> {
    let known = db.first(sql!("jobs/find_key"), params![scope.workspace.0.as_bytes(), key_text(key)], |row| {
        Ok((row.get::<_, [u8; 32]>(0)?, codec::uuid(row, 1)?, row.get(2)?))
    })?;
    match known {
        None => Ok(None),
        Some((fingerprint, id, deduplicated)) if fingerprint == key.fingerprint => {
            Ok(Some(Sealed::Replayed { row: get(db, scope, JobId(id))?, deduplicated }))
        }
        Some(_) => Err(Refusal::IdempotencyKeyReused.into()),
    }
}

fn drop_staged(db: Db<'_>, which: Staged, limit: u32) -> Done<u64> {
    let (of, before) = match which {
        Staged::Of(id) => (id.0, Uuid::nil()),
        Staged::Before(id) => (Uuid::nil(), id.0),
    };
    let found =
        db.first(sql!("jobs/find_staging"), params![of.as_bytes(), before.as_bytes()], |row| codec::uuid(row, 0))?;
    let Some(id) = found else { return Ok(0) };
    let dropped: Vec<u32> =
        db.all(sql!("jobs/drop_staged_items"), params![id.as_bytes(), limit], |row| Ok(row.get(0)?))?;
    if let Some(last) = dropped.iter().max() {
        db.execute(sql!("jobs/drop_staged_inputs"), params![id.as_bytes(), last])?;
    }
    if dropped.len() < limit as usize {
        db.execute(sql!("jobs/end_staging"), [id.as_bytes()])?;
    }
    Ok(dropped.len() as u64)
}

fn carry_out(session: &mut Session<'_>, order: &JobOrder) -> Done<JobRow> {
    let row = get(session.db, order.scope, order.job)?;
    if order.revision.is_some_and(|seen| seen != row.job.revision) {
        return Err(Refusal::VersionConflict { current: row.job.revision }.into());
    }
    let Some(next) = command(&row.job, &order.command, order.at)? else { return Ok(row) };
    let params = params![HELD, order.job.0.as_bytes(), ItemStatus::Processing.as_str()];
    match queued(&row.job, &next) {
        Queued::Hold => {
            session.db.execute(sql!("jobs/hold"), params)?;
            session.db.execute(sql!("jobs/leave_ready"), params)?;
        }
        Queued::Release => {
            session.db.execute(sql!("jobs/release"), params)?;
            session.db.execute(sql!("jobs/leave_parked"), params)?;
        }
        Queued::Leave => {}
    }
    session.jobs.load(row.job);
    session.jobs.put(next);
    session.book_jobs()?;
    get(session.db, order.scope, order.job)
}

pub(super) fn get(db: Db<'_>, scope: Scope, id: JobId) -> Done<JobRow> {
    let row = db.first(sql!("jobs/get"), params![scope.workspace.0.as_bytes(), id.0.as_bytes()], job_row)?;
    row.ok_or_else(|| no_job(id).into())
}

fn insert(db: Db<'_>, facts: &JobFacts, job: &Job) -> Done<()> {
    let (code, note) = job.note.as_ref().map(|note| (&note.code, &note.message)).unzip();
    db.execute(
        sql!("jobs/insert"),
        params![
            facts.id.0.as_bytes(),
            facts.scope.workspace.0.as_bytes(),
            facts.user.0.as_bytes(),
            facts.user_external,
            facts.key.map(|key| *key.0.as_bytes()),
            facts.name,
            facts.recipe,
            facts.spec,
            facts.dedupe_key,
            facts.created_at.micros(),
            job.status.as_str(),
            job.stopping,
            code,
            note,
            codec::signed(job.counts.total()),
            codec::signed(job.counts.pending),
            codec::signed(job.counts.processing),
            codec::signed(job.counts.completed),
            codec::signed(job.counts.failed),
            codec::signed(job.counts.skipped),
            codec::signed(job.counts.cancelled),
            job.spent.0,
            codec::signed(job.unpriced),
            job.cost_max.map(|cap| cap.0),
            job.revision,
            job.started_at.map(Timestamp::micros),
            job.updated_at.micros(),
            job.finished_at.map(Timestamp::micros),
            job.told_at.map(Timestamp::micros),
        ],
    )?;
    Ok(())
}

pub(super) fn job_row(row: &Row<'_>) -> Done<JobRow> {
    let workspace = WorkspaceId(codec::uuid(row, "workspace_id")?);
    let user = UserId(codec::uuid(row, "user_id")?);
    let id = JobId(codec::uuid(row, "id")?);
    let facts = JobFacts {
        id,
        scope: Scope::of(workspace),
        user,
        user_external: row.get("user_external")?,
        key: codec::maybe_uuid(row, "key_id")?.map(KeyId),
        name: row.get("name")?,
        recipe: row.get("recipe")?,
        spec: row.get("spec")?,
        dedupe_key: row.get("dedupe_key")?,
        created_at: codec::instant(row, "created_at")?,
    };
    let job = Job {
        id,
        workspace,
        user,
        status: codec::word(row, "job_list.status", JobStatus::parse)?,
        stopping: row.get("stopping")?,
        note: note(row)?,
        counts: counts(row)?,
        spent: NanoUsd(row.get("spent_nanousd")?),
        unpriced: codec::unsigned(row, "unpriced")?,
        cost_max: row.get::<_, Option<i64>>("cost_max_nanousd")?.map(NanoUsd),
        revision: row.get("revision")?,
        started_at: codec::maybe_instant(row, "started_at")?,
        updated_at: codec::instant(row, "updated_at")?,
        finished_at: codec::maybe_instant(row, "finished_at")?,
        told_at: codec::maybe_instant(row, "told_at")?,
    };
    Ok(JobRow { facts, job })
}

fn counts(row: &Row<'_>) -> Done<Counts> {
    Ok(Counts {
        pending: codec::unsigned(row, "pending")?,
        processing: codec::unsigned(row, "processing")?,
        completed: codec::unsigned(row, "completed")?,
        failed: codec::unsigned(row, "failed")?,
        skipped: codec::unsigned(row, "skipped")?,
        cancelled: codec::unsigned(row, "cancelled")?,
    })
}

pub(super) fn note(row: &Row<'_>) -> Done<Option<Note>> {
    let code: Option<String> = row.get("note_code")?;
    Ok(code.zip(row.get("note")?).map(|(code, message)| Note { code, message }))
}

impl Session<'_> {
    /// Reads the job into the book of the command under way, unless it is there. Whether there is one.
    pub(crate) fn load_job(&mut self, scope: Scope, id: JobId) -> Done<bool> {
        if !self.jobs.knows(id)
            && let Some(row) = self.db.first(sql!("jobs/load"), [id.0.as_bytes()], job_row)?
        {
            self.jobs.load(row.job);
        }
        Ok(self.jobs.job(id).is_some_and(|job| job.workspace == scope.workspace))
    }

    /// Writes what the command under way changed of jobs, and tells it. A job that ended gives its dedupe key up; one that
    /// runs again takes it back if it is free.
    pub(crate) fn book_jobs(&mut self) -> Done<()> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let db = self.db;
        for changed in self.jobs.take_changes() {
            put(db, &changed.job)?;
            if changed.job.status.ended().is_some() {
                db.execute(sql!("jobs/free_live_key"), [changed.job.id.0.as_bytes()])?;
            }
            if changed.revived {
                db.execute(sql!("jobs/retake_live_key"), [changed.job.id.0.as_bytes()])?;
            }
            if let Some(event) = copydesk_store::jobs::told(&changed) {
                crate::events::write_event(db, &event)?;
            }
        }
        Ok(())
    }
}

fn put(db: Db<'_>, job: &Job) -> Done<()> {
    let (code, note) = job.note.as_ref().map(|note| (&note.code, &note.message)).unzip();
    let changed = db.execute(
        sql!("jobs/put"),
        params![
            job.status.as_str(),
            job.stopping,
            code,
            note,
            codec::signed(job.counts.pending),
            codec::signed(job.counts.processing),
            codec::signed(job.counts.completed),
            codec::signed(job.counts.failed),
            codec::signed(job.counts.skipped),
            codec::signed(job.counts.cancelled),
            job.spent.0,
            codec::signed(job.unpriced),
            job.cost_max.map(|cap| cap.0),
            job.revision,
            job.started_at.map(Timestamp::micros),
            job.updated_at.micros(),
            job.finished_at.map(Timestamp::micros),
            job.told_at.map(Timestamp::micros),
            job.id.0.as_bytes(),
        ],
    )?;
    if changed == 1 { Ok(()) } else { Err(Fault::corrupt(format!("{} is gone", job.id))) }
}
