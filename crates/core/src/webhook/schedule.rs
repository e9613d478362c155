//! When a message is sent again, and when an endpoint is given up. One pure function.

use super::{Disabled, End, Outcome};
use crate::Timestamp;
use crate::generation::event::Jitter;
use std::time::Duration;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// The pauses between attempts; the first attempt comes at once. Three days and three hours in all.
///
/// Source: the table of Standard Webhooks 1.0 (read November 2026).
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
];
/// How often a message is sent.
pub const ATTEMPTS_MAX: u32 = PAUSES.len() as u32 + 1;
/// An endpoint that had nothing but failures for so long is disabled.
pub const FAILING_MAX: Duration = minutes(5 * 24 * 60);
/// How long messages of a disabled endpoint are kept for it.
pub const PUT_BY_MAX: Duration = minutes(7 * 24 * 60);
/// The longest pause a receiver may ask for with `Retry-After`; more counts as this.
pub const RETRY_AFTER_MAX: Duration = minutes(24 * 60);

/// What the decision needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub outcome: Outcome,
    /// How many attempts of this round were made, this one included.
    pub tries: u32,
    /// A test message: it is sent once.
    pub once: bool,
    /// Since when the endpoint had nothing but failures, before this attempt. `None` also where nobody keeps count: the
    /// addresses of single requests.
    pub failing_since: Option<Timestamp>,
    /// The endpoint is one whose end ends the messages: not the addresses of single requests.
    pub can_disable: bool,
    pub retry_after: Option<Duration>,
    pub now: Timestamp,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Again { at: Timestamp },
    Ended(End),
}

/// What follows an attempt, for its message and for its endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Next {
    pub then: Then,
    pub disable: Option<Disabled>,
}

/// What follows an attempt. Jitter adds up to a tenth of the pause, so that what failed together does not come back
/// together. An endpoint that is disabled for its failures takes no message along: each waits for its next try, and for the
/// endpoint to be enabled ([`while_disabled`]).
pub fn after_attempt(facts: &Facts, jitter: Jitter) -> Next {
    match facts.outcome {
        Outcome::Ok => return Next { then: Then::Ended(End::Delivered), disable: None },
        Outcome::Gone => {
            let disable = facts.can_disable.then_some(Disabled::Gone);
            return Next { then: Then::Ended(End::GivenUp), disable };
        }
        Outcome::Status
        | Outcome::Redirect
        | Outcome::Timeout
        | Outcome::NoName
        | Outcome::Connect
        | Outcome::Blocked
        | Outcome::Broken
        | Outcome::NoSecret => {}
    }
    let failing = facts.failing_since.is_some_and(|since| facts.now.since(since) >= FAILING_MAX);
    let disable = (failing && facts.can_disable && !facts.once).then_some(Disabled::Failing);
    let place = facts.tries.saturating_sub(1) as usize;
    let then = match PAUSES.get(place).filter(|_| !facts.once) {
        None => Then::Ended(End::GivenUp),
        Some(pause) => {
            let asked = facts.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
            let pause = (*pause).max(asked);
            Then::Again { at: facts.now.plus(pause + pause / 10 * u32::from(jitter.0) / u32::from(u16::MAX)) }
        }
    };
    Next { then, disable }
}

/// What becomes of a message that is due while its endpoint is disabled: it is put by until that has been so for
/// [`PUT_BY_MAX`]. A receiver that said 410 wants none.
pub fn while_disabled(since: Timestamp, why: Disabled, now: Timestamp) -> Then {
    match why {
        Disabled::ByHand | Disabled::Failing if now < put_by(since) => Then::Again { at: put_by(since) },
        Disabled::ByHand | Disabled::Failing | Disabled::Gone => Then::Ended(End::Dropped),
    }
}

