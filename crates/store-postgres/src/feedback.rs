//! The table `feedback`: what users think of parts of their drafts. What it means is decided elsewhere.

use crate::PostgresStore;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, narrow, params, sql, text, unknown_word};
use copydesk_core::feedback::{Opinion, Vote};
use copydesk_core::{DraftId, FeedbackId, UserId};
use copydesk_store::drafts::no_draft;
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback, no_feedback};
use copydesk_store::{Answer, FeedbackStore, Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;

impl FeedbackStore for PostgresStore {
    fn put_feedback(&self, put: PutFeedback) -> Answer<'_, FeedbackRow> {
        Box::pin(self.telling(async move {
            let Opinion { part, heading, vote, comment } = &put.opinion;
            let (part, version) = (text(part.as_deref().unwrap_or_default()), i64::from(put.version));
            let (heading, comment, at) = (text(heading), comment.as_deref().map(text), Micros::from(put.at));
            let (workspace, draft) = (put.scope.workspace.0, put.draft.0);
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let params = params![put.id.0, version, part, heading, vote.as_str(), comment, at, workspace, draft];
            let written = steps.add(sql!("feedback/put"), params);
            let answers = tx.commit(steps).await?;
            feedback_row(answers.rows(Some(written)).first().ok_or_else(|| no_draft(put.draft))?)
        }))
    }

    fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, ()> {
        Box::pin(self.telling(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("feedback/remove"), params![scope.workspace.0, id.0]);
            let answers = tx.commit(steps).await?;
            answers.rows(Some(gone)).first().map(|_| ()).ok_or_else(|| no_feedback(id))
        }))
    }

    fn one_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, FeedbackRow> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("feedback/get"), params![scope.workspace.0, id.0]).await?;
            feedback_row(rows.first().ok_or_else(|| no_feedback(id))?)
        })
    }

    fn feedback(&self, scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Answer<'_, Page<FeedbackRow>> {
        Box::pin(async move {
            let cursor = Cursor::<FeedbackId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("feedback/list_newest"),
                Order::OldestFirst => sql!("feedback/list_oldest"),
            };
            let (draft, user) = (filter.draft.map(|draft| draft.0), filter.user.map(|user| user.0));
            let recipe = filter.recipe.as_deref().map(text);
            let params = params![scope.workspace.0, cursor.after.0, draft, user, recipe, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, feedback_row, |row| row.id.to_string())
        })
    }

    fn feedback_for(&self, asked: FeedbackFor) -> Answer<'_, Vec<FeedbackRow>> {
        Box::pin(async move {
            let (workspace, user, recipe) = (asked.scope.workspace.0, asked.user.0, text(&asked.recipe));
            let params = params![workspace, user, recipe, Micros::from(asked.since), i64::from(asked.limit)];
            read(&self.readers, sql!("feedback/since"), params).await?.iter().map(feedback_row).collect()
        })
    }
}

fn feedback_row(row: &Row) -> Result<FeedbackRow, StoreError> {
    let (part, vote): (String, &str) = (row.get("part"), row.get("vote"));
    Ok(FeedbackRow {
        id: FeedbackId(row.get("id")),
        draft: DraftId(row.get("draft_id")),
        version: narrow("version", row.get("version"))?,
        recipe: row.get("recipe"),
        user: UserId(row.get("user_id")),
        opinion: Opinion {
            part: Some(part).filter(|part| !part.is_empty()),
            heading: row.get("heading"),
            vote: Vote::parse(vote).ok_or_else(|| unknown_word("vote", vote))?,
            comment: row.get("comment"),
        },
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
    })
}
