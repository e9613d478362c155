//! Drafts and their versions: reading, editing, the editorial life. What a change makes of a draft is decided in the
//! contract (`store::drafts`); this file writes it.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::job::ItemStatus;
use copydesk_core::{AssetId, DraftId, GenerationId, JobId, Timestamp, UserId};
use copydesk_store::drafts::{
    AssetRow, DraftFilter, DraftRow, Edit, SetDraft, UPDATED, VersionRow, WholeDraft, edited, moved, no_draft,
};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{NewAsset, NewContent};
use copydesk_store::{Answer, DraftStore, Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};

impl DraftStore for SqliteStore {
    fn get_draft(&self, scope: Scope, id: DraftId) -> Answer<'_, DraftRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn whole_drafts(&self, wanted: Vec<(Scope, DraftId)>) -> Answer<'_, Vec<Option<WholeDraft>>> {
        Box::pin(self.read(move |db| wanted.iter().map(|(scope, id)| whole(db, *scope, *id)).collect()))
    }

    fn list_drafts(&self, scope: Scope, filter: DraftFilter, page: PageRequest) -> Answer<'_, Page<DraftRow>> {
        Box::pin(self.read(move |db| list(db, scope, &filter, &page)))
    }

    fn versions(&self, scope: Scope, draft: DraftId) -> Answer<'_, Vec<VersionRow>> {
        Box::pin(self.read(move |db| {
            get(db, scope, draft)?;
            let params = params![draft.0.as_bytes(), scope.workspace.0.as_bytes()];
            db.all(sql!("drafts/versions"), params, |row| version_row(row, draft))
        }))
    }

    fn version(&self, scope: Scope, draft: DraftId, number: Option<u32>) -> Answer<'_, VersionRow> {
        Box::pin(self.read(move |db| version(db, scope, draft, number)))
    }

    fn asset(&self, scope: Scope, id: AssetId) -> Answer<'_, AssetRow> {
        Box::pin(self.read(move |db| asset(db, scope, id)))
    }

    fn add_version(&self, edit: Edit) -> Answer<'_, DraftRow> {
        let bytes = edit.content.body.len();
        Box::pin(self.write(bytes, move |session| add_version(session.db, &edit)))
    }

    fn set_draft(&self, set: SetDraft) -> Answer<'_, DraftRow> {
        Box::pin(self.write(0, move |session| set_draft(session.db, &set)))
    }

    fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Answer<'_, Vec<(DraftStatus, u64)>> {
        Box::pin(self.read(move |db| count(db, scope, user)))
    }
}

fn get(db: Db<'_>, scope: Scope, id: DraftId) -> Done<DraftRow> {
    find(db, scope, id)?.ok_or_else(|| no_draft(id).into())
}

fn find(db: Db<'_>, scope: Scope, id: DraftId) -> Done<Option<DraftRow>> {
    db.first(sql!("drafts/get"), params![id.0.as_bytes(), scope.workspace.0.as_bytes()], draft_row)
}

/// A version never changes, so the one that the row names is what the draft showed then.
fn whole(db: Db<'_>, scope: Scope, id: DraftId) -> Done<Option<WholeDraft>> {
    let Some(row) = find(db, scope, id)? else { return Ok(None) };
    let version = match row.current_version {
        0 => None,
        number => Some(numbered(db, scope, id, number)?),
    };
    Ok(Some(WholeDraft { row, version }))
}

fn draft_row(row: &Row<'_>) -> Done<DraftRow> {
    let user_external: Option<String> = row.get("user_external")?;
    Ok(DraftRow {
        id: DraftId(codec::uuid(row, "id")?),
        user: UserId(codec::uuid(row, "user_id")?),
        user_external: user_external.unwrap_or_default(),
        recipe: row.get("recipe")?,
        title: row.get("title")?,
        status: codec::word(row, "drafts.status", DraftStatus::parse)?,
        review: codec::word(row, "drafts.review", Review::parse)?,
        review_reason: row.get("review_reason")?,
        current_version: row.get("current_version")?,
        versions: row.get("version_count")?,
        live_generation: codec::maybe_uuid(row, "live_generation_id")?.map(GenerationId),
        external_id: row.get("external_id")?,
        revision: row.get("revision")?,
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
        generated_at: codec::maybe_instant(row, "generated_at")?,
        published_at: codec::maybe_instant(row, "published_at")?,
        deleted_at: codec::maybe_instant(row, "deleted_at")?,
    })
}

fn list(db: Db<'_>, scope: Scope, filter: &DraftFilter, page: &PageRequest) -> Done<Page<DraftRow>> {
    if let Some(job) = filter.job {
        return list_of_job(db, scope, job, filter, page);
    }
    let cut = Cut::new::<DraftId>(page, |id| id.0)?;
    let file = if filter.external_id.is_some() {
        ordered!(cut, "drafts/list_external")
    } else if filter.user.is_some() {
        ordered!(cut, "drafts/list_of_user")
    } else {
        ordered!(cut, "drafts/list")
    };
    let params = params![
        scope.workspace.0.as_bytes(),
        cut.after.as_bytes(),
        filter.status.map(DraftStatus::as_str),
        filter.recipe,
        filter.user.map(|user| *user.0.as_bytes()),
        filter.external_id,
        filter.review.map(Review::as_str),
        cut.limit,
    ];
    let rows = db.all(file, params, draft_row)?;
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}

