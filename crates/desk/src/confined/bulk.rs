//! Bulk actions of a confined scope touch that user's things, and are seen by that user's keys.

use super::{Confined, NOWHERE, found};
use copydesk_core::{BulkId, Timestamp};
use copydesk_store::bulk::{BulkFilter, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened};
use copydesk_store::{Answer, BulkStore, Page, PageRequest, Scope, StoreError};

impl Confined {
    async fn of_bulk(&self, scope: Scope, id: BulkId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = found(self.inner.bulk(scope.whole(), id).await)?;
        let own = row.is_some_and(|row| row.facts.user == scope.user);
        Ok(if own { scope.whole() } else { NOWHERE })
    }
}

impl BulkStore for Confined {
    fn open_bulk(&self, mut new: NewBulk) -> Answer<'_, Opened> {
        let scope = new.facts.scope;
        new.facts.user = scope.user;
        new.facts.scope = scope.whole();
        self.inner.open_bulk(new)
    }
    fn bulk(&self, scope: Scope, id: BulkId) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.inner.bulk(self.of_bulk(scope, id).await?, id).await })
    }
    fn bulks(&self, scope: Scope, filter: BulkFilter, page: PageRequest) -> Answer<'_, Page<BulkRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.bulks(scope, BulkFilter { user, ..filter }, page)
    }
    fn gather(&self, gather: Gather) -> Answer<'_, BulkRow> {
        Box::pin(async move {
            let scope = self.of_bulk(gather.scope, gather.bulk).await?;
            self.inner.gather(Gather { scope, ..gather }).await
        })
    }
    fn bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<BulkItemRow>> {
        Box::pin(async move { self.inner.bulk_items(self.of_bulk(scope, bulk).await?, bulk, filter, page).await })
    }
    fn end_bulk_items(&self, ends: EndBulkItems) -> Answer<'_, BulkRow> {
        Box::pin(async move {
            let scope = self.of_bulk(ends.scope, ends.bulk).await?;
            self.inner.end_bulk_items(EndBulkItems { scope, ..ends }).await
        })
    }
    fn cancel_bulk(&self, scope: Scope, id: BulkId, at: Timestamp) -> Answer<'_, BulkRow> {
        Box::pin(async move { self.inner.cancel_bulk(self.of_bulk(scope, id).await?, id, at).await })
    }
    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Answer<'_, Vec<BulkRow>> {
        self.inner.bulks_at_work(after, limit)
    }
}
