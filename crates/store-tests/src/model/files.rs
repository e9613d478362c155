//! The model's files: every row as it was put here, with the key it was put here under.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::files::Kept;
use copydesk_core::refusal::Refusal;
use copydesk_core::{FileId, Timestamp, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::files::{Added, FileFilter, FileRow, NewFile, no_file};
use copydesk_store::{Answer, FileStore, Page, PageRequest, Scope, StoreError};

/// A file and, with its fingerprint, its key.
#[derive(Clone, Debug)]
pub(super) struct FileEntry {
    row: FileRow,
    key: Option<(String, [u8; 32])>,
}

impl FileStore for ModelStore {
    fn add_file(&self, new: NewFile) -> Answer<'_, Added> {
        Box::pin(async move { self.data().add_file(new) })
    }
    fn file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move { self.data().file(scope, id) })
    }
    fn files(&self, scope: Scope, filter: FileFilter, page: PageRequest) -> Answer<'_, Page<FileRow>> {
        Box::pin(async move { self.data().list_files(scope, filter, &page) })
    }
    fn remove_file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move {
            let mut data = self.data();
            let row = data.file(scope, id)?;
            data.files.remove(&id);
            Ok(row)
        })
    }
    fn files_kept(&self, scope: Scope, now: Timestamp) -> Answer<'_, Kept> {
        Box::pin(async move { Ok(self.data().files_kept(scope.workspace, now)) })
    }
    fn living_files(&self, mut ids: Vec<FileId>, now: Timestamp) -> Answer<'_, Vec<FileId>> {
        Box::pin(async move {
            let data = self.data();
            ids.retain(|id| data.files.get(id).is_some_and(|entry| !entry.row.is_expired(now)));
            Ok(ids)
        })
    }
    fn forget_files(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut data = self.data();
            let old = data.files.values().filter(|entry| entry.row.expires_at < before);
            let mut old: Vec<(Timestamp, FileId)> = old.map(|entry| (entry.row.expires_at, entry.row.id)).collect();
            old.sort();
            old.truncate(limit as usize);
            old.iter().for_each(|(_, id)| drop(data.files.remove(id)));
            Ok(old.len() as u64)
        })
    }
}

impl Data {
    fn add_file(&mut self, new: NewFile) -> Result<Added, StoreError> {
        let NewFile { row, quota, idempotency } = new;
        let key = idempotency.map(|given| (key_text(&given), given.fingerprint));
        if let Some((key, fingerprint)) = &key {
            let under = |entry: &&mut FileEntry| {
                entry.row.workspace == row.workspace && entry.key.as_ref().is_some_and(|(known, _)| known == key)
            };
            match self.files.values_mut().find(under) {
                Some(entry) if entry.row.is_expired(row.created_at) => entry.key = None,
                Some(FileEntry { row, key: Some((_, known)) }) if known == fingerprint => {
                    return Ok(Added::Replayed(row.clone()));
                }
                Some(_) => return Err(Refusal::IdempotencyKeyReused.into()),
                None => {}
            }
        }
        let kept = self.files_kept(row.workspace, row.created_at);
        quota.admit(kept, Some(row.bytes)).map_err(|full| Refusal::FilesFull(Box::new(full)))?;
        self.files.insert(row.id, FileEntry { row: row.clone(), key });
        Ok(Added::New(row))
    }

    fn file(&self, scope: Scope, id: FileId) -> Result<FileRow, StoreError> {
        let entry = self.files.get(&id).filter(|entry| entry.row.workspace == scope.workspace);
        entry.map(|entry| entry.row.clone()).ok_or_else(|| no_file(id))
    }

    fn list_files(&self, scope: Scope, filter: FileFilter, page: &PageRequest) -> Result<Page<FileRow>, StoreError> {
        let own = self.files.values().map(|entry| &entry.row).filter(|row| row.workspace == scope.workspace);
        let living = own.filter(|row| !row.is_expired(filter.now));
        let of_user =
            |row: &&FileRow| filter.user.is_none_or(|user| row.user.as_ref().is_some_and(|(owner, _)| *owner == user));
        paged(living.filter(of_user).map(|row| (row.id, row.clone())).collect(), page)
    }

    fn files_kept(&self, workspace: WorkspaceId, now: Timestamp) -> Kept {
        let own = self.files.values().map(|entry| &entry.row).filter(|row| row.workspace == workspace);
        own.filter(|row| !row.is_expired(now))
            .fold(Kept::default(), |sum, row| Kept { files: sum.files + 1, bytes: sum.bytes + row.bytes })
    }
}
