//! Kinds of files: what bytes are by their first ones, and how a file of a kind is called. Pure.

/// What a file is when nobody knows.
pub const UNKNOWN: &str = "application/octet-stream";

/// What bytes are by how they begin; `None` where that says nothing.
pub fn media_type_of(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some("audio/wav"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => Some("image/avif"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', ..] => Some("video/quicktime"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("video/mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("video/webm"),
        [b'I', b'D', b'3', ..] | [0xff, 0xfb, ..] => Some("audio/mpeg"),
        [b'O', b'g', b'g', b'S', ..] => Some("audio/ogg"),
        _ => None,
    }
}

/// Whether a text names a type, so that it may stand in a header: two words of plain letters around a slash.
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= 100 && text.split_once('/').is_some_and(|(kind, sub)| is_word(kind) && is_word(sub))
}

/// The ending of a file's name, without the dot.
pub fn extension(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "image/svg+xml" => "svg",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        "video/quicktime" => "mov",
        "audio/mpeg" => "mp3",
        "audio/wav" => "wav",
        "audio/ogg" => "ogg",
        "model/gltf-binary" => "glb",
        "application/zip" => "zip",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}

/// What a file is by the ending of its name; `None` where that says nothing.
pub fn media_type_by_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "json" => "application/json",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_says_what_it_is() {
        let table = [
            ("people.CSV", Some("text/csv")),
            ("a.b.jsonl", Some("application/x-ndjson")),
            ("csv", None),
            ("a.csv.gz", None),
            ("", None),
        ];
        for (name, want) in table {
            assert_eq!(media_type_by_name(name), want, "{name:?}");
        }
    }

    #[test]
    fn what_is_recognised_has_an_ending_of_its_own() {
        let beginnings: [&[u8]; 6] = [
            b"\x89PNG\r\n",
            b"\xff\xd8\xff\xe0",
            b"GIF89a",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"\0\0\0\x18ftypisom",
            b"\x1a\x45\xdf\xa3",
        ];
        let endings: Vec<&str> = beginnings.iter().map(|bytes| extension(media_type_of(bytes).unwrap())).collect();
        assert_eq!(endings, ["png", "jpg", "gif", "webp", "mp4", "webm"]);
        for nothing in [&b""[..], b"<svg", b"\0\0\0\x18", b"hello"] {
            assert_eq!(media_type_of(nothing), None);
        }
        assert_eq!(extension(UNKNOWN), "bin");
        for (text, is_type) in [("image/x-odd", true), ("image/", false), ("a/b\r\nc: d", false), ("image", false)] {
            assert_eq!(is_media_type(text), is_type, "{text:?}");
        }
    }
}
