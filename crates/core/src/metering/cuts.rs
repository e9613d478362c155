//! Where a span of time is cut in somebody's zone: quarters, hours, days, weeks, months. Days have 23 or 25 hours where the
//! clocks change, and an hour is never more than an hour. The zones are compiled in, so no machine's files matter.

use super::totals::{QUARTER_US, bucket};
use crate::Timestamp;
use crate::time::BadTime;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{ToSpan, Zoned};
use std::time::Duration;

/// The most parts a span may be cut into.
pub const PARTS_MAX: usize = 100_000;
/// 2000-01-01 and 2200-01-01 in UTC. Within them every offset from UTC is a whole number of quarters.
pub const FIRST: Timestamp = Timestamp::from_micros(946_684_800_000_000);
pub const LAST: Timestamp = Timestamp::from_micros(7_258_118_400_000_000);
const HOUR_S: i64 = 3_600;
const SECOND_US: i64 = 1_000_000;

/// How a span is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interval {
    Quarter,
    /// By the clock on the wall; the one that is repeated in autumn is two.
    Hour,
    Day,
    /// From Monday on, as in ISO 8601.
    Week,
    Month,
    /// Not at all.
    Whole,
}

impl Interval {
    pub const ALL: [Interval; 6] = [Self::Quarter, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Whole];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "quarter",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Whole => "whole",
        }
    }
    pub fn parse(word: &str) -> Option<Interval> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == word)
    }
}

/// A span that cannot be cut.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadSpan {
    #[error("{from} is not before {to}: nothing lies between them")]
    Reversed { from: Timestamp, to: Timestamp },
    #[error("{at} is not on a quarter of an hour, which is as fine as totals are; the nearest is {nearest}")]
    OffQuarter { at: Timestamp, nearest: Timestamp },
    #[error("{at} is not between {FIRST} and {LAST}")]
    OutOfRange { at: Timestamp },
    #[error("this would be more than {PARTS_MAX} parts: ask for a shorter span or longer intervals")]
    TooMany,
}

/// A name that is no time zone.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{given:?} is not a time zone such as Europe/Berlin or UTC")]
pub struct BadZone {
    pub given: String,
}

