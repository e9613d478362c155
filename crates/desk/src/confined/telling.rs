//! Who is told of events, and of what: the workspace's business alone.

use super::{Confined, unconfined};
use copydesk_core::{DeliveryId, GenerationId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, EndpointChange, EndpointRow, FanOut,
    FeedMark, FeedNews, Feeds, Finished, Leased, Moved, NewDelivery, RequestHook,
};
use copydesk_store::{Answer, DeliveryStore, Page, PageRequest, Scope, WebhookStore};
use uuid::Uuid;

/// Webhooks are the workspace's: no key of one user has a scope for them.
impl WebhookStore for Confined {
    fn add_webhook(&self, row: EndpointRow) -> Answer<'_, bool> {
        self.inner.add_webhook(row)
    }
    fn webhook(&self, scope: Scope, id: WebhookId) -> Answer<'_, EndpointRow> {
        self.inner.webhook(unconfined(scope), id)
    }
    fn webhooks(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<EndpointRow>> {
        self.inner.webhooks(unconfined(scope), page)
    }
    fn change_webhook(&self, change: EndpointChange) -> Answer<'_, EndpointRow> {
        self.inner.change_webhook(change)
    }
    /// Only asked whether a request may name an address, which a key of one user may not.
    fn request_webhook(&self, scope: Scope) -> Answer<'_, Option<EndpointRow>> {
        self.inner.request_webhook(scope.whole())
    }
    fn request_hooks(
        &self,
        workspace: WorkspaceId,
        generations: Vec<GenerationId>,
    ) -> Answer<'_, Vec<(GenerationId, RequestHook)>> {
        self.inner.request_hooks(workspace, generations)
    }
}

impl DeliveryStore for Confined {
    fn feeds(&self, known: Option<i64>) -> Answer<'_, Feeds> {
        self.inner.feeds(known)
    }
    fn feed_news(&self, since: Option<FeedMark>) -> Answer<'_, FeedNews> {
        self.inner.feed_news(since)
    }
    fn fan_out(&self, fan_out: FanOut) -> Answer<'_, Moved> {
        self.inner.fan_out(fan_out)
    }
    fn send(&self, messages: Vec<NewDelivery>) -> Answer<'_, ()> {
        self.inner.send(messages)
    }
    fn claim_deliveries(&self, claim: ClaimDeliveries) -> Answer<'_, Leased> {
        self.inner.claim_deliveries(claim)
    }
    fn finish_deliveries(&self, finished: Vec<Finished>) -> Answer<'_, Vec<bool>> {
        self.inner.finish_deliveries(finished)
    }
    fn deliveries(&self, scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<DeliveryRow>> {
        self.inner.deliveries(unconfined(scope), filter, page)
    }
    fn delivery(&self, scope: Scope, id: DeliveryId) -> Answer<'_, (DeliveryRow, Vec<AttemptRow>)> {
        self.inner.delivery(unconfined(scope), id)
    }
    fn waiting(&self, workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Answer<'_, Vec<u32>> {
        self.inner.waiting(workspace, lanes, at_most)
    }
    fn delivery_backlog(&self, now: Timestamp) -> Answer<'_, DeliveryBacklog> {
        self.inner.delivery_backlog(now)
    }
}
