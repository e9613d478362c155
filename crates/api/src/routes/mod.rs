//! The handlers, one file per noun. Each parses once, asks the desk once and writes the answer once.

pub(crate) mod assets;
pub(crate) mod budgets;
pub(crate) mod credits;
pub(crate) mod drafts;
pub(crate) mod events;
pub(crate) mod generations;
pub(crate) mod health;
pub(crate) mod job_export;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod lanes;
pub(crate) mod look;
pub(crate) mod maintenance;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod pages;
pub(crate) mod prices;
pub(crate) mod receipt;
pub(crate) mod recipes;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod stream_tokens;
pub(crate) mod usage;
pub(crate) mod versions;
