//! Retention: usage rows and events that are old enough go. No total changes, and nothing of the ledger ever goes.

use crate::Answer;
use copydesk_core::Timestamp;

pub trait RetentionStore: Send + Sync {
    /// Looks at one batch in the order of age and removes of it what is old, in all workspaces. What removed calls had used
    /// is noted in the same transaction, so that the auditor can still prove the totals. Never a call of a generation that
    /// is live or ended later than `before`, never an open one, never the newest event of a workspace.
    fn prune(&self, prune: Prune) -> Answer<'_, Pruned>;
}

/// What is removed for its age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aged {
    Calls,
    Events,
    /// Messages to webhooks that have ended, with their attempts.
    Deliveries,
}

impl Aged {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Aged::Calls => "calls",
            Aged::Events => "events",
            Aged::Deliveries => "deliveries",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prune {
    pub what: Aged,
    /// Calls closed, events written, messages ended before it.
    pub before: Timestamp,
    /// Where the last batch ended.
    pub after: Option<Place>,
    /// How many rows are looked at.
    pub limit: u32,
    /// Only counts.
    pub dry_run: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pruned {
    /// How many were removed, or would have been.
    pub removed: u64,
    /// Where to go on; `None` when there is nothing more that could be old.
    pub next: Option<Place>,
}

/// A place in the order in which rows are looked at: the workspace, then a call's id, an event's number or a message's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub workspace: copydesk_core::WorkspaceId,
    pub key: u128,
}

impl Place {
    /// After everything of its workspace.
    pub fn past(self) -> Place {
        Place { key: u128::MAX, ..self }
    }
}

/// Where a scan goes on after a batch: the last row that was looked at, and whether it is too young. Rows stand in the
/// order of their age, so behind one that is too young only the next workspace is of interest.
pub fn next(looked: usize, limit: u32, last: Option<(Place, bool)>) -> Option<Place> {
    let (place, young) = last?;
    if young { Some(place.past()) } else { (looked >= limit as usize).then_some(place) }
}
