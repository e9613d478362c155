//! The desk's promises, each as a test that is named after it: on the in-memory store, a scripted provider and a clock
//! that is moved by hand. They end with the auditor and the provider's own list of calls. No test sleeps.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod harness;

mod accepting;
mod auditing;
mod budgets;
mod bulk;
mod cancelling;
mod capping;
mod credits;
mod deadlines;
mod editing;
mod extending;
mod fallbacks;
mod faults;
mod files;
mod following;
mod health;
mod jobs;
mod keys;
mod limits;
mod media;
mod metrics;
mod newsletters;
mod one_result;
mod params;
mod pausing;
mod prices;
mod pruning;
mod restarts;
mod retries;
mod revising;
mod schedules;
mod signatures;
mod sources;
mod steps;
mod stopping;
mod usage;
mod webhook_limits;
mod webhooks;
mod zombies;
