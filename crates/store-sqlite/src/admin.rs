//! The installation: what this engine is, its schema, pauses, keys. The auditor is in `audit.rs`.

use crate::audit;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::memory::read_pauses;
use crate::migrate::{self, MIGRATIONS};
use crate::open::SqliteStore;
use crate::schema;
use copydesk_core::{KeyId, NodeId, Timestamp, WorkspaceId};
use copydesk_store::admin::{Description, Finding, KeyRow, NodeRow, Pause, PauseKey};
use copydesk_store::{AdminStore, Answer, SchemaFault, Scope, StoreError};
use rusqlite::params;

impl AdminStore for SqliteStore {
    /// The process's own clock is the only one.
    fn now(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(async { Ok(None) })
    }

    fn describe(&self) -> Answer<'_, Description> {
        let location = self.folder.database().display().to_string();
        Box::pin(self.read(move |db| describe(db, location)))
    }

    fn check_schema(&self) -> Answer<'_, Vec<SchemaFault>> {
        Box::pin(self.read(|db| schema::check(db, MIGRATIONS).map_err(Fault::from)))
    }

    fn canary(&self, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| canary(session.db, at)))
    }

    fn pauses(&self) -> Answer<'_, Vec<Pause>> {
        Box::pin(self.read(read_pauses))
    }

    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            if paused {
                session.db.execute(sql!("admin/insert_pause"), params![what.name(), at.micros()])?;
            } else {
                session.db.execute(sql!("admin/delete_pause"), params![what.name()])?;
            }
            session.pauses_changed();
            Ok(())
        }))
    }

    fn add_key(&self, key: KeyRow) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| add_key(session.db, &key)))
    }

    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>> {
        Box::pin(self.read(move |db| {
            db.first(sql!("admin/find_key"), [secret_hash], |row| {
                Ok(KeyRow {
                    id: KeyId(codec::uuid(row, 0)?),
                    scope: Scope { workspace: WorkspaceId(codec::uuid(row, 1)?) },
                    name: row.get(2)?,
                    secret_hash,
                    shown: row.get(3)?,
                    created_at: codec::instant(row, 4)?,
                })
            })
        }))
    }

    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow> {
        Box::pin(self.read(move |db| {
            let row =
                db.first(sql!("admin/get_key"), params![id.0.as_bytes(), scope.workspace.0.as_bytes()], |row| {
                    Ok(KeyRow {
                        id,
                        scope,
                        name: row.get(0)?,
                        secret_hash: row.get(1)?,
                        shown: row.get(2)?,
                        created_at: codec::instant(row, 3)?,
                    })
                })?;
            row.ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_string() }.into())
        }))
    }

    fn audit(&self) -> Answer<'_, Vec<Finding>> {
        Box::pin(self.read_apart(audit::audit))
    }
}

fn describe(db: Db<'_>, location: String) -> Done<Description> {
    let nodes = db.all(sql!("admin/nodes"), [], |row| {
        Ok(NodeRow {
            id: NodeId(codec::uuid(row, 0)?),
            label: row.get(1)?,
            started_at: codec::instant(row, 2)?,
            beat_at: codec::instant(row, 3)?,
        })
    })?;
    let count = |sql: &'static str| -> Done<u64> { Ok(u64::try_from(db.number(sql, [])?).unwrap_or(0)) };
    Ok(Description {
        engine: "sqlite",
        version: rusqlite::version().to_owned(),
        location,
        schema_version: migrate::version(db)?,
        known_schema_version: migrate::known(MIGRATIONS),
        nodes,
        waiting: count(sql!("accept/waiting_count"))?,
        processing: count(sql!("admin/processing_count"))?,
        keys: count(sql!("admin/key_count"))?,
    })
}

fn canary(db: Db<'_>, at: Timestamp) -> Done<()> {
    let id = db.number(sql!("admin/insert_canary"), [at.micros()])?;
    let read = db.number(sql!("admin/read_canary"), [id])?;
    if read != at.micros() {
        return Err(Fault::corrupt(format!("the canary was written as {} and read as {read}", at.micros())));
    }
    db.execute(sql!("admin/delete_canary"), [id])?;
    Ok(())
}

fn add_key(db: Db<'_>, key: &KeyRow) -> Done<()> {
    db.execute(
        sql!("admin/insert_key"),
        params![
            key.id.0.as_bytes(),
            key.scope.workspace.0.as_bytes(),
            key.name,
            key.secret_hash,
            key.shown,
            key.created_at.micros(),
        ],
    )?;
    Ok(())
}
