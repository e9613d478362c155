//! fal's error shapes and headers. Its queue is in `media.rs`; it has no chat, so a chat answer in this dialect is an
//! OpenAI one.
//!
//! Source: `reference/providers.md`, 1.2 and 1.4 (November 2026).

use serde_json::{Value, json};

use super::openai::OpenAi;
use super::{Format, Refused, sentence};
use crate::answer::Answer;
use crate::fault::{Refusal, Why};
use crate::wire::Event;

pub(crate) struct Fal;

impl Format for Fal {
    fn whole(&self, answer: &Answer) -> Value {
        OpenAi.whole(answer)
    }

    fn events(&self, answer: &Answer, wants_usage: bool) -> Vec<Event> {
        OpenAi.events(answer, wants_usage)
    }

    /// 422 has the list of validation errors, the rest one text.
    fn refused(&self, refusal: Refusal, _order: u64) -> Refused {
        let (status, text) = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => (403, "User is locked. Reason: Exhausted balance."),
            Why::Plain | Why::QuotaPerMinute | Why::ContextTooLong | Why::ModelGone => {
                (refusal.status, sentence(refusal))
            }
        };
        let detail = match status {
            422 => json!([{"loc": ["body", "prompt"], "msg": text, "type": "value_error"}]),
            _ => json!(text),
        };
        Refused { status, body: json!({"detail": detail, "error_type": error_type(status)}) }
    }

    fn error_event(&self, order: u64) -> Event {
        OpenAi.error_event(order)
    }

    fn response_id(&self, unique: &str) -> String {
        unique.to_owned()
    }

    fn headers(&self, order: u64, _response_id: &str) -> Vec<(String, String)> {
        vec![("x-fal-request-id".to_owned(), format!("req_fake_{order}"))]
    }
}

pub(crate) const fn error_type(status: u16) -> &'static str {
    match status {
        401 | 403 => "forbidden",
        404 => "not_found",
        408 | 504 | 524 => "request_timeout",
        429 => "rate_limited",
        500.. => "internal_server_error",
        _ => "bad_request",
    }
}
