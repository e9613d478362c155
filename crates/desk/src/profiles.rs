//! Profiles: fields of a recipe's input that are set once, for everybody or for a user, and filled into whatever request
//! leaves them out. They are filled when the request is taken, so that what went in stands with the generation; a request that is
//! made again is filled anew. What is set here holds at once, in other processes of the same database a second later.

use crate::accept::{ANONYMOUS, NAME_BYTES_MAX, Request, user_of};
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::recall::{Looked, Recall};
use copydesk_core::profile::{Fields, fill};
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile, no_profile};
use copydesk_store::{PageRequest, Scope, StoreError};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What this process has read of profiles a moment ago.
#[derive(Default)]
pub(crate) struct Profiles {
    /// Whether a workspace has any for a recipe: those that have none ask once a second.
    any: Recall<bool>,
    found: Recall<Found>,
}

/// What there is for a user's requests.
#[derive(Default)]
struct Found {
    own: Option<Fields>,
    everybodys: Option<Fields>,
}

/// A profile as it is to be.
#[derive(Clone, Debug)]
pub struct NewProfile {
    pub recipe: String,
    /// The application's name for whose it is; `None` is everybody's.
    pub user: Option<String>,
    pub fields: Fields,
    /// The revision the caller has seen; `None` is that there was none.
    pub revision: Option<i64>,
}

impl Desk {
    /// Fills what the request leaves out and a profile says.
    pub(crate) async fn fill_profiles(&self, request: &mut Request) -> Result<(), DeskError> {
        let scope = request.scope.whole();
        if self.has_profiles(scope, &request.recipe).await? {
            let found = self.found(scope, &request.recipe, user_of(request)).await?;
            request.filled = fill(&mut request.input, found.own.as_ref(), found.everybodys.as_ref());
        }
        self.fill_feedback(request).await
    }

    /// The fields that profiles would fill into requests of this user.
    pub(crate) async fn profiled(
        &self,
        scope: Scope,
        recipe: &str,
        user: Option<&str>,
    ) -> Result<BTreeSet<String>, DeskError> {
        let user = UserId::from_external(scope.workspace, user.unwrap_or(ANONYMOUS));
        let found = self.found(scope.whole(), recipe, user).await?;
        Ok(found.own.iter().chain(&found.everybodys).flat_map(|fields| fields.keys().cloned()).collect())
    }

    async fn has_profiles(&self, scope: Scope, recipe: &str) -> Result<bool, DeskError> {
        let (any, place) = (&self.inner.profiles.any, place(scope, recipe, None));
        let asked = match any.look(&place, self.inner.world.steady()) {
            Looked::Fresh(any) => return Ok(*any),
            Looked::Stale(asked) => asked,
        };
        let filter = ProfileFilter { recipe: Some(recipe.to_owned()), user: None };
        let first = self.store().profiles(scope, filter, PageRequest::newest(1)).await?;
        Ok(*any.learn(place, asked, !first.rows.is_empty()))
    }

    async fn found(&self, scope: Scope, recipe: &str, user: UserId) -> Result<Arc<Found>, DeskError> {
        let (found, place) = (&self.inner.profiles.found, place(scope, recipe, Some(user)));
        let asked = match found.look(&place, self.inner.world.steady()) {
            Looked::Fresh(found) => return Ok(found),
            Looked::Stale(asked) => asked,
        };
        let ProfilesFor { own, everybodys } = self.store().profiles_for(scope, recipe.to_owned(), user).await?;
        let read = Found {
            own: own.as_ref().map(fields_of).transpose()?,
            everybodys: everybodys.as_ref().map(fields_of).transpose()?,
        };
        Ok(found.learn(place, asked, read))
    }

