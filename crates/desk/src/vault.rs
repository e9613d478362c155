//! The vault: what must be kept secret and read again (signing secrets, and whatever else comes) stands in the database
//! sealed, under a master key that is not in the database. Sealed with ChaCha20-Poly1305 under a fresh nonce, bound to what
//! it is for, so that no sealed thing can stand in another's place. It hands keys to nobody and prints nothing of them.

use crate::clock::World;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;
/// The first byte of everything sealed in this way.
const VERSION: u8 = 1;
/// How many bytes say under which key.
const KEY_ID_BYTES: usize = 8;

/// The master key. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; KEY_BYTES]);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([redacted])")
    }
}

/// A text that is not a master key. It says nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it must be 64 hexadecimal digits, as `openssl rand -hex 32` prints them")]
pub struct BadMasterKey;

impl MasterKey {
    pub fn parse(text: &str) -> Result<MasterKey, BadMasterKey> {
        let text = text.trim();
        if text.len() != KEY_BYTES * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadMasterKey);
        }
        let mut key = [0; KEY_BYTES];
        for (place, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).map_err(|_| BadMasterKey)?;
        }
        Ok(MasterKey(key))
    }

    pub fn random(world: &World) -> MasterKey {
        let mut key = [0; KEY_BYTES];
        world.fill(&mut key);
        MasterKey(key)
    }

    /// The only place that writes the key out: for the file it is kept in.
    pub fn reveal(&self) -> String {
        crate::accept::hex(&self.0)
    }

    /// Tells keys apart without telling anything about them.
    fn id(&self) -> [u8; KEY_ID_BYTES] {
        let hash = Sha256::new().chain_update(b"copydesk master key").chain_update(self.0).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&hash[..KEY_ID_BYTES]);
        id
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &self.0).expect("the algorithm takes 32 bytes"))
    }
}

/// Why something cannot be sealed or opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no key; the words say which setting gives one.
    #[error("{0}")]
    NoKey(String),
    #[error("it was sealed under another key than the server has now")]
    OtherKey,
    #[error("it was damaged, or it is not what it is said to be")]
    Damaged,
}

/// Where the key comes from, at its first use: the words of an error name the setting.
pub type KeySource = Arc<dyn Fn() -> Result<MasterKey, String> + Send + Sync>;

#[derive(Clone)]
pub struct Vault {
    source: KeySource,
    key: Arc<OnceLock<MasterKey>>,
}

impl Vault {
    pub fn new(source: KeySource) -> Vault {
        Vault { source, key: Arc::default() }
    }

    /// A vault with this key.
    pub fn of(key: MasterKey) -> Vault {
        Vault::new(Arc::new(move || Ok(key.clone())))
    }

    fn key(&self) -> Result<&MasterKey, VaultError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = (self.source)().map_err(VaultError::NoKey)?;
        Ok(self.key.get_or_init(|| key))
    }

    /// Seals something for one purpose, e.g. `webhook whk_...`.
    pub fn seal(&self, world: &World, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.key()?;
        let mut nonce = [0; NONCE_LEN];
        world.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        let (nonce_of, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()));
        key.cipher().seal_in_place_append_tag(nonce_of, aad, &mut sealed).map_err(|_| VaultError::Damaged)?;
        let mut out = vec![VERSION];
        out.extend_from_slice(&key.id());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what was sealed for this purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.key()?;
        let (head, rest) = sealed.split_at_checked(1 + KEY_ID_BYTES).ok_or(VaultError::Damaged)?;
        if head[0] != VERSION {
            return Err(VaultError::Damaged);
        }
        if head[1..] != key.id() {
            return Err(VaultError::OtherKey);
        }
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Damaged)?;
        let mut text = text.to_vec();
        let plain = key.cipher().open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text);
        Ok(plain.map_err(|_| VaultError::Damaged)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::of(MasterKey([byte; KEY_BYTES]))
    }

    #[test]
    fn what_was_sealed_opens_for_its_purpose_under_its_key_and_not_otherwise() {
        let world = World::real();
        let sealed = vault(1).seal(&world, "webhook a", b"the secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, vault(1).seal(&world, "webhook a", b"the secret").unwrap(), "a fresh nonce each time");
        assert_eq!(vault(1).open("webhook a", &sealed).unwrap(), b"the secret");
        assert_eq!(vault(1).open("webhook b", &sealed), Err(VaultError::Damaged));
        assert_eq!(vault(2).open("webhook a", &sealed), Err(VaultError::OtherKey));
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert!(vault(1).open("webhook a", &damaged).is_err(), "byte {place}");
            assert!(vault(1).open("webhook a", &sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_key_reads_back_and_shows_nothing_of_itself() {
        let key = MasterKey::random(&World::real());
        assert_eq!(MasterKey::parse(&format!("{}\n", key.reveal())), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "MasterKey([redacted])");
        for bad in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"\u{e9}".repeat(32)] {
            assert_eq!(MasterKey::parse(bad), Err(BadMasterKey), "{bad:?}");
        }
    }

    #[test]
    fn without_a_key_the_error_says_what_to_set() {
        let none = Vault::new(Arc::new(|| Err("set THE_KEY".to_owned())));
        let refused = none.seal(&World::real(), "x", b"y").unwrap_err();
        assert_eq!(refused.to_string(), "set THE_KEY");
    }
}
