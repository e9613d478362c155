//! Generations: asking for one, looking, waiting, cancelling, trying again.

use super::{look, receipt};
use crate::auth::Caller;
use crate::coalesce;
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
use crate::wire::dry_run::DryRunBody;
use crate::wire::generation::GenerationBody;
use crate::wire::list::List;
use crate::wire::requests::{NewGeneration, NewTry};
use crate::wire::waiting::WaitingBody;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::Status;
use copydesk_desk::accept::{Again, Request};
use copydesk_desk::store::Order;
use copydesk_desk::store::generations::GenerationFilter;
use copydesk_desk::store::usage::CallFilter;
use http::HeaderMap;
use serde::Serialize;

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
    let sameness = key.sameness(&caller, &raw);
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
        return Ok(Json(DryRunBody::from(api.desk().dry_run(request).await?)).into_response());
    }
    let arrival = coalesce::accept(&api, &headers, sameness, request).await?;
    receipt::arrived(&api, &caller, &headers, arrival).await
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
    mut params: Params,
    headers: HeaderMap,
    body: Body<NewTry>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let id = path.generation(&api, caller.scope).await?;
    let change = Again { model: body.value.model, idempotency: key.of(&caller, &body.raw, api.desk().world().now()) };
    if dry_run {
        return Ok(Json(DryRunBody::from(api.desk().dry_retry(caller.scope, id, change).await?)).into_response());
    }
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
