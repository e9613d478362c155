//! A JSON web token in its compact form, and the keys that may have signed it. Three algorithms, each with its own kind of key:
//! a key never checks a signature of another algorithm than its own, so `none`, and a public key taken for an HMAC secret,
//! cannot even be said. Pure; what the claims have to be is decided in `mod.rs`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};

/// Longest token that is looked at. Units: bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    fn parse(word: &str) -> Option<Algorithm> {
        match word {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// A token, read and not yet believed.
pub struct Token<'t> {
    algorithm: Algorithm,
    kid: Option<String>,
    pub claims: Map<String, Value>,
    signed: &'t str,
    signature: Vec<u8>,
}

impl Token<'_> {
    /// Errors: what is wrong with it, to follow "The token".
    pub fn read(text: &str) -> Result<Token<'_>, &'static str> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err("is too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or("has no signature")?;
        let (head, claims) = signed.split_once('.').ok_or("has no claims")?;
        let head = object(head).ok_or("has a head that cannot be read")?;
        let claims = object(claims).ok_or("has claims that cannot be read")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "has a signature that cannot be read")?;
        let algorithm = head.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or("has to be signed with RS256, ES256 or EdDSA")?;
        if head.contains_key("crit") {
            return Err("wants something understood that is not");
        }
        let kid = head.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Token { algorithm, kid, claims, signed, signature })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(members) => Some(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

/// A public key of an issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    kid: Option<String>,
    material: Material,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Key {
    /// A JWK; `None` for kinds of keys we do not know, and for those that do not sign.
    pub fn read(jwk: &Value) -> Option<Key> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        if text("use").is_some_and(|what| what != "sig") {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", None) => Material::Rsa { n: unsigned(bytes("n")?), e: unsigned(bytes("e")?) },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                let point = [&[4][..], &x, &y].concat();
                Material::P256((x.len() == 32 && y.len() == 32).then_some(point)?)
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            _ => return None,
        };
        let key = Key { kid: text("kid").map(str::to_owned), material };
        let named = jwk.get("alg").is_none_or(|alg| alg.as_str().and_then(Algorithm::parse) == Some(key.algorithm()));
        named.then_some(key)
    }

    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether it may have signed the token: it has the name that the token says, and signs in that way.
    pub fn is_for(&self, token: &Token<'_>) -> bool {
        let named = token.kid.is_none() || token.kid == self.kid;
        named && token.algorithm == self.algorithm()
    }

    pub fn signed(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), &token.signature);
        match &self.material {
            Material::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature).is_ok(),
        }
    }
}

/// Without zeros in front, which some issuers send.
fn unsigned(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}
