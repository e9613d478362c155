//! What an operator does by hand: re-prove the books, end what is stale, remove what is old.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::body::Body;
use crate::extract::query::Params;
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::{AuditBody, CleanupBody, PrunedBody};
use crate::wire::requests::{Cleanup, Pruning};
use axum::Json;
use axum::extract::State;
use copydesk_desk::config::Retention;

/// How many open findings are shown.
const FINDINGS_SHOWN_MAX: u32 = 1_000;

/// Everything proved now, or what the background audit says.
#[derive(Clone, Copy)]
enum Mode {
    Full,
    Status,
}

impl Mode {
    fn parse(word: &str) -> Option<Mode> {
        match word {
            "full" => Some(Mode::Full),
            "status" => Some(Mode::Status),
            _ => None,
        }
    }
}

/// Prove the books once more, or say what the background audit has found.
#[utoipa::path(
    get, path = "/audit", operation_id = "runAudit", tag = "installation",
    params(("mode" = Option<String>, Query, pattern = "^(full|status)$", description = "`full`, the default, proves everything now; `status` says what the background audit has found and not seen mended.")),
    responses((status = 200, description = "What was found; `ok` when nothing was.", body = AuditBody)),
    extensions(("x-problems" = json!([OPERATOR, Code::AuditRunning]))),
)]
pub(crate) async fn audit(
    State(api): State<Api>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<AuditBody>, Problem> {
    caller.must_operate()?;
    let mode = params.word("mode", Mode::parse, &["full", "status"]).unwrap_or(Mode::Full);
    params.finish()?;
    let every = api.desk().config().audit_every;
    Ok(Json(match mode {
        Mode::Full => {
            let desk = api.desk().clone();
            // Whoever asked may hang up: the next one is told that it still runs.
            let findings = owned(async move { desk.audit().await }).await?;
            AuditBody::full(findings, api.desk().store().audit_state().await?, every)
        }
        Mode::Status => {
            let open = api.desk().store().open_findings(FINDINGS_SHOWN_MAX).await?;
            AuditBody::status(open, api.desk().store().audit_state().await?, every)
        }
    }))
}

/// End what is stale.
///
/// Without `max_age`, what is older than the usual deadline.
#[utoipa::path(
    post, path = "/maintenance/cleanup-stale", operation_id = "cleanUpStale", tag = "installation",
    request_body(content = Option<Cleanup>, example = json!({ "max_age": "2h", "dry_run": true })),
    responses((status = 200, description = "What was ended, or would be.", body = CleanupBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn cleanup_stale(
    State(api): State<Api>,
    caller: Caller,
    body: Body<Cleanup>,
) -> Result<Json<CleanupBody>, Problem> {
    caller.must_operate()?;
    let Cleanup { max_age, dry_run } = body.value;
    let max_age = max_age.unwrap_or(api.desk().config().deadline);
    let desk = api.desk().clone();
    let swept = owned(async move { desk.cleanup_stale(max_age, dry_run).await }).await?;
    Ok(Json(CleanupBody::of(&swept, dry_run)))
}

/// Remove old usage rows and events.
///
/// Ages that are not given are those of the settings; no total changes.
#[utoipa::path(
    post, path = "/maintenance/prune", operation_id = "prune", tag = "installation",
    request_body(content = Option<Pruning>, example = json!({ "usage": "400d", "dry_run": true })),
    responses((status = 200, description = "How many went, or would.", body = PrunedBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn prune(
    State(api): State<Api>,
    caller: Caller,
    body: Body<Pruning>,
) -> Result<Json<PrunedBody>, Problem> {
    caller.must_operate()?;
    let Pruning { usage, events, deliveries, items, dry_run } = body.value;
    let set = api.desk().config().retention;
    let named = Retention { usage, events, deliveries, items };
    let keep = if named == Retention::NOTHING { set } else { named };
    // Messages and items are kept for a while by default; who names nothing and has set nothing means usage and events.
    if named == Retention::NOTHING && set.usage.is_none() && set.events.is_none() {
        let detail = "nothing is to be removed: give usage or events an age such as 400d, or set it under [retention]";
        return Err(Problem::fault("", "required", detail));
    }
    let desk = api.desk().clone();
    let gone = owned(async move { desk.prune(keep, dry_run).await }).await?;
    Ok(Json(PrunedBody::of(gone, dry_run)))
}
