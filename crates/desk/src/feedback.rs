//! Feedback: what users think of parts of their drafts, and how it goes into their next requests. It is filled when a request is
//! taken, as profiles are, into the field that the recipe names.

use crate::accept::{Request, user_of};
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::profiles::place;
use crate::publish::content_of;
use crate::recall::{Looked, Recall};
use copydesk_core::feedback::{Opinion, SAID_DAYS, SAID_MAX, Vote, heading_of, parts, said};
use copydesk_core::{DraftId, FeedbackId};
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback};
use copydesk_store::{PageRequest, Scope, StoreError};
use serde_json::Value;
use std::time::Duration;

/// How far back is looked.
const SAID_FOR: Duration = Duration::from_secs(SAID_DAYS * 24 * 3_600);

/// What this process has read of feedback a moment ago.
#[derive(Default)]
pub(crate) struct Feedback {
    /// Whether a workspace has any for a recipe: those that have none ask once a second.
    any: Recall<bool>,
    said: Recall<Option<Value>>,
}

/// What somebody thinks of a part of a draft.
#[derive(Clone, Debug)]
pub struct NewOpinion {
    /// `None` is the whole.
    pub part: Option<String>,
    /// `None` is the current one.
    pub version: Option<u32>,
    pub vote: Vote,
    pub comment: Option<String>,
}

impl Desk {
    /// Keeps an opinion of a part of a draft, instead of the one that is there.
    ///
    /// Errors: `Invalid` of a part that is not there; `NotFound` of the draft or the version.
    pub async fn put_feedback(&self, scope: Scope, draft: DraftId, new: NewOpinion) -> Result<FeedbackRow, DeskError> {
        let NewOpinion { part, version, vote, comment } = new;
        let row = self.store().get_draft(scope, draft).await?;
        if row.deleted_at.is_some() {
            return Err(copydesk_store::drafts::no_draft(draft).into());
        }
        let version = self.store().version(scope, draft, version).await?;
        let content = content_of(&version)?;
        let heading = heading_of(&content.title, &content.body, part.as_deref()).ok_or_else(|| {
            let known = parts(&content.body).join(", ");
            DeskError::Invalid(vec![Fault::new(
                "/part",
                "not_found",
                format!("version {} has: {known}", version.number),
            )])
        })?;
        let at = self.inner.now();
        let put = PutFeedback {
            scope,
            at,
            id: FeedbackId(self.inner.world.uuid(at)),
            draft,
            version: version.number,
            opinion: Opinion { part, heading, vote, comment },
        };
        let row = self.store().put_feedback(put).await;
        self.forget_feedback();
        Ok(row?)
    }

    pub async fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Result<(), DeskError> {
        let removed = self.store().remove_feedback(scope, id).await;
        self.forget_feedback();
        Ok(removed?)
    }

    /// Fills what the user said of earlier drafts into a request that does not say it.
    pub(crate) async fn fill_feedback(&self, request: &mut Request) -> Result<(), DeskError> {
        let Ok(loaded) = self.recipe(&request.recipe) else { return Ok(()) };
        let Some(field) = loaded.recipe.fill.feedback.clone() else { return Ok(()) };
        if request.input.as_object().is_none_or(|input| input.contains_key(&field)) {
            return Ok(());
        }
        let Some(value) = self.said(request).await? else { return Ok(()) };
        if let Value::Object(input) = &mut request.input {
            input.insert(field.clone(), value);
            request.filled.push(field);
        }
        Ok(())
    }

    async fn said(&self, request: &Request) -> Result<Option<Value>, DeskError> {
        let (scope, recipe) = (request.scope.whole(), request.recipe.clone());
        if !self.has_feedback(scope, &recipe).await? {
            return Ok(None);
        }
        let user = user_of(request);
        let (known, place) = (&self.inner.feedback.said, place(scope, &recipe, Some(user)));
        let asked = match known.look(&place, self.inner.world.steady()) {
            Looked::Fresh(value) => return Ok((*value).clone()),
            Looked::Stale(asked) => asked,
        };
        let limit = u32::try_from(SAID_MAX).unwrap_or(u32::MAX);
        let since = self.inner.now().minus(SAID_FOR);
        let rows = self.store().feedback_for(FeedbackFor { scope, recipe, user, since, limit }).await?;
        let opinions: Vec<Opinion> = rows.into_iter().map(|row| row.opinion).collect();
        Ok((*known.learn(place, asked, said(&opinions))).clone())
    }

    async fn has_feedback(&self, scope: Scope, recipe: &str) -> Result<bool, StoreError> {
        let (any, place) = (&self.inner.feedback.any, place(scope, recipe, None));
        let asked = match any.look(&place, self.inner.world.steady()) {
            Looked::Fresh(any) => return Ok(*any),
            Looked::Stale(asked) => asked,
        };
        let filter = FeedbackFilter { recipe: Some(recipe.to_owned()), ..FeedbackFilter::default() };
        let first = self.store().feedback(scope, filter, PageRequest::newest(1)).await?;
        Ok(*any.learn(place, asked, !first.rows.is_empty()))
    }

    fn forget_feedback(&self) {
        self.inner.feedback.any.forget(|_| true);
        self.inner.feedback.said.forget(|_| true);
    }
}
