//! When a source is fetched next: every so often, or each day when clocks somewhere show a time; later after failures.

use crate::Timestamp;
use crate::generation::event::Jitter;
use crate::metering::cuts::Zone;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The shortest and the longest span between two fetches.
pub const EVERY_MIN: Duration = Duration::from_secs(15 * 60);
pub const EVERY_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The longest a server may ask us to stay away.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The first wait after a failure; it doubles with each further one.
const FAILED_FIRST: Duration = Duration::from_secs(5 * 60);
const FAILED_MOST: Duration = Duration::from_secs(86_400);

/// How often a source is fetched. As text: `3600s` or `02:00 Europe/Berlin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Schedule {
    Every(Duration),
    /// Each day when clocks of the zone show it.
    At {
        hour: i8,
        minute: i8,
        zone: Zone,
    },
}

/// A text that is no schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{given:?} is no schedule: give a span such as 1h (15m to 7d), or a time of day and a zone: 02:00 Europe/Berlin"
)]
pub struct BadSchedule {
    pub given: String,
}

impl Schedule {
    /// Errors: a span outside of its bounds.
    pub fn every(span: Duration) -> Result<Schedule, BadSchedule> {
        let fits = (EVERY_MIN..=EVERY_MAX).contains(&span);
        fits.then_some(Schedule::Every(span)).ok_or_else(|| BadSchedule { given: format!("{}s", span.as_secs()) })
    }

    /// The next time after `now`, if nothing goes wrong.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        match self {
            Schedule::Every(span) => now.plus(*span),
            Schedule::At { hour, minute, zone } => zone.next_daily(now, *hour, *minute),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Every(span) => write!(f, "{}s", span.as_secs()),
            Schedule::At { hour, minute, zone } => write!(f, "{hour:02}:{minute:02} {}", zone.name()),
        }
    }
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Schedule, BadSchedule> {
        let bad = || BadSchedule { given: text.chars().take(80).collect() };
        let text = text.trim();
        let Some((time, zone)) = text.split_once(' ') else {
            let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let unit = match &text[end..] {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return Err(bad()),
            };
            let count: u64 = text[..end].parse().map_err(|_| bad())?;
            return Schedule::every(Duration::from_secs(count.saturating_mul(unit))).map_err(|_| bad());
        };
        let (hour, minute) = time.split_once(':').ok_or_else(bad)?;
        let number = |digits: &str, max: i8| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i8>().ok().filter(|number| plain && *number <= max)
        };
        let (hour, minute) = number(hour, 23).zip(number(minute, 59)).ok_or_else(bad)?;
        Ok(Schedule::At { hour, minute, zone: Zone::named(zone.trim()).map_err(|_| bad())? })
    }
}

/// When a source that failed so often in a row is tried again: with growing pauses, no sooner than its server asks, and
/// never sooner than its schedule once the pauses have grown that long.
pub fn again(failures: u32, retry_after: Option<Duration>, now: Timestamp, jitter: Jitter) -> Timestamp {
    let doubled = FAILED_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(FAILED_MOST);
    // Between three quarters and five quarters, so that sources of one server that broke do not come back at once.
    let spread = doubled.mul_f64(0.75 + 0.5 * f64::from(jitter.0) / f64::from(u16::MAX));
    now.plus(spread.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_schedule_reads_back_as_it_prints() {
        for (text, printed) in
            [("1h", "3600s"), ("15m", "900s"), ("7d", "604800s"), ("02:00 europe/berlin", "02:00 Europe/Berlin")]
        {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!((schedule.to_string(), schedule.to_string().parse()), (printed.to_owned(), Ok(schedule)));
        }
        for bad in [
            "",
            "14m",
            "8d",
            "1w",
            "h",
            "2:00 Europe/Berlin",
            "24:00 UTC",
            "02:60 UTC",
            "02:00 Mars",
            "02:00",
            "é 1",
            "+2:00 UTC",
        ] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_daily_source_is_fetched_once_a_day_also_in_both_odd_nights() {
        let runs = |schedule: &str, from: &str| {
            let schedule: Schedule = schedule.parse().unwrap();
            let first = schedule.next(at(from));
            (first.to_string(), schedule.next(first).to_string())
        };
        let days = |first: &str, second: &str| (first.to_owned(), second.to_owned());
        let spring = runs("02:30 Europe/Berlin", "2026-03-28T12:00:00Z");
        // Clocks jump from 02:00 to 03:00: half past two is shown by none of them, and half past three is meant.
        assert_eq!(spring, days("2026-03-29T01:30:00.000000Z", "2026-03-30T00:30:00.000000Z"));
        let autumn = runs("02:30 Europe/Berlin", "2026-10-24T12:00:00Z");
        // Clocks show half past two twice: the first time counts, the second does not.
        assert_eq!(autumn, days("2026-10-25T00:30:00.000000Z", "2026-10-26T01:30:00.000000Z"));
        assert_eq!(runs("08:00 UTC", "2026-11-01T08:00:00Z").0, "2026-11-02T08:00:00.000000Z");
    }

    #[test]
    fn failures_are_tried_again_later_and_later_and_never_sooner_than_the_server_asks() {
        let now = at("2026-11-01T08:00:00Z");
        let wait = |failures, asked| again(failures, asked, now, Jitter(0)).since(now).as_secs();
        assert!(wait(1, None) < wait(2, None) && wait(2, None) < wait(3, None));
        assert!(wait(1_000, None) <= 86_400 * 5 / 4);
        assert_eq!(wait(1, Some(Duration::from_secs(7_200))), 7_200);
        assert_eq!(wait(1, Some(Duration::from_secs(u64::MAX))), RETRY_AFTER_MAX.as_secs());
    }
}
