//! The fake is tested with a raw TCP client, which sees every byte, and with reqwest, which stands for real clients.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod connections;
mod faults;
mod floods;
mod jobs;
mod raw;
mod sweep;
