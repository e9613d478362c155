//! The model's jobs: one book of all of them, kept for good, and a map of items.

use super::data::{Data, paged};
use copydesk_core::generation::{Decision, Event, State, Status, Verdict, transition};
use copydesk_core::job::book::Spent;
use copydesk_core::job::{Counts, ItemStatus, Note, Queued, command, queued};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, JobId, NanoUsd, Timestamp};
use copydesk_store::budgets::key_text;
use copydesk_store::generations::{Accept, Idempotency};
use copydesk_store::jobs::{
    CloseItems, ForItem, ItemFilter, ItemRef, ItemRow, JobFilter, JobOrder, JobRow, NewItem, NewJob, OpenJobs,
    ReopenItems, Reopened, Sealed, Staged, new_job, no_job, nothing_staged, told,
};
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use std::collections::BTreeMap;

impl Data {
    pub(super) fn stage_items(&mut self, scope: Scope, job: JobId, items: Vec<NewItem>) {
        self.job_staging.insert(job, scope);
        for item in items {
            let status = if item.skipped.is_some() { ItemStatus::Skipped } else { ItemStatus::Pending };
            let NewItem { seq, custom_id, skipped: note, request } = item;
            let row = ItemRow { seq, custom_id, status, generation: None, draft: None, note, model: None, request };
            self.job_items.insert((job, seq), row);
        }
    }

    pub(super) fn seal_job(&mut self, new: NewJob) -> Result<Sealed, StoreError> {
        let NewJob { facts, total, idempotency, .. } = &new;
        let (scope, id) = (facts.scope, facts.id);
        if let Some(key) = idempotency
            && let Some(first) = self.replay_job(scope, key)?
        {
            return Ok(first);
        }
        let holder = facts.dedupe_key.as_ref().map(|key| self.live_job(scope, key)).transpose()?.flatten();
        let sealed = match holder {
            Some(holder) => Sealed::Duplicate(holder),
            None => {
                let counts = self.counted(id);
                if self.job_staging.get(&id) != Some(&scope) || counts.total() != *total || *total == 0 {
                    return Err(nothing_staged(id, *total, counts.total()));
                }
                // From here the write must succeed.
                self.job_staging.remove(&id);
                let job = new_job(&new, counts);
                self.job_facts.insert(id, JobRow { facts: facts.clone(), job: job.clone() });
                if facts.dedupe_key.is_some() {
                    self.job_live_keys.insert(id);
                }
                self.jobs.put(job);
                self.book_jobs();
                Sealed::New(self.job(scope, id)?)
            }
        };
        if let Some(key) = idempotency {
            let made = (key.fingerprint, sealed.row().facts.id, sealed.deduplicated());
            self.job_keys.insert((scope.workspace, key_text(key)), made);
        }
        Ok(sealed)
    }

    pub(super) fn live_job(&self, scope: Scope, dedupe_key: &str) -> Result<Option<JobRow>, StoreError> {
        let live = |row: &&JobRow| self.jobs.job(row.facts.id).is_some_and(|job| job.status.ended().is_none());
        let same = |row: &&JobRow| row.facts.scope == scope && row.facts.dedupe_key.as_deref() == Some(dedupe_key);
        let mut holders = self.job_facts.values().filter(same).filter(live);
        let holder = holders.find(|row| self.job_live_keys.contains(&row.facts.id));
        holder.map(|row| self.job(scope, row.facts.id)).transpose()
    }

    /// The counts of a job's items, one by one.
    pub(super) fn counted(&self, id: JobId) -> Counts {
        let mut counts = Counts::default();
        for (_, item) in self.job_items.range((id, 0)..=(id, u32::MAX)) {
            *counts.slot(item.status) += 1;
        }
        counts
    }

