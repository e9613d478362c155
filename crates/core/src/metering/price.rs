//! Price arithmetic: tokens times a price per million, in integers, rounded up once.

use super::usage::TokenUsage;
use crate::{NanoUsd, Tokens};

/// A model's price, immutable under its version name.
///
/// Units: nano-dollars per million tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Price {
    /// Names the row of the price table this came from, e.g. `demo-2026-11`.
    pub version: String,
    pub input_per_million: NanoUsd,
    pub output_per_million: NanoUsd,
    /// What a cached input token costs; `None` means the same as any other.
    pub cached_per_million: Option<NanoUsd>,
}

/// A call's cost and where the figure comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cost {
    /// The provider's own figure.
    Provider(NanoUsd),
    /// Computed from our table; `estimated` when the tokens were an estimate.
    Priced { nanousd: NanoUsd, version: String, estimated: bool },
    /// No price is known, or no tokens were reported. Never shown as zero.
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

/// The cost of a call. The provider's own figure wins; a missing price or missing tokens give [`Cost::Unpriced`].
///
/// Rounding: up to a whole nano-dollar, once, over the sum of all token kinds.
pub fn cost(usage: &TokenUsage, price: Option<&Price>) -> Cost {
    if let Some(reported) = usage.provider_cost {
        return Cost::Provider(reported);
    }
    let (Some(price), Some(input), Some(output)) = (price, usage.input, usage.output) else {
        return Cost::Unpriced;
    };
    let part = |tokens: Tokens, per_million: NanoUsd| i128::from(tokens.0.max(0)) * i128::from(per_million.0);
    let cached = Tokens(usage.input_cached.unwrap_or_default().0.clamp(0, input.0.max(0)));
    let fresh = Tokens(input.0.max(0) - cached.0);
    let sum = part(fresh, price.input_per_million)
        + part(cached, price.cached_per_million.unwrap_or(price.input_per_million))
        + part(output, price.output_per_million);
    match i64::try_from((sum + 999_999) / 1_000_000) {
        Ok(nanousd) => {
            Cost::Priced { nanousd: NanoUsd(nanousd), version: price.version.clone(), estimated: usage.estimated }
        }
        Err(_) => Cost::Unpriced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            version: "t1".into(),
            input_per_million: NanoUsd(150_000_000),
            output_per_million: NanoUsd(600_000_000),
            cached_per_million: Some(NanoUsd(75_000_000)),
        }
    }

    #[test]
    fn a_cost_is_exact_and_rounded_up_once() {
        let usage = TokenUsage {
            input: Some(Tokens(1_001)),
            output: Some(Tokens(1)),
            input_cached: Some(Tokens(1)),
            ..TokenUsage::default()
        };
        // 1000 x 150 + 1 x 75 + 1 x 600 = 150,675 nano-dollars.
        assert_eq!(cost(&usage, Some(&price())).nanousd(), Some(NanoUsd(150_675)));
    }

    #[test]
    fn seed_s4_an_unknown_price_is_unpriced_and_never_zero() {
        let usage = TokenUsage { input: Some(Tokens(5)), output: Some(Tokens(5)), ..TokenUsage::default() };
        assert_eq!(cost(&usage, None), Cost::Unpriced);
        assert_eq!(cost(&TokenUsage::default(), Some(&price())), Cost::Unpriced);
    }

    #[test]
    fn the_providers_own_figure_wins() {
        let usage = TokenUsage { provider_cost: Some(NanoUsd(42)), ..TokenUsage::default() };
        assert_eq!(cost(&usage, Some(&price())), Cost::Provider(NanoUsd(42)));
    }
}
