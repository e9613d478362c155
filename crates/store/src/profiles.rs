//! Profiles of recipes: everybody's, and users' own. What a profile means for a request is decided in core's `profile`.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::{ProfileId, Timestamp, UserId};

pub trait ProfileStore: Send + Sync {
    /// Makes a profile, or writes other fields into the one of this recipe and user. `revision` is the one the caller has
    /// seen; `None` is that there was none.
    ///
    /// Errors: `Refused(VersionConflict)` when there is another one, or one at all; `NotFound` when it is gone.
    fn put_profile(&self, put: PutProfile) -> Answer<'_, ProfileRow>;

    /// Errors: `NotFound`; `Refused(VersionConflict)`. `None` as revision removes whatever is there.
    fn remove_profile(&self, scope: Scope, id: ProfileId, revision: Option<i64>) -> Answer<'_, ()>;

    fn profile(&self, scope: Scope, id: ProfileId) -> Answer<'_, ProfileRow>;

    /// In the order of their ids.
    fn profiles(&self, scope: Scope, filter: ProfileFilter, page: PageRequest) -> Answer<'_, Page<ProfileRow>>;

    /// What there is for a request of this user: his own, everybody's, both or none.
    fn profiles_for(&self, scope: Scope, recipe: String, user: UserId) -> Answer<'_, ProfilesFor>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileRow {
    pub id: ProfileId,
    pub recipe: String,
    /// Whose it is, with the application's name for him; `None` is everybody's.
    pub user: Option<(UserId, String)>,
    /// A JSON object: fields of the recipe's input.
    pub fields: String,
    /// Rises with every change: the ETag.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutProfile {
    pub scope: Scope,
    pub at: Timestamp,
    /// Of one that is made.
    pub id: ProfileId,
    pub recipe: String,
    pub user: Option<(UserId, String)>,
    pub fields: String,
    pub revision: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfileFilter {
    pub recipe: Option<String>,
    pub user: Option<UserId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfilesFor {
    pub own: Option<ProfileRow>,
    pub everybodys: Option<ProfileRow>,
}

/// That there is no such profile.
pub fn no_profile(id: impl std::fmt::Display) -> StoreError {
    StoreError::NotFound { what: "profile", id: id.to_string() }
}
