//! Rates: so many requests and so many tokens per minute, over all processes. Each limit is one stored instant, the
//! "theoretical arrival" of the generic cell rate algorithm: what was paid so far is paid off at this instant if nothing
//! more comes. Requests are paid when they start, tokens when they are known. Integers only; never reads a clock.
//! Source: ITU-T I.371 annex A, read 2026-01.

use crate::{Timestamp, Tokens};
use std::num::NonZeroU32;
use std::time::Duration;

const MINUTE_US: i64 = 60_000_000;
/// How much of a minute's requests may start at one moment.
pub const BURST: Duration = Duration::from_secs(5);
/// How far ahead the tokens already used may be before further requests wait.
pub const TOKENS_AHEAD: Duration = Duration::from_secs(15);

/// No single debt is longer, so that the sums stay within every calendar.
pub const DEBT_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What a lane may do in a minute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rate {
    pub requests_per_minute: Option<NonZeroU32>,
    pub tokens_per_minute: Option<NonZeroU32>,
}

/// What a lane has paid, as stored. No row is the beginning of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paid {
    /// The requests so far are paid off at this instant.
    pub requests_at: Timestamp,
    /// The tokens so far are.
    pub tokens_at: Timestamp,
}

impl Default for Paid {
    fn default() -> Paid {
        Paid { requests_at: Timestamp::from_micros(0), tokens_at: Timestamp::from_micros(0) }
    }
}

/// What something costs, as time. Debts of a lane add up in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Debt {
    pub requests: Duration,
    pub tokens: Duration,
}

impl Debt {
    pub fn is_none(self) -> bool {
        self == Debt::default()
    }
    pub fn and(self, more: Debt) -> Debt {
        Debt { requests: self.requests.saturating_add(more.requests), tokens: self.tokens.saturating_add(more.tokens) }
    }
}

impl Paid {
    /// The instants after `debt`. `rates/add_debt.sql` says the same.
    pub fn plus(self, debt: Debt, now: Timestamp) -> Paid {
        Paid {
            requests_at: self.requests_at.max(now).plus(debt.requests),
            tokens_at: self.tokens_at.max(now).plus(debt.tokens),
        }
    }
}

impl Rate {
    /// The time one request takes of the minute. Rounding: upward, so that the rate is never exceeded.
    fn interval_us(per_minute: NonZeroU32) -> i64 {
        let per_minute = i64::from(per_minute.get());
        (MINUTE_US + per_minute - 1) / per_minute
    }

    /// How long before a request is paid off the next may start: room for a burst of [`BURST`]'s worth, at least one.
    fn tolerance_us(per_minute: NonZeroU32) -> i64 {
        let burst = i64::from(per_minute.get()) * span_us(BURST) / MINUTE_US;
        (burst.max(1) - 1) * Rate::interval_us(per_minute)
    }

    /// How many requests may start at `now`.
    pub fn room(&self, paid: Paid, now: Timestamp) -> u32 {
        if self.tokens_per_minute.is_some() && paid.tokens_at > now.plus(TOKENS_AHEAD) {
            return 0;
        }
        let Some(per_minute) = self.requests_per_minute else { return u32::MAX };
        let ahead = paid.requests_at.max(now).micros() - now.micros();
        let left = Rate::tolerance_us(per_minute) - ahead;
        if left < 0 { 0 } else { u32::try_from(left / Rate::interval_us(per_minute) + 1).unwrap_or(u32::MAX) }
    }

    /// When there will be room again; `None` when there is some at `now`.
    pub fn opens_at(&self, paid: Paid, now: Timestamp) -> Option<Timestamp> {
        let requests = self.requests_per_minute.map(|per_minute| {
            Timestamp::from_micros(paid.requests_at.micros().saturating_sub(Rate::tolerance_us(per_minute)))
        });
        let tokens = self.tokens_per_minute.map(|_| paid.tokens_at.minus(TOKENS_AHEAD));
        requests.into_iter().chain(tokens).max().filter(|at| *at > now)
    }

    /// What so many requests and tokens cost of this rate.
    pub fn cost(&self, requests: u32, tokens: Tokens) -> Debt {
        let requests = self
            .requests_per_minute
            .map_or(0, |per_minute| i64::from(requests).saturating_mul(Rate::interval_us(per_minute)));
        let tokens = self.tokens_per_minute.map_or(0, |per_minute| {
            let per_minute = i128::from(per_minute.get());
            let us = (i128::from(tokens.0.max(0)) * i128::from(MINUTE_US) + per_minute - 1) / per_minute;
            i64::try_from(us).unwrap_or(i64::MAX)
        });
        Debt { requests: span(requests), tokens: span(tokens) }
    }
}

fn span(us: i64) -> Duration {
    Duration::from_micros(us.unsigned_abs()).min(DEBT_MAX)
}

fn span_us(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

    fn rate(requests: u32, tokens: u32) -> Rate {
        Rate { requests_per_minute: NonZeroU32::new(requests), tokens_per_minute: NonZeroU32::new(tokens) }
    }

    #[test]
    fn sixty_a_minute_is_five_at_once_and_then_one_a_second() {
        let rate = rate(60, 0);
        assert_eq!(rate.room(Paid::default(), NOON), 5);
        let paid = Paid::default().plus(rate.cost(5, Tokens(0)), NOON);
        assert_eq!((rate.room(paid, NOON), rate.opens_at(paid, NOON)), (0, Some(NOON.plus(Duration::from_secs(1)))));
        let later = NOON.plus(Duration::from_secs(1));
        assert_eq!((rate.room(paid, later), rate.opens_at(paid, later)), (1, None));
        assert_eq!(rate.room(paid, NOON.plus(Duration::from_secs(60))), 5, "what was not used does not add up");
    }

    #[test]
    fn a_slow_rate_lets_one_through_and_then_waits() {
        let rate = rate(2, 0);
        let paid = Paid::default().plus(rate.cost(1, Tokens(0)), NOON);
        assert_eq!(rate.opens_at(paid, NOON), Some(NOON.plus(Duration::from_secs(30))));
    }

    #[test]
    fn tokens_are_paid_afterwards_and_hold_back_what_comes_next() {
        let rate = rate(0, 60_000);
        let paid = Paid::default().plus(rate.cost(3, Tokens(15_000)), NOON);
        assert_eq!(rate.room(paid, NOON), u32::MAX, "fifteen seconds ahead are allowed");
        let paid = paid.plus(rate.cost(0, Tokens(1)), NOON);
        assert_eq!(rate.room(paid, NOON), 0);
        assert_eq!(rate.opens_at(paid, NOON), Some(NOON.plus(Duration::from_millis(1))));
    }

    #[test]
    fn debts_add_up_in_any_order() {
        let rate = rate(7, 130);
        let (a, b) = (rate.cost(1, Tokens(33)), rate.cost(2, Tokens(5)));
        assert_eq!(Paid::default().plus(a, NOON).plus(b, NOON), Paid::default().plus(b, NOON).plus(a, NOON));
        assert_eq!(Paid::default().plus(a.and(b), NOON), Paid::default().plus(a, NOON).plus(b, NOON));
    }
}
