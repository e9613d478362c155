//! Files that callers put here, to be used by id: taken in piece by piece, kept with a row, opened, removed; and the duty
//! that removes bytes no living row names. Bytes are named before their row is written, so a row always has its bytes; what
//! is named and never gets a row belongs to nobody, and goes after an hour.

use crate::accept::NAME_BYTES_MAX;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_assets::{AssetError, Intake, Taken, Upload, media_type_by_name};
use copydesk_core::access::Permit;
use copydesk_core::files::{FilesFull, Kept, Quota};
use copydesk_core::refusal::Refusal;
use copydesk_core::{AssetId, FileId, KeyId, Timestamp, UserId, WorkspaceId, uuid_at};
use copydesk_store::files::{Added, FileRow, NewFile};
use copydesk_store::generations::Idempotency;
use copydesk_store::{Scope, StoreError};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt};

/// The largest file. Units: bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How long a file is kept where nobody says.
pub const EXPIRES_IN_USUAL: Duration = Duration::from_secs(7 * 86_400);
pub const EXPIRES_IN_MIN: Duration = Duration::from_secs(60);
pub const EXPIRES_IN_MAX: Duration = Duration::from_secs(90 * 86_400);
/// How long it is remembered that a file has expired.
const REMEMBERED_FOR: Duration = Duration::from_secs(7 * 86_400);
/// After how long bytes that have no row belong to nobody. Between the two lies one write to the database.
const NAMELESS_FOR: Duration = Duration::from_secs(3_600);
/// How many rows or names one question to the store is about.
const SLICE: u32 = 1_000;

/// A file on its way in.
pub struct Incoming {
    intake: Intake,
    kept: Kept,
    quota: Quota,
}

/// What is kept with a file.
#[derive(Clone, Debug)]
pub struct Put {
    pub scope: Scope,
    /// What the key that puts it may do.
    pub permit: Arc<Permit>,
    pub key: Option<KeyId>,
    /// Whose it is; `None` is the workspace's.
    pub user: Option<String>,
    pub name: String,
    pub media_type: Option<String>,
    pub expires_in: Option<Duration>,
    /// Its fingerprint is of everything but the bytes.
    pub idempotency: Option<Idempotency>,
}

impl Put {
    /// Whose it is, by the key if that is one user's.
    fn owner(&self) -> Result<Option<(UserId, String)>, DeskError> {
        let named = match (&self.permit.user, &self.user) {
            (Some(own), Some(asked)) if own != asked => {
                let detail =
                    format!("this key belongs to the user {own:?}; leave user out, or use a key for all users");
                return Err(DeskError::invalid("/user", "not_allowed", detail));
            }
            (Some(own), _) => Some(own),
            (None, asked) => asked.as_ref(),
        };
        Ok(named.map(|name| (UserId::from_external(self.scope.workspace, name), name.clone())))
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let fits = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if !fits(&self.name) || self.name.contains(['/', '\\']) {
            let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without slashes and control characters");
            faults.push(Fault::new("/name", "bad_name", detail));
        }
        if self.user.as_ref().is_some_and(|user| !fits(user)) {
            let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without control characters");
            faults.push(Fault::new("/user", "bad_length", detail));
        }
        let span = self.expires_in.unwrap_or(EXPIRES_IN_USUAL);
        if !(EXPIRES_IN_MIN..=EXPIRES_IN_MAX).contains(&span) {
            let detail = format!(
                "a file is kept for {} s to {} days",
                EXPIRES_IN_MIN.as_secs(),
                EXPIRES_IN_MAX.as_secs() / 86_400
            );
            faults.push(Fault::new("/expires_in", "out_of_range", detail));
        }
        faults
    }

    /// What it is said to be: by its sender, where that is not what is sent when nobody thinks of it; else by its name.
    fn media_type(&self) -> Option<&str> {
        let said = self.media_type.as_deref().filter(|said| !SAYS_NOTHING.contains(said));
        said.or_else(|| media_type_by_name(&self.name))
    }
}

/// What clients send when they are told nothing.
const SAYS_NOTHING: [&str; 3] = ["", "application/octet-stream", "application/x-www-form-urlencoded"];

impl Incoming {
    /// Writes the next piece.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), DeskError> {
        match self.intake.write_all(piece).await {
            Ok(()) => Ok(()),
            Err(error) => Err(match self.intake.fault() {
                Some(AssetError::TooLarge { bytes_max }) if *bytes_max < FILE_BYTES_MAX => {
                    DeskError::from(full(self.kept, self.quota, None))
                }
                Some(AssetError::TooLarge { bytes_max }) => DeskError::FileTooLarge { bytes_max: *bytes_max },
                Some(fault) => unkept(fault),
                None => unkept(&AssetError::Unwritable { what: "the file".to_owned(), why: error.to_string() }),
            }),
        }
    }
}

impl Desk {
    /// Begins a file of the workspace. It is nothing until it is kept; dropped, it is gone.
    ///
    /// Errors: `Refused(FilesFull)` where not even an empty one has room.
    pub async fn begin_file(&self, scope: Scope) -> Result<Incoming, DeskError> {
        if self.is_draining() {
            return Err(DeskError::Draining);
        }
        let (now, quota) = (self.inner.now(), self.inner.config.files);
        let kept = self.store().files_kept(scope, now).await?;
        quota.admit(kept, None).map_err(|no| full(no.kept, no.quota, None))?;
        let bytes_max = FILE_BYTES_MAX.min(quota.room(kept));
        let id = AssetId(self.inner.world.uuid(now));
        let intake = Intake::begin(self.assets().as_ref(), id, bytes_max).await.map_err(|fault| unkept(&fault))?;
        Ok(Incoming { intake, kept, quota })
    }

