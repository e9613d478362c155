//! Looking: generations with what they wait for, waiting for an end, the health of the installation.

use crate::batch::Collector;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::generation::eta::eta;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::{DraftId, GenerationId, Timestamp};
use copydesk_store::drafts::WholeDraft;
use copydesk_store::generations::GenerationRow;
use copydesk_store::{Answer, HealthRow, Scope, Store, StoreError};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often a waiter looks by itself: the end may be written by another process.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) type Wanted = (Scope, DraftId);
pub(crate) type Found = Result<Option<WholeDraft>, StoreError>;

/// What is asked while a read is under way is the next read: many readers cost the database few questions.
pub(crate) fn collector(store: Arc<dyn Store>) -> Collector<Wanted, Found> {
    Collector::start(move |wanted: Vec<Wanted>| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            match store.whole_drafts(wanted.clone()).await {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(StoreError::Corrupt(_)) if wanted.len() > 1 => one_by_one(store.as_ref(), wanted).await,
                Err(error) => wanted.iter().map(|_| Err(error.clone())).collect(),
            }
        })
    })
}

/// One that cannot be read must not hide the others.
async fn one_by_one(store: &dyn Store, wanted: Vec<Wanted>) -> Vec<Found> {
    let mut all = Vec::with_capacity(wanted.len());
    for one in wanted {
        all.push(store.whole_drafts(vec![one]).await.map(|found| found.into_iter().next().flatten()));
    }
    all
}

impl Desk {
    /// A draft with its current version, also a deleted one.
    pub async fn draft(&self, scope: Scope, id: DraftId) -> Result<WholeDraft, DeskError> {
        let found = self.inner.looks.submit((scope, id)).await;
        let found = found.map_err(|gone| StoreError::Unavailable(gone.to_string()))??;
        found.ok_or_else(|| DeskError::NotFound { what: "draft", id: id.to_string() })
    }

    /// What a generation waits for.
    pub async fn why(&self, scope: Scope, id: GenerationId) -> Result<Waiting, DeskError> {
        Ok(self.store().why(scope, id, self.inner.now(), &self.inner.config.limits()).await?)
    }

    /// When it will probably have ended, as far as this process has seen others of its recipe.
    pub fn eta(&self, row: &GenerationRow, waiting: &Waiting) -> Option<Timestamp> {
        let (pace, slots) = (self.inner.metrics.pace(&row.recipe), self.inner.config.max_concurrent);
        eta(&row.generation.state, waiting, pace, slots, self.inner.now())
    }

    /// Models and providers with which something is wrong, as calls of all processes saw them.
    pub async fn health(&self) -> Result<Vec<HealthRow>, DeskError> {
        Ok(self.store().health().await?)
    }

    /// The generation once it has ended, or as it is when `patience` runs out.
    pub async fn wait(&self, scope: Scope, id: GenerationId, patience: Duration) -> Result<GenerationRow, DeskError> {
        let mut changes = self.inner.live.watch();
        let until = self.inner.world.steady() + patience;
        loop {
            let row = self.store().get(scope, id).await?;
            let left = until.saturating_sub(self.inner.world.steady());
            if row.status().is_final() || left.is_zero() {
                return Ok(row);
            }
            let look = self.inner.world.sleep(LOOK_EVERY.min(left));
            tokio::pin!(look);
            loop {
                tokio::select! {
                    () = &mut look => break,
                    change = changes.recv() => match change {
                        Ok(changed) if changed == id => break,
                        Ok(_) => {}
                        // Too many signals to keep count of: look for ourselves.
                        Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                    },
                }
            }
        }
    }

    /// What `read` finds at its end, or as it is when the patience is over or the desk stops. Whatever ends is told as an
    /// event.
    pub(crate) async fn at_its_end<'a, R>(
        &'a self,
        patience: Duration,
        read: impl Fn() -> Answer<'a, R>,
        ended: impl Fn(&R) -> bool,
    ) -> Result<R, DeskError> {
        let (mut news, mut patience) = (self.store().event_news(), std::pin::pin!(self.inner.world.sleep(patience)));
        loop {
            let row = read().await?;
            if ended(&row) || self.is_draining() {
                return Ok(row);
            }
            tokio::select! {
                () = &mut patience => return Ok(read().await?),
                _ = news.next() => {}
                // The word of another process may be lost.
                () = self.inner.world.sleep(self.inner.config.poll_every) => {}
            }
        }
    }
}
