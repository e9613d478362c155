//! Generations as readers see them: the facts of the accept joined with whichever live or final row there is.

use super::{Cursor, page_of};
use crate::PostgresStore;
use crate::ledger::credits;
use crate::pipeline::read;
use crate::turn::terms;
use crate::types::{Micros, narrow, params, sql, unknown_word};
use crate::waiting::Park;
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::{AttemptNo, Failure, FailureCode, Generation, RowVersion, State, Status, Wait};
use copydesk_core::{DraftId, GenerationId, JobId, KeyId, NodeId, Timestamp, UserId};
use copydesk_store::generations::{FinishedStep, GenerationFilter, GenerationRow};
use copydesk_store::jobs::ItemRef;
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

pub fn no_generation(id: GenerationId) -> StoreError {
    StoreError::NotFound { what: "generation", id: id.to_string() }
}

impl PostgresStore {
    pub(crate) async fn get_generation(&self, scope: Scope, id: GenerationId) -> Result<GenerationRow, StoreError> {
        let rows = read(&self.readers, sql!(deep "generations/get"), params![id.0, scope.workspace.0]).await?;
        row(rows.first().ok_or_else(|| no_generation(id))?)
    }

    pub(crate) async fn steps_of(&self, scope: Scope, id: GenerationId) -> Result<Vec<FinishedStep>, StoreError> {
        let rows = read(&self.readers, sql!(deep "generations/steps"), params![id.0, scope.workspace.0]).await?;
        Ok(rows.iter().map(crate::turn::claim::finished_step).collect())
    }

    pub(crate) async fn list_generations(
        &self,
        scope: Scope,
        filter: GenerationFilter,
        page: &PageRequest,
    ) -> Result<Page<GenerationRow>, StoreError> {
        let cursor = Cursor::<GenerationId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "generations/list_newest"),
            Order::OldestFirst => sql!(deep "generations/list_oldest"),
        };
        let ended = filter.status.filter(|status| status.is_final()).map(|status| status.as_str());
        let params = params![
            scope.workspace.0,
            cursor.after.0,
            ended,
            filter.status == Some(Status::Processing),
            filter.status == Some(Status::Pending),
            filter.user.map(|user| user.0),
            filter.draft.map(|draft| draft.0),
            filter.recipe,
            filter.job.map(|job| job.0),
            cursor.limit
        ];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, row, |row| row.generation.id.to_string())
    }
}

fn row(row: &Row) -> Result<GenerationRow, StoreError> {
    let id = GenerationId(row.get("id"));
    let state = match final_state(row)? {
        Some(state) => state,
        None => live_state(row)?.ok_or_else(|| StoreError::Corrupt(format!("{id} is nowhere")))?,
    };
    let priority: i32 = row.get("priority");
    let priority = i16::try_from(priority).ok().and_then(Priority::new);
    let code: Option<String> = row.get("last_error_code");
    let version: Option<i64> = row.get("version");
    Ok(GenerationRow {
        generation: generation(row, id, state)?,
        draft: DraftId(row.get("draft_id")),
        user: UserId(row.get("user_id")),
        user_external: row.get("user_external"),
        key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
        recipe: row.get("recipe"),
        recipe_version: row.get("recipe_version"),
        model: row.get("model"),
        asked_model: row.get("asked_model"),
        input: row.get("input"),
        filled: row.get("filled"),
        params: row.get("params"),
        metadata: row.get("metadata"),
        target: row.get("target"),
        dedupe_key: row.get("dedupe_key"),
        priority: priority.ok_or_else(|| StoreError::Corrupt(format!("priority of {id}")))?,
        started_at: row.get::<_, Option<Micros>>("started_at").map(Timestamp::from),
        version: version.map(|version| narrow("version", version)).transpose()?,
        origin: row.get("origin"),
        last_error: code.zip(row.get::<_, Option<String>>("last_error")),
        job: item(row)?,
    })
}

/// The item of a job, from the two columns that say it.
pub fn item(row: &Row) -> Result<Option<ItemRef>, StoreError> {
    let job = row.get::<_, Option<Uuid>>("job_id").map(JobId);
    let seq = row.get::<_, Option<i64>>("job_seq").map(|seq| narrow("job_seq", seq)).transpose()?;
    Ok(job.zip(seq).map(|(job, seq)| ItemRef { job, seq }))
}

/// The generation out of any row with the columns of `generations` and the live counters.
pub fn generation(row: &Row, id: GenerationId, state: State) -> Result<Generation, StoreError> {
    Ok(Generation {
        id,
        terms: terms(row)?,
        state,
        attempt: AttemptNo(narrow("attempt", row.get("attempt"))?),
        spent: narrow("spent", row.get("spent"))?,
        row_version: RowVersion(row.get("row_version")),
    })
}

fn final_state(row: &Row) -> Result<Option<State>, StoreError> {
    let Some(word) = row.get::<_, Option<&str>>("final_status") else { return Ok(None) };
    let at = Timestamp::from(row.get::<_, Micros>("finished_at"));
    let status = Status::parse(word).ok_or_else(|| unknown_word("generation status", word))?;
    match status {
        Status::Completed => Ok(Some(State::Completed { at, settled: credits(row.get("settled"))? })),
        Status::Cancelled => Ok(Some(State::Cancelled { at })),
        Status::Failed => {
            let code: &str = row.get::<_, Option<&str>>("error_code").unwrap_or_default();
            let code = FailureCode::parse(code).ok_or_else(|| unknown_word("failure code", code))?;
            let message: Option<String> = row.get("error");
            let mut failure = Failure::new(code, message.unwrap_or_default());
            failure.detail = row.get("error_detail");
            Ok(Some(State::Failed { at, failure }))
        }
        Status::Pending | Status::Processing => Err(StoreError::Corrupt(format!("an outcome that is {status}"))),
    }
}

/// The state of a generation that is not final; `None` if the row belongs to none.
pub fn live_state(row: &Row) -> Result<Option<State>, StoreError> {
    if let Some(node) = row.get::<_, Option<Uuid>>("node_id") {
        return Ok(Some(State::Processing {
            node: NodeId(node),
            claimed_at: row.get::<_, Micros>("claimed_at").into(),
            attempt_deadline: row.get::<_, Micros>("attempt_deadline_at").into(),
        }));
    }
    if row.get::<_, Option<Uuid>>("ready_id").is_some() {
        return Ok(Some(State::Pending { wait: Wait::Ready }));
    }
    Ok(wait(row)?.map(|wait| State::Pending { wait }))
}

/// Why a parked row waits; `None` if it is not one.
pub fn wait(row: &Row) -> Result<Option<Wait>, StoreError> {
    let Some(reason) = row.get::<_, Option<&str>>("reason") else { return Ok(None) };
    let until = row.get::<_, Option<Micros>>("not_before_at").map(Timestamp::from);
    Ok(Some(match (reason, until) {
        (Park::SCHEDULED, Some(until)) => Wait::Scheduled { until },
        (Park::BACKING_OFF, Some(until)) => Wait::BackingOff { until },
        (Park::TARGET, _) => Wait::Target,
        (Park::HELD, _) => Wait::Held,
        (_, _) => return Err(unknown_word("reason to wait", reason)),
    }))
}
