//! Lengths of time as people and programs write them: `90s`, `10m`, `1h 30m`, `2d`, `PT11M`.

use jiff::{Span, SpanRelativeTo};
use std::time::Duration;

/// Longest length of time that is taken. It keeps sums with it far from the end of time.
const SPAN_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Longest age that is taken, for the same reason.
const AGE_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

/// How long something may last.
///
/// Errors: a sentence that says what would have been right.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    within(text, SPAN_MAX, "a year")
}

/// How long ago something may have been.
///
/// Errors: as [`parse`].
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    within(text, AGE_MAX, "a hundred years")
}

fn within(text: &str, max: Duration, named: &str) -> Result<Duration, String> {
    let shown: String = text.chars().take(40).collect();
    let bad = || format!("{shown:?} is not a length of time such as 90s, 10m, 1h or PT11M");
    let span: Span = text.trim().parse().map_err(|_| bad())?;
    let days = SpanRelativeTo::days_are_24_hours();
    let length = span.to_duration(days).ok().and_then(|length| Duration::try_from(length).ok()).ok_or_else(bad)?;
    if length > max {
        return Err(format!("{shown:?} is longer than {named}"));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("1h", 3_600),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("PT11M", 660),
            ("P1D", 86_400),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "10", "-5m", "1 month", "soon", "9999999h", "PT"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
