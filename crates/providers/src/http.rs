//! The shared HTTP layer: one client, four limits on waiting, a cap on what is read, and an exact answer to "did the
//! request leave the socket?". It follows no redirect, uses no proxy from the environment, never retries, and reads no
//! provider's format. Every adapter goes through it, so none can hang or be flooded.

use std::error::Error as StdError;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::error::{ErrorClass, ProviderError, RAW_BYTES_MAX, TimeoutPhase};
use crate::provider::Timeouts;
use crate::secret::Secret;
use copydesk_outbound::{Guard, NotPublic};

/// The most of one answer that is read, after decompression.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most of an error answer that is read; what follows is dropped.
pub const ERROR_BYTES_MAX: usize = 64 * 1024;
/// The most header lines an answer may have.
pub const HEADERS_MAX: usize = 100;
/// Fewer bytes than these within the idle limit count as nothing (16 bytes a second over 30 s).
const PROGRESS_BYTES: usize = 480;
/// White space that a provider may send to keep the connection while the model thinks.
const WARM_UP_BYTES_MAX: usize = 4 * 1024;
/// How long a finished stream may take to end its transfer, so that its connection can be used again.
const DRAIN_MAX: Duration = Duration::from_millis(25);
/// Stands for "no limit" where adding a limit would leave the range of the clock.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The header that carries the call's id to the provider.
pub const CALL_ID_HEADER: &str = "x-copydesk-call-id";

/// The HTTP client could not be built, for example because the system's certificates cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct HttpSetupError {
    #[from]
    source: reqwest::Error,
}

/// The one HTTP client. Cheap to clone; all clones share one connection pool.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    /// The same with a resolver that knows public addresses only, and therefore with connections of its own.
    public: reqwest::Client,
}

/// How a provider wants to be shown the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Auth {
    /// `authorization: Bearer KEY`
    Bearer,
    /// `authorization: Key KEY`
    Key,
    /// The key alone, in a header of its own.
    Header(&'static str),
}

/// One request of an adapter.
pub(crate) struct Outgoing<'a> {
    pub url: &'a str,
    pub auth: Auth,
    pub secret: Option<&'a Secret>,
    pub call_id: String,
    pub accept: &'static str,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON to post; `None` is a GET.
    pub body: Option<Vec<u8>>,
    pub timeouts: Timeouts,
}

/// How far a request may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// To an address the operator chose.
    Anywhere,
    /// To public addresses only.
    Public,
}

/// What is unusual about a request. The default is a call to the provider's own endpoint.
pub(crate) struct Terms {
    /// `None`: POST with a body, GET without.
    pub method: Option<Method>,
    pub reach: Reach,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { method: None, reach: Reach::Anywhere }
    }
}

/// What came of a request up to the head of the answer.
pub(crate) struct Posted {
    pub sent: bool,
    pub response: Result<Response, ProviderError>,
}