    pub(super) fn replay_job(&self, scope: Scope, key: &Idempotency) -> Result<Option<Sealed>, StoreError> {
        match self.job_keys.get(&(scope.workspace, key_text(key))) {
            None => Ok(None),
            Some((fingerprint, id, deduplicated)) if *fingerprint == key.fingerprint => {
                Ok(Some(Sealed::Replayed { row: self.job(scope, *id)?, deduplicated: *deduplicated }))
            }
            Some(_) => Err(Refusal::IdempotencyKeyReused.into()),
        }
    }

    pub(super) fn drop_staged(&mut self, which: Staged, limit: u32) -> u64 {
        let found = match which {
            Staged::Of(id) => self.job_staging.contains_key(&id).then_some(id),
            Staged::Before(id) => self.job_staging.range(..id).next().map(|(id, _)| *id),
        };
        let Some(id) = found else { return 0 };
        let items: Vec<(JobId, u32)> =
            self.job_items.range((id, 0)..=(id, u32::MAX)).map(|(key, _)| *key).take(limit as usize).collect();
        items.iter().for_each(|key| drop(self.job_items.remove(key)));
        if items.len() < limit as usize {
            self.job_staging.remove(&id);
        }
        items.len() as u64
    }

    pub(super) fn job(&self, scope: Scope, id: JobId) -> Result<JobRow, StoreError> {
        let row = self.job_facts.get(&id).filter(|row| row.facts.scope == scope).ok_or_else(|| no_job(id))?;
        let job = self.jobs.job(id).ok_or_else(|| no_job(id))?;
        Ok(JobRow { facts: row.facts.clone(), job: job.clone() })
    }

    pub(super) fn list_jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<JobRow>, StoreError> {
        let rows = self.job_facts.keys().filter_map(|id| self.job(scope, *id).ok());
        let fits = |row: &JobRow| {
            filter.status.is_none_or(|status| row.job.status == status)
                && filter.user.is_none_or(|user| row.job.user == user)
                && filter.recipe.as_ref().is_none_or(|recipe| row.facts.recipe == *recipe)
        };
        paged(rows.filter(fits).map(|row| (row.facts.id, row)).collect(), page)
    }

    pub(super) fn order_job(&mut self, order: &JobOrder) -> Result<JobRow, StoreError> {
        let row = self.job(order.scope, order.job)?;
        if order.revision.is_some_and(|seen| seen != row.job.revision) {
            return Err(Refusal::VersionConflict { current: row.job.revision }.into());
        }
        if let Some(next) = command(&row.job, &order.command, order.at)? {
            match queued(&row.job, &next) {
                Queued::Hold => self.move_queued(order.job, &Event::JobPaused, order.at),
                Queued::Release => self.move_queued(order.job, &Event::JobResumed, order.at),
                Queued::Leave => {}
            }
            self.jobs.put(next);
            self.book_jobs();
        }
        self.job(order.scope, order.job)
    }

    /// What an order means for the job's items in the queue: each as `transition` says.
    fn move_queued(&mut self, job: JobId, event: &Event, at: Timestamp) {
        let of_job = |entry: &super::data::Entry| entry.accept.job.is_some_and(|own| own.item().job == job);
        let own: Vec<GenerationId> = self.live_entries().filter(|(_, entry)| of_job(entry)).map(|(id, _)| id).collect();
        for id in own {
            let Some(entry) = self.generations.get_mut(&id) else { continue };
            let Ok(Verdict::Change(decision)) = transition(&entry.generation, event, at) else { continue };
            entry.generation.row_version = decision.row_version;
            self.set_state(id, decision.next);
        }
    }

    pub(super) fn jobs_at_work(&self, after: Option<JobId>, limit: u32) -> Vec<JobRow> {
        let rows = self.job_facts.values().filter(|row| after.is_none_or(|after| row.facts.id > after));
        let rows = rows.filter_map(|row| self.job(row.facts.scope, row.facts.id).ok());
        rows.filter(|row| row.job.at_work()).take(limit as usize).collect()
    }

