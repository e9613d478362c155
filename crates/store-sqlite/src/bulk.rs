//! Bulk actions and their items. Decides nothing: core's `bulk` does.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::bulk::{Action, Bulk, BulkStatus, Changed, Kind, Outcome, Tally};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BulkId, GenerationId, KeyId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::bulk::{
    BulkFacts, BulkFilter, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened, new_bulk,
    no_bulk, told,
};
use copydesk_store::{Answer, BulkStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};
use uuid::Uuid;

impl BulkStore for SqliteStore {
    fn open_bulk(&self, new: NewBulk) -> Answer<'_, Opened> {
        let bytes = new.facts.spec.len() + new.items.len() * size_of::<Uuid>();
        Box::pin(self.write(bytes, move |session| open(session.db, &new)))
    }

    fn bulk(&self, scope: Scope, id: BulkId) -> Answer<'_, BulkRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn bulks(&self, scope: Scope, filter: BulkFilter, page: PageRequest) -> Answer<'_, Page<BulkRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<BulkId>(&page, |id| id.0)?;
            let (status, user) = (filter.status.map(BulkStatus::as_str), filter.user.map(|user| *user.0.as_bytes()));
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), status, user, cut.limit];
            let rows = db.all(ordered!(cut, "bulk/list"), params, bulk_row)?;
            Ok(page::cut(rows, page.limit, |row| row.facts.id.to_string()))
        }))
    }

    fn gather(&self, gather: Gather) -> Answer<'_, BulkRow> {
        let bytes = gather.items.len() * size_of::<Uuid>();
        Box::pin(self.write(bytes, move |session| add(session.db, &gather)))
    }

    fn bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<BulkItemRow>> {
        Box::pin(self.read(move |db| items(db, scope, bulk, filter, &page)))
    }

    fn end_bulk_items(&self, ends: EndBulkItems) -> Answer<'_, BulkRow> {
        Box::pin(self.write(0, move |session| end(session.db, &ends)))
    }

    fn cancel_bulk(&self, scope: Scope, id: BulkId, at: Timestamp) -> Answer<'_, BulkRow> {
        Box::pin(self.write(0, move |session| {
            let row = get(session.db, scope, id)?;
            match row.bulk.clone().cancelled(at)? {
                Some(changed) => put(session.db, row, changed),
                None => Ok(row),
            }
        }))
    }

    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Answer<'_, Vec<BulkRow>> {
        Box::pin(self.read(move |db| {
            let after = after.map_or(Uuid::nil(), |id| id.0);
            db.all(sql!("bulk/at_work"), params![after.as_bytes(), limit], bulk_row)
        }))
    }
}

fn get(db: Db<'_>, scope: Scope, id: BulkId) -> Done<BulkRow> {
    let row = db.first(sql!("bulk/get"), params![scope.workspace.0.as_bytes(), id.0.as_bytes()], bulk_row)?;
    row.ok_or_else(|| no_bulk(id).into())
}

fn open(db: Db<'_>, new: &NewBulk) -> Done<Opened> {
    let (facts, workspace) = (&new.facts, new.facts.scope.workspace.0);
    let key = new.idempotency.as_ref().map(key_text);
    let known = db.first(sql!("bulk/find_key"), params![workspace.as_bytes(), key], |row| {
        Ok((row.get::<_, [u8; 32]>("fingerprint")?, bulk_row(row)?))
    })?;
    match (known, &new.idempotency) {
        (Some((fingerprint, first)), Some(given)) if fingerprint == given.fingerprint => {
            return Ok(Opened::Replayed(first));
        }
        (Some(_), _) => return Err(Refusal::IdempotencyKeyReused.into()),
        (None, _) => {}
    }
    let changed = new_bulk(new);
    let Bulk { status, walk, tally, note, updated_at, finished_at, told_at, .. } = &changed.bulk;
    let (note_code, note) = note.as_ref().map(|note| (&note.code, &note.message)).unzip();
    let row = params![
        facts.id.0.as_bytes(),
        workspace.as_bytes(),
        facts.user.map(|user| *user.0.as_bytes()),
        facts.key.map(|key| *key.0.as_bytes()),
        facts.action.as_str(),
        facts.kind.as_str(),
        facts.spec,
        facts.created_at.micros(),
        key,
        new.idempotency.as_ref().map(|given| given.fingerprint),
        status.as_str(),
        walk,
        codec::signed(tally.total()),
        codec::signed(tally.open),
        codec::signed(tally.done),
        codec::signed(tally.skipped),
        codec::signed(tally.failed),
        note_code,
        note,
        updated_at.micros(),
        finished_at.map(Timestamp::micros),
        told_at.map(Timestamp::micros),
    ];
    db.execute(sql!("bulk/insert"), row)?;
    insert_items(db, facts, &new.items)?;
    tell(db, &changed)?;
    Ok(Opened::New(BulkRow { facts: facts.clone(), bulk: changed.bulk }))
}

/// How many were not there yet.
fn insert_items(db: Db<'_>, facts: &BulkFacts, items: &[Uuid]) -> Done<u64> {
    let outcome = facts.action.at_first();
    let mut added = 0;
    for item in items {
        let params = params![facts.id.0.as_bytes(), item.as_bytes(), outcome.as_str()];
        added += db.execute(sql!("bulk/insert_item"), params)? as u64;
    }
    Ok(added)
}

