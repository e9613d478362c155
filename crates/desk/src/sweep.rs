//! The sweeper: ends what is past its deadline, takes back what a dead node ran, closes calls nobody will report. It runs
//! on every node, needs no leader, and running it twice is running it once, because each write names the state it saw.

use crate::abandon::clean_up_after;
use crate::accept::next_model;
use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use crate::figures;
use crate::mail;
use crate::making::unknown_start;
use crate::metrics::Tally;
use crate::sign_in;
use copydesk_core::generation::event::Jitter;
use copydesk_core::generation::{AttemptNo, Event, Failure, FailureCode, State, Status, Verdict, transition};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::recipe::step::{counts_tokens, starts_job};
use copydesk_core::time::Age;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::generations::{Applied, Change, Fence, Overdue, OverdueReason, SweepRequest, Turn, Write};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many generations one page of a sweep looks at.
const PAGE: u32 = 500;
/// After how long the beginning of a file belongs to nobody: no attempt lasts that long.
const LITTER_AFTER: Duration = Duration::from_secs(48 * 3_600);
/// How often they are looked for, and how many are removed at a time.
const LITTER_EVERY: Duration = Duration::from_secs(3_600);
const LITTER_MAX: usize = 1_000;

/// What a sweep did, or would do.
#[derive(Clone, PartialEq, Debug)]
pub struct Swept {
    pub generation: GenerationId,
    pub attempt: AttemptNo,
    pub status: Status,
    pub age: Duration,
    /// What was (or would be) decided: `failed`, or back to `pending`.
    pub becomes: Status,
    /// Where a job or files may have to be cleaned up behind it.
    pub(crate) leaves: Option<(Scope, GenerationId)>,
}

/// What is swept, and what it is counted as.
struct Ended {
    swept: Swept,
    tally: Tally,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let desk = Desk { inner: Arc::clone(inner) };
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.world.sleep(desk.inner.config.sweep_every) => {}
            }
            if let Err(error) = desk.sweep_once().await {
                tracing::error!(%error, "The sweep failed; it is tried again at the next beat");
            }
        }
    });
}

/// Removes beginnings of files that a dead process left behind, files that have expired, and sign-ins and links that are
/// over.
pub(crate) fn spawn_tidying(inner: &Arc<Inner>) {
    let inner = Arc::clone(inner);
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = inner.world.sleep(LITTER_EVERY) => {}
            }
            let desk = Desk { inner: Arc::clone(&inner) };
            if let Err(error) = desk.drop_stale_staged().await {
                tracing::warn!(%error, "Items of jobs that were never made could not be removed");
            }
            let before = inner.now().minus(LITTER_AFTER);
            if let Err(error) = inner.assets.remove_litter(before, LITTER_MAX).await {
                tracing::warn!(%error, "Beginnings of files could not be removed");
            }
            match desk.tidy_files().await {
                Ok(0) => {}
                Ok(removed) => {
                    tracing::info!(files = removed, "Files that have expired or belong to nobody were removed")
                }
                Err(error) => tracing::warn!(%error, "Files that have expired could not be removed"),
            }
            if let Err(error) = sign_in::forget(&inner).await {
                tracing::warn!(%error, "Sign-ins that are over could not be removed");
            }
        }
    });
}

impl Desk {
    /// One sweep over everything that is due now. Returns what was ended or taken back.
    pub async fn sweep_once(&self) -> Result<Vec<Swept>, DeskError> {
        let doubts = self.settle_doubts().await;
        let lost = mail::lose(&self.inner, self.only_worker()).await.map(drop);
        let swept = self.sweep(None, false).await;
        swept.iter().for_each(|swept| say_failed(swept));
        let now = self.inner.now();
        let before = now.minus(self.inner.config.orphan_call_after);
        let closed = self.store().close_orphan_calls(now, before, PAGE).await?;
        if closed > 0 {
            tracing::warn!(calls = closed, "Calls without an end were closed as lost");
        }
        let expired = if self.inner.config.credits { self.expire_credits().await.map(drop) } else { Ok(()) };
        doubts.and(lost).and(expired).and(swept)
    }

