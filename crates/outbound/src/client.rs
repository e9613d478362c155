//! The client: one POST to an address that has passed, within limits, and what came of it in plain words. It never follows
//! a redirect, never repeats a request, and believes nothing of the answer but its status.

use crate::address::is_public;
use crate::resolve::{Guard, Lookup, NotPublic, SystemLookup};
use crate::rules::{Rules, Target};
use reqwest::header::RETRY_AFTER;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection that is not used is kept.
const IDLE: Duration = Duration::from_secs(30);
/// The most header lines an answer may have.
const HEADERS_MAX: usize = 100;

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the look-up of the name to the last byte that is read.
    pub total: Duration,
    /// How much of the answer is read; the rest is left.
    pub read_bytes_max: usize,
    /// How much of that is kept, where the answer came from a public address.
    pub kept_bytes_max: usize,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    /// `Retry-After` in seconds; dates are not read.
    pub retry_after: Option<Duration>,
    /// The beginning of the body as text; `None` where the answer did not come from a public address.
    pub head: Option<String>,
}

/// Why there is no answer. The words are for those who may know; everybody else learns that there was none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    NotPublic(String),
    #[error("the name cannot be resolved")]
    NoName,
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the exchange broke: {0}")]
    Broken(String),
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for outside addresses could not be set up")]
pub struct SetupError {
    #[from]
    source: reqwest::Error,
}

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    rules: Rules,
    lookup: Arc<dyn Lookup>,
    usual: reqwest::Client,
    /// Connections of its own, which lead into the allowed ranges only.
    allowed: reqwest::Client,
}

impl Outbound {
    /// Errors: [`SetupError`] - nothing can be sent.
    pub fn new(rules: Rules) -> Result<Outbound, SetupError> {
        Outbound::with(rules, Arc::new(SystemLookup::default()))
    }

    /// The same with another way to look names up.
    pub fn with(rules: Rules, lookup: Arc<dyn Lookup>) -> Result<Outbound, SetupError> {
        // The crypto code is the process's one choice in rustls. An Err means that somebody made it before.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider was already installed");
        }
        let client = |allowed_only| {
            reqwest::Client::builder()
                .dns_resolver(Guard::new(rules.clone(), allowed_only, Arc::clone(&lookup)))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .no_gzip()
                .referer(false)
                .http1_max_headers(HEADERS_MAX)
                .pool_idle_timeout(IDLE)
                .user_agent(concat!("copydesk/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let (usual, allowed) = (client(false)?, client(true)?);
        Ok(Outbound { usual, allowed, rules, lookup })
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What its name leads to at this moment. Only a name that leads where we do not go is a fault: one that cannot be
    /// resolved now may be later.
    pub async fn probe(&self, target: &Target, within: Duration) -> Result<(), NotPublic> {
        let Some(name) = target.url().domain() else { return Ok(()) };
        let guard = Guard::new(self.rules.clone(), target.allowed_only(), Arc::clone(&self.lookup));
        match tokio::time::timeout(within, guard.addresses(name)).await {
            Ok(Err(error)) => error.downcast::<NotPublic>().map_or(Ok(()), |refused| Err(*refused)),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn client(&self, target: &Target) -> &reqwest::Client {
        if target.allowed_only() { &self.allowed } else { &self.usual }
    }

    /// Posts `body`. Answers with any status are answers, a redirect too.
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&'static str, String)],
        body: String,
        limits: Limits,
    ) -> Result<Answer, Failure> {
        let post = self.client(target).post(target.url().clone()).body(body);
        let request = headers.iter().fold(post, |request, (name, value)| request.header(*name, value));
        let end = tokio::time::Instant::now() + limits.total;
        let response = tokio::time::timeout_at(end, request.send()).await;
        let response = response.map_err(|_| Failure::TimedOut(limits.total))?;
        Ok(read(response.map_err(|error| failure(&error))?, limits, end).await)
    }
}

/// The answer is there with its head. A body that comes too slowly, too long or not whole only ends the reading.
async fn read(mut response: reqwest::Response, limits: Limits, end: tokio::time::Instant) -> Answer {
    let public = response.remote_addr().is_some_and(|address| is_public(address.ip()));
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let (mut head, mut read) = (Vec::new(), 0);
    while let Ok(Ok(Some(piece))) = tokio::time::timeout_at(end, response.chunk()).await {
        read += piece.len();
        let room = limits.kept_bytes_max.saturating_sub(head.len());
        head.extend_from_slice(&piece[..piece.len().min(room)]);
        if read >= limits.read_bytes_max {
            break;
        }
    }
    let head = public.then(|| String::from_utf8_lossy(&head).replace('\0', "\u{fffd}"));
    Answer { status, retry_after: retry_after.map(Duration::from_secs), head }
}

/// The class of an error of the client, found along its chain.
pub(crate) fn failure(error: &reqwest::Error) -> Failure {
    let chain = || std::iter::successors(Some(error as &(dyn StdError + 'static)), |error| (*error).source());
    if let Some(refused) = chain().find_map(|error| error.downcast_ref::<NotPublic>()) {
        return Failure::NotPublic(refused.to_string());
    }
    let words = chain().last().map(ToString::to_string).unwrap_or_default();
    if chain().any(|error| error.to_string().contains("dns error")) {
        return Failure::NoName;
    }
    if error.is_connect() { Failure::Connect(words) } else { Failure::Broken(words) }
}