fn list_of_job(db: Db<'_>, scope: Scope, job: JobId, filter: &DraftFilter, page: &PageRequest) -> Done<Page<DraftRow>> {
    let cut = Cut::of_numbers(page)?;
    let params = params![
        scope.workspace.0.as_bytes(),
        job.0.as_bytes(),
        cut.after,
        ItemStatus::Skipped.as_str(),
        filter.status.map(DraftStatus::as_str),
        filter.recipe,
        filter.user.map(|user| *user.0.as_bytes()),
        filter.external_id,
        filter.review.map(Review::as_str),
        cut.limit,
    ];
    let numbered = |row: &Row<'_>| Ok((row.get::<_, i64>("seq")?, draft_row(row)?));
    let rows = db.all(ordered!(cut, "drafts/list_of_job"), params, numbered)?;
    let Page { rows, next } = page::cut(rows, page.limit, |(seq, _)| seq.to_string());
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}

fn asset(db: Db<'_>, scope: Scope, id: AssetId) -> Done<AssetRow> {
    let params = params![id.0.as_bytes(), scope.workspace.0.as_bytes()];
    let row = db.first(sql!("drafts/asset"), params, |row| {
        Ok(AssetRow {
            generation: GenerationId(codec::uuid(row, "generation_id")?),
            draft: DraftId(codec::uuid(row, "draft_id")?),
            version: row.get("version")?,
            asset: NewAsset {
                id,
                seq: row.get("seq")?,
                media_type: row.get("media_type")?,
                bytes: codec::unsigned(row, "bytes")?,
                sha256: row.get("sha256")?,
                path: row.get("path")?,
            },
            created_at: codec::instant(row, "created_at")?,
        })
    })?;
    row.ok_or_else(|| StoreError::NotFound { what: "asset", id: id.to_string() }.into())
}

fn version(db: Db<'_>, scope: Scope, draft: DraftId, number: Option<u32>) -> Done<VersionRow> {
    let current = get(db, scope, draft)?.current_version;
    numbered(db, scope, draft, number.unwrap_or(current))
}

fn numbered(db: Db<'_>, scope: Scope, draft: DraftId, number: u32) -> Done<VersionRow> {
    let params = params![draft.0.as_bytes(), scope.workspace.0.as_bytes(), number];
    let row = db.first(sql!("drafts/version"), params, |row| version_row(row, draft))?;
    let missing = || StoreError::NotFound { what: "version", id: format!("{number} of {draft}") };
    row.ok_or_else(|| missing().into())
}

fn version_row(row: &Row<'_>, draft: DraftId) -> Done<VersionRow> {
    Ok(VersionRow {
        draft,
        number: row.get("number")?,
        origin: row.get("origin")?,
        reason: row.get("reason")?,
        generation: codec::maybe_uuid(row, "generation_id")?.map(GenerationId),
        content: NewContent {
            title: row.get("title")?,
            form: row.get("form")?,
            body: row.get("body")?,
            words: row.get("words")?,
            hash: row.get("hash")?,
            provenance: row.get("provenance")?,
        },
        created_at: codec::instant(row, "created_at")?,
    })
}

fn add_version(db: Db<'_>, edit: &Edit) -> Done<DraftRow> {
    let before = get(db, edit.scope, edit.draft)?;
    let after = edited(&before, edit)?;
    // From here the write must succeed.
    let (number, at, content) = (after.current_version, edit.at.micros(), &edit.content);
    let (draft, workspace) = (edit.draft.0.as_bytes(), edit.scope.workspace.0.as_bytes());
    db.execute(
        sql!("apply/insert_version"),
        params![
            draft,
            number,
            workspace,
            None::<[u8; 16]>,
            edit.origin.as_str(),
            edit.origin.reason(),
            content.form,
            content.title,
            content.body,
            content.words,
            content.hash,
            content.provenance,
            at,
        ],
    )?;
    let (status, review) = (after.status.as_str(), after.review.as_str());
    let params = params![number, content.title, status, at, review, draft, workspace, before.revision];
    db.execute(sql!("drafts/edit"), params)?;
    changed(db, edit.scope, edit.draft, UPDATED, edit.at)
}

/// The draft after a change, with the change's event.
fn changed(db: Db<'_>, scope: Scope, id: DraftId, kind: &str, at: Timestamp) -> Done<DraftRow> {
    let row = get(db, scope, id)?;
    let data = format!("{{\"revision\":{}}}", row.revision);
    let event = NewEvent {
        workspace: scope.workspace,
        kind,
        generation: None,
        draft: Some(id),
        user: Some(row.user),
        at,
        data: data.into(),
    };
    write_event(db, &event)?;
    Ok(row)
}

fn set_draft(db: Db<'_>, set: &SetDraft) -> Done<DraftRow> {
    let before = get(db, set.scope, set.draft)?;
    let (after, kind) = moved(&before, set)?;
    if after == before {
        return Ok(before);
    }
    // From here the write must succeed.
    db.execute(
        sql!("drafts/set"),
        params![
            after.status.as_str(),
            after.review.as_str(),
            after.review_reason,
            after.published_at.map(Timestamp::micros),
            after.deleted_at.map(Timestamp::micros),
            set.at.micros(),
            set.draft.0.as_bytes(),
            set.scope.workspace.0.as_bytes(),
            before.revision,
        ],
    )?;
    changed(db, set.scope, set.draft, kind, set.at)
}

fn count(db: Db<'_>, scope: Scope, user: Option<UserId>) -> Done<Vec<(DraftStatus, u64)>> {
    let read = |row: &Row<'_>| Ok((codec::word(row, "drafts.status", DraftStatus::parse)?, codec::unsigned(row, 1)?));
    let workspace = scope.workspace.0.as_bytes();
    let counts = match user {
        Some(user) => db.all(sql!("drafts/count_of_user"), params![workspace, user.0.as_bytes()], read)?,
        None => db.all(sql!("drafts/count"), params![workspace], read)?,
    };
    let of = |status: DraftStatus| counts.iter().find(|(known, _)| *known == status).copied();
    Ok(DraftStatus::ALL.into_iter().filter_map(of).collect())
}
