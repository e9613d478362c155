//! Feedback: what users think of parts of their drafts. One opinion of each part of a version; what it means for the next request
//! is decided in core's `feedback`.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::feedback::Opinion;
use copydesk_core::{DraftId, FeedbackId, Timestamp, UserId};

pub trait FeedbackStore: Send + Sync {
    /// Writes an opinion, instead of the one of the same part that is there. It is the user's whose draft it is.
    ///
    /// Errors: `NotFound` of the draft.
    fn put_feedback(&self, put: PutFeedback) -> Answer<'_, FeedbackRow>;

    /// Errors: `NotFound`.
    fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, ()>;

    fn one_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, FeedbackRow>;

    /// In the order of their ids.
    fn feedback(&self, scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Answer<'_, Page<FeedbackRow>>;

    /// What this user has said of drafts of the recipe since `since`, the newest first, at most `limit`.
    fn feedback_for(&self, asked: FeedbackFor) -> Answer<'_, Vec<FeedbackRow>>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedbackRow {
    pub id: FeedbackId,
    pub draft: DraftId,
    pub version: u32,
    pub recipe: String,
    pub user: UserId,
    pub opinion: Opinion,
    pub created_at: Timestamp,
    /// When it was last said.
    pub updated_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutFeedback {
    pub scope: Scope,
    pub at: Timestamp,
    /// Of one that is made.
    pub id: FeedbackId,
    pub draft: DraftId,
    pub version: u32,
    pub opinion: Opinion,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeedbackFilter {
    pub draft: Option<DraftId>,
    pub user: Option<UserId>,
    pub recipe: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedbackFor {
    pub scope: Scope,
    pub recipe: String,
    pub user: UserId,
    pub since: Timestamp,
    pub limit: u32,
}

/// That there is no such feedback.
pub fn no_feedback(id: FeedbackId) -> StoreError {
    StoreError::NotFound { what: "feedback", id: id.to_string() }
}
