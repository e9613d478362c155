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
    /// The same model again.
    RetryAt(Timestamp),
    /// The next model of the route, at once: it is not the one that failed. `spent` is where its share begins.
    NextModel {
        spent: u32,
    },
    GiveUp,
}

/// What follows when the attempt after `spent` used-up ones failed. The same model is tried again while the failure may
/// pass and its share lasts; then the route's next model, where another one may do better; else, or when the deadline
/// would pass first, it is over.
pub fn next(terms: &Terms, spent: u32, failure: &Failure, jitter: Jitter, now: Timestamp) -> Next {
    let share = terms.share();
    let place = terms.place(spent);
    let tries = spent % share + 1;
    let tries_max = failure.tries_max.unwrap_or(share).min(share);
    if failure.code.retryable() && tries < tries_max {
        let at = now.plus(RetryPolicy::DEFAULT.wait(tries, failure, jitter));
        return if at >= terms.deadline_at { Next::GiveUp } else { Next::RetryAt(at) };
    }
    if failure.elsewhere && terms.onward(spent) && now < terms.deadline_at {
        return Next::NextModel { spent: (place + 1) * share };
    }
    Next::GiveUp
}
