//! Schedules: a key of one user sees, changes and makes that user's own.

use super::{Confined, NOWHERE, found};
use copydesk_core::{ScheduleId, Timestamp};
use copydesk_store::schedules::{
    NewSchedule, NoteRun, RunRow, ScheduleChange, ScheduleFilter, ScheduleRow, no_schedule,
};
use copydesk_store::{Answer, Page, PageRequest, ScheduleStore, Scope, StoreError};

impl Confined {
    async fn of_schedule(&self, scope: Scope, id: ScheduleId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let row = found(self.inner.schedule(scope.whole(), id).await)?;
        Ok(row.map_or(NOWHERE, |row| Confined::own(scope, row.facts.user)))
    }
}

impl ScheduleStore for Confined {
    fn add_schedule(&self, mut new: NewSchedule) -> Answer<'_, ScheduleRow> {
        if Confined::own(new.facts.scope, new.facts.user) == NOWHERE {
            return Box::pin(async move { Err(no_schedule(new.facts.id)) });
        }
        new.facts.scope = new.facts.scope.whole();
        self.inner.add_schedule(new)
    }
    fn change_schedule(&self, change: ScheduleChange) -> Answer<'_, ScheduleRow> {
        Box::pin(async move {
            let scope = self.of_schedule(change.scope, change.id).await?;
            self.inner.change_schedule(ScheduleChange { scope, ..change }).await
        })
    }
    fn remove_schedule(&self, scope: Scope, id: ScheduleId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.remove_schedule(self.of_schedule(scope, id).await?, id, revision).await })
    }
    fn schedule(&self, scope: Scope, id: ScheduleId) -> Answer<'_, ScheduleRow> {
        Box::pin(async move { self.inner.schedule(self.of_schedule(scope, id).await?, id).await })
    }
    fn schedules(&self, scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Answer<'_, Page<ScheduleRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.schedules(scope, ScheduleFilter { user, ..filter }, page)
    }
    /// For the duty of the desk, which looks at all workspaces.
    fn due_schedules(&self, now: Timestamp, after: Option<ScheduleId>, limit: u32) -> Answer<'_, Vec<ScheduleRow>> {
        self.inner.due_schedules(now, after, limit)
    }
    fn note_run(&self, run: NoteRun) -> Answer<'_, bool> {
        Box::pin(async move {
            let scope = self.of_schedule(run.scope, run.id).await?;
            self.inner.note_run(NoteRun { scope, ..run }).await
        })
    }
    fn schedule_runs(&self, scope: Scope, id: ScheduleId, page: PageRequest) -> Answer<'_, Page<RunRow>> {
        Box::pin(async move { self.inner.schedule_runs(self.of_schedule(scope, id).await?, id, page).await })
    }
}
