//! The tables `sources`, `source_items` and `source_fetches`. A write that ends a fetch names the lease it was claimed with.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, narrow, params, sql, text, unknown_word, wide};
use copydesk_core::refusal::Refusal;
use copydesk_core::source::{Kind, State, Trouble};
use copydesk_core::{ItemId, SourceId, Timestamp, UserId, WorkspaceId};
use copydesk_store::sources::{
    ClaimSources, FETCHES_KEPT, FetchRow, FinishFetch, Found, ItemsOf, NewItem, NewSource, SourceChange, SourceFilter,
    SourceItem, SourceRow, Whose, news, no_source,
};
use copydesk_store::{Answer, Order, Page, PageRequest, Scope, SourceItemStore, SourceStore, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl SourceStore for PostgresStore {
    fn add_source(&self, new: NewSource) -> Answer<'_, Option<SourceRow>> {
        Box::pin(async move { Ok(self.insert_source(&new).await?) })
    }

    fn source(&self, scope: Scope, id: SourceId) -> Answer<'_, SourceRow> {
        Box::pin(self.read_source(scope.workspace, id))
    }

    fn sources(&self, scope: Scope, filter: SourceFilter, page: PageRequest) -> Answer<'_, Page<SourceRow>> {
        Box::pin(async move {
            let cursor = Cursor::<SourceId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("sources/list_newest"),
                Order::OldestFirst => sql!("sources/list_oldest"),
            };
            let (one, other) = filter.whose.map(Whose::users).unzip();
            let (kind, state) = (filter.kind.map(Kind::as_str), filter.state.map(State::number));
            let params = params![scope.workspace.0, cursor.after.0, one, other, kind, state, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, source_row, |row| row.id.to_string())
        })
    }

    fn change_source(&self, change: SourceChange) -> Answer<'_, SourceRow> {
        Box::pin(async move { Ok(self.write_source(&change).await?) })
    }

    fn remove_source(&self, scope: Scope, id: SourceId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.delete_source(scope.workspace, id, revision).await?) })
    }

    fn claim_sources(&self, claim: ClaimSources) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let (until, now) = (Micros::from(claim.until), Micros::from(claim.now));
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let claimed = match claim.only {
                None => steps.add(sql!("sources/claim"), params![until, now, i64::from(claim.limit)]),
                Some((workspace, id)) => steps.add(sql!("sources/claim_one"), params![until, workspace.0, id.0, now]),
            };
            let answers = tx.commit(steps).await?;
            answers.rows(Some(claimed)).iter().map(source_row).collect()
        })
    }

    fn finish_fetch(&self, done: FinishFetch) -> Answer<'_, Option<Found>> {
        Box::pin(self.telling(async move { Ok(self.end_fetch(&done).await?) }))
    }

    fn fetches(&self, scope: Scope, id: SourceId, page: PageRequest) -> Answer<'_, Page<FetchRow>> {
        Box::pin(async move {
            let cursor = Cursor::<i64>::of_numbers(&page)?;
            self.read_source(scope.workspace, id).await?;
            let sql = match page.order {
                Order::NewestFirst => sql!("sources/fetches_newest"),
                Order::OldestFirst => sql!("sources/fetches_oldest"),
            };
            let rows = read(&self.readers, sql, params![id.0, cursor.after, cursor.limit]).await?;
            page_of(&rows, &page, fetch_row, |row| row.number.to_string())
        })
    }
}

impl SourceItemStore for PostgresStore {
    fn source_items(&self, scope: Scope, filter: ItemsOf, page: PageRequest) -> Answer<'_, Page<SourceItem>> {
        Box::pin(async move {
            let cursor = Cursor::<ItemId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("sources/items_newest"),
                Order::OldestFirst => sql!("sources/items_oldest"),
            };
            let (one, other) = filter.whose.map(Whose::users).unzip();
            let (source, since) = (filter.source.map(|source| source.0), filter.since.map(Micros::from));
            let params = params![scope.workspace.0, cursor.after.0, source, one, other, since, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, |row| Ok(item_row(row)), |row| row.id.to_string())
        })
    }

    fn recent_items(&self, scope: Scope, user: UserId, since: Timestamp, limit: u32) -> Answer<'_, Vec<SourceItem>> {
        Box::pin(async move {
            let (own, everybodys) = Whose::For(user).users();
            let params = params![scope.workspace.0, own, everybodys, Micros::from(since), i64::from(limit)];
            let rows = read(&self.readers, sql!("sources/recent"), params).await?;
            Ok(rows.iter().map(item_row).collect())
        })
    }

    fn forget_items(&self, unseen_since: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("sources/forget"), params![Micros::from(unseen_since), i64::from(limit)]);
            Ok(tx.commit(steps).await?.rows(Some(gone)).len() as u64)
        })
    }

    fn items_to_forget(&self, unseen_since: Timestamp) -> Answer<'_, u64> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("sources/to_forget"), params![Micros::from(unseen_since)]).await?;
            let counted =
                rows.first().ok_or_else(|| StoreError::Corrupt("items of sources are not counted".to_owned()))?;
            narrow("items", counted.get("items"))
        })
    }
}

