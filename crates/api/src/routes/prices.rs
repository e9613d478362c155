//! Prices set by the operator while the server runs. They belong to the installation, so only the operator sees or
//! changes them; what a model costs now stands in the list of models, for everybody.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{ModelPath, Paging};
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::price::PriceFields;
use crate::wire::price::{PriceToSet, SetPriceBody};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use copydesk_desk::store::{Order, Page};

/// List the prices that were set while the server ran.
///
/// Every row there is, also those that have ended.
#[utoipa::path(
    get, path = "/prices", operation_id = "listPrices", tag = "models",
    params(("model" = Option<String>, Query, description = "Only of this model, as `provider/model`."), Paging),
    responses((status = 200, description = "A page.", body = List<SetPriceBody>)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let model = params.text("model");
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let found = api.desk().store().prices(model, page).await.map_err(listing)?;
    let rows = found.rows.into_iter().map(SetPriceBody::of).collect::<Result<Vec<_>, _>>()?;
    Ok(look::list(&uri, Page { rows, next: found.next }, |row| row))
}

/// Set what a model costs from an instant on.
///
/// Calls that began before stay as they were booked. Zero is a price only with `"free": true`.
#[utoipa::path(
    put, path = "/prices/{provider}/{*model}", operation_id = "setPrice", tag = "models",
    params(ModelPath),
    request_body(content = PriceFields, example = json!({ "input_per_million_nanousd": 150_000_000, "output_per_million_nanousd": 600_000_000 })),
    responses((status = 200, description = "The row that was written.", body = SetPriceBody)),
    extensions(("x-problems" = json!([OPERATOR, Code::ModelNotFound, Code::NaiveTimestamp]))),
)]
pub(crate) async fn set(
    State(api): State<Api>,
    caller: Caller,
    segments: Segments,
    body: Body<PriceToSet>,
) -> Result<Json<SetPriceBody>, Problem> {
    caller.must_operate()?;
    let (desk, address) = (api.desk().clone(), address(&segments));
    let PriceToSet { from, price } = body.value;
    let row = owned(async move { desk.set_price(&address, from, &price).await }).await?;
    Ok(Json(SetPriceBody::of(row)?))
}

/// End what was set for a model.
///
/// From now on the price file and the compiled-in table hold again.
#[utoipa::path(
    delete, path = "/prices/{provider}/{*model}", operation_id = "endPrice", tag = "models",
    params(ModelPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The row that ends it.", body = SetPriceBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn end(
    State(api): State<Api>,
    caller: Caller,
    segments: Segments,
    _body: Body<Nothing>,
) -> Result<Json<SetPriceBody>, Problem> {
    caller.must_operate()?;
    let (desk, address) = (api.desk().clone(), address(&segments));
    let ended = owned(async move { desk.end_price(&address).await }).await;
    let row = ended.map_err(|problem| match problem.code() == Code::NotFound {
        true => {
            problem.hint("The list of what was set says what there is: GET /api/v1/prices or `copydesk prices ls`.")
        }
        false => problem,
    })?;
    Ok(Json(SetPriceBody::of(row)?))
}

fn address(segments: &Segments) -> String {
    format!("{}/{}", segments.text("provider"), segments.text("model"))
}
