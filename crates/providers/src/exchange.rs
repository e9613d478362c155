//! One chat call over HTTP, the same for every wire format: send, look at the status, look at the content type, read
//! whole or piece by piece, decide. A format is a [`Dialect`]: pure functions from values to values. It makes one request
//! and never retries.

use copydesk_core::CallId;
use copydesk_core::metering::usage::TokenUsage;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, into_error};
use crate::http::{ANSWER_BYTES_MAX, Auth, ContentKind, ERROR_BYTES_MAX, HttpClient};
use crate::http::{Outgoing, Posted, Response, head_of};
use crate::json_text::{lossy, parse_json};
use crate::lines::LineReader;
use crate::provider::{Answer, CallReport, CallRequest, DeltaSink, Finish, NoSink, Timeouts};
use crate::secret::{Secret, safe_name};
use crate::sse::{EVENT_BYTES_MAX, LineTooLong, SseEvent, SseParser};
use crate::transcript::{Shape, Transcript};

/// The longest event where pictures travel inside the text of a stream.
const PICTURE_EVENT_BYTES_MAX: usize = ANSWER_BYTES_MAX;

/// Where a provider's own name for a request may stand when no dialect says it.
pub(crate) const ID_HEADERS: [&str; 4] = ["x-generation-id", "x-request-id", "request-id", "x-fal-request-id"];

/// One wire format. Pure: it never sends or waits.
pub(crate) trait Dialect: Send + Sync {
    /// Where the request goes and what it says.
    ///
    /// Errors: `Misconfigured` - this format cannot say it.
    fn request(&self, request: &CallRequest) -> Result<WireRequest, ProviderError>;

    /// Takes a whole answer, or one piece of a streamed one.
    fn absorb(&self, piece: Piece<'_>, transcript: &mut Transcript, sink: &dyn DeltaSink);

    /// The error in a body that is known to be one.
    fn explain(&self, body: &Value, raw: &str) -> ErrorText {
        describe(body, raw)
    }

    /// Where the provider's own name for a request may stand, the most useful first.
    fn id_headers(&self) -> &'static [&'static str] {
        &["x-request-id", "request-id"]
    }
}

/// A request in a wire format.
pub(crate) struct WireRequest {
    pub url: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Value,
}

/// A whole answer or one piece of it.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// The `event:` field of a server-sent event.
    pub event: Option<&'a str>,
    pub body: &'a Value,
}

/// Where a provider is and how it knows us.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub name: String,
    /// Without a slash at its end.
    pub base_url: String,
    pub http: HttpClient,
    pub auth: Auth,
    pub api_key: Option<Secret>,
    /// What is known about its models.
    pub catalogue: Catalogue,
}

/// What every adapter of an [`Endpoint`] is set up with beside its address.
macro_rules! set_up {
    ($adapter:ident) => {
        impl $adapter {
            /// The key it is asked with; a server of one's own may need none.
            pub fn with_api_key(mut self, api_key: Option<$crate::secret::Secret>) -> $adapter {
                self.endpoint.api_key = api_key;
                self
            }
            /// What is known about its models.
            pub fn with_catalogue(mut self, catalogue: $crate::catalogue::Catalogue) -> $adapter {
                self.endpoint.catalogue = catalogue;
                self
            }
        }
    };
}
pub(crate) use set_up;

impl Endpoint {
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient, auth: Auth) -> Endpoint {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Endpoint { name: name.into(), base_url, http, auth, api_key: None, catalogue: Catalogue::default() }
    }

    /// Makes one call in the given format.
    pub async fn call(&self, dialect: &dyn Dialect, request: &CallRequest, sink: &dyn DeltaSink) -> CallReport {
        let key = self.api_key.as_ref();
        let WireRequest { url, headers, body } = match dialect.request(request) {
            Ok(wire) => wire,
            Err(error) => return CallReport::not_sent(error.masked(key)),
        };
        let written = body.to_string().into_bytes();
        // The call may take minutes, and the request may carry pictures.
        drop(body);
        let accept = if request.stream { "text/event-stream, application/json" } else { "application/json" };
        let outgoing = Outgoing {
            url: &url,
            auth: self.auth,
            secret: key,
            call_id: request.call_id.to_string(),
            accept,
            headers,
            body: Some(written),
            timeouts: request.timeouts,
        };
        let Posted { sent, response } = self.http.send(outgoing).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => return CallReport { sent, ..CallReport::not_sent(error.masked(key)) },
        };
        let sink: &dyn DeltaSink = if request.stream { sink } else { &NoSink };
        let mut reading = Reading { dialect, sink, transcript: Transcript::default() };
        let limit = if request.pictures { PICTURE_EVENT_BYTES_MAX } else { EVENT_BYTES_MAX };
        let result = reading.answer(&mut response, limit).await;
        let transcript = reading.transcript;
        let mut result = result.and_then(|shape| transcript.conclude(shape));
        if let Ok(Answer { finish: Finish::Unknown(word), .. }) = &mut result {
            *word = safe_name(word, key);
        }
        let failed = result.is_err();
        let named = |name: Option<String>| name.map(|name| safe_name(&name, key));
        CallReport {
            result: result.map_err(|error| error.masked(key)),
            usage: transcript.usage,
            http_status: Some(response.status),
            provider_request_id: named_by(dialect.id_headers(), &response, key).or(named(transcript.id)),
            served_model: named(transcript.model),
            sent,
            partial_text: Some(transcript.text).filter(|text| failed && !text.is_empty()),
        }
    }
}

