//! Keys as requests show them: looked up without a read of the database for each, and noted as used. A row is believed
//! for [`FRESH`], so that a key that is revoked elsewhere is refused here a moment later; one that is changed here is
//! forgotten at once. Only keys that exist are remembered: made-up ones leave nothing behind.

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use crate::keys::KeyText;
use copydesk_core::access::Life;
use copydesk_core::{KeyId, Timestamp};
use copydesk_store::keys::{KeyRow, KeyUse};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How old a row may be that is believed.
pub const FRESH: Duration = Duration::from_secs(1);
/// Most keys that are remembered, and most whose use is noted between two beats.
pub const KNOWN_MAX: usize = 10_000;

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
    known: Mutex<HashMap<[u8; 32], Known>>,
    uses: Mutex<BTreeMap<KeyId, KeyUse>>,
}

struct Known {
    row: Arc<KeyRow>,
    /// When the reading began. Units: the steady clock's.
    read_at: Duration,
}

impl Keyring {
    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, hash: &[u8; 32], steady: Duration) -> Option<Arc<KeyRow>> {
        let known = self.known();
        let known = known.get(hash)?;
        (steady.saturating_sub(known.read_at) < FRESH).then(|| Arc::clone(&known.row))
    }

    fn learn(&self, row: Arc<KeyRow>, read_at: Duration) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, known| read_at.saturating_sub(known.read_at) < FRESH);
        }
        if known.len() < KNOWN_MAX {
            known.insert(row.secret_hash, Known { row, read_at });
        }
    }

    /// The next request with this key reads its row.
    pub(crate) fn forget(&self, id: KeyId) {
        self.known().retain(|_, known| known.row.id != id);
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
        let (hash, steady) = (text.hash(), self.inner.world.steady());
        let row = match self.inner.keyring.fresh(&hash, steady) {
            Some(row) => row,
            None => {
                let Some(row) = self.store().find_key(hash).await? else { return Ok(Shown::Unknown) };
                let row = Arc::new(row);
                self.inner.keyring.learn(Arc::clone(&row), steady);
                row
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
        self.inner.keyring.known().get(&text.hash()).is_some_and(|known| known.row.life(now) == Life::Living)
    }

    /// Notes a use. It is written with the next beat of the node, so a crash loses the last seconds of it.
    pub fn note_use(&self, id: KeyId, used: KeyUse) {
        self.inner.keyring.note(id, used);
    }
}
