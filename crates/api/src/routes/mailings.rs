//! Mailings: ordered, followed, held back and taken back; and the send log, mail by mail.

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
use crate::openapi::params::{IdempotencyHeader, MailPath, MailingPath, Paging, PreferHeader};
use crate::openapi::words::MailStatusWord;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::mailing::{JudgementFields, MailBody, MailingBody, MailingOutlookBody, NewMailing};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::mail::MailStatus;
use copydesk_core::{MailId, MailingId};
use copydesk_desk::mail::Order as Wanted;
use copydesk_desk::store::mail::{MailFilter, MailingOrder, OpenedMailing};
use copydesk_desk::store::{Order, Page, Scope};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// The answers to a mailing that is ordered.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "the schema of an answer that is written by its parts")]
pub(crate) enum OrderedOrRehearsed {
    Mailing(MailingBody),
    Outlook(MailingOutlookBody),
}

/// Send prospects their drafts.
///
/// Answered at once; a duty of the server sends them one by one, within the limits of a day and a second. Nobody gets the
/// same version twice, whoever orders it; who got a draft before gets another version of it only with `again`. Who cannot
/// get one is skipped, with the reason.
#[utoipa::path(
    post, path = "/mailings", operation_id = "createMailing", tag = "mail",
    params(
        ("dry_run" = Option<bool>, Query, description = "Count only: how many would get a mail, and why others would not."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = NewMailing, example = json!({ "prospects": { "filter": { "source_type": "website" } } })),
    responses(
        (status = 202, description = "It is on disk, and goes on by itself.", body = MailingBody),
        (status = 200, description = "At its end, with `Prefer: wait`; the outlook, with `dry_run`; or the first one again, with its Idempotency-Key.", body = OrderedOrRehearsed),
    ),
    extensions(("x-problems" = json!([Code::MailNotSetUp, Code::IdempotencyKeyReused, Code::NotFound]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewMailing>,
) -> Result<Response, Problem> {
    let dry = params.flag("dry_run");
    params.finish()?;
    let idempotency = if dry { None } else { key.of(&caller, &body.raw, api.desk().world().now()) };
    let spec = body.raw.to_string();
    let NewMailing { prospects: Some(which), again } = body.value else {
        return Err(Problem::internal("a mailing for nobody was let through"));
    };
    let order = Wanted { scope: caller.scope, which, spec, again, dry, idempotency };
    let desk = api.desk().clone();
    let opened = owned(async move { desk.order_mailing(order).await }).await?;
    answered(&api, caller.scope, opened, dry, &headers).await
}

/// The answer to an order.
pub(super) async fn answered(
    api: &Api,
    scope: Scope,
    opened: OpenedMailing,
    dry: bool,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if dry {
        return Ok(Json(MailingOutlookBody::of(&opened)).into_response());
    }
    let mut row = opened.row().clone();
    let patience = prefer::wait(headers);
    if let Some(patience) = patience {
        row = api.desk().wait_for_mailing(scope, row.id, patience).await?;
    }
    let new = matches!(opened, OpenedMailing::New(..));
    let ended = patience.is_some() && row.mailing.finished_at.is_some();
    let status = if new && !ended { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = api.links().mailing(row.id, "");
    Ok((status, [(LOCATION, location)], Json(MailingBody::of(row, api.links()))).into_response())
}

/// List mailings.
#[utoipa::path(
    get, path = "/mailings", operation_id = "listMailings", tag = "mail",
    params(Paging),
    responses((status = 200, description = "A page.", body = List<MailingBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().mailings(caller.scope, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| MailingBody::of(row, api.links())))
}

/// Look at a mailing.
#[utoipa::path(
    get, path = "/mailings/{id}", operation_id = "getMailing", tag = "mail",
    params(MailingPath),
    responses((status = 200, description = "How far it is.", body = MailingBody)),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<MailingBody>, Problem> {
    let row = api.desk().store().mailing(caller.scope, id(&path)?).await?;
    Ok(Json(MailingBody::of(row, api.links())))
}

/// List the mails of a mailing: the send log.
#[utoipa::path(
    get, path = "/mailings/{id}/mails", operation_id = "listMails", tag = "mail",
    params(MailingPath, ("status" = Option<MailStatusWord>, Query, description = "Only those."), Paging),
    responses((status = 200, description = "A page.", body = List<MailBody>)),
)]
pub(crate) async fn mails(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let mailing = id(&path)?;
    let status = params.word("status", MailStatus::parse, &MailStatus::WORDS);
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let Page { rows, next } =
        api.desk().store().mails(caller.scope, MailFilter { mailing, status }, page).await.map_err(listing)?;
    Ok(look::list(&uri, Page { rows, next }, MailBody::of))
}

/// Hold a mailing back.
///
/// What a process has is sent; nothing further begins.
#[utoipa::path(
    post, path = "/mailings/{id}/pause", operation_id = "pauseMailing", tag = "mail",
    params(MailingPath), request_body = Option<Nothing>,
    responses((status = 200, description = "It is paused.", body = MailingBody)),
)]
pub(crate) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<MailingBody>, Problem> {
    ordered(&api, &caller, &path, MailingOrder::Pause).await
}

