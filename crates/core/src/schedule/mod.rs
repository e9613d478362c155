//! Schedules: generations that recur. A time of a schedule is when the result is to be ready, so its generation begins
//! earlier. [`Plan`] says what is to be done about a time, [`Live`] what follows from what was done. Reads no clock, touches no
//! store.

pub mod cron;
mod state;

pub use cron::{BadCron, Cron};
pub use state::{RunKind, RunOutcome, ScheduleState};

use crate::Timestamp;
use crate::job::Note;
use crate::metering::cuts::Zone;
use std::time::Duration;

/// How long before it is to be ready a generation begins, unless the schedule says otherwise, and at most.
pub const LEAD: Duration = Duration::from_secs(15 * 60);
pub const LEAD_MAX: Duration = Duration::from_secs(6 * 3_600);
/// How late a time that was missed is still made up for, unless the schedule says otherwise, and at most.
pub const GRACE: Duration = Duration::from_secs(2 * 3_600);
pub const GRACE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The shortest time between two. Units: minutes.
pub const INTERVAL_MIN: u32 = 15;
/// After how many refusals in a row a schedule is broken.
pub const FAILURES_MAX: u32 = 5;
/// How many schedules a workspace may have.
pub const SCHEDULES_MAX: u32 = 10_000;
/// How many of a schedule's last runs are kept.
pub const RUNS_KEPT: u64 = 100;
/// What begins later than this after its time is made up for.
const LATE_AFTER: Duration = Duration::from_secs(60);
/// Missed times are counted up to here.
const MISSED_MAX: u32 = 1_000;

/// When a schedule's results are to be ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub cron: Cron,
    pub zone: Zone,
    pub lead: Duration,
    pub grace: Duration,
}

/// One time of a schedule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Due {
    pub ready_at: Timestamp,
    /// When its generation begins.
    pub start_at: Timestamp,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is not time yet.
    Wait,
    /// Make one generation, for this time. Those before it were missed, the last of them at `passed`.
    Run { due: Due, kind: RunKind, missed: u32, passed: Option<Timestamp>, next: Option<Due> },
    /// All of them were missed for too long, this one being the last; `missed` came before it.
    Skip { due: Due, missed: u32, next: Option<Due> },
}

impl Plan {
    /// The first time to be ready after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Due> {
        let ready_at = self.cron.next(&self.zone, after)?;
        Some(self.due(ready_at))
    }

    /// The first times after `after`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Due> {
        std::iter::successors(self.next(after), |due| self.next(due.ready_at)).take(count).collect()
    }

    fn due(&self, ready_at: Timestamp) -> Due {
        Due { ready_at, start_at: ready_at.minus(self.lead) }
    }

    /// What is to be done at `now` about `due` and all that have come after it. However many were missed, one is made.
    pub fn step(&self, due: Due, now: Timestamp) -> Step {
        if due.start_at > now {
            return Step::Wait;
        }
        let (limit, floor) = (now.plus(self.lead), now.minus(self.grace));
        let (mut newest, mut from, mut missed, mut passed) = (due, due.ready_at, 0, None);
        while let Some(next) = self.next(from).filter(|next| next.ready_at <= limit) {
            passed = Some(newest.ready_at);
            (newest, from) = (next, next.ready_at);
            missed = if missed < MISSED_MAX { missed + 1 } else { MISSED_MAX };
            if missed == MISSED_MAX {
                // Nothing before this can be made any more, and nobody counts so far.
                from = from.max(floor);
            }
        }
        let next = self.next(newest.ready_at.max(limit));
        if newest.ready_at < floor {
            return Step::Skip { due: newest, missed, next };
        }
        let late = missed > 0 || now.since(newest.start_at) > LATE_AFTER;
        let kind = if late { RunKind::CatchUp } else { RunKind::Planned };
        Step::Run { due: newest, kind, missed, passed, next }
    }
}

/// How a schedule stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Live {
    pub state: ScheduleState,
    /// Why it is broken.
    pub note: Option<Note>,
    /// While it is active.
    pub next: Option<Due>,
    /// Refusals in a row.
    pub failures: u32,
    /// The last time that was passed over.
    pub skipped_at: Option<Timestamp>,
}

impl Live {
    /// One that begins now.
    pub fn new(next: Option<Due>) -> Live {
        let live = Live { state: ScheduleState::Active, note: None, next: None, failures: 0, skipped_at: None };
        live.going_on(next)
    }

    fn going_on(mut self, next: Option<Due>) -> Live {
        self.next = next;
        if next.is_none() {
            self.state = ScheduleState::Broken;
            self.note = Some(Note::new("no_next_time", "It has no time in the years to come."));
        }
        self
    }

    pub fn made(self, next: Option<Due>) -> Live {
        Live { failures: 0, ..self }.going_on(next)
    }

    /// Times before the one that was made or refused were passed over, this one being the last.
    pub fn passing(self, passed: Option<Timestamp>) -> Live {
        Live { skipped_at: passed.or(self.skipped_at), ..self }
    }

    pub fn skipped(self, due: Due, next: Option<Due>) -> Live {
        Live { skipped_at: Some(due.ready_at), ..self }.going_on(next)
    }

    /// A refusal does not end a schedule; [`FAILURES_MAX`] in a row break it.
    pub fn refused(self, why: &Note, next: Option<Due>) -> Live {
        let live = Live { failures: self.failures + 1, ..self };
        if live.failures < FAILURES_MAX {
            return live.going_on(next);
        }
        let said = format!("It was refused {} times in a row, the last time because: {}", live.failures, why.message);
        Live { state: ScheduleState::Broken, note: Some(Note::new(why.code.clone(), said)), next: None, ..live }
    }

    pub fn paused(self) -> Live {
        Live { state: ScheduleState::Paused, note: None, next: None, ..self }
    }

    /// Goes on with what comes; what was missed meanwhile is not made up for.
    pub fn resumed(self, next: Option<Due>) -> Live {
        Live { state: ScheduleState::Active, note: None, failures: 0, ..self }.going_on(next)
    }

    /// After a change of the schedule: a broken one is taken to be mended, a paused one stays paused.
    pub fn edited(self, next: Option<Due>) -> Live {
        match self.state {
            ScheduleState::Paused => self,
            ScheduleState::Active | ScheduleState::Broken => self.resumed(next),
        }
    }
}

/// The external id of a draft: `{date}` and `{time}` are those of the schedule's zone, `{schedule}` its id.
pub fn external_id(template: &str, zone: &Zone, ready_at: Timestamp, schedule: crate::ScheduleId) -> String {
    let shown = zone.shown(ready_at);
    let (date, time) = (shown.get(..10).unwrap_or_default(), shown.get(11..16).unwrap_or_default());
    let named = template.replace("{date}", date).replace("{time}", &time.replace(':', ""));
    named.replace("{schedule}", &schedule.to_string())
}

#[cfg(test)]
mod tests;
