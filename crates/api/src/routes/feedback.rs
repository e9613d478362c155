//! Feedback: what users think of parts of their drafts, for the next ones.

use super::look;
use crate::auth::Caller;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::id::Segments;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{DraftPath, FeedbackPath, Paging};
use crate::openapi::words::DraftKey;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::feedback::{FeedbackBody, NewFeedback};
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use copydesk_core::FeedbackId;
use copydesk_desk::store::Order;
use copydesk_desk::store::feedback::FeedbackFilter;
use http::StatusCode;

/// List feedback.
#[utoipa::path(
    get, path = "/feedback", operation_id = "listFeedback", tag = "drafts",
    params(
        ("draft" = Option<DraftKey>, Query, description = "On this draft."),
        ("user" = Option<String>, Query, description = "On drafts of this user: your name, or `usr_...`."),
        ("recipe" = Option<String>, Query, description = "On drafts of this recipe."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<FeedbackBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter =
        FeedbackFilter { draft: params.id("draft"), user: params.user(caller.scope), recipe: params.text("recipe") };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().feedback(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, FeedbackBody::of))
}

/// Say what you think of a part of a draft.
///
/// It goes into the next requests of the draft's user for the same recipe, where the recipe takes feedback. One opinion of each
/// part of a version: the last word counts.
#[utoipa::path(
    put, path = "/drafts/{id}/feedback", operation_id = "giveFeedback", tag = "drafts",
    params(DraftPath),
    request_body(content = NewFeedback, example = json!({ "vote": "down", "comment": "Shorter, please." })),
    responses((status = 200, description = "The opinion as it is kept.", body = FeedbackBody)),
)]
pub(crate) async fn put(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<NewFeedback>,
) -> Result<Json<FeedbackBody>, Problem> {
    let Some(opinion) = body.value.opinion() else {
        return Err(Problem::internal("feedback without a vote was let through"));
    };
    let id = path.draft(&api, caller.scope).await?;
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.put_feedback(scope, id, opinion).await }).await?;
    Ok(Json(FeedbackBody::of(row)))
}

/// Take an opinion back.
#[utoipa::path(
    delete, path = "/feedback/{id}", operation_id = "removeFeedback", tag = "drafts",
    params(FeedbackPath),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn remove(State(api): State<Api>, caller: Caller, path: Segments) -> Result<StatusCode, Problem> {
    let given = path.text("id");
    let id: FeedbackId =
        given.parse().map_err(|_| Problem::not_found("feedback", given.chars().take(80).collect::<String>()))?;
    let (desk, scope) = (api.desk().clone(), caller.scope);
    owned(async move { desk.remove_feedback(scope, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
