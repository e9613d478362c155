//! Laws that hold for every sequence of events and every series of transfers, tried on thousands of random ones.

use crate::samples::{CURRENT, NODE, at_s, credits, failed, generation, passed_over, states, terms};
use copydesk_core::generation::event::{FallbackReason, Jitter, Success};
use copydesk_core::generation::{
    AttemptNo, Decision, Effect, Event, Failure, FailureCode, Generation, RetryPolicy, RowVersion, State, Verdict,
    Wait, transition,
};
use copydesk_core::ledger::lots::{expire, less, spend};
use copydesk_core::ledger::price::charge;
use copydesk_core::ledger::{Account, Balance, Lot, Margin, Metered, TransferKind, rules};
use copydesk_core::{GenerationId, MicroCredits, NanoUsd, Timestamp, TransferId};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

fn any_code() -> impl Strategy<Value = FailureCode> {
    prop::sample::select(FailureCode::ALL.to_vec())
}

fn any_failure() -> impl Strategy<Value = Failure> {
    (any_code(), prop::option::of(0_u64..2_000)).prop_map(|(code, retry_after)| Failure {
        retry_after: retry_after.map(Duration::from_secs),
        ..Failure::new(code, "It failed.")
    })
}

fn any_cost() -> impl Strategy<Value = Option<NanoUsd>> {
    let cost = prop_oneof![0_i64..1_000, any::<i64>()];
    prop::option::of(cost.prop_map(NanoUsd))
}

fn any_rate() -> impl Strategy<Value = Metered> {
    let amount = || prop_oneof![0_i64..2_000, 0_i64..=i64::MAX];
    (amount(), 0_u32..=Margin::MAX.0, amount()).prop_map(|(per_usd, margin, min)| Metered {
        per_usd: credits(per_usd),
        margin: Margin(margin),
        min: credits(min),
    })
}

/// An event; those of an attempt name the current one (0) or the one before (1).
fn any_event() -> impl Strategy<Value = (Event, u32)> {
    let reason = || FallbackReason("empty_feed".to_owned());
    let stale = prop_oneof![4 => Just(0_u32), 1 => Just(1)];
    let attempt = AttemptNo(0);
    let success = prop_oneof![Just(Success::Generated), Just(Success::Stopped), Just(Success::Fallback(reason()))];
    let failed = (any_failure(), any::<u16>(), any::<bool>()).prop_map(move |(failure, jitter, honest)| {
        Event::AttemptFailed { attempt, failure, jitter: Jitter(jitter), fallback: honest.then(reason) }
    });
    let doors = prop::collection::vec(prop::option::of((0_u64..600).prop_map(at_s)), 0..6);
    let event = prop_oneof![
        6 => Just(Event::Claimed { node: NODE }),
        2 => Just(Event::StepFinished { attempt }),
        1 => (success, any_cost()).prop_map(move |(success, cost)| Event::AttemptSucceeded { attempt, success, cost }),
        4 => failed,
        2 => any::<u16>().prop_map(|jitter| Event::LeaseExpired { jitter: Jitter(jitter) }),
        1 => Just(Event::DeadlinePassed),
        2 => Just(Event::HandedBack { attempt }),
        1 => (any_failure(), doors).prop_map(move |(failure, doors)| Event::PassedOver { attempt, failure, doors }),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::JobPaused),
        2 => Just(Event::JobResumed),
        2 => (0_u64..10_000).prop_map(|s| Event::ExtensionRequested { deadline_at: at_s(s) }),
    ];
    (event, stale)
}

/// Puts the generation's own attempt number (less `behind`) into an event of an attempt.
fn aimed(event: Event, behind: u32, generation: &Generation) -> Event {
    let attempt = AttemptNo(generation.attempt.0.saturating_sub(behind));
    match event {
        Event::StepFinished { .. } => Event::StepFinished { attempt },
        Event::AttemptSucceeded { success, cost, .. } => Event::AttemptSucceeded { attempt, success, cost },
        Event::AttemptFailed { failure, jitter, fallback, .. } => {
            Event::AttemptFailed { attempt, failure, jitter, fallback }
        }
        Event::PassedOver { failure, doors, .. } => Event::PassedOver { attempt, failure, doors },
        Event::HandedBack { .. } => Event::HandedBack { attempt },
        Event::Claimed { .. }
        | Event::LeaseExpired { .. }
        | Event::DeadlinePassed
        | Event::CancelRequested
        | Event::JobPaused
        | Event::JobResumed
        | Event::ExtensionRequested { .. } => event,
    }
}

