//! The model's budgets: one book of all rows, kept for good. What is folded for its age stays in the sums.

use super::data::{Data, paged};
use copydesk_core::budget::book::{Changes, Spent};
use copydesk_core::budget::{Asker, Budget, Place, Subject, applying};
use copydesk_core::metering::totals::Figures;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, CallId, GenerationId, Timestamp};
use copydesk_store::budgets::{
    BudgetChange, BudgetFilter, Moved, NewBudget, UseRow, changed, key_text, no_subject, warned,
};
use copydesk_store::generations::Accept;
use copydesk_store::usage::ClosedCall;
use copydesk_store::{Page, PageRequest, Scope, StoreError};

impl Data {
    pub(super) fn knows_budgets(&self) -> bool {
        self.budgets.budgets().any(Budget::is_in_force)
    }

    fn places(&self, asker: &Asker, at: Timestamp) -> Vec<Place> {
        applying(&self.budgets.budgets().cloned().collect::<Vec<_>>(), asker, at)
    }

    pub(super) fn check_budgets(&self, request: &Accept) -> Result<(), Refusal> {
        match &request.bound {
            Some(bound) => self.budgets.check(&self.places(&request.asker(), request.at), bound),
            None => Ok(()),
        }
    }

    pub(super) fn reserve(&mut self, request: &Accept) {
        if let Some(bound) = &request.bound {
            let places = self.places(&request.asker(), request.at);
            self.budgets.reserve(request.generation, &places, bound);
        }
    }

    /// A call was closed at `at`; `taken_back` is the estimate it had been closed with.
    pub(super) fn spend(&mut self, closed: &ClosedCall, taken_back: Option<ClosedCall>, at: Timestamp) {
        let Some(call) = self.calls.get(&closed.id) else { return };
        let generation = call.row.generation;
        let Some(entry) = self.generations.get(&generation) else { return };
        let spent = Spent {
            added: closed.figures(closed.outcome),
            taken_back: taken_back.map_or_else(Figures::default, |lost| lost.figures(lost.outcome)),
            before: self.used_beside(generation, closed.id),
        };
        let places = self.places(&entry.accept.asker(), at);
        self.budgets.spend(generation, &places, &spent, at);
        let Changes { warnings, .. } = self.budgets.take_changes();
        for warning in warnings {
            let Some(budget) = self.budgets.budget(warning.place.budget) else { continue };
            let event = warned(budget, &warning);
            self.announce(event);
        }
    }

    fn used_beside(&self, generation: GenerationId, call: CallId) -> Figures {
        let others = self.calls.values().filter(|other| other.row.generation == generation && other.row.id != call);
        let closed = others.filter_map(|other| other.row.closed.as_ref());
        closed.fold(Figures::default(), |sum, (_, closed)| sum.plus(&closed.figures(closed.outcome)))
    }

    /// Its calls begin to be pruned: from then on only the sums know it.
    pub(super) fn fold(&mut self, generation: GenerationId) {
        for entry in self.budgets.entries_of(generation) {
            *self.folded.entry(entry.place).or_default() += entry.used;
        }
        self.budgets.remove_entries(generation);
    }

    pub(super) fn set_budget(&mut self, new: NewBudget) -> Result<Budget, StoreError> {
        let NewBudget { budget, idempotency } = new;
        let key = idempotency.as_ref().map(|key| (budget.workspace, key_text(key)));
        if let (Some(key), Some(given)) = (&key, &idempotency)
            && let Some((fingerprint, first)) = self.budget_keys.get(key)
        {
            if *fingerprint != given.fingerprint {
                return Err(Refusal::IdempotencyKeyReused.into());
            }
            return self.budget(Scope::of(budget.workspace), *first);
        }
        let known = match budget.subject {
            Subject::User(user) => self.users.contains_key(&(budget.workspace, user)),
            Subject::Key(id) => self.keys.iter().any(|key| key.id == id && key.scope.workspace == budget.workspace),
            Subject::Workspace | Subject::EachUser | Subject::EachKey => true,
        };
        if !known {
            return Err(no_subject(budget.subject));
        }
        if let (Some(key), Some(given)) = (key, idempotency) {
            self.budget_keys.insert(key, (given.fingerprint, budget.id));
        }
        let at = budget.created_at;
        Ok(self.put_budget(budget, Moved::Set, at))
    }

    fn put_budget(&mut self, budget: Budget, moved: Moved, at: Timestamp) -> Budget {
        self.budgets.load_budget(budget.clone());
        self.announce(changed(&budget, moved, at));
        budget
    }

    pub(super) fn budget(&self, scope: Scope, id: BudgetId) -> Result<Budget, StoreError> {
        let budget = self.budgets.budget(id).filter(|budget| budget.workspace == scope.workspace);
        budget.cloned().ok_or_else(|| StoreError::NotFound { what: "budget", id: id.to_string() })
    }

    pub(super) fn change_budget(
        &mut self,
        scope: Scope,
        id: BudgetId,
        change: BudgetChange,
    ) -> Result<Budget, StoreError> {
        let budget = self.budget(scope, id)?;
        if !budget.is_in_force() {
            return Err(StoreError::NotFound { what: "budget in force", id: id.to_string() });
        }
        let limit = change.limit.unwrap_or(budget.limit);
        let warn_at = change.warn_at.unwrap_or_else(|| budget.warn_at.clone());
        Ok(self.put_budget(Budget { limit, warn_at, ..budget }, Moved::Changed, change.at))
    }

    pub(super) fn end_budget(&mut self, scope: Scope, id: BudgetId, at: Timestamp) -> Result<Budget, StoreError> {
        let budget = self.budget(scope, id)?;
        if !budget.is_in_force() {
            return Ok(budget);
        }
        Ok(self.put_budget(Budget { ended_at: Some(at), ..budget }, Moved::Ended, at))
    }

    pub(super) fn list_budgets(
        &self,
        scope: Scope,
        filter: &BudgetFilter,
        page: &PageRequest,
    ) -> Result<Page<Budget>, StoreError> {
        let own = self.budgets.budgets().filter(|budget| budget.workspace == scope.workspace);
        let wanted = own.filter(|budget| filter.ended || budget.is_in_force());
        paged(wanted.map(|budget| (budget.id, budget.clone())).collect(), page)
    }

    pub(super) fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Vec<UseRow> {
        if self.budget(scope, id).is_err() {
            return vec![];
        }
        let own = self.budgets.uses().filter(|(place, _)| place.budget == id && place.period_at >= from);
        let own = own.filter(|(_, row)| row.used.saturating_add(row.reserved) > 0);
        let mut rows: Vec<UseRow> =
            own.map(|(place, row)| UseRow { owner: place.owner, period_at: place.period_at, row: *row }).collect();
        rows.sort_by_key(|it| {
            (std::cmp::Reverse((it.period_at, it.row.used.saturating_add(it.row.reserved))), it.owner)
        });
        rows.truncate(limit as usize);
        rows
    }
}
