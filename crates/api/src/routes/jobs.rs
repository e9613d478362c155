//! Jobs: making one of a list or a file, looking, and ordering it about. What they made is exported by `job_export.rs`.

use super::job_asked::Asked;
use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::none_match;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::prefer;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IdempotencyHeader, JobPath, Paging, PreferHeader};
use crate::openapi::problems::WORK;
use crate::openapi::words::{ItemStatusWord, JobStatusWord};
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::job::{ITEM_STATUSES, ItemBody, JobBody, JobEdit, NewJob, RetriedBody, RetryItems};
use crate::wire::job_outlook::OutlookBody;
use crate::wire::list::List;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::JobId;
use copydesk_core::job::{Command, ItemStatus, JobStatus};
use copydesk_desk::jobs::OnInvalid;
use copydesk_desk::store::jobs::{ItemFilter, JobFilter, JobRow};
use copydesk_desk::store::{Order, Page};
use http::header::{ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// The answers to a start.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "the schema of an answer that is written by its parts")]
pub(crate) enum MadeOrRehearsed {
    Job(JobBody),
    Outlook(OutlookBody),
}

/// Start a job.
///
/// One generation for each item, made a window at a time. Every item is checked first: with a fault in one nothing is
/// made, unless `on_invalid` is `skip`. The items stand in the body, or in a file that was put here (`file_id`, which needs
/// `files:read`), or are made of prospects (`prospects`), or the body is a file of them (CSV with a header row, or one JSON object a line) and the rest stands in
/// the query.
#[utoipa::path(
    post, path = "/jobs", operation_id = "createJob", tag = "jobs",
    params(
        ("dry_run" = Option<bool>, Query, description = "Check only: answer what would be made, and what is wrong."),
        ("recipe" = Option<String>, Query, description = "With a file: what to make of each row."),
        ("model" = Option<String>, Query, description = "With a file."),
        ("name" = Option<String>, Query, description = "With a file."),
        ("user" = Option<String>, Query, description = "With a file."),
        ("priority" = Option<i32>, Query, description = "With a file."),
        ("max_cost" = Option<i64>, Query, description = "With a file."),
        ("on_invalid" = Option<String>, Query, description = "With a file: `refuse` or `skip`."),
        ("skip_existing" = Option<bool>, Query, description = "With a file."),
        ("dedupe_key" = Option<String>, Query, description = "With a file."),
        ("start" = Option<bool>, Query, description = "With a file."),
        ("delimiter" = Option<String>, Query, description = "With a table: one character, or `tab`. A comma unless said otherwise."),
        ("columns" = Option<String>, Query, description = "With a table: which column fills which field, as `input.topic:Topic,external_id:Id`. A column that is not named fills the field of its name."),
        IdempotencyHeader,
        PreferHeader,
    ),
    request_body(content(
        (NewJob = "application/json", example = json!({
            "recipe": "text",
            "items": [
                { "custom_id": "p-1", "input": { "prompt": "A line for Ann." } },
                { "custom_id": "p-2", "input": { "prompt": "A line for Ben." } }
            ]
        })),
        (String = "text/csv"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 202, description = "It is on disk, with all items.", body = JobBody),
        (status = 200, description = "The job at its end, with `Prefer: wait`; or the outlook, with `dry_run`.", body = MadeOrRehearsed),
    ),
    extensions(("x-problems" = json!([WORK, Code::Expired]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Problem> {
    let Asked { defaults, source, dry_run, prospects } = asked;
    let (desk, on_invalid): (_, OnInvalid) = (api.desk().clone(), defaults.on_invalid);
    if dry_run {
        let outlook = owned(async move {
            match prospects {
                Some(whom) => desk.dry_draft_prospects(defaults, whom).await,
                None => desk.dry_job(defaults, source).await,
            }
        });
        let outlook = outlook.await?;
        return Ok(Json(MadeOrRehearsed::Outlook(OutlookBody::of(outlook, on_invalid))).into_response());
    }
    let sealed = owned(async move {
        match prospects {
            Some(whom) => desk.draft_prospects(defaults, whom).await,
            None => desk.create_job(defaults, source).await,
        }
    });
    let sealed = sealed.await?;
    let (deduplicated, mut row) = (sealed.deduplicated(), sealed.row().clone());
    if let Some(patience) = prefer::wait(&headers) {
        row = api.desk().wait_for_job(caller.scope, row.facts.id, patience).await?;
    }
    let status = if row.job.status.ended().is_some() && prefer::wait(&headers).is_some() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let mut answer = tagged(&api, row, Some(deduplicated));
    *answer.status_mut() = status;
    Ok(answer)
}

fn tagged(api: &Api, row: JobRow, deduplicated: Option<bool>) -> Response {
    let (tag, location) = (tag(&row), api.links().job(row.job.id, ""));
    let mut body = JobBody::of(row, api.links());
    body.deduplicated = deduplicated;
    let mut answer = ([(ETAG, tag)], Json(body)).into_response();
    if deduplicated.is_some()
        && let Ok(location) = location.parse()
    {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// List jobs.
#[utoipa::path(
    get, path = "/jobs", operation_id = "listJobs", tag = "jobs",
    params(
        ("status" = Option<JobStatusWord>, Query, description = "Only those."),
        ("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."),
        ("recipe" = Option<String>, Query, description = "Those of this recipe."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<JobBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = JobFilter {
        status: params.word("status", JobStatus::parse, &JobStatus::ALL.map(JobStatus::as_str)),
        user: params.user(caller.scope),
        recipe: params.text("recipe"),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().jobs(caller.scope, filter, page).await.map_err(listing)?;
    Ok(look::list(&uri, page, |row| JobBody::of(row, api.links())))
}

/// Look at a job.
#[utoipa::path(
    get, path = "/jobs/{id}", operation_id = "getJob", tag = "jobs",
    params(JobPath),
    responses((status = 200, description = "The job.", body = JobBody)),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = api.desk().store().job(caller.scope, id(&path)?).await?;
    let current = tag(&row);
    if none_match(&headers, &current) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, current)]).into_response());
    }
    Ok(tagged(&api, row, None))
}

/// Of a job as it is: it changes with its counts, and names the revision that a change is made for.
fn tag(row: &JobRow) -> String {
    format!("\"{}.{}\"", row.job.revision, row.job.updated_at.micros())
}

/// The revision of `If-Match`, whatever the counts were then.
fn revision(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let inner = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let revision = inner.and_then(|inner| inner.split('.').next()?.parse().ok());
    revision.map(Some).ok_or_else(|| {
        Problem::new(Code::BadHeader, "The If-Match header is not an ETag of a job.")
            .hint("Send the ETag header of the last answer as it is.")
    })
}

/// List the items of a job.
#[utoipa::path(
    get, path = "/jobs/{id}/items", operation_id = "listJobItems", tag = "jobs",
    params(JobPath, ("status" = Option<ItemStatusWord>, Query, description = "Only those."), Paging),
    responses((status = 200, description = "A page.", body = List<ItemBody>)),
)]
pub(crate) async fn items(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = ItemFilter { status: params.word("status", ItemStatus::parse, &ITEM_STATUSES) };
    let page = params.page(Order::OldestFirst);
    params.finish()?;
    let page = api.desk().store().items(caller.scope, id(&path)?, filter, page).await.map_err(listing)?;
    let rows = page.rows.into_iter().map(ItemBody::of).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|error| Problem::internal(format!("an item that cannot be read: {error}")))?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row| row))
}

