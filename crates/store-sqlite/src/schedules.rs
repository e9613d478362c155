//! The tables `schedules` and `schedule_runs`. What a time means is decided elsewhere; here it is written by who still finds
//! the schedule where it was read.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::{Due, Live, RUNS_KEPT, RunKind, RunOutcome, ScheduleState};
use copydesk_core::{DraftId, GenerationId, KeyId, ScheduleId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::schedules::{
    NewSchedule, NoteRun, Run, RunRow, Said, ScheduleChange, ScheduleFacts, ScheduleFilter, ScheduleRow, no_schedule,
};
use copydesk_store::{Answer, Page, PageRequest, ScheduleStore, Scope};
use rusqlite::{Row, params};
use uuid::Uuid;

impl ScheduleStore for SqliteStore {
    fn add_schedule(&self, new: NewSchedule) -> Answer<'_, ScheduleRow> {
        Box::pin(self.write(new.said.spec.len(), move |session| add(session.db, &new)))
    }

    fn change_schedule(&self, change: ScheduleChange) -> Answer<'_, ScheduleRow> {
        Box::pin(self.write(change.said.spec.len(), move |session| put(session.db, &change)))
    }

    fn remove_schedule(&self, scope: Scope, id: ScheduleId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes(), revision];
            if session.db.execute(sql!("schedules/remove"), params)? > 0 {
                session.db.execute(sql!("schedules/remove_runs"), [id.0.as_bytes()])?;
                return Ok(());
            }
            let current = get(session.db, scope, id)?.revision;
            Err(Refusal::VersionConflict { current }.into())
        }))
    }

    fn schedule(&self, scope: Scope, id: ScheduleId) -> Answer<'_, ScheduleRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn schedules(&self, scope: Scope, filter: ScheduleFilter, page: PageRequest) -> Answer<'_, Page<ScheduleRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<ScheduleId>(&page, |id| id.0)?;
            let (workspace, state) = (scope.workspace.0.as_bytes(), filter.state.map(ScheduleState::as_str));
            let user = filter.user.map(|user| *user.0.as_bytes());
            let params = params![workspace, cut.after.as_bytes(), state, user, filter.recipe, cut.limit];
            let rows = db.all(ordered!(cut, "schedules/list"), params, schedule_row)?;
            Ok(page::cut(rows, page.limit, |row| row.facts.id.to_string()))
        }))
    }

    fn due_schedules(&self, now: Timestamp, after: Option<ScheduleId>, limit: u32) -> Answer<'_, Vec<ScheduleRow>> {
        Box::pin(self.read(move |db| {
            let after = after.map_or(Uuid::nil(), ScheduleId::uuid);
            db.all(sql!("schedules/due"), params![now.micros(), after.as_bytes(), limit], schedule_row)
        }))
    }

    fn note_run(&self, run: NoteRun) -> Answer<'_, bool> {
        Box::pin(self.write(0, move |session| note_run(session.db, &run)))
    }

    fn schedule_runs(&self, scope: Scope, id: ScheduleId, page: PageRequest) -> Answer<'_, Page<RunRow>> {
        Box::pin(self.read(move |db| {
            get(db, scope, id)?;
            let cut = Cut::of_numbers(&page)?;
            let params = params![id.0.as_bytes(), cut.after, cut.limit];
            let rows = db.all(ordered!(cut, "schedules/runs"), params, |row| run_row(row, row.get("run_seq")?))?;
            Ok(page::cut(rows, page.limit, |row| row.seq.to_string()))
        }))
    }
}

fn get(db: Db<'_>, scope: Scope, id: ScheduleId) -> Done<ScheduleRow> {
    let params = [scope.workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("schedules/get"), params, schedule_row)?.ok_or_else(|| no_schedule(id).into())
}

fn add(db: Db<'_>, new: &NewSchedule) -> Done<ScheduleRow> {
    let NewSchedule { facts, said, live, idempotency, max } = new;
    let (workspace, key) = (facts.scope.workspace.0.as_bytes(), idempotency.as_ref().map(key_text));
    if let Some(given) = idempotency {
        let known = db.first(sql!("schedules/find_key"), params![workspace, key], |row| {
            Ok((row.get::<_, [u8; 32]>("fingerprint")?, schedule_row(row)?))
        })?;
        match known {
            Some((fingerprint, first)) if fingerprint == given.fingerprint => return Ok(first),
            Some(_) => return Err(Refusal::IdempotencyKeyReused.into()),
            None => {}
        }
    }
    if db.number(sql!("schedules/count"), [workspace])? >= i64::from(*max) {
        return Err(Refusal::SchedulesFull { max: *max }.into());
    }
    // From here the write must succeed.
    let params = params![
        facts.id.0.as_bytes(),
        workspace,
        facts.user.0.as_bytes(),
        facts.user_external,
        facts.key.map(|key| *key.0.as_bytes()),
        said.name,
        said.recipe,
        said.spec,
        live.state.as_str(),
        live.note.as_ref().map(|note| &note.code),
        live.note.as_ref().map(|note| &note.message),
        live.next.map(|due| due.ready_at.micros()),
        live.next.map(|due| due.start_at.micros()),
        live.failures,
        live.skipped_at.map(Timestamp::micros),
        key,
        idempotency.as_ref().map(|given| given.fingerprint),
        facts.created_at.micros(),
    ];
    db.execute(sql!("schedules/insert"), params)?;
    get(db, facts.scope, facts.id)
}

