//! Retention: usage rows, events and webhook messages that are older than the settings keep them go, in small batches beside the work. No
//! total changes, and the ledger is never touched. Run twice, or on several nodes, is run once.

use crate::config::Retention;
use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_store::retention::{Aged, Prune};
use std::sync::Arc;
use std::time::Duration;

/// How many rows one transaction looks at.
const BATCH: u32 = 500;

/// How much went, or would have gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gone {
    pub calls: u64,
    pub events: u64,
    pub deliveries: u64,
    /// Of sources.
    pub items: u64,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    if inner.config.retention == Retention::NOTHING {
        return;
    }
    let desk = Desk { inner: Arc::clone(inner) };
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.world.sleep(desk.inner.config.prune_every) => {}
            }
            match desk.prune(desk.inner.config.retention, false).await {
                Ok(gone) if gone == Gone::default() => {}
                Ok(Gone { calls, events, deliveries, items }) => {
                    tracing::info!(
                        calls,
                        events,
                        deliveries,
                        items,
                        "Old usage rows, events, messages and items were removed"
                    )
                }
                Err(error) => tracing::error!(%error, "Old rows could not be removed; it is tried again"),
            }
        }
    });
}

impl Desk {
    /// Removes what is older than `keep` says. With `dry_run` it only counts.
    pub async fn prune(&self, keep: Retention, dry_run: bool) -> Result<Gone, DeskError> {
        let calls = self.prune_aged(Aged::Calls, keep.usage, dry_run).await?;
        let events = self.prune_aged(Aged::Events, keep.events, dry_run).await?;
        let deliveries = self.prune_aged(Aged::Deliveries, keep.deliveries, dry_run).await?;
        let items = self.prune_items(keep.items, dry_run).await?;
        Ok(Gone { calls, events, deliveries, items })
    }

    async fn prune_items(&self, keep: Option<Duration>, dry_run: bool) -> Result<u64, DeskError> {
        let Some(keep) = keep else { return Ok(0) };
        let (before, mut removed) = (self.inner.now().minus(keep), 0);
        if dry_run {
            return Ok(self.store().items_to_forget(before).await?);
        }
        loop {
            let batch = self.store().forget_items(before, BATCH).await?;
            removed += batch;
            if batch < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }

    async fn prune_aged(&self, what: Aged, keep: Option<Duration>, dry_run: bool) -> Result<u64, DeskError> {
        let Some(keep) = keep else { return Ok(0) };
        let before = self.inner.now().minus(keep);
        let (mut after, mut removed) = (None, 0);
        loop {
            let batch = self.store().prune(Prune { what, before, after, limit: BATCH, dry_run }).await?;
            removed += batch.removed;
            after = batch.next;
            if after.is_none() {
                return Ok(removed);
            }
        }
    }
}
