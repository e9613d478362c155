//! Files that callers put here, on the wire.

use super::links::Links;
use crate::bytes::hex;
use crate::openapi::words::Span;
use copydesk_desk::store::files::FileRow;
use serde::Serialize;
use utoipa::ToSchema;

/// A file that was put here, to be used by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileBody {
    object: &'static str,
    id: String,
    uuid: String,
    /// What its sender calls it.
    name: String,
    media_type: String,
    bytes: u64,
    /// In hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// Whose it is; `null` is the workspace's.
    user: Option<String>,
    user_id: Option<String>,
    key_id: Option<String>,
    created_at: String,
    /// From then on it is not there any more.
    expires_at: String,
    urls: FileUrls,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FileUrls)]
struct FileUrls {
    #[serde(rename = "self")]
    this: String,
    content: String,
}

impl FileBody {
    pub fn of(row: FileRow, links: Links<'_>) -> FileBody {
        let (user_id, user) = row.user.map(|(id, external)| (id.to_string(), external)).unzip();
        FileBody {
            object: "file",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            name: row.name,
            media_type: row.media_type,
            bytes: row.bytes,
            sha256: hex(&row.sha256),
            user,
            user_id,
            key_id: row.key.map(|key| key.to_string()),
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.to_string(),
            urls: FileUrls { this: links.file(row.id, ""), content: links.file(row.id, "/content") },
        }
    }
}

/// A form with a file in it.
#[derive(ToSchema)]
#[schema(as = FileForm)]
#[expect(dead_code, reason = "the schema of a form that is read part by part")]
pub(crate) struct FileForm {
    /// The bytes. What its part says of its name and its type is kept.
    #[schema(value_type = String, format = Binary)]
    file: String,
    /// What it is called, instead of what its part says.
    name: Option<String>,
    /// Whose it is.
    user: Option<String>,
    /// How long it is kept.
    #[schema(value_type = Option<Span>)]
    expires_in: Option<String>,
}
