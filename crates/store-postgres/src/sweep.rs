//! Leases and what the sweeper asks for: heartbeats, overdue generations, calls nobody will report. Decides nothing about
//! a generation.

use crate::PostgresStore;
use crate::pipeline::{Steps, Tx, read};
use crate::read::generations::{generation, live_state};
use crate::read::usage::{Standing, facts};
use crate::totals;
use crate::turn::{Closing, closings};
use crate::types::{Micros, columns, narrow, params, sql, text};
use copydesk_core::generation::{AttemptNo, State};
use copydesk_core::metering::totals::Sheet;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{CallId, GenerationId, Timestamp, WorkspaceId};
use copydesk_store::generations::{Beaten, Heartbeat, Overdue, OverdueReason, Run, SweepRequest};
use copydesk_store::usage::ClosedCall;
use copydesk_store::{Scope, StoreError};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio_postgres::Row;
use uuid::Uuid;

/// A node silent for this long that runs nothing is forgotten.
const NODE_KEPT: Duration = Duration::from_secs(24 * 3_600);

impl PostgresStore {
    pub(crate) async fn beat(&self, beat: &Heartbeat) -> Result<Beaten, StoreError> {
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("sweep/forget_nodes"), params![Micros::from(beat.at.minus(NODE_KEPT))]);
        if beat.goodbye {
            steps.add(sql!("sweep/goodbye"), params![beat.node.0]);
        } else {
            steps.add(sql!("sweep/beat"), params![beat.node.0, text(&beat.label), Micros::from(beat.at)]);
        }
        let runs = &beat.runs;
        let asked = (!runs.is_empty()).then(|| {
            let params = columns!(runs, run => run.generation.0, i64::from(run.attempt.0));
            steps.add(sql!("sweep/still_runs"), params)
        });
        let newest = steps.add(sql!("prices/newest"), params![]);
        let budgets = steps.add(sql!("budgets/all"), params![]);
        let epoch = self.budgets.epoch();
        let answers = tx.commit(steps).await?;
        self.budgets.learn(epoch, answers.rows(Some(budgets)))?;
        if beat.goodbye {
            self.wake.others();
        }
        let mut still = HashSet::new();
        for row in answers.rows(asked) {
            let attempt = AttemptNo(narrow("attempt", row.get("attempt"))?);
            still.insert(Run { generation: GenerationId(row.get("id")), attempt });
        }
        let prices = answers.rows(Some(newest)).first().map_or(0, |row| row.get("number"));
        Ok(Beaten { over: beat.runs.iter().copied().filter(|run| !still.contains(run)).collect(), prices })
    }

    pub(crate) async fn find_overdue(&self, sweep: &SweepRequest) -> Result<Vec<Overdue>, StoreError> {
        let params = params![
            Micros::from(sweep.now),
            Micros::from(sweep.now.minus(sweep.attempt_grace)),
            sweep.only_living.map(|node| node.0),
            Micros::from(sweep.lost_before),
            sweep.stale_before.map(Micros::from),
            sweep.after.map(|after| after.0),
            i64::from(sweep.limit)
        ];
        let mut reasons: HashMap<Uuid, OverdueReason> = HashMap::new();
        for row in read(&self.readers, sql!("sweep/overdue"), params).await? {
            reasons.insert(row.get("id"), reason(row.get("reason"))?);
        }
        let ids: Vec<Uuid> = reasons.keys().copied().collect();
        let mut found = Vec::with_capacity(ids.len());
        for row in read(&self.readers, sql!("sweep/live"), params![ids]).await? {
            let Some(state) = live_state(&row)? else { continue };
            // It may have moved between the two statements; what is claimed meanwhile is another matter.
            let Some(reason) = reasons.get(&row.get("id")).copied().filter(|reason| fits(*reason, &state)) else {
                continue;
            };
            found.push(overdue(&row, state, reason)?);
        }
        found.sort_by_key(|overdue| overdue.generation.id);
        Ok(found)
    }

    pub(crate) async fn close_orphans(&self, now: Timestamp, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let found = steps.add(sql!("sweep/orphan_calls"), params![Micros::from(before), i64::from(limit)]);
        let answers = tx.send(steps).await?;
        let mut orphans: Vec<(Standing, ClosedCall)> = Vec::new();
        for row in answers.rows(Some(found)) {
            let input_bytes = narrow("input_bytes", row.get("input_bytes"))?;
            let standing =
                Standing { generation: GenerationId(row.get("generation_id")), call: facts(row), closed: None };
            orphans.push((standing, ClosedCall::unreported(CallId(row.get("id")), row.get("operation"), input_bytes)));
        }
        if orphans.is_empty() {
            tx.rollback().await?;
            return Ok(0);
        }
        let mut sheet = Sheet::default();
        let budgeted = answers.rows(Some(found)).iter().any(|row| row.get("budgeted"));
        let closing = orphans.iter().map(|(standing, call)| (standing, call.id, now)).collect::<Vec<_>>();
        let mut budgets = self.budgets.of_calls(&mut tx, budgeted, &closing, &[]).await?;
        for (standing, call) in &orphans {
            sheet.add(&standing.call, now, &call.figures(call.outcome));
            budgets.spend(standing, call, call.outcome, now);
        }
        budgets.write(&mut tx).await?;
        let booked = self.series.rows(&self.readers, &sheet).await?;
        let ends: Vec<Closing<'_>> = orphans
            .iter()
            .map(|(standing, call)| Closing { facts: &standing.call, call, outcome: CallOutcome::Lost, at: now })
            .collect();
        let mut steps = Steps::default();
        steps.add(sql!("apply/close_call"), closings(&ends));
        totals::write(&mut steps, &booked);
        tx.commit(steps).await?;
        Ok(orphans.len() as u64)
    }
}

fn reason(number: i32) -> Result<OverdueReason, StoreError> {
    match number {
        0 => Ok(OverdueReason::Deadline),
        1 => Ok(OverdueReason::NodeLost),
        2 => Ok(OverdueReason::AttemptOverran),
        3 => Ok(OverdueReason::Stale),
        _ => Err(StoreError::Corrupt(format!("reason {number} of an overdue generation"))),
    }
}

fn fits(reason: OverdueReason, state: &State) -> bool {
    match reason {
        OverdueReason::Deadline | OverdueReason::Stale => true,
        OverdueReason::NodeLost | OverdueReason::AttemptOverran => matches!(state, State::Processing { .. }),
    }
}

fn overdue(row: &Row, state: State, reason: OverdueReason) -> Result<Overdue, StoreError> {
    let id = GenerationId(row.get("id"));
    Ok(Overdue {
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        generation: generation(row, id, state)?,
        recipe: row.get("recipe"),
        model: row.get("model"),
        reason,
        open_call: row.get::<_, Option<Uuid>>("open_call_id").map(CallId),
        operation: row.get("operation"),
        input_bytes: narrow("input_bytes", row.get("input_bytes"))?,
    })
}
