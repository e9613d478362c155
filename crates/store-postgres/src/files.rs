//! The table `files`: what callers put here. Who puts one takes the workspace's turn first, so that quota and key are looked
//! at and the row is written with nobody between.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, narrow, params, sql, text, wide};
use copydesk_core::files::Kept;
use copydesk_core::refusal::Refusal;
use copydesk_core::{FileId, KeyId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::files::{Added, FileFilter, FileRow, NewFile, no_file};
use copydesk_store::{Answer, FileStore, Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl FileStore for PostgresStore {
    fn add_file(&self, new: NewFile) -> Answer<'_, Added> {
        Box::pin(async move { Ok(self.insert_file(new).await?) })
    }
    fn file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("files/get"), params![scope.workspace.0, id.0]).await?;
            file_row(rows.first().ok_or_else(|| no_file(id))?)
        })
    }
    fn files(&self, scope: Scope, filter: FileFilter, page: PageRequest) -> Answer<'_, Page<FileRow>> {
        Box::pin(async move { self.page_files(scope, filter, &page).await })
    }
    fn remove_file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move {
            let rows = read(&self.writers, sql!("files/remove"), params![scope.workspace.0, id.0]).await?;
            file_row(rows.first().ok_or_else(|| no_file(id))?)
        })
    }
    fn files_kept(&self, scope: Scope, now: Timestamp) -> Answer<'_, Kept> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("files/kept"), params![scope.workspace.0, Micros::from(now)]).await?;
            kept(&rows)
        })
    }
    fn living_files(&self, ids: Vec<FileId>, now: Timestamp) -> Answer<'_, Vec<FileId>> {
        Box::pin(async move {
            let ids: Vec<Uuid> = ids.into_iter().map(FileId::uuid).collect();
            let rows = read(&self.readers, sql!("files/living"), params![ids, Micros::from(now)]).await?;
            Ok(rows.iter().map(|row| FileId(row.get("id"))).collect())
        })
    }
    fn forget_files(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("files/forget"), params![Micros::from(before), i64::from(limit)]);
            Ok(tx.commit(steps).await?.rows(Some(gone)).len() as u64)
        })
    }
}

impl PostgresStore {
    async fn insert_file(&self, new: NewFile) -> Result<Added, Fault> {
        let NewFile { row, quota, idempotency } = new;
        let (workspace, now) = (row.workspace.0, Micros::from(row.created_at));
        let key = idempotency.as_ref().map(key_text);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("files/lock"), params![workspace]);
        // A statement of its own: it must see what was written by who had the turn before.
        let known = key.as_deref().map(|key| steps.add(sql!("files/find_key"), params![workspace, text(key)]));
        let sums = steps.add(sql!("files/kept"), params![workspace, now]);
        let answers = tx.send(steps).await?;
        let known =
            answers.rows(known).first().map(|row| Ok::<_, StoreError>((hash_of(row, "fingerprint")?, file_row(row)?)));
        let known = known.transpose()?.filter(|(_, first)| !first.is_expired(row.created_at));
        if let (Some((fingerprint, first)), Some(given)) = (known, &idempotency) {
            tx.rollback().await?;
            return if fingerprint == given.fingerprint {
                Ok(Added::Replayed(first))
            } else {
                Err(StoreError::Refused(Refusal::IdempotencyKeyReused).into())
            };
        }
        if let Err(full) = quota.admit(kept(answers.rows(Some(sums)))?, Some(row.bytes)) {
            tx.rollback().await?;
            return Err(StoreError::Refused(Refusal::FilesFull(Box::new(full))).into());
        }
        // From here the write must succeed.
        let mut steps = Steps::default();
        if let Some(key) = &key {
            steps.add(sql!("files/free_key"), params![workspace, text(key), now]);
        }
        let params = params![
            row.id.0,
            workspace,
            row.user.as_ref().map(|(user, _)| user.0),
            row.user.as_ref().map(|(_, external)| text(external)),
            row.key.map(KeyId::uuid),
            text(&row.name),
            text(&row.media_type),
            wide(row.bytes),
            row.sha256.to_vec(),
            text(&row.path),
            now,
            Micros::from(row.expires_at),
            key.as_deref().map(text),
            idempotency.as_ref().map(|given| given.fingerprint.to_vec()),
        ];
        steps.add(sql!("files/insert"), params);
        tx.commit(steps).await?;
        Ok(Added::New(row))
    }

    async fn page_files(
        &self,
        scope: Scope,
        filter: FileFilter,
        page: &PageRequest,
    ) -> Result<Page<FileRow>, StoreError> {
        let cursor = Cursor::<FileId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("files/list_newest"),
            Order::OldestFirst => sql!("files/list_oldest"),
        };
        let (now, user) = (Micros::from(filter.now), filter.user.map(UserId::uuid));
        let rows =
            read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, now, user, cursor.limit]).await?;
        page_of(&rows, page, file_row, |row| row.id.to_string())
    }
}

fn kept(rows: &[Row]) -> Result<Kept, StoreError> {
    let Some(row) = rows.first() else { return Ok(Kept::default()) };
    Ok(Kept { files: narrow("files", row.get("files"))?, bytes: narrow("bytes", row.get("bytes"))? })
}

fn file_row(row: &Row) -> Result<FileRow, StoreError> {
    let user = row.get::<_, Option<Uuid>>("user_id").map(UserId);
    Ok(FileRow {
        id: FileId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        user: user.zip(row.get("user_external")),
        key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
        name: row.get("name"),
        media_type: row.get("media_type"),
        bytes: narrow("files.bytes", row.get("bytes"))?,
        sha256: hash_of(row, "sha256")?,
        path: row.get("path"),
        created_at: row.get::<_, Micros>("created_at").into(),
        expires_at: row.get::<_, Micros>("expires_at").into(),
    })
}
