//! The rules of `cost.rs` as claims, and as properties over any usage and any price.

use proptest::prelude::*;

use super::*;
use crate::metering::price::ContextTier;

const fn nano(rate: i64) -> Option<NanoUsd> {
    Some(NanoUsd(rate))
}

const fn count(tokens: i64) -> Option<Tokens> {
    Some(Tokens(tokens))
}

fn price() -> Price {
    let mut price = Price::per_million("t1", NanoUsd(150_000_000), NanoUsd(600_000_000));
    price.tokens.cached = nano(75_000_000);
    price
}

fn used(input: i64, output: i64) -> TokenUsage {
    TokenUsage { input: count(input), output: count(output), ..TokenUsage::default() }
}

fn nanos(usage: TokenUsage, price: &Price) -> Option<i64> {
    cost(&usage, Some(price)).nanousd().map(|cost| cost.0)
}

#[test]
fn a_cost_is_exact_and_rounded_up_once() {
    let usage = TokenUsage { input_cached: count(1), ..used(1_001, 1) };
    // 1000 x 150 + 1 x 75 + 1 x 600 = 150,675 nano-dollars.
    assert_eq!(nanos(usage, &price()), Some(150_675));
    let tiny = Price::per_million("t", NanoUsd(1), NanoUsd(1));
    assert_eq!(nanos(used(1, 1), &tiny), Some(1), "two millionths are one nano-dollar, not two");
    assert_eq!(nanos(used(0, 0), &price()), Some(0), "nothing used costs nothing");
}

#[test]
fn seed_s4_an_unknown_price_is_unpriced_and_never_zero() {
    assert_eq!(cost(&used(5, 5), None), Cost::Unpriced);
    assert_eq!(cost(&TokenUsage::default(), Some(&price())), Cost::Unpriced);
    assert_eq!(nanos(used(5, 5), &Price::default()), None, "a price without rates knows nothing");
    for rate in [0, -1, i64::MIN] {
        let unknown = Price::per_million("t", NanoUsd(rate), NanoUsd(5));
        assert_eq!(nanos(used(5, 5), &unknown), None, "{rate} is no rate");
        let unknown = Price::per_million("t", NanoUsd(5), NanoUsd(rate));
        assert_eq!(nanos(used(5, 5), &unknown), None, "{rate} is no rate");
        assert_eq!(nanos(used(5, 0), &unknown), Some(1), "no output needs no rate for output");
    }
}

#[test]
fn the_providers_own_figure_wins_unless_it_is_below_zero() {
    let usage = TokenUsage { provider_cost: nano(42), ..used(1_000_000, 0) };
    assert_eq!(cost(&usage, Some(&price())), Cost::Provider(NanoUsd(42)));
    assert_eq!(cost(&TokenUsage { provider_cost: nano(0), ..usage }, None), Cost::Provider(NanoUsd(0)));
    let negative = TokenUsage { provider_cost: nano(-1), ..usage };
    assert_eq!(nanos(negative, &price()), Some(150_000_000));
}

#[test]
fn free_is_said_and_never_guessed() {
    let free = Price::free("local");
    assert_eq!(nanos(used(5, 5), &free), Some(0));
    assert_eq!(nanos(TokenUsage::default(), &free), Some(0), "nothing times an unknown number is nothing");
    assert_eq!(nanos(TokenUsage { images: Some(3), ..used(5, 5) }, &free), Some(0));
    let negative = Price { free: true, ..Price::per_million("t", NanoUsd(-5), NanoUsd(5)) };
    assert_eq!(nanos(used(5, 5), &negative), None, "a negative rate is not free either");
    let output_only = Price { free: true, ..Price::per_million("t", NanoUsd(0), NanoUsd(1_000_000)) };
    assert_eq!(nanos(used(7, 5), &output_only), Some(5));
}

#[test]
fn a_unit_without_a_rate_makes_the_whole_call_unpriced() {
    assert_eq!(nanos(TokenUsage { images: Some(1), ..used(5, 5) }, &price()), None);
    assert_eq!(nanos(TokenUsage { video_seconds: Some(1), ..used(5, 5) }, &price()), None);
    assert!(nanos(TokenUsage { images: Some(0), ..used(5, 5) }, &price()).is_some(), "none made, none priced");
    assert_eq!(nanos(TokenUsage { output: None, ..used(5, 5) }, &price()), None, "not reported is not zero");
}

