//! Every state meets every event: the whole table of what `transition` answers, as one snapshot. A change of one line
//! here is a change of what happens to people's work and credits; read it as such.

use crate::samples::{CURRENT, NODE, NOON, at_s, credits, events, generation, state_name, states};
use copydesk_core::NanoUsd;
use copydesk_core::generation::event::{FallbackReason, Success};
use copydesk_core::generation::{AttemptNo, Effect, Event, State, Verdict, Wait, transition};
use copydesk_core::ledger::{Margin, Metered};
use copydesk_core::refusal::Refusal;
use std::fmt::Write;

/// After the sample's attempt began; the deadline has passed only for the event that says so.
fn now(event: &Event) -> copydesk_core::Timestamp {
    match event {
        Event::DeadlinePassed => at_s(3_600),
        Event::Claimed { .. }
        | Event::StepFinished { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::PassedOver { .. }
        | Event::LeaseExpired { .. }
        | Event::HandedBack { .. }
        | Event::CancelRequested
        | Event::JobPaused
        | Event::JobResumed
        | Event::ExtensionRequested { .. } => at_s(30),
    }
}

fn next(state: &State) -> String {
    match state {
        State::Pending { wait: Wait::BackingOff { until } } => {
            format!("pending, backing off until +{}s", until.since(NOON).as_secs())
        }
        State::Processing { attempt_deadline, .. } => {
            format!("processing until +{}s", attempt_deadline.since(NOON).as_secs())
        }
        State::Completed { settled, .. } => format!("completed, settled {}", settled.micros()),
        State::Failed { failure, .. } => format!("failed ({})", failure.code),
        State::Pending { .. } | State::Cancelled { .. } => state_name(state).to_owned(),
    }
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::StoreVersion(origin) => format!("store {}", origin.as_str()),
        Effect::MoveDraft(order) => format!("draft {order:?}"),
        Effect::SettleHold(amount) => format!("settle {}", amount.micros()),
        Effect::ReleaseHold(amount) => format!("release {}", amount.micros()),
        Effect::Absorb(amount) => format!("absorb {}", amount.micros()),
        Effect::FreeTarget => "free target".to_owned(),
        Effect::Requeue => "requeue".to_owned(),
        Effect::Announce(kind) => format!("announce {}", kind.as_str()),
    }
}

fn verdict(state: &State, event: &Event) -> String {
    let before = generation(state.clone());
    match transition(&before, event, now(event)) {
        Err(refusal) => format!("refused: {}", refusal.code()),
        Ok(Verdict::Late) => "late: usage only".to_owned(),
        Ok(Verdict::Nothing) => "nothing".to_owned(),
        Ok(Verdict::Change(decision)) => {
            let effects: Vec<String> = decision.effects.iter().map(effect).collect();
            let deadline = decision.deadline_at.map(|at| format!(" deadline +{}s", at.since(NOON).as_secs()));
            format!(
                "{} | attempt {} spent {} row {}{} | {}",
                next(&decision.next),
                decision.attempt.0,
                decision.spent,
                decision.row_version.0,
                deadline.unwrap_or_default(),
                effects.join(", ")
            )
        }
    }
}

#[test]
fn every_state_meets_every_event() {
    let mut table = String::from("Before: attempt 2, spent 1 of 3, row 5, hold 10, deadline +3600s; now +30s.\n");
    for (state_name, state) in states() {
        writeln!(table, "\n{state_name}").unwrap();
        for (event_name, event) in events() {
            writeln!(table, "  {event_name:<32} -> {}", verdict(&state, &event)).unwrap();
        }
    }
    insta::assert_snapshot!("transition_matrix", table);
}

