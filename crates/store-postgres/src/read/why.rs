//! What a generation waits for. The answer follows the order in which a claim would find its reasons.

use super::generations::{no_generation, wait};
use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::read;
use crate::queues::Queue;
use crate::turn::{Running, belongs, health_rows, rates};
use crate::types::{Micros, columns, narrow, params, sql};
use copydesk_core::generation::Wait;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::{Cooling, Door, door};
use copydesk_core::{GenerationId, JobId, Timestamp, WorkspaceId};
use copydesk_store::admin::holding;
use copydesk_store::generations::{Lane, Limits, probes};
use copydesk_store::health::HEALTH_ROWS_MAX;
use copydesk_store::{Scope, StoreError};
use std::time::Duration;
use tokio_postgres::Row;
use uuid::Uuid;

/// A node whose last beat is older runs nothing any more (DESIGN.md, section 3).
const NODE_LOST_AFTER: Duration = Duration::from_secs(30);

const HEALTH_MAX: i64 = HEALTH_ROWS_MAX as i64;

impl PostgresStore {
    pub(crate) async fn why_waiting(
        &self,
        scope: Scope,
        id: GenerationId,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Waiting, StoreError> {
        let rows = read(&self.readers, sql!(deep "generations/why"), params![id.0, scope.workspace.0]).await?;
        let row = rows.first().ok_or_else(|| no_generation(id))?;
        let Some(queue) = row.get::<_, Option<i32>>("queue_id") else { return Ok(Waiting::NotWaiting) };
        match wait(row)? {
            Some(Wait::Target) => Ok(target_locked(row)),
            Some(Wait::Held) => {
                let job = row.get::<_, Option<Uuid>>("job_id").map(JobId);
                Ok(job.map_or(Waiting::NotWaiting, |job| Waiting::JobPaused { job }))
            }
            Some(Wait::Scheduled { until }) if until > now => Ok(Waiting::Scheduled { until }),
            Some(Wait::BackingOff { until }) if until > now => Ok(Waiting::BackingOff {
                until,
                failed_attempts: narrow("spent", row.get("spent"))?,
                last_error: row.get("last_error"),
            }),
            Some(Wait::Ready | Wait::Scheduled { .. } | Wait::BackingOff { .. }) | None => {
                Ok(self.why_ready(row, id, queue, now, limits).await?)
            }
        }
    }

    async fn why_ready(
        &self,
        row: &Row,
        id: GenerationId,
        queue: i32,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Waiting, Fault> {
        let own = Queue {
            workspace: WorkspaceId(row.get("workspace_id")),
            recipe: row.get("recipe"),
            provider: row.get("provider"),
            model: row.get("model"),
            onward: row.get("onward"),
        };
        let pauses = self.list_pauses().await?;
        if let Some(pause) = holding(&pauses, |lane| belongs(lane, &own)) {
            return Ok(Waiting::Paused { what: pause.what.name(), since: pause.since });
        }
        let alive = Micros::from(now.minus(NODE_LOST_AFTER));
        if read(&self.readers, sql!(deep "generations/living_node"), params![alive]).await?.is_empty() {
            return Ok(Waiting::NoWorker);
        }
        let health = health_rows(&read(&self.readers, sql!(deep "health/rows"), params![HEALTH_MAX]).await?)?;
        let door = door(&health, &own.model, now);
        if let Door::Cooling(Cooling { lane, until, message, .. }) = &door
            && !own.onward
        {
            return Ok(Waiting::CoolingDown { lane: lane.clone(), until: *until, last_error: message.clone() });
        }
        let probes = if door == Door::Open { probes(&health, now) } else { vec![] };
        if let Some(full) = self.full_lane(&own, limits, &probes).await? {
            return Ok(full);
        }
        if door == Door::Open && !limits.rates.is_empty() {
            let paid = rates(&read(&self.readers, sql!(deep "health/rates"), params![]).await?);
            let paid = |lane: &str| paid.get(lane).copied().unwrap_or_default();
            if let Some((lane, until)) = limits.rate_limited(|lane| belongs(lane, &own), paid, now) {
                return Ok(Waiting::RateLimited { lane, until });
            }
        }
        let mut queues: Vec<i32> = read(&self.readers, sql!(deep "claim/waiting_queues"), params![])
            .await?
            .iter()
            .map(|row| row.get("id"))
            .collect();
        if !queues.contains(&queue) {
            queues.push(queue);
        }
        let most = i64::from(Waiting::POSITION_MAX) - 1;
        let sort_key: i64 = row.get("sort_key");
        let mut params = columns!(queues, queue => *queue);
        params.extend(params![sort_key, id.0, most]);
        let rows = read(&self.readers, sql!(deep "generations/before_in_queue"), params).await?;
        let before: i64 = rows.first().map_or(0, |row| row.get("before"));
        Ok(Waiting::BehindOthers { position: narrow("position", before.min(most) + 1)? })
    }

    async fn full_lane(&self, own: &Queue, limits: &Limits, probes: &[(Lane, u32)]) -> Result<Option<Waiting>, Fault> {
        if limits.global.is_none() && limits.lanes.is_empty() && probes.is_empty() {
            return Ok(None);
        }
        let mut running: Vec<Running> = Vec::new();
        for row in read(&self.readers, sql!(deep "claim/lane_use"), params![true]).await? {
            running.push(Running::of(&row)?);
        }
        let shown = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let holding = shown(running.iter().map(|running| running.holding).sum());
        if let Some(limit) = limits.global.filter(|limit| holding >= *limit) {
            return Ok(Some(Waiting::LaneFull { lane: "global".to_owned(), limit, in_use: holding }));
        }
        Ok(limits.lanes.iter().chain(probes).filter(|(lane, _)| belongs(lane, own)).find_map(|(lane, limit)| {
            let own = running.iter().filter(|running| belongs(lane, &running.queue));
            let in_use = shown(own.map(|running| running.all).sum());
            (in_use >= *limit).then(|| Waiting::LaneFull { lane: lane.name(), limit: *limit, in_use })
        }))
    }
}

fn target_locked(row: &Row) -> Waiting {
    let target: Option<String> = row.get("target");
    match row.get::<_, Option<Uuid>>("holder_id") {
        Some(holder) => Waiting::TargetLocked { target: target.unwrap_or_default(), holder: GenerationId(holder) },
        None => Waiting::BehindOthers { position: 1 },
    }
}
