//! Price arithmetic: quantities times rates in integers, rounded up once. All of a call is priced or nothing is.

use super::price::{Price, TokenRates};
use super::usage::TokenUsage;
use crate::{NanoUsd, Tokens};

/// Rates are per million tokens, so the sum is kept in millionths of a nano-dollar until the end.
const PER_MILLION: i128 = 1_000_000;

/// A call's cost and where the figure comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cost {
    /// The provider's own figure.
    Provider(NanoUsd),
    /// Computed from our table; `estimated` when the tokens were an estimate.
    Priced { nanousd: NanoUsd, version: String, estimated: bool },
    /// No price is known for all that was used, or what was used is not known. Never shown as zero.
    Unpriced,
}

impl Cost {
    pub fn nanousd(&self) -> Option<NanoUsd> {
        match self {
            Cost::Provider(cost) | Cost::Priced { nanousd: cost, .. } => Some(*cost),
            Cost::Unpriced => None,
        }
    }
    pub const fn status(&self) -> &'static str {
        match self {
            Cost::Provider(_) => "provider",
            Cost::Priced { estimated: false, .. } => "priced",
            Cost::Priced { estimated: true, .. } => "estimated",
            Cost::Unpriced => "unpriced",
        }
    }
    pub fn price_version(&self) -> Option<&str> {
        match self {
            Cost::Priced { version, .. } => Some(version),
            Cost::Provider(_) | Cost::Unpriced => None,
        }
    }
}

/// The cost of a call. The provider's own figure wins, unless it is below zero. Anything that was used and has no rate,
/// and tokens that have a rate and were not reported, make the whole call [`Cost::Unpriced`]: a part of a cost is a wrong
/// cost.
///
/// Rounding: up to a whole nano-dollar, once, over the sum of everything used.
/// Invariant: never negative; a sum that does not fit is unpriced.
pub fn cost(usage: &TokenUsage, price: Option<&Price>) -> Cost {
    if let Some(reported) = usage.provider_cost.filter(|reported| reported.0 >= 0) {
        return Cost::Provider(reported);
    }
    let Some(price) = price else { return Cost::Unpriced };
    match sum(usage, price).and_then(|sum| i64::try_from(sum.checked_add(PER_MILLION - 1)? / PER_MILLION).ok()) {
        Some(nanousd) => {
            Cost::Priced { nanousd: NanoUsd(nanousd), version: price.version.clone(), estimated: usage.estimated }
        }
        None => Cost::Unpriced,
    }
}

/// Units: millionths of a nano-dollar. `None` when any part is unknown, or when nothing at all was priced.
fn sum(usage: &TokenUsage, price: &Price) -> Option<i128> {
    let rates = price.rates_for(usage.input.unwrap_or_default());
    let free = price.free;
    let parts = [
        part(known(rates.input, free), usage.input, |rate, tokens| input(rates, rate, free, tokens, usage))?,
        part(known(rates.output, free), usage.output, |rate, tokens| output(rates, rate, free, tokens, usage))?,
        pieces(known(price.per_image, free), usage.images)?,
        pieces(known(price.per_video_second, free), usage.video_seconds)?,
    ];
    if parts.iter().all(Option::is_none) && price.per_request.is_none() && !free {
        return None;
    }
    let requests = match price.per_request {
        // Only `requests` can be missing without a doubt about its number: a call is one request.
        Some(_) => {
            i128::from(known(price.per_request, free)?.0) * i128::from(usage.requests.unwrap_or(1)) * PER_MILLION
        }
        None => 0,
    };
    parts.into_iter().flatten().try_fold(requests, i128::checked_add)
}

/// The cost of one kind of tokens: `None` is unknown, `Some(None)` is neither used nor priced.
fn part(
    rate: Option<NanoUsd>,
    used: Option<Tokens>,
    cost: impl Fn(NanoUsd, Tokens) -> Option<i128>,
) -> Option<Option<i128>> {
    match (rate, used) {
        (_, Some(tokens)) if tokens.0 < 0 => None,
        (Some(rate), Some(tokens)) => cost(rate, tokens).map(Some),
        // A free price asks for no figures: nothing times anything is nothing.
        (Some(NanoUsd(0)), None) => Some(Some(0)),
        (Some(_), None) => None,
        (None, Some(Tokens(0)) | None) => Some(None),
        (None, Some(_)) => None,
    }
}

/// The cost of pictures or seconds. Unlike tokens they may be left out where a rate is known: a model that can draw is
/// also asked for text alone.
fn pieces(rate: Option<NanoUsd>, used: Option<u32>) -> Option<Option<i128>> {
    match (rate, used) {
        (Some(rate), Some(count)) => Some(Some(i128::from(rate.0) * i128::from(count) * PER_MILLION)),
        (None, Some(1..)) => None,
        (Some(_) | None, None) | (None, Some(0)) => Some(None),
    }
}

/// A rate that can be used: not negative, and zero only where the price says that it is free.
fn known(rate: Option<NanoUsd>, free: bool) -> Option<NanoUsd> {
    match rate {
        Some(rate) if rate.0 > 0 => Some(rate),
        Some(NanoUsd(0)) | None if free => Some(NanoUsd(0)),
        Some(_) | None => None,
    }
}

/// The rate of a part of the input or output: its own where it is known, that of the whole otherwise.
fn of_part(rate: Option<NanoUsd>, whole: NanoUsd, free: bool) -> NanoUsd {
    rate.and_then(|rate| known(Some(rate), free)).unwrap_or(whole)
}

/// Parts that claim more than the whole are cut to it, the cache first.
fn input(rates: &TokenRates, whole: NanoUsd, free: bool, tokens: Tokens, usage: &TokenUsage) -> Option<i128> {
    let hour = within(usage.input_cache_write_1h, tokens)?;
    let cached = within(usage.input_cached, tokens)?;
    let written = within(usage.input_cache_write, Tokens(tokens.0 - cached.0))?.max(hour);
    let written = Tokens(written.0.min(tokens.0 - cached.0));
    let hour = hour.min(written);
    let own = |rate: Option<NanoUsd>| rate.and_then(|rate| known(Some(rate), free));
    let hour_rate = match (own(rates.cache_write), own(rates.cache_write_1h)) {
        (_, Some(rate)) => rate,
        (None, None) => whole,
        // Who asks a price for short writes asks a higher one for an hour, and it is not known.
        (Some(_), None) if hour.0 > 0 => return None,
        (Some(rate), None) => rate,
    };
    let fresh = Tokens(tokens.0 - cached.0 - written.0);
    [
        times(fresh, whole),
        times(cached, of_part(rates.cached, whole, free)),
        times(Tokens(written.0 - hour.0), of_part(rates.cache_write, whole, free)),
        times(hour, hour_rate),
    ]
    .into_iter()
    .try_fold(0_i128, i128::checked_add)
}

fn output(rates: &TokenRates, whole: NanoUsd, free: bool, tokens: Tokens, usage: &TokenUsage) -> Option<i128> {
    let reasoning = within(usage.output_reasoning, tokens)?;
    times(Tokens(tokens.0 - reasoning.0), whole).checked_add(times(reasoning, of_part(rates.reasoning, whole, free)))
}

/// A part that was not reported is none; one below zero makes the whole unknown.
fn within(part: Option<Tokens>, whole: Tokens) -> Option<Tokens> {
    let part = part.unwrap_or_default();
    (part.0 >= 0).then_some(part.min(whole))
}

fn times(tokens: Tokens, per_million: NanoUsd) -> i128 {
    i128::from(tokens.0) * i128::from(per_million.0)
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
