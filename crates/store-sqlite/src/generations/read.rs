//! Reading generations: one, and pages of them. The ids of a page are found by the narrowest index its filter allows,
//! then each row is read, without its input. Changes nothing.

use super::sweep::{live_state, terms};
use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::page::{self, Cut};
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::{AttemptNo, Generation, RowVersion, State, Status};
use copydesk_core::{DraftId, GenerationId, JobId, KeyId, UserId};
use copydesk_store::generations::{FinishedStep, GenerationFilter, GenerationRow};
use copydesk_store::jobs::ItemRef;
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};

pub(super) fn get(db: Db<'_>, scope: Scope, id: GenerationId) -> Done<GenerationRow> {
    row(db, scope, id, true)
}

fn row(db: Db<'_>, scope: Scope, id: GenerationId, with_input: bool) -> Done<GenerationRow> {
    let params = params![with_input, id.0.as_bytes(), scope.workspace.0.as_bytes()];
    let row = db.first(sql!("generations/get"), params, generation_row)?;
    row.ok_or_else(|| no_generation(id).into())
}

pub(super) fn steps(db: Db<'_>, scope: Scope, id: GenerationId) -> Done<Vec<FinishedStep>> {
    let params = params![id.0.as_bytes(), scope.workspace.0.as_bytes()];
    db.all(sql!("generations/steps"), params, super::claim::finished_step)
}

pub(super) fn no_generation(id: GenerationId) -> StoreError {
    StoreError::NotFound { what: "generation", id: id.to_string() }
}

fn generation_row(row: &Row<'_>) -> Done<GenerationRow> {
    let id = GenerationId(codec::uuid(row, "id")?);
    let priority: i16 = row.get("priority")?;
    let external: Option<String> = row.get("user_external")?;
    let last_error: Option<String> = row.get("last_error_code")?;
    Ok(GenerationRow {
        generation: Generation {
            id,
            terms: terms(row)?,
            state: state(row, id)?,
            attempt: AttemptNo(codec::filled(row, "outcomes.attempt")?),
            spent: codec::filled(row, "outcomes.spent")?,
            row_version: RowVersion(codec::filled(row, "outcomes.row_version")?),
        },
        draft: DraftId(codec::uuid(row, "draft_id")?),
        user: UserId(codec::uuid(row, "user_id")?),
        user_external: external.unwrap_or_default(),
        key: codec::maybe_uuid(row, "key_id")?.map(KeyId),
        recipe: row.get("recipe")?,
        recipe_version: row.get("recipe_version")?,
        model: row.get("model")?,
        asked_model: row.get("asked_model")?,
        input: codec::filled(row, "inputs.input")?,
        filled: row.get("filled")?,
        params: row.get("params")?,
        metadata: codec::filled(row, "inputs.metadata")?,
        target: row.get("target")?,
        dedupe_key: row.get("dedupe_key")?,
        priority: Priority::new(priority)
            .ok_or_else(|| Fault::corrupt(format!("column generations.priority says {priority}")))?,
        started_at: codec::maybe_instant(row, "started_at")?,
        version: row.get("version")?,
        origin: row.get("origin")?,
        last_error: last_error.zip(row.get("last_error")?),
        job: item(row)?,
    })
}

/// The item of a job, from the two columns that begin with its id.
pub(super) fn item(row: &Row<'_>) -> Done<Option<ItemRef>> {
    let job = codec::maybe_uuid(row, "job_id")?.map(JobId);
    Ok(job.zip(row.get("job_seq")?).map(|(job, seq)| ItemRef { job, seq }))
}

fn state(row: &Row<'_>, id: GenerationId) -> Done<State> {
    if let Some(state) = live_state(row)? {
        return Ok(state);
    }
    let status: Option<String> = row.get("final_status")?;
    let status = status.ok_or_else(|| Fault::corrupt(format!("{id} was accepted and is nowhere")))?;
    let at = codec::instant(row, "finished_at")?;
    match codec::known("outcomes.status", &status, Status::parse)? {
        Status::Completed => Ok(State::Completed { at, settled: codec::credits(row, "settled")? }),
        Status::Failed => Ok(State::Failed { at, failure: codec::failure(row)? }),
        Status::Cancelled => Ok(State::Cancelled { at }),
        Status::Pending | Status::Processing => Err(Fault::corrupt(format!("{id} is final and {status}"))),
    }
}

pub(super) fn list(
    db: Db<'_>,
    scope: Scope,
    filter: &GenerationFilter,
    page: &PageRequest,
) -> Done<Page<GenerationRow>> {
    let cut = Cut::new::<GenerationId>(page, |id| id.0)?;
    let ids = ids(db, scope, filter, &cut)?;
    let rows = ids.into_iter().map(|id| row(db, scope, id, false)).collect::<Done<Vec<_>>>()?;
    Ok(page::cut(rows, page.limit, |row| row.generation.id.to_string()))
}

fn ids(db: Db<'_>, scope: Scope, filter: &GenerationFilter, cut: &Cut) -> Done<Vec<GenerationId>> {
    let read = |row: &Row<'_>| Ok(GenerationId(codec::uuid(row, 0)?));
    let (workspace, after, recipe, limit) =
        (scope.workspace.0.as_bytes(), cut.after.as_bytes(), &filter.recipe, cut.limit);
    if filter.user.is_none() && filter.draft.is_none() && filter.job.is_none() {
        let live = params![workspace, after, recipe, limit];
        match filter.status {
            Some(Status::Pending) => return db.all(ordered!(cut, "generations/list_pending"), live, read),
            Some(Status::Processing) => return db.all(ordered!(cut, "generations/list_processing"), live, read),
            Some(status @ (Status::Failed | Status::Cancelled)) => {
                let ended = params![workspace, after, recipe, status.as_str(), limit];
                return db.all(ordered!(cut, "generations/list_without_version"), ended, read);
            }
            // Nearly all are: the plain list finds them as it goes.
            Some(Status::Completed) | None => {}
        }
    }
    let file = if filter.draft.is_some() {
        ordered!(cut, "generations/list_of_draft")
    } else if filter.user.is_some() {
        ordered!(cut, "generations/list_of_user")
    } else {
        ordered!(cut, "generations/list")
    };
    let (user, draft) = (filter.user.map(|user| *user.0.as_bytes()), filter.draft.map(|draft| *draft.0.as_bytes()));
    let status = filter.status.map(Status::as_str);
    let (processing, pending) = (Status::Processing.as_str(), Status::Pending.as_str());
    if let Some(job) = filter.job {
        let job = job.0.as_bytes();
        let params = params![workspace, after, recipe, user, draft, job, status, processing, pending, limit];
        return db.all(ordered!(cut, "generations/list_of_job"), params, read);
    }
    db.all(file, params![workspace, after, recipe, user, draft, status, processing, pending, limit], read)
}
