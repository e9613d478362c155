//! Events for those who want to know: pages of the past, and followers that are told what is new. The store holds the one
//! sequence (`store::events`); here stands who may see what, and how thousands follow without asking the store each.
//! `tail.rs` keeps a workspace's newest events in memory, `follow.rs` is one follower, `filter.rs` what it wants.

mod filter;
mod follow;
mod hub;
mod page;
mod tail;

pub use filter::{EventFilter, KindPattern, Subject};
pub use follow::{Follower, Start, Told};
pub(crate) use hub::Hub;
pub use page::EventsPage;
pub use tail::Frame;
