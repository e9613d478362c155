//! What the installation knows of its models and providers: who is cooling down, and how much of the rates is used. The
//! rows are written by [`crate::GenerationStore::turn`], with the call's end, and by nothing else.

use crate::Answer;
use copydesk_core::health::{Health, Paid, Subject};

pub trait HealthStore: Send + Sync {
    /// Models and providers with which something is wrong, by name; at most [`HEALTH_ROWS_MAX`]. Empty when all is well.
    fn health(&self) -> Answer<'_, Vec<HealthRow>>;

    /// What the rate lanes have paid, by the lane's name.
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>>;
}

/// How many rows are read at most; those that opened last come first.
pub const HEALTH_ROWS_MAX: u32 = 1_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthRow {
    pub subject: Subject,
    pub health: Health,
}
