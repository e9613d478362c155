//! From bytes to text: byte order marks, the XML declaration's encoding, UTF-8 otherwise. A byte that does not belong is
//! an error, not a question mark in somebody's newsletter.

use std::borrow::Cow;

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

use super::FeedError;

/// Where an XML declaration ends at the latest. Units: bytes.
const DECLARATION_BYTES_MAX: usize = 400;

/// The text of a file, without its byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, FeedError> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (declared(bytes)?, 0),
    };
    let (text, wrong) = encoding.decode_without_bom_handling(&bytes[mark..]);
    if wrong { Err(FeedError::WrongEncoding(encoding.name().to_owned())) } else { Ok(text) }
}

fn declared(bytes: &[u8]) -> Result<&'static Encoding, FeedError> {
    // UTF-16 without a mark still begins with `<` and a zero byte.
    match bytes {
        [b'<', 0, ..] => return Ok(UTF_16LE),
        [0, b'<', ..] => return Ok(UTF_16BE),
        _ => {}
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION_BYTES_MAX)]);
    let head = head.trim_start();
    let declaration = head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(inside, _)| inside);
    let Some(label) = declaration.and_then(encoding_of) else {
        return Ok(UTF_8);
    };
    match Encoding::for_label(label.as_bytes()) {
        // Its declaration could be read as ASCII, so UTF-16 it is not.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(UTF_8),
        Some(encoding) if encoding != REPLACEMENT => Ok(encoding),
        Some(_) | None => Err(FeedError::UnknownEncoding(label.chars().take(40).collect())),
    }
}

/// The value of `encoding="..."` in a declaration.
fn encoding_of(declaration: &str) -> Option<&str> {
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    rest[1..].split_once(quote).map(|(label, _)| label.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_declarations_are_obeyed() {
        let latin = b"<?xml version=\"1.0\" encoding='ISO-8859-1'?><a>caf\xe9</a>";
        assert!(decode(latin).unwrap().ends_with("<a>café</a>"));
        let windows = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x93x\x94</a>";
        assert!(decode(windows).unwrap().contains("“x”"));
        assert_eq!(decode(b"\xef\xbb\xbf<a>\xc3\xa9</a>").unwrap(), "<a>é</a>");
        let utf16: Vec<u8> = "<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap(), "<a>é</a>");
        assert_eq!(decode(&[&[0xff, 0xfe], utf16.as_slice()].concat()).unwrap(), "<a>é</a>");
        assert!(decode("<?xml version=\"1.0\" encoding=\"utf-16\"?><a>é</a>".as_bytes()).unwrap().contains('é'));
    }

    #[test]
    fn what_cannot_be_decoded_says_so() {
        assert_eq!(decode(b"<a>caf\xe9</a>"), Err(FeedError::WrongEncoding("UTF-8".into())));
        let unknown = decode(b"<?xml encoding=\"ebcdic-9\"?><a/>").unwrap_err();
        assert_eq!(unknown, FeedError::UnknownEncoding("ebcdic-9".into()));
        assert!(unknown.to_string().contains("Save it as UTF-8"));
    }
}
