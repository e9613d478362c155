//! The storage contract: role traits, request and answer types, errors. No engine, no SQL, no begin or commit: one
//! writing method is one transaction and one business fact. Every method that touches a workspace's data takes a
//! [`Scope`]. Engines: `copydesk-store-sqlite`, `copydesk-store-postgres`; the in-memory oracle and the suite all of them
//! pass: `copydesk-store-tests`.

pub mod admin;
pub mod audit;
pub mod budgets;
pub mod bulk;
pub mod drafts;
pub mod error;
pub mod events;
pub mod feedback;
pub mod files;
pub mod fill;
pub mod generations;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod logins;
pub mod mail;
pub mod once;
pub mod page;
pub mod prices;
pub mod profiles;
pub mod promises;
pub mod prospects;
pub mod retention;
pub mod schedules;
pub mod sign_ins;
pub mod sources;
pub mod subscribers;
pub mod usage;
pub mod webhooks;

pub use admin::AdminStore;
pub use audit::AuditStore;
pub use budgets::BudgetStore;
pub use bulk::BulkStore;
pub use drafts::DraftStore;
pub use error::{SchemaFault, StoreError};
pub use events::EventStore;
pub use feedback::FeedbackStore;
pub use files::FileStore;
pub use fill::FillStore;
pub use generations::GenerationStore;
pub use health::{HealthRow, HealthStore};
pub use jobs::{ItemStore, JobStore};
pub use keys::KeyStore;
pub use ledger::LedgerStore;
pub use logins::LoginStore;
pub use mail::MailStore;
pub use page::{Order, Page, PageRequest};
pub use prices::PriceStore;
pub use profiles::ProfileStore;
pub use prospects::{ImportStore, ProspectStore};
pub use retention::RetentionStore;
pub use schedules::ScheduleStore;
pub use sign_ins::SignInStore;
pub use sources::{SourceItemStore, SourceStore};
pub use subscribers::SubscriberStore;
pub use usage::UsageStore;
pub use webhooks::{DeliveryStore, WebhookStore};

use copydesk_core::{UserId, WorkspaceId};

/// An owned future, because `async fn` in a trait cannot be used through `dyn`.
pub type Answer<'a, T> = futures::future::BoxFuture<'a, Result<T, StoreError>>;

/// Whose data a call may see. There is no way to ask for "all workspaces".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    pub workspace: WorkspaceId,
    /// Only what is this user's. Engines are asked with whole scopes: the desk's `Confined` store keeps a confined one to
    /// its user before it asks them.
    pub user: Option<UserId>,
}

impl Scope {
    pub const DEFAULT: Scope = Scope::of(WorkspaceId::DEFAULT);

    /// The whole workspace.
    pub const fn of(workspace: WorkspaceId) -> Scope {
        Scope { workspace, user: None }
    }
    /// The same workspace, and in it this user's things only.
    pub const fn of_user(self, user: UserId) -> Scope {
        Scope { workspace: self.workspace, user: Some(user) }
    }
    /// The whole workspace of a confined scope.
    pub const fn whole(self) -> Scope {
        Scope::of(self.workspace)
    }
}

/// Everything an engine does.
pub trait Store:
    GenerationStore
    + DraftStore
    + LedgerStore
    + BudgetStore
    + BulkStore
    + JobStore
    + ItemStore
    + ProspectStore
    + ImportStore
    + FileStore
    + UsageStore
    + EventStore
    + RetentionStore
    + AdminStore
    + KeyStore
    + LoginStore
    + SignInStore
    + AuditStore
    + HealthStore
    + PriceStore
    + ProfileStore
    + FeedbackStore
    + SourceStore
    + SourceItemStore
    + ScheduleStore
    + WebhookStore
    + DeliveryStore
    + MailStore
    + FillStore
    + SubscriberStore
{
}

impl<T> Store for T where
    T: GenerationStore
        + DraftStore
        + LedgerStore
        + BudgetStore
        + BulkStore
        + JobStore
        + ItemStore
        + ProspectStore
        + ImportStore
        + FileStore
        + UsageStore
        + EventStore
        + RetentionStore
        + AdminStore
        + KeyStore
        + LoginStore
        + SignInStore
        + AuditStore
        + HealthStore
        + PriceStore
        + ProfileStore
        + FeedbackStore
        + SourceStore
        + SourceItemStore
        + ScheduleStore
        + WebhookStore
        + DeliveryStore
        + MailStore
        + FillStore
        + SubscriberStore
{
}
