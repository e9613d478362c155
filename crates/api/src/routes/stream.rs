//! Watching a generation while it is written.

use crate::auth::{Caller, refuse_other_origins};
use crate::extract::id::Segments;
use crate::extract::query::{Params, bad_cursor};
use crate::problem::Problem;
use crate::router::Api;
use crate::sse::{Position, follow};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

const LAST_EVENT_ID: &str = "last-event-id";

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
    let position = match after.as_deref().or(last) {
        Some(text) => Some(text.parse::<Position>().map_err(|_| bad_cursor())?),
        None => None,
    };
    let id = path.generation(&api, caller.scope).await?;
    api.desk().store().get(caller.scope, id).await?;
    if position.is_some_and(|position| position.ended) {
        // The caller has seen the end: this is how an EventSource is told not to come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    refuse_other_origins(&headers, api.public_url())?;
    let permit = api.stream_place()?;
    Ok(follow(api, caller.scope, id, position, permit))
}
