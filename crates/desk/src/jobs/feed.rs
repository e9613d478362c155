//! The feeder, a duty of every node: it keeps a window of each running job's items in the queue, and ends what is left of
//! cancelled ones. It takes no input, needs no leader and remembers nothing: the store lets no item become a generation
//! twice. What it cannot feed for a reason that concerns all items pauses the job with that reason; what is wrong with one
//! item ends that item.

use super::item::Item;
use super::{Defaults, first};
use crate::accept::Request;
use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::budget::bound::MostCost;
use copydesk_core::generation::Status;
use copydesk_core::job::{Command, ItemStatus, Note};
use copydesk_core::ledger::TransferKind;
use copydesk_core::prospect::prospect_of;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, NanoUsd, ProspectId};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::drafts::{DraftFilter, DraftRow};
use copydesk_store::generations::{Accept, Accepted};
use copydesk_store::jobs::{CloseItems, ForItem, ItemEnd, ItemFilter, ItemRef, ItemRow, JobOrder, JobRow};
use copydesk_store::{PageRequest, StoreError};
use futures::future::try_join_all;
use std::collections::HashMap;
use std::sync::Arc;

/// The most items of one job that are in the queue at once, however many may run.
const WINDOW_MAX: u64 = 1_000;
/// The fewest, so that the queue never runs dry between two looks.
const WINDOW_MIN: u64 = 16;
/// How many jobs are looked at in one read.
const JOBS: u32 = 100;
/// How many drafts are looked for at once.
const LOOKS_AT_ONCE: usize = 16;
/// How many items of a cancelled job end in one transaction.
const CANCELLED: u32 = 1_000;
/// And how many that are in the queue, each in a write of its own.
const CANCELLED_LIVE: u32 = 50;

/// What one look at all jobs did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fed {
    /// How many jobs have something to do.
    pub at_work: u64,
    /// How many items were given to the queue, or ended without it.
    pub moved: u64,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let desk = Desk { inner: Arc::clone(inner) };
    let (mut stopped, mut some_ended) = (inner.stopped.subscribe(), inner.some_ended.subscribe());
    tokio::spawn(async move {
        let mut busy = false;
        loop {
            match desk.feed_jobs().await {
                // There may be room for more at once.
                Ok(fed) if fed.moved > 0 => {
                    busy = true;
                    if *stopped.borrow() {
                        return;
                    }
                    tokio::task::yield_now().await;
                    if fed.at_work == 0 {
                        continue;
                    }
                }
                Ok(fed) => busy = fed.at_work > 0,
                Err(error) => tracing::error!(%error, "Jobs could not be fed; it is tried again"),
            }
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.jobs_changed.notified() => {}
                // While no job is at work nobody listens to ends.
                _ = some_ended.changed(), if busy => {}
                () = desk.inner.world.sleep(desk.inner.config.poll_every) => {}
            }
        }
    });
}

impl Desk {
    /// One look at all jobs for which there is something to do.
    pub async fn feed_jobs(&self) -> Result<Fed, DeskError> {
        let (mut fed, mut after) = (Fed::default(), None);
        if self.inner.draining() {
            return Ok(fed);
        }
        loop {
            let rows = self.store().jobs_at_work(after, JOBS).await?;
            let Some(last) = rows.last().map(|row| row.facts.id) else {
                self.inner.metrics.fed(self.inner.now());
                return Ok(fed);
            };
            for row in &rows {
                fed.at_work += 1;
                match self.tend(row).await {
                    Ok(moved) => fed.moved += moved,
                    // One job must not keep the others from being fed.
                    Err(error) => {
                        tracing::error!(job = %row.facts.id, %error, "A job could not be fed; it is tried again")
                    }
                }
            }
            after = Some(last);
        }
    }

