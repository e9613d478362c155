//! Laws of budgets: no call costs more than its bound, no generation makes more calls than its bound allows for, and no
//! sum ever passes its limit as long as calls keep their bounds.

use copydesk_core::budget::book::{Book, Spent};
use copydesk_core::budget::bound::{Bound, CallBound, MostCost, of_all_calls};
use copydesk_core::budget::{Budget, Measure, Owner, Period, Place, Shares, Subject};
use copydesk_core::metering::cost::cost;
use copydesk_core::metering::cuts::{FIRST, Zone};
use copydesk_core::metering::price::{ContextTier, Price, TokenRates};
use copydesk_core::metering::totals::Figures;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, GenerationId, NanoUsd, Tokens, WorkspaceId};
use proptest::prelude::*;
use uuid::Uuid;

fn rate() -> impl Strategy<Value = Option<NanoUsd>> {
    prop::option::weighted(0.7, (0_i64..40_000_000_000).prop_map(NanoUsd))
}

fn rates() -> impl Strategy<Value = TokenRates> {
    (rate(), rate(), rate(), rate(), rate(), rate(), rate(), rate()).prop_map(|r| TokenRates {
        input: r.0,
        output: r.1,
        cached: r.2,
        cache_write: r.3,
        cache_write_1h: r.4,
        input_image: r.5,
        reasoning: r.6,
        output_image: r.7,
    })
}

fn price() -> impl Strategy<Value = Price> {
    let tiers = prop::collection::vec((0_i64..3_000, rates()), 0..3);
    (rates(), tiers, rate(), rate(), rate(), any::<bool>()).prop_map(|(tokens, tiers, image, second, request, free)| {
        let tier = |(above, rates)| ContextTier { above_input: Tokens(above), rates };
        Price {
            version: "v".to_owned(),
            free,
            tokens,
            tiers: tiers.into_iter().map(tier).collect(),
            per_image: image,
            per_video_second: second,
            per_request: request,
            ..Price::default()
        }
    })
}

fn bounds() -> impl Strategy<Value = CallBound> {
    (0_u64..4_000, 0_u64..4_000, any::<bool>(), 0_u32..5, 0_u32..90, 1_u32..3).prop_map(
        |(input, output, writes, images, video_seconds, requests)| CallBound {
            input,
            output,
            writes,
            images,
            video_seconds,
            requests,
        },
    )
}

/// Of each bound a share of 0 to 100 percent, and each figure may not have been reported.
fn usage(bound: CallBound, dice: [(u8, bool); 11]) -> TokenUsage {
    let part = |of: u64, (percent, said): (u8, bool)| said.then_some(of * u64::from(percent % 101) / 100);
    let tokens = |of, dice| part(of, dice).map(|n| Tokens(n as i64));
    let pieces = |of: u32, dice| part(u64::from(of), dice).map(|n| n as u32);
    TokenUsage {
        input: tokens(bound.input, dice[0]),
        output: tokens(bound.output, dice[1]),
        input_cached: tokens(bound.input, dice[2]),
        input_cache_write: tokens(bound.input, dice[3]),
        input_cache_write_1h: tokens(bound.input, dice[4]),
        input_image: tokens(bound.input, dice[5]),
        output_reasoning: tokens(bound.output, dice[6]),
        output_image: tokens(bound.output, dice[7]),
        images: pieces(bound.images, dice[8]),
        video_seconds: pieces(bound.video_seconds, dice[9]),
        requests: pieces(bound.requests, dice[10]).map(|n| n.max(1)),
        provider_cost: None,
        estimated: false,
    }
}

/// The most a run of the attempts comes to: each attempt goes on with the steps from where the last one stopped.
fn run(models: &[Vec<i64>], attempts: u32, fails: &[u8]) -> i64 {
    let (mut step, mut sum, mut dice) = (0, 0, fails.iter().cycle());
    let steps = models[0].len();
    for calls in models {
        for _ in 0..attempts {
            loop {
                sum += calls[step];
                if dice.next().is_some_and(|die| die % 3 == 0) {
                    break;
                }
                step += 1;
                if step == steps {
                    return sum;
                }
            }
        }
    }
    sum
}

fn calls() -> impl Strategy<Value = Vec<Vec<i64>>> {
    (1_usize..4, 1_usize..5).prop_flat_map(|(models, steps)| {
        prop::collection::vec(prop::collection::vec(0_i64..1_000, steps..=steps), models..=models)
    })
}

fn budget(limit: i64) -> Budget {
    Budget {
        id: BudgetId(Uuid::from_u128(7)),
        workspace: WorkspaceId::DEFAULT,
        subject: Subject::Workspace,
        measure: Measure::Tokens,
        period: Period::Day,
        zone: Zone::utc(),
        limit,
        warn_at: Shares::default(),
        created_at: FIRST,
        ended_at: None,
    }
}

fn tokens(n: i64) -> Figures {
    let usage = TokenUsage { input: Some(Tokens(n)), ..TokenUsage::default() };
    Figures::of_call(CallOutcome::Ok, &usage, None, 0)
}

fn bound(tokens: i64) -> Bound {
    Bound { tokens: Tokens(tokens), cost: MostCost::Unknown { model: "demo/x".to_owned() } }
}

fn spent(added: i64, taken_back: i64, before: i64) -> Spent {
    Spent { added: tokens(added), taken_back: tokens(taken_back), before: tokens(before) }
}

