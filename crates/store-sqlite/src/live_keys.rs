//! Which dedupe keys are taken, and by whom. The table is in the order of accept (why: `migrations/0001_base.sql`); who
//! holds a key is looked up here, by the writer alone. Read from the table when first asked for, and again after a
//! command was undone.

use crate::codec;
use crate::db::sql;
use crate::fault::{Done, Fault};
use crate::memory::Session;
use copydesk_core::{DraftId, GenerationId, WorkspaceId};
use rusqlite::params;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The first half of the SHA-256 of workspace and key: two keys with the same one are not to be found.
type KeyHash = [u8; 16];

/// The holders. Nothing is known before the table was read.
#[derive(Default)]
pub(crate) struct LiveKeys(Option<HashMap<KeyHash, GenerationId>>);

fn hash(workspace: WorkspaceId, key: &str) -> KeyHash {
    let whole = Sha256::new().chain_update(workspace.0.as_bytes()).chain_update(key).finalize();
    let mut half = KeyHash::default();
    half.copy_from_slice(&whole[..16]);
    half
}

impl Session<'_> {
    /// The live generation that has this key, and its draft.
    pub fn holder_of_key(&mut self, workspace: WorkspaceId, key: &str) -> Done<Option<(GenerationId, DraftId)>> {
        let Some(holder) = self.live_keys()?.get(&hash(workspace, key)).copied() else { return Ok(None) };
        let draft = self
            .db
            .first(sql!("accept/find_live_key"), [holder.0.as_bytes()], |row| Ok(DraftId(codec::uuid(row, 0)?)))?
            .ok_or_else(|| Fault::corrupt(format!("{holder} holds a dedupe key and was never accepted")))?;
        Ok(Some((holder, draft)))
    }

    /// `key` was found free.
    pub fn hold_key(&mut self, workspace: WorkspaceId, key: &str, generation: GenerationId) -> Done<()> {
        let hash = hash(workspace, key);
        self.memory.touch();
        self.live_keys()?.insert(hash, generation);
        self.db.execute(sql!("accept/insert_live_key"), params![generation.0.as_bytes(), hash])?;
        Ok(())
    }

    pub fn free_key(&mut self, workspace: WorkspaceId, key: &str, generation: GenerationId) -> Done<()> {
        self.memory.touch();
        self.live_keys()?.remove(&hash(workspace, key));
        self.db.execute(sql!("apply/delete_live_key"), [generation.0.as_bytes()])?;
        Ok(())
    }

    fn live_keys(&mut self) -> Done<&mut HashMap<KeyHash, GenerationId>> {
        let holders = match self.memory.live_keys.0.take() {
            Some(holders) => holders,
            None => {
                let holder = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, GenerationId(codec::uuid(row, 1)?)));
                self.db.all(sql!("accept/live_keys"), [], holder)?.into_iter().collect()
            }
        };
        Ok(self.memory.live_keys.0.insert(holders))
    }
}
