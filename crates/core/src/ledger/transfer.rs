//! One movement of credits: immutable, zero-sum by construction because one row names both sides.

use super::account::Account;
use crate::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};

/// Longest `reason` of a transfer. Units: characters.
pub const REASON_CHARS_MAX: usize = 500;

/// What a transfer means. The accounts follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransferKind {
    /// Credits for nothing, by the operator.
    Grant,
    /// Credits for money, which moved elsewhere.
    Purchase,
    Hold,
    Settle,
    Release,
    /// Gives back what was settled for a generation.
    Refund,
    /// A correction by hand, with its reason.
    AdjustUp,
    AdjustDown,
    /// The two rows of a gift: one reference, one transaction, each on its own user's chain.
    GiftSent,
    GiftReceived,
    /// What was left of a grant at its end.
    Expire,
    /// What a metered price came to above the hold. Moves nothing of the user's.
    Absorb,
}

/// Who writes a kind of transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// People, one by one.
    ByHand,
    /// Both rows of a gift at once.
    AsGift,
    /// The life of a generation, or the clock.
    ByItself,
}

impl TransferKind {
    pub const ALL: [TransferKind; 12] = [
        Self::Grant,
        Self::Purchase,
        Self::Hold,
        Self::Settle,
        Self::Release,
        Self::Refund,
        Self::AdjustUp,
        Self::AdjustDown,
        Self::GiftSent,
        Self::GiftReceived,
        Self::Expire,
        Self::Absorb,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Purchase => "purchase",
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::AdjustUp => "adjust_up",
            Self::AdjustDown => "adjust_down",
            Self::GiftSent => "gift_sent",
            Self::GiftReceived => "gift_received",
            Self::Expire => "expire",
            Self::Absorb => "absorb",
        }
    }
    pub fn parse(word: &str) -> Option<TransferKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
    /// The account that gives.
    pub const fn debit(self) -> Account {
        match self {
            Self::Grant => Account::PlatformGrants,
            Self::Purchase => Account::PlatformSales,
            Self::Hold | Self::AdjustDown | Self::GiftSent | Self::Expire => Account::UserAvailable,
            Self::Settle | Self::Release => Account::UserHeld,
            Self::Refund => Account::PlatformRevenue,
            Self::AdjustUp => Account::PlatformAdjustments,
            Self::GiftReceived => Account::PlatformGifts,
            Self::Absorb => Account::PlatformAbsorbed,
        }
    }
    /// The account that receives.
    pub const fn credit(self) -> Account {
        match self {
            Self::Grant | Self::Purchase | Self::Release | Self::Refund | Self::AdjustUp | Self::GiftReceived => {
                Account::UserAvailable
            }
            Self::Hold => Account::UserHeld,
            Self::Settle | Self::Absorb => Account::PlatformRevenue,
            Self::AdjustDown => Account::PlatformAdjustments,
            Self::GiftSent => Account::PlatformGifts,
            Self::Expire => Account::PlatformExpired,
        }
    }
    pub const fn written(self) -> Written {
        match self {
            Self::Grant | Self::Purchase | Self::Refund | Self::AdjustUp | Self::AdjustDown => Written::ByHand,
            Self::GiftSent | Self::GiftReceived => Written::AsGift,
            Self::Hold | Self::Settle | Self::Release | Self::Expire | Self::Absorb => Written::ByItself,
        }
    }
    /// Whether it uses the user's credits up, those that expire soonest first. A hold only sets aside.
    pub const fn spends(self) -> bool {
        match self {
            Self::Settle | Self::AdjustDown | Self::GiftSent => true,
            Self::Grant
            | Self::Purchase
            | Self::Hold
            | Self::Release
            | Self::Refund
            | Self::AdjustUp
            | Self::GiftReceived
            // It names its own grant.
            | Self::Expire
            | Self::Absorb => false,
        }
    }
}

/// One row of the ledger. Invariant: `amount` is positive; at most one hold, settle, release and absorb per generation.
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
    /// Why, for people.
    pub reason: Option<String>,
    /// The other user of a gift.
    pub peer: Option<UserId>,
    /// Of a grant or purchase: when what is left of it expires.
    pub expires_at: Option<Timestamp>,
    pub at: Timestamp,
}

impl Transfer {
    /// A transfer that names nothing but whom it moves how much.
    pub fn plain(
        id: TransferId,
        owner: (WorkspaceId, UserId),
        kind: TransferKind,
        amount: MicroCredits,
        at: Timestamp,
    ) -> Transfer {
        let (workspace, user) = owner;
        let (generation, reference, reason, peer, expires_at) = (None, None, None, None, None);
        Transfer { id, workspace, user, kind, amount, generation, reference, reason, peer, expires_at, at }
    }

    /// A row of a generation's life: hold, settle, release, absorb.
    pub fn of_generation(
        id: TransferId,
        owner: (WorkspaceId, UserId),
        kind: TransferKind,
        amount: MicroCredits,
        generation: GenerationId,
        at: Timestamp,
    ) -> Transfer {
        Transfer { generation: Some(generation), ..Transfer::plain(id, owner, kind, amount, at) }
    }

    /// Whether `later`, which came under the same reference, is this transfer again. When it came, for how long it holds
    /// and the words of its reason do not count.
    pub fn is_repeated_by(&self, later: &Transfer) -> bool {
        let facts = |it: &Transfer| (it.workspace, it.user, it.kind, it.amount, it.generation, it.peer);
        facts(self) == facts(later)
    }
}
