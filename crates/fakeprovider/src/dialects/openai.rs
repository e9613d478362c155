//! OpenAI's chat completions, images, embeddings and list of models.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use serde_json::{Value, json};

use super::{Format, Refused, sentence};
use crate::answer::{Answer, Finish, input_words};
use crate::fault::{Refusal, Why};
use crate::log::Usage;
use crate::media::PNG_BASE64;
use crate::wire::{Data, Event, Kind};

pub(crate) struct OpenAi;

/// Seconds since 1970; the order makes it rise.
pub(super) fn created(order: u64) -> u64 {
    1_790_000_000 + order
}

/// OpenAI's word for an end, which Ollama uses too. A refusal has none.
pub(super) fn finish_word(finish: Finish) -> Value {
    match finish {
        Finish::Stop | Finish::Refused => "stop".into(),
        Finish::Length => "length".into(),
        Finish::Filtered => "content_filter".into(),
        Finish::Unknown => "cosmic_ray".into(),
        Finish::Failed => "error".into(),
        Finish::Absent => Value::Null,
    }
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

pub(super) fn message(answer: &Answer) -> Value {
    if answer.finish == Finish::Refused {
        return json!({"role": "assistant", "content": null, "refusal": answer.text()});
    }
    json!({"role": "assistant", "content": answer.text(), "refusal": null})
}

pub(super) fn choice(answer: &Answer) -> Value {
    let mut choice = json!({
        "index": 0, "message": message(answer), "logprobs": null, "finish_reason": finish_word(answer.finish),
    });
    if answer.finish == Finish::Failed {
        choice["error"] = json!({"code": 502, "message": "Upstream connection lost"});
    }
    choice
}

/// One chunk. `choices` as they are.
fn chunk(answer: &Answer, choices: Value) -> Value {
    json!({
        "id": answer.id, "object": "chat.completion.chunk", "created": created(answer.order),
        "model": answer.model, "service_tier": "default", "system_fingerprint": "fp_fake", "choices": choices,
    })
}

pub(super) fn delta(answer: &Answer, delta: Value, finish: Value) -> Value {
    chunk(answer, json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]))
}

/// The chunks with text, the first with the role in front.
pub(super) fn content_events(answer: &Answer) -> Vec<Event> {
    let field = if answer.finish == Finish::Refused { "refusal" } else { "content" };
    let first = delta(answer, json!({"role": "assistant", "content": ""}), Value::Null);
    let mut events = vec![Event::new(Kind::Frame, first)];
    events.extend(answer.pieces.iter().map(|piece| Event {
        words: crate::answer::words(piece),
        ..Event::new(Kind::Content, delta(answer, json!({field: piece}), Value::Null))
    }));
    events
}

pub(super) fn done() -> Event {
    Event { kind: Kind::End, name: None, data: Data::Text("[DONE]".to_owned()), words: 0 }
}

impl Format for OpenAi {
    fn whole(&self, answer: &Answer) -> Value {
        json!({
            "id": answer.id, "object": "chat.completion", "created": created(answer.order), "model": answer.model,
            "choices": [choice(answer)], "usage": usage(answer.usage),
            "service_tier": "default", "system_fingerprint": "fp_fake",
        })
    }

    fn events(&self, answer: &Answer, wants_usage: bool) -> Vec<Event> {
        let mut events = content_events(answer);
        events.push(Event::new(Kind::Finish, delta(answer, json!({}), finish_word(answer.finish))));
        if wants_usage {
            let mut last = chunk(answer, json!([]));
            last["usage"] = usage(answer.usage);
            events.push(Event::new(Kind::Usage, last));
        }
        events.push(done());
        events
    }

    fn refused(&self, refusal: Refusal, _order: u64) -> Refused {
        let (kind, code): (&str, Value) = match (refusal.why, refusal.status) {
            (Why::QuotaExhausted | Why::QuotaPerDay, _) => ("insufficient_quota", "insufficient_quota".into()),
            (Why::QuotaPerMinute, _) | (Why::Plain, 429) => ("requests", "rate_limit_exceeded".into()),
            (Why::ContextTooLong, _) => ("invalid_request_error", "context_length_exceeded".into()),
            (Why::ModelGone, _) => ("invalid_request_error", "model_not_found".into()),
            (Why::Plain, 401) => ("invalid_request_error", "invalid_api_key".into()),
            (Why::Plain, 503 | 529) => ("service_unavailable_error", "server_is_overloaded".into()),
            (Why::Plain, 500..) => ("server_error", Value::Null),
            (Why::Plain, _) => ("invalid_request_error", Value::Null),
        };
        let error = json!({"message": sentence(refusal), "type": kind, "param": null, "code": code});
        Refused { status: refusal.status, body: json!({"error": error}) }
    }

    fn error_event(&self, _order: u64) -> Event {
        let error = json!({
            "message": "The server had an error while processing your request.",
            "type": "server_error", "param": null, "code": null,
        });
        Event::new(Kind::Frame, json!({"error": error}))
    }

    fn response_id(&self, unique: &str) -> String {
        format!("chatcmpl-{unique}")
    }

    fn headers(&self, order: u64, _response_id: &str) -> Vec<(String, String)> {
        [
            ("x-request-id", format!("req_fake_{order}")),
            ("openai-processing-ms", "12".to_owned()),
            ("x-ratelimit-limit-requests", "10000".to_owned()),
            ("x-ratelimit-remaining-requests", "9999".to_owned()),
            ("x-ratelimit-reset-requests", "6ms".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// What an image costs; the same for each, so that a test can multiply.
pub const IMAGE_TOKENS: u64 = 272;

/// `POST /v1/images/generations`.
pub(crate) fn images(body: &Value, order: u64) -> (Value, Usage) {
    let count = body["n"].as_u64().unwrap_or(1).clamp(1, 10);
    let usage = Usage { input: input_words(body), output: IMAGE_TOKENS * count, ..Usage::default() };
    let data: Vec<Value> = (0..count).map(|_| json!({"b64_json": PNG_BASE64})).collect();
    let value = json!({
        "created": created(order), "data": data, "background": "opaque", "output_format": "png",
        "quality": "low", "size": "1024x1024",
        "usage": {
            "input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.input + usage.output,
            "input_tokens_details": {"text_tokens": usage.input, "image_tokens": 0},
        },
    });
    (value, usage)
}

/// `POST /v1/embeddings`: eight numbers for each text.
pub(crate) fn embeddings(body: &Value, model: &str) -> (Value, Usage) {
    let texts = body["input"].as_array().map_or(1, Vec::len);
    let usage = Usage { input: input_words(body), ..Usage::default() };
    let vector = [0.125, -0.25, 0.5, 0.0, 0.75, -0.125, 0.25, -0.5];
    let data: Vec<Value> =
        (0..texts).map(|index| json!({"object": "embedding", "index": index, "embedding": vector})).collect();
    let value = json!({
        "object": "list", "data": data, "model": model,
        "usage": {"prompt_tokens": usage.input, "total_tokens": usage.input},
    });
    (value, usage)
}

/// `GET /v1/models`.
pub(crate) fn models() -> Value {
    let model = |id: &str| json!({"id": id, "object": "model", "created": created(0), "owned_by": "fake"});
    json!({"object": "list", "data": [model("fake-large"), model("fake-small")]})
}
