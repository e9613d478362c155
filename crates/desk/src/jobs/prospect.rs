//! What users' credits and the budgets would carry of a job's items, as they stand now. Items are counted while they are
//! read; of the store only whole sums are asked, never one for an item.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::budget::Budget;
use copydesk_core::budget::Place;
use copydesk_core::budget::bound::Bound;
use copydesk_core::budget::outlook::{Outlook, Share};
use copydesk_core::{MicroCredits, Timestamp, UserId};
use copydesk_store::Scope;
use copydesk_store::generations::Accept;
use std::collections::BTreeMap;

/// How many users' balances are asked. Of a job for more nobody is told whether credits are enough.
pub const USERS_MAX: usize = 100;
/// How many owners' sums of one budget are read, the largest first.
const USES_MAX: u32 = 10_000;

/// What one user's items need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Need {
    items: u32,
    /// Units: micro-credits.
    hold: i64,
}

/// The sums that items are counted against.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Prospect {
    users: BTreeMap<UserId, Need>,
    budgets: Option<Outlook>,
    /// What is left of each budget with a single owner before the job.
    left: BTreeMap<copydesk_core::BudgetId, i64>,
}

/// What credits carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// What all items hold together.
    pub needed: MicroCredits,
    /// How many users they are of.
    pub users: usize,
    /// What these have, and how many of the items it carries. `None` for more than [`USERS_MAX`] users.
    pub found: Option<(MicroCredits, u32)>,
    pub items: u32,
}

/// What one budget carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Under {
    pub budget: Budget,
    pub share: Share,
    /// What is left of it now; `None` where each user or key has a sum of its own.
    pub left: Option<i64>,
}

impl Prospect {
    /// One item that would be made.
    pub(super) fn add(&mut self, order: &Accept, bound: &Bound) {
        let need = self.users.entry(order.user).or_default();
        need.items += 1;
        need.hold = need.hold.saturating_add(order.hold.micros());
        if let Some(budgets) = &mut self.budgets {
            budgets.add(order.user, bound);
        }
    }

    pub(super) fn under(&self) -> Vec<Under> {
        let shares = self.budgets.iter().flat_map(Outlook::shares);
        let under = |(budget, share): (&Budget, &Share)| Under {
            left: self.left.get(&budget.id).copied(),
            budget: budget.clone(),
            share: share.clone(),
        };
        shares.map(under).collect()
    }
}

impl Desk {
    /// The sums as they stand, for a job that `defaults` describe.
    pub(super) async fn prospect(&self, defaults: &super::Defaults, now: Timestamp) -> Result<Prospect, DeskError> {
        // Whom budgets bind is no matter of what the caller may see of them.
        let scope = defaults.scope.whole();
        let budgets = self.budgets_in_force(scope).await?;
        let mut prospect = Prospect::default();
        let mut outlook = Outlook::new(budgets.clone(), scope.workspace, defaults.key, now);
        for budget in budgets {
            let period_at = budget.period_of(now).0;
            let uses = self.store().budget_uses(scope, budget.id, period_at, USES_MAX).await?;
            let mut used: i64 = 0;
            for found in uses.into_iter().filter(|found| found.period_at == period_at) {
                used = used.saturating_add(found.row.used).saturating_add(found.row.reserved);
                outlook.load(Place { budget: budget.id, owner: found.owner, period_at }, found.row);
            }
            if budget.subject.is_one() {
                prospect.left.insert(budget.id, budget.limit.saturating_sub(used).max(0));
            }
        }
        prospect.budgets = Some(outlook);
        Ok(prospect)
    }

    /// What the users' credits carry; `None` while credits are off.
    pub(super) async fn carried(&self, scope: Scope, prospect: &Prospect) -> Result<Option<Carried>, DeskError> {
        if !self.inner.config.credits {
            return Ok(None);
        }
        let needs = &prospect.users;
        let needed = needs.values().fold(0_i64, |sum, need| sum.saturating_add(need.hold));
        let needed = MicroCredits::new(needed).unwrap_or(MicroCredits::ZERO);
        let items = needs.values().map(|need| need.items).sum();
        if needs.len() > USERS_MAX {
            return Ok(Some(Carried { needed, users: needs.len(), found: None, items }));
        }
        let (mut available, mut carried) = (0_i64, 0);
        for (user, need) in needs {
            let has = self.store().balance(scope, *user).await?.available.micros();
            available = available.saturating_add(has);
            carried += match need.hold / i64::from(need.items.max(1)) {
                0 => need.items,
                // Items of one recipe hold the same each.
                each => u32::try_from(has / each).unwrap_or(u32::MAX).min(need.items),
            };
        }
        let available = MicroCredits::new(available).unwrap_or(MicroCredits::ZERO);
        Ok(Some(Carried { needed, users: needs.len(), found: Some((available, carried)), items }))
    }
}
