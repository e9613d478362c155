//! The most a generation may cost (`max_cost`): asked at accept of its first attempt, and before each call of what was made
//! so far. What follows is core's `metering::cap`; bounds of calls are those that budgets set aside.

use crate::accept::{Request, route};
use crate::attempt::{Attempt, Ending};
use crate::bound::{self, Asked};
use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use copydesk_core::budget::bound::Bound;
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::metering::cap::{Earlier, Room, room};
use copydesk_core::metering::price::Price;
use copydesk_core::{NanoUsd, Timestamp};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{Order, PageRequest, StoreError};

impl Inner {
    /// What is wrong with a cap: a model that may be tried has no price that bounds it, or not even a first attempt fits.
    pub(crate) fn cap_fault(&self, cap: NanoUsd, ask: Asked<'_>, models: &[String], at: Timestamp) -> Option<Fault> {
        for model in models {
            let price = self.price_of(model, at);
            let calls = (0..ask.loaded.recipe.steps.len()).map(|step| bound::call(ask, step, &price).cost(&price));
            let Some(first) = calls.map(|cost| cost.map(|cost| cost.0)).sum::<Option<i64>>() else {
                let detail = format!(
                    "what a call of {model} may cost is not known, so no cap can hold: set its price, or leave the cap out"
                );
                return Some(Fault::new("/max_cost", "unpriced_model", detail));
            };
            if *model == models[0] && first > cap.0 {
                let (first, cap) = (NanoUsd(first), cap);
                let detail = format!("${cap} is too little: one attempt with {model} may cost up to ${first}");
                return Some(Fault::new("/max_cost", "too_small", detail));
            }
        }
        None
    }

    fn price_of(&self, model: &str, at: Timestamp) -> Price {
        let resolved = self.providers.resolve(model).ok();
        resolved.and_then(|(provider, name)| self.price_at(provider.as_ref(), &name, at)).unwrap_or_default()
    }

    /// What an earlier call says for the cap.
    fn earlier(&self, ask: Asked<'_>, row: &CallRow) -> Earlier {
        let of = |step: &copydesk_core::recipe::Step| {
            step.operation() == row.operation || step.result_operation() == row.operation
        };
        let price = self.price_of(&row.model, row.opened_at);
        let step = ask.loaded.recipe.steps.iter().position(of);
        let closed = row.closed.as_ref().map(|(_, closed)| closed);
        Earlier {
            outcome: closed.map(|closed| closed.outcome),
            cost: closed.and_then(|closed| closed.cost),
            estimated: closed.is_some_and(|closed| closed.usage.estimated),
            refused: closed.is_some_and(|closed| closed.http_status.is_some_and(|status| status >= 400)),
            most: step.and_then(|step| bound::call(ask, step, &price).cost(&price)),
        }
    }
}

impl Desk {
    /// What it may use at most, where a budget wants to know it.
    ///
    /// Errors: what is wrong with its cap.
    pub(crate) fn bounded(
        &self,
        request: &Request,
        ask: Asked<'_>,
        model: &str,
        now: Timestamp,
    ) -> Result<Option<Bound>, DeskError> {
        let tried = || match &request.model {
            Some(_) => vec![model.to_owned()],
            None => route(&ask.loaded.recipe, &self.inner.providers),
        };
        if let Some(cap) = request.max_cost
            && let Some(fault) = self.inner.cap_fault(cap, ask, &tried(), now)
        {
            return Err(DeskError::Invalid(vec![fault]));
        }
        Ok(self.store().knows_budgets().then(|| self.inner.bound(ask, &tried(), now)))
    }
}

impl Attempt {
    /// Nothing where there is no cap, or the call of this step fits under it; else how the attempt ends. Asked when the price
    /// of the call is known and nothing has left.
    pub(crate) async fn within_cap(&self, ask: Asked<'_>, step: usize) -> Option<Ending> {
        let cap = self.claimed.generation.terms.cost_max?;
        let earlier = match self.earlier_calls().await {
            Ok(rows) => rows,
            Err(error) => {
                let failure = Failure::new(FailureCode::Internal, "What this has cost so far could not be read.");
                return Some(self.failed(failure.with_detail(error.to_string()), None));
            }
        };
        let earlier: Vec<Earlier> = earlier.iter().map(|row| self.inner.earlier(ask, row)).collect();
        let price = self.price.clone().unwrap_or_default();
        let next = bound::call(ask, step, &price).cost(&price);
        let model = &self.claimed.model;
        let sentence = match room(cap, &earlier, next) {
            Room::Fits => return None,
            Room::Over { spent, next } => format!(
                "It may cost ${cap} at most: up to ${spent} is spent, and the next call of {model} may cost up to ${next}."
            ),
            Room::Unknown => {
                format!("It may cost ${cap} at most, and what a call of {model} may cost is not known any more.")
            }
        };
        Some(self.failed(Failure::new(FailureCode::MaxCostReached, sentence), None))
    }

    /// The generation's calls before the open one.
    async fn earlier_calls(&self) -> Result<Vec<CallRow>, StoreError> {
        let filter = CallFilter { generation: Some(self.claimed.generation.id), ..CallFilter::default() };
        let mut page = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
        let mut calls = Vec::new();
        loop {
            let rows = self.inner.store.calls(self.claimed.scope, filter.clone(), page.clone()).await?;
            calls.extend(rows.rows.into_iter().filter(|row| row.id != self.claimed.call));
            match rows.next {
                Some(next) => page.after = Some(next),
                None => return Ok(calls),
            }
        }
    }
}
