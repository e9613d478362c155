//! Jobs and their items. Items are staged in pieces under the id of a job that does not exist yet, and sealing makes it
//! exist: what was never sealed is nothing, and goes. From then on an item moves only together with what it means: `accept`
//! makes a generation of it ([`crate::generations::Accept::job`]), `turn` ends it with that generation, and both write the
//! counts of the job in their transaction.

use crate::events::NewEvent;
use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::job::book::Changed;
use copydesk_core::job::{Command, Counts, ItemStatus, Job, JobStatus, Note};
use copydesk_core::{DraftId, GenerationId, JobId, KeyId, Timestamp, UserId};

pub trait JobStore: Send + Sync {
    /// Puts items under the id of a job that is not sealed yet. Numbers must be new.
    fn stage_items(&self, scope: Scope, job: JobId, items: Vec<NewItem>) -> Answer<'_, ()>;

    /// Makes the job exist, with all that is staged under its id and an event. The same idempotency key and request are
    /// answered with the first job; so is a dedupe key that a job has which has not ended. Then nothing is written but
    /// the key, and what is staged stays.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`; `NotFound` when not `new.total` items are staged (they waited too long).
    fn seal_job(&self, new: NewJob) -> Answer<'_, Sealed>;

    /// The answer to a job's idempotency key, so that nothing is staged for a repeat.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`.
    fn replay_job(&self, scope: Scope, key: Idempotency) -> Answer<'_, Option<Sealed>>;

    /// The job that has this dedupe key and has not ended.
    fn live_job(&self, scope: Scope, dedupe_key: String) -> Answer<'_, Option<JobRow>>;

    /// Removes items that belong to no job, at most `limit`: of this id or, with `before`, of all smaller ones. How many.
    fn drop_staged(&self, which: Staged, limit: u32) -> Answer<'_, u64>;

    fn job(&self, scope: Scope, id: JobId) -> Answer<'_, JobRow>;

    /// In the order of their ids.
    fn jobs(&self, scope: Scope, filter: JobFilter, page: PageRequest) -> Answer<'_, Page<JobRow>>;

    /// Carries out an order: what [`copydesk_core::job::command`] makes of it, with an event. One that changes nothing
    /// answers with the job as it is.
    ///
    /// Errors: its refusals; `Refused(VersionConflict)` when `revision` is another one.
    fn order_job(&self, order: JobOrder) -> Answer<'_, JobRow>;

    /// Jobs of all workspaces for which there is something to do: running, or being cancelled. By their ids, after `after`.
    fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Answer<'_, Vec<JobRow>>;

    /// The jobs of all workspaces that have not ended, counted by how they stand. It reads each of them, so it is for a look
    /// now and then.
    fn open_jobs(&self) -> Answer<'_, Vec<OpenJobs>>;
}

pub trait ItemStore: Send + Sync {
    /// In the order of their numbers. A cursor is the number of the last one.
    fn items(&self, scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Answer<'_, Page<ItemRow>>;

    /// Ends items that are pending, without a generation. One that is not pending is left alone. How many ended.
    fn close_items(&self, close: CloseItems) -> Answer<'_, u64>;

    /// Makes failed (and cancelled) items pending again, those with numbers above `after`, at most `limit`; their drafts
    /// stay theirs. An ended job runs again. The number of the last one, while there may be more.
    ///
    /// Errors: `Refused(AlreadyTerminal)` while the job is being cancelled.
    fn reopen_items(&self, reopen: ReopenItems) -> Answer<'_, Reopened>;
}

/// Jobs that stand alike. In the order of status, stopping and note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenJobs {
    pub status: JobStatus,
    pub stopping: bool,
    /// The code of its note.
    pub note: Option<String>,
    pub jobs: u64,
    /// The sums of their counts.
    pub counts: Counts,
}

/// Whose staged items are to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Staged {
    Of(JobId),
    /// Ids that were made before this one.
    Before(JobId),
}

/// A row to stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewItem {
    /// From 1, in the order of the request or file.
    pub seq: u32,
    /// The caller's own name for it; unique in its job.
    pub custom_id: String,
    /// What is wrong with one that is skipped from the start.
    pub skipped: Option<Note>,
    /// What is asked for, as JSON text.
    pub request: String,
}

/// What a job is made with, and never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobFacts {
    pub id: JobId,
    pub scope: Scope,
    pub user: UserId,
    pub user_external: String,
    pub key: Option<KeyId>,
    pub name: Option<String>,
    pub recipe: String,
    /// What holds for all items that do not say otherwise, as JSON text.
    pub spec: String,
    /// Unique among those that have not ended.
    pub dedupe_key: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    pub facts: JobFacts,
    pub total: u64,
    /// Running, or pending until somebody starts it.
    pub status: JobStatus,
    pub cost_max: Option<copydesk_core::NanoUsd>,
    pub idempotency: Option<Idempotency>,
}

