//! Times as feeds write them. RSS uses the mail format, Atom and Dublin Core use RFC 3339. A time without an offset from
//! UTC could be off by a day, so it counts as absent.

use copydesk_core::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Feeds get weekdays wrong more often than dates.
static MAIL: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let instant = MAIL.parse_timestamp(text).ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_of_feeds_are_read() {
        let wanted: Timestamp = "2026-11-05T08:00:00Z".parse().unwrap();
        for text in [
            "Thu, 05 Nov 2026 08:00:00 GMT",
            "Thu, 5 Nov 2026 09:00:00 +0100",
            "5 Nov 2026 08:00 UT",
            "Mon, 05 Nov 2026 03:00:00 EST",
            "2026-11-05T08:00:00Z",
            "2026-11-05T10:00:00.000+02:00",
            "2026-11-05T08:00Z",
            "  2026-11-05T08:00:00Z\n",
        ] {
            assert_eq!(parse(text), Some(wanted), "{text}");
        }
        for text in ["", "yesterday", "2026-11-05", "2026-11-05T08:00:00", "Thu, 05 Nov 2026 08:00:00", "99999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
