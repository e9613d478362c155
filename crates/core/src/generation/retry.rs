//! Retry or give up: decided here and nowhere else.

use super::event::Jitter;
use super::failure::Failure;
use super::state::{Terms, Wait};
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

/// Where a generation goes whose model is left alone: how many attempts count as spent then, and how it waits. It goes on
/// to the first further model of its route that may be called, past all that may not; when there is none it keeps its
/// model and its attempts, and waits until the first of them may be called again.
pub fn pass_over(terms: &Terms, spent: u32, doors: &[Option<Timestamp>]) -> (u32, Wait) {
    let share = terms.share();
    let here = terms.place(spent);
    let last = (terms.max_attempts.max(1) - 1) / share;
    let further = (here..=last).zip(doors.iter().skip(here as usize));
    let open = further.clone().find(|(_, door)| door.is_none());
    match open {
        Some((place, _)) if place > here => (place * share, Wait::Ready),
        Some(_) => (spent, Wait::Ready),
        None => match further.filter_map(|(_, door)| *door).min() {
            Some(until) => (spent, Wait::BackingOff { until }),
            None => (spent, Wait::Ready),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MicroCredits;

    #[test]
    fn what_is_passed_over_goes_to_the_first_open_model_or_waits_in_place_for_the_first_to_open() {
        let at = |s: i64| Timestamp::from_micros(s * 1_000_000);
        let terms = Terms {
            accepted_at: at(0),
            deadline_at: at(3_600),
            attempt_timeout: Duration::from_secs(60),
            max_attempts: 12,
            attempts_per_model: 3,
            hold: MicroCredits::ZERO,
            metered: None,
            cost_max: None,
        };
        let closed = |s| Some(at(s));
        let ready = |spent| (spent, Wait::Ready);
        assert_eq!(pass_over(&terms, 1, &[closed(9), None, None, None]), ready(3));
        assert_eq!(pass_over(&terms, 1, &[closed(9), closed(9), closed(5), None]), ready(9), "straight to it");
        let waits = |spent, s| (spent, Wait::BackingOff { until: at(s) });
        assert_eq!(pass_over(&terms, 1, &[closed(9), closed(7), closed(8), closed(9)]), waits(1, 7));
        assert_eq!(pass_over(&terms, 4, &[closed(3), closed(7), closed(8), closed(9)]), waits(4, 7), "none goes back");
        assert_eq!(pass_over(&terms, 4, &[None, closed(7), closed(8), closed(9)]), waits(4, 7));
        assert_eq!(pass_over(&terms, 4, &[closed(9), None, None, None]), ready(4), "it may be called again meanwhile");
        let (shorter, longer) = ([closed(9)], [closed(9), closed(9), closed(9), closed(8), None]);
        assert_eq!(pass_over(&terms, 0, &shorter), waits(0, 9), "the route was shortened meanwhile");
        assert_eq!(pass_over(&terms, 0, &longer), waits(0, 8), "no attempts were accepted for a fifth");
    }
}
