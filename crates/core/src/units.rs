//! Money and quantities in integers. Tokens are what models count, credits are what users pay with; the two never mix.

use std::fmt;
use std::str::FromStr;

/// Credits of a user. Units: micro-credits (1 credit = 1,000,000). Invariant: never negative; direction is said by debit
/// or credit, not by sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MicroCredits(i64);

/// An amount that is negative, fractional below a micro-credit, or too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an amount of credits: write a number of at least 0 with at most six decimals, such as 2.5")]
pub struct BadAmount {
    pub given: String,
}

impl MicroCredits {
    pub const ZERO: MicroCredits = MicroCredits(0);
    pub const MAX: MicroCredits = MicroCredits(i64::MAX);
    pub const PER_CREDIT: i64 = 1_000_000;

    pub fn new(micros: i64) -> Result<MicroCredits, BadAmount> {
        if micros < 0 { Err(BadAmount { given: micros.to_string() }) } else { Ok(MicroCredits(micros)) }
    }
    pub const fn micros(self) -> i64 {
        self.0
    }
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
    pub fn checked_add(self, other: MicroCredits) -> Option<MicroCredits> {
        self.0.checked_add(other.0).map(MicroCredits)
    }
    /// What is left after taking `other`; `None` when `other` is more.
    pub fn checked_sub(self, other: MicroCredits) -> Option<MicroCredits> {
        if other.0 > self.0 { None } else { Some(MicroCredits(self.0 - other.0)) }
    }
}

impl fmt::Display for MicroCredits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::PER_CREDIT, self.0 % Self::PER_CREDIT);
        if rest == 0 {
            write!(f, "{whole}")
        } else {
            write!(f, "{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
        }
    }
}

impl fmt::Debug for MicroCredits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} credits")
    }
}

impl FromStr for MicroCredits {
    type Err = BadAmount;
    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let bad = || BadAmount { given: text.chars().take(40).collect() };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
            return Err(bad());
        }
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let rest: i64 = format!("{decimals:0<6}").parse().map_err(|_| bad())?;
        whole
            .checked_mul(Self::PER_CREDIT)
            .and_then(|micros| micros.checked_add(rest))
            .map(MicroCredits)
            .ok_or_else(bad)
    }
}

/// What a call cost at the provider. Units: billionths of a US dollar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct NanoUsd(pub i64);

/// Dollars with as many decimals as they have, and two at least.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let decimals = format!("{:09}", rest.abs());
        let kept = decimals.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{}", &decimals[..kept])
    }
}

/// A text that is not an amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an amount of dollars: write a number of at least 0 with at most nine decimals, such as 2.50")]
pub struct BadDollars {
    pub given: String,
}

impl FromStr for NanoUsd {
    type Err = BadDollars;
    fn from_str(text: &str) -> Result<Self, BadDollars> {
        let bad = || BadDollars { given: text.chars().take(40).collect() };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 9 || !digits(whole) || !digits(decimals) {
            return Err(bad());
        }
        let (whole, rest): (Option<i64>, Option<i64>) = (whole.parse().ok(), format!("{decimals:0<9}").parse().ok());
        let nanos = whole.and_then(|whole| whole.checked_mul(1_000_000_000)?.checked_add(rest?));
        nanos.map(NanoUsd).ok_or_else(bad)
    }
}

/// A number of model tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Tokens(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_and_printed_without_floats() {
        for (text, nanos, shown) in
            [("2.5", 2_500_000_000, "2.50"), ("0.000000001", 1, "0.000000001"), ("7", 7_000_000_000, "7.00")]
        {
            assert_eq!(text.parse(), Ok(NanoUsd(nanos)));
            assert_eq!(NanoUsd(nanos).to_string(), shown);
        }
        assert_eq!(NanoUsd(-500_000_000).to_string(), "-0.50");
        for bad in ["", ".5", "-1", "1e3", "1,5", "0.0000000001", "9223372037"] {
            assert!(bad.parse::<NanoUsd>().is_err(), "{bad}");
        }
    }

    #[test]
    fn credits_are_read_and_printed_without_floats() {
        assert_eq!("2.5".parse::<MicroCredits>().unwrap().micros(), 2_500_000);
        assert_eq!(MicroCredits::new(2_500_000).unwrap().to_string(), "2.5");
        for bad in ["", "-1", "1.0000001", "1e3", "nan", "9999999999999999", "."] {
            assert!(bad.parse::<MicroCredits>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn taking_more_than_there_is_gives_nothing() {
        let one = MicroCredits::new(1).unwrap();
        assert_eq!(MicroCredits::ZERO.checked_sub(one), None);
    }
}
