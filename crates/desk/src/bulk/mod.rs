//! Bulk actions: one action on many generations or drafts. Asking for one writes a row and no more; a duty of every node
//! gathers what it concerns (`gather.rs`) and acts on each (`act.rs`). An item says what its thing *is* afterwards, not
//! what was changed, so that doing it twice says the same, and two nodes or a crash in between change no count.

mod act;
mod gather;
mod spec;

pub use gather::{ITEMS_MAX, Outlook};
pub use spec::Which;

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::access::Permit;
use copydesk_core::bulk::{Action, BulkStatus, Kind};
use copydesk_core::generation::Status;
use copydesk_core::{BulkId, KeyId};
use copydesk_store::Scope;
use copydesk_store::bulk::{BulkFacts, BulkRow, NewBulk, Opened};
use copydesk_store::generations::Idempotency;
use spec::{Spec, Walk};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many bulk actions are looked at in one read.
const ROWS: u32 = 100;

/// What is to be done, and to which.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub scope: Scope,
    /// What the key that asks may do.
    pub permit: Arc<Permit>,
    pub key: Option<KeyId>,
    pub action: Action,
    pub kind: Kind,
    pub which: Which,
    /// For a retry: with this model instead.
    pub model: Option<String>,
    /// What a review says.
    pub reason: Option<String>,
    pub idempotency: Option<Idempotency>,
}

/// What one look at all bulk actions did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Done {
    /// How many have not ended.
    pub at_work: u64,
    /// How many items were gathered or have ended.
    pub moved: u64,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let desk = Desk { inner: Arc::clone(inner) };
    let (mut stopped, mut some_ended) = (inner.stopped.subscribe(), inner.some_ended.subscribe());
    tokio::spawn(async move {
        let mut busy = false;
        loop {
            match desk.tend_bulks().await {
                // There may be more at once.
                Ok(done) if done.moved > 0 && !*stopped.borrow() => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(done) => busy = done.at_work > 0,
                Err(error) => tracing::error!(%error, "Bulk actions could not go on; it is tried again"),
            }
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.bulks_changed.notified() => {}
                // What waits for room in the queue.
                _ = some_ended.changed(), if busy => {}
                // The same where generations end elsewhere, and what a process left when it died.
                () = desk.inner.world.sleep(desk.inner.config.poll_every) => {}
            }
        }
    });
}

impl Desk {
    /// Opens a bulk action: it is durable, and nothing is done yet.
    ///
    /// Errors: what is wrong with the request, by its place; `Refused(IdempotencyKeyReused)`.
    pub async fn open_bulk(&self, wanted: Wanted) -> Result<Opened, DeskError> {
        if self.inner.draining() {
            return Err(DeskError::Draining);
        }
        self.check_bulk(&wanted)?;
        let now = self.inner.now();
        let spec = Spec::of(&wanted);
        let (walk, items) = match &wanted.which {
            Which::Ids(ids) => {
                let mut seen = BTreeSet::new();
                (None, ids.iter().copied().filter(|id| seen.insert(*id)).collect())
            }
            Which::Generations(_) | Which::Drafts(_) => (Some(Walk::START.to_string()), vec![]),
        };
        let facts = BulkFacts {
            id: BulkId(self.inner.world.uuid(now)),
            scope: wanted.scope,
            user: wanted.scope.user,
            key: wanted.key,
            action: wanted.action,
            kind: wanted.kind,
            spec: spec.written(),
            created_at: now,
        };
        let new = NewBulk { facts, walk, items, idempotency: wanted.idempotency };
        let opened = self.store().open_bulk(new).await?;
        self.inner.bulks_changed.notify_one();
        Ok(opened)
    }

    fn check_bulk(&self, wanted: &Wanted) -> Result<(), DeskError> {
        let Wanted { action, kind, which, model, .. } = wanted;
        if action.kind().is_some_and(|only| only != *kind) {
            let (verb, kind) = (action.as_str(), action.kind().map_or("", Kind::as_str));
            return Err(DeskError::invalid("/of", "not_allowed", format!("{verb} is done to {kind} only")));
        }
        if let Which::Generations(filter) = which
            && let Some(status) = filter.status
            && !action.fits(status)
        {
            let fits: Vec<&str> = Status::ALL.into_iter().filter(|it| action.fits(*it)).map(Status::as_str).collect();
            let detail = format!("{} does nothing to {status} ones; it is for {}", action.as_str(), fits.join(" and "));
            return Err(DeskError::invalid("/filter/status", "not_allowed", detail));
        }
        if let Some(model) = model {
            if *action != Action::Retry {
                return Err(DeskError::invalid("/model", "not_allowed", "only a retry may name another model"));
            }
            self.inner.providers.resolve(model).map_err(|why| DeskError::UnknownModel { reason: why.to_string() })?;
        }
        Ok(())
    }

    /// Lets no further item be acted on.
    pub async fn cancel_bulk(&self, scope: Scope, id: BulkId) -> Result<BulkRow, DeskError> {
        Ok(self.store().cancel_bulk(scope, id, self.inner.now()).await?)
    }

    /// The bulk action at its end, or as it is when the patience is over.
    pub async fn wait_for_bulk(&self, scope: Scope, id: BulkId, patience: Duration) -> Result<BulkRow, DeskError> {
        self.at_its_end(patience, || self.store().bulk(scope, id), |row: &BulkRow| row.bulk.status.ended().is_some())
            .await
    }

    /// One look at all bulk actions that have not ended: a piece of each is gathered or acted on.
    pub async fn tend_bulks(&self) -> Result<Done, DeskError> {
        let (mut done, mut after) = (Done::default(), None);
        if self.inner.draining() {
            return Ok(done);
        }
        loop {
            let rows = self.store().bulks_at_work(after, ROWS).await?;
            let Some(last) = rows.last().map(|row| row.facts.id) else { return Ok(done) };
            for row in &rows {
                done.at_work += 1;
                let moved = match row.bulk.status {
                    BulkStatus::Gathering => self.gather(row).await,
                    BulkStatus::Running => self.act(row).await,
                    BulkStatus::Completed | BulkStatus::Cancelled => Ok(0),
                };
                match moved {
                    Ok(moved) => done.moved += moved,
                    // One must not keep the others from going on.
                    Err(error) => {
                        tracing::error!(bulk = %row.facts.id, %error, "A bulk action cannot go on; it is tried again");
                    }
                }
            }
            after = Some(last);
        }
    }
}
