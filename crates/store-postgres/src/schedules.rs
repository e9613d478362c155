//! The tables `schedules` and `schedule_runs`. What a time means is decided elsewhere; here it is written by who still finds
//! the schedule where it was read.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, Param, narrow, params, sql, text, unknown_word, wide};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::{Due, Live, RUNS_KEPT, RunKind, RunOutcome, ScheduleState};
use copydesk_core::{DraftId, GenerationId, KeyId, ScheduleId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::schedules::{
    NewSchedule, NoteRun, Run, RunRow, Said, ScheduleChange, ScheduleFacts, ScheduleFilter, ScheduleRow, no_schedule,
};
use copydesk_store::{Answer, Order, Page, PageRequest, ScheduleStore, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl ScheduleStore for PostgresStore {
    fn add_schedule(&self, new: NewSchedule) -> Answer<'_, ScheduleRow> {
        Box::pin(async move {
            match self.insert_schedule(&new).await? {
                Some(first) => Ok(first),
                None => self.read_schedule(new.facts.scope, new.facts.id).await,
            }
        })
    }

    fn change_schedule(&self, change: ScheduleChange) -> Answer<'_, ScheduleRow> {
        Box::pin(async move {
            let ScheduleChange { scope, id, revision, at, said, live } = &change;
            let mut values = said_params(said);
            values.extend(live_params(live));
            values.extend(params![Micros::from(*at), scope.workspace.0, id.0, *revision]);
            let changed = !read(&self.writers, sql!("schedules/change"), values).await?.is_empty();
            let row = self.read_schedule(*scope, *id).await?;
            if changed { Ok(row) } else { Err(Refusal::VersionConflict { current: row.revision }.into()) }
        })
    }

    fn remove_schedule(&self, scope: Scope, id: ScheduleId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("schedules/remove"), params![scope.workspace.0, id.0, revision]);
            steps.add(sql!("schedules/remove_runs"), params![id.0]);
            if !tx.commit(steps).await?.rows(Some(gone)).is_empty() {
                return Ok(());
            }
            let current = self.read_schedule(scope, id).await?.revision;
            Err(Refusal::VersionConflict { current }.into())
        })
    }

    fn schedule(&self, scope: Scope, id: ScheduleId) -> Answer<'_, ScheduleRow> {
        Box::pin(self.read_schedule(scope, id))
    }

    fn schedules(&self, scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Answer<'_, Page<ScheduleRow>> {
        Box::pin(async move {
            let cursor = Cursor::<ScheduleId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("schedules/list_newest"),
                Order::OldestFirst => sql!("schedules/list_oldest"),
            };
            let (state, recipe) = (filter.state.map(ScheduleState::as_str), filter.recipe.as_deref().map(text));
            let user = filter.user.map(UserId::uuid);
            let params = params![scope.workspace.0, cursor.after.0, state, user, recipe, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, schedule_row, |row| row.facts.id.to_string())
        })
    }

    fn due_schedules(&self, now: Timestamp, after: Option<ScheduleId>, limit: u32) -> Answer<'_, Vec<ScheduleRow>> {
        Box::pin(async move {
            let after = after.map_or(Uuid::nil(), ScheduleId::uuid);
            let params = params![Micros::from(now), after, i64::from(limit)];
            read(&self.readers, sql!("schedules/due"), params).await?.iter().map(schedule_row).collect()
        })
    }

    fn note_run(&self, run: NoteRun) -> Answer<'_, bool> {
        Box::pin(self.telling(async move { Ok(self.write_run(&run).await?) }))
    }

    fn schedule_runs(&self, scope: Scope, id: ScheduleId, page: PageRequest) -> Answer<'_, Page<RunRow>> {
        Box::pin(async move {
            self.read_schedule(scope, id).await?;
            let cursor = Cursor::of_numbers(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("schedules/runs_newest"),
                Order::OldestFirst => sql!("schedules/runs_oldest"),
            };
            let rows = read(&self.readers, sql, params![id.0, cursor.after, cursor.limit]).await?;
            page_of(&rows, &page, |row| run_row(row, row.get("run_seq")), |row| row.seq.to_string())
        })
    }
}

impl PostgresStore {
    async fn read_schedule(&self, scope: Scope, id: ScheduleId) -> Result<ScheduleRow, StoreError> {
        let rows = read(&self.readers, sql!("schedules/get"), params![scope.workspace.0, id.0]).await?;
        schedule_row(rows.first().ok_or_else(|| no_schedule(id))?)
    }

