//! One movement of credits: immutable, zero-sum by construction because one row names both sides.

use super::account::Account;
use crate::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};

/// What a transfer means. The accounts follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransferKind {
    Grant,
    Hold,
    Settle,
    Release,
    Refund,
}

impl TransferKind {
    pub const ALL: [TransferKind; 5] = [Self::Grant, Self::Hold, Self::Settle, Self::Release, Self::Refund];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
    pub fn parse(word: &str) -> Option<TransferKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
    /// The account that gives.
    pub const fn debit(self) -> Account {
        match self {
            Self::Grant => Account::PlatformGrants,
            Self::Hold => Account::UserAvailable,
            Self::Settle | Self::Release => Account::UserHeld,
            Self::Refund => Account::PlatformRevenue,
        }
    }
    /// The account that receives.
    pub const fn credit(self) -> Account {
        match self {
            Self::Grant | Self::Release | Self::Refund => Account::UserAvailable,
            Self::Hold => Account::UserHeld,
            Self::Settle => Account::PlatformRevenue,
        }
    }
}

/// One row of the ledger. Invariant: `amount` is positive; at most one hold, settle and release per generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    pub id: TransferId,
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub kind: TransferKind,
    pub amount: MicroCredits,
    pub generation: Option<GenerationId>,
    /// The caller's own name for it; a second one with the same reference is the same transfer.
    pub reference: Option<String>,
    pub at: Timestamp,
}
