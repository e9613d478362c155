//! The model's drafts and versions. The editorial rules are core's; this file asks them and writes.

use super::accept::facts;
use super::data::{Data, Draft, paged};
use copydesk_core::draft::state::{may_edit, may_publish};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::job::ItemStatus;
use copydesk_core::refusal::Refusal;
use copydesk_core::{AssetId, DraftId, UserId};
use copydesk_store::drafts::{AssetRow, DraftFilter, DraftRow, DraftSetting, Edit, SetDraft, VersionRow, WholeDraft};
use copydesk_store::events::NewEvent;
use copydesk_store::{Page, PageRequest, Scope, StoreError};

fn no_draft(id: DraftId) -> StoreError {
    StoreError::NotFound { what: "draft", id: id.to_string() }
}

impl Data {
    fn draft(&self, scope: Scope, id: DraftId) -> Result<&Draft, StoreError> {
        self.drafts.get(&id).filter(|draft| draft.scope == scope).ok_or_else(|| no_draft(id))
    }

    fn draft_row(&self, draft: &Draft) -> DraftRow {
        DraftRow { user_external: self.external(draft.scope, draft.row.user), ..draft.row.clone() }
    }

    pub(super) fn get_draft(&self, scope: Scope, id: DraftId) -> Result<DraftRow, StoreError> {
        Ok(self.draft_row(self.draft(scope, id)?))
    }

    pub(super) fn whole_drafts(&self, wanted: &[(Scope, DraftId)]) -> Vec<Option<WholeDraft>> {
        let whole = |(scope, id): &(Scope, DraftId)| {
            let row = self.get_draft(*scope, *id).ok()?;
            let version = self.versions.get(&(*id, row.current_version)).cloned();
            Some(WholeDraft { row, version })
        };
        wanted.iter().map(whole).collect()
    }

    pub(super) fn list_drafts(
        &self,
        scope: Scope,
        filter: &DraftFilter,
        page: &PageRequest,
    ) -> Result<Page<DraftRow>, StoreError> {
        let fits = |draft: &&Draft| {
            let row = &draft.row;
            draft.scope == scope
                && row.deleted_at.is_none()
                && filter.status.is_none_or(|status| status == row.status)
                && filter.review.is_none_or(|review| review == row.review)
                && filter.user.is_none_or(|user| user == row.user)
                && filter.recipe.as_ref().is_none_or(|recipe| *recipe == row.recipe)
                && filter.external_id.as_ref().is_none_or(|id| Some(id) == row.external_id.as_ref())
        };
        if let Some(job) = filter.job {
            let items = self.job_items.range((job, 0)..=(job, u32::MAX)).map(|(_, item)| item);
            let made = items.filter(|item| item.status != ItemStatus::Skipped);
            let drafts = made.filter_map(|item| Some((item.seq, self.drafts.get(&item.draft?)?)));
            return paged(drafts.filter(|(_, it)| fits(it)).map(|(seq, it)| (seq, self.draft_row(it))).collect(), page);
        }
        let rows: Vec<(DraftId, DraftRow)> =
            self.drafts.values().filter(fits).map(|draft| (draft.row.id, self.draft_row(draft))).collect();
        paged(rows, page)
    }

    pub(super) fn versions(&self, scope: Scope, id: DraftId) -> Result<Vec<VersionRow>, StoreError> {
        self.draft(scope, id)?;
        let mut rows: Vec<VersionRow> =
            self.versions.range((id, 0)..=(id, u32::MAX)).map(|(_, row)| row.clone()).collect();
        for row in &mut rows {
            row.content.body.clear();
        }
        Ok(rows)
    }

    pub(super) fn version(&self, scope: Scope, id: DraftId, number: Option<u32>) -> Result<VersionRow, StoreError> {
        let number = number.unwrap_or(self.draft(scope, id)?.row.current_version);
        let missing = || StoreError::NotFound { what: "version", id: format!("{number} of {id}") };
        self.versions.get(&(id, number)).cloned().ok_or_else(missing)
    }

