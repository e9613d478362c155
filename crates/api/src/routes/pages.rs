//! What can be read without a key: the OpenAPI document, the reference made from it, and the pages of the error codes,
//! where `type` and `doc_url` of a problem point to.

use crate::docs::{Page, STYLE, errors, llms, reference, security};
use crate::error::Code;
use crate::extract::id::Segments;
use crate::openapi::document_of;
use crate::openapi::params::IfNoneMatch;
use crate::pages::page;
use crate::problem::Problem;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::header::ACCEPT;
use std::sync::OnceLock;

/// What is made once, when somebody first asks for it.
#[derive(Default)]
pub(crate) struct Reading {
    openapi: OnceLock<Page>,
    reference: OnceLock<Page>,
}

const PLAIN: &str = "text/plain; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getOpenApi", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = Object),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn openapi(State(api): State<Api>, headers: HeaderMap) -> Response {
    let page =
        || Page::new("application/json", document_of(api.public_url(), api.compat(), api.test().is_some()).to_string());
    api.reading().openapi.get_or_init(page).answer(&headers)
}

/// The reference for people.
#[utoipa::path(
    get, path = "/docs", operation_id = "getReference", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "A page.", body = String, content_type = "text/html"),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn docs(State(api): State<Api>, headers: HeaderMap) -> Response {
    let page = || reference::reference(&document_of(api.public_url(), api.compat(), api.test().is_some()));
    api.reading().reference.get_or_init(page).answer(&headers)
}

/// How the pages look.
#[utoipa::path(
    get, path = "/docs/style.css", operation_id = "getReferenceStyle", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "A style sheet.", body = String, content_type = "text/css"),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn style(headers: HeaderMap) -> Response {
    Page::new("text/css; charset=utf-8", STYLE.to_owned()).answer(&headers)
}

/// All error codes on one page.
#[utoipa::path(
    get, path = "/docs/errors", operation_id = "listErrorPages", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "A page.", body = String, content_type = "text/html"),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn error_pages(headers: HeaderMap) -> Response {
    errors::index().answer(&headers)
}

/// Read the page of an error code.
///
/// What happened, what to do, whether anything was charged. As HTML for whoever accepts that, else as Markdown; with `.md`
/// behind the code always as Markdown.
#[utoipa::path(
    get, path = "/docs/errors/{code}", operation_id = "getErrorPage", tag = "documentation",
    params(("code" = String, Path, description = "The code.", example = json!("queue_full")), IfNoneMatch),
    responses(
        (status = 200, description = "The page.", content((String = "text/markdown"), (String = "text/html"))),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn error_page(path: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let name = path.text("code");
    let bare = name.strip_suffix(".md");
    let word: String = bare.unwrap_or(name).chars().take(80).collect();
    let code = Code::parse(&word).ok_or_else(|| Problem::not_found("error code", word))?;
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let page = if bare.is_none() && accepted.contains("text/html") {
        errors::one(code)
    } else {
        Page::new(MARKDOWN, page(code).to_owned())
    };
    Ok(page.answer(&headers))
}

/// Whom to tell of a hole in the security of this installation.
///
/// RFC 9116. It expires half a year after the day it is read.
#[utoipa::path(
    get, path = "/.well-known/security.txt", operation_id = "getSecurityTxt", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The contact.", body = String, content_type = "text/plain"),
        (status = 304, description = "You have it already."),
    ),
    security(()),
    extensions(("x-problems" = json!([Code::NotFound]))),
)]
pub(crate) async fn security_txt(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let contact = api.security_contact().ok_or_else(|| {
        Problem::new(Code::NotFound, "This server names nobody to report security problems to.")
            .hint("Its operator sets security_contact (COPYDESK_SECURITY_CONTACT).")
    })?;
    Ok(Page::new(PLAIN, security::text(contact, api.public_url(), api.desk().world().now())).answer(&headers))
}

/// What a language model should know, and where the rest is.
#[utoipa::path(
    get, path = "/llms.txt", operation_id = "getLlmsTxt", tag = "documentation",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "Markdown.", body = String, content_type = "text/markdown"),
        (status = 304, description = "You have it already."),
    ),
    security(()),
)]
pub(crate) async fn llms_txt(State(api): State<Api>, headers: HeaderMap) -> Response {
    Page::new(MARKDOWN, llms(api.public_url())).answer(&headers)
}
