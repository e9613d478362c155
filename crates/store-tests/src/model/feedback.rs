//! The model's feedback: one opinion of each part of a version.

use super::ModelStore;
use super::data::paged;
use copydesk_core::FeedbackId;
use copydesk_store::drafts::no_draft;
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback, no_feedback};
use copydesk_store::{Answer, FeedbackStore, Page, PageRequest, Scope};

impl FeedbackStore for ModelStore {
    fn put_feedback(&self, put: PutFeedback) -> Answer<'_, FeedbackRow> {
        Box::pin(async move {
            let mut data = self.data();
            let draft = data.drafts.get(&put.draft).filter(|draft| draft.scope.workspace == put.scope.workspace);
            let draft = draft.ok_or_else(|| no_draft(put.draft))?.row.clone();
            let same = |row: &FeedbackRow| {
                (row.draft, row.version, &row.opinion.part) == (put.draft, put.version, &put.opinion.part)
            };
            let there = data.feedback.values().map(|(_, row)| row).find(|row| same(row)).cloned();
            let (id, created_at) = there.map_or((put.id, put.at), |row| (row.id, row.created_at));
            let row = FeedbackRow {
                id,
                draft: put.draft,
                version: put.version,
                recipe: draft.recipe,
                user: draft.user,
                opinion: put.opinion,
                created_at,
                updated_at: put.at,
            };
            data.feedback.insert(id, (put.scope.workspace, row.clone()));
            Ok(row)
        })
    }
    fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let there = data.feedback.get(&id).is_some_and(|(workspace, _)| *workspace == scope.workspace);
            there.then(|| drop(data.feedback.remove(&id))).ok_or_else(|| no_feedback(id))
        })
    }
    fn one_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, FeedbackRow> {
        Box::pin(async move {
            let data = self.data();
            let row = data.feedback.get(&id).filter(|(workspace, _)| *workspace == scope.workspace);
            row.map(|(_, row)| row.clone()).ok_or_else(|| no_feedback(id))
        })
    }
    fn feedback(&self, scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Answer<'_, Page<FeedbackRow>> {
        Box::pin(async move {
            let data = self.data();
            let fits = |(workspace, row): &&(_, FeedbackRow)| {
                *workspace == scope.workspace
                    && filter.draft.is_none_or(|draft| draft == row.draft)
                    && filter.user.is_none_or(|user| user == row.user)
                    && filter.recipe.as_ref().is_none_or(|recipe| *recipe == row.recipe)
            };
            paged(data.feedback.values().filter(fits).map(|(_, row)| (row.id, row.clone())).collect(), &page)
        })
    }
    fn feedback_for(&self, asked: FeedbackFor) -> Answer<'_, Vec<FeedbackRow>> {
        Box::pin(async move {
            let data = self.data();
            let own = data.feedback.values().filter(|(workspace, _)| *workspace == asked.scope.workspace);
            let mut rows: Vec<FeedbackRow> = own
                .map(|(_, row)| row.clone())
                .filter(|row| row.user == asked.user && row.recipe == asked.recipe && row.updated_at >= asked.since)
                .collect();
            rows.sort_by_key(|row| std::cmp::Reverse((row.updated_at, row.id)));
            rows.truncate(asked.limit as usize);
            Ok(rows)
        })
    }
}
