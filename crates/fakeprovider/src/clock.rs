//! HTTP dates. The one place of the fake that reads a clock, because `retry-after` may be a date and a client compares it
//! with its own clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// The HTTP dates of one answer, both from one look at the clock: a client may compare them.
#[derive(Clone)]
pub(crate) struct Dates {
    pub now: String,
    /// Two seconds later.
    pub soon: String,
}

impl Dates {
    #[expect(
        clippy::disallowed_methods,
        reason = "a provider has a clock of its own, and this one stands outside the product"
    )]
    pub fn read() -> Dates {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Dates { now: http_date(now), soon: http_date(now + 2) }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` of seconds since 1970.
fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of the year 0, in eras of 400 years (Howard Hinnant, `civil_from_days`).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let name = |list: &[&'static str], index: u64| usize::try_from(index).ok().and_then(|at| list.get(at).copied());
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days % 7).unwrap_or("Thu"),
        name(&MONTHS, month).unwrap_or("Jan"),
        second / 3_600,
        second / 60 % 60,
        second % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_standard() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
