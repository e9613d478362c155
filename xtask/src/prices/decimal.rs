//! A price as the packages write it, in whole nano-dollars, without computing with binary fractions.

use serde_json::Value;

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    Nanos(i64),
    /// Not there, or zero: both say that no price is known.
    Unknown,
    /// Below zero, or no number at all.
    Refused,
}

/// Reads a field as an amount, times ten to the power of `power`.
///
/// Rounding: half up to a whole unit. The packages hold binary fractions, whose shortest decimal text may end in noise
/// such as 0.7000000000000001; real prices have far fewer decimals than a nano-dollar per million tokens.
pub fn amount(field: &Value, power: i32) -> Amount {
    match field {
        Value::Null => Amount::Unknown,
        Value::Number(number) => match scaled(&number.to_string(), power) {
            Some(0) => Amount::Unknown,
            Some(nanos) => Amount::Nanos(nanos),
            None => Amount::Refused,
        },
        Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => Amount::Refused,
    }
}

/// Decimal text such as `2.5e-06` times ten to the power of `power`.
pub fn scaled(text: &str, power: i32) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let shift = exponent.parse::<i32>().ok()?.checked_add(power)? - i32::try_from(fraction.len()).ok()?;
    let scale = 10_i128.checked_pow(shift.unsigned_abs())?;
    let scaled = if shift >= 0 { value.checked_mul(scale)? } else { (value + scale / 2) / scale };
    i64::try_from(scaled).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_integers() {
        for (text, power, nanos) in [
            ("2.5", 9, 2_500_000_000),
            ("2.5e-06", 15, 2_500_000_000),
            ("0.7000000000000001", 9, 700_000_000),
            ("0.0028", 9, 2_800_000),
            ("4", 9, 4_000_000_000),
            ("0.039", 9, 39_000_000),
        ] {
            assert_eq!(scaled(text, power), Some(nanos), "{text}");
        }
    }

    #[test]
    fn zero_and_absent_are_unknown_and_below_zero_is_refused() {
        let json = |text: &str| serde_json::from_str(text).unwrap();
        assert_eq!(amount(&json("0.0"), 9), Amount::Unknown);
        assert_eq!(amount(&Value::Null, 9), Amount::Unknown);
        for bad in ["-1", "-2.5e-6", "\"2.5\"", "1e300"] {
            assert_eq!(amount(&json(bad), 9), Amount::Refused, "{bad}");
        }
    }
}
