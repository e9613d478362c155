//! The tables `sources`, `source_items` and `source_fetches`. A write that ends a fetch names the lease it was claimed with.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::refusal::Refusal;
use copydesk_core::source::{Kind, State, Trouble};
use copydesk_core::{ItemId, SourceId, Timestamp, UserId, WorkspaceId};
use copydesk_store::sources::{
    ClaimSources, FETCHES_KEPT, FetchRow, FinishFetch, Found, ItemsOf, NewItem, NewSource, SourceChange, SourceFilter,
    SourceItem, SourceRow, Whose, news, no_source,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, SourceItemStore, SourceStore, StoreError};
use rusqlite::{Row, params};
use uuid::Uuid;

impl SourceStore for SqliteStore {
    fn add_source(&self, new: NewSource) -> Answer<'_, Option<SourceRow>> {
        Box::pin(self.write(size(&new.items), move |session| insert(session.db, &new)))
    }

    fn source(&self, scope: Scope, id: SourceId) -> Answer<'_, SourceRow> {
        Box::pin(self.read(move |db| get(db, scope.workspace, id)))
    }

    fn sources(&self, scope: Scope, filter: SourceFilter, page: PageRequest) -> Answer<'_, Page<SourceRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<SourceId>(&page, |id| id.0)?;
            let (one, other) = users(filter.whose);
            let (kind, state) = (filter.kind.map(Kind::as_str), filter.state.map(State::number));
            let workspace = scope.workspace.0.as_bytes();
            let params = params![workspace, cut.after.as_bytes(), one, other, kind, state, cut.limit];
            let rows = db.all(ordered!(cut, "sources/list"), params, source_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn change_source(&self, change: SourceChange) -> Answer<'_, SourceRow> {
        Box::pin(self.write(size(&change.items), move |session| write_change(session.db, &change)))
    }

    fn remove_source(&self, scope: Scope, id: SourceId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let (db, params) = (session.db, params![scope.workspace.0.as_bytes(), id.0.as_bytes(), revision]);
            if db.first(sql!("sources/remove"), params, |_| Ok(()))?.is_none() {
                let current = get(db, scope.workspace, id)?.revision;
                return Err(Refusal::VersionConflict { current }.into());
            }
            db.execute(sql!("sources/remove_items"), params![id.0.as_bytes()])?;
            db.execute(sql!("sources/remove_fetches"), params![id.0.as_bytes()])?;
            Ok(())
        }))
    }

    fn claim_sources(&self, claim: ClaimSources) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(self.write(0, move |session| {
            let (until, now) = (claim.until.micros(), claim.now.micros());
            match claim.only {
                None => session.db.all(sql!("sources/claim"), params![until, now, claim.limit], source_row),
                Some((workspace, id)) => {
                    let params = params![until, workspace.0.as_bytes(), id.0.as_bytes(), now];
                    session.db.all(sql!("sources/claim_one"), params, source_row)
                }
            }
        }))
    }

    fn finish_fetch(&self, done: FinishFetch) -> Answer<'_, Option<Found>> {
        Box::pin(self.write(size(&done.items), move |session| finish(session.db, &done)))
    }

    fn fetches(&self, scope: Scope, id: SourceId, page: PageRequest) -> Answer<'_, Page<FetchRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::of_numbers(&page)?;
            get(db, scope.workspace, id)?;
            let params = params![id.0.as_bytes(), cut.after, cut.limit];
            let rows = db.all(ordered!(cut, "sources/fetches"), params, fetch_row)?;
            Ok(page::cut(rows, page.limit, |row| row.number.to_string()))
        }))
    }
}

impl SourceItemStore for SqliteStore {
    fn source_items(&self, scope: Scope, filter: ItemsOf, page: PageRequest) -> Answer<'_, Page<SourceItem>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<ItemId>(&page, |id| id.0)?;
            let (one, other) = users(filter.whose);
            let source = filter.source.map(|source| *source.0.as_bytes());
            let since = filter.since.map(Timestamp::micros);
            let workspace = scope.workspace.0.as_bytes();
            let params = params![workspace, cut.after.as_bytes(), source, one, other, since, cut.limit];
            let rows = db.all(ordered!(cut, "sources/items"), params, item_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn recent_items(&self, scope: Scope, user: UserId, since: Timestamp, limit: u32) -> Answer<'_, Vec<SourceItem>> {
        Box::pin(self.read(move |db| {
            let (own, everybodys) = Whose::For(user).users();
            let workspace = scope.workspace.0.as_bytes();
            let params = params![workspace, own.as_bytes(), everybodys.as_bytes(), since.micros(), limit];
            db.all(sql!("sources/recent"), params, item_row)
        }))
    }

