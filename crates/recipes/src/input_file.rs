//! From a file a person hands over to a recipe's input. What it is, is decided by its content: the name is only for
//! messages. JSON objects are inputs as they are, JSON lists and feeds become `{items: [...]}`.

use serde_json::{Value, json};

use crate::feed::{self, FeedError, Seen, parse_feed};

/// Why a file is not an input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InputFileError {
    #[error("{name} is empty. {ACCEPTED}")]
    Empty { name: String },
    #[error("{name} looks like JSON, but is broken at line {line}, column {column}: {what}.")]
    BrokenJson { name: String, line: usize, column: usize, what: String },
    /// Text, or something that is no text at all.
    #[error("{name} is neither JSON nor a feed: {seen}. {ACCEPTED}")]
    NotAnInput { name: String, seen: String },
    #[error("{name} cannot be read as a feed. {error} {ACCEPTED}")]
    Feed { name: String, error: FeedError },
}

const ACCEPTED: &str = "Accepted are a JSON object (the recipe's input), a JSON list of items, and RSS or Atom feeds.";

/// Reads an input. `name` is the file's name, for messages.
pub fn input_from_file(name: &str, bytes: &[u8]) -> Result<Value, InputFileError> {
    let name = || name.chars().take(200).collect::<String>();
    let failed = |error: FeedError| InputFileError::Feed { name: name(), error };
    if bytes.len() > feed::FEED_BYTES_MAX {
        return Err(failed(FeedError::TooLarge { bytes: bytes.len() }));
    }
    let binary = |seen: &str| InputFileError::NotAnInput { name: name(), seen: seen.to_owned() };
    let text = match feed::decode(bytes) {
        Ok(text) => text,
        // A wrong byte in XML is the feed's fault; anywhere else it means that this is no text.
        Err(error) if bytes.trim_ascii_start().starts_with(b"<") => return Err(failed(error)),
        Err(_) => return Err(binary("it is not text in UTF-8")),
    };
    let text = text.trim();
    match text.chars().next() {
        None => Err(InputFileError::Empty { name: name() }),
        Some('{' | '[') => json_input(text, name),
        Some('<') => {
            let items = parse_feed(bytes).map_err(failed)?;
            Ok(json!({"items": items.iter().map(feed::FeedItem::to_value).collect::<Vec<_>>()}))
        }
        Some(_) if text.contains('\0') => Err(binary("it is not text")),
        Some(_) => {
            let head: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
            Err(binary(&format!("it begins with {head:?}")))
        }
    }
}

fn json_input(text: &str, name: impl Fn() -> String) -> Result<Value, InputFileError> {
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => Ok(json!({ "items": items })),
        Ok(value) => Ok(value),
        Err(error) => Err(InputFileError::BrokenJson {
            name: name(),
            line: error.line(),
            column: error.column(),
            // serde_json repeats the place at the end of its sentence.
            what: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        }),
    }
}

impl InputFileError {
    /// Whether the file is a web page, so that a caller may offer to look for its feed.
    pub fn is_html(&self) -> bool {
        matches!(self, InputFileError::Feed { error: FeedError::NotAFeed(Seen::Html), .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_content_decides_and_not_the_name() {
        assert_eq!(input_from_file("x.xml", b" {\"topic\": \"Rust\"}").unwrap(), json!({"topic": "Rust"}));
        assert_eq!(
            input_from_file("x", b"\xef\xbb\xbf[{\"title\": \"A\"}]").unwrap(),
            json!({"items": [{"title": "A"}]})
        );
        let feed = b"<rss><channel><item><title>A</title></item></channel></rss>";
        assert_eq!(input_from_file("x.json", feed).unwrap(), json!({"items": [{"title": "A"}]}));
        assert_eq!(input_from_file("x", b"<rss><channel/></rss>").unwrap(), json!({"items": []}));
    }

    #[test]
    fn an_error_says_what_was_seen_and_what_is_accepted() {
        let said = |bytes: &[u8]| input_from_file("week.txt", bytes).unwrap_err().to_string();
        for (bytes, wanted) in [
            (&b""[..], "week.txt is empty"),
            (b"title,link\na,b", "it begins with \"title,link\""),
            (b"\x89PNG\r\n\x1a\n\0\0", "not text"),
            (b"<!DOCTYPE html><html></html>", "it is an HTML page"),
            (b"<svg/>", "root element <svg>"),
            (b"<rss><channel>", "broken at line 1"),
        ] {
            let said = said(bytes);
            assert!(said.contains(wanted) && said.contains("Accepted are"), "{said}");
        }
        assert!(said(b"{\"a\": 1,\n}").contains("broken at line 2"));
        assert!(input_from_file("a", b"<html>").unwrap_err().is_html());
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _outcome = input_from_file("x", &bytes);
        }
    }
}
