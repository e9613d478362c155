//! Retention: looks at a batch of the oldest calls, events or messages and removes what may go, in one command.

use crate::budgets;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::usage::closing;
use copydesk_core::metering::totals::Figures;
use copydesk_core::{GenerationId, Timestamp, WorkspaceId};
use copydesk_store::retention::{Aged, Place, Prune, Pruned, next};
use copydesk_store::{Answer, RetentionStore};
use rusqlite::{Row, params, params_from_iter};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What one row costs the log, roughly. Units: bytes.
const ROW_BYTES: usize = 100;

impl RetentionStore for SqliteStore {
    fn prune(&self, prune: Prune) -> Answer<'_, Pruned> {
        if prune.dry_run {
            return Box::pin(self.read(move |db| run(db, &prune)));
        }
        Box::pin(self.write(prune.limit as usize * ROW_BYTES, move |session| run(session.db, &prune)))
    }
}

/// A row that was looked at.
struct Looked {
    place: Place,
    /// When it was opened or written.
    at: Timestamp,
    old: bool,
    /// Of calls only.
    user_no: Option<i64>,
    generation: Option<GenerationId>,
    figures: Figures,
}

fn run(db: Db<'_>, prune: &Prune) -> Done<Pruned> {
    let looked = match prune.what {
        Aged::Calls => look_at_calls(db, prune)?,
        Aged::Events => look_at_events(db, prune)?,
        Aged::Deliveries => look_at_deliveries(db, prune)?,
    };
    let removed = looked.iter().filter(|row| row.old).count();
    if !prune.dry_run && removed > 0 {
        for row in looked.iter().filter(|row| row.old) {
            match prune.what {
                Aged::Calls => remove_call(db, row)?,
                Aged::Events => remove_event(db, row)?,
                Aged::Deliveries => remove_delivery(db, row)?,
            }
        }
        budgets::fold(db, looked.iter().filter(|row| row.old).filter_map(|row| row.generation).collect())?;
        note(db, prune.what, &looked)?;
        db.execute(sql!("retention/mark"), params![prune.what.as_str(), prune.before.micros()])?;
    }
    let last = looked.last().map(|row| (row.place, row.at >= prune.before));
    Ok(Pruned { removed: removed as u64, next: next(looked.len(), prune.limit, last) })
}

fn look_at_calls(db: Db<'_>, prune: &Prune) -> Done<Vec<Looked>> {
    let (workspace, after) = prune.after.map_or((Uuid::nil(), 0), |after| (after.workspace.0, after.key));
    let after = Uuid::from_u128(after);
    let params = params![prune.before.micros(), workspace.as_bytes(), after.as_bytes(), prune.limit];
    db.all(sql!("retention/look_calls"), params, |row| {
        let key = codec::uuid(row, "id")?.as_u128();
        let figures = closing(row)?.map_or(Figures::default(), |(_, call)| call.figures(call.outcome));
        let generation = Some(GenerationId(codec::uuid(row, "generation_id")?));
        Ok(Looked { user_no: row.get("user_no")?, generation, figures, ..looked(row, key, "opened_at")? })
    })
}

fn look_at_events(db: Db<'_>, prune: &Prune) -> Done<Vec<Looked>> {
    let (workspace, after) = prune.after.map_or((Uuid::nil(), 0), |after| (after.workspace.0, after.key));
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let params = params![prune.before.micros(), workspace.as_bytes(), after, prune.limit];
    db.all(sql!("retention/look_events"), params, |row| {
        let key = u128::from(codec::unsigned(row, "seq")?);
        looked(row, key, "created_at")
    })
}

fn look_at_deliveries(db: Db<'_>, prune: &Prune) -> Done<Vec<Looked>> {
    let (workspace, after) = prune.after.map_or((Uuid::nil(), 0), |after| (after.workspace.0, after.key));
    let after = Uuid::from_u128(after);
    let params = params![prune.before.micros(), workspace.as_bytes(), after.as_bytes(), prune.limit];
    db.all(sql!("retention/look_deliveries"), params, |row| {
        looked(row, codec::uuid(row, "id")?.as_u128(), "created_at")
    })
}

fn looked(row: &Row<'_>, key: u128, at: &str) -> Done<Looked> {
    let workspace = WorkspaceId(codec::uuid(row, "workspace_id")?);
    let old = row.get::<_, Option<bool>>("old")?.unwrap_or(false);
    let (place, at) = (Place { workspace, key }, codec::instant(row, at)?);
    Ok(Looked { place, at, old, user_no: None, generation: None, figures: Figures::default() })
}

fn remove_call(db: Db<'_>, row: &Looked) -> Done<()> {
    let (workspace, id) = (row.place.workspace.0, Uuid::from_u128(row.place.key));
    db.execute(sql!("retention/delete_call"), [workspace.as_bytes(), id.as_bytes()])?;
    db.execute(sql!("retention/delete_belonging"), params![row.user_no, id.as_bytes()])?;
    Ok(())
}

fn remove_event(db: Db<'_>, row: &Looked) -> Done<()> {
    db.execute(sql!("retention/delete_event"), params![row.place.workspace.0.as_bytes(), number(row.place)])?;
    Ok(())
}

fn remove_delivery(db: Db<'_>, row: &Looked) -> Done<()> {
    let (workspace, id) = (row.place.workspace.0, Uuid::from_u128(row.place.key));
    db.execute(sql!("retention/delete_attempts"), [workspace.as_bytes(), id.as_bytes()])?;
    db.execute(sql!("retention/delete_delivery"), [workspace.as_bytes(), id.as_bytes()])?;
    Ok(())
}

/// What removed calls had used, and up to where events are gone.
fn note(db: Db<'_>, what: Aged, looked: &[Looked]) -> Done<()> {
    let old = looked.iter().filter(|row| row.old);
    match what {
        Aged::Calls => {
            let mut sums: BTreeMap<WorkspaceId, Figures> = BTreeMap::new();
            for row in old.filter(|row| !row.figures.is_zero()) {
                let sum = sums.entry(row.place.workspace).or_default();
                *sum = sum.plus(&row.figures);
            }
            for (workspace, sum) in sums {
                let workspace = workspace.0.as_bytes();
                let figures = sum.values().iter().map(|value| value as &dyn rusqlite::ToSql);
                let params = std::iter::once(workspace as &dyn rusqlite::ToSql).chain(figures);
                db.execute(sql!("retention/add_pruned"), params_from_iter(params))?;
            }
        }
        Aged::Events => {
            let ends: BTreeMap<WorkspaceId, i64> = old.map(|row| (row.place.workspace, number(row.place))).collect();
            for (workspace, end) in ends {
                db.execute(sql!("retention/note_events"), params![workspace.0.as_bytes(), end])?;
            }
        }
        Aged::Deliveries => {}
    }
    Ok(())
}

fn number(place: Place) -> i64 {
    i64::try_from(place.key).unwrap_or(i64::MAX)
}
