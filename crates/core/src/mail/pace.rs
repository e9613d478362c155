//! How many mails may go now: so many a day, of which some are kept for single ones, and so many a second. The figures are one
//! row that all processes share.

use crate::Timestamp;
use std::time::Duration;

/// What the owner of the mail server allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub per_day: u64,
    /// Of these, how many are kept for mails that go alone.
    pub reserve: u64,
    /// The shortest time between two, on average.
    pub every: Duration,
}

/// What went so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// When the day began that `taken` counts.
    pub day_at: Timestamp,
    pub taken: u64,
    /// When the next one may go.
    pub next_at: Timestamp,
}

/// How many may go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Room {
    pub single: u32,
    pub mailing: u32,
    /// When there may be room, where there is none because of what went this second.
    pub next_at: Option<Timestamp>,
}

/// What may go at once after a pause: a second's worth.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    /// At the start of everything.
    pub fn new(day_at: Timestamp) -> Pace {
        Pace { day_at, taken: 0, next_at: day_at.minus(BURST) }
    }

    /// The same on a day that began at `day_at`.
    #[must_use]
    pub fn on(self, day_at: Timestamp) -> Pace {
        if day_at > self.day_at { Pace { day_at, taken: 0, ..self } } else { self }
    }

    pub fn room(&self, limits: &Limits, now: Timestamp) -> Room {
        let left = limits.per_day.saturating_sub(self.taken);
        let bulk = limits.per_day.saturating_sub(limits.reserve).saturating_sub(self.taken);
        if now < self.next_at {
            return Room { next_at: Some(self.next_at), ..Room::default() };
        }
        let every = limits.every.as_micros().max(1);
        let behind = now.since(self.next_at).min(BURST).as_micros();
        let cap = |left: u64| u32::try_from(u128::from(left).min(1 + behind / every)).unwrap_or(u32::MAX);
        Room { single: cap(left), mailing: cap(bulk), next_at: None }
    }

    /// After so many were taken at `now`.
    #[must_use]
    pub fn took(self, count: u32, limits: &Limits, now: Timestamp) -> Pace {
        let from = self.next_at.max(now.minus(BURST));
        Pace { taken: self.taken + u64::from(count), next_at: from.plus(limits.every * count), ..self }
    }

    /// So many of those taken since `claimed_at` certainly did not go.
    #[must_use]
    pub fn gave_back(self, claimed_at: Timestamp) -> Pace {
        if claimed_at < self.day_at { self } else { Pace { taken: self.taken.saturating_sub(1), ..self } }
    }
}
