//! How much one generation may use at most, over its steps and all its attempts: what a budget sets aside before the
//! first call is made. Pure arithmetic; what a recipe asks for is read in the desk.

use crate::metering::price::{Price, TokenRates};
use crate::{NanoUsd, Tokens};

/// Rates are per million tokens.
const PER_MILLION: i128 = 1_000_000;

/// An upper bound of a generation's use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Input and output together.
    pub tokens: Tokens,
    pub cost: MostCost,
}

/// What it may cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MostCost {
    Known(NanoUsd),
    /// The price of this `provider/model` does not say.
    Unknown {
        model: String,
    },
}

/// What one call may use at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallBound {
    pub input: u64,
    pub output: u64,
    /// Whether it is paid for by what it writes: both tokens then need a rate.
    pub writes: bool,
    pub images: u32,
    pub video_seconds: u32,
    pub requests: u32,
}

impl CallBound {
    pub fn tokens(&self) -> i64 {
        i64::try_from(self.input.saturating_add(self.output)).unwrap_or(i64::MAX)
    }

    /// The most the call can cost at this price, whatever its tokens turn out to be. `None`: the price has no rate for
    /// something it may use.
    ///
    /// Rounding: up to a whole nano-dollar. A sum that does not fit is the largest there is.
    pub fn cost(&self, price: &Price) -> Option<NanoUsd> {
        let reachable = price.tiers.iter().filter(|tier| u64::try_from(tier.above_input.0).unwrap_or(0) < self.input);
        let rates: Vec<&TokenRates> = std::iter::once(&price.tokens).chain(reachable.map(|tier| &tier.rates)).collect();
        let has = |rate: Option<NanoUsd>| price.free || rate.is_some_and(|rate| rate.0 > 0);
        if self.writes && !rates.iter().all(|rates| has(rates.input) && has(rates.output)) {
            return None;
        }
        let made = [price.per_image, price.per_video_second].into_iter().chain(rates.iter().map(|r| r.output_image));
        if !self.writes && !made.chain([price.tokens.output, price.per_request]).any(has) {
            return None;
        }
        let dearest = |of: fn(&TokenRates) -> Vec<Option<NanoUsd>>| {
            let all = rates.iter().flat_map(|rates| of(rates)).flatten();
            all.map(|rate| i128::from(rate.0)).max().unwrap_or(0).max(0)
        };
        let input = dearest(|r| vec![r.input, r.cached, r.cache_write, r.cache_write_1h, r.input_image]);
        let output = dearest(|r| vec![r.output, r.reasoning, r.output_image]);
        let each = |rate: Option<NanoUsd>| rate.map_or(0, |rate| i128::from(rate.0.max(0))) * PER_MILLION;
        let lines = [
            (input, i128::from(self.input)),
            (output, i128::from(self.output)),
            (each(price.per_image), i128::from(self.images)),
            (each(price.per_video_second), i128::from(self.video_seconds)),
            (each(price.per_request), i128::from(self.requests)),
        ];
        let sum = lines.into_iter().fold(0_i128, |sum, (rate, count)| sum.saturating_add(rate.saturating_mul(count)));
        Some(NanoUsd(i64::try_from(sum.saturating_add(PER_MILLION - 1) / PER_MILLION).unwrap_or(i64::MAX)))
    }
}

/// The most all calls of a generation come to, given what one call of each step may come to with each model of its route
/// (`models[m][step]`), when each model is tried `attempts` times at most.
///
/// A step that succeeded is never repeated, so all calls but the failed ones are one for each step; and at most all
/// attempts but one fail and are followed by another.
pub fn of_all_calls(models: &[Vec<i64>], attempts: u32) -> i64 {
    let steps = models.iter().map(Vec::len).max().unwrap_or(0);
    let dearest_of_step = |step: usize| models.iter().filter_map(|calls| calls.get(step)).max().copied().unwrap_or(0);
    let once: i128 = (0..steps).map(|step| i128::from(dearest_of_step(step))).sum();
    let worst = models.iter().map(|calls| i128::from(calls.iter().max().copied().unwrap_or(0)));
    let again: i128 = worst.clone().map(|worst| worst * i128::from(attempts)).sum();
    let last = worst.min().unwrap_or(0);
    i64::try_from(once + again - last).unwrap_or(i64::MAX)
}
