//! The worker: one loop that turns. Each turn writes what the attempts finished and claims as many new generations as
//! there are free slots, in one commit. While turns commit, finished attempts gather for the next: the batch grows with
//! the load and an idle desk answers at once. A second turn may be under way beside the first, so that results need not
//! wait for a claim; there is only one claim at a time. No state is decided here; attempts bring decisions of
//! `core::transition`.

use crate::attempt;
use crate::desk::Inner;
use crate::metrics::Tally;
use crate::turn::{Clerk, STORE_WAIT, STORE_WAIT_MAX, Turned};
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::generations::{Applied, Claimed, Fence, Write};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many generations one turn claims at most.
const CLAIM_MAX: usize = 500;
/// How many writes one turn carries at most.
const WRITES_MAX: usize = 1_000;
/// How many turns may be under way at once.
const TURNS_MAX: usize = 2;

/// From an attempt to the loop.
pub(crate) struct Outgoing {
    /// What to write; `None` when the attempt has nothing to say any more.
    pub write: Option<Write>,
    /// Where the attempt waits for the answer, when it goes on afterwards.
    pub reply: Option<oneshot::Sender<Applied>>,
    pub slot: SlotMove,
    pub generation: GenerationId,
    /// What the write is counted as, once it is written.
    pub tally: Option<Tally>,
}

/// What becomes of an attempt's slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotMove {
    Keeps,
    /// The attempt goes on without one: it only waits for a job at a provider.
    Rests,
    /// The attempt has ended.
    Frees {
        /// It had given its slot back before.
        rested: bool,
    },
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
    /// Attempts without a slot.
    resting: usize,
    /// A claim is under way.
    claiming: bool,
    /// Something may be claimable: the last claim filled all slots it had, a slot came free, somebody woke us.
    hungry: bool,
    /// When to look again by ourselves. Always later than the claim that said so, so that nobody spins on it.
    next_due: Option<Timestamp>,
    /// How long to wait after the next claim the store cannot do.
    claim_wait: Duration,
}

/// A turn that has come back.
struct Ended {
    turned: Turned,
    /// Whose writes they were, and who waits for the answer.
    waiting: Vec<Waiting>,
    /// How many slots its claim could have filled.
    slots: usize,
    began: Timestamp,
}

/// A write whose answer is awaited.
struct Waiting {
    generation: GenerationId,
    /// The fence of a write whose attempt gave its slot back with it.
    ends: Option<Fence>,
    reply: Option<oneshot::Sender<Applied>>,
    tally: Option<Tally>,
}

async fn run(inner: Arc<Inner>, inbox: mpsc::UnboundedReceiver<Outgoing>) {
    let mut this = Loop {
        inner,
        inbox,
        busy: 0,
        resting: 0,
        claiming: false,
        hungry: true,
        next_due: None,
        claim_wait: STORE_WAIT,
    };
    let mut batch = Vec::new();
    let mut turns = FuturesUnordered::new();
    loop {
        let under_way = turns.len();
        tokio::select! {
            biased;
            Some(ended) = turns.next() => this.end_turn(ended),
            () = this.gather(&mut batch, under_way == 0), if under_way < TURNS_MAX => {
                if batch.is_empty() && under_way == 0 && this.finished() {
                    this.inner.stopped.send_replace(true);
                    return;
                }
                turns.extend(this.begin_turn(std::mem::take(&mut batch)));
            }
        }
    }
}

impl Loop {
    /// What a claim could fill. None while another claim is under way: that one may fill them.
    fn free_slots(&self) -> usize {
        if self.inner.draining() || self.claiming || !self.inner.config.generation {
            return 0;
        }
        self.inner.config.slots().saturating_sub(self.busy)
    }

    /// Nothing runs and nothing more will be claimed.
    fn finished(&self) -> bool {
        self.inner.draining() && self.busy == 0 && self.resting == 0
    }

    /// Waits for a reason to turn, then takes what has gathered. Dropped while it waits, it has taken nothing.
    async fn gather(&mut self, batch: &mut Vec<Outgoing>, alone: bool) {
        let ready_to_claim = self.hungry && self.free_slots() > 0;
        if !ready_to_claim && self.inbox.is_empty() && !(alone && self.finished()) {
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

    /// Starts the turn for these, if there is anything to do.
    fn begin_turn(&mut self, batch: Vec<Outgoing>) -> Option<impl Future<Output = Ended> + use<>> {
        batch.iter().for_each(|out| self.move_slot(out.slot));
        let mut writes = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        for out in batch {
            if let Some(write) = out.write {
                let ends = match (&write, out.slot) {
                    (Write::Change(change), SlotMove::Frees { .. }) => Some(change.fence),
                    (Write::Change(_) | Write::Late { .. }, _) => None,
                };
                writes.push(write);
                waiting.push(Waiting { generation: out.generation, ends, reply: out.reply, tally: out.tally });
            }
        }
        let slots = if self.hungry { self.free_slots().min(CLAIM_MAX) } else { 0 };
        if writes.is_empty() && slots == 0 {
            return None;
        }
        if slots > 0 {
            // Whoever wakes us from here on may have come too late for this claim.
            self.hungry = false;
            self.claiming = true;
            self.inner.live.claim_begins();
        }
        let clerk = Clerk { inner: Arc::clone(&self.inner) };
        Some(async move {
            let began = clerk.inner.now();
            let turned = clerk.write_and_claim(writes, slots, began).await;
            Ended { turned, waiting, slots, began }
        })
    }

    fn move_slot(&mut self, slot: SlotMove) {
        match slot {
            SlotMove::Keeps => return,
            SlotMove::Rests => {
                self.busy -= 1;
                self.resting += 1;
            }
            SlotMove::Frees { rested: false } => self.busy -= 1,
            // Its lanes have room again.
            SlotMove::Frees { rested: true } => self.resting -= 1,
        }
        self.hungry = true;
    }

    fn end_turn(&mut self, ended: Ended) {
        let Ended { turned, waiting, slots, began } = ended;
        for (Waiting { generation, ends, reply, tally }, applied) in waiting.into_iter().zip(turned.applied) {
            let overtaken = ends.is_some_and(|fence| applied.overtaken(&fence));
            if let Some(tally) = tally {
                self.inner.metrics.count(tally, &applied);
            }
            // The attempt may have been stopped meanwhile; then nobody waits for this answer.
            let heard = reply.is_some_and(|reply| reply.send(applied).is_ok());
            if overtaken && heard {
                // It has to say its end again, and goes on without a slot until then.
                self.resting += 1;
            }
            self.inner.live.signal(generation);
        }
        if slots == 0 {
            return;
        }
        self.claiming = false;
        match turned.claim {
            Some(answer) => {
                self.hungry |= answer.claimed.len() == slots;
                self.next_due = answer.next_due.filter(|due| *due > began);
                self.claim_wait = STORE_WAIT;
                answer.claimed.into_iter().for_each(|claimed| self.begin(claimed));
            }
            None => {
                self.next_due = Some(self.inner.now().plus(self.claim_wait));
                self.claim_wait = (self.claim_wait * 2).min(STORE_WAIT_MAX);
            }
        }
        self.inner.live.claim_ended();
    }

    fn begin(&mut self, claimed: Claimed) {
        self.busy += 1;
        let inner = Arc::clone(&self.inner);
        let (id, attempt) = (claimed.generation.id, claimed.generation.attempt);
        inner.metrics.claimed(&claimed.generation);
        let running = inner.live.begin(id, attempt);
        inner.live.signal(id);
        tokio::spawn(attempt::run(inner, claimed, running));
    }
}
