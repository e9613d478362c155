//! Budgets: setting them, and reading what is used. What they refuse and count is written by `accept` and `turn`, and by
//! whatever else closes a call.
//!
//! A budget holds at once in the process that set it; in others of the same database at the latest after their next beat.
//! What is accepted meanwhile is not refused, and counts from the first call that closes afterwards.

use crate::events::NewEvent;
use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::budget::book::{Use, Warning};
use copydesk_core::budget::{Budget, Owner, Place, Shares, Subject};
use copydesk_core::{BudgetId, KeyId, Timestamp, UserId, WorkspaceId};

/// The kind of the event that says that a budget was set, changed or ended.
pub const CHANGED: &str = "budget.changed";
/// The kind of the event that says that a share of a limit was reached.
pub const WARNED: &str = "budget.warned";

pub trait BudgetStore: Send + Sync {
    /// Whether this process knows of any budget in force. As long as it does not, nobody has to say what a request may
    /// use at most ([`crate::generations::Accept::bound`]). It asks nobody.
    fn knows_budgets(&self) -> bool;

    /// Sets a budget, with the event [`CHANGED`]. The same idempotency key and facts are answered with the first one.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`; `NotFound` for a user never seen, a key that does not exist.
    fn set_budget(&self, new: NewBudget) -> Answer<'_, Budget>;

    /// Changes limit or shares, with the event [`CHANGED`]. What is set aside already stays so.
    ///
    /// Errors: `NotFound`, also for one that has ended.
    fn change_budget(&self, scope: Scope, id: BudgetId, change: BudgetChange) -> Answer<'_, Budget>;

    /// From now on it limits and counts nothing new. What it counted stays. Twice is once.
    fn end_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Answer<'_, Budget>;

    fn budget(&self, scope: Scope, id: BudgetId) -> Answer<'_, Budget>;

    /// In the order of their ids.
    fn budgets(&self, scope: Scope, filter: BudgetFilter, page: PageRequest) -> Answer<'_, Page<Budget>>;

    /// What is used of a budget in periods that begin at `from` or later: the newest period first, in it the largest sum
    /// of used and reserved; sums of nothing are left out. At most `limit` rows. Empty for an unknown one.
    fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Answer<'_, Vec<UseRow>>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBudget {
    pub budget: Budget,
    pub idempotency: Option<Idempotency>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BudgetChange {
    pub limit: Option<i64>,
    pub warn_at: Option<Shares>,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BudgetFilter {
    /// Those that have ended, too.
    pub ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UseRow {
    pub owner: Owner,
    pub period_at: Timestamp,
    pub row: Use,
}

/// An idempotency key as it is kept with a budget.
pub fn key_text(key: &Idempotency) -> String {
    format!("{}\n{}\n{}", key.owner, key.route, key.key)
}

/// Whose sum this is, as the id people know.
pub fn owner_text(subject: Subject, owner: Owner) -> String {
    match subject {
        Subject::Workspace => WorkspaceId(owner.0).to_string(),
        Subject::EachUser | Subject::User(_) => UserId(owner.0).to_string(),
        Subject::EachKey | Subject::Key(_) => KeyId(owner.0).to_string(),
    }
}

/// That a budget's user or key does not exist.
pub fn no_subject(subject: Subject) -> StoreError {
    let (what, id) = match subject {
        Subject::User(user) => ("user", user.to_string()),
        Subject::Key(key) => ("key", key.to_string()),
        Subject::Workspace | Subject::EachUser | Subject::EachKey => ("subject", subject.as_str().to_owned()),
    };
    StoreError::NotFound { what, id }
}

/// What happened to a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moved {
    Set,
    Changed,
    Ended,
}

impl Moved {
    const fn as_str(self) -> &'static str {
        match self {
            Moved::Set => "set",
            Moved::Changed => "changed",
            Moved::Ended => "ended",
        }
    }
}

fn told(budget: &Budget, kind: &'static str, at: Timestamp, data: String) -> NewEvent<'static> {
    let workspace = budget.workspace;
    NewEvent { workspace, kind, generation: None, draft: None, user: None, at, data: data.into() }
}

/// The event [`CHANGED`].
pub fn changed(budget: &Budget, moved: Moved, at: Timestamp) -> NewEvent<'static> {
    let Budget { id, subject, measure, period, limit, warn_at, .. } = budget;
    let data = format!(
        "{{\"budget\":\"{id}\",\"change\":\"{}\",\"subject\":\"{}\",\"unit\":\"{}\",\"period\":\"{}\",\"limit\":{limit},\
         \"warn_at\":[{warn_at}]}}",
        moved.as_str(),
        subject.as_str(),
        measure.as_str(),
        period.as_str(),
    );
    told(budget, CHANGED, at, data)
}

/// The event [`WARNED`].
pub fn warned(budget: &Budget, warning: &Warning) -> NewEvent<'static> {
    let Warning { place: Place { budget: id, owner, period_at }, share, used, limit, at } = warning;
    let data = format!(
        "{{\"budget\":\"{id}\",\"subject\":\"{}\",\"owner\":\"{}\",\"unit\":\"{}\",\"period_at\":\"{period_at}\",\
         \"share\":{share},\"used\":{used},\"limit\":{limit}}}",
        budget.subject.as_str(),
        owner_text(budget.subject, *owner),
        budget.measure.as_str(),
    );
    told(budget, WARNED, *at, data)
}