#[test]
fn pictures_seconds_and_requests_are_priced_by_the_piece() {
    let picture = Price { per_image: nano(40_000_000), ..Price::default() };
    let two = TokenUsage { images: Some(2), ..TokenUsage::default() };
    assert_eq!(nanos(two, &picture), Some(80_000_000));
    assert_eq!(nanos(TokenUsage { input: count(9), ..two }, &picture), None, "its prompt has no rate");
    assert_eq!(nanos(TokenUsage::default(), &picture), None, "how many is not known");
    let film = Price { per_video_second: nano(400_000_000), ..Price::default() };
    assert_eq!(nanos(TokenUsage { video_seconds: Some(8), ..TokenUsage::default() }, &film), Some(3_200_000_000));
    let fee = Price { per_request: nano(5_000_000), ..price() };
    assert_eq!(nanos(used(0, 0), &fee), Some(5_000_000), "a call is one request");
    assert_eq!(nanos(TokenUsage { requests: Some(3), ..used(0, 0) }, &fee), Some(15_000_000));
}

#[test]
fn writes_to_the_cache_have_their_own_rates_where_they_are_known() {
    let mut price = Price::per_million("t", NanoUsd(3_000_000), NanoUsd(15_000_000));
    let usage = TokenUsage {
        input_cached: count(100),
        input_cache_write: count(50),
        input_cache_write_1h: count(20),
        ..used(1_000, 0)
    };
    assert_eq!(nanos(usage, &price), Some(3_000), "no rate of their own: like any input");
    price.tokens.cached = nano(300_000);
    price.tokens.cache_write = nano(3_750_000);
    assert_eq!(nanos(usage, &price), None, "an hour is dearer than five minutes, by an unknown amount");
    price.tokens.cache_write_1h = nano(6_000_000);
    // 850 x 3 + 100 x 0.3 + 30 x 3.75 + 20 x 6 = 2812.5, rounded up.
    assert_eq!(nanos(usage, &price), Some(2_813));
}

#[test]
fn reasoning_is_part_of_the_output() {
    let mut price = Price::per_million("t", NanoUsd(1_000_000), NanoUsd(2_000_000));
    let usage = TokenUsage { output_reasoning: count(30), ..used(0, 100) };
    assert_eq!(nanos(usage, &price), Some(200));
    price.tokens.reasoning = nano(3_000_000);
    assert_eq!(nanos(usage, &price), Some(70 * 2 + 30 * 3));
}

#[test]
fn pictures_that_are_paid_for_in_tokens_are_counted_in_tokens() {
    let mut price = Price::default();
    price.tokens.input = nano(5_000_000);
    price.tokens.input_image = nano(10_000_000);
    price.tokens.output_image = nano(40_000_000);
    let usage = TokenUsage { input_image: count(10), output_image: count(100), images: Some(1), ..used(30, 100) };
    assert_eq!(nanos(usage, &price), Some(20 * 5 + 10 * 10 + 100 * 40));
    assert_eq!(nanos(TokenUsage { output: count(101), ..usage }, &price), None, "its text has no rate");
    assert_eq!(nanos(TokenUsage { output_image: None, ..usage }, &price), None, "which tokens are pictures?");
    assert_eq!(nanos(TokenUsage { input_image: None, ..usage }, &price), None, "which tokens are pictures?");
    assert_eq!(nanos(TokenUsage { input_cached: count(9), ..usage }, &price), None, "which of them were cached?");
    let plain = TokenUsage { input_image: count(10), ..used(30, 0) };
    assert_eq!(nanos(plain, &Price::per_million("t", NanoUsd(1_000_000), NanoUsd(1_000_000))), Some(30));
}

