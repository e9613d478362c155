//! What a call used and what it cost, in integers, and the totals over many calls.

pub mod cap;
pub mod cost;
pub mod cuts;
pub mod price;
pub mod question;
pub mod totals;
pub mod usage;
