//! Which pages of other origins may call the API from a browser: none, unless they are listed. Origins are compared whole
//! and answered by name; cookies are never allowed, keys come in a header. Written by hand: the general middleware brings
//! patterns, reflection and credentials, which are the ways to get this wrong.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS_IN: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer, \
                          range, traceparent, x-request-id";
const HEADERS_OUT: &str = "copydesk-coalesced, copydesk-cost, etag, idempotent-replayed, link, location, preference-applied, \
                           ratelimit, ratelimit-policy, retry-after, x-request-id, x-should-retry";
/// How long a browser need not ask again. Units: seconds.
const PREFLIGHT_KEPT_S: u32 = 600;

/// The origins whose pages may call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origins {
    listed: Vec<String>,
    any: bool,
}

/// Not an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadOrigin;

impl Origins {
    /// `https://app.example.com`, without a path; `*` is every origin that has a name.
    pub fn new<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<Origins, BadOrigin> {
        let mut origins = Origins::default();
        for origin in given {
            if origin == "*" {
                origins.any = true;
                continue;
            }
            let (scheme, host) = origin.split_once("://").ok_or(BadOrigin)?;
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !plain(scheme) || !plain(host) || host.contains(['/', '?', '#', '@', '*', ',']) {
                return Err(BadOrigin);
            }
            origins.listed.push(origin.to_ascii_lowercase());
        }
        Ok(origins)
    }

    fn are_none(&self) -> bool {
        self.listed.is_empty() && !self.any
    }

    /// The origin of a request that may be answered to its page. `null` is what sandboxes and files send: nobody's name.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut given = headers.get_all(ORIGIN).iter();
        let origin = given.next().filter(|_| given.next().is_none())?;
        let text = origin.to_str().ok()?;
        let named = text.contains("://") && (self.any || self.listed.iter().any(|listed| listed == text));
        named.then(|| origin.clone())
    }

    /// The answer to a browser that asks first; `None` when this is no such question.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let asks = method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if self.are_none() || !asks {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allowed(headers).is_some() {
            let out = response.headers_mut();
            out.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            out.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS_IN));
            out.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_KEPT_S));
        }
        Some(response)
    }

    /// Who may read this answer. It differs by origin, so every cache is told.
    pub(crate) fn mark(&self, asked: Option<HeaderValue>, out: &mut HeaderMap) {
        if self.are_none() {
            return;
        }
        out.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = asked {
            out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            out.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(HEADERS_OUT));
        }
    }

    /// Kept from the request for [`Origins::mark`].
    pub(crate) fn asked(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.are_none() { None } else { self.allowed(headers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_origins_are_listed() {
        for bad in ["app.example", "https://app.example/", "https://*.example", "null", "https://", "https://a b", ""] {
            assert_eq!(Origins::new([bad]), Err(BadOrigin), "{bad}");
        }
    }

    #[test]
    fn null_is_nobodys_origin() {
        let any = Origins::new(["*"]).unwrap();
        let from = |origin: &'static str| HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
        assert_eq!(any.asked(&from("https://a.example")), Some(HeaderValue::from_static("https://a.example")));
        assert_eq!(any.asked(&from("null")), None);
        let one = Origins::new(["https://a.example"]).unwrap();
        for other in ["https://a.example.evil", "http://a.example", "https://a.example:444", "null"] {
            assert_eq!(one.asked(&from(other)), None, "{other}");
        }
    }
}