    /// The profile of a recipe: this user's own, or everybody's.
    pub async fn profile(&self, scope: Scope, recipe: &str, user: Option<&str>) -> Result<ProfileRow, DeskError> {
        let wanted = user.map(|user| UserId::from_external(scope.workspace, user));
        if scope.user.is_some() && scope.user != wanted {
            return Err(missing(recipe, user));
        }
        // Nobody's own is everybody's alone.
        let whose = wanted.unwrap_or(UserId(uuid::Uuid::nil()));
        let ProfilesFor { own, everybodys } = self.store().profiles_for(scope, recipe.to_owned(), whose).await?;
        let row = if wanted.is_some() { own } else { everybodys };
        row.ok_or_else(|| missing(recipe, user))
    }

    /// Sets a profile whole.
    ///
    /// Errors: `Invalid`, as the recipe's schema says of the fields that are there; `Refused(VersionConflict)`.
    pub async fn put_profile(&self, scope: Scope, new: NewProfile) -> Result<ProfileRow, DeskError> {
        let NewProfile { recipe, user, fields, revision } = new;
        let loaded = self.recipe(&recipe)?;
        let mut faults = Vec::new();
        if user.as_ref().is_some_and(|user| user.is_empty() || user.len() > NAME_BYTES_MAX || user.contains('\0')) {
            faults.push(Fault::new(
                "?user",
                "bad_length",
                format!("it must have 1 to {NAME_BYTES_MAX} bytes without NUL"),
            ));
        }
        let fields = Value::Object(fields);
        let text = fields.to_string();
        let max = loaded.recipe.limits.input_bytes_max;
        if text.len() > max {
            let detail = format!("they have {} bytes; at most {max} are allowed", text.len());
            faults.push(Fault::new("/fields", "too_large", detail));
        }
        let wrong = loaded.validate(&fields).err().unwrap_or_default().into_iter();
        // What is not said here, the request says.
        let wrong = wrong.filter(|fault| fault.code != "required" || fault.pointer.matches('/').count() > 1);
        faults.extend(wrong.map(|fault| Fault::new(format!("/fields{}", fault.pointer), fault.code, fault.detail)));
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let at = self.inner.now();
        let put = PutProfile {
            scope,
            at,
            id: ProfileId(self.inner.world.uuid(at)),
            recipe,
            user: user.map(|user| (UserId::from_external(scope.workspace, &user), user)),
            fields: text,
            revision,
        };
        let row = self.store().put_profile(put).await;
        self.forget_profiles();
        Ok(row?)
    }

    /// Errors: `NotFound`; `Refused(VersionConflict)`. `None` as revision removes whatever is there.
    pub async fn remove_profile(
        &self,
        scope: Scope,
        recipe: &str,
        user: Option<&str>,
        revision: Option<i64>,
    ) -> Result<(), DeskError> {
        let row = self.profile(scope, recipe, user).await?;
        let removed = self.store().remove_profile(scope, row.id, revision).await;
        self.forget_profiles();
        Ok(removed?)
    }

    fn forget_profiles(&self) {
        self.inner.profiles.any.forget(|_| true);
        self.inner.profiles.found.forget(|_| true);
    }
}

fn missing(recipe: &str, user: Option<&str>) -> DeskError {
    match user {
        Some(user) => no_profile(format!("{recipe} of {user}")).into(),
        None => no_profile(recipe).into(),
    }
}

/// The fields of a profile.
///
/// Errors: stored text that is no object.
pub fn fields_of(row: &ProfileRow) -> Result<Fields, DeskError> {
    let corrupt = |error| DeskError::Store(StoreError::Corrupt(format!("the fields of {}: {error}", row.id)));
    serde_json::from_str(&row.fields).map_err(corrupt)
}

pub(crate) fn place(scope: Scope, recipe: &str, user: Option<UserId>) -> [u8; 32] {
    let user = user.map(|user| *user.0.as_bytes()).unwrap_or_default();
    Sha256::new().chain_update(scope.workspace.0.as_bytes()).chain_update(user).chain_update(recipe).finalize().into()
}
