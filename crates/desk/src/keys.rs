//! API keys: 256 random bits with a prefix and a checksum, so that a typo is refused without a look into the database.
//! Only the SHA-256 is stored; the secret is shown once.

use crate::clock::World;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::KeyId;
use copydesk_store::Scope;
use copydesk_store::admin::KeyRow;
use sha2::{Digest, Sha256};

const PREFIX: &str = "dk_live_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 256 bits in base 62.
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
/// Shortest key an operator may set by hand.
pub const OWN_KEY_BYTES_MIN: usize = 16;

/// A key's text. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText([redacted])")
    }
}

impl KeyText {
    pub fn new(text: impl Into<String>) -> KeyText {
        KeyText(text.into())
    }
    pub fn random(world: &World) -> KeyText {
        let mut secret = String::with_capacity(SECRET_CHARS);
        while secret.len() < SECRET_CHARS {
            let mut byte = [0; 1];
            world.fill(&mut byte);
            // Values from 248 on would make the first letters likelier; they are drawn again.
            if byte[0] < 248 {
                secret.push(ALPHABET[usize::from(byte[0] % 62)] as char);
            }
        }
        let check = checksum(&secret);
        KeyText(format!("{PREFIX}{secret}{check}"))
    }
    /// The only place that hands the secret out.
    pub fn reveal(&self) -> &str {
        &self.0
    }
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
    /// False for a text of our own shape whose checksum is wrong: it was mistyped or made up.
    pub fn plausible(&self) -> bool {
        let Some(rest) = self.0.strip_prefix(PREFIX) else {
            return (OWN_KEY_BYTES_MIN..=255).contains(&self.0.len());
        };
        rest.is_ascii()
            && rest.len() == SECRET_CHARS + CHECK_CHARS
            && checksum(&rest[..SECRET_CHARS]) == rest[SECRET_CHARS..]
    }
    /// The first characters, to tell keys apart.
    pub fn shown(&self) -> String {
        self.0.chars().take(PREFIX.len() + 4).collect()
    }
}

fn checksum(secret: &str) -> String {
    let hash = Sha256::digest(secret.as_bytes());
    hash[..CHECK_CHARS].iter().map(|byte| ALPHABET[usize::from(*byte) % 62] as char).collect()
}

impl Desk {
    /// Stores a key of the workspace. A key that is there already is left as it is.
    pub async fn add_key(&self, scope: Scope, name: &str, text: &KeyText) -> Result<KeyRow, DeskError> {
        if let Some(known) = self.store().find_key(text.hash()).await? {
            return Ok(known);
        }
        let now = self.inner.now();
        let row = KeyRow {
            id: KeyId(self.inner.world.uuid(now)),
            scope,
            name: name.to_owned(),
            secret_hash: text.hash(),
            shown: text.shown(),
            created_at: now,
        };
        self.store().add_key(row.clone()).await?;
        Ok(row)
    }

    /// The key behind a text, if it is a living one.
    pub async fn find_key(&self, text: &KeyText) -> Result<Option<KeyRow>, DeskError> {
        if !text.plausible() {
            return Ok(None);
        }
        Ok(self.store().find_key(text.hash()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_is_refused_without_looking_it_up() {
        let key = KeyText::random(&World::real());
        assert!(key.plausible());
        let mut typo = key.reveal().to_owned();
        let last = typo.pop().unwrap();
        typo.push(if last == 'a' { 'b' } else { 'a' });
        assert!(!KeyText::new(typo).plausible());
        assert!(!KeyText::new("short").plausible());
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = KeyText::random(&World::real());
        assert!(!format!("{key:?}").contains(&key.reveal()[8..]));
    }
}
