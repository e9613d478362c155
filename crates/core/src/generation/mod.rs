//! A generation: its states, what can happen to it, and the one function that decides ([`transition::transition`]).

pub mod effect;
pub mod eta;
pub mod event;
pub mod failure;
pub mod fairness;
pub mod retry;
pub mod state;
pub mod transition;
pub mod waiting;

pub use effect::{Decision, DraftMove, Effect, Origin};
pub use event::Event;
pub use failure::{Failure, FailureCode, FaultOf};
pub use retry::RetryPolicy;
pub use state::{AttemptNo, Generation, RowVersion, Shares, State, Status, Terms, Wait};
pub use transition::{Verdict, transition};
