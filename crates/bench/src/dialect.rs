//! The bytes of one answer in each chat format, made once: a whole answer, and a stream in equal pieces. It opens no
//! connection. Read next: `loopback.rs`, which sends them.

use copydesk_providers::{Anthropic, Gemini, HttpClient, Ollama, OpenAiCompatible, OpenRouter, Provider, Secret};
use serde_json::{Value, json};
use std::sync::Arc;

/// The text of a whole answer. Units: about 1 KB.
const SENTENCE: &str = "The harbour wakes before the town does, and the gulls know it. ";
const SENTENCES: usize = 16;
/// The text of one piece of a stream.
const PIECE: &str = " and the gulls know";
const MODEL: &str = "harbour-70b-instruct";

/// The chat formats there is an adapter for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    OpenAiCompatible,
    OpenRouter,
    Anthropic,
    Gemini,
    Ollama,
}

/// A streamed answer: its head and first events, one piece of text that is sent many times, and its end. Each is framed
/// for a chunked transfer.
#[derive(Clone, Debug)]
pub struct Stream {
    pub begin: Vec<u8>,
    pub piece: Vec<u8>,
    pub end: Vec<u8>,
}

impl Dialect {
    pub const ALL: [Dialect; 5] =
        [Self::OpenAiCompatible, Self::OpenRouter, Self::Anthropic, Self::Gemini, Self::Ollama];

    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiCompatible => "openai-compatible",
            Self::OpenRouter => "openrouter",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// The adapter of this format, pointed at a server.
    pub fn adapter(self, base_url: &str, http: HttpClient) -> Arc<dyn Provider> {
        let key = Some(Secret::new("sk-bench-0123456789abcdef0123456789abcdef"));
        match self {
            Self::OpenAiCompatible => Arc::new(OpenAiCompatible::new("bench", base_url, http).with_api_key(key)),
            Self::OpenRouter => Arc::new(OpenRouter::new("bench", base_url, http).with_api_key(key)),
            Self::Anthropic => Arc::new(Anthropic::new("bench", base_url, http).with_api_key(key)),
            Self::Gemini => Arc::new(Gemini::new("bench", base_url, http).with_api_key(key)),
            Self::Ollama => Arc::new(Ollama::new("bench", base_url, http).with_api_key(key)),
        }
    }

    /// Head and body of a whole answer.
    pub fn answer(self) -> Vec<u8> {
        let body = self.whole(&SENTENCE.repeat(SENTENCES)).to_string();
        let length = format!("content-length: {}\r\n", body.len());
        format!("{}{body}", head("application/json", &length)).into_bytes()
    }

    /// A streamed answer.
    pub fn stream(self) -> Stream {
        let kind = match self {
            Self::OpenAiCompatible | Self::OpenRouter | Self::Anthropic | Self::Gemini => "text/event-stream",
            Self::Ollama => "application/x-ndjson",
        };
        let head = head(kind, "transfer-encoding: chunked\r\n");
        let framed = |events: &[Value]| -> String { events.iter().map(|event| chunk(&self.event(event))).collect() };
        let mut end = framed(&self.last_events());
        if matches!(self, Self::OpenAiCompatible | Self::OpenRouter) {
            end += &chunk("data: [DONE]\n\n");
        }
        Stream {
            begin: (head + &framed(&self.first_events())).into_bytes(),
            piece: framed(&[self.piece()]).into_bytes(),
            end: (end + "0\r\n\r\n").into_bytes(),
        }
    }

