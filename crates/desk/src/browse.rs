//! Looking: generations with what they wait for, waiting for an end, the health of the installation.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::GenerationId;
use copydesk_core::generation::waiting::Waiting;
use copydesk_store::generations::GenerationRow;
use copydesk_store::{HealthRow, Scope};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often a waiter looks by itself: the end may be written by another process.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Desk {
    /// What a generation waits for.
    pub async fn why(&self, scope: Scope, id: GenerationId) -> Result<Waiting, DeskError> {
        Ok(self.store().why(scope, id, self.inner.now(), &self.inner.config.limits()).await?)
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
}
