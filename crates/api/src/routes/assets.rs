//! The bytes of a file that a generation made: whole or a part of it, piece by piece. What a browser could run is never
//! shown inside our own site.

use super::drafts::living;
use crate::auth::Caller;
use crate::bytes::Served;
use crate::error::Code;
use crate::extract::id::Segments;
use crate::openapi::params::AssetPath;
use crate::problem::Problem;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use copydesk_desk::assets::{AssetError, extension};
use http::HeaderMap;

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
    let asset = &row.asset;
    let kind = if is_shown(&asset.media_type) { "inline" } else { "attachment" };
    let name = format!("{}-{}.{}", row.generation, asset.seq, extension(&asset.media_type));
    let served = Served {
        sha256: asset.sha256,
        bytes: asset.bytes,
        media_type: asset.media_type.clone(),
        disposition: format!("{kind}; filename=\"{name}\""),
        caching: caching(&caller),
    };
    let lost = |error: AssetError| lost(asset.id, &error);
    served.answer(&headers, async |from| api.desk().assets().open(&asset.path, from).await.map_err(lost)).await
}

fn caching(caller: &Caller) -> &'static str {
    if caller.signed_in().is_some() { CACHING_BY_COOKIE } else { CACHING }
}

/// Whether a browser may show it in place. An SVG is a program as much as a picture.
fn is_shown(media_type: &str) -> bool {
    let kind = media_type.split('/').next().unwrap_or_default();
    matches!(kind, "image" | "video" | "audio") && media_type != "image/svg+xml"
}

/// The books know the file and the disk does not give it.
pub(super) fn lost(id: impl std::fmt::Display, error: &AssetError) -> Problem {
    match error {
        AssetError::Missing { .. } => {
            tracing::error!(file = %id, %error, "The bytes of a file are not here");
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
