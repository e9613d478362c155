//! Who asks: the key in the `Authorization` header becomes a scope and an owner. Nothing below sees a key's text.

use crate::error::Code;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::links::BASE;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use copydesk_core::UserId;
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::admin::KeyRow;
use copydesk_desk::store::{Scope, StoreError};
use copydesk_desk::stream_token::{self, StreamToken};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};

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

/// The caller of a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub scope: Scope,
    /// Whose idempotency keys these are: the id of the API key.
    pub owner: String,
    /// Whom the key is bound to; `None` sees the whole workspace.
    pub user: Option<UserId>,
    /// It came with a token that opens streams and nothing else.
    stream_only: bool,
}

impl Caller {
    fn local() -> Caller {
        Caller { scope: Scope::DEFAULT, owner: LOCAL_OWNER.to_owned(), user: None, stream_only: false }
    }

    fn of(row: &KeyRow) -> Caller {
        Caller { scope: row.scope, owner: row.id.to_string(), user: None, stream_only: false }
    }

    /// A token with this caller's rights.
    pub async fn stream_token(&self, api: &Api) -> Result<StreamToken, Problem> {
        let now = api.desk().world().now();
        let Ok(key) = self.owner.parse() else {
            // A trusted caller without any key is not asked for a token, either.
            let hash = api.local_key().map(KeyText::hash).unwrap_or_default();
            return Ok(StreamToken::sign(self.scope, stream_token::LOCAL, &hash, now));
        };
        let row = api.desk().store().get_key(self.scope, key).await?;
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
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::internal("a route without authentication"))
    }
}

/// The layer in front of every route that needs a key.
pub(crate) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let token = token_in_query(&request)?;
    refuse_key_in_query(request.uri())?;
    let caller = match token {
        _ if api.trusted() => Caller::local(),
        Some(token) => Caller { stream_only: true, ..bearer_of(&api, &token).await? },
        None => caller(&api, request.headers()).await?,
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The token in the address, on the routes that may have one there.
fn token_in_query(request: &Request) -> Result<Option<StreamToken>, Problem> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, text)) = pairs.find(|(name, text)| *name == STREAM_TOKEN && !text.is_empty()) else { return Ok(None) };
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let streams = STREAM_ROUTES.iter().any(|path| route.strip_prefix(BASE).unwrap_or(route) == *path);
    if !streams || request.method() != Method::GET {
        return Err(key_in_query(STREAM_TOKEN));
    }
    text.parse().map(Some).map_err(|()| refused_token())
}

async fn bearer_of(api: &Api, token: &StreamToken) -> Result<Caller, Problem> {
    let now = api.desk().world().now();
    if token.key == stream_token::LOCAL {
        let held = api.local_key().is_some_and(|local| token.holds(&local.hash(), now));
        return if held { Ok(Caller::local()) } else { Err(refused_token()) };
    }
    let row = match api.desk().store().get_key(token.scope, token.key).await {
        Err(StoreError::NotFound { .. }) => return Err(refused_token()),
        found => found?,
    };
    if token.holds(&row.secret_hash, now) { Ok(Caller::of(&row)) } else { Err(refused_token()) }
}

fn refused_token() -> Problem {
    Problem::new(Code::InvalidKey, "This stream token has expired, or was never given out here.")
        .hint("POST /api/v1/stream-tokens gives another one, for a minute; an open stream outlives its token.")
}

/// Streams are not for pages of other sites: browsers send their origin along, other programs none.
pub(crate) fn refuse_other_origins(headers: &HeaderMap, public_url: &str) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let host = origin.split_once("://").map(|(_, host)| host);
    if origin.eq_ignore_ascii_case(public_url) || (host.is_some() && host == text(HOST)) {
        return Ok(());
    }
    Err(Problem::new(
        Code::OriginRefused,
        "Streams are opened by pages of this server and by programs, not by other sites.",
    ))
}

async fn caller(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = presented(headers)?;
    if api.local_key().is_some_and(|local| local.hash() == key.hash()) {
        return Ok(Caller::local());
    }
    match api.desk().find_key(&key).await? {
        Some(row) => Ok(Caller::of(&row)),
        None => Err(Problem::new(
            Code::InvalidKey,
            "This key is not known here: it was mistyped, revoked, or belongs to another installation.",
        )
        .hint("Set one with COPYDESK_ADMIN_KEY, or look at the first start's output.")),
    }
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
