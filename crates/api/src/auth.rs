//! Who asks: the key in the `Authorization` header, or the cookie of somebody who is signed in, becomes a scope, an owner and
//! a permit. Nothing below sees a key's text. What a route needs stands in `scopes.rs`; how often it may be asked is counted in `throttle.rs`.

use crate::edge::ClientAddress;
use crate::edge::access::KeyId as LoggedKey;
use crate::envelope::RouteTook;
use crate::error::Code;
use crate::problem::Problem;
use crate::router::Api;
use crate::scopes::{self, Need};
use crate::session::{Browser, visitor};
use crate::throttle::{Entry, Full, UnderWay, held_by};
use crate::wire::links::BASE;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use copydesk_core::access::browser::Page;
use copydesk_core::access::{Denied, KeyScope, KeyTerms, Life, Permit};
use copydesk_core::{KeyId, SignInId, Timestamp, UserId};
use copydesk_desk::DeskError;
use copydesk_desk::issue::Issuer;
use copydesk_desk::keyring::Shown;
use copydesk_desk::keys::KeyText;
use copydesk_desk::oidc::jwt::TOKEN_BYTES_MAX;
use copydesk_desk::oidc::{Bearer, Oidc, TokenFault};
use copydesk_desk::secrets;
use copydesk_desk::sign_in::{self, Visitor};
use copydesk_desk::store::keys::{KeyRow, KeyUse};
use copydesk_desk::store::sign_ins::SignedIn;
use copydesk_desk::store::{Scope, StoreError};
use copydesk_desk::stream_token::{self, StreamToken};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::json;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use uuid::Uuid;

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
/// After how long a request may come again that found too many others of its key under way. Units: seconds.
const RETRY_BUSY_S: u32 = 1;

/// What a person who is signed in may ask for in a minute and have under way: all his tabs together.
const PERSON_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_199);
const PERSON_CONCURRENT: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// The caller of a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Confined to the key's user, if it has one.
    pub scope: Scope,
    /// Whose idempotency keys these are: the id of the API key, or of the person.
    pub owner: String,
    /// It came with a token that opens streams and nothing else.
    stream_only: bool,
    who: Who,
    pub permit: Arc<Permit>,
    terms: Arc<KeyTerms>,
    /// By what its requests are counted, and with which limits.
    meter: Option<(KeyId, Arc<KeyTerms>)>,
}

/// By what right.
#[derive(Clone, Debug)]
enum Who {
    /// This process itself, which stands in no database.
    Process,
    Key(KeyId),
    Person(Arc<SignedIn>),
    /// A token of the configured issuer, as long as it is valid.
    Token {
        expires_at: Timestamp,
    },
}

impl Caller {
    fn local() -> Caller {
        let terms = KeyTerms::new(LOCAL_OWNER, Permit::owner());
        Caller {
            scope: Scope::DEFAULT,
            owner: LOCAL_OWNER.to_owned(),
            who: Who::Process,
            permit: Arc::new(terms.permit.clone()),
            terms: Arc::new(terms),
            meter: None,
            stream_only: false,
        }
    }

    fn with(row: &KeyRow) -> Caller {
        let user = row.terms.permit.user.as_ref().map(|user| UserId::from_external(row.scope.workspace, user));
        Caller {
            scope: user.map_or(row.scope, |user| row.scope.of_user(user)),
            owner: row.id.to_string(),
            who: Who::Key(row.id),
            permit: Arc::new(row.terms.permit.clone()),
            terms: Arc::new(row.terms.clone()),
            meter: Some((row.id, Arc::new(row.terms.clone()))),
            stream_only: false,
        }
    }

