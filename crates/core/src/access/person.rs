//! People who sign in: what an e-mail and a password must be, what a one-time link is for, and how long a sign-in lives.

use crate::Timestamp;
use std::fmt;
use std::time::Duration;

/// Longest e-mail (RFC 5321: 256 with its brackets). Units: bytes.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Shortest and longest password (ASVS 5.0, 6.2.1 and 6.2.9). Units: characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The commonest passwords of at least eight characters, in lower case; whoever guesses tries these first.
const COMMON: &str = include_str!("common_passwords.txt");

/// An e-mail in the one form it is compared in: lower case, without white space around it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Email(String);

/// Not an e-mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it must be an e-mail such as ann@example.com")]
pub struct BadEmail;

impl Email {
    /// Only what would break an address or a mail is refused: whether it is somebody's shows when they open their link.
    pub fn parse(text: &str) -> Result<Email, BadEmail> {
        let plain = text.trim().to_lowercase();
        let (name, host) = plain.rsplit_once('@').ok_or(BadEmail)?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || "<>,;:\\\"()[]@".contains(c);
        let dots = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
        let empty = name.is_empty() || host.is_empty() || plain.len() > EMAIL_BYTES_MAX;
        if empty || plain.replacen('@', "", 1).contains(bad) || dots(name) || dots(host) {
            return Err(BadEmail);
        }
        Ok(Email(plain))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a new password of the person with this e-mail: a code and a sentence. `None` when nothing is.
pub fn password_fault(password: &str, email: &Email) -> Option<(&'static str, String)> {
    let chars = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        let detail =
            format!("it must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters; a sentence is fine");
        return Some(("bad_length", detail));
    }
    let lower = password.to_lowercase();
    let name = email.as_str().split('@').next().unwrap_or_default();
    if lower == email.as_str() || lower == name {
        return Some(("too_common", "it must not be the e-mail".to_owned()));
    }
    let first = lower.chars().next();
    let one_letter = lower.chars().all(|letter| Some(letter) == first);
    if one_letter || COMMON.lines().any(|common| common == lower) {
        let detail = "it is one of the passwords that are tried first; take another one, such as a few words";
        return Some(("too_common", detail.to_owned()));
    }
    None
}

/// What a one-time link is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// The first owner of an installation.
    Setup,
    /// Somebody new, with the role that the link names.
    Invite,
    /// In, without a password.
    SignIn,
    /// In, with a new password.
    Reset,
}

impl Purpose {
    pub const ALL: [Purpose; 4] = [Self::Setup, Self::Invite, Self::SignIn, Self::Reset];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invite => "invite",
            Self::SignIn => "sign_in",
            Self::Reset => "reset",
        }
    }

    pub fn parse(word: &str) -> Option<Purpose> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// How long such a link is good for unless somebody says otherwise, and at most.
    pub const fn life(self) -> (Duration, Duration) {
        const fn minutes(count: u64) -> Duration {
            Duration::from_secs(count * 60)
        }
        match self {
            Self::Setup | Self::SignIn | Self::Reset => (minutes(30), minutes(30)),
            Self::Invite => (minutes(7 * 24 * 60), minutes(30 * 24 * 60)),
        }
    }
}

/// How long a sign-in lives, whatever is done with it, and how long without being used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignInLimits {
    pub absolute: Duration,
    pub idle: Duration,
}

impl Default for SignInLimits {
    fn default() -> SignInLimits {
        const DAY: u64 = 24 * 3_600;
        SignInLimits { absolute: Duration::from_secs(30 * DAY), idle: Duration::from_secs(7 * DAY) }
    }
}

impl SignInLimits {
    /// The first instant at which a sign-in is over that was last used then and ends at `expires_at` in any case.
    pub fn ends_at(self, expires_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
        expires_at.min(last_seen_at.plus(self.idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_one_spelling() {
        assert_eq!(Email::parse(" Ann@Example.COM "), Email::parse("ann@example.com"));
        for good in ["a@b", "ann+desk@example.co.uk", "ünï@exämple.de"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(EMAIL_BYTES_MAX));
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a@b@c",
            "a b@c",
            "a\n@b",
            "<a@b>",
            ".a@b",
            "a@b.",
            "a@b..c",
            "a@b,c@d",
            &long,
        ] {
            assert_eq!(Email::parse(bad), Err(BadEmail), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_long_enough_and_not_the_first_that_is_guessed() {
        let ann = Email::parse("anna.smith@example.com").unwrap();
        let fault = |password: &str| password_fault(password, &ann).map(|(code, _)| code);
        for good in ["correct horse", "ähnlich!", "        x", &"é".repeat(127), "☃☃☃☃☃☃☃x"] {
            let good = if good.starts_with('é') { format!("{good}x") } else { good.to_owned() };
            assert_eq!(fault(&good), None, "{good}");
        }
        for bad in ["", "short77", &"x1".repeat(65), "ééééééé"] {
            assert_eq!(fault(bad), Some("bad_length"), "{bad}");
        }
        for bad in ["password", "PassWord1", "12345678", "aaaaaaaaaa", "Anna.Smith", "anna.smith@example.com"] {
            assert_eq!(fault(bad), Some("too_common"), "{bad}");
        }
        assert!(COMMON.lines().all(|line| line.chars().count() >= PASSWORD_CHARS_MIN && line == line.to_lowercase()));
    }

    #[test]
    fn a_sign_in_ends_at_the_earlier_of_its_two_ends() {
        let limits = SignInLimits { absolute: Duration::from_secs(100), idle: Duration::from_secs(10) };
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(limits.ends_at(at(100), at(50)), at(60));
        assert_eq!(limits.ends_at(at(100), at(95)), at(100));
    }
}
