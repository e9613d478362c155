//! Credits that move outside a generation's life, and reading the ledger.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope};
use copydesk_core::UserId;
use copydesk_core::ledger::{Balance, Transfer};

pub trait LedgerStore: Send + Sync {
    /// Posts a grant or a refund. A second transfer with the same reference is answered with the first one
    /// and `posted: false`. A refund names a generation and never exceeds, with the refunds before it, what was settled
    /// (`amount_too_large`). An amount of zero is refused (`amount_zero`).
    fn post(&self, transfer: Transfer) -> Answer<'_, Posted>;

    /// The user's balances; zero for a user never seen.
    fn balance(&self, scope: Scope, user: UserId) -> Answer<'_, Balance>;

    /// The workspace's transfers, of one user if given.
    fn transfers(&self, scope: Scope, user: Option<UserId>, page: PageRequest) -> Answer<'_, Page<Transfer>>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    pub transfer: Transfer,
    pub posted: bool,
    pub balance: Balance,
}
