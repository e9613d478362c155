//! Sources: a key of one user sees that user's own and everybody's, and changes his own only.

use super::{Confined, NOWHERE, found};
use copydesk_core::{SourceId, Timestamp, UserId};
use copydesk_store::sources::{
    ClaimSources, FetchRow, FinishFetch, Found, ItemsOf, NewSource, SourceChange, SourceFilter, SourceItem, SourceRow,
    Whose,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, SourceItemStore, SourceStore, StoreError};

/// What is done to a source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Reading,
    Writing,
}

impl Confined {
    async fn of_source(&self, scope: Scope, id: SourceId, doing: Doing) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = found(self.inner.source(scope.whole(), id).await)?;
        Ok(match row.map(|row| row.owner()) {
            Some(Some(owner)) => Confined::own(scope, owner),
            Some(None) if doing == Doing::Reading => scope.whole(),
            Some(None) | None => NOWHERE,
        })
    }

    /// His own and everybody's, where nothing else is asked for.
    fn whose(scope: Scope, asked: Option<Whose>) -> (Scope, Option<Whose>) {
        let Some(user) = scope.user else { return (scope, asked) };
        match asked {
            None => (scope.whole(), Some(Whose::For(user))),
            Some(Whose::Everybodys) => (scope.whole(), asked),
            Some(Whose::Own(other) | Whose::For(other)) => (Confined::own(scope, other), asked),
        }
    }
}

impl SourceStore for Confined {
    fn add_source(&self, new: NewSource) -> Answer<'_, Option<SourceRow>> {
        self.inner.add_source(new)
    }
    fn source(&self, scope: Scope, id: SourceId) -> Answer<'_, SourceRow> {
        Box::pin(async move { self.inner.source(self.of_source(scope, id, Doing::Reading).await?, id).await })
    }
    fn sources(&self, scope: Scope, filter: SourceFilter, page: PageRequest) -> Answer<'_, Page<SourceRow>> {
        let (scope, whose) = Confined::whose(scope, filter.whose);
        self.inner.sources(scope, SourceFilter { whose, ..filter }, page)
    }
    fn change_source(&self, change: SourceChange) -> Answer<'_, SourceRow> {
        Box::pin(async move {
            let scope = self.of_source(change.scope, change.id, Doing::Writing).await?;
            self.inner.change_source(SourceChange { scope, ..change }).await
        })
    }
    fn remove_source(&self, scope: Scope, id: SourceId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            let scope = self.of_source(scope, id, Doing::Writing).await?;
            self.inner.remove_source(scope, id, revision).await
        })
    }
    fn claim_sources(&self, claim: ClaimSources) -> Answer<'_, Vec<SourceRow>> {
        self.inner.claim_sources(claim)
    }
    fn finish_fetch(&self, done: FinishFetch) -> Answer<'_, Option<Found>> {
        self.inner.finish_fetch(done)
    }
    fn fetches(&self, scope: Scope, id: SourceId, page: PageRequest) -> Answer<'_, Page<FetchRow>> {
        Box::pin(async move { self.inner.fetches(self.of_source(scope, id, Doing::Reading).await?, id, page).await })
    }
}

impl SourceItemStore for Confined {
    fn source_items(&self, scope: Scope, filter: ItemsOf, page: PageRequest) -> Answer<'_, Page<SourceItem>> {
        Box::pin(async move {
            if let Some(source) = filter.source {
                let scope = self.of_source(scope, source, Doing::Reading).await?;
                // Items of a source that is not there are an error, not none.
                self.inner.source(scope, source).await?;
            }
            let (scope, whose) = Confined::whose(scope, filter.whose);
            self.inner.source_items(scope, ItemsOf { whose, ..filter }, page).await
        })
    }
    fn recent_items(&self, scope: Scope, user: UserId, since: Timestamp, limit: u32) -> Answer<'_, Vec<SourceItem>> {
        let scope = Confined::own(scope, user);
        self.inner.recent_items(scope, user, since, limit)
    }
    fn forget_items(&self, unseen_since: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.inner.forget_items(unseen_since, limit)
    }
    fn items_to_forget(&self, unseen_since: Timestamp) -> Answer<'_, u64> {
        self.inner.items_to_forget(unseen_since)
    }
}