#[test]
fn above_a_tier_the_whole_call_has_its_rates() {
    let tier = |above: i64, input: i64| ContextTier {
        above_input: Tokens(above),
        rates: TokenRates { input: nano(input), output: nano(9_000_000), ..TokenRates::default() },
    };
    let mut price = Price::per_million("t", NanoUsd(1_000_000), NanoUsd(1_000_000));
    price.tiers = vec![tier(400, 3_000_000), tier(200, 2_000_000)];
    assert_eq!(nanos(used(200, 1), &price), Some(201), "at the limit is not above it");
    assert_eq!(nanos(used(201, 1), &price), Some(201 * 2 + 9));
    assert_eq!(nanos(used(401, 1), &price), Some(401 * 3 + 9));
}

#[test]
fn parts_never_exceed_their_whole_and_counts_below_zero_are_no_counts() {
    let usage = TokenUsage { input_cached: count(5_000), input_cache_write: count(70), ..used(1_000, 0) };
    assert_eq!(nanos(usage, &price()), Some(75_000), "cut to the input");
    for bad in [used(-1, 1), used(1, -1), TokenUsage { input_cached: count(-1), ..used(1, 1) }] {
        assert_eq!(nanos(bad, &price()), None, "{bad:?}");
    }
}

fn quantity() -> impl Strategy<Value = i64> {
    prop_oneof![0..2_000_i64, 0..10_000_000_i64, Just(i64::MAX)]
}

fn rate() -> impl Strategy<Value = i64> {
    prop_oneof![1..100_i64, 1..100_000_000_000_i64, Just(i64::MAX)]
}

prop_compose! {
    fn any_usage()(
        numbers in prop::array::uniform6(prop::option::of(quantity())),
        pieces in prop::array::uniform3(prop::option::of(0..5_u32)),
    ) -> TokenUsage {
        let [input, output, cached, write, hour, reasoning] = numbers.map(|number| number.map(Tokens));
        let [images, video_seconds, requests] = pieces;
        TokenUsage {
            input, output, input_cached: cached, input_cache_write: write, input_cache_write_1h: hour,
            output_reasoning: reasoning, images, video_seconds, requests, ..TokenUsage::default()
        }
    }
}

/// Whole prices for tokens, with a cache that is cheaper to read and dearer to write, and a tier that is dearer still.
fn any_price() -> impl Strategy<Value = Price> {
    let pieces = prop::array::uniform3(prop::option::of(rate()));
    (rate(), rate(), 1..=100_i64, any::<bool>(), 0..5_000_i64, pieces).prop_map(
        |(input, output, percent, own, above, pieces)| {
            let rates = |factor: i64| TokenRates {
                input: nano(input.saturating_mul(factor)),
                output: nano(output.saturating_mul(factor)),
                cached: own.then(|| NanoUsd((input / 100 * percent).max(1))),
                cache_write: own.then(|| NanoUsd(input.saturating_mul(2 * factor))),
                cache_write_1h: own.then(|| NanoUsd(input.saturating_mul(3 * factor))),
                reasoning: own.then(|| NanoUsd(output.saturating_mul(factor))),
                ..TokenRates::default()
            };
            let [per_image, per_video_second, per_request] = pieces.map(|rate| rate.map(NanoUsd));
            let tiers = vec![ContextTier { above_input: Tokens(above), rates: rates(2) }];
            Price { tokens: rates(1), tiers, per_image, per_video_second, per_request, ..Price::default() }
        },
    )
}