/// How a format reads the error in a body that is known to be one.
pub(crate) type Explain<'a> = &'a (dyn Fn(&Value, &str) -> ErrorText + Sync);

/// What came of one JSON request outside chat.
pub(crate) struct Exchanged {
    pub sent: bool,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    /// The JSON of a 2xx answer (null for one that has no content); its error is masked already.
    pub result: Result<Value, ProviderError>,
}

/// What a format found in a JSON answer.
pub(crate) struct Found<T> {
    pub result: Result<T, ProviderError>,
    pub usage: TokenUsage,
    pub served_model: Option<String>,
}

impl Exchanged {
    /// The report of this exchange. `read` is only asked when there is JSON to read; its error is masked here.
    pub fn report<T>(self, key: Option<&Secret>, read: impl FnOnce(&Value) -> Found<T>) -> CallReport<T> {
        let Exchanged { sent, http_status, request_id, result } = self;
        let found = match result {
            Ok(body) => read(&body),
            Err(error) => Found { result: Err(error), usage: TokenUsage::default(), served_model: None },
        };
        CallReport {
            result: found.result.map_err(|error| error.masked(key)),
            usage: found.usage,
            http_status,
            provider_request_id: request_id,
            served_model: found.served_model.map(|model| safe_name(&model, key)),
            sent,
            partial_text: None,
        }
    }

    fn not_sent(error: ProviderError) -> Exchanged {
        Exchanged { sent: false, http_status: None, request_id: None, result: Err(error) }
    }
}

impl Endpoint {
    /// One JSON request outside chat and its whole answer: `body` is posted, without one it is a GET. Status, content
    /// type and size are checked. An `error` inside a 2xx is left to the caller, because a job's state carries one of
    /// its own; [`error_inside`] makes an error of it.
    pub async fn json(
        &self,
        call_id: CallId,
        url: &str,
        body: Option<Value>,
        timeouts: Timeouts,
        explain: Explain<'_>,
    ) -> Exchanged {
        self.large_json(call_id, url, body, timeouts, explain, ANSWER_BYTES_MAX).await
    }

    /// The same for an answer that carries files inside its JSON. Units: bytes after decompression.
    pub async fn large_json(
        &self,
        call_id: CallId,
        url: &str,
        body: Option<Value>,
        timeouts: Timeouts,
        explain: Explain<'_>,
        bytes_max: usize,
    ) -> Exchanged {
        let key = self.api_key.as_ref();
        let outgoing = Outgoing {
            url,
            auth: self.auth,
            secret: key,
            call_id: call_id.to_string(),
            accept: "application/json",
            headers: vec![],
            body: body.map(|body| body.to_string().into_bytes()),
            timeouts,
        };
        let Posted { sent, response } = self.http.send(outgoing).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => return Exchanged { sent, ..Exchanged::not_sent(error.masked(key)) },
        };
        response.allow(bytes_max);
        let result = json_answer(&mut response, explain).await;
        Exchanged {
            sent,
            http_status: Some(response.status),
            request_id: named_by(&ID_HEADERS, &response, key),
            result: result.map_err(|error| error.masked(key)),
        }
    }
}

pub(crate) async fn json_answer(response: &mut Response, explain: Explain<'_>) -> Result<Value, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(explained_error(explain, response).await);
    }
    match response.content_kind() {
        ContentKind::Json | ContentKind::Missing => {}
        ContentKind::Html => return Err(not_an_answer(response, "an HTML page").await),
        ContentKind::EventStream => return Err(not_an_answer(response, "a stream of events").await),
        ContentKind::JsonLines => return Err(not_an_answer(response, "lines of JSON").await),
        ContentKind::Other(kind) => return Err(not_an_answer(response, &format!("{kind:?}")).await),
    }
    let (body, broken) = response.read(usize::MAX).await;
    if let Some(error) = broken {
        return Err(error);
    }
    let text = lossy(&body);
    if text.trim().is_empty() {
        let nothing = ProviderError::new(ErrorClass::Empty, "the answer has no body");
        return if response.status == 204 { Ok(Value::Null) } else { Err(nothing) };
    }
    parse_json(&text).map_err(|error| not_json(&error, &text))
}

