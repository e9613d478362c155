//! How many of a list of requests budgets would carry as they stand: the answer to a rehearsal. Nothing is set aside by it.
//! Bounds are generous, so what is really made before a budget is used up is never less than what this says, as long as
//! nobody else uses it. Pure: it reads nothing itself.

use super::book::{Use, needed};
use super::bound::Bound;
use super::{Asker, Budget, Place, applying};
use crate::{BudgetId, KeyId, Timestamp, UserId, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};

/// What a list of requests would need of one budget, and get.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// How many of the requests are under it.
    pub requests: u32,
    /// How many of them have room one after the other, each sum counted until the first that has none.
    pub carried: u32,
    /// What they may use at most, in the budget's measure; `None` when it is not known of one of them.
    pub needed: Option<i64>,
}

impl Share {
    pub fn enough(&self) -> bool {
        self.carried == self.requests
    }
}

/// The budgets a list of requests is held against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlook {
    workspace: WorkspaceId,
    key: Option<KeyId>,
    at: Timestamp,
    /// In the order of their ids.
    budgets: Vec<Budget>,
    /// What is used and set aside, and what the list adds.
    sums: BTreeMap<Place, i64>,
    full: BTreeSet<Place>,
    shares: BTreeMap<BudgetId, Share>,
    /// Where each user's requests count.
    places: BTreeMap<UserId, Vec<Place>>,
}

impl Outlook {
    /// For requests that `key` makes at `at`.
    pub fn new(mut budgets: Vec<Budget>, workspace: WorkspaceId, key: Option<KeyId>, at: Timestamp) -> Outlook {
        budgets.sort_by_key(|budget| budget.id);
        Outlook {
            workspace,
            key,
            at,
            budgets,
            sums: BTreeMap::new(),
            full: BTreeSet::new(),
            shares: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    /// What stands at a place now.
    pub fn load(&mut self, place: Place, row: Use) {
        self.sums.insert(place, row.used.saturating_add(row.reserved));
    }

    /// The next request of the list.
    pub fn add(&mut self, user: UserId, bound: &Bound) {
        let asker = Asker { workspace: self.workspace, user, key: self.key };
        let (budgets, at) = (&self.budgets, self.at);
        let places = self.places.entry(user).or_insert_with(|| applying(budgets, &asker, at));
        for place in places.iter() {
            let Some(budget) = budget_of(budgets, place.budget) else { continue };
            let share = self.shares.entry(budget.id).or_insert(Share { requests: 0, carried: 0, needed: Some(0) });
            share.requests += 1;
            let Ok(most) = needed(budget, bound) else {
                share.needed = None;
                self.full.insert(*place);
                continue;
            };
            share.needed = share.needed.map(|sum| sum.saturating_add(most));
            let sum = self.sums.entry(*place).or_default();
            let more = i128::from(*sum) + i128::from(most);
            if more > i128::from(budget.limit) || self.full.contains(place) {
                self.full.insert(*place);
            } else {
                *sum = sum.saturating_add(most);
                share.carried += 1;
            }
        }
    }

    /// Every budget that any of the requests is under, in the order of their ids.
    pub fn shares(&self) -> impl Iterator<Item = (&Budget, &Share)> {
        self.shares.iter().filter_map(|(id, share)| Some((budget_of(&self.budgets, *id)?, share)))
    }
}

fn budget_of(budgets: &[Budget], id: BudgetId) -> Option<&Budget> {
    let place = budgets.binary_search_by_key(&id, |budget| budget.id).ok()?;
    budgets.get(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::bound::MostCost;
    use crate::budget::{Measure, Owner, Period, Shares, Subject};
    use crate::metering::cuts::{FIRST, Zone};
    use crate::{NanoUsd, Tokens};
    use uuid::Uuid;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn budget(number: u128, subject: Subject, measure: Measure, limit: i64) -> Budget {
        Budget {
            id: BudgetId(Uuid::from_u128(number)),
            workspace: WorkspaceId::DEFAULT,
            subject,
            measure,
            period: Period::Day,
            zone: Zone::utc(),
            limit,
            warn_at: Shares::default(),
            created_at: FIRST,
            ended_at: None,
        }
    }

    fn bound(cost: i64) -> Bound {
        Bound { tokens: Tokens(10), cost: MostCost::Known(NanoUsd(cost)) }
    }

    fn seen(outlook: &Outlook) -> Vec<(u128, u32, u32, Option<i64>)> {
        let row =
            |(budget, share): (&Budget, &Share)| (budget.id.0.as_u128(), share.requests, share.carried, share.needed);
        outlook.shares().map(row).collect()
    }

    #[test]
    fn each_sum_carries_what_fits_behind_what_is_used_and_set_aside() {
        let budgets = vec![
            budget(1, Subject::Workspace, Measure::Cost, 100),
            budget(2, Subject::EachUser, Measure::Tokens, 25),
            budget(3, Subject::User(BOB), Measure::Cost, 1),
        ];
        let mut outlook = Outlook::new(budgets.clone(), WorkspaceId::DEFAULT, None, FIRST);
        let place = Place { budget: budgets[0].id, owner: Owner(WorkspaceId::DEFAULT.0), period_at: FIRST };
        outlook.load(place, Use { used: 30, reserved: 10, warned: 0 });
        assert_eq!(seen(&outlook), []);
        for (user, cost) in [(ANN, 20), (ANN, 20), (ANN, 20), (BOB, 21), (BOB, 1)] {
            outlook.add(user, &bound(cost));
        }
        // 40 + 20 + 20 + 20 fill the first; Ann has room for 2 of 3 and Bob for 2; Bob's own has none for his first.
        assert_eq!(seen(&outlook), [(1, 5, 3, Some(82)), (2, 5, 4, Some(50)), (3, 2, 0, Some(22))]);
    }

    #[test]
    fn what_cannot_be_bounded_is_carried_by_no_budget_of_cost() {
        let budgets = vec![
            budget(1, Subject::Workspace, Measure::Cost, 100),
            budget(2, Subject::Workspace, Measure::Tokens, 100),
        ];
        let mut outlook = Outlook::new(budgets, WorkspaceId::DEFAULT, None, FIRST);
        let unknown = Bound { tokens: Tokens(10), cost: MostCost::Unknown { model: "demo/new".to_owned() } };
        outlook.add(ANN, &unknown);
        outlook.add(ANN, &bound(1));
        assert_eq!(seen(&outlook), [(1, 2, 0, None), (2, 2, 2, Some(20))]);
    }

    #[test]
    fn what_is_carried_is_exactly_what_accepts_would_take_one_after_the_other() {
        let budgets = vec![budget(1, Subject::Workspace, Measure::Cost, 97)];
        let mut outlook = Outlook::new(budgets.clone(), WorkspaceId::DEFAULT, None, FIRST);
        let mut book = crate::budget::book::Book::default();
        book.load_budget(budgets[0].clone());
        let asker = Asker { workspace: WorkspaceId::DEFAULT, user: ANN, key: None };
        let places = applying(&budgets, &asker, FIRST);
        let mut taken = 0;
        for n in 0..20_u128 {
            let bound = bound(7);
            outlook.add(ANN, &bound);
            if book.check(&places, &bound).is_ok() {
                book.reserve(crate::GenerationId(Uuid::from_u128(n)), &places, &bound);
                taken += 1;
            }
        }
        assert_eq!(seen(&outlook), [(1, 20, taken, Some(140))]);
        assert_eq!(taken, 13);
    }
}
