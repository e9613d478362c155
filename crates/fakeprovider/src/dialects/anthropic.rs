//! Anthropic's messages: named events, cumulative usage, and an input figure that leaves the cache out.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use serde_json::{Value, json};

use super::{Format, Refused, sentence};
use crate::answer::{Answer, Finish, words};
use crate::fault::{Refusal, Why};
use crate::log::Usage;
use crate::wire::{Data, Event, Kind};

pub(crate) struct Anthropic;

fn stop_reason(finish: Finish) -> Value {
    match finish {
        Finish::Stop => "end_turn".into(),
        Finish::Length => "max_tokens".into(),
        Finish::Refused | Finish::Filtered => "refusal".into(),
        Finish::Unknown => "cosmic_ray".into(),
        // The format has no such reason; the nearest is one that says nothing good.
        Finish::Failed => "error".into(),
        Finish::Absent => Value::Null,
    }
}

fn usage(usage: Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning.min(output)},
        "service_tier": "standard",
    })
}

fn named(kind: Kind, name: &'static str, mut data: Value) -> Event {
    data["type"] = name.into();
    Event { kind, name: Some(name), data: Data::Json(data), words: 0 }
}

fn error_type(refusal: Refusal, status: u16) -> &'static str {
    match (refusal.why, status) {
        (Why::QuotaExhausted | Why::QuotaPerDay, _) | (_, 402) => "billing_error",
        (_, 401) => "authentication_error",
        (_, 403) => "permission_error",
        (_, 404) => "not_found_error",
        (_, 413) => "request_too_large",
        (_, 429) => "rate_limit_error",
        (_, 504 | 524) => "timeout_error",
        (_, 529) => "overloaded_error",
        (_, 500..) => "api_error",
        (_, _) => "invalid_request_error",
    }
}

fn message(answer: &Answer, content: Value, stop_reason: Value, usage: Value) -> Value {
    json!({
        "id": answer.id, "type": "message", "role": "assistant", "model": answer.model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage,
    })
}

impl Format for Anthropic {
    fn whole(&self, answer: &Answer) -> Value {
        let text = answer.text();
        let content = if text.is_empty() { json!([]) } else { json!([{"type": "text", "text": text}]) };
        message(answer, content, stop_reason(answer.finish), usage(answer.usage, answer.usage.output))
    }

    fn events(&self, answer: &Answer, _wants_usage: bool) -> Vec<Event> {
        // At the start one token of output is on the meter; the last figure counts, the sum would be too much.
        let opening = message(answer, json!([]), Value::Null, usage(answer.usage, 1.min(answer.usage.output)));
        let mut events = vec![
            named(Kind::Frame, "message_start", json!({"message": opening})),
            named(
                Kind::Frame,
                "content_block_start",
                json!({"index": 0, "content_block": {"type": "text", "text": ""}}),
            ),
            named(Kind::Frame, "ping", json!({})),
        ];
        events.extend(answer.pieces.iter().map(|piece| Event {
            words: words(piece),
            ..named(
                Kind::Content,
                "content_block_delta",
                json!({"index": 0, "delta": {"type": "text_delta", "text": piece}}),
            )
        }));
        events.push(named(Kind::Frame, "content_block_stop", json!({"index": 0})));
        let delta = json!({
            "delta": {"stop_reason": stop_reason(answer.finish), "stop_sequence": null},
            "usage": usage(answer.usage, answer.usage.output),
        });
        events.push(named(Kind::Finish, "message_delta", delta));
        events.push(named(Kind::End, "message_stop", json!({})));
        events
    }

    fn refused(&self, refusal: Refusal, order: u64) -> Refused {
        let status = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => 402,
            Why::Plain | Why::QuotaPerMinute | Why::ContextTooLong | Why::ModelGone => refusal.status,
        };
        let message = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => "Your credit balance is too low to access the Anthropic API.",
            Why::ContextTooLong => "prompt is too long: 210000 tokens > 200000 maximum",
            Why::Plain | Why::QuotaPerMinute | Why::ModelGone => sentence(refusal),
        };
        let error = json!({"type": error_type(refusal, status), "message": message});
        Refused { status, body: json!({"type": "error", "error": error, "request_id": format!("req_fake_{order}")}) }
    }

    fn error_event(&self, _order: u64) -> Event {
        named(Kind::Frame, "error", json!({"error": {"type": "overloaded_error", "message": "Overloaded"}}))
    }

    fn response_id(&self, unique: &str) -> String {
        format!("msg_{unique}")
    }

    fn headers(&self, order: u64, _response_id: &str) -> Vec<(String, String)> {
        vec![
            ("request-id".to_owned(), format!("req_fake_{order}")),
            ("anthropic-ratelimit-requests-remaining".to_owned(), "999".to_owned()),
        ]
    }
}
