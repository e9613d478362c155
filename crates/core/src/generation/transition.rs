//! The one function that decides what happens to a generation. It is total: every state meets every event, and the
//! matrix of all answers is a snapshot test (`tests/transition_matrix.rs`). No other code writes a state.

use super::effect::{Announcement, Decision, DraftMove, Effect, Origin};
use super::event::{Event, Jitter, Success};
use super::failure::{Failure, FailureCode};
use super::retry::{self, Next};
use super::state::{AttemptNo, Generation, RowVersion, State, Status, Terms, Wait};
use crate::ledger::price::{self, Charge};
use crate::refusal::Refusal;
use crate::time::Age;
use crate::{MicroCredits, NanoUsd, NodeId, Timestamp};

/// The answer to an event.
#[allow(clippy::large_enum_variant, reason = "it lives for a moment and is nearly always the large one")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Write this.
    Change(Decision),
    /// The attempt is no longer the current one: book what it used, change nothing else.
    Late,
    /// The event no longer applies (swept twice, a lease found alive): do nothing.
    Nothing,
}

/// Decides what `event` means for `generation` at `now`.
///
/// Errors: [`Refusal::AlreadyTerminal`] when a command comes after the end; [`Refusal::NotClaimable`] when a claim
/// meets something that is not ready; [`Refusal::DeadlineNotLater`] when an extension would take time away.
/// Invariant: a final state never changes; `settle + release = hold` for every final state; the row version rises by one.
pub fn transition(generation: &Generation, event: &Event, now: Timestamp) -> Result<Verdict, Refusal> {
    match &generation.state {
        State::Pending { wait } => pending(generation, *wait, event, now),
        State::Processing { .. } => processing(generation, event, now),
        State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => finished(generation, event),
    }
}

