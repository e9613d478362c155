//! What a pending generation waits for, in the order of what would let it go: its own wait, a pause, no worker, a
//! cooldown, a full lane, a rate that is used up, those before it. Only reads.

use super::lanes::{Gates, belongs};
use super::queueing::wait_of;
use super::read::no_generation;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::health;
use crate::memory::{Queue, read_pauses, read_queues};
use copydesk_core::generation::Wait;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::{Cooling, Door};
use copydesk_core::{GenerationId, JobId, Timestamp};
use copydesk_store::Scope;
use copydesk_store::admin::holding;
use copydesk_store::generations::Limits;
use rusqlite::params;
use std::time::Duration;

/// A node whose last beat is older runs nothing any more (DESIGN.md, section 3).
const NODE_LOST_AFTER: Duration = Duration::from_secs(30);

struct Place {
    queue: i64,
    sort_key: i64,
    id: GenerationId,
}

pub(super) fn why(db: Db<'_>, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Done<Waiting> {
    let params = params![id.0.as_bytes(), scope.workspace.0.as_bytes()];
    let row = db.first(sql!("generations/why"), params, |row| {
        let Some(wait) = wait_of(row)? else { return Ok(None) };
        let place = Place { queue: codec::filled(row, "ready.queue_id")?, sort_key: row.get("sort_key")?, id };
        let own = match wait {
            Wait::Target => target_locked(row)?,
            Wait::Held => codec::maybe_uuid(row, "job_id")?.map(|job| Waiting::JobPaused { job: JobId(job) }),
            Wait::Scheduled { until } if until > now => Some(Waiting::Scheduled { until }),
            Wait::BackingOff { until } if until > now => Some(Waiting::BackingOff {
                until,
                failed_attempts: row.get("spent")?,
                last_error: row.get("last_error")?,
            }),
            Wait::Ready | Wait::Scheduled { .. } | Wait::BackingOff { .. } => None,
        };
        Ok(Some((own, place)))
    })?;
    match row.ok_or_else(|| no_generation(id))? {
        None => Ok(Waiting::NotWaiting),
        Some((Some(own), _)) => Ok(own),
        Some((None, place)) => why_ready(db, &place, now, limits),
    }
}

fn target_locked(row: &rusqlite::Row<'_>) -> Done<Option<Waiting>> {
    let target: Option<String> = row.get("target")?;
    let holder = codec::maybe_uuid(row, "holder_id")?.map(GenerationId);
    Ok(target.zip(holder).map(|(target, holder)| Waiting::TargetLocked { target, holder }))
}

fn why_ready(db: Db<'_>, place: &Place, now: Timestamp, limits: &Limits) -> Done<Waiting> {
    let queues = read_queues(db)?;
    let queue = queues.get(&place.queue).ok_or_else(|| Fault::corrupt(format!("queue {} is unknown", place.queue)))?;
    if let Some(paused) = paused(db, queue)? {
        return Ok(paused);
    }
    let lease = [now.minus(NODE_LOST_AFTER).micros()];
    if db.first(sql!("generations/living_node"), lease, |_| Ok(()))?.is_none() {
        return Ok(Waiting::NoWorker);
    }
    let health = health::read(db)?;
    let gates = Gates::read(db, &queues, limits, &health, now)?;
    let door = gates.door(queue);
    if let Door::Cooling(Cooling { lane, until, message, .. }) = &door
        && !queue.onward
    {
        return Ok(Waiting::CoolingDown { lane: lane.clone(), until: *until, last_error: message.clone() });
    }
    if let Some((lane, limit, in_use)) = gates.full(&gates.of(queue, &door)) {
        return Ok(Waiting::LaneFull { lane, limit, in_use });
    }
    if door == Door::Open
        && let Some((lane, until)) = gates.rate_limited(queue)
    {
        return Ok(Waiting::RateLimited { lane, until });
    }
    let mut before = 0;
    for waiting in db.all(sql!("claim/waiting_queues"), [], |row| Ok(row.get::<_, i64>(0)?))? {
        let left = i64::from(Waiting::POSITION_MAX) - 1 - before;
        let params = params![waiting, place.sort_key, place.id.0.as_bytes(), left];
        before += db.number(sql!("generations/before_in_queue"), params)?;
    }
    let position = u32::try_from(before + 1).unwrap_or(Waiting::POSITION_MAX);
    Ok(Waiting::BehindOthers { position })
}

fn paused(db: Db<'_>, queue: &Queue) -> Done<Option<Waiting>> {
    let pauses = read_pauses(db)?;
    Ok(holding(&pauses, |lane| belongs(lane, queue))
        .map(|pause| Waiting::Paused { what: pause.what.name(), since: pause.since }))
}
