//! Putting a generation into the queue: ready, or parked with the reason. The only place that inserts into `ready` and
//! `parked`, apart from moving what is due (`claim.rs`). Decides nothing.

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use copydesk_core::generation::Wait;
use copydesk_core::{GenerationId, Timestamp, WorkspaceId};
use rusqlite::{Row, params};

/// The words of `parked.reason`.
pub(crate) mod reason {
    pub const SCHEDULED: &str = "scheduled";
    pub const BACKING_OFF: &str = "backing_off";
    pub const TARGET: &str = "target";
    pub const HELD: &str = "held";
}

/// A pending generation's place and counters.
pub(super) struct Queued<'a> {
    pub id: GenerationId,
    pub workspace: WorkspaceId,
    pub queue: i64,
    pub sort_key: i64,
    pub attempt: u32,
    pub spent: u32,
    pub row_version: i64,
    pub deadline_at: Timestamp,
    pub model: &'a str,
    pub step: &'a str,
    pub last_error: Option<(&'a str, &'a str)>,
}

/// `target` is what it waits for, with [`Wait::Target`].
pub(super) fn enqueue(db: Db<'_>, queued: &Queued<'_>, wait: Wait, target: Option<&str>) -> Done<()> {
    match wait {
        Wait::Ready => insert_ready(db, queued),
        Wait::Scheduled { until } => insert_parked(db, queued, reason::SCHEDULED, Some(until), None),
        Wait::BackingOff { until } => insert_parked(db, queued, reason::BACKING_OFF, Some(until), None),
        Wait::Target => insert_parked(db, queued, reason::TARGET, None, target),
        Wait::Held => insert_parked(db, queued, reason::HELD, None, None),
    }
}

fn insert_ready(db: Db<'_>, queued: &Queued<'_>) -> Done<()> {
    let (code, message) = queued.last_error.unzip();
    db.execute(
        sql!("accept/insert_ready"),
        params![
            queued.queue,
            queued.sort_key,
            queued.id.0.as_bytes(),
            queued.workspace.0.as_bytes(),
            queued.attempt,
            queued.spent,
            queued.row_version,
            queued.deadline_at.micros(),
            queued.model,
            queued.step,
            code,
            message,
        ],
    )?;
    Ok(())
}

fn insert_parked(
    db: Db<'_>,
    queued: &Queued<'_>,
    reason: &str,
    not_before: Option<Timestamp>,
    target: Option<&str>,
) -> Done<()> {
    let (code, message) = queued.last_error.unzip();
    db.execute(
        sql!("accept/insert_parked"),
        params![
            queued.queue,
            queued.sort_key,
            queued.id.0.as_bytes(),
            queued.workspace.0.as_bytes(),
            queued.attempt,
            queued.spent,
            queued.row_version,
            queued.deadline_at.micros(),
            queued.model,
            queued.step,
            code,
            message,
            reason,
            not_before.map(Timestamp::micros),
            target,
        ],
    )?;
    Ok(())
}

/// The state of a pending generation, from the columns `ready_id`, `reason`, `not_before_at`; `None` when it is not
/// pending.
pub(super) fn wait_of(row: &Row<'_>) -> Done<Option<Wait>> {
    let ready: Option<[u8; 16]> = row.get("ready_id")?;
    if ready.is_some() {
        return Ok(Some(Wait::Ready));
    }
    let reason: Option<String> = row.get("reason")?;
    let Some(reason) = reason else { return Ok(None) };
    let wait = match codec::maybe_instant(row, "not_before_at")? {
        Some(until) => codec::known("parked.reason", &reason, |word| match word {
            reason::SCHEDULED => Some(Wait::Scheduled { until }),
            reason::BACKING_OFF => Some(Wait::BackingOff { until }),
            _ => None,
        })?,
        None => codec::known("parked.reason", &reason, |word| match word {
            reason::TARGET => Some(Wait::Target),
            reason::HELD => Some(Wait::Held),
            _ => None,
        })?,
    };
    Ok(Some(wait))
}
