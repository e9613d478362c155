//! The demo provider: deterministic models behind real HTTP on loopback, spoken to through the same client code as any
//! other provider, so that the product runs, shows itself and tests itself without a key or a network. It never leaves
//! 127.0.0.1. The models are in `models.rs`, what they say in `writer.rs` and `newsletter.rs`; those that make files are in
//! `studio.rs`, what they draw in `canvas.rs`.

mod canvas;
mod client;
mod faults;
mod garbage;
mod models;
mod newsletter;
mod outreach;
mod reply;
mod request;
mod revise;
mod schema;
mod studio;
mod topic;
mod words;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use copydesk_core::NanoUsd;
use copydesk_core::metering::price::Price;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::catalogue::Catalogue;
use crate::http::{CALL_ID_HEADER, HttpClient};
pub use client::DemoProvider;
pub use faults::{Fault, FaultSet, Faults};
pub use models::Model;
use models::{Flaky, Plan, Reply, Try, count_try, error_body, plan};
use request::Asked;

/// The name the demo provider is addressed under.
pub const NAME: &str = "demo";
/// The version of the demo price table.
pub const PRICE_VERSION: &str = "demo-2026-11";
/// Requests the log keeps; older ones are dropped, their number is still counted.
pub const REQUESTS_KEPT_MAX: usize = 10_000;
/// The largest request body the demo server reads.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One request as the demo server saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemoRequest {
    /// The header `x-copydesk-call-id`, as it came.
    pub call_id: Option<String>,
    /// The model as it was asked for, options included; empty when the body could not be read.
    pub model: String,
    /// The input tokens the server counted, and the output tokens it set out to write. `None` when it reports no usage.
    pub usage: Option<DemoUsage>,
}

/// Units: tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DemoUsage {
    pub input: u64,
    pub output: u64,
}

#[derive(Debug, Default)]
struct Seen {
    total: u64,
    requests: VecDeque<DemoRequest>,
    flaky: Flaky,
}

/// What the server's tasks and the handle share.
#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    jobs: Mutex<studio::Jobs>,
    faults: Faults,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // The log is only ever added to; a panic between two additions leaves it whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn jobs(&self) -> MutexGuard<'_, studio::Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Counts a request that no chat model answers, and keeps it.
    fn log(&self, request: DemoRequest) {
        let mut seen = self.seen();
        seen.total += 1;
        keep(&mut seen, request);
    }
}

/// The demo server. Start it with [`DemoServer::start`].
#[derive(Debug)]
pub struct DemoServer;

/// The running server. Dropping it stops the server.
#[derive(Debug)]
pub struct DemoHandle {
    shared: Arc<Shared>,
    base_url: String,
    task: JoinHandle<()>,
}

impl DemoServer {
    /// Starts the server on a free port of 127.0.0.1 and returns its handle and base URL.
    ///
    /// Errors: `io::Error` - no port could be had.
    pub async fn start() -> io::Result<(DemoHandle, String)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let router = studio::routes(Router::new())
            .route("/v1/chat/completions", post(chat_completions))
            .route("/v1/models", get(models))
            .fallback(unknown_route)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demo provider stopped");
            }
        });
        Ok((DemoHandle { shared, base_url: base_url.clone(), task }, base_url))
    }
}

impl DemoHandle {
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
    /// The last [`REQUESTS_KEPT_MAX`] requests, in the order they came.
    pub fn requests(&self) -> Vec<DemoRequest> {
        self.shared.seen().requests.iter().cloned().collect()
    }
    /// What its models were told to do instead of what they do.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }
    /// All requests since the start.
    pub fn requests_total(&self) -> u64 {
        self.shared.seen().total
    }
}

impl Drop for DemoHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The provider entry for a demo server under `base_url`.
pub fn provider(name: &str, base_url: &str, http: &HttpClient) -> DemoProvider {
    DemoProvider::new(name, base_url, http, Catalogue::exact(names(), prices()))
}

/// The price of every model but `unpriced`.
///
/// Units: nano-dollars per million tokens, per picture and per second of film; small round figures, so that a reader can
/// check a cost in the head.
pub fn prices() -> BTreeMap<String, Price> {
    let written = Model::ALL.into_iter().filter_map(|model| Some((model.as_str().to_owned(), price(model)?)));
    let price = || Price { version: PRICE_VERSION.to_owned(), ..Price::default() };
    let painter = Price { per_image: Some(NanoUsd(10_000_000)), ..price() };
    let camera = Price { per_video_second: Some(NanoUsd(50_000_000)), ..price() };
    let made = [(studio::PAINTER.to_owned(), painter), (studio::CAMERA.to_owned(), camera)];
    written.chain(made).collect()
}

