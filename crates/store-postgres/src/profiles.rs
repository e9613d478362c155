//! The table `profiles`: fields of inputs for requests that leave them out. What they mean is decided elsewhere.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, params, sql, text};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile, no_profile};
use copydesk_store::{Answer, Order, Page, PageRequest, ProfileStore, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl ProfileStore for PostgresStore {
    fn put_profile(&self, put: PutProfile) -> Answer<'_, ProfileRow> {
        Box::pin(self.telling(async move { Ok(self.write_profile(&put).await?) }))
    }

    fn remove_profile(&self, scope: Scope, id: ProfileId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(self.telling(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("profiles/remove"), params![scope.workspace.0, id.0, revision]);
            let there = steps.add(sql!("profiles/get"), params![scope.workspace.0, id.0]);
            let answers = tx.commit(steps).await?;
            if !answers.rows(Some(gone)).is_empty() {
                return Ok(());
            }
            let there = answers.rows(Some(there)).first().map(profile_row).ok_or_else(|| no_profile(id))?;
            Err(Refusal::VersionConflict { current: there.revision }.into())
        }))
    }

    fn profile(&self, scope: Scope, id: ProfileId) -> Answer<'_, ProfileRow> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("profiles/get"), params![scope.workspace.0, id.0]).await?;
            rows.first().map(profile_row).ok_or_else(|| no_profile(id))
        })
    }

    fn profiles(&self, scope: Scope, filter: ProfileFilter, page: PageRequest) -> Answer<'_, Page<ProfileRow>> {
        Box::pin(async move {
            let cursor = Cursor::<ProfileId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("profiles/list_newest"),
                Order::OldestFirst => sql!("profiles/list_oldest"),
            };
            let (recipe, user) = (filter.recipe.as_deref().map(text), filter.user.map(|user| user.0));
            let params = params![scope.workspace.0, cursor.after.0, recipe, user, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, |row| Ok(profile_row(row)), |row| row.id.to_string())
        })
    }

    fn profiles_for(&self, scope: Scope, recipe: String, user: UserId) -> Answer<'_, ProfilesFor> {
        Box::pin(async move {
            let params = params![scope.workspace.0, text(&recipe), user.0, Uuid::nil()];
            let rows = read(&self.readers, sql!("profiles/of_user"), params).await?;
            let (own, everybodys): (Vec<_>, Vec<_>) = rows.iter().map(profile_row).partition(|row| row.user.is_some());
            Ok(ProfilesFor { own: own.into_iter().next(), everybodys: everybodys.into_iter().next() })
        })
    }
}

impl PostgresStore {
    async fn write_profile(&self, put: &PutProfile) -> Result<ProfileRow, Fault> {
        let (workspace, at) = (put.scope.workspace.0, Micros::from(put.at));
        let (user, external) = match &put.user {
            Some((user, external)) => (user.0, Some(text(external))),
            None => (Uuid::nil(), None),
        };
        let (recipe, fields) = (text(&put.recipe), text(&put.fields));
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let written = match put.revision {
            Some(revision) => {
                steps.add(sql!("profiles/update"), params![fields, at, workspace, recipe, user, revision])
            }
            None => {
                steps.add(sql!("profiles/insert"), params![put.id.0, workspace, recipe, user, external, fields, at])
            }
        };
        let there = steps.add(sql!("profiles/find"), params![workspace, text(&put.recipe), user]);
        let answers = tx.commit(steps).await?;
        if let Some(row) = answers.rows(Some(written)).first() {
            return Ok(profile_row(row));
        }
        Err(match answers.rows(Some(there)).first().map(profile_row) {
            Some(row) => StoreError::from(Refusal::VersionConflict { current: row.revision }),
            None => no_profile(&put.recipe),
        }
        .into())
    }
}

fn profile_row(row: &Row) -> ProfileRow {
    let external: Option<String> = row.get("user_external");
    let user = UserId(row.get("user_id"));
    ProfileRow {
        id: ProfileId(row.get("id")),
        recipe: row.get("recipe"),
        user: external.map(|external| (user, external)),
        fields: row.get("fields"),
        revision: row.get("revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
    }
}
