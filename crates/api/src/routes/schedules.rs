//! Schedules: made, changed, paused, run by hand and looked at. What is due is made by a duty of the desk.

use super::{look, receipt};
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::body::Body;
use crate::extract::etag::{etag, if_match};
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::query::{Params, listing};
use crate::openapi::params::{IdempotencyHeader, IfMatch, Paging, PreferHeader, SchedulePath};
use crate::openapi::problems::WORK;
use crate::openapi::words::ScheduleStateWord;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::accepted::AcceptedBody;
use crate::wire::generation::GenerationBody;
use crate::wire::list::List;
use crate::wire::schedule::{NewSchedule, RunBody, ScheduleBody, ScheduleEdit, ScheduleFields, TimesBody, When};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::ScheduleId;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::schedule::{Cron, GRACE, LEAD, Plan, ScheduleState};
use copydesk_desk::DeskError;
use copydesk_desk::accept::ANONYMOUS;
use copydesk_desk::schedules::Asker;
use copydesk_desk::store::schedules::{RunRow, ScheduleFilter, ScheduleRow};
use copydesk_desk::store::{Order, Page, Scope};
use futures::future::try_join_all;
use http::header::{ETAG, LOCATION};
use http::{HeaderMap, StatusCode};

/// How many times are shown unless the caller says otherwise, and at most.
const SHOWN: u32 = 5;
const SHOWN_MAX: u32 = 100;

/// List schedules.
#[utoipa::path(
    get, path = "/schedules", operation_id = "listSchedules", tag = "schedules",
    params(
        ("state" = Option<ScheduleStateWord>, Query, description = "Only those."),
        ("user" = Option<String>, Query, description = "Your name of the user, or `usr_...`."),
        ("recipe" = Option<String>, Query, description = "Those of this recipe."),
        Paging,
    ),
    responses((status = 200, description = "A page.", body = List<ScheduleBody>)),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let words: Vec<&str> = ScheduleState::ALL.iter().map(|state| state.as_str()).collect();
    let filter = ScheduleFilter {
        state: params.word("state", ScheduleState::parse, &words),
        user: params.user(caller.scope),
        recipe: params.text("recipe"),
    };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().schedules(caller.scope, filter, page).await.map_err(listing)?;
    let bodies = page.rows.into_iter().map(|row| ScheduleBody::of(row, api.links()));
    let rows = bodies.collect::<Result<Vec<_>, _>>()?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row: ScheduleBody| row))
}