impl HttpClient {
    /// Errors: [`HttpSetupError`] - no client, so no provider can be called.
    pub fn new() -> Result<HttpClient, HttpSetupError> {
        // The crypto code is the process's one choice in rustls. An Err means that somebody (another client, a database
        // driver) made it before, which is just as good.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider was already installed");
        }
        let client = Self::builder().build()?;
        let public = Self::builder().dns_resolver(Guard::public_only()).build()?;
        Ok(HttpClient { client, public })
    }

    fn builder() -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .gzip(true)
            .referer(false)
            .http1_max_headers(HEADERS_MAX)
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("copydesk/", env!("CARGO_PKG_VERSION")))
    }

    /// Sends one request and waits for the head of the answer.
    pub(crate) async fn send(&self, outgoing: Outgoing<'_>) -> Posted {
        self.send_on(outgoing, Terms::default()).await
    }

    /// The same on other terms.
    pub(crate) async fn send_on(&self, outgoing: Outgoing<'_>, terms: Terms) -> Posted {
        let departure = Arc::new(Departure::default());
        let timeouts = outgoing.timeouts;
        let mut request = match self.request(outgoing, &departure) {
            Ok(request) => request,
            Err(error) => return Posted { sent: false, response: Err(error) },
        };
        if let Some(method) = terms.method {
            *request.method_mut() = method;
        }
        let client = match terms.reach {
            Reach::Anywhere => &self.client,
            Reach::Public => &self.public,
        };
        let limits = Limits::starting(Instant::now(), timeouts);
        // Sending needs far more room than reading, and a stream is read for minutes: the room is given back at the head.
        let response = Box::pin(Self::head(client, request, &departure, limits)).await;
        Posted { sent: departure.has_left(), response }
    }

    fn request(&self, outgoing: Outgoing<'_>, departure: &Arc<Departure>) -> Result<reqwest::Request, ProviderError> {
        let bytes = outgoing.body.map(Bytes::from);
        let mut request = match bytes {
            Some(_) => self.client.post(outgoing.url).header(CONTENT_TYPE, "application/json"),
            None => self.client.get(outgoing.url),
        };
        request = request.header(ACCEPT, outgoing.accept).header(CALL_ID_HEADER, outgoing.call_id);
        for (name, value) in outgoing.headers {
            request = request.header(name, value);
        }
        if let Some(secret) = outgoing.secret {
            let (name, value) = credential(outgoing.auth, secret)?;
            request = request.header(name, value);
        }
        let body = SeenBody { is_bare: bytes.is_none(), bytes, departure: Arc::clone(departure) };
        request.body(reqwest::Body::wrap(body)).build().map_err(|error| {
            let cause = chain(&error.without_url());
            ProviderError::new(ErrorClass::Misconfigured, format!("the request cannot be built: {cause}"))
        })
    }

    async fn head(
        client: &reqwest::Client,
        request: reqwest::Request,
        departure: &Departure,
        mut limits: Limits,
    ) -> Result<Response, ProviderError> {
        let mut answer = pin!(client.execute(request));
        let connect_by = limits.earliest(Instant::now(), limits.timeouts.connect, TimeoutPhase::Connect);
        let early = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            () = departure.left() => None,
            () = sleep_until(connect_by.at) => return Err(connect_by.error()),
        };
        let head_by = limits.earliest(Instant::now(), limits.timeouts.first_byte, TimeoutPhase::FirstByte);
        limits.first_byte = Some(head_by);
        let answer = match early {
            Some(answer) => answer,
            None => timeout_at(head_by.at, answer).await.map_err(|_| head_by.error())?,
        };
        let mut inner = answer.map_err(transport_error)?;
        let headers = own_headers(std::mem::take(inner.headers_mut()));
        Ok(Response {
            status: inner.status().as_u16(),
            headers,
            inner,
            limits,
            bytes_read: 0,
            bytes_max: ANSWER_BYTES_MAX,
            progress_at: Instant::now(),
            bytes_since: 0,
        })
    }
}

/// The same headers with values of their own. As they come they are parts of the connection's read buffer, and would keep
/// all 8 KiB of it for as long as a stream is read.
fn own_headers(mut headers: HeaderMap) -> HeaderMap {
    for value in headers.values_mut() {
        if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = own;
        }
    }
    headers
}

fn credential(auth: Auth, secret: &Secret) -> Result<(HeaderName, HeaderValue), ProviderError> {
    let (name, text) = match auth {
        Auth::Bearer => (http::header::AUTHORIZATION, format!("Bearer {}", secret.expose())),
        Auth::Key => (http::header::AUTHORIZATION, format!("Key {}", secret.expose())),
        Auth::Header(name) => (HeaderName::from_static(name), secret.expose().to_owned()),
    };
    let unusable = "the API key holds characters that cannot be sent";
    let mut value = HeaderValue::try_from(text).map_err(|_| ProviderError::new(ErrorClass::Misconfigured, unusable))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// A limit on waiting, and which of the four it is.
#[derive(Clone, Copy)]
struct Limit {
    at: Instant,
    phase: TimeoutPhase,
    given: Duration,
}

impl Limit {
    fn error(self) -> ProviderError {
        let waited_for = match self.phase {
            TimeoutPhase::Connect => "no connection",
            TimeoutPhase::FirstByte => "no answer",
            TimeoutPhase::Idle => "nothing more of the answer",
            TimeoutPhase::Total | TimeoutPhase::Upstream => "no whole answer",
        };
        let message = format!("{waited_for} for {} s", self.given.as_secs_f64());
        ProviderError::new(ErrorClass::TimedOut(self.phase), message)
    }
}

#[derive(Clone, Copy)]
struct Limits {
    timeouts: Timeouts,
    total: Limit,
    /// Holds until the first byte of the answer's body.
    first_byte: Option<Limit>,
}

impl Limits {
    fn starting(now: Instant, timeouts: Timeouts) -> Limits {
        let total = Limit { at: after(now, timeouts.total), phase: TimeoutPhase::Total, given: timeouts.total };
        Limits { timeouts, total, first_byte: None }
    }

    fn earliest(&self, now: Instant, given: Duration, phase: TimeoutPhase) -> Limit {
        let limit = Limit { at: after(now, given), phase, given };
        if limit.at <= self.total.at { limit } else { self.total }
    }

    /// The limit for the next piece of the body. The first piece may use up what is left of the first-byte limit: a
    /// provider that sends its head at once and thinks afterwards is not slower than one that does both together.
    fn next_piece(&self, since: Instant) -> Limit {
        let idle = self.earliest(since, self.timeouts.idle, TimeoutPhase::Idle);
        match self.first_byte {
            Some(first) if first.at > idle.at => first,
            Some(_) | None => idle,
        }
    }
}

fn after(now: Instant, span: Duration) -> Instant {
    now.checked_add(span.min(FAR_AWAY)).unwrap_or(now)
}

/// What the body of an answer claims to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ContentKind {
    Json,
    EventStream,
    /// One JSON value a line.
    JsonLines,
    Html,
    /// No `content-type` at all.
    Missing,
    Other(String),
}

