//! The model's subscribers, and who wants nothing: two maps.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::{SubscriberId, SuppressionId, Timestamp};
use copydesk_store::subscribers::{
    Kept, ListTally, RESUBSCRIBED_EVENT, SubscriberFilter, SubscriberRow, Suppress, Suppressed, SuppressionFilter,
    SuppressionRow, UNSUBSCRIBED_EVENT, Unsubscribed, Unwanted, WriteSubscribers, decide, list_text, no_subscriber,
    no_suppression,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, StoreError, SubscriberStore};
use std::collections::{BTreeMap, BTreeSet};

impl SubscriberStore for ModelStore {
    fn write_subscribers(&self, write: WriteSubscribers) -> Answer<'_, Vec<Kept>> {
        Box::pin(async move {
            let mut data = self.data();
            let of = |row: &&SubscriberRow| row.scope == write.scope.whole() && row.list == write.list;
            let found: Vec<SubscriberRow> = data.subscribers.values().filter(of).map(|row| data.now(row)).collect();
            let mut unwanted = BTreeMap::new();
            for (id, person) in &write.rows {
                let row = SubscriberRow {
                    id: *id,
                    scope: write.scope.whole(),
                    list: write.list.clone(),
                    person: person.clone(),
                    created_at: write.at,
                    updated_at: write.at,
                    unsubscribed: None,
                };
                unwanted.extend(data.now(&row).unsubscribed.map(|why| (person.recipient.clone(), why)));
            }
            let kept = decide(&write, found, &unwanted);
            if !write.dry {
                data.subscribers.extend(kept.iter().map(|one| (one.row().id, one.row().clone())));
            }
            Ok(kept)
        })
    }
    fn subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, SubscriberRow> {
        Box::pin(async move {
            let data = self.data();
            let row = data.subscribers.get(&id).filter(|row| row.scope.workspace == scope.workspace);
            row.map(|row| data.now(row)).ok_or_else(|| no_subscriber(id))
        })
    }
    fn subscribers(
        &self,
        scope: Scope,
        filter: SubscriberFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SubscriberRow>> {
        Box::pin(async move {
            let data = self.data();
            let fits = |row: &SubscriberRow| {
                row.scope.workspace == scope.workspace
                    && filter.list.as_ref().is_none_or(|list| *list == row.list)
                    && filter.unsubscribed.is_none_or(|wanted| wanted == row.unsubscribed.is_some())
                    && filter.recipient.as_ref().is_none_or(|recipient| *recipient == row.person.recipient)
            };
            let rows = data.subscribers.values().map(|row| data.now(row)).filter(fits);
            paged(rows.map(|row| (row.id, row)).collect(), &page)
        })
    }
    fn tally_subscribers(&self, scope: Scope) -> Answer<'_, Vec<ListTally>> {
        Box::pin(async move {
            let data = self.data();
            let rows: Vec<SubscriberRow> = data
                .subscribers
                .values()
                .filter(|row| row.scope.workspace == scope.workspace)
                .map(|row| data.now(row))
                .collect();
            let lists: BTreeSet<_> = rows.iter().map(|row| row.list.clone()).collect();
            let tally = |list| {
                let count = |gone: bool| {
                    rows.iter().filter(|row| row.list == list && row.unsubscribed.is_some() == gone).count() as u64
                };
                ListTally { active: count(false), unsubscribed: count(true), list }
            };
            Ok(lists.into_iter().map(tally).collect())
        })
    }
    fn remove_subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let there = data.subscribers.get(&id).is_some_and(|row| row.scope.workspace == scope.workspace);
            there.then(|| drop(data.subscribers.remove(&id))).ok_or_else(|| no_subscriber(id))
        })
    }
    fn suppress(&self, suppress: Suppress) -> Answer<'_, Suppressed> {
        Box::pin(async move {
            let mut data = self.data();
            let row = suppress.row();
            let same = |known: &&SuppressionRow| {
                (known.workspace, &known.recipient, &known.list) == (row.workspace, &row.recipient, &row.list)
            };
            if let Some(known) = data.suppressions.values().find(same) {
                return Ok(Suppressed::Known(known.clone()));
            }
            data.suppressions.insert(row.id, row.clone());
            data.announce(row.event(UNSUBSCRIBED_EVENT, row.created_at));
            Ok(Suppressed::New(row))
        })
    }
    fn suppression(&self, scope: Scope, id: SuppressionId) -> Answer<'_, SuppressionRow> {
        Box::pin(async move { self.data().suppression(scope, id) })
    }
    fn suppressions(
        &self,
        scope: Scope,
        filter: SuppressionFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SuppressionRow>> {
        Box::pin(async move {
            let data = self.data();
            let fits = |row: &&SuppressionRow| {
                row.workspace == scope.workspace
                    && (filter.list.is_none() || filter.list == row.list)
                    && filter.recipient.as_ref().is_none_or(|recipient| *recipient == row.recipient)
            };
            paged(data.suppressions.values().filter(fits).map(|row| (row.id, row.clone())).collect(), &page)
        })
    }
    fn lift_suppression(&self, scope: Scope, id: SuppressionId, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let row = data.suppression(scope, id)?;
            data.suppressions.remove(&id);
            data.announce(row.event(RESUBSCRIBED_EVENT, at));
            Ok(())
        })
    }
}

impl Data {
    fn suppression(&self, scope: Scope, id: SuppressionId) -> Result<SuppressionRow, StoreError> {
        let row = self.suppressions.get(&id).filter(|row| row.workspace == scope.workspace);
        row.cloned().ok_or_else(|| no_suppression(id))
    }

    pub(super) fn unwanted(&self) -> Unwanted {
        let mut unwanted = Unwanted::default();
        for row in self.suppressions.values() {
            unwanted.add(row.workspace, row.recipient.clone(), list_text(row.list.as_ref()).to_owned());
        }
        unwanted
    }

    /// The row with what is known of its wishes.
    fn now(&self, row: &SubscriberRow) -> SubscriberRow {
        let of = |known: &&SuppressionRow| {
            known.workspace == row.scope.workspace
                && known.recipient == row.person.recipient
                && known.list.as_ref().is_none_or(|list| *list == row.list)
        };
        let why = self.suppressions.values().filter(of).min_by_key(|known| known.list.is_some());
        let unsubscribed = why.map(|known| Unsubscribed {
            suppression: known.id,
            reason: known.reason.clone(),
            at: known.created_at,
            everything: known.list.is_none(),
        });
        SubscriberRow { unsubscribed, ..row.clone() }
    }
}
