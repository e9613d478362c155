//! The health of models and providers as our own calls saw it ([`breaker`]), and how fast a lane may go ([`rate`]). Both
//! are pure: rows and instants in, rows and instants out. The engines keep the rows in the tables `health` and `rates`
//! and compute every change here, in the transaction that writes the call's end.

pub mod breaker;
pub mod rate;

pub use breaker::{
    Cooling, Door, Ended, Fault, Health, HealthNews, Rows, Sign, Stance, Subject, after, door, learn, stance,
};
pub use rate::{Debt, Paid, Rate};
