//! How the installation is: which models and providers are cooling down, how much of the rates is used, what waits. The
//! rows are written by [`crate::GenerationStore::turn`], with the call's end, and by nothing else.

use crate::Answer;
use copydesk_core::Timestamp;
use copydesk_core::health::{Health, Paid, Subject};

pub trait HealthStore: Send + Sync {
    /// Models and providers with which something is wrong, by name; at most [`HEALTH_ROWS_MAX`]. Empty when all is well.
    fn health(&self) -> Answer<'_, Vec<HealthRow>>;

    /// What the rate lanes have paid, by the lane's name.
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>>;

    /// What waits, over all workspaces. It counts every pending generation, so it is for a look now and then.
    fn backlog(&self) -> Answer<'_, Backlog>;
}

/// How many rows are read at most; those that opened last come first.
pub const HEALTH_ROWS_MAX: u32 = 1_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthRow {
    pub subject: Subject,
    pub health: Health,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// Ordered by recipe, then model, then reason; nothing where nothing waits.
    pub depths: Vec<Depth>,
    /// Ordered by recipe, then model; nothing where nothing is being worked on.
    pub loads: Vec<Load>,
    /// When the oldest of those was accepted that a worker may claim.
    pub oldest_ready: Option<Timestamp>,
}

/// How many generations of a recipe are being worked on with a model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Load {
    pub recipe: String,
    /// `provider/model`
    pub model: String,
    pub running: u64,
}

/// How many generations of a recipe and model wait for the same kind of thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Depth {
    pub recipe: String,
    /// `provider/model` of their next call.
    pub model: String,
    /// `ready` (for its turn), `scheduled`, `backing_off`, `target` or `held` (its job is paused).
    pub reason: String,
    pub waiting: u64,
}

impl Depth {
    /// The reason of those that wait for nothing but their turn.
    pub const READY: &'static str = "ready";
}
