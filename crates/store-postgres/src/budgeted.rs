//! What one transaction does to the sums of budgets: their rows are locked in one order (generations, entries, sums), read
//! into core's book, asked and written back. It decides nothing itself.
//!
//! Another process may have set aside something for a generation before this one has learnt of the budget: the entries of
//! a generation are looked for whenever the database has any budget, known here or not.

use crate::budgets::{Known, budget_row, use_row};
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::read::usage::Standing;
use crate::turn::{Placed, Won};
use crate::types::{Micros, Param, columns, sql};
use copydesk_core::budget::book::{Book, Changes, Entry, Spent};
use copydesk_core::budget::{Asker, Budget, Owner, Place, applying};
use copydesk_core::metering::totals::Figures;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, CallId, GenerationId, KeyId, NanoUsd, Timestamp, Tokens, UserId, WorkspaceId};
use copydesk_store::budgets::warned;
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Accept, Write};
use copydesk_store::usage::ClosedCall;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// The rows a transaction works on. Empty where there are no budgets.
#[derive(Default)]
pub struct Budgeted {
    known: Arc<[Budget]>,
    book: Book,
    askers: HashMap<GenerationId, Asker>,
    /// What the other calls of a call's generation used, where that generation has no entry yet.
    beside: HashMap<CallId, Figures>,
}

/// A call that may be closed, as it stands, and when.
pub type Closing<'a> = (&'a Standing, CallId, Timestamp);

impl Known {
    /// The sums that requests of the batch are under.
    pub async fn of_batch(&self, tx: &mut Tx, batch: &[Accept]) -> Result<Budgeted, Fault> {
        let mut found = Budgeted { known: self.all(), ..Budgeted::default() };
        let bounded = batch.iter().filter(|request| request.bound.is_some());
        let places: BTreeSet<Place> = bounded.flat_map(|request| found.places(request)).collect();
        if !places.is_empty() {
            found.load(tx, Steps::default(), &places).await?;
        }
        Ok(found)
    }

