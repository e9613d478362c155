//! What the generations or drafts of a bulk action hold, as one file. It is read and sent page by page, so any fits.

use super::bulk::id;
use super::export_rows::{Format, file, table_row};
use crate::auth::Caller;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::openapi::params::BulkPath;
use crate::openapi::words::ExportFormat;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::bulk::ExportedBody;
use axum::extract::State;
use axum::response::Response;
use copydesk_core::bulk::Kind;
use copydesk_core::generation::State as Standing;
use copydesk_core::{DraftId, GenerationId};
use copydesk_desk::Desk;
use copydesk_desk::publish::content_of;
use copydesk_desk::store::bulk::{BulkItemFilter, BulkRow};
use copydesk_desk::store::drafts::{VersionRow, WholeDraft};
use copydesk_desk::store::generations::GenerationRow;
use copydesk_desk::store::{Order, PageRequest, Scope, StoreError};
use futures::future::try_join_all;
use std::io;
use uuid::Uuid;

/// How many items are read at once.
const PAGE: u32 = 200;
/// How many generations are asked for side by side: they have no list by ids.
const AT_ONCE: usize = 16;

/// Export what a bulk action holds.
///
/// Every generation or draft it was asked for, as it is now, in the order in which they were made; what is deleted is
/// left out. In a table, a cell that a spreadsheet could take for a formula begins with an apostrophe.
#[utoipa::path(
    get, path = "/bulk/{id}/export", operation_id = "exportBulk", tag = "bulk",
    params(
        BulkPath,
        ("format" = Option<ExportFormat>, Query, description = "`jsonl`, one object a line, unless said otherwise."),
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
    params.finish()?;
    let row = api.desk().store().bulk(caller.scope, id(&path)?).await?;
    let name = row.facts.id;
    let reading = Reading { desk: api.desk().clone(), scope: caller.scope, row, format, after: None, begun: false };
    Ok(file(format, name, reading, Reading::page))
}

struct Reading {
    desk: Desk,
    scope: Scope,
    row: BulkRow,
    format: Format,
    after: Option<String>,
    begun: bool,
}

impl Reading {
    /// The next piece, and the rest if there is more.
    async fn page(mut self) -> io::Result<(Vec<u8>, Option<Reading>)> {
        let page = PageRequest { limit: PAGE, after: self.after.take(), order: Order::OldestFirst };
        let items = self.desk.store().bulk_items(self.scope, self.row.facts.id, BulkItemFilter::default(), page);
        let page = items.await.map_err(io::Error::other)?;
        let ids: Vec<Uuid> = page.rows.iter().map(|item| item.item).collect();
        let bodies = match self.row.facts.kind {
            Kind::Drafts => self.drafts(&ids).await,
            Kind::Generations => self.generations(&ids).await,
        };
        let mut piece = Vec::new();
        if self.format == Format::Table && !self.begun {
            table_row(&mut piece, &HEADER);
        }
        self.begun = true;
        for body in bodies.map_err(io::Error::other)? {
            match self.format {
                Format::Lines => {
                    serde_json::to_writer(&mut piece, &body).map_err(io::Error::other)?;
                    piece.push(b'\n');
                }
                Format::Table => table_row(&mut piece, &cells(body)),
            }
        }
        self.after = page.next;
        let more = self.after.is_some();
        Ok((piece, more.then_some(self)))
    }

    async fn drafts(&self, ids: &[Uuid]) -> Result<Vec<ExportedBody>, StoreError> {
        let wanted = ids.iter().map(|id| (self.scope, DraftId(*id))).collect();
        let found = self.desk.store().whole_drafts(wanted).await?.into_iter().flatten();
        found.filter(|draft| draft.row.deleted_at.is_none()).map(of_draft).collect()
    }

