//! Budgets as people set and read them. What they refuse and count is decided where generations are accepted and calls
//! are closed, not here.

use crate::accept::NAME_BYTES_MAX;
use crate::credits::user_id;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::budget::{Budget, LIMIT_MAX, Measure, Period, Shares, Subject};
use copydesk_core::metering::cuts::{FIRST, Zone};
use copydesk_core::{BudgetId, Timestamp, UserId};
use copydesk_store::budgets::{BudgetChange, BudgetFilter, NewBudget, UseRow};
use copydesk_store::generations::Idempotency;
use copydesk_store::{Page, PageRequest, Scope, StoreError};

/// How many periods can be asked for at once.
pub const PERIODS_MAX: u32 = 400;
/// How many owners' sums one answer holds.
const USES_MAX: u32 = 1_000;

/// Whose budget it is to be, as people say it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Of {
    Workspace,
    EachUser,
    /// Whatever the application calls its user, or the id this API shows.
    User(String),
    EachKey,
    /// The key's id.
    Key(String),
}

/// A budget to be set.
#[derive(Clone, Debug)]
pub struct BudgetOrder {
    pub scope: Scope,
    pub of: Of,
    pub measure: Measure,
    pub period: Period,
    /// A name of the IANA database.
    pub zone: String,
    /// Units: nano-dollars or tokens.
    pub limit: i64,
    pub warn_at: Option<Vec<i64>>,
    pub idempotency: Option<Idempotency>,
}

/// What may be changed of one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BudgetEdit {
    pub limit: Option<i64>,
    pub warn_at: Option<Vec<i64>>,
}

/// A budget and what is used of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BudgetState {
    pub budget: Budget,
    /// The period of this moment: its first instant, and the first one after it.
    pub period: (Timestamp, Timestamp),
    /// Newest period first, in it the largest first.
    pub uses: Vec<UseRow>,
    /// What the application calls the users among the owners.
    pub names: Vec<(UserId, String)>,
}

impl Desk {
    /// Sets a budget. It holds at once here, and in other processes of the database within a heartbeat.
    pub async fn set_budget(&self, order: BudgetOrder) -> Result<Budget, DeskError> {
        let mut faults = Vec::new();
        let zone = Zone::named(&order.zone).unwrap_or_else(|bad| {
            faults.push(Fault::new("/zone", "unknown_zone", bad.to_string()));
            Zone::utc()
        });
        let subject = subject(order.scope, &order.of, &mut faults);
        faults.extend(limit_fault(order.limit));
        let warn_at = order.warn_at.map_or_else(Shares::default, |given| shares(given, &mut faults));
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let now = self.inner.now();
        let budget = Budget {
            id: BudgetId(self.inner.world.uuid(now)),
            workspace: order.scope.workspace,
            subject,
            measure: order.measure,
            period: order.period,
            zone,
            limit: order.limit,
            warn_at,
            created_at: now,
            ended_at: None,
        };
        let new = NewBudget { budget, idempotency: order.idempotency };
        self.store().set_budget(new).await.map_err(|error| nobody(error, &order.of))
    }

    /// Changes the limit or the shares. What is set aside already stays so.
    pub async fn change_budget(&self, scope: Scope, id: BudgetId, edit: BudgetEdit) -> Result<Budget, DeskError> {
        let mut faults: Vec<Fault> = edit.limit.and_then(limit_fault).into_iter().collect();
        let warn_at = edit.warn_at.map(|given| shares(given, &mut faults));
        if edit.limit.is_none() && warn_at.is_none() {
            faults.push(Fault::new("", "required", "say what is to change: limit or warn_at"));
        }
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let change = BudgetChange { limit: edit.limit, warn_at, at: self.inner.now() };
        Ok(self.store().change_budget(scope, id, change).await?)
    }

    /// From now on it limits nothing. What it counted stays to be read.
    pub async fn end_budget(&self, scope: Scope, id: BudgetId) -> Result<Budget, DeskError> {
        Ok(self.store().end_budget(scope, id, self.inner.now()).await?)
    }

