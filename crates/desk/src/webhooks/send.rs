//! The duty that carries messages: it claims what is due and there is room for, carries each in a task of its own, and writes
//! what came of them in batches. A slow receiver takes the room of its own lane and nobody else's. Whoever dies between
//! sending and writing leaves the message to be sent again, under the same id, when its lease is over.

use super::courier::{Parcel, Receipt, broken};
use super::{purpose, signature};
use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::webhook::{Disabled, End, FAILING_MAX, Facts, Next, Outcome, Then, after_attempt, while_disabled};
use copydesk_core::{Timestamp, WorkspaceId};
use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DeliveryState, EndpointRow, Finished, Health, LeasedRow, Rooms,
};
use signature::SigningSecret;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// How long a claimed message is left to its claimer: three times what one may take.
const LEASE: Duration = Duration::from_secs(60);
/// How many messages of one lane, of one workspace and in all are under way in one process.
const PER_LANE: u32 = 8;
const PER_WORKSPACE: u32 = 64;
const IN_ALL: u32 = 256;
/// How often due messages are looked for when nobody says that there are some: those of a process that died.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When to try again what could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn spawn(inner: &Arc<Inner>) {
    let (done, finished) = mpsc::unbounded_channel();
    let duty = Duty { inner: Arc::clone(inner), under_way: BTreeMap::new(), done, unwritten: Vec::new() };
    tokio::spawn(duty.run(finished));
}

type Lane = (WorkspaceId, Uuid);

struct Duty {
    inner: Arc<Inner>,
    under_way: BTreeMap<Lane, u32>,
    /// Bounded by what may be under way.
    done: mpsc::UnboundedSender<(Lane, Finished)>,
    unwritten: Vec<Finished>,
}

impl Duty {
    async fn run(mut self, mut finished: mpsc::UnboundedReceiver<(Lane, Finished)>) {
        let mut stopped = self.inner.stopped.subscribe();
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "Webhook messages cannot be claimed or written; it is tried again");
                    WRITE_AGAIN
                }
            };
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => break,
                Some(one) = finished.recv() => {
                    self.take(one);
                    while let Ok(another) = finished.try_recv() {
                        self.take(another);
                    }
                }
                () = self.inner.bells.messages.notified() => {}
                () = self.inner.world.sleep(pause) => {}
            }
        }
        self.leave(finished).await;
    }

    /// What is under way when the desk stops is over soon; its lease keeps it safe either way.
    async fn leave(mut self, mut finished: mpsc::UnboundedReceiver<(Lane, Finished)>) {
        while let Ok(one) = finished.try_recv() {
            self.take(one);
        }
        if let Err(error) = self.write().await {
            tracing::warn!(%error, "What came of the last webhook messages could not be written; they are sent again");
        }
    }

    fn take(&mut self, (lane, one): (Lane, Finished)) {
        if let Some(count) = self.under_way.get_mut(&lane) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&lane);
            }
        }
        self.unwritten.push(one);
    }

    /// Writes what is done, claims what is due; how long to wait for the next look.
    async fn round(&mut self) -> Result<Duration, DeskError> {
        self.write().await?;
        let (inner, now) = (&self.inner, self.inner.now());
        if inner.draining() {
            return Ok(LOOK_EVERY);
        }
        // What comes back makes room, and brings the next round.
        if self.under_way.values().sum::<u32>() >= IN_ALL {
            return Ok(LOOK_EVERY);
        }
        let under_way = self.under_way.clone();
        let rooms = Rooms { per_lane: PER_LANE, per_workspace: PER_WORKSPACE, in_all: IN_ALL, under_way };
        let leased = inner.store.claim_deliveries(ClaimDeliveries { now, lease: LEASE, rooms }).await?;
        for row in leased.rows {
            let lane = (row.delivery.workspace, row.delivery.lane);
            *self.under_way.entry(lane).or_default() += 1;
            let (inner, done) = (Arc::clone(inner), self.done.clone());
            tokio::spawn(async move {
                // The duty is gone only when the desk is.
                drop(done.send((lane, carry(&inner, row).await)));
            });
        }
        if leased.more {
            return Ok(Duration::ZERO);
        }
        Ok(leased.next_due.map_or(LOOK_EVERY, |due| due.since(now).min(LOOK_EVERY)))
    }

    async fn write(&mut self) -> Result<(), DeskError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.inner.store.finish_deliveries(self.unwritten.clone()).await?;
        for one in self.unwritten.drain(..) {
            match (&one.log, one.state) {
                (Some(log), _) => self.inner.metrics.delivered(log.outcome),
                (None, DeliveryState::Ended { .. }) => self.inner.metrics.dropped(1),
                // Put by.
                (None, DeliveryState::Waiting { .. }) => {}
            }
            if let Health::Over { why, .. } = one.health {
                tracing::warn!(webhook = %one.webhook, reason = why.as_str(), "A webhook is given up");
            }
        }
        Ok(())
    }
}

