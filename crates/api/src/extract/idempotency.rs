//! The `Idempotency-Key` header: quoted as the draft standard wants it, or bare as everybody sends it. The fingerprint
//! tells the same request from another one under the same key; order of fields and white space do not matter.

use super::address::Address;
use crate::auth::Caller;
use crate::coalesce::Sameness;
use crate::error::Code;
use crate::json;
use crate::problem::Problem;
use axum::extract::{FromRequestParts, MatchedPath};
use copydesk_core::Timestamp;
use copydesk_desk::store::generations::Idempotency;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

const HEADER: &str = "idempotency-key";
/// Longest key. Units: bytes.
const KEY_BYTES_MAX: usize = 255;
/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The key of a request, with the route it was sent to; not yet tied to a body.
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    method: String,
    route: String,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<IdempotencyKey, Problem> {
        let Address(uri) = Address::from_request_parts(parts, state).await?;
        let path = uri.path().to_owned();
        let route = parts.extensions.get::<MatchedPath>().map_or(path.as_str(), MatchedPath::as_str);
        let method = parts.method.to_string();
        Ok(IdempotencyKey { key: key(&parts.headers)?, route: format!("{method} {route}"), method, path })
    }
}

impl IdempotencyKey {
    pub fn of(self, caller: &Caller, body: &Value, now: Timestamp) -> Option<Idempotency> {
        let fingerprint = self.fingerprint(body);
        let key = self.key?;
        let (owner, expires_at) = (caller.owner.clone(), now.plus(KEPT));
        Some(Idempotency { owner, route: self.route, key, fingerprint, expires_at })
    }

    /// By what a retry of this request is known when it has no key.
    pub fn sameness(&self, caller: &Caller, body: &Value) -> Option<Sameness> {
        self.key.is_none().then(|| Sameness::new(caller, self.fingerprint(body)))
    }

    fn fingerprint(&self, body: &Value) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.method, &self.path, &json::canonical(body)] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bad = |why: &str| {
        Problem::new(Code::BadHeader, format!("The Idempotency-Key {why}."))
            .hint("Send one of your own making, such as a UUID: 1 to 255 printable ASCII characters, quoted or not.")
    };
    if values.next().is_some() {
        return Err(bad("is there twice"));
    }
    let key = unquoted(value).ok_or_else(|| bad("cannot be read"))?;
    if key.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(bad("has a control character in it"));
    }
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(bad(&format!("must have 1 to {KEY_BYTES_MAX} bytes")));
    }
    Ok(Some(key))
}

/// `"a\"b"` and `a"b` are the same key.
fn unquoted(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let mut key = String::new();
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '\\' => match chars.next()? {
                escaped @ ('"' | '\\') => key.push(escaped),
                _ => return None,
            },
            // Parameters of the structured field would follow; there are none we know, so nothing may.
            '"' => return chars.next().is_none().then_some(key),
            plain => key.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        let read = |text: &str| unquoted(&HeaderValue::from_str(text).unwrap());
        assert_eq!(read("\"8e03978e\""), read("8e03978e"));
        assert_eq!(read(r#""a\"b\\c""#).as_deref(), Some("a\"b\\c"));
        for bad in ["\"open", "\"a\" b", "\"a\\x\""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused() {
        let long = "k".repeat(256);
        for bad in ["", "\"\"", "a\tb", "\"a\tb\"", long.as_str()] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(bad).unwrap());
            assert_eq!(key(&headers).unwrap_err().code(), Code::BadHeader);
        }
    }
}
