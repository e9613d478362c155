//! A draft: the slot a result lives in. It is made the moment a request is accepted, holds immutable versions and has an
//! editorial life of its own.

pub mod review;
pub mod state;

pub use review::Review;
pub use state::DraftStatus;