/// Sends one message, and says what came of it.
async fn carry(inner: &Inner, row: LeasedRow) -> Finished {
    let LeasedRow { delivery, endpoint } = row;
    let once = delivery.seq.is_none();
    let told = |state, log, health, at| Finished {
        id: delivery.id,
        workspace: delivery.workspace,
        webhook: delivery.webhook,
        lane: delivery.lane,
        log,
        attempt: delivery.attempt,
        at,
        state,
        put_by: false,
        health,
    };
    let state = |then, at| match then {
        Then::Again { at } => DeliveryState::Waiting { due_at: at },
        Then::Ended(how) => DeliveryState::Ended { at, how },
    };
    let at = inner.now();
    // A test is sent to a disabled one, too: how else would one know that it is well again.
    let unsent = match (endpoint.removed_at, endpoint.disabled) {
        (Some(_), _) => Some(Then::Ended(End::Dropped)),
        (None, Some((since, why))) if !once => Some(while_disabled(since, why, at)),
        (None, Some(_) | None) => None,
    };
    if let Some(then) = unsent {
        let put_by = matches!(then, Then::Again { .. });
        return Finished { put_by, ..told(state(then, at), None, Health::Unsaid, at) };
    }
    let begun = inner.world.steady();
    let receipt = match (delivery.url.clone().or_else(|| endpoint.url.clone()), secrets(inner, &endpoint, at)) {
        (Some(url), Ok(secrets)) => {
            let headers = signature::headers(delivery.id, at, &secrets, &delivery.body);
            inner.hooks.courier.carry(Parcel { url, headers, body: delivery.body.clone() }).await
        }
        (None, _) => broken(Outcome::Blocked, "there is no address".to_owned()),
        (Some(_), Err(why)) => broken(Outcome::NoSecret, why),
    };
    if receipt.outcome == Outcome::Blocked {
        tracing::warn!(webhook = %delivery.webhook, message = %delivery.id, "A webhook leads to an address that is not dialled");
    }
    let (now, took) = (inner.now(), inner.world.steady().saturating_sub(begun));
    let can_disable = endpoint.url.is_some() && !once;
    let facts = Facts {
        outcome: receipt.outcome,
        tries: delivery.attempt - delivery.round,
        once,
        failing_since: endpoint.failing_since,
        can_disable,
        retry_after: receipt.retry_after,
        now,
    };
    let Next { then, disable } = after_attempt(&facts, inner.world.jitter());
    let health = if can_disable { health(&endpoint, receipt.outcome, disable, now) } else { Health::Unsaid };
    let Receipt { outcome, status, detail, .. } = receipt;
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    told(state(then, now), Some(AttemptRow { attempt: delivery.attempt, at, ms, outcome, status, detail }), health, now)
}

/// A success is news only of an endpoint that was not well.
fn health(endpoint: &EndpointRow, outcome: Outcome, disable: Option<Disabled>, now: Timestamp) -> Health {
    match (disable, outcome) {
        (Some(why), _) => Health::Over { why, failing_before: now.minus(FAILING_MAX) },
        (None, Outcome::Ok) if endpoint.failing_since.is_some() => Health::Well,
        (None, Outcome::Ok) => Health::Unsaid,
        (None, _) => Health::Failing,
    }
}

/// What messages are signed with at this moment: the newest first.
fn secrets(inner: &Inner, endpoint: &EndpointRow, now: Timestamp) -> Result<Vec<SigningSecret>, String> {
    let sealed = std::iter::once(&endpoint.secret)
        .chain(endpoint.old_secret.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret));
    let open = |sealed: &Vec<u8>| {
        let plain = inner.hooks.vault.open(&purpose(endpoint.id), sealed).map_err(|error| error.to_string())?;
        SigningSecret::of(plain).ok_or_else(|| "it is not a signing secret".to_owned())
    };
    sealed.map(open).collect::<Result<_, String>>().map_err(|why| {
        tracing::error!(webhook = %endpoint.id, why, "A signing secret cannot be read");
        format!("the signing secret cannot be read: {why}")
    })
}
