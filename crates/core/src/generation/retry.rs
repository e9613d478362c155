//! Retry or give up: decided here and nowhere else.

use super::event::Jitter;
use super::failure::Failure;
use super::state::Terms;
use crate::Timestamp;
use std::time::Duration;

/// How long to wait before the next attempt.
///
/// Units: `base` before the second attempt, doubled for each further one, at most `cap`; a share of up to a quarter is
/// added at random so that many failed generations do not come back at once.
/// Source: seed S2 (1 s, 2 s).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    pub base: Duration,
    pub cap: Duration,
    /// The longest `Retry-After` that is obeyed.
    pub retry_after_cap: Duration,
}

impl RetryPolicy {
    pub const DEFAULT: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        retry_after_cap: Duration::from_secs(600),
    };

    /// The wait after the `spent`-th attempt. Never shorter than what the provider asked for (up to the cap).
    pub fn wait(&self, spent: u32, failure: &Failure, jitter: Jitter) -> Duration {
        let doublings = spent.saturating_sub(1).min(20);
        let backoff = self.base.saturating_mul(1 << doublings).min(self.cap);
        let spread = backoff / 4 * u32::from(jitter.0) / 65_536;
        let asked = failure.retry_after.unwrap_or(Duration::ZERO).min(self.retry_after_cap);
        (backoff + spread).max(asked)
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    RetryAt(Timestamp),
    GiveUp,
}

/// Whether another attempt is due after `spent` of them, and when. None is, when the failure would only repeat, the
/// attempts are used up, or the deadline would pass before it could start.
pub fn next(terms: &Terms, spent: u32, failure: &Failure, jitter: Jitter, now: Timestamp) -> Next {
    if !failure.code.retryable() || spent >= terms.max_attempts {
        return Next::GiveUp;
    }
    let at = now.plus(RetryPolicy::DEFAULT.wait(spent, failure, jitter));
    if at >= terms.deadline_at { Next::GiveUp } else { Next::RetryAt(at) }
}
