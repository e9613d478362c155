//! Drafts and versions as readers see them.

use super::{Cursor, page_of};
use crate::PostgresStore;
use crate::ledger::hash_of;
use crate::pipeline::read;
use crate::types::{Micros, columns, narrow, params, sql, unknown_word};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::job::ItemStatus;
use copydesk_core::{AssetId, DraftId, GenerationId, JobId, Timestamp, UserId};
use copydesk_store::drafts::{AssetRow, DraftFilter, DraftRow, VersionRow, WholeDraft, no_draft};
use copydesk_store::generations::{NewAsset, NewContent};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn read_draft(&self, scope: Scope, id: DraftId) -> Result<DraftRow, StoreError> {
        let rows = read(&self.readers, sql!(deep "drafts/get"), params![id.0, scope.workspace.0]).await?;
        draft(rows.first().ok_or_else(|| no_draft(id))?)
    }

    pub(crate) async fn read_whole_drafts(
        &self,
        wanted: &[(Scope, DraftId)],
    ) -> Result<Vec<Option<WholeDraft>>, StoreError> {
        let columns = columns![wanted, asked => asked.1.0, asked.0.workspace.0];
        let rows = read(&self.readers, sql!(deep "drafts/whole"), columns).await?;
        let mut whole = vec![None; wanted.len()];
        for row in &rows {
            let place: usize = narrow("place", row.get("place"))?;
            let shown: Option<i64> = row.get("number");
            let version = shown.map(|_| version_under(row, "version_title", "version_created_at")).transpose()?;
            let slot = whole.get_mut(place.wrapping_sub(1));
            *slot.ok_or_else(|| StoreError::Corrupt(format!("place {place} was not asked for")))? =
                Some(WholeDraft { row: draft(row)?, version });
        }
        Ok(whole)
    }

    pub(crate) async fn page_drafts(
        &self,
        scope: Scope,
        filter: DraftFilter,
        page: &PageRequest,
    ) -> Result<Page<DraftRow>, StoreError> {
        if let Some(job) = filter.job {
            return self.page_drafts_of_job(scope, job, filter, page).await;
        }
        let cursor = Cursor::<DraftId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "drafts/list_newest"),
            Order::OldestFirst => sql!(deep "drafts/list_oldest"),
        };
        let params = params![
            scope.workspace.0,
            cursor.after.0,
            filter.status.map(|status| status.as_str()),
            filter.recipe,
            filter.user.map(|user| user.0),
            filter.external_id,
            filter.review.map(Review::as_str),
            cursor.limit
        ];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, draft, |draft| draft.id.to_string())
    }

    async fn page_drafts_of_job(
        &self,
        scope: Scope,
        job: JobId,
        filter: DraftFilter,
        page: &PageRequest,
    ) -> Result<Page<DraftRow>, StoreError> {
        let cursor = Cursor::of_numbers(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!(deep "drafts/list_of_job_newest"),
            Order::OldestFirst => sql!(deep "drafts/list_of_job_oldest"),
        };
        let params = params![
            scope.workspace.0,
            job.0,
            cursor.after,
            ItemStatus::Skipped.as_str(),
            filter.status.map(|status| status.as_str()),
            filter.recipe,
            filter.user.map(|user| user.0),
            filter.external_id,
            filter.review.map(Review::as_str),
            cursor.limit
        ];
        let rows = read(&self.readers, sql, params).await?;
        let numbered = |row: &Row| Ok((row.get::<_, i64>("seq"), draft(row)?));
        let Page { rows, next } = page_of(&rows, page, numbered, |(seq, _)| seq.to_string())?;
        Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
    }

    pub(crate) async fn read_versions(&self, scope: Scope, id: DraftId) -> Result<Vec<VersionRow>, StoreError> {
        let rows = read(&self.readers, sql!(deep "drafts/versions"), params![id.0, scope.workspace.0]).await?;
        if rows.is_empty() {
            self.read_draft(scope, id).await?;
        }
        rows.iter().map(version).collect()
    }

    pub(crate) async fn read_version(
        &self,
        scope: Scope,
        id: DraftId,
        number: Option<u32>,
    ) -> Result<VersionRow, StoreError> {
        let params = params![id.0, scope.workspace.0, number.map(i64::from)];
        let rows = read(&self.readers, sql!(deep "drafts/version"), params).await?;
        match (rows.first(), number) {
            (Some(row), _) => version(row),
            (None, Some(number)) => Err(StoreError::NotFound { what: "version", id: format!("{number} of {id}") }),
            (None, None) => {
                let current = self.read_draft(scope, id).await?.current_version;
                Err(StoreError::NotFound { what: "version", id: format!("{current} of {id}") })
            }
        }
    }

    pub(crate) async fn read_asset(&self, scope: Scope, id: AssetId) -> Result<AssetRow, StoreError> {
        let rows = read(&self.readers, sql!(deep "drafts/asset"), params![id.0, scope.workspace.0]).await?;
        let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "asset", id: id.to_string() })?;
        Ok(AssetRow {
            generation: GenerationId(row.get("generation_id")),
            draft: DraftId(row.get("draft_id")),
            version: narrow("version", row.get("version"))?,
            asset: NewAsset {
                id,
                seq: narrow("seq", row.get("seq"))?,
                media_type: row.get("media_type"),
                bytes: narrow("bytes", row.get("bytes"))?,
                sha256: hash_of(row, "sha256")?,
                path: row.get("path"),
            },
            created_at: row.get::<_, Micros>("created_at").into(),
        })
    }

    pub(crate) async fn drafts_by_status(
        &self,
        scope: Scope,
        user: Option<UserId>,
    ) -> Result<Vec<(DraftStatus, u64)>, StoreError> {
        let params = params![scope.workspace.0, user.map(|user| user.0)];
        let rows = read(&self.readers, sql!(deep "drafts/count"), params).await?;
        let mut counts = Vec::with_capacity(rows.len());
        for row in &rows {
            counts.push((draft_status(row)?, narrow("count of drafts", row.get("count"))?));
        }
        counts.sort_by_key(|(status, _)| DraftStatus::ALL.iter().position(|known| known == status));
        Ok(counts)
    }
}

