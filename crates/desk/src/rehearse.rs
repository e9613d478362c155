//! A dry run: what a request for work would do, without doing it. Everything that the real one checks before it writes is
//! checked with the same refusals, budgets and credits included; between a dry run and the real one anything may happen.

use crate::accept::{Again, Request, route};
use crate::bound::Asked;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::budget::book::Book;
use copydesk_core::budget::bound::Bound;
use copydesk_core::budget::{Budget, applying};
use copydesk_core::draft::state::{DraftFacts, may_regenerate};
use copydesk_core::generation::Status;
use copydesk_core::ledger::Balance;
use copydesk_core::recipe::Params;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp};
use copydesk_store::admin::PauseKey;
use copydesk_store::budgets::BudgetFilter;
use copydesk_store::generations::{Accept, Accepted, GenerationFilter, Slot};
use copydesk_store::{PageRequest, Scope, StoreError};

/// Pages of live generations a dry run looks through for one with the same dedupe key; the real request asks an index.
const LOOKED_THROUGH_MAX: usize = 10;

/// Most budgets of a workspace, and most owners' sums of one, that a dry run looks through, the largest sums first; the real
/// request asks an index.
const BUDGETS_MAX: usize = 1_000;
const USES_MAX: u32 = 10_000;

/// What a request for work would do.
#[derive(Clone, Debug)]
pub enum Rehearsal {
    /// Nothing new: it is this generation's work already.
    Repeat {
        accepted: Accepted,
    },
    New(Box<Plan>),
}

/// What would be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its ids are not kept.
    pub order: Accept,
    /// Those that may be tried, in order.
    pub models: Vec<String>,
    pub balance: Balance,
    /// What it may use at most, by the prices of now.
    pub bound: Bound,
    /// It would be accepted, and wait until somebody lets the recipe go on.
    pub recipe_paused_since: Option<Timestamp>,
}

impl Desk {
    /// What [`Desk::accept`] would do. Errors: its own.
    pub async fn dry_run(&self, mut request: Request) -> Result<Rehearsal, DeskError> {
        if self.is_draining() {
            return Err(DeskError::Draining);
        }
        self.fill(&mut request).await?;
        let (scope, key) = (request.scope, request.idempotency.clone());
        let only = request.model.is_some();
        let hooked = self.check_request_hook(&request).await;
        let order = match hooked.and_then(|()| self.rehearse(request)) {
            Ok(order) => order,
            Err(wrong) => {
                let accepted = self.replay(scope, key).await?.ok_or(wrong)?;
                return Ok(Rehearsal::Repeat { accepted });
            }
        };
        if let Some(accepted) = self.replay(scope, key).await? {
            return Ok(Rehearsal::Repeat { accepted });
        }
        let models = if only {
            vec![order.model.clone()]
        } else {
            route(&self.recipe(&order.recipe)?.recipe, &self.inner.providers)
        };
        self.dry_order(order, models).await
    }

    /// The checks of the accepting transaction.
    pub(crate) async fn dry_order(&self, order: Accept, models: Vec<String>) -> Result<Rehearsal, DeskError> {
        let pauses = self.store().pauses().await?;
        let since = |what: &PauseKey| pauses.iter().find(|pause| pause.what == *what).map(|pause| pause.since);
        if let Some(since) = since(&PauseKey::Generation) {
            return Err(Refusal::GenerationPaused { since }.into());
        }
        let waiting = self.store().describe().await?.waiting;
        if waiting >= self.inner.config.waiting_max {
            return Err(Refusal::QueueFull { waiting }.into());
        }
        if let Some((generation, draft)) = self.same_work(&order).await? {
            return Ok(Rehearsal::Repeat { accepted: Accepted::Duplicate { generation, draft } });
        }
        let balance = self.store().balance(order.scope, order.user).await?;
        if order.hold > balance.available {
            let (available, held) = (balance.available, balance.held);
            return Err(Refusal::InsufficientCredits { required: order.hold, available, held }.into());
        }
        let recipe_paused_since = since(&PauseKey::recipe(order.recipe.clone()));
        let (mut loaded, now) = (self.recipe(&order.recipe)?, self.inner.now());
        if let Slot::Existing(draft) = order.slot {
            loaded = self.inner.recipe_for(loaded, order.scope, draft, order.params.as_deref()).await?;
        }
        let input = serde_json::from_str(&order.input)
            .map_err(|error| DeskError::Store(StoreError::Corrupt(format!("an input of a dry run: {error}"))))?;
        let params = order.params.as_deref().and_then(Params::from_text).unwrap_or_default();
        let bound = self.inner.bound(Asked { loaded: &loaded, input: &input, params: &params }, &models, now);
        self.ask_budgets(&order, &bound, now).await?;
        Ok(Rehearsal::New(Box::new(Plan { order, models, balance, bound, recipe_paused_since })))
    }

