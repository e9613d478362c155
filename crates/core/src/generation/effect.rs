//! What a decision orders. The store carries all effects of one decision out in one transaction, or none.

use super::event::FallbackReason;
use super::failure::Failure;
use super::state::{AttemptNo, RowVersion, State};
use crate::{MicroCredits, Timestamp};

/// Where a version's content comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    Generated,
    Fallback(FallbackReason),
    /// Output of a generation its reader stopped.
    Stopped,
    Edited,
    /// A copy of an earlier version.
    Restored {
        from: u32,
    },
}

impl Origin {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Origin::Generated => "generated",
            Origin::Fallback(_) => "fallback",
            Origin::Stopped => "stopped",
            Origin::Edited => "edited",
            Origin::Restored { .. } => "restored",
        }
    }
    /// The words beside the origin: why a fallback, which version was restored.
    pub fn reason(&self) -> Option<String> {
        match self {
            Origin::Fallback(reason) => Some(reason.0.clone()),
            Origin::Restored { from } => Some(format!("from version {from}")),
            Origin::Generated | Origin::Stopped | Origin::Edited => None,
        }
    }
}

/// What happens to the draft of the generation. A draft that already has a version stays as it is, except for
/// [`DraftMove::Fill`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftMove {
    ToPending,
    ToProcessing,
    /// It gets the new version.
    Fill,
    ToFailed,
    ToCancelled,
}

/// One order to the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write the content the caller brings as the draft's next version.
    StoreVersion(Origin),
    MoveDraft(DraftMove),
    /// Take this from the hold. At most once per generation.
    SettleHold(MicroCredits),
    /// Give this of the hold back. At most once per generation.
    ReleaseHold(MicroCredits),
    /// A metered price came to this much above the hold: booked as the operator's loss. At most once per generation.
    Absorb(MicroCredits),
    /// Let the next generation of the same target and the same dedupe key in.
    FreeTarget,
    /// Put it back into the queue; when, is said by the next state.
    Requeue,
    /// Append an event of this kind to the workspace's sequence.
    Announce(Announcement),
}

/// The kinds of durable generation events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Announcement {
    Retrying,
    Completed,
    Failed,
    Cancelled,
    Extended,
}

impl Announcement {
    pub const fn as_str(self) -> &'static str {
        match self {
            Announcement::Retrying => "generation.retrying",
            Announcement::Completed => "generation.completed",
            Announcement::Failed => "generation.failed",
            Announcement::Cancelled => "generation.cancelled",
            Announcement::Extended => "generation.extended",
        }
    }
}

/// The outcome of [`super::transition`]: the state to write and everything that must be written with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    pub next: State,
    pub attempt: AttemptNo,
    pub spent: u32,
    /// Always the old one plus one.
    pub row_version: RowVersion,
    /// Why the last attempt failed, for a generation that goes back to the queue: shown while it waits.
    pub noted: Option<Failure>,
    /// The deadline from now on, where this moves it. State and place in the queue stay.
    pub deadline_at: Option<Timestamp>,
    pub effects: Vec<Effect>,
}
