//! The model's profiles: one row for each recipe and user, or everybody.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile, no_profile};
use copydesk_store::{Answer, Page, PageRequest, ProfileStore, Scope, StoreError};

impl ProfileStore for ModelStore {
    fn put_profile(&self, put: PutProfile) -> Answer<'_, ProfileRow> {
        Box::pin(async move { self.data().put_profile(put) })
    }
    fn remove_profile(&self, scope: Scope, id: ProfileId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let current = data.profile(scope, id)?.revision;
            if revision.is_some_and(|revision| revision != current) {
                return Err(Refusal::VersionConflict { current }.into());
            }
            data.profiles.remove(&id);
            Ok(())
        })
    }
    fn profile(&self, scope: Scope, id: ProfileId) -> Answer<'_, ProfileRow> {
        Box::pin(async move { self.data().profile(scope, id) })
    }
    fn profiles(&self, scope: Scope, filter: ProfileFilter, page: PageRequest) -> Answer<'_, Page<ProfileRow>> {
        Box::pin(async move {
            let data = self.data();
            let fits = |row: &&ProfileRow| {
                filter.recipe.as_ref().is_none_or(|recipe| *recipe == row.recipe)
                    && filter.user.is_none_or(|user| owner(row) == Some(user))
            };
            let rows = data.profiles_of(scope).filter(fits).map(|row| (row.id, row.clone()));
            paged(rows.collect(), &page)
        })
    }
    fn profiles_for(&self, scope: Scope, recipe: String, user: UserId) -> Answer<'_, ProfilesFor> {
        Box::pin(async move {
            let data = self.data();
            let of = |whose| data.profiles_of(scope).find(|row| row.recipe == recipe && owner(row) == whose).cloned();
            Ok(ProfilesFor { own: of(Some(user)), everybodys: of(None) })
        })
    }
}

fn owner(row: &ProfileRow) -> Option<UserId> {
    row.user.as_ref().map(|(user, _)| *user)
}

impl Data {
    fn profiles_of(&self, scope: Scope) -> impl Iterator<Item = &ProfileRow> {
        self.profiles.values().filter(move |(workspace, _)| *workspace == scope.workspace).map(|(_, row)| row)
    }

    fn profile(&self, scope: Scope, id: ProfileId) -> Result<ProfileRow, StoreError> {
        self.profiles_of(scope).find(|row| row.id == id).cloned().ok_or_else(|| no_profile(id))
    }

    fn put_profile(&mut self, put: PutProfile) -> Result<ProfileRow, StoreError> {
        let whose = put.user.as_ref().map(|(user, _)| *user);
        let there = self.profiles_of(put.scope).find(|row| row.recipe == put.recipe && owner(row) == whose).cloned();
        let row = match (there, put.revision) {
            (None, None) => ProfileRow {
                id: put.id,
                recipe: put.recipe,
                user: put.user,
                fields: put.fields,
                revision: 1,
                created_at: put.at,
                updated_at: put.at,
            },
            (Some(row), Some(seen)) if row.revision == seen => {
                ProfileRow { fields: put.fields, revision: row.revision + 1, updated_at: put.at, ..row }
            }
            (Some(row), _) => return Err(Refusal::VersionConflict { current: row.revision }.into()),
            (None, Some(_)) => return Err(no_profile(&put.recipe)),
        };
        self.profiles.insert(row.id, (put.scope.workspace, row.clone()));
        Ok(row)
    }
}
