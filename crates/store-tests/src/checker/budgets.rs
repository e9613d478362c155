//! Budgets: each sum is added up again from the entries, each entry from the calls of its generation.

use super::Faults;
use super::dump::{Dump, Row};
use super::usage::MOST;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Budget, start of the period, owner.
type Place = (Uuid, i64, Uuid);

fn place(row: &Row) -> Place {
    (row.id("budget_id"), row.whole("period_at"), row.id("owner_id"))
}

pub(super) fn check(dump: &Dump, faults: &mut Faults) {
    sums(dump, faults);
    entries(dump, faults);
}

/// What is used is the sum of the entries and of those that were folded; what is set aside is the sum of the entries.
fn sums(dump: &Dump, faults: &mut Faults) {
    let mut counted: BTreeMap<Place, (i64, i64)> = BTreeMap::new();
    for entry in dump.rows("budget_entries") {
        let sum = counted.entry(place(entry)).or_default();
        *sum = (sum.0 + entry.whole("used"), sum.1 + entry.whole("reserved"));
    }
    for row in dump.rows("budget_use") {
        let (used, reserved) = counted.remove(&place(row)).unwrap_or_default();
        let sum = (used + row.whole("folded"), reserved);
        let said = (row.whole("used"), row.whole("reserved"));
        faults.expect("budget sums", said == sum, || format!("{:?}: {said:?}, counted {sum:?}", place(row)));
    }
    for (place, sum) in counted {
        faults.expect("budget sums", sum == (0, 0), || format!("{place:?} has entries of {sum:?} and no sum"));
    }
}

/// An entry, with what came before it, is what the closed calls used. This needs no dates: the entries of a generation
/// are folded before its first call is removed for its age.
fn entries(dump: &Dump, faults: &mut Faults) {
    let measures: BTreeMap<Uuid, &str> =
        dump.rows("budgets").iter().map(|budget| (budget.id("id"), budget.text("measure"))).collect();
    let ended: BTreeSet<Uuid> = dump.rows("outcomes").iter().map(|row| row.id("id")).collect();
    let calls = dump.by_id("calls", "generation_id");
    for entry in dump.rows("budget_entries") {
        let (id, budget) = (entry.id("generation_id"), entry.id("budget_id"));
        let Some(measure) = measures.get(&budget) else {
            faults.expect("budget entries", false, || format!("{id} counts in {budget}, which is no budget"));
            continue;
        };
        let closed = calls.get(&id).into_iter().flatten().filter(|call| call.maybe_whole("closed_at").is_some());
        let used: i64 = closed.map(|call| used(call, measure)).sum();
        let (own, before) = (entry.whole("used"), entry.whole("used_before"));
        faults.expect("budget entries", own + before == used, || {
            format!("{id} in {budget}: {own} and {before} before, its calls used {used}")
        });
        let free = entry.whole("reserved") == 0 || !ended.contains(&id);
        faults.expect("budget entries", free, || format!("{id} has ended, {budget} sets something aside for it"));
    }
}

/// What one call counts, each figure within its bounds.
fn used(call: &Row, measure: &str) -> i64 {
    let columns: &[&str] = match measure {
        "cost" => &["cost_nanousd"],
        _ => &["tokens_input", "tokens_output"],
    };
    columns.iter().map(|column| call.maybe_whole(column).unwrap_or(0).clamp(0, MOST)).sum()
}
