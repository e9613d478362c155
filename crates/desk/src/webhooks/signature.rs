//! Signing secrets, and the signature of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, base 64 behind `v1,`.
//! While two secrets are good a message carries a signature of each.
//!
//! Source: the specification of Standard Webhooks 1.0.0 (read November 2026).

use crate::clock::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use copydesk_core::{DeliveryId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

const PREFIX: &str = "whsec_";
/// Bytes of a secret we make.
const SECRET_BYTES: usize = 32;
/// What the specification allows for those that come from elsewhere.
const SECRET_BYTES_ALLOWED: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing secret. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret([redacted])")
    }
}

impl SigningSecret {
    pub fn random(world: &World) -> SigningSecret {
        let mut bytes = vec![0; SECRET_BYTES];
        world.fill(&mut bytes);
        SigningSecret(bytes)
    }

    /// `whsec_` and base 64; `None` for anything else.
    pub fn parse(text: &str) -> Option<SigningSecret> {
        SigningSecret::of(STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?)
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Option<SigningSecret> {
        SECRET_BYTES_ALLOWED.contains(&bytes.len()).then_some(SigningSecret(bytes))
    }

    /// The only place that writes the secret out: for the one answer that shows it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The headers of one attempt. Their values are ours: an id, a number, base 64.
pub fn headers(id: DeliveryId, at: Timestamp, secrets: &[SigningSecret], body: &str) -> Vec<(&'static str, String)> {
    let (id, timestamp) = (id.to_string(), at.micros().div_euclid(1_000_000));
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&id, timestamp, body)).collect();
    vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        // The specification's own vector.
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_reads_back_and_shows_nothing_of_itself() {
        let secret = SigningSecret::random(&World::real());
        assert_eq!(SigningSecret::parse(&secret.reveal()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "SigningSecret([redacted])");
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert_eq!(SigningSecret::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn s39_headers_are_of_a_fixed_alphabet() {
        let id = DeliveryId(Uuid::from_u128(u128::MAX));
        let secrets = [SigningSecret::random(&World::real()), SigningSecret::random(&World::real())];
        for (name, value) in headers(id, Timestamp::from_micros(-1), &secrets, "\r\nx: 1") {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_,/+= -".contains(&byte);
            assert!(value.bytes().all(plain), "{name}: {value}");
        }
    }
}
