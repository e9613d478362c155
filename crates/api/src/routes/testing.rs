//! Test mode: the clock moves on order, the demo provider fails on order. A server that is not in test mode has none of
//! these addresses. What it takes is the operator's key, like everything that acts on the whole installation.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::query::Params;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::testing::{Advance, ClockBody, FaultBody, NewFault};
use axum::Json;
use axum::extract::State;
use copydesk_desk::testing::TestMode;
use http::StatusCode;

/// What the server takes for the time.
#[utoipa::path(
    get, path = "/test/clock", operation_id = "getTestClock", tag = "installation",
    responses((status = 200, description = "The clock.", body = ClockBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn clock(State(api): State<Api>, caller: Caller) -> Result<Json<ClockBody>, Problem> {
    let test = mode(&api, &caller)?;
    Ok(Json(ClockBody::new(api.desk().world().now(), test.clock.ahead())))
}

/// Move the clock forward.
///
/// Everything that waits for a time up to then happens: deadlines, retries, schedules, expiry. Twice moves it twice. It never
/// goes back; a restart of the server does.
#[utoipa::path(
    post, path = "/test/clock", operation_id = "advanceTestClock", tag = "installation",
    request_body(content = Advance, example = json!({ "advance": "PT11M" })),
    responses((status = 200, description = "The clock as it is now.", body = ClockBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn advance(
    State(api): State<Api>,
    caller: Caller,
    body: Body<Advance>,
) -> Result<Json<ClockBody>, Problem> {
    let test = mode(&api, &caller)?.clone();
    let span = body.value.advance.unwrap_or_default();
    let (desk, moving) = (api.desk().clone(), test.clone());
    if !owned(async move { desk.move_clock(&moving, span).await }).await? {
        return Err(Problem::fault(
            "/advance",
            "out_of_range",
            "it would be more than ten years ahead; restart the server",
        ));
    }
    Ok(Json(ClockBody::new(api.desk().world().now(), test.clock.ahead())))
}

/// List the faults that were ordered and are not used up.
#[utoipa::path(
    get, path = "/test/faults", operation_id = "listTestFaults", tag = "installation",
    responses((status = 200, description = "All of them.", body = List<FaultBody>)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn faults(State(api): State<Api>, caller: Caller) -> Result<Json<List<FaultBody>>, Problem> {
    Ok(Json(ordered(mode(&api, &caller)?)))
}

fn ordered(test: &TestMode) -> List<FaultBody> {
    List::whole(test.faults.list().into_iter().map(FaultBody::from).collect())
}

/// Order a fault.
///
/// The next calls of a demo model fail as they were told to, in place of what was ordered for it before. Every call counts,
/// those of retries too.
#[utoipa::path(
    post, path = "/test/faults", operation_id = "setTestFault", tag = "installation",
    request_body(content = NewFault, example = json!({ "model": "demo/writer", "fault": "error_500", "times": 3 })),
    responses((status = 200, description = "Those that are ordered now.", body = List<FaultBody>)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn set_fault(
    State(api): State<Api>,
    caller: Caller,
    body: Body<NewFault>,
) -> Result<Json<List<FaultBody>>, Problem> {
    let test = mode(&api, &caller)?;
    let NewFault { model, fault, times } = body.value;
    let (Some(known), Some(fault)) = (TestMode::model(&model), fault) else { return Err(no_model("/model")) };
    test.faults.set(known, fault, times);
    Ok(Json(ordered(test)))
}

/// Take orders for faults back.
#[utoipa::path(
    delete, path = "/test/faults", operation_id = "clearTestFaults", tag = "installation",
    params(("model" = Option<String>, Query, description = "Of this model only, such as `demo/writer`.")),
    responses((status = 204, description = "None is ordered any more.")),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn clear_faults(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
) -> Result<StatusCode, Problem> {
    let given = params.text("model");
    params.finish()?;
    let test = mode(&api, &caller)?;
    let model = given.as_deref().map(|given| TestMode::model(given).ok_or_else(|| no_model("?model"))).transpose()?;
    test.faults.clear(model);
    Ok(StatusCode::NO_CONTENT)
}

fn no_model(pointer: &str) -> Problem {
    Problem::fault(pointer, "invalid", "it must be a chat model of the demo provider, such as demo/writer")
}

/// These routes are mounted in test mode only.
fn mode<'a>(api: &'a Api, caller: &Caller) -> Result<&'a TestMode, Problem> {
    caller.must_operate()?;
    api.test().ok_or_else(|| Problem::new(Code::NotFound, "This server is not in test mode."))
}
