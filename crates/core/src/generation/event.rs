//! What can happen to a generation: facts in the past. An event of an attempt names the attempt, so that a late one can
//! be told from a current one.

use super::failure::Failure;
use super::state::AttemptNo;
use crate::{NanoUsd, NodeId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A node took it from the queue.
    Claimed { node: NodeId },
    /// A checkpoint inside the attempt was reached; the attempt goes on.
    StepFinished { attempt: AttemptNo },
    /// The attempt has a result. `cost` is what the calls cost whose output is in it: those of this attempt, and those of
    /// steps that earlier ones finished. `None` where one of them is not known.
    AttemptSucceeded { attempt: AttemptNo, success: Success, cost: Option<NanoUsd> },
    /// The attempt has none. `fallback` says that the recipe has an honest fallback for this failure, to be used when no
    /// further attempt is due.
    AttemptFailed { attempt: AttemptNo, failure: Failure, jitter: Jitter, fallback: Option<FallbackReason> },
    /// No call was made, because the model is left alone and its route has further ones. `doors` says of each model of the
    /// route, in order, until when it is left alone; `None` is not at all.
    PassedOver { attempt: AttemptNo, failure: Failure, doors: Vec<Option<Timestamp>> },
    /// The node that ran it is gone.
    LeaseExpired { jitter: Jitter },
    /// The clock passed `deadline_at`.
    DeadlinePassed,
    /// A node that shuts down gives it back; no attempt is used up.
    HandedBack { attempt: AttemptNo },
    /// Its owner wants it stopped.
    CancelRequested,
    /// The job it is an item of was paused by hand.
    JobPaused,
    /// And goes on.
    JobResumed,
    /// Its owner gives it more time.
    ExtensionRequested { deadline_at: Timestamp },
}

/// What a successful attempt brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Success {
    /// The model's answer, of the form the recipe asks for.
    Generated,
    /// The recipe's honest substitute: marked, never charged.
    Fallback(FallbackReason),
    /// Stopped by its reader after output was shown: what there is becomes the version.
    Stopped,
}

/// The machine word that says why a version is a fallback, e.g. `unparsable_answer`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FallbackReason(pub String);

/// A random number drawn by the caller, so that retries spread without the core rolling dice. Units: parts of 65,536.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Jitter(pub u16);

impl Event {
    /// The instant a claim made now must be over, for [`Event::Claimed`].
    pub fn attempt_deadline(now: Timestamp, timeout: std::time::Duration, deadline_at: Timestamp) -> Timestamp {
        now.plus(timeout).min(deadline_at)
    }
}
