//! What the background audit has found and how far it is. What it looks at is in `audit.rs`.

use crate::codec;
use crate::db::{Db, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use copydesk_core::{NodeId, Timestamp, WorkspaceId};
use copydesk_store::audit::{AuditState, Changes, FindingKey, FindingRow, Place, Record, Recorded, Round, Space};
use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

pub(crate) fn claim(db: Db<'_>, node: NodeId, now: Timestamp, until: Timestamp, first: &Round) -> Done<Option<Round>> {
    let mut params: Vec<Value> = vec![node.0.as_bytes().to_vec().into(), until.micros().into()];
    params.extend(columns(first));
    params.push(now.micros().into());
    db.first(sql!("audit/claim_round"), params_from_iter(params), round)
}

/// Nothing is written when the node audits no more.
pub(crate) fn record(db: Db<'_>, record: &Record) -> Done<Option<Recorded>> {
    let mut params = columns(&record.round);
    params.push(record.node.0.as_bytes().to_vec().into());
    if db.execute(sql!("audit/advance_round"), params_from_iter(params))? == 0 {
        return Ok(None);
    }
    let span = &record.proved.span;
    let ends = params![span.space.as_str(), span.after.to_bytes(), span.upto.to_bytes()];
    let known = db.all(sql!("audit/open_in_span"), ends, |row| {
        Ok::<FindingKey, Fault>((row.get(0)?, Place::from_bytes(row.get(1)?), row.get(2)?))
    })?;
    let open = if record.proved.found.is_empty() { 0 } else { open_by_check(db)?.iter().map(|(_, n)| n).sum() };
    let changes = Changes::of(&known.into_iter().collect(), &record.proved.found, open);
    write(db, record, &changes)?;
    Ok(Some(changes.recorded()))
}

fn write(db: Db<'_>, record: &Record, changes: &Changes) -> Done<()> {
    for (found, new) in &changes.seen {
        let (check, place, subject) = found.key();
        let workspace = found.workspace.map(|workspace| *workspace.0.as_bytes());
        let (space, at) = (record.proved.span.space.as_str(), record.at.micros());
        let row = params![check, place.to_bytes(), subject, space, workspace, found.finding.detail, at];
        db.execute(sql!("audit/put_finding"), row)?;
        if *new {
            write_event(db, &found.event(record.at))?;
        }
    }
    for (check, place, subject) in &changes.gone {
        db.execute(sql!("audit/mark_gone"), params![record.at.micros(), check, place.to_bytes(), subject])?;
    }
    Ok(())
}

pub(crate) fn state(db: Db<'_>) -> Done<AuditState> {
    Ok(AuditState { round: db.first(sql!("audit/round"), [], round)?, open: open_by_check(db)? })
}

fn open_by_check(db: Db<'_>) -> Done<Vec<(String, u64)>> {
    db.all(sql!("audit/open_count"), [], |row| Ok((row.get(0)?, codec::unsigned(row, 1)?)))
}

pub(crate) fn open(db: Db<'_>, limit: u32) -> Done<Vec<FindingRow>> {
    db.all(sql!("audit/open_list"), [limit], |row| {
        Ok(FindingRow {
            check: row.get(0)?,
            subject: row.get(1)?,
            detail: row.get(2)?,
            workspace: codec::maybe_uuid(row, 3)?.map(WorkspaceId),
            first_seen_at: codec::instant(row, 4)?,
            last_seen_at: codec::instant(row, 5)?,
        })
    })
}

/// In the order of the statements' parameters.
fn columns(round: &Round) -> Vec<Value> {
    vec![
        round.began_at.micros().into(),
        round.ended_at.map(Timestamp::micros).into(),
        codec::signed(round.rounds).into(),
        round.space.as_str().to_owned().into(),
        round.after.to_bytes().to_vec().into(),
        round.fresh.to_bytes().to_vec().into(),
        codec::signed(round.rows).into(),
        codec::signed(round.rows_before).into(),
    ]
}

fn round(row: &Row<'_>) -> Done<Round> {
    Ok(Round {
        began_at: codec::instant(row, "began_at")?,
        ended_at: codec::maybe_instant(row, "ended_at")?,
        rounds: codec::unsigned(row, "rounds")?,
        space: codec::word(row, "audit_round.space", Space::parse)?,
        after: Place::from_bytes(row.get("after_place")?),
        fresh: Place::from_bytes(row.get("fresh_place")?),
        rows: codec::unsigned(row, "proved")?,
        rows_before: codec::unsigned(row, "proved_before")?,
    })
}
