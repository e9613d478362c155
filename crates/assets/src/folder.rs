//! Assets in a folder of this machine: `<workspace>/<generation>/<number>-<hash>.<ending>`, and what callers put here in
//! `files/<workspace>/<file>`; files 0600, folders 0700.
//! Beginnings are in `incoming`; a file is flushed to the disk, renamed, and its folder flushed, in this order, so that
//! after a power cut a name stands for the whole file or is not there.

use crate::{Answer, AssetError, AssetStore, AssetWriter, Shelf, Upload};
use copydesk_core::{AssetId, Timestamp, WorkspaceId};
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;
use tokio::fs::{DirBuilder, File, OpenOptions};
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWrite};

const INCOMING: &str = "incoming";
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The folder. It is made when the first file comes.
#[derive(Clone, Debug)]
pub struct FolderAssets {
    root: PathBuf,
}

impl FolderAssets {
    pub fn new(root: impl Into<PathBuf>) -> FolderAssets {
        FolderAssets { root: root.into() }
    }

    /// Where a named file is.
    ///
    /// Errors: `BadPath` - it could be anywhere.
    fn place(&self, path: &str) -> Result<PathBuf, AssetError> {
        let is_plain = |part: &str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(letter)
        };
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() == 3 && parts.iter().copied().all(is_plain) {
            return Ok(parts.iter().fold(self.root.clone(), |place, part| place.join(part)));
        }
        Err(AssetError::BadPath { path: path.to_owned() })
    }

    /// What an ordinary process may still write to the disk of the folder, or of where it will be made.
    async fn free_bytes(&self) -> Result<Option<u64>, AssetError> {
        let root = self.root.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
            rustix::fs::statvfs(there).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
        });
        let unknown = |error: io::Error| unwritable("cannot see the room of", &self.root, &error);
        let bytes = asked.await.map_err(|panic| unknown(io::Error::other(panic)))?;
        bytes.map(Some).map_err(|error| unknown(error.into()))
    }

    async fn begin(&self, id: AssetId) -> Result<Box<dyn AssetWriter>, AssetError> {
        let folder = self.root.join(INCOMING);
        make_folder(&folder).await?;
        let begun = folder.join(format!("{id}.part"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let file = options.open(&begun).await.map_err(|error| unwritable("cannot begin a file in", &folder, &error))?;
        Ok(Box::new(Incoming { file, begun: Begun(begun), folder: self.clone() }))
    }

    async fn read(&self, path: &str, from: u64) -> Result<Box<dyn AsyncRead + Send + Unpin>, AssetError> {
        let place = self.place(path)?;
        let unreadable = |error: io::Error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            if missing {
                AssetError::Missing { path: path.to_owned() }
            } else {
                unwritable("cannot read", &place, &error)
            }
        };
        let mut file = File::open(&place).await.map_err(unreadable)?;
        file.seek(SeekFrom::Start(from)).await.map_err(unreadable)?;
        Ok(Box::new(file))
    }

    async fn remove_others(&self, shelf: Shelf, keep: &[String]) -> Result<(), AssetError> {
        let folder = self.root.join(shelf.workspace.to_string()).join(shelf.generation.to_string());
        let failed = |error: &io::Error| unwritable("cannot tidy", &folder, error);
        let kept: Vec<PathBuf> = keep.iter().map(|path| self.place(path)).collect::<Result<_, _>>()?;
        let mut entries = match tokio::fs::read_dir(&folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&error)),
        };
        while let Some(entry) = entries.next_entry().await.map_err(|error| failed(&error))? {
            if !kept.contains(&entry.path()) {
                gone(tokio::fs::remove_file(entry.path()).await).map_err(|error| failed(&error))?;
            }
        }
        if kept.is_empty() {
            gone(tokio::fs::remove_dir(&folder).await).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    async fn remove_one(&self, path: &str) -> Result<(), AssetError> {
        let place = self.place(path)?;
        gone(tokio::fs::remove_file(&place).await).map_err(|error| unwritable("cannot remove", &place, &error))
    }

    async fn list(&self, of: Option<WorkspaceId>) -> Result<Vec<String>, AssetError> {
        let root = self.root.join(Upload::FOLDER);
        let folder = of.map_or_else(|| root.clone(), |workspace| root.join(workspace.to_string()));
        let failed = |error: &io::Error| unwritable("cannot look into", &folder, error);
        let mut entries = match tokio::fs::read_dir(&folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(|error| failed(&error))? {
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, AssetError> {
        let folder = self.root.join(INCOMING);
        let failed = |error: &io::Error| unwritable("cannot tidy", &folder, error);
        let mut entries = match tokio::fs::read_dir(&folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed(&error)),
        };
        let mut removed = 0;
        while removed < limit
            && let Some(entry) = entries.next_entry().await.map_err(|error| failed(&error))?
        {
            let written = entry.metadata().await.and_then(|about| about.modified());
            let age = written.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let micros = age.and_then(|age| i64::try_from(age.as_micros()).ok());
            if micros.is_some_and(|micros| micros < before.micros()) {
                gone(tokio::fs::remove_file(entry.path()).await).map_err(|error| failed(&error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl AssetStore for FolderAssets {
    fn create(&self, id: AssetId) -> Answer<'_, Box<dyn AssetWriter>> {
        Box::pin(self.begin(id))
    }
    fn open<'a>(&'a self, path: &'a str, from: u64) -> Answer<'a, Box<dyn AsyncRead + Send + Unpin>> {
        Box::pin(self.read(path, from))
    }
    fn retain<'a>(&'a self, shelf: Shelf, keep: &'a [String]) -> Answer<'a, ()> {
        Box::pin(self.remove_others(shelf, keep))
    }
    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a, ()> {
        Box::pin(self.remove_one(path))
    }
    fn uploads(&self, of: Option<WorkspaceId>) -> Answer<'_, Vec<String>> {
        Box::pin(self.list(of))
    }
    fn room(&self) -> Answer<'_, Option<u64>> {
        Box::pin(self.free_bytes())
    }
    fn remove_litter(&self, before: Timestamp, limit: usize) -> Answer<'_, usize> {
        Box::pin(self.sweep(before, limit))
    }
}

/// A file without a name yet.
struct Incoming {
    file: File,
    begun: Begun,
    folder: FolderAssets,
}

/// Removes the beginning of a file that nobody kept.
struct Begun(PathBuf);

impl Drop for Begun {
    fn drop(&mut self) {
        // Renamed or gone is as good; what cannot be removed now is litter, which is swept.
        drop(std::fs::remove_file(&self.0));
    }
}

impl AssetWriter for Incoming {
    fn keep(self: Box<Self>, path: String) -> Answer<'static, ()> {
        Box::pin(async move {
            let Incoming { file, begun, folder } = *self;
            let place = folder.place(&path)?;
            let parent = place.parent().unwrap_or(&folder.root).to_owned();
            let failed = |error: io::Error| unwritable("cannot keep a file in", &parent, &error);
            file.sync_all().await.map_err(failed)?;
            make_folder(&parent).await?;
            tokio::fs::rename(&begun.0, &place).await.map_err(failed)?;
            flush_folders(&parent, &folder.root).await.map_err(failed)
        })
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, piece: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.file).poll_write(cx, piece)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

async fn make_folder(folder: &Path) -> Result<(), AssetError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE);
    builder.create(folder).await.map_err(|error| unwritable("cannot make the folder", folder, &error))
}

/// A new name is durable when its folder is, and the folder's own name when the ones above are.
async fn flush_folders(from: &Path, root: &Path) -> io::Result<()> {
    let mut folder = from;
    loop {
        File::open(folder).await?.sync_all().await?;
        match folder.parent() {
            Some(above) if folder != root => folder = above,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Somebody else removed it: as good.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn unwritable(what: &str, place: &Path, error: &io::Error) -> AssetError {
    AssetError::Unwritable { what: format!("{what} {}", place.display()), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Intake;
    use copydesk_core::{FileId, GenerationId};
    use std::os::unix::fs::PermissionsExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use uuid::Uuid;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

    fn shelf(n: u128) -> Shelf {
        Shelf { workspace: WorkspaceId::DEFAULT, generation: GenerationId(Uuid::from_u128(n)) }
    }

    async fn take(store: &FolderAssets, n: u128, bytes: &[u8]) -> crate::Taken {
        let mut intake = Intake::begin(store, AssetId(Uuid::from_u128(n)), 1_000).await.unwrap();
        intake.write_all(bytes).await.unwrap();
        intake.keep(shelf(1), 1, Some("application/x-unsure")).await.unwrap()
    }

    fn files(root: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn a_file_is_kept_under_its_hash_and_read_from_any_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path().join("assets"));
        let taken = take(&store, 1, PNG).await;
        assert_eq!((taken.media_type.as_str(), taken.bytes), ("image/png", PNG.len() as u64));
        assert_eq!(files(&folder.path().join("assets")), [taken.path.as_str()], "nothing is left in incoming");
        assert!(taken.path.starts_with(&format!("{}/{}/1-", WorkspaceId::DEFAULT, shelf(1).generation)));
        for from in [0, 3, PNG.len()] {
            let mut read = Vec::new();
            store.open(&taken.path, from as u64).await.unwrap().read_to_end(&mut read).await.unwrap();
            assert_eq!(read, PNG[from..]);
        }
        let place = folder.path().join("assets").join(&taken.path);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(place.parent().unwrap())), (0o600, 0o700));
        assert_eq!(take(&store, 2, PNG).await.path, taken.path, "the same bytes again are the same file");
    }

    #[tokio::test]
    async fn what_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path());
        let mut intake = Intake::begin(&store, AssetId(Uuid::from_u128(1)), 10).await.unwrap();
        intake.write_all(b"0123456789").await.unwrap();
        assert!(intake.write_all(b"x").await.is_err());
        assert_eq!(intake.fault(), Some(&AssetError::TooLarge { bytes_max: 10 }));
        assert_eq!(files(folder.path()).len(), 1);
        drop(intake);
        assert_eq!(files(folder.path()), [""; 0]);
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path());
        for bad in ["", "a", "a/b", "a/../b", "../a/b", "/etc/passwd", "a/b/c/d", "a/.b/c", "a//c", "a/b/c\0", "a/b/ä"]
        {
            let refused = store.open(bad, 0).await.err();
            assert_eq!(refused, Some(AssetError::BadPath { path: bad.to_owned() }), "{bad:?}");
        }
        let missing = store.open("a/b/c", 0).await.err();
        assert_eq!(missing, Some(AssetError::Missing { path: "a/b/c".to_owned() }));
    }

    #[tokio::test]
    async fn only_the_named_files_of_a_generation_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path());
        let (old, new) = (take(&store, 1, PNG).await, take(&store, 2, b"GIF89a").await);
        store.retain(shelf(1), std::slice::from_ref(&new.path)).await.unwrap();
        assert_eq!(files(folder.path()), [new.path.as_str()], "{old:?}");
        store.retain(shelf(1), &[]).await.unwrap();
        store.retain(shelf(1), &[]).await.unwrap();
        assert_eq!(files(folder.path()), [""; 0]);
    }

    #[tokio::test]
    async fn a_callers_file_is_listed_removed_and_read_on_by_who_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path());
        assert_eq!(store.uploads(None).await, Ok(vec![]));
        let upload = Upload { workspace: WorkspaceId::DEFAULT, file: FileId(Uuid::from_u128(7)) };
        let mut intake = Intake::begin(&store, AssetId(Uuid::from_u128(1)), 1_000).await.unwrap();
        intake.write_all(b"ID3;name\n1;ann\n").await.unwrap();
        let taken = intake.keep_upload(upload, Some("text/csv")).await.unwrap();
        assert_eq!((taken.media_type.as_str(), taken.path.as_str()), ("text/csv", upload.path().as_str()));
        assert_eq!(store.uploads(None).await, Ok(vec![WorkspaceId::DEFAULT.to_string()]));
        assert_eq!(store.uploads(Some(WorkspaceId::DEFAULT)).await, Ok(vec![upload.file.to_string()]));
        let mut reading = store.open(&taken.path, 4).await.unwrap();
        store.remove(&taken.path).await.unwrap();
        store.remove(&taken.path).await.unwrap();
        assert!(store.remove("files/../x").await.is_err());
        let mut read = String::new();
        reading.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "name\n1;ann\n");
        assert_eq!(store.uploads(Some(WorkspaceId::DEFAULT)).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn only_old_beginnings_are_litter() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderAssets::new(folder.path());
        assert_eq!(store.remove_litter(Timestamp::from_micros(0), 10).await, Ok(0));
        let _under_way = Intake::begin(&store, AssetId(Uuid::from_u128(1)), 10).await.unwrap();
        assert_eq!(store.remove_litter(Timestamp::from_micros(0), 10).await, Ok(0));
        assert_eq!(store.remove_litter(Timestamp::from_micros(i64::MAX), 10).await, Ok(1));
    }
}