/// Make a schedule.
///
/// It begins with its next time. What it would make is checked as if it were asked for now; with `dry_run` nothing is written,
/// and the answer has its next five times.
#[utoipa::path(
    post, path = "/schedules", operation_id = "createSchedule", tag = "schedules",
    params(("dry_run" = Option<bool>, Query, description = "Check only: answer with the next times."), IdempotencyHeader),
    request_body(content = ScheduleFields, example = json!({
        "recipe": "text", "input": { "prompt": "A line to begin the day with." }, "user": "ann",
        "at": "08:00", "days": ["mon-fri"], "zone": "Europe/Warsaw"
    })),
    responses(
        (status = 201, description = "It is there.", body = ScheduleBody),
        (status = 200, description = "Its next times, with `dry_run`.", body = TimesBody),
    ),
    extensions(("x-problems" = json!([WORK, Code::SchedulesFull]))),
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    mut params: Params,
    body: Body<NewSchedule>,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let (user, asker) = (body.value.user, asker(&caller));
    // Whatever leaves none is a fault that was told.
    let what = body.value.what.ok_or_else(|| Problem::internal("a schedule without times was taken"))?;
    let desk = api.desk().clone();
    if dry_run {
        let plan = what.plan.clone();
        let user = user.or_else(|| caller.own_user()).unwrap_or_else(|| ANONYMOUS.to_owned());
        let nobody = ScheduleId(uuid::Uuid::nil());
        owned(async move { desk.check_schedule(&asker, &what, &user, nobody).await }).await?;
        let times = plan.upcoming(api.desk().world().now(), SHOWN as usize);
        return Ok(Json(TimesBody::of(&plan, times)).into_response());
    }
    let row = owned(async move { desk.add_schedule(asker, user, what, idempotency).await }).await?;
    let location = api.links().schedule(row.facts.id, "");
    let mut answer = tagged(&api, caller.scope, row).await?;
    *answer.status_mut() = StatusCode::CREATED;
    if let Ok(location) = location.parse() {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Show the next times.
///
/// Of times that no schedule has yet: `cron`, or `at` with `days`. Where clocks change, the offsets show it.
#[utoipa::path(
    get, path = "/schedules/next", operation_id = "listScheduleTimes", tag = "schedules",
    params(
        ("cron" = Option<String>, Query, description = "Minute, hour, day of the month, month, day of the week.", example = json!("0 8 * * mon-fri")),
        ("at" = Option<String>, Query, description = "Or once a day: `08:00`."),
        ("days" = Option<String>, Query, description = "On these days, such as `mon-fri` or `mon,thu`."),
        ("zone" = Option<String>, Query, description = "`UTC` unless said otherwise."),
        ("count" = Option<u32>, Query, minimum = 1, maximum = 100, description = "5 unless said otherwise."),
    ),
    responses((status = 200, description = "The times.", body = TimesBody)),
)]
pub(crate) async fn next(
    State(api): State<Api>,
    _caller: Caller,
    mut params: Params,
) -> Result<Json<TimesBody>, Problem> {
    let zone = params.text("zone").map_or_else(|| Ok(Zone::utc()), |name| Zone::named(&name));
    let zone = zone.unwrap_or_else(|bad| {
        params.fault("zone", "unknown_zone", bad.to_string());
        Zone::utc()
    });
    let (cron, at, days) = (params.text("cron"), params.text("at"), params.text("days"));
    if cron.is_none() && at.is_none() && days.is_none() {
        params.fault("cron", "required", "when? Give cron, or at and days");
    }
    if cron.is_some() && (at.is_some() || days.is_some()) {
        params.fault("cron", "not_allowed", "it says when already: leave it out, or at and days");
    }
    let cron = cron.and_then(|text| {
        let read = Cron::parse(&text);
        read.map_err(|bad| params.fault("cron", "bad_cron", bad.to_string())).ok()
    });
    let days = days.map(|days| days.split(',').map(str::to_owned).collect());
    let cron = When { cron, at, days, ..When::default() }.cron(None).unwrap_or_else(|fault| {
        params.fault(&fault.pointer[1..], &fault.code, fault.detail);
        None
    });
    let count = params.number("count", 1).unwrap_or(SHOWN);
    if count > SHOWN_MAX {
        params.fault("count", "out_of_range", format!("it must be at most {SHOWN_MAX}"));
    }
    params.finish()?;
    let cron = cron.ok_or_else(|| Problem::internal("times without a cron were taken"))?;
    let plan = Plan { cron, zone, lead: LEAD, grace: GRACE };
    Ok(Json(TimesBody::of(&plan, plan.upcoming(api.desk().world().now(), count as usize))))
}

/// Look at a schedule.
#[utoipa::path(
    get, path = "/schedules/{id}", operation_id = "getSchedule", tag = "schedules",
    params(SchedulePath),
    responses(
        (status = 200, description = "The schedule, with its last run.", body = ScheduleBody, headers(("ETag" = String, description = "The revision, for `If-Match`."))),
    ),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Response, Problem> {
    let row = api.desk().store().schedule(caller.scope, id(&path)?).await?;
    tagged(&api, caller.scope, row).await
}

/// Change a schedule.
///
/// What is not named stays. A broken one goes on with its next time; a generation that has begun is left alone.
#[utoipa::path(
    patch, path = "/schedules/{id}", operation_id = "updateSchedule", tag = "schedules",
    params(SchedulePath, IfMatch),
    request_body(content = ScheduleFields, example = json!({ "at": "07:30" })),
    responses((status = 200, description = "The schedule as it is now.", body = ScheduleBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([WORK, Code::VersionConflict]))),
)]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    body: Body<ScheduleEdit>,
) -> Result<Response, Problem> {
    let (id, seen, asker, desk) = (id(&path)?, if_match(&headers)?, asker(&caller), api.desk().clone());
    let edit = body.value;
    let row = owned(async move { desk.edit_schedule(asker, id, seen, |what| edit.apply(what)).await }).await?;
    tagged(&api, caller.scope, row).await
}

