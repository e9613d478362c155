//! Replicate's error shape and headers. Its predictions are jobs, in `media.rs`; it has no chat, so a chat answer in this
//! dialect is an OpenAI one.
//!
//! Source: `reference/providers.md`, 1.2 and 1.4 (November 2026).

use serde_json::{Value, json};

use super::openai::OpenAi;
use super::{Format, Refused, sentence};
use crate::answer::Answer;
use crate::fault::{Refusal, Why};
use crate::wire::{Event, reason};

pub(crate) struct Replicate;

impl Format for Replicate {
    fn whole(&self, answer: &Answer) -> Value {
        OpenAi.whole(answer)
    }

    fn events(&self, answer: &Answer, wants_usage: bool) -> Vec<Event> {
        OpenAi.events(answer, wants_usage)
    }

    fn refused(&self, refusal: Refusal, _order: u64) -> Refused {
        let (status, title) = match refusal.why {
            Why::QuotaExhausted | Why::QuotaPerDay => (402, "Insufficient credit"),
            Why::Plain | Why::QuotaPerMinute | Why::ContextTooLong | Why::ModelGone => {
                (refusal.status, reason(refusal.status))
            }
        };
        Refused { status, body: json!({"title": title, "detail": sentence(refusal), "status": status}) }
    }

    fn error_event(&self, order: u64) -> Event {
        OpenAi.error_event(order)
    }

    fn response_id(&self, unique: &str) -> String {
        unique.to_owned()
    }

    fn headers(&self, order: u64, _response_id: &str) -> Vec<(String, String)> {
        vec![("x-request-id".to_owned(), format!("req_fake_{order}"))]
    }
}
