//! An attempt whose generation was changed beside it (its deadline was moved): the store wrote nothing of what the attempt
//! had to say, so it looks at what stands there now and says the same again. Its slot is free meanwhile.

use crate::attempt::{Attempt, Ending, Slot};
use crate::turn::{STORE_WAIT, STORE_WAIT_MAX};
use copydesk_core::Timestamp;
use copydesk_core::generation::Event;
use copydesk_store::StoreError;
use copydesk_store::generations::{Applied, Fence};
use tokio::sync::oneshot;

impl Attempt {
    /// Whether nothing was written because the generation was changed beside this attempt.
    pub(crate) fn overtaken(&self, applied: &Applied) -> bool {
        applied.overtaken(&Fence::of(&self.claimed.generation))
    }

    /// Reads what stands there now. Tries again until the store answers: the result must not be lost.
    pub(crate) async fn look_again(&mut self) {
        let (scope, id) = (self.claimed.scope, self.claimed.generation.id);
        let mut wait = STORE_WAIT;
        loop {
            match self.inner.store.get(scope, id).await {
                Ok(row) => {
                    self.claimed.generation = row.generation;
                    return;
                }
                // What was claimed is there; without it the old picture is late, and booked as that.
                Err(StoreError::NotFound { .. }) => return,
                Err(error) => {
                    tracing::error!(generation = %id, %error, "A generation that was changed could not be read")
                }
            }
            self.inner.world.sleep(wait).await;
            wait = (wait * 2).min(STORE_WAIT_MAX);
        }
    }

    /// Says how it ended, again as long as it is overtaken, and tidies up behind what was written in the end.
    pub(crate) async fn see_through(mut self, mut slot: Slot, ending: Ending) {
        loop {
            let (write, aftermath) = self.decide(ending.clone());
            let (reply, applied) = oneshot::channel();
            slot.tally = Some(self.tally(&write));
            (slot.write, slot.reply) = (Some(write), Some(reply));
            drop(slot);
            // Without an answer the desk is going; the sweeper decides.
            let Ok(applied) = applied.await else { return };
            if !self.overtaken(&applied) {
                if let Some(aftermath) = aftermath {
                    aftermath.once_written(&self.inner, applied).await;
                }
                return;
            }
            // The loop counts it as one without a slot until this one is dropped.
            slot = Slot::of(&self.inner, &self.claimed.generation);
            slot.rested = true;
            self.look_again().await;
        }
    }

    /// What would have been tried again ended with the deadline, whoever noticed first.
    pub(crate) fn at_its_time(&self, event: Event, now: Timestamp) -> Event {
        let tries_again = match &event {
            Event::AttemptFailed { failure, fallback, .. } => fallback.is_none() && failure.code.retryable(),
            Event::PassedOver { .. } => true,
            Event::Claimed { .. }
            | Event::StepFinished { .. }
            | Event::AttemptSucceeded { .. }
            | Event::LeaseExpired { .. }
            | Event::DeadlinePassed
            | Event::HandedBack { .. }
            | Event::CancelRequested
            | Event::JobPaused
            | Event::JobResumed
            | Event::ExtensionRequested { .. } => false,
        };
        if tries_again && now >= self.claimed.generation.terms.deadline_at { Event::DeadlinePassed } else { event }
    }
}
