//! Cancelling: the end is written first, with the whole hold given back; then the running attempt is told to stop, which
//! closes the provider's socket. What the provider bills until then is on the books, at the operator's expense.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::GenerationId;
use copydesk_core::generation::{Event, Verdict, transition};
use copydesk_store::generations::{Applied, Change, Fence, GenerationRow, Turn, Write};
use copydesk_store::{Scope, StoreError};

/// How often a cancel looks again when the generation moved under it (claimed, retried) before it gives up.
const TRIES: usize = 8;

impl Desk {
    /// Cancels a live generation.
    ///
    /// Errors: `already_terminal` when it has ended.
    pub async fn cancel(&self, scope: Scope, id: GenerationId) -> Result<GenerationRow, DeskError> {
        for _ in 0..TRIES {
            let row = self.store().get(scope, id).await?;
            let now = self.inner.now();
            let decision = match transition(&row.generation, &Event::CancelRequested, now)? {
                Verdict::Change(decision) => decision,
                Verdict::Late | Verdict::Nothing => return Ok(row),
            };
            let world = &self.inner.world;
            let change = Change {
                scope,
                at: now,
                fence: Fence::of(&row.generation),
                decision,
                content: None,
                closes: None,
                opens: None,
                step: None,
                next_model: None,
                sign: None,
                debts: Vec::new(),
                transfers: world.transfer_ids(now),
            };
            let turn = Turn { now, writes: vec![Write::Change(Box::new(change))], claim: None };
            let answer = self.store().turn(turn).await?;
            if matches!(answer.applied.first(), Some(Applied::Done { .. })) {
                self.inner.live.stop(id, row.generation.attempt);
                self.inner.live.signal(id);
                self.inner.wake.notify_one();
                return Ok(self.store().get(scope, id).await?);
            }
        }
        Err(DeskError::Store(StoreError::Busy(format!("{id} kept changing while it was being cancelled"))))
    }
}