    async fn generations(&self, ids: &[Uuid]) -> Result<Vec<ExportedBody>, StoreError> {
        let mut bodies = Vec::with_capacity(ids.len());
        for together in ids.chunks(AT_ONCE) {
            let asked =
                together.iter().map(async |id| there(self.desk.store().get(self.scope, GenerationId(*id)).await));
            let rows: Vec<GenerationRow> = try_join_all(asked).await?.into_iter().flatten().collect();
            let wanted = rows.iter().map(|row| (self.scope, row.draft)).collect();
            let drafts = self.desk.store().whole_drafts(wanted).await?;
            for (row, draft) in rows.into_iter().zip(drafts) {
                let version = self.version(&row, draft).await?;
                bodies.push(of_generation(row, version)?);
            }
        }
        Ok(bodies)
    }

    /// What it wrote, unless that is deleted.
    async fn version(&self, row: &GenerationRow, draft: Option<WholeDraft>) -> Result<Option<VersionRow>, StoreError> {
        let Some(draft) = draft.filter(|draft| draft.row.deleted_at.is_none()) else { return Ok(None) };
        match (row.version, draft.version) {
            (Some(number), Some(shown)) if shown.number == number => Ok(Some(shown)),
            (Some(number), _) => there(self.desk.store().version(self.scope, row.draft, Some(number)).await),
            (None, _) => Ok(None),
        }
    }
}

/// What is not there any more is left out.
fn there<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn of_draft(draft: WholeDraft) -> Result<ExportedBody, StoreError> {
    let WholeDraft { row, version } = draft;
    let body = ExportedBody {
        draft_id: Some(row.id.to_string()),
        generation_id: version.as_ref().and_then(|it| it.generation).map(|id| id.to_string()),
        external_id: row.external_id,
        user: row.user_external,
        recipe: row.recipe,
        status: row.status.as_str(),
        model: None,
        title: Some(row.title),
        text: None,
        body: None,
        created_at: row.created_at.to_string(),
        error_code: None,
        error: None,
    };
    filled(body, version)
}

fn of_generation(row: GenerationRow, version: Option<VersionRow>) -> Result<ExportedBody, StoreError> {
    let failure = match &row.generation.state {
        Standing::Failed { failure, .. } => Some(failure),
        Standing::Pending { .. }
        | Standing::Processing { .. }
        | Standing::Completed { .. }
        | Standing::Cancelled { .. } => None,
    };
    let body = ExportedBody {
        draft_id: Some(row.draft.to_string()),
        generation_id: Some(row.generation.id.to_string()),
        external_id: None,
        status: row.status().as_str(),
        error_code: failure.map(|failure| failure.code.as_str().to_owned()),
        error: failure.map(|failure| failure.message.clone()),
        user: row.user_external,
        recipe: row.recipe,
        model: Some(row.model),
        title: None,
        text: None,
        body: None,
        created_at: row.generation.terms.accepted_at.to_string(),
    };
    filled(body, version)
}

fn filled(body: ExportedBody, version: Option<VersionRow>) -> Result<ExportedBody, StoreError> {
    let Some(version) = version else { return Ok(body) };
    let content = content_of(&version).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(ExportedBody {
        title: Some(content.title.clone()),
        text: Some(content.to_text()),
        body: Some(content.body),
        ..body
    })
}

const HEADER: [&str; 12] = [
    "draft_id",
    "generation_id",
    "external_id",
    "user",
    "recipe",
    "status",
    "model",
    "title",
    "text",
    "created_at",
    "error_code",
    "error",
];

fn cells(body: ExportedBody) -> [String; 12] {
    [
        body.draft_id.unwrap_or_default(),
        body.generation_id.unwrap_or_default(),
        body.external_id.unwrap_or_default(),
        body.user,
        body.recipe,
        body.status.to_owned(),
        body.model.unwrap_or_default(),
        body.title.unwrap_or_default(),
        body.text.unwrap_or_default(),
        body.created_at,
        body.error_code.unwrap_or_default(),
        body.error.unwrap_or_default(),
    ]
}
