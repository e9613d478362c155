//! The sums of budgets, as one transaction changes them: reserve when a generation is accepted, spend when a call closes,
//! give the rest back when the generation ends. An engine loads the rows, asks this file what becomes of them and writes
//! them back. Pure: it reads and writes nothing itself.
//!
//! A generation has at most one entry in each budget, in the period of its accept; one that was accepted before the
//! budget was known gets its entry with the next call that closes, in that call's period.

use super::bound::{Bound, MostCost};
use super::{Budget, Measure, Place};
use crate::metering::totals::Figures;
use crate::refusal::{BudgetExceeded, Refusal};
use crate::{BudgetId, GenerationId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is used and set aside at one place. Units: those of the budget's measure.
///
/// Invariant: the sums of its entries, and of those that were folded into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Use {
    pub used: i64,
    pub reserved: i64,
    /// The largest share that was told. Units: percent.
    pub warned: u8,
}

/// One generation's part of a sum.
///
/// Invariant: none is negative, and `used + before` is what its closed calls used together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub place: Place,
    pub reserved: i64,
    pub used: i64,
    /// What its calls had used before the budget knew it. It does not count.
    pub before: i64,
}

/// A share of a limit that was crossed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    pub place: Place,
    /// Units: percent.
    pub share: u8,
    /// After the call that crossed it.
    pub used: i64,
    pub limit: i64,
    /// When that call closed.
    pub at: Timestamp,
}

/// What a call that closes adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spent {
    pub added: Figures,
    /// The estimate that the true figures replace; nothing where there was none.
    pub taken_back: Figures,
    /// What the generation's other calls have used so far; asked for only where the generation has no entry yet.
    pub before: Figures,
}

type EntryKey = (GenerationId, BudgetId);

/// The rows one transaction works on.
#[derive(Clone, Debug, Default)]
pub struct Book {
    budgets: BTreeMap<BudgetId, Budget>,
    uses: BTreeMap<Place, Use>,
    entries: BTreeMap<EntryKey, Entry>,
    changed_uses: BTreeSet<Place>,
    changed_entries: BTreeSet<EntryKey>,
    warnings: Vec<Warning>,
}

impl Book {
    pub fn load_budget(&mut self, budget: Budget) {
        self.budgets.insert(budget.id, budget);
    }
    pub fn load_use(&mut self, place: Place, row: Use) {
        self.uses.insert(place, row);
    }
    pub fn load_entry(&mut self, generation: GenerationId, entry: Entry) {
        self.entries.insert((generation, entry.place.budget), entry);
    }
    pub fn budget(&self, id: BudgetId) -> Option<&Budget> {
        self.budgets.get(&id)
    }
    pub fn budgets(&self) -> impl Iterator<Item = &Budget> {
        self.budgets.values()
    }
    pub fn uses(&self) -> impl Iterator<Item = (&Place, &Use)> {
        self.uses.iter()
    }
    pub fn entries(&self) -> impl Iterator<Item = (GenerationId, &Entry)> {
        self.entries.iter().map(|((generation, _), entry)| (*generation, entry))
    }
    pub fn entries_of(&self, generation: GenerationId) -> impl Iterator<Item = &Entry> {
        let (first, last) = (BudgetId(uuid::Uuid::nil()), BudgetId(uuid::Uuid::max()));
        self.entries.range((generation, first)..=(generation, last)).map(|(_, entry)| entry)
    }
    pub fn remove_entries(&mut self, generation: GenerationId) {
        self.entries.retain(|(of, _), _| *of != generation);
    }

