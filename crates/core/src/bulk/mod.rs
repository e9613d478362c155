//! Bulk actions: one action on many generations or drafts. Those it concerns are gathered first, page by page, and become
//! its items; then each item is acted on, once, and says what came of it. The set is closed when it is gathered: what is
//! made later is not touched. Reads no clock, touches no store.

mod state;

pub use state::{Action, BulkStatus, Kind, Outcome, Tally};

use crate::generation::Status;
use crate::job::Note;
use crate::refusal::Refusal;
use crate::{BulkId, Timestamp, UserId, WorkspaceId};
use std::time::Duration;

/// Progress is told at most this often.
const TOLD_EVERY: Duration = Duration::from_millis(500);

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
        *self.tally.slot(self.action.at_first()) += found;
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

#[cfg(test)]
mod tests;
