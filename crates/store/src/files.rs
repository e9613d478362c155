//! Files that callers put here, to be used by id. A row says that the bytes are whole and durable under its path; the bytes
//! are the desk's business. A file that has expired has no bytes any more, and its row is remembered for a while, so that
//! who asks hears what became of it.

use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::files::{Kept, Quota};
use copydesk_core::{FileId, KeyId, Timestamp, UserId, WorkspaceId};

pub trait FileStore: Send + Sync {
    /// Makes the file exist, if it has room beside those of its workspace that have not expired. The same idempotency key
    /// and fingerprint are answered with the first file, until that has expired or was removed.
    ///
    /// Errors: `Refused(FilesFull)`; `Refused(IdempotencyKeyReused)`.
    fn add_file(&self, new: NewFile) -> Answer<'_, Added>;

    /// Also one that has expired, as long as it is remembered.
    fn file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow>;

    /// Those that have not expired, in the order of their ids.
    fn files(&self, scope: Scope, filter: FileFilter, page: PageRequest) -> Answer<'_, Page<FileRow>>;

    /// From now on nobody knows it. The row as it was.
    fn remove_file(&self, scope: Scope, id: FileId) -> Answer<'_, FileRow>;

    /// What the workspace keeps: files that have not expired.
    fn files_kept(&self, scope: Scope, now: Timestamp) -> Answer<'_, Kept>;

    /// Which of these, of any workspace, are there and have not expired: their bytes stay.
    fn living_files(&self, ids: Vec<FileId>, now: Timestamp) -> Answer<'_, Vec<FileId>>;

    /// Removes the rows of files that expired before this instant, at most `limit`. How many.
    fn forget_files(&self, before: Timestamp, limit: u32) -> Answer<'_, u64>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRow {
    pub id: FileId,
    pub workspace: WorkspaceId,
    /// Whose it is, and what the application calls him; `None` is the workspace's.
    pub user: Option<(UserId, String)>,
    pub key: Option<KeyId>,
    /// What its sender calls it.
    pub name: String,
    pub media_type: String,
    /// Units: bytes.
    pub bytes: u64,
    pub sha256: [u8; 32],
    /// Where the asset store has it.
    pub path: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl FileRow {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFile {
    pub row: FileRow,
    pub quota: Quota,
    pub idempotency: Option<Idempotency>,
}

/// How a file was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Added {
    New(FileRow),
    /// The idempotency key has this file already; nothing was written.
    Replayed(FileRow),
}

impl Added {
    pub fn row(&self) -> &FileRow {
        match self {
            Added::New(row) | Added::Replayed(row) => row,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileFilter {
    pub user: Option<UserId>,
    /// Those that expire later than this.
    pub now: Timestamp,
}

/// That there is no such file.
pub fn no_file(id: FileId) -> StoreError {
    StoreError::NotFound { what: "file", id: id.to_string() }
}
