//! The pure core: ids, time, units, the draft and generation state machines, the ledger's rules, metering arithmetic,
//! budgets, bulk actions and what a recipe may say. It takes values and `now`, and returns values; it never awaits, reads a clock, rolls a
//! die or touches a file. Read `generation/transition.rs` first: it decides everything that happens to a generation.

pub mod access;
pub mod budget;
pub mod bulk;
pub mod draft;
pub mod feedback;
pub mod files;
pub mod generation;
pub mod health;
pub mod ids;
pub mod job;
pub mod ledger;
pub mod mail;
pub mod metering;
pub mod profile;
pub mod prospect;
pub mod recipe;
pub mod refusal;
pub mod schedule;
pub mod source;
pub mod subscriber;
pub mod time;
pub mod units;
pub mod webhook;

pub use ids::*;
pub use time::Timestamp;
pub use units::{MicroCredits, NanoUsd, Tokens};