    async fn tend(&self, row: &JobRow) -> Result<u64, DeskError> {
        if row.job.stopping {
            return self.cancel_items(row).await;
        }
        let room = self.window().saturating_sub(row.job.counts.processing).min(row.job.counts.pending);
        let limit = u32::try_from(room.min(u64::from(PageRequest::LIMIT_MAX))).unwrap_or(PageRequest::LIMIT_MAX);
        if limit == 0 {
            return Ok(0);
        }
        let pending = ItemFilter { status: Some(ItemStatus::Pending) };
        let items = self.store().items(row.facts.scope, row.facts.id, pending, first(limit)).await?.rows;
        match Feed::of(self, row).await {
            Ok(feed) => feed.feed(items).await,
            // Its folder may come back.
            Err(error @ DeskError::UnknownRecipe { .. }) => {
                self.halt_job(row, Note::new("recipe_gone", error.to_string())).await?;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    async fn halt_job(&self, row: &JobRow, note: Note) -> Result<(), DeskError> {
        let (scope, job, at) = (row.facts.scope, row.facts.id, self.inner.now());
        tracing::warn!(%job, code = note.code, "A job is paused: {}", note.message);
        let order = JobOrder { scope, job, at, revision: None, command: Command::Pause(note) };
        match self.store().order_job(order).await {
            // Somebody ended it meanwhile.
            Ok(_) | Err(StoreError::Refused(Refusal::AlreadyTerminal { .. })) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Twice what may run at once: what waits is ready when a place is free, and a pause lets few more begin.
    pub(crate) fn window(&self) -> u64 {
        (self.inner.config.slots() as u64 * 2).clamp(WINDOW_MIN, WINDOW_MAX)
    }

    /// Ends a slice of what is pending, and cancels what is in the queue.
    async fn cancel_items(&self, row: &JobRow) -> Result<u64, DeskError> {
        let (scope, job) = (row.facts.scope, row.facts.id);
        let of = |status| ItemFilter { status: Some(status) };
        let pending = self.store().items(scope, job, of(ItemStatus::Pending), first(CANCELLED)).await?.rows;
        let end = |item: &ItemRow| ItemEnd { seq: item.seq, status: ItemStatus::Cancelled, note: None, instead: None };
        let mut moved = 0;
        if !pending.is_empty() {
            let ends = pending.iter().map(end).collect();
            moved = self.store().close_items(CloseItems { scope, job, at: self.inner.now(), ends }).await?;
        }
        // A few at a time: other jobs are waiting for their look.
        let live = self.store().items(scope, job, of(ItemStatus::Processing), first(CANCELLED_LIVE)).await?.rows;
        for generation in live.iter().filter_map(|item| item.generation) {
            match self.cancel(scope, generation).await {
                Ok(_) => moved += 1,
                // It has ended by itself.
                Err(DeskError::Refused(Refusal::AlreadyTerminal { .. })) => {}
                Err(error) => {
                    tracing::warn!(%job, %generation, %error, "It cannot be cancelled now; it is tried again")
                }
            }
        }
        Ok(moved)
    }
}

/// Why feeding a job stops for now.
enum Halt {
    /// Somebody or something else will have to end; it is looked at again.
    Wait,
    /// Nothing goes on before a person has done something about it.
    Pause(Note),
}

/// Feeding one job once.
struct Feed<'a> {
    desk: &'a Desk,
    row: &'a JobRow,
    defaults: Defaults,
    loaded: Arc<LoadedRecipe>,
    /// What may be spent yet, with what those in the queue may use set aside; only where there is a cap.
    left: Option<i64>,
    spent: NanoUsd,
    /// Some are in the queue, which may turn out cheaper than they might be.
    busy: bool,
    orders: Vec<(u32, Accept)>,
    ends: Vec<ItemEnd>,
    halt: Option<Halt>,
}

impl<'a> Feed<'a> {
    async fn of(desk: &'a Desk, row: &'a JobRow) -> Result<Feed<'a>, DeskError> {
        let defaults = Defaults::of_row(row)?;
        let loaded = desk.recipe(&row.facts.recipe)?;
        let (spent, busy) = (row.job.spent, false);
        let mut feed =
            Feed { desk, row, defaults, loaded, left: None, spent, busy, orders: vec![], ends: vec![], halt: None };
        if let Some(cap) = row.job.cost_max {
            let processing = ItemFilter { status: Some(ItemStatus::Processing) };
            let page = first(PageRequest::LIMIT_MAX);
            let live = desk.store().items(row.facts.scope, row.facts.id, processing, page).await?.rows;
            // Read after them: what ended in between counts twice for this look, and never not at all.
            let now = desk.store().job(row.facts.scope, row.facts.id).await?.job;
            (feed.spent, feed.busy) = (now.spent, now.counts.processing > 0 || !live.is_empty());
            let mut left = cap.0.saturating_sub(now.spent.0);
            for item in &live {
                // One that cannot be priced any more has its bound in its budget and hold.
                let most = match feed.read(item) {
                    Ok(asked) => feed.most(&feed.request(item, &asked, None).await?).ok().flatten(),
                    Err(_) => None,
                };
                left = left.saturating_sub(most.unwrap_or(NanoUsd(0)).0);
            }
            feed.left = Some(left);
        }
        Ok(feed)
    }

    async fn feed(mut self, items: Vec<ItemRow>) -> Result<u64, DeskError> {
        let mut existing = self.existing(&items).await?;
        let sent = self.sent(&items).await?;
        for item in &items {
            self.prepare(item, existing.remove(&item.seq), &sent).await?;
            if self.halt.is_some() {
                break;
            }
        }
        let moved = self.submit().await?;
        if let Some(Halt::Pause(note)) = self.halt.take() {
            self.desk.halt_job(self.row, note).await?;
        }
        Ok(moved)
    }

    fn read(&self, item: &ItemRow) -> Result<Item, DeskError> {
        let (job, seq) = (self.row.facts.id, item.seq);
        let bad = |why: String| DeskError::Store(StoreError::Corrupt(format!("item {seq} of {job}: {why}")));
        let value = serde_json::from_str(&item.request).map_err(|error| bad(error.to_string()))?;
        Item::read(value).map_err(|faults| bad(format!("{faults:?}")))
    }

    /// What an item asks for, whole.
    async fn request(&self, item: &ItemRow, asked: &Item, follows: Option<DraftId>) -> Result<Request, DeskError> {
        let mut request = self.defaults.request(asked);
        (request.draft, request.after) = (item.draft, follows);
        if item.model.is_some() {
            request.model.clone_from(&item.model);
        }
        self.desk.fill(&mut request).await?;
        Ok(request)
    }

    /// What it may cost at most; `None` is not known.
    fn most(&self, request: &Request) -> Result<Option<NanoUsd>, DeskError> {
        let models = match &request.model {
            Some(model) => vec![model.clone()],
            None => self.desk.models_of(&self.defaults)?,
        };
        Ok(match self.desk.item_bound(&self.loaded, request, &models).cost {
            MostCost::Known(cost) => Some(cost),
            MostCost::Unknown { .. } => None,
        })
    }

    /// Makes an order of an item, or says why there is none; `existing` is what has its external id already.
    async fn prepare(
        &mut self,
        item: &ItemRow,
        existing: Option<DraftRow>,
        sent: &HashMap<ProspectId, DraftId>,
    ) -> Result<(), DeskError> {
        let asked = match self.read(item) {
            Ok(asked) => asked,
            Err(error) => {
                self.end(item.seq, ItemStatus::Failed, Note::new("unreadable", error.to_string()), None);
                return Ok(());
            }
        };
        let follows = whom(&asked).and_then(|prospect| sent.get(&prospect)).copied();
        if self.defaults.follow_up && follows.is_none() {
            let note = Note::new("nothing_sent", "There is nothing to follow up: no mail was sent to it.");
            self.end(item.seq, ItemStatus::Skipped, note, None);
            return Ok(());
        }
        let existing = existing.filter(|draft| follows.is_none_or(|sent| draft.id > sent));
        let mut request = self.request(item, &asked, follows).await?;
        request.job = Some(ForItem::Feeds(self.of_item(item.seq)));
        // Whether there is one is looked at again by the transaction that accepts it.
        request.once = self.defaults.skip_existing;
        match existing {
            Some(draft) if draft.versions > 0 || draft.live_generation.is_some() => {
                self.exists(item.seq, draft.id, draft.live_generation);
                return Ok(());
            }
            // It came to nothing, and is filled now.
            Some(empty) => request.draft = Some(empty.id),
            None => {}
        }
        if let Some(left) = self.left {
            let most = match self.most(&request) {
                Ok(most) => most,
                Err(error) => return self.wrong(item.seq, error),
            };
            match most {
                Some(most) if most.0 <= left => self.left = Some(left - most.0),
                Some(most) => return self.over_the_cap(most),
                None => {
                    let why = "What a call may cost is not known any more, so the job's cap cannot hold: set a price, or raise the cap.";
                    self.halt = Some(Halt::Pause(Note::new("unpriced_model_with_budget", why)));
                    return Ok(());
                }
            }
        }
        match self.desk.rehearse(request) {
            Ok(order) => self.orders.push((item.seq, order)),
            Err(error) => self.wrong(item.seq, error)?,
        }
        Ok(())
    }

    fn over_the_cap(&mut self, most: NanoUsd) -> Result<(), DeskError> {
        // What is in the queue may turn out cheaper than it might be.
        if self.busy || !self.orders.is_empty() {
            self.halt = Some(Halt::Wait);
            return Ok(());
        }
        let (spent, cap) = (self.spent, self.row.job.cost_max.unwrap_or_default());
        let why =
            format!("{spent} of {cap} is spent, and the next item may cost up to {most}. Raise max_cost and resume.");
        self.halt = Some(Halt::Pause(Note::new(Note::CAP, why)));
        Ok(())
    }

    fn of_item(&self, seq: u32) -> ItemRef {
        ItemRef { job: self.row.facts.id, seq }
    }

    fn end(&mut self, seq: u32, status: ItemStatus, note: Note, instead: Option<(GenerationId, DraftId)>) {
        self.ends.push(ItemEnd { seq, status, note: Some(note), instead });
    }

    /// The newest drafts that have the items' external ids already, by the items' numbers, where such items are passed over.
    async fn existing(&self, items: &[ItemRow]) -> Result<HashMap<u32, DraftRow>, DeskError> {
        if !self.defaults.skip_existing {
            return Ok(HashMap::new());
        }
        let mut named: Vec<(u32, String)> = Vec::new();
        for item in items.iter().filter(|item| item.draft.is_none()) {
            // What cannot be read is said when it is prepared.
            named.extend(self.read(item).ok().and_then(|asked| Some((item.seq, asked.external_id?))));
        }
        let mut existing = HashMap::new();
        for together in named.chunks(LOOKS_AT_ONCE) {
            let looks = together.iter().map(|(_, external)| {
                let filter = DraftFilter { external_id: Some(external.clone()), ..DraftFilter::default() };
                self.desk.store().list_drafts(self.defaults.scope, filter, PageRequest::newest(1))
            });
            let found = try_join_all(looks).await?;
            let drafts =
                together.iter().zip(found).filter_map(|((seq, _), page)| Some((*seq, page.rows.into_iter().next()?)));
            existing.extend(drafts);
        }
        Ok(existing)
    }

    /// The newest draft of each item's prospect that was sent, where items follow those up.
    async fn sent(&self, items: &[ItemRow]) -> Result<HashMap<ProspectId, DraftId>, DeskError> {
        if !self.defaults.follow_up {
            return Ok(HashMap::new());
        }
        let asked = items.iter().filter_map(|item| self.read(item).ok());
        let to: Vec<ProspectId> = asked.filter_map(|asked| whom(&asked)).collect();
        let letters = self.desk.store().letters_sent(self.defaults.scope, to).await?;
        let mut sent = HashMap::new();
        for letter in letters {
            let newest = sent.entry(letter.prospect).or_insert(letter.draft);
            *newest = letter.draft.max(*newest);
        }
        Ok(sent)
    }

    /// There is a draft already; `live` is filling it.
    fn exists(&mut self, seq: u32, draft: DraftId, live: Option<GenerationId>) {
        let why = format!("{draft} has its external id already.");
        let instead = live.map(|generation| (generation, draft));
        self.end(seq, ItemStatus::Skipped, Note::new("draft_exists", why), instead);
    }

    /// What was right when the job was made and is wrong now.
    fn wrong(&mut self, seq: u32, error: DeskError) -> Result<(), DeskError> {
        if matches!(error, DeskError::Draining | DeskError::Refused(Refusal::GenerationPaused { .. })) {
            self.halt = Some(Halt::Wait);
            return Ok(());
        }
        // What is wrong with one item never stops the rest.
        let Some(code) = error.of_item() else { return Err(error) };
        self.end(seq, ItemStatus::Failed, Note::new(code, error.to_string()), None);
        Ok(())
    }

    /// Gives the orders to the queue and ends what has ended. How many items moved.
    async fn submit(&mut self) -> Result<u64, DeskError> {
        let orders = std::mem::take(&mut self.orders);
        let mut moved = 0;
        if !orders.is_empty() {
            let batch: Vec<Accept> = orders.iter().map(|(_, order)| order.clone()).collect();
            let answers = self.accept(batch).await?;
            for ((seq, order), answer) in orders.iter().zip(answers) {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(why) => {
                        self.end(*seq, ItemStatus::Failed, Note::new("unreadable", why), None);
                        continue;
                    }
                };
                match answer {
                    Ok(Accepted::New { .. }) => {
                        self.desk.inner.metrics.moved(TransferKind::Hold, order.hold);
                        moved += 1;
                    }
                    Ok(Accepted::Duplicate { generation, draft } | Accepted::Replayed { generation, draft, .. }) => {
                        let why = format!("{generation} is doing the same work already.");
                        self.end(*seq, ItemStatus::Skipped, Note::new("duplicate", why), Some((generation, draft)));
                    }
                    Err(refusal) => self.refused(*seq, refusal),
                }
            }
            self.desk.inner.wake.notify_one();
        }
        let ends = std::mem::take(&mut self.ends);
        if !ends.is_empty() {
            let (scope, job, at) = (self.row.facts.scope, self.row.facts.id, self.desk.inner.now());
            moved += self.desk.store().close_items(CloseItems { scope, job, at, ends }).await?;
        }
        Ok(moved)
    }

    /// The store's answer to each; where it refuses the batch for what is in one, that one's is why.
    async fn accept(&self, batch: Vec<Accept>) -> Result<Vec<Result<Result<Accepted, Refusal>, String>>, DeskError> {
        match self.desk.store().accept(batch.clone()).await {
            Ok(answers) => return Ok(answers.into_iter().map(Ok).collect()),
            Err(StoreError::Corrupt(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let mut answers = Vec::with_capacity(batch.len());
        for order in batch {
            match self.desk.store().accept(vec![order]).await {
                Ok(one) => answers.extend(one.into_iter().map(Ok)),
                Err(StoreError::Corrupt(why)) => answers.push(Err(why)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(answers)
    }

    fn refused(&mut self, seq: u32, refusal: Refusal) {
        match refusal {
            // Another node has it, or the job was ordered otherwise meanwhile.
            Refusal::NotClaimable { status: Status::Pending | Status::Processing }
            | Refusal::NotClaimable { status: Status::Completed | Status::Failed | Status::Cancelled } => {}
            Refusal::DraftExists { draft, generation } => self.exists(seq, draft, generation),
            Refusal::QueueFull { .. } | Refusal::GenerationPaused { .. } => self.halt = Some(Halt::Wait),
            Refusal::InsufficientCredits { .. }
            | Refusal::BudgetExceeded(_)
            | Refusal::UnpricedModelWithBudget { .. } => {
                if matches!(refusal, Refusal::BudgetExceeded(_)) {
                    self.desk.inner.metrics.refused_by_budget();
                }
                self.halt = Some(Halt::Pause(Note::new(refusal.code(), refusal.to_string())));
            }
            Refusal::AlreadyTerminal { .. }
            | Refusal::DeadlineNotLater { .. }
            | Refusal::IdempotencyKeyReused
            | Refusal::DraftNotFound
            | Refusal::DraftPublished
            | Refusal::DraftBusy
            | Refusal::DraftEmpty
            | Refusal::VersionConflict { .. }
            | Refusal::AmountTooLarge
            | Refusal::AmountZero
            | Refusal::ReferenceReused(_)
            | Refusal::UsageTooLarge { .. }
            | Refusal::LastKey
            | Refusal::KeyEnded { .. }
            | Refusal::KeyMade { .. }
            | Refusal::WebhookMade { .. }
            | Refusal::OldSecretCounts { .. }
            | Refusal::LastOwner
            | Refusal::LoginExists
            | Refusal::NoLogin
            | Refusal::LinkSpent
            | Refusal::FilesFull(_)
            | Refusal::ProspectExists { .. }
            | Refusal::SchedulesFull { .. }
            | Refusal::JobCapReached { .. } => {
                self.end(seq, ItemStatus::Failed, Note::new(refusal.code(), refusal.to_string()), None);
            }
        }
    }
}

/// The prospect an item is for.
fn whom(asked: &Item) -> Option<ProspectId> {
    asked.external_id.as_deref().and_then(prospect_of)
}
