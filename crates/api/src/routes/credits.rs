//! Credits: accounts, statements, and what is moved by hand. While credits are off every one of them says so.

use super::look;
use crate::auth::Caller;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::credits::{AccountBody, LineBody, NewAdjustment, NewGift, NewGrant, NewRefund, PackBody, PostedBody};
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::ledger::TransferKind;
use copydesk_desk::DeskError;
use copydesk_desk::credits::{Adjustment, Giving, Grant, Memo, Refund};
use copydesk_desk::store::Order;
use copydesk_desk::store::generations::Idempotency;
use copydesk_desk::store::ledger::{Posted, TransferFilter};
use http::StatusCode;

pub(crate) async fn accounts(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    api.desk().credits_on()?;
    let page = api.desk().store().accounts(caller.scope, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    Ok(look::paged(&uri, next.as_deref(), List::of(page, AccountBody::from)))
}

pub(crate) async fn account(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<AccountBody>, Problem> {
    Ok(Json(api.desk().account(caller.scope, path.text("user")).await?.into()))
}

/// The statement: with `user` in the order of his balance, else in that of the ids.
pub(crate) async fn ledger(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = TransferFilter {
        user: params.user(caller.scope),
        kind: params.word("kind", TransferKind::parse, &TransferKind::ALL.map(TransferKind::as_str)),
        generation: params.id("generation"),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    api.desk().credits_on()?;
    let page = api.desk().store().transfers(caller.scope, filter, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    Ok(look::paged(&uri, next.as_deref(), List::of(page, LineBody::from)))
}

pub(crate) async fn packs(State(api): State<Api>, _caller: Caller) -> Result<Json<List<PackBody>>, Problem> {
    api.desk().credits_on()?;
    let packs = api.desk().config().packs.iter().map(|(name, pack)| PackBody::of(name, pack));
    Ok(Json(List::whole(packs.collect())))
}

pub(crate) async fn grant(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewGrant>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewGrant { user, size, kind, reference, reason, expires_at } = body.value;
    let memo = Memo { scope: caller.scope, user, reference, reason, idempotency };
    let desk = api.desk().clone();
    answer(async move { desk.grant(Grant { memo, kind, size, expires_at }).await }).await
}

pub(crate) async fn adjust(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewAdjustment>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewAdjustment { user, down, amount, reference, reason } = body.value;
    let memo = Memo { scope: caller.scope, user, reference, reason, idempotency };
    let desk = api.desk().clone();
    answer(async move { desk.adjust(Adjustment { memo, down, amount }).await }).await
}

pub(crate) async fn gift(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewGift>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewGift { from, to, amount, reference, reason } = body.value;
    let memo = Memo { scope: caller.scope, user: from, reference, reason, idempotency };
    let desk = api.desk().clone();
    answer(async move { desk.give(Giving { memo, to, amount }).await }).await
}

pub(crate) async fn refund(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewRefund>,
) -> Result<Response, Problem> {
    let idempotency: Option<Idempotency> = key.of(&caller, &body.raw, api.desk().world().now());
    let NewRefund { generation, amount, reference, reason } = body.value;
    let missing = || DeskError::NotFound { what: "generation", id: generation.chars().take(80).collect() };
    let generation = generation.parse().map_err(|_| missing())?;
    let order = Refund { scope: caller.scope, generation, amount, reference, reason, idempotency };
    let desk = api.desk().clone();
    answer(async move { desk.refund(order).await }).await
}

/// 201 for what was posted, 200 for what was there already.
async fn answer(work: impl Future<Output = Result<Posted, DeskError>> + Send + 'static) -> Result<Response, Problem> {
    let posted = owned(work).await?;
    let status = if posted.posted { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PostedBody::from(posted))).into_response())
}
