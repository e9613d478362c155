//! The body of a request: bounded, declared as JSON, one strict object. An empty body is an empty object, so that routes
//! without required fields need none.

use super::fields::{Fields, FromFields};
use crate::error::Code;
use crate::json;
use crate::problem::Problem;
use crate::router::Api;
use crate::server::TooSlow;
use axum::extract::{FromRequest, Request};
use copydesk_desk::error::Fault;
use futures::StreamExt;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::{Map, Value};

/// A typed body, and the JSON it was read from (for the fingerprint).
pub(crate) struct Body<T> {
    pub value: T,
    pub raw: Value,
}

/// The same from another system's client: fields nobody asked for are passed over.
pub(crate) struct Lenient<T>(pub Body<T>);

/// Everything of a body that was found wrong is told at once.
impl<T: FromFields + Send> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Body<T>, Problem> {
        Body::read_up_to(request, api, api.body_bytes_max()).await
    }
}

impl<T: FromFields> Body<T> {
    /// For a route with a limit of its own. Units: bytes.
    pub async fn read_up_to(request: Request, api: &Api, bytes_max: usize) -> Result<Body<T>, Problem> {
        let (value, raw, fields) = fields_of(request, api, bytes_max).await?;
        fields.finish()?;
        Ok(Body { value, raw })
    }
}

impl<T: FromFields + Send> FromRequest<Api> for Lenient<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Lenient<T>, Problem> {
        let (value, raw, fields) = fields_of(request, api, api.body_bytes_max()).await?;
        fields.finish_known()?;
        Ok(Lenient(Body { value, raw }))
    }
}

/// The typed body, its JSON, and what is left of the fields.
async fn fields_of<T: FromFields>(
    request: Request,
    api: &Api,
    bytes_max: usize,
) -> Result<(T, Value, Fields), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read(&parts.headers, body, bytes_max).await?;
    let fields = if bytes.is_empty() {
        Map::new()
    } else {
        declared_as_json(&parts.headers)?;
        object(&bytes)?
    };
    let raw = Value::Object(fields.clone());
    let mut fields = Fields::new(fields, api.desk().world().now());
    let value = T::read(&mut fields);
    Ok((value, raw, fields))
}

async fn read(headers: &HeaderMap, body: axum::body::Body, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        Problem::new(Code::TooLarge, format!("The body has more than {bytes_max} bytes, which is the limit."))
            .with("limit", bytes_max.into())
    };
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(broken_off)?;
        if bytes.len() + piece.len() > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Why a body that is a file could not be read to its end.
pub(super) fn broken_off_words(error: axum::Error) -> &'static str {
    if error.into_inner().is::<TooSlow>() {
        "the body came too slowly to be waited for"
    } else {
        "the body broke off before it was complete"
    }
}

pub(crate) fn broken_off(error: axum::Error) -> Problem {
    if error.into_inner().is::<TooSlow>() {
        return Problem::new(
            Code::RequestTimeout,
            "The body came too slowly to be waited for; nothing was read of it.",
        )
        .hint("Send it again at once; docs/http.md has the slowest speed that is waited for.");
    }
    Problem::new(Code::MalformedJson, "The body broke off before it was complete.")
}

fn declared_as_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let detail = if kind.is_empty() {
        "The body has no Content-Type.".to_owned()
    } else {
        format!("The body is declared as {kind:?}; this route reads JSON only.")
    };
    Err(Problem::new(Code::UnsupportedMediaType, detail).hint("Send the header `Content-Type: application/json`."))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    match json::parse(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(Problem::invalid(vec![Fault::new("", "wrong_type", "the body must be an object")]))
        }
        Err(why) => Err(Problem::new(Code::MalformedJson, format!("The body is not JSON: {why}."))),
    }
}