fn put(db: Db<'_>, change: &ScheduleChange) -> Done<ScheduleRow> {
    let ScheduleChange { scope, id, revision, at, said, live } = change;
    let params = params![
        said.name,
        said.recipe,
        said.spec,
        live.state.as_str(),
        live.note.as_ref().map(|note| &note.code),
        live.note.as_ref().map(|note| &note.message),
        live.next.map(|due| due.ready_at.micros()),
        live.next.map(|due| due.start_at.micros()),
        live.failures,
        live.skipped_at.map(Timestamp::micros),
        at.micros(),
        scope.workspace.0.as_bytes(),
        id.0.as_bytes(),
        revision,
    ];
    let changed = db.execute(sql!("schedules/change"), params)?;
    let row = get(db, *scope, *id)?;
    if changed == 0 { Err(Refusal::VersionConflict { current: row.revision }.into()) } else { Ok(row) }
}

fn note_run(db: Db<'_>, noted: &NoteRun) -> Done<bool> {
    let (workspace, id) = (noted.scope.workspace.0.as_bytes(), noted.id.0.as_bytes());
    match &noted.moved {
        Some(moved) => {
            let live = &moved.live;
            let params = params![
                live.state.as_str(),
                live.note.as_ref().map(|note| &note.code),
                live.note.as_ref().map(|note| &note.message),
                live.next.map(|due| due.ready_at.micros()),
                live.next.map(|due| due.start_at.micros()),
                live.failures,
                live.skipped_at.map(Timestamp::micros),
                workspace,
                id,
                moved.revision,
                moved.from.ready_at.micros(),
            ];
            if db.execute(sql!("schedules/advance"), params)? == 0 {
                return Ok(false);
            }
        }
        None => drop(get(db, noted.scope, noted.id)?),
    }
    let run = &noted.run;
    let params = params![
        id,
        workspace,
        run.kind.as_str(),
        run.ready_at.micros(),
        run.made_at.micros(),
        run.outcome.as_str(),
        run.missed,
        run.made.map(|(generation, _)| *generation.0.as_bytes()),
        run.made.map(|(_, draft)| *draft.0.as_bytes()),
        run.note.as_ref().map(|note| &note.code),
        run.note.as_ref().map(|note| &note.message),
    ];
    db.execute(sql!("schedules/insert_run"), params)?;
    db.execute(sql!("schedules/prune_runs"), params![id, codec::signed(RUNS_KEPT)])?;
    if let Some(event) = noted.event() {
        write_event(db, &event)?;
    }
    Ok(true)
}

fn schedule_row(row: &Row<'_>) -> Done<ScheduleRow> {
    Ok(ScheduleRow {
        facts: ScheduleFacts {
            id: ScheduleId(codec::uuid(row, "id")?),
            scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
            user: UserId(codec::uuid(row, "user_id")?),
            user_external: row.get("user_external")?,
            key: codec::maybe_uuid(row, "key_id")?.map(KeyId),
            created_at: codec::instant(row, "created_at")?,
        },
        said: Said { name: row.get("name")?, recipe: row.get("recipe")?, spec: row.get("spec")? },
        live: Live {
            state: codec::word(row, "schedules.state", ScheduleState::parse)?,
            note: note(row, "note_code", "note")?,
            next: codec::maybe_instant(row, "ready_at")?
                .zip(codec::maybe_instant(row, "start_at")?)
                .map(|(ready_at, start_at)| Due { ready_at, start_at }),
            failures: row.get("failures")?,
            skipped_at: codec::maybe_instant(row, "skipped_at")?,
        },
        last: row.get::<_, Option<i64>>("run_seq")?.map(|seq| run_row(row, seq)).transpose()?,
        revision: row.get("revision")?,
        updated_at: codec::instant(row, "updated_at")?,
    })
}

fn run_row(row: &Row<'_>, seq: i64) -> Done<RunRow> {
    let generation = codec::maybe_uuid(row, "run_generation_id")?.map(GenerationId);
    let run = Run {
        kind: codec::word(row, "schedule_runs.run_kind", RunKind::parse)?,
        ready_at: codec::instant(row, "run_ready_at")?,
        made_at: codec::instant(row, "run_made_at")?,
        outcome: codec::word(row, "schedule_runs.run_outcome", RunOutcome::parse)?,
        missed: row.get("run_missed")?,
        made: generation.zip(codec::maybe_uuid(row, "run_draft_id")?.map(DraftId)),
        note: note(row, "run_note_code", "run_note")?,
    };
    Ok(RunRow { seq: seq.unsigned_abs(), run })
}

fn note(row: &Row<'_>, code: &str, message: &str) -> Done<Option<Note>> {
    let code: Option<String> = row.get(code)?;
    Ok(code.zip(row.get(message)?).map(|(code, message)| Note { code, message }))
}