    /// The one that was made under this key before; `None` when it was made now.
    async fn insert_schedule(&self, new: &NewSchedule) -> Result<Option<ScheduleRow>, Fault> {
        let NewSchedule { facts, said, live, idempotency, max } = new;
        let (workspace, key) = (facts.scope.workspace.0, idempotency.as_ref().map(key_text));
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("schedules/lock_workspace"), params![workspace]);
        // Statements of their own: they must see what was written by who had the turn before.
        let known = key.as_deref().map(|key| steps.add(sql!("schedules/find_key"), params![workspace, text(key)]));
        let count = steps.add(sql!("schedules/count"), params![workspace]);
        let answers = tx.send(steps).await?;
        if let (Some(first), Some(given)) = (answers.rows(known).first(), idempotency) {
            tx.rollback().await?;
            return if hash_of(first, "fingerprint")? == given.fingerprint {
                Ok(Some(schedule_row(first)?))
            } else {
                Err(StoreError::Refused(Refusal::IdempotencyKeyReused).into())
            };
        }
        let there: i64 = answers.rows(Some(count)).first().map_or(0, |row| row.get("schedules"));
        if there >= i64::from(*max) {
            tx.rollback().await?;
            return Err(StoreError::Refused(Refusal::SchedulesFull { max: *max }).into());
        }
        // From here the write must succeed.
        let mut values =
            params![facts.id.0, workspace, facts.user.0, text(&facts.user_external), facts.key.map(KeyId::uuid)];
        values.extend(said_params(said));
        values.extend(live_params(live));
        values.extend(params![
            key.as_deref().map(text),
            idempotency.as_ref().map(|given| given.fingerprint.to_vec()),
            Micros::from(facts.created_at)
        ]);
        let mut steps = Steps::default();
        steps.add(sql!("schedules/insert"), values);
        tx.commit(steps).await?;
        Ok(None)
    }

    async fn write_run(&self, noted: &NoteRun) -> Result<bool, Fault> {
        let (workspace, id) = (noted.scope.workspace.0, noted.id.0);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let found = match &noted.moved {
            Some(moved) => {
                let mut values = live_params(&moved.live);
                values.extend(params![workspace, id, moved.revision, Micros::from(moved.from.ready_at)]);
                steps.add(sql!("schedules/advance"), values)
            }
            None => steps.add(sql!("schedules/lock"), params![workspace, id]),
        };
        if tx.send(steps).await?.rows(Some(found)).is_empty() {
            tx.rollback().await?;
            return if noted.moved.is_some() { Ok(false) } else { Err(no_schedule(noted.id).into()) };
        }
        let run = &noted.run;
        let values = params![
            id,
            workspace,
            run.kind.as_str(),
            Micros::from(run.ready_at),
            Micros::from(run.made_at),
            run.outcome.as_str(),
            i64::from(run.missed),
            run.made.map(|(generation, _)| generation.0),
            run.made.map(|(_, draft)| draft.0),
            run.note.as_ref().map(|note| text(&note.code)),
            run.note.as_ref().map(|note| text(&note.message)),
        ];
        let event = noted.event();
        let mut steps = Steps::default();
        steps.add(sql!("schedules/insert_run"), values);
        steps.add(sql!("schedules/prune_runs"), params![id, wide(RUNS_KEPT)]);
        if let Some(event) = &event {
            events::write(&mut steps, std::slice::from_ref(event));
        }
        tx.commit(steps).await?;
        Ok(true)
    }
}

fn said_params(said: &Said) -> Vec<Param<'_>> {
    params![said.name.as_deref().map(text), text(&said.recipe), text(&said.spec)]
}

fn live_params(live: &Live) -> Vec<Param<'_>> {
    params![
        live.state.as_str(),
        live.note.as_ref().map(|note| text(&note.code)),
        live.note.as_ref().map(|note| text(&note.message)),
        live.next.map(|due| Micros::from(due.ready_at)),
        live.next.map(|due| Micros::from(due.start_at)),
        i64::from(live.failures),
        live.skipped_at.map(Micros::from),
    ]
}

fn schedule_row(row: &Row) -> Result<ScheduleRow, StoreError> {
    let state: &str = row.get("state");
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    Ok(ScheduleRow {
        facts: ScheduleFacts {
            id: ScheduleId(row.get("id")),
            scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
            user: UserId(row.get("user_id")),
            user_external: row.get("user_external"),
            key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
            created_at: row.get::<_, Micros>("created_at").into(),
        },
        said: Said { name: row.get("name"), recipe: row.get("recipe"), spec: row.get("spec") },
        live: Live {
            state: ScheduleState::parse(state).ok_or_else(|| unknown_word("state of a schedule", state))?,
            note: note(row, "note_code", "note"),
            next: instant("ready_at").zip(instant("start_at")).map(|(ready_at, start_at)| Due { ready_at, start_at }),
            failures: narrow("failures", row.get("failures"))?,
            skipped_at: instant("skipped_at"),
        },
        last: row.get::<_, Option<i64>>("run_seq").map(|seq| run_row(row, seq)).transpose()?,
        revision: row.get("revision"),
        updated_at: row.get::<_, Micros>("updated_at").into(),
    })
}

fn run_row(row: &Row, seq: i64) -> Result<RunRow, StoreError> {
    let (kind, outcome): (&str, &str) = (row.get("run_kind"), row.get("run_outcome"));
    let generation = row.get::<_, Option<Uuid>>("run_generation_id").map(GenerationId);
    let run = Run {
        kind: RunKind::parse(kind).ok_or_else(|| unknown_word("kind of a run", kind))?,
        ready_at: row.get::<_, Micros>("run_ready_at").into(),
        made_at: row.get::<_, Micros>("run_made_at").into(),
        outcome: RunOutcome::parse(outcome).ok_or_else(|| unknown_word("outcome of a run", outcome))?,
        missed: narrow("missed", row.get("run_missed"))?,
        made: generation.zip(row.get::<_, Option<Uuid>>("run_draft_id").map(DraftId)),
        note: note(row, "run_note_code", "run_note"),
    };
    Ok(RunRow { seq: narrow("seq", seq)?, run })
}

fn note(row: &Row, code: &str, message: &str) -> Option<Note> {
    let code: Option<String> = row.get(code);
    code.zip(row.get(message)).map(|(code, message)| Note { code, message })
}
