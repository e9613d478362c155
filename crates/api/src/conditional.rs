//! `If-None-Match` on every reading route: an answer in JSON gets the hash of its bytes as ETag unless its route has a
//! better one, and who has these bytes already is told so with 304 and no body.

use crate::extract::etag::none_match;
use crate::problem::Problem;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};

/// Of the hash, so much makes the tag. Units: bytes.
const TAG_BYTES: usize = 16;

pub(crate) async fn conditional(request: Request, next: Next) -> Result<Response, Problem> {
    let wanted = (request.method() == Method::GET).then(|| request.headers().clone());
    let response = next.run(request).await;
    match wanted {
        Some(headers) if is_whole_json(&response) => tagged(response, &headers).await,
        Some(_) | None => Ok(response),
    }
}

/// Streams have no size that is known before their end.
fn is_whole_json(response: &Response) -> bool {
    let json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let whole = response.body().size_hint().exact().is_some();
    json && whole && response.status() == StatusCode::OK && !response.headers().contains_key(ETAG)
}

async fn tagged(response: Response, asked: &HeaderMap) -> Result<Response, Problem> {
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(error.to_string()))?;
    let digits: String = Sha256::digest(&bytes)[..TAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{digits}\"");
    let known = none_match(asked, &tag);
    head.headers.insert(ETAG, HeaderValue::from_str(&tag).map_err(|error| Problem::internal(error.to_string()))?);
    if known {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(CONTENT_TYPE);
        head.headers.remove(CONTENT_LENGTH);
        return Ok(Response::from_parts(head, Body::empty()));
    }
    Ok(Response::from_parts(head, Body::from(bytes)))
}