    /// `None` when the user signs in no more.
    fn person(row: Arc<SignedIn>) -> Option<Caller> {
        let (user, permit) = (&row.user, sign_in::permit(&row.user)?);
        let own = permit.user.is_some();
        let limits = KeyTerms {
            requests_per_minute: Some(PERSON_RATE),
            concurrent_max: Some(PERSON_CONCURRENT),
            ..KeyTerms::new("a person", permit.clone())
        };
        Some(Caller {
            scope: if own { user.scope.of_user(user.id) } else { user.scope },
            owner: user.id.to_string(),
            permit: Arc::new(permit.clone()),
            terms: Arc::new(KeyTerms::new("a person", permit)),
            meter: Some((KeyId(user.id.0), Arc::new(limits))),
            who: Who::Person(row),
            stream_only: false,
        })
    }

    fn token(permit: Permit, bearer: Bearer) -> Caller {
        let name = format!("oidc:{}", bearer.subject);
        let limits = KeyTerms {
            requests_per_minute: Some(PERSON_RATE),
            concurrent_max: Some(PERSON_CONCURRENT),
            ..KeyTerms::new(&name, permit.clone())
        };
        Caller {
            scope: Scope::DEFAULT,
            permit: Arc::new(permit.clone()),
            terms: Arc::new(KeyTerms::new(&name, permit)),
            owner: name,
            // All of the issuer's together.
            meter: Some((KeyId(Uuid::max()), Arc::new(limits))),
            who: Who::Token { expires_at: bearer.expires_at },
            stream_only: false,
        }
    }

    /// The key it came with; people and this process have none.
    pub fn key(&self) -> Option<KeyId> {
        match self.who {
            Who::Key(id) => Some(id),
            Who::Process | Who::Person(_) | Who::Token { .. } => None,
        }
    }

