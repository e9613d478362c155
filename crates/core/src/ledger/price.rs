//! What a generation costs its user: a fixed amount, or the provider's cost with a margin. The price is agreed at accept
//! and held; at the end this file says what is due of the hold. Integers only, rounded up once.

use crate::{MicroCredits, NanoUsd};
use std::fmt;
use std::str::FromStr;

/// A recipe's price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    Fixed(MicroCredits),
    /// `max` is held, and is the most that is ever taken.
    Metered {
        max: MicroCredits,
        rate: Metered,
    },
}

/// How a metered price follows from the provider's cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metered {
    /// Units: micro-credits per US dollar of cost.
    pub per_usd: MicroCredits,
    pub margin: Margin,
    /// Taken at least for a result, also when its cost is not known.
    pub min: MicroCredits,
}

/// What is added to the cost. Units: basis points (10,000 = 100 %).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Margin(pub u32);

/// A text that is no margin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a margin: write per cents such as \"30%\" or \"12.5%\", from 0 % to 10,000 %")]
pub struct BadMargin {
    pub given: String,
}

impl Margin {
    /// A hundredfold of the cost.
    pub const MAX: Margin = Margin(1_000_000);
}

impl FromStr for Margin {
    type Err = BadMargin;
    fn from_str(text: &str) -> Result<Margin, BadMargin> {
        let bad = || BadMargin { given: text.chars().take(40).collect() };
        let number = text.strip_suffix('%').ok_or_else(bad)?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 2 || !digits(whole) || !digits(decimals) {
            return Err(bad());
        }
        let points = format!("{whole}{decimals:0<2}").parse::<u32>().map_err(|_| bad())?;
        Some(Margin(points)).filter(|margin| *margin <= Margin::MAX).ok_or_else(bad)
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}%"),
            _ => write!(f, "{whole}.{}%", format!("{rest:02}").trim_end_matches('0')),
        }
    }
}

impl Default for Price {
    fn default() -> Price {
        Price::Fixed(MicroCredits::ZERO)
    }
}

impl Price {
    /// What is held at accept.
    pub const fn hold(&self) -> MicroCredits {
        match self {
            Price::Fixed(amount) => *amount,
            Price::Metered { max, .. } => *max,
        }
    }
    pub const fn metered(&self) -> Option<Metered> {
        match self {
            Price::Fixed(_) => None,
            Price::Metered { rate, .. } => Some(*rate),
        }
    }
}

/// What a result costs. Invariant: `settle` is never more than the hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charge {
    pub settle: MicroCredits,
    /// What the price came to above the hold: the operator's.
    pub absorb: MicroCredits,
}

/// What is due of `hold` for a result that cost `cost`. Without a rate it is the whole hold.
///
/// Rounding: up, once, to the next micro-credit.
/// Invariant: rises with the cost; never negative; exact for every cost, and the largest amount where that leaves the range.
pub fn charge(hold: MicroCredits, rate: Option<Metered>, cost: Option<NanoUsd>) -> Charge {
    let Some(rate) = rate else { return Charge { settle: hold, absorb: MicroCredits::ZERO } };
    let due = cost.map_or(MicroCredits::ZERO, |cost| rate.due(cost));
    Charge { settle: due.max(rate.min).min(hold), absorb: due.checked_sub(hold).unwrap_or(MicroCredits::ZERO) }
}

/// One, in billionths of a dollar times basis points.
const UNIT: i128 = 1_000_000_000 * 10_000;

impl Metered {
    fn due(&self, cost: NanoUsd) -> MicroCredits {
        let cost = i128::from(cost.0.max(0));
        // Where even 128 bits are not enough, the largest amount is due all the same.
        let exact = cost
            .saturating_mul(i128::from(self.per_usd.micros()))
            .saturating_mul(10_000 + i128::from(self.margin.0))
            .saturating_add(UNIT - 1)
            / UNIT;
        i64::try_from(exact).ok().and_then(|micros| MicroCredits::new(micros).ok()).unwrap_or(MicroCredits::MAX)
    }
}

/// The cost of several calls together; `None` when that of one of them is not known.
pub fn total(costs: impl IntoIterator<Item = Option<NanoUsd>>) -> Option<NanoUsd> {
    costs.into_iter().try_fold(NanoUsd(0), |sum, cost| Some(NanoUsd(sum.0.saturating_add(cost?.0))))
}
