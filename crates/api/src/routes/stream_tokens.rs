//! Leave to open a stream without a header, for a minute.

use crate::auth::Caller;
use crate::problem::Problem;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = StreamToken)]
pub(crate) struct StreamTokenBody {
    object: &'static str,
    token: String,
    expires_at: String,
}

/// Make a token that opens streams.
///
/// For browsers, which cannot set headers on them: good for a minute, for streams only, with the rights of the key.
#[utoipa::path(
    post, path = "/stream-tokens", operation_id = "createStreamToken", tag = "events",
    responses((status = 201, description = "The token, and until when it opens streams.", body = StreamTokenBody)),
)]
pub(crate) async fn make(
    State(api): State<Api>,
    caller: Caller,
) -> Result<(StatusCode, Json<StreamTokenBody>), Problem> {
    let token = caller.stream_token(&api).await?;
    let (token, expires_at) = (token.to_string(), token.expires_at.to_string());
    Ok((StatusCode::CREATED, Json(StreamTokenBody { object: "stream_token", token, expires_at })))
}
