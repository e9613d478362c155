//! The words of jobs and their items, and how many items there are of each.

use crate::generation::Status;
use std::fmt;

/// The words of a job, on disk and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobStatus {
    /// Made, and not started yet.
    Pending,
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [JobStatus; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
    pub fn parse(word: &str) -> Option<JobStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// How an ended job stands among the final states; `None` while it is alive.
    pub const fn ended(self) -> Option<Status> {
        match self {
            Self::Pending | Self::Running | Self::Paused => None,
            Self::Completed => Some(Status::Completed),
            Self::Failed => Some(Status::Failed),
            Self::Cancelled => Some(Status::Cancelled),
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ItemStatus {
    /// Nothing was made of it yet.
    Pending,
    /// Its generation was accepted and has not ended: it waits for its turn or runs.
    Processing,
    /// Its draft is there.
    Completed,
    Failed,
    /// Not to be made: the reason stands beside it.
    Skipped,
    Cancelled,
}

impl ItemStatus {
    pub const ALL: [ItemStatus; 6] =
        [Self::Pending, Self::Processing, Self::Completed, Self::Failed, Self::Skipped, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
    pub fn parse(word: &str) -> Option<ItemStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// The end of an item whose generation ended so; `None` while that is alive.
    pub const fn after(generation: Status) -> Option<ItemStatus> {
        match generation {
            Status::Pending | Status::Processing => None,
            Status::Completed => Some(Self::Completed),
            Status::Failed => Some(Self::Failed),
            Status::Cancelled => Some(Self::Cancelled),
        }
    }
}

/// How many items there are of each status.
///
/// Invariant: their sum is the number of items of the job, always.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub pending: u64,
    pub processing: u64,
    pub completed: u64,
    pub failed: u64,
    pub skipped: u64,
    pub cancelled: u64,
}

impl Counts {
    pub const fn of(&self, status: ItemStatus) -> u64 {
        match status {
            ItemStatus::Pending => self.pending,
            ItemStatus::Processing => self.processing,
            ItemStatus::Completed => self.completed,
            ItemStatus::Failed => self.failed,
            ItemStatus::Skipped => self.skipped,
            ItemStatus::Cancelled => self.cancelled,
        }
    }
    pub fn slot(&mut self, status: ItemStatus) -> &mut u64 {
        match status {
            ItemStatus::Pending => &mut self.pending,
            ItemStatus::Processing => &mut self.processing,
            ItemStatus::Completed => &mut self.completed,
            ItemStatus::Failed => &mut self.failed,
            ItemStatus::Skipped => &mut self.skipped,
            ItemStatus::Cancelled => &mut self.cancelled,
        }
    }
    pub fn total(&self) -> u64 {
        ItemStatus::ALL.into_iter().map(|status| self.of(status)).sum()
    }
    /// Those that have not ended.
    pub const fn open(&self) -> u64 {
        self.pending + self.processing
    }
}
