//! Retention: looks at a batch of the oldest calls, events or messages, locks it and removes what may go, in one transaction.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::read::usage::closing;
use crate::types::{Micros, columns, narrow, params, sql};
use copydesk_core::metering::totals::{Figure, Figures};
use copydesk_core::{Timestamp, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::retention::{Aged, Place, Prune, Pruned, next};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;
use uuid::Uuid;

/// A row that was looked at.
struct Looked {
    place: Place,
    /// When it was opened or written.
    at: Timestamp,
    old: bool,
    figures: Figures,
    /// Of calls only.
    generation: Option<Uuid>,
}

impl PostgresStore {
    pub(crate) async fn prune_batch(&self, prune: &Prune) -> Result<Pruned, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let (workspace, after) = prune.after.map_or((Uuid::nil(), 0), |after| (after.workspace.0, after.key));
        let (before, limit) = (Micros::from(prune.before), i64::from(prune.limit));
        let number = i64::try_from(after).unwrap_or(i64::MAX);
        let place = match prune.what {
            Aged::Calls => {
                let params = params![before, workspace, Uuid::from_u128(after), limit];
                steps.add(sql!("retention/look_calls"), params)
            }
            Aged::Events => steps.add(sql!("retention/look_events"), params![before, workspace, number, limit]),
            Aged::Deliveries => {
                let params = params![before, workspace, Uuid::from_u128(after), limit];
                steps.add(sql!("retention/look_deliveries"), params)
            }
        };
        let answers = tx.send(steps).await?;
        let rows = answers.rows(Some(place)).iter().map(|row| looked(row, prune.what));
        let rows = rows.collect::<Result<Vec<Looked>, StoreError>>()?;
        let old: Vec<&Looked> = rows.iter().filter(|row| row.old).collect();
        if prune.dry_run || old.is_empty() {
            tx.rollback().await?;
        } else {
            tx.commit(remove(prune, &old)).await?;
        }
        let last = rows.last().map(|row| (row.place, row.at >= prune.before));
        Ok(Pruned { removed: old.len() as u64, next: next(rows.len(), prune.limit, last) })
    }
}

fn looked(row: &Row, what: Aged) -> Result<Looked, StoreError> {
    let (key, at, figures, generation) = match what {
        Aged::Calls => {
            let figures = closing(row)?.map_or(Figures::default(), |(_, call)| call.figures(call.outcome));
            (row.get::<_, Uuid>("id").as_u128(), "opened_at", figures, Some(row.get("generation_id")))
        }
        Aged::Events => (narrow("number of an event", row.get("seq"))?, "created_at", Figures::default(), None),
        Aged::Deliveries => (row.get::<_, Uuid>("id").as_u128(), "created_at", Figures::default(), None),
    };
    let place = Place { workspace: WorkspaceId(row.get("workspace_id")), key };
    Ok(Looked { place, at: row.get::<_, Micros>(at).into(), old: row.get("old"), figures, generation })
}

fn remove<'a>(prune: &Prune, old: &[&Looked]) -> Steps<'a> {
    let mut steps = Steps::default();
    match prune.what {
        Aged::Calls => {
            let generations: BTreeSet<Uuid> = old.iter().filter_map(|row| row.generation).collect();
            steps.add(sql!("budgets/fold"), columns!(generations, id => *id));
            steps.add(sql!("retention/delete_call"), columns!(old, row => Uuid::from_u128(row.place.key)));
        }
        Aged::Events => {
            let number = |row: &Looked| i64::try_from(row.place.key).unwrap_or(i64::MAX);
            steps.add(sql!("retention/delete_event"), columns!(old, row => number(row)));
            // In their order, so the highest of each workspace stays.
            let ends: BTreeMap<WorkspaceId, i64> = old.iter().map(|row| (row.place.workspace, number(row))).collect();
            steps.add(sql!("retention/note_events"), columns!(ends, end => end.0.0, *end.1));
        }
        Aged::Deliveries => {
            let keys = || columns!(old, row => row.place.workspace.0, Uuid::from_u128(row.place.key));
            steps.add(sql!("retention/delete_attempts"), keys());
            steps.add(sql!("retention/delete_delivery"), keys());
        }
    }
    let mut sums: BTreeMap<WorkspaceId, Figures> = BTreeMap::new();
    for row in old.iter().filter(|row| !row.figures.is_zero()) {
        let sum = sums.entry(row.place.workspace).or_default();
        *sum = sum.plus(&row.figures);
    }
    if !sums.is_empty() {
        let mut noted = columns!(sums, sum => sum.0.0);
        for figure in Figure::ALL {
            noted.extend(columns!(sums, sum => sum.1.get(figure)));
        }
        steps.add(sql!("retention/add_pruned"), noted);
    }
    steps.add(sql!("retention/mark"), params![prune.what.as_str(), Micros::from(prune.before)]);
    steps
}