impl PostgresStore {
    async fn read_source(&self, workspace: WorkspaceId, id: SourceId) -> Result<SourceRow, StoreError> {
        let rows = read(&self.readers, sql!("sources/get"), params![workspace.0, id.0]).await?;
        rows.first().ok_or_else(|| no_source(id)).and_then(source_row)
    }

    async fn insert_source(&self, new: &NewSource) -> Result<Option<SourceRow>, Fault> {
        let row = &new.row;
        let (user, external) = match &row.user {
            Some((user, external)) => (user.0, Some(text(external))),
            None => (Uuid::nil(), None),
        };
        let instant = |at: Option<Timestamp>| at.map(Micros::from);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("sources/lock"), params![row.workspace.0]);
        let params = params![
            row.id.0,
            row.workspace.0,
            user,
            external,
            row.kind.as_str(),
            text(&row.name),
            row.url.as_deref().map(text),
            row.text.as_deref().map(text),
            row.schedule.as_str(),
            instant(row.fetched_at),
            instant(row.next_at),
            instant(row.paused_at),
            Micros::from(row.created_at),
            i64::from(new.most)
        ];
        let added = steps.add(sql!("sources/insert"), params);
        let is_new = !tx.send(steps).await?.rows(Some(added)).is_empty();
        let mut steps = Steps::default();
        if is_new {
            put_items(&mut steps, row.workspace, row.id, row.created_at, &new.items);
        }
        let there = steps.add(sql!("sources/get"), params![row.workspace.0, row.id.0]);
        let answers = tx.commit(steps).await?;
        Ok(answers.rows(Some(there)).first().map(source_row).transpose()?)
    }

    async fn write_source(&self, change: &SourceChange) -> Result<SourceRow, Fault> {
        let (workspace, id) = (change.scope.workspace, change.id);
        let params = params![
            text(&change.name),
            change.url.as_deref().map(text),
            change.text.as_deref().map(text),
            change.schedule.as_str(),
            change.next_at.map(Micros::from),
            change.paused_at.map(Micros::from),
            Micros::from(change.at),
            change.anew,
            workspace.0,
            id.0,
            change.revision
        ];
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let changed = steps.add(sql!("sources/change"), params);
        if tx.send(steps).await?.rows(Some(changed)).is_empty() {
            tx.rollback().await?;
            let current = self.read_source(workspace, id).await?.revision;
            return Err(StoreError::from(Refusal::VersionConflict { current }).into());
        }
        let mut steps = Steps::default();
        put_items(&mut steps, workspace, id, change.at, &change.items);
        let there = steps.add(sql!("sources/get"), params![workspace.0, id.0]);
        let answers = tx.commit(steps).await?;
        Ok(answers.rows(Some(there)).first().ok_or_else(|| no_source(id)).and_then(source_row)?)
    }

    async fn delete_source(&self, workspace: WorkspaceId, id: SourceId, revision: Option<i64>) -> Result<(), Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let gone = steps.add(sql!("sources/remove"), params![workspace.0, id.0, revision]);
        if tx.send(steps).await?.rows(Some(gone)).is_empty() {
            tx.rollback().await?;
            let current = self.read_source(workspace, id).await?.revision;
            return Err(StoreError::from(Refusal::VersionConflict { current }).into());
        }
        let mut steps = Steps::default();
        steps.add(sql!("sources/remove_items"), params![id.0]);
        steps.add(sql!("sources/remove_fetches"), params![id.0]);
        tx.commit(steps).await?;
        Ok(())
    }

    async fn end_fetch(&self, done: &FinishFetch) -> Result<Option<Found>, Fault> {
        let (workspace, source) = (done.workspace.0, done.source.0);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let held = steps.add(sql!("sources/held"), params![workspace, source, Micros::from(done.lease)]);
        let put = put_items(&mut steps, done.workspace, done.source, done.at, &done.items);
        let answers = tx.send(steps).await?;
        let Some(before) = answers.rows(Some(held)).first() else {
            tx.rollback().await?;
            return Ok(None);
        };
        let before = source_row(before)?;
        let found = found(answers.rows(put), done);
        let (code, message) =
            done.trouble.as_ref().map(|trouble| (text(&trouble.code), text(&trouble.message))).unzip();
        let mut steps = Steps::default();
        let params = params![
            Micros::from(done.next_at),
            code.clone(),
            message.clone(),
            Micros::from(done.at),
            i64::from(found.new),
            done.etag.as_deref().map(text),
            done.last_modified.as_deref().map(text),
            done.feed_url.as_deref().map(text),
            done.pause,
            workspace,
            source
        ];
        steps.add(sql!("sources/finish"), params);
        // The row is locked, so nobody else counts.
        let number = before.fetches + 1;
        let params = params![
            source,
            number,
            Micros::from(done.began_at),
            wide(done.ms),
            done.status.map(i64::from),
            i64::from(done.fetched),
            i64::from(found.new),
            i64::from(found.updated),
            code,
            message
        ];
        steps.add(sql!("sources/log"), params);
        steps.add(sql!("sources/trim"), params![source, number - FETCHES_KEPT]);
        let told: Vec<_> = news(&before, done).into_iter().collect();
        events::write(&mut steps, &told);
        tx.commit(steps).await?;
        Ok(Some(found))
    }
}

