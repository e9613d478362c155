//! Where the bytes of pictures and videos are kept: [`AssetStore`], the contract, and [`FolderAssets`], a folder of this
//! machine. A file is written beside its place, made durable, and only then given its name, so what has a name is whole.
//! Which version a file belongs to is the database's business; this crate knows names and bytes only.

mod folder;
mod intake;
mod kind;

use copydesk_core::{AssetId, FileId, GenerationId, Timestamp, WorkspaceId};
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

pub use folder::FolderAssets;
pub use intake::{Intake, Taken};
pub use kind::{UNKNOWN, extension, media_type_by_name, media_type_of};

/// An owned future, because `async fn` in a trait cannot be used through `dyn`.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, AssetError>>;

/// A place for files.
pub trait AssetStore: Send + Sync {
    /// Begins a file. It has no name yet; dropped, it is gone.
    fn create(&self, id: AssetId) -> Answer<'_, Box<dyn AssetWriter>>;

    /// The bytes of a file from `from` on.
    ///
    /// Errors: `Missing`.
    fn open<'a>(&'a self, path: &'a str, from: u64) -> Answer<'a, Box<dyn AsyncRead + Send + Unpin>>;

    /// Removes the files of a generation that are not among `keep`; all of them when it is empty. No file is no error.
    fn retain<'a>(&'a self, shelf: Shelf, keep: &'a [String]) -> Answer<'a, ()>;

    /// Removes one file. No file is no error; who reads it already reads on.
    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a, ()>;

    /// The workspaces that have files of callers, and the names of those of one; what is not one of ours is left out.
    fn uploads(&self, of: Option<WorkspaceId>) -> Answer<'_, Vec<String>>;

    /// How many more bytes fit; `None` where the place does not say.
    fn room(&self) -> Answer<'_, Option<u64>>;

    /// Removes beginnings without a name that were written last before this instant, at most so many. Returns how many.
    fn remove_litter(&self, before: Timestamp, limit: usize) -> Answer<'_, usize>;
}

/// A file on its way in.
pub trait AssetWriter: AsyncWrite + Send + Unpin {
    /// Makes it durable and gives it its name, in place of one that has it already.
    fn keep(self: Box<Self>, path: String) -> Answer<'static, ()>;
}

/// The files of one generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shelf {
    pub workspace: WorkspaceId,
    pub generation: GenerationId,
}

impl Shelf {
    fn folder(self) -> String {
        format!("{}/{}", self.workspace, self.generation)
    }

    /// The name of a file. The hash makes it another one for other bytes, so that two attempts never mix.
    pub fn path(self, number: u32, sha256: &[u8; 32], media_type: &str) -> String {
        let hash: String = sha256.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{number}-{hash}.{}", self.folder(), extension(media_type))
    }
}

/// A file that a caller put here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Upload {
    pub workspace: WorkspaceId,
    pub file: FileId,
}

impl Upload {
    /// Where all of them are.
    pub const FOLDER: &'static str = "files";

    pub fn path(self) -> String {
        format!("{}/{}/{}", Self::FOLDER, self.workspace, self.file)
    }
}

/// Why a file could not be written or read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssetError {
    /// More bytes than are taken.
    #[error("it is larger than {bytes_max} bytes, the limit of one asset")]
    TooLarge { bytes_max: u64 },
    #[error("there is no file {path:?}")]
    Missing { path: String },
    /// A name that could lead out of the store.
    #[error("{path:?} is not the name of an asset")]
    BadPath { path: String },
    /// The disk is full, the folder is gone.
    #[error("{what}: {why}")]
    Unwritable { what: String, why: String },
}
