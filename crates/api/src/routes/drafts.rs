//! Drafts: looking, editing, reviewing, publishing, deleting, and filling once more.

use super::{look, receipt};
use crate::auth::Caller;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match, must_match, none_match};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::draft::DraftBody;
use crate::wire::list::List;
use crate::wire::requests::{DraftPatch, NewTry};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::DraftId;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_desk::DeskError;
use copydesk_desk::accept::Again;
use copydesk_desk::publish::Patch;
use copydesk_desk::store::drafts::{DraftFilter, DraftRow, DraftSetting};
use copydesk_desk::store::{Order, Scope};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = DraftFilter {
        status: params.word("status", DraftStatus::parse, &DraftStatus::ALL.map(DraftStatus::as_str)),
        user: params.user(caller.scope),
        recipe: params.text("recipe"),
        external_id: params.text("external_id"),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().list_drafts(caller.scope, filter, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    Ok(look::paged(&uri, next.as_deref(), List::of(page, |row| DraftBody::of(row, api.links()))))
}

pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = living(&api, caller.scope, path.draft(&api, caller.scope).await?).await?;
    if none_match(&headers, row.revision) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag(row.revision))]).into_response());
    }
    answer(&api, caller.scope, row).await
}

/// The draft, unless it is deleted: then it is not there for anybody but `undelete`.
pub(crate) async fn living(api: &Api, scope: Scope, id: DraftId) -> Result<DraftRow, Problem> {
    let row = api.desk().store().get_draft(scope, id).await?;
    match row.deleted_at {
        None => Ok(row),
        Some(at) => Err(Problem::not_found("draft", id.to_string())
            .hint(format!("It was deleted at {at}; POST /api/v1/drafts/{id}/undelete brings it back."))),
    }
}

async fn answer(api: &Api, scope: Scope, row: DraftRow) -> Result<Response, Problem> {
    let tag = etag(row.revision);
    let body = look::draft(api, scope, row).await?;
    Ok(([(ETAG, tag)], Json(body)).into_response())
}

pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<DraftPatch>,
) -> Result<Response, Problem> {
    let if_revision = must_match(&headers)?;
    let DraftPatch { title, content, review } = body.value;
    if title.is_none() && content.is_none() && review.is_none() {
        return Err(Problem::fault("", "required", "nothing to change: give at least one of title, content, review"));
    }
    let scope = caller.scope;
    let id = path.draft(&api, scope).await?;
    living(&api, scope, id).await?;
    let desk = api.desk().clone();
    let row = owned(async move {
        let mut if_revision = if_revision;
        let mut changed = None;
        if title.is_some() || content.is_some() {
            let edited = desk.edit(scope, id, Patch { title, body: content, if_revision }).await?;
            // The review is of exactly this version.
            if_revision = Some(edited.revision);
            changed = Some(edited);
        }
        match (review, changed) {
            (None, Some(edited)) => Ok::<DraftRow, DeskError>(edited),
            (None, None) => Ok(desk.store().get_draft(scope, id).await?),
            (Some(review), _) => desk.set_draft(scope, id, DraftSetting::Review(review), if_revision).await,
        }
    })
    .await?;
    answer(&api, scope, row).await
}

async fn set(
    api: &Api,
    caller: &Caller,
    path: &Segments,
    headers: &HeaderMap,
    to: DraftSetting,
) -> Result<DraftRow, Problem> {
    let if_revision = if_match(headers)?;
    let scope = caller.scope;
    let id = path.draft(api, scope).await?;
    let desk = api.desk().clone();
    owned(async move { desk.set_draft(scope, id, to, if_revision).await }).await
}

pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    set(&api, &caller, &path, &headers, DraftSetting::Delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident = $setting:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            path: Segments,
            headers: HeaderMap,
            _body: Body<Nothing>,
        ) -> Result<Response, Problem> {
            let row = set(&api, &caller, &path, &headers, $setting).await?;
            answer(&api, caller.scope, row).await
        }
    )*};
}

moves! {
    undelete = DraftSetting::Undelete;
    publish = DraftSetting::Publish;
    unpublish = DraftSetting::Unpublish;
    approve = DraftSetting::Review(Review::Approved);
    reject = DraftSetting::Review(Review::Rejected);
}

pub(crate) async fn regenerate(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: Body<NewTry>,
) -> Result<Response, Problem> {
    let id = path.draft(&api, caller.scope).await?;
    let change = Again {
        model: body.value.model,
        idempotency: key.of(&caller, &body.raw, api.desk().world().now()),
        key: caller.key,
    };
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let accepted = owned(async move { desk.regenerate(scope, id, change).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}
