//! The generations and events the tests look at: every state and every event, constructed in one place each. A new
//! variant does not compile until it is here.

use copydesk_core::generation::event::{FallbackReason, Jitter, Success};
use copydesk_core::generation::{AttemptNo, Event, Failure, FailureCode, Generation, RowVersion, State, Terms, Wait};
use copydesk_core::{GenerationId, MicroCredits, NanoUsd, NodeId, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// A day's noon. Everything is said relative to it.
pub const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);
pub const NODE: NodeId = NodeId(Uuid::from_u128(1));
/// The attempt the samples are in; the one before it is the stale one.
pub const CURRENT: AttemptNo = AttemptNo(2);
pub const STALE: AttemptNo = AttemptNo(1);

pub fn at_s(seconds: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(seconds))
}

pub fn credits(micros: i64) -> MicroCredits {
    MicroCredits::new(micros).expect("tests name amounts of at least zero")
}

pub fn terms() -> Terms {
    Terms {
        accepted_at: NOON,
        deadline_at: at_s(3_600),
        attempt_timeout: Duration::from_secs(60),
        max_attempts: 3,
        attempts_per_model: 3,
        hold: credits(10),
        metered: None,
        cost_max: None,
    }
}

/// A generation of the second attempt with one attempt spent, row version 5.
pub fn generation(state: State) -> Generation {
    Generation {
        id: GenerationId(Uuid::from_u128(7)),
        terms: terms(),
        state,
        attempt: CURRENT,
        spent: 1,
        row_version: RowVersion(5),
    }
}

/// Every state, by its name. The inner match is the reminder: a new variant must be added above it.
pub fn states() -> Vec<(&'static str, State)> {
    let failure = Failure::new(FailureCode::Refused, "The model would not write this.");
    let states = vec![
        State::Pending { wait: Wait::Ready },
        State::Pending { wait: Wait::Scheduled { until: at_s(600) } },
        State::Pending { wait: Wait::BackingOff { until: at_s(600) } },
        State::Pending { wait: Wait::Target },
        State::Pending { wait: Wait::Held },
        State::Processing { node: NODE, claimed_at: NOON, attempt_deadline: at_s(60) },
        State::Completed { at: NOON, settled: credits(10) },
        State::Failed { at: NOON, failure },
        State::Cancelled { at: NOON },
    ];
    states.into_iter().map(|state| (state_name(&state), state)).collect()
}

pub fn state_name(state: &State) -> &'static str {
    match state {
        State::Pending { wait: Wait::Ready } => "pending, ready",
        State::Pending { wait: Wait::Scheduled { .. } } => "pending, scheduled",
        State::Pending { wait: Wait::BackingOff { .. } } => "pending, backing off",
        State::Pending { wait: Wait::Target } => "pending, target",
        State::Pending { wait: Wait::Held } => "pending, held",
        State::Processing { .. } => "processing",
        State::Completed { .. } => "completed",
        State::Failed { .. } => "failed",
        State::Cancelled { .. } => "cancelled",
    }
}

pub fn failed(attempt: AttemptNo, code: FailureCode, fallback: bool) -> Event {
    let failure = Failure::new(code, format!("It failed: {code}."));
    let fallback = fallback.then(|| FallbackReason("unparsable_answer".to_owned()));
    Event::AttemptFailed { attempt, failure, jitter: Jitter(0), fallback }
}

pub fn passed_over(attempt: AttemptNo, doors: Vec<Option<Timestamp>>) -> Event {
    let failure = Failure::new(FailureCode::RateLimited, "It was passed over.");
    Event::PassedOver { attempt, failure, doors }
}

/// Every event, current and stale where it names an attempt, with the variants of its data that decide differently.
pub fn events() -> Vec<(&'static str, Event)> {
    let succeeded = |attempt, success| Event::AttemptSucceeded { attempt, success, cost: Some(NanoUsd(1)) };
    let honest = || Success::Fallback(FallbackReason("empty_feed".to_owned()));
    let events = vec![
        ("claimed", Event::Claimed { node: NODE }),
        ("step finished", Event::StepFinished { attempt: CURRENT }),
        ("step finished, stale", Event::StepFinished { attempt: STALE }),
        ("succeeded", succeeded(CURRENT, Success::Generated)),
        ("succeeded, fallback", succeeded(CURRENT, honest())),
        ("succeeded, stopped", succeeded(CURRENT, Success::Stopped)),
        ("succeeded, stale", succeeded(STALE, Success::Generated)),
        ("failed, retryable", failed(CURRENT, FailureCode::ProviderError, false)),
        ("failed, retryable, has fallback", failed(CURRENT, FailureCode::OutputInvalid, true)),
        ("failed, for good", failed(CURRENT, FailureCode::Refused, false)),
        ("failed, for good, has fallback", failed(CURRENT, FailureCode::Refused, true)),
        ("failed, stale", failed(STALE, FailureCode::ProviderError, false)),
        ("passed over", passed_over(CURRENT, vec![Some(at_s(90))])),
        ("passed over, stale", passed_over(STALE, vec![None])),
        ("lease expired", Event::LeaseExpired { jitter: Jitter(0) }),
        ("deadline passed", Event::DeadlinePassed),
        ("handed back", Event::HandedBack { attempt: CURRENT }),
        ("handed back, stale", Event::HandedBack { attempt: STALE }),
        ("cancel requested", Event::CancelRequested),
        ("job paused", Event::JobPaused),
        ("job resumed", Event::JobResumed),
        ("more time requested", Event::ExtensionRequested { deadline_at: at_s(7_200) }),
        ("the same time requested", Event::ExtensionRequested { deadline_at: at_s(3_600) }),
        ("less time requested", Event::ExtensionRequested { deadline_at: at_s(3_599) }),
    ];
    for (_, event) in &events {
        // The reminder: a new variant must be added above.
        match event {
            Event::Claimed { .. }
            | Event::StepFinished { .. }
            | Event::AttemptSucceeded { .. }
            | Event::AttemptFailed { .. }
            | Event::PassedOver { .. }
            | Event::LeaseExpired { .. }
            | Event::DeadlinePassed
            | Event::HandedBack { .. }
            | Event::CancelRequested
            | Event::JobPaused
            | Event::JobResumed
            | Event::ExtensionRequested { .. } => {}
        }
    }
    events
}
