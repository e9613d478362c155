//! A second opinion on the books: reads the tables as they are and computes in memory, by brute force, what must hold,
//! written from the list of invariants (I1 to I29) and not from the auditor's statements. Of the product it uses ids, the
//! transfer type and its link (`core::ledger::chain`), because a hash has one definition. For tests only.

mod budgets;
mod dump;
mod jobs;
mod ledger;
mod usage;
mod work;

pub use dump::{Cell, Dump, Row, TABLES};

use std::collections::BTreeMap;

/// What does not hold: by invariant, the first row it was seen on.
pub type Verdict = BTreeMap<&'static str, String>;

/// All there is to say about these tables. Empty means that everything holds.
pub fn check(dump: &Dump) -> Verdict {
    let mut faults = Faults::default();
    work::check(dump, &mut faults);
    ledger::check(dump, &mut faults);
    usage::check(dump, &mut faults);
    budgets::check(dump, &mut faults);
    jobs::check(dump, &mut faults);
    faults.0
}

#[derive(Default)]
struct Faults(Verdict);

impl Faults {
    /// Notes that `name` is broken unless `holds`.
    fn expect(&mut self, name: &'static str, holds: bool, seen: impl FnOnce() -> String) {
        if !holds {
            self.0.entry(name).or_insert_with(seen);
        }
    }
}