    fn forget_items(&self, unseen_since: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| {
            let gone = session.db.all(sql!("sources/forget"), params![unseen_since.micros(), limit], |_| Ok(()))?;
            Ok(gone.len() as u64)
        }))
    }

    fn items_to_forget(&self, unseen_since: Timestamp) -> Answer<'_, u64> {
        Box::pin(self.read(move |db| {
            let count = |row: &Row<'_>| codec::unsigned(row, "items");
            let items = db.first(sql!("sources/to_forget"), params![unseen_since.micros()], count)?;
            items.ok_or_else(|| Fault::corrupt("items of sources are not counted".to_owned()))
        }))
    }
}

fn size(items: &[NewItem]) -> usize {
    items.iter().map(|item| item.text.as_ref().map_or(0, String::len)).sum()
}

fn users(whose: Option<Whose>) -> (Option<[u8; 16]>, Option<[u8; 16]>) {
    whose.map(Whose::users).map(|(one, other)| (*one.as_bytes(), *other.as_bytes())).unzip()
}

fn insert(db: Db<'_>, new: &NewSource) -> Done<Option<SourceRow>> {
    let row = &new.row;
    let (user, external) = match &row.user {
        Some((user, external)) => (user.0, Some(external)),
        None => (Uuid::nil(), None),
    };
    let changed = db.execute(
        sql!("sources/insert"),
        params![
            row.id.0.as_bytes(),
            row.workspace.0.as_bytes(),
            user.as_bytes(),
            external,
            row.kind.as_str(),
            row.name,
            row.url,
            row.text,
            row.schedule,
            row.fetched_at.map(Timestamp::micros),
            row.next_at.map(Timestamp::micros),
            row.paused_at.map(Timestamp::micros),
            row.created_at.micros(),
            new.most
        ],
    )?;
    if changed > 0 {
        put_items(db, row.workspace, row.id, row.created_at, &new.items)?;
    }
    db.first(sql!("sources/get"), params![row.workspace.0.as_bytes(), row.id.0.as_bytes()], source_row)
}

fn write_change(db: Db<'_>, change: &SourceChange) -> Done<SourceRow> {
    let (workspace, id) = (change.scope.workspace, change.id);
    let params = params![
        change.name,
        change.url,
        change.text,
        change.schedule,
        change.next_at.map(Timestamp::micros),
        change.paused_at.map(Timestamp::micros),
        change.at.micros(),
        change.anew,
        workspace.0.as_bytes(),
        id.0.as_bytes(),
        change.revision
    ];
    if db.first(sql!("sources/change"), params, |_| Ok(()))?.is_none() {
        let current = get(db, workspace, id)?.revision;
        return Err(Refusal::VersionConflict { current }.into());
    }
    put_items(db, workspace, id, change.at, &change.items)?;
    get(db, workspace, id)
}

fn put_items(db: Db<'_>, workspace: WorkspaceId, source: SourceId, at: Timestamp, items: &[NewItem]) -> Done<Found> {
    let mut found = Found::default();
    for item in items {
        let params = params![
            item.id.0.as_bytes(),
            workspace.0.as_bytes(),
            source.0.as_bytes(),
            item.key,
            item.title,
            item.link,
            item.text,
            item.published_at.map(Timestamp::micros),
            at.micros()
        ];
        let put = db.first(sql!("sources/put_items"), params, |row| {
            Ok((codec::uuid(row, "id")? == item.id.0, codec::instant(row, "changed_at")? == at))
        })?;
        match put {
            Some((true, _)) => found.new += 1,
            Some((false, true)) => found.updated += 1,
            Some((false, false)) | None => {}
        }
    }
    Ok(found)
}

