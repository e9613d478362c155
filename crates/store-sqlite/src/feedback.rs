//! The table `feedback`: what users think of parts of their drafts. What it means is decided elsewhere.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::feedback::{Opinion, Vote};
use copydesk_core::{DraftId, FeedbackId, UserId};
use copydesk_store::drafts::no_draft;
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback, no_feedback};
use copydesk_store::{Answer, FeedbackStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};

impl FeedbackStore for SqliteStore {
    fn put_feedback(&self, put: PutFeedback) -> Answer<'_, FeedbackRow> {
        Box::pin(self.write(0, move |session| write(session.db, &put)))
    }

    fn remove_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            match session.db.execute(sql!("feedback/remove"), params)? {
                0 => Err(no_feedback(id).into()),
                _ => Ok(()),
            }
        }))
    }

    fn one_feedback(&self, scope: Scope, id: FeedbackId) -> Answer<'_, FeedbackRow> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            db.first(sql!("feedback/get"), params, feedback_row)?.ok_or_else(|| no_feedback(id).into())
        }))
    }

    fn feedback(&self, scope: Scope, filter: FeedbackFilter, page: PageRequest) -> Answer<'_, Page<FeedbackRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<FeedbackId>(&page, |id| id.0)?;
            let params = params![
                scope.workspace.0.as_bytes(),
                cut.after.as_bytes(),
                filter.draft.map(|draft| *draft.0.as_bytes()),
                filter.user.map(|user| *user.0.as_bytes()),
                filter.recipe,
                cut.limit
            ];
            let rows = db.all(ordered!(cut, "feedback/list"), params, feedback_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn feedback_for(&self, asked: FeedbackFor) -> Answer<'_, Vec<FeedbackRow>> {
        Box::pin(self.read(move |db| {
            let (workspace, user) = (asked.scope.workspace.0.as_bytes(), asked.user.0.as_bytes());
            let params = params![workspace, user, asked.recipe, asked.since.micros(), asked.limit];
            db.all(sql!("feedback/since"), params, feedback_row)
        }))
    }
}

fn write(db: Db<'_>, put: &PutFeedback) -> Done<FeedbackRow> {
    let (workspace, draft) = (put.scope.workspace.0.as_bytes(), put.draft.0.as_bytes());
    let Opinion { part, heading, vote, comment } = &put.opinion;
    let part = part.as_deref().unwrap_or_default();
    let (id, at) = (put.id.0.as_bytes(), put.at.micros());
    let params = params![id, put.version, part, heading, vote.as_str(), comment, at, workspace, draft];
    if db.execute(sql!("feedback/put"), params)? == 0 {
        return Err(no_draft(put.draft).into());
    }
    let params = params![workspace, draft, put.version, part];
    db.first(sql!("feedback/find"), params, feedback_row)?.ok_or_else(|| no_feedback(put.id).into())
}

fn feedback_row(row: &Row<'_>) -> Done<FeedbackRow> {
    let part: String = row.get("part")?;
    Ok(FeedbackRow {
        id: FeedbackId(codec::uuid(row, "id")?),
        draft: DraftId(codec::uuid(row, "draft_id")?),
        version: row.get("version")?,
        recipe: row.get("recipe")?,
        user: UserId(codec::uuid(row, "user_id")?),
        opinion: Opinion {
            part: Some(part).filter(|part| !part.is_empty()),
            heading: row.get("heading")?,
            vote: codec::word(row, "vote", Vote::parse)?,
            comment: row.get("comment")?,
        },
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
    })
}
