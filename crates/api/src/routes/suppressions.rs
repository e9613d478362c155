//! Who wants nothing: listed, said by an operator, taken back by one.

use super::look;
use super::subscribers::list_of;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{Paging, SuppressionPath};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::subscriber::{NewSuppression, SuppressionBody};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use copydesk_core::SuppressionId;
use copydesk_desk::store::Order;
use copydesk_desk::store::subscribers::{Suppressed, SuppressionFilter};
use http::StatusCode;

/// List who wants nothing.
#[utoipa::path(
    get, path = "/suppressions", operation_id = "listSuppressions", tag = "mail",
    params(
        ("list" = Option<String>, Query, description = "Of this list only."),
        ("address" = Option<String>, Query, description = "Of this address, in any letters."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<SuppressionBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let list = list_of(&mut params);
    let recipient = params.text("address").map(|address| address.trim().to_lowercase());
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let filter = SuppressionFilter { list, recipient };
    let page = api.desk().store().suppressions(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, SuppressionBody::of))
}

/// Say that an address wants nothing.
///
/// For people who said so by telephone. Of one list, or of everything: then also no mail to a prospect goes there. It holds for
/// mails that are ordered already and not yet under way.
#[utoipa::path(
    post, path = "/suppressions", operation_id = "addSuppression", tag = "mail",
    request_body(content = NewSuppression, example = json!({ "address": "ann@example.com", "reason": "by telephone" })),
    responses(
        (status = 201, description = "From now on.", body = SuppressionBody),
        (status = 200, description = "It was said before.", body = SuppressionBody),
    ),
    extensions(("x-problems" = json!([Code::NotFound]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    body: Body<NewSuppression>,
) -> Result<(StatusCode, Json<SuppressionBody>), Problem> {
    let NewSuppression { address: Some(person), list, reason } = body.value else {
        return Err(Problem::internal("a suppression of nobody was let through"));
    };
    let (desk, scope) = (api.desk().clone(), caller.scope);
    Ok(match owned(async move { desk.suppress(scope, person, list, reason).await }).await? {
        Suppressed::New(row) => (StatusCode::CREATED, Json(SuppressionBody::of(row))),
        Suppressed::Known(row) => (StatusCode::OK, Json(SuppressionBody::of(row))),
    })
}

/// Look at one.
#[utoipa::path(
    get, path = "/suppressions/{id}", operation_id = "getSuppression", tag = "mail",
    params(SuppressionPath),
    responses((status = 200, description = "Who wants nothing, and why.", body = SuppressionBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<SuppressionBody>, Problem> {
    Ok(Json(SuppressionBody::of(api.desk().store().suppression(caller.scope, id(&path)?).await?)))
}

/// Let mail go to an address again.
///
/// Only when the person asked for it. It is announced as `subscriber.resubscribed`.
#[utoipa::path(
    delete, path = "/suppressions/{id}", operation_id = "liftSuppression", tag = "mail",
    params(SuppressionPath),
    responses((status = 204, description = "It is lifted.")),
)]
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, path: Segments) -> Result<StatusCode, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    owned(async move { desk.lift_suppression(scope, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn id(path: &Segments) -> Result<SuppressionId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("suppression", given.chars().take(80).collect::<String>()))
}