/// How a job was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sealed {
    New(JobRow),
    /// One with the same dedupe key has not ended.
    Duplicate(JobRow),
    /// The idempotency key was used before for the same request.
    Replayed {
        row: JobRow,
        deduplicated: bool,
    },
}

impl Sealed {
    pub fn row(&self) -> &JobRow {
        match self {
            Sealed::New(row) | Sealed::Duplicate(row) | Sealed::Replayed { row, .. } => row,
        }
    }
    pub fn deduplicated(&self) -> bool {
        match self {
            Sealed::New(_) => false,
            Sealed::Duplicate(_) => true,
            Sealed::Replayed { deduplicated, .. } => *deduplicated,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRow {
    pub facts: JobFacts,
    pub job: Job,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobFilter {
    pub status: Option<JobStatus>,
    pub user: Option<UserId>,
    pub recipe: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobOrder {
    pub scope: Scope,
    pub job: JobId,
    pub at: Timestamp,
    /// The revision the caller has seen.
    pub revision: Option<i64>,
    pub command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ItemFilter {
    pub status: Option<ItemStatus>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemRow {
    pub seq: u32,
    pub custom_id: String,
    pub status: ItemStatus,
    /// The last one that was made of it. For a skipped one: the generation that does the same work.
    pub generation: Option<GenerationId>,
    pub draft: Option<DraftId>,
    /// Why it failed or was skipped.
    pub note: Option<Note>,
    /// The model it is to be tried with instead of the job's.
    pub model: Option<String>,
    pub request: String,
}

/// The end of an item that never got a generation, or not another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemEnd {
    pub seq: u32,
    /// Failed, skipped or cancelled.
    pub status: ItemStatus,
    pub note: Option<Note>,
    /// What there is already, for one that is skipped.
    pub instead: Option<(GenerationId, DraftId)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseItems {
    pub scope: Scope,
    pub job: JobId,
    pub at: Timestamp,
    pub ends: Vec<ItemEnd>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReopenItems {
    pub scope: Scope,
    pub job: JobId,
    pub at: Timestamp,
    /// Cancelled ones, too.
    pub cancelled: bool,
    pub model: Option<String>,
    pub after: u32,
    pub limit: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reopened {
    pub count: u64,
    pub next: Option<u32>,
}

/// Which item a generation is to be made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ItemRef {
    pub job: JobId,
    pub seq: u32,
}

/// How a request for a generation belongs to a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForItem {
    /// It is made of this item: only while the job runs and the item is pending.
    Feeds(ItemRef),
    /// It tries the item's generation again. When the item is neither failed nor cancelled, it goes on without the job.
    Again(ItemRef),
}

impl ForItem {
    pub const fn item(self) -> ItemRef {
        match self {
            ForItem::Feeds(item) | ForItem::Again(item) => item,
        }
    }
}

/// That there is no such job.
pub fn no_job(id: JobId) -> StoreError {
    StoreError::NotFound { what: "job", id: id.to_string() }
}

/// That what was staged is not there.
pub fn nothing_staged(id: JobId, wanted: u64, found: u64) -> StoreError {
    StoreError::NotFound { what: "staged items of", id: format!("{id} ({found} of {wanted} are there)") }
}

/// The event of a change, if it is told.
pub fn told(changed: &Changed) -> Option<NewEvent<'static>> {
    let Changed { job, news, .. } = changed;
    let Counts { pending, processing, completed, failed, skipped, cancelled } = job.counts;
    let data = format!(
        "{{\"job\":\"{}\",\"status\":\"{}\",\"total_targets\":{},\"drafts_created\":{completed},\"counts\":{{\"pending\":{pending},\
         \"processing\":{processing},\"completed\":{completed},\"failed\":{failed},\"skipped\":{skipped},\
         \"cancelled\":{cancelled}}}}}",
        job.id,
        job.status,
        job.counts.total(),
    );
    let (workspace, user, at) = (job.workspace, Some(job.user), job.updated_at);
    (*news).map(|news| NewEvent {
        workspace,
        kind: news.as_str(),
        generation: None,
        draft: None,
        user,
        at,
        data: data.into(),
    })
}

/// The job as sealing makes it, with the counts of what is staged.
pub fn new_job(new: &NewJob, counts: Counts) -> Job {
    let JobFacts { id, scope, user, created_at, .. } = &new.facts;
    Job {
        id: *id,
        workspace: scope.workspace,
        user: *user,
        status: new.status,
        stopping: false,
        note: None,
        counts,
        spent: copydesk_core::NanoUsd(0),
        unpriced: 0,
        cost_max: new.cost_max,
        revision: 1,
        started_at: None,
        updated_at: *created_at,
        finished_at: None,
        told_at: None,
    }
}
