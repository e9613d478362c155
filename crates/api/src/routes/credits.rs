//! Credits: accounts, statements, and what is moved by hand. While credits are off every one of them says so.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IdempotencyHeader, Paging};
use crate::openapi::problems::POSTING;
use crate::openapi::words::{GenerationKey, TransferKind as KindWord};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::credits::GrantFields;
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

/// List the users' accounts.
#[utoipa::path(
    get, path = "/credits/accounts", operation_id = "listCreditAccounts", tag = "credits",
    params(Paging),
    responses((status = 200, description = "A page.", body = List<AccountBody>)),
    extensions(("x-problems" = json!([Code::CreditsOff]))),
)]
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
    Ok(look::list(&uri, page, AccountBody::from))
}

/// Look at a user's account.
#[utoipa::path(
    get, path = "/credits/accounts/{user}", operation_id = "getCreditAccount", tag = "credits",
    params(("user" = String, Path, min_length = 1, description = "Your name of the user, or `usr_...`.")),
    responses((status = 200, description = "The account.", body = AccountBody)),
    extensions(("x-problems" = json!([Code::CreditsOff]))),
)]
pub(crate) async fn account(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<AccountBody>, Problem> {
    Ok(Json(api.desk().account(caller.scope, path.text("user")).await?.into()))
}

/// Read the statement.
///
/// Each line with the balances right after it: with `user` in the order of his balance, else in that of the ids.
#[utoipa::path(
    get, path = "/credits/ledger", operation_id = "listCreditTransfers", tag = "credits",
    params(
        ("user" = Option<String>, Query, description = "Only this user's."),
        ("kind" = Option<KindWord>, Query, description = "Only of this kind."),
        ("generation" = Option<GenerationKey>, Query, description = "Only of this generation."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<LineBody>)),
    extensions(("x-problems" = json!([Code::CreditsOff]))),
)]
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
    Ok(look::list(&uri, page, LineBody::from))
}

/// List the packs of credits that are sold.
#[utoipa::path(
    get, path = "/credits/packs", operation_id = "listCreditPacks", tag = "credits",
    responses((status = 200, description = "All of them.", body = List<PackBody>)),
    extensions(("x-problems" = json!([Code::CreditsOff]))),
)]
pub(crate) async fn packs(State(api): State<Api>, _caller: Caller) -> Result<Json<List<PackBody>>, Problem> {
    api.desk().credits_on()?;
    let packs = api.desk().config().packs.iter().map(|(name, pack)| PackBody::of(name, pack));
    Ok(Json(List::whole(packs.collect())))
}

/// Give or sell credits to a user.
///
/// Posted once for each reference. A user who was never seen is made.
#[utoipa::path(
    post, path = "/credits/grants", operation_id = "grantCredits", tag = "credits",
    params(IdempotencyHeader),
    request_body(content = GrantFields, example = json!({ "user": "anna", "amount": 50_000_000, "reference": "order-17", "reason": "Welcome" })),
    responses(
        (status = 201, description = "It is posted.", body = PostedBody),
        (status = 200, description = "It was there already; nothing was moved.", body = PostedBody),
    ),
    extensions(("x-problems" = json!([POSTING, Code::NaiveTimestamp]))),
)]
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

/// Correct a balance by hand.
#[utoipa::path(
    post, path = "/credits/adjustments", operation_id = "adjustCredits", tag = "credits",
    params(IdempotencyHeader),
    request_body(content = NewAdjustment, example = json!({ "user": "anna", "amount": -1_000_000, "reason": "Counted twice", "reference": "fix-1" })),
    responses(
        (status = 201, description = "It is posted.", body = PostedBody),
        (status = 200, description = "It was there already; nothing was moved.", body = PostedBody),
    ),
    extensions(("x-problems" = json!([POSTING]))),
)]
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

/// Move credits from one user to another.
///
/// Answers about the sender.
#[utoipa::path(
    post, path = "/credits/gifts", operation_id = "giftCredits", tag = "credits",
    params(IdempotencyHeader),
    request_body(content = NewGift, example = json!({ "from": "anna", "to": "ben", "amount": 2_000_000, "reference": "gift-1" })),
    responses(
        (status = 201, description = "It is posted.", body = PostedBody),
        (status = 200, description = "It was there already; nothing was moved.", body = PostedBody),
    ),
    extensions(("x-problems" = json!([POSTING]))),
)]
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

/// Give back what a generation cost its user.
///
/// All that is left of what was settled, or a part of it.
#[utoipa::path(
    post, path = "/credits/refunds", operation_id = "refundCredits", tag = "credits",
    params(IdempotencyHeader),
    request_body = NewRefund,
    responses(
        (status = 201, description = "It is posted.", body = PostedBody),
        (status = 200, description = "It was there already; nothing was moved.", body = PostedBody),
    ),
    extensions(("x-problems" = json!([POSTING]))),
)]
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
