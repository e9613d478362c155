//! When something recurs: the five fields of cron, by the clocks of a time zone.
//!
//! Where clocks change, an hour that is named happens once a day: one that the day skips is moved on by what was skipped, one
//! that the day has twice is the first. An hour that is not named (`*`, `*/2`) happens as often as the clocks show it.

use crate::Timestamp;
use crate::metering::cuts::Zone;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::AmbiguousOffset;
use std::fmt;

/// Longest text. Units: bytes.
pub const CRON_BYTES_MAX: usize = 200;
/// How far the next time is looked for: 29 February may be eight years away. Units: days.
const DAYS_MAX: usize = 366 * 9;
const DAY_MINUTES: u32 = 24 * 60;
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Times that recur. Each set has a bit for each number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// From Sunday, which is 0.
    weekdays: u64,
    /// Fields that begin with `*` say nothing by themselves.
    any_hour: bool,
    any_day: bool,
    any_weekday: bool,
}

/// A text that names no recurring times, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadCron(String);

/// The numbers a field may have, and its words.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    words: &'static [&'static str],
    /// The number of the first word.
    word_base: u32,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, words: &[], word_base: 0 },
    Field { name: "hour", first: 0, last: 23, words: &[], word_base: 0 },
    Field { name: "day of the month", first: 1, last: 31, words: &[], word_base: 0 },
    Field { name: "month", first: 1, last: 12, words: &MONTHS, word_base: 1 },
    Field { name: "day of the week", first: 0, last: 7, words: &WEEKDAYS, word_base: 0 },
];

impl Field {
    /// Errors: what is wrong with the part.
    fn read(&self, text: &str) -> Result<u64, BadCron> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part)?;
        }
        Ok(set)
    }

    /// `*`, `*/N`, `N`, `N-M`, `N-M/S`.
    fn part(&self, part: &str) -> Result<u64, BadCron> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, self.step(part, step)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((from, to)) => (self.number(part, from)?, self.number(part, to)?),
            None if step > 1 => (self.number(part, range)?, self.last),
            None => (self.number(part, range)?, self.number(part, range)?),
        };
        // Sunday ends a week as well as it begins one: fri-sun.
        let to = if to < from && !self.words.is_empty() && self.last == 7 && to == 0 { 7 } else { to };
        if to < from {
            return Err(self.bad(part, "it ends before it begins"));
        }
        Ok((from..=to).step_by(step as usize).fold(0, |set, number| set | 1 << number))
    }

    fn step(&self, part: &str, step: &str) -> Result<u32, BadCron> {
        let number = step.parse().ok().filter(|step| (1..=self.last).contains(step));
        number.ok_or_else(|| self.bad(part, &format!("a step is 1 to {}", self.last)))
    }

    fn number(&self, part: &str, text: &str) -> Result<u32, BadCron> {
        let word = self.words.iter().position(|word| text.eq_ignore_ascii_case(word));
        let number = match word {
            Some(place) => Some(self.word_base + place as u32),
            None => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())),
        };
        let fits = number.filter(|number| (self.first..=self.last).contains(number));
        fits.ok_or_else(|| self.bad(part, &format!("it must be {} to {}", self.first, self.last)))
    }

    fn bad(&self, part: &str, why: &str) -> BadCron {
        let part: String = part.chars().take(40).collect();
        BadCron(format!("{part:?} is no {}: {why}", self.name))
    }
}

