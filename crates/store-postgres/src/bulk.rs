//! Bulk actions and their items. Whoever changes anything of one locks its row first. Decides nothing: core's `bulk` does.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, narrow, params, sql, text, unknown_word, wide};
use copydesk_core::bulk::{Action, Bulk, BulkStatus, Changed, Kind, Outcome, Tally};
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BulkId, GenerationId, KeyId, Timestamp, UserId, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::bulk::{
    BulkFacts, BulkFilter, BulkItemFilter, BulkItemRow, BulkRow, EndBulkItems, Gather, NewBulk, Opened, new_bulk,
    no_bulk, told,
};
use copydesk_store::events::NewEvent;
use copydesk_store::{Answer, BulkStore, Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl BulkStore for PostgresStore {
    fn open_bulk(&self, new: NewBulk) -> Answer<'_, Opened> {
        Box::pin(self.telling(async move { Ok(self.insert_bulk(&new).await?) }))
    }

    fn bulk(&self, scope: Scope, id: BulkId) -> Answer<'_, BulkRow> {
        Box::pin(self.read_bulk(scope, id))
    }

    fn bulks(&self, scope: Scope, filter: BulkFilter, page: PageRequest) -> Answer<'_, Page<BulkRow>> {
        Box::pin(async move {
            let cursor = Cursor::<BulkId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("bulk/list_newest"),
                Order::OldestFirst => sql!("bulk/list_oldest"),
            };
            let (status, user) = (filter.status.map(BulkStatus::as_str), filter.user.map(|user| user.0));
            let params = params![scope.workspace.0, cursor.after.0, status, user, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, bulk_row, |row| row.facts.id.to_string())
        })
    }

    fn gather(&self, gather: Gather) -> Answer<'_, BulkRow> {
        Box::pin(self.telling(async move { Ok(self.add_bulk_items(&gather).await?) }))
    }

    fn bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<BulkItemRow>> {
        Box::pin(async move {
            self.read_bulk(scope, bulk).await?;
            let cursor = Cursor::<Uuid>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("bulk/items_newest"),
                Order::OldestFirst => sql!("bulk/items_oldest"),
            };
            let params = params![bulk.0, cursor.after, filter.outcome.map(Outcome::as_str), cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, item_row, |row| row.item.to_string())
        })
    }

    fn end_bulk_items(&self, ends: EndBulkItems) -> Answer<'_, BulkRow> {
        Box::pin(self.telling(async move { Ok(self.finish_bulk_items(&ends).await?) }))
    }

    fn cancel_bulk(&self, scope: Scope, id: BulkId, at: Timestamp) -> Answer<'_, BulkRow> {
        Box::pin(self.telling(async move {
            let mut tx = Tx::open(&self.writers).await?;
            let row = lock(&mut tx, scope, id).await?;
            match row.bulk.clone().cancelled(at) {
                Ok(Some(changed)) => Ok(put(tx, row.facts, changed, Steps::default()).await?),
                Ok(None) => {
                    tx.rollback().await?;
                    Ok(row)
                }
                Err(refusal) => {
                    tx.rollback().await?;
                    Err(refusal.into())
                }
            }
        }))
    }

    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Answer<'_, Vec<BulkRow>> {
        Box::pin(async move {
            let after = after.map_or(Uuid::nil(), |id| id.0);
            let rows = read(&self.readers, sql!("bulk/at_work"), params![after, i64::from(limit)]).await?;
            rows.iter().map(bulk_row).collect()
        })
    }
}

impl PostgresStore {
    async fn read_bulk(&self, scope: Scope, id: BulkId) -> Result<BulkRow, StoreError> {
        let rows = read(&self.readers, sql!("bulk/get"), params![scope.workspace.0, id.0]).await?;
        bulk_row(rows.first().ok_or_else(|| no_bulk(id))?)
    }

    async fn insert_bulk(&self, new: &NewBulk) -> Result<Opened, Fault> {
        let (facts, workspace) = (&new.facts, new.facts.scope.workspace.0);
        let key = new.idempotency.as_ref().map(key_text);
        let changed = new_bulk(new);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let fingerprint = new.idempotency.as_ref().map(|given| given.fingerprint.to_vec());
        let mut row = params![
            facts.id.0,
            workspace,
            facts.user.map(|user| user.0),
            facts.key.map(|key| key.0),
            facts.action.as_str(),
            facts.kind.as_str(),
            text(&facts.spec),
            Micros::from(facts.created_at),
            key.as_deref().map(text),
            fingerprint
        ];
        row.extend(changing(&changed.bulk));
        let made = steps.add(sql!("bulk/insert"), row);
        let first = steps.add(sql!("bulk/find_key"), params![workspace, key.as_deref().map(text)]);
        let answers = tx.send(steps).await?;
        if answers.rows(Some(made)).is_empty() {
            tx.rollback().await?;
            let first = answers.rows(Some(first)).first();
            let first = first.ok_or_else(|| Fault::Race("a bulk action had this key and is gone".to_owned()))?;
            let same = new.idempotency.as_ref().map(|given| given.fingerprint) == Some(hash_of(first, "fingerprint")?);
            return if same {
                Ok(Opened::Replayed(bulk_row(first)?))
            } else {
                Err(StoreError::from(Refusal::IdempotencyKeyReused).into())
            };
        }
        let mut steps = Steps::default();
        if !new.items.is_empty() {
            steps.add(sql!("bulk/insert_item"), items_params(facts, &new.items));
        }
        let events: Vec<NewEvent<'_>> = told(&changed).into_iter().collect();
        events::write(&mut steps, &events);
        tx.commit(steps).await?;
        Ok(Opened::New(BulkRow { facts: facts.clone(), bulk: changed.bulk }))
    }

