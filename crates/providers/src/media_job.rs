//! What the job interfaces of Replicate and fal have in common: names that may stand in an address, the input of a job,
//! the files in its output. Pure; it knows neither wire format.

use serde_json::{Map, Value};

use crate::error::{ErrorClass, ProviderError};
use crate::media::AssetRef;
use crate::picture;
use crate::provider::Part;

/// The most files one job may have made.
pub(crate) const ASSETS_MAX: usize = 64;
/// The longest name that goes into an address.
const SEGMENT_BYTES_MAX: usize = 100;

/// The report of a chat call to a provider that only runs jobs.
pub(crate) fn no_chat(name: &str) -> ProviderError {
    ProviderError::new(ErrorClass::Misconfigured, format!("{name} runs media jobs; it does not chat"))
}

/// Whether a text may be one part of an address's path: it cannot end the path, leave its folder or start a query.
pub(crate) fn is_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=SEGMENT_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('.')
}

/// A job this provider cannot have named.
pub(crate) fn not_a_job(name: &str) -> ProviderError {
    ProviderError::new(ErrorClass::Misconfigured, format!("this is not the name of a job at {name}"))
}

/// An answer to "how far is the job" that cannot be understood. The job itself may be well.
pub(crate) fn unreadable(what: impl Into<String>, body: &Value) -> ProviderError {
    ProviderError::new(ErrorClass::Malformed, what).with_raw(body.to_string())
}

/// The settings, the prompt, and the addresses of the pictures. The prompt wins over a setting of the same name.
pub(crate) fn input(settings: &Map<String, Value>, parts: &[Part]) -> (Map<String, Value>, Vec<String>) {
    let mut input = settings.clone();
    let mut texts = Vec::new();
    let mut pictures = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::Picture(picture) => pictures.push(picture::as_url(picture)),
        }
    }
    if !texts.is_empty() {
        input.insert("prompt".into(), texts.join("\n").into());
    }
    (input, pictures)
}

/// A text that is the address of a file.
pub(crate) fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
}

/// Adds a file once, up to the limit.
pub(crate) fn add(assets: &mut Vec<AssetRef>, url: &str, media_type: Option<&str>) {
    if assets.len() < ASSETS_MAX && !assets.iter().any(|asset| asset.url == url) {
        assets.push(AssetRef { url: url.to_owned(), media_type: media_type.map(str::to_owned) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_can_never_leave_its_place_in_an_address() {
        for good in ["flux-1.1-pro", "fal-ai", "a", "v2_final.3"] {
            assert!(is_segment(good), "{good}");
        }
        let long = "x".repeat(SEGMENT_BYTES_MAX + 1);
        for bad in ["", ".", "..", ".git", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\r\nb", "é", "a@b", "a:b", &long] {
            assert!(!is_segment(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_is_listed_once_and_never_without_end() {
        let mut assets = Vec::new();
        add(&mut assets, "https://a/0", None);
        add(&mut assets, "https://a/0", Some("image/png"));
        assert_eq!(assets.len(), 1);
        (0..1_000).for_each(|number| add(&mut assets, &format!("https://a/{number}"), None));
        assert_eq!(assets.len(), ASSETS_MAX);
    }
}
