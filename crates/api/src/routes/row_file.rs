//! A file of rows that comes with a request: as its body, or as one that was put here; and how it is read.

use super::job_asked::{Said, columns, stored};
use crate::auth::Caller;
use crate::extract::query::Params;
use crate::extract::upload::Upload;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::job::ItemFormat;
use axum::body::Body;
use copydesk_core::FileId;
use copydesk_desk::assets::media_type_by_name;
use copydesk_desk::files::FILE_BYTES_MAX;
use copydesk_desk::prospects::import::Format;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use std::collections::BTreeMap;

/// What the request says of it, before the file is looked at.
pub(super) struct RowFile {
    kind: String,
    file: Option<FileId>,
    said: Option<ItemFormat>,
    table: Said,
}

/// The file.
pub(super) struct Opened {
    pub format: Format,
    /// From a field to the name of the column that fills it.
    pub columns: BTreeMap<String, String>,
    pub reader: Upload,
    /// What one that was put here is called.
    pub name: Option<String>,
}

impl RowFile {
    pub fn read(params: &mut Params, headers: &HeaderMap) -> RowFile {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let file = params.id("file_id");
        let said = params.word("format", ItemFormat::parse, &ItemFormat::WORDS);
        RowFile { kind, file, said, table: columns(params) }
    }

    pub async fn open(self, api: &Api, caller: &Caller, body: Body) -> Result<Opened, Problem> {
        let RowFile { kind, file, said, table } = self;
        let (format, reader, name) = match file {
            None => (said.or_else(|| ItemFormat::of_type(&kind)), Upload::of(body, FILE_BYTES_MAX), None),
            Some(_) if !http_body::Body::is_end_stream(&body) => {
                let detail = "the request has a body besides: send the file, or name one that is here";
                return Err(Problem::fault("?file_id", "not_allowed", detail));
            }
            Some(id) => {
                let (row, reader) = stored(api, caller, id).await?;
                let by_name = media_type_by_name(&row.name).and_then(ItemFormat::of_type);
                let format = said.or_else(|| ItemFormat::of_type(&row.media_type)).or(by_name);
                (format, reader, Some(row.name))
            }
        };
        let format = format.ok_or_else(|| {
            let detail = "say how the file is read: csv, tsv or jsonl, or send its Content-Type (text/csv, application/x-ndjson)";
            Problem::fault("?format", "required", detail)
        })?;
        let format = match format {
            ItemFormat::Table(usual) => Format::Table(table.delimiter.unwrap_or(usual)),
            ItemFormat::Lines => Format::Lines,
        };
        Ok(Opened { format, columns: table.names, reader, name })
    }
}
