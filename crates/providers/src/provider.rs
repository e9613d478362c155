//! What every provider is to the rest of Copydesk: one call in, one report out. It names no wire format and makes no
//! decision about retries or money. Read next: `error.rs` for what can go wrong, `openai_compatible.rs` for an adapter.

use std::fmt;
use std::time::Duration;

use copydesk_core::CallId;
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::metering::usage::TokenUsage;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::error::ProviderError;
use crate::media::{DrawsPictures, EmbedsText, RunsMediaJobs};
pub use axum::body::Bytes;
pub use copydesk_core::recipe::AnswerShape;

pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// A place that answers model calls.
///
/// Invariant: one `call` is at most one request on the wire. Retrying is the caller's decision, made where the books are.
pub trait Provider: Send + Sync {
    /// The name a model is addressed under, the part before the first `/`.
    fn name(&self) -> &str;

    /// Makes one call. Never fails outside the report: whatever happens, the report says what was sent, used and answered.
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport>;

    /// What is known about its models without asking.
    fn catalogue(&self) -> &Catalogue;

    /// Asks which models it has, in one request that costs nothing and that a wrong key fails. `None` where the format has no
    /// such question. Nothing leaves until the future is polled.
    fn list_models(&self, _call_id: CallId, _timeouts: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        None
    }

    /// Whether its answers say what they cost, so that a call is priced although no list knows its model.
    fn says_what_it_costs(&self) -> bool {
        false
    }

    /// The other things it can do. `None` means that it cannot.
    fn draws_pictures(&self) -> Option<&dyn DrawsPictures> {
        None
    }
    fn embeds_text(&self) -> Option<&dyn EmbedsText> {
        None
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        None
    }
}

/// Where the text goes while it is being written.
pub trait DeltaSink: Send + Sync {
    /// One piece of new text, in order. Called only when the request asked for streaming.
    fn delta(&self, text: &str);
}

/// The sink of a caller who waits for the whole answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl DeltaSink for NoSink {
    fn delta(&self, _text: &str) {}
}

/// One request to a model, in no provider's wire format.
#[derive(Clone, PartialEq, Debug)]
pub struct CallRequest {
    /// The call's row on the books; goes out as header `x-copydesk-call-id`.
    pub call_id: CallId,
    /// The model's name at the provider, that is, without the provider's own name.
    pub model: String,
    pub messages: Vec<Message>,
    /// Units: tokens. `None` leaves the limit to the provider.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f32>,
    /// The shape the answer is to have. A format that cannot say it leaves it out.
    pub shape: AnswerShape,
    /// What the model may ask its caller to do.
    pub tools: Vec<Tool>,
    /// Whether pictures are wanted beside the text, from a model that draws.
    pub pictures: bool,
    pub stream: bool,
    pub timeouts: Timeouts,
}

impl CallRequest {
    /// A plain question: no limits of its own, no tools, not streamed.
    pub fn new(call_id: CallId, model: impl Into<String>, messages: Vec<Message>) -> CallRequest {
        CallRequest {
            call_id,
            model: model.into(),
            messages,
            max_output_tokens: None,
            temperature: None,
            shape: AnswerShape::Free,
            tools: Vec::new(),
            pictures: false,
            stream: false,
            timeouts: Timeouts::default(),
        }
    }
}

/// One turn of the conversation. Its `Debug` shows lengths only: prompts do not belong in logs.
#[derive(Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Part>,
    /// What an assistant's turn asked for.
    pub tool_calls: Vec<ToolCall>,
    /// Which of those a tool's turn answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    pub fn new(role: Role, text: impl Into<String>) -> Message {
        Message { role, content: vec![Part::Text(text.into())], tool_calls: Vec::new(), tool_call_id: None }
    }
    pub fn system(text: impl Into<String>) -> Message {
        Message::new(Role::System, text)
    }
    pub fn user(text: impl Into<String>) -> Message {
        Message::new(Role::User, text)
    }
    pub fn assistant(text: impl Into<String>) -> Message {
        Message::new(Role::Assistant, text)
    }
    /// The text parts, one after the other.
    pub fn text(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Picture(_) => String::new(),
        };
        self.content.iter().map(text).collect()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {} bytes, {} parts)", self.role.as_str(), self.text().len(), self.content.len())
    }
}

/// One part of a message.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Picture(Picture),
}

/// A picture that goes in or comes out. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// For example `image/png`.
    pub media_type: String,
    pub source: PictureSource,
}

impl Picture {
    /// The picture inside a `data:` URL; `None` when it holds none.
    pub fn from_data_url(url: &str) -> Option<Picture> {
        url.starts_with("data:image/").then(|| crate::picture::from_url(url)).flatten()
    }
}

