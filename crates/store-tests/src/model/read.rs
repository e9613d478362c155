//! Reading generations and calls from the model, and what a generation waits for. Changes nothing.

use super::claim::{lanes_of, not_before};
use super::data::{Data, Entry, paged};
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{State, Status, Wait};
use copydesk_core::health::{Cooling, Door, door};
use copydesk_core::{CallId, GenerationId, Timestamp};
use copydesk_store::admin::{NodeRow, holding};
use copydesk_store::generations::{FinishedStep, GenerationFilter, GenerationRow, Limits, probes};
use copydesk_store::jobs::ForItem;
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use std::time::Duration;

/// A node whose last beat is older runs nothing any more (DESIGN.md, section 3).
const NODE_LOST_AFTER: Duration = Duration::from_secs(30);

pub(super) fn no_generation(id: GenerationId) -> StoreError {
    StoreError::NotFound { what: "generation", id: id.to_string() }
}

impl Data {
    pub(super) fn get(&self, scope: Scope, id: GenerationId) -> Result<GenerationRow, StoreError> {
        self.entry(scope, id).map(|entry| self.row(entry)).ok_or_else(|| no_generation(id))
    }

    pub(super) fn steps(&self, scope: Scope, id: GenerationId) -> Vec<FinishedStep> {
        self.entry(scope, id).map(|entry| entry.steps.clone()).unwrap_or_default()
    }

    fn row(&self, entry: &Entry) -> GenerationRow {
        GenerationRow {
            generation: entry.generation.clone(),
            draft: entry.draft,
            user: entry.accept.user,
            user_external: self.external(entry.scope(), entry.accept.user),
            key: entry.accept.key,
            recipe: entry.accept.recipe.clone(),
            recipe_version: entry.accept.recipe_version.clone(),
            model: match entry.generation.state.status().is_final() {
                true => entry.called.as_ref().unwrap_or(&entry.accept.model).clone(),
                false => entry.model.clone(),
            },
            asked_model: entry.accept.model.clone(),
            input: entry.accept.input.clone(),
            filled: entry.accept.filled.clone(),
            params: entry.accept.params.clone(),
            metadata: entry.accept.metadata.clone(),
            target: entry.accept.target.clone(),
            dedupe_key: entry.accept.dedupe_key.clone(),
            priority: entry.accept.priority,
            started_at: entry.claimed_at.filter(|_| entry.generation.state.status() != Status::Pending),
            version: entry.version,
            origin: entry.origin.clone(),
            last_error: entry.last_error.clone(),
            job: entry.accept.job.map(ForItem::item),
        }
    }

    pub(super) fn list(
        &self,
        scope: Scope,
        filter: &GenerationFilter,
        page: &PageRequest,
    ) -> Result<Page<GenerationRow>, StoreError> {
        let fits = |entry: &&Entry| {
            entry.scope() == scope
                && filter.status.is_none_or(|status| status == entry.generation.state.status())
                && filter.user.is_none_or(|user| user == entry.accept.user)
                && filter.draft.is_none_or(|draft| draft == entry.draft)
                && filter.job.is_none_or(|job| entry.accept.job.is_some_and(|own| own.item().job == job))
                && filter.recipe.as_ref().is_none_or(|recipe| *recipe == entry.accept.recipe)
        };
        let bare = |entry: &Entry| GenerationRow { input: String::new(), ..self.row(entry) };
        let rows: Vec<(GenerationId, GenerationRow)> =
            self.generations.values().filter(fits).map(|entry| (entry.generation.id, bare(entry))).collect();
        paged(rows, page)
    }

    pub(super) fn calls(
        &self,
        scope: Scope,
        filter: &CallFilter,
        page: &PageRequest,
    ) -> Result<Page<CallRow>, StoreError> {
        let rows: Vec<(CallId, CallRow)> = self
            .calls
            .values()
            .filter(|call| call.scope == scope)
            .map(|call| &call.row)
            .filter(|row| filter.user.is_none_or(|user| user == row.user))
            .filter(|row| filter.generation.is_none_or(|generation| generation == row.generation))
            .filter(|row| filter.draft.is_none_or(|draft| draft == row.draft))
            .map(|row| (row.id, CallRow { user_external: self.external(scope, row.user), ..row.clone() }))
            .collect();
        paged(rows, page)
    }

    pub(super) fn why(
        &self,
        scope: Scope,
        id: GenerationId,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Waiting, StoreError> {
        let entry = self.entry(scope, id).ok_or_else(|| no_generation(id))?;
        let State::Pending { wait } = &entry.generation.state else { return Ok(Waiting::NotWaiting) };
        let due = not_before(&entry.generation.state).is_some_and(|until| until <= now);
        Ok(match wait {
            Wait::Target => self.target_locked(scope, entry),
            Wait::Held => match entry.accept.job {
                Some(job) => Waiting::JobPaused { job: job.item().job },
                None => Waiting::NotWaiting,
            },
            Wait::Scheduled { until } if !due => Waiting::Scheduled { until: *until },
            Wait::BackingOff { until } if !due => Waiting::BackingOff {
                until: *until,
                failed_attempts: entry.generation.spent,
                last_error: entry.last_error.as_ref().map(|(_, message)| message.clone()),
            },
            Wait::Ready | Wait::Scheduled { .. } | Wait::BackingOff { .. } => self.why_ready(entry, now, limits),
        })
    }

    fn target_locked(&self, scope: Scope, entry: &Entry) -> Waiting {
        let target = entry.accept.target.clone().unwrap_or_default();
        match self.live_targets.get(&(scope.workspace, target.clone())) {
            Some(holder) => Waiting::TargetLocked { target, holder: *holder },
            None => Waiting::BehindOthers { position: 1 },
        }
    }

    fn why_ready(&self, entry: &Entry, now: Timestamp, limits: &Limits) -> Waiting {
        if let Some(pause) = holding(&self.list_pauses(), |lane| lanes_of(entry).contains(lane)) {
            return Waiting::Paused { what: pause.what.name(), since: pause.since };
        }
        let alive = |node: &NodeRow| node.beat_at >= now.minus(NODE_LOST_AFTER);
        if !self.nodes.values().any(alive) {
            return Waiting::NoWorker;
        }
        let door = door(&self.health, &entry.model, now);
        if let Door::Cooling(cooling) = &door
            && !entry.onward()
        {
            let Cooling { lane, until, message, .. } = cooling.clone();
            return Waiting::CoolingDown { lane, until, last_error: message };
        }
        let in_use = self.lane_use();
        let probes = if door == Door::Open { probes(&self.health, now) } else { vec![] };
        if let Some((lane, limit, in_use)) = in_use.full_lane(entry, limits).or_else(|| in_use.full(entry, &probes)) {
            return Waiting::LaneFull { lane, limit, in_use };
        }
        if door == Door::Open
            && let Some((lane, until)) = self.rate_limited(entry, limits, now)
        {
            return Waiting::RateLimited { lane, until };
        }
        let before = self.ready.range(..(entry.sort_key, entry.generation.id)).take(Waiting::POSITION_MAX as usize - 1);
        Waiting::BehindOthers { position: before.count() as u32 + 1 }
    }
}
