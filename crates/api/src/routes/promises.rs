//! What Copydesk promises, and what the audit has found against it.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::fields::Nothing;
use crate::extract::id::Segments;
use crate::openapi::params::PromisePath;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::list::List;
use crate::wire::promise::{PromiseBody, PromiseRunBody};
use axum::Json;
use axum::extract::State;
use copydesk_desk::store::promises::{PROMISES, Promise};

/// How many open findings are read.
const FINDINGS_READ_MAX: u32 = 10_000;

/// List the promises.
///
/// Each with how often the background audit found it broken and has not seen it mended.
#[utoipa::path(
    get, path = "/promises", operation_id = "listPromises", tag = "installation",
    responses((status = 200, description = "All of them.", body = List<PromiseBody>)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<List<PromiseBody>>, Problem> {
    caller.must_operate()?;
    let state = api.desk().store().audit_state().await?;
    Ok(Json(List::whole(PROMISES.iter().map(|promise| PromiseBody::new(promise, &state)).collect())))
}

/// Look at a promise, with what was found against it.
#[utoipa::path(
    get, path = "/promises/{promise}", operation_id = "getPromise", tag = "installation",
    params(PromisePath),
    responses((status = 200, description = "The promise.", body = PromiseBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn one(State(api): State<Api>, caller: Caller, path: Segments) -> Result<Json<PromiseBody>, Problem> {
    caller.must_operate()?;
    let promise = found(&path)?;
    let state = api.desk().store().audit_state().await?;
    let open = api.desk().store().open_findings(FINDINGS_READ_MAX).await?;
    Ok(Json(PromiseBody::new(promise, &state).with_findings(promise, open)))
}

/// Prove a promise now.
///
/// Its checks read the live data for half a minute at most, the newest generations first; `complete` says whether that was
/// all there is. Nothing is written. One at a time, and not beside an audit of everything.
#[utoipa::path(
    post, path = "/promises/{promise}/run", operation_id = "runPromise", tag = "installation",
    params(PromisePath),
    request_body = Option<Nothing>,
    responses((status = 200, description = "What was found; `ok` when nothing was.", body = PromiseRunBody)),
    extensions(("x-problems" = json!([OPERATOR, Code::AuditRunning]))),
)]
pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    _body: Body<Nothing>,
) -> Result<Json<PromiseRunBody>, Problem> {
    caller.must_operate()?;
    let promise = found(&path)?;
    let desk = api.desk().clone();
    // Whoever asked may hang up: the next one is told that it still runs.
    let run = owned(async move { desk.prove_promise(promise).await }).await?;
    Ok(Json(PromiseRunBody::new(promise, run)))
}

fn found(path: &Segments) -> Result<&'static Promise, Problem> {
    let given = path.text("promise");
    Promise::named(given).ok_or_else(|| {
        let names: Vec<&str> = PROMISES.iter().map(|promise| promise.name).collect();
        let shown: String = given.chars().take(80).collect();
        Problem::not_found("promise", shown).hint(format!("There are: {}.", names.join(", ")))
    })
}
