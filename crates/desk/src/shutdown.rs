//! Stopping without losing or doubling anything: no new work, running attempts get a grace time, the rest is handed back
//! without using up an attempt, and the lease is given up so that others need not wait for it to run out.

use crate::desk::Desk;
use crate::error::DeskError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long handed-back attempts may take to be written.
const HAND_BACK: Duration = Duration::from_secs(5);

impl Desk {
    /// From now on requests are refused with `draining` and nothing more is claimed.
    pub fn begin_stop(&self) {
        self.inner.begin_draining();
    }

    /// Stops the desk. Returns how many attempts had to be handed back.
    pub async fn stop(&self, grace: Duration) -> Result<usize, DeskError> {
        self.begin_stop();
        if !self.inner.working.load(Ordering::Acquire) {
            return Ok(0);
        }
        let mut stopped = self.inner.stopped.subscribe();
        let done = async {
            // The sender lives in the desk, so this only resolves when the turn loop has ended.
            drop(stopped.wait_for(|stopped| *stopped).await);
        };
        tokio::pin!(done);
        let mut handed_back = 0;
        tokio::select! {
            () = &mut done => {}
            () = self.inner.world.sleep(grace) => {
                handed_back = self.inner.live.count();
                self.inner.live.stop_all();
                tokio::select! {
                    () = &mut done => {}
                    () = self.inner.world.sleep(HAND_BACK) => {
                        tracing::error!("Some attempts did not stop in time; the sweeper takes them back");
                    }
                }
            }
        }
        tokio::select! {
            _ = self.inner.mailing.lock() => {}
            () = self.inner.world.sleep(grace) => {
                tracing::error!("The mail server does not answer; whether the mail under way went will be unknown");
            }
        }
        self.inner.stopped.send_replace(true);
        crate::lease::beat(&self.inner, true).await?;
        Ok(handed_back)
    }
}
