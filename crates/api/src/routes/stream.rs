//! Watching a generation while it is written.

use crate::auth::{Caller, refuse_other_origins};
use crate::error::Code;
use crate::extract::id::Segments;
use crate::extract::query::{Params, bad_cursor};
use crate::openapi::params::GenerationPath;
use crate::problem::Problem;
use crate::router::Api;
use crate::sse::{Position, follow};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

const LAST_EVENT_ID: &str = "last-event-id";

/// Watch a generation while it is written.
///
/// Server-sent events: `generation.accepted`, `.started`, `.snapshot` (the text so far), `.delta` (`offset`, `text`),
/// `.retrying`, and at the end `.completed`, `.failed` or `.cancelled`. Each has an `id` to go on from.
#[utoipa::path(
    get, path = "/generations/{id}/stream", operation_id = "streamGeneration", tag = "generations",
    params(
        GenerationPath,
        ("after" = Option<String>, Query, pattern = r"^[0-9]{1,9}\.[0-9]{1,9}(\.end)?$", description = "Go on behind the event with this id."),
        ("Last-Event-ID" = Option<String>, Header, pattern = r"^[0-9]{1,9}\.[0-9]{1,9}(\.end)?$", description = "As `after`, as browsers send it; it wins."),
        ("stream_token" = Option<String>, Query, description = "Instead of the header, for browsers: `POST /stream-tokens`."),
    ),
    responses(
        (status = 200, description = "The events, until the generation ends.", body = String, content_type = "text/event-stream"),
        (status = 204, description = "You have seen the end already; do not come back."),
    ),
    extensions(("x-problems" = json!([Code::BadCursor, Code::RateLimited, Code::OriginRefused]))),
)]
pub(crate) async fn stream(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = params.text("after");
    params.stream_token();
    params.finish()?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let position = match last.or(after.as_deref()) {
        Some(text) => Some(text.parse::<Position>().map_err(|_| bad_cursor())?),
        None => None,
    };
    let id = path.generation(&api, caller.scope).await?;
    api.desk().store().get(caller.scope, id).await?;
    if position.is_some_and(|position| position.ended) {
        // The caller has seen the end: this is how an EventSource is told not to come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    refuse_other_origins(&api, &headers)?;
    let permit = api.stream_place()?;
    Ok(follow(api, caller.scope, id, position, permit))
}
