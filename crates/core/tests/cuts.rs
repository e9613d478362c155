//! Cuts in every zone there is: nothing is left out and nothing is counted twice, on the days the clocks change too.

use copydesk_core::Timestamp;
use copydesk_core::metering::cuts::{Interval, Zone, cuts, next_start, start_of};
use copydesk_core::metering::totals::bucket;
use proptest::prelude::*;
use std::time::Duration;

/// 2000 and 2037 in quarters of an hour since 1970.
const QUARTERS: std::ops::Range<i64> = 1_051_920..2_349_120;
const QUARTER_US: i64 = 900_000_000;

fn covers(interval: Interval, zone: &Zone, from: Timestamp, to: Timestamp) {
    let context = || format!("{} by {} from {from} to {to}", zone.name(), interval.as_str());
    let cuts = cuts(interval, zone, from, to).unwrap_or_else(|error| panic!("{}: {error}", context()));
    assert_eq!((cuts[0], cuts[cuts.len() - 1]), (from, to), "{}", context());
    for part in cuts.windows(2) {
        assert!(part[0] < part[1], "{}: {part:?}", context());
        assert_eq!(bucket(part[1]), part[1], "{}: {part:?}", context());
    }
    for cut in &cuts[1..cuts.len() - 1] {
        assert_eq!(start_of(interval, zone, *cut), Ok(*cut), "{}", context());
    }
    let longest = match interval {
        Interval::Quarter => Duration::from_secs(900),
        Interval::Hour => Duration::from_secs(3_600),
        // One zone left a day out, and its day before went on as long.
        Interval::Day => Duration::from_secs(49 * 3_600),
        Interval::Week => Duration::from_secs(8 * 24 * 3_600 + 3_600),
        Interval::Month => Duration::from_secs(32 * 24 * 3_600 + 3_600),
        Interval::Whole => Duration::MAX,
    };
    assert!(cuts.windows(2).all(|part| part[1].since(part[0]) <= longest), "{}", context());
}

#[test]
fn every_zone_is_cut_whole_over_the_years_its_clocks_change() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (from, to) = (at("2025-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let names = Zone::names();
    assert!(names.len() > 500, "{}", names.len());
    for name in &names {
        let zone = Zone::named(name).unwrap();
        covers(Interval::Day, &zone, from, to);
        covers(Interval::Week, &zone, at("2010-01-01T00:00:00Z"), to);
        covers(Interval::Month, &zone, at("2000-01-01T00:00:00Z"), to);
    }
}

/// The clocks of Goose Bay went back from 00:01 to 23:01 on 1 November 2009, at 03:01 in UTC.
#[test]
fn clocks_that_change_within_a_quarter_leave_every_cut_on_one() {
    let zone = Zone::named("America/Goose_Bay").unwrap();
    let from: Timestamp = "2009-11-01T00:00:00Z".parse().unwrap();
    let to: Timestamp = "2009-11-01T08:00:00Z".parse().unwrap();
    covers(Interval::Hour, &zone, from, to);
    let shown: Vec<String> = cuts(Interval::Hour, &zone, from, to).unwrap().iter().map(|at| zone.shown(*at)).collect();
    assert_eq!(
        shown[2..6],
        [
            "2009-10-31T23:00:00-03:00",
            "2009-11-01T00:00:00-03:00",
            "2009-10-31T23:15:00-04:00",
            "2009-11-01T00:00:00-04:00"
        ]
    );
    for minute in [1, 14] {
        let within = from.plus(Duration::from_secs(3 * 3_600 + minute * 60));
        assert_eq!(start_of(Interval::Hour, &zone, within).unwrap(), "2009-11-01T03:00:00Z".parse().unwrap());
        assert_eq!(next_start(Interval::Hour, &zone, within).unwrap(), "2009-11-01T03:15:00Z".parse().unwrap());
    }
}

proptest! {
    #[test]
    fn parts_neither_overlap_nor_leave_gaps(
        zone in prop::sample::select(Zone::names()),
        interval in prop::sample::select(Interval::ALL.to_vec()),
        start in QUARTERS,
        length in 1_i64..3_000,
    ) {
        let at = |quarter: i64| Timestamp::from_micros(quarter * QUARTER_US);
        covers(interval, &Zone::named(&zone).unwrap(), at(start), at(start + length));
    }
}
