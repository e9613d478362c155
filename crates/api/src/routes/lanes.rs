//! Lanes and workers: what bounds the work, who does it, and pausing one part of it.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::lane::{LaneBody, LanesBody, WorkersBody};
use axum::Json;
use axum::extract::State;

pub(crate) async fn list(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Json<LanesBody>, Problem> {
    params.finish()?;
    Ok(Json(LanesBody::of(api.desk().lanes().await?)))
}

pub(crate) async fn pause(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<LaneBody>, Problem> {
    set(api, caller, &path, true).await
}

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

pub(crate) async fn workers(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Json<WorkersBody>, Problem> {
    params.finish()?;
    let found = api.desk().store().describe().await?;
    Ok(Json(WorkersBody::of(found.nodes, api.desk().world().now(), api.desk().config().lease)))
}
