//! The HTTP API: JSON under `/api/v1`, problem answers, event streams, health. It parses once, asks the desk once and
//! writes the answer once; it decides nothing, sees no engine and no screen. Start with `router.rs` (every route), then
//! `routes/generations.rs` (the life of a request) and `error.rs` (every public code).

mod auth;
mod bytes;
mod checks;
mod coalesce;
pub mod compat;
mod conditional;
mod costed;
mod docs;
pub mod edge;
mod envelope;
pub mod error;
mod event_socket;
mod event_stream;
mod extract;
mod json;
mod openapi;
mod owned;
mod pages;
mod problem;
mod router;
mod routes;
mod scopes;
pub mod server;
mod session;
mod sse;
mod throttle;
mod wire;

pub use error::{Code, codes, near_codes};
pub use openapi::document;
pub use pages::page;
pub use problem::Problem;
pub use router::{ApiSettings, router};
