//! Budgets in the random walks: the same ones in both stores, and their sums compared. Used by both walks.

use crate::builder::{self, Ids, START, user_id};
use copydesk_core::budget::{Budget, Measure, Period, Shares, Subject};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::{BudgetId, Timestamp};
use copydesk_store::budgets::{NewBudget, UseRow};
use copydesk_store::{Scope, Store};

/// Sets budgets of every kind in both stores. The workspace's daily one allows `limit` nano-dollars, the others more.
pub(super) async fn set(stores: [&dyn Store; 2], ids: &Ids, limit: i64) -> Vec<BudgetId> {
    let plain = Budget {
        zone: Zone::named("Asia/Kathmandu").expect("a zone"),
        warn_at: Shares::new(vec![10, 50, 100]).expect("shares"),
        ..builder::budget(ids, limit, START)
    };
    let each = Budget { id: BudgetId(ids.uuid()), subject: Subject::EachUser, limit: limit * 2, ..plain.clone() };
    let month = Budget { id: BudgetId(ids.uuid()), period: Period::Month, limit: limit * 20, ..plain.clone() };
    let tokens = Budget { id: BudgetId(ids.uuid()), measure: Measure::Tokens, limit: limit * 3, ..each.clone() };
    let budgets = [plain, each, month, tokens];
    for store in stores {
        for budget in &budgets {
            let new = NewBudget { budget: budget.clone(), idempotency: None };
            store.set_budget(new).await.expect("set_budget");
        }
    }
    budgets.iter().map(|budget| budget.id).collect()
}

/// Gives a user a budget of his own in the middle of things, or ends it again.
pub(super) async fn change(stores: [&dyn Store; 2], own: &mut Option<BudgetId>, ids: &Ids, now: Timestamp) {
    let before = own.take();
    let subject = Subject::User(user_id(Scope::DEFAULT, "ann"));
    let budget = Budget { subject, ..builder::budget(ids, 1_000_000, now) };
    let mut set = vec![];
    for store in stores {
        match before {
            Some(id) => drop(store.end_budget(Scope::DEFAULT, id, now).await.expect("end_budget")),
            // The user may not be known yet, and then is in neither.
            None => set.push(store.set_budget(NewBudget { budget: budget.clone(), idempotency: None }).await.is_ok()),
        }
    }
    assert!(set.iter().all(|done| *done == set[0]));
    *own = set.first().is_some_and(|done| *done).then_some(budget.id);
}

/// Every sum of these budgets.
pub(super) async fn sums(store: &dyn Store, budgets: &[BudgetId]) -> Vec<Vec<UseRow>> {
    let mut all = vec![];
    for id in budgets {
        let long_ago = Timestamp::from_micros(0);
        all.push(store.budget_uses(Scope::DEFAULT, *id, long_ago, 10_000).await.expect("budget_uses"));
    }
    all
}
