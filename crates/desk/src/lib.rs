//! The desk: Copydesk's use cases. It takes requests in, hands them to models, delivers exactly one result each and keeps
//! the books, on any [`copydesk_store::Store`] and any provider. It knows no engine, no HTTP route and no screen. Start
//! with `desk.rs` (what a desk is made of), then `accept.rs`, `work.rs` and `attempt.rs` (the life of a generation).

mod abandon;
pub mod accept;
mod allowed;
mod attempt;
pub mod audit;
pub mod batch;
mod bound;
pub mod browse;
pub mod budgets;
pub mod bulk;
pub mod cancel;
mod cap;
pub mod clock;
pub mod config;
mod confined;
pub mod credits;
mod decide;
pub mod desk;
mod doubt;
pub mod error;
pub mod events;
pub mod extend;
mod figures;
pub mod files;
mod first_text;
pub mod guesses;
pub mod issue;
pub mod jobs;
pub mod keyring;
pub mod keys;
pub mod lanes;
mod lease;
pub mod live;
mod making;
pub mod metrics;
pub mod model_test;
pub mod oidc;
mod passwords;
pub mod people;
pub mod prices;
pub mod profiles;
pub mod promises;
pub mod prospects;
pub mod provider_test;
pub mod prune;
pub mod publish;
mod recall;
mod redecide;
pub mod rehearse;
mod replace;
pub mod secrets;
pub mod shutdown;
pub mod sign_in;
pub mod stream_token;
pub mod sweep;
pub mod testing;
mod turn;
pub mod usage;
pub mod vault;
mod waiting;
pub mod webhooks;
mod witness;
mod work;

pub use clock::World;
pub use config::DeskConfig;
pub use desk::{Desk, Parts};
pub use error::DeskError;
pub use webhooks::Hooks;

pub use copydesk_assets as assets;
// What the edges need to name, so that they depend on the desk alone.
pub use copydesk_core as core;
pub use copydesk_recipes as recipes;
pub use copydesk_store as store;
