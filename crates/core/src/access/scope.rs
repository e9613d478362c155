//! Scopes: the closed list of what a key can be allowed to do, and sets of them. Every route needs exactly one.

use std::fmt;

/// One thing a key can be allowed to do. (The tenant a call belongs to is the store's `Scope`.)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyScope {
    /// See generations, what they wait for, and their streams.
    GenerationsRead,
    /// Ask for generations, cancel them, try them again.
    GenerationsWrite,
    DraftsRead,
    /// Edit, review, publish and delete drafts.
    DraftsWrite,
    UsageRead,
    CreditsRead,
    /// Grant, correct, give and refund credits.
    CreditsWrite,
    /// See recipes and models.
    ModelsRead,
    /// Make test calls that the operator pays for.
    ModelsTest,
    PricesRead,
    PricesWrite,
    SettingsRead,
    SettingsWrite,
    EventsRead,
    KeysRead,
    KeysWrite,
    /// See webhooks and whether their messages arrived.
    WebhooksRead,
    /// Make, change and test webhooks, send messages again, and see what receivers answered.
    WebhooksWrite,
    /// See the workspace's users and open invites.
    UsersRead,
    /// Invite people, change what they may do, make links for them.
    UsersWrite,
    /// See and read files that were put here, and make jobs of them.
    FilesRead,
    /// Put files here, and take them away.
    FilesWrite,
    StatusRead,
    MetricsRead,
    /// Audit, clean up, prune.
    Maintenance,
}

impl KeyScope {
    pub const ALL: [KeyScope; 25] = [
        Self::GenerationsRead,
        Self::GenerationsWrite,
        Self::DraftsRead,
        Self::DraftsWrite,
        Self::UsageRead,
        Self::CreditsRead,
        Self::CreditsWrite,
        Self::ModelsRead,
        Self::ModelsTest,
        Self::PricesRead,
        Self::PricesWrite,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::EventsRead,
        Self::KeysRead,
        Self::KeysWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::UsersRead,
        Self::UsersWrite,
        Self::FilesRead,
        Self::FilesWrite,
        Self::StatusRead,
        Self::MetricsRead,
        Self::Maintenance,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GenerationsRead => "generations:read",
            Self::GenerationsWrite => "generations:write",
            Self::DraftsRead => "drafts:read",
            Self::DraftsWrite => "drafts:write",
            Self::UsageRead => "usage:read",
            Self::CreditsRead => "credits:read",
            Self::CreditsWrite => "credits:write",
            Self::ModelsRead => "models:read",
            Self::ModelsTest => "models:test",
            Self::PricesRead => "prices:read",
            Self::PricesWrite => "prices:write",
            Self::SettingsRead => "settings:read",
            Self::SettingsWrite => "settings:write",
            Self::EventsRead => "events:read",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::FilesRead => "files:read",
            Self::FilesWrite => "files:write",
            Self::StatusRead => "status:read",
            Self::MetricsRead => "metrics:read",
            Self::Maintenance => "maintenance",
        }
    }

    pub fn parse(word: &str) -> Option<KeyScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Whether it changes nothing.
    pub const fn only_reads(self) -> bool {
        match self {
            Self::GenerationsRead
            | Self::DraftsRead
            | Self::UsageRead
            | Self::CreditsRead
            | Self::ModelsRead
            | Self::PricesRead
            | Self::SettingsRead
            | Self::EventsRead
            | Self::KeysRead
            | Self::WebhooksRead
            | Self::UsersRead
            | Self::FilesRead
            | Self::StatusRead
            | Self::MetricsRead => true,
            Self::GenerationsWrite
            | Self::DraftsWrite
            | Self::CreditsWrite
            | Self::ModelsTest
            | Self::PricesWrite
            | Self::SettingsWrite
            | Self::KeysWrite
            | Self::WebhooksWrite
            | Self::UsersWrite
            | Self::FilesWrite
            | Self::Maintenance => false,
        }
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ScopeSet(u32);

impl ScopeSet {
    pub const EMPTY: ScopeSet = ScopeSet(0);

    pub const fn of(scopes: &[KeyScope]) -> ScopeSet {
        let (mut set, mut at) = (0, 0);
        while at < scopes.len() {
            set |= 1 << scopes[at] as u32;
            at += 1;
        }
        ScopeSet(set)
    }
    pub const fn and(self, more: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 | more.0)
    }
    pub const fn contains(self, scope: KeyScope) -> bool {
        self.0 & (1 << scope as u32) != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// What is in this set and not in the other.
    pub const fn beyond(self, other: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 & !other.0)
    }
    pub fn iter(self) -> impl Iterator<Item = KeyScope> {
        KeyScope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
    /// `drafts:read drafts:write`: how it is stored.
    pub fn written(self) -> String {
        self.iter().map(KeyScope::as_str).collect::<Vec<_>>().join(" ")
    }
    /// Reads [`ScopeSet::written`].
    ///
    /// Errors: the word that is no scope.
    pub fn parse(text: &str) -> Result<ScopeSet, &str> {
        text.split_whitespace().try_fold(ScopeSet::EMPTY, |set, word| {
            let scope = KeyScope::parse(word).ok_or(word)?;
            Ok(set.and(ScopeSet::of(&[scope])))
        })
    }
}

impl FromIterator<KeyScope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = KeyScope>>(scopes: I) -> ScopeSet {
        scopes.into_iter().fold(ScopeSet::EMPTY, |set, scope| set.and(ScopeSet::of(&[scope])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_its_own_word_and_its_own_place_in_a_set() {
        for scope in KeyScope::ALL {
            assert_eq!(KeyScope::parse(scope.as_str()), Some(scope));
            assert_eq!(ScopeSet::of(&[scope]).iter().collect::<Vec<_>>(), [scope]);
            assert_eq!(scope.only_reads(), scope.as_str().ends_with(":read"), "{scope}");
        }
        let all: ScopeSet = KeyScope::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), KeyScope::ALL.len());
        assert_eq!(ScopeSet::parse(&all.written()), Ok(all));
        assert_eq!(ScopeSet::parse("drafts:read root"), Err("root"));
    }
}