    /// What the calls and ends of a wave change.
    pub async fn of_wave(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        wave: &[Placed<'_>],
        won: &Won,
    ) -> Result<Budgeted, Fault> {
        let (mut closing, mut ends) = (vec![], vec![]);
        for (_, write) in wave {
            let (call, at) = match write {
                Write::Late { call, .. } => (Some(call), now),
                Write::Change(change) => {
                    if change.decision.next.status().is_final() {
                        ends.push(change.fence.generation);
                    }
                    (change.closes.as_ref(), change.at)
                }
            };
            closing.extend(call.and_then(|call| Some((won.calls.get(&call.id)?, call.id, at))));
        }
        self.of_calls(tx, won.budgeted, &closing, &ends).await
    }

    /// What these calls and ends change. `budgeted`: the database has budgets.
    pub async fn of_calls(
        &self,
        tx: &mut Tx,
        budgeted: bool,
        closing: &[Closing<'_>],
        ends: &[GenerationId],
    ) -> Result<Budgeted, Fault> {
        let mut found = Budgeted { known: self.all(), ..Budgeted::default() };
        let generations: BTreeSet<GenerationId> = closing.iter().map(|(standing, ..)| standing.generation).collect();
        if !budgeted || (generations.is_empty() && ends.is_empty()) {
            return Ok(found);
        }
        found.load_entries(tx, &generations, ends).await?;
        let mut places: BTreeSet<Place> = found.book.entries().map(|(_, entry)| entry.place).collect();
        let mut fresh: Vec<(Uuid, Uuid)> = vec![];
        for (standing, call, at) in closing {
            let new = found.fresh(standing.generation, *at);
            if !new.is_empty() {
                fresh.push((standing.generation.0, call.0));
            }
            places.extend(new);
        }
        if places.is_empty() {
            return Ok(found);
        }
        let mut steps = Steps::default();
        let beside = (!fresh.is_empty()).then(|| steps.add(sql!("budgets/beside"), columns!(fresh, f => f.0, f.1)));
        let answers = found.load(tx, steps, &places).await?;
        for row in answers.rows(beside) {
            let tokens = |column: &str| row.get::<_, Option<i64>>(column).map(Tokens);
            let (input, output) = (tokens("tokens_input"), tokens("tokens_output"));
            let usage = TokenUsage { input, output, ..TokenUsage::default() };
            let cost = row.get::<_, Option<i64>>("cost_nanousd").map(NanoUsd);
            let sum = found.beside.entry(CallId(row.get("call_id"))).or_default();
            *sum = sum.plus(&Figures::of_call(CallOutcome::Ok, &usage, cost, 0));
        }
        Ok(found)
    }
}

impl Budgeted {
    fn places(&self, request: &Accept) -> Vec<Place> {
        applying(&self.known, &request.asker(), request.at)
    }

    /// Where a call of the generation counts that has no entry there yet.
    fn fresh(&self, generation: GenerationId, at: Timestamp) -> Vec<Place> {
        let Some(asker) = self.askers.get(&generation) else { return vec![] };
        let mut places = applying(&self.known, asker, at);
        places.retain(|place| self.book.entries_of(generation).all(|entry| entry.place.budget != place.budget));
        places
    }

    /// Locks the generations of closing calls, and reads who asked for them; locks and reads all entries.
    async fn load_entries(
        &mut self,
        tx: &mut Tx,
        generations: &BTreeSet<GenerationId>,
        ends: &[GenerationId],
    ) -> Result<(), Fault> {
        let all: BTreeSet<GenerationId> = generations.iter().chain(ends).copied().collect();
        let mut steps = Steps::default();
        let askers = steps.add(sql!("budgets/asker"), columns!(generations, id => id.0));
        let entries = steps.add(sql!("budgets/entries"), columns!(all, id => id.0));
        let answers = tx.send(steps).await?;
        for row in answers.rows(Some(askers)) {
            let asker = Asker {
                workspace: WorkspaceId(row.get("workspace_id")),
                user: UserId(row.get("user_id")),
                key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
            };
            self.askers.insert(GenerationId(row.get("id")), asker);
        }
        for row in answers.rows(Some(entries)) {
            let place = place(row);
            let (used, reserved, before) = (row.get("used"), row.get("reserved"), row.get("used_before"));
            self.book.load_entry(GenerationId(row.get("generation_id")), Entry { place, used, reserved, before });
        }
        Ok(())
    }

    /// Locks and reads sums, and reads their budgets as they are now. Other `steps` go first.
    async fn load(
        &mut self,
        tx: &mut Tx,
        mut steps: Steps<'_>,
        places: &BTreeSet<Place>,
    ) -> Result<crate::pipeline::Answers, Fault> {
        steps.add(sql!("budgets/make_use"), place_columns(places));
        let uses = steps.add(sql!("budgets/use"), place_columns(places));
        let ids: BTreeSet<BudgetId> = places.iter().map(|place| place.budget).collect();
        let budgets = steps.add(sql!("budgets/of_ids"), columns!(ids, id => id.0));
        let answers = tx.send(steps).await?;
        for row in answers.rows(Some(budgets)) {
            self.book.load_budget(budget_row(row)?);
        }
        for row in answers.rows(Some(uses)) {
            self.book.load_use(place(row), use_row(row)?);
        }
        Ok(answers)
    }

    pub fn check(&self, request: &Accept) -> Result<(), Refusal> {
        request.bound.as_ref().map_or(Ok(()), |bound| self.book.check(&self.places(request), bound))
    }

    pub fn reserve(&mut self, request: &Accept) {
        if let Some(bound) = &request.bound {
            let places = self.places(request);
            self.book.reserve(request.generation, &places, bound);
        }
    }

    /// A call closes at `at`; what it had been closed with before was a guess.
    pub fn spend(&mut self, standing: &Standing, call: &ClosedCall, outcome: CallOutcome, at: Timestamp) {
        let lost = standing.closed.as_ref();
        let spent = Spent {
            added: call.figures(outcome),
            taken_back: lost.map_or_else(Figures::default, |(_, lost)| lost.figures(lost.outcome)),
            before: self.beside.get(&call.id).copied().unwrap_or_default(),
        };
        let places = self.fresh(standing.generation, at);
        self.book.spend(standing.generation, &places, &spent, at);
    }

    pub fn end(&mut self, generation: GenerationId) {
        self.book.end(generation);
    }

    /// Sends what was changed.
    pub async fn write(&mut self, tx: &mut Tx) -> Result<(), Fault> {
        let changes = self.book.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let Changes { uses, entries, warnings } = changes;
        let mut steps = Steps::default();
        let sums = columns!(uses, u => u.0.budget.0, Micros::from(u.0.period_at), u.0.owner.0, u.1.used, u.1.reserved,
            i32::from(u.1.warned));
        steps.add(sql!("budgets/put_use"), sums);
        let rows = columns!(entries, e => e.0.0, e.1.place.budget.0, Micros::from(e.1.place.period_at),
            e.1.place.owner.0, e.1.used, e.1.reserved, e.1.before);
        steps.add(sql!("budgets/put_entry"), rows);
        let told: Vec<NewEvent<'_>> =
            warnings.iter().filter_map(|it| Some(warned(self.book.budget(it.place.budget)?, it))).collect();
        if !told.is_empty() {
            events::write(&mut steps, &told);
        }
        tx.send(steps).await?;
        Ok(())
    }
}

fn place(row: &tokio_postgres::Row) -> Place {
    Place {
        budget: BudgetId(row.get("budget_id")),
        owner: Owner(row.get("owner_id")),
        period_at: row.get::<_, Micros>("period_at").into(),
    }
}

/// In the order in which sums are locked.
fn place_columns<'a>(places: &BTreeSet<Place>) -> Vec<Param<'a>> {
    columns!(places, it => it.budget.0, Micros::from(it.period_at), it.owner.0)
}
