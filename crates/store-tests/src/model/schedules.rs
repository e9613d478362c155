//! The model's schedules, and the runs of each by their numbers.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::RUNS_KEPT;
use copydesk_core::{ScheduleId, Timestamp};
use copydesk_store::budgets::key_text;
use copydesk_store::schedules::{
    NewSchedule, NoteRun, RunRow, ScheduleChange, ScheduleFilter, ScheduleRow, no_schedule,
};
use copydesk_store::{Answer, Page, PageRequest, ScheduleStore, Scope, StoreError};

impl ScheduleStore for ModelStore {
    fn add_schedule(&self, new: NewSchedule) -> Answer<'_, ScheduleRow> {
        Box::pin(async move { self.data().add_schedule(new) })
    }
    fn change_schedule(&self, change: ScheduleChange) -> Answer<'_, ScheduleRow> {
        Box::pin(async move {
            let mut data = self.data();
            let row = data.schedule(change.scope, change.id)?;
            if row.revision != change.revision {
                return Err(Refusal::VersionConflict { current: row.revision }.into());
            }
            let ScheduleChange { id, revision, at, said, live, scope } = change;
            data.schedules.insert(id, ScheduleRow { said, live, revision: revision + 1, updated_at: at, ..row });
            data.schedule(scope, id)
        })
    }
    fn remove_schedule(&self, scope: Scope, id: ScheduleId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let current = data.schedule(scope, id)?.revision;
            if revision.is_some_and(|revision| revision != current) {
                return Err(Refusal::VersionConflict { current }.into());
            }
            data.schedules.remove(&id);
            data.schedule_runs.retain(|(of, _), _| *of != id);
            data.schedule_keys.retain(|_, (_, of)| *of != id);
            Ok(())
        })
    }
    fn schedule(&self, scope: Scope, id: ScheduleId) -> Answer<'_, ScheduleRow> {
        Box::pin(async move { self.data().schedule(scope, id) })
    }
    fn schedules(&self, scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Answer<'_, Page<ScheduleRow>> {
        Box::pin(async move {
            let data = self.data();
            let fits = |row: &&ScheduleRow| {
                row.facts.scope == scope
                    && filter.state.is_none_or(|state| state == row.live.state)
                    && filter.user.is_none_or(|user| user == row.facts.user)
                    && filter.recipe.as_ref().is_none_or(|recipe| *recipe == row.said.recipe)
            };
            let rows = data.schedules.values().filter(fits).map(|row| (row.facts.id, data.with_last(row.clone())));
            paged(rows.collect(), &page)
        })
    }
    fn due_schedules(&self, now: Timestamp, after: Option<ScheduleId>, limit: u32) -> Answer<'_, Vec<ScheduleRow>> {
        Box::pin(async move {
            let data = self.data();
            let due = |row: &&ScheduleRow| {
                row.live.next.is_some_and(|due| due.start_at <= now) && after.is_none_or(|after| row.facts.id > after)
            };
            let rows = data.schedules.values().filter(due).take(limit as usize);
            Ok(rows.map(|row| data.with_last(row.clone())).collect())
        })
    }
    fn note_run(&self, run: NoteRun) -> Answer<'_, bool> {
        Box::pin(async move { self.data().note_run(run) })
    }
    fn schedule_runs(&self, scope: Scope, id: ScheduleId, page: PageRequest) -> Answer<'_, Page<RunRow>> {
        Box::pin(async move {
            let data = self.data();
            data.schedule(scope, id)?;
            paged(data.noted_runs(id).map(|row| (row.seq, row.clone())).collect(), &page)
        })
    }
}

impl Data {
    fn noted_runs(&self, id: ScheduleId) -> impl DoubleEndedIterator<Item = &RunRow> {
        self.schedule_runs.range((id, 0)..=(id, u64::MAX)).map(|(_, row)| row)
    }

    fn with_last(&self, row: ScheduleRow) -> ScheduleRow {
        ScheduleRow { last: self.noted_runs(row.facts.id).next_back().cloned(), ..row }
    }

    fn schedule(&self, scope: Scope, id: ScheduleId) -> Result<ScheduleRow, StoreError> {
        let row = self.schedules.get(&id).filter(|row| row.facts.scope == scope);
        row.cloned().map(|row| self.with_last(row)).ok_or_else(|| no_schedule(id))
    }

    fn add_schedule(&mut self, new: NewSchedule) -> Result<ScheduleRow, StoreError> {
        let NewSchedule { facts, said, live, idempotency, max } = new;
        let (workspace, scope, id) = (facts.scope.workspace, facts.scope, facts.id);
        if let Some(given) = &idempotency
            && let Some((fingerprint, first)) = self.schedule_keys.get(&(workspace, key_text(given))).copied()
        {
            let same = fingerprint == given.fingerprint;
            return if same { self.schedule(scope, first) } else { Err(Refusal::IdempotencyKeyReused.into()) };
        }
        let there = self.schedules.values().filter(|row| row.facts.scope == scope).count();
        if there >= max as usize {
            return Err(Refusal::SchedulesFull { max }.into());
        }
        if let Some(given) = idempotency {
            self.schedule_keys.insert((workspace, key_text(&given)), (given.fingerprint, id));
        }
        let updated_at = facts.created_at;
        self.schedules.insert(id, ScheduleRow { facts, said, live, last: None, revision: 1, updated_at });
        self.schedule(scope, id)
    }

    fn note_run(&mut self, noted: NoteRun) -> Result<bool, StoreError> {
        let event = noted.event();
        let NoteRun { scope, id, run, moved, user: _ } = noted;
        let row = self.schedule(scope, id);
        match (row, moved) {
            (Ok(row), Some(moved)) => {
                let there = row.live.next.map(|due| due.ready_at) == Some(moved.from.ready_at);
                if row.revision != moved.revision || !there {
                    return Ok(false);
                }
                self.schedules.insert(id, ScheduleRow { live: moved.live, ..row });
            }
            (Err(_), Some(_)) => return Ok(false),
            (Ok(_), None) => {}
            (Err(error), None) => return Err(error),
        }
        let seq = self.noted_runs(id).next_back().map_or(0, |row| row.seq) + 1;
        let made = run.made.map(|(generation, _)| generation);
        let noted_before = made
            .is_some_and(|made| self.noted_runs(id).any(|row| row.run.made.is_some_and(|(known, _)| known == made)));
        if !noted_before {
            self.schedule_runs.insert((id, seq), RunRow { seq, run });
            self.schedule_runs.retain(|(of, number), _| *of != id || *number + RUNS_KEPT > seq);
        }
        if let Some(event) = event {
            self.announce(event);
        }
        Ok(true)
    }
}
