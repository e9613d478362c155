//! One turn at the store: the writes of finished attempts and a claim, in one commit if the store can. If it cannot, the
//! claim can wait, but the results must not be lost: they are kept and written as soon as the store is back.

use crate::desk::Inner;
use crate::witness::tell;
use copydesk_core::{CallId, Timestamp};
use copydesk_store::StoreError;
use copydesk_store::generations::{Applied, Claim, Fence, Turn, TurnAnswer, Write};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// First wait after a turn the store could not do; doubled up to [`STORE_WAIT_MAX`].
pub(crate) const STORE_WAIT: Duration = Duration::from_millis(50);
pub(crate) const STORE_WAIT_MAX: Duration = Duration::from_secs(5);

/// What a turn brought.
pub(crate) struct Turned {
    pub applied: Vec<Applied>,
    /// `None` when no claim was asked for, or the store could not answer it.
    pub claim: Option<TurnAnswer>,
}

/// The way to the store.
pub(crate) struct Clerk {
    pub inner: Arc<Inner>,
}

impl Clerk {
    /// One commit for everything, if the store can.
    pub(crate) async fn write_and_claim(&self, writes: Vec<Write>, slots: usize, now: Timestamp) -> Turned {
        let claim = (slots > 0).then(|| Claim {
            node: self.inner.node,
            calls: (0..slots).map(|_| CallId(self.inner.world.uuid(now))).collect(),
            limits: self.inner.config.limits(),
        });
        let error = match self.store_turn(Turn { now, writes: writes.clone(), claim: claim.clone() }).await {
            Ok(mut answer) => {
                let applied = std::mem::take(&mut answer.applied);
                return Turned { applied, claim: claim.map(|_| answer) };
            }
            Err(error) => error,
        };
        tracing::error!(writes = writes.len(), %error, "A turn could not be written; its results are kept and tried again");
        if let (StoreError::CommitUnknown(_), Some(claim)) = (&error, claim) {
            self.inner.doubts.remember(claim.calls, now);
        }
        Turned { applied: self.write_all(writes).await, claim: None }
    }

    /// One contradiction must not take the results beside it along: a batch the store refuses is written one by one.
    async fn write_all(&self, writes: Vec<Write>) -> Vec<Applied> {
        if writes.is_empty() {
            return Vec::new();
        }
        match self.write_until_done(&writes).await {
            Ok(applied) => return applied,
            Err(error) if writes.len() > 1 => {
                tracing::error!(writes = writes.len(), %error, "The store refuses the batch; its writes are tried one by one");
            }
            Err(error) => return vec![refused(&error)],
        }
        let mut applied = Vec::with_capacity(writes.len());
        for write in writes {
            match self.write_until_done(&[write]).await {
                Ok(mut one) => applied.append(&mut one),
                Err(error) => applied.push(refused(&error)),
            }
        }
        applied
    }

    /// Tries again until the store takes or refuses it.
    async fn write_until_done(&self, writes: &[Write]) -> Result<Vec<Applied>, StoreError> {
        let mut wait = STORE_WAIT;
        loop {
            let turn = Turn { now: self.inner.now(), writes: writes.to_vec(), claim: None };
            match self.store_turn(turn).await {
                Ok(answer) => {
                    let doubted = writes.iter().zip(answer.applied);
                    return Ok(doubted.map(|(write, applied)| settled_doubt(expected_after(write), applied)).collect());
                }
                Err(error) if worth_repeating(&error) => {
                    tracing::error!(writes = writes.len(), %error, "Results still cannot be written; they are kept");
                }
                Err(error) => return Err(error),
            }
            self.inner.world.sleep(wait).await;
            wait = (wait * 2).min(STORE_WAIT_MAX);
        }
    }

    /// The loop must outlive everything, also a store that panics.
    async fn store_turn(&self, turn: Turn) -> Result<TurnAnswer, StoreError> {
        let answer = AssertUnwindSafe(async { self.inner.store.turn(turn).await }).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(StoreError::Corrupt("the store panicked in a turn".to_owned())));
        if let Ok(answer) = &answer {
            if !answer.applied.is_empty() {
                self.inner.some_ended.send_replace(());
            }
            tell(&answer.health);
            self.inner.metrics.health(&answer.health);
        }
        answer
    }
}

/// A write that the store may take later. What contradicts itself stays so: the sweeper decides about that generation.
fn worth_repeating(error: &StoreError) -> bool {
    match error {
        StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::CommitUnknown(_) => true,
        StoreError::NotFound { .. }
        | StoreError::Refused(_)
        | StoreError::Corrupt(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. } => false,
    }
}

fn refused(error: &StoreError) -> Applied {
    tracing::error!(%error, "The store refuses a result; the sweeper ends its generation");
    Applied::Lost { found: None }
}

/// The fence a write leaves behind when it was carried out.
fn expected_after(write: &Write) -> Option<Fence> {
    match write {
        Write::Change(change) => Some(Fence {
            generation: change.fence.generation,
            attempt: change.decision.attempt,
            row_version: change.decision.row_version,
            status: change.decision.next.status(),
        }),
        Write::Late { .. } => None,
    }
}

/// After a commit of unknown outcome the same write is made again. If it then finds exactly what it would have left
/// behind, it had been carried out.
fn settled_doubt(expected: Option<Fence>, applied: Applied) -> Applied {
    match &applied {
        Applied::Lost { found: Some(found) } if Some(*found) == expected => Applied::Done { version: None },
        Applied::Lost { .. } | Applied::Done { .. } => applied,
    }
}