impl Cron {
    /// Reads minute, hour, day of the month, month, day of the week. A day that both the fourth and the fifth field could
    /// name is taken when either does.
    pub fn parse(text: &str) -> Result<Cron, BadCron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            let how =
                "it needs five fields: minute, hour, day of the month, month, day of the week, as in 0 8 * * mon-fri";
            return Err(BadCron(how.to_owned()));
        };
        if text.len() > CRON_BYTES_MAX {
            return Err(BadCron(format!("it has more than {CRON_BYTES_MAX} bytes")));
        }
        let weekdays = FIELDS[4].read(weekday)?;
        let cron = Cron {
            text: fields.join(" "),
            minutes: FIELDS[0].read(minute)?,
            hours: FIELDS[1].read(hour)?,
            days: FIELDS[2].read(day)?,
            months: FIELDS[3].read(month)?,
            // 7 is Sunday, too.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            any_hour: hour.starts_with('*'),
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        };
        let from = Timestamp::from_micros(0);
        match cron.next(&Zone::utc(), from) {
            Some(_) => Ok(cron),
            None => Err(BadCron(format!("no day is ever {day} {month}"))),
        }
    }

    /// Once a day at `HH:MM`, on the weekdays named, or on all of them. Words such as `mon`, `mon-fri`, `monday`, `daily`,
    /// `weekdays`.
    pub fn daily<T: AsRef<str>>(at: &str, days: &[T]) -> Result<Cron, BadCron> {
        let time = at.split_once(':').filter(|(hour, minute)| (1..=2).contains(&hour.len()) && minute.len() == 2);
        let number = |text: &str, last: u32| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| digits && *number <= last)
        };
        let time = time.and_then(|(hour, minute)| Some((number(hour, 23)?, number(minute, 59)?)));
        let (hour, minute) = time.ok_or_else(|| BadCron(format!("{at:?} is no time of the day such as 08:00")))?;
        let days: Vec<String> = days.iter().map(|day| day_word(day.as_ref())).collect();
        let days = if days.is_empty() { "*".to_owned() } else { days.join(",") };
        Cron::parse(&format!("{minute} {hour} * * {days}"))
    }

    /// The time of the day and the weekdays of one that is once a day and says nothing of dates.
    pub fn as_daily(&self) -> Option<(String, Vec<&'static str>)> {
        let once = self.minutes.count_ones() == 1 && self.hours.count_ones() == 1;
        let dateless = self.any_day && self.days.count_ones() == 31 && self.months.count_ones() == 12;
        if !once || !dateless || self.any_hour {
            return None;
        }
        let days = (1..=7).map(|day| day % 7).filter(|day| self.weekdays & 1 << day != 0);
        let at = format!("{:02}:{:02}", self.hours.trailing_zeros(), self.minutes.trailing_zeros());
        Some((at, days.map(|day| WEEKDAYS[day]).collect()))
    }

    /// The first time after `after`; `None` when there is none in nine years, or the calendar ends.
    pub fn next(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let local = zone.civil(after)?;
        // What yesterday skipped may have been moved into today.
        let mut date = local.date().yesterday().ok()?;
        for _ in 0..DAYS_MAX {
            if let Some(found) = self.of_day(zone, date).into_iter().filter(|at| *at > after).min() {
                return Some(found);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The shortest time between two, by the clock on the wall. Units: minutes.
    pub fn shortest_minutes(&self) -> u32 {
        let times: Vec<u32> = self.clock_times().map(|(hour, minute)| hour * 60 + minute).collect();
        let over_night = DAY_MINUTES + times[0] - times[times.len() - 1];
        times.windows(2).map(|pair| pair[1] - pair[0]).chain([over_night]).min().unwrap_or(DAY_MINUTES)
    }

    /// In their order; there is at least one.
    fn clock_times(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let hours = (0..24).filter(|hour| self.hours & 1 << hour != 0);
        hours
            .flat_map(|hour| (0..60).filter(|minute| self.minutes & 1 << minute != 0).map(move |minute| (hour, minute)))
    }

    fn takes(&self, date: Date) -> bool {
        let day = self.days & 1 << date.day() != 0;
        let weekday = self.weekdays & 1 << sunday_is_0(date.weekday()) != 0;
        let by_day = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        self.months & 1 << date.month() != 0 && by_day
    }

    fn of_day(&self, zone: &Zone, date: Date) -> Vec<Timestamp> {
        if !self.takes(date) {
            return Vec::new();
        }
        self.clock_times()
            .flat_map(|(hour, minute)| self.instants(zone, date.at(hour as i8, minute as i8, 0, 0)))
            .flatten()
            .collect()
    }

    fn instants(&self, zone: &Zone, local: DateTime) -> [Option<Timestamp>; 2] {
        match (zone.offsets(local), self.any_hour) {
            (AmbiguousOffset::Gap { .. }, true) => [None, None],
            (AmbiguousOffset::Fold { before, after }, true) => {
                [before, after].map(|offset| zone.at_offset(local, offset))
            }
            // What was skipped is moved on by what the offset before makes of it.
            (AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. }, false)
            | (AmbiguousOffset::Unambiguous { offset: before }, _) => [zone.at_offset(local, before), None],
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn sunday_is_0(day: Weekday) -> i8 {
    day.to_sunday_zero_offset()
}

/// Full names and the words for several days, as cron writes them.
fn day_word(day: &str) -> String {
    let day = day.trim().to_ascii_lowercase();
    match day.as_str() {
        "daily" | "every day" => "*".to_owned(),
        "weekdays" => "mon-fri".to_owned(),
        "weekends" => "sat,sun".to_owned(),
        _ => {
            let short = |word: &str| {
                let full = WEEKDAYS.iter().find(|short| word.starts_with(**short) && word.ends_with("day"));
                full.map_or_else(|| word.to_owned(), |short| (*short).to_owned())
            };
            day.split('-').map(short).collect::<Vec<_>>().join("-")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let (cron, zone) = (Cron::parse(cron).unwrap(), Zone::named(zone).unwrap());
        let mut at: Timestamp = after.parse().unwrap();
        (0..count)
            .map(|_| {
                at = cron.next(&zone, at).unwrap();
                zone.shown(at)
            })
            .collect()
    }

    #[test]
    fn an_hour_that_is_skipped_in_spring_happens_once_that_day() {
        let spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]);
        // Both hours are the same moment that day: it is one.
        let both = times("30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(both, ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]);
    }

    #[test]
    fn an_hour_that_comes_twice_in_autumn_happens_once_that_day() {
        let autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]);
    }

    #[test]
    fn a_shift_of_half_an_hour_is_no_different() {
        let lord_howe = "Australia/Lord_Howe";
        let spring = times("15 2 * * *", lord_howe, "2026-10-02T20:00:00Z", 2);
        assert_eq!(spring, ["2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"]);
        let autumn = times("45 1 * * *", lord_howe, "2026-04-04T00:00:00Z", 2);
        assert_eq!(autumn, ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]);
    }

    #[test]
    fn an_hour_that_is_not_named_happens_as_often_as_clocks_show_it() {
        let spring = times("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2);
        assert_eq!(spring, ["2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]);
        let autumn = times("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 3);
        assert_eq!(autumn, ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]);
    }

    #[test]
    fn fields_are_numbers_words_ranges_steps_and_lists() {
        let monday = "2026-06-01T00:00:00Z";
        assert_eq!(times("0 8 * * mon-fri", "UTC", "2026-06-05T09:00:00Z", 1), ["2026-06-08T08:00:00+00:00"]);
        assert_eq!(
            times("*/20 9-10/1 * * *", "UTC", monday, 2),
            ["2026-06-01T09:00:00+00:00", "2026-06-01T09:20:00+00:00"]
        );
        assert_eq!(times("0 0 29 feb *", "UTC", "2026-06-01T00:00:00Z", 1), ["2028-02-29T00:00:00+00:00"]);
        assert_eq!(times("0 0 * * 7", "UTC", monday, 1), times("0 0 * * sun", "UTC", monday, 1));
        assert_eq!(times("0 0 * * fri-sun", "UTC", "2026-06-06T12:00:00Z", 2)[0], "2026-06-07T00:00:00+00:00");
        // Either of the two days, as cron has always had it.
        assert_eq!(
            times("0 0 13 * fri", "UTC", "2026-06-06T00:00:00Z", 2),
            ["2026-06-12T00:00:00+00:00", "2026-06-13T00:00:00+00:00"]
        );
        // 45 past and 0 past: the night counts.
        let shortest = |text: &str| Cron::parse(text).unwrap().shortest_minutes();
        assert_eq!((shortest("*/15 * * * *"), shortest("0,50 * * * *"), shortest("0 8 * * *")), (15, 10, 1_440));
        assert_eq!(shortest("55 23,0 * * *"), 60);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("0 8 * *", "five fields"),
            ("60 8 * * *", "\"60\" is no minute: it must be 0 to 59"),
            ("0 8 * * mond", "\"mond\" is no day of the week: it must be 0 to 7"),
            ("0 9-8 * * *", "\"9-8\" is no hour: it ends before it begins"),
            ("*/0 * * * *", "a step is 1 to 59"),
            ("0 8 0 * *", "no day of the month"),
            ("0 8 30 2 *", "no day is ever 30 2"),
            ("0 +8 * * *", "no hour"),
        ] {
            let said = Cron::parse(text).unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_time_of_the_day_and_weekdays_are_read_and_shown_again() {
        let daily = |at, days: &[&str]| Cron::daily(at, days).map(|cron| (cron.to_string(), cron.as_daily()));
        let all = vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        assert_eq!(daily("08:00", &[]), Ok(("0 8 * * *".to_owned(), Some(("08:00".to_owned(), all)))));
        let week = vec!["mon", "tue", "wed", "thu", "fri"];
        for days in [&["mon-fri"][..], &["weekdays"], &["Monday-Friday"], &["mon", "tue", "wed", "thu", "fri"]] {
            assert_eq!(daily("7:05", days).unwrap().1, Some(("07:05".to_owned(), week.clone())), "{days:?}");
        }
        for bad in ["8", "24:00", "08:60", "8:5", "+8:00", ""] {
            assert!(daily(bad, &[]).is_err(), "{bad}");
        }
        assert!(daily("08:00", &["someday"]).is_err());
        assert_eq!(Cron::parse("0 8 1 * *").unwrap().as_daily(), None);
        assert_eq!(Cron::parse("0 */12 * * *").unwrap().as_daily(), None);
    }
}
