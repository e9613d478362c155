//! What an operator does by hand: re-prove the books, end what is stale.

use crate::auth::Caller;
use crate::extract::body::Body;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::{AuditBody, CleanupBody};
use crate::wire::requests::Cleanup;
use axum::Json;
use axum::extract::State;

pub(crate) async fn audit(State(api): State<Api>, caller: Caller) -> Result<Json<AuditBody>, Problem> {
    caller.must_operate()?;
    Ok(Json(api.desk().store().audit().await?.into()))
}

/// Without `max_age`, what is older than the usual deadline is stale.
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
