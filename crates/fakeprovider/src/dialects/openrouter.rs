//! OpenRouter's chat completions: OpenAI's format with comments that keep the connection alive, its own error object, a
//! cost in dollars, and a last chunk that repeats the finish reason. Its video jobs are in `media.rs`.
//!
//! Source: `reference/providers.md`, 1.2 to 1.4 (November 2026).

use serde_json::{Number, Value, json};

use super::openai::{choice, content_events, created, delta, done, finish_word, usage as openai_usage};
use super::{Format, Refused, sentence};
use crate::answer::{Answer, Finish};
use crate::fault::{Refusal, Why};
use crate::log::Usage;
use crate::wire::{Data, Event, Kind};

pub(crate) struct OpenRouter;

/// Nano-dollars for a token, in or out.
pub const COST_NANOUSD_PER_TOKEN: u64 = 1_000;

/// The cost as the decimal number OpenRouter sends, from whole nano-dollars.
pub(crate) fn cost(usage: Usage) -> Value {
    let nanos = (usage.input + usage.output) * COST_NANOUSD_PER_TOKEN;
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

fn usage(usage: Usage) -> Value {
    let mut value = openai_usage(usage);
    value["cost"] = cost(usage);
    value["is_byok"] = false.into();
    value["cost_details"] = json!({"upstream_inference_cost": null});
    value["prompt_tokens_details"]["cache_write_tokens"] = 0.into();
    value
}

/// The class words of `metadata.error_type`.
const fn error_type(refusal: Refusal) -> &'static str {
    match (refusal.why, refusal.status) {
        (Why::ContextTooLong, _) => "context_length_exceeded",
        (Why::ModelGone, _) | (Why::Plain, 404) => "not_found",
        (Why::QuotaExhausted | Why::QuotaPerDay, _) | (Why::Plain, 402) => "insufficient_credits",
        (Why::QuotaPerMinute, _) | (Why::Plain, 429) => "rate_limit_exceeded",
        (Why::Plain, 401) => "authentication",
        (Why::Plain, 403) => "permission_denied",
        (Why::Plain, 408 | 504 | 524) => "timeout",
        (Why::Plain, 413) => "payload_too_large",
        (Why::Plain, 502 | 503) => "provider_unavailable",
        (Why::Plain, 529) => "provider_overloaded",
        (Why::Plain, 500..) => "server",
        (Why::Plain, _) => "invalid_request",
    }
}

impl Format for OpenRouter {
    fn whole(&self, answer: &Answer) -> Value {
        let mut choice = choice(answer);
        choice["native_finish_reason"] = finish_word(answer.finish);
        json!({
            "id": answer.id, "object": "chat.completion", "created": created(answer.order), "model": answer.model,
            "provider": "Fake", "choices": [choice], "usage": usage(answer.usage),
        })
    }

    fn events(&self, answer: &Answer, _wants_usage: bool) -> Vec<Event> {
        let comment =
            || Event { kind: Kind::Frame, name: None, data: Data::Comment("OPENROUTER PROCESSING"), words: 0 };
        let mut events = vec![comment(), comment()];
        events.extend(content_events(answer));
        let mut finish = delta(answer, json!({"role": "assistant", "content": ""}), finish_word(answer.finish));
        if answer.finish == Finish::Failed {
            finish["error"] = json!({"code": 502, "message": "Upstream connection lost"});
        }
        events.push(Event::new(Kind::Finish, finish.clone()));
        finish["usage"] = usage(answer.usage);
        events.push(Event::new(Kind::Usage, finish));
        events.push(done());
        for event in &mut events {
            if let Data::Json(value) = &mut event.data {
                value["provider"] = "Fake".into();
            }
        }
        events
    }

    fn refused(&self, refusal: Refusal, order: u64) -> Refused {
        let status = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => 402,
            Why::Plain | Why::QuotaPerMinute | Why::ContextTooLong | Why::ModelGone => refusal.status,
        };
        let error = json!({
            "code": status, "message": sentence(refusal),
            "metadata": {"error_type": error_type(refusal), "provider_name": "Fake"},
        });
        Refused { status, body: json!({"error": error, "user_id": format!("user_{order}")}) }
    }

    fn error_event(&self, order: u64) -> Event {
        let chunk = json!({
            "id": format!("gen-fake-{order}"), "object": "chat.completion.chunk", "provider": "Fake",
            "error": {"code": "server_error", "message": "Provider disconnected unexpectedly"},
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        });
        Event::new(Kind::Frame, chunk)
    }

    fn response_id(&self, unique: &str) -> String {
        format!("gen-{unique}")
    }

    fn headers(&self, order: u64, response_id: &str) -> Vec<(String, String)> {
        vec![
            ("X-Generation-Id".to_owned(), response_id.to_owned()),
            ("x-request-id".to_owned(), format!("req_fake_{order}")),
        ]
    }
}
