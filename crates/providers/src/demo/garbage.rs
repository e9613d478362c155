//! The demo model `garbage`: every broken answer seen in the wild, by name. It exists to be refused.

use serde_json::json;

use super::models::{Reply, error_body};
use super::request::Asked;
use super::writer;

/// The kinds, as option `kind` names them; an unknown one is explained by a 400.
pub(crate) const KINDS: [&str; 11] =
    ["html", "cut", "string", "empty", "error200", "array", "midstream", "nofinish", "length", "refuse", "badjson"];

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>Bad gateway</h1>\
    <script>alert('this must never be shown')</script></body></html>\n";

pub(crate) fn reply(asked: &Asked) -> Reply {
    let raw = |status, content_type, body: String| Reply::Raw { status, content_type, retry_after_s: None, body };
    let json = "application/json";
    let overloaded = || error_body("The demo model is overloaded.", "overloaded_error", "provider_overloaded");
    match asked.option("kind").unwrap_or("html") {
        "html" => raw(200, "text/html; charset=utf-8", PAGE.to_owned()),
        "cut" => {
            let whole = json!({"id": "demo", "choices": [{"index": 0, "message": {"content": writer::write(asked)}}]})
                .to_string();
            raw(200, json, crate::error::cut(&whole, whole.len() / 2))
        }
        "string" => raw(500, json, json!({"error": "The demo model ran out of ink."}).to_string()),
        "empty" => raw(200, json, String::new()),
        "error200" => raw(200, json, overloaded()),
        "array" => raw(503, json, format!("[{}]", overloaded())),
        "midstream" => Reply::ErrorAfter { text: writer::write(asked) },
        "nofinish" => Reply::NoFinish { text: writer::write(asked) },
        "length" => {
            let text = writer::write(asked);
            Reply::Answer { text: crate::error::cut(&text, text.len() / 2), finish: "length" }
        }
        "refuse" => Reply::Refusal { text: "I cannot help with that.".to_owned() },
        "badjson" => {
            Reply::Answer { text: "{\"title\": \"Almost\", \"topics\": [{\"heading\": ".to_owned(), finish: "stop" }
        }
        unknown => {
            let message = format!("garbage knows no kind {unknown:?}; there are: {}", KINDS.join(", "));
            raw(400, json, error_body(&message, "invalid_request_error", "invalid_request"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_kind_exists_and_an_unknown_one_lists_them() {
        let of = |kind: &str| {
            let body = format!(r#"{{"model":"garbage?kind={kind}","messages":[]}}"#);
            reply(&Asked::read(body.as_bytes()).unwrap())
        };
        let is_unknown = |reply: Reply| matches!(reply, Reply::Raw { status: 400, .. });
        assert!(KINDS.iter().all(|kind| !is_unknown(of(kind))));
        assert!(is_unknown(of("nonsense")));
    }
}
