//! The editorial life of drafts: each move locks the draft, asks the contract what comes of it, and writes draft, version and event in one
//! transaction.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::read::drafts::draft;
use crate::types::{Micros, params, sql, text};
use copydesk_core::{DraftId, Timestamp};
use copydesk_store::drafts::{DraftRow, Edit, SetDraft, UPDATED, edited, moved, no_draft};
use copydesk_store::events::NewEvent;
use copydesk_store::{Scope, StoreError};
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn edit_draft(&self, edit: &Edit) -> Result<DraftRow, StoreError> {
        let mut tx = Tx::open(&self.writers).await?;
        let before = lock(&mut tx, edit.scope, edit.draft).await?;
        let mut row = match edited(&before, edit) {
            Ok(row) => row,
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        };
        // From here the write must succeed.
        row.title = text(&row.title).into_owned();
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
        let (status, review) = (row.status.as_str(), row.review.as_str());
        let draft = params![number, row.title.clone(), status, at, review, edit.draft.0, workspace, before.revision];
        steps.add(sql!("drafts/edit"), draft);
        finish(tx, steps, edit.scope, row, UPDATED, edit.at).await
    }

    pub(crate) async fn change_draft(&self, set: &SetDraft) -> Result<DraftRow, StoreError> {
        let mut tx = Tx::open(&self.writers).await?;
        let before = lock(&mut tx, set.scope, set.draft).await?;
        let (row, kind) = match moved(&before, set) {
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
            row.review_reason.clone(),
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
