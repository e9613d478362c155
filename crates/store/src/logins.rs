//! The users of a workspace, those who can sign in among them, and the one-time links that let them in. A user is
//! whomever work was asked for; one with a login can sign in. Passwords are here as hashes only, and links as the SHA-256 of
//! their secret.

use crate::page::{Page, PageRequest};
use crate::sign_ins::{SignInRow, SignedIn};
use crate::{Answer, Scope};
use copydesk_core::access::{Email, Purpose, Role};
use copydesk_core::{LinkId, Timestamp, UserId};
use std::fmt;

pub trait LoginStore: Send + Sync {
    /// In the order of their ids.
    fn users(&self, scope: Scope, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRow>>;

    fn user(&self, scope: Scope, id: UserId) -> Answer<'_, UserRow>;

    /// The user who signs in with this e-mail, also one who may not for now.
    fn find_login(&self, scope: Scope, email: Email) -> Answer<'_, Option<UserRow>>;

    /// Gives a user a login, and makes the user if there is none.
    ///
    /// Errors: `Refused(LoginExists)` when the user or the e-mail has one.
    fn add_login(&self, new: NewLogin) -> Answer<'_, UserRow>;

    /// Writes what may change of a login over `if_revision`, and ends or replaces its sign-ins with it.
    ///
    /// Errors: `NotFound`; `Refused(NoLogin)`; `Refused(VersionConflict)`; `Refused(LastOwner)` when no other owner of the
    /// workspace may sign in, and this one would not any more.
    fn change_login(&self, change: LoginChange) -> Answer<'_, UserRow>;

    /// Stores a link. Others of the same purpose for the same e-mail that are still good end with it, so that the newest one
    /// is the one that works.
    fn add_link(&self, link: LinkRow) -> Answer<'_, ()>;

    /// A link, also one that opens nothing any more; by its e-mail one that does.
    fn find_link(&self, key: LinkKey) -> Answer<'_, Option<LinkRow>>;

    /// The invites of a workspace, also those that were used or have ended.
    fn invites(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<LinkRow>>;

    /// Takes an invite back. One that was used or taken back before stays as it is.
    ///
    /// Errors: `NotFound`, also for links that are no invites.
    fn end_invite(&self, scope: Scope, id: LinkId, at: Timestamp) -> Answer<'_, LinkRow>;

    /// Uses a link up, does what it is for and signs its user in, in one commit: of many who try, one gets in.
    ///
    /// Errors: `Refused(LinkSpent)` when it was used, taken back or has expired, when its user may not sign in, and for a
    /// setup when there is an owner; `Refused(LoginExists)`.
    fn use_link(&self, using: LinkUse) -> Answer<'_, SignedIn>;
}

/// A user as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRow {
    /// Always whole.
    pub scope: Scope,
    pub id: UserId,
    /// What the application calls the user.
    pub external: String,
    pub created_at: Timestamp,
    pub login: Option<Login>,
}

/// How a user signs in, and as what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    pub email: Email,
    /// What people call him.
    pub name: Option<String>,
    pub role: Role,
    /// Without one only links let him in.
    pub password: Option<PasswordHash>,
    /// Since when he may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// Rises with every change.
    pub revision: i64,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
}

/// An argon2id hash with its parameters and its salt, as text. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

/// Which users are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserFilter {
    /// Only those with a login.
    pub signs_in: bool,
    /// Only those with a login of this role.
    pub role: Option<Role>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewLogin {
    pub scope: Scope,
    pub user: UserId,
    pub external: String,
    pub login: Login,
}

/// What becomes of the sign-ins of a login that is changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignIns {
    Stay,
    End,
    /// All end, and this one begins.
    Renew(SignInRow),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginChange {
    pub scope: Scope,
    pub user: UserId,
    pub at: Timestamp,
    pub if_revision: i64,
    pub name: Option<String>,
    pub role: Role,
    pub password: Option<PasswordHash>,
    pub disabled_at: Option<Timestamp>,
    pub sign_ins: SignIns,
}

impl LoginChange {
    /// Whether the user is an owner who may sign in after it.
    pub fn owns(&self) -> bool {
        self.role == Role::Owner && self.disabled_at.is_none()
    }
}

/// By what a link is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkKey {
    /// The hash of its secret.
    Secret([u8; 32]),
    Invite(Scope, LinkId),
    /// The invite for this e-mail that is good at that time.
    InviteFor(Scope, Email, Timestamp),
}

/// A link as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRow {
    pub id: LinkId,
    /// Always whole.
    pub scope: Scope,
    pub token_hash: [u8; 32],
    pub purpose: Purpose,
    /// Whom it is for; a setup is for whoever has it.
    pub email: Option<Email>,
    /// Of invites: what its user will be.
    pub role: Option<Role>,
    /// Of invites: what the application calls the user.
    pub user_external: Option<String>,
    /// Who made it, for people who look.
    pub made_by: String,
    /// Of links for somebody who signs in already: the revision of his login when it was made. It opens nothing when that
    /// has changed: what his role, his password or his being disabled was to end, it must not bring back.
    pub login_revision: Option<i64>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl LinkRow {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.revoked_at.is_none() && self.expires_at > now
    }
}

/// What a link is used for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// A setup, which wants a workspace without an owner, or an invite.
    Make(NewLogin),
    /// A new password; every other sign-in of the user ends.
    SetPassword(PasswordHash),
    /// Nothing but the way in.
    Enter,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkUse {
    pub link: LinkId,
    pub purpose: Purpose,
    pub at: Timestamp,
    pub deed: Deed,
    /// Its scope and user are those of the login.
    pub sign_in: SignInRow,
}
