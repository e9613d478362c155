//! Usage rows as readers see them.

use super::{Cursor, page_of};
use crate::PostgresStore;
use crate::pipeline::read;
use crate::types::{Micros, narrow, params, sql, unknown_word};
use copydesk_core::metering::totals::CallFacts;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, Timestamp, Tokens, UserId, WorkspaceId};
use copydesk_store::usage::{CallFilter, CallRow, ClosedCall};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn page_calls(
        &self,
        scope: Scope,
        filter: CallFilter,
        page: &PageRequest,
    ) -> Result<Page<CallRow>, StoreError> {
        let cursor = Cursor::<CallId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "usage/list_newest"),
            Order::OldestFirst => sql!(deep "usage/list_oldest"),
        };
        let params = params![
            scope.workspace.0,
            cursor.after.0,
            filter.user.map(|user| user.0),
            filter.generation.map(|generation| generation.0),
            filter.draft.map(|draft| draft.0),
            cursor.limit
        ];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, call, |call| call.id.to_string())
    }
}

impl PostgresStore {
    pub(crate) async fn names_of(&self, scope: Scope, users: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows = read(&self.readers, sql!(deep "usage/user_name"), params![scope.workspace.0, ids]).await?;
        Ok(rows.iter().map(|row| (UserId(row.get("id")), row.get("external_id"))).collect())
    }
}

/// A call as it stands, before it is closed or closed anew.
pub struct Standing {
    pub generation: GenerationId,
    pub call: CallFacts,
    pub closed: Option<(Timestamp, ClosedCall)>,
}

impl Standing {
    pub fn of(row: &Row) -> Result<Standing, StoreError> {
        Ok(Standing { generation: GenerationId(row.get("generation_id")), call: facts(row), closed: closing(row)? })
    }
}

pub fn facts(row: &Row) -> CallFacts {
    CallFacts {
        workspace: WorkspaceId(row.get("workspace_id")),
        user: UserId(row.get("user_id")),
        service: row.get("service"),
        operation: row.get("operation"),
        model: row.get("model"),
    }
}

pub fn closing(row: &Row) -> Result<Option<(Timestamp, ClosedCall)>, StoreError> {
    let closed_at: Option<Micros> = row.get("closed_at");
    closed_at.map(|at| Ok((Timestamp::from(at), closed(row)?))).transpose()
}

fn call(row: &Row) -> Result<CallRow, StoreError> {
    Ok(CallRow {
        id: CallId(row.get("id")),
        generation: GenerationId(row.get("generation_id")),
        draft: DraftId(row.get("draft_id")),
        user: UserId(row.get("user_id")),
        user_external: row.get("user_external"),
        attempt: narrow("attempt", row.get("attempt"))?,
        service: row.get("service"),
        operation: row.get("operation"),
        provider: row.get("provider"),
        model: row.get("model"),
        opened_at: row.get::<_, Micros>("opened_at").into(),
        closed: closing(row)?,
    })
}

fn closed(row: &Row) -> Result<ClosedCall, StoreError> {
    let outcome: &str = row.get::<_, Option<&str>>("outcome").unwrap_or_default();
    let tokens = |column: &str| row.get::<_, Option<i64>>(column).map(Tokens);
    let cost = row.get::<_, Option<i64>>("cost_nanousd").map(NanoUsd);
    let cost_status: String = row.get::<_, Option<String>>("cost_status").unwrap_or_default();
    let http_status: Option<i32> = row.get("http_status");
    let code: Option<String> = row.get("error_code");
    Ok(ClosedCall {
        id: CallId(row.get("id")),
        outcome: CallOutcome::parse(outcome).ok_or_else(|| unknown_word("call outcome", outcome))?,
        usage: TokenUsage {
            input: tokens("tokens_input"),
            output: tokens("tokens_output"),
            input_cached: tokens("tokens_cached"),
            input_cache_write: tokens("tokens_cache_write"),
            input_cache_write_1h: tokens("tokens_cache_write_1h"),
            input_image: tokens("tokens_input_image"),
            output_reasoning: tokens("tokens_reasoning"),
            output_image: tokens("tokens_output_image"),
            images: maybe(row, "images")?,
            video_seconds: maybe(row, "video_seconds")?,
            requests: maybe(row, "requests")?,
            // The provider's own figure is the cost then, and is not kept twice.
            provider_cost: cost.filter(|_| cost_status == "provider"),
            estimated: row.get("estimated"),
        },
        cost,
        cost_status,
        price_version: row.get("price_version"),
        duration_ms: narrow("duration_ms", row.get::<_, Option<i64>>("duration_ms").unwrap_or_default())?,
        first_token_ms: maybe(row, "first_token_ms")?,
        http_status: http_status.map(|status| narrow("http_status", i64::from(status))).transpose()?,
        provider_request_id: row.get("provider_request_id"),
        served_model: row.get("served_model"),
        error: code.zip(row.get::<_, Option<String>>("error")),
    })
}

/// A number that may not have been reported.
fn maybe<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<Option<T>, StoreError> {
    row.get::<_, Option<i64>>(column).map(|value| narrow(column, value)).transpose()
}
