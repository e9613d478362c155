//! The editorial life of drafts: each move locks the draft, asks core's rules, and writes draft, version and event in one
//! transaction.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::read::drafts::{draft, no_draft};
use crate::types::{Micros, params, sql, text};
use copydesk_core::draft::DraftStatus;
use copydesk_core::draft::state::{DraftFacts, may_edit, may_publish};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, Timestamp};
use copydesk_store::drafts::{DraftRow, DraftSetting, Edit, SetDraft};
use copydesk_store::events::NewEvent;
use copydesk_store::{Scope, StoreError};
use uuid::Uuid;

const UPDATED: &str = "draft.updated";
const PUBLISHED: &str = "draft.published";
const DELETED: &str = "draft.deleted";

impl PostgresStore {
    pub(crate) async fn edit_draft(&self, edit: &Edit) -> Result<DraftRow, StoreError> {
        let mut tx = Tx::open(&self.writers).await?;
        let before = lock(&mut tx, edit.scope, edit.draft).await?;
        if let Err(error) = may_add_version(&before, edit) {
            tx.rollback().await?;
            return Err(error);
        }
        // From here the write must succeed.
        let mut row = before.clone();
        row.versions += 1;
        row.current_version = row.versions;
        row.title = text(&edit.content.title).into_owned();
        row.status = DraftStatus::Draft;
        row.generated_at = Some(edit.at);
        let mut steps = Steps::default();
        let (at, number) = (Micros::from(edit.at), i64::from(row.versions));
        let workspace = edit.scope.workspace.0;
        let content = &edit.content;
        let version = params![
            vec![edit.draft.0],
            vec![number],
            vec![workspace],
            vec![None::<Uuid>],
            vec![edit.origin.as_str()],
            vec![edit.origin.reason()],
            vec![content.form.as_str()],
            vec![text(&content.title)],
            vec![text(&content.body)],
            vec![i64::from(content.words)],
            vec![content.hash.to_vec()],
            vec![text(&content.provenance)],
            vec![at]
        ];
        steps.add(sql!("apply/insert_version"), version);
        let status = row.status.as_str();
        let draft = params![number, row.title.clone(), status, at, edit.draft.0, workspace, before.revision];
        steps.add(sql!("drafts/edit"), draft);
        finish(tx, steps, edit.scope, row, UPDATED, edit.at).await
    }

    pub(crate) async fn change_draft(&self, set: &SetDraft) -> Result<DraftRow, StoreError> {
        let mut tx = Tx::open(&self.writers).await?;
        let before = lock(&mut tx, set.scope, set.draft).await?;
        let (row, kind) = match decide(&before, set) {
            Ok((row, _)) if row == before => {
                tx.rollback().await?;
                return Ok(row);
            }
            Ok(decided) => decided,
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        };
        // From here the write must succeed.
        let mut steps = Steps::default();
        let params = params![
            row.status.as_str(),
            row.review.as_str(),
            row.published_at.map(Micros::from),
            row.deleted_at.map(Micros::from),
            Micros::from(set.at),
            set.draft.0,
            set.scope.workspace.0,
            before.revision
        ];
        steps.add(sql!("drafts/set"), params);
        finish(tx, steps, set.scope, row, kind, set.at).await
    }
}

async fn lock(tx: &mut Tx, scope: Scope, id: DraftId) -> Result<DraftRow, StoreError> {
    let mut steps = Steps::default();
    let place = steps.add(sql!("drafts/lock"), params![id.0, scope.workspace.0]);
    let answers = tx.send(steps).await?;
    draft(answers.rows(Some(place)).first().ok_or_else(|| no_draft(id))?)
}

async fn finish(
    tx: Tx,
    mut steps: Steps<'_>,
    scope: Scope,
    mut row: DraftRow,
    kind: &'static str,
    at: Timestamp,
) -> Result<DraftRow, StoreError> {
    row.revision += 1;
    row.updated_at = at;
    let event = NewEvent {
        workspace: scope.workspace,
        kind,
        generation: None,
        draft: Some(row.id),
        user: Some(row.user),
        at,
        data: format!("{{\"revision\":{}}}", row.revision).into(),
    };
    events::write(&mut steps, &[event]);
    tx.commit(steps).await.map_err(|fault: Fault| StoreError::from(fault))?;
    Ok(row)
}

fn facts(row: &DraftRow) -> DraftFacts {
    DraftFacts { status: row.status, has_version: row.versions > 0, busy: row.live_generation.is_some() }
}

fn check_revision(row: &DraftRow, expected: Option<i64>) -> Result<(), Refusal> {
    match expected {
        Some(revision) if revision != row.revision => Err(Refusal::VersionConflict { current: row.revision }),
        Some(_) | None => Ok(()),
    }
}

fn may_add_version(row: &DraftRow, edit: &Edit) -> Result<(), StoreError> {
    if row.deleted_at.is_some() {
        return Err(no_draft(edit.draft));
    }
    check_revision(row, edit.if_revision)?;
    Ok(may_edit(facts(row))?)
}

/// The draft after the move, and the event that tells of it. Equal to `before` when there is nothing to do.
fn decide(before: &DraftRow, set: &SetDraft) -> Result<(DraftRow, &'static str), StoreError> {
    let of_deleted = matches!(set.to, DraftSetting::Delete | DraftSetting::Undelete);
    if before.deleted_at.is_some() && !of_deleted {
        return Err(no_draft(set.draft));
    }
    check_revision(before, set.if_revision)?;
    let mut row = before.clone();
    let kind = match set.to {
        DraftSetting::Review(review) => {
            row.review = review;
            UPDATED
        }
        DraftSetting::Publish => {
            may_publish(facts(before))?;
            row.status = DraftStatus::Published;
            row.published_at = before.published_at.or(Some(set.at));
            PUBLISHED
        }
        DraftSetting::Unpublish => {
            if before.status == DraftStatus::Published {
                row.status = DraftStatus::Draft;
                row.published_at = None;
            }
            UPDATED
        }
        DraftSetting::Delete => {
            if before.live_generation.is_some() {
                return Err(Refusal::DraftBusy.into());
            }
            row.deleted_at = before.deleted_at.or(Some(set.at));
            DELETED
        }
        DraftSetting::Undelete => {
            row.deleted_at = None;
            UPDATED
        }
    };
    Ok((row, kind))
}
