//! The storage contract: role traits, request and answer types, errors. No engine, no SQL, no begin or commit: one
//! writing method is one transaction and one business fact. Every method that touches a workspace's data takes a
//! [`Scope`]. Engines: `copydesk-store-sqlite`, `copydesk-store-postgres`; the in-memory oracle and the suite all of them
//! pass: `copydesk-store-tests`.

pub mod admin;
pub mod budgets;
pub mod drafts;
pub mod error;
pub mod generations;
pub mod health;
pub mod ledger;
pub mod page;
pub mod prices;
pub mod retention;
pub mod usage;

pub use admin::AdminStore;
pub use budgets::BudgetStore;
pub use drafts::DraftStore;
pub use error::{SchemaFault, StoreError};
pub use generations::GenerationStore;
pub use health::{HealthRow, HealthStore};
pub use ledger::LedgerStore;
pub use page::{Order, Page, PageRequest};
pub use prices::PriceStore;
pub use retention::RetentionStore;
pub use usage::UsageStore;

use copydesk_core::WorkspaceId;

/// An owned future, because `async fn` in a trait cannot be used through `dyn`.
pub type Answer<'a, T> = futures::future::BoxFuture<'a, Result<T, StoreError>>;

/// Whose data a call may see. There is no way to ask for "all workspaces".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    pub workspace: WorkspaceId,
}

impl Scope {
    pub const DEFAULT: Scope = Scope { workspace: WorkspaceId::DEFAULT };
}

/// Everything an engine does.
pub trait Store:
    GenerationStore
    + DraftStore
    + LedgerStore
    + BudgetStore
    + UsageStore
    + RetentionStore
    + AdminStore
    + HealthStore
    + PriceStore
{
}

impl<T> Store for T where
    T: GenerationStore
        + DraftStore
        + LedgerStore
        + BudgetStore
        + UsageStore
        + RetentionStore
        + AdminStore
        + HealthStore
        + PriceStore
{
}
