//! The worker: one loop that turns. Each turn writes what the attempts finished and claims as many new generations as
//! there are free slots, in one commit. While a turn commits, finished attempts gather for the next: the batch grows with
//! the load and an idle desk answers at once. No state is decided here; attempts bring decisions of `core::transition`.

use crate::attempt;
use crate::desk::Inner;
use copydesk_core::{CallId, GenerationId, Timestamp};
use copydesk_store::StoreError;
use copydesk_store::generations::{Applied, Claim, Claimed, Fence, Turn, TurnAnswer, Write};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many generations one turn claims at most.
const CLAIM_MAX: usize = 500;
/// How many writes one turn carries at most.
const WRITES_MAX: usize = 1_000;
/// First wait after a turn the store could not do; doubled up to [`STORE_WAIT_MAX`].
const STORE_WAIT: Duration = Duration::from_millis(50);
const STORE_WAIT_MAX: Duration = Duration::from_secs(5);

/// From an attempt to the loop.
pub(crate) struct Outgoing {
    /// What to write; `None` when the attempt has nothing to say any more.
    pub write: Option<Write>,
    /// Where the attempt waits for the answer, when it goes on afterwards.
    pub reply: Option<oneshot::Sender<Applied>>,
    /// The attempt has ended and its slot is free.
    pub ended: bool,
    pub generation: GenerationId,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let turns = inner.turns.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(turns) = turns else { return };
    match inner.config.max_concurrent {
        Some(limit) => tracing::info!("Generation queue enabled with max_concurrent={limit}"),
        None => tracing::info!("Generation queue disabled: each request runs at once"),
    }
    tracing::info!("Generation queue worker started");
    tokio::spawn(run(Arc::clone(inner), turns));
}

struct Loop {
    inner: Arc<Inner>,
    inbox: mpsc::UnboundedReceiver<Outgoing>,
    busy: usize,
    /// Something may be claimable: the last claim filled all slots it had, a slot came free, somebody woke us.
    hungry: bool,
    /// When to look again by ourselves. Always later than the claim that said so, so that nobody spins on it.
    next_due: Option<Timestamp>,
    /// How long to wait after the next claim the store cannot do.
    claim_wait: Duration,
}

/// What a turn brought.
struct Turned {
    applied: Vec<Applied>,
    /// `None` when no claim was asked for, or the store could not answer it.
    claim: Option<TurnAnswer>,
}

async fn run(inner: Arc<Inner>, inbox: mpsc::UnboundedReceiver<Outgoing>) {
    let mut this = Loop { inner, inbox, busy: 0, hungry: true, next_due: None, claim_wait: STORE_WAIT };
    let mut batch = Vec::new();
    loop {
        this.gather(&mut batch).await;
        if batch.is_empty() && this.finished() {
            this.inner.stopped.send_replace(true);
            return;
        }
        let freed = batch.iter().filter(|out| out.ended).count();
        this.busy -= freed;
        this.hungry |= freed > 0;
        this.turn(std::mem::take(&mut batch)).await;
    }
}

impl Loop {
    fn free_slots(&self) -> usize {
        if self.inner.draining() { 0 } else { self.inner.config.slots().saturating_sub(self.busy) }
    }

    /// Nothing runs and nothing more will be claimed.
    fn finished(&self) -> bool {
        self.inner.draining() && self.busy == 0
    }

    /// Waits for a reason to turn, then takes what has gathered.
    async fn gather(&mut self, batch: &mut Vec<Outgoing>) {
        let ready_to_claim = self.hungry && self.free_slots() > 0;
        if !ready_to_claim && self.inbox.is_empty() && !self.finished() {
            let inner = Arc::clone(&self.inner);
            let wait = self.nap();
            tokio::select! {
                count = self.inbox.recv_many(batch, WRITES_MAX) => debug_assert!(count > 0, "we hold a sender ourselves"),
                () = inner.wake.notified() => self.hungry = true,
                () = inner.world.sleep(wait) => self.hungry = true,
            }
        }
        while batch.len() < WRITES_MAX {
            match self.inbox.try_recv() {
                Ok(out) => batch.push(out),
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => break,
            }
        }
    }

    /// How long to wait when nobody wakes us. What is due is no reason to get up early while every slot is taken.
    fn nap(&self) -> Duration {
        let poll = self.inner.config.poll_every;
        match self.next_due {
            Some(due) if self.free_slots() > 0 => due.since(self.inner.now()).min(poll),
            Some(_) | None => poll,
        }
    }

    async fn turn(&mut self, batch: Vec<Outgoing>) {
        let mut writes = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        for out in batch {
            if let Some(write) = out.write {
                writes.push(write);
                waiting.push((out.generation, out.reply));
            }
        }
        let slots = if self.hungry { self.free_slots().min(CLAIM_MAX) } else { 0 };
        if writes.is_empty() && slots == 0 {
            return;
        }
        let now = self.inner.now();
        let turned = self.write_and_claim(writes, slots, now).await;
        for ((generation, reply), applied) in waiting.into_iter().zip(turned.applied) {
            if let Some(reply) = reply {
                // The attempt may have been stopped meanwhile; then nobody waits for this answer.
                drop(reply.send(applied));
            }
            self.inner.live.signal(generation);
        }
        match turned.claim {
            Some(answer) => {
                self.hungry = answer.claimed.len() == slots;
                self.next_due = answer.next_due.filter(|due| *due > now);
                self.claim_wait = STORE_WAIT;
                answer.claimed.into_iter().for_each(|claimed| self.begin(claimed));
            }
            None if slots > 0 => {
                self.hungry = false;
                self.next_due = Some(self.inner.now().plus(self.claim_wait));
                self.claim_wait = (self.claim_wait * 2).min(STORE_WAIT_MAX);
            }
            None => {}
        }
        self.inner.live.claim_ended();
    }

    /// One commit for everything, if the store can. If not, the claim can wait, but the results must not: they are kept
    /// and written as soon as the store is back.
    async fn write_and_claim(&self, writes: Vec<Write>, slots: usize, now: Timestamp) -> Turned {
        let claim = (slots > 0).then(|| Claim {
            node: self.inner.node,
            calls: (0..slots).map(|_| CallId(self.inner.world.uuid(now))).collect(),
            limits: self.inner.config.limits(),
        });
        if claim.is_some() {
            self.inner.live.claim_begins();
        }
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
        answer.unwrap_or_else(|_| Err(StoreError::Corrupt("the store panicked in a turn".to_owned())))
    }

    fn begin(&mut self, claimed: Claimed) {
        self.busy += 1;
        let inner = Arc::clone(&self.inner);
        let (id, attempt) = (claimed.generation.id, claimed.generation.attempt);
        let running = inner.live.begin(id, attempt);
        inner.live.signal(id);
        tokio::spawn(attempt::run(inner, claimed, running));
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
