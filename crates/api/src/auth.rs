//! Who asks: the key in the `Authorization` header becomes a scope and an owner. Nothing below sees a key's text.

use crate::error::Code;
use crate::problem::Problem;
use crate::router::Api;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use copydesk_core::KeyId;
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::Scope;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Uri};

/// Names under which people put keys into addresses, where proxies, histories and logs keep them.
const KEY_PARAMETERS: [&str; 6] = ["key", "api_key", "apikey", "api-key", "access_token", "token"];
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
    /// The key itself, where one was needed.
    pub key: Option<KeyId>,
}

impl Caller {
    fn local() -> Caller {
        Caller { scope: Scope::DEFAULT, owner: LOCAL_OWNER.to_owned(), key: None }
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
    refuse_key_in_query(request.uri())?;
    let caller = if api.trusted() { Caller::local() } else { caller(&api, request.headers()).await? };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn caller(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = presented(headers)?;
    if api.local_key().is_some_and(|local| local.hash() == key.hash()) {
        return Ok(Caller::local());
    }
    match api.desk().find_key(&key).await? {
        Some(row) => Ok(Caller { scope: row.scope, owner: row.id.to_string(), key: Some(row.id) }),
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
        Some(name) => {
            let detail = format!("The parameter {name:?} looks like a key. Addresses end up in logs and histories.");
            Err(Problem::new(Code::KeyInQuery, detail)
                .hint("Send it as `Authorization: Bearer YOUR_KEY`, and replace the key if it was a real one."))
        }
        None => Ok(()),
    }
}
