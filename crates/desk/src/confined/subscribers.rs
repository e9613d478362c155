//! Subscribers are the workspace's: a key of one user finds none.

use super::{Confined, unconfined};
use copydesk_core::{SubscriberId, SuppressionId, Timestamp};
use copydesk_store::subscribers::{
    Kept, ListTally, SubscriberFilter, SubscriberRow, Suppress, Suppressed, SuppressionFilter, SuppressionRow,
    WriteSubscribers,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, StoreError, SubscriberStore};

fn nobody(what: &'static str) -> StoreError {
    StoreError::NotFound { what, id: "for a key of one user".to_owned() }
}

impl SubscriberStore for Confined {
    fn write_subscribers(&self, write: WriteSubscribers) -> Answer<'_, Vec<Kept>> {
        if write.scope.user.is_some() {
            return Box::pin(async move { Err(nobody("subscriber")) });
        }
        self.inner.write_subscribers(write)
    }
    fn subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, SubscriberRow> {
        self.inner.subscriber(unconfined(scope), id)
    }
    fn subscribers(
        &self,
        scope: Scope,
        filter: SubscriberFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SubscriberRow>> {
        self.inner.subscribers(unconfined(scope), filter, page)
    }
    fn tally_subscribers(&self, scope: Scope) -> Answer<'_, Vec<ListTally>> {
        self.inner.tally_subscribers(unconfined(scope))
    }
    fn remove_subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, ()> {
        self.inner.remove_subscriber(unconfined(scope), id)
    }
    fn suppress(&self, suppress: Suppress) -> Answer<'_, Suppressed> {
        if suppress.scope.user.is_some() {
            return Box::pin(async move { Err(nobody("suppression")) });
        }
        self.inner.suppress(suppress)
    }
    fn suppression(&self, scope: Scope, id: SuppressionId) -> Answer<'_, SuppressionRow> {
        self.inner.suppression(unconfined(scope), id)
    }
    fn suppressions(
        &self,
        scope: Scope,
        filter: SuppressionFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SuppressionRow>> {
        self.inner.suppressions(unconfined(scope), filter, page)
    }
    fn lift_suppression(&self, scope: Scope, id: SuppressionId, at: Timestamp) -> Answer<'_, ()> {
        self.inner.lift_suppression(unconfined(scope), id, at)
    }
}