/// The error that a 2xx answer carried inside. The caller masks it.
pub(crate) fn error_inside(found: ErrorText, body: &Value) -> ProviderError {
    into_error(200, found, &HeaderMap::new(), &body.to_string())
}

pub(crate) fn named_by(headers: &[&str], response: &Response, key: Option<&Secret>) -> Option<String> {
    headers.iter().find_map(|name| response.header(name)).map(|name| safe_name(name, key))
}

/// An answer on its way in.
struct Reading<'a> {
    dialect: &'a dyn Dialect,
    sink: &'a dyn DeltaSink,
    transcript: Transcript,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Done,
}

impl Reading<'_> {
    /// Reads the body after looking at the status and the content type, in that order and before any parsing.
    async fn answer(&mut self, response: &mut Response, event_max: usize) -> Result<Shape, ProviderError> {
        if !(200..300).contains(&response.status) {
            return Err(error_answer(self.dialect, response).await);
        }
        match response.content_kind() {
            ContentKind::EventStream => {
                self.events(response, event_max).await?;
                Ok(Shape::Stream)
            }
            ContentKind::JsonLines => {
                self.lines(response, event_max).await?;
                Ok(Shape::Stream)
            }
            ContentKind::Json | ContentKind::Missing => {
                // No limit of its own here: `chunk` ends with an error over the cap, and a cut body must not look whole.
                let (body, broken) = response.read(usize::MAX).await;
                if let Some(error) = broken {
                    return Err(error);
                }
                self.whole(&body, response)?;
                Ok(Shape::Whole)
            }
            ContentKind::Html => Err(not_an_answer(response, "an HTML page").await),
            ContentKind::Other(kind) => Err(not_an_answer(response, &format!("{kind:?}")).await),
        }
    }

    /// A body that comes as one JSON value.
    fn whole(&mut self, body: &[u8], response: &Response) -> Result<(), ProviderError> {
        let text = lossy(body);
        if text.trim().is_empty() {
            return Err(ProviderError::new(ErrorClass::Empty, "the answer has no body"));
        }
        let value = parse_json(&text).map_err(|error| not_json(&error, &text))?;
        self.dialect.absorb(Piece { event: None, body: &value }, &mut self.transcript, self.sink);
        self.transcript.reported_error(response, &text)?;
        // The conclusion has no raw text to show; an answer of an unknown shape is explained here.
        if self.transcript.is_answer || !self.transcript.refusal.is_empty() {
            Ok(())
        } else {
            Err(ProviderError::new(ErrorClass::Malformed, "the answer is JSON of an unknown shape").with_raw(text))
        }
    }

    /// A body that comes as server-sent events, until the format's end or the transfer's.
    ///
    /// Invariant: once a finish reason has arrived the text is whole, so a transfer that breaks after it costs at most
    /// the usage figures, and never the answer.
    async fn events(&mut self, response: &mut Response, event_max: usize) -> Result<(), ProviderError> {
        let mut parser = SseParser::with_limit(event_max);
        while let Some(piece) = self.next(response).await? {
            let before = parser.lines();
            let events = parser.feed(&piece).map_err(too_long)?;
            if parser.lines() > before {
                response.progressed();
            }
            for event in events {
                let step = self.event(&event, response);
                if self.kept(step)? == Step::Done {
                    response.drain().await;
                    return Ok(());
                }
            }
        }
        let Some(rest) = parser.finish().map_err(too_long)? else { return Ok(()) };
        let last = self.event(&rest, response);
        self.last(last)
    }

    /// A body that comes as one JSON value a line.
    async fn lines(&mut self, response: &mut Response, line_max: usize) -> Result<(), ProviderError> {
        let mut reader = LineReader::new(line_max);
        while let Some(piece) = self.next(response).await? {
            let lines = reader.feed(&piece).map_err(too_long)?;
            if !lines.is_empty() {
                response.progressed();
            }
            for line in lines {
                let step = self.piece(None, &line, response);
                if self.kept(step)? == Step::Done {
                    response.drain().await;
                    return Ok(());
                }
            }
        }
        let rest = reader.finish();
        let last = self.piece(None, &rest, response);
        self.last(last)
    }

    async fn next(&self, response: &mut Response) -> Result<Option<crate::provider::Bytes>, ProviderError> {
        match response.chunk().await {
            Err(error) if self.transcript.finish.is_some() => {
                tracing::debug!(%error, "the stream broke after its finish reason; the answer is kept");
                Ok(None)
            }
            next => next,
        }
    }

    /// A piece that cannot be read is an error, unless the text was whole before it: then it costs only itself.
    fn kept(&self, step: Result<Step, ProviderError>) -> Result<Step, ProviderError> {
        match step {
            Err(error) if self.transcript.finish.is_some() && !is_reported(&error) => {
                tracing::debug!(%error, "a piece behind the finish reason cannot be read; the answer is kept");
                Ok(Step::More)
            }
            step => step,
        }
    }

    /// What the last piece means, which had no end of its own.
    fn last(&self, last: Result<Step, ProviderError>) -> Result<(), ProviderError> {
        match self.kept(last) {
            Ok(Step::More | Step::Done) => Ok(()),
            // What cannot be read of it was cut off, not written wrongly.
            Err(error) if !is_reported(&error) => Err(ProviderError { class: ErrorClass::CutOff, ..error }),
            Err(error) => Err(error),
        }
    }

    fn event(&mut self, event: &SseEvent, response: &Response) -> Result<Step, ProviderError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        self.piece(event.event.as_deref(), &event.data, response)
    }

    fn piece(&mut self, event: Option<&str>, data: &str, response: &Response) -> Result<Step, ProviderError> {
        let data = data.trim();
        if data.is_empty() {
            return Ok(Step::More);
        }
        let value = parse_json(data).map_err(|error| not_json(&error, data))?;
        self.dialect.absorb(Piece { event, body: &value }, &mut self.transcript, self.sink);
        if event == Some("error") && self.transcript.error.is_none() {
            self.transcript.error = Some(self.dialect.explain(&value, data));
        }
        self.transcript.reported_error(response, data)?;
        Ok(if self.transcript.ended { Step::Done } else { Step::More })
    }
}

