//! API keys: making, showing, changing, ending, rotating. A secret is in the answer that made it and nowhere else.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IdempotencyHeader, KeyPath, Paging};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::key::{KeyBody, KeyFields, KeyPatch, KeyPatchFields, NewKey, Rotation};
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::KeyId;
use copydesk_desk::issue::Issued;
use copydesk_desk::store::Order;
use http::StatusCode;

/// List the keys of the workspace.
///
/// Also those that have ended; never their secrets.
#[utoipa::path(
    get, path = "/keys", operation_id = "listKeys", tag = "keys",
    params(Paging),
    responses((status = 200, description = "A page.", body = List<KeyBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let now = api.desk().world().now();
    let page = api.desk().store().list_keys(caller.scope, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| KeyBody::of(row, now)))
}

/// Read a key.
#[utoipa::path(
    get, path = "/keys/{id}", operation_id = "getKey", tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "The key, without its secret.", body = KeyBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<KeyBody>, Problem> {
    let row = api.desk().store().get_key(caller.scope, id(&path)?).await?;
    Ok(Json(KeyBody::of(row, api.desk().world().now())))
}

/// Make a key.
///
/// The secret is in this answer and nowhere else. A key cannot make one that may do more than itself.
#[utoipa::path(
    post, path = "/keys", operation_id = "createKey", tag = "keys",
    params(IdempotencyHeader),
    request_body(content = KeyFields, example = json!({ "name": "website", "role": "editor", "expires_at": "2d" })),
    responses((status = 201, description = "The key with its secret.", body = KeyBody)),
    extensions(("x-problems" = json!([Code::NaiveTimestamp, Code::IdempotencyKeyReused, Code::KeyMade]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewKey>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let (desk, issuer, terms) = (api.desk().clone(), caller.issuer(), body.value.0);
    let issued = owned(async move { desk.issue_key(&issuer, terms, idempotency).await }).await?;
    Ok(shown_once(&api, issued))
}

/// Change what a key may do.
///
/// What is named is set; `null` takes a list or a limit away.
#[utoipa::path(
    patch, path = "/keys/{id}", operation_id = "updateKey", tag = "keys",
    params(KeyPath),
    request_body(content = KeyPatchFields, example = json!({ "requests_per_minute": 600 })),
    responses((status = 200, description = "The key as it is now.", body = KeyBody)),
    extensions(("x-problems" = json!([Code::NaiveTimestamp, Code::LastKey, Code::KeyEnded, Code::VersionConflict]))),
)]
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<KeyPatch>,
) -> Result<Json<KeyBody>, Problem> {
    let id = id(&path)?;
    let (desk, issuer, patch) = (api.desk().clone(), caller.issuer(), body.value.0);
    let row = owned(async move { desk.change_key(&issuer, id, patch).await }).await?;
    Ok(Json(KeyBody::of(row, api.desk().world().now())))
}

/// Revoke a key.
///
/// It never works again. Its row stays, so that what it did can be told.
#[utoipa::path(
    delete, path = "/keys/{id}", operation_id = "revokeKey", tag = "keys",
    params(KeyPath),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is revoked.")),
    extensions(("x-problems" = json!([Code::LastKey, Code::VersionConflict]))),
)]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let id = id(&path)?;
    let (desk, issuer) = (api.desk().clone(), caller.issuer());
    owned(async move { desk.revoke_key(&issuer, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate a key.
///
/// Another one in its place, with the same rights; the old one stays good for the overlap.
#[utoipa::path(
    post, path = "/keys/{id}/rotate", operation_id = "rotateKey", tag = "keys",
    params(KeyPath),
    request_body(content = Rotation, example = json!({ "overlap": "1h" })),
    responses((status = 201, description = "The new key with its secret.", body = KeyBody)),
    extensions(("x-problems" = json!([Code::KeyEnded, Code::VersionConflict]))),
)]
pub(crate) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<Rotation>,
) -> Result<Response, Problem> {
    let id = id(&path)?;
    let (desk, issuer, overlap) = (api.desk().clone(), caller.issuer(), body.value.overlap);
    let issued = owned(async move { desk.rotate_key(&issuer, id, overlap).await }).await?;
    Ok(shown_once(&api, issued))
}

fn shown_once(api: &Api, issued: Issued) -> Response {
    let body = KeyBody::of(issued.row, api.desk().world().now()).with_secret(&issued.text);
    (StatusCode::CREATED, Json(body)).into_response()
}

fn id(path: &Segments) -> Result<KeyId, Problem> {
    let given = path.text("id");
    let shown = || given.chars().take(80).collect::<String>();
    given.parse().map_err(|_| Problem::new(Code::NotFound, format!("There is no key {}.", shown())))
}