/// Until when messages of an endpoint that was disabled then are kept for it.
pub fn put_by(disabled_at: Timestamp) -> Timestamp {
    disabled_at.plus(PUT_BY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn facts(outcome: Outcome, tries: u32) -> Facts {
        Facts { outcome, tries, once: false, failing_since: None, can_disable: true, retry_after: None, now: NOW }
    }

    fn pause(facts: &Facts, jitter: u16) -> Option<u64> {
        match after_attempt(facts, Jitter(jitter)) {
            Next { then: Then::Again { at }, .. } => Some(at.since(facts.now).as_secs()),
            Next { then: Then::Ended(_), .. } => None,
        }
    }

    fn given_up(disable: Option<Disabled>) -> Next {
        Next { then: Then::Ended(End::GivenUp), disable }
    }

    #[test]
    fn ten_attempts_over_three_days_and_then_no_more() {
        let pauses: Vec<Option<u64>> = (1..=ATTEMPTS_MAX).map(|n| pause(&facts(Outcome::Timeout, n), 0)).collect();
        let hours = |hours: u64| Some(hours * 3_600);
        let table =
            [Some(5), Some(300), Some(1_800), hours(2), hours(5), hours(10), hours(14), hours(20), hours(24), None];
        assert_eq!(pauses, table);
        assert_eq!(pause(&facts(Outcome::Status, 2), u16::MAX), Some(330), "jitter adds a tenth at most");
    }

    #[test]
    fn only_2xx_is_a_success() {
        let ends = |status| after_attempt(&facts(Outcome::of_status(status), 1), Jitter(0));
        let delivered = Next { then: Then::Ended(End::Delivered), disable: None };
        for status in 100..600 {
            assert_eq!(ends(status) == delivered, (200..300).contains(&status), "{status}");
        }
        assert_eq!((Outcome::of_status(302), Outcome::of_status(410)), (Outcome::Redirect, Outcome::Gone));
    }

    #[test]
    fn a_410_disables_the_endpoint_and_ends_only_the_message_of_a_single_request() {
        let disabled = |can_disable| after_attempt(&Facts { can_disable, ..facts(Outcome::Gone, 1) }, Jitter(0));
        assert_eq!(disabled(true), given_up(Some(Disabled::Gone)));
        assert_eq!(disabled(false), given_up(None));
    }

    #[test]
    fn five_days_of_failure_only_disable_the_endpoint_and_give_up_no_message() {
        let since = |failing_since| Facts { failing_since, ..facts(Outcome::Connect, 3) };
        assert_eq!(pause(&since(Some(NOW.minus(5 * DAY - Duration::from_secs(1)))), 0), Some(1_800));
        let five = since(Some(NOW.minus(5 * DAY)));
        let at = NOW.plus(minutes(30));
        let over = Next { then: Then::Again { at }, disable: Some(Disabled::Failing) };
        assert_eq!(after_attempt(&five, Jitter(0)), over, "its message has its tries left");
        let last = Facts { tries: ATTEMPTS_MAX, ..five };
        assert_eq!(after_attempt(&last, Jitter(0)), given_up(Some(Disabled::Failing)));
        let ping = Facts { once: true, ..since(Some(NOW.minus(9 * DAY))) };
        assert_eq!(after_attempt(&ping, Jitter(0)), given_up(None), "tests harm nobody");
    }

    #[test]
    fn messages_of_a_disabled_endpoint_are_put_by_for_a_week_and_those_of_one_that_is_gone_are_not() {
        for why in [Disabled::ByHand, Disabled::Failing] {
            let end = NOW.plus(7 * DAY);
            assert_eq!(while_disabled(NOW, why, NOW.plus(DAY)), Then::Again { at: end });
            assert_eq!(while_disabled(NOW, why, end), Then::Ended(End::Dropped));
        }
        assert_eq!(while_disabled(NOW, Disabled::Gone, NOW), Then::Ended(End::Dropped));
    }

    #[test]
    fn retry_after_lengthens_a_pause_never_shortens_it_and_has_an_end() {
        let asked = |seconds, tries| {
            pause(&Facts { retry_after: Some(Duration::from_secs(seconds)), ..facts(Outcome::Status, tries) }, 0)
        };
        assert_eq!(asked(60, 1), Some(60));
        assert_eq!(asked(60, 2), Some(300));
        assert_eq!(asked(u64::MAX, 1), Some(86_400));
    }

    #[test]
    fn words_read_back() {
        assert!(Outcome::ALL.into_iter().all(|it| Outcome::parse(it.as_str()) == Some(it)));
        assert!(End::ALL.into_iter().all(|it| End::parse(it.as_str()) == Some(it)));
        assert!(Disabled::ALL.into_iter().all(|it| Disabled::parse(it.as_str()) == Some(it)));
    }
}
