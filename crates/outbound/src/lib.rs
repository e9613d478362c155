//! The guarded HTTP client for addresses that users give: webhooks, and whatever else a stranger's words make this machine
//! fetch. Such an address must not make it ask its own neighbours (cloud metadata, a database, the dashboard). One parser
//! reads it, what was read is what is tested and dialled, names are tested by what they resolve to at each connection, no
//! redirect of a POST is followed, every hop of a GET is checked like the first, and no proxy of the environment is used. It knows no product word. Start with `rules.rs`.

pub mod address;
mod client;
mod get;
mod resolve;
mod rules;
mod unpack;

pub use address::{BadRange, Range, is_private, is_public};
pub use client::{Answer, Failure, Limits, Outbound, SetupError};
pub use get::{GetLimits, HOPS_MAX, Page, Unread, Wanted};
pub use reqwest::Url;
pub use resolve::{Guard, Lookup, NotPublic, SystemLookup};
pub use rules::{Refused, Rules, Target};
