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

/// So much of something at such a rate.
struct Line {
    /// Units: tokens, or millions of pieces, so that any rate per million or per piece fits.
    count: i128,
    rate: Option<NanoUsd>,
}

/// Units: millionths of a nano-dollar. `None` when any part is unknown, or when nothing at all was priced.
fn sum(usage: &TokenUsage, price: &Price) -> Option<i128> {
    let rates = usable(price.rates_for(usage.input.unwrap_or_default()), price.free);
    let mut lines = Vec::with_capacity(12);
    lines.extend(input(usage, &rates)?);
    lines.extend(output(usage, &rates)?);
    // Pictures that were paid for in tokens have no price each.
    let in_tokens = rates.output_image.is_some() && usage.output_image.is_some();
    lines.extend(pieces(usage.images.filter(|_| !in_tokens), known(price.per_image, price.free)));
    lines.extend(pieces(usage.video_seconds, known(price.per_video_second, price.free)));
    if let Some(rate) = price.per_request {
        // Not reported means one here and nowhere else, since a call is one request.
        lines.extend(pieces(usage.requests.or(Some(1)), known(Some(rate), price.free)));
    }
    if lines.is_empty() && !price.free {
        return None;
    }
    let used = lines.into_iter().filter(|line| line.count > 0);
    used.map(|line| Some(i128::from(line.rate?.0) * line.count)).try_fold(0_i128, |sum, cost| sum.checked_add(cost?))
}

/// The kinds of input. Parts that claim more than the whole are cut to it, the cache first.
fn input(usage: &TokenUsage, rates: &TokenRates) -> Option<Vec<Line>> {
    let (Some(tokens), whole) = (usage.input, rates.input) else {
        return unreported(&[rates.input, rates.input_image]);
    };
    let cached = within(usage.input_cached, tokens)?;
    let rest = Tokens(tokens.0 - cached.0);
    let hour = within(usage.input_cache_write_1h, rest)?;
    let written = within(usage.input_cache_write, rest)?.max(hour);
    let image = picture_part(usage.input_image, rates.input_image, tokens)?;
    if image.0 > 0 && cached.0 + written.0 > 0 {
        return None; // Whether the cached tokens are the pictures or the text is not reported.
    }
    let hour_rate = match (rates.cache_write, rates.cache_write_1h) {
        (_, Some(rate)) => Some(rate),
        (None, None) => whole,
        // Who asks a price for short writes asks a higher one for an hour, and it is not known.
        (Some(_), None) => None,
    };
    Some(vec![
        line(rest.0 - written.0 - image.0, whole),
        line(cached.0, rates.cached.or(whole)),
        line(written.0 - hour.0, rates.cache_write.or(whole)),
        line(hour.0, hour_rate),
        line(image.0, rates.input_image),
    ])
}

/// The kinds of output.
fn output(usage: &TokenUsage, rates: &TokenRates) -> Option<Vec<Line>> {
    let (Some(tokens), whole) = (usage.output, rates.output) else {
        return unreported(&[rates.output, rates.output_image]);
    };
    let image = picture_part(usage.output_image, rates.output_image, tokens)?;
    let rest = Tokens(tokens.0 - image.0);
    let reasoning = within(usage.output_reasoning, rest)?;
    Some(vec![
        line(rest.0 - reasoning.0, whole),
        line(reasoning.0, rates.reasoning.or(whole)),
        line(image.0, rates.output_image),
    ])
}

/// Tokens that were not reported can be left out only where they have no price, or a price of zero on purpose.
fn unreported(rates: &[Option<NanoUsd>]) -> Option<Vec<Line>> {
    rates.iter().all(|rate| rate.is_none_or(|rate| rate.0 == 0)).then(Vec::new)
}

/// Pictures or seconds. Unlike tokens they may be left out where a rate is known: a model that can draw is also asked
/// for text alone.
fn pieces(used: Option<u32>, rate: Option<NanoUsd>) -> Option<Line> {
    let count = i128::from(used?) * PER_MILLION;
    (count > 0 || rate.is_some()).then_some(Line { count, rate })
}

fn line(tokens: i64, rate: Option<NanoUsd>) -> Line {
    Line { count: i128::from(tokens), rate }
}

/// The rates that can be used, with what a free price leaves out.
fn usable(rates: &TokenRates, free: bool) -> TokenRates {
    let part = |rate: Option<NanoUsd>| rate.and_then(|rate| known(Some(rate), free));
    TokenRates {
        input: known(rates.input, free),
        output: known(rates.output, free),
        cached: part(rates.cached),
        cache_write: part(rates.cache_write),
        cache_write_1h: part(rates.cache_write_1h),
        input_image: part(rates.input_image),
        reasoning: part(rates.reasoning),
        output_image: part(rates.output_image),
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

/// A part that was not reported is none; one below zero makes the whole unknown.
fn within(part: Option<Tokens>, whole: Tokens) -> Option<Tokens> {
    let part = part.unwrap_or_default();
    (part.0 >= 0 && whole.0 >= 0).then_some(part.min(whole))
}

/// The tokens that are pictures. Where those have a rate of their own, their number must be known.
fn picture_part(part: Option<Tokens>, rate: Option<NanoUsd>, whole: Tokens) -> Option<Tokens> {
    match rate {
        Some(_) if whole.0 > 0 => within(Some(part?), whole),
        Some(_) => within(part, whole),
        None => within(None, whole),
    }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
