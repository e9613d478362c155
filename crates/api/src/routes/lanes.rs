//! Lanes and workers: what bounds the work, who does it, and pausing one part of it.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::openapi::params::LanePath;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::lane::{LaneBody, LanesBody, WorkersBody};
use axum::Json;
use axum::extract::State;

/// List lanes.
///
/// Every recipe and provider, and each model that is limited, paused, left alone or in use. The numbers are those of all
/// processes.
#[utoipa::path(
    get, path = "/lanes", operation_id = "listLanes", tag = "installation",
    responses((status = 200, description = "All of them.", body = LanesBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, params: Params) -> Result<Json<LanesBody>, Problem> {
    caller.must_operate()?;
    params.finish()?;
    Ok(Json(LanesBody::of(api.desk().lanes().await?)))
}

/// Pause a lane.
///
/// What runs goes on; new requests are accepted and wait in their places.
#[utoipa::path(
    post, path = "/lanes/{lane}/pause", operation_id = "pauseLane", tag = "installation",
    params(LanePath),
    responses((status = 200, description = "The lane as it is now.", body = LaneBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn pause(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<LaneBody>, Problem> {
    set(api, caller, &path, true).await
}

/// Let a paused lane go on.
#[utoipa::path(
    post, path = "/lanes/{lane}/resume", operation_id = "resumeLane", tag = "installation",
    params(LanePath),
    responses((status = 200, description = "The lane as it is now.", body = LaneBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn resume(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<LaneBody>, Problem> {
    set(api, caller, &path, false).await
}

async fn set(api: Api, caller: Caller, path: &Segments, paused: bool) -> Result<Json<LaneBody>, Problem> {
    caller.must_operate()?;
    let (desk, lane) = (api.desk().clone(), path.text("lane").to_owned());
    let view = owned(async move { desk.set_lane_pause(&lane, paused).await }).await;
    let hint = "A lane is recipe:NAME, provider:NAME or model:PROVIDER%2FMODEL; GET /api/v1/lanes lists them.";
    let view = view.map_err(|problem| if problem.code() == Code::NotFound { problem.hint(hint) } else { problem })?;
    Ok(Json(LaneBody::of(view)))
}

/// List the processes that do the work.
#[utoipa::path(
    get, path = "/workers", operation_id = "listWorkers", tag = "installation",
    responses((status = 200, description = "All that have registered.", body = WorkersBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn workers(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Result<Json<WorkersBody>, Problem> {
    caller.must_operate()?;
    params.finish()?;
    let found = api.desk().store().describe().await?;
    Ok(Json(WorkersBody::of(found.nodes, api.desk().world().now(), api.desk().config().lease)))
}
