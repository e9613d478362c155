//! Sources: made, changed, removed, fetched on demand, and what they brought.

use super::assets::lost;
use super::look;
use crate::auth::{Caller, denied};
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IdempotencyHeader, IfMatch, Paging, SourcePath};
use crate::openapi::words::{SourceKey, SourceKind, SourceState};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::source::{
    Edited, FetchBody, ItemBody, Made, NewSourceFields, SourceBody, SourceFields, SourceOutlookBody,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::KeyScope;
use copydesk_core::source::{Kind, State as SourceIs};
use copydesk_core::{FileId, SourceId};
use copydesk_desk::sources::{SourceEdit, SourceOrder, TEXT_CHARS_MAX};
use copydesk_desk::store::Order;
use copydesk_desk::store::sources::{ItemsOf, SourceFilter, SourceRow, Whose};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// The most days a list of items goes back. Units: days.
const DAYS_MAX: u32 = 3_650;

/// List sources.
///
/// A key of one user sees that user's own and everybody's.
#[utoipa::path(
    get, path = "/sources", operation_id = "listSources", tag = "sources",
    params(
        ("user" = Option<String>, Query, description = "Those of this user: your name of him, or `usr_...`."),
        ("kind" = Option<SourceKind>, Query, description = "Only those."),
        ("state" = Option<SourceState>, Query, description = "Only those."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<SourceBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = SourceFilter {
        whose: params.user(caller.scope).map(Whose::Own),
        kind: params.word("kind", Kind::parse, &Kind::WORDS),
        state: params.word("state", SourceIs::parse, &SourceIs::WORDS),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().sources(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, SourceBody::of))
}

/// Make a source.
///
/// A feed or page is fetched at once, and then as its schedule says. A key of one user makes that user's own. The text of a
/// text can be a file's that was put here (`file_id`, which needs `files:read`). With `dry_run` everything is checked, an
/// address is fetched once, what it would bring is answered, and nothing is written.
#[utoipa::path(
    post, path = "/sources", operation_id = "createSource", tag = "sources",
    params(
        ("dry_run" = Option<bool>, Query, description = "Try only: answer what would be made, and what it would bring."),
        IdempotencyHeader,
    ),
    request_body(content = NewSourceFields, example = json!({ "kind": "feed", "url": "https://example.com/feed.xml", "user": "ann", "schedule": "02:00 Europe/Berlin" })),
    responses(
        (status = 201, description = "The source.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
        (status = 200, description = "The outlook, with `dry_run`.", body = SourceOutlookBody),
    ),
    extensions(("x-problems" = json!([Code::IdempotencyKeyReused, Code::NotFound]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    body: Body<Made>,
) -> Result<Response, Problem> {
    let dry = params.flag("dry_run");
    params.finish()?;
    let idempotency = if dry { None } else { key.of(&caller, &body.raw, api.desk().world().now()) };
    let Made { user, kind, mut edit, file } = body.value;
    if let Some(file) = file {
        edit.text = Some(text_of(&api, &caller, file).await?);
    }
    let user = user.or_else(|| caller.permit.user.clone());
    let (desk, order) = (api.desk().clone(), SourceOrder { scope: caller.scope, user, kind, edit, idempotency });
    if dry {
        let outlook = owned(async move { desk.try_source(order).await }).await?;
        return Ok(Json(SourceOutlookBody::of(outlook)).into_response());
    }
    let row = owned(async move { desk.add_source(order).await }).await?;
    Ok(tagged(row, StatusCode::CREATED))
}

/// Look at a source.
#[utoipa::path(
    get, path = "/sources/{id}", operation_id = "getSource", tag = "sources",
    params(SourcePath),
    responses((status = 200, description = "The source.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Response, Problem> {
    Ok(tagged(api.desk().store().source(caller.scope, id(&path)?).await?, StatusCode::OK))
}

/// Change a source.
///
/// What is not named stays. Another address begins anew; what the old one brought stays. The text of a text can be a file's
/// that was put here (`file_id`, which needs `files:read`).
#[utoipa::path(
    patch, path = "/sources/{id}", operation_id = "updateSource", tag = "sources",
    params(SourcePath, IfMatch),
    request_body(content = SourceFields, example = json!({ "schedule": "6h" })),
    responses((status = 200, description = "The source as it is now.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict, Code::NotFound]))),
)]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<Edited>,
) -> Result<Response, Problem> {
    let Edited { edit: mut said, file } = body.value;
    if let Some(file) = file {
        said.text = Some(text_of(&api, &caller, file).await?);
    }
    edit(&api, &caller, id(&path)?, if_match(&headers)?, said).await
}

/// Pause a source.
///
/// Nobody fetches it by schedule until it is resumed; what it brought stays.
#[utoipa::path(
    post, path = "/sources/{id}/pause", operation_id = "pauseSource", tag = "sources",
    params(SourcePath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The source as it is now.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    edit(&api, &caller, id(&path)?, None, SourceEdit { paused: Some(true), ..SourceEdit::default() }).await
}

/// Resume a source.
///
/// It is due at once.
#[utoipa::path(
    post, path = "/sources/{id}/resume", operation_id = "resumeSource", tag = "sources",
    params(SourcePath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The source as it is now.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    edit(&api, &caller, id(&path)?, None, SourceEdit { paused: Some(false), ..SourceEdit::default() }).await
}

/// Fetch a source now.
///
/// Answers when it has been fetched, within half a minute. That it could not be is said by its `error`, not by the status.
#[utoipa::path(
    post, path = "/sources/{id}/fetch", operation_id = "fetchSource", tag = "sources",
    params(SourcePath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The source as it is now.", body = SourceBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
)]
pub(crate) async fn fetch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    let (row, _) = owned(async move { desk.fetch_source(scope, id).await }).await?;
    Ok(tagged(row, StatusCode::OK))
}

/// Remove a source.
///
/// Its items and its log go with it; drafts keep what went into them.
#[utoipa::path(
    delete, path = "/sources/{id}", operation_id = "deleteSource", tag = "sources",
    params(SourcePath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let (id, revision, desk, scope) = (id(&path)?, if_match(&headers)?, api.desk().clone(), caller.scope);
    owned(async move { desk.store().remove_source(scope, id, revision).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what a source brought.
#[utoipa::path(
    get, path = "/sources/{id}/items", operation_id = "listItemsOfSource", tag = "sources",
    params(SourcePath, Paging),
    responses((status = 200, description = "A page.", body = List<ItemBody>)),
)]
pub(crate) async fn items_of(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    path: Segments,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let source = id(&path)?;
    api.desk().store().source(caller.scope, source).await?;
    let filter = ItemsOf { source: Some(source), ..ItemsOf::default() };
    let page = api.desk().store().source_items(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, ItemBody::of))
}

/// List what all sources brought.
///
/// In the order in which they were first seen.
#[utoipa::path(
    get, path = "/items", operation_id = "listItems", tag = "sources",
    params(
        ("user" = Option<String>, Query, description = "What a newsletter of this user is made of: of his own sources and everybody's."),
        ("source_id" = Option<SourceKey>, Query, description = "Of this source."),
        ("days" = Option<u32>, Query, description = "Published, or where nothing says when, first seen, in the last days.", minimum = 1, maximum = 3650),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<ItemBody>)),
    extensions(("x-problems" = json!([Code::NotFound]))),
)]
pub(crate) async fn items(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let days = params.number("days", 1);
    if days.is_some_and(|days| days > DAYS_MAX) {
        params.fault("days", "out_of_range", format!("it must be at most {DAYS_MAX}"));
    }
    let filter = ItemsOf {
        source: params.id("source_id"),
        whose: params.user(caller.scope).map(Whose::For),
        since: days.map(|days| api.desk().world().now().minus(Duration::from_secs(u64::from(days) * 86_400))),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().source_items(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, ItemBody::of))
}

