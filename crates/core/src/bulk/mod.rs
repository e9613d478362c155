//! Bulk actions: one action on many generations or drafts. Those it concerns are gathered first, page by page, and become
//! its items; then each item is acted on, once, and says what came of it. The set is closed when it is gathered: what is
//! made later is not touched. Reads no clock, touches no store.

#[cfg(test)]
mod tests;

use crate::generation::Status;
use crate::job::Note;
use crate::refusal::Refusal;
use crate::{BulkId, Timestamp, UserId, WorkspaceId};
use std::fmt;
use std::time::Duration;

/// Progress is told at most this often.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// What is done to each item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Stops generations that are live.
    Cancel,
    /// Tries failed or cancelled generations again.
    Retry,
    Approve,
    Reject,
    /// Soft, as for one draft.
    Delete,
    /// Takes deletions back.
    Undelete,
    /// Does nothing to them: it keeps which they are, to be read as one file.
    Export,
}

impl Action {
    pub const ALL: [Action; 7] =
        [Self::Cancel, Self::Retry, Self::Approve, Self::Reject, Self::Delete, Self::Undelete, Self::Export];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Export => "export",
        }
    }
    pub fn parse(word: &str) -> Option<Action> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
    /// What it is done to; `None` where the request has to say.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Cancel | Self::Retry => Some(Kind::Generations),
            Self::Approve | Self::Reject | Self::Delete | Self::Undelete => Some(Kind::Drafts),
            Self::Export => None,
        }
    }
    /// Which generations it can do anything to, when the request does not name a status. Empty is all.
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Self::Cancel => &[Status::Pending, Status::Processing],
            Self::Retry => &[Status::Failed],
            Self::Approve | Self::Reject | Self::Delete | Self::Undelete | Self::Export => &[],
        }
    }
    /// Whether it can do anything to a generation of this status.
    pub fn fits(self, status: Status) -> bool {
        match self {
            Self::Retry => matches!(status, Status::Failed | Status::Cancelled),
            Self::Cancel | Self::Approve | Self::Reject | Self::Delete | Self::Undelete | Self::Export => {
                self.statuses().is_empty() || self.statuses().contains(&status)
            }
        }
    }
}

/// What the items are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    Generations,
    Drafts,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Self::Generations, Self::Drafts];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generations => "generations",
            Self::Drafts => "drafts",
        }
    }
    pub fn parse(word: &str) -> Option<Kind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BulkStatus {
    /// Its items are being found.
    Gathering,
    /// They are acted on.
    Running,
    Completed,
    Cancelled,
}

impl BulkStatus {
    pub const ALL: [BulkStatus; 4] = [Self::Gathering, Self::Running, Self::Completed, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
    pub fn parse(word: &str) -> Option<BulkStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// How an ended one stands among the final states; `None` while it is at work.
    pub const fn ended(self) -> Option<Status> {
        match self {
            Self::Gathering | Self::Running => None,
            Self::Completed => Some(Status::Completed),
            Self::Cancelled => Some(Status::Cancelled),
        }
    }
}

impl fmt::Display for BulkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// Nothing yet; in a bulk action that was cancelled: nothing, and nothing will.
    Open,
    /// It is as the action makes it, also where it was so before.
    Done,
    /// The action means nothing for it: the reason stands beside it.
    Skipped,
    Failed,
}

impl Outcome {
    pub const ALL: [Outcome; 4] = [Self::Open, Self::Done, Self::Skipped, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
    pub fn parse(word: &str) -> Option<Outcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// How many items there are of each outcome.
///
/// Invariant: their sum is the number of items, always.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub open: u64,
    pub done: u64,
    pub skipped: u64,
    pub failed: u64,
}

impl Tally {
    pub fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Open => &mut self.open,
            Outcome::Done => &mut self.done,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Failed => &mut self.failed,
        }
    }
    pub const fn total(&self) -> u64 {
        self.open + self.done + self.skipped + self.failed
    }
}

/// A bulk action as decisions see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bulk {
    pub id: BulkId,
    pub workspace: WorkspaceId,
    /// Whose things it may touch; `None` is everybody's.
    pub user: Option<UserId>,
    pub action: Action,
    pub status: BulkStatus,
    /// Where gathering goes on, in the words of whoever gathers; `None` when all are found.
    pub walk: Option<String>,
    pub tally: Tally,
    /// What there is to say about it.
    pub note: Option<Note>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When its progress was last told.
    pub told_at: Option<Timestamp>,
}

/// A bulk action to be written, and whether that is told and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    pub bulk: Bulk,
    pub news: Option<News>,
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
            News::Progress => "bulk.progress",
            News::Finished => "bulk.finished",
        }
    }
}

impl Bulk {
    /// `found` more items are there, and gathering goes on at `walk`.
    pub fn gathered(mut self, found: u64, walk: Option<String>, note: Option<Note>, at: Timestamp) -> Changed {
        // An export has nothing to do to them.
        let outcome = if self.action == Action::Export { Outcome::Done } else { Outcome::Open };
        *self.tally.slot(outcome) += found;
        self.walk = walk;
        self.note = note.or(self.note);
        self.moved(at)
    }

    /// These open items have ended so. Also after a cancel: what was under way then was done.
    pub fn ended(mut self, outcomes: impl IntoIterator<Item = Outcome>, at: Timestamp) -> Changed {
        for outcome in outcomes {
            // The rows of items are the truth, and each was open once; the database refuses a sum that does not hold.
            self.tally.open = self.tally.open.saturating_sub(1);
            *self.tally.slot(outcome) += 1;
        }
        self.moved(at)
    }

    /// Lets no further item be acted on. `None` when it is cancelled already.
    ///
    /// Errors: [`Refusal::AlreadyTerminal`] when it is completed.
    pub fn cancelled(mut self, at: Timestamp) -> Result<Option<Changed>, Refusal> {
        match self.status {
            BulkStatus::Completed => Err(Refusal::AlreadyTerminal { status: Status::Completed }),
            BulkStatus::Cancelled => Ok(None),
            BulkStatus::Gathering | BulkStatus::Running => {
                (self.status, self.walk, self.finished_at) = (BulkStatus::Cancelled, None, Some(at));
                self.updated_at = at;
                self.told_at = Some(at);
                Ok(Some(Changed { bulk: self, news: Some(News::Finished) }))
            }
        }
    }

    fn moved(mut self, at: Timestamp) -> Changed {
        self.updated_at = self.updated_at.max(at);
        let before = self.status;
        if before != BulkStatus::Cancelled {
            self.status = match (&self.walk, self.tally.open) {
                (Some(_), _) => BulkStatus::Gathering,
                (None, 0) => BulkStatus::Completed,
                (None, _) => BulkStatus::Running,
            };
        }
        let finishes = before.ended().is_none() && self.status.ended().is_some();
        if finishes {
            self.finished_at = Some(self.updated_at);
        }
        let due = self.told_at.is_none_or(|told| self.updated_at >= told.plus(TOLD_EVERY));
        let news = match (finishes, due) {
            (true, _) => Some(News::Finished),
            (false, true) => Some(News::Progress),
            (false, false) => None,
        };
        if news.is_some() {
            self.told_at = Some(self.updated_at);
        }
        Changed { bulk: self, news }
    }
}