/// A time zone of the IANA database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// By its name, in any mixture of small and large letters.
    pub fn named(name: &str) -> Result<Zone, BadZone> {
        let zone = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| zone.iana_name().is_some());
        zone.map(Zone).ok_or_else(|| BadZone { given: name.chars().take(80).collect() })
    }

    /// All names that [`Zone::named`] knows.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }

    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The instant as it reads in this zone: RFC 3339 with the zone's offset.
    pub fn shown(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_microsecond(at.micros()) {
            Ok(instant) => instant.display_with_offset(self.0.to_offset(instant)).to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// The first instant after `now` at which clocks of this zone show the time of day; where they skip it, as much later as
    /// they skip, and where they show it twice, the first.
    pub fn next_daily(&self, now: Timestamp, hour: i8, minute: i8) -> Timestamp {
        let after_a_day = now.plus(std::time::Duration::from_secs(86_400));
        let Ok(instant) = jiff::Timestamp::from_microsecond(now.micros()) else { return after_a_day };
        let today = instant.to_zoned(self.0.clone()).date();
        let mut day = Some(today);
        while let Some(date) = day {
            let shown = self.0.to_zoned(date.at(hour, minute, 0, 0));
            if let Ok(shown) = shown
                && shown.timestamp() > instant
            {
                return Timestamp::from_micros(shown.timestamp().as_microsecond());
            }
            day = date.tomorrow().ok();
        }
        after_a_day
    }

    /// The instant that clocks of this zone show so, when there is exactly one.
    pub fn instant(&self, naive: &str) -> Option<Timestamp> {
        let local = naive.trim().parse::<jiff::civil::DateTime>().ok()?;
        self.0.to_ambiguous_timestamp(local).unambiguous().ok().map(ours)
    }

    /// What clocks of this zone show.
    pub fn civil(&self, at: Timestamp) -> Option<DateTime> {
        jiff::Timestamp::from_microsecond(at.micros()).ok().map(|instant| self.0.to_datetime(instant))
    }

    /// The offsets from UTC at which clocks of this zone show so: one, two, or those beside a time that they skip.
    pub fn offsets(&self, local: DateTime) -> AmbiguousOffset {
        self.0.to_ambiguous_timestamp(local).offset()
    }

    pub fn at_offset(&self, local: DateTime, offset: Offset) -> Option<Timestamp> {
        offset.to_timestamp(local).ok().map(ours)
    }

    fn offset_s(&self, at: jiff::Timestamp) -> i64 {
        i64::from(self.0.to_offset(at).seconds())
    }

    /// The first instant of a day that is shown as this date or, where the zone skipped it, after it.
    fn midnight(&self, date: Date) -> Option<Timestamp> {
        date.to_zoned(self.0.clone()).ok().map(|zoned| ours(zoned.timestamp()))
    }

    fn local(&self, at: Timestamp) -> Result<Zoned, BadSpan> {
        if !(FIRST..=LAST).contains(&at) {
            return Err(BadSpan::OutOfRange { at });
        }
        let instant = jiff::Timestamp::from_microsecond(at.micros()).map_err(|_| BadSpan::OutOfRange { at })?;
        Ok(instant.to_zoned(self.0.clone()))
    }

    /// An end of a span: an instant with an offset, or a date, which is its first instant in this zone.
    pub fn end(&self, text: &str) -> Result<Timestamp, BadTime> {
        let date = (text.len() == "2026-01-31".len()).then(|| text.parse::<Date>().ok()).flatten();
        match date.and_then(|date| self.midnight(date)) {
            Some(midnight) => Ok(midnight),
            None => text.parse(),
        }
    }
}

fn ours(instant: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(instant.as_microsecond())
}

fn from_second(second: i64) -> Timestamp {
    Timestamp::from_micros(second * SECOND_US)
}

/// The start of the interval in which `at` lies; for [`Interval::Whole`] that of its quarter.
pub fn start_of(interval: Interval, zone: &Zone, at: Timestamp) -> Result<Timestamp, BadSpan> {
    let local = zone.local(at)?;
    let date = match interval {
        Interval::Quarter | Interval::Whole => return Ok(bucket(at)),
        Interval::Hour => return Ok(hour_start(zone, zone.local(bucket(at).max(FIRST))?.timestamp())),
        Interval::Day => local.date(),
        Interval::Week => monday(local.date()),
        Interval::Month => local.date().first_of_month(),
    };
    let start = zone.midnight(date).ok_or(BadSpan::OutOfRange { at })?;
    // A day that goes back over midnight has its own first instant later than a part of itself.
    Ok(start.min(bucket(at)))
}

fn monday(date: Date) -> Date {
    date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
}

/// When the clocks change for totals: some zones changed them a minute after midnight, within a quarter of an hour. Such a
/// quarter counts whole as what it began as.
fn changed(change: jiff::Timestamp) -> Timestamp {
    let at = ours(change);
    if bucket(at) == at { at } else { quarter_end(at) }
}

/// `at` is on a quarter.
fn hour_start(zone: &Zone, at: jiff::Timestamp) -> Timestamp {
    let offset = zone.offset_s(at);
    let start = at.as_second() - (at.as_second() + offset).rem_euclid(HOUR_S);
    // The clocks changed within this hour: it began when they did.
    let change = zone.0.preceding(at + 1.second()).find(|change| i64::from(change.offset().seconds()) == offset);
    match change {
        Some(change) if change.timestamp().as_second() > start => changed(change.timestamp()),
        Some(_) | None => from_second(start),
    }
}

/// The first start of an interval after `at`.
pub fn next_start(interval: Interval, zone: &Zone, at: Timestamp) -> Result<Timestamp, BadSpan> {
    let beyond = || BadSpan::OutOfRange { at };
    let local = zone.local(at)?;
    let day = match interval {
        Interval::Quarter => return Ok(quarter_end(at)),
        Interval::Whole => return Ok(LAST),
        Interval::Hour => return Ok(next_hour(zone, zone.local(bucket(at).max(FIRST))?.timestamp())),
        Interval::Day => local.date(),
        Interval::Week => monday(local.date()),
        Interval::Month => local.date().first_of_month(),
    };
    let step = match interval {
        Interval::Week => 7.days(),
        Interval::Month => 1.month(),
        Interval::Quarter | Interval::Whole | Interval::Hour | Interval::Day => 1.day(),
    };
    // More than one step where a day was skipped, or where one goes back over midnight.
    let mut day = day;
    loop {
        day = day.checked_add(step).map_err(|_| beyond())?;
        let start = zone.midnight(day).ok_or_else(beyond)?;
        if start > at {
            return Ok(start);
        }
    }
}

/// `at` is on a quarter.
fn next_hour(zone: &Zone, at: jiff::Timestamp) -> Timestamp {
    let offset = zone.offset_s(at);
    let end = at.as_second() - (at.as_second() + offset).rem_euclid(HOUR_S) + HOUR_S;
    let mut changes = zone.0.following(at).take_while(|change| change.timestamp().as_second() < end);
    match changes.find(|change| i64::from(change.offset().seconds()) != offset) {
        Some(change) => changed(change.timestamp()),
        None => from_second(end),
    }
}

/// Where the span is cut: `from`, each start of an interval between, and `to`. Each part goes from one cut to the next.
///
/// Invariant: strictly rising, at least two, all on a quarter of an hour.
pub fn cuts(interval: Interval, zone: &Zone, from: Timestamp, to: Timestamp) -> Result<Vec<Timestamp>, BadSpan> {
    for at in [from, to] {
        zone.local(at)?;
        if bucket(at) != at {
            return Err(BadSpan::OffQuarter { at, nearest: nearest_quarter(at) });
        }
    }
    if from >= to {
        return Err(BadSpan::Reversed { from, to });
    }
    let mut cuts = vec![from];
    let mut at = from;
    loop {
        at = next_start(interval, zone, at)?;
        if at >= to {
            cuts.push(to);
            return Ok(cuts);
        }
        if cuts.len() >= PARTS_MAX {
            return Err(BadSpan::TooMany);
        }
        cuts.push(at);
    }
}

fn nearest_quarter(at: Timestamp) -> Timestamp {
    bucket(at.plus(Duration::from_micros(QUARTER_US.unsigned_abs() / 2)))
}

/// The end of the quarter of an hour in which `at` lies.
pub fn quarter_end(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(bucket(at).micros().saturating_add(QUARTER_US))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn shown(interval: Interval, zone: &str, from: &str, to: &str) -> Vec<String> {
        let zone = Zone::named(zone).unwrap();
        let (from, to) = (zone.end(from).unwrap(), zone.end(to).unwrap());
        cuts(interval, &zone, from, to).unwrap().into_iter().map(|cut| zone.shown(cut)).collect()
    }

    #[test]
    fn days_are_the_zones_own() {
        assert_eq!(
            shown(Interval::Day, "Asia/Kathmandu", "2026-03-01", "2026-03-03"),
            ["2026-03-01T00:00:00+05:45", "2026-03-02T00:00:00+05:45", "2026-03-03T00:00:00+05:45"]
        );
    }

    #[test]
    fn a_day_on_which_the_clocks_change_has_23_or_25_hours() {
        let zone = Zone::named("europe/berlin").unwrap();
        assert_eq!(zone.name(), "Europe/Berlin");
        for (day, after, hours) in [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)] {
            let (from, to) = (zone.end(day).unwrap(), zone.end(after).unwrap());
            assert_eq!(cuts(Interval::Day, &zone, from, to).unwrap(), [from, to]);
            assert_eq!(cuts(Interval::Hour, &zone, from, to).unwrap().len(), hours + 1);
            assert_eq!(to.since(from), Duration::from_secs(3_600 * hours as u64));
        }
    }

    #[test]
    fn the_repeated_hour_is_two_hours_and_a_repeated_half_hour_one_of_its_own() {
        let berlin = shown(Interval::Hour, "Europe/Berlin", "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00");
        assert_eq!(berlin, ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]);
        let island =
            shown(Interval::Hour, "Australia/Lord_Howe", "2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+10:30");
        assert_eq!(island, ["2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"]);
    }

    #[test]
    fn a_day_without_midnight_begins_at_one_and_a_day_that_was_skipped_is_none() {
        let cairo = shown(Interval::Day, "Africa/Cairo", "2026-04-24", "2026-04-25");
        assert_eq!(cairo, ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]);
        let apia = shown(Interval::Day, "Pacific/Apia", "2011-12-29", "2012-01-01");
        assert_eq!(apia, ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"]);
    }

    #[test]
    fn weeks_begin_on_monday_and_ends_are_kept_as_they_were_asked_for() {
        let weeks = shown(Interval::Week, "UTC", "2026-11-18", "2026-12-01");
        let days: Vec<&str> = weeks.iter().map(|cut| &cut[..10]).collect();
        assert_eq!(days, ["2026-11-18", "2026-11-23", "2026-11-30", "2026-12-01"]);
        let months = shown(Interval::Month, "UTC", "2026-01-15", "2026-03-02");
        assert_eq!(months.len(), 4, "{months:?}");
        assert_eq!(shown(Interval::Whole, "UTC", "2026-01-15", "2026-03-02").len(), 2);
    }

    #[test]
    fn bad_spans_say_what_would_be_right() {
        let zone = Zone::utc();
        let cut = |from: &str, to: &str| cuts(Interval::Day, &zone, at(from), at(to)).unwrap_err().to_string();
        assert!(cut("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z").contains("not before"));
        let off = cut("2026-01-01T00:08:00Z", "2026-01-02T00:00:00Z");
        assert!(off.contains("the nearest is 2026-01-01T00:15:00"), "{off}");
        assert!(cut("1999-12-31T00:00:00Z", "2026-01-02T00:00:00Z").contains("not between 2000-01-01"));
        let quarters = cuts(Interval::Quarter, &zone, FIRST, LAST);
        assert_eq!(quarters, Err(BadSpan::TooMany));
        assert!(zone.end("2026-01-02T00:00:00").unwrap_err().to_string().contains("no offset"));
        assert!(Zone::named("Europe/Berlni").is_err() && Zone::named("").is_err() && Zone::named("../etc").is_err());
    }

    #[test]
    fn an_interval_begins_where_its_last_one_ended() {
        let zone = Zone::named("America/Havana").unwrap();
        // The first hour of this day is there twice.
        let (from, to) = (at("2026-11-01T03:00:00Z"), at("2026-11-01T08:00:00Z"));
        for interval in [Interval::Quarter, Interval::Hour, Interval::Day, Interval::Week, Interval::Month] {
            let cuts = cuts(interval, &zone, start_of(interval, &zone, from).unwrap(), to).unwrap();
            for part in cuts.windows(2) {
                let late = Timestamp::from_micros(part[1].micros() - 1);
                assert_eq!(start_of(interval, &zone, late), Ok(part[0]), "{}", interval.as_str());
            }
        }
    }
}