/// Change a job's cap.
///
/// Raising it does not make a paused job go on: resume it.
#[utoipa::path(
    patch, path = "/jobs/{id}", operation_id = "updateJob", tag = "jobs",
    params(JobPath, ("If-Match" = Option<String>, Header, description = "The `ETag` of the job the change was made for, or `*`.")),
    request_body(content = JobEdit, example = json!({ "max_cost": 5_000_000_000_i64 })),
    responses((status = 200, description = "The job as it is now.", body = JobBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal, Code::VersionConflict]))),
)]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<JobEdit>,
) -> Result<Response, Problem> {
    ordered(&api, &caller, id(&path)?, revision(&headers)?, Command::Cap(body.value.max_cost)).await
}

async fn ordered(
    api: &Api,
    caller: &Caller,
    id: JobId,
    revision: Option<i64>,
    command: Command,
) -> Result<Response, Problem> {
    let (desk, scope) = (api.desk().clone(), caller.scope);
    let row = owned(async move { desk.order_job(scope, id, revision, command).await }).await?;
    Ok(tagged(api, row, None))
}

/// Start a job that waits, or resume one.
#[utoipa::path(
    post, path = "/jobs/{id}/start", operation_id = "startJob", tag = "jobs",
    params(JobPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It runs.", body = JobBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal, Code::JobCapReached]))),
)]
pub(crate) async fn start(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    ordered(&api, &caller, id(&path)?, None, Command::Start).await
}

/// Pause a job.
///
/// No further items are given to the queue. Those that are in it, twice as many as may run at once, still run.
#[utoipa::path(
    post, path = "/jobs/{id}/pause", operation_id = "pauseJob", tag = "jobs",
    params(JobPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It is paused.", body = JobBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal]))),
)]
pub(crate) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    let row = owned(async move { desk.pause_job(scope, id).await }).await?;
    Ok(tagged(&api, row, None))
}

/// Resume a paused job.
#[utoipa::path(
    post, path = "/jobs/{id}/resume", operation_id = "resumeJob", tag = "jobs",
    params(JobPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It runs.", body = JobBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal, Code::JobCapReached]))),
)]
pub(crate) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    ordered(&api, &caller, id(&path)?, None, Command::Resume).await
}

/// Cancel a job.
///
/// What is done stays; what waits or runs is cancelled, and nobody pays for it. It ends when the last item has. Twice is
/// once.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", operation_id = "cancelJob", tag = "jobs",
    params(JobPath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It is stopping, or has ended.", body = JobBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal]))),
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    ordered(&api, &caller, id(&path)?, None, Command::Cancel).await
}

/// Try failed items again.
///
/// They fill the drafts they had. A job that has ended runs again.
#[utoipa::path(
    post, path = "/jobs/{id}/retry_failed", operation_id = "retryFailedItems", tag = "jobs",
    params(JobPath),
    request_body(content = Option<RetryItems>, example = json!({ "cancelled": false })),
    responses((status = 200, description = "So many are pending again.", body = RetriedBody)),
    extensions(("x-problems" = json!([Code::AlreadyTerminal, Code::ModelNotFound]))),
)]
pub(crate) async fn retry_failed(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    body: Body<RetryItems>,
) -> Result<Json<RetriedBody>, Problem> {
    let (id, desk, scope) = (id(&path)?, api.desk().clone(), caller.scope);
    let RetryItems { cancelled, model } = body.value;
    let (row, reopened) = owned(async move { desk.retry_failed(scope, id, cancelled, model).await }).await?;
    Ok(Json(RetriedBody { job: JobBody::of(row, api.links()), reopened }))
}

pub(crate) fn id(path: &Segments) -> Result<JobId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("job", given.chars().take(80).collect::<String>()))
}
