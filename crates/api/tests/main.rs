//! The API as a client sees it: a whole desk on the model store, a provider made of two lines, no sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod assets;
mod auth;
mod budgets;
mod credits;
mod drafts;
mod errors;
mod generations;
mod idempotency;
mod installation;
mod lists;
mod metrics;
mod prices;
mod scripted;
mod site;
mod stream;
mod usage;
