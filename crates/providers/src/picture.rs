//! Pictures in JSON: data URLs and base64, both ways. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::provider::{Bytes, Picture, PictureSource};

/// The address of a picture: its own, or its bytes as a data URL.
pub(crate) fn as_url(picture: &Picture) -> String {
    match &picture.source {
        PictureSource::Url(url) => url.clone(),
        PictureSource::Bytes(bytes) => format!("data:{};base64,{}", picture.media_type, encode(bytes)),
    }
}

/// A picture from a data URL or a web address; `None` when it is neither, or its base64 is broken.
pub(crate) fn from_url(url: &str) -> Option<Picture> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Some(Picture { media_type: "image/*".to_owned(), source: PictureSource::Url(url.to_owned()) });
    }
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    from_base64(media_type, data)
}

/// A picture from base64; `None` when that is broken or empty.
pub(crate) fn from_base64(media_type: &str, data: &str) -> Option<Picture> {
    let bytes = STANDARD.decode(data.trim()).ok().filter(|bytes| !bytes.is_empty())?;
    Some(Picture { media_type: media_type.to_owned(), source: PictureSource::Bytes(Bytes::from(bytes)) })
}

/// Bytes as base64.
pub(crate) fn encode(bytes: &Bytes) -> String {
    STANDARD.encode(bytes)
}

/// The bytes as base64, where the picture is here at all.
pub(crate) fn to_base64(picture: &Picture) -> Option<String> {
    match &picture.source {
        PictureSource::Url(_) => None,
        PictureSource::Bytes(bytes) => Some(encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_goes_there_and_back() {
        let picture = from_base64("image/png", "iVBORw0KGgo=").unwrap();
        assert_eq!(as_url(&picture), "data:image/png;base64,iVBORw0KGgo=");
        assert_eq!(from_url(&as_url(&picture)), Some(picture.clone()));
        assert_eq!(to_base64(&picture).as_deref(), Some("iVBORw0KGgo="));
        assert!(!format!("{picture:?}").contains("iVBOR"));
    }

    #[test]
    fn what_is_no_picture_is_none() {
        for bad in ["", "data:image/png;base64,", "data:image/png;base64,***", "ftp://x/y.png", "javascript:alert(1)"] {
            assert_eq!(from_url(bad), None, "{bad}");
        }
        let linked = from_url("https://example.com/a.png").unwrap();
        assert_eq!(as_url(&linked), "https://example.com/a.png");
    }
}