    /// One event as it is written in a stream of this format.
    fn event(self, event: &Value) -> String {
        match self {
            Self::OpenAiCompatible | Self::OpenRouter | Self::Gemini => format!("data: {event}\n\n"),
            Self::Anthropic => format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()),
            Self::Ollama => format!("{event}\n"),
        }
    }

    fn whole(self, text: &str) -> Value {
        match self {
            Self::OpenAiCompatible | Self::OpenRouter => json!({
                "id": "gen-1730000000-abc", "provider": "DeepInfra", "model": MODEL, "object": "chat.completion",
                "created": 1_730_000_000,
                "choices": [{"logprobs": null, "finish_reason": "stop", "native_finish_reason": "stop", "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": null}}],
                "usage": openai_usage(),
            }),
            Self::Anthropic => json!({
                "id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "model": MODEL,
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
                "usage": {"input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100,
                    "output_tokens": 240},
            }),
            Self::Gemini => gemini(text, Some("STOP")),
            Self::Ollama => ollama(text, true),
        }
    }

    fn first_events(self) -> Vec<Value> {
        match self {
            Self::Anthropic => vec![
                json!({"type": "message_start", "message": {
                    "id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "model": MODEL,
                    "content": [], "stop_reason": null, "stop_sequence": null,
                    "usage": {"input_tokens": 25, "cache_read_input_tokens": 100, "output_tokens": 1}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ],
            Self::OpenAiCompatible | Self::OpenRouter | Self::Gemini | Self::Ollama => Vec::new(),
        }
    }

    fn piece(self) -> Value {
        match self {
            Self::OpenAiCompatible | Self::OpenRouter => openai_piece(PIECE, None),
            Self::Anthropic => json!({
                "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": PIECE}}),
            Self::Gemini => gemini(PIECE, None),
            Self::Ollama => ollama(PIECE, false),
        }
    }

    fn last_events(self) -> Vec<Value> {
        match self {
            Self::OpenAiCompatible | Self::OpenRouter => {
                let mut last = openai_piece("", Some("stop"));
                last["usage"] = openai_usage();
                vec![last]
            }
            Self::Anthropic => vec![
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                    "usage": {"output_tokens": 240}}),
                json!({"type": "message_stop"}),
            ],
            Self::Gemini => vec![gemini("", Some("STOP"))],
            Self::Ollama => vec![ollama("", true)],
        }
    }
}

fn openai_usage() -> Value {
    json!({"prompt_tokens": 120, "completion_tokens": 240, "total_tokens": 360, "cost": 0.00014,
        "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 30}})
}

fn openai_piece(text: &str, finish: Option<&str>) -> Value {
    json!({
        "id": "gen-1730000000-abc", "provider": "DeepInfra", "model": MODEL, "object": "chat.completion.chunk",
        "created": 1_730_000_000,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish,
            "native_finish_reason": finish, "logprobs": null}],
    })
}

fn gemini(text: &str, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": [{"text": text}], "role": "model"}, "index": 0});
    if let Some(word) = finish {
        candidate["finishReason"] = word.into();
    }
    json!({
        "candidates": [candidate], "modelVersion": MODEL, "responseId": "Il0taoSYJ5Cez7IP",
        "usageMetadata": {"promptTokenCount": 120, "candidatesTokenCount": 18, "totalTokenCount": 138,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 120}]},
    })
}

fn ollama(text: &str, done: bool) -> Value {
    let mut line = json!({
        "model": MODEL, "created_at": "2026-11-02T08:52:19.385406455Z", "done": done,
        "message": {"role": "assistant", "content": text},
    });
    if done {
        line["done_reason"] = "stop".into();
        line["prompt_eval_count"] = 26.into();
        line["eval_count"] = 298.into();
    }
    line
}

/// The head of an answer, with as many headers as providers send.
fn head(kind: &str, framing: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ndate: Sun, 22 Nov 2026 06:00:00 GMT\r\ncontent-type: {kind}\r\n{framing}\
         server: cloudflare\r\nx-request-id: req_011CSHoEeqs5C35K2UUqR7Fy\r\ncache-control: no-cache\r\n\
         x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n\
         x-ratelimit-reset-requests: 6ms\r\nvary: origin\r\nconnection: keep-alive\r\n\r\n"
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
