//! Budgets: set, changed, ended and read. What they refuse is said by the routes that ask for generations.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{BudgetPath, IdempotencyHeader, Paging};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::budget::{
    BudgetBody, BudgetEditBody, BudgetEditFields, BudgetFields, BudgetHistoryBody, NewBudgetBody,
};
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::BudgetId;
use copydesk_desk::budgets::{BudgetOrder, PERIODS_MAX};
use copydesk_desk::store::Order;
use copydesk_desk::store::budgets::BudgetFilter;
use http::StatusCode;

/// List the budgets, with what is used of each now.
#[utoipa::path(
    get, path = "/budgets", operation_id = "listBudgets", tag = "budgets",
    params(("ended" = Option<bool>, Query, description = "Also those that have ended."), Paging),
    responses((status = 200, description = "A page.", body = List<BudgetBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = BudgetFilter { ended: params.flag("ended") };
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let page = api.desk().budgets(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, BudgetBody::from))
}

/// Read a budget and what was used of it lately.
#[utoipa::path(
    get, path = "/budgets/{id}", operation_id = "getBudget", tag = "budgets",
    params(BudgetPath, ("periods" = Option<u32>, Query, minimum = 1, maximum = 400, description = "How many periods back; 1, the current one, unless said otherwise.")),
    responses((status = 200, description = "The budget with its periods.", body = BudgetHistoryBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
) -> Result<Json<BudgetHistoryBody>, Problem> {
    let periods = match params.text("periods").map(|text| text.parse()) {
        None => 1,
        Some(Ok(periods)) if (1..=PERIODS_MAX).contains(&periods) => periods,
        Some(_) => {
            params.fault("periods", "out_of_range", format!("it must be a whole number from 1 to {PERIODS_MAX}"));
            1
        }
    };
    params.finish()?;
    let id = id(&path)?;
    Ok(Json(api.desk().budget(caller.scope, id, periods).await?.into()))
}

/// Set a budget.
///
/// For the whole workspace, one user or key, or each user or key. From now on a request that could pass it is refused
/// before it is queued.
#[utoipa::path(
    post, path = "/budgets", operation_id = "createBudget", tag = "budgets",
    params(IdempotencyHeader),
    request_body(content = BudgetFields, example = json!({ "unit": "cost", "period": "month", "limit": 50_000_000_000_i64 })),
    responses((status = 201, description = "It holds.", body = BudgetBody)),
    extensions(("x-problems" = json!([Code::NotFound, Code::IdempotencyKeyReused]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewBudgetBody>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let NewBudgetBody { of, measure, period, zone, limit, warn_at } = body.value;
    let order = BudgetOrder { scope: caller.scope, of, measure, period, zone, limit, warn_at, idempotency };
    let desk = api.desk().clone();
    let id = owned(async move { desk.set_budget(order).await }).await?.id;
    let body = state(&api, &caller, id).await?;
    Ok((StatusCode::CREATED, body).into_response())
}

/// Change a limit or the shares at which it warns.
///
/// What is set aside for work in progress stays so.
#[utoipa::path(
    patch, path = "/budgets/{id}", operation_id = "updateBudget", tag = "budgets",
    params(BudgetPath),
    request_body(content = BudgetEditFields, example = json!({ "limit": 100_000_000_000_i64 })),
    responses((status = 200, description = "The budget as it is now.", body = BudgetBody)),
)]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<BudgetEditBody>,
) -> Result<Json<BudgetBody>, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    owned(async move { desk.change_budget(scope, id, body.value.0).await }).await?;
    state(&api, &caller, id).await
}

/// End a budget.
///
/// What it counted stays to be read.
#[utoipa::path(
    delete, path = "/budgets/{id}", operation_id = "endBudget", tag = "budgets",
    params(BudgetPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The budget as it ended.", body = BudgetBody)),
)]
pub(crate) async fn end(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<BudgetBody>, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    owned(async move { desk.end_budget(scope, id).await }).await?;
    state(&api, &caller, id).await
}

async fn state(api: &Api, caller: &Caller, id: BudgetId) -> Result<Json<BudgetBody>, Problem> {
    Ok(Json(api.desk().budget(caller.scope, id, 1).await?.into()))
}

fn id(path: &Segments) -> Result<BudgetId, Problem> {
    path.text("id")
        .parse()
        .map_err(|_| Problem::not_found("budget", path.text("id").chars().take(80).collect::<String>()))
}
