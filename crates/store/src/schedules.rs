//! Schedules and their runs. What a time means is decided in core's `schedule`. A time is made once whoever sees it due: its
//! generation is accepted under the idempotency key [`occurrence`], and what follows is written by who still finds it next.

use crate::events::NewEvent;
use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::job::Note;
use copydesk_core::schedule::{Due, Live, RunKind, RunOutcome, ScheduleState};
use copydesk_core::{DraftId, GenerationId, KeyId, ScheduleId, Timestamp, UserId};
use std::time::Duration;

/// The kind of the event that says that a time came and its generation was refused.
pub const FAILED: &str = "schedule.failed";
/// The kind of the event that says that a time was missed and is not made up for.
pub const SKIPPED: &str = "schedule.skipped";
/// How long after a time its key is kept, far beyond what is made up for.
const KEY_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

pub trait ScheduleStore: Send + Sync {
    /// Makes a schedule. The same idempotency key and request are answered with the first one.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`; `Refused(SchedulesFull)` when the workspace has `new.max`.
    fn add_schedule(&self, new: NewSchedule) -> Answer<'_, ScheduleRow>;

    /// Writes what a person changed of the schedule he has seen.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn change_schedule(&self, change: ScheduleChange) -> Answer<'_, ScheduleRow>;

    /// Removes it with its runs. `None` as revision removes whatever is there.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn remove_schedule(&self, scope: Scope, id: ScheduleId, revision: Option<i64>) -> Answer<'_, ()>;

    fn schedule(&self, scope: Scope, id: ScheduleId) -> Answer<'_, ScheduleRow>;

    /// In the order of their ids.
    fn schedules(&self, scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Answer<'_, Page<ScheduleRow>>;

    /// Schedules of all workspaces whose next generation is to begin at `now` or before. By their ids, after `after`.
    fn due_schedules(&self, now: Timestamp, after: Option<ScheduleId>, limit: u32) -> Answer<'_, Vec<ScheduleRow>>;

    /// Writes a run, and with `moved` what follows from it; then all or nothing, and false when the schedule is not at that
    /// time any more. A generation is noted once. At most [`copydesk_core::schedule::RUNS_KEPT`] runs are kept. What was
    /// refused or skipped is announced ([`FAILED`], [`SKIPPED`]).
    fn note_run(&self, run: NoteRun) -> Answer<'_, bool>;

    /// In the order of their numbers. A cursor is the number of the last one.
    ///
    /// Errors: `NotFound` for a schedule that is not there.
    fn schedule_runs(&self, scope: Scope, id: ScheduleId, page: PageRequest) -> Answer<'_, Page<RunRow>>;
}

/// What a schedule is made with, and never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleFacts {
    pub id: ScheduleId,
    pub scope: Scope,
    pub user: UserId,
    pub user_external: String,
    /// Who made it, and is asked for whatever it makes.
    pub key: Option<KeyId>,
    pub created_at: Timestamp,
}

/// What it makes and when, as a person last said it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub name: Option<String>,
    pub recipe: String,
    /// All else, as JSON text.
    pub spec: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSchedule {
    pub facts: ScheduleFacts,
    pub said: Said,
    pub live: Live,
    pub idempotency: Option<Idempotency>,
    /// How many the workspace may have.
    pub max: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleRow {
    pub facts: ScheduleFacts,
    pub said: Said,
    pub live: Live,
    pub last: Option<RunRow>,
    /// Rises with every change by a person: the ETag.
    pub revision: i64,
    pub updated_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleChange {
    pub scope: Scope,
    pub id: ScheduleId,
    /// The one that was seen.
    pub revision: i64,
    pub at: Timestamp,
    pub said: Said,
    pub live: Live,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScheduleFilter {
    pub state: Option<ScheduleState>,
    pub user: Option<UserId>,
    pub recipe: Option<String>,
}

/// What became of one time of a schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunRow {
    /// From 1.
    pub seq: u64,
    pub run: Run,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    pub kind: RunKind,
    /// The time it was for.
    pub ready_at: Timestamp,
    pub made_at: Timestamp,
    pub outcome: RunOutcome,
    /// How many times before this one were passed over.
    pub missed: u32,
    /// What was made; of an outcome that is `Made`, and of no other.
    pub made: Option<(GenerationId, DraftId)>,
    /// Why it was refused or skipped.
    pub note: Option<Note>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteRun {
    pub scope: Scope,
    pub id: ScheduleId,
    /// Whose it is, for the event.
    pub user: UserId,
    pub run: Run,
    /// None leaves the plan as it is.
    pub moved: Option<Advance>,
}

/// From the time that was due, under the revision that was read, to what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advance {
    pub revision: i64,
    pub from: Due,
    pub live: Live,
}

impl NoteRun {
    /// What is told of it.
    pub fn event(&self) -> Option<NewEvent<'static>> {
        let kind = match self.run.outcome {
            RunOutcome::Made => return None,
            RunOutcome::Refused => FAILED,
            RunOutcome::Skipped => SKIPPED,
        };
        let state = self.moved.as_ref().map_or(ScheduleState::Active, |moved| moved.live.state);
        let note = self.run.note.as_ref();
        // What went wrong may quote what a person wrote: the code is enough here.
        let data = format!(
            "{{\"schedule\":\"{}\",\"ready_at\":\"{}\",\"code\":\"{}\",\"missed\":{},\"state\":\"{}\"}}",
            self.id,
            self.run.ready_at,
            note.map_or("", |note| note.code.as_str()),
            self.run.missed,
            state.as_str(),
        );
        Some(NewEvent {
            workspace: self.scope.workspace,
            kind,
            generation: None,
            draft: None,
            user: Some(self.user),
            at: self.run.made_at,
            data: data.into(),
        })
    }
}

/// The key under which the generation of one time is accepted: by whoever comes first, on whichever node, once. It is the same
/// for everything the schedule may say meanwhile, so that an edit does not make a second one of a time.
pub fn occurrence(id: ScheduleId, ready_at: Timestamp) -> Idempotency {
    Idempotency {
        owner: "schedule".to_owned(),
        route: id.to_string(),
        key: ready_at.to_string(),
        fingerprint: [0; 32],
        expires_at: ready_at.plus(KEY_FOR),
    }
}

/// That there is no such schedule.
pub fn no_schedule(id: impl std::fmt::Display) -> StoreError {
    StoreError::NotFound { what: "schedule", id: id.to_string() }
}
