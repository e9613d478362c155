//! The items of a job: pages of them, ends without a generation, and opening them again.

use super::{get, note};
use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::generation::Status;
use copydesk_core::job::ItemStatus;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, JobId};
use copydesk_store::jobs::{CloseItems, ItemFilter, ItemRow, ReopenItems, Reopened, no_job};
use copydesk_store::{Answer, ItemStore, Page, PageRequest, Scope};
use rusqlite::{Row, params};

impl ItemStore for SqliteStore {
    fn items(&self, scope: Scope, job: JobId, filter: ItemFilter, page: PageRequest) -> Answer<'_, Page<ItemRow>> {
        Box::pin(self.read(move |db| list(db, scope, job, filter, &page)))
    }

    fn close_items(&self, close: CloseItems) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| close_items(session, &close)))
    }

    fn reopen_items(&self, reopen: ReopenItems) -> Answer<'_, Reopened> {
        Box::pin(self.write(0, move |session| reopen_items(session, &reopen)))
    }
}

fn list(db: Db<'_>, scope: Scope, job: JobId, filter: ItemFilter, page: &PageRequest) -> Done<Page<ItemRow>> {
    get(db, scope, job)?;
    let cut = Cut::of_numbers(page)?;
    let id = job.0.as_bytes();
    let rows = match filter.status {
        None => db.all(ordered!(cut, "jobs/items"), params![id, cut.after, cut.limit], item_row),
        Some(status) => {
            let params = params![id, cut.after, status.as_str(), cut.limit];
            db.all(ordered!(cut, "jobs/items_of_status"), params, item_row)
        }
    }?;
    Ok(page::cut(rows, page.limit, |row| row.seq.to_string()))
}

fn item_row(row: &Row<'_>) -> Done<ItemRow> {
    Ok(ItemRow {
        seq: row.get("seq")?,
        custom_id: row.get("custom_id")?,
        status: codec::word(row, "job_items.status", ItemStatus::parse)?,
        generation: codec::maybe_uuid(row, "generation_id")?.map(GenerationId),
        draft: codec::maybe_uuid(row, "draft_id")?.map(DraftId),
        note: note(row)?,
        model: row.get("model")?,
        request: row.get("request")?,
    })
}

fn close_items(session: &mut Session<'_>, close: &CloseItems) -> Done<u64> {
    if !session.load_job(close.scope, close.job)? {
        return Err(no_job(close.job).into());
    }
    let mut closed = 0;
    for end in &close.ends {
        let (code, message) = end.note.as_ref().map(|note| (&note.code, &note.message)).unzip();
        let (generation, draft) = end.instead.map(|(it, draft)| (*it.0.as_bytes(), *draft.0.as_bytes())).unzip();
        let (id, pending) = (close.job.0.as_bytes(), ItemStatus::Pending);
        let params = params![end.status.as_str(), code, message, generation, draft, id, end.seq, pending.as_str()];
        if session.db.execute(sql!("jobs/close_item"), params)? == 1 {
            session.jobs.moves(close.job, pending, end.status, close.at);
            closed += 1;
        }
    }
    session.book_jobs()?;
    Ok(closed)
}

fn reopen_items(session: &mut Session<'_>, reopen: &ReopenItems) -> Done<Reopened> {
    if !session.load_job(reopen.scope, reopen.job)? {
        return Err(no_job(reopen.job).into());
    }
    if session.jobs.job(reopen.job).is_some_and(|job| job.stopping) {
        return Err(Refusal::AlreadyTerminal { status: Status::Cancelled }.into());
    }
    let id = reopen.job.0.as_bytes();
    let failed = ItemStatus::Failed.as_str();
    let other = if reopen.cancelled { ItemStatus::Cancelled.as_str() } else { failed };
    let found =
        session.db.all(sql!("jobs/reopenable"), params![id, reopen.after, failed, other, reopen.limit], |row| {
            Ok((row.get::<_, u32>(0)?, codec::word(row, "job_items.status", ItemStatus::parse)?))
        })?;
    for (seq, from) in &found {
        let to = ItemStatus::Pending;
        session.db.execute(sql!("jobs/reopen_item"), params![to.as_str(), reopen.model, id, seq])?;
        session.jobs.moves(reopen.job, *from, to, reopen.at);
    }
    session.book_jobs()?;
    let next = found.last().map(|(seq, _)| *seq).filter(|_| found.len() == reopen.limit as usize);
    Ok(Reopened { count: found.len() as u64, next })
}
