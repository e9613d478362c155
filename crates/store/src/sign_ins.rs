//! Who is signed in: one row for each browser, with the SHA-256 of what its cookie holds. What is over is deleted.

use crate::logins::{PasswordHash, UserRow};
use crate::{Answer, Scope};
use copydesk_core::{SignInId, Timestamp, UserId};
use std::time::Duration;

/// Most sign-ins of one user; a further one ends the oldest.
pub const SIGN_INS_MAX: u32 = 50;

pub trait SignInStore: Send + Sync {
    /// Signs a user in whose login was read at `if_revision`. `false` when it has changed since; then nothing is written.
    fn add_sign_in(&self, new: NewSignIn) -> Answer<'_, bool>;

    /// The sign-in with this hash and its user as he is now. A cookie has 256 random bits, so a look-up by its hash tells
    /// nobody anything by the time it takes.
    fn find_sign_in(&self, token_hash: [u8; 32]) -> Answer<'_, Option<SignedIn>>;

    fn get_sign_in(&self, scope: Scope, id: SignInId) -> Answer<'_, Option<SignedIn>>;

    /// Those of a user, newest first; at most [`SIGN_INS_MAX`].
    fn sign_ins(&self, scope: Scope, user: UserId) -> Answer<'_, Vec<SignInRow>>;

    /// Ends one sign-in of the user, or all. How many that were.
    fn end_sign_ins(&self, scope: Scope, user: UserId, one: Option<SignInId>) -> Answer<'_, u64>;

    /// Writes when sign-ins were last used. An earlier use than the one that stands there changes nothing.
    fn touch_sign_ins(&self, uses: Vec<(SignInId, Timestamp)>) -> Answer<'_, ()>;

    /// Deletes what is over: sign-ins, and links that ended long ago. How many rows that were, at most `limit` of each.
    fn forget_sign_ins(&self, forget: Forget) -> Answer<'_, u64>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInRow {
    pub id: SignInId,
    /// Always whole.
    pub scope: Scope,
    pub user: UserId,
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    /// However much it is used.
    pub expires_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// The address it was made from; empty when there was none.
    pub from: String,
    /// What the browser calls itself.
    pub client: String,
}

/// A sign-in with its user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    pub sign_in: SignInRow,
    pub user: UserRow,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSignIn {
    pub row: SignInRow,
    pub if_revision: i64,
    /// The password again, hashed with stronger parameters.
    pub rehash: Option<PasswordHash>,
}

/// What is over by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forget {
    pub now: Timestamp,
    /// How long a sign-in lives without being used.
    pub idle: Duration,
    /// How long a link that has expired is kept, to be shown in lists.
    pub links_kept: Duration,
    pub limit: u32,
}
