//! The model's settings, keys and its answer to "what are you?". Holds no data outside memory.

use super::data::Data;
use copydesk_core::generation::Status;
use copydesk_core::{KeyId, Timestamp};
use copydesk_store::admin::{Description, KeyRow, Pause, PauseKey};
use copydesk_store::{Scope, StoreError};

impl Data {
    pub(super) fn describe(&self) -> Description {
        Description {
            engine: "model",
            version: "1".to_owned(),
            location: "memory".to_owned(),
            schema_version: 1,
            known_schema_version: 1,
            keys: self.keys.len() as u64,
            nodes: self.nodes.values().cloned().collect(),
            waiting: self.count_live(Status::Pending),
            processing: self.count_live(Status::Processing),
        }
    }

    pub(super) fn list_pauses(&self) -> Vec<Pause> {
        self.pauses.values().map(|(what, since)| Pause { what: what.clone(), since: *since }).collect()
    }

    pub(super) fn set_pause(&mut self, what: PauseKey, paused: bool, at: Timestamp) {
        if paused {
            self.pauses.entry(what.name()).or_insert((what, at));
        } else {
            self.pauses.remove(&what.name());
        }
    }

    pub(super) fn add_key(&mut self, key: KeyRow) -> Result<(), StoreError> {
        if self.keys.iter().any(|known| known.id == key.id || known.secret_hash == key.secret_hash) {
            return Err(StoreError::Corrupt(format!("{} exists already", key.id)));
        }
        self.keys.push(key);
        Ok(())
    }

    pub(super) fn get_key(&self, scope: Scope, id: KeyId) -> Result<KeyRow, StoreError> {
        let row = self.keys.iter().find(|key| key.scope == scope && key.id == id).cloned();
        row.ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_string() })
    }

    pub(super) fn find_key(&self, secret_hash: [u8; 32]) -> Option<KeyRow> {
        self.keys.iter().find(|key| key.secret_hash == secret_hash).cloned()
    }
}