/// Where a picture is.
#[derive(Clone, PartialEq, Eq)]
pub enum PictureSource {
    Bytes(Bytes),
    /// An address the other side fetches it from. Nothing in this crate follows it.
    Url(String),
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Part::Picture(picture) => picture.fmt(f),
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            PictureSource::Bytes(bytes) => write!(f, "Picture({}, {} bytes)", self.media_type, bytes.len()),
            PictureSource::Url(_) => write!(f, "Picture({}, by address)", self.media_type),
        }
    }
}

/// A function the model may ask for, passed through as it was given.
#[derive(Clone, PartialEq, Debug)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// The model asks its caller to run a tool. Copydesk passes it on and never runs anything itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToolCall {
    /// The provider's id for this request; made up from its position where the provider gives none.
    pub id: String,
    pub name: String,
    /// The arguments as JSON text, exactly as the model wrote them; they may not parse.
    pub arguments: String,
    /// What the provider wants back with the call when the conversation goes on, unread: Gemini's signature of its
    /// thoughts, without which it refuses the next turn.
    pub signature: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    System,
    User,
    Assistant,
    /// The result of a tool.
    Tool,
}

impl Role {
    pub const ALL: [Role; 4] = [Self::System, Self::User, Self::Assistant, Self::Tool];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
    pub fn parse(word: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// The four limits on waiting. One single limit could not tell a dead host from a long answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Until the request can be written: name look-up, TCP, TLS.
    pub connect: Duration,
    /// From the request's first byte out to the answer's first byte in.
    pub first_byte: Duration,
    /// Between two pieces of the answer. Keep-alive comments count as pieces.
    pub idle: Duration,
    /// The whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(300),
        }
    }
}

/// Everything one call left behind, whether it worked or not. `T` is what was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct CallReport<T = Answer> {
    pub result: Result<T, ProviderError>,
    /// What the provider reported; also filled when the call failed after usage was reported.
    pub usage: TokenUsage,
    /// `None` when no answer head arrived.
    pub http_status: Option<u16>,
    /// The provider's own name for this request, for its support desk and for later cost look-ups.
    pub provider_request_id: Option<String>,
    /// The model that really answered, where the provider says.
    pub served_model: Option<String>,
    /// Whether the request may have left the socket. `false` is a promise that the provider saw and billed nothing.
    pub sent: bool,
    /// The text received before a failure; `None` when there was none or when the call succeeded.
    pub partial_text: Option<String>,
}

impl<T> CallReport<T> {
    /// The report of a call that never left, for example because its request could not be built.
    pub fn not_sent(error: ProviderError) -> CallReport<T> {
        CallReport {
            result: Err(error),
            usage: TokenUsage::default(),
            http_status: None,
            provider_request_id: None,
            served_model: None,
            sent: false,
            partial_text: None,
        }
    }
}

/// A whole, non-empty answer: text, pictures or tool calls. Whether its [`Finish`] is good enough is the caller's
/// decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub text: String,
    pub pictures: Vec<Picture>,
    pub tool_calls: Vec<ToolCall>,
    pub finish: Finish,
}

impl Answer {
    /// An answer that is text and nothing else.
    pub fn text(text: impl Into<String>, finish: Finish) -> Answer {
        Answer { text: text.into(), pictures: Vec::new(), tool_calls: Vec::new(), finish }
    }

    /// Why an answer that came whole from the wire still is none, for a caller who asked for text. An unknown reason to
    /// stop is no failure; it is for the caller to flag.
    pub fn shortfall(&self) -> Option<Failure> {
        match &self.finish {
            Finish::Length => Some(Failure::new(
                FailureCode::OutputTruncated,
                "The answer was cut off by a length limit before it was complete.",
            )),
            Finish::ContentFilter => {
                Some(Failure::new(FailureCode::Refused, "The provider's filter stopped this answer."))
            }
            Finish::ToolCalls => {
                Some(Failure::new(FailureCode::ProviderBadResponse, "The model asked for a tool instead of answering."))
            }
            Finish::Stop | Finish::Unknown(_) => None,
        }
    }
}

/// Why the model stopped writing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finish {
    Stop,
    /// A length limit cut the text.
    Length,
    /// A filter cut the text.
    ContentFilter,
    /// The model wants a tool called.
    ToolCalls,
    /// A reason this version does not know, in the provider's own word; empty when a whole answer named none.
    Unknown(String),
}

impl Finish {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
            Self::Unknown(word) => word,
        }
    }
    /// Reads the words OpenAI-shaped providers use; anything else is kept as it came.
    pub fn parse(word: &str) -> Finish {
        match word {
            "stop" | "eos" | "end_turn" | "stop_sequence" => Self::Stop,
            "length" | "max_tokens" => Self::Length,
            "content_filter" | "safety" => Self::ContentFilter,
            "tool_calls" | "function_call" | "tool_use" => Self::ToolCalls,
            other => Self::Unknown(other.to_owned()),
        }
    }
}
