//! The hash chain of one user's account: each transfer's hash covers the one before it, so that a changed, missing or
//! inserted row is found by [`link`] alone.

use super::transfer::Transfer;
use sha2::{Digest, Sha256};

/// A link's hash. The first transfer of an account follows [`ChainHash::START`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    pub const START: ChainHash = ChainHash([0; 32]);
}

/// The hash of `transfer` after `previous`.
///
/// Invariant: every field of the row takes part; optional ones are told from empty ones by a leading byte.
pub fn link(previous: ChainHash, transfer: &Transfer) -> ChainHash {
    let mut hash = Sha256::new();
    hash.update(previous.0);
    hash.update(transfer.id.0.as_bytes());
    hash.update(transfer.workspace.0.as_bytes());
    hash.update(transfer.user.0.as_bytes());
    hash.update(transfer.kind.as_str().as_bytes());
    hash.update([0]);
    hash.update(transfer.amount.micros().to_be_bytes());
    match transfer.generation {
        Some(generation) => {
            hash.update([1]);
            hash.update(generation.0.as_bytes());
        }
        None => hash.update([0]),
    }
    for text in [&transfer.reference, &transfer.reason] {
        match text {
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
            None => hash.update([0]),
        }
    }
    match transfer.peer {
        Some(peer) => {
            hash.update([1]);
            hash.update(peer.0.as_bytes());
        }
        None => hash.update([0]),
    }
    match transfer.expires_at {
        Some(instant) => {
            hash.update([1]);
            hash.update(instant.micros().to_be_bytes());
        }
        None => hash.update([0]),
    }
    hash.update(transfer.at.micros().to_be_bytes());
    ChainHash(hash.finalize().into())
}