/// An answer whose head has arrived.
pub(crate) struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    inner: reqwest::Response,
    limits: Limits,
    bytes_read: usize,
    bytes_max: usize,
    /// When the answer last made progress. See [`Response::progressed`].
    progress_at: Instant,
    /// Bytes that came since then.
    bytes_since: usize,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }

    pub fn content_kind(&self) -> ContentKind {
        let Some(value) = self.header("content-type") else { return ContentKind::Missing };
        let essence = value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/event-stream" => ContentKind::EventStream,
            "text/html" | "application/xhtml+xml" => ContentKind::Html,
            "application/json" | "text/json" => ContentKind::Json,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                ContentKind::JsonLines
            }
            json if json.ends_with("+json") => ContentKind::Json,
            _ => ContentKind::Other(essence),
        }
    }

    /// The next piece of the body, decompressed; `None` at its end.
    ///
    /// Errors: `TimedOut`, `CutOff` when the transfer broke, `Malformed` over the limit ([`ANSWER_BYTES_MAX`] unless
    /// raised).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ProviderError> {
        let limit = self.limits.next_piece(self.progress_at);
        let piece = timeout_at(limit.at, self.inner.chunk()).await.map_err(|_| self.too_slow(limit))?;
        let piece = piece.map_err(|error| {
            let message = format!("the transfer broke in the middle of the answer: {}", chain(&error.without_url()));
            ProviderError::new(ErrorClass::CutOff, message)
        })?;
        self.limits.first_byte = None;
        let bytes = piece.as_ref().map_or(0, Bytes::len);
        self.bytes_read += bytes;
        self.bytes_since += bytes;
        if self.bytes_since >= PROGRESS_BYTES {
            self.progressed();
        }
        if self.bytes_read > self.bytes_max {
            let message = format!("the answer is larger than {} bytes", self.bytes_max);
            return Err(ProviderError::new(ErrorClass::Malformed, message));
        }
        Ok(piece)
    }

    /// Reads up to another limit than [`ANSWER_BYTES_MAX`]. Units: bytes after decompression.
    pub fn allow(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// The answer made progress: many bytes came, or a whole line of a stream, or white space before a body has begun.
    /// A single byte now and then is none, or a drip could hold a worker until the total limit.
    pub fn progressed(&mut self) {
        self.progress_at = Instant::now();
        self.bytes_since = 0;
    }

    /// Waits for something of our own, such as a disk, within the total limit. The provider's clock stands still.
    pub async fn pause<T>(&mut self, own: impl Future<Output = T>) -> Result<T, ProviderError> {
        let from = Instant::now();
        let done = timeout_at(self.limits.total.at, own).await.map_err(|_| self.limits.total.error())?;
        self.progress_at += from.elapsed();
        Ok(done)
    }

    fn too_slow(&self, limit: Limit) -> ProviderError {
        let mut error = limit.error();
        if limit.phase == TimeoutPhase::Idle && self.bytes_since > 0 {
            error.message = format!("only {} bytes of the answer in {} s", self.bytes_since, limit.given.as_secs_f64());
        }
        error
    }

    /// The body up to `bytes_max` (the rest is not read), and what broke before its end.
    pub async fn read(&mut self, bytes_max: usize) -> (Vec<u8>, Option<ProviderError>) {
        let mut body = Vec::new();
        while body.len() < bytes_max {
            match self.chunk().await {
                Ok(Some(piece)) => {
                    if body.iter().chain(&piece[..]).take(WARM_UP_BYTES_MAX).all(u8::is_ascii_whitespace) {
                        self.progressed();
                    }
                    body.extend_from_slice(&piece[..piece.len().min(bytes_max - body.len())]);
                }
                Ok(None) => break,
                Err(error) => {
                    let error = error.with_raw(String::from_utf8_lossy(head_of(&body)));
                    return (body, Some(error));
                }
            }
        }
        (body, None)
    }

    /// Reads what belongs to the end of a transfer whose content is complete. What does not come at once is given up,
    /// and with it only the connection's reuse.
    pub async fn drain(&mut self) {
        let rest = async { while let Ok(Some(_)) = self.chunk().await {} };
        if timeout(DRAIN_MAX, rest).await.is_err() {
            tracing::trace!("a finished stream did not end its transfer in time; its connection is closed");
        }
    }
}

