//! Keys as requests show them: looked up without a read of the database for each (`recall.rs`), and noted as used.

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use crate::keys::KeyText;
use crate::recall::{Looked, Recall};
use copydesk_core::access::Life;
use copydesk_core::{KeyId, Timestamp};
use copydesk_store::keys::{KeyRow, KeyUse};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use crate::recall::{FRESH, KNOWN_MAX};

/// What became of a key that was shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    Living(Arc<KeyRow>),
    Expired { at: Timestamp },
    Revoked { at: Timestamp },
    Unknown,
}

#[derive(Default)]
pub(crate) struct Keyring {
    known: Recall<KeyRow>,
    uses: Mutex<BTreeMap<KeyId, KeyUse>>,
}

impl Keyring {
    /// The next request with this key reads its row.
    pub(crate) fn forget(&self, id: KeyId) {
        self.known.forget(|row| row.id == id);
    }

    fn note(&self, id: KeyId, used: KeyUse) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KNOWN_MAX || uses.contains_key(&id) {
            uses.insert(id, used);
        }
    }

    fn take_uses(&self) -> Vec<(KeyId, KeyUse)> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *uses).into_iter().collect()
    }
}

/// Writes what was noted since the last time. What cannot be written is lost: it is of interest, not of consequence.
pub(crate) async fn write_uses(inner: &Inner) {
    let uses = inner.keyring.take_uses();
    if uses.is_empty() {
        return;
    }
    if let Err(error) = inner.store.touch_keys(uses).await {
        tracing::warn!(%error, "When keys were last used could not be written");
    }
}

impl Desk {
    /// The key behind a text. A text that cannot be a key is never looked up.
    pub async fn shown(&self, text: &KeyText) -> Result<Shown, DeskError> {
        if !text.plausible() {
            return Ok(Shown::Unknown);
        }
        let (hash, known) = (text.hash(), &self.inner.keyring.known);
        let row = match known.look(&hash, self.inner.world.steady()) {
            Looked::Fresh(row) => row,
            Looked::Stale(asked) => {
                let Some(row) = self.store().find_key(hash).await? else { return Ok(Shown::Unknown) };
                known.learn(hash, asked, row)
            }
        };
        Ok(match row.life(self.inner.now()) {
            Life::Living => Shown::Living(row),
            Life::Expired { at } => Shown::Expired { at },
            Life::Revoked { at } => Shown::Revoked { at },
        })
    }

    /// Whether this process has seen the key alive, be it a while ago: its owner is let in where strangers have to wait.
    pub fn remembers(&self, text: &KeyText) -> bool {
        let now = self.inner.now();
        self.inner.keyring.known.any(&text.hash()).is_some_and(|row| row.life(now) == Life::Living)
    }

    /// Notes a use. It is written with the next beat of the node, so a crash loses the last seconds of it.
    pub fn note_use(&self, id: KeyId, used: KeyUse) {
        self.inner.keyring.note(id, used);
    }
}
