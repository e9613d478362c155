//! Revisions as ETags: a change names the revision it was made for, so that two tabs never overwrite each other. Who asks
//! for what he has is told so.

use crate::error::Code;
use crate::problem::Problem;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

/// The tag of a revision, with its quotes.
pub(crate) fn tag(revision: i64) -> String {
    format!("\"{revision}\"")
}

pub(crate) fn etag(revision: i64) -> HeaderValue {
    // Digits between quotes are always a header value.
    HeaderValue::from_str(&tag(revision)).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The revision of `If-Match`; `None` when there is no such header or it says `*`.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    match revision(text) {
        Some(revision) => Ok(Some(revision)),
        None => Err(Problem::new(Code::BadHeader, "The If-Match header is not an ETag of this API, such as \"3\".")
            .hint("Send the ETag header of the last answer as it is.")),
    }
}

/// The same for changes that may not be made blindly: the header must be there.
pub(crate) fn must_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    if headers.contains_key(IF_MATCH) {
        return if_match(headers);
    }
    Err(Problem::new(Code::IfMatchRequired, "This change must say which revision it was made for.")
        .hint("Send the ETag of what you read as `If-Match`, or `If-Match: *` to overwrite whatever is there."))
}

/// Whether the caller has what this tag, quotes included, stands for already.
pub(crate) fn none_match(headers: &HeaderMap, current: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || strong(tag) == current)
}

fn revision(tag: &str) -> Option<i64> {
    strong(tag).strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// Proxies that compress mark a tag as weak; what it stands for is the same.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(text))])
    }

    #[test]
    fn a_change_names_its_revision() {
        assert_eq!(if_match(&headers(IF_MATCH, "\"7\"")).unwrap(), Some(7));
        assert_eq!(if_match(&headers(IF_MATCH, "W/\"7\"")).unwrap(), Some(7));
        assert_eq!(must_match(&headers(IF_MATCH, "*")).unwrap(), None);
        assert_eq!(must_match(&HeaderMap::new()).unwrap_err().code(), Code::IfMatchRequired);
        assert_eq!(if_match(&headers(IF_MATCH, "7")).unwrap_err().code(), Code::BadHeader);
    }

    #[test]
    fn a_reader_with_the_revision_needs_no_body() {
        assert!(none_match(&headers(IF_NONE_MATCH, "\"3\", W/\"4\""), "\"4\""));
        assert!(!none_match(&headers(IF_NONE_MATCH, "\"3\""), "\"4\""));
    }
}
