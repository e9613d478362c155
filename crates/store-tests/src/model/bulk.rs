//! The model's bulk actions: rows, and a map of items.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::bulk::{Changed, Outcome, Tally};
use copydesk_core::refusal::Refusal;
use copydesk_core::{BulkId, Timestamp};
use copydesk_store::budgets::key_text;
use copydesk_store::bulk::{
    BulkFacts, BulkFilter, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened, new_bulk,
    no_bulk, told,
};
use copydesk_store::{Answer, BulkStore, Page, PageRequest, Scope, StoreError};
use uuid::Uuid;

impl BulkStore for ModelStore {
    fn open_bulk(&self, new: NewBulk) -> Answer<'_, Opened> {
        Box::pin(async move { self.data().open_bulk(&new) })
    }
    fn bulk(&self, scope: Scope, id: BulkId) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.data().bulk(scope, id) })
    }
    fn bulks(&self, scope: Scope, filter: BulkFilter, page: PageRequest) -> Answer<'_, Page<BulkRow>> {
        Box::pin(async move { self.data().list_bulks(scope, filter, &page) })
    }
    fn gather(&self, gather: Gather) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.data().gather(gather) })
    }
    fn bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<BulkItemRow>> {
        Box::pin(async move { self.data().list_bulk_items(scope, bulk, filter, &page) })
    }
    fn end_bulk_items(&self, ends: EndBulkItems) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.data().end_bulk_items(ends) })
    }
    fn cancel_bulk(&self, scope: Scope, id: BulkId, at: Timestamp) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.data().cancel_bulk(scope, id, at) })
    }
    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Answer<'_, Vec<BulkRow>> {
        Box::pin(async move { Ok(self.data().bulks_at_work(after, limit)) })
    }
}

impl Data {
    fn open_bulk(&mut self, new: &NewBulk) -> Result<Opened, StoreError> {
        let workspace = new.facts.scope.workspace;
        if let Some(given) = &new.idempotency {
            match self.bulk_keys.get(&(workspace, key_text(given))) {
                None => {}
                Some((fingerprint, id)) if *fingerprint == given.fingerprint => {
                    return Ok(Opened::Replayed(self.bulk(new.facts.scope, *id)?));
                }
                Some(_) => return Err(Refusal::IdempotencyKeyReused.into()),
            }
            self.bulk_keys.insert((workspace, key_text(given)), (given.fingerprint, new.facts.id));
        }
        self.add_bulk_items(&new.facts, &new.items);
        Ok(Opened::New(self.put_bulk(new.facts.clone(), new_bulk(new))))
    }

    fn add_bulk_items(&mut self, facts: &BulkFacts, items: &[Uuid]) -> u64 {
        let outcome = facts.action.at_first();
        let mut added = 0;
        for item in items {
            let row = BulkItemRow { item: *item, outcome, note: None, made: None };
            let before = self.bulk_items.len();
            self.bulk_items.entry((facts.id, *item)).or_insert(row);
            added += (self.bulk_items.len() - before) as u64;
        }
        added
    }

    fn put_bulk(&mut self, facts: BulkFacts, changed: Changed) -> BulkRow {
        if let Some(event) = told(&changed) {
            self.announce(event);
        }
        let row = BulkRow { facts, bulk: changed.bulk };
        self.bulks.insert(row.facts.id, row.clone());
        row
    }

    fn bulk(&self, scope: Scope, id: BulkId) -> Result<BulkRow, StoreError> {
        self.bulks.get(&id).filter(|row| row.facts.scope == scope).cloned().ok_or_else(|| no_bulk(id))
    }

    fn list_bulks(&self, scope: Scope, filter: BulkFilter, page: &PageRequest) -> Result<Page<BulkRow>, StoreError> {
        let fits = |row: &&BulkRow| {
            row.facts.scope == scope
                && filter.status.is_none_or(|status| row.bulk.status == status)
                && filter.user.is_none_or(|user| row.facts.user == Some(user))
        };
        paged(self.bulks.values().filter(fits).map(|row| (row.facts.id, row.clone())).collect(), page)
    }

    fn gather(&mut self, gather: Gather) -> Result<BulkRow, StoreError> {
        let row = self.bulk(gather.scope, gather.bulk)?;
        if row.bulk.walk.as_ref() != Some(&gather.from) {
            return Ok(row);
        }
        let found = self.add_bulk_items(&row.facts, &gather.items);
        let changed = row.bulk.gathered(found, gather.to, gather.note, gather.at);
        Ok(self.put_bulk(row.facts, changed))
    }

    fn list_bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: &PageRequest,
    ) -> Result<Page<BulkItemRow>, StoreError> {
        self.bulk(scope, bulk)?;
        let items = self.bulk_items.range((bulk, Uuid::nil())..=(bulk, Uuid::max())).map(|(_, item)| item);
        let items = items.filter(|item| filter.outcome.is_none_or(|outcome| item.outcome == outcome));
        paged(items.map(|item| (item.item, item.clone())).collect(), page)
    }

    fn end_bulk_items(&mut self, ends: EndBulkItems) -> Result<BulkRow, StoreError> {
        let row = self.bulk(ends.scope, ends.bulk)?;
        let mut outcomes = Vec::new();
        for end in ends.ends {
            let item = self.bulk_items.get_mut(&(ends.bulk, end.item));
            let Some(item) = item.filter(|item| item.outcome == Outcome::Open) else { continue };
            (item.outcome, item.note, item.made) = (end.outcome, end.note, end.made);
            outcomes.push(end.outcome);
        }
        if outcomes.is_empty() {
            return Ok(row);
        }
        let changed = row.bulk.ended(outcomes, ends.at);
        Ok(self.put_bulk(row.facts, changed))
    }

    fn cancel_bulk(&mut self, scope: Scope, id: BulkId, at: Timestamp) -> Result<BulkRow, StoreError> {
        let row = self.bulk(scope, id)?;
        match row.bulk.clone().cancelled(at)? {
            Some(changed) => Ok(self.put_bulk(row.facts, changed)),
            None => Ok(row),
        }
    }

    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Vec<BulkRow> {
        let rows = self.bulks.values().filter(|row| after.is_none_or(|after| row.facts.id > after));
        rows.filter(|row| row.bulk.status.ended().is_none()).take(limit as usize).cloned().collect()
    }

    /// Which bulk actions' counts are not those of their items.
    pub(super) fn bulks_out_of_step(&self) -> Vec<BulkId> {
        let counted = |id: BulkId| {
            let mut tally = Tally::default();
            for (_, item) in self.bulk_items.range((id, Uuid::nil())..=(id, Uuid::max())) {
                *tally.slot(item.outcome) += 1;
            }
            tally
        };
        self.bulks.values().filter(|row| row.bulk.tally != counted(row.facts.id)).map(|row| row.facts.id).collect()
    }
}
