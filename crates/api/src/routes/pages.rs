//! The pages of the error codes, where `type` and `doc_url` of a problem point to.

use crate::error::Code;
use crate::extract::id::Segments;
use crate::pages::page;
use crate::problem::Problem;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

pub(crate) async fn error_page(path: Segments) -> Result<Response, Problem> {
    let name = path.text("code");
    let word: String = name.strip_suffix(".md").unwrap_or(name).chars().take(80).collect();
    let code = Code::parse(&word).ok_or_else(|| Problem::not_found("error code", word))?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], page(code)).into_response())
}
