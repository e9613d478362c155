//! Generations: asking for one, looking, waiting, cancelling, trying again, giving more time.

use super::{look, receipt};
use crate::auth::Caller;
use crate::coalesce;
use crate::costed::Costed;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::{self, Segments};
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{GenerationPath, IdempotencyHeader, Paging, PreferHeader};
use crate::openapi::problems::WORK;
use crate::openapi::words::{DraftKey, GenerationStatus, JobKey};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::accepted::AcceptedBody;
use crate::wire::attempt::{self, AttemptBody};
use crate::wire::call::CallBody;
use crate::wire::dry_run::{DryRunBody, FinishedOrRehearsed};
use crate::wire::generation::GenerationBody;
use crate::wire::list::List;
use crate::wire::requests::{MoreTime, NewGeneration, NewTry};
use crate::wire::waiting::WaitingBody;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::Status;
use copydesk_desk::accept::{Again, AskedHook, Request};
use copydesk_desk::store::generations::{GenerationFilter, Idempotency};
use copydesk_desk::store::usage::CallFilter;
use copydesk_desk::store::{Order, Page};
use futures::future::try_join_all;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

/// Ask for a generation.
///
/// Answered as soon as the request is on disk; the work goes on without the caller. With `dry_run` everything is checked
/// and nothing is written.
#[utoipa::path(
    post, path = "/generations", operation_id = "createGeneration", tag = "generations",
    params(
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be accepted."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = NewGeneration, example = json!({
        "recipe": "text",
        "input": { "prompt": "Three lines about the sea." },
        "user": "anna",
        "metadata": { "campaign": 7 }
    })),
    responses(
        (status = 202, description = "It is on disk. The ids, and where to look.", body = AcceptedBody),
        (status = 200, description = "The finished generation, with `Prefer: wait`; or the rehearsal, with `dry_run`.", body = FinishedOrRehearsed),
    ),
    extensions(("x-problems" = json!([WORK, Code::NaiveTimestamp]))),
)]
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
        permit: caller.permit.clone(),
        recipe: asked.recipe,
        model: asked.model,
        input: asked.input,
        filled: Vec::new(),
        user: asked.user.or_else(|| caller.own_user().filter(|_| draft.is_none())),
        key: caller.key(),
        target: asked.target,
        dedupe_key: asked.dedupe_key,
        external_id: asked.external_id,
        draft,
        priority: asked.priority,
        run_at: asked.run_at,
        deadline: asked.deadline,
        max_cost: asked.max_cost,
        params: asked.params,
        revision: None,
        metadata: asked.metadata,
        idempotency: key.of(&caller, &raw, now),
        webhook: asked.webhook_url.map(|url| AskedHook { url, events: asked.webhook_events }),
        job: None,
        once: false,
        after: None,
    };
    if dry_run {
        return Ok(Json(DryRunBody::from(api.desk().dry_run(request).await?)).into_response());
    }
    let arrival = coalesce::accept(&api, &headers, sameness, request).await?;
    receipt::arrived(&api, &caller, &headers, arrival).await
}

/// List generations.
///
/// Without their input, usage and cost: those are in the answer about one, or asked for with `expand`.
#[utoipa::path(
    get, path = "/generations", operation_id = "listGenerations", tag = "generations",
    params(
        ("status" = Option<GenerationStatus>, Query, description = "Only those."),
        ("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."),
        ("draft" = Option<DraftKey>, Query, description = "Those that filled this draft."),
        ("job" = Option<JobKey>, Query, description = "Those of this job."),
        ("recipe" = Option<String>, Query, description = "Those of this recipe."),
        ("expand" = Option<String>, Query, description = "What is to stand in each besides, with commas between: `draft`, `input`, `usage` (with the cost). A page then has at most 100."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<GenerationBody>)),
)]
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
        job: params.id("job"),
        recipe: params.text("recipe"),
    };
    let expand = params.expand(&look::EXPAND);
    let page = params.page_expanded(Order::NewestFirst, &expand);
    params.finish()?;
    let page = api.desk().store().list(caller.scope, filter, page).await.map_err(listing)?;
    let rows = page.rows.iter().map(|row| look::expanded(&api, caller.scope, row, &expand));
    let rows = try_join_all(rows).await?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row| row))
}