    pub(super) fn open_jobs(&self) -> Vec<OpenJobs> {
        let mut groups: BTreeMap<(&str, bool, String), OpenJobs> = BTreeMap::new();
        let jobs = self.job_facts.keys().filter_map(|id| self.jobs.job(*id));
        for job in jobs.filter(|job| job.status.ended().is_none()) {
            let code = job.note.as_ref().map(|note| note.code.clone());
            let key = (job.status.as_str(), job.stopping, code.clone().unwrap_or_default());
            let (status, stopping) = (job.status, job.stopping);
            let empty = OpenJobs { status, stopping, note: code, jobs: 0, counts: Counts::default() };
            let group = groups.entry(key).or_insert(empty);
            group.jobs += 1;
            for status in ItemStatus::ALL {
                *group.counts.slot(status) += job.counts.of(status);
            }
        }
        groups.into_values().collect()
    }

    pub(super) fn items(
        &self,
        scope: Scope,
        job: JobId,
        filter: ItemFilter,
        page: &PageRequest,
    ) -> Result<Page<ItemRow>, StoreError> {
        self.job(scope, job)?;
        let items = self.job_items.range((job, 0)..=(job, u32::MAX)).map(|(_, item)| item);
        let items = items.filter(|item| filter.status.is_none_or(|status| item.status == status));
        paged(items.map(|item| (item.seq, item.clone())).collect(), page)
    }

    pub(super) fn close_items(&mut self, close: &CloseItems) -> Result<u64, StoreError> {
        self.job(close.scope, close.job)?;
        let mut closed = 0;
        for end in &close.ends {
            let Some(item) = self.job_items.get_mut(&(close.job, end.seq)) else { continue };
            if item.status != ItemStatus::Pending {
                continue;
            }
            (item.status, item.note) = (end.status, end.note.clone());
            if let Some((generation, draft)) = end.instead {
                (item.generation, item.draft) = (Some(generation), Some(draft));
            }
            self.jobs.moves(close.job, ItemStatus::Pending, end.status, close.at);
            closed += 1;
        }
        self.book_jobs();
        Ok(closed)
    }

    pub(super) fn reopen_items(&mut self, reopen: &ReopenItems) -> Result<Reopened, StoreError> {
        if self.job(reopen.scope, reopen.job)?.job.stopping {
            return Err(Refusal::AlreadyTerminal { status: Status::Cancelled }.into());
        }
        let wanted = |status| status == ItemStatus::Failed || reopen.cancelled && status == ItemStatus::Cancelled;
        let items = self.job_items.range((reopen.job, reopen.after.saturating_add(1))..=(reopen.job, u32::MAX));
        let found: Vec<u32> = items
            .filter(|(_, item)| wanted(item.status))
            .map(|((_, seq), _)| *seq)
            .take(reopen.limit as usize)
            .collect();
        for seq in &found {
            let Some(item) = self.job_items.get_mut(&(reopen.job, *seq)) else { continue };
            let from = std::mem::replace(&mut item.status, ItemStatus::Pending);
            item.note = None;
            if reopen.model.is_some() {
                item.model.clone_from(&reopen.model);
            }
            self.jobs.moves(reopen.job, from, ItemStatus::Pending, reopen.at);
        }
        self.book_jobs();
        let next = found.last().copied().filter(|_| found.len() == reopen.limit as usize);
        Ok(Reopened { count: found.len() as u64, next })
    }

    /// The request's item and what it is now; `None` for a request that goes on without a job.
    pub(super) fn check_item(&self, request: &Accept) -> Result<Option<(ItemRef, ItemStatus)>, StoreError> {
        let Some(wanted) = request.job else { return Ok(None) };
        let item = wanted.item();
        let job = self.job(request.scope, item.job);
        let from = self.job_items.get(&(item.job, item.seq)).filter(|_| job.is_ok()).map(|row| row.status);
        match (wanted, from) {
            (ForItem::Feeds(_), None) => Err(Refusal::NotClaimable { status: Status::Cancelled }.into()),
            (ForItem::Feeds(_), Some(from)) => {
                self.jobs.may_feed(item.job, from)?;
                Ok(Some((item, from)))
            }
            (ForItem::Again(_), from) => {
                Ok(from.filter(|from| self.jobs.may_try_again(item.job, *from)).map(|from| (item, from)))
            }
        }
    }

