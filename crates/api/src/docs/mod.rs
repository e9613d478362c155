//! What people read: the reference at `/docs`, made from the OpenAPI document, and the pages of the error codes. Plain HTML
//! out of the binary: no script, nothing from elsewhere. `reference.rs` is the long page, `frame.rs` what is around all.

pub(crate) mod errors;
mod frame;
mod markdown;
mod operation;
pub(crate) mod reference;
mod sample;
mod schema;
pub(crate) mod security;

pub(crate) use frame::{Page, STYLE};

use crate::error::Code;
use serde_json::Value;

/// The codes an operation can answer, by their status.
fn errors_of(document: &Value, operation: &Value) -> Vec<Code> {
    let answers = operation["responses"].as_object().into_iter().flatten();
    let shared = answers.filter_map(|(_, answer)| document.pointer(answer["$ref"].as_str()?.trim_start_matches('#')));
    let words = shared.filter_map(|answer| {
        answer["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"].as_array()
    });
    words.flatten().filter_map(|word| Code::parse(word.as_str()?)).collect()
}

/// Text as it may stand in HTML, also in an attribute between double quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            plain => safe.push(plain),
        }
        safe
    })
}

/// What a language model or a person in a hurry should know, and where the rest is.
pub(crate) fn llms(public_url: &str) -> String {
    format!(
        "# Copydesk\n\n\
         > The generation server between an application and the AI models: a request is recorded, waits its turn, and is\n\
         > answered with exactly one result, every token on the books and every credit accounted for.\n\n\
         Base of the API: {public_url}/api/v1, `Authorization: Bearer KEY`, JSON in and out.\n\
         Ask for work with `POST /api/v1/generations` and an `Idempotency-Key`; `Prefer: wait=30` waits for the result.\n\
         Every refusal is `application/problem+json` with a stable `code`, a `hint` and `retryable`.\n\n\
         ## Documents\n\n\
         - [OpenAPI 3.1]({public_url}/openapi.json): every route, schema, error code and example\n\
         - [Reference]({public_url}/docs): the same for people\n\
         - [Error codes]({public_url}/docs/errors): each at {public_url}/docs/errors/CODE, as Markdown unless HTML is asked for\n"
    )
}
