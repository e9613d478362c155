//! Bearers of an identity provider, for schedulers that have an identity of their own and no key of ours: a token (JWT) of one
//! configured issuer for one audience becomes a permit with exactly the configured scopes. Whatever cannot be checked is
//! refused. How a token is read is `jwt.rs`; here are the issuer's keys, and what of a token has to be so.

pub mod jwt;

use crate::clock::World;
use copydesk_core::Timestamp;
use copydesk_core::access::{Grant, Permit, Role, ScopeSet};
use futures::future::{BoxFuture, Either, select};
use jwt::{Key, Token};
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far the issuer's clock may be off.
const LEEWAY: Duration = Duration::from_secs(60);
/// How long keys are used before they are read again.
const KEYS_FRESH: Duration = Duration::from_secs(3_600);
/// How long they are used when they cannot be.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How often they are read at most: made-up key ids make nobody ask the issuer.
const READ_EVERY: Duration = Duration::from_secs(60);
/// How long the issuer may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Most keys of an issuer that are looked at.
const KEYS_MAX: usize = 100;
/// Longest document of an issuer. Units: bytes.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// How documents of the issuer come here: a GET without redirects, of at most [`DOCUMENT_BYTES_MAX`].
pub trait Fetch: Send + Sync {
    /// Errors: what went wrong, for the log.
    fn get(&self, url: &str) -> BoxFuture<'static, Result<Vec<u8>, String>>;
}

/// Whose tokens are taken, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OidcSettings {
    /// As it stands in tokens, without a slash at the end unless they have one.
    pub issuer: String,
    pub audience: String,
    pub scopes: ScopeSet,
    /// Who: `sub` of the token, or `*`.
    pub subjects: Vec<String>,
    /// Or by verified e-mail.
    pub emails: Vec<String>,
}

/// Whose token it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bearer {
    pub subject: String,
    pub expires_at: Timestamp,
}

/// Why a token opens nothing. The sentences are for the one who sent it: they tell nothing that is not in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenFault {
    #[error("The token {0}.")]
    Refused(&'static str),
    #[error("The token expired at {at}.")]
    Expired { at: Timestamp },
    #[error("The keys of the token's issuer cannot be read at this moment.")]
    NoKeys { cause: String },
}

