//! The real program as a person or a script meets it: what it prints where, and the code it leaves with. Each module is
//! one subject; `support.rs` runs the program in a folder and an environment of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod access_log;
mod asked;
mod bad_input;
mod bad_place;
mod batches;
mod books;
mod budgets;
mod canary;
mod credits;
mod drafts;
mod explain;
mod files;
mod first_command;
mod generations;
mod help;
mod injection;
mod jobs;
mod keys;
mod mail;
mod media;
mod models;
mod newsletters;
mod outreach;
mod people;
mod postgres;
mod prices;
mod profiles;
mod providers;
mod recipes;
mod restarts;
mod schedules;
mod server;
mod settings;
mod sources;
mod support;
mod tailing;
mod testing;
mod two_servers;
mod usage;
mod watching;
mod webhooks;
