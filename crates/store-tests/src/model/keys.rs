//! The model's API keys.

use super::data::{Data, paged};
use copydesk_core::access::Life;
use copydesk_core::refusal::Refusal;
use copydesk_core::{KeyId, Timestamp};
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse};
use copydesk_store::{Page, PageRequest, Scope, StoreError};

impl Data {
    pub(super) fn add_key(&mut self, key: KeyRow) -> bool {
        let known = self.keys.iter().any(|known| known.id == key.id || known.secret_hash == key.secret_hash);
        if !known {
            self.keys.push(key);
        }
        !known
    }

    pub(super) fn find_key(&self, secret_hash: [u8; 32]) -> Option<KeyRow> {
        self.keys.iter().find(|key| key.secret_hash == secret_hash).cloned()
    }

    pub(super) fn get_key(&self, scope: Scope, id: KeyId) -> Result<KeyRow, StoreError> {
        Ok(self.keys[self.key_place(scope, id)?].clone())
    }

    pub(super) fn list_keys(&self, scope: Scope, page: &PageRequest) -> Result<Page<KeyRow>, StoreError> {
        let own = self.keys.iter().filter(|key| key.scope == scope);
        let mut rows: Vec<(KeyId, KeyRow)> = own.map(|key| (key.id, key.clone())).collect();
        rows.sort_by_key(|(id, _)| *id);
        paged(rows, page)
    }

    pub(super) fn change_key(&mut self, change: KeyChange) -> Result<KeyRow, StoreError> {
        let place = self.key_at_revision(change.scope, change.id, change.if_revision)?;
        let managed = manages(&self.keys[place], change.at);
        let others = |key: &KeyRow| key.scope == change.scope && key.id != change.id && manages(key, change.at);
        if managed && !change.manages() && !self.keys.iter().any(others) {
            return Err(Refusal::LastKey.into());
        }
        let key = &mut self.keys[place];
        key.terms = change.terms;
        key.revoked_at = change.revoked_at;
        key.revision += 1;
        Ok(key.clone())
    }

    pub(super) fn rotate_key(&mut self, rotation: KeyRotation) -> Result<(), StoreError> {
        let KeyRotation { old, if_revision, old_expires_at, new } = rotation;
        let place = self.key_at_revision(new.scope, old, if_revision)?;
        let (id, shown) = (new.id, new.id.to_string());
        if !self.add_key(new) {
            return Err(StoreError::Corrupt(format!("{shown} exists already")));
        }
        let key = &mut self.keys[place];
        key.terms.expires_at = Some(old_expires_at);
        key.replaced_by = Some(id);
        key.revision += 1;
        Ok(())
    }

    pub(super) fn touch_keys(&mut self, uses: Vec<(KeyId, KeyUse)>) {
        for (id, used) in uses {
            let key = self.keys.iter_mut().find(|key| key.id == id);
            if let Some(key) = key.filter(|key| key.last_used.as_ref().is_none_or(|last| last.at < used.at)) {
                key.last_used = Some(used);
            }
        }
    }

    fn key_place(&self, scope: Scope, id: KeyId) -> Result<usize, StoreError> {
        let place = self.keys.iter().position(|key| key.scope == scope && key.id == id);
        place.ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_string() })
    }

    fn key_at_revision(&self, scope: Scope, id: KeyId, if_revision: i64) -> Result<usize, StoreError> {
        let place = self.key_place(scope, id)?;
        match self.keys[place].revision {
            current if current == if_revision => Ok(place),
            current => Err(Refusal::VersionConflict { current }.into()),
        }
    }
}

fn manages(key: &KeyRow, at: Timestamp) -> bool {
    key.terms.manages_keys() && key.replaced_by.is_none() && key.life(at) == Life::Living
}