    /// Keeps a file that was taken in. The same idempotency key with the same bytes is answered with the first one.
    pub async fn keep_file(&self, incoming: Incoming, put: Put) -> Result<Added, DeskError> {
        let (owner, faults) = (put.owner()?, put.faults());
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        if incoming.intake.bytes() == 0 {
            return Err(DeskError::invalid("/file", "empty", "it has no bytes: send them as the body"));
        }
        let (now, workspace, quota) = (self.inner.now(), put.scope.workspace, incoming.quota);
        let id = FileId(self.inner.world.uuid(now));
        let kept = incoming.intake.keep_upload(Upload { workspace, file: id }, put.media_type()).await;
        let Taken { media_type, bytes, sha256, path, .. } = kept.map_err(|fault| unkept(&fault))?;
        let idempotency = put.idempotency.map(|key| {
            let whole = Sha256::new().chain_update(key.fingerprint).chain_update(sha256).finalize();
            Idempotency { fingerprint: whole.into(), ..key }
        });
        let row = FileRow {
            id,
            workspace,
            user: owner,
            key: put.key,
            name: put.name,
            media_type,
            bytes,
            sha256,
            path: path.clone(),
            created_at: now,
            expires_at: now.plus(put.expires_in.unwrap_or(EXPIRES_IN_USUAL)),
        };
        let added = self.store().add_file(NewFile { row, quota, idempotency }).await;
        // Nobody knows whether a row names these bytes: if not, they go in an hour.
        let doubtful = matches!(added, Err(StoreError::CommitUnknown(_)));
        if !doubtful && !matches!(added, Ok(Added::New(_))) {
            self.drop_bytes(&path).await;
        }
        Ok(added?)
    }

    /// A file that is there and has not expired.
    ///
    /// Errors: `Expired`.
    pub async fn file(&self, scope: Scope, id: FileId) -> Result<FileRow, DeskError> {
        let row = self.store().file(scope, id).await?;
        if row.is_expired(self.inner.now()) {
            return Err(DeskError::Expired { what: "file", id: id.to_string(), at: row.expires_at });
        }
        Ok(row)
    }

    /// Its bytes from `from` on. Who has them open reads to the end, whatever becomes of the file.
    pub async fn open_file(&self, row: &FileRow, from: u64) -> Result<Box<dyn AsyncRead + Send + Unpin>, AssetError> {
        self.assets().open(&row.path, from).await
    }

    /// Removes a file; also one that has expired.
    pub async fn remove_file(&self, scope: Scope, id: FileId) -> Result<FileRow, DeskError> {
        let row = self.store().remove_file(scope, id).await?;
        self.drop_bytes(&row.path).await;
        Ok(row)
    }

    /// Removes the bytes of files that no living row names, and rows that are remembered no longer. How many files' bytes.
    /// Every working desk does it by itself, once an hour.
    pub async fn tidy_files(&self) -> Result<u64, DeskError> {
        let now = self.inner.now();
        while self.store().forget_files(now.minus(REMEMBERED_FOR), SLICE).await? == u64::from(SLICE) {}
        let mut removed = 0;
        for workspace in self.assets().uploads(None).await.map_err(|fault| unkept(&fault))? {
            let Ok(workspace) = workspace.parse() else { continue };
            removed += self.tidy_workspace(workspace, now).await?;
        }
        Ok(removed)
    }

    async fn tidy_workspace(&self, workspace: WorkspaceId, now: Timestamp) -> Result<u64, DeskError> {
        let names = self.assets().uploads(Some(workspace)).await.map_err(|fault| unkept(&fault))?;
        // Of a younger one the row may be on its way.
        let young = FileId(uuid_at(now.minus(NAMELESS_FOR), [0; 8]));
        let old: Vec<FileId> = names.iter().filter_map(|name| name.parse().ok()).filter(|id| *id < young).collect();
        let mut removed = 0;
        for slice in old.chunks(SLICE as usize) {
            let living: HashSet<FileId> = self.store().living_files(slice.to_vec(), now).await?.into_iter().collect();
            for file in slice.iter().filter(|id| !living.contains(id)) {
                let path = Upload { workspace, file: *file }.path();
                self.assets().remove(&path).await.map_err(|fault| unkept(&fault))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// What cannot be removed now is removed by the duty.
    async fn drop_bytes(&self, path: &str) {
        if let Err(error) = self.assets().remove(path).await {
            tracing::warn!(%error, "The bytes of a file could not be removed; they are tried again within an hour");
        }
    }
}

fn full(kept: Kept, quota: Quota, bytes: Option<u64>) -> Refusal {
    Refusal::FilesFull(Box::new(FilesFull { kept, quota, bytes }))
}

/// The place for files does not take or give any: as bad as a database that does not.
fn unkept(fault: &AssetError) -> DeskError {
    DeskError::Store(StoreError::Unavailable(format!("the folder of the files: {fault}")))
}
