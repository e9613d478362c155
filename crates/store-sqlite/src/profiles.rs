//! The table `profiles`: fields of inputs for requests that leave them out. What they mean is decided elsewhere.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, ProfilesFor, PutProfile, no_profile};
use copydesk_store::{Answer, Page, PageRequest, ProfileStore, Scope};
use rusqlite::{Row, params};
use uuid::Uuid;

impl ProfileStore for SqliteStore {
    fn put_profile(&self, put: PutProfile) -> Answer<'_, ProfileRow> {
        Box::pin(self.write(put.fields.len(), move |session| write(session.db, &put)))
    }

    fn remove_profile(&self, scope: Scope, id: ProfileId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes(), revision];
            if session.db.execute(sql!("profiles/remove"), params)? > 0 {
                return Ok(());
            }
            let current = get(session.db, scope, id)?.revision;
            Err(Refusal::VersionConflict { current }.into())
        }))
    }

    fn profile(&self, scope: Scope, id: ProfileId) -> Answer<'_, ProfileRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn profiles(&self, scope: Scope, filter: ProfileFilter, page: PageRequest) -> Answer<'_, Page<ProfileRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<ProfileId>(&page, |id| id.0)?;
            let user = filter.user.map(|user| *user.0.as_bytes());
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), filter.recipe, user, cut.limit];
            let rows = db.all(ordered!(cut, "profiles/list"), params, profile_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn profiles_for(&self, scope: Scope, recipe: String, user: UserId) -> Answer<'_, ProfilesFor> {
        Box::pin(self.read(move |db| {
            let (workspace, everybody) = (scope.workspace.0.as_bytes(), Uuid::nil());
            let params = params![workspace, recipe, user.0.as_bytes(), everybody.as_bytes()];
            let rows = db.all(sql!("profiles/of_user"), params, profile_row)?;
            let (own, everybodys): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.user.is_some());
            Ok(ProfilesFor { own: own.into_iter().next(), everybodys: everybodys.into_iter().next() })
        }))
    }
}

fn write(db: Db<'_>, put: &PutProfile) -> Done<ProfileRow> {
    let (workspace, at) = (put.scope.workspace.0.as_bytes(), put.at.micros());
    let (user, external) = match &put.user {
        Some((user, external)) => (user.0, Some(external)),
        None => (Uuid::nil(), None),
    };
    let changed = match put.revision {
        Some(revision) => {
            let params = params![put.fields, at, workspace, put.recipe, user.as_bytes(), revision];
            db.execute(sql!("profiles/update"), params)?
        }
        None => {
            let id = put.id.0.as_bytes();
            let params = params![id, workspace, put.recipe, user.as_bytes(), external, put.fields, at];
            db.execute(sql!("profiles/insert"), params)?
        }
    };
    let params = params![workspace, put.recipe, user.as_bytes()];
    match db.first(sql!("profiles/find"), params, profile_row)? {
        Some(row) if changed > 0 => Ok(row),
        Some(row) => Err(Refusal::VersionConflict { current: row.revision }.into()),
        None => Err(no_profile(&put.recipe).into()),
    }
}

fn get(db: Db<'_>, scope: Scope, id: ProfileId) -> Done<ProfileRow> {
    let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("profiles/get"), params, profile_row)?.ok_or_else(|| no_profile(id).into())
}

fn profile_row(row: &Row<'_>) -> Done<ProfileRow> {
    let external: Option<String> = row.get("user_external")?;
    let user = UserId(codec::uuid(row, "user_id")?);
    Ok(ProfileRow {
        id: ProfileId(codec::uuid(row, "id")?),
        recipe: row.get("recipe")?,
        user: external.map(|external| (user, external)),
        fields: row.get("fields")?,
        revision: row.get("revision")?,
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
    })
}