    async fn add_bulk_items(&self, gather: &Gather) -> Result<BulkRow, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let row = lock(&mut tx, gather.scope, gather.bulk).await?;
        if row.bulk.walk.as_ref() != Some(&gather.from) {
            tx.rollback().await?;
            return Ok(row);
        }
        let mut steps = Steps::default();
        steps.add(sql!("bulk/insert_item"), items_params(&row.facts, &gather.items));
        let found = tx.send(steps).await?.into_rows().len() as u64;
        let changed = row.bulk.gathered(found, gather.to.clone(), gather.note.clone(), gather.at);
        put(tx, row.facts, changed, Steps::default()).await
    }

    async fn finish_bulk_items(&self, ends: &EndBulkItems) -> Result<BulkRow, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let row = lock(&mut tx, ends.scope, ends.bulk).await?;
        let all = &ends.ends;
        let mut params = columns!(all, e => e.outcome.as_str(), e.note.as_ref().map(|note| note.code.as_str()),
            e.note.as_ref().map(|note| text(&note.message)), e.made.map(|made| made.0), ends.bulk.0, e.item);
        params.extend(params![Outcome::Open.as_str()]);
        let mut steps = Steps::default();
        steps.add(sql!("bulk/end_item"), params);
        let ended = tx.send(steps).await?.into_rows();
        if ended.is_empty() {
            tx.rollback().await?;
            return Ok(row);
        }
        let outcomes = ended.iter().map(outcome).collect::<Result<Vec<_>, _>>()?;
        let changed = row.bulk.ended(outcomes, ends.at);
        put(tx, row.facts, changed, Steps::default()).await
    }
}

/// Locks one.
async fn lock(tx: &mut Tx, scope: Scope, id: BulkId) -> Result<BulkRow, Fault> {
    let mut steps = Steps::default();
    steps.add(sql!("bulk/load"), params![scope.workspace.0, id.0]);
    let rows = tx.send(steps).await?.into_rows();
    Ok(bulk_row(rows.first().ok_or_else(|| no_bulk(id))?)?)
}

/// Writes what changed of a locked one, tells it, and commits.
async fn put(tx: Tx, facts: BulkFacts, changed: Changed, mut steps: Steps<'_>) -> Result<BulkRow, Fault> {
    let mut row = changing(&changed.bulk);
    row.extend(params![facts.id.0]);
    steps.add(sql!("bulk/put"), row);
    let events: Vec<NewEvent<'_>> = told(&changed).into_iter().collect();
    events::write(&mut steps, &events);
    tx.commit(steps).await?;
    Ok(BulkRow { facts, bulk: changed.bulk })
}

fn items_params<'a>(facts: &BulkFacts, items: &'a [Uuid]) -> Vec<crate::types::Param<'a>> {
    params![facts.id.0, facts.action.at_first().as_str(), items]
}

/// What of a bulk action is written again and again, in the order of the columns.
fn changing(bulk: &Bulk) -> Vec<crate::types::Param<'_>> {
    params![
        bulk.status.as_str(),
        bulk.walk.as_deref(),
        wide(bulk.tally.total()),
        wide(bulk.tally.open),
        wide(bulk.tally.done),
        wide(bulk.tally.skipped),
        wide(bulk.tally.failed),
        bulk.note.as_ref().map(|note| note.code.as_str()),
        bulk.note.as_ref().map(|note| text(&note.message)),
        Micros::from(bulk.updated_at),
        bulk.finished_at.map(Micros::from),
        bulk.told_at.map(Micros::from)
    ]
}

fn outcome(row: &Row) -> Result<Outcome, StoreError> {
    let word: &str = row.get("outcome");
    Outcome::parse(word).ok_or_else(|| unknown_word("outcome of an item", word))
}

fn item_row(row: &Row) -> Result<BulkItemRow, StoreError> {
    let made = row.get::<_, Option<Uuid>>("made_id").map(GenerationId);
    Ok(BulkItemRow { item: row.get("item_id"), outcome: outcome(row)?, note: note(row), made })
}

fn bulk_row(row: &Row) -> Result<BulkRow, StoreError> {
    let (id, workspace) = (BulkId(row.get("id")), WorkspaceId(row.get("workspace_id")));
    let user = row.get::<_, Option<Uuid>>("user_id").map(UserId);
    let (action, kind, status): (&str, &str, &str) = (row.get("action"), row.get("kind"), row.get("status"));
    let action = Action::parse(action).ok_or_else(|| unknown_word("action", action))?;
    let facts = BulkFacts {
        id,
        scope: Scope::of(workspace),
        user,
        key: row.get::<_, Option<Uuid>>("key_id").map(KeyId),
        action,
        kind: Kind::parse(kind).ok_or_else(|| unknown_word("kind of a bulk action", kind))?,
        spec: row.get("spec"),
        created_at: row.get::<_, Micros>("created_at").into(),
    };
    let count = |column: &str| narrow(column, row.get(column));
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    let bulk = Bulk {
        id,
        workspace,
        user,
        action,
        status: BulkStatus::parse(status).ok_or_else(|| unknown_word("status of a bulk action", status))?,
        walk: row.get("walk"),
        tally: Tally {
            open: count(Outcome::Open.as_str())?,
            done: count(Outcome::Done.as_str())?,
            skipped: count(Outcome::Skipped.as_str())?,
            failed: count(Outcome::Failed.as_str())?,
        },
        note: note(row),
        updated_at: row.get::<_, Micros>("updated_at").into(),
        finished_at: instant("finished_at"),
        told_at: instant("told_at"),
    };
    Ok(BulkRow { facts, bulk })
}

fn note(row: &Row) -> Option<Note> {
    let code: Option<String> = row.get("note_code");
    code.zip(row.get("note")).map(|(code, message)| Note { code, message })
}
