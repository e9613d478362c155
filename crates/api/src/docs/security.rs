//! `/.well-known/security.txt` (RFC 9116): whom to tell, until when that holds, and where the file is.

use copydesk_core::Timestamp;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Less than a year, as the RFC asks. Units: days.
const GOOD_FOR_DAYS: u32 = 182;

/// The file. It is the same for a whole day. `contact` is an address with its scheme.
pub(crate) fn text(contact: &str, public_url: &str, now: Timestamp) -> String {
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    let today = Timestamp::from_micros(now.micros() - now.micros().rem_euclid(day));
    // Midnight has no fraction of a second to show.
    let expires = today.plus(DAY * GOOD_FOR_DAYS).to_string().replace(".000000Z", "Z");
    // A file that says where it is must say so with https.
    let canonical = if public_url.starts_with("https://") {
        format!("Canonical: {public_url}/.well-known/security.txt\n")
    } else {
        String::new()
    };
    format!("Contact: {contact}\nExpires: {expires}\n{canonical}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_for_half_a_year_from_the_day_it_is_read() {
        let now = Timestamp::from_micros(1_767_225_600_000_000).plus(Duration::from_secs(86_399));
        let file = text("mailto:security@example.com", "https://desk.example", now);
        assert_eq!(
            file,
            "Contact: mailto:security@example.com\nExpires: 2026-07-02T00:00:00Z\n\
             Canonical: https://desk.example/.well-known/security.txt\n"
        );
        assert!(!text("tel:+1-201-555-0123", "http://127.0.0.1:8420", now).contains("Canonical"));
    }
}
