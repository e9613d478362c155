//! Profiles: a key of one user sees and sets that user's own. Everybody's goes into his requests all the same.

use super::{Confined, NOWHERE, found};
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile, no_profile};
use copydesk_store::{Answer, Page, PageRequest, ProfileStore, Scope, StoreError};

impl Confined {
    async fn of_profile(&self, scope: Scope, id: ProfileId) -> Result<Scope, StoreError> {
        if scope.user.is_none() {
            return Ok(scope);
        }
        let owner = found(self.inner.profile(scope.whole(), id).await)?.and_then(|row| row.user);
        Ok(owner.map_or(NOWHERE, |(owner, _)| Confined::own(scope, owner)))
    }
}

impl ProfileStore for Confined {
    fn put_profile(&self, put: PutProfile) -> Answer<'_, ProfileRow> {
        let whose = put.user.as_ref().map(|(user, _)| *user);
        if put.scope.user.is_some() && put.scope.user != whose {
            return Box::pin(async move { Err(no_profile(&put.recipe)) });
        }
        self.inner.put_profile(PutProfile { scope: put.scope.whole(), ..put })
    }
    fn remove_profile(&self, scope: Scope, id: ProfileId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.remove_profile(self.of_profile(scope, id).await?, id, revision).await })
    }
    fn profile(&self, scope: Scope, id: ProfileId) -> Answer<'_, ProfileRow> {
        Box::pin(async move { self.inner.profile(self.of_profile(scope, id).await?, id).await })
    }
    fn profiles(&self, scope: Scope, filter: ProfileFilter, page: PageRequest) -> Answer<'_, Page<ProfileRow>> {
        let (scope, user) = Confined::narrowed(scope, filter.user);
        self.inner.profiles(scope, ProfileFilter { user, ..filter }, page)
    }
    fn profiles_for(&self, scope: Scope, recipe: String, user: UserId) -> Answer<'_, ProfilesFor> {
        self.inner.profiles_for(scope.whole(), recipe, user)
    }
}
