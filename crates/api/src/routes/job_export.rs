//! What a job has made, row by row: lines of JSON or a table. It is read and sent page by page, so any job fits.

use super::export_rows::{Format, file, table_row};
use super::jobs::id;
use crate::auth::Caller;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::openapi::params::JobPath;
use crate::openapi::words::{ExportFormat, ItemStatusWord};
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::job::{ITEM_STATUSES, external_id};
use axum::extract::State;
use axum::response::Response;
use copydesk_core::JobId;
use copydesk_core::job::ItemStatus;
use copydesk_core::recipe::Content;
use copydesk_desk::Desk;
use copydesk_desk::publish::content_of;
use copydesk_desk::store::jobs::{ItemFilter, ItemRow};
use copydesk_desk::store::{Order, PageRequest, Scope, StoreError};
use serde_json::json;
use std::io;

/// How many items are read at once.
const PAGE: u32 = 200;

/// Export a job.
///
/// Every item with the text of its draft, in the order of their numbers. In a table, a cell that a spreadsheet could take
/// for a formula begins with an apostrophe.
#[utoipa::path(
    get, path = "/jobs/{id}/export", operation_id = "exportJob", tag = "jobs",
    params(
        JobPath,
        ("format" = Option<ExportFormat>, Query, description = "`jsonl`, one object a line, unless said otherwise."),
        ("status" = Option<ItemStatusWord>, Query, description = "Only those items."),
    ),
    responses((status = 200, description = "All of them.", content(
        (String = "application/x-ndjson"),
        (String = "text/csv"),
    ))),
)]
pub(crate) async fn export(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
) -> Result<Response, Problem> {
    let format = params.word("format", Format::parse, &Format::WORDS).unwrap_or(Format::Lines);
    let status = params.word("status", ItemStatus::parse, &ITEM_STATUSES);
    params.finish()?;
    let id = id(&path)?;
    api.desk().store().job(caller.scope, id).await?;
    let reading =
        Reading { desk: api.desk().clone(), scope: caller.scope, id, format, status, after: None, begun: false };
    Ok(file(format, id, reading, Reading::page))
}

struct Reading {
    desk: Desk,
    scope: Scope,
    id: JobId,
    format: Format,
    status: Option<ItemStatus>,
    after: Option<String>,
    begun: bool,
}

impl Reading {
    /// The next piece, and the rest if there is more.
    async fn page(mut self) -> io::Result<(Vec<u8>, Option<Reading>)> {
        let page = PageRequest { limit: PAGE, after: self.after.take(), order: Order::OldestFirst };
        let filter = ItemFilter { status: self.status };
        let page = self.desk.store().items(self.scope, self.id, filter, page).await.map_err(io::Error::other)?;
        let mut piece = Vec::new();
        if self.format == Format::Table && !self.begun {
            table_row(&mut piece, &HEADER);
        }
        self.begun = true;
        for item in &page.rows {
            let content = self.content(item).await.map_err(io::Error::other)?;
            match self.format {
                Format::Lines => line(&mut piece, item, content),
                Format::Table => table_row(&mut piece, &cells(item, content)),
            }
        }
        self.after = page.next;
        let more = self.after.is_some();
        Ok((piece, more.then_some(self)))
    }

    /// What stands in the item's draft now, edits included.
    async fn content(&self, item: &ItemRow) -> Result<Option<Content>, StoreError> {
        let Some(draft) = item.draft.filter(|_| item.status == ItemStatus::Completed) else { return Ok(None) };
        match self.desk.store().version(self.scope, draft, None).await {
            Ok(version) => content_of(&version).map(Some).map_err(|error| StoreError::Corrupt(error.to_string())),
            // It was deleted.
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

const HEADER: [&str; 10] =
    ["number", "custom_id", "external_id", "status", "title", "text", "draft_id", "generation_id", "note_code", "note"];

fn line(piece: &mut Vec<u8>, item: &ItemRow, content: Option<Content>) {
    let (title, text, body) = match content {
        Some(content) => (Some(content.title.clone()), Some(content.to_text()), Some(content.body)),
        None => (None, None, None),
    };
    let row = json!({
        "number": item.seq,
        "custom_id": item.custom_id,
        "external_id": external_id(item),
        "status": item.status.as_str(),
        "title": title,
        "text": text,
        "body": body,
        "draft_id": item.draft.map(|id| id.to_string()),
        "generation_id": item.generation.map(|id| id.to_string()),
        "note": item.note.as_ref().map(|note| json!({ "code": note.code, "message": note.message })),
    });
    piece.extend_from_slice(row.to_string().as_bytes());
    piece.push(b'\n');
}

fn cells(item: &ItemRow, content: Option<Content>) -> [String; 10] {
    let (title, text) = content.map(|content| (content.title.clone(), content.to_text())).unwrap_or_default();
    let (code, note) = item.note.clone().map(|note| (note.code, note.message)).unwrap_or_default();
    [
        item.seq.to_string(),
        item.custom_id.clone(),
        external_id(item).unwrap_or_default(),
        item.status.as_str().to_owned(),
        title,
        text,
        item.draft.map(|id| id.to_string()).unwrap_or_default(),
        item.generation.map(|id| id.to_string()).unwrap_or_default(),
        code,
        note,
    ]
}
