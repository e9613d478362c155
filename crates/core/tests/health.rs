//! The laws of the circuit breaker and of the rates, on random histories.

use copydesk_core::generation::{FailureCode, FaultOf};
use copydesk_core::health::breaker::{ASKED_MAX, COOLDOWN_MAX, FAULTS_SPAN};
use copydesk_core::health::{Ended, Fault, Health, Paid, Rate, Stance, after, stance};
use copydesk_core::{Timestamp, Tokens};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

fn any_fault() -> impl Strategy<Value = Fault> {
    let of = prop::sample::select(vec![FaultOf::Request, FaultOf::Model, FaultOf::Provider]);
    let code = prop::sample::select(FailureCode::ALL.to_vec());
    (of, code, prop::option::of(0_u64..2_000)).prop_map(|(of, code, wait)| {
        let retry_after = wait.map(Duration::from_secs);
        Fault { of, code, message: "It failed.".to_owned(), retry_after }
    })
}

fn any_end() -> impl Strategy<Value = Ended> {
    prop_oneof![1 => Just(Ended::Answered), 5 => any_fault().prop_map(Ended::Failed)]
}

/// Milliseconds since the last sign, how long the call took, how it ended.
fn any_history() -> impl Strategy<Value = Vec<(u64, u64, Ended)>> {
    prop::collection::vec((0_u64..20_000, 0_u64..60_000, any_end()), 0..60)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Follows the history; `look` sees the row before and after each sign, and when the call began and ended.
fn follow(
    history: &[(u64, u64, Ended)],
    mut look: impl FnMut(Option<&Health>, Option<&Health>, &Ended, Timestamp, Timestamp),
) -> (Option<Health>, Timestamp) {
    let (mut health, mut now) = (None, START);
    for (pause, took, ended) in history {
        now = now.plus(ms(*pause));
        let began = now.minus(ms(*took));
        let next = after(health.as_ref(), ended, began, now);
        look(health.as_ref(), next.as_ref(), ended, began, now);
        health = next;
    }
    (health, now)
}

fn end(health: Option<&Health>) -> Option<Timestamp> {
    health.and_then(|health| health.open_until)
}

proptest! {
    #[test]
    fn nothing_is_left_alone_longer_than_the_caps(history in any_history()) {
        follow(&history, |_, after, ended, _, now| {
            if let Stance::Open { until } = stance(after, now) {
                let asked = matches!(ended, Ended::Failed(fault) if fault.retry_after.is_some());
                assert!(until <= now.plus(ASKED_MAX), "{until} at {now}");
                let own = after.is_some_and(|health| health.since == now) && !asked;
                assert!(!own || until <= now.plus(COOLDOWN_MAX), "{until} at {now}");
            }
        });
    }

    #[test]
    fn a_success_that_began_since_the_opening_or_after_the_cooldown_always_closes(history in any_history()) {
        let (health, now) = follow(&history, |_, _, _, _, _| {});
        let since = health.as_ref().map_or(START, |health| health.since);
        prop_assert_eq!(after(health.as_ref(), &Ended::Answered, since, now), None);
        let later = end(health.as_ref()).unwrap_or(now).max(now);
        prop_assert_eq!(after(health.as_ref(), &Ended::Answered, START, later), None);
    }

    #[test]
    fn a_fault_never_ends_a_cooldown_sooner(history in any_history()) {
        follow(&history, |before, after, ended, _, now| {
            let was_open = matches!(stance(before, now), Stance::Open { .. });
            if was_open && matches!(ended, Ended::Failed(_)) {
                assert!(end(after) >= end(before));
            }
        });
    }

    #[test]
    fn what_judges_the_request_says_nothing_of_the_model(history in any_history()) {
        follow(&history, |before, after, ended, _, _| {
            if matches!(ended, Ended::Failed(Fault { of: FaultOf::Request, .. })) {
                assert!(before == after || after.is_none(), "it adds nothing");
            }
        });
    }

    /// However many calls end at once: what is merely counted opens only when it goes on for a while.
    #[test]
    fn faults_without_an_explicit_reason_never_open_within_the_span(
        spans in prop::collection::vec(0_u64..400, 1..40),
        codes in prop::collection::vec(prop::sample::select(vec![
            FailureCode::ProviderError, FailureCode::RateLimited, FailureCode::ProviderTimeout,
        ]), 40),
    ) {
        let fault = |code| Ended::Failed(Fault {
            of: FaultOf::Model, code, message: "It failed.".to_owned(), retry_after: None,
        });
        let history: Vec<_> = spans.iter().zip(codes).map(|(pause, code)| (*pause, 0, fault(code))).collect();
        let mut first = None;
        follow(&history, |before, after, _, _, now| {
            let began = *first.get_or_insert(now);
            let opened = end(before).is_none() && end(after).is_some();
            assert!(!opened || now.since(began) >= FAULTS_SPAN, "opened {:?} after the first", now.since(began));
        });
    }

    /// Faults of one instant, after one some seconds ago: where the cooldown ends may depend on which of them opened, but whether there is one does
    /// not depend on their order, unless the provider named times of its own.
    #[test]
    fn the_order_of_faults_of_one_instant_does_not_decide_whether_it_opens(
        faults in prop::collection::vec(any_fault(), 1..12), turn in 0_usize..12,
    ) {
        let open = |faults: &[Fault]| {
            let fold = |health: Option<Health>, fault: &Fault| {
                after(health.as_ref(), &Ended::Failed(fault.clone()), START, START)
            };
            let first = Fault { of: FaultOf::Model, code: FailureCode::ProviderError, retry_after: None, ..faults[0].clone() };
            let first = after(None, &Ended::Failed(first), START.minus(FAULTS_SPAN), START.minus(FAULTS_SPAN));
            !matches!(stance(faults.iter().fold(first, fold).as_ref(), START), Stance::Closed)
        };
        let mut turned = faults.clone();
        turned.rotate_left(turn % faults.len());
        prop_assert_eq!(open(&faults), open(&turned));
    }

    #[test]
    fn no_window_sees_more_requests_than_the_rate_and_one_burst(
        per_minute in 1_u32..5_000, pauses in prop::collection::vec((0_u64..4_000, 1_u32..40), 1..200),
    ) {
        let rate = Rate { requests_per_minute: NonZeroU32::new(per_minute), tokens_per_minute: None };
        let (mut paid, mut now, mut starts) = (Paid::default(), START, vec![]);
        for (pause, wanted) in pauses {
            now = now.plus(ms(pause));
            let given = rate.room(paid, now).min(wanted);
            prop_assert_eq!(given == 0, rate.opens_at(paid, now).is_some());
            if given > 0 {
                paid = paid.plus(rate.cost(given, Tokens(0)), now);
                starts.push((now, given));
            }
        }
        let burst = u64::from(per_minute / 12).max(1);
        for (first, (begin, _)) in starts.iter().enumerate() {
            let mut sum = 0;
            for (instant, given) in &starts[first..] {
                sum += u64::from(*given);
                let window_us = instant.since(*begin).as_micros() as u64;
                let most = window_us * u64::from(per_minute) / 60_000_000 + burst;
                prop_assert!(sum <= most, "{sum} in {window_us} us at {per_minute} a minute");
            }
        }
    }

    #[test]
    fn room_comes_exactly_when_it_is_said_to_come(per_minute in 1_u32..5_000, given in 1_u32..500) {
        let rate = Rate { requests_per_minute: NonZeroU32::new(per_minute), tokens_per_minute: None };
        let paid = Paid::default().plus(rate.cost(given, Tokens(0)), START);
        if let Some(at) = rate.opens_at(paid, START) {
            prop_assert!(rate.room(paid, at) > 0);
            prop_assert_eq!(rate.room(paid, at.minus(Duration::from_micros(1))), 0);
        }
    }

    #[test]
    fn tokens_used_over_a_long_time_stay_within_the_rate(
        per_minute in 60_u32..1_000_000, used in prop::collection::vec(1_i64..20_000, 1..100),
    ) {
        let rate = Rate { requests_per_minute: None, tokens_per_minute: NonZeroU32::new(per_minute) };
        let (mut paid, mut now, mut sum) = (Paid::default(), START, 0_i128);
        for tokens in used {
            now = rate.opens_at(paid, now).unwrap_or(now);
            paid = paid.plus(rate.cost(0, Tokens(tokens)), now);
            sum += i128::from(tokens);
            let most = (now.since(START).as_micros() as i128 + 15_000_000) * i128::from(per_minute) / 60_000_000;
            // The call under way is never cut off: it may overshoot by itself.
            prop_assert!(sum <= most + i128::from(tokens) + 1, "{sum} of {most}");
        }
    }
}