/// The issuer, with what is known of its keys.
pub struct Oidc {
    settings: OidcSettings,
    fetch: Arc<dyn Fetch>,
    cached: Mutex<Cached>,
    /// Held by who asks the issuer; others wait for his answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Cached {
    keys: Arc<[Key]>,
    /// Units: the steady clock's.
    read_at: Option<Duration>,
    tried_at: Option<Duration>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Oidc {
    pub fn new(settings: OidcSettings, fetch: Arc<dyn Fetch>) -> Oidc {
        Oidc { settings, fetch, cached: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What every token of the issuer may do.
    pub fn permit(&self) -> Permit {
        Permit { grant: Grant::Scopes(self.settings.scopes), ..Permit::of(Role::Viewer) }
    }

    /// Whether the text is a token at all, and no key of ours.
    pub fn is_token(text: &str) -> bool {
        text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Who the token is of, if everything about it is as it must be.
    pub async fn check(&self, text: &str, world: &World) -> Result<Bearer, TokenFault> {
        let token = Token::read(text).map_err(TokenFault::Refused)?;
        // What costs nothing first: nobody asks the issuer for a token that is not for us.
        let bearer = self.claims(&token, world.now())?;
        let mut cached = self.cached().clone();
        let known = cached.keys.iter().any(|key| key.is_for(&token));
        if !known || cached.is_older_than(KEYS_FRESH, world.steady()) {
            cached = self.read_again(world).await?;
        }
        let mut keys = cached.keys.iter().filter(|key| key.is_for(&token)).peekable();
        if keys.peek().is_none() {
            return Err(TokenFault::Refused("names a key that its issuer does not have"));
        }
        if !keys.any(|key| key.signed(&token)) {
            return Err(TokenFault::Refused("is not signed by its issuer"));
        }
        // Last, so that nobody finds out who is on the list by asking.
        if !self.lists(&token) {
            return Err(TokenFault::Refused("is of somebody who is not on the list"));
        }
        Ok(bearer)
    }

    fn lists(&self, token: &Token) -> bool {
        let text = |name: &str| token.claims.get(name).and_then(Value::as_str);
        let email = text("email").filter(|_| token.claims.get("email_verified") == Some(&Value::Bool(true)));
        let listed =
            |list: &[String], given: Option<&str>| given.is_some_and(|given| list.iter().any(|one| one == given));
        let (subjects, emails) = (&self.settings.subjects, &self.settings.emails);
        subjects.iter().any(|one| one == "*") || listed(subjects, text("sub")) || listed(emails, email)
    }

    fn claims(&self, token: &Token, now: Timestamp) -> Result<Bearer, TokenFault> {
        let refused = |why| Err(TokenFault::Refused(why));
        let text = |name: &str| token.claims.get(name).and_then(Value::as_str);
        let settings = &self.settings;
        if text("iss") != Some(settings.issuer.as_str()) {
            return refused("is of another issuer");
        }
        let ours = |audience: &Value| audience.as_str() == Some(settings.audience.as_str());
        let audience = token.claims.get("aud").is_some_and(|aud| match aud.as_array() {
            Some(all) => all.iter().any(ours),
            None => ours(aud),
        });
        if !audience {
            return refused("is for another audience");
        }
        let instant = |name: &str| token.claims.get(name).map(|value| seconds(value).ok_or(name.to_owned()));
        let Some(Ok(expires_at)) = instant("exp") else { return refused("does not say when it expires") };
        if expires_at.plus(LEEWAY) <= now {
            return Err(TokenFault::Expired { at: expires_at });
        }
        for name in ["nbf", "iat"] {
            match instant(name) {
                None => {}
                Some(Ok(from)) if from <= now.plus(LEEWAY) => {}
                Some(Ok(_)) => return refused("is not valid yet"),
                Some(Err(_)) => return refused("has a time that is none"),
            }
        }
        let subject = text("sub").filter(|subject| !subject.is_empty());
        let Some(subject) = subject else { return refused("does not say whose it is") };
        let subject = subject.chars().filter(|c| !c.is_control()).take(200).collect();
        Ok(Bearer { subject, expires_at })
    }

    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, read again unless somebody has just tried.
    ///
    /// Errors: `NoKeys` when there are none that may still be used.
    async fn read_again(&self, world: &World) -> Result<Cached, TokenFault> {
        let _asking = self.asking.lock().await;
        let cached = self.cached().clone();
        let tried_lately = cached.tried_at.is_some_and(|at| world.steady().saturating_sub(at) < READ_EVERY);
        let mut cause = "they were asked for a moment ago, in vain".to_owned();
        if !tried_lately {
            // Noted when there is an answer: a caller who hangs up meanwhile must not keep the next one from asking.
            let answer = self.read_keys(world).await;
            self.cached().tried_at = Some(world.steady());
            match answer {
                Ok(keys) => {
                    let mut cached = self.cached();
                    (cached.keys, cached.read_at) = (keys.into(), Some(world.steady()));
                    return Ok(cached.clone());
                }
                Err(error) => {
                    tracing::warn!(issuer = self.settings.issuer, error, "The keys of the OIDC issuer cannot be read");
                    cause = error;
                }
            }
        }
        let usable = cached.read_at.is_some() && !cached.is_older_than(KEYS_KEPT, world.steady());
        if usable { Ok(cached) } else { Err(TokenFault::NoKeys { cause }) }
    }

    async fn read_keys(&self, world: &World) -> Result<Vec<Key>, String> {
        let issuer = &self.settings.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let discovery = self.document(world, &place).await?;
        if discovery["issuer"].as_str() != Some(issuer.as_str()) {
            return Err(format!("{place} is about another issuer"));
        }
        let Some(keys_at) = discovery["jwks_uri"].as_str() else { return Err(format!("{place} has no jwks_uri")) };
        if !is_safe(keys_at) {
            return Err(format!("{place} names a jwks_uri that is not https"));
        }
        let document = self.document(world, keys_at).await?;
        let Some(keys) = document["keys"].as_array() else { return Err(format!("{keys_at} has no keys")) };
        // Keys of kinds we do not know are none of ours; the others may be.
        Ok(keys.iter().take(KEYS_MAX).filter_map(Key::read).collect())
    }

    async fn document(&self, world: &World, url: &str) -> Result<Value, String> {
        let bytes = match select(self.fetch.get(url), world.sleep(ANSWER_LIMIT)).await {
            Either::Left((answer, _)) => answer.map_err(|error| format!("{url}: {error}"))?,
            Either::Right(_) => return Err(format!("{url} did not answer within {ANSWER_LIMIT:?}")),
        };
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(format!("{url} has more than {DOCUMENT_BYTES_MAX} bytes"));
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{url} is not JSON: {error}"))
    }
}

impl Cached {
    fn is_older_than(&self, age: Duration, steady: Duration) -> bool {
        self.read_at.is_none_or(|at| steady.saturating_sub(at) >= age)
    }
}

/// Whether keys may be read from there: by TLS, or on this machine.
pub fn is_safe(url: &str) -> bool {
    let local = url.strip_prefix("http://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let local = local.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let plain = !url.contains(['@', '\\', ' ']);
    plain
        && (url.starts_with("https://")
            || local.is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host)))
}

/// A NumericDate: whole seconds, or fractions that are cut off.
fn seconds(value: &Value) -> Option<Timestamp> {
    let whole = value.as_i64().or_else(|| value.as_f64().filter(|it| it.is_finite()).map(|it| it as i64))?;
    Some(Timestamp::from_micros(whole.checked_mul(1_000_000)?))
}
