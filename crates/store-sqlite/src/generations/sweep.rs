//! Leases and what the sweeper asks: the node's beat, what is overdue and why, calls nobody will close. Decides nothing
//! about a generation.

use super::queueing::wait_of;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::memory::Session;
use crate::prices;
use crate::usage::close_call;
use copydesk_core::generation::{AttemptNo, Generation, RowVersion, State, Terms};
use copydesk_core::{CallId, GenerationId, NanoUsd, NodeId, Timestamp, WorkspaceId};
use copydesk_store::Scope;
use copydesk_store::generations::{Beaten, Heartbeat, Overdue, OverdueReason, SweepRequest};
use copydesk_store::usage::ClosedCall;
use rusqlite::{Row, params};
use std::time::Duration;
use uuid::Uuid;

/// A node silent for this long that runs nothing is forgotten.
const NODE_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Nobody else can have this database open, so none of the nodes it knows of is alive.
pub(crate) fn forget_nodes(db: Db<'_>) -> Done<()> {
    db.execute(sql!("sweep/forget_all_nodes"), [])?;
    Ok(())
}

pub(super) fn heartbeat(db: Db<'_>, beat: &Heartbeat) -> Done<Beaten> {
    db.execute(sql!("sweep/forget_nodes"), [beat.at.minus(NODE_KEPT).micros()])?;
    let node = beat.node.0.as_bytes();
    if beat.goodbye {
        db.execute(sql!("sweep/goodbye"), [node])?;
    } else {
        db.execute(sql!("sweep/beat"), params![node, beat.label, beat.at.micros()])?;
    }
    let mut over = Vec::new();
    for run in &beat.runs {
        let params = params![run.generation.0.as_bytes(), run.attempt.0];
        if db.first(sql!("sweep/still_runs"), params, |_| Ok(()))?.is_none() {
            over.push(*run);
        }
    }
    Ok(Beaten { over, prices: prices::newest(db)? })
}

/// In the order of their ids, which is the order of their age.
pub(super) fn overdue(db: Db<'_>, sweep: &SweepRequest) -> Done<Vec<Overdue>> {
    let after = sweep.after.map_or(Uuid::nil(), |after| after.0);
    let mut found = db.all(
        sql!("sweep/overdue"),
        params![
            sweep.now.micros(),
            sweep.now.minus(sweep.attempt_grace).micros(),
            sweep.only_living.map(|node| *node.0.as_bytes()),
            sweep.lost_before.micros(),
            after.as_bytes(),
            sweep.limit,
        ],
        |row| Ok((GenerationId(codec::uuid(row, 0)?), reason(row.get(1)?)?)),
    )?;
    if let Some(before) = sweep.stale_before {
        let params = params![before.micros(), after.as_bytes(), sweep.limit];
        let stale = db.all(sql!("sweep/stale"), params, |row| Ok(GenerationId(codec::uuid(row, 0)?)))?;
        found.extend(stale.into_iter().map(|id| (id, OverdueReason::Stale)));
        // Stable: of two reasons the one found first stays first.
        found.sort_by_key(|(id, _)| *id);
        found.dedup_by_key(|(id, _)| *id);
        found.truncate(sweep.limit as usize);
    }
    found.into_iter().map(|(id, reason)| one(db, id, reason)).collect()
}

/// The numbers of `sql/sweep/overdue.sql`.
fn reason(number: i64) -> Done<OverdueReason> {
    match number {
        0 => Ok(OverdueReason::Deadline),
        1 => Ok(OverdueReason::NodeLost),
        2 => Ok(OverdueReason::AttemptOverran),
        _ => Err(Fault::corrupt(format!("sweep/overdue.sql answered {number}"))),
    }
}

fn one(db: Db<'_>, id: GenerationId, reason: OverdueReason) -> Done<Overdue> {
    db.first(sql!("sweep/live"), [id.0.as_bytes()], |row| {
        Ok(Overdue {
            scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
            generation: live_generation(row, id)?,
            recipe: row.get("recipe")?,
            model: row.get("model")?,
            reason,
            open_call: codec::maybe_uuid(row, "open_call_id")?.map(CallId),
            operation: row.get("operation")?,
            input_bytes: codec::unsigned(row, "input_bytes")?,
        })
    })?
    .ok_or_else(|| Fault::corrupt(format!("{id} is live but was never accepted")))
}

fn live_generation(row: &Row<'_>, id: GenerationId) -> Done<Generation> {
    let state = match live_state(row)? {
        Some(state) => state,
        None => return Err(Fault::corrupt(format!("{id} is live and nowhere"))),
    };
    Ok(Generation {
        id,
        terms: terms(row)?,
        state,
        attempt: AttemptNo(row.get("attempt")?),
        spent: row.get("spent")?,
        row_version: RowVersion(row.get("row_version")?),
    })
}

/// Pending or processing, from the columns both `sweep/live.sql` and `generations/get.sql` select.
pub(super) fn live_state(row: &Row<'_>) -> Done<Option<State>> {
    if let Some(wait) = wait_of(row)? {
        return Ok(Some(State::Pending { wait }));
    }
    let Some(node) = codec::maybe_uuid(row, "node_id")? else { return Ok(None) };
    Ok(Some(State::Processing {
        node: NodeId(node),
        claimed_at: codec::instant(row, "claimed_at")?,
        attempt_deadline: codec::instant(row, "attempt_deadline_at")?,
    }))
}

pub(super) fn terms(row: &Row<'_>) -> Done<Terms> {
    Ok(Terms {
        accepted_at: codec::instant(row, "accepted_at")?,
        deadline_at: codec::instant(row, "deadline_at")?,
        attempt_timeout: Duration::from_micros(codec::unsigned(row, "attempt_timeout_us")?),
        max_attempts: row.get("max_attempts")?,
        attempts_per_model: row.get("attempts_per_model")?,
        hold: codec::credits(row, "hold")?,
        metered: codec::metered(row)?,
        cost_max: row.get::<_, Option<i64>>("cost_max")?.map(NanoUsd),
    })
}

pub(super) fn close_orphan_calls(
    session: &mut Session<'_>,
    now: Timestamp,
    before: Timestamp,
    limit: u32,
) -> Done<u64> {
    let orphans = session.db.all(sql!("sweep/orphan_calls"), params![before.micros(), limit], |row| {
        let scope = Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?));
        let operation: String = row.get("operation")?;
        let (id, input_bytes) = (CallId(codec::uuid(row, "id")?), codec::unsigned(row, "input_bytes")?);
        Ok((scope, ClosedCall::unreported(id, &operation, input_bytes)))
    })?;
    for (scope, call) in &orphans {
        close_call(session, *scope, call, now)?;
    }
    session.book_sheet()?;
    Ok(orphans.len() as u64)
}
