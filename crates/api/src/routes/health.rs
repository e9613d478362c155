//! Is it alive, is it ready, and what exactly is wrong with it.

use crate::auth::Caller;
use crate::checks;
use crate::error::Code;
use crate::extract::query::Params;
use crate::openapi::params::Verbose;
use crate::openapi::problems::OPERATOR;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::ReadyBody;
use crate::wire::admin::{DoctorBody, HealthBody, StatusBody};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Is the process alive?
///
/// Nothing else is looked at: a supervisor restarts on this.
#[utoipa::path(
    get, path = "/livez", operation_id = "getLiveness", tag = "installation",
    responses((status = 200, description = "`ok`.", body = String)),
    security(()),
)]
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// Should requests be sent here?
///
/// Yes when the database answers and the server is not on its way out.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "installation",
    params(Verbose),
    responses((status = 200, description = "It is ready.", body = ReadyBody)),
    security(()),
    extensions(("x-problems" = json!([Code::StorageUnavailable, Code::SchemaMismatch, Code::Draining]))),
)]
pub(crate) async fn readyz(State(api): State<Api>, mut params: Params) -> Result<Response, Problem> {
    let verbose = params.flag("verbose");
    params.finish()?;
    let described = api.desk().store().describe().await;
    let checks = checks::readiness(&api, &described);
    let code = if api.desk().is_draining() {
        Code::Draining
    } else if described.is_ok() {
        Code::SchemaMismatch
    } else {
        Code::StorageUnavailable
    };
    let failing: Vec<&str> = checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
    if !failing.is_empty() {
        let detail = format!("Not ready: {}.", failing.join(", "));
        return Err(Problem::new(code, detail).retry_after(1).with("checks", json!(checks)));
    }
    Ok(Json(ReadyBody { status: "ok", checks: verbose.then(|| checks.into()) }).into_response())
}

/// The same as `/readyz`, for habit.
#[utoipa::path(
    get, path = "/healthz", operation_id = "getHealth", tag = "installation",
    params(Verbose),
    responses((status = 200, description = "It is ready.", body = ReadyBody)),
    security(()),
    extensions(("x-problems" = json!([Code::StorageUnavailable, Code::SchemaMismatch, Code::Draining]))),
)]
pub(crate) async fn healthz(state: State<Api>, params: Params) -> Result<Response, Problem> {
    readyz(state, params).await
}

/// What runs here, on which database, and how much waits.
#[utoipa::path(
    get, path = "/status", operation_id = "getStatus", tag = "installation",
    responses((status = 200, description = "The status.", body = StatusBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn status(State(api): State<Api>, caller: Caller) -> Result<Json<StatusBody>, Problem> {
    caller.must_operate()?;
    let described = api.desk().store().describe().await?;
    let audit = api.desk().store().audit_state().await?;
    Ok(Json(StatusBody::of(described, &audit, api.desk().world().now(), api.desk().is_draining())))
}

/// Look for everything that can be wrong with an installation.
///
/// Each check with what to do. What was found is the answer, so its status is 200 also when the patient is ill.
#[utoipa::path(
    get, path = "/doctor", operation_id = "runDoctor", tag = "installation",
    responses((status = 200, description = "What was found.", body = DoctorBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn doctor(State(api): State<Api>, caller: Caller) -> Result<Json<DoctorBody>, Problem> {
    caller.must_operate()?;
    Ok(Json(checks::all(&api).await.into()))
}

/// How the installation is, part by part.
///
/// The checks of the doctor with a grade: `warn` is worth a look, `fail` is broken or will be soon, and each says what to do.
/// The status is 200 also when the patient is ill; `/readyz` is for load balancers.
#[utoipa::path(
    get, path = "/health", operation_id = "getInstallationHealth", tag = "installation",
    responses((status = 200, description = "Every check, and the worst grade.", body = HealthBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn health(State(api): State<Api>, caller: Caller) -> Result<Json<HealthBody>, Problem> {
    caller.must_operate()?;
    Ok(Json(HealthBody::new(checks::all(&api).await, api.desk().world().now())))
}