    /// What was changed since the last time it was asked.
    pub fn take_changes(&mut self) -> Changes {
        let uses = std::mem::take(&mut self.changed_uses);
        let entries = std::mem::take(&mut self.changed_entries);
        Changes {
            uses: uses.into_iter().filter_map(|place| Some((place, *self.uses.get(&place)?))).collect(),
            entries: entries.into_iter().filter_map(|key| Some((key.0, *self.entries.get(&key)?))).collect(),
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    /// Whether a generation that may use so much has room everywhere.
    ///
    /// Errors: `BudgetExceeded` of the first place without, `UnpricedModelWithBudget`.
    pub fn check(&self, places: &[Place], bound: &Bound) -> Result<(), Refusal> {
        for (place, budget) in self.in_force(places) {
            let needed = needed(budget, bound)?;
            let Use { used, reserved, .. } = self.used_at(place);
            let sum = [used, reserved, needed].into_iter().map(i128::from).sum::<i128>();
            if sum > i128::from(budget.limit) {
                let (_, ends_at) = budget.period_of(place.period_at);
                return Err(Refusal::BudgetExceeded(Box::new(BudgetExceeded {
                    budget: budget.id,
                    measure: budget.measure,
                    period: budget.period,
                    zone: budget.zone.clone(),
                    limit: budget.limit,
                    used,
                    reserved,
                    needed,
                    ends_at,
                })));
            }
        }
        Ok(())
    }

    /// Sets aside what [`Book::check`] found room for.
    pub fn reserve(&mut self, generation: GenerationId, places: &[Place], bound: &Bound) {
        let found: Vec<(Place, i64)> =
            self.in_force(places).filter_map(|(place, budget)| Some((*place, needed(budget, bound).ok()?))).collect();
        for (place, needed) in found {
            self.change_entry(generation, Entry { place, reserved: needed, used: 0, before: 0 });
            self.change_use(place, |row| row.reserved = row.reserved.saturating_add(needed));
        }
    }

    /// A call of the generation was closed at `at`. `places` are those it counts in where it has no entry yet.
    pub fn spend(&mut self, generation: GenerationId, places: &[Place], spent: &Spent, at: Timestamp) {
        let known: Vec<Entry> = self.entries_of(generation).copied().collect();
        let fresh: Vec<(Place, Measure)> = self
            .in_force(places)
            .filter(|(place, _)| known.iter().all(|entry| entry.place.budget != place.budget))
            .map(|(place, budget)| (*place, budget.measure))
            .collect();
        for entry in known {
            let Some(measure) = self.budgets.get(&entry.place.budget).map(|budget| budget.measure) else { continue };
            let more = measure.of(&spent.added).saturating_sub(measure.of(&spent.taken_back));
            self.book(generation, entry, more, at);
        }
        for (place, measure) in fresh {
            let entry = Entry { place, reserved: 0, used: 0, before: measure.of(&spent.before) };
            self.book(generation, entry, measure.of(&spent.added), at);
        }
    }

    /// Adds to an entry and to its sum; of what was set aside so much is used up. What is taken back of an estimate that
    /// came before the budget is taken from there.
    fn book(&mut self, generation: GenerationId, entry: Entry, more: i64, at: Timestamp) {
        let counted = more.max(-entry.used);
        let eaten = counted.clamp(0, entry.reserved);
        let entry = Entry {
            used: entry.used.saturating_add(counted),
            reserved: entry.reserved - eaten,
            before: entry.before.saturating_add(more - counted),
            ..entry
        };
        self.change_entry(generation, entry);
        let place = entry.place;
        self.change_use(place, |row| {
            row.used = row.used.saturating_add(counted);
            row.reserved = row.reserved.saturating_sub(eaten);
        });
        self.warn(place, at);
    }

    /// The generation has ended: what is still set aside for it is free.
    pub fn end(&mut self, generation: GenerationId) {
        let open: Vec<Entry> = self.entries_of(generation).filter(|entry| entry.reserved != 0).copied().collect();
        for entry in open {
            self.change_entry(generation, Entry { reserved: 0, ..entry });
            self.change_use(entry.place, |row| row.reserved = row.reserved.saturating_sub(entry.reserved));
        }
    }

    /// Says each share once, when what is used reaches it.
    fn warn(&mut self, place: Place, at: Timestamp) {
        let Some(budget) = self.budgets.get(&place.budget).filter(|budget| budget.is_in_force()) else { return };
        let row = self.used_at(&place);
        let reached = |share: u8| i128::from(row.used) * 100 >= i128::from(budget.limit) * i128::from(share);
        let shares = budget.warn_at.as_slice().iter().copied();
        let crossed: Vec<u8> = shares.filter(|share| *share > row.warned && reached(*share)).collect();
        let limit = budget.limit;
        self.warnings.extend(crossed.iter().map(|share| Warning { place, share: *share, used: row.used, limit, at }));
        if let Some(last) = crossed.last() {
            self.change_use(place, |row| row.warned = *last);
        }
    }

    fn in_force<'a>(&'a self, places: &'a [Place]) -> impl Iterator<Item = (&'a Place, &'a Budget)> {
        let budget = |place: &'a Place| Some((place, self.budgets.get(&place.budget)?));
        places.iter().filter_map(budget).filter(|(_, budget)| budget.is_in_force())
    }

    fn used_at(&self, place: &Place) -> Use {
        self.uses.get(place).copied().unwrap_or_default()
    }

    fn change_use(&mut self, place: Place, how: impl FnOnce(&mut Use)) {
        let row = self.uses.entry(place).or_default();
        how(row);
        // Sums that were damaged are the auditor's to name; no result is lost for them.
        (row.used, row.reserved) = (row.used.max(0), row.reserved.max(0));
        self.changed_uses.insert(place);
    }

    fn change_entry(&mut self, generation: GenerationId, entry: Entry) {
        let key = (generation, entry.place.budget);
        self.entries.insert(key, entry);
        self.changed_entries.insert(key);
    }
}

/// What is to be written, each row as it is now, in the order of its key; warnings in the order they came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    pub uses: Vec<(Place, Use)>,
    pub entries: Vec<(GenerationId, Entry)>,
    pub warnings: Vec<Warning>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.entries.is_empty() && self.warnings.is_empty()
    }
}

pub(super) fn needed(budget: &Budget, bound: &Bound) -> Result<i64, Refusal> {
    match (budget.measure, &bound.cost) {
        (Measure::Tokens, _) => Ok(bound.tokens.0),
        (Measure::Cost, MostCost::Known(most)) => Ok(most.0),
        (Measure::Cost, MostCost::Unknown { model }) => {
            Err(Refusal::UnpricedModelWithBudget { model: model.clone(), budget: budget.id })
        }
    }
}
