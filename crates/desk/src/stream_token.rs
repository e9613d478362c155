//! Stream tokens: a minute's leave to open a stream, for browsers, which cannot set headers on one. A token names a key
//! and is signed with that key's own hash: every node can check it, nothing is stored, and a key that is gone takes its
//! tokens along.

use copydesk_core::{KeyId, Timestamp, WorkspaceId};
use copydesk_store::Scope;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

const PREFIX: &str = "dst_";
/// How long after it was made a token opens streams. An open stream stays open.
pub const LIFE: Duration = Duration::from_secs(60);
/// Stands for the key of the server's own process, which is in no database.
pub const LOCAL: KeyId = KeyId(Uuid::nil());
const CLAIMS_BYTES: usize = 16 + 16 + 8;
const MAC_BYTES: usize = 32;

/// A token, read and not yet believed. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamToken {
    pub scope: Scope,
    /// Whose rights it has.
    pub key: KeyId,
    pub expires_at: Timestamp,
    mac: [u8; MAC_BYTES],
}

impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamToken([redacted])")
    }
}

impl StreamToken {
    /// A token of the key with this hash.
    pub fn sign(scope: Scope, key: KeyId, secret_hash: &[u8; 32], now: Timestamp) -> StreamToken {
        let token = StreamToken { scope, key, expires_at: now.plus(LIFE), mac: [0; MAC_BYTES] };
        let mac = token.signature(secret_hash).finalize().into_bytes().into();
        StreamToken { mac, ..token }
    }

    /// Whether its time is one that we may have given it; no key is needed to see that.
    pub fn is_timely(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.expires_at <= now.plus(LIFE)
    }

    /// Whether the key with this hash signed it, and it has not expired. One that claims more than a minute never was ours.
    pub fn holds(&self, secret_hash: &[u8; 32], now: Timestamp) -> bool {
        let signed = self.signature(secret_hash).verify_slice(&self.mac).is_ok();
        signed && self.is_timely(now)
    }

    fn claims(&self) -> [u8; CLAIMS_BYTES] {
        let mut claims = [0; CLAIMS_BYTES];
        claims[..16].copy_from_slice(self.scope.workspace.0.as_bytes());
        claims[16..32].copy_from_slice(self.key.0.as_bytes());
        claims[32..].copy_from_slice(&self.expires_at.micros().to_be_bytes());
        claims
    }

    fn signature(&self, secret_hash: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret_hash).expect("HMAC takes keys of any length");
        mac.update(PREFIX.as_bytes());
        mac.update(&self.claims());
        mac
    }
}

/// The whole token, secret.
impl fmt::Display for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.claims().iter().chain(&self.mac).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for StreamToken {
    type Err = ();
    fn from_str(text: &str) -> Result<StreamToken, ()> {
        let digits = text.strip_prefix(PREFIX).ok_or(())?;
        if digits.len() != 2 * (CLAIMS_BYTES + MAC_BYTES) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(());
        }
        let mut bytes = [0; CLAIMS_BYTES + MAC_BYTES];
        for (byte, at) in bytes.iter_mut().zip((0..digits.len()).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| ())?;
        }
        let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| ());
        let micros: [u8; 8] = bytes[32..CLAIMS_BYTES].try_into().map_err(|_| ())?;
        Ok(StreamToken {
            scope: Scope::of(WorkspaceId(uuid(&bytes[..16])?)),
            key: KeyId(uuid(&bytes[16..32])?),
            expires_at: Timestamp::from_micros(i64::from_be_bytes(micros)),
            mac: bytes[CLAIMS_BYTES..].try_into().map_err(|_| ())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
    const HASH: [u8; 32] = [7; 32];

    fn token() -> StreamToken {
        StreamToken::sign(Scope::DEFAULT, KeyId(Uuid::from_u128(5)), &HASH, NOW)
    }

    #[test]
    fn a_token_holds_for_a_minute_and_for_its_key_only() {
        let read: StreamToken = token().to_string().parse().expect("its own text");
        assert_eq!(read, token());
        assert!(read.holds(&HASH, NOW) && read.holds(&HASH, NOW.plus(Duration::from_secs(59))));
        assert!(!read.holds(&HASH, NOW.plus(LIFE)), "a minute later");
        assert!(!read.holds(&HASH, NOW.minus(Duration::from_secs(1))), "nobody signs for longer");
        assert!(!read.holds(&[8; 32], NOW), "another key");
    }

    #[test]
    fn no_digit_of_a_token_can_be_changed() {
        let text = token().to_string();
        for place in PREFIX.len()..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged: StreamToken = String::from_utf8(forged).expect("ASCII").parse().expect("digits");
            assert!(!forged.holds(&HASH, NOW), "digit {place}");
        }
        for bad in ["", "dst_", "dst_00", &text[4..], &text.replace("dst_", "dk_live_")] {
            assert!(bad.parse::<StreamToken>().is_err(), "{bad:?}");
        }
        assert!(!format!("{:?}", token()).contains(&text[4..20]));
    }
}
