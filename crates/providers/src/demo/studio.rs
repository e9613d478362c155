//! The demo models that make files, over HTTP like the others: `painter` draws pictures at once, `camera` runs a job that
//! is at work for two questions and then has a short animated film. A job's name says everything about it, so that a
//! question about a job of an earlier process is answered as well.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::canvas::Canvas;
use super::models::error_body;
use super::words::hash;
use super::{DemoRequest, Shared, refused};
use crate::http::CALL_ID_HEADER;

pub(crate) const PAINTER: &str = "painter";
pub(crate) const CAMERA: &str = "camera";
/// Questions for which a job is still at work.
const POLLS: u32 = 2;
/// Pixels of a side, unless the request says otherwise, and at most.
const SIDE_USUAL: u16 = 256;
const SIDE_MAX: u16 = 1_024;
const PICTURES_MAX: u64 = 10;
/// Units: seconds of film.
const SECONDS_USUAL: u64 = 2;
const SECONDS_MAX: u64 = 10;
const FRAMES_PER_SECOND: usize = 8;
const FILM_WIDTH: u16 = 96;
const FILM_HEIGHT: u16 = 64;
/// Jobs whose questions are counted; beyond, the count begins anew.
const JOBS_MAX: usize = 10_000;

/// How often each job was asked about; `None` when it was stopped.
pub(crate) type Jobs = HashMap<String, Option<u32>>;

pub(crate) fn routes(router: Router<Arc<Shared>>) -> Router<Arc<Shared>> {
    router
        .route("/v1/images/generations", post(draw))
        .route("/v1/jobs", post(submit))
        .route("/v1/jobs/{id}", get(ask))
        .route("/v1/jobs/{id}/film.gif", get(film))
        .route("/v1/jobs/{id}/cancel", post(cancel))
}

fn answer(body: &Value) -> Response {
    let response = Response::builder().header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
    response.unwrap_or_else(|error| Response::new(Body::from(error.to_string())))
}

fn wrong(status: u16, message: &str, code: &str) -> Response {
    refused(status, error_body(message, "invalid_request_error", code))
}

/// Reads what is wanted of `model`, and writes it into the log.
fn wanted(shared: &Shared, headers: &HeaderMap, body: &[u8], model: &str) -> Result<(Value, String), Box<Response>> {
    let call_id = headers.get(CALL_ID_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    shared.log(DemoRequest { call_id, model: text("model"), usage: None });
    let prompt = text("prompt");
    if text("model") != model {
        let message = format!("The demo provider has {model:?} here, not {:?}.", text("model"));
        return Err(Box::new(wrong(404, &message, "model_not_found")));
    }
    if prompt.trim().is_empty() {
        return Err(Box::new(wrong(400, "there is no prompt", "invalid_request")));
    }
    Ok((body, prompt))
}

/// `320x200`, each side at most [`SIDE_MAX`].
fn size(body: &Value) -> Option<(u16, u16)> {
    let Some(size) = body.get("size").and_then(Value::as_str) else { return Some((SIDE_USUAL, SIDE_USUAL)) };
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| text.parse::<u16>().ok().filter(|side| (1..=SIDE_MAX).contains(side));
    Some((side(width)?, side(height)?))
}

async fn draw(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (body, prompt) = match wanted(&shared, &headers, &body, PAINTER) {
        Ok(wanted) => wanted,
        Err(response) => return *response,
    };
    let Some((width, height)) = size(&body) else {
        let message = format!("size must be WIDTHxHEIGHT with sides of 1 to {SIDE_MAX}");
        return wrong(400, &message, "invalid_request");
    };
    let count = body.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, PICTURES_MAX);
    let picture = |number| json!({"b64_json": STANDARD.encode(Canvas::new(&prompt, number, width, height).png())});
    answer(&json!({"created": 0, "data": (0..count).map(picture).collect::<Vec<_>>()}))
}

async fn submit(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (body, prompt) = match wanted(&shared, &headers, &body, CAMERA) {
        Ok(wanted) => wanted,
        Err(response) => return *response,
    };
    let seconds = body.get("seconds").and_then(Value::as_u64).unwrap_or(SECONDS_USUAL).clamp(1, SECONDS_MAX);
    let mut jobs = shared.jobs();
    if jobs.len() >= JOBS_MAX {
        jobs.clear();
    }
    let id = format!("film-{:016x}-{seconds}-{}", hash(&[&prompt]), jobs.len());
    jobs.insert(id.clone(), Some(0));
    answer(&json!({"id": id, "status": "running", "wait_s": 1}))
}

/// What a name says: the film's seed and its length in seconds.
fn film_of(id: &str) -> Option<(&str, u64)> {
    let mut parts = id.strip_prefix("film-")?.split('-');
    let (seed, seconds, _number) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    (seed.len() == 16 && (1..=SECONDS_MAX).contains(&seconds) && parts.next().is_none()).then_some((seed, seconds))
}

fn no_job(id: &str) -> Response {
    wrong(404, &format!("There is no job {id:?}."), "job_not_found")
}

async fn ask(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let Some((_, seconds)) = film_of(&id) else { return no_job(&id) };
    let mut jobs = shared.jobs();
    let polled = match jobs.entry(id.clone()).or_insert(Some(0)) {
        None => return answer(&json!({"id": id, "status": "stopped"})),
        Some(polled) => {
            *polled += 1;
            *polled
        }
    };
    if polled <= POLLS {
        let percent = polled * 100 / (POLLS + 1);
        return answer(&json!({"id": id, "status": "running", "percent": percent, "wait_s": 1}));
    }
    answer(&json!({"id": id, "status": "done", "seconds": seconds, "files": [format!("/jobs/{id}/film.gif")]}))
}

async fn film(Path(id): Path<String>) -> Response {
    let Some((seed, seconds)) = film_of(&id) else { return no_job(&id) };
    let frames = usize::try_from(seconds).unwrap_or(1) * FRAMES_PER_SECOND;
    let film = Canvas::new(seed, 0, FILM_WIDTH, FILM_HEIGHT).gif(frames);
    let response = Response::builder().header(CONTENT_TYPE, "image/gif").body(Body::from(film));
    response.unwrap_or_else(|error| Response::new(Body::from(error.to_string())))
}

async fn cancel(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    if film_of(&id).is_none() {
        return no_job(&id);
    }
    shared.jobs().insert(id.clone(), None);
    answer(&json!({"id": id, "status": "stopped"}))
}