fn is_reported(error: &ProviderError) -> bool {
    !matches!(error.class, ErrorClass::Malformed | ErrorClass::CutOff)
}

pub(crate) fn not_json(error: &serde_json::Error, text: &str) -> ProviderError {
    let (class, what) = if error.is_eof() {
        (ErrorClass::CutOff, "the JSON stops in the middle")
    } else {
        (ErrorClass::Malformed, "the answer is not JSON")
    };
    ProviderError::new(class, format!("{what}: {error}")).with_raw(text)
}

fn too_long(error: LineTooLong) -> ProviderError {
    ProviderError::new(ErrorClass::Malformed, error.to_string())
}

/// A success that is not JSON. It is wrapped into the same shape as any other error.
pub(crate) async fn not_an_answer(response: &mut Response, what: &str) -> ProviderError {
    let (body, _broken) = response.read(ERROR_BYTES_MAX).await;
    let raw = String::from_utf8_lossy(head_of(&body)).into_owned();
    let title = page_title(&raw).map(|title| format!(" titled {title:?}")).unwrap_or_default();
    let message = format!("status {} with {what}{title} instead of JSON", response.status);
    ProviderError::new(ErrorClass::Malformed, message).with_raw(raw)
}

/// An answer with an error status. A body that broke off is read as far as it came: the status says enough.
pub(crate) async fn error_answer(dialect: &dyn Dialect, response: &mut Response) -> ProviderError {
    explained_error(&|body, raw| dialect.explain(body, raw), response).await
}

/// The same for a body that only a function explains.
pub(crate) async fn explained_error(explain: Explain<'_>, response: &mut Response) -> ProviderError {
    let (body, _broken) = response.read(ERROR_BYTES_MAX).await;
    let text = String::from_utf8_lossy(&body);
    let raw = String::from_utf8_lossy(head_of(&body));
    if let Ok(value) = parse_json(&text) {
        return into_error(response.status, explain(&value, &raw), &response.headers, &raw);
    }
    let message = match (response.content_kind(), page_title(&raw)) {
        (ContentKind::Html, Some(title)) => format!("status {} with an HTML page titled {title:?}", response.status),
        (ContentKind::Html, None) => format!("status {} with an HTML page", response.status),
        (
            ContentKind::Json
            | ContentKind::JsonLines
            | ContentKind::EventStream
            | ContentKind::Missing
            | ContentKind::Other(_),
            _,
        ) => raw.trim().to_owned(),
    };
    let found = ErrorText { message, ..ErrorText::default() };
    let mut error = into_error(response.status, found, &response.headers, &raw);
    // A provider explains an unknown model in JSON. Anything else with a 404 is not at this address.
    if error.class == ErrorClass::ModelNotFound {
        error.class = ErrorClass::Misconfigured;
    }
    error
}

fn page_title(html: &str) -> Option<&str> {
    let (_, after) = html.split_once("<title>")?;
    let (title, _) = after.split_once("</title>")?;
    Some(title.trim()).filter(|title| !title.is_empty())
}
