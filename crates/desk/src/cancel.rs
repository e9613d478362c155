//! Cancelling: the end is written first, with the whole hold given back; then the running attempt is told to stop, which
//! closes the provider's socket. What the provider bills until then is on the books, at the operator's expense.

use crate::abandon::clean_up_after;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::metrics::Tally;
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
            // It was read under the scope that asks; from here on it is the workspace's.
            let scope_whole = scope.whole();
            let change = Change::of(scope_whole, now, Fence::of(&row.generation), decision, world.transfer_ids(now));
            let write = Write::Change(Box::new(change));
            let tally = Tally::of(&write, &row.recipe, &row.model, &row.generation.state);
            let answer = self.store().turn(Turn { now, writes: vec![write], claim: None }).await?;
            if let Some(applied @ Applied::Done { .. }) = answer.applied.first() {
                self.inner.metrics.count(tally, applied);
                self.inner.live.stop(id, row.generation.attempt);
                self.inner.live.signal(id);
                self.inner.wake.notify_one();
                if self.makes_media(&row.recipe) {
                    clean_up_after(&self.inner, vec![(scope_whole, id)]);
                }
                return Ok(self.store().get(scope, id).await?);
            }
        }
        Err(DeskError::Store(StoreError::Busy(format!("{id} kept changing while it was being cancelled"))))
    }
    /// Whether a recipe leaves files and jobs to be cleaned up. One that is gone may have.
    fn makes_media(&self, recipe: &str) -> bool {
        let loaded = self.inner.shelf.get(recipe);
        loaded.is_none_or(|loaded| loaded.recipe.steps.iter().any(|step| step.kind.makes_media()))
    }
}
