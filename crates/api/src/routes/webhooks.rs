//! Webhooks: made, changed, tested, rotated; their messages, and sending those again. A secret is in the answer that made it
//! and nowhere else. What a receiver answered is for who may change webhooks: for others a test tells only whether it arrived,
//! so that nobody learns about a network from it.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{DeliveryPath, IdempotencyHeader, IfMatch, Paging, WebhookPath};
use crate::openapi::words::DeliveryStatus;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::webhook::{
    DeliveryBody, NewWebhook, Ping, ReplayBody, SecretRotation, SeqRange, Sight, WebhookBody, WebhookPatch,
    WebhookPatchFields,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::KeyScope;
use copydesk_core::{DeliveryId, WebhookId};
use copydesk_desk::DeskError;
use copydesk_desk::store::Order;
use copydesk_desk::store::webhooks::{DeliveryFilter, EndpointRow, StateWord};
use copydesk_desk::webhooks::{Before, EndpointEdit, EndpointOrder, Secreted};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};

/// List the webhooks of the workspace.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(Paging),
    responses((status = 200, description = "A page, without secrets.", body = List<WebhookBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let now = api.desk().world().now();
    let page = api.desk().webhooks(caller.scope, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| WebhookBody::of(row, now)))
}

/// Read a webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(WebhookPath),
    responses((status = 200, description = "The webhook, without its secret.", body = WebhookBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Response, Problem> {
    Ok(shown(&api, api.desk().webhook(caller.scope, id(&path)?).await?))
}

/// Make a webhook.
///
/// From now on its address is told of events, in signed messages (Standard Webhooks). The secret is in this answer and
/// nowhere else. The first one makes the server's key for secrets; on PostgreSQL that has to be set.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "createWebhook", tag = "webhooks",
    params(IdempotencyHeader),
    request_body(content = NewWebhook, example = json!({ "url": "https://example.com/hooks/copydesk", "events": ["generation.completed", "generation.failed"] })),
    responses((status = 201, description = "The webhook with its secret.", body = WebhookBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::WebhookMade, Code::SecretKeyMissing]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewWebhook>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewWebhook { for_requests, url, events, description } = body.value;
    let url = url.filter(|_| !for_requests);
    let order = EndpointOrder { scope: caller.scope, url, events, description, idempotency };
    let desk = api.desk().clone();
    let made = owned(async move { desk.add_webhook(order).await }).await?;
    Ok(shown_once(&api, made, StatusCode::CREATED))
}

/// Change a webhook.
#[utoipa::path(
    patch, path = "/webhooks/{id}", operation_id = "updateWebhook", tag = "webhooks",
    params(WebhookPath, IfMatch),
    request_body(content = WebhookPatchFields, example = json!({ "events": ["draft.*"] })),
    responses((status = 200, description = "The webhook as it is now.", body = WebhookBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<WebhookPatch>,
) -> Result<Response, Problem> {
    change(&api, &caller, &path, &headers, body.value.0).await
}

/// Enable a webhook again.
///
/// It hears what happens from now on; `replay` tells it of what it missed.
#[utoipa::path(
    post, path = "/webhooks/{id}/enable", operation_id = "enableWebhook", tag = "webhooks",
    params(WebhookPath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn enable(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    change(&api, &caller, &path, &headers, EndpointEdit { enabled: Some(true), ..EndpointEdit::default() }).await
}

async fn change(
    api: &Api,
    caller: &Caller,
    path: &Segments,
    headers: &HeaderMap,
    edit: EndpointEdit,
) -> Result<Response, Problem> {
    let (id, if_revision) = (id(path)?, if_match(headers)?);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.change_webhook(scope, id, edit, if_revision).await }).await?;
    Ok(shown(api, row))
}

/// Remove a webhook.
///
/// What waits for it is dropped, its secret is forgotten.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(WebhookPath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is removed.")),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let (id, if_revision) = (id(&path)?, if_match(&headers)?);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    owned(async move { desk.remove_webhook(scope, id, if_revision).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook another secret.
///
/// Until the overlap is over messages carry a signature of each, so that a receiver can change over in peace. Meanwhile
/// another rotation is refused, since it would end the secret that receivers may still know; `drop_previous` says it may.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(WebhookPath),
    request_body(content = Option<SecretRotation>, example = json!({ "overlap": "1h" })),
    responses((status = 200, description = "The webhook with its new secret.", body = WebhookBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::SecretKeyMissing, Code::VersionConflict, Code::OldSecretCounts]))),
)]
pub(crate) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<SecretRotation>,
) -> Result<Response, Problem> {
    let (id, SecretRotation { overlap, drop_previous }) = (id(&path)?, body.value);
    let before = if drop_previous { Before::Dropped } else { Before::Kept };
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let made = owned(async move { desk.rotate_webhook(scope, id, overlap, before).await }).await?;
    Ok(shown_once(&api, made, StatusCode::OK))
}

