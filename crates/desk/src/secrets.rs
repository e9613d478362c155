//! Secrets that are given out as texts beside API keys: one-time links and sign-ins. Like keys they have 256 random bits and a
//! checksum, and only their SHA-256 is stored. The one comparison of secrets is here, too.

use crate::clock::World;
use crate::keys::{adds_up, drawn};
use sha2::{Digest, Sha256};
use std::fmt;

/// What a secret opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretKind {
    Link,
    SignIn,
}

impl SecretKind {
    const fn prefix(self) -> &'static str {
        match self {
            SecretKind::Link => "dkl_",
            SecretKind::SignIn => "dks_",
        }
    }
}

/// A secret's text. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText([redacted])")
    }
}

impl SecretText {
    pub fn random(world: &World, kind: SecretKind) -> SecretText {
        SecretText(drawn(world, kind.prefix()))
    }

    /// A text that may be one; one with a wrong form or checksum never is, and is not looked up.
    pub fn read(text: &str, kind: SecretKind) -> Option<SecretText> {
        let rest = text.trim().strip_prefix(kind.prefix())?;
        adds_up(rest).then(|| SecretText(text.trim().to_owned()))
    }

    /// The only place that hands the secret out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Whether two hashes of secrets are the same, in a time that does not tell where they differ. Secrets are compared here and
/// nowhere else; most are not compared at all but looked up by their hash.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_one_kind_and_tells_when_it_was_mistyped() {
        let link = SecretText::random(&World::real(), SecretKind::Link);
        let text = link.reveal();
        assert!(text.starts_with("dkl_") && text.len() == 4 + 43 + 6);
        assert_eq!(SecretText::read(text, SecretKind::Link), Some(link.clone()));
        assert_eq!(SecretText::read(&format!(" {text}\n"), SecretKind::Link), Some(link.clone()));
        assert_eq!(SecretText::read(text, SecretKind::SignIn), None);
        for bad in ["", "dkl_", &text[..50], &format!("{text}x"), &text.replace("dkl_", "dks_"), "dkl_ünï"] {
            assert_eq!(SecretText::read(bad, SecretKind::Link), None, "{bad}");
        }
        assert!(!format!("{link:?}").contains(&text[4..]));
    }

    #[test]
    fn hashes_are_the_same_when_every_byte_is() {
        let hash = [7; 32];
        assert!(same(&hash, &hash));
        for place in 0..32 {
            let mut other = hash;
            other[place] ^= 1;
            assert!(!same(&hash, &other), "byte {place}");
        }
    }
}
