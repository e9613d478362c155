//! What a key may do: scopes, the roles that are sets of them, and the one decision on a request. Pure: which key asks
//! and when is told by the caller; where keys are kept is `store/src/keys.rs`.

pub mod allowed;
pub mod permit;
pub mod role;
pub mod scope;
pub mod terms;

pub use allowed::Allowed;
pub use permit::{Denied, Grant, Mode, Permit};
pub use role::Role;
pub use scope::{KeyScope, ScopeSet};
pub use terms::{KeyTerms, Life, TermsFault, life};
