//! Feedback: a key of one user sees and gives that user's own, which is on his own drafts.

use super::{Confined, NOWHERE, found};
use copydesk_core::FeedbackId;
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback};
use copydesk_store::{Answer, FeedbackStore, Page, PageRequest, Scope, StoreError};

impl Confined {
    async fn of_feedback(&self, scope: Scope, id: FeedbackId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = found(self.inner.one_feedback(scope.whole(), id).await)?;
        Ok(row.map_or(NOWHERE, |row| Confined::own(scope, row.user)))
    }
}

impl FeedbackStore for Confined {
    fn put_feedback(&self, put: PutFeedback) -> Answer<'_, FeedbackRow> {
        Box::pin(async move {
            let scope = self.of_draft(put.scope, put.draft).await?;
            self.inner.put_feedback(PutFeedback { scope, ..put }).await
        })
    }
    fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.remove_feedback(self.of_feedback(scope, id).await?, id).await })
    }
    fn one_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, FeedbackRow> {
        Box::pin(async move { self.inner.one_feedback(self.of_feedback(scope, id).await?, id).await })
    }
    fn feedback(&self, scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Answer<'_, Page<FeedbackRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.feedback(scope, FeedbackFilter { user, ..filter }, page)
    }
    fn feedback_for(&self, asked: FeedbackFor) -> Answer<'_, Vec<FeedbackRow>> {
        self.inner.feedback_for(FeedbackFor { scope: asked.scope.whole(), ..asked })
    }
}
