//! Token counts in a provider's JSON: which figures are believed. Pure; it knows no provider's field names and adds
//! nothing up.

use copydesk_core::Tokens;
use serde_json::Value;

/// No model counts more in one call; a larger figure is a broken one and would be billed.
pub(crate) const TOKENS_MAX: i64 = 1_000_000_000;

/// The count at this place. One that is missing, negative, fractional, a text or absurdly large is not reported.
pub(crate) fn tokens_at(value: &Value, pointer: &str) -> Option<Tokens> {
    value.pointer(pointer).and_then(Value::as_i64).and_then(believable)
}

/// The count, if a call can have used that many.
pub(crate) fn believable(count: i64) -> Option<Tokens> {
    Some(count).filter(|count| (0..=TOKENS_MAX).contains(count)).map(Tokens)
}

/// A part, if it is not larger than what it is part of.
pub(crate) fn part_of(part: Option<Tokens>, whole: Option<Tokens>) -> Option<Tokens> {
    part.filter(|part| whole.is_none_or(|whole| *part <= whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn garbage_is_not_reported_and_never_zero() {
        for value in [json!(-1), json!(1.5), json!("12"), json!(null), json!(u64::MAX), json!(TOKENS_MAX + 1)] {
            assert_eq!(tokens_at(&json!({"n": value}), "/n"), None, "{value}");
        }
        assert_eq!(tokens_at(&json!({"n": 0}), "/n"), Some(Tokens(0)));
        assert_eq!(tokens_at(&json!([]), "/n"), None);
    }

    #[test]
    fn a_part_larger_than_its_whole_is_not_reported() {
        assert_eq!(part_of(Some(Tokens(6)), Some(Tokens(5))), None);
        assert_eq!(part_of(Some(Tokens(5)), Some(Tokens(5))), Some(Tokens(5)));
        assert_eq!(part_of(Some(Tokens(5)), None), Some(Tokens(5)));
    }
}
