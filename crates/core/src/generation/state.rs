//! The states of a generation. Who moves it on is said at each state; how, in `transition.rs`.

use super::failure::Failure;
use crate::ledger::Metered;
use crate::{GenerationId, MicroCredits, NanoUsd, NodeId, Timestamp};
use std::fmt;
use std::time::Duration;

/// The status words, as they stand on disk and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Pending,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub const ALL: [Status; 5] = [Self::Pending, Self::Processing, Self::Completed, Self::Failed, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
    pub fn parse(word: &str) -> Option<Status> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// Final states never change again.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Processing => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number of a claim: the fence. 0 before the first claim; each claim raises it by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AttemptNo(pub u32);

/// Rises by exactly one with every change of a generation's state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RowVersion(pub i64);

/// Why a pending generation is not (yet) claimable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Claimable: it waits for its turn only.
    Ready,
    /// Asked for at a later time by its owner.
    Scheduled { until: Timestamp },
    /// An attempt failed; the next one may not start before.
    BackingOff { until: Timestamp },
    /// Another generation holds the same target.
    Target,
    /// Its job was paused before it had begun.
    Held,
}

/// The state, with the data that exists only in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Accepted and waiting. Leaves by a claim, its deadline or a cancel.
    Pending { wait: Wait },
    /// A worker of `node` runs the current attempt. Leaves by the attempt's end, a lost lease, the deadline or a cancel.
    Processing { node: NodeId, claimed_at: Timestamp, attempt_deadline: Timestamp },
    /// There is exactly one version. Final.
    Completed { at: Timestamp, settled: MicroCredits },
    /// There is none, and the hold was released. Final.
    Failed { at: Timestamp, failure: Failure },
    /// Stopped before anything was shown; the hold was released. Final.
    Cancelled { at: Timestamp },
}

impl State {
    pub const fn status(&self) -> Status {
        match self {
            State::Pending { .. } => Status::Pending,
            State::Processing { .. } => Status::Processing,
            State::Completed { .. } => Status::Completed,
            State::Failed { .. } => Status::Failed,
            State::Cancelled { .. } => Status::Cancelled,
        }
    }
}

/// What was agreed at accept. Nothing of it changes but the deadline, which its owner may move later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    pub accepted_at: Timestamp,
    /// Bounds the whole life, waiting included.
    pub deadline_at: Timestamp,
    /// Bounds one attempt.
    pub attempt_timeout: Duration,
    /// How many attempts may be spent, over all models of its route.
    pub max_attempts: u32,
    /// How many of them each model of the route gets. Attempt number `spent` (from 0) belongs to the model at place
    /// `spent / attempts_per_model`; leaving a model early uses up the rest of its share. At least 1.
    pub attempts_per_model: u32,
    /// Reserved from the user at accept; zero while credits are off.
    pub hold: MicroCredits,
    /// How the price follows from the cost, with the hold as the most; `None` where the hold is the price.
    pub metered: Option<Metered>,
    /// The most it may cost the operator over all its calls; `None` is no cap.
    pub cost_max: Option<NanoUsd>,
}

/// How a generation's attempts are shared out among the models of its route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    pub max_attempts: u32,
    pub attempts_per_model: u32,
}

impl Shares {
    /// How many attempts each model of the route gets: at least one, and no more than there are.
    pub fn share(&self) -> u32 {
        self.attempts_per_model.clamp(1, self.max_attempts.max(1))
    }

    /// The place in the route of the model whose turn it is after `spent` attempts.
    pub fn place(&self, spent: u32) -> u32 {
        spent / self.share()
    }

    /// Whether the route has a further model after the one whose turn it is after `spent` attempts.
    pub fn onward(&self, spent: u32) -> bool {
        (self.place(spent) + 1).saturating_mul(self.share()) < self.max_attempts
    }
}

impl Terms {
    pub fn shares(&self) -> Shares {
        Shares { max_attempts: self.max_attempts, attempts_per_model: self.attempts_per_model }
    }
    /// See [`Shares::share`].
    pub fn share(&self) -> u32 {
        self.shares().share()
    }
    /// See [`Shares::place`].
    pub fn place(&self, spent: u32) -> u32 {
        self.shares().place(spent)
    }
    /// See [`Shares::onward`].
    pub fn onward(&self, spent: u32) -> bool {
        self.shares().onward(spent)
    }
}

/// A generation as the decision sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generation {
    pub id: GenerationId,
    pub terms: Terms,
    pub state: State,
    pub attempt: AttemptNo,
    /// Attempts used up. A hand-back during a drain uses none, so `spent` may be less than `attempt`.
    pub spent: u32,
    pub row_version: RowVersion,
}
