//! What a call used and what it cost, in integers.

pub mod cost;
pub mod price;
pub mod usage;