/// Look at a generation.
///
/// Its status, what it waits for, attempts, usage, cost, credits, and its error if it failed.
#[utoipa::path(
    get, path = "/generations/{id}", operation_id = "getGeneration", tag = "generations",
    params(
        GenerationPath,
        ("expand" = Option<String>, Query, description = "`draft`: the draft with its content, too. `input` and `usage` are there always."),
    ),
    responses((status = 200, description = "The generation.", body = GenerationBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
) -> Result<Costed<GenerationBody>, Problem> {
    let expand = params.expand(&look::EXPAND);
    params.finish()?;
    let id = path.generation(&api, caller.scope).await?;
    let row = api.desk().store().get(caller.scope, id).await?;
    let mut body = look::generation(&api, caller.scope, &row).await?;
    if expand.contains(&look::DRAFT) {
        body.details.draft = Some(look::draft_of(&api, caller.scope, &row).await?);
    }
    Ok(Costed(body))
}

#[derive(Serialize, ToSchema)]
#[schema(as = GenerationWaiting)]
pub(crate) struct WhyBody {
    object: &'static str,
    generation_id: String,
    #[schema(value_type = GenerationStatus)]
    status: &'static str,
    /// `null` when it does not wait.
    waiting: Option<WaitingBody>,
    deadline_at: String,
}

/// Ask what a generation waits for.
#[utoipa::path(
    get, path = "/generations/{id}/why", operation_id = "getGenerationWaiting", tag = "generations",
    params(GenerationPath),
    responses((status = 200, description = "`waiting` is null when it does not wait.", body = WhyBody)),
)]
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

/// Cancel a generation.
///
/// The whole hold is released. An attempt on another node stops within a heartbeat.
#[utoipa::path(
    post, path = "/generations/{id}/cancel", operation_id = "cancelGeneration", tag = "generations",
    params(GenerationPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The generation, cancelled.", body = GenerationBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal]))),
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Costed<GenerationBody>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.cancel(scope, id).await }).await?;
    Ok(Costed(look::generation(&api, scope, &row).await?))
}

/// A new try as the desk takes it.
pub(crate) fn again(caller: &Caller, asked: NewTry, idempotency: Option<Idempotency>) -> Again {
    let NewTry { model, max_cost } = asked;
    Again { permit: caller.permit.clone(), key: caller.key(), model, max_cost, idempotency, part: None }
}

/// Try a failed or cancelled generation again.
///
/// That is a new generation, with a new hold, for the same draft.
#[utoipa::path(
    post, path = "/generations/{id}/retry", operation_id = "retryGeneration", tag = "generations",
    params(
        GenerationPath,
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be accepted."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content = Option<NewTry>, example = json!({})),
    responses(
        (status = 202, description = "It is on disk. The ids, and where to look.", body = AcceptedBody),
        (status = 200, description = "The finished generation, with `Prefer: wait`; or the rehearsal, with `dry_run`.", body = FinishedOrRehearsed),
    ),
    extensions(("x-problems" = json!([WORK, Code::AlreadyTerminal]))),
)]
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
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let change = again(&caller, body.value, idempotency);
    if dry_run {
        return Ok(Json(DryRunBody::from(api.desk().dry_retry(caller.scope, id, change).await?)).into_response());
    }
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let accepted = owned(async move { desk.retry(scope, id, change).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}

/// Give a generation more time.
///
/// Its deadline is moved later, wherever it stands; an attempt that runs keeps the deadline of its own, and the next one
/// may last longer. Asking for the deadline it has changes nothing; an earlier one is refused. At most 30 days ahead.
#[utoipa::path(
    post, path = "/generations/{id}/extend", operation_id = "extendGeneration", tag = "generations",
    params(GenerationPath),
    request_body(content = MoreTime, example = json!({ "deadline": "2199-01-01T06:00:00Z" })),
    responses((status = 200, description = "The generation with its new deadline.", body = GenerationBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal, Code::DeadlineNotLater, Code::NaiveTimestamp]))),
)]
pub(crate) async fn extend(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<MoreTime>,
) -> Result<Costed<GenerationBody>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    let (desk, scope, deadline) = (api.desk().clone(), caller.scope, body.value.deadline);
    let row = owned(async move { desk.extend(scope, id, deadline).await }).await?;
    Ok(Costed(look::generation(&api, scope, &row).await?))
}

/// List a generation's attempts.
///
/// Each with what its calls used together. One that was claimed and made no call is not there.
#[utoipa::path(
    get, path = "/generations/{id}/attempts", operation_id = "listGenerationAttempts", tag = "generations",
    params(GenerationPath),
    responses((status = 200, description = "All of them, the first one first.", body = List<AttemptBody>)),
)]
pub(crate) async fn attempts(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
) -> Result<Json<List<AttemptBody>>, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    api.desk().store().get(caller.scope, id).await?;
    let mut calls = look::all_calls(&api, caller.scope, id).await?;
    calls.sort_by_key(|call| (call.attempt, call.opened_at, call.id));
    Ok(Json(List::whole(attempt::attempts(&calls))))
}

/// List a generation's calls to providers.
///
/// Also the failed, cut and cancelled ones.
#[utoipa::path(
    get, path = "/generations/{id}/calls", operation_id = "listGenerationCalls", tag = "generations",
    params(GenerationPath, Paging),
    responses((status = 200, description = "A page.", body = List<CallBody>)),
)]
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
    Ok(look::list(&uri, page, CallBody::from))
}