    /// Errors: what a budget without room for it says.
    async fn ask_budgets(&self, order: &Accept, bound: &Bound, now: Timestamp) -> Result<(), DeskError> {
        // Whom budgets bind is no matter of what the caller may see of them.
        let scope = order.scope.whole();
        let budgets = self.budgets_in_force(scope).await?;
        let places = applying(&budgets, &order.asker(), now);
        let mut book = Book::default();
        for budget in budgets {
            book.load_budget(budget);
        }
        for place in &places {
            let uses = self.store().budget_uses(scope, place.budget, place.period_at, USES_MAX).await?;
            let own = uses.iter().find(|it| (it.owner, it.period_at) == (place.owner, place.period_at));
            own.into_iter().for_each(|found| book.load_use(*place, found.row));
        }
        Ok(book.check(&places, bound)?)
    }

    /// The workspace's budgets, as far as a dry run looks through them.
    pub(crate) async fn budgets_in_force(&self, scope: Scope) -> Result<Vec<Budget>, DeskError> {
        let (mut budgets, mut page) = (Vec::new(), PageRequest::newest(PageRequest::LIMIT_MAX));
        loop {
            let rows = self.store().budgets(scope, BudgetFilter { ended: false }, page.clone()).await?;
            budgets.extend(rows.rows);
            match rows.next {
                Some(next) if budgets.len() < BUDGETS_MAX => page.after = Some(next),
                Some(_) | None => return Ok(budgets),
            }
        }
    }

    /// What [`Desk::regenerate`] would do.
    pub async fn dry_regenerate(&self, scope: Scope, draft: DraftId, change: Again) -> Result<Rehearsal, DeskError> {
        self.dry_run(self.regeneration(scope, draft, change).await?).await
    }

    /// What [`Desk::retry`] would do.
    pub async fn dry_retry(&self, scope: Scope, id: GenerationId, change: Again) -> Result<Rehearsal, DeskError> {
        let row = self.store().get(scope, id).await?;
        match row.status() {
            Status::Failed | Status::Cancelled => self.dry_run(self.once_more(scope, row, change).await?).await,
            Status::Pending | Status::Processing => {
                let accepted = Accepted::Duplicate { generation: row.generation.id, draft: row.draft };
                Ok(Rehearsal::Repeat { accepted })
            }
            Status::Completed => {
                let refusal = Refusal::AlreadyTerminal { status: row.status() };
                let accepted = self.replay(scope, change.idempotency).await?.ok_or(refusal)?;
                Ok(Rehearsal::Repeat { accepted })
            }
        }
    }

    /// The live generation that does the same work already.
    async fn same_work(&self, order: &Accept) -> Result<Option<(GenerationId, DraftId)>, DeskError> {
        if let Slot::Existing(id) = order.slot {
            let draft = self.store().get_draft(order.scope, id).await?;
            if draft.deleted_at.is_some() {
                return Err(Refusal::DraftNotFound.into());
            }
            let (has_version, busy) = (draft.current_version > 0, draft.live_generation.is_some());
            may_regenerate(DraftFacts { status: draft.status, has_version, busy })?;
            if let Some(live) = draft.live_generation {
                return Ok(Some((live, id)));
            }
        }
        let Some(key) = &order.dedupe_key else { return Ok(None) };
        for status in [Status::Pending, Status::Processing] {
            // A key of the caller's own is the workspace's; one that was derived names its user.
            let user = (!key.starts_with("own:")).then_some(order.user);
            let filter = GenerationFilter { status: Some(status), user, ..GenerationFilter::default() };
            let mut page = PageRequest::newest(PageRequest::LIMIT_MAX);
            for _ in 0..LOOKED_THROUGH_MAX {
                let rows = self.store().list(order.scope, filter.clone(), page.clone()).await?;
                if let Some(row) = rows.rows.iter().find(|row| row.dedupe_key.as_ref() == Some(key)) {
                    return Ok(Some((row.generation.id, row.draft)));
                }
                match rows.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(None)
    }
}
