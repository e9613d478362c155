//! Who asks: the key in the `Authorization` header becomes a scope, an owner and a permit. Nothing below sees a key's
//! text. What a route needs stands in `scopes.rs`; how often it may be asked is counted in `throttle.rs`.

use crate::edge::ClientAddress;
use crate::edge::access::KeyId as LoggedKey;
use crate::error::Code;
use crate::problem::Problem;
use crate::router::Api;
use crate::scopes;
use crate::throttle::{Entry, Full, UnderWay, held_by};
use crate::wire::links::BASE;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::{Denied, KeyScope, KeyTerms, Life, Permit};
use copydesk_core::{KeyId, UserId};
use copydesk_desk::DeskError;
use copydesk_desk::issue::Issuer;
use copydesk_desk::keyring::Shown;
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::keys::{KeyRow, KeyUse};
use copydesk_desk::store::{Scope, StoreError};
use copydesk_desk::stream_token::{self, StreamToken};
use http::header::{AUTHORIZATION, HOST, ORIGIN, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;

/// Names under which people put keys into addresses, where proxies, histories and logs keep them.
const KEY_PARAMETERS: [&str; 6] = ["key", "api_key", "apikey", "api-key", "access_token", "token"];
/// The parameter that opens a stream for callers who cannot set headers.
pub(crate) const STREAM_TOKEN: &str = "stream_token";
/// Where that is allowed.
const STREAM_ROUTES: [&str; 3] = ["/events", "/events/ws", "/generations/{id}/stream"];
/// The owner of what an in-process caller asks for.
const LOCAL_OWNER: &str = "local";
/// Longest key that is looked at. Units: bytes.
const KEY_BYTES_MAX: usize = 512;
/// How much is kept of what a client calls itself.
const CLIENT_CHARS_MAX: usize = 100;
/// After how long a request may come again that found too many others of its key under way. Units: seconds.
const RETRY_BUSY_S: u32 = 1;

/// The caller of a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Confined to the key's user, if it has one.
    pub scope: Scope,
    /// Whose idempotency keys these are: the id of the API key.
    pub owner: String,
    /// It came with a token that opens streams and nothing else.
    stream_only: bool,
    /// `None` for who stands in no database: this process itself.
    pub key: Option<KeyId>,
    pub permit: Arc<Permit>,
    terms: Arc<KeyTerms>,
}

impl Caller {
    fn local() -> Caller {
        let terms = KeyTerms::new(LOCAL_OWNER, Permit::owner());
        Caller {
            scope: Scope::DEFAULT,
            owner: LOCAL_OWNER.to_owned(),
            key: None,
            permit: Arc::new(terms.permit.clone()),
            terms: Arc::new(terms),
            stream_only: false,
        }
    }

    fn with(row: &KeyRow) -> Caller {
        let user = row.terms.permit.user.as_ref().map(|user| UserId::from_external(row.scope.workspace, user));
        Caller {
            scope: user.map_or(row.scope, |user| row.scope.of_user(user)),
            owner: row.id.to_string(),
            key: Some(row.id),
            permit: Arc::new(row.terms.permit.clone()),
            terms: Arc::new(row.terms.clone()),
            stream_only: false,
        }
    }

    /// A token with this caller's rights.
    pub async fn stream_token(&self, api: &Api) -> Result<StreamToken, Problem> {
        let now = api.desk().world().now();
        let Ok(key) = self.owner.parse() else {
            // A trusted caller without any key is not asked for a token, either.
            let hash = api.local_key().map(KeyText::hash).unwrap_or_default();
            return Ok(StreamToken::sign(self.scope, stream_token::LOCAL, &hash, now));
        };
        let row = api.desk().store().get_key(self.scope.whole(), key).await?;
        Ok(StreamToken::sign(self.scope, key, &row.secret_hash, now))
    }

    /// For what a stream's route does besides streaming.
    pub fn must_have_sent_its_key(&self) -> Result<(), Problem> {
        if self.stream_only { Err(key_in_query(STREAM_TOKEN)) } else { Ok(()) }
    }

    /// What acts on the whole installation is the operator's, whose keys belong to the default workspace.
    pub fn must_operate(&self) -> Result<(), Problem> {
        if self.scope == Scope::DEFAULT {
            return Ok(());
        }
        Err(Problem::new(
            Code::ScopeMissing,
            "This acts on the whole installation; it needs a key of the default workspace.",
        ))
    }

    /// Whether the model at this address is one the key reaches.
    pub fn may_use(&self, model: &str) -> Result<(), Problem> {
        self.permit.model(model).map_err(denied)
    }

    /// Whether its key is alive and still may do this. Whoever stands in no database may as long as the process runs; while
    /// the store does not answer, nothing has changed.
    pub async fn still_may(&self, api: &Api, scope: KeyScope) -> bool {
        let Some(key) = self.key else { return true };
        match api.desk().store().get_key(self.scope.whole(), key).await {
            Ok(row) => row.life(api.desk().world().now()) == Life::Living && row.terms.permit.scope(scope).is_ok(),
            Err(StoreError::NotFound { .. }) => false,
            Err(_) => true,
        }
    }

