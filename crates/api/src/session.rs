//! The browser's side of signing in: which cookie a request carries, whether it comes from a page of ours, and the cookie
//! that goes back. What a sign-in is stands in the desk, how far browsers are believed in core (`access/browser.rs`).

use crate::auth::refuse_key_in_query;
use crate::edge::ClientAddress;
use crate::error::Code;
use crate::problem::Problem;
use crate::router::Api;
use axum::extract::FromRequestParts;
use copydesk_core::access::browser::{Page, Said, Wire};
use copydesk_desk::secrets::SecretText;
use copydesk_desk::sign_in::Visitor;
use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How much is kept of what a client calls itself.
const CLIENT_CHARS_MAX: usize = 100;
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What a browser forgets when somebody signs out. Not its cookies: that would take those of neighbouring hosts along; ours is
/// taken away by name.
const CLEAR_SITE_DATA: (HeaderName, HeaderValue) =
    (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));

/// What a request says of the browser it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub wire: Wire,
    pub page: Page,
    pub visitor: Visitor,
    /// What our cookie holds, not yet believed.
    pub cookie: Option<String>,
}

impl Browser {
    pub fn of(api: &Api, request: &Parts) -> Browser {
        let wire = if api.edge().is_tls(request, api.public_url()) { Wire::Tls } else { Wire::Plain };
        let lines = request.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookie = wire.read_cookie(lines).map(str::to_owned);
        let page = said(request).page(api.public_url());
        Browser { wire, page, visitor: visitor(request), cookie }
    }

    /// A request that changes something is believed by its cookie only from a page of ours.
    pub fn may(&self, method: &Method) -> Result<(), Problem> {
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        match self.page {
            Page::Ours => Ok(()),
            Page::Other | Page::Unsaid if changes => Err(csrf()),
            Page::Other | Page::Unsaid => Ok(()),
        }
    }

    /// A page of another site signs nobody in: he would work in somebody else's name without seeing it.
    pub fn may_sign_in(&self) -> Result<(), Problem> {
        if self.page == Page::Other { Err(csrf()) } else { Ok(()) }
    }

    pub fn keep(&self, api: &Api, token: &SecretText, headers: &mut HeaderMap) {
        let age = api.desk().config().sign_in.absolute.as_secs();
        put(headers, &self.wire.set_cookie(token.reveal(), age));
    }

    pub fn forget(&self, headers: &mut HeaderMap) {
        put(headers, &self.wire.clear_cookie());
    }

    pub fn signed_out(&self, headers: &mut HeaderMap) {
        self.forget(headers);
        let (name, value) = CLEAR_SITE_DATA;
        headers.insert(name, value);
    }
}

impl FromRequestParts<Api> for Browser {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Browser, Problem> {
        refuse_key_in_query(&parts.uri)?;
        Ok(Browser::of(api, parts))
    }
}

fn put(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

fn csrf() -> Problem {
    let detail = "This request carries a cookie and does not come from a page of this server. Nothing was changed.";
    Problem::new(Code::CsrfFailed, detail)
        .hint("Programs send a key: `Authorization: Bearer YOUR_KEY`. Pages are served under the server's own address.")
}

/// Headers that stand there twice say nothing.
fn said(request: &Parts) -> Said<'_> {
    let one = |name: &HeaderName| {
        let mut given = request.headers.get_all(name).iter();
        let first = given.next().map(|value| value.to_str().unwrap_or("?"));
        if given.next().is_some() { Some("?") } else { first }
    };
    let host = request.uri.authority().map(http::uri::Authority::as_str).or_else(|| one(&HOST));
    Said { fetch_site: one(&FETCH_SITE), origin: one(&ORIGIN), host }
}

/// Whom the request is from.
pub(crate) fn visitor(request: &Parts) -> Visitor {
    let address = request.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
    let client = request.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let client = client.chars().filter(|char| !char.is_control()).take(CLIENT_CHARS_MAX).collect();
    Visitor { address, client }
}
