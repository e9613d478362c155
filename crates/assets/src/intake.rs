//! A file being taken in: what is written into it is counted, hashed and bounded on the way. When writing fails, the
//! reason stays here, because a downloader can only say that it could not write.

use crate::kind::{UNKNOWN, is_media_type, media_type_of};
use crate::{AssetError, AssetStore, AssetWriter, Shelf, Upload};
use copydesk_core::AssetId;
use sha2::{Digest, Sha256};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How much of a file is looked at to tell what it is.
const BEGINNING_BYTES: usize = 16;

/// A file on its way in.
pub struct Intake {
    id: AssetId,
    writer: Box<dyn AssetWriter>,
    hash: Sha256,
    bytes: u64,
    bytes_max: u64,
    beginning: Vec<u8>,
    fault: Option<AssetError>,
}

/// A file that is there, whole and durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub id: AssetId,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub path: String,
}

impl Intake {
    /// Begins a file of at most `bytes_max` bytes.
    pub async fn begin(store: &dyn AssetStore, id: AssetId, bytes_max: u64) -> Result<Intake, AssetError> {
        let writer = store.create(id).await?;
        let (hash, beginning) = (Sha256::new(), Vec::new());
        Ok(Intake { id, writer, hash, bytes: 0, bytes_max, beginning, fault: None })
    }

    /// Why it could not be written, when that was our own side's doing.
    pub fn fault(&self) -> Option<&AssetError> {
        self.fault.as_ref()
    }

    /// Gives the file its name. Its first bytes say what it is before `said` does.
    pub async fn keep(self, shelf: Shelf, number: u32, said: Option<&str>) -> Result<Taken, AssetError> {
        let said = said.filter(|said| is_media_type(said));
        let media_type = media_type_of(&self.beginning).or(said).unwrap_or(UNKNOWN).to_owned();
        self.keep_in(media_type, |sha256, media_type| shelf.path(number, sha256, media_type)).await
    }

    /// Gives the file of a caller its name. What the caller says it is goes before its first bytes: a table may begin like
    /// a sound.
    pub async fn keep_upload(self, upload: Upload, said: Option<&str>) -> Result<Taken, AssetError> {
        let said = said.filter(|said| is_media_type(said));
        let media_type = said.or_else(|| media_type_of(&self.beginning)).unwrap_or(UNKNOWN).to_owned();
        self.keep_in(media_type, |_, _| upload.path()).await
    }

    async fn keep_in(
        mut self,
        media_type: String,
        path: impl FnOnce(&[u8; 32], &str) -> String,
    ) -> Result<Taken, AssetError> {
        if let Err(error) = self.flush().await {
            return Err(self.fault.unwrap_or_else(|| unwritable(&error)));
        }
        let sha256: [u8; 32] = self.hash.finalize().into();
        let path = path(&sha256, &media_type);
        self.writer.keep(path.clone()).await?;
        Ok(Taken { id: self.id, media_type, bytes: self.bytes, sha256, path })
    }

    /// Units: bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn failed(&mut self, error: io::Error) -> io::Error {
        self.fault.get_or_insert_with(|| unwritable(&error));
        error
    }
}

fn unwritable(error: &io::Error) -> AssetError {
    AssetError::Unwritable { what: "the file could not be written".to_owned(), why: error.to_string() }
}

impl AsyncWrite for Intake {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, piece: &[u8]) -> Poll<io::Result<usize>> {
        let bytes_max = self.bytes_max;
        if self.bytes.saturating_add(piece.len() as u64) > bytes_max {
            let fault = AssetError::TooLarge { bytes_max };
            let error = io::Error::other(fault.to_string());
            self.fault = Some(fault);
            return Poll::Ready(Err(error));
        }
        match Pin::new(&mut self.writer).poll_write(cx, piece) {
            Poll::Ready(Ok(written)) => {
                let taken = &piece[..written];
                self.hash.update(taken);
                let room = BEGINNING_BYTES.saturating_sub(self.beginning.len());
                self.beginning.extend(taken.iter().take(room));
                self.bytes += written as u64;
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.writer).poll_flush(cx);
        flushed.map_err(|error| self.failed(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.writer).poll_shutdown(cx);
        shut.map_err(|error| self.failed(error))
    }
}
