//! Gemini's `generateContent` and its stream: usage in every chunk, thoughts counted apart from the candidates, and a
//! blocked prompt that is a 200 without candidates.
//!
//! Source: `reference/providers.md`, 1.2 and 1.3 (November 2026).

use serde_json::{Value, json};

use super::{Format, Refused, sentence};
use crate::answer::{Answer, Finish, words};
use crate::fault::{Refusal, Why};
use crate::log::Usage;
use crate::media::PNG_BASE64;
use crate::wire::{Event, Kind};

pub(crate) struct Gemini;

fn finish_reason(finish: Finish) -> Value {
    match finish {
        Finish::Stop => "STOP".into(),
        Finish::Length => "MAX_TOKENS".into(),
        Finish::Filtered | Finish::Refused => "SAFETY".into(),
        Finish::Unknown => "COSMIC_RAY".into(),
        Finish::Failed => "OTHER".into(),
        Finish::Absent => Value::Null,
    }
}

/// `candidates` are the output tokens written so far, without thoughts.
fn usage(usage: Usage, candidates: u64) -> Value {
    let mut value = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.input + candidates + usage.reasoning,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    });
    if usage.cached > 0 {
        value["cachedContentTokenCount"] = usage.cached.into();
    }
    value
}

fn response(answer: &Answer, text: &str, finish: Value, candidates: u64) -> Value {
    let mut value = json!({
        "responseId": answer.id, "modelVersion": answer.model, "usageMetadata": usage(answer.usage, candidates),
    });
    if answer.finish == Finish::Refused {
        value["promptFeedback"] = json!({"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []});
        return value;
    }
    let parts = if text.is_empty() { json!([]) } else { json!([{"text": text}]) };
    value["candidates"] = json!([{"index": 0, "content": {"role": "model", "parts": parts}}]);
    if !finish.is_null() {
        value["candidates"][0]["finishReason"] = finish;
    }
    value
}

/// An image as a part of the answer.
pub(crate) fn image(answer: &Answer) -> Value {
    let mut value = response(answer, &answer.text(), finish_reason(answer.finish), visible(answer));
    if answer.finish == Finish::Stop {
        value["candidates"][0]["content"]["parts"] =
            json!([{"inlineData": {"mimeType": "image/png", "data": PNG_BASE64}}]);
    }
    value
}

const fn visible(answer: &Answer) -> u64 {
    answer.usage.output - answer.usage.reasoning
}

const fn status_word(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        402 | 403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        408 | 504 | 524 => "DEADLINE_EXCEEDED",
        _ => "UNAVAILABLE",
    }
}

fn quota(period: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": format!("GenerateRequests{period}PerProjectPerModel-FreeTier"),
            "quotaDimensions": {"location": "global"}, "quotaValue": "20",
        }],
    })
}

impl Format for Gemini {
    fn whole(&self, answer: &Answer) -> Value {
        response(answer, &answer.text(), finish_reason(answer.finish), visible(answer))
    }

    fn events(&self, answer: &Answer, _wants_usage: bool) -> Vec<Event> {
        if answer.finish == Finish::Refused {
            return vec![Event::new(Kind::Finish, self.whole(answer))];
        }
        let mut written = 0;
        let mut events = Vec::new();
        for piece in &answer.pieces {
            written += words(piece);
            let data = response(answer, piece, Value::Null, written);
            events.push(Event { words: words(piece), ..Event::new(Kind::Content, data) });
        }
        let last = response(answer, "", finish_reason(answer.finish), visible(answer));
        events.push(Event::new(Kind::Finish, last));
        events
    }

    fn refused(&self, refusal: Refusal, _order: u64) -> Refused {
        let details = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => json!([quota("PerDay")]),
            Why::QuotaPerMinute => json!([
                quota("PerMinute"),
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
            ]),
            Why::Plain | Why::ContextTooLong | Why::ModelGone => json!([]),
        };
        let message = match refusal.why {
            Why::ContextTooLong => {
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
            }
            Why::Plain | Why::QuotaExhausted | Why::QuotaPerDay | Why::QuotaPerMinute | Why::ModelGone => {
                sentence(refusal)
            }
        };
        let status = refusal.status;
        let error = json!({"code": status, "message": message, "status": status_word(status), "details": details});
        Refused { status, body: json!({"error": error}) }
    }

    fn error_event(&self, _order: u64) -> Event {
        let error = json!({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"});
        Event::new(Kind::Frame, json!({"error": error}))
    }

    fn response_id(&self, unique: &str) -> String {
        format!("resp-{unique}")
    }

    fn headers(&self, order: u64, _response_id: &str) -> Vec<(String, String)> {
        vec![("x-request-id".to_owned(), format!("req_fake_{order}"))]
    }
}
