//! Keys that must not be seen: a wrapper whose `Debug` says nothing, and the masking of keys in text that came from
//! outside. It never stores, hashes or compares keys.

use std::fmt;

use crate::error::cut;

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// Shorter values are not searched for in text: masking "a" would mask everything.
const MASKED_BYTES_MIN: usize = 6;

/// Words that start like a provider's key are masked even when they are not our key: providers quote keys half starred.
const KEY_PREFIXES: [&str; 4] = ["sk-", "sk_", "AIza", "Bearer "];
/// A word this short behind a prefix is prose ("sk-8").
const KEY_BYTES_MIN: usize = 8;

/// A key or token. Printed nowhere; [`Secret::expose`] is the one way to the text and is easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }
    /// The secret itself: for a request header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// `text` with `secret` and everything that looks like a provider key replaced by [`REDACTED`].
pub fn mask(text: &str, secret: Option<&Secret>) -> String {
    let known = match secret {
        Some(Secret(key)) if key.len() >= MASKED_BYTES_MIN => text.replace(key.as_str(), REDACTED),
        Some(_) | None => text.to_owned(),
    };
    KEY_PREFIXES.iter().fold(known, |text, prefix| mask_words(&text, prefix))
}

/// The longest name of a request, a model or a reason to stop that is kept. Units: bytes.
pub(crate) const NAME_BYTES_MAX: usize = 200;

/// A name the provider gave something, as it may be written down: a provider that quotes our key does it here, too.
pub(crate) fn safe_name(name: &str, secret: Option<&Secret>) -> String {
    cut(&mask(name, secret).replace('\0', "\u{fffd}"), NAME_BYTES_MAX)
}

fn mask_words(text: &str, prefix: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(prefix) {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        let inside_a_word = before.ends_with(|letter: char| letter.is_alphanumeric());
        let key_bytes = prefix.len() + key_len(&from[prefix.len()..]);
        if inside_a_word || key_bytes < prefix.len() + KEY_BYTES_MIN {
            masked.push_str(prefix);
            rest = &from[prefix.len()..];
        } else {
            masked.push_str(REDACTED);
            rest = &from[key_bytes..];
        }
    }
    masked.push_str(rest);
    masked
}

fn key_len(text: &str) -> usize {
    let is_key =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'.' | b'=' | b'/' | b'+');
    text.bytes().take_while(is_key).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_in_debug() {
        assert_eq!(format!("{:?}", Secret::new("sk-live-123456")), "[redacted]");
        assert_eq!(format!("{:?}", Some(Secret::new("x"))), "Some([redacted])");
    }

    #[test]
    fn keys_are_masked_wherever_they_stand_in_a_text() {
        let key = Secret::new("topsecret42");
        let text = "key topsecret42 (or sk-proj-abc***wxyz, Bearer eyJhbGciOi.x) is wrong";
        let masked = mask(text, Some(&key));
        assert_eq!(masked, "key [redacted] (or [redacted], [redacted]) is wrong");
    }

    #[test]
    fn a_name_is_masked_before_it_is_cut() {
        let key = Secret::new("topsecret42");
        let name = format!("{}topsecret42", "x".repeat(NAME_BYTES_MAX - 4));
        let safe = safe_name(&name, Some(&key));
        assert!(!safe.contains("tops") && safe.len() <= NAME_BYTES_MAX, "{safe}");
        assert_eq!(safe_name("gpt-6", Some(&key)), "gpt-6");
    }

    #[test]
    fn ordinary_words_are_left_alone() {
        for text in ["desk-lamp", "risk-averse-investor", "sk-8 skates", "Bearer of news", "héllo sk-"] {
            assert_eq!(mask(text, None), text);
        }
    }
}
