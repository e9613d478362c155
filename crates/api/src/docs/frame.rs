//! What is around every page: its head, its way home, the headers that let it be kept and nothing else be loaded.

use super::escaped;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("style.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Something to read that stays the same until the program changes. Clones share the text.
#[derive(Clone)]
pub(crate) struct Page {
    media_type: &'static str,
    text: Bytes,
    tag: String,
}

impl Page {
    pub fn new(media_type: &'static str, text: String) -> Page {
        let hash = Sha256::digest(text.as_bytes());
        let tag = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>();
        Page { media_type, text: text.into(), tag: format!("\"{tag}\"") }
    }

    pub fn html(title: &str, here: &str, aside: &str, main: &str) -> Page {
        let link = |to: &str, word: &str| {
            let current = if to == here { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"{to}\"{current}>{word}</a>")
        };
        let text = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the text</a>\n\
             <header class=\"top\"><a class=\"brand\" href=\"/docs\">Copydesk</a><nav aria-label=\"Documents\">{}{}{}</nav></header>\n\
             <div class=\"page\">{aside}<main id=\"main\">{main}</main></div>\n</body>\n</html>\n",
            link("/docs", "Reference"),
            link("/docs/errors", "Errors"),
            link("/openapi.json", "OpenAPI"),
            title = escaped(title),
        );
        Page::new("text/html; charset=utf-8", text)
    }

    /// The page, or 304 when the caller has exactly this one.
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let kept = [
            (ETAG, self.tag.as_str()),
            (CACHE_CONTROL, "no-cache"),
            (VARY, "accept"),
            (CONTENT_SECURITY_POLICY, POLICY),
        ];
        if crate::extract::etag::none_match(headers, &self.tag) {
            return (StatusCode::NOT_MODIFIED, kept).into_response();
        }
        (kept, [(CONTENT_TYPE, self.media_type)], self.text.clone()).into_response()
    }
}
