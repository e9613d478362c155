//! The installation: what it is, what is paused, the health check that really writes.

use crate::PostgresStore;
use crate::migrate::{self, KNOWN_VERSION};
use crate::pipeline::{Steps, Tx, read};
use crate::types::{Micros, narrow, params, sql};
use copydesk_core::{NodeId, Timestamp};
use copydesk_store::StoreError;
use copydesk_store::admin::{Description, NodeRow, Pause, PauseKey};
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
            nodes: nodes.iter().map(node).collect::<Result<_, _>>()?,
            waiting: count(&waiting, "waiting")?,
            processing: count(&processing, "running")?,
            keys: count(&keys, "keys")?,
        })
    }
}

fn node(row: &Row) -> Result<NodeRow, StoreError> {
    Ok(NodeRow {
        id: NodeId(row.get("id")),
        label: row.get("label"),
        started_at: row.get::<_, Micros>("started_at").into(),
        beat_at: row.get::<_, Micros>("beat_at").into(),
        running: narrow("runs", row.get("running"))?,
    })
}
