//! The pages of the error codes, where `type` and `doc_url` of a problem point to.

use crate::error::Code;
use crate::extract::id::Segments;
use crate::openapi::document;
use crate::pages::page;
use crate::problem::Problem;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde_json::Value;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getOpenApi", tag = "documentation",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
    security(()),
)]
pub(crate) async fn openapi(State(api): State<Api>) -> Json<Value> {
    Json(document(api.public_url()))
}

/// Read the page of an error code.
#[utoipa::path(
    get, path = "/docs/errors/{code}", operation_id = "getErrorPage", tag = "documentation",
    params(("code" = String, Path, description = "The code.", example = json!("queue_full"))),
    responses(
        (status = 200, description = "What happened, what to do, whether anything was charged.", body = String, content_type = "text/markdown"),
    ),
    security(()),
)]
pub(crate) async fn error_page(path: Segments) -> Result<Response, Problem> {
    let name = path.text("code");
    let word: String = name.strip_suffix(".md").unwrap_or(name).chars().take(80).collect();
    let code = Code::parse(&word).ok_or_else(|| Problem::not_found("error code", word))?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], page(code)).into_response())
}