    pub(super) fn attach(
        &mut self,
        (item, from): (ItemRef, ItemStatus),
        (generation, draft): (GenerationId, DraftId),
        at: Timestamp,
    ) {
        if let Some(row) = self.job_items.get_mut(&(item.job, item.seq)) {
            (row.status, row.note) = (ItemStatus::Processing, None);
            (row.generation, row.draft) = (Some(generation), Some(draft));
        }
        self.jobs.moves(item.job, from, ItemStatus::Processing, at);
    }

    /// The item's generation was ended by this decision.
    pub(super) fn end_item(&mut self, id: GenerationId, decision: &Decision, at: Timestamp) {
        let Some(item) = self.generations.get(&id).and_then(|entry| entry.accept.job).map(ForItem::item) else {
            return;
        };
        let Some(to) = ItemStatus::after(decision.next.status()) else { return };
        if let Some(row) = self.job_items.get_mut(&(item.job, item.seq)) {
            row.status = to;
            row.note = match &decision.next {
                State::Failed { failure, .. } => Some(Note::new(failure.code.as_str(), failure.message.clone())),
                State::Pending { .. }
                | State::Processing { .. }
                | State::Completed { .. }
                | State::Cancelled { .. } => None,
            };
        }
        let calls = self.calls.values().filter(|call| call.row.generation == id);
        let closed: Vec<_> = calls.filter_map(|call| call.row.closed.as_ref()).collect();
        let cost = closed.iter().filter_map(|(_, call)| call.cost).map(|cost| cost.0).sum();
        let unpriced = closed.iter().filter(|(_, it)| it.cost.is_none() && it.outcome != CallOutcome::NotSent).count();
        self.jobs.ends(item.job, to, Spent { cost: NanoUsd(cost), unpriced: unpriced as u64 }, at);
    }

    pub(super) fn book_jobs(&mut self) {
        for changed in self.jobs.take_changes() {
            if changed.job.status.ended().is_some() {
                self.job_live_keys.remove(&changed.job.id);
            }
            if changed.revived && self.is_key_free(changed.job.id) {
                self.job_live_keys.insert(changed.job.id);
            }
            if let Some(event) = told(&changed) {
                self.announce(event);
            }
        }
    }

    /// Whether no other job has the dedupe key of this one.
    fn is_key_free(&self, id: JobId) -> bool {
        let Some(JobRow { facts, .. }) = self.job_facts.get(&id) else { return false };
        let others = self.job_live_keys.iter().filter_map(|other| self.job_facts.get(other));
        let same = |row: &JobRow| row.facts.scope == facts.scope && row.facts.dedupe_key == facts.dedupe_key;
        facts.dedupe_key.is_some() && !others.into_iter().any(same)
    }

    /// Which jobs' counts are not those of their items, and which generations are not what their items are made of.
    pub(super) fn jobs_out_of_step(&self) -> (Vec<JobId>, Vec<GenerationId>) {
        let jobs =
            self.job_facts.keys().filter(|id| self.jobs.job(**id).is_none_or(|job| job.counts != self.counted(**id)));
        let strays = self.generations.iter().filter(|(id, entry)| {
            let Some(item) = entry.accept.job.map(ForItem::item) else { return false };
            let Some(row) = self.job_items.get(&(item.job, item.seq)) else { return true };
            let (own, processing) = (row.generation == Some(**id), row.status == ItemStatus::Processing);
            match ItemStatus::after(entry.generation.state.status()) {
                None => !own || !processing,
                Some(end) => {
                    own && (processing || (row.status == ItemStatus::Completed) != (end == ItemStatus::Completed))
                }
            }
        });
        (jobs.copied().collect(), strays.map(|(id, _)| *id).collect())
    }
}
