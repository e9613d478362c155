//! The clean-up that a scheduler of the image and video system calls every hour. Here nothing is ever left to clean up: a
//! sweeper ends what is past its deadline. Called all the same, it ends what is older than it is told.

use crate::auth::Caller;
use crate::extract::body::{Body, Lenient};
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::problems::OPERATOR;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Longest age. Units: hours.
const AGE_MAX_HOURS: f64 = 24.0 * 366.0;

#[derive(ToSchema)]
#[schema(as = CompatCleanup)]
pub(crate) struct Cleanup {
    /// What is older is ended; without it, what is past the usual deadline.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 8784)]
    max_age_hours: Option<Duration>,
    /// Count only.
    #[schema(value_type = Option<bool>)]
    dry_run: bool,
}

impl FromFields for Cleanup {
    fn read(fields: &mut Fields) -> Cleanup {
        let hours = fields.value("max_age_hours").and_then(|value| {
            let hours = value.as_f64().filter(|hours| *hours > 0.0 && *hours <= AGE_MAX_HOURS);
            if hours.is_none() {
                fields.fault(
                    "max_age_hours",
                    "out_of_range",
                    format!("it must be a number of hours up to {AGE_MAX_HOURS}"),
                );
            }
            hours
        });
        let max_age_hours = hours.map(|hours| Duration::from_secs_f64(hours * 3_600.0));
        Cleanup { max_age_hours, dry_run: fields.boolean("dry_run").unwrap_or_default() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompatCleanedUp)]
pub(crate) struct CleanedUp {
    success: bool,
    marked_as_failed: usize,
}

/// What this system's scheduler is told without a good key.
#[derive(Serialize, ToSchema)]
#[schema(as = CompatUnauthorized)]
pub(crate) struct Unauthorized {
    #[schema(example = "Unauthorized")]
    error: &'static str,
}

/// End what is stale, for the scheduler of the image and video system.
#[utoipa::path(
    post, path = "/api/generate/cleanup-stale", operation_id = "compatCleanupStale", tag = "compatibility",
    request_body(content = Option<Cleanup>, example = json!({ "max_age_hours": 2, "dry_run": true })),
    responses(
        (status = 200, description = "How many were ended, or would be.", body = CleanedUp),
        (status = 401, description = "No key, or none that is valid.", body = Unauthorized),
    ),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn cleanup_stale(
    State(api): State<Api>,
    caller: Caller,
    Lenient(body): Lenient<Cleanup>,
) -> Result<Json<CleanedUp>, Problem> {
    caller.must_operate()?;
    let Body { value: Cleanup { max_age_hours, dry_run }, .. } = body;
    let max_age = max_age_hours.unwrap_or(api.desk().config().deadline);
    let desk = api.desk().clone();
    let swept = owned(async move { desk.cleanup_stale(max_age, dry_run).await }).await?;
    Ok(Json(CleanedUp { success: true, marked_as_failed: swept.len() }))
}

/// The layer that puts 401 into this system's words.
pub(crate) async fn unauthorized(response: Response) -> Response {
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], Json(Unauthorized { error: "Unauthorized" }))
        .into_response()
}