    /// Who is signed in.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match &self.who {
            Who::Person(row) => Some(row),
            Who::Process | Who::Key(_) | Who::Token { .. } => None,
        }
    }

    /// What is about somebody's own sign-in is for people.
    pub fn must_be_signed_in(&self) -> Result<&SignedIn, Problem> {
        self.signed_in().ok_or_else(|| {
            Problem::new(Code::ScopeMissing, "This is for people who are signed in; a key signs nobody in.")
                .hint("POST /api/v1/session signs in.")
        })
    }

    /// Whose work it is when the request does not say.
    pub fn own_user(&self) -> Option<String> {
        self.signed_in().map(|row| row.user.external.clone())
    }

    /// A token with this caller's rights.
    pub async fn stream_token(&self, api: &Api) -> Result<StreamToken, Problem> {
        let (now, scope) = (api.desk().world().now(), self.scope.whole());
        Ok(match &self.who {
            Who::Process => {
                // A trusted caller without any key is not asked for a token, either.
                let hash = api.local_key().map(KeyText::hash).unwrap_or_default();
                StreamToken::sign(scope, stream_token::LOCAL, &hash, now)
            }
            Who::Key(key) => {
                let row = api.desk().store().get_key(scope, *key).await?;
                StreamToken::sign(scope, *key, &row.secret_hash, now)
            }
            Who::Token { .. } => {
                let detail = "The tokens of an issuer open streams in the header only; they make no others.";
                return Err(Problem::new(Code::ScopeMissing, detail));
            }
            Who::Person(row) => {
                let SignedIn { sign_in, .. } = &**row;
                StreamToken::sign(scope, KeyId(sign_in.id.0), &sign_in.token_hash, now)
            }
        })
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

    /// For a route whose scope follows from what it is asked for.
    pub fn must_have(&self, scope: KeyScope) -> Result<(), Problem> {
        self.permit.scope(scope).map_err(denied)
    }

    /// Whether the model at this address is one the key reaches.
    pub fn may_use(&self, model: &str) -> Result<(), Problem> {
        self.permit.model(model).map_err(denied)
    }

    /// Whether its key is alive and still may do this. Whoever stands in no database may as long as the process runs; while
    /// the store does not answer, nothing has changed.
    pub async fn still_may(&self, api: &Api, scope: KeyScope) -> bool {
        let now = api.desk().world().now();
        match &self.who {
            Who::Process => true,
            Who::Token { expires_at } => *expires_at > now,
            Who::Key(key) => match api.desk().store().get_key(self.scope.whole(), *key).await {
                Ok(row) => row.life(now) == Life::Living && row.terms.permit.scope(scope).is_ok(),
                Err(StoreError::NotFound { .. }) => false,
                Err(_) => true,
            },
            Who::Person(row) => match api.desk().store().get_sign_in(self.scope.whole(), row.sign_in.id).await {
                Ok(Some(row)) => {
                    api.desk().is_living(&row, now)
                        && sign_in::permit(&row.user).is_some_and(|permit| permit.scope(scope).is_ok())
                }
                Ok(None) => false,
                Err(_) => true,
            },
        }
    }

    /// What it may hand on.
    pub fn issuer(&self) -> Issuer {
        Issuer { scope: self.scope, name: self.owner.clone(), terms: (*self.terms).clone() }
    }

    fn needs(&self, api: &Api, request: &Parts) -> Result<(), Problem> {
        let pattern = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let needed = scopes::needed(&request.method, pattern)
            .or_else(|| api.compat().needed(&request.method, pattern).map(Need::Scope))
            .ok_or_else(|| Problem::internal(format!("{} {pattern} has no scope", request.method)))?;
        let Need::Scope(scope) = needed else { return Ok(()) };
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

pub(crate) fn denied(denied: Denied) -> Problem {
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
        None => match caller(&api, &parts).await {
            Ok(caller) => caller,
            Err(problem) => return Ok(without_cookie(&api, &parts, problem)),
        },
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
    let began = api.desk().world().steady();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    response.extensions_mut().insert(RouteTook(api.desk().world().steady().saturating_sub(began)));
    response.extensions_mut().insert(LoggedKey(caller.owner.clone()));
    keep_the_books_closed(&caller, &mut response);
    let response = match entry {
        Some(entry) => response.map(|body| held_by(body, entry)),
        None => response,
    };
    Ok(with_limits(&api, &caller, response))
}

/// The answer to who was not let in. A cookie that is no good is taken away with it, so that its browser stops showing it.
fn without_cookie(api: &Api, request: &Parts, problem: Problem) -> Response {
    let over = problem.code() == Code::SessionEnded;
    let mut response = problem.into_response();
    if over {
        Browser::of(api, request).forget(response.headers_mut());
    }
    response
}

/// The token in the address, on the routes that may have one there.
fn token_in_query(request: &Parts) -> Result<Option<StreamToken>, Problem> {
    let query = request.uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, text)) = pairs.find(|(name, text)| *name == STREAM_TOKEN && !text.is_empty()) else { return Ok(None) };
    if !is_stream(request) || request.method != Method::GET {
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
    let good = match api.desk().store().get_key(token.scope, token.key).await {
        Err(StoreError::NotFound { .. }) => {
            // No key: then somebody who is signed in.
            let found = api.desk().store().get_sign_in(token.scope, SignInId(token.key.0)).await?;
            let good = found.filter(|row| api.desk().is_living(row, now) && token.holds(&row.sign_in.token_hash, now));
            good.and_then(|row| Caller::person(Arc::new(row)))
        }
        found => {
            let row = Some(found?);
            let good = row.filter(|row| row.life(now) == Life::Living && token.holds(&row.secret_hash, now));
            good.map(|row| Caller::with(&row))
        }
    };
    good.ok_or_else(|| {
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
    Err(streams_are_ours())
}

fn streams_are_ours() -> Problem {
    let detail = "Streams are opened by pages of this server and by programs, not by other sites.";
    Problem::new(Code::OriginRefused, detail)
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
    // Who sends a key means the key.
    if !request.headers.contains_key(AUTHORIZATION)
        && let Some(cookie) = Browser::of(api, request).cookie
    {
        return person(api, request, &cookie).await;
    }
    let key = presented(&request.headers)?;
    if let Some(oidc) = api.oidc().filter(|_| Oidc::is_token(key.reveal())) {
        return of_issuer(api, oidc, request, &key).await;
    }
    if api.local_key().is_some_and(|local| secrets::same(&local.hash(), &key.hash())) {
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

/// Whoever the issuer says it is. Whatever cannot be checked is refused. Nothing is looked up for it, so nobody is barred: many
/// schedulers share few addresses.
async fn of_issuer(api: &Api, oidc: &Oidc, request: &Parts, token: &KeyText) -> Result<Caller, Problem> {
    let (address, now) = (address_of(request), api.desk().world().now());
    let fault = match oidc.check(token.reveal(), api.desk().world()).await {
        Ok(bearer) => return Ok(Caller::token(oidc.permit(), bearer)),
        Err(fault) => fault,
    };
    let code = match &fault {
        TokenFault::Expired { .. } => Code::ExpiredKey,
        TokenFault::Refused(_) | TokenFault::NoKeys { .. } => Code::InvalidKey,
    };
    if let (TokenFault::Refused(_), Some(address)) = (&fault, address) {
        api.throttle().failed(address, now);
    }
    let shown = address.map(|address| address.to_string()).unwrap_or_default();
    tracing::warn!(address = shown, code = code.as_str(), path = request.uri.path(), "A token was refused: {fault}");
    Err(Problem::new(code, fault.to_string()).hint("docs/sign-in.md says which tokens are taken."))
}

/// Whoever the cookie signs in. What changes something has to come from a page of ours, and so has whoever follows a stream:
/// browsers send cookies along from any page.
async fn person(api: &Api, request: &Parts, cookie: &str) -> Result<Caller, Problem> {
    let (address, now) = (address_of(request), api.desk().world().now());
    if let Some(retry_s) = address.and_then(|address| api.throttle().barred(address, now))
        && !api.desk().remembers_signed_in(cookie)
    {
        return Err(too_many_guesses(retry_s));
    }
    let Some(caller) = api.desk().signed_in(cookie).await?.and_then(Caller::person) else {
        if let Some(address) = address {
            api.throttle().failed(address, now);
        }
        return Err(Problem::new(Code::SessionEnded, "Whoever this cookie was of is not signed in any more.")
            .hint("Sign in again: POST /api/v1/session."));
    };
    let browser = Browser::of(api, request);
    if browser.page == Page::Other && is_stream(request) {
        return Err(streams_are_ours());
    }
    browser.may(&request.method)?;
    Ok(caller)
}

fn is_stream(request: &Parts) -> bool {
    let route = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    STREAM_ROUTES.iter().any(|path| route.strip_prefix(BASE).unwrap_or(route) == *path)
}

fn enter(api: &Api, caller: &Caller) -> Result<Option<Entry>, Problem> {
    let Some((key, terms)) = &caller.meter else { return Ok(None) };
    let entered = api.throttle().enter(*key, terms, api.desk().world().now());
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
    if let Some((key, terms)) = &caller.meter {
        api.throttle().write_headers(*key, terms, api.desk().world().now(), response.headers_mut());
    }
    response
}

fn note_use(api: &Api, caller: &Caller, request: &Parts) {
    let Some(key) = caller.key() else { return };
    let Visitor { address, client: by } = visitor(request);
    let from = address.map(|address| address.to_string()).unwrap_or_default();
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
            .hint("Send the header `Authorization: Bearer YOUR_KEY`, or sign in: POST /api/v1/session."));
    };
    if values.next().is_some() {
        return Err(Problem::new(Code::BadHeader, "There are two Authorization headers; send one."));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let key = match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        Some(_) | None => "",
    };
    let bytes_max = if Oidc::is_token(key) { TOKEN_BYTES_MAX } else { KEY_BYTES_MAX };
    if key.is_empty() || key.len() > bytes_max {
        return Err(Problem::new(Code::InvalidKey, "The Authorization header has no key this program understands.")
            .hint("Write it as `Authorization: Bearer YOUR_KEY`."));
    }
    Ok(KeyText::new(key))
}

/// Nobody puts a key into an address, also not where none is asked for.
pub(crate) fn refuse_key_in_query(uri: &Uri) -> Result<(), Problem> {
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
