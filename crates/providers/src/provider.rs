//! What every provider is to the rest of Copydesk: one call in, one report out. It names no wire format and makes no
//! decision about retries or money. Read next: `error.rs` for what can go wrong, `openai_compatible.rs` for an adapter.

use std::fmt;
use std::time::Duration;

use copydesk_core::metering::price::Price;
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{CallId, Timestamp};

use crate::error::ProviderError;

pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// A place that answers model calls.
///
/// Invariant: one `call` is at most one request on the wire. Retrying is the caller's decision, made where the books are.
pub trait Provider: Send + Sync {
    /// The name a model is addressed under, the part before the first `/`.
    fn name(&self) -> &str;

    /// Makes one call. Never fails outside the report: whatever happens, the report says what was sent, used and answered.
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport>;

    /// The price of a model where the provider itself knows it. `None` means unknown, and the call is unpriced.
    fn price(&self, model: &str) -> Option<Price>;

    /// The price of a model at the instant of a call, for a provider whose prices have days.
    fn price_at(&self, model: &str, _at: Timestamp) -> Option<Price> {
        self.price(model)
    }

    /// Models whose price is on a list. Others may exist, and a listed one may be gone.
    fn priced_models(&self) -> Vec<String> {
        Vec::new()
    }

    /// The models this provider is known to have, without options. Empty means any name may exist.
    fn models(&self) -> Vec<String>;
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
    /// The shape the answer must have, where the provider can enforce one.
    pub json_schema: Option<serde_json::Value>,
    pub stream: bool,
    pub timeouts: Timeouts,
}

/// One turn of the conversation. Its `Debug` shows the length only: prompts do not belong in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

impl Message {
    pub fn system(content: impl Into<String>) -> Message {
        Message { role: Role::System, content: content.into() }
    }
    pub fn user(content: impl Into<String>) -> Message {
        Message { role: Role::User, content: content.into() }
    }
    pub fn assistant(content: impl Into<String>) -> Message {
        Message { role: Role::Assistant, content: content.into() }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {} bytes)", self.role.as_str(), self.content.len())
    }
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    pub const ALL: [Role; 3] = [Self::System, Self::User, Self::Assistant];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
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

/// Everything one call left behind, whether it worked or not.
#[derive(Clone, PartialEq, Debug)]
pub struct CallReport {
    pub result: Result<Answer, ProviderError>,
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

impl CallReport {
    /// The report of a call that never left, for example because its request could not be built.
    pub fn not_sent(error: ProviderError) -> CallReport {
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

/// A whole, non-empty answer. Whether its [`Finish`] is good enough is the caller's decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub text: String,
    pub finish: Finish,
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
