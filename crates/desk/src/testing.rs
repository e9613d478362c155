//! Test mode: what tests of an application on Copydesk may do to its server and nobody else may: move its clock forward, and
//! make the demo provider misbehave for a while. Off unless asked for; never on beside a real provider's key.

use crate::clock::MovableClock;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::lease;
use copydesk_providers::demo::NAME;
pub use copydesk_providers::demo::{Fault, FaultSet, Faults};
use std::sync::Arc;
use std::time::Duration;

/// The furthest the clock goes ahead in all: ten years.
pub const AHEAD_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3_600);

/// What a server in test mode can be told.
#[derive(Clone)]
pub struct TestMode {
    pub clock: Arc<MovableClock>,
    pub faults: Faults,
}

impl std::fmt::Debug for TestMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestMode")
    }
}

impl TestMode {
    /// The part of an address that is a model of the demo provider which can be made to misbehave.
    pub fn model(address: &str) -> Option<&str> {
        address.strip_prefix(NAME)?.strip_prefix('/').filter(|model| Faults::knows(model))
    }
    /// The address of such a model.
    pub fn address(model: &str) -> String {
        format!("{NAME}/{model}")
    }
}

impl Desk {
    /// Moves the clock forward, and everybody who sleeps until then wakes. False, and nothing moved, when it would be more
    /// than [`AHEAD_MAX`] ahead.
    ///
    /// Errors: of the store, which is told first that this node lives.
    pub async fn move_clock(&self, test: &TestMode, span: Duration) -> Result<bool, DeskError> {
        if test.clock.ahead().saturating_add(span) > AHEAD_MAX {
            return Ok(false);
        }
        lease::move_clock(&self.inner, &test.clock, span).await?;
        Ok(true)
    }
}
