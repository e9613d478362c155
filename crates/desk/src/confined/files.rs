//! Files: a key of one user puts, sees and removes that user's only.

use super::{Confined, NOWHERE, found};
use copydesk_core::files::Kept;
use copydesk_core::{FileId, Timestamp};
use copydesk_store::files::{Added, FileFilter, FileRow, NewFile};
use copydesk_store::{Answer, FileStore, Page, PageRequest, Scope, StoreError};

impl Confined {
    async fn of_file(&self, scope: Scope, id: FileId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let owner = found(self.inner.file(scope.whole(), id).await)?.and_then(|row| row.user);
        Ok(owner.map_or(NOWHERE, |(owner, _)| Confined::own(scope, owner)))
    }
}

impl FileStore for Confined {
    /// Whose it is stands in the row, which the desk makes of the key (`files.rs`).
    fn add_file(&self, new: NewFile) -> Answer<'_, Added> {
        self.inner.add_file(new)
    }
    fn file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move { self.inner.file(self.of_file(scope, id).await?, id).await })
    }
    fn files(&self, scope: Scope, filter: FileFilter, page: PageRequest) -> Answer<'_, Page<FileRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.files(scope, FileFilter { user, ..filter }, page)
    }
    fn remove_file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow> {
        Box::pin(async move { self.inner.remove_file(self.of_file(scope, id).await?, id).await })
    }
    /// The quota is the workspace's, whoever puts a file.
    fn files_kept(&self, scope: Scope, now: Timestamp) -> Answer<'_, Kept> {
        self.inner.files_kept(scope.whole(), now)
    }
    fn living_files(&self, ids: Vec<FileId>, now: Timestamp) -> Answer<'_, Vec<FileId>> {
        self.inner.living_files(ids, now)
    }
    fn forget_files(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.inner.forget_files(before, limit)
    }
}
