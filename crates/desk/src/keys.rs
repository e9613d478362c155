//! API keys: 256 random bits with a prefix and a checksum, so that a typo is refused without a look into the database.
//! Only the SHA-256 is stored; the secret is shown once.

use crate::clock::World;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::KeyId;
use copydesk_core::access::{KeyTerms, Mode, Permit};
use copydesk_store::keys::KeyRow;
use copydesk_store::{Scope, StoreError};
use sha2::{Digest, Sha256};

/// Bytes of `dk_live_` and `dk_test_`.
const PREFIX_BYTES: usize = 8;
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
    /// A live one.
    pub fn random(world: &World) -> KeyText {
        KeyText::of_mode(world, Mode::Live)
    }
    pub fn of_mode(world: &World, mode: Mode) -> KeyText {
        KeyText(drawn(world, prefix(mode)))
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
        match Mode::ALL.into_iter().find_map(|mode| self.0.strip_prefix(prefix(mode))) {
            Some(rest) => adds_up(rest),
            None => (OWN_KEY_BYTES_MIN..=255).contains(&self.0.len()),
        }
    }
    /// The first characters, to tell keys apart.
    pub fn shown(&self) -> String {
        self.0.chars().take(PREFIX_BYTES + 4).collect()
    }
}

const fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "dk_live_",
        Mode::Test => "dk_test_",
    }
}

/// A prefix, 256 random bits in base 62, and a checksum.
pub(crate) fn drawn(world: &World, prefix: &str) -> String {
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
    format!("{prefix}{secret}{check}")
}

/// Whether what follows a prefix has the form that [`drawn`] gives it.
pub(crate) fn adds_up(rest: &str) -> bool {
    rest.is_ascii()
        && rest.len() == SECRET_CHARS + CHECK_CHARS
        && checksum(&rest[..SECRET_CHARS]) == rest[SECRET_CHARS..]
}

fn checksum(secret: &str) -> String {
    let hash = Sha256::digest(secret.as_bytes());
    hash[..CHECK_CHARS].iter().map(|byte| ALPHABET[usize::from(*byte) % 62] as char).collect()
}

impl Desk {
    /// Stores an owner's key of the workspace, which nobody had to be asked for: the installation's first one. A key that
    /// is there already is left as it is, also when it was revoked.
    pub async fn add_key(&self, scope: Scope, name: &str, text: &KeyText) -> Result<KeyRow, DeskError> {
        if let Some(known) = self.store().find_key(text.hash()).await? {
            return Ok(known);
        }
        let now = self.inner.now();
        let row = KeyRow {
            id: KeyId(self.inner.world.uuid(now)),
            scope,
            secret_hash: text.hash(),
            shown: text.shown(),
            terms: KeyTerms::new(name, Permit::owner()),
            revision: 1,
            created_at: now,
            revoked_at: None,
            replaced_by: None,
            last_used: None,
        };
        if self.store().add_key(row.clone()).await? {
            return Ok(row);
        }
        // Another process has just stored it.
        let known = self.store().find_key(text.hash()).await?;
        known.ok_or_else(|| DeskError::Store(StoreError::Corrupt(format!("{} exists already", row.id))))
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
    fn the_mode_stands_in_the_first_letters() {
        let key = KeyText::of_mode(&World::real(), Mode::Test);
        assert!(key.plausible() && key.reveal().starts_with("dk_test_"));
        let bare = key.reveal().trim_start_matches("dk_test_").to_owned();
        assert!(KeyText::new(format!("dk_live_{bare}")).plausible(), "but the hash is another one, so nobody has it");
        assert_eq!(key.shown().len(), 12);
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = KeyText::random(&World::real());
        assert!(!format!("{key:?}").contains(&key.reveal()[8..]));
    }
}