/// Remove a schedule.
///
/// What it made stays.
#[utoipa::path(
    delete, path = "/schedules/{id}", operation_id = "deleteSchedule", tag = "schedules",
    params(SchedulePath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 204, description = "It is gone, with the list of its runs.")),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<StatusCode, Problem> {
    let (id, seen, desk, scope) = (id(&path)?, if_match(&headers)?, api.desk().clone(), caller.scope);
    owned(async move { Ok::<_, DeskError>(desk.store().remove_schedule(scope, id, seen).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a schedule.
#[utoipa::path(
    post, path = "/schedules/{id}/pause", operation_id = "pauseSchedule", tag = "schedules",
    params(SchedulePath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The schedule as it is now.", body = ScheduleBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (id, seen, desk, scope) = (id(&path)?, if_match(&headers)?, api.desk().clone(), caller.scope);
    let row = owned(async move { desk.pause_schedule(scope, id, seen).await }).await?;
    tagged(&api, scope, row).await
}

/// Resume a schedule that is paused or broken.
///
/// It goes on with its next time; what was missed meanwhile is not made up for.
#[utoipa::path(
    post, path = "/schedules/{id}/resume", operation_id = "resumeSchedule", tag = "schedules",
    params(SchedulePath, IfMatch),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The schedule as it is now.", body = ScheduleBody, headers(("ETag" = String, description = "The revision, for `If-Match`.")))),
    extensions(("x-problems" = json!([Code::VersionConflict]))),
)]
pub(crate) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
    _body: Body<Nothing>,
) -> Result<Response, Problem> {
    let (id, seen, desk, scope) = (id(&path)?, if_match(&headers)?, api.desk().clone(), caller.scope);
    let row = owned(async move { desk.resume_schedule(scope, id, seen).await }).await?;
    tagged(&api, scope, row).await
}

/// Make one now.
///
/// Outside the plan, which stays as it is.
#[utoipa::path(
    post, path = "/schedules/{id}/run", operation_id = "runSchedule", tag = "schedules",
    params(SchedulePath, IdempotencyHeader, PreferHeader),
    request_body = Option<Nothing>,
    responses(
        (status = 202, description = "It is on disk. The ids, and where to look.", body = AcceptedBody),
        (status = 200, description = "The finished generation, with `Prefer: wait`.", body = GenerationBody),
    ),
    extensions(("x-problems" = json!([WORK]))),
)]
pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let idempotency = key.of(&caller, &body.raw, api.desk().world().now());
    let (id, asker, desk) = (id(&path)?, asker(&caller), api.desk().clone());
    let accepted = owned(async move { desk.run_schedule(asker, id, idempotency).await }).await?;
    receipt::answer(&api, &caller, &headers, accepted).await
}

/// List what became of the times of a schedule.
///
/// The last hundred are kept.
#[utoipa::path(
    get, path = "/schedules/{id}/runs", operation_id = "listScheduleRuns", tag = "schedules",
    params(SchedulePath, Paging),
    responses((status = 200, description = "A page.", body = List<RunBody>)),
)]
pub(crate) async fn runs(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    path: Segments,
    mut params: Params,
) -> Result<Response, Problem> {
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().schedule_runs(caller.scope, id(&path)?, page).await.map_err(listing)?;
    let rows = try_join_all(page.rows.into_iter().map(|row| run_body(&api, caller.scope, row))).await?;
    Ok(look::list(&uri, Page { rows, next: page.next }, |row: RunBody| row))
}

/// With what became of its generation, which may be gone.
async fn run_body(api: &Api, scope: Scope, row: RunRow) -> Result<RunBody, Problem> {
    let Some((generation, _)) = row.run.made else { return Ok(RunBody::of(row, None)) };
    match api.desk().store().get(scope, generation).await.map_err(DeskError::from) {
        Ok(made) => Ok(RunBody::of(row, Some(made))),
        Err(DeskError::NotFound { .. }) => Ok(RunBody::of(row, None)),
        Err(error) => Err(error.into()),
    }
}

async fn tagged(api: &Api, scope: Scope, row: ScheduleRow) -> Result<Response, Problem> {
    let revision = row.revision;
    let last = match row.last.clone() {
        Some(last) => Some(run_body(api, scope, last).await?),
        None => None,
    };
    let body = ScheduleBody::of(row, api.links())?.with_last(last);
    Ok(([(ETAG, etag(revision))], Json(body)).into_response())
}

fn asker(caller: &Caller) -> Asker {
    Asker { scope: caller.scope, permit: caller.permit.clone(), key: caller.key() }
}

fn id(path: &Segments) -> Result<ScheduleId, Problem> {
    let given = path.text("id");
    given.parse().map_err(|_| Problem::not_found("schedule", given.chars().take(80).collect::<String>()))
}