    /// Ends every generation older than `max_age`, whatever its deadline. With `dry_run` nothing is written.
    pub async fn cleanup_stale(&self, max_age: Duration, dry_run: bool) -> Result<Vec<Swept>, DeskError> {
        let swept = self.sweep(Some(self.inner.now().minus(max_age)), dry_run).await?;
        if !dry_run {
            say_failed(&swept);
        }
        Ok(swept.into_iter().filter(|one| one.becomes == Status::Failed).collect())
    }

    /// A desk that only looks has no lease of its own, so it cannot be the only living one.
    fn only_worker(&self) -> bool {
        self.inner.alone && self.inner.working.load(Ordering::Acquire)
    }

    /// Errors: the first one, after everything that could be swept was.
    async fn sweep(&self, stale_before: Option<Timestamp>, dry_run: bool) -> Result<Vec<Swept>, DeskError> {
        let inner = &self.inner;
        let now = inner.now();
        let only_worker = self.only_worker();
        let mut request = SweepRequest {
            now,
            lost_before: now.minus(inner.config.lease),
            only_living: only_worker.then_some(inner.node),
            attempt_grace: inner.config.attempt_grace,
            stale_before,
            limit: PAGE,
            after: None,
        };
        let (mut swept, mut first_error) = (Vec::new(), None);
        loop {
            let page = self.store().overdue(request.clone()).await?;
            let Some(last) = page.last() else { break };
            request.after = Some(last.generation.id);
            let more = page.len() == PAGE as usize;
            let decided: Vec<(Ended, Write)> =
                page.iter().filter_map(|overdue| self.decide(overdue, stale_before, now)).collect();
            if dry_run {
                swept.extend(decided.into_iter().map(|(end, _)| end.swept));
            } else if let Err(error) = self.write(decided, now, &mut swept).await {
                tracing::error!(%error, "Some of what is overdue could not be swept");
                first_error.get_or_insert(error);
            }
            if !more {
                break;
            }
        }
        match first_error {
            Some(error) => Err(error.into()),
            None => Ok(swept),
        }
    }

    /// Writes a page, and one by one what the store refuses as a whole: one contradiction must not hide the others.
    async fn write(&self, page: Vec<(Ended, Write)>, now: Timestamp, swept: &mut Vec<Swept>) -> Result<(), StoreError> {
        if page.is_empty() {
            return Ok(());
        }
        let (ends, writes): (Vec<Ended>, Vec<Write>) = page.into_iter().unzip();
        let error = match self.store().turn(Turn { now, writes: writes.clone(), claim: None }).await {
            Ok(answer) => {
                self.note(ends, answer.applied, swept);
                return Ok(());
            }
            Err(error) => error,
        };
        let may_pass_later = error.retryable() || matches!(error, StoreError::CommitUnknown(_));
        if may_pass_later || ends.len() == 1 {
            return Err(error);
        }
        let mut first_error = Ok(());
        for (end, write) in ends.into_iter().zip(writes) {
            match self.store().turn(Turn { now, writes: vec![write], claim: None }).await {
                Ok(answer) => self.note(vec![end], answer.applied, swept),
                Err(error) => first_error = first_error.and(Err(error)),
            }
        }
        first_error
    }

    /// Tells everybody in this process what was swept.
    fn note(&self, ends: Vec<Ended>, applied: Vec<Applied>, swept: &mut Vec<Swept>) {
        let mut ended = Vec::new();
        for (Ended { swept: end, tally }, applied) in ends.into_iter().zip(applied) {
            // Lost means that its worker or its owner was quicker: there is nothing left to do.
            if !matches!(applied, Applied::Done { .. }) {
                continue;
            }
            self.inner.metrics.count(tally, &applied);
            if end.becomes == Status::Failed {
                ended.extend(end.leaves);
                let hours = end.age.as_secs_f64() / 3_600.0;
                tracing::warn!("Marked stale creation {} as failed (age: {hours:.1}h)", end.generation);
            }
            self.inner.live.stop(end.generation, end.attempt);
            self.inner.live.signal(end.generation);
            swept.push(end);
        }
        clean_up_after(&self.inner, ended);
        self.inner.wake.notify_one();
    }