/// The plain figure: every token on its own list, no shared code with the function under test. `None` on overflow.
fn exact_millionths(usage: &TokenUsage, price: &Price) -> Option<i128> {
    let input = usage.input.unwrap().0;
    let rates = if input > price.tiers[0].above_input.0 { &price.tiers[0].rates } else { &price.tokens };
    let tokens = |tokens: Option<Tokens>| tokens.map_or(0, |tokens| tokens.0);
    let cached = tokens(usage.input_cached).min(input);
    let hour = tokens(usage.input_cache_write_1h).min(input - cached);
    let short = tokens(usage.input_cache_write).min(input - cached).max(hour) - hour;
    let output = usage.output.unwrap().0;
    let reasoning = tokens(usage.output_reasoning).min(output);
    let whole = |rate: Option<NanoUsd>| rate.unwrap().0;
    let or = |rate: Option<NanoUsd>, other: Option<NanoUsd>| rate.or(other).unwrap().0;
    let list = [
        (input - cached - short - hour, whole(rates.input), 1),
        (cached, or(rates.cached, rates.input), 1),
        (short, or(rates.cache_write, rates.input), 1),
        (hour, or(rates.cache_write_1h, rates.input), 1),
        (output - reasoning, whole(rates.output), 1),
        (reasoning, or(rates.reasoning, rates.output), 1),
        (usage.images.unwrap_or(0).into(), price.per_image.map_or(0, |rate| rate.0), 1_000_000),
        (usage.video_seconds.unwrap_or(0).into(), price.per_video_second.map_or(0, |rate| rate.0), 1_000_000),
        (usage.requests.unwrap_or(1).into(), price.per_request.map_or(0, |rate| rate.0), 1_000_000),
    ];
    list.into_iter().try_fold(0_i128, |sum, (count, rate, scale)| {
        sum.checked_add(i128::from(count) * i128::from(rate) * i128::from(scale))
    })
}

proptest! {
    #[test]
    fn rounding_adds_less_than_one_nano_dollar_to_the_exact_cost(usage in any_usage(), price in any_price()) {
        let unknown = usage.input.is_none() || usage.output.is_none()
            || (usage.images.unwrap_or(0) > 0 && price.per_image.is_none())
            || (usage.video_seconds.unwrap_or(0) > 0 && price.per_video_second.is_none());
        let exact = if unknown { None } else { exact_millionths(&usage, &price) };
        match (nanos(usage, &price), exact) {
            (Some(cost), Some(exact)) => {
                prop_assert!(cost >= 0);
                let over = i128::from(cost) * 1_000_000 - exact;
                prop_assert!((0..1_000_000).contains(&over), "{over} millionths over");
            }
            (None, Some(exact)) => prop_assert!(exact > i128::from(i64::MAX) * 1_000_000, "{exact} would fit"),
            (None, None) => {}
            (Some(cost), None) => prop_assert!(false, "{cost} for what cannot be priced"),
        }
    }

    #[test]
    fn more_of_anything_never_costs_less(usage in any_usage(), price in any_price(), more in 0..5_000_i64) {
        let add = |tokens: Option<Tokens>| tokens.map(|tokens| Tokens(tokens.0.saturating_add(more)));
        let larger = [
            TokenUsage { input: add(usage.input), ..usage },
            TokenUsage { output: add(usage.output), ..usage },
            TokenUsage { input_cache_write: add(usage.input_cache_write), ..usage },
            TokenUsage { input_cache_write_1h: add(usage.input_cache_write_1h), ..usage },
            TokenUsage { images: usage.images.map(|images| images + 1), ..usage },
            TokenUsage { requests: Some(usage.requests.unwrap_or(1) + 1), ..usage },
        ];
        if let Some(before) = nanos(usage, &price) {
            for larger in larger {
                prop_assert!(nanos(larger, &price).is_none_or(|after| after >= before), "{larger:?}");
            }
        }
    }

    #[test]
    fn cached_input_is_never_dearer_than_counted_input(usage in any_usage(), price in any_price()) {
        let counted = TokenUsage { input_cached: None, ..usage };
        if let Some(counted) = nanos(counted, &price) {
            prop_assert!(nanos(usage, &price).is_some_and(|cached| cached <= counted));
        }
    }

    #[test]
    fn any_figures_at_all_give_a_cost_of_at_least_zero_or_none(
        input in any::<i64>(), output in any::<i64>(), part in any::<i64>(),
        rates in prop::array::uniform4(any::<i64>()), free in any::<bool>(),
    ) {
        let usage = TokenUsage { input_cached: count(part), output_reasoning: count(part), ..used(input, output) };
        let mut price = Price { free, ..Price::per_million("t", NanoUsd(rates[0]), NanoUsd(rates[1])) };
        price.tokens.cached = nano(rates[2]);
        price.per_request = nano(rates[3]);
        prop_assert!(nanos(usage, &price).is_none_or(|cost| cost >= 0));
    }
}
