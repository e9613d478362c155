//! The form `media`: the files a step made, with what was asked for. The files themselves are elsewhere; the body names
//! them by id, type, length and hash, so that a version says exactly which bytes it is about.

use serde_json::{Value, json};

use super::{Content, OutputForm, WhyNot, answer, clean_title};
use crate::AssetId;

/// The most files one version may name.
pub const ASSETS_MAX: usize = 64;
/// Longest title taken from the prompt. Units: characters.
const TITLE_CHARS_MAX: usize = 80;

/// One file, as a body names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaAsset {
    pub id: AssetId,
    /// For example `video/mp4`.
    pub media_type: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// The content for these files.
///
/// Errors: `WrongShape` without a file, or with more than [`ASSETS_MAX`].
pub fn content(prompt: &str, assets: &[MediaAsset]) -> Result<Content, WhyNot> {
    let assets: Vec<Value> = assets.iter().map(as_json).collect();
    check("", &json!({"assets": assets, "prompt": prompt}))
}

/// The files a body names, in their order; empty for any other body.
pub fn assets(body: &Value) -> Vec<MediaAsset> {
    let list = body.get("assets").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(asset).collect()
}

fn as_json(asset: &MediaAsset) -> Value {
    json!({
        "id": asset.id.to_string(),
        "media_type": asset.media_type,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
    })
}

fn asset(entry: &Value) -> Option<MediaAsset> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let sha256 = text("sha256").filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(MediaAsset {
        id: text("id")?.parse().ok()?,
        media_type: text("media_type")?.to_owned(),
        bytes: entry.get("bytes").and_then(Value::as_u64)?,
        sha256: sha256.to_owned(),
    })
}

pub(super) fn parse(answer_text: &str) -> Result<Content, WhyNot> {
    check("", &answer::json_object(answer_text)?)
}

pub(super) fn check(title: &str, body: &Value) -> Result<Content, WhyNot> {
    let listed = body.get("assets").and_then(Value::as_array).map_or(0, Vec::len);
    if !(1..=ASSETS_MAX).contains(&listed) {
        return Err(WhyNot::shape("/assets", format!("there must be 1 to {ASSETS_MAX} files")));
    }
    let assets = assets(body);
    if assets.len() != listed {
        return Err(WhyNot::shape("/assets", "each file needs id, media_type, bytes and sha256"));
    }
    let prompt = body.get("prompt").and_then(Value::as_str).unwrap_or_default();
    let said = if title.trim().is_empty() { prompt } else { title };
    let chars_max = if title.trim().is_empty() { TITLE_CHARS_MAX } else { super::TITLE_CHARS_MAX };
    let title = Some(clean_title(said, chars_max)).filter(|title| !title.is_empty());
    let assets: Vec<Value> = assets.iter().map(as_json).collect();
    Ok(Content {
        form: OutputForm::Media,
        title: title.unwrap_or_else(|| "Untitled".to_owned()),
        body: json!({"assets": assets, "prompt": prompt}),
    })
}

/// The prompt, then one line for each file.
pub(super) fn to_text(body: &Value) -> String {
    let line = |asset: MediaAsset| format!("- {}: {}, {} bytes", asset.id, asset.media_type, asset.bytes);
    let lines: Vec<String> = assets(body).into_iter().map(line).collect();
    let prompt = body.get("prompt").and_then(Value::as_str).unwrap_or_default().trim();
    if prompt.is_empty() { lines.join("\n") } else { format!("{prompt}\n\n{}", lines.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn file(number: u128) -> MediaAsset {
        let id = AssetId(Uuid::from_u128(number));
        MediaAsset { id, media_type: "image/png".into(), bytes: 42, sha256: "ab".repeat(32) }
    }

    #[test]
    fn a_content_names_its_files_and_reads_back() {
        let content = content("A boat\nat dusk", &[file(1), file(2)]).unwrap();
        assert_eq!((content.form, content.title.as_str()), (OutputForm::Media, "A boat at dusk"));
        assert_eq!(assets(&content.body), [file(1), file(2)]);
        assert_eq!(check(&content.title, &content.body), Ok(content.clone()));
        assert_eq!(parse(&content.body.to_string()), Ok(content.clone()));
        let text = content.to_text();
        assert!(text.contains("A boat") && text.contains(&format!("{}: image/png, 42 bytes", file(2).id)), "{text}");
        assert_eq!(check("Mine", &content.body).unwrap().title, "Mine");
    }

    #[test]
    fn a_content_without_whole_files_is_none() {
        let good = as_json(&file(1));
        let mut short_hash = good.clone();
        short_hash["sha256"] = "ab".into();
        let mut foreign_id = good.clone();
        foreign_id["id"] = "../../etc/passwd".into();
        let many = vec![good.clone(); ASSETS_MAX + 1];
        for bad in [json!([]), json!([short_hash]), json!([good, foreign_id]), json!(many), json!({}), json!(null)] {
            assert!(check("t", &json!({"assets": bad, "prompt": "p"})).is_err(), "{bad}");
        }
    }
}
