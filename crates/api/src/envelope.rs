//! What is the same around every answer: the request's id in and out, what the edge refuses, problems written as JSON,
//! panics caught, the headers of the edge, the access log. It knows no route.

use crate::edge::access::{self, Line};
use crate::extract::address::Address;
use crate::problem::{Parts, Problem};
use crate::router::Api;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// Longest id a caller may give its request. Units: bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The outermost layer.
pub(crate) async fn envelope(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let edge = api.edge();
    let id = given_id(request.headers()).unwrap_or_else(|| made_id(&api));
    let (method, route) = (request.method().clone(), access::route(&request).to_owned());
    let client = edge.client(&request);
    let line = edge.access_log.then(|| Line::begin(api.desk().world(), &request, &id, client.map(|client| client.0)));
    let origin = edge.cors_origins.asked(request.headers());
    let address = Address(request.uri().clone());
    request.extensions_mut().insert(address);
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    let began = api.test().map(|_| api.desk().world().steady());
    let mut response = inner(&api, request, next).await;
    if let Some(began) = began {
        write_timing(&mut response, api.desk().world().steady().saturating_sub(began));
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&problem, &id, &method, &route);
        write_problem(&mut response, &problem, api.public_url(), &id, &method);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    edge.secure(api.public_url(), response.headers_mut());
    edge.cors_origins.mark(origin, response.headers_mut());
    match line {
        Some(line) => line.of(response),
        None => response,
    }
}

/// How long a route took once its caller was let in; noted by `auth.rs` for the header of test mode.
#[derive(Clone, Copy)]
pub(crate) struct RouteTook(pub Duration);

/// `Server-Timing`, in test mode only: it tells strangers too much. Until the head of the answer, in milliseconds.
fn write_timing(response: &mut Response, total: Duration) {
    let millis = |span: Duration| span.as_secs_f64() * 1_000.0;
    let route = response.extensions_mut().remove::<RouteTook>();
    let parts = route.map(|RouteTook(route)| {
        format!(", auth;dur={:.3}, route;dur={:.3}", millis(total.saturating_sub(route)), millis(route))
    });
    let text = format!("total;dur={:.3}{}", millis(total), parts.unwrap_or_default());
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
}

/// What the edge says, or else the route.
async fn inner(api: &Api, request: Request, next: Next) -> Response {
    if let Err(problem) = api.edge().admit(&request) {
        return problem.into_response();
    }
    if let Some(answer) = api.edge().cors_origins.preflight(request.method(), request.headers()) {
        return answer;
    }
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::internal("a handler panicked").into_response(),
    }
}

/// The caller's own id, if it is one we may repeat in headers and logs.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/+=@".contains(&byte);
    let valid = (1..=REQUEST_ID_BYTES_MAX).contains(&given.len()) && given.bytes().all(plain);
    valid.then(|| given.to_owned())
}

fn made_id(api: &Api) -> String {
    let world = api.desk().world();
    format!("req_{}", world.uuid(world.now()).simple())
}

/// Faults of ours are logged once, here, with their cause. Of what the caller did wrong only the kind is: its sentence
/// quotes what he sent.
fn log(problem: &Problem, id: &str, method: &Method, route: &str) {
    let Parts { code, detail, cause, .. } = problem.parts();
    let (code, cause) = (code.as_str(), cause.as_deref().unwrap_or_default());
    if problem.code().facts().status >= 500 {
        tracing::error!(request = id, %method, route, code, cause, "{detail}");
    } else {
        tracing::debug!(request = id, %method, route, code, "{}", problem.code().facts().title);
    }
}

fn write_problem(response: &mut Response, problem: &Problem, public_url: &str, id: &str, method: &Method) {
    let parts = problem.parts();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let retry = if parts.code.facts().retryable { "true" } else { "false" };
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(retry));
    if let Some(seconds) = parts.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"copydesk\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if method != Method::HEAD {
        *response.body_mut() = Body::from(problem.body(public_url, id).to_string());
        // The length of the empty body that stood in its place.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
}
