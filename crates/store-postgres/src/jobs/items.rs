//! The items of a job: pages of them, ends without a generation, and opening them again. The job is locked first.

use super::{commit, item_status, lock, note};
use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{columns, narrow, params, sql, text};
use copydesk_core::generation::Status;
use copydesk_core::job::ItemStatus;
use copydesk_core::job::book::JobBook;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, JobId};
use copydesk_store::jobs::{CloseItems, ItemFilter, ItemRow, ReopenItems, Reopened};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn page_items(
        &self,
        scope: Scope,
        job: JobId,
        filter: ItemFilter,
        page: &PageRequest,
    ) -> Result<Page<ItemRow>, StoreError> {
        self.read_job(scope, job).await?;
        let cursor = Cursor::of_numbers(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "jobs/items_newest"),
            Order::OldestFirst => sql!(deep "jobs/items_oldest"),
        };
        let params = params![job.0, cursor.after, filter.status.map(ItemStatus::as_str), cursor.limit];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, item_row, |row| row.seq.to_string())
    }

    pub(crate) async fn end_items(&self, close: &CloseItems) -> Result<u64, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut book = JobBook::default();
        book.load(lock(&mut tx, close.scope, close.job).await?.job);
        let (ends, pending) = (&close.ends, ItemStatus::Pending);
        let mut steps = Steps::default();
        let mut params = columns!(ends, e => e.status.as_str(), e.note.as_ref().map(|note| note.code.as_str()),
            e.note.as_ref().map(|note| text(&note.message)), e.instead.map(|(generation, _)| generation.0),
            e.instead.map(|(_, draft)| draft.0), close.job.0, i64::from(e.seq));
        params.extend(params![pending.as_str()]);
        steps.add(sql!(deep "jobs/close_item"), params);
        let closed = tx.send(steps).await?.into_rows();
        for row in &closed {
            book.moves(close.job, pending, item_status(row)?, close.at);
        }
        commit(tx, book, Steps::default()).await?;
        Ok(closed.len() as u64)
    }

    pub(crate) async fn open_items_again(&self, reopen: &ReopenItems) -> Result<Reopened, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let job = lock(&mut tx, reopen.scope, reopen.job).await?.job;
        if job.stopping {
            tx.rollback().await?;
            return Err(StoreError::from(Refusal::AlreadyTerminal { status: Status::Cancelled }).into());
        }
        let mut book = JobBook::default();
        book.load(job);
        let failed = ItemStatus::Failed.as_str();
        let other = if reopen.cancelled { ItemStatus::Cancelled.as_str() } else { failed };
        let mut steps = Steps::default();
        let (after, limit) = (i64::from(reopen.after), i64::from(reopen.limit));
        steps.add(sql!(deep "jobs/reopenable"), params![reopen.job.0, after, failed, other, limit]);
        let found = tx.send(steps).await?.into_rows();
        let (to, mut numbers) = (ItemStatus::Pending, Vec::with_capacity(found.len()));
        for row in &found {
            numbers.push(row.get::<_, i64>("seq"));
            book.moves(reopen.job, item_status(row)?, to, reopen.at);
        }
        let last = numbers.last().copied().filter(|_| found.len() == reopen.limit as usize);
        let mut steps = Steps::default();
        let model = reopen.model.as_deref();
        steps.add(sql!(deep "jobs/reopen_item"), params![to.as_str(), model, reopen.job.0, numbers]);
        commit(tx, book, steps).await?;
        let next = last.map(|seq| narrow("seq", seq)).transpose()?;
        Ok(Reopened { count: found.len() as u64, next })
    }
}

fn item_row(row: &Row) -> Result<ItemRow, StoreError> {
    Ok(ItemRow {
        seq: narrow("seq", row.get("seq"))?,
        custom_id: row.get("custom_id"),
        status: item_status(row)?,
        generation: row.get::<_, Option<Uuid>>("generation_id").map(GenerationId),
        draft: row.get::<_, Option<Uuid>>("draft_id").map(DraftId),
        note: note(row),
        model: row.get("model"),
        request: row.get("request"),
    })
}