#[test]
fn a_metered_price_takes_what_the_result_cost_and_gives_the_rest_back() {
    // One micro-credit for one billionth of a dollar; 10 are held, 2 are the least.
    let rate = Metered { per_usd: credits(1_000_000_000), margin: Margin(0), min: credits(2) };
    let processing = State::Processing { node: NODE, claimed_at: NOON, attempt_deadline: at_s(60) };
    let mut before = generation(processing);
    before.terms.metered = Some(rate);
    let money = |success: Success, cost: Option<i64>| {
        let event = Event::AttemptSucceeded { attempt: CURRENT, success, cost: cost.map(NanoUsd) };
        let Ok(Verdict::Change(decision)) = transition(&before, &event, at_s(30)) else { panic!("it counts") };
        let moves = |it: &&Effect| matches!(it, Effect::SettleHold(_) | Effect::ReleaseHold(_) | Effect::Absorb(_));
        decision.effects.iter().filter(moves).map(effect).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(money(Success::Generated, Some(7)), "settle 7, release 3");
    assert_eq!(money(Success::Stopped, Some(7)), "settle 7, release 3");
    assert_eq!(money(Success::Generated, Some(10)), "settle 10");
    assert_eq!(money(Success::Generated, Some(25)), "settle 10, absorb 15");
    assert_eq!(money(Success::Generated, Some(0)), "settle 2, release 8");
    assert_eq!(money(Success::Generated, None), "settle 2, release 8", "an unknown cost takes the least");
    assert_eq!(money(Success::Fallback(FallbackReason("empty_feed".to_owned())), Some(7)), "release 10");
    before.terms.metered = Some(Metered { min: credits(0), ..rate });
    let event = Event::AttemptSucceeded { attempt: CURRENT, success: Success::Generated, cost: None };
    let Ok(Verdict::Change(decision)) = transition(&before, &event, at_s(30)) else { panic!("it counts") };
    assert!(decision.effects.contains(&Effect::ReleaseHold(credits(10))), "nothing is ever settled as zero");
}

#[test]
fn a_deadline_that_has_passed_can_still_be_moved_but_only_beyond_now() {
    let before = generation(State::Pending { wait: Wait::Ready });
    let asked = |deadline_at| transition(&before, &Event::ExtensionRequested { deadline_at }, at_s(3_700));
    let refused = |answer: Result<Verdict, _>| matches!(answer, Err(Refusal::DeadlineNotLater { .. }));
    assert!(refused(asked(at_s(3_700))), "later than it was, and over all the same");
    let Ok(Verdict::Change(decision)) = asked(at_s(3_701)) else { panic!("nobody has ended it yet") };
    assert_eq!((decision.deadline_at, decision.next), (Some(at_s(3_701)), before.state));
}

#[test]
fn a_pause_holds_only_what_was_never_attempted_and_a_resume_gives_its_place_back() {
    for (_, state) in states() {
        for attempt in [0, 1] {
            let mut before = generation(state.clone());
            (before.attempt, before.spent) = (AttemptNo(attempt), 0);
            let held = transition(&before, &Event::JobPaused, at_s(30));
            let holds = state == State::Pending { wait: Wait::Ready } && attempt == 0;
            match held {
                Ok(Verdict::Change(decision)) if holds => {
                    assert_eq!(decision.next, State::Pending { wait: Wait::Held });
                    let held = copydesk_core::generation::Generation {
                        state: decision.next,
                        row_version: decision.row_version,
                        ..before.clone()
                    };
                    let Ok(Verdict::Change(back)) = transition(&held, &Event::JobResumed, at_s(40)) else {
                        panic!("it goes on")
                    };
                    assert_eq!((back.next, back.row_version.0), (state.clone(), before.row_version.0 + 2));
                }
                other => assert_eq!((other, holds), (Ok(Verdict::Nothing), false), "{state:?}, attempt {attempt}"),
            }
        }
    }
}

#[test]
fn an_event_before_its_time_changes_nothing() {
    for (_, state) in states() {
        let before = generation(state);
        assert_eq!(transition(&before, &Event::DeadlinePassed, at_s(3_599)), Ok(Verdict::Nothing));
    }
}
