//! The embedded engine: one SQLite file in the data folder, one writer thread with group commit (`writer.rs`), a few
//! read-only connections (`readers.rs`), checkpoints beside them (`checkpoint.rs`). The statements are in `sql/`, one
//! file each; what they mean is said by the contract, `copydesk_store`. Decides nothing about a generation.

mod admin;
mod audit;
mod budgets;
mod bulk;
mod checkpoint;
mod codec;
mod db;
mod deliveries;
mod drafts;
mod events;
mod fault;
mod feedback;
mod files;
mod fill;
mod findings;
mod folder;
mod generations;
mod health;
mod jobs;
mod keys;
mod ledger;
mod live_keys;
mod logins;
mod mail;
mod memory;
mod migrate;
mod open;
mod page;
mod prices;
mod profiles;
mod prospects;
mod readers;
mod retention;
mod schedules;
mod schema;
mod sources;
#[cfg(test)]
mod statements;
mod subscribers;
mod totals;
mod usage;
mod webhooks;
mod writer;

pub use open::{Options, SqliteStore};
