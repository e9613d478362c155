//! More time: the deadline of a live generation is moved later, where it waits or runs. An attempt under way keeps its own;
//! it hears of the change when it next writes (`redecide.rs`).

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::generation::{Event, State, Verdict, Wait, transition};
use copydesk_core::recipe::recipe::DEADLINE_MAX;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::generations::{Applied, Change, Fence, GenerationRow, Turn, Write};
use copydesk_store::{Scope, StoreError};
use std::time::Duration;

/// How often it looks again when the generation moved under it before it gives up.
const TRIES: usize = 8;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What is wrong with a deadline for work that may begin at `start`: it is too far away.
pub(crate) fn too_far(deadline: Timestamp, start: Timestamp) -> Option<String> {
    let last = start.plus(DEADLINE_MAX);
    let days = DEADLINE_MAX.as_secs() / DAY.as_secs();
    (deadline > last).then(|| format!("{deadline} is too far away: {days} days at most, so not after {last}"))
}

impl Desk {
    /// Gives a live generation more time. The same deadline again changes nothing.
    ///
    /// Errors: `already_terminal` after its end, `deadline_not_later` when it would have less, a fault of `/deadline` when it
    /// is more than [`DEADLINE_MAX`] away.
    pub async fn extend(
        &self,
        scope: Scope,
        id: GenerationId,
        deadline_at: Timestamp,
    ) -> Result<GenerationRow, DeskError> {
        for _ in 0..TRIES {
            let row = self.store().get(scope, id).await?;
            let now = self.inner.now();
            let event = Event::ExtensionRequested { deadline_at };
            let decision = match transition(&row.generation, &event, now)? {
                Verdict::Change(decision) => decision,
                Verdict::Late | Verdict::Nothing => return Ok(row),
            };
            if let Some(fault) = too_far(deadline_at, start_of(&row.generation.state, now)) {
                return Err(DeskError::invalid("/deadline", "too_far", fault));
            }
            let transfers = self.inner.world.transfer_ids(now);
            let change = Change::of(scope.whole(), now, Fence::of(&row.generation), decision, transfers);
            let writes = vec![Write::Change(Box::new(change))];
            let answer = self.store().turn(Turn { now, writes, claim: None }).await?;
            if let Some(Applied::Done { .. }) = answer.applied.first() {
                self.inner.live.signal(id);
                return Ok(self.store().get(scope, id).await?);
            }
        }
        Err(DeskError::Store(StoreError::Busy(format!("{id} kept changing while its deadline was being moved"))))
    }
}

/// When it may begin: what is asked for at a later time has its deadline from there.
fn start_of(state: &State, now: Timestamp) -> Timestamp {
    match state {
        State::Pending { wait: Wait::Scheduled { until } } => now.max(*until),
        State::Pending { wait: Wait::Ready | Wait::BackingOff { .. } | Wait::Target | Wait::Held }
        | State::Processing { .. }
        | State::Completed { .. }
        | State::Failed { .. }
        | State::Cancelled { .. } => now,
    }
}
