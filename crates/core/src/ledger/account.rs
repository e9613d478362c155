//! Accounts. A user has two (available and held); the platform has the other sides.

use crate::MicroCredits;

/// One side of a transfer. Stored as the word [`Account::as_str`] gives; user accounts belong to the transfer's user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Account {
    UserAvailable,
    UserHeld,
    /// Where granted credits come from.
    PlatformGrants,
    /// Where bought credits come from.
    PlatformSales,
    /// Where settled credits go.
    PlatformRevenue,
    /// The other side of corrections by hand.
    PlatformAdjustments,
    /// Where a gift is between its two users: always empty after the transaction.
    PlatformGifts,
    /// Where granted credits end that nobody spent in time.
    PlatformExpired,
    /// What a metered price came to above the hold: the operator bears it.
    PlatformAbsorbed,
}

impl Account {
    pub const ALL: [Account; 9] = [
        Self::UserAvailable,
        Self::UserHeld,
        Self::PlatformGrants,
        Self::PlatformSales,
        Self::PlatformRevenue,
        Self::PlatformAdjustments,
        Self::PlatformGifts,
        Self::PlatformExpired,
        Self::PlatformAbsorbed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserAvailable => "user_available",
            Self::UserHeld => "user_held",
            Self::PlatformGrants => "platform_grants",
            Self::PlatformSales => "platform_sales",
            Self::PlatformRevenue => "platform_revenue",
            Self::PlatformAdjustments => "platform_adjustments",
            Self::PlatformGifts => "platform_gifts",
            Self::PlatformExpired => "platform_expired",
            Self::PlatformAbsorbed => "platform_absorbed",
        }
    }
    pub fn parse(word: &str) -> Option<Account> {
        Self::ALL.into_iter().find(|account| account.as_str() == word)
    }
}

/// A user's cached balances. Invariant: each equals the fold of the user's transfers and is never negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    pub available: MicroCredits,
    pub held: MicroCredits,
}