/// Where the answers stand; nothing is asked for no items.
fn put_items<'a>(
    steps: &mut Steps<'a>,
    workspace: WorkspaceId,
    source: SourceId,
    at: Timestamp,
    items: &'a [NewItem],
) -> Option<usize> {
    if items.is_empty() {
        return None;
    }
    let ids: Vec<Uuid> = items.iter().map(|item| item.id.0).collect();
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    let titles: Vec<_> = items.iter().map(|item| text(&item.title)).collect();
    let links: Vec<_> = items.iter().map(|item| item.link.as_deref().map(text)).collect();
    let texts: Vec<_> = items.iter().map(|item| item.text.as_deref().map(text)).collect();
    let published: Vec<_> = items.iter().map(|item| item.published_at.map(Micros::from)).collect();
    let params = params![workspace.0, source.0, Micros::from(at), ids, keys, titles, links, texts, published];
    Some(steps.add(sql!("sources/put_items"), params))
}

fn found(rows: &[Row], done: &FinishFetch) -> Found {
    let mut found = Found::default();
    for row in rows {
        let id: Uuid = row.get("id");
        let changed: Timestamp = row.get::<_, Micros>("changed_at").into();
        match (done.items.iter().any(|item| item.id.0 == id), changed == done.at) {
            (true, _) => found.new += 1,
            (false, true) => found.updated += 1,
            (false, false) => {}
        }
    }
    found
}

fn trouble(row: &Row) -> Option<Trouble> {
    let (code, message): (Option<String>, Option<String>) = (row.get("error_code"), row.get("error_message"));
    code.map(|code| Trouble { code, message: message.unwrap_or_default() })
}

fn source_row(row: &Row) -> Result<SourceRow, StoreError> {
    let external: Option<String> = row.get("user_external");
    let user = UserId(row.get("user_id"));
    let kind: String = row.get("kind");
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    Ok(SourceRow {
        id: SourceId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        user: external.map(|external| (user, external)),
        kind: Kind::parse(&kind).ok_or_else(|| unknown_word("kind of source", &kind))?,
        name: row.get("name"),
        url: row.get("url"),
        text: row.get("body"),
        schedule: row.get("schedule"),
        trouble: trouble(row),
        trouble_since: instant("error_since"),
        failures: narrow("failures", row.get("failures"))?,
        fetched_at: instant("fetched_at"),
        next_at: instant("next_at"),
        leased_until: instant("leased_until"),
        paused_at: instant("paused_at"),
        etag: row.get("etag"),
        last_modified: row.get("last_modified"),
        feed_url: row.get("feed_url"),
        fetches: row.get("fetches"),
        new_items: narrow("new_items", row.get("new_items"))?,
        items: narrow("items", row.get("items"))?,
        revision: row.get("revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
    })
}

fn fetch_row(row: &Row) -> Result<FetchRow, StoreError> {
    let status: Option<i64> = row.get("status");
    let count = |column: &str| narrow(column, row.get(column));
    Ok(FetchRow {
        number: row.get("number"),
        at: row.get::<_, Micros>("at").into(),
        ms: narrow("ms", row.get("ms"))?,
        status: status.map(|status| narrow("status", status)).transpose()?,
        fetched: count("fetched")?,
        found: Found { new: count("new_items")?, updated: count("updated_items")? },
        trouble: trouble(row),
    })
}

fn item_row(row: &Row) -> SourceItem {
    let instant = |column: &str| row.get::<_, Micros>(column).into();
    SourceItem {
        id: ItemId(row.get("id")),
        source: SourceId(row.get("source_id")),
        source_name: row.get("source_name"),
        title: row.get("title"),
        link: row.get("link"),
        text: row.get("body"),
        published_at: row.get::<_, Option<Micros>>("published_at").map(Timestamp::from),
        seen_at: instant("seen_at"),
        last_seen_at: instant("last_seen_at"),
    }
}
