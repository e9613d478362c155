//! What a key or a person who signed in may do: scopes, the roles that are sets of them, and the one decision on a request;
//! what e-mails and passwords must be (`person.rs`), and how browsers are believed (`browser.rs`). Pure: who asks and
//! when is told by the caller; where keys and people are kept is `store/src/keys.rs` and `store/src/logins.rs`.

pub mod allowed;
pub mod browser;
pub mod permit;
pub mod person;
pub mod role;
pub mod scope;
pub mod terms;

pub use allowed::Allowed;
pub use permit::{Denied, Grant, Mode, Permit};
pub use person::{EMAIL_BYTES_MAX, Email, Purpose};
pub use role::Role;
pub use scope::{KeyScope, ScopeSet};
pub use terms::{KeyTerms, Life, TermsFault, life};