/// As much of a body as an error keeps, and a little more so that a key at the cut is still recognised.
pub(crate) fn head_of(body: &[u8]) -> &[u8] {
    &body[..body.len().min(2 * RAW_BYTES_MAX)]
}

/// A request body that says when it was first read. The connection reads it after the request's head has been written,
/// and never before there is a connection.
struct SeenBody {
    bytes: Option<Bytes>,
    /// There never was a body.
    is_bare: bool,
    departure: Arc<Departure>,
}

impl Body for SeenBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.departure.mark();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }
    fn is_end_stream(&self) -> bool {
        // A request without a body is never read. The connection asks this instead, when it writes the request's head.
        if self.is_bare {
            self.departure.mark();
        }
        self.bytes.is_none()
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[derive(Default)]
struct Departure {
    left: AtomicBool,
    notify: Notify,
}

impl Departure {
    fn mark(&self) {
        self.left.store(true, Ordering::Release);
        // One permit is kept when nobody waits yet, so the signal cannot be missed.
        self.notify.notify_one();
    }
    fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }
    async fn left(&self) {
        self.notify.notified().await;
    }
}

fn transport_error(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    let class = if is_certificate_error(&error) {
        ErrorClass::Certificate
    } else if error.is_builder() || is_not_public(&error) {
        ErrorClass::Misconfigured
    } else if is_not_http(&error) {
        ErrorClass::Malformed
    } else {
        ErrorClass::Network
    };
    ProviderError::new(class, chain(&error))
}

/// The resolver refused to go there; going again would not change that.
fn is_not_public(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<NotPublic>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Something was answered, and it is no HTTP, or has a longer head than is read.
fn is_not_http(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_certificate_error(error: &(dyn StdError + 'static)) -> bool {
    let of_rustls = |error: &(dyn StdError + 'static)| {
        matches!(error.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
    };
    let mut next = Some(error);
    while let Some(error) = next {
        // An io::Error does not name its inner error as its source; it has to be asked.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if of_rustls(error) || inner.is_some_and(|inner| is_certificate_error(inner)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error and its causes in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_found_inside_an_io_error() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let outer = std::io::Error::new(std::io::ErrorKind::InvalidData, inner);
        assert!(is_certificate_error(&outer));
        assert!(is_certificate_error(&std::io::Error::other(outer)));
        assert!(!is_certificate_error(&std::io::Error::other(rustls::Error::HandshakeNotComplete)));
    }

    #[test]
    fn the_total_limit_wins_over_a_later_one_and_is_named() {
        let short = Timeouts { total: Duration::from_secs(1), ..Timeouts::default() };
        let limits = Limits::starting(Instant::now(), short);
        let limit = limits.earliest(Instant::now(), Duration::MAX, TimeoutPhase::Idle);
        assert_eq!(limit.error().class, ErrorClass::TimedOut(TimeoutPhase::Total));
        assert_eq!(limit.error().message, "no whole answer for 1 s");
    }

    #[test]
    fn the_first_piece_may_use_what_is_left_of_the_first_byte_limit() {
        let start = Instant::now();
        let mut limits = Limits::starting(start, Timeouts::default());
        limits.first_byte = Some(limits.earliest(start, Duration::from_secs(60), TimeoutPhase::FirstByte));
        assert_eq!(limits.next_piece(start).phase, TimeoutPhase::FirstByte);
        assert_eq!(limits.next_piece(start + Duration::from_secs(40)).phase, TimeoutPhase::Idle);
    }
}