/// List fetches of a source.
///
/// The last hundred are kept.
#[utoipa::path(
    get, path = "/sources/{id}/fetches", operation_id = "listFetches", tag = "sources",
    params(SourcePath, Paging),
    responses((status = 200, description = "A page.", body = List<FetchBody>)),
)]
pub(crate) async fn fetches(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    path: Segments,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let source = id(&path)?;
    api.desk().store().source(caller.scope, source).await?;
    let page = api.desk().store().fetches(caller.scope, source, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, FetchBody::of))
}

async fn edit(
    api: &Api,
    caller: &Caller,
    id: SourceId,
    revision: Option<i64>,
    edit: SourceEdit,
) -> Result<Response, Problem> {
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.edit_source(scope, id, revision, edit).await }).await?;
    Ok(tagged(row, StatusCode::OK))
}

/// The text of a file that was put here.
async fn text_of(api: &Api, caller: &Caller, id: FileId) -> Result<String, Problem> {
    caller.permit.scope(KeyScope::FilesRead).map_err(denied)?;
    let row = api.desk().file(caller.scope, id).await?;
    // A character has at most four bytes.
    if row.bytes > 4 * TEXT_CHARS_MAX as u64 {
        let detail = format!("it must have at most {TEXT_CHARS_MAX} characters; the file has {} bytes", row.bytes);
        return Err(Problem::fault("/file_id", "bad_length", detail));
    }
    let mut bytes = Vec::new();
    let mut file = api.desk().open_file(&row, 0).await.map_err(|error| lost(id, &error))?;
    let read = file.read_to_end(&mut bytes).await;
    read.map_err(|error| Problem::internal(format!("the file {id} cannot be read: {error}")))?;
    String::from_utf8(bytes)
        .map_err(|_| Problem::fault("/file_id", "bad_encoding", "the file is not UTF-8: save it so"))
}

fn tagged(row: SourceRow, status: StatusCode) -> Response {
    (status, [(ETAG, etag(row.revision))], Json(SourceBody::of(row))).into_response()
}

fn id(path: &Segments) -> Result<SourceId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("source", given.chars().take(80).collect::<String>()))
}
