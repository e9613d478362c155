//! Calls: closing them with their figures, and reading them. The intent is written by the claim and by a finished step.

use crate::budgets;
use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use crate::totals;
use copydesk_core::metering::question::{Question, Total};
use copydesk_core::metering::totals::{CallFacts, Figures};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, Timestamp, Tokens, UserId};
use copydesk_store::usage::{CallFilter, CallRow, ClosedCall};
use copydesk_store::{Answer, Page, PageRequest, Scope, UsageStore};
use rusqlite::{Row, params};

/// The cost status of a figure the provider itself gave.
const PROVIDER_FIGURE: &str = "provider";

impl UsageStore for SqliteStore {
    fn calls(&self, scope: Scope, filter: CallFilter, page: PageRequest) -> Answer<'_, Page<CallRow>> {
        Box::pin(self.read(move |db| list(db, scope, &filter, &page)))
    }
    fn totals(&self, scope: Scope, question: Question) -> Answer<'_, Vec<Total>> {
        Box::pin(self.read(move |db| totals::answer(db, scope, &question)))
    }
    fn user_names(&self, scope: Scope, users: Vec<UserId>) -> Answer<'_, Vec<(UserId, String)>> {
        Box::pin(self.read(move |db| user_names(db, scope, users)))
    }
}

fn user_names(db: Db<'_>, scope: Scope, users: Vec<UserId>) -> Done<Vec<(UserId, String)>> {
    let mut names = Vec::with_capacity(users.len());
    for user in users {
        let params = [scope.workspace.0.as_bytes(), user.0.as_bytes()];
        names.extend(db.first(sql!("usage/user_name"), params, |row| Ok((user, row.get(0)?)))?);
    }
    Ok(names)
}

/// The figures of a call whose write won. One that is closed already stays as it is.
pub(crate) fn close_call(session: &mut Session<'_>, scope: Scope, call: &ClosedCall, at: Timestamp) -> Done<()> {
    match standing(session.db, scope, call.id)? {
        Some(standing) if standing.closed.is_none() => book(session, &standing, call, call.outcome, at),
        Some(_) | None => Ok(()),
    }
}

/// The figures of a call whose attempt is over: an open one is closed as late, a lost one gets the true figures, any
/// other has been reported already. Somebody's guess at a call they saw as lost is no figure.
pub(crate) fn book_late(session: &mut Session<'_>, scope: Scope, call: &ClosedCall, at: Timestamp) -> Done<()> {
    if call.outcome == CallOutcome::Lost {
        return Ok(());
    }
    let Some(standing) = standing(session.db, scope, call.id)? else { return Ok(()) };
    match &standing.closed {
        None => {}
        Some((then, lost)) if lost.outcome == CallOutcome::Lost => {
            session.sheet.take_back(&standing.call, *then, &lost.figures(lost.outcome));
        }
        Some(_) => return Ok(()),
    }
    book(session, &standing, call, CallOutcome::Late, at)
}

/// A call as it stands.
struct Standing {
    generation: GenerationId,
    call: CallFacts,
    closed: Option<(Timestamp, ClosedCall)>,
}

fn standing(db: Db<'_>, scope: Scope, id: CallId) -> Done<Option<Standing>> {
    let workspace = scope.workspace;
    db.first(sql!("apply/find_call"), params![workspace.0.as_bytes(), id.0.as_bytes()], |row| {
        let call = CallFacts {
            workspace,
            user: UserId(codec::uuid(row, "user_id")?),
            service: row.get("service")?,
            operation: row.get("operation")?,
            model: row.get("model")?,
        };
        Ok(Standing { generation: GenerationId(codec::uuid(row, "generation_id")?), call, closed: closing(row)? })
    })
}

/// Closes a call that may be closed, and counts it; the guess it had been closed with was taken back.
fn book(
    session: &mut Session<'_>,
    standing: &Standing,
    call: &ClosedCall,
    outcome: CallOutcome,
    at: Timestamp,
) -> Done<()> {
    let facts = &standing.call;
    session.sheet.add(facts, at, &call.figures(outcome));
    let taken_back = standing.closed.as_ref().map_or_else(Figures::default, |(_, lost)| lost.figures(lost.outcome));
    let closing = budgets::Closing {
        workspace: facts.workspace,
        generation: standing.generation,
        call: call.id,
        added: call.figures(outcome),
        taken_back,
        at,
    };
    budgets::spend(session, &closing)?;
    let tokens = |tokens: Option<Tokens>| tokens.map(|tokens| tokens.0);
    let (code, text) = call.error.as_ref().map(|(code, text)| (code, text)).unzip();
    let figures = params![
        tokens(call.usage.input),
        tokens(call.usage.output),
        tokens(call.usage.input_cached),
        tokens(call.usage.output_reasoning),
        tokens(call.usage.input_cache_write),
        tokens(call.usage.input_cache_write_1h),
        tokens(call.usage.input_image),
        tokens(call.usage.output_image),
        call.usage.images,
        call.usage.video_seconds,
        call.usage.requests,
        call.usage.estimated,
        call.cost.map(|cost| cost.0),
        call.cost_status,
        call.price_version,
        codec::signed(call.duration_ms),
        call.first_token_ms.map(codec::signed),
        call.http_status,
        call.provider_request_id,
        call.served_model,
        code,
        text,
        outcome.as_str(),
        at.micros(),
        call.id.0.as_bytes(),
        facts.workspace.0.as_bytes(),
    ];
    session.db.execute(sql!("apply/close_call"), figures)?;
    Ok(())
}

