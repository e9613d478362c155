//! The answer to a request for work: 202 with the ids at once, or 200 with the result when the caller preferred to wait
//! and the wait was long enough.

use super::look;
use crate::auth::Caller;
use crate::coalesce::Arrival;
use crate::costed::Costed;
use crate::extract::prefer;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::accepted::AcceptedBody;
use crate::wire::generation::GenerationBody;
use axum::Json;
use axum::response::{IntoResponse, Response};
use copydesk_desk::accept::Receipt;
use copydesk_desk::store::generations::Accepted;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::time::Duration;

pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const COALESCED: HeaderName = HeaderName::from_static("copydesk-coalesced");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The answer to a request that may have been the retry of another one.
pub(crate) async fn arrived(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    arrival: Arrival,
) -> Result<Response, Problem> {
    let Arrival { receipt, coalesced, presence } = arrival;
    let shared = coalesced.then(|| receipt.generation.to_string());
    let mut response = answer(api, caller, headers, receipt).await?;
    if let Some(value) = shared.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(COALESCED, value);
    }
    if let Some(presence) = presence {
        presence.answered();
    }
    Ok(response)
}

pub(crate) async fn answer(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    receipt: Receipt,
) -> Result<Response, Problem> {
    let replayed = matches!(receipt.accepted, Accepted::Replayed { .. });
    let wait = prefer::wait(headers);
    let done = match wait {
        Some(patience) => finished(api, caller, &receipt, patience).await?,
        None => None,
    };
    let mut response = match done {
        Some(body) => Costed(body).into_response(),
        None => {
            let deduplicated = receipt.accepted.deduplicated();
            let body = AcceptedBody::new(receipt.generation, receipt.draft, deduplicated, api.links());
            (StatusCode::ACCEPTED, [(RETRY_AFTER, "1")], Json(body)).into_response()
        }
    };
    let out = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&api.links().generation(receipt.generation, "")) {
        out.insert(LOCATION, location);
    }
    if replayed {
        out.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(applied) = wait.and_then(|wait| HeaderValue::from_str(&format!("wait={}", wait.as_secs())).ok()) {
        out.insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// The generation with its draft, if it ends in time.
async fn finished(
    api: &Api,
    caller: &Caller,
    receipt: &Receipt,
    patience: Duration,
) -> Result<Option<GenerationBody>, Problem> {
    let row = api.desk().wait(caller.scope, receipt.generation, patience).await?;
    if !row.status().is_final() {
        return Ok(None);
    }
    let mut body = look::generation(api, caller.scope, &row).await?;
    let draft = api.desk().draft(caller.scope, row.draft).await?;
    body.details.draft = Some(Box::new(look::draft(api, draft)?));
    Ok(Some(body))
}