    /// What it may hand on.
    pub fn issuer(&self) -> Issuer {
        Issuer { scope: self.scope, name: self.owner.clone(), terms: (*self.terms).clone() }
    }

    fn needs(&self, api: &Api, request: &Parts) -> Result<(), Problem> {
        let pattern = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let scope = scopes::needed(&request.method, pattern)
            .or_else(|| api.compat().needed(&request.method, pattern))
            .ok_or_else(|| Problem::internal(format!("{} {pattern} has no scope", request.method)))?;
        self.permit.scope(scope).map_err(|why| {
            denied(why)
                .hint("A key's scopes follow from its role or stand in its list: GET /api/v1/keys shows them.")
                .with("scope", json!(scope.as_str()))
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::internal("a route without authentication"))
    }
}

fn denied(denied: Denied) -> Problem {
    DeskError::Denied { denied, instead: Vec::new() }.into()
}

/// The layer in front of every route that needs a key.
pub(crate) async fn authenticate(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let token = token_in_query(&parts)?;
    refuse_key_in_query(&parts.uri)?;
    let caller = match token {
        _ if api.trusted() => Caller::local(),
        Some(token) => Caller { stream_only: true, ..bearer_of(&api, &parts, &token).await? },
        None => caller(&api, &parts).await?,
    };
    let entry = match enter(&api, &caller) {
        Ok(entry) => entry,
        Err(full) => return Ok(with_limits(&api, &caller, full.into_response())),
    };
    if let Err(missing) = caller.needs(&api, &parts) {
        return Ok(with_limits(&api, &caller, missing.into_response()));
    }
    note_use(&api, &caller, &parts);
    parts.extensions.insert(caller.clone());
    let entry = entry.map(Arc::new);
    if let Some(entry) = &entry {
        parts.extensions.insert(UnderWay(Arc::clone(entry)));
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    response.extensions_mut().insert(LoggedKey(caller.owner.clone()));
    keep_the_books_closed(&caller, &mut response);
    let response = match entry {
        Some(entry) => response.map(|body| held_by(body, entry)),
        None => response,
    };
    Ok(with_limits(&api, &caller, response))
}

/// The token in the address, on the routes that may have one there.
fn token_in_query(request: &Parts) -> Result<Option<StreamToken>, Problem> {
    let query = request.uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, text)) = pairs.find(|(name, text)| *name == STREAM_TOKEN && !text.is_empty()) else { return Ok(None) };
    let route = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let streams = STREAM_ROUTES.iter().any(|path| route.strip_prefix(BASE).unwrap_or(route) == *path);
    if !streams || request.method != Method::GET {
        return Err(key_in_query(STREAM_TOKEN));
    }
    text.parse().map(Some).map_err(|()| refused_token())
}

async fn bearer_of(api: &Api, request: &Parts, token: &StreamToken) -> Result<Caller, Problem> {
    let (address, now) = (address_of(request), api.desk().world().now());
    if !token.is_timely(now) {
        return Err(refused_token());
    }
    if let Some(retry_s) = address.and_then(|address| api.throttle().barred(address, now)) {
        return Err(too_many_guesses(retry_s));
    }
    if token.key == stream_token::LOCAL {
        let held = api.local_key().is_some_and(|local| token.holds(&local.hash(), now));
        return if held { Ok(Caller::local()) } else { Err(refused_token()) };
    }
    let row = match api.desk().store().get_key(token.scope, token.key).await {
        Err(StoreError::NotFound { .. }) => None,
        found => Some(found?),
    };
    let good = row.filter(|row| row.life(now) == Life::Living && token.holds(&row.secret_hash, now));
    good.map(|row| Caller::with(&row)).ok_or_else(|| {
        if let Some(address) = address {
            api.throttle().failed(address, now);
        }
        let shown = address.map(|address| address.to_string()).unwrap_or_default();
        tracing::warn!(address = shown, path = request.uri.path(), "A stream token was refused");
        refused_token()
    })
}

fn too_many_guesses(retry_s: u32) -> Problem {
    let detail = "Too many keys that are not valid came from this address; nothing was looked up.";
    Problem::new(Code::RateLimited, detail).retry_after(retry_s)
}

fn refused_token() -> Problem {
    Problem::new(Code::InvalidKey, "This stream token has expired, or was never given out here.")
        .hint("POST /api/v1/stream-tokens gives another one, for a minute; an open stream outlives its token.")
}

/// Streams are not for pages of other sites: browsers send their origin along, other programs none.
/// Those that may call the API may follow it, too.
pub(crate) fn refuse_other_origins(api: &Api, headers: &HeaderMap) -> Result<(), Problem> {
    if api.edge().cors_origins.asked(headers).is_some() {
        return Ok(());
    }
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let host = origin.split_once("://").map(|(_, host)| host);
    if origin.eq_ignore_ascii_case(api.public_url()) || (host.is_some() && host == text(HOST)) {
        return Ok(());
    }
    Err(Problem::new(
        Code::OriginRefused,
        "Streams are opened by pages of this server and by programs, not by other sites.",
    ))
}

