//! Jobs: many generations that were asked for together. An item is a row first and becomes a generation later; a job counts
//! its items by what became of them, and the counts always add up to their number. `command` says what a person's order
//! means, [`book::JobBook`] what happens to the counts when items move. Reads no clock, touches no store.

pub mod book;
mod state;

pub use state::{Counts, ItemStatus, JobStatus};

use crate::generation::Status;
use crate::refusal::Refusal;
use crate::{JobId, NanoUsd, Timestamp, UserId, WorkspaceId};

/// Why a job is paused, or what there is to say about its end: a code that does not change and a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub code: String,
    pub message: String,
}

impl Note {
    /// The code of a pause by a person.
    pub const PAUSED: &'static str = "paused";
    /// The code of a pause because the job's cap is reached.
    pub const CAP: &'static str = "job_cap_reached";

    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Note {
        Note { code: code.into(), message: message.into() }
    }
}

/// A job as decisions see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    pub id: JobId,
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub status: JobStatus,
    /// It was cancelled, and waits for the ends of its items.
    pub stopping: bool,
    /// Why it is paused, or what there is to say about its end.
    pub note: Option<Note>,
    pub counts: Counts,
    /// What the calls of its ended items have cost, as far as that is known.
    pub spent: NanoUsd,
    /// How many of those calls have no price.
    pub unpriced: u64,
    /// The most it may cost; `None` is no limit.
    pub cost_max: Option<NanoUsd>,
    /// Rises with every order.
    pub revision: i64,
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When its progress was last told.
    pub told_at: Option<Timestamp>,
}

impl Job {
    /// Whether its items may be given to the queue.
    pub fn feeds(&self) -> bool {
        self.status == JobStatus::Running && !self.stopping
    }
    /// Whether anybody still has something to do for it.
    pub fn at_work(&self) -> bool {
        self.status.ended().is_none() && (self.stopping || self.status == JobStatus::Running)
    }
}

/// What a person, or the desk for a named reason, orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Also makes a paused one go on.
    Start,
    Pause(Note),
    Resume,
    Cancel,
    /// Another cap, or none.
    Cap(Option<NanoUsd>),
}

/// What an order means: the job after it, or `None` when it changes nothing.
///
/// Errors: [`Refusal::AlreadyTerminal`] when it has ended otherwise or is being cancelled; [`Refusal::JobCapReached`] when it
/// is to go on and its cap was not raised.
pub fn command(job: &Job, command: &Command, now: Timestamp) -> Result<Option<Job>, Refusal> {
    let ended = job.status.ended().or(job.stopping.then_some(Status::Cancelled));
    if let Some(status) = ended {
        let again = matches!(command, Command::Cancel) && status == Status::Cancelled;
        return if again { Ok(None) } else { Err(Refusal::AlreadyTerminal { status }) };
    }
    let mut next = job.clone();
    match command {
        Command::Start | Command::Resume => {
            if job.status == JobStatus::Running {
                return Ok(None);
            }
            if let (Some(note), Some(cap)) = (&job.note, job.cost_max)
                && note.code == Note::CAP
            {
                return Err(Refusal::JobCapReached { job: job.id, cap, spent: job.spent });
            }
            (next.status, next.note) = (JobStatus::Running, None);
        }
        Command::Pause(note) => {
            if job.status == JobStatus::Paused {
                return Ok(None);
            }
            (next.status, next.note) = (JobStatus::Paused, Some(note.clone()));
        }
        Command::Cancel => (next.stopping, next.note) = (true, None),
        Command::Cap(cap) => {
            if *cap == job.cost_max {
                return Ok(None);
            }
            let raised = cap.is_none_or(|cap| job.cost_max.is_some_and(|before| cap > before));
            if raised && job.note.as_ref().is_some_and(|note| note.code == Note::CAP) {
                next.note = Some(Note::new(Note::PAUSED, "Its cap was raised: resume it."));
            }
            next.cost_max = *cap;
        }
    }
    next.revision += 1;
    next.updated_at = now;
    Ok(Some(next))
}

/// What an order means for the items that are in the queue and have not begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queued {
    /// They are held, as [`crate::generation::Event::JobPaused`] says.
    Hold,
    /// Those that are held go on, as [`crate::generation::Event::JobResumed`] says.
    Release,
    Leave,
}

/// What the order that made `after` of `before` means for them. A pause for money holds nothing: what is in the queue has its
/// credits and its part of the budgets set aside.
pub fn queued(before: &Job, after: &Job) -> Queued {
    let paused = |job: &Job| job.status == JobStatus::Paused;
    let by_hand = after.note.as_ref().is_some_and(|note| note.code == Note::PAUSED);
    match (paused(before), paused(after)) {
        (false, true) if by_hand => Queued::Hold,
        (true, false) => Queued::Release,
        (false | true, true) | (false, false) => Queued::Leave,
    }
}

/// How a job ends whose last item has ended: nothing of it is open any more.
fn ending(job: &Job) -> (JobStatus, Option<Note>) {
    let Counts { completed, failed, cancelled, .. } = job.counts;
    let total = job.counts.total();
    let failures = (failed > 0).then(|| Note::new("items_failed", format!("{failed} of {total} items failed.")));
    if job.stopping || (completed == 0 && failed == 0 && cancelled > 0) {
        (JobStatus::Cancelled, failures)
    } else if failed > 0 && completed == 0 {
        (JobStatus::Failed, failures)
    } else {
        (JobStatus::Completed, failures)
    }
}

#[cfg(test)]
mod tests;