fn draft_status(row: &Row) -> Result<DraftStatus, StoreError> {
    let word: &str = row.get("status");
    DraftStatus::parse(word).ok_or_else(|| unknown_word("draft status", word))
}

pub fn draft(row: &Row) -> Result<DraftRow, StoreError> {
    let review: &str = row.get("review");
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    Ok(DraftRow {
        id: DraftId(row.get("id")),
        user: UserId(row.get("user_id")),
        user_external: row.get("user_external"),
        recipe: row.get("recipe"),
        title: row.get("title"),
        status: draft_status(row)?,
        review: Review::parse(review).ok_or_else(|| unknown_word("review", review))?,
        review_reason: row.get("review_reason"),
        current_version: narrow("current_version", row.get("current_version"))?,
        versions: narrow("version_count", row.get("version_count"))?,
        live_generation: row.get::<_, Option<Uuid>>("live_generation_id").map(GenerationId),
        external_id: row.get("external_id"),
        revision: row.get("revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
        generated_at: instant("generated_at"),
        published_at: instant("published_at"),
        deleted_at: instant("deleted_at"),
    })
}

fn version(row: &Row) -> Result<VersionRow, StoreError> {
    version_under(row, "title", "created_at")
}

/// The same beside a draft, whose columns have two of the names.
fn version_under(row: &Row, title: &str, created_at: &str) -> Result<VersionRow, StoreError> {
    Ok(VersionRow {
        draft: DraftId(row.get("draft_id")),
        number: narrow("number", row.get("number"))?,
        origin: row.get("origin"),
        reason: row.get("reason"),
        generation: row.get::<_, Option<Uuid>>("generation_id").map(GenerationId),
        content: NewContent {
            title: row.get(title),
            form: row.get("form"),
            body: row.get("body"),
            words: narrow("words", row.get("words"))?,
            hash: hash_of(row, "hash")?,
            provenance: row.get("provenance"),
        },
        created_at: row.get::<_, Micros>(created_at).into(),
    })
}