fn place() -> Place {
    let (id, owner) = (budget(1).id, Owner(WorkspaceId::DEFAULT.0));
    Place { budget: id, owner, period_at: FIRST }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_call_costs_more_than_its_bound(price in price(), bound in bounds(), dice in any::<[(u8, bool); 11]>()) {
        if let Some(most) = bound.cost(&price) {
            let cost = cost(&usage(bound, dice), Some(&price)).nanousd().unwrap_or_default();
            prop_assert!(cost <= most, "{cost} of {most}");
        }
    }

    #[test]
    fn a_writing_call_that_was_reported_has_a_cost_where_it_has_a_bound(price in price(), bound in bounds()) {
        // The plain case: tokens in, tokens out. Pieces and parts may still lack their own rates.
        let plain = Price { per_request: None, tokens: TokenRates { input_image: None, output_image: None, ..price.tokens }, tiers: vec![], ..price };
        if bound.writes && bound.cost(&plain).is_some() {
            let (input, output) = (Tokens(bound.input as i64), Tokens(bound.output as i64));
            let usage = TokenUsage { input: Some(input), output: Some(output), ..TokenUsage::default() };
            prop_assert!(cost(&usage, Some(&plain)).nanousd().is_some());
        }
    }

    #[test]
    fn no_course_of_the_attempts_makes_more_calls_than_the_bound(models in calls(), attempts in 1_u32..5, fails in any::<[u8; 7]>()) {
        let (came_to, most) = (run(&models, attempts, &fails), of_all_calls(&models, attempts));
        prop_assert!(came_to <= most, "{came_to} of {most}");
    }

    #[test]
    fn a_sum_is_that_of_its_entries_and_never_passes_its_limit(
        moves in prop::collection::vec((0_u8..4, 0_u128..6, 1_i64..40, 0_u8..101), 1..60)
    ) {
        let mut book = Book::default();
        book.load_budget(budget(100));
        for (kind, generation, most, percent) in moves {
            let generation = GenerationId(Uuid::from_u128(generation));
            let reserved = book.entries_of(generation).next().map(|entry| entry.reserved);
            match (kind, reserved) {
                (0 | 1, None) => {
                    if book.check(&[place()], &bound(most)).is_ok() {
                        book.reserve(generation, &[place()], &bound(most));
                    }
                }
                (2, Some(left)) => {
                    book.spend(generation, &[place()], &spent(left * i64::from(percent) / 100, 0, 0), FIRST);
                }
                (3, Some(_)) => book.end(generation),
                (_, _) => {}
            }
            let sums = book.entries().fold((0, 0), |sum, (_, e)| (sum.0 + e.used, sum.1 + e.reserved));
            let row = book.uses().next().map_or((0, 0), |(_, row)| (row.used, row.reserved));
            prop_assert_eq!(sums, row);
            prop_assert!(row.0 + row.1 <= 100, "{:?}", row);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_every_figure() {
    let mut book = Book::default();
    book.load_budget(budget(100));
    let one = GenerationId(Uuid::from_u128(1));
    book.reserve(one, &[place()], &bound(60));
    book.spend(one, &[place()], &spent(25, 0, 0), FIRST);
    assert_eq!(book.check(&[place()], &bound(40)), Ok(()));
    let Err(Refusal::BudgetExceeded(no)) = book.check(&[place()], &bound(41)) else { panic!("41 do not fit") };
    assert_eq!((no.limit, no.used, no.reserved, no.needed), (100, 25, 35, 41));
    let words = Refusal::BudgetExceeded(no).to_string();
    assert!(words.contains("25 tokens is used") && words.contains("2000-01-02T00:00:00+00:00"), "{words}");
}

#[test]
fn a_cost_that_nobody_knows_is_refused_where_cost_is_counted() {
    let mut book = Book::default();
    book.load_budget(Budget { measure: Measure::Cost, ..budget(100) });
    let refused = book.check(&[place()], &bound(1)).unwrap_err();
    assert_eq!(refused.code(), "unpriced_model_with_budget");
    assert!(refused.to_string().contains("demo/x"), "{refused}");
    book.load_budget(Budget { measure: Measure::Cost, ended_at: Some(FIRST), ..budget(100) });
    assert_eq!(book.check(&[place()], &bound(1)), Ok(()), "an ended budget limits nothing");
}

#[test]
fn true_figures_take_the_place_of_an_estimate_wherever_it_was_counted() {
    let mut book = Book::default();
    book.load_budget(budget(100));
    let (old, new) = (GenerationId(Uuid::from_u128(1)), GenerationId(Uuid::from_u128(2)));
    // Its estimate of 30 came before the budget did; its other call used 4.
    book.spend(old, &[place()], &spent(4, 0, 30), FIRST);
    book.spend(old, &[place()], &spent(10, 30, 0), FIRST);
    let entry = *book.entries_of(old).next().unwrap();
    assert_eq!((entry.used, entry.before), (0, 14), "used + before is what its calls used: 4 and 10");
    book.reserve(new, &[place()], &bound(50));
    book.spend(new, &[place()], &spent(30, 0, 0), FIRST);
    book.spend(new, &[place()], &spent(10, 30, 0), FIRST);
    let entry = *book.entries_of(new).next().unwrap();
    assert_eq!((entry.used, entry.before, entry.reserved), (10, 0, 20));
}

#[test]
fn each_share_is_told_once_when_it_is_reached() {
    let mut book = Book::default();
    book.load_budget(budget(100));
    let one = GenerationId(Uuid::from_u128(1));
    book.reserve(one, &[place()], &bound(100));
    let mut told = |n| {
        book.spend(one, &[place()], &spent(n, 0, 0), FIRST);
        book.take_changes().warnings.iter().map(|it| (it.share, it.used)).collect::<Vec<_>>()
    };
    assert_eq!(told(79), []);
    assert_eq!(told(1), [(80, 80)]);
    assert_eq!(told(19), []);
    assert_eq!(told(1), [(100, 100)]);
    assert_eq!(told(1), []);
}
