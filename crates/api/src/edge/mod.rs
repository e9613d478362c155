//! The edge: what is decided about a request before any route sees it - its size, its host, the origin of its page - and
//! what every answer carries. It knows no route and no key.

pub(crate) mod access;
mod cors;
mod hosts;
mod proxies;

pub use cors::{BadOrigin, Origins};
pub use hosts::Hosts;
pub use proxies::{BadNetwork, Network};

use crate::error::Code;
use crate::problem::Problem;
use crate::server::{Crowded, Peer};
use axum::body::Body;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};
use std::net::IpAddr;
use std::time::Duration;

/// How the edge behaves.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// The hosts that are answered; `None` asks no request for one (calls inside the process have none).
    pub hosts: Option<Hosts>,
    /// Peers that may say whom they speak for.
    pub trusted_proxies: Vec<Network>,
    pub cors_origins: Origins,
    /// How long browsers are told to insist on https. Only sent where the public address is one.
    pub hsts: Option<Duration>,
    /// One line in the log for each request.
    pub access_log: bool,
    /// Longest address. Units: bytes.
    pub uri_bytes_max: usize,
    /// Names and values of all headers together, with the address. Units: bytes.
    pub head_bytes_max: usize,
}

impl Default for EdgeSettings {
    fn default() -> EdgeSettings {
        EdgeSettings {
            hosts: None,
            trusted_proxies: Vec::new(),
            cors_origins: Origins::default(),
            hsts: None,
            access_log: false,
            uri_bytes_max: 8 * 1024,
            head_bytes_max: 16 * 1024,
        }
    }
}

/// The client's address, on every request that came through a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClientAddress(pub IpAddr);

const LIVEZ: &str = "/livez";
/// Between names and values, and at the ends of lines. Units: bytes for each header.
const HEADER_OVERHEAD: usize = 4;
const RETRY_CROWDED_S: u32 = 1;
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// For answers that are no pages. A page brings its own.
const CSP: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

impl EdgeSettings {
    pub(crate) fn client(&self, request: &Request<Body>) -> Option<ClientAddress> {
        let Peer(peer) = request.extensions().get()?;
        Some(ClientAddress(proxies::client(peer.ip(), request.headers(), &self.trusted_proxies)))
    }

    /// Whether the browser at the other end speaks TLS, as far as we can know: the public address says so, or a proxy of ours
    /// does for this request.
    pub(crate) fn is_tls(&self, request: &Parts, public_url: &str) -> bool {
        let by_proxy = || {
            let Some(Peer(peer)) = request.extensions.get() else { return false };
            let ours = self.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
            let last = request.headers.get_all("x-forwarded-proto").iter().next_back();
            let last = last.and_then(|line| line.to_str().ok()?.rsplit(',').next());
            ours && last.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
        };
        public_url.starts_with("https://") || by_proxy()
    }

    /// Errors: the request is not looked at any further.
    pub(crate) fn admit(&self, request: &Request<Body>) -> Result<(), Problem> {
        if request.extensions().get::<Crowded>().is_some() && request.uri().path() != LIVEZ {
            let detail = "This server has as many connections as it may; this request was not looked at.";
            return Err(Problem::new(Code::TooManyConnections, detail)
                .hint("Reuse connections, close those that idle, or raise http.max_connections.")
                .retry_after(RETRY_CROWDED_S));
        }
        self.measure(request)?;
        match &self.hosts {
            Some(hosts) => check_host(hosts, request),
            None => Ok(()),
        }
    }

    fn measure(&self, request: &Request<Body>) -> Result<(), Problem> {
        let uri = request.uri();
        let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
        let too_large = |code: Code, what: &str, max: usize| {
            let detail = format!("{what} more than {max} bytes, which is the limit.");
            Err(Problem::new(code, detail).with("limit", max.into()))
        };
        if uri_bytes > self.uri_bytes_max {
            return too_large(Code::UriTooLong, "The address has", self.uri_bytes_max);
        }
        let headers = request.headers().iter();
        let headers_bytes: usize =
            headers.map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD).sum();
        if uri_bytes + headers_bytes > self.head_bytes_max {
            return too_large(Code::HeadersTooLarge, "Address and headers have together", self.head_bytes_max);
        }
        Ok(())
    }

    /// Headers of every answer. What a route has set itself stays.
    pub(crate) fn secure(&self, public_url: &str, out: &mut HeaderMap) {
        let usual = [
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CONTENT_SECURITY_POLICY, CSP),
            (REFERRER_POLICY, "no-referrer"),
            (CORP, "same-origin"),
        ];
        for (name, value) in usual {
            out.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Some(span) = self.hsts.filter(|_| public_url.starts_with("https://"))
            && let Ok(value) = HeaderValue::from_str(&format!("max-age={}", span.as_secs()))
        {
            out.insert(STRICT_TRANSPORT_SECURITY, value);
        }
    }
}

fn check_host(hosts: &Hosts, request: &Request<Body>) -> Result<(), Problem> {
    let mut given = request.headers().get_all(HOST).iter();
    let header = given.next();
    if given.next().is_some() {
        return Err(Problem::new(Code::BadHeader, "There are two Host headers; send one."));
    }
    // An address in absolute form, as in HTTP/2, wins over the header.
    let authority = match (request.uri().authority(), header) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(header)) => header.to_str().unwrap_or_default(),
        (None, None) if request.version() < Version::HTTP_11 => return Ok(()),
        (None, None) => return Err(Problem::new(Code::BadHeader, "The request has no Host header.")),
    };
    if hosts.allow(authority) {
        return Ok(());
    }
    let shown: String = authority.chars().take(80).collect();
    Err(Problem::new(Code::UnknownHost, format!("This server does not answer to the name {shown:?}."))
        .hint("If it should, name it in public_url or hosts (COPYDESK_HOSTS) and start the server again."))
}
