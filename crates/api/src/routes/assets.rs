//! The bytes of a file that a generation made: whole or a part of it, piece by piece. What a browser could run is never
//! shown inside our own site.

use super::drafts::living;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::etag::none_match;
use crate::extract::id::Segments;
use crate::openapi::params::AssetPath;
use crate::problem::Problem;
use crate::router::Api;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_desk::assets::{AssetError, extension};
use copydesk_desk::store::drafts::AssetRow;
use futures::stream::{self, Stream};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read and sent at a time. Units: bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// The bytes behind an address never change.
const CACHING: &str = "private, max-age=31536000, immutable";
/// Who is signed in may be signed out in a minute, and a browser is shared: what it has kept it shows after asking only.
const CACHING_BY_COOKIE: &str = "private, no-cache";

/// Read the bytes of a file.
///
/// They never change. What a browser could run is an attachment.
#[utoipa::path(
    get, path = "/assets/{id}", operation_id = "getAsset", tag = "drafts",
    params(
        AssetPath,
        ("Range" = Option<String>, Header, description = "One part, such as `bytes=0-1023`. Several parts, and what cannot be read, are answered with the whole."),
        ("If-Range" = Option<String>, Header, description = "The part only if the file still has this `ETag`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag`s you have already."),
    ),
    responses(
        (status = 200, description = "The file.", body = [u8], content_type = "*/*", headers(
            ("ETag" = String, description = "The hash of the file."),
            ("Accept-Ranges" = String, description = "`bytes`."),
            ("Content-Disposition" = String, description = "`inline` for what is only looked at."))),
        (status = 206, description = "A part of it.", body = [u8], content_type = "*/*", headers(
            ("ETag" = String, description = "The hash of the file."),
            ("Accept-Ranges" = String, description = "`bytes`."),
            ("Content-Disposition" = String, description = "`inline` for what is only looked at."),
            ("Content-Range" = String, description = "Which part."))),
        (status = 304, description = "You have it already."),
    ),
    extensions(("x-problems" = json!([Code::RangeNotSatisfiable]))),
)]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let given = path.text("id");
    let missing = || Problem::not_found("asset", given.chars().take(80).collect::<String>());
    let id = given.parse().map_err(|_| missing())?;
    let row = api.desk().store().asset(caller.scope, id).await?;
    living(&api, caller.scope, row.draft).await.map_err(|_| missing())?;
    let tag = format!("\"{}\"", row.asset.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    if none_match(&headers, &tag) {
        let caching = caching(&caller).to_owned();
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag), (CACHE_CONTROL, caching)]).into_response());
    }
    let bytes = row.asset.bytes;
    let part = match wanted(&headers, &tag, bytes) {
        Wanted::Whole => None,
        Wanted::Part(part) => Some(part),
        Wanted::Nothing => {
            let refused = Problem::new(Code::RangeNotSatisfiable, format!("The asset has {bytes} bytes."))
                .hint("Ask for a part that begins before its end, or leave the Range header out.");
            return Ok(([(CONTENT_RANGE, format!("bytes */{bytes}"))], refused).into_response());
        }
    };
    let (from, length) = part.map_or((0, bytes), |part| (part.from, part.length()));
    let file = api.desk().assets().open(&row.asset.path, from).await.map_err(|error| lost(&row, &error))?;
    let mut response =
        (describe(&row, tag, length, caching(&caller)), Body::from_stream(pieces(file, length))).into_response();
    if let Some(part) = part
        && let Ok(range) = format!("bytes {}-{}/{bytes}", part.from, part.to).parse()
    {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

fn caching(caller: &Caller) -> &'static str {
    if caller.signed_in().is_some() { CACHING_BY_COOKIE } else { CACHING }
}

fn describe(row: &AssetRow, tag: String, length: u64, caching: &str) -> [(http::HeaderName, String); 8] {
    let asset = &row.asset;
    let kind = if is_shown(&asset.media_type) { "inline" } else { "attachment" };
    let name = format!("{}-{}.{}", row.generation, asset.seq, extension(&asset.media_type));
    [
        (CONTENT_TYPE, asset.media_type.clone()),
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_DISPOSITION, format!("{kind}; filename=\"{name}\"")),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (CACHE_CONTROL, caching.to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (ETAG, tag),
    ]
}

/// Whether a browser may show it in place. An SVG is a program as much as a picture.
fn is_shown(media_type: &str) -> bool {
    let kind = media_type.split('/').next().unwrap_or_default();
    matches!(kind, "image" | "video" | "audio") && media_type != "image/svg+xml"
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
fn pieces(file: Box<dyn AsyncRead + Send + Unpin>, left: u64) -> impl Stream<Item = io::Result<Bytes>> {
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

/// The books know the file and the disk does not give it.
fn lost(row: &AssetRow, error: &AssetError) -> Problem {
    let id = row.asset.id;
    match error {
        AssetError::Missing { .. } => {
            tracing::error!(asset = %id, %error, "The file of an asset is not here");
            Problem::new(Code::NotFound, format!("The file of {id} is not on this server."))
                .hint("Servers that share a database must share the folder `assets` of their data folders, too.")
        }
        AssetError::TooLarge { .. } | AssetError::BadPath { .. } | AssetError::Unwritable { .. } => {
            Problem::internal(format!("the file of {id} cannot be read: {error}"))
        }
    }
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
    fn what_a_browser_could_run_is_never_shown() {
        for shown in ["image/png", "video/mp4", "audio/mpeg", "image/gif"] {
            assert!(is_shown(shown), "{shown}");
        }
        for saved in ["image/svg+xml", "text/html", "application/pdf", "application/octet-stream", "", "image"] {
            assert!(!is_shown(saved) || saved == "image", "{saved}");
        }
    }
}
