//! The rows of jobs one transaction touches: what its items' moves do to their counts, when a job is at its end, and what
//! is told. The engines load the rows (locked where others could write), move items, and write what changed.

use super::{ItemStatus, Job, JobStatus, ending};
use crate::refusal::Refusal;
use crate::{JobId, NanoUsd, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Progress is told at most this often.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// What a transaction knows of jobs.
#[derive(Clone, Debug, Default)]
pub struct JobBook {
    jobs: BTreeMap<JobId, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    job: Job,
    dirty: bool,
    revived: bool,
}

/// A job to be written, and what is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    pub job: Job,
    pub news: Option<News>,
    /// It had ended and runs again: its dedupe key is its own again where nobody else has it.
    pub revived: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    Progress,
    Finished,
}

impl News {
    /// The kind of its event.
    pub const fn as_str(self) -> &'static str {
        match self {
            News::Progress => "job.progress",
            News::Finished => "job.finished",
        }
    }
}

/// What a generation that ended had cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spent {
    pub cost: NanoUsd,
    /// Calls whose cost is not known.
    pub unpriced: u64,
}

impl JobBook {
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
    pub fn load(&mut self, job: Job) {
        self.jobs.insert(job.id, Entry { job, dirty: false, revived: false });
    }
    pub fn knows(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id)
    }
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|entry| &entry.job)
    }

    /// Whether an item that stands at `item` may be given to the queue now.
    ///
    /// Errors: [`Refusal::NotClaimable`] when not.
    pub fn may_feed(&self, id: JobId, item: ItemStatus) -> Result<(), Refusal> {
        let feeds = self.job(id).is_some_and(Job::feeds);
        let no = |status| Err(Refusal::NotClaimable { status });
        match item {
            ItemStatus::Pending if feeds => Ok(()),
            ItemStatus::Pending => no(crate::generation::Status::Pending),
            ItemStatus::Processing => no(crate::generation::Status::Processing),
            ItemStatus::Completed | ItemStatus::Skipped => no(crate::generation::Status::Completed),
            ItemStatus::Failed => no(crate::generation::Status::Failed),
            ItemStatus::Cancelled => no(crate::generation::Status::Cancelled),
        }
    }

    /// Whether the item a generation was made of may be tried again by hand, as the same item; also one that waits for
    /// that, so that it is not made twice.
    pub fn may_try_again(&self, id: JobId, item: ItemStatus) -> bool {
        let stopping = self.job(id).is_none_or(|job| job.stopping);
        !stopping && matches!(item, ItemStatus::Pending | ItemStatus::Failed | ItemStatus::Cancelled)
    }

    /// One item moves. An ended job that gets an open item again runs again.
    pub fn moves(&mut self, id: JobId, from: ItemStatus, to: ItemStatus, at: Timestamp) {
        self.move_many(id, from, to, 1, at);
    }

    /// So many items move alike.
    pub fn move_many(&mut self, id: JobId, from: ItemStatus, to: ItemStatus, count: u64, at: Timestamp) {
        let Some(Entry { job, dirty, revived }) = self.jobs.get_mut(&id) else { return };
        if count == 0 || from == to {
            return;
        }
        // The rows of items are the truth, and each left `from` once; the database refuses a sum that does not hold.
        *job.counts.slot(from) = job.counts.of(from).saturating_sub(count);
        *job.counts.slot(to) += count;
        if to == ItemStatus::Processing {
            job.started_at.get_or_insert(at);
        }
        if job.status.ended().is_some() && job.counts.open() > 0 {
            (job.status, job.stopping, job.finished_at, job.note) = (JobStatus::Running, false, None, None);
            job.revision += 1;
            *revived = true;
        }
        job.updated_at = job.updated_at.max(at);
        *dirty = true;
    }

    /// An item's generation has ended.
    pub fn ends(&mut self, id: JobId, to: ItemStatus, spent: Spent, at: Timestamp) {
        self.moves(id, ItemStatus::Processing, to, at);
        if let Some(Entry { job, .. }) = self.jobs.get_mut(&id) {
            job.spent = NanoUsd(job.spent.0.saturating_add(spent.cost.0));
            job.unpriced += spent.unpriced;
        }
    }

    /// What an order made of it.
    pub fn put(&mut self, job: Job) {
        self.jobs.insert(job.id, Entry { job, dirty: true, revived: false });
    }

    /// Everything that must be written, and what is told of it; ends the jobs whose last item has ended.
    pub fn take_changes(&mut self) -> Vec<Changed> {
        let mut changes = Vec::new();
        for Entry { job, dirty, revived } in self.jobs.values_mut().filter(|entry| entry.dirty) {
            *dirty = false;
            let finishes = job.status.ended().is_none() && job.counts.open() == 0;
            if finishes {
                (job.status, job.note) = ending(job);
                (job.stopping, job.finished_at) = (false, Some(job.updated_at));
                job.revision += 1;
            }
            let due = job.told_at.is_none_or(|told| job.updated_at >= told.plus(TOLD_EVERY));
            let news = match (finishes, due) {
                (true, _) => Some(News::Finished),
                (false, true) => Some(News::Progress),
                (false, false) => None,
            };
            if news.is_some() {
                job.told_at = Some(job.updated_at);
            }
            let revived = std::mem::take(revived) && job.status.ended().is_none();
            changes.push(Changed { job: job.clone(), news, revived });
        }
        changes
    }
}
