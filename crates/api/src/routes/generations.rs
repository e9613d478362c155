//! Generations: asking for one, looking, waiting, cancelling, trying again.

use super::{look, receipt};
use crate::auth::Caller;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::{self, Segments};
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::call::CallBody;
use crate::wire::generation::{GenerationBody, own_key};
use crate::wire::list::List;
use crate::wire::requests::{NewGeneration, NewTry};
use crate::wire::waiting::WaitingBody;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::Status;
use copydesk_core::refusal::Refusal;
use copydesk_desk::accept::{Again, Request};
use copydesk_desk::store::Order;
use copydesk_desk::store::admin::PauseKey;
use copydesk_desk::store::generations::{GenerationFilter, Slot};
use copydesk_desk::store::usage::CallFilter;
use http::HeaderMap;
use serde::Serialize;
use serde_json::json;

pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewGeneration>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let now = api.desk().world().now();
    let Body { value: asked, raw } = body;
    let draft = match &asked.draft_id {
        Some(given) => Some(id::draft(&api, caller.scope, given).await?),
        None => None,
    };
    let request = Request {
        scope: caller.scope,
        recipe: asked.recipe,
        model: asked.model,
        input: asked.input,
        user: asked.user,
        key: caller.key,
        target: asked.target,
        dedupe_key: asked.dedupe_key,
        external_id: asked.external_id,
        draft,
        priority: asked.priority,
        run_at: asked.run_at,
        deadline: asked.deadline,
        metadata: asked.metadata,
        idempotency: key.of(&caller, &raw, now),
    };
    if dry_run {
        return rehearse(&api, request).await;
    }
    let desk = api.desk().clone();
    let accepted = owned(async move { desk.accept(request).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}

/// What would be accepted, without writing anything. A live duplicate is only found by a real request.
async fn rehearse(api: &Api, request: Request) -> Result<Response, Problem> {
    let order = api.desk().rehearse(request)?;
    let store = api.desk().store();
    let pauses = store.pauses().await?;
    let since = |what: &PauseKey| pauses.iter().find(|pause| pause.what == *what).map(|pause| pause.since);
    if let Some(since) = since(&PauseKey::Generation) {
        return Err(copydesk_desk::DeskError::from(Refusal::GenerationPaused { since }).into());
    }
    if let Slot::Existing(draft) = order.slot {
        store.get_draft(order.scope, draft).await?;
    }
    let balance = store.balance(order.scope, order.user).await?;
    if order.hold > balance.available {
        let refusal =
            Refusal::InsufficientCredits { required: order.hold, available: balance.available, held: balance.held };
        return Err(copydesk_desk::DeskError::from(refusal).into());
    }
    let paused_since = since(&PauseKey::Recipe(order.recipe.clone()));
    Ok(Json(json!({
        "object": "dry_run",
        "recipe": order.recipe,
        "recipe_version": order.recipe_version,
        "model": order.model,
        "user": order.user_external,
        "hold": order.hold.micros(),
        "dedupe_key": order.dedupe_key.as_deref().map(own_key),
        "target": order.target,
        "priority": order.priority.value(),
        "run_at": order.run_at.map(|at| at.to_string()),
        "deadline_at": order.deadline_at.to_string(),
        "attempts_max": order.max_attempts,
        "recipe_paused_since": paused_since.map(|at| at.to_string()),
    }))
    .into_response())
}

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = GenerationFilter {
        status: params.word("status", Status::parse, &Status::ALL.map(Status::as_str)),
        user: params.user(caller.scope),
        draft: params.id("draft"),
        recipe: params.text("recipe"),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().list(caller.scope, filter, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    let bodies: Vec<GenerationBody> =
        page.rows.iter().map(|row| look::listed(&api, row)).collect::<Result<_, Problem>>()?;
    let mut bodies = bodies.into_iter();
    let list = List::of(page, |_| bodies.next());
    Ok(look::paged(&uri, next.as_deref(), list))
}

pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<GenerationBody>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let row = api.desk().store().get(caller.scope, id).await?;
    Ok(Json(look::generation(&api, caller.scope, &row).await?))
}

#[derive(Serialize)]
pub(crate) struct WhyBody {
    object: &'static str,
    generation_id: String,
    status: &'static str,
    /// `null` when it does not wait.
    waiting: Option<WaitingBody>,
    deadline_at: String,
}

pub(crate) async fn why(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<WhyBody>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let row = api.desk().store().get(caller.scope, id).await?;
    let waiting = WaitingBody::of(api.desk().why(caller.scope, id).await?);
    Ok(Json(WhyBody {
        object: "why",
        generation_id: id.to_string(),
        status: row.status().as_str(),
        waiting,
        deadline_at: row.generation.terms.deadline_at.to_string(),
    }))
}

pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<GenerationBody>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.cancel(scope, id).await }).await?;
    Ok(Json(look::generation(&api, scope, &row).await?))
}

pub(crate) async fn retry(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: Body<NewTry>,
) -> Result<Response, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let change = Again {
        model: body.value.model,
        idempotency: key.of(&caller, &body.raw, api.desk().world().now()),
        key: caller.key,
    };
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let accepted = owned(async move { desk.retry(scope, id, change).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}

pub(crate) async fn calls(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let id = path.generation(&api, caller.scope).await?;
    api.desk().store().get(caller.scope, id).await?;
    let filter = CallFilter { generation: Some(id), ..CallFilter::default() };
    let page = api.desk().store().calls(caller.scope, filter, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    Ok(look::paged(&uri, next.as_deref(), List::of(page, CallBody::from)))
}