    fn runs_here(&self, state: &State) -> bool {
        match state {
            State::Processing { node, .. } => *node == self.inner.node,
            State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => false,
        }
    }

    /// The write for one overdue generation; `None` when the core says there is nothing to do.
    fn decide(&self, overdue: &Overdue, stale_before: Option<Timestamp>, now: Timestamp) -> Option<(Ended, Write)> {
        let world = &self.inner.world;
        let mut generation = overdue.generation.clone();
        // Asked for by hand, an end by age comes before anything else: what went back to the queue would be found again.
        let stale = stale_before.is_some_and(|before| generation.terms.accepted_at < before);
        let reason = if stale { OverdueReason::Stale } else { overdue.reason };
        if reason == OverdueReason::NodeLost && self.runs_here(&generation.state) {
            // Our own beat is late, because this process was asleep or the store was away; what runs here still runs.
            return None;
        }
        let event = match reason {
            OverdueReason::Deadline => Event::DeadlinePassed,
            // A job may have been started that nobody knows: it is not started again blindly.
            OverdueReason::NodeLost | OverdueReason::AttemptOverran if starts_job(&overdue.operation) => {
                failed_attempt(generation.attempt, unknown_start("The provider"), world.jitter())
            }
            OverdueReason::NodeLost => Event::LeaseExpired { jitter: world.jitter() },
            OverdueReason::AttemptOverran => overran(generation.attempt, world.jitter()),
            OverdueReason::Stale => {
                // Somebody set a shorter limit by hand: for this decision the deadline is now.
                generation.terms.deadline_at = generation.terms.deadline_at.min(now);
                stale_before?;
                Event::DeadlinePassed
            }
        };
        let Ok(Verdict::Change(decision)) = transition(&generation, &event, now) else { return None };
        let swept = Swept {
            generation: generation.id,
            attempt: generation.attempt,
            status: generation.state.status(),
            age: now.since(generation.terms.accepted_at),
            becomes: decision.next.status(),
            leaves: (!counts_tokens(&overdue.operation)).then_some((overdue.scope, generation.id)),
        };
        tracing::debug!(generation = %generation.id, age = %Age(swept.age), ?reason, "swept");
        let closes = overdue.open_call.map(|call| {
            let guess = figures::estimate(overdue.input_bytes, 0);
            let usage = if counts_tokens(&overdue.operation) { guess } else { TokenUsage::default() };
            figures::close_without_report(call, CallOutcome::Lost, usage, None, figures::Timing::default())
        });
        let next_model = next_model(&self.inner, &overdue.recipe, &generation, &decision);
        let change = Change::of(overdue.scope, now, Fence::of(&generation), decision, world.transfer_ids(now));
        let write = Write::Change(Box::new(Change { closes, next_model, ..change }));
        let tally = Tally::of(&write, &overdue.recipe, &overdue.model, &generation.state);
        Some((Ended { swept, tally }, write))
    }
}

/// In the words of the system whose operators look for them.
fn say_failed(swept: &[Swept]) {
    let failed = swept.iter().filter(|one| one.becomes == Status::Failed).count();
    if failed > 0 {
        tracing::info!("Auto-cleanup: Marked {failed} stale creations as failed");
    }
}

fn overran(attempt: AttemptNo, jitter: Jitter) -> Event {
    let failure = Failure::new(FailureCode::AttemptTimeout, "The attempt did not finish within its time limit.");
    failed_attempt(attempt, failure, jitter)
}

fn failed_attempt(attempt: AttemptNo, failure: Failure, jitter: Jitter) -> Event {
    Event::AttemptFailed { attempt, failure, jitter, fallback: None }
}
