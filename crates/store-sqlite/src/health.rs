//! The tables `health` and `rates`: read whole, written row by row. What goes into them is computed by core; the writer
//! keeps the health in memory (`memory.rs`).

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use copydesk_core::Timestamp;
use copydesk_core::generation::FailureCode;
use copydesk_core::health::{Debt, Health, Paid, Rows, Subject};
use copydesk_store::generations::Lane;
use copydesk_store::health::{Backlog, Depth, HEALTH_ROWS_MAX, Load};
use copydesk_store::{Answer, HealthRow, HealthStore};
use rusqlite::params;
use std::collections::BTreeMap;

impl HealthStore for SqliteStore {
    fn health(&self) -> Answer<'_, Vec<HealthRow>> {
        Box::pin(self.read(|db| read(db)?.into_iter().map(named).collect()))
    }
    fn rates(&self) -> Answer<'_, Vec<(String, Paid)>> {
        Box::pin(self.read(|db| Ok(read_rates(db)?.into_iter().collect())))
    }
    fn backlog(&self) -> Answer<'_, Backlog> {
        Box::pin(self.read(backlog))
    }
}

fn backlog(db: Db<'_>) -> Done<Backlog> {
    let depths = db.all(sql!("health/backlog"), [Depth::READY], |row| {
        let waiting = codec::unsigned(row, "waiting")?;
        Ok(Depth { recipe: row.get("recipe")?, model: row.get("model")?, reason: row.get("reason")?, waiting })
    })?;
    let loads = db.all(sql!("health/loads"), [], |row| {
        let running = codec::unsigned(row, "running")?;
        Ok(Load { recipe: row.get("recipe")?, model: row.get("model")?, running })
    })?;
    let oldest_ready = db.first(sql!("health/oldest_ready"), [], |row| codec::instant(row, "accepted_at"))?;
    Ok(Backlog { depths, loads, oldest_ready })
}

fn named((name, health): (String, Health)) -> Done<HealthRow> {
    let subject = Subject::parse(&name).ok_or_else(|| Fault::corrupt(format!("the health of {name:?}")))?;
    Ok(HealthRow { subject, health })
}

pub(crate) fn read(db: Db<'_>) -> Done<Rows> {
    let rows = db.all(sql!("health/rows"), [HEALTH_ROWS_MAX], |row| {
        let health = Health {
            failures: row.get(1)?,
            opened: row.get(2)?,
            open_until: codec::maybe_instant(row, 3)?,
            since: codec::instant(row, 4)?,
            code: codec::known("health.code", &row.get::<_, String>(5)?, FailureCode::parse)?,
            message: row.get(6)?,
        };
        Ok((row.get(0)?, health))
    })?;
    Ok(rows.into_iter().collect())
}

/// `None` is healthy again.
pub(crate) fn write(db: Db<'_>, name: &str, health: Option<&Health>) -> Done<()> {
    let Some(health) = health else {
        db.execute(sql!("health/delete"), [name])?;
        return Ok(());
    };
    db.execute(
        sql!("health/put"),
        params![
            name,
            health.failures,
            health.opened,
            health.open_until.map(Timestamp::micros),
            health.since.micros(),
            health.code.as_str(),
            health.message,
        ],
    )?;
    Ok(())
}

/// By the lane's name.
pub(crate) fn read_rates(db: Db<'_>) -> Done<BTreeMap<String, Paid>> {
    let rows = db.all(sql!("health/rates"), [], |row| {
        Ok((row.get(0)?, Paid { requests_at: codec::instant(row, 1)?, tokens_at: codec::instant(row, 2)? }))
    })?;
    Ok(rows.into_iter().collect())
}

pub(crate) fn pay(db: Db<'_>, lane: &Lane, debt: Debt, now: Timestamp) -> Done<()> {
    let (requests, tokens) = (codec::micros(debt.requests), codec::micros(debt.tokens));
    db.execute(sql!("health/add_debt"), params![lane.name(), now.micros(), requests, tokens])?;
    Ok(())
}
