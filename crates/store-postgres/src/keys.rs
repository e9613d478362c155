//! The table `api_keys`. What a key may do is decided in the core; here its words are written and read.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, Param, columns, params, sql, text};
use copydesk_core::access::KeyTerms;
use copydesk_core::refusal::Refusal;
use copydesk_core::{KeyId, WorkspaceId};
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse, PermitText};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use std::num::NonZeroU32;
use tokio_postgres::Row;
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn insert_key(&self, key: &KeyRow) -> Result<bool, Fault> {
        Ok(!read(&self.writers, sql!("keys/insert"), row_params(key)).await?.is_empty())
    }

    pub(crate) async fn key_by_hash(&self, secret_hash: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        let rows = read(&self.readers, sql!("keys/find"), params![secret_hash.to_vec()]).await?;
        rows.first().map(key_row).transpose()
    }

    pub(crate) async fn key_by_id(&self, scope: Scope, id: KeyId) -> Result<KeyRow, StoreError> {
        let rows = read(&self.readers, sql!("keys/get"), params![scope.workspace.0, id.0]).await?;
        let missing = || StoreError::NotFound { what: "key", id: id.to_string() };
        rows.first().map(key_row).ok_or_else(missing)?
    }

    pub(crate) async fn page_keys(&self, scope: Scope, page: &PageRequest) -> Result<Page<KeyRow>, StoreError> {
        let cursor: Cursor<KeyId> = Cursor::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("keys/list_newest"),
            Order::OldestFirst => sql!("keys/list_oldest"),
        };
        let rows = read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, cursor.limit]).await?;
        page_of(&rows, page, key_row, |row| row.id.to_string())
    }

    pub(crate) async fn write_key_change(&self, change: &KeyChange) -> Result<KeyRow, StoreError> {
        let (terms, permit) = (&change.terms, PermitText::from(&change.terms.permit));
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("keys/lock"), params![change.scope.workspace.0]);
        let changed = steps.add(
            sql!("keys/change"),
            params![
                text(&terms.name),
                permit.mode,
                permit.role,
                permit.scopes,
                permit.user_external,
                permit.recipes,
                permit.models,
                limit(terms.requests_per_minute),
                limit(terms.concurrent_max),
                terms.manages_keys(),
                terms.expires_at.map(Micros::from),
                change.revoked_at.map(Micros::from),
                change.scope.workspace.0,
                change.id.0,
                change.if_revision,
                change.manages(),
                Micros::from(change.at),
            ],
        );
        if tx.commit(steps).await?.rows(Some(changed)).is_empty() {
            return Err(self.key_refusal(change.scope, change.id, change.if_revision).await?);
        }
        self.key_by_id(change.scope, change.id).await
    }

    pub(crate) async fn write_key_rotation(&self, rotation: &KeyRotation) -> Result<(), StoreError> {
        let KeyRotation { old, if_revision, old_expires_at, new } = rotation;
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let ends = Micros::from(*old_expires_at);
        steps.add(sql!("keys/replace"), params![ends, new.id.0, new.scope.workspace.0, old.0, *if_revision]);
        if tx.send(steps).await?.into_rows().is_empty() {
            tx.rollback().await?;
            return Err(self.key_refusal(new.scope, *old, *if_revision).await?);
        }
        let mut steps = Steps::default();
        let added = steps.add(sql!("keys/insert"), row_params(new));
        match tx.commit(steps).await?.rows(Some(added)).is_empty() {
            true => Err(StoreError::Corrupt(format!("{} exists already", new.id))),
            false => Ok(()),
        }
    }

    pub(crate) async fn write_key_uses(&self, mut uses: Vec<(KeyId, KeyUse)>) -> Result<(), StoreError> {
        uses.sort_by_key(|(id, _)| *id);
        let params = columns!(uses, used => used.0.0, Micros::from(used.1.at), text(&used.1.from), text(&used.1.by));
        read(&self.writers, sql!("keys/touch"), params).await?;
        Ok(())
    }

    /// Why nothing was written: it is not there, it has changed, or it is the last one.
    async fn key_refusal(&self, scope: Scope, id: KeyId, if_revision: i64) -> Result<StoreError, StoreError> {
        let current = self.key_by_id(scope, id).await?.revision;
        let refusal = if current == if_revision { Refusal::LastKey } else { Refusal::VersionConflict { current } };
        Ok(StoreError::Refused(refusal))
    }
}

fn row_params(key: &KeyRow) -> Vec<Param<'_>> {
    let (terms, permit) = (&key.terms, PermitText::from(&key.terms.permit));
    params![
        key.id.0,
        key.scope.workspace.0,
        text(&terms.name),
        key.secret_hash.to_vec(),
        key.shown.clone(),
        permit.mode,
        permit.role,
        permit.scopes,
        permit.user_external,
        permit.recipes,
        permit.models,
        limit(terms.requests_per_minute),
        limit(terms.concurrent_max),
        terms.manages_keys(),
        key.revision,
        Micros::from(key.created_at),
        terms.expires_at.map(Micros::from),
    ]
}

fn limit(limit: Option<NonZeroU32>) -> Option<i64> {
    limit.map(|limit| i64::from(limit.get()))
}

fn key_row(row: &Row) -> Result<KeyRow, StoreError> {
    let permit = PermitText {
        mode: row.get("mode"),
        role: row.get("role"),
        scopes: row.get("scopes"),
        user_external: row.get("user_external"),
        recipes: row.get("recipes"),
        models: row.get("models"),
    };
    let limit = |column: &str| {
        let stored: Option<i64> = row.get(column);
        stored.and_then(|limit| NonZeroU32::new(u32::try_from(limit).ok()?))
    };
    let hash: Vec<u8> = row.get("secret_hash");
    let secret_hash =
        hash.try_into().map_err(|_| StoreError::Corrupt("api_keys.secret_hash has no 32 bytes".into()))?;
    let used_at: Option<Micros> = row.get("last_used_at");
    Ok(KeyRow {
        id: KeyId(row.get("id")),
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        secret_hash,
        shown: row.get("shown"),
        terms: KeyTerms {
            name: row.get("name"),
            permit: permit.permit()?,
            requests_per_minute: limit("requests_per_minute"),
            concurrent_max: limit("concurrent_max"),
            expires_at: row.get::<_, Option<Micros>>("expires_at").map(Into::into),
        },
        revision: row.get("revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        revoked_at: row.get::<_, Option<Micros>>("revoked_at").map(Into::into),
        replaced_by: row.get::<_, Option<Uuid>>("replaced_by").map(KeyId),
        last_used: used_at.map(|at| KeyUse {
            at: at.into(),
            from: row.get("last_used_from"),
            by: row.get("last_used_by"),
        }),
    })
}