/// What others have used of a budget is none of a confined caller's business: only that there is no room.
fn keep_the_books_closed(caller: &Caller, response: &mut Response) {
    let extensions = response.extensions_mut();
    let told = extensions.get::<Problem>().is_some_and(|problem| problem.code() == Code::BudgetExceeded);
    if told && caller.scope.user.is_some() {
        let detail = "A budget has no room for this now. Nothing was queued and nothing was charged.";
        extensions.insert(Problem::new(Code::BudgetExceeded, detail).hint("Ask whoever gave you access."));
    }
}

async fn caller(api: &Api, request: &Parts) -> Result<Caller, Problem> {
    let key = presented(&request.headers)?;
    if api.local_key().is_some_and(|local| local.hash() == key.hash()) {
        return Ok(Caller::local());
    }
    let (address, now) = (address_of(request), api.desk().world().now());
    if let Some(retry_s) = address.and_then(|address| api.throttle().barred(address, now))
        && !api.desk().remembers(&key)
    {
        return Err(too_many_guesses(retry_s));
    }
    let problem = match api.desk().shown(&key).await? {
        Shown::Living(row) => return Ok(Caller::with(&row)),
        Shown::Expired { at } => Problem::new(Code::ExpiredKey, format!("This key expired at {at}."))
            .hint("Ask whoever made it for another one; rotating it before it expires leaves no gap."),
        Shown::Revoked { at } => Problem::new(Code::RevokedKey, format!("This key was revoked at {at}."))
            .hint("A revoked key never works again: ask whoever made it for another one."),
        Shown::Unknown => {
            if let Some(address) = address {
                api.throttle().failed(address, now);
            }
            let detail = "This key is not known here: it was mistyped or belongs to another installation.";
            Problem::new(Code::InvalidKey, detail).hint("`copydesk keys ls` shows the first letters of those that are.")
        }
    };
    let shown = address.map(|address| address.to_string()).unwrap_or_default();
    tracing::warn!(address = shown, code = problem.code().as_str(), path = request.uri.path(), "A key was refused");
    Err(problem)
}

fn enter(api: &Api, caller: &Caller) -> Result<Option<Entry>, Problem> {
    let Some(key) = caller.key else { return Ok(None) };
    let entered = api.throttle().enter(key, &caller.terms, api.desk().world().now());
    entered.map(Some).map_err(|full| match full {
        Full::Rate { retry_s } => {
            Problem::new(Code::RateLimited, "This key has used up its requests of this minute.").retry_after(retry_s)
        }
        Full::Concurrency { max } => {
            let detail = format!("This key has {max} request(s) under way, which is its limit; open streams count.");
            Problem::new(Code::RateLimited, detail).retry_after(RETRY_BUSY_S)
        }
    })
}

fn with_limits(api: &Api, caller: &Caller, mut response: Response) -> Response {
    if let Some(key) = caller.key {
        api.throttle().write_headers(key, &caller.terms, api.desk().world().now(), response.headers_mut());
    }
    response
}

fn note_use(api: &Api, caller: &Caller, request: &Parts) {
    let Some(key) = caller.key else { return };
    let client = request.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let by: String = client.chars().filter(|char| !char.is_control()).take(CLIENT_CHARS_MAX).collect();
    let from = address_of(request).map(|address| address.to_string()).unwrap_or_default();
    api.desk().note_use(key, KeyUse { at: api.desk().world().now(), from, by });
}

/// Whom the request is from, as far as proxies are trusted to say so. In-process callers have no address.
fn address_of(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address)
}

fn presented(headers: &HeaderMap) -> Result<KeyText, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(Code::MissingKey, "This needs a key, and the request has none.")
            .hint("Send the header `Authorization: Bearer YOUR_KEY`."));
    };
    if values.next().is_some() {
        return Err(Problem::new(Code::BadHeader, "There are two Authorization headers; send one."));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let key = match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        Some(_) | None => "",
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Problem::new(Code::InvalidKey, "The Authorization header has no key this program understands.")
            .hint("Write it as `Authorization: Bearer YOUR_KEY`."));
    }
    Ok(KeyText::new(key))
}

fn refuse_key_in_query(uri: &Uri) -> Result<(), Problem> {
    let query = uri.query().unwrap_or_default();
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    match names.into_iter().find(|name| KEY_PARAMETERS.iter().any(|bad| name.eq_ignore_ascii_case(bad))) {
        Some(name) => Err(key_in_query(name)),
        None => Ok(()),
    }
}

fn key_in_query(name: &str) -> Problem {
    let detail = format!("The parameter {name:?} looks like a key. Addresses end up in logs and histories.");
    Problem::new(Code::KeyInQuery, detail)
        .hint("Send it as `Authorization: Bearer YOUR_KEY`, and replace the key if it was a real one.")
}
