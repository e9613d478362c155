//! Jobs in the random walk: the same ones in both stores, fed, ended, ordered about, and compared item by item.

use super::{Driver, Move};
use crate::bench::all;
use crate::builder::{self, AcceptWith, Ids, START};
use copydesk_core::job::{Command, ItemStatus, Note};
use copydesk_core::{JobId, NanoUsd};
use copydesk_store::generations::Accept;
use copydesk_store::jobs::{CloseItems, ForItem, ItemEnd, ItemFilter, ItemRef, ItemRow, JobOrder, JobRow, ReopenItems};
use copydesk_store::{ItemStore, JobStore, PageRequest, Scope, Store};

/// How many items a job of the walk has: few, so that jobs end and run again.
const ITEMS: u32 = 3;

/// Makes jobs in both stores.
pub(super) async fn set(stores: [&dyn Store; 2], ids: &Ids) -> Vec<JobId> {
    let new: Vec<_> = (0..4).map(|_| builder::new_job(ids, ITEMS, START)).collect();
    for store in stores {
        for job in &new {
            let items = builder::items(ITEMS);
            store.stage_items(Scope::DEFAULT, job.facts.id, items).await.expect("stage_items");
            store.seal_job(job.clone()).await.expect("seal_job");
        }
    }
    new.iter().map(|job| job.facts.id).collect()
}

/// Every job with all its items.
pub(super) async fn standing(store: &dyn Store, jobs: &[JobId]) -> Vec<(JobRow, Vec<ItemRow>)> {
    let mut found = vec![];
    for id in jobs {
        let items = all(|page| store.items(Scope::DEFAULT, *id, ItemFilter::default(), page)).await;
        found.push((store.job(Scope::DEFAULT, *id).await.expect("job"), items));
    }
    found
}

impl Driver {
    /// Makes a request one for an item, of whatever state.
    pub(super) async fn for_item(&mut self, request: Accept) -> Accept {
        let Some(job) = self.dice.pick(&self.jobs).copied() else { return request };
        let item = ItemRef { job, seq: 1 + u32::try_from(self.dice.below(u64::from(ITEMS) + 1)).unwrap_or(0) };
        let again = self.dice.chance(20);
        let rows = self.model.items(Scope::DEFAULT, job, ItemFilter::default(), PageRequest::newest(1_000)).await;
        let draft = rows.expect("items").rows.iter().find(|row| row.seq == item.seq).and_then(|row| row.draft);
        let request = match draft.filter(|_| self.dice.chance(90)) {
            Some(draft) => request.existing(draft),
            None => request,
        };
        request.change(|it| it.job = Some(if again { ForItem::Again(item) } else { ForItem::Feeds(item) }))
    }

    pub(super) async fn job_move(&mut self) -> Move {
        let Some(job) = self.dice.pick(&self.jobs).copied() else { return self.accept() };
        let (scope, at) = (Scope::DEFAULT, self.now);
        match self.dice.below(10) {
            0..=3 => {
                let command = match self.dice.below(12) {
                    0 => Command::Pause(Note::new("paused", "By hand.")),
                    1..=7 => Command::Resume,
                    8 => Command::Cap(Some(NanoUsd(i64::try_from(self.dice.below(5)).unwrap_or(0)))),
                    9 => Command::Cancel,
                    _ => Command::Start,
                };
                let seen = self.model.job(scope, job).await.expect("job").job.revision;
                let revision = self.dice.chance(30).then_some(seen - i64::from(self.dice.chance(20)));
                Move::Order(JobOrder { scope, job, at, revision, command })
            }
            4..=7 => {
                let ends = (0..1 + self.dice.below(3)).map(|_| self.item_end()).collect();
                Move::CloseItems(CloseItems { scope, job, at, ends })
            }
            _ => Move::Reopen(ReopenItems {
                scope,
                job,
                at,
                cancelled: self.dice.chance(60),
                model: self.dice.chance(20).then(|| "demo/slow".to_owned()),
                after: u32::try_from(self.dice.below(4)).unwrap_or(0),
                limit: 1 + u32::try_from(self.dice.below(6)).unwrap_or(0),
            }),
        }
    }

    fn item_end(&mut self) -> ItemEnd {
        let ends = [ItemStatus::Failed, ItemStatus::Skipped, ItemStatus::Cancelled];
        let status = self.dice.pick(&ends).copied().unwrap_or(ItemStatus::Failed);
        let seq = 1 + u32::try_from(self.dice.below(u64::from(ITEMS))).unwrap_or(0);
        let instead = self.dice.pick(&self.generations).copied().zip(self.dice.pick(&self.drafts).copied());
        let instead = instead.filter(|_| status == ItemStatus::Skipped);
        ItemEnd { seq, status, note: self.dice.chance(70).then(|| Note::new("because", "So.")), instead }
    }
}
