//! Bulk actions: asking for one, looking, and taking back. What one holds is exported by `bulk_export.rs`.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::prefer;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{BulkPath, IdempotencyHeader, Paging, PreferHeader};
use crate::openapi::words::{BulkOutcomeWord, BulkStatusWord};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::scopes::of_action;
use crate::wire::bulk::{BulkBody, BulkItemBody, BulkOutlookBody, NewBulk, OUTCOMES, outcome_of};
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::BulkId;
use copydesk_core::bulk::BulkStatus;
use copydesk_desk::bulk::Wanted;
use copydesk_desk::store::bulk::{BulkFilter, BulkItemFilter};
use copydesk_desk::store::{Order, Page};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// The answers to a bulk action that is asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "the schema of an answer that is written by its parts")]
pub(crate) enum OpenedOrRehearsed {
    Bulk(BulkBody),
    Outlook(BulkOutlookBody),
}

/// Do one thing to many generations or drafts.
///
/// Answered at once; a duty of the server gathers those that are there at this moment and acts on each. What is made
/// later is not touched. It needs the scope of doing the same to one.
#[utoipa::path(
    post, path = "/bulk", operation_id = "createBulk", tag = "bulk",
    params(
        ("dry_run" = Option<bool>, Query, description = "Count only: answer how many it would be done to."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = NewBulk, example = json!({ "action": "retry", "filter": { "recipe": "text" } })),
    responses(
        (status = 202, description = "It is on disk, and goes on by itself.", body = BulkBody),
        (status = 200, description = "At its end, with `Prefer: wait`; or the outlook, with `dry_run`.", body = OpenedOrRehearsed),
    ),
    extensions(("x-problems" = json!([Code::ModelNotFound, Code::IdempotencyKeyReused, Code::Draining]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewBulk>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let asked = body.value;
    let (Some(action), Some(kind)) = (asked.action, asked.of) else {
        return Err(Problem::internal("a bulk action without action or kind was let through"));
    };
    caller.must_have(of_action(action))?;
    let (model, reason, scope) = (asked.model.clone(), asked.reason.clone(), caller.scope);
    let which = asked.which(scope, kind);
    let permit = caller.permit.clone();
    let wanted = Wanted { scope, permit, key: caller.key(), action, kind, which, model, reason, idempotency };
    let desk = api.desk().clone();
    if dry_run {
        let outlook = desk.dry_bulk(wanted).await?;
        return Ok(Json(BulkOutlookBody::of(&outlook, action, kind)).into_response());
    }
    let mut row = owned(async move { desk.open_bulk(wanted).await }).await?.row().clone();
    let patience = prefer::wait(&headers);
    if let Some(patience) = patience {
        row = api.desk().wait_for_bulk(scope, row.facts.id, patience).await?;
    }
    let ended = patience.is_some() && row.bulk.status.ended().is_some();
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = api.links().bulk(row.facts.id, "");
    Ok((status, [(LOCATION, location)], Json(BulkBody::of(row, api.links()))).into_response())
}

/// List bulk actions.
#[utoipa::path(
    get, path = "/bulk", operation_id = "listBulk", tag = "bulk",
    params(("status" = Option<BulkStatusWord>, Query, description = "Only those."), Paging),
    responses((status = 200, description = "A page.", body = List<BulkBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let status = params.word("status", BulkStatus::parse, &BulkStatus::ALL.map(BulkStatus::as_str));
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let filter = BulkFilter { status, user: None };
    let page = api.desk().store().bulks(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| BulkBody::of(row, api.links())))
}

/// Look at a bulk action.
#[utoipa::path(
    get, path = "/bulk/{id}", operation_id = "getBulk", tag = "bulk",
    params(BulkPath),
    responses((status = 200, description = "How far it is.", body = BulkBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<BulkBody>, Problem> {
    let row = api.desk().store().bulk(caller.scope, id(&path)?).await?;
    Ok(Json(BulkBody::of(row, api.links())))
}

/// List what a bulk action is done to.
///
/// In the order in which they were made, each with what came of it.
#[utoipa::path(
    get, path = "/bulk/{id}/items", operation_id = "listBulkItems", tag = "bulk",
    params(BulkPath, ("outcome" = Option<BulkOutcomeWord>, Query, description = "Only those."), Paging),
    responses((status = 200, description = "A page.", body = List<BulkItemBody>)),
)]
pub(crate) async fn items(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let known = |word: &str| OUTCOMES.into_iter().find(|outcome| *outcome == word);
    let word = params.word("outcome", known, &OUTCOMES);
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let (scope, id) = (caller.scope, id(&path)?);
    let bulk = api.desk().store().bulk(scope, id).await?;
    let outcome = word.map(|word| outcome_of(word, bulk.bulk.status));
    let page = match outcome {
        // Nothing of it is pending once it is cancelled, nor cancelled before.
        Some(None) => Page { rows: vec![], next: None },
        Some(outcome @ Some(_)) => {
            api.desk().store().bulk_items(scope, id, BulkItemFilter { outcome }, page).await.map_err(listing)?
        }
        None => api.desk().store().bulk_items(scope, id, BulkItemFilter::default(), page).await.map_err(listing)?,
    };
    Ok(look::list(&uri, page, |item| BulkItemBody::of(item, &bulk)))
}

/// Stop a bulk action.
///
/// What was done stays done; nothing more is.
#[utoipa::path(
    post, path = "/bulk/{id}/cancel", operation_id = "cancelBulk", tag = "bulk",
    params(BulkPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It is cancelled.", body = BulkBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal]))),
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<BulkBody>, Problem> {
    let (desk, scope, id) = (api.desk().clone(), caller.scope, id(&path)?);
    let row = desk.store().bulk(scope, id).await?;
    caller.must_have(of_action(row.facts.action))?;
    let row = owned(async move { desk.cancel_bulk(scope, id).await }).await?;
    Ok(Json(BulkBody::of(row, api.links())))
}

pub(crate) fn id(path: &Segments) -> Result<BulkId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("bulk action", given.chars().take(80).collect::<String>()))
}
