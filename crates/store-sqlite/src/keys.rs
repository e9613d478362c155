//! The table `api_keys`. What a key may do is decided in the core; here its words are written and read.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::access::KeyTerms;
use copydesk_core::refusal::Refusal;
use copydesk_core::{KeyId, Timestamp, WorkspaceId};
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse, PermitText};
use copydesk_store::{Answer, KeyStore, Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};
use std::num::NonZeroU32;

impl KeyStore for SqliteStore {
    fn add_key(&self, key: KeyRow) -> Answer<'_, bool> {
        Box::pin(self.write(0, move |session| insert(session.db, &key)))
    }
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>> {
        Box::pin(self.read(move |db| db.first(sql!("keys/find"), [secret_hash], key_row)))
    }
    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }
    fn list_keys(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<KeyRow>> {
        Box::pin(self.read(move |db| list(db, scope, &page)))
    }
    fn change_key(&self, change: KeyChange) -> Answer<'_, KeyRow> {
        Box::pin(self.write(0, move |session| {
            let KeyChange { scope, id, if_revision, .. } = change;
            if update(session.db, &change)?.is_none() {
                return Err(refused(session.db, scope, id, if_revision)?);
            }
            get(session.db, scope, id)
        }))
    }
    fn rotate_key(&self, rotation: KeyRotation) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let KeyRotation { old, if_revision, old_expires_at, new } = rotation;
            let params = params![
                old_expires_at.micros(),
                new.id.0.as_bytes(),
                new.scope.workspace.0.as_bytes(),
                old.0.as_bytes(),
                if_revision
            ];
            let replaced: Option<i64> = session.db.first(sql!("keys/replace"), params, |row| Ok(row.get(0)?))?;
            if replaced.is_none() {
                return Err(refused(session.db, new.scope, old, if_revision)?);
            }
            if insert(session.db, &new)? { Ok(()) } else { Err(Fault::corrupt(format!("{} exists already", new.id))) }
        }))
    }
    fn touch_keys(&self, uses: Vec<(KeyId, KeyUse)>) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            for (id, used) in &uses {
                let params = params![used.at.micros(), used.from, used.by, id.0.as_bytes()];
                session.db.execute(sql!("keys/touch"), params)?;
            }
            Ok(())
        }))
    }
}

fn insert(db: Db<'_>, key: &KeyRow) -> Done<bool> {
    let (terms, permit) = (&key.terms, PermitText::from(&key.terms.permit));
    let params = params![
        key.id.0.as_bytes(),
        key.scope.workspace.0.as_bytes(),
        terms.name,
        key.secret_hash,
        key.shown,
        permit.mode,
        permit.role,
        permit.scopes,
        permit.user_external,
        permit.recipes,
        permit.models,
        terms.requests_per_minute.map(NonZeroU32::get),
        terms.concurrent_max.map(NonZeroU32::get),
        terms.manages_keys(),
        key.revision,
        key.created_at.micros(),
        terms.expires_at.map(Timestamp::micros),
    ];
    let written: Option<i64> = db.first(sql!("keys/insert"), params, |row| Ok(row.get(0)?))?;
    Ok(written.is_some())
}

fn update(db: Db<'_>, change: &KeyChange) -> Done<Option<i64>> {
    let (terms, permit) = (&change.terms, PermitText::from(&change.terms.permit));
    let params = params![
        terms.name,
        permit.mode,
        permit.role,
        permit.scopes,
        permit.user_external,
        permit.recipes,
        permit.models,
        terms.requests_per_minute.map(NonZeroU32::get),
        terms.concurrent_max.map(NonZeroU32::get),
        terms.manages_keys(),
        terms.expires_at.map(Timestamp::micros),
        change.revoked_at.map(Timestamp::micros),
        change.scope.workspace.0.as_bytes(),
        change.id.0.as_bytes(),
        change.if_revision,
        change.manages(),
        change.at.micros(),
    ];
    db.first(sql!("keys/change"), params, |row| Ok(row.get(0)?))
}

/// Why nothing was written: it is not there, it has changed, or it is the last one.
fn refused(db: Db<'_>, scope: Scope, id: KeyId, if_revision: i64) -> Done<Fault> {
    let current = get(db, scope, id)?.revision;
    let refusal = if current == if_revision { Refusal::LastKey } else { Refusal::VersionConflict { current } };
    Ok(StoreError::Refused(refusal).into())
}

fn get(db: Db<'_>, scope: Scope, id: KeyId) -> Done<KeyRow> {
    let found = db.first(sql!("keys/get"), params![scope.workspace.0.as_bytes(), id.0.as_bytes()], key_row)?;
    found.ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_string() }.into())
}

fn list(db: Db<'_>, scope: Scope, page: &PageRequest) -> Done<Page<KeyRow>> {
    let cut = Cut::new(page, |id: KeyId| id.0)?;
    let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), cut.limit];
    let rows = db.all(ordered!(cut, "keys/list"), params, key_row)?;
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}

fn key_row(row: &Row<'_>) -> Done<KeyRow> {
    let permit = PermitText {
        mode: row.get("mode")?,
        role: row.get("role")?,
        scopes: row.get("scopes")?,
        user_external: row.get("user_external")?,
        recipes: row.get("recipes")?,
        models: row.get("models")?,
    };
    let last_used = match codec::maybe_instant(row, "last_used_at")? {
        Some(at) => Some(KeyUse { at, from: row.get("last_used_from")?, by: row.get("last_used_by")? }),
        None => None,
    };
    Ok(KeyRow {
        id: KeyId(codec::uuid(row, "id")?),
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        secret_hash: row.get("secret_hash")?,
        shown: row.get("shown")?,
        terms: KeyTerms {
            name: row.get("name")?,
            permit: permit.permit()?,
            requests_per_minute: limit(row, "requests_per_minute")?,
            concurrent_max: limit(row, "concurrent_max")?,
            expires_at: codec::maybe_instant(row, "expires_at")?,
        },
        revision: row.get("revision")?,
        created_at: codec::instant(row, "created_at")?,
        revoked_at: codec::maybe_instant(row, "revoked_at")?,
        replaced_by: codec::maybe_uuid(row, "replaced_by")?.map(KeyId),
        last_used,
    })
}

fn limit(row: &Row<'_>, column: &str) -> Done<Option<NonZeroU32>> {
    let stored: Option<u32> = row.get(column)?;
    Ok(stored.and_then(NonZeroU32::new))
}