fn price(model: Model) -> Option<Price> {
    let (input, output) = match model {
        Model::Writer | Model::Slow | Model::Flaky | Model::Garbage => (150_000_000, 600_000_000),
        Model::Coder => (500_000_000, 1_500_000_000),
        Model::Chat | Model::Echo | Model::Fail | Model::Stuck | Model::Quota => (100_000_000, 400_000_000),
        Model::Unpriced => return None,
    };
    Some(Price::per_million(PRICE_VERSION, NanoUsd(input), NanoUsd(output)))
}

/// Every model's name.
fn names() -> Vec<String> {
    let models = Model::ALL.iter().map(|model| model.as_str()).chain([studio::PAINTER, studio::CAMERA]);
    models.map(str::to_owned).collect()
}

async fn models() -> Json<Value> {
    let entry = |name: String| json!({ "id": name, "object": "model", "owned_by": NAME });
    Json(json!({ "object": "list", "data": names().into_iter().map(entry).collect::<Vec<_>>() }))
}

async fn chat_completions(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let call_id = head.headers.get(CALL_ID_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let asked = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => Asked::read(&body),
        Err(error) => Err(format!("the body cannot be read: {error}")),
    };
    let (number, decided) = decide(&shared, call_id, asked);
    let request_id = format!("demo-{number}");
    match decided {
        Ok((plan, asked)) => reply::respond(plan, &asked, &request_id).await,
        Err((status, body)) => refused(status, body),
    }
}

type Decided = Result<(Plan, Asked), (u16, String)>;

/// Writes the request into the log and decides the reply before any of it is sent: what the log says was used is what
/// is answered.
fn decide(shared: &Shared, call_id: Option<String>, asked: Result<Asked, String>) -> (u64, Decided) {
    let model = asked.as_ref().map_or_else(|_| String::new(), |asked| asked.model.clone());
    let (number, counted) = count(shared, asked);
    // Writing the answer takes longest; nobody else waits for it.
    let decided = counted.map(|(known, asked, this_try)| (plan(known, &asked, this_try), asked));
    let usage = decided.as_ref().ok().and_then(|(plan, asked)| reported(plan, asked));
    let mut seen = shared.seen();
    keep(&mut seen, DemoRequest { call_id, model, usage });
    (number, decided)
}

fn keep(seen: &mut Seen, request: DemoRequest) {
    if seen.requests.len() == REQUESTS_KEPT_MAX {
        seen.requests.pop_front();
    }
    seen.requests.push_back(request);
}

type Counted = Result<(Model, Asked, Try), (u16, String)>;

fn count(shared: &Shared, asked: Result<Asked, String>) -> (u64, Counted) {
    let mut seen = shared.seen();
    seen.total += 1;
    let number = seen.total;
    let asked = match asked {
        Ok(asked) => asked,
        Err(what) => return (number, Err((400, error_body(&what, "invalid_request_error", "invalid_request")))),
    };
    let counted = match Model::parse(&asked.name) {
        Some(known) => {
            let (known, this_try) = match shared.faults.take(known) {
                Some(fault) => fault.by_nature(),
                None => (known, count_try(known, &asked, &mut seen.flaky)),
            };
            Ok((known, asked, this_try))
        }
        None => Err((404, unknown_model(&asked.name))),
    };
    (number, counted)
}

/// The usage the reply will carry.
fn reported(plan: &Plan, asked: &Asked) -> Option<DemoUsage> {
    match plan.reply {
        Reply::Answer { .. } | Reply::Refusal { .. } if !asked.stream || asked.include_usage => {
            Some(DemoUsage { input: plan.tokens_in, output: plan.tokens_out })
        }
        Reply::Answer { .. }
        | Reply::Refusal { .. }
        | Reply::BreakOff { .. }
        | Reply::ErrorAfter { .. }
        | Reply::NoFinish { .. }
        | Reply::Raw { .. }
        | Reply::Never => None,
    }
}

fn unknown_model(name: &str) -> String {
    let known: Vec<&str> = Model::ALL.iter().map(|model| model.as_str()).collect();
    let message = format!("The demo provider has no model {name:?}. It has: {}.", known.join(", "));
    error_body(&message, "not_found_error", "model_not_found")
}

async fn unknown_route(request: Request) -> Response {
    let message = format!(
        "The demo provider serves POST /v1/chat/completions, /v1/images/generations and /v1/jobs, and GET /v1/models, not {} {}.",
        request.method(),
        request.uri().path()
    );
    refused(404, error_body(&message, "invalid_request_error", "unknown_url"))
}

fn refused(status: u16, body: String) -> Response {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(Body::from(body));
    response.unwrap_or_else(|error| Response::new(Body::from(error.to_string())))
}
