//! One instant type: UTC, whole microseconds. In Postgres it is a `timestamptz`, in SQLite a 64-bit integer, outside it
//! is RFC 3339 with `Z`. A time without an offset cannot be expressed, so naive and aware times cannot meet.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An instant. Units: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    #[error("{0:?} has no offset from UTC: write it as 2026-01-31T08:00:00Z or with +01:00 at the end")]
    Naive(String),
    #[error("{0:?} is not an RFC 3339 time such as 2026-01-31T08:00:00Z")]
    Malformed(String),
}

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// The instant `span` later; saturates at the end of time.
    pub fn plus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
    /// The instant `span` earlier; saturates at the start of time.
    pub fn minus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => Ok(Timestamp(instant.as_microsecond())),
            Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => Err(BadTime::Naive(text.to_owned())),
            Err(_) => Err(BadTime::Malformed(text.chars().take(80).collect())),
        }
    }
}

/// An age as people say it: `42s`, `3.5 minutes`, `18.2 hours`.
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 60.0 {
            write!(f, "{seconds:.1} seconds")
        } else if seconds < 3_600.0 {
            write!(f, "{:.1} minutes", seconds / 60.0)
        } else {
            write!(f, "{:.1} hours", seconds / 3_600.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_s0_a_time_without_an_offset_is_refused_with_a_hint() {
        let error = "2026-01-31T08:00:00".parse::<Timestamp>().unwrap_err();
        assert!(matches!(error, BadTime::Naive(_)));
        assert!(error.to_string().contains("no offset"));
    }

    #[test]
    fn an_instant_prints_in_utc_with_a_z_and_reads_back() {
        let instant: Timestamp = "2026-01-31T09:00:00.250+01:00".parse().unwrap();
        assert_eq!(instant.to_string(), "2026-01-31T08:00:00.250000Z");
        assert_eq!(instant.to_string().parse::<Timestamp>(), Ok(instant));
    }

    #[test]
    fn ages_read_as_the_seeds_wrote_them() {
        assert_eq!(Age(Duration::from_secs(65_520)).to_string(), "18.2 hours");
        assert_eq!(Age(Duration::from_secs(90)).to_string(), "1.5 minutes");
    }
}
