//! API keys: what is agreed on with each, and when it was last used. The secret itself is never stored, only its SHA-256.
//! What a key may do is decided in `core/src/access`.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::access::{Allowed, Grant, KeyTerms, Life, Mode, Permit, Role, ScopeSet, life};
use copydesk_core::{KeyId, Timestamp};

pub trait KeyStore: Send + Sync {
    /// Stores a key. `false` when one with this id or this hash is there already; then nothing is written.
    fn add_key(&self, key: KeyRow) -> Answer<'_, bool>;

    /// The key with this hash, also one that has expired or was revoked. A secret has 256 random bits, so a look-up by its
    /// hash tells nobody anything by the time it takes.
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>>;

    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow>;

    /// The workspace's keys in the order of their ids, those that have ended too.
    fn list_keys(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<KeyRow>>;

    /// Writes new terms, or the end of a key, over those of `if_revision`.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`; `Refused(LastKey)` when no other key of the workspace that is not
    /// revoked, expired or rotated manages keys, and this one would not any more.
    fn change_key(&self, change: KeyChange) -> Answer<'_, KeyRow>;

    /// Stores the new key and ends the old one at `old_expires_at`, in one commit.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn rotate_key(&self, rotation: KeyRotation) -> Answer<'_, ()>;

    /// Writes when keys were last used. An earlier use than the one that stands there changes nothing.
    fn touch_keys(&self, uses: Vec<(KeyId, KeyUse)>) -> Answer<'_, ()>;
}

/// A key as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    pub id: KeyId,
    /// Always whole; whom the key is bound to stands in its terms.
    pub scope: Scope,
    pub secret_hash: [u8; 32],
    /// The first characters, to tell keys apart.
    pub shown: String,
    pub terms: KeyTerms,
    /// Rises with every change of the terms.
    pub revision: i64,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// The key that was made in its place; it expires when the overlap is over.
    pub replaced_by: Option<KeyId>,
    pub last_used: Option<KeyUse>,
}

impl KeyRow {
    pub fn life(&self, now: Timestamp) -> Life {
        life(self.terms.expires_at, self.revoked_at, now)
    }
}

/// One use of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyUse {
    pub at: Timestamp,
    /// The address of the connection; empty when there was none.
    pub from: String,
    /// What the client calls itself.
    pub by: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyChange {
    pub scope: Scope,
    pub id: KeyId,
    pub at: Timestamp,
    pub if_revision: i64,
    pub terms: KeyTerms,
    pub revoked_at: Option<Timestamp>,
}

impl KeyChange {
    /// Whether the key manages keys after it.
    pub fn manages(&self) -> bool {
        self.terms.manages_keys() && life(self.terms.expires_at, self.revoked_at, self.at) == Life::Living
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRotation {
    pub old: KeyId,
    pub if_revision: i64,
    pub old_expires_at: Timestamp,
    /// Its scope is the old one's, too.
    pub new: KeyRow,
}

/// A permit as the engines keep it: the words of core, lists as one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PermitText {
    pub mode: String,
    /// Either this or `scopes`.
    pub role: Option<String>,
    pub scopes: Option<String>,
    pub user_external: Option<String>,
    pub recipes: Option<String>,
    pub models: Option<String>,
}

impl From<&Permit> for PermitText {
    fn from(permit: &Permit) -> PermitText {
        let (role, scopes) = match permit.grant {
            Grant::Role(role) => (Some(role.as_str().to_owned()), None),
            Grant::Scopes(scopes) => (None, Some(scopes.written())),
        };
        PermitText {
            mode: permit.mode.as_str().to_owned(),
            role,
            scopes,
            user_external: permit.user.clone(),
            recipes: permit.recipes.written(),
            models: permit.models.written(),
        }
    }
}

impl PermitText {
    /// Errors: `Corrupt` with the column and the word that nobody writes.
    pub fn permit(self) -> Result<Permit, StoreError> {
        let unknown = |column: &str, word: &str| StoreError::Corrupt(format!("api_keys.{column} says {word:?}"));
        let grant = match (self.role.as_deref(), self.scopes.as_deref()) {
            (Some(role), None) => Grant::Role(Role::parse(role).ok_or_else(|| unknown("role", role))?),
            (None, Some(scopes)) => Grant::Scopes(ScopeSet::parse(scopes).map_err(|word| unknown("scopes", word))?),
            (Some(_), Some(_)) | (None, None) => return Err(unknown("role", "neither or both of role and scopes")),
        };
        Ok(Permit {
            grant,
            mode: Mode::parse(&self.mode).ok_or_else(|| unknown("mode", &self.mode))?,
            user: self.user_external,
            recipes: Allowed::read(self.recipes.as_deref()),
            models: Allowed::read(self.models.as_deref()),
        })
    }
}
