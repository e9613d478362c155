//! The installation: what it is, what is paused, keys, the health check that really writes.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::migrate::{self, KNOWN_VERSION};
use crate::pipeline::{Steps, Tx, read};
use crate::types::{Micros, narrow, params, sql, text};
use copydesk_core::{KeyId, NodeId, Timestamp, WorkspaceId};
use copydesk_store::admin::{Description, KeyRow, NodeRow, Pause, PauseKey};
use copydesk_store::{Scope, StoreError};
use tokio_postgres::Row;

pub fn pauses_of(rows: &[Row]) -> Result<Vec<Pause>, StoreError> {
    rows.iter()
        .map(|row| {
            let name: &str = row.get("what");
            let what = PauseKey::parse(name).ok_or_else(|| StoreError::Corrupt(format!("a pause of {name:?}")))?;
            Ok(Pause { what, since: row.get::<_, Micros>("since_at").into() })
        })
        .collect()
}

impl PostgresStore {
    pub(crate) async fn server_now(&self) -> Result<Timestamp, StoreError> {
        let rows = read(&self.readers, sql!("admin/now"), params![]).await?;
        let now = rows.first().map(|row| row.get::<_, Micros>("now").into());
        now.ok_or_else(|| StoreError::Corrupt("the server does not know the time".to_owned()))
    }

    pub(crate) async fn list_pauses(&self) -> Result<Vec<Pause>, StoreError> {
        pauses_of(&read(&self.readers, sql!("admin/pauses"), params![]).await?)
    }

    pub(crate) async fn write_pause(&self, what: &PauseKey, paused: bool, at: Timestamp) -> Result<(), StoreError> {
        if paused {
            read(&self.writers, sql!("admin/insert_pause"), params![what.name(), Micros::from(at)]).await?;
        } else {
            read(&self.writers, sql!("admin/delete_pause"), params![what.name()]).await?;
            self.wake.others();
        }
        Ok(())
    }

    pub(crate) async fn insert_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let params = params![
            key.id.0,
            key.scope.workspace.0,
            text(&key.name),
            key.secret_hash.to_vec(),
            key.shown.clone(),
            Micros::from(key.created_at)
        ];
        match read(&self.writers, sql!("admin/insert_key"), params).await {
            Ok(_) => Ok(()),
            Err(Fault::Race(_)) => Err(StoreError::Corrupt(format!("{} exists already", key.id))),
            Err(fault @ (Fault::BadRow(_) | Fault::Store(_))) => Err(fault.into()),
        }
    }

    pub(crate) async fn key_by_hash(&self, secret_hash: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        let rows = read(&self.readers, sql!("admin/find_key"), params![secret_hash.to_vec()]).await?;
        Ok(rows.first().map(|row| KeyRow {
            id: KeyId(row.get("id")),
            scope: Scope { workspace: WorkspaceId(row.get("workspace_id")) },
            name: row.get("name"),
            secret_hash,
            shown: row.get("shown"),
            created_at: row.get::<_, Micros>("created_at").into(),
        }))
    }

    pub(crate) async fn key_by_id(&self, scope: Scope, id: KeyId) -> Result<KeyRow, StoreError> {
        let rows = read(&self.readers, sql!("admin/get_key"), params![id.0, scope.workspace.0]).await?;
        let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_string() })?;
        let hash: Vec<u8> = row.get("secret_hash");
        Ok(KeyRow {
            id,
            scope,
            name: row.get("name"),
            secret_hash: hash.try_into().map_err(|_| StoreError::Corrupt(format!("the hash of {id}")))?,
            shown: row.get("shown"),
            created_at: row.get::<_, Micros>("created_at").into(),
        })
    }

    /// Each step is a commit of its own, so that the commit is checked too.
    pub(crate) async fn write_and_read_back(&self, at: Timestamp) -> Result<(), StoreError> {
        let wrong = || StoreError::Unavailable("what was written was not read back".to_owned());
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let place = steps.add(sql!("admin/insert_canary"), params![Micros::from(at)]);
        let answers = tx.send(steps).await?;
        let id: i64 = answers.rows(Some(place)).first().ok_or_else(wrong)?.get("id");
        tx.commit(Steps::default()).await?;
        let rows = read(&self.readers, sql!("admin/read_canary"), params![id]).await?;
        let found = rows.first().map(|row| Timestamp::from(row.get::<_, Micros>("at")));
        read(&self.writers, sql!("admin/delete_canary"), params![id]).await?;
        if found == Some(at) { Ok(()) } else { Err(wrong()) }
    }

    pub(crate) async fn describe_self(&self) -> Result<Description, StoreError> {
        let client = self.readers.get().await.map_err(|error| self.source.explain(error))?;
        let schema_version = migrate::check_version(&client).await?;
        drop(client);
        let nodes = read(&self.readers, sql!("admin/nodes"), params![]).await?;
        let waiting = read(&self.readers, sql!("accept/waiting_count"), params![]).await?;
        let processing = read(&self.readers, sql!("admin/processing_count"), params![]).await?;
        let keys = read(&self.readers, sql!("admin/key_count"), params![]).await?;
        let count = |rows: &[Row], column: &str| match rows.first() {
            Some(row) => narrow("count", row.get(column)),
            None => Ok(0),
        };
        Ok(Description {
            engine: "postgres",
            version: self.server.version.clone(),
            location: self.source.location(),
            schema_version,
            known_schema_version: KNOWN_VERSION,
            nodes: nodes.iter().map(node).collect(),
            waiting: count(&waiting, "waiting")?,
            processing: count(&processing, "running")?,
            keys: count(&keys, "keys")?,
        })
    }
}

fn node(row: &Row) -> NodeRow {
    NodeRow {
        id: NodeId(row.get("id")),
        label: row.get("label"),
        started_at: row.get::<_, Micros>("started_at").into(),
        beat_at: row.get::<_, Micros>("beat_at").into(),
    }
}
