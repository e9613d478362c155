//! What one transaction of accept or turn does to jobs: their rows are locked in the order of their ids, read into core's
//! book, asked and written back. A transaction in which nothing belongs to a job sends nothing for it.

use super::{item_status, job_row, write};
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx};
use crate::turn::{Placed, Won};
use crate::types::{columns, narrow, sql, text};
use copydesk_core::generation::{State, Status};
use copydesk_core::job::ItemStatus;
use copydesk_core::job::book::{JobBook, Spent};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, JobId, NanoUsd, Timestamp};
use copydesk_store::StoreError;
use copydesk_store::generations::{Accept, Change, Write};
use copydesk_store::jobs::{ForItem, ItemRef};
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::Row;
use uuid::Uuid;

/// The rows a transaction works on. Empty where nothing belongs to a job.
#[derive(Default)]
pub struct Jobbed {
    book: JobBook,
    items: HashMap<ItemRef, ItemStatus>,
    fed: Vec<(ItemRef, GenerationId, DraftId)>,
    ended: Vec<End>,
}

struct End {
    item: ItemRef,
    generation: GenerationId,
    to: ItemStatus,
    failure: Option<(String, String)>,
}

impl Jobbed {
    /// The items that requests of the batch are for.
    pub async fn of_batch(tx: &mut Tx, batch: &[Accept]) -> Result<Jobbed, Fault> {
        let items: BTreeSet<ItemRef> = batch.iter().filter_map(|request| request.job).map(ForItem::item).collect();
        let mut found = Jobbed::default();
        if items.is_empty() {
            return Ok(found);
        }
        let mut steps = Steps::default();
        let jobs = found.lock(&mut steps, items.iter().map(|item| item.job));
        let rows = steps.add(sql!(deep "jobs/item"), columns!(items, i => i.job.0, i64::from(i.seq)));
        let answers = tx.send(steps).await?;
        found.load(answers.rows(Some(jobs)))?;
        for row in answers.rows(Some(rows)) {
            let item = ItemRef { job: JobId(row.get("job_id")), seq: narrow("seq", row.get("seq"))? };
            found.items.insert(item, item_status(row)?);
        }
        Ok(found)
    }

    /// Adds the items whose generations a wave ends. Its jobs are written with the last wave of the turn.
    pub async fn add_wave(&mut self, tx: &mut Tx, wave: &[Placed<'_>], won: &Won) -> Result<(), Fault> {
        self.ended.clear();
        let mut ends: Vec<(&Change, ItemRef, ItemStatus)> = wave
            .iter()
            .filter_map(|(_, write)| match write {
                Write::Change(change) => {
                    let item = won.left.get(&change.fence.generation)?.item?;
                    Some((&**change, item, ItemStatus::after(change.decision.next.status())?))
                }
                Write::Late { .. } => None,
            })
            .collect();
        if ends.is_empty() {
            return Ok(());
        }
        ends.sort_by_key(|(_, item, _)| *item);
        let mut steps = Steps::default();
        let jobs = self.lock(&mut steps, ends.iter().map(|(_, item, _)| item.job));
        let mut params: Vec<crate::types::Param<'_>> = vec![Box::new(CallOutcome::NotSent.as_str())];
        params.extend(columns!(ends, e => e.0.fence.generation.0));
        let costs = steps.add(sql!(deep "jobs/cost_of"), params);
        let answers = tx.send(steps).await?;
        self.load(answers.rows(Some(jobs)))?;
        let mut before: HashMap<GenerationId, Spent> = HashMap::new();
        for row in answers.rows(Some(costs)) {
            let spent = Spent { cost: NanoUsd(row.get("cost")), unpriced: narrow("unpriced", row.get("unpriced"))? };
            before.insert(GenerationId(row.get("generation_id")), spent);
        }
        for (change, item, to) in ends {
            let mut spent = before.get(&change.fence.generation).copied().unwrap_or_default();
            // Its last call closes only now.
            if let Some(call) = &change.closes
                && won.calls.get(&call.id).is_some_and(|standing| standing.closed.is_none())
            {
                spent.cost.0 += call.cost.map_or(0, |cost| cost.0);
                spent.unpriced += u64::from(call.cost.is_none() && call.outcome != CallOutcome::NotSent);
            }
            if self.book.job(item.job).is_none() {
                return Err(StoreError::Corrupt(format!("{} is gone", item.job)).into());
            }
            self.book.ends(item.job, to, spent, change.at);
            let failure = failure(change);
            self.ended.push(End { item, generation: change.fence.generation, to, failure });
        }
        Ok(())
    }

    fn lock(&self, steps: &mut Steps<'_>, jobs: impl Iterator<Item = JobId>) -> usize {
        let jobs: BTreeSet<JobId> = jobs.filter(|id| !self.book.knows(*id)).collect();
        let ids: Vec<Uuid> = jobs.into_iter().map(|id| id.0).collect();
        steps.add(sql!(deep "jobs/load"), vec![Box::new(ids)])
    }

    fn load(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            self.book.load(job_row(row)?.job);
        }
        Ok(())
    }

    /// The request's item and what it is now; `None` for a request that goes on without a job.
    pub fn check(&self, request: &Accept) -> Result<Option<(ItemRef, ItemStatus)>, Refusal> {
        let Some(wanted) = request.job else { return Ok(None) };
        let item = wanted.item();
        let exists = self.book.job(item.job).is_some_and(|job| job.workspace == request.scope.workspace);
        let from = self.items.get(&item).filter(|_| exists);
        match (wanted, from) {
            (ForItem::Feeds(_), None) => Err(Refusal::NotClaimable { status: Status::Cancelled }),
            (ForItem::Feeds(_), Some(from)) => {
                self.book.may_feed(item.job, *from)?;
                Ok(Some((item, *from)))
            }
            (ForItem::Again(_), from) => {
                let from = from.copied().filter(|from| self.book.may_try_again(item.job, *from));
                Ok(from.map(|from| (item, from)))
            }
        }
    }

    pub fn attach(&mut self, (item, from): (ItemRef, ItemStatus), ids: (GenerationId, DraftId), at: Timestamp) {
        let to = ItemStatus::Processing;
        if let Some(status) = self.items.get_mut(&item) {
            *status = to;
        }
        self.book.moves(item.job, from, to, at);
        self.fed.push((item, ids.0, ids.1));
    }

    /// Adds all that was changed to a transaction's writes.
    pub fn write<'a>(&'a mut self, steps: &mut Steps<'a>) {
        write(steps, &mut self.book);
        self.write_items(steps);
    }

    /// Adds the items that moved.
    pub fn write_items<'a>(&'a self, steps: &mut Steps<'a>) {
        let (fed, ended) = (&self.fed, &self.ended);
        if !fed.is_empty() {
            let mut params: Vec<crate::types::Param<'_>> = vec![Box::new(ItemStatus::Processing.as_str())];
            params.extend(columns!(fed, f => f.1.0, f.2.0, f.0.job.0, i64::from(f.0.seq)));
            steps.add(sql!(deep "jobs/feed_item"), params);
        }
        if !ended.is_empty() {
            let params = columns!(ended, e => e.to.as_str(), e.failure.as_ref().map(|(code, _)| code.as_str()),
                e.failure.as_ref().map(|(_, words)| text(words)), e.item.job.0, i64::from(e.item.seq), e.generation.0);
            steps.add(sql!(deep "jobs/end_item"), params);
        }
    }
}

fn failure(change: &Change) -> Option<(String, String)> {
    match &change.decision.next {
        State::Failed { failure, .. } => Some((failure.code.as_str().to_owned(), failure.message.clone())),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    }
}