fn pending(generation: &Generation, wait: Wait, event: &Event, now: Timestamp) -> Result<Verdict, Refusal> {
    Ok(match event {
        Event::Claimed { node } => match wait {
            Wait::Ready => Verdict::Change(claimed(generation, *node, now)),
            Wait::Scheduled { .. } | Wait::BackingOff { .. } | Wait::Target | Wait::Held => {
                return Err(Refusal::NotClaimable { status: Status::Pending });
            }
        },
        Event::DeadlinePassed => deadline(generation, now),
        Event::CancelRequested => Verdict::Change(cancelled(generation, now)),
        Event::ExtensionRequested { deadline_at } => return extended(generation, *deadline_at, now),
        Event::JobPaused => held(generation, wait),
        Event::JobResumed => released(generation, wait),
        Event::LeaseExpired { .. } => Verdict::Nothing,
        Event::StepFinished { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::PassedOver { .. }
        | Event::HandedBack { .. } => Verdict::Late,
    })
}

fn processing(generation: &Generation, event: &Event, now: Timestamp) -> Result<Verdict, Refusal> {
    let current = |attempt: &AttemptNo| *attempt == generation.attempt;
    Ok(match event {
        Event::StepFinished { attempt } if current(attempt) => Verdict::Change(step(generation)),
        Event::AttemptSucceeded { attempt, success, cost } if current(attempt) => {
            Verdict::Change(succeeded(generation, success, *cost, now))
        }
        Event::AttemptFailed { attempt, failure, jitter, fallback } if current(attempt) => {
            let substitute = fallback.as_ref().map(|reason| Success::Fallback(reason.clone()));
            Verdict::Change(failed_attempt(generation, failure, *jitter, substitute.as_ref(), now))
        }
        Event::PassedOver { attempt, failure, doors } if current(attempt) => {
            let (spent, wait) = retry::pass_over(&generation.terms, generation.spent, doors);
            Verdict::Change(tried_again(generation, failure, spent, wait))
        }
        Event::HandedBack { attempt } if current(attempt) => {
            Verdict::Change(requeued(generation, generation.spent, Wait::Ready, vec![]))
        }
        Event::LeaseExpired { jitter } => {
            let lost = Failure::new(FailureCode::LeaseLost, "The server that was working on this stopped.");
            Verdict::Change(failed_attempt(generation, &lost, *jitter, None, now))
        }
        Event::DeadlinePassed => deadline(generation, now),
        Event::CancelRequested => Verdict::Change(cancelled(generation, now)),
        Event::ExtensionRequested { deadline_at } => return extended(generation, *deadline_at, now),
        Event::StepFinished { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::PassedOver { .. }
        | Event::HandedBack { .. } => Verdict::Late,
        Event::Claimed { .. } | Event::JobPaused | Event::JobResumed => Verdict::Nothing,
    })
}

fn finished(generation: &Generation, event: &Event) -> Result<Verdict, Refusal> {
    match event {
        Event::StepFinished { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::PassedOver { .. }
        | Event::HandedBack { .. } => Ok(Verdict::Late),
        Event::LeaseExpired { .. } | Event::DeadlinePassed | Event::JobPaused | Event::JobResumed => {
            Ok(Verdict::Nothing)
        }
        Event::Claimed { .. } => Err(Refusal::NotClaimable { status: generation.state.status() }),
        Event::CancelRequested | Event::ExtensionRequested { .. } => {
            Err(Refusal::AlreadyTerminal { status: generation.state.status() })
        }
    }
}

fn decide(generation: &Generation, next: State, effects: Vec<Effect>) -> Decision {
    Decision {
        next,
        attempt: generation.attempt,
        spent: generation.spent,
        row_version: RowVersion(generation.row_version.0 + 1),
        noted: None,
        deadline_at: None,
        effects,
    }
}

fn claimed(generation: &Generation, node: NodeId, now: Timestamp) -> Decision {
    let attempt_deadline = Event::attempt_deadline(now, generation.terms.attempt_timeout, generation.terms.deadline_at);
    let next = State::Processing { node, claimed_at: now, attempt_deadline };
    let mut decision = decide(generation, next, vec![Effect::MoveDraft(DraftMove::ToProcessing)]);
    decision.attempt = AttemptNo(generation.attempt.0 + 1);
    decision
}

/// A checkpoint: the state stays, the row version rises, so that a zombie of the same attempt cannot write it twice.
fn step(generation: &Generation) -> Decision {
    decide(generation, generation.state.clone(), vec![])
}

fn requeued(generation: &Generation, spent: u32, wait: Wait, more: Vec<Effect>) -> Decision {
    let mut effects = vec![Effect::Requeue, Effect::MoveDraft(DraftMove::ToPending)];
    effects.extend(more);
    let mut decision = decide(generation, State::Pending { wait }, effects);
    decision.spent = spent;
    decision
}

fn succeeded(generation: &Generation, success: &Success, cost: Option<NanoUsd>, now: Timestamp) -> Decision {
    let Terms { hold, metered, .. } = generation.terms;
    let free = Charge { settle: MicroCredits::ZERO, absorb: MicroCredits::ZERO };
    let (origin, charge) = match success {
        Success::Generated => (Origin::Generated, price::charge(hold, metered, cost)),
        Success::Stopped => (Origin::Stopped, price::charge(hold, metered, cost)),
        Success::Fallback(reason) => (Origin::Fallback(reason.clone()), free),
    };
    let mut effects = vec![Effect::StoreVersion(origin), Effect::MoveDraft(DraftMove::Fill), Effect::FreeTarget];
    if !charge.settle.is_zero() {
        effects.push(Effect::SettleHold(charge.settle));
    }
    release(&mut effects, hold.checked_sub(charge.settle).unwrap_or(MicroCredits::ZERO));
    if !charge.absorb.is_zero() {
        effects.push(Effect::Absorb(charge.absorb));
    }
    effects.push(Effect::Announce(Announcement::Completed));
    let mut decision = decide(generation, State::Completed { at: now, settled: charge.settle }, effects);
    decision.spent += 1;
    decision
}

fn tried_again(generation: &Generation, failure: &Failure, spent: u32, wait: Wait) -> Decision {
    let mut decision = requeued(generation, spent, wait, vec![Effect::Announce(Announcement::Retrying)]);
    decision.noted = Some(failure.clone());
    decision
}

fn failed_attempt(
    generation: &Generation,
    failure: &Failure,
    jitter: Jitter,
    substitute: Option<&Success>,
    now: Timestamp,
) -> Decision {
    let spent = generation.spent + 1;
    let again = |spent, wait| tried_again(generation, failure, spent, wait);
    match (retry::next(&generation.terms, generation.spent, failure, jitter, now), substitute) {
        (Next::RetryAt(until), _) => again(spent, Wait::BackingOff { until }),
        (Next::NextModel { spent }, _) => again(spent, Wait::Ready),
        (Next::GiveUp, Some(success)) => succeeded(generation, success, None, now),
        (Next::GiveUp, None) => {
            let mut decision = failed(generation, failure.clone(), now);
            decision.spent = spent;
            decision
        }
    }
}

fn deadline(generation: &Generation, now: Timestamp) -> Verdict {
    if now < generation.terms.deadline_at {
        return Verdict::Nothing;
    }
    let status = generation.state.status();
    let age = Age(now.since(generation.terms.accepted_at));
    let failure = Failure::new(
        FailureCode::DeadlineExceeded,
        format!("Generation timeout: Task stuck in {status} status for {age}"),
    );
    Verdict::Change(failed(generation, failure, now))
}

fn failed(generation: &Generation, failure: Failure, now: Timestamp) -> Decision {
    let mut effects = vec![Effect::MoveDraft(DraftMove::ToFailed), Effect::FreeTarget];
    release(&mut effects, generation.terms.hold);
    effects.push(Effect::Announce(Announcement::Failed));
    decide(generation, State::Failed { at: now, failure }, effects)
}

fn cancelled(generation: &Generation, now: Timestamp) -> Decision {
    let mut effects = vec![Effect::MoveDraft(DraftMove::ToCancelled), Effect::FreeTarget];
    release(&mut effects, generation.terms.hold);
    effects.push(Effect::Announce(Announcement::Cancelled));
    decide(generation, State::Cancelled { at: now }, effects)
}

/// What waits for its turn only and was never attempted is held; all else of a paused job goes on to its end.
fn held(generation: &Generation, wait: Wait) -> Verdict {
    match wait {
        Wait::Ready if generation.attempt.0 == 0 => {
            Verdict::Change(decide(generation, State::Pending { wait: Wait::Held }, vec![Effect::Requeue]))
        }
        Wait::Ready | Wait::Scheduled { .. } | Wait::BackingOff { .. } | Wait::Target | Wait::Held => Verdict::Nothing,
    }
}

/// Back to the place it had.
fn released(generation: &Generation, wait: Wait) -> Verdict {
    match wait {
        Wait::Held => Verdict::Change(decide(generation, State::Pending { wait: Wait::Ready }, vec![Effect::Requeue])),
        Wait::Ready | Wait::Scheduled { .. } | Wait::BackingOff { .. } | Wait::Target => Verdict::Nothing,
    }
}

/// More time. An attempt under way keeps the deadline of its own.
fn extended(generation: &Generation, deadline_at: Timestamp, now: Timestamp) -> Result<Verdict, Refusal> {
    let current = generation.terms.deadline_at;
    if deadline_at == current {
        return Ok(Verdict::Nothing);
    }
    if deadline_at < current || deadline_at <= now {
        return Err(Refusal::DeadlineNotLater { current, asked: deadline_at });
    }
    let mut decision = decide(generation, generation.state.clone(), vec![Effect::Announce(Announcement::Extended)]);
    decision.deadline_at = Some(deadline_at);
    Ok(Verdict::Change(decision))
}

fn release(effects: &mut Vec<Effect>, rest: MicroCredits) {
    if !rest.is_zero() {
        effects.push(Effect::ReleaseHold(rest));
    }
}
