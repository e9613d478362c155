//! The health of models and providers and what the rate lanes have paid, for people. Written by `turn/heed.rs`.

use crate::PostgresStore;
use crate::pipeline::read;
use crate::turn::{health_rows, rates};
use crate::types::{Micros, narrow, params, sql};
use copydesk_core::health::{Health, Paid, Subject};
use copydesk_store::health::{Backlog, Depth, HEALTH_ROWS_MAX, Load};
use copydesk_store::{HealthRow, StoreError};
use tokio_postgres::Row;

impl PostgresStore {
    pub(crate) async fn list_health(&self) -> Result<Vec<HealthRow>, StoreError> {
        let most = i64::from(HEALTH_ROWS_MAX);
        let rows = health_rows(&read(&self.readers, sql!(deep "health/rows"), params![most]).await?)?;
        let named = |(name, health): (String, Health)| {
            let subject =
                Subject::parse(&name).ok_or_else(|| StoreError::Corrupt(format!("the health of {name:?}")))?;
            Ok(HealthRow { subject, health })
        };
        rows.into_iter().map(named).collect()
    }

    pub(crate) async fn count_backlog(&self) -> Result<Backlog, StoreError> {
        let rows = read(&self.readers, sql!(deep "health/backlog"), params![Depth::READY]).await?;
        let depth = |row: &Row| {
            let waiting = narrow("waiting", row.get("waiting"))?;
            let (recipe, model, reason) = (row.get("recipe"), row.get("model"), row.get("reason"));
            Ok::<_, StoreError>(Depth { recipe, model, reason, waiting })
        };
        let load = |row: &Row| {
            let running = narrow("runs", row.get("running"))?;
            Ok::<_, StoreError>(Load { recipe: row.get("recipe"), model: row.get("model"), running })
        };
        let depths = rows.iter().map(depth).collect::<Result<_, _>>()?;
        let loads = read(&self.readers, sql!(deep "health/loads"), params![]).await?;
        let loads = loads.iter().map(load).collect::<Result<_, _>>()?;
        let oldest = read(&self.readers, sql!(deep "health/oldest_ready"), params![]).await?;
        let oldest_ready = oldest.first().map(|row| row.get::<_, Micros>("accepted_at").into());
        Ok(Backlog { depths, loads, oldest_ready })
    }

    pub(crate) async fn list_rates(&self) -> Result<Vec<(String, Paid)>, StoreError> {
        Ok(rates(&read(&self.readers, sql!(deep "health/rates"), params![]).await?).into_iter().collect())
    }
}
