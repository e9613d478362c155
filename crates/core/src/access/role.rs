//! Roles: names for sets of scopes, `owner > admin > editor > viewer`; and `member`, for one end user of the application.

use super::scope::{KeyScope as S, ScopeSet};

/// A named set of scopes. What a role may do follows the program: a new scope joins the roles that are given it here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but maintenance, which removes records.
    Admin,
    /// Asks for generations and works on drafts; sees what is used.
    Editor,
    /// Sees what an editor sees.
    Viewer,
    /// Works as one end user, and sees and uses only what is that user's. Needs a user.
    Member,
}

/// The reading half of an editor.
const VIEWER: ScopeSet = ScopeSet::of(&[
    S::GenerationsRead,
    S::DraftsRead,
    S::UsageRead,
    S::CreditsRead,
    S::ModelsRead,
    S::PricesRead,
    S::SettingsRead,
    S::EventsRead,
    S::FilesRead,
    S::StatusRead,
]);
const EDITOR: ScopeSet = VIEWER.and(ScopeSet::of(&[S::GenerationsWrite, S::DraftsWrite, S::FilesWrite]));
const ADMIN: ScopeSet = EDITOR.and(ScopeSet::of(&[
    S::CreditsWrite,
    S::ModelsTest,
    S::PricesWrite,
    S::SettingsWrite,
    S::KeysRead,
    S::KeysWrite,
    S::WebhooksRead,
    S::WebhooksWrite,
    S::UsersRead,
    S::UsersWrite,
    S::MetricsRead,
]));
const OWNER: ScopeSet = ADMIN.and(ScopeSet::of(&[S::Maintenance]));
/// Everything in it can be confined to one user; a key that is bound to a user has no scope outside of it.
const MEMBER: ScopeSet = ScopeSet::of(&[
    S::GenerationsRead,
    S::GenerationsWrite,
    S::DraftsRead,
    S::DraftsWrite,
    S::UsageRead,
    S::CreditsRead,
    S::ModelsRead,
    S::EventsRead,
    S::FilesRead,
    S::FilesWrite,
]);

impl Role {
    pub const ALL: [Role; 5] = [Self::Owner, Self::Admin, Self::Editor, Self::Viewer, Self::Member];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::Member => "member",
        }
    }

    pub fn parse(word: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    pub const fn scopes(self) -> ScopeSet {
        match self {
            Self::Owner => OWNER,
            Self::Admin => ADMIN,
            Self::Editor => EDITOR,
            Self::Viewer => VIEWER,
            Self::Member => MEMBER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_the_next_one_and_a_viewer_only_reads() {
        let ladder = [Role::Owner, Role::Admin, Role::Editor, Role::Viewer];
        for pair in ladder.windows(2) {
            let (more, less) = (pair[0].scopes(), pair[1].scopes());
            assert!(less.beyond(more).is_empty() && !more.beyond(less).is_empty(), "{pair:?}");
        }
        assert_eq!(Role::Owner.scopes().iter().count(), S::ALL.len(), "an owner may do everything");
        assert!(Role::Viewer.scopes().iter().all(S::only_reads));
        assert!(Role::Member.scopes().beyond(Role::Editor.scopes()).is_empty());
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }
}
