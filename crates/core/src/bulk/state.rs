//! The words of bulk actions and their items, and how many items there are of each outcome.

use crate::generation::Status;
use std::fmt;

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
    /// How its items begin: an export has nothing to do to them.
    pub const fn at_first(self) -> Outcome {
        match self {
            Self::Export => Outcome::Done,
            Self::Cancel | Self::Retry | Self::Approve | Self::Reject | Self::Delete | Self::Undelete => Outcome::Open,
        }
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
