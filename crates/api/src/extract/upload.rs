//! A body that is a file: handed on piece by piece to a reader in another thread, so that it is never in memory whole.

use super::body::broken_off_words;
use axum::body::{Body, Bytes};
use futures::StreamExt;
use std::io::{self, Read};
use tokio::sync::mpsc;

/// How many pieces may wait for the reader.
const PIECES: usize = 8;

/// Reads what arrives. Not for threads of the runtime: it blocks.
pub(crate) struct Upload {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Upload {
    /// Reads at most `bytes_max` of the body. It must be called in the runtime.
    pub fn of(body: Body, bytes_max: u64) -> Upload {
        let (sender, pieces) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let (mut body, mut bytes) = (body.into_data_stream(), 0);
            while let Some(piece) = body.next().await {
                let piece = piece.map_err(|error| io::Error::other(broken_off_words(error)));
                bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
                let piece = if bytes > bytes_max {
                    Err(io::Error::other(format!("the file has more than {bytes_max} bytes, which is the limit")))
                } else {
                    piece
                };
                let over = piece.is_err();
                // Nobody reads on after a fault.
                if sender.send(piece).await.is_err() || over {
                    return;
                }
            }
        });
        Upload { pieces, piece: Bytes::new() }
    }
}

impl Read for Upload {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let taken = self.piece.split_to(self.piece.len().min(into.len()));
        into[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