/// Let a mailing go on.
#[utoipa::path(
    post, path = "/mailings/{id}/resume", operation_id = "resumeMailing", tag = "mail",
    params(MailingPath), request_body = Option<Nothing>,
    responses((status = 200, description = "It goes on.", body = MailingBody)),
)]
pub(crate) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<MailingBody>, Problem> {
    ordered(&api, &caller, &path, MailingOrder::Resume).await
}

/// Take back all mails that wait.
///
/// What a process has is sent. Those taken back may be ordered anew. Of a long mailing the first 1,000 are taken back when this
/// answers and the rest soon after, and nothing of it goes meanwhile.
#[utoipa::path(
    post, path = "/mailings/{id}/cancel", operation_id = "cancelMailing", tag = "mail",
    params(MailingPath), request_body = Option<Nothing>,
    responses((status = 200, description = "Nothing of it goes any more.", body = MailingBody)),
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<MailingBody>, Problem> {
    ordered(&api, &caller, &path, MailingOrder::Cancel).await
}

/// Send the failed ones once more.
///
/// They certainly did not arrive. Those that are `unknown` are left alone. Of a long mailing the first 1,000 wait when this
/// answers, and the rest soon after; of one that is being taken back none do.
#[utoipa::path(
    post, path = "/mailings/{id}/retry_failed", operation_id = "retryFailedMails", tag = "mail",
    params(MailingPath), request_body = Option<Nothing>,
    responses((status = 200, description = "They wait.", body = MailingBody)),
)]
pub(crate) async fn retry_failed(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<MailingBody>, Problem> {
    ordered(&api, &caller, &path, MailingOrder::RetryFailed).await
}

/// Look at a mail.
#[utoipa::path(
    get, path = "/mails/{id}", operation_id = "getMail", tag = "mail",
    params(MailPath),
    responses((status = 200, description = "A line of the send log.", body = MailBody)),
)]
pub(crate) async fn mail(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<MailBody>, Problem> {
    Ok(Json(MailBody::of(api.desk().store().mail(caller.scope, mail_id(&path)?).await?)))
}

/// Say what became of a mail nobody can know about.
///
/// For a mail that is `unknown`: `sent` when it arrived, `not_sent` when it did not, `again` to send it once more whether it
/// arrived or not. The mail server's own log, searched for the `message_id`, knows.
#[utoipa::path(
    post, path = "/mails/{id}/outcome", operation_id = "judgeMail", tag = "mail",
    params(MailPath),
    request_body(content = JudgementFields, example = json!({ "outcome": "sent" })),
    responses((status = 200, description = "The mail as it is now.", body = MailBody)),
)]
pub(crate) async fn judge(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<JudgementFields>,
) -> Result<Json<MailBody>, Problem> {
    let Some(word) = body.value.outcome else {
        return Err(Problem::internal("a judgement without a word was let through"));
    };
    let (id, desk, scope) = (mail_id(&path)?, api.desk().clone(), caller.scope);
    Ok(Json(MailBody::of(owned(async move { desk.judge_mail(scope, id, word).await }).await?)))
}

async fn ordered(
    api: &Api,
    caller: &Caller,
    path: &Segments,
    order: MailingOrder,
) -> Result<Json<MailingBody>, Problem> {
    let (id, desk, scope) = (id(path)?, api.desk().clone(), caller.scope);
    let row = owned(async move { desk.change_mailing(scope, id, order).await }).await?;
    Ok(Json(MailingBody::of(row, api.links())))
}

fn id(path: &Segments) -> Result<MailingId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("mailing", given.chars().take(80).collect::<String>()))
}

fn mail_id(path: &Segments) -> Result<MailId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("mail", given.chars().take(80).collect::<String>()))
}