fn fresh(max_attempts: u32, hold: i64) -> Generation {
    let terms = copydesk_core::generation::Terms {
        max_attempts,
        attempts_per_model: max_attempts,
        hold: credits(hold),
        ..terms()
    };
    Generation {
        id: GenerationId(uuid::Uuid::from_u128(9)),
        terms,
        state: State::Pending { wait: Wait::Ready },
        attempt: AttemptNo(0),
        spent: 0,
        row_version: RowVersion(1),
    }
}

fn sums(decision: &Decision) -> (i64, i64, usize) {
    let (mut settled, mut released, mut versions) = (0, 0, 0);
    for effect in &decision.effects {
        match effect {
            Effect::SettleHold(amount) => settled += amount.micros(),
            Effect::ReleaseHold(amount) => released += amount.micros(),
            Effect::StoreVersion(_) => versions += 1,
            Effect::MoveDraft(_) | Effect::Absorb(_) | Effect::FreeTarget | Effect::Requeue | Effect::Announce(_) => {}
        }
    }
    (settled, released, versions)
}

/// The laws of one change.
fn check(before: &Generation, event: &Event, decision: &Decision, now: Timestamp) {
    assert_eq!(decision.row_version.0, before.row_version.0 + 1, "the row version rises by exactly one");
    let rise = u32::from(matches!(event, Event::Claimed { .. }));
    assert_eq!(decision.attempt.0, before.attempt.0 + rise, "a claim raises the attempt, nothing else moves it");
    assert!(decision.spent >= before.spent && decision.spent <= before.terms.max_attempts);
    let (settled, released, versions) = sums(decision);
    let hold = before.terms.hold.micros();
    let is_final = decision.next.status().is_final();
    assert_eq!(settled + released, if is_final { hold } else { 0 }, "a hold is resolved at the end, once and whole");
    assert_eq!(versions, usize::from(matches!(decision.next, State::Completed { .. })), "a version iff completed");
    let frees = decision.effects.iter().filter(|effect| **effect == Effect::FreeTarget).count();
    assert_eq!(frees, usize::from(is_final), "the target is freed by the end and by nothing else");
    let fallback = decision
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::StoreVersion(copydesk_core::generation::Origin::Fallback(_))));
    if fallback {
        assert_eq!(settled, 0, "a fallback is never charged");
    }
    if let Some(deadline) = decision.deadline_at {
        assert!(deadline > before.terms.deadline_at && deadline > now, "a deadline only moves later");
        assert_eq!((&decision.next, decision.spent), (&before.state, before.spent), "and nothing moves with it");
    }
    if let (Event::AttemptFailed { failure, .. }, State::Pending { wait }) = (event, &decision.next) {
        assert!(failure.code.retryable(), "no retry after {}", failure.code);
        let Wait::BackingOff { until } = wait else { panic!("a retry backs off: {wait:?}") };
        let asked = failure.retry_after.unwrap_or_default().min(RetryPolicy::DEFAULT.retry_after_cap);
        assert!(until.since(now) >= RetryPolicy::DEFAULT.base.max(asked), "not before the floor and what was asked");
        assert!(*until < before.terms.deadline_at, "never after the deadline");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_of_events_keeps_the_laws(
        max_attempts in 1_u32..5,
        hold in prop_oneof![Just(0_i64), 1_i64..1_000],
        metered in prop::option::of(any_rate()),
        steps in prop::collection::vec((any_event(), 0_u64..200), 1..60),
    ) {
        let mut it = fresh(max_attempts, hold);
        it.terms.metered = metered;
        let mut clock = 0;
        for ((event, behind), later) in steps {
            clock += later;
            let now = at_s(clock);
            // Whoever claims does so when the wait is over.
            if let (State::Pending { wait: Wait::BackingOff { until } }, Event::Claimed { .. }) = (&it.state, &event)
                && *until <= now
            {
                it.state = State::Pending { wait: Wait::Ready };
            }
            let event = aimed(event, behind, &it);
            let was_final = it.state.status().is_final();
            if let Ok(Verdict::Change(decision)) = transition(&it, &event, now) {
                prop_assert!(!was_final, "a final state absorbs: {:?} after {:?}", event, it.state);
                check(&it, &event, &decision, now);
                it.state = decision.next;
                it.attempt = decision.attempt;
                it.spent = decision.spent;
                it.row_version = decision.row_version;
                it.terms.deadline_at = decision.deadline_at.unwrap_or(it.terms.deadline_at);
            }
        }
    }

    #[test]
    fn an_event_of_another_attempt_never_changes_anything(attempt in (0_u32..100).prop_filter("another", |n| *n != CURRENT.0), code in any_code()) {
        let attempt = AttemptNo(attempt);
        for (_, state) in states() {
            for event in [
                Event::StepFinished { attempt },
                Event::AttemptSucceeded { attempt, success: Success::Generated, cost: None },
                failed(attempt, code, true),
                Event::HandedBack { attempt },
                passed_over(attempt, vec![None]),
            ] {
                prop_assert_eq!(transition(&generation(state.clone()), &event, at_s(30)), Ok(Verdict::Late));
            }
        }
    }

    #[test]
    fn a_code_that_is_not_retryable_is_never_tried_again(code in any_code(), jitter in any::<u16>(), spent in 0_u32..3) {
        let processing = State::Processing { node: NODE, claimed_at: at_s(0), attempt_deadline: at_s(60) };
        let before = Generation { spent, ..generation(processing) };
        let failure = Failure::new(code, "It failed.");
        let event = Event::AttemptFailed { attempt: CURRENT, failure, jitter: Jitter(jitter), fallback: None };
        let Ok(Verdict::Change(decision)) = transition(&before, &event, at_s(30)) else { panic!("a current failure counts") };
        let retries = matches!(decision.next, State::Pending { .. });
        prop_assert_eq!(retries, code.retryable() && spent + 1 < before.terms.max_attempts);
    }

    #[test]
    fn a_route_is_walked_in_order_and_no_model_gets_more_than_its_share(
        models in 1_u32..4,
        share in 1_u32..4,
        failures in prop::collection::vec((any_failure(), any::<bool>()), 1..20),
    ) {
        let mut before = fresh(models * share, 0);
        before.terms.attempts_per_model = share;
        before.state = State::Processing { node: NODE, claimed_at: at_s(0), attempt_deadline: at_s(60) };
        before.attempt = CURRENT;
        let (mut place, mut tries) = (0, 0);
        for (failure, for_good) in failures {
            let failure = if for_good { failure.for_good() } else { failure };
            let (retryable, elsewhere) = (failure.code.retryable() && !for_good, failure.elsewhere);
            tries += 1;
            prop_assert!(tries <= share && place < models);
            let event = Event::AttemptFailed { attempt: CURRENT, failure, jitter: Jitter(0), fallback: None };
            let Ok(Verdict::Change(decision)) = transition(&before, &event, at_s(0)) else { panic!("it counts") };
            let State::Pending { wait } = decision.next else {
                let more_tries = retryable && tries < share;
                let more_models = elsewhere && place + 1 < models;
                prop_assert!(!more_tries && !more_models, "given up with {tries} of {share} tries at {place} of {models}");
                break;
            };
            let now_at = before.terms.place(decision.spent);
            prop_assert!(now_at == place || now_at == place + 1);
            prop_assert_eq!(now_at == place, matches!(wait, Wait::BackingOff { .. }), "another model need not wait");
            if now_at > place {
                prop_assert!(elsewhere);
                (place, tries) = (now_at, 0);
            }
            before.spent = decision.spent;
        }
    }

    #[test]
    fn the_wait_is_bounded_and_never_shrinks(spent in 1_u32..200, jitter in any::<u16>(), asked in prop::option::of(0_u64..10_000)) {
        let policy = RetryPolicy::DEFAULT;
        let failure = Failure { retry_after: asked.map(Duration::from_secs), ..Failure::new(FailureCode::RateLimited, "") };
        let wait = policy.wait(spent, &failure, Jitter(jitter));
        let asked = failure.retry_after.unwrap_or_default().min(policy.retry_after_cap);
        prop_assert!(wait >= policy.base.max(asked));
        prop_assert!(wait <= (policy.cap + policy.cap / 4).max(asked));
        prop_assert!(policy.wait(spent + 1, &failure, Jitter(0)) >= policy.wait(spent, &failure, Jitter(0)));
    }

    #[test]
    fn a_charge_never_exceeds_the_hold_and_rises_with_the_cost(
        hold in prop_oneof![0_i64..2_000, 0_i64..=i64::MAX],
        rate in any_rate(),
        cost in any_cost(),
        more in 0_i64..=i64::MAX,
    ) {
        let now = charge(credits(hold), Some(rate), cost);
        prop_assert!(now.settle.micros() <= hold && now.settle.micros() >= 0 && now.absorb.micros() >= 0);
        prop_assert!(now.absorb.is_zero() || now.settle.micros() == hold, "only a whole hold leaves an excess");
        prop_assert!(now.settle.micros() == hold || now.settle >= rate.min);
        let dearer = charge(credits(hold), Some(rate), cost.map(|cost| NanoUsd(cost.0.saturating_add(more))));
        prop_assert!(dearer.settle >= now.settle && dearer.absorb >= now.absorb, "{:?} {:?}", now, dearer);
        prop_assert_eq!(charge(credits(hold), None, cost).settle.micros(), hold, "a fixed price is the hold");
    }

    #[test]
    fn lots_are_never_more_than_there_is(
        moves in prop::collection::vec((0_u8..6, 1_i64..100, 0_u64..50), 1..120),
    ) {
        let mut balance = Balance::default();
        let mut lots: Vec<Lot> = vec![];
        let mut clock = 0;
        for (n, (what, amount, later)) in moves.into_iter().enumerate() {
            clock += later / 10;
            let kind = match what {
                0 | 1 => TransferKind::Grant,
                2 => TransferKind::Hold,
                3 => TransferKind::Settle,
                4 => TransferKind::Release,
                _ => TransferKind::AdjustDown,
            };
            let Ok(after) = rules::post(balance, kind, credits(amount)) else { continue };
            balance = after;
            if what == 0 {
                let transfer = TransferId(uuid::Uuid::from_u128(n as u128));
                lots.push(Lot { transfer, expires_at: at_s(clock + later), remaining: credits(amount) });
                lots.sort_by_key(|lot| (lot.expires_at, lot.transfer));
            }
            let put = |lots: &mut Vec<Lot>, changed: Lot| {
                lots.iter_mut().filter(|lot| lot.transfer == changed.transfer).for_each(|lot| *lot = changed);
                lots.retain(|lot| !lot.remaining.is_zero());
            };
            if kind.spends() {
                spend(&lots, credits(amount)).into_iter().for_each(|lot| put(&mut lots, lot));
            }
            for (lot, amount) in expire(&lots, balance.held, at_s(clock)) {
                balance = rules::post(balance, TransferKind::Expire, amount).expect("what expires is available");
                put(&mut lots, less(lot, amount));
            }
            let sum: i64 = lots.iter().map(|lot| lot.remaining.micros()).sum();
            prop_assert!(sum <= balance.available.micros() + balance.held.micros());
        }
    }

    #[test]
    fn transfers_keep_the_sum_at_zero_and_no_balance_negative(
        posts in prop::collection::vec((prop::sample::select(TransferKind::ALL.to_vec()), 1_i64..1_000), 1..200),
    ) {
        let mut balance = Balance::default();
        let mut accounts: HashMap<Account, i64> = HashMap::new();
        let (mut held, mut resolved) = (0_i64, 0_i64);
        for (kind, amount) in posts {
            let before = balance;
            match rules::post(balance, kind, credits(amount)) {
                Ok(after) => {
                    balance = after;
                    *accounts.entry(kind.debit()).or_default() -= amount;
                    *accounts.entry(kind.credit()).or_default() += amount;
                    match kind {
                        TransferKind::Hold => held += amount,
                        TransferKind::Settle | TransferKind::Release => resolved += amount,
                        TransferKind::Grant
                        | TransferKind::Purchase
                        | TransferKind::Refund
                        | TransferKind::AdjustUp
                        | TransferKind::AdjustDown
                        | TransferKind::GiftSent
                        | TransferKind::GiftReceived
                        | TransferKind::Expire
                        | TransferKind::Absorb => {}
                    }
                }
                Err(_) => prop_assert_eq!(balance, before, "a refused transfer moves nothing"),
            }
            prop_assert!(balance.available >= MicroCredits::ZERO && balance.held >= MicroCredits::ZERO);
            prop_assert!(resolved <= held, "settled and released never exceed what was held");
            let of = |account| accounts.get(&account).copied().unwrap_or_default();
            prop_assert_eq!(accounts.values().sum::<i64>(), 0);
            prop_assert_eq!(of(Account::UserAvailable), balance.available.micros());
            prop_assert_eq!(of(Account::UserHeld), balance.held.micros());
        }
    }
}
