//! The conformance suite every engine passes, the in-memory [`ModelStore`] (oracle and test double) and the
//! [`FaultyStore`] that makes any store fail on purpose. No engine is named here.
//!
//! An engine's `tests/conformance.rs` is one factory and one line:
//!
//! ```ignore
//! async fn fixture(setup: copydesk_store_tests::Setup) -> copydesk_store_tests::Fixture { .. }
//! copydesk_store_tests::conformance!(fixture);
//! ```
//!
//! Each call of the factory gives a fresh, empty, migrated store. Every check becomes a test `<subject>::<claim>` of the
//! calling crate, and after each check the store's own auditor must find nothing. Workspaces other than the default one
//! appear in requests without having been created: the contract has no way to create one.

pub mod bench;
pub mod builder;
pub mod checker;
pub mod contract;
pub mod damage;
pub mod differential;
pub mod fault;
pub mod model;
pub mod suite;

pub use bench::{Bench, Fixture, Setup, run};
pub use contract::Method;
pub use differential::differential;
pub use fault::{FaultyStore, When};
pub use model::ModelStore;
