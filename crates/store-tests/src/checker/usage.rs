//! Totals: each series is summed up again from the calls, quarter by quarter.

use super::Faults;
use super::dump::{Dump, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Units: microseconds.
const QUARTER: i64 = 900_000_000;
/// The most one call counts for.
pub(super) const MOST: i64 = 10_000_000_000_000;
/// What is taken from a call's column of the same name.
const TAKEN: [&str; 9] = [
    "tokens_input",
    "tokens_output",
    "tokens_cached",
    "tokens_cache_write",
    "tokens_reasoning",
    "images",
    "video_seconds",
    "cost_nanousd",
    "duration_ms",
];
const COUNTED: [&str; 4] = ["calls", "failed", "estimated", "unpriced"];

type Sum = [i64; 13];
/// Workspace, cuboid, user, service, operation, model.
type Series = (Uuid, i64, Uuid, String, String, String);

pub(super) fn check(dump: &Dump, faults: &mut Faults) {
    let mut calls: BTreeMap<Series, BTreeMap<i64, Sum>> = BTreeMap::new();
    let mut whole: BTreeMap<Uuid, Sum> = BTreeMap::new();
    for call in dump.rows("calls").iter().filter(|call| call.maybe_whole("closed_at").is_some()) {
        let figures = figures(call);
        let quarter = call.whole("closed_at").div_euclid(QUARTER) * QUARTER;
        for series in series_of(call) {
            add(calls.entry(series).or_default().entry(quarter).or_insert([0; 13]), &figures);
        }
        add(whole.entry(call.id("workspace_id")).or_insert([0; 13]), &figures);
    }
    let mut pruned = vec![];
    for row in dump.rows("usage_pruned") {
        add(whole.entry(row.id("workspace_id")).or_insert([0; 13]), &noted(row));
        pruned.push(row.id("workspace_id"));
    }
    let kept = kept(dump, faults);
    for (series, by_quarter) in calls.iter().filter(|(series, _)| !pruned.contains(&series.0)) {
        agree(series, by_quarter, kept.get(series), faults);
    }
    sums(&whole, &kept, faults);
    for series in kept.keys().filter(|series| !pruned.contains(&series.0)) {
        let zero = kept[series].values().all(|sum| *sum == [0; 13]);
        faults.expect("I28", zero || calls.contains_key(series), || format!("{series:?} has no calls"));
    }
}

fn add(sum: &mut Sum, figures: &Sum) {
    for (sum, figure) in sum.iter_mut().zip(figures) {
        *sum += figure;
    }
}

fn figures(call: &Row) -> Sum {
    let outcome = call.text("outcome");
    let left = outcome != "not_sent";
    let mut sum = [0; 13];
    sum[0] = 1;
    sum[1] = i64::from(outcome == "failed" || outcome == "lost");
    sum[2] = i64::from(left && call.whole("estimated") == 1);
    sum[3] = i64::from(left && call.maybe_whole("cost_nanousd").is_none());
    for (place, column) in TAKEN.iter().enumerate() {
        sum[4 + place] = call.maybe_whole(column).unwrap_or(0).clamp(0, MOST);
    }
    sum
}

fn noted(row: &Row) -> Sum {
    let mut sum = [0; 13];
    for (place, column) in COUNTED.iter().chain(&TAKEN).enumerate() {
        sum[place] = row.whole(column);
    }
    sum
}

/// The six series a call counts in: all, by service, by model, by user, by kind, by user and kind.
fn series_of(call: &Row) -> [Series; 6] {
    let tells = [(0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 1, 1), (1, 1, 1, 1)];
    let word = |told: i32, column: &str| if told == 1 { call.text(column).to_owned() } else { String::new() };
    let mut cuboid = -1;
    tells.map(|(user, service, operation, model)| {
        cuboid += 1;
        let user = if user == 1 { call.id("user_id") } else { Uuid::nil() };
        let words = (word(service, "service"), word(operation, "operation"), word(model, "model"));
        (call.id("workspace_id"), cuboid, user, words.0, words.1, words.2)
    })
}

/// What is kept of each series: cumulative, by quarter.
fn kept(dump: &Dump, faults: &mut Faults) -> BTreeMap<Series, BTreeMap<i64, Sum>> {
    let mut rows: BTreeMap<i64, BTreeMap<i64, Sum>> = BTreeMap::new();
    for row in dump.rows("usage_history") {
        rows.entry(row.whole("series_no")).or_default().insert(row.whole("bucket_at"), noted(row));
    }
    for row in dump.rows("usage_totals") {
        let (number, quarter) = (row.whole("series_no"), row.whole("bucket_at"));
        let own = rows.entry(number).or_default();
        let last = own.keys().next_back().is_none_or(|newest| *newest < quarter);
        faults.expect("history", last, || format!("the history of series {number} goes beyond its total"));
        own.insert(quarter, noted(row));
    }
    for (number, own) in &rows {
        let sums: Vec<&Sum> = own.values().collect();
        let rises = sums.windows(2).all(|two| two[0].iter().zip(two[1]).all(|(before, after)| before <= after));
        faults.expect("history", rises, || format!("series {number} falls"));
    }
    let named = dump.rows("usage_series").iter().map(|row| {
        let word = |column: &str| row.text(column).to_owned();
        let words = (word("service"), word("operation"), word("model"));
        let series = (row.id("workspace_id"), row.whole("cuboid"), row.id("user_id"), words.0, words.1, words.2);
        (series, rows.get(&row.whole("no")).cloned().unwrap_or_default())
    });
    named.collect()
}

/// After each quarter in which a call was closed, the series says the sum of all until then.
fn agree(series: &Series, calls: &BTreeMap<i64, Sum>, kept: Option<&BTreeMap<i64, Sum>>, faults: &mut Faults) {
    let Some(kept) = kept else {
        return faults.expect("I28", false, || format!("{series:?} is not kept"));
    };
    let mut sum = [0; 13];
    for (quarter, figures) in calls {
        add(&mut sum, figures);
        let said = kept.range(..=*quarter).next_back().map_or([0; 13], |(_, sum)| *sum);
        faults.expect("I28", said == sum, || format!("{series:?} at {quarter}: {said:?}, counted {sum:?}"));
    }
    let newest = kept.values().next_back().copied().unwrap_or([0; 13]);
    faults.expect("I28", newest == sum, || format!("{series:?} in all: {newest:?}, counted {sum:?}"));
}

/// Each way to cut a workspace's totals sums to the calls and those that were removed for their age (I27).
fn sums(whole: &BTreeMap<Uuid, Sum>, kept: &BTreeMap<Series, BTreeMap<i64, Sum>>, faults: &mut Faults) {
    for (workspace, counted) in whole {
        for cuboid in 0..6 {
            let mut sum = [0; 13];
            for (_, own) in kept.iter().filter(|(series, _)| (series.0, series.1) == (*workspace, cuboid)) {
                add(&mut sum, &own.values().next_back().copied().unwrap_or([0; 13]));
            }
            faults.expect("I28", sum == *counted, || format!("cut {cuboid} of {workspace}: {sum:?}, not {counted:?}"));
        }
    }
}
