//! The formats of the providers: which request is which, and how an answer, a stream and an error look in each. They
//! write values, never bytes, and every one is right; what goes wrong is done to them elsewhere.

pub(crate) mod anthropic;
pub(crate) mod fal;
pub(crate) mod gemini;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod openrouter;
pub(crate) mod replicate;

use serde_json::Value;

use crate::answer::Answer;
use crate::fault::Refusal;
use crate::wire::{Event, Style};

/// Whose API a request speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    OpenAi,
    OpenRouter,
    Anthropic,
    Gemini,
    Ollama,
    Replicate,
    Fal,
    /// A file that a job made.
    Asset,
    /// No path the fake knows.
    Unknown,
}

impl Dialect {
    pub const ALL: [Dialect; 9] = [
        Dialect::OpenAi,
        Dialect::OpenRouter,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Ollama,
        Dialect::Replicate,
        Dialect::Fal,
        Dialect::Asset,
        Dialect::Unknown,
    ];

    /// The dialects that answer with text.
    pub const CHAT: [Dialect; 5] =
        [Dialect::OpenAi, Dialect::OpenRouter, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama];

    pub const fn as_str(self) -> &'static str {
        match self {
            Dialect::OpenAi => "openai",
            Dialect::OpenRouter => "openrouter",
            Dialect::Anthropic => "anthropic",
            Dialect::Gemini => "gemini",
            Dialect::Ollama => "ollama",
            Dialect::Replicate => "replicate",
            Dialect::Fal => "fal",
            Dialect::Asset => "asset",
            Dialect::Unknown => "unknown",
        }
    }

    /// What a client of this dialect takes for its base URL, behind the fake's own.
    pub const fn base_path(self) -> &'static str {
        match self {
            Dialect::OpenAi | Dialect::Anthropic | Dialect::Replicate => "/v1",
            Dialect::OpenRouter => "/api/v1",
            Dialect::Gemini => "/v1beta",
            Dialect::Ollama => "/api",
            Dialect::Asset => "/assets",
            Dialect::Fal | Dialect::Unknown => "",
        }
    }

    pub(crate) fn format(self) -> &'static dyn Format {
        match self {
            Dialect::OpenAi | Dialect::Asset | Dialect::Unknown => &openai::OpenAi,
            Dialect::OpenRouter => &openrouter::OpenRouter,
            Dialect::Anthropic => &anthropic::Anthropic,
            Dialect::Gemini => &gemini::Gemini,
            Dialect::Ollama => &ollama::Ollama,
            Dialect::Replicate => &replicate::Replicate,
            Dialect::Fal => &fal::Fal,
        }
    }
}

/// An error answer before its bytes. The status is the dialect's own where it differs from the one asked for.
pub(crate) struct Refused {
    pub status: u16,
    pub body: Value,
}

/// How one dialect writes things down.
pub(crate) trait Format: Send + Sync {
    /// The answer as one body.
    fn whole(&self, answer: &Answer) -> Value;

    /// The answer as a stream. `wants_usage`: the request asked for usage, where the format makes that a choice.
    fn events(&self, answer: &Answer, wants_usage: bool) -> Vec<Event>;

    fn style(&self) -> Style {
        Style::Sse
    }

    fn refused(&self, refusal: Refusal, order: u64) -> Refused;

    /// An error inside a stream whose status was 200.
    fn error_event(&self, order: u64) -> Event;

    /// The id in the body, from what makes it unique; empty where the format has none.
    fn response_id(&self, unique: &str) -> String;

    /// Request ids and the like, on every answer.
    fn headers(&self, order: u64, response_id: &str) -> Vec<(String, String)>;
}

/// The sentence of an error answer.
pub(crate) fn sentence(refusal: Refusal) -> &'static str {
    use crate::fault::Why;
    match refusal.why {
        Why::QuotaExhausted | Why::QuotaPerDay => {
            "You exceeded your current quota, please check your plan and billing details."
        }
        Why::QuotaPerMinute => "Quota exceeded for requests per minute.",
        Why::ContextTooLong => "This model's maximum context length is 8192 tokens. However, your messages are longer.",
        Why::ModelGone => "The model `fake` does not exist or you do not have access to it.",
        Why::Plain => match refusal.status {
            401 => "Incorrect API key provided.",
            402 => "Insufficient credits.",
            403 => "You are not allowed to use this model.",
            404 => "No such thing.",
            413 => "The request is too large.",
            422 => "The request cannot be processed.",
            429 => "Rate limit reached for requests.",
            503 | 529 => "The server is overloaded, try again later.",
            400..=499 => "The request is not valid.",
            _ => "The server had an error while processing your request.",
        },
    }
}