fn add(db: Db<'_>, gather: &Gather) -> Done<BulkRow> {
    let row = get(db, gather.scope, gather.bulk)?;
    if row.bulk.walk.as_ref() != Some(&gather.from) {
        return Ok(row);
    }
    let found = insert_items(db, &row.facts, &gather.items)?;
    let changed = row.bulk.clone().gathered(found, gather.to.clone(), gather.note.clone(), gather.at);
    put(db, row, changed)
}

fn end(db: Db<'_>, ends: &EndBulkItems) -> Done<BulkRow> {
    let row = get(db, ends.scope, ends.bulk)?;
    let mut outcomes = Vec::with_capacity(ends.ends.len());
    for end in &ends.ends {
        let (code, message) = end.note.as_ref().map(|note| (&note.code, &note.message)).unzip();
        let (made, bulk) = (end.made.map(|made| *made.0.as_bytes()), ends.bulk.0.as_bytes());
        let (outcome, item, open) = (end.outcome.as_str(), end.item.as_bytes(), Outcome::Open.as_str());
        if db.execute(sql!("bulk/end_item"), params![outcome, code, message, made, bulk, item, open])? == 1 {
            outcomes.push(end.outcome);
        }
    }
    if outcomes.is_empty() {
        return Ok(row);
    }
    let changed = row.bulk.clone().ended(outcomes, ends.at);
    put(db, row, changed)
}

/// Writes what changed, and tells it.
fn put(db: Db<'_>, row: BulkRow, changed: Changed) -> Done<BulkRow> {
    let Bulk { status, walk, tally, note, updated_at, finished_at, told_at, .. } = &changed.bulk;
    let (code, message) = note.as_ref().map(|note| (&note.code, &note.message)).unzip();
    let params = params![
        status.as_str(),
        walk,
        codec::signed(tally.total()),
        codec::signed(tally.open),
        codec::signed(tally.done),
        codec::signed(tally.skipped),
        codec::signed(tally.failed),
        code,
        message,
        updated_at.micros(),
        finished_at.map(Timestamp::micros),
        told_at.map(Timestamp::micros),
        row.facts.id.0.as_bytes(),
    ];
    if db.execute(sql!("bulk/put"), params)? != 1 {
        return Err(Fault::corrupt(format!("{} is gone", row.facts.id)));
    }
    tell(db, &changed)?;
    Ok(BulkRow { facts: row.facts, bulk: changed.bulk })
}

fn tell(db: Db<'_>, changed: &Changed) -> Done<()> {
    told(changed).map_or(Ok(()), |event| write_event(db, &event))
}

fn items(
    db: Db<'_>,
    scope: Scope,
    bulk: BulkId,
    filter: BulkItemFilter,
    page: &PageRequest,
) -> Done<Page<BulkItemRow>> {
    get(db, scope, bulk)?;
    let cut = Cut::new::<Uuid>(page, |id| id)?;
    let (id, after) = (bulk.0.as_bytes(), cut.after.as_bytes());
    let rows = match filter.outcome {
        None => db.all(ordered!(cut, "bulk/items"), params![id, after, cut.limit], item_row),
        Some(outcome) => {
            let params = params![id, after, outcome.as_str(), cut.limit];
            db.all(ordered!(cut, "bulk/items_of_outcome"), params, item_row)
        }
    }?;
    Ok(page::cut(rows, page.limit, |row| row.item.to_string()))
}

fn item_row(row: &Row<'_>) -> Done<BulkItemRow> {
    Ok(BulkItemRow {
        item: codec::uuid(row, "item_id")?,
        outcome: codec::word(row, "bulk_items.outcome", Outcome::parse)?,
        note: note(row)?,
        made: codec::maybe_uuid(row, "made_id")?.map(GenerationId),
    })
}

fn bulk_row(row: &Row<'_>) -> Done<BulkRow> {
    let (id, workspace) = (BulkId(codec::uuid(row, "id")?), WorkspaceId(codec::uuid(row, "workspace_id")?));
    let user = codec::maybe_uuid(row, "user_id")?.map(UserId);
    let action = codec::word(row, "bulk_list.action", Action::parse)?;
    let facts = BulkFacts {
        id,
        scope: Scope::of(workspace),
        user,
        key: codec::maybe_uuid(row, "key_id")?.map(KeyId),
        action,
        kind: codec::word(row, "bulk_list.kind", Kind::parse)?,
        spec: row.get("spec")?,
        created_at: codec::instant(row, "created_at")?,
    };
    let bulk = Bulk {
        id,
        workspace,
        user,
        action,
        status: codec::word(row, "bulk_list.status", BulkStatus::parse)?,
        walk: row.get("walk")?,
        tally: Tally {
            open: codec::unsigned(row, Outcome::Open.as_str())?,
            done: codec::unsigned(row, Outcome::Done.as_str())?,
            skipped: codec::unsigned(row, Outcome::Skipped.as_str())?,
            failed: codec::unsigned(row, Outcome::Failed.as_str())?,
        },
        note: note(row)?,
        updated_at: codec::instant(row, "updated_at")?,
        finished_at: codec::maybe_instant(row, "finished_at")?,
        told_at: codec::maybe_instant(row, "told_at")?,
    };
    Ok(BulkRow { facts, bulk })
}

fn note(row: &Row<'_>) -> Done<Option<Note>> {
    let code: Option<String> = row.get("note_code")?;
    Ok(code.zip(row.get("note")?).map(|(code, message)| Note { code, message }))
}