fn list(db: Db<'_>, scope: Scope, filter: &CallFilter, page: &PageRequest) -> Done<Page<CallRow>> {
    let cut = Cut::new::<CallId>(page, |id| id.0)?;
    let file = if filter.generation.is_some() {
        ordered!(cut, "usage/list_of_generation")
    } else if filter.draft.is_some() {
        ordered!(cut, "usage/list_of_draft")
    } else if filter.user.is_some() {
        ordered!(cut, "usage/list_of_user")
    } else {
        ordered!(cut, "usage/list")
    };
    let params = params![
        scope.workspace.0.as_bytes(),
        cut.after.as_bytes(),
        filter.user.map(|user| *user.0.as_bytes()),
        filter.generation.map(|generation| *generation.0.as_bytes()),
        filter.draft.map(|draft| *draft.0.as_bytes()),
        cut.limit,
    ];
    let rows = db.all(file, params, call_row)?;
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}

fn call_row(row: &Row<'_>) -> Done<CallRow> {
    let user_external: Option<String> = row.get("user_external")?;
    Ok(CallRow {
        id: CallId(codec::uuid(row, "id")?),
        generation: GenerationId(codec::uuid(row, "generation_id")?),
        draft: DraftId(codec::uuid(row, "draft_id")?),
        user: UserId(codec::uuid(row, "user_id")?),
        user_external: user_external.unwrap_or_default(),
        attempt: row.get("attempt")?,
        service: row.get("service")?,
        operation: row.get("operation")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        opened_at: codec::instant(row, "opened_at")?,
        closed: closing(row)?,
    })
}

pub(crate) fn closing(row: &Row<'_>) -> Done<Option<(Timestamp, ClosedCall)>> {
    match codec::maybe_instant(row, "closed_at")? {
        Some(at) => Ok(Some((at, closed_call(row)?))),
        None => Ok(None),
    }
}

fn closed_call(row: &Row<'_>) -> Done<ClosedCall> {
    let cost = row.get::<_, Option<i64>>("cost_nanousd")?.map(NanoUsd);
    let cost_status: String = codec::filled(row, "calls.cost_status")?;
    let code: Option<String> = row.get("error_code")?;
    Ok(ClosedCall {
        id: CallId(codec::uuid(row, "id")?),
        outcome: codec::word(row, "calls.outcome", CallOutcome::parse)?,
        usage: usage(row, cost.filter(|_| cost_status == PROVIDER_FIGURE))?,
        cost,
        cost_status,
        price_version: row.get("price_version")?,
        duration_ms: codec::unsigned(row, "duration_ms")?,
        first_token_ms: codec::maybe_unsigned(row, "first_token_ms")?,
        http_status: row.get("http_status")?,
        provider_request_id: row.get("provider_request_id")?,
        served_model: row.get("served_model")?,
        error: code.zip(row.get("error")?),
    })
}

fn usage(row: &Row<'_>, provider_cost: Option<NanoUsd>) -> Done<TokenUsage> {
    let tokens = |column: &str| -> Done<Option<Tokens>> { Ok(row.get::<_, Option<i64>>(column)?.map(Tokens)) };
    Ok(TokenUsage {
        input: tokens("tokens_input")?,
        output: tokens("tokens_output")?,
        input_cached: tokens("tokens_cached")?,
        input_cache_write: tokens("tokens_cache_write")?,
        input_cache_write_1h: tokens("tokens_cache_write_1h")?,
        input_image: tokens("tokens_input_image")?,
        output_reasoning: tokens("tokens_reasoning")?,
        output_image: tokens("tokens_output_image")?,
        images: row.get("images")?,
        video_seconds: row.get("video_seconds")?,
        requests: row.get("requests")?,
        // The provider's own figure is the cost then, and is not kept twice.
        provider_cost,
        estimated: row.get("estimated")?,
    })
}