    /// Budgets with what is used in the period of this moment; of one for each user or key the largest sum.
    pub async fn budgets(
        &self,
        scope: Scope,
        filter: BudgetFilter,
        page: PageRequest,
    ) -> Result<Page<BudgetState>, StoreError> {
        let page = self.store().budgets(scope, filter, page).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for budget in page.rows {
            rows.push(self.state(scope, budget, 1, 1).await?);
        }
        Ok(Page { rows, next: page.next })
    }

    /// One budget with all its sums in the newest `periods` (1 to [`PERIODS_MAX`]).
    pub async fn budget(&self, scope: Scope, id: BudgetId, periods: u32) -> Result<BudgetState, DeskError> {
        let budget = self.store().budget(scope, id).await?;
        Ok(self.state(scope, budget, periods.clamp(1, PERIODS_MAX), USES_MAX).await?)
    }

    async fn state(&self, scope: Scope, budget: Budget, periods: u32, limit: u32) -> Result<BudgetState, StoreError> {
        let period = budget.period_of(self.inner.now());
        let mut from = period.0;
        for _ in 1..periods {
            if from > FIRST {
                from = budget.period_of(Timestamp::from_micros(from.micros() - 1)).0;
            }
        }
        let uses = self.store().budget_uses(scope, budget.id, from, limit).await?;
        let names = match budget.subject {
            Subject::EachUser | Subject::User(_) => {
                let mut users: Vec<UserId> = uses.iter().map(|row| UserId(row.owner.0)).collect();
                users.extend(budget.subject.id().map(UserId));
                users.sort();
                users.dedup();
                self.store().user_names(scope, users).await?
            }
            Subject::Workspace | Subject::EachKey | Subject::Key(_) => vec![],
        };
        Ok(BudgetState { budget, period, uses, names })
    }
}

fn subject(scope: Scope, of: &Of, faults: &mut Vec<Fault>) -> Subject {
    match of {
        Of::Workspace => Subject::Workspace,
        Of::EachUser => Subject::EachUser,
        Of::EachKey => Subject::EachKey,
        Of::User(name) => {
            if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
                let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes and no NUL character");
                faults.push(Fault::new("/user", "bad_length", detail));
            }
            Subject::User(user_id(scope, name))
        }
        Of::Key(text) => match text.parse() {
            Ok(key) => Subject::Key(key),
            Err(bad) => {
                let bad: copydesk_core::BadId = bad;
                faults.push(Fault::new("/key", "bad_id", bad.to_string()));
                Subject::EachKey
            }
        },
    }
}

/// A user or key nobody knows is a fault of the order.
fn nobody(error: StoreError, of: &Of) -> DeskError {
    match (error, of) {
        (StoreError::NotFound { what: "user", .. }, Of::User(name)) => {
            let detail = format!("no user is called {name:?}: a user is known from his first request or grant on");
            DeskError::invalid("/user", "unknown", detail)
        }
        (StoreError::NotFound { what: "key", .. }, Of::Key(id)) => {
            DeskError::invalid("/key", "unknown", format!("there is no key {id} in this workspace"))
        }
        (error, _) => error.into(),
    }
}

fn limit_fault(limit: i64) -> Option<Fault> {
    let fits = (1..=LIMIT_MAX).contains(&limit);
    let detail = || format!("it must be 1 to {LIMIT_MAX}; to allow nothing at all, switch generation off");
    (!fits).then(|| Fault::new("/limit", "out_of_range", detail()))
}

fn shares(given: Vec<i64>, faults: &mut Vec<Fault>) -> Shares {
    let small: Option<Vec<u8>> = given.into_iter().map(|share| u8::try_from(share).ok()).collect();
    small.and_then(|small| Shares::new(small).ok()).unwrap_or_else(|| {
        faults.push(Fault::new("/warn_at", "out_of_range", copydesk_core::budget::BadShares.to_string()));
        Shares::default()
    })
}
