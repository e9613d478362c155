//! Bytes of a file as an answer: whole or one part of them, piece by piece, and under which name they are saved.

use crate::error::Code;
use crate::extract::etag::none_match;
use crate::problem::Problem;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, StatusCode};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read and sent at a time. Units: bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// An open file.
pub(crate) type Opened = Box<dyn AsyncRead + Send + Unpin>;

/// A file as it is handed out.
pub(crate) struct Served {
    pub sha256: [u8; 32],
    pub bytes: u64,
    pub media_type: String,
    /// How it is to be taken: see [`attachment`].
    pub disposition: String,
    pub caching: &'static str,
}

impl Served {
    /// Answers what `headers` ask for. `open` is given the place to read from.
    pub async fn answer(
        self,
        headers: &HeaderMap,
        open: impl AsyncFnOnce(u64) -> Result<Opened, Problem>,
    ) -> Result<Response, Problem> {
        let tag = format!("\"{}\"", hex(&self.sha256));
        if none_match(headers, &tag) {
            let kept = [(ETAG, tag), (CACHE_CONTROL, self.caching.to_owned())];
            return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
        }
        let bytes = self.bytes;
        let part = match wanted(headers, &tag, bytes) {
            Wanted::Whole => None,
            Wanted::Part(part) => Some(part),
            Wanted::Nothing => {
                let refused = Problem::new(Code::RangeNotSatisfiable, format!("It has {bytes} bytes."))
                    .hint("Ask for a part that begins before its end, or leave the Range header out.");
                return Ok(([(CONTENT_RANGE, format!("bytes */{bytes}"))], refused).into_response());
            }
        };
        let (from, length) = part.map_or((0, bytes), |part| (part.from, part.length()));
        let file = open(from).await?;
        let mut response = (self.describe(tag, length), Body::from_stream(pieces(file, length))).into_response();
        if let Some(part) = part
            && let Ok(range) = format!("bytes {}-{}/{bytes}", part.from, part.to).parse()
        {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        Ok(response)
    }

    fn describe(self, tag: String, length: u64) -> [(HeaderName, String); 8] {
        [
            (CONTENT_TYPE, self.media_type),
            (CONTENT_LENGTH, length.to_string()),
            (CONTENT_DISPOSITION, self.disposition),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
            (CACHE_CONTROL, self.caching.to_owned()),
            (ACCEPT_RANGES, "bytes".to_owned()),
            (ETAG, tag),
        ]
    }
}

pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header that saves an answer under a name (RFC 6266): what is no plain letter in it stands there encoded, beside
/// something plain for clients that cannot read that.
pub(crate) fn attachment(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " !#$&+-.^_`|~()[]{},=@".contains(letter);
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    let encoded: String = name
        .bytes()
        .map(|byte| if is_token(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// A part, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Part {
    from: u64,
    to: u64,
}

impl Part {
    fn length(self) -> u64 {
        self.to - self.from + 1
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wanted {
    Whole,
    Part(Part),
    /// It lies behind the end.
    Nothing,
}

/// One part, where the caller asks for one and still has the same file. Several at once and what cannot be read are
/// answered with the whole, as RFC 9110 allows.
fn wanted(headers: &HeaderMap, tag: &str, bytes: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).map(str::trim);
    let Some(range) = text(RANGE).and_then(|range| range.strip_prefix("bytes=")) else { return Wanted::Whole };
    if text(IF_RANGE).is_some_and(|seen| seen != tag) {
        return Wanted::Whole;
    }
    let Some((from, to)) = range.trim().split_once('-').filter(|_| !range.contains(',')) else { return Wanted::Whole };
    let last = bytes.saturating_sub(1);
    let part = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => Part { from, to: to.min(last) },
        (Ok(from), Err(_)) if to.trim().is_empty() => Part { from, to: last },
        (Err(_), Ok(length)) if from.trim().is_empty() => {
            if length == 0 {
                return Wanted::Nothing;
            }
            Part { from: bytes.saturating_sub(length), to: last }
        }
        (Ok(_) | Err(_), Ok(_) | Err(_)) => return Wanted::Whole,
    };
    if part.from >= bytes { Wanted::Nothing } else { Wanted::Part(part) }
}

/// The next bytes until `left` are through. A file that is too short breaks the answer off: its length was promised.
pub(crate) fn pieces(file: Opened, left: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_range_is_one_part_inside_the_file_or_the_whole() {
        let part = |from, to| Wanted::Part(Part { from, to });
        let table = [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-5", part(2, 5)),
            ("bytes=2-500", part(2, 9)),
            ("bytes=2-", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-300", part(0, 9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=x-y", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ];
        for (range, want) in table {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
            assert_eq!(wanted(&headers, "\"t\"", 10), want, "{range}");
        }
        let mut headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        headers.insert(IF_RANGE, HeaderValue::from_static("\"other\""));
        assert_eq!(wanted(&headers, "\"t\"", 10), Wanted::Whole, "it is another file by now");
    }

    #[test]
    fn a_name_is_saved_as_it_is_and_breaks_no_header() {
        let table = [
            ("people 1.csv", "attachment; filename=\"people 1.csv\""),
            ("a\"b.csv", "attachment; filename=\"a_b.csv\"; filename*=UTF-8''a%22b.csv"),
            ("Größe.md", "attachment; filename=\"Gr__e.md\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.md"),
            ("a\r\nX: y", "attachment; filename=\"a__X_ y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
            ("100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"),
        ];
        for (name, want) in table {
            assert_eq!(attachment(name), want);
            assert!(HeaderValue::from_str(&attachment(name)).is_ok());
        }
    }
}
