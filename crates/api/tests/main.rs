//! The API as a client sees it: a whole desk on the model store, a provider made of two lines, no sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod assets;
mod auth;
mod browsers;
mod budgets;
mod bulk;
mod coalescing;
mod codes;
mod compat;
mod compat_outreach;
mod contract;
mod credits;
mod drafts;
mod edge;
mod endless;
mod errors;
mod events;
mod exports;
mod files;
mod generations;
mod idempotency;
mod installation;
mod jobs;
mod keys;
mod lists;
mod members;
mod metrics;
mod oidc;
mod openapi;
mod people;
mod prices;
mod prospects;
mod reading;
mod scripted;
mod security;
mod served;
mod server;
mod sign_in;
mod site;
mod stream;
mod usage;
mod webhooks;
