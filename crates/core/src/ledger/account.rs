//! Accounts. A user has two (available and held); the platform has the other sides.

use crate::MicroCredits;

/// One side of a transfer. Stored as the word [`Account::as_str`] gives; user accounts belong to the transfer's user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Account {
    UserAvailable,
    UserHeld,
    /// Where granted credits come from.
    PlatformGrants,
    /// Where settled credits go.
    PlatformRevenue,
}

impl Account {
    pub const ALL: [Account; 4] = [Self::UserAvailable, Self::UserHeld, Self::PlatformGrants, Self::PlatformRevenue];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserAvailable => "user_available",
            Self::UserHeld => "user_held",
            Self::PlatformGrants => "platform_grants",
            Self::PlatformRevenue => "platform_revenue",
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