    pub(super) fn asset(&self, scope: Scope, id: AssetId) -> Result<AssetRow, StoreError> {
        let row = self.assets.get(&id).filter(|(of, _)| *of == scope).map(|(_, row)| row.clone());
        row.ok_or_else(|| StoreError::NotFound { what: "asset", id: id.to_string() })
    }

    pub(super) fn add_version(&mut self, edit: Edit) -> Result<DraftRow, StoreError> {
        let row = &self.draft(edit.scope, edit.draft)?.row;
        if row.deleted_at.is_some() {
            return Err(no_draft(edit.draft));
        }
        check_revision(row, edit.if_revision)?;
        may_edit(facts(row))?;
        // From here the write must succeed.
        let mut row = row.clone();
        row.versions += 1;
        row.current_version = row.versions;
        row.title.clone_from(&edit.content.title);
        row.status = DraftStatus::Draft;
        (row.review, row.review_reason) = (Review::None, None);
        row.generated_at = Some(edit.at);
        let version = VersionRow {
            draft: edit.draft,
            number: row.versions,
            origin: edit.origin.as_str().to_owned(),
            reason: edit.origin.reason(),
            generation: None,
            content: edit.content,
            created_at: edit.at,
        };
        self.versions.insert((edit.draft, version.number), version);
        self.write_draft(edit.scope, row, "draft.updated", edit.at);
        self.get_draft(edit.scope, edit.draft)
    }

    pub(super) fn set_draft(&mut self, set: &SetDraft) -> Result<DraftRow, StoreError> {
        let before = self.draft(set.scope, set.draft)?.row.clone();
        let may_be_deleted = matches!(set.to, DraftSetting::Delete | DraftSetting::Undelete);
        if before.deleted_at.is_some() && !may_be_deleted {
            return Err(no_draft(set.draft));
        }
        check_revision(&before, set.if_revision)?;
        let mut row = before.clone();
        let kind = match &set.to {
            DraftSetting::Review { review, reason } => {
                row.review = *review;
                row.review_reason = reason.clone();
                "draft.updated"
            }
            DraftSetting::Publish => {
                may_publish(facts(&before))?;
                row.status = DraftStatus::Published;
                row.published_at = before.published_at.or(Some(set.at));
                "draft.published"
            }
            DraftSetting::Unpublish => {
                if before.status == DraftStatus::Published {
                    row.status = DraftStatus::Draft;
                    row.published_at = None;
                }
                "draft.updated"
            }
            DraftSetting::Delete => {
                if before.live_generation.is_some() {
                    return Err(Refusal::DraftBusy.into());
                }
                row.deleted_at = before.deleted_at.or(Some(set.at));
                "draft.deleted"
            }
            DraftSetting::Undelete => {
                row.deleted_at = None;
                "draft.updated"
            }
        };
        // From here the write must succeed.
        if row != before {
            self.write_draft(set.scope, row, kind, set.at);
        }
        self.get_draft(set.scope, set.draft)
    }

    fn write_draft(&mut self, scope: Scope, mut row: DraftRow, kind: &str, at: copydesk_core::Timestamp) {
        let id = row.id;
        row.revision += 1;
        row.updated_at = at;
        let data = format!("{{\"revision\":{}}}", row.revision).into();
        let (workspace, user) = (scope.workspace, Some(row.user));
        self.announce(NewEvent { workspace, kind, generation: None, draft: Some(id), user, at, data });
        self.drafts.insert(id, Draft { scope, row });
    }

    pub(super) fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Vec<(DraftStatus, u64)> {
        let count = |status: DraftStatus| {
            let fits = |draft: &&Draft| {
                draft.scope == scope
                    && draft.row.deleted_at.is_none()
                    && draft.row.status == status
                    && user.is_none_or(|user| user == draft.row.user)
            };
            self.drafts.values().filter(fits).count() as u64
        };
        DraftStatus::ALL.into_iter().map(|status| (status, count(status))).filter(|(_, n)| *n > 0).collect()
    }
}

fn check_revision(row: &DraftRow, expected: Option<i64>) -> Result<(), Refusal> {
    match expected {
        Some(revision) if revision != row.revision => Err(Refusal::VersionConflict { current: row.revision }),
        Some(_) | None => Ok(()),
    }
}