/// Send a test.
///
/// One attempt, also to a disabled webhook. What came of it stands in the message's log a moment later.
#[utoipa::path(
    post, path = "/webhooks/{id}/ping", operation_id = "pingWebhook", tag = "webhooks",
    params(WebhookPath),
    request_body(content = Option<Ping>, example = json!({ "type": "generation.completed" })),
    responses((status = 202, description = "The message.", body = DeliveryBody)),
)]
pub(crate) async fn ping(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<Ping>,
) -> Result<Response, Problem> {
    let (id, kind) = (id(&path)?, body.value.kind);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.ping_webhook(scope, id, kind).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody::of(row, sight(&caller)))).into_response())
}

/// Send the messages of a range of events again.
///
/// Also those that were never made, because the webhook was disabled or did not exist. At most 10,000 at once.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", operation_id = "replayWebhook", tag = "webhooks",
    params(WebhookPath),
    request_body(content = SeqRange, example = json!({ "from_seq": 4711, "to_seq": 4800 })),
    responses((status = 202, description = "How many are on their way.", body = ReplayBody)),
)]
pub(crate) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<SeqRange>,
) -> Result<Response, Problem> {
    let (id, SeqRange { from_seq, to_seq }) = (id(&path)?, body.value);
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let told = owned(async move { desk.replay_webhook(scope, id, (from_seq, to_seq)).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayBody::from(told))).into_response())
}

/// List the messages of a webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "webhooks",
    params(WebhookPath, ("status" = Option<DeliveryStatus>, Query, description = "Only those."), Paging),
    responses((status = 200, description = "A page.", body = List<DeliveryBody>)),
)]
pub(crate) async fn deliveries(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let state = params.text("status").and_then(|word| {
        let state = StateWord::parse(&word);
        if state.is_none() {
            let known = StateWord::ALL.map(StateWord::as_str).join(", ");
            params.fault("status", "not_allowed", format!("it must be one of {known}"));
        }
        state
    });
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let (webhook, sight) = (id(&path)?, sight(&caller));
    let filter = DeliveryFilter { webhook, state };
    api.desk().webhook(caller.scope, webhook).await?;
    let page = api.desk().store().deliveries(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| DeliveryBody::of(row, sight)))
}

/// Read a message with its attempts.
#[utoipa::path(
    get, path = "/deliveries/{id}", operation_id = "getDelivery", tag = "webhooks",
    params(DeliveryPath),
    responses((status = 200, description = "The message.", body = DeliveryBody)),
)]
pub(crate) async fn delivery(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<DeliveryBody>, Problem> {
    let (row, attempts) = api.desk().delivery(caller.scope, delivery_id(&path)?).await?;
    let sight = sight(&caller);
    Ok(Json(DeliveryBody::of(row, sight).with_attempts(attempts, sight)))
}

/// Send a message again.
///
/// Under the same `webhook-id` and with the same words.
#[utoipa::path(
    post, path = "/deliveries/{id}/redeliver", operation_id = "redeliver", tag = "webhooks",
    params(DeliveryPath),
    request_body = Option<Nothing>,
    responses((status = 202, description = "The message, which waits to be sent.", body = DeliveryBody)),
    extensions(("x-problems" = json!([Code::ValidationFailed]))),
)]
pub(crate) async fn redeliver(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let id = delivery_id(&path)?;
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.redeliver(scope, id).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody::of(row, sight(&caller)))).into_response())
}

/// Who may make webhooks may see what receivers answer.
fn sight(caller: &Caller) -> Sight {
    if caller.permit.scope(KeyScope::WebhooksWrite).is_ok() { Sight::Whole } else { Sight::Class }
}

fn shown(api: &Api, row: EndpointRow) -> Response {
    let tag = etag(row.revision);
    ([(ETAG, tag)], Json(WebhookBody::of(row, api.desk().world().now()))).into_response()
}

fn shown_once(api: &Api, made: Secreted, status: StatusCode) -> Response {
    let tag = etag(made.row.revision);
    let body = WebhookBody::of(made.row, api.desk().world().now()).with_secret(&made.secret);
    (status, [(ETAG, tag)], Json(body)).into_response()
}

fn id(path: &Segments) -> Result<WebhookId, Problem> {
    path.text("id").parse().map_err(|_| missing("webhook", path))
}

fn delivery_id(path: &Segments) -> Result<DeliveryId, Problem> {
    path.text("id").parse().map_err(|_| missing("delivery", path))
}

fn missing(what: &'static str, path: &Segments) -> Problem {
    let id = path.text("id").chars().take(80).collect();
    DeskError::NotFound { what, id }.into()
}
