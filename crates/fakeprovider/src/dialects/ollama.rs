//! Ollama's native chat: lines of JSON, durations in nanoseconds, and errors that are one text.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use serde_json::{Value, json};

use super::openai::finish_word;
use super::{Format, Refused, sentence};
use crate::answer::{Answer, words};
use crate::fault::{Refusal, Why};
use crate::wire::{Event, Kind, Style};

pub(crate) struct Ollama;

/// A fixed moment, with the nanoseconds Ollama writes.
const CREATED_AT: &str = "2026-11-22T10:00:00.123456789Z";

fn line(answer: &Answer, text: &str) -> Value {
    json!({
        "model": answer.model, "created_at": CREATED_AT,
        "message": {"role": "assistant", "content": text}, "done": false,
    })
}

fn last(answer: &Answer, text: &str) -> Value {
    let mut value = line(answer, text);
    value["done"] = true.into();
    value["done_reason"] = finish_word(answer.finish);
    value["prompt_eval_count"] = answer.usage.input.into();
    value["eval_count"] = answer.usage.output.into();
    for (name, nanoseconds) in [
        ("total_duration", 5_191_566_416_u64),
        ("load_duration", 2_154_458),
        ("prompt_eval_duration", 383_809_000),
        ("eval_duration", 4_799_921_000),
    ] {
        value[name] = nanoseconds.into();
    }
    value
}

impl Format for Ollama {
    fn whole(&self, answer: &Answer) -> Value {
        last(answer, &answer.text())
    }

    fn events(&self, answer: &Answer, _wants_usage: bool) -> Vec<Event> {
        let mut events: Vec<Event> = answer
            .pieces
            .iter()
            .map(|piece| Event { words: words(piece), ..Event::new(Kind::Content, line(answer, piece)) })
            .collect();
        events.push(Event::new(Kind::Finish, last(answer, "")));
        events
    }

    fn style(&self) -> Style {
        Style::NdJson
    }

    fn refused(&self, refusal: Refusal, _order: u64) -> Refused {
        let sentence = match refusal.why {
            // What ollama.com says; a server of one's own knows no quota.
            Why::QuotaExhausted | Why::QuotaPerDay => {
                "you have reached your weekly usage limit, upgrade for higher limits"
            }
            Why::Plain | Why::QuotaPerMinute | Why::ContextTooLong | Why::ModelGone => sentence(refusal),
        };
        Refused { status: refusal.status, body: json!({"error": sentence}) }
    }

    fn error_event(&self, _order: u64) -> Event {
        Event::new(Kind::Frame, json!({"error": "an error was encountered while running the model: CUDA error"}))
    }

    fn response_id(&self, _unique: &str) -> String {
        String::new()
    }

    fn headers(&self, _order: u64, _response_id: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// `GET /api/tags`.
pub(crate) fn tags() -> Value {
    let model = |name: &str| {
        json!({
            "name": name, "model": name, "modified_at": CREATED_AT, "size": 2_019_393_189_u64, "digest": "fa4e",
            "details": {"format": "gguf", "family": "fake", "parameter_size": "3B", "quantization_level": "Q4_K_M"},
        })
    };
    json!({"models": [model("fake:latest"), model("fake:small")]})
}