fn finish(db: Db<'_>, done: &FinishFetch) -> Done<Option<Found>> {
    let (workspace, source) = (done.workspace.0.as_bytes(), done.source.0.as_bytes());
    let held = db.first(sql!("sources/held"), params![workspace, source, done.lease.micros()], source_row)?;
    let Some(before) = held else { return Ok(None) };
    let found = put_items(db, done.workspace, done.source, done.at, &done.items)?;
    let (code, message) = done.trouble.as_ref().map(|trouble| (&trouble.code, &trouble.message)).unzip();
    let params = params![
        done.next_at.micros(),
        code,
        message,
        done.at.micros(),
        found.new,
        done.etag,
        done.last_modified,
        done.feed_url,
        done.pause,
        workspace,
        source
    ];
    let number = db.number(sql!("sources/finish"), params)?;
    let params = params![
        source,
        number,
        done.began_at.micros(),
        codec::signed(done.ms),
        done.status,
        done.fetched,
        found.new,
        found.updated,
        code,
        message
    ];
    db.execute(sql!("sources/log"), params)?;
    db.execute(sql!("sources/trim"), params![source, number - FETCHES_KEPT])?;
    if let Some(event) = news(&before, done) {
        write_event(db, &event)?;
    }
    Ok(Some(found))
}

fn get(db: Db<'_>, workspace: WorkspaceId, id: SourceId) -> Done<SourceRow> {
    let params = params![workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("sources/get"), params, source_row)?.ok_or_else(|| no_source(id).into())
}

fn count(row: &Row<'_>, column: &'static str) -> Done<u32> {
    let count: i64 = row.get(column)?;
    u32::try_from(count).map_err(|_| StoreError::Corrupt(format!("{column} is {count}")).into())
}

fn trouble(row: &Row<'_>) -> Done<Option<Trouble>> {
    let (code, message): (Option<String>, Option<String>) = (row.get("error_code")?, row.get("error_message")?);
    Ok(code.map(|code| Trouble { code, message: message.unwrap_or_default() }))
}

fn source_row(row: &Row<'_>) -> Done<SourceRow> {
    let external: Option<String> = row.get("user_external")?;
    let user = UserId(codec::uuid(row, "user_id")?);
    Ok(SourceRow {
        id: SourceId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        user: external.map(|external| (user, external)),
        kind: codec::word(row, "kind", Kind::parse)?,
        name: row.get("name")?,
        url: row.get("url")?,
        text: row.get("body")?,
        schedule: row.get("schedule")?,
        trouble: trouble(row)?,
        trouble_since: codec::maybe_instant(row, "error_since")?,
        failures: count(row, "failures")?,
        fetched_at: codec::maybe_instant(row, "fetched_at")?,
        next_at: codec::maybe_instant(row, "next_at")?,
        leased_until: codec::maybe_instant(row, "leased_until")?,
        paused_at: codec::maybe_instant(row, "paused_at")?,
        etag: row.get("etag")?,
        last_modified: row.get("last_modified")?,
        feed_url: row.get("feed_url")?,
        fetches: row.get("fetches")?,
        new_items: count(row, "new_items")?,
        items: codec::unsigned(row, "items")?,
        revision: row.get("revision")?,
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
    })
}

fn fetch_row(row: &Row<'_>) -> Done<FetchRow> {
    Ok(FetchRow {
        number: row.get("number")?,
        at: codec::instant(row, "at")?,
        ms: codec::unsigned(row, "ms")?,
        status: row.get("status")?,
        fetched: count(row, "fetched")?,
        found: Found { new: count(row, "new_items")?, updated: count(row, "updated_items")? },
        trouble: trouble(row)?,
    })
}

fn item_row(row: &Row<'_>) -> Done<SourceItem> {
    Ok(SourceItem {
        id: ItemId(codec::uuid(row, "id")?),
        source: SourceId(codec::uuid(row, "source_id")?),
        source_name: row.get("source_name")?,
        title: row.get("title")?,
        link: row.get("link")?,
        text: row.get("body")?,
        published_at: codec::maybe_instant(row, "published_at")?,
        seen_at: codec::instant(row, "seen_at")?,
        last_seen_at: codec::instant(row, "last_seen_at")?,
    })
}
