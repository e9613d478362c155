//! The table `files`: what callers put here. Quota and key are looked at and the row is written in one command of the one
//! writer, so nobody comes between.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::files::Kept;
use copydesk_core::refusal::Refusal;
use copydesk_core::{FileId, KeyId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::files::{Added, FileFilter, FileRow, NewFile, no_file};
use copydesk_store::{Answer, FileStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};

impl FileStore for SqliteStore {
    fn add_file(&self, new: NewFile) -> Answer<'_, Added> {
        Box::pin(self.write(0, move |session| add(session.db, new)))
    }

    fn file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn files(&self, scope: Scope, filter: FileFilter, page: PageRequest) -> Answer<'_, Page<FileRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<FileId>(&page, |id| id.0)?;
            let user = filter.user.map(|user| *user.0.as_bytes());
            let (workspace, after) = (scope.workspace.0.as_bytes(), cut.after.as_bytes());
            let params = params![workspace, after, filter.now.micros(), user, cut.limit];
            let rows = db.all(ordered!(cut, "files/list"), params, file_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn remove_file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(self.write(0, move |session| {
            let row = get(session.db, scope, id)?;
            session.db.execute(sql!("files/remove"), [scope.workspace.0.as_bytes(), id.0.as_bytes()])?;
            Ok(row)
        }))
    }

    fn files_kept(&self, scope: Scope, now: Timestamp) -> Answer<'_, Kept> {
        Box::pin(self.read(move |db| kept(db, scope.workspace, now)))
    }

    fn living_files(&self, ids: Vec<FileId>, now: Timestamp) -> Answer<'_, Vec<FileId>> {
        Box::pin(self.read(move |db| {
            let mut living = Vec::new();
            for id in ids {
                let params = params![id.0.as_bytes(), now.micros()];
                living.extend(db.first(sql!("files/is_living"), params, |_| Ok(id))?);
            }
            Ok(living)
        }))
    }

    fn forget_files(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| {
            Ok(session.db.execute(sql!("files/forget"), params![before.micros(), limit])? as u64)
        }))
    }
}

fn add(db: Db<'_>, new: NewFile) -> Done<Added> {
    let NewFile { row, quota, idempotency } = new;
    let (workspace, now) = (row.workspace.0.as_bytes(), row.created_at);
    let key = idempotency.as_ref().map(key_text);
    if let Some(given) = &idempotency {
        let known = db.first(sql!("files/find_key"), params![workspace, key], |row| {
            Ok((row.get::<_, [u8; 32]>("fingerprint")?, file_row(row)?))
        })?;
        match known {
            Some((_, first)) if first.is_expired(now) => {
                db.execute(sql!("files/free_key"), params![workspace, key, now.micros()])?;
            }
            Some((fingerprint, first)) if fingerprint == given.fingerprint => return Ok(Added::Replayed(first)),
            Some(_) => return Err(Refusal::IdempotencyKeyReused.into()),
            None => {}
        }
    }
    let kept = kept(db, row.workspace, now)?;
    quota.admit(kept, Some(row.bytes)).map_err(|full| Refusal::FilesFull(Box::new(full)))?;
    // From here the write must succeed.
    let params = params![
        row.id.0.as_bytes(),
        workspace,
        row.user.as_ref().map(|(user, _)| *user.0.as_bytes()),
        row.user.as_ref().map(|(_, external)| external),
        row.key.map(|key| *key.0.as_bytes()),
        row.name,
        row.media_type,
        codec::signed(row.bytes),
        row.sha256,
        row.path,
        now.micros(),
        row.expires_at.micros(),
        key,
        idempotency.as_ref().map(|given| given.fingerprint),
    ];
    db.execute(sql!("files/insert"), params)?;
    Ok(Added::New(row))
}

fn get(db: Db<'_>, scope: Scope, id: FileId) -> Done<FileRow> {
    let row = db.first(sql!("files/get"), [scope.workspace.0.as_bytes(), id.0.as_bytes()], file_row)?;
    row.ok_or_else(|| Fault::Store(no_file(id)))
}

fn kept(db: Db<'_>, workspace: WorkspaceId, now: Timestamp) -> Done<Kept> {
    let kept = db.first(sql!("files/kept"), params![workspace.0.as_bytes(), now.micros()], |row| {
        Ok(Kept { files: codec::unsigned(row, "files")?, bytes: codec::unsigned(row, "bytes")? })
    })?;
    Ok(kept.unwrap_or_default())
}

fn file_row(row: &Row<'_>) -> Done<FileRow> {
    let user = codec::maybe_uuid(row, "user_id")?.map(UserId);
    Ok(FileRow {
        id: FileId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        user: user.zip(row.get("user_external")?),
        key: codec::maybe_uuid(row, "key_id")?.map(KeyId),
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        bytes: codec::unsigned(row, "bytes")?,
        sha256: row.get("sha256")?,
        path: row.get("path")?,
        created_at: codec::instant(row, "created_at")?,
        expires_at: codec::instant(row, "expires_at")?,
    })
}
