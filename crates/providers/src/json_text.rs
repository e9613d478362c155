//! JSON that is not quite JSON: bytes outside UTF-8, zero bytes and halves of surrogate pairs, as providers do send them.
//! Pure; it knows no wire format.

use std::borrow::Cow;

use serde_json::Value;

/// The text of bytes that are UTF-8 nearly always; what is not becomes U+FFFD. Checking first is what is quick: the
/// standard library's repairing walks byte by byte.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Reads JSON that may hold bytes outside UTF-8, raw zero bytes or halves of surrogate pairs; all become U+FFFD.
pub(crate) fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        if text.contains("\\u") || text.contains('\0') {
            let repaired = without_lone_surrogates(&text.replace('\0', "\u{fffd}"));
            serde_json::from_str(&repaired).map_err(|_| error)
        } else {
            Err(error)
        }
    })
}

fn without_lone_surrogates(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        repaired.push_str(&rest[..at]);
        rest = &rest[at..];
        let (keep, skip) = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => (&rest[..12], 12),
            (Some(Half::High | Half::Low), _) => ("\\ufffd", 6),
            (None, _) => {
                // An escape and the character it escapes stay together, so that `\\ud800` is not taken for one.
                let width = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                (&rest[..width], width)
            }
        };
        repaired.push_str(keep);
        rest = &rest[skip..];
    }
    repaired + rest
}

enum Half {
    High,
    Low,
}

fn surrogate(escape: &str) -> Option<Half> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_raw_zero_byte_in_a_text_is_replaced_and_one_between_values_is_not_json() {
        assert_eq!(parse_json("{\"a\":\"x\0y\"}").unwrap(), json!({"a": "x\u{fffd}y"}));
        assert!(parse_json("{\"a\":\0 1}").is_err());
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_a_whole_one_kept() {
        let text = r#"{"a":"x\ud83dy","b":"\ud83e\udd80","c":"\\ud83d","d":"\udd80"}"#;
        let value = parse_json(text).unwrap();
        assert_eq!(value, json!({"a": "x\u{fffd}y", "b": "🦀", "c": "\\ud83d", "d": "\u{fffd}"}));
        assert!(parse_json(r#"{"a":"\ud83d"#).unwrap_err().is_eof());
    }
}
