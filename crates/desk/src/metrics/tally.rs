//! What a write will have to be counted as, noted while its parts are at hand and counted once it is durable.

use copydesk_core::MicroCredits;
use copydesk_core::generation::{Decision, Effect, FailureCode, State, Status};
use copydesk_core::ledger::TransferKind;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::generations::{Fence, Write};
use copydesk_store::usage::ClosedCall;
use std::time::Duration;

pub(crate) struct Tally {
    /// Of a change.
    pub fence: Option<Fence>,
    pub recipe: String,
    /// `provider/model`
    pub model: String,
    pub call: Option<CallTally>,
    pub end: Option<EndTally>,
}

pub(crate) struct CallTally {
    pub outcome: CallOutcome,
    pub input: u64,
    pub output: u64,
    /// Units: nano-dollars; `None` is unpriced.
    pub cost: Option<u64>,
}

pub(crate) struct EndTally {
    pub outcome: Status,
    pub deadline: bool,
    /// Since the claim, where there was one.
    pub processing: Option<Duration>,
    /// What the end does with the hold.
    pub credits: Vec<(TransferKind, MicroCredits)>,
}

impl Tally {
    /// `before` is the state the write starts from.
    pub fn of(write: &Write, recipe: &str, model: &str, before: &State) -> Tally {
        let (fence, call, end) = match write {
            Write::Late { call, .. } => {
                (None, Some(CallTally { outcome: late(call.outcome), ..CallTally::of(call) }), None)
            }
            Write::Change(change) => {
                (Some(change.fence), change.closes.as_ref().map(CallTally::of), end(&change.decision, before))
            }
        };
        Tally { fence, recipe: recipe.to_owned(), model: model.to_owned(), call, end }
    }
}

impl CallTally {
    fn of(call: &ClosedCall) -> CallTally {
        let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let tokens = |tokens: Option<copydesk_core::Tokens>| whole(tokens.map(|tokens| tokens.0)).unwrap_or_default();
        CallTally {
            outcome: call.outcome,
            input: tokens(call.usage.input),
            output: tokens(call.usage.output),
            cost: whole(call.cost.map(|cost| cost.0)),
        }
    }
}

/// What a call is booked as whose attempt was over when it came back.
pub(super) fn late(outcome: CallOutcome) -> CallOutcome {
    match outcome {
        CallOutcome::NotSent => CallOutcome::NotSent,
        CallOutcome::Ok | CallOutcome::Failed | CallOutcome::Cancelled | CallOutcome::Lost | CallOutcome::Late => {
            CallOutcome::Late
        }
    }
}

fn end(decision: &Decision, before: &State) -> Option<EndTally> {
    let (at, deadline) = match &decision.next {
        State::Completed { at, .. } | State::Cancelled { at } => (*at, false),
        State::Failed { at, failure } => (*at, failure.code == FailureCode::DeadlineExceeded),
        State::Pending { .. } | State::Processing { .. } => return None,
    };
    let processing = match before {
        State::Processing { claimed_at, .. } => Some(at.since(*claimed_at)),
        State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => None,
    };
    let credits = decision.effects.iter().filter_map(moved).collect();
    Some(EndTally { outcome: decision.next.status(), deadline, processing, credits })
}

fn moved(effect: &Effect) -> Option<(TransferKind, MicroCredits)> {
    match effect {
        Effect::SettleHold(amount) => Some((TransferKind::Settle, *amount)),
        Effect::ReleaseHold(amount) => Some((TransferKind::Release, *amount)),
        Effect::Absorb(amount) => Some((TransferKind::Absorb, *amount)),
        Effect::StoreVersion(_) | Effect::MoveDraft(_) | Effect::FreeTarget | Effect::Requeue | Effect::Announce(_) => {
            None
        }
    }
}
