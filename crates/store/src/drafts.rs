//! Drafts and their versions: reading, editing, the editorial life.

use crate::generations::{NewAsset, NewContent};
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::draft::state::{DraftFacts, may_edit, may_publish};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::Origin;
use copydesk_core::refusal::Refusal;
use copydesk_core::{AssetId, DraftId, GenerationId, JobId, Timestamp, UserId};

pub trait DraftStore: Send + Sync {
    fn get_draft(&self, scope: Scope, id: DraftId) -> Answer<'_, DraftRow>;

    /// Drafts with their current versions, each as of one moment. The answers stand in the order of `wanted`; `None` is a
    /// draft that is not there.
    fn whole_drafts(&self, wanted: Vec<(Scope, DraftId)>) -> Answer<'_, Vec<Option<WholeDraft>>>;

    /// Drafts that are not deleted.
    fn list_drafts(&self, scope: Scope, filter: DraftFilter, page: PageRequest) -> Answer<'_, Page<DraftRow>>;

    /// Versions of a draft without their bodies, oldest first.
    fn versions(&self, scope: Scope, draft: DraftId) -> Answer<'_, Vec<VersionRow>>;

    /// One version whole; `None` as number means the current one.
    fn version(&self, scope: Scope, draft: DraftId, number: Option<u32>) -> Answer<'_, VersionRow>;

    /// One file of a version.
    fn asset(&self, scope: Scope, id: AssetId) -> Answer<'_, AssetRow>;

    /// Adds an edited or restored version and makes it the current one. Refused by `core::draft::may_edit`, and with
    /// `version_conflict` when `edit.if_revision` is given and is not the draft's revision.
    fn add_version(&self, edit: Edit) -> Answer<'_, DraftRow>;

    /// Sets the review, or publishes or unpublishes. Same checks of state and revision.
    fn set_draft(&self, set: SetDraft) -> Answer<'_, DraftRow>;

    /// How many drafts of this user (or of all) have which status, deleted ones left out.
    fn count_drafts(&self, scope: Scope, user: Option<UserId>) -> Answer<'_, Vec<(DraftStatus, u64)>>;
}

/// The kind of event that tells of an edited draft.
pub const UPDATED: &str = "draft.updated";
const PUBLISHED: &str = "draft.published";
const DELETED: &str = "draft.deleted";

/// A draft and what it shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholeDraft {
    pub row: DraftRow,
    /// `None` while there is no version.
    pub version: Option<VersionRow>,
}

/// A draft as readers see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DraftRow {
    pub id: DraftId,
    pub user: UserId,
    pub user_external: String,
    pub recipe: String,
    pub title: String,
    pub status: DraftStatus,
    pub review: Review,
    /// What the reviewer said of the current version.
    pub review_reason: Option<String>,
    /// Number of the version shown; 0 while there is none.
    pub current_version: u32,
    pub versions: u32,
    /// The generation that is filling it right now.
    pub live_generation: Option<GenerationId>,
    pub external_id: Option<String>,
    /// Rises with every change: the ETag.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the current version was generated (or edited).
    pub generated_at: Option<Timestamp>,
    pub published_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DraftFilter {
    pub status: Option<DraftStatus>,
    pub review: Option<Review>,
    pub user: Option<UserId>,
    pub recipe: Option<String>,
    pub external_id: Option<String>,
    /// Those that the items of this job made, in the order of the items; the cursor is then the number of an item.
    pub job: Option<JobId>,
}

/// One immutable content of a draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionRow {
    pub draft: DraftId,
    pub number: u32,
    pub origin: String,
    pub reason: Option<String>,
    pub generation: Option<GenerationId>,
    /// `body` is empty in lists.
    pub content: NewContent,
    pub created_at: Timestamp,
}

/// A file that a generation made, written with the version that names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssetRow {
    pub generation: GenerationId,
    pub draft: DraftId,
    /// The version it was made for; a restored copy names the same file.
    pub version: u32,
    pub asset: NewAsset,
    pub created_at: Timestamp,
}

/// A person's new content for a draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    pub scope: Scope,
    pub at: Timestamp,
    pub draft: DraftId,
    pub if_revision: Option<i64>,
    pub origin: Origin,
    pub content: NewContent,
}

/// An editorial move.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetDraft {
    pub scope: Scope,
    pub at: Timestamp,
    pub draft: DraftId,
    pub if_revision: Option<i64>,
    pub to: DraftSetting,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DraftSetting {
    /// Of the current version: the next one has none.
    Review {
        review: Review,
        reason: Option<String>,
    },
    /// Refused by `core::draft::may_publish`; publishing a published one changes nothing.
    Publish,
    Unpublish,
    /// Soft: the row stays. Refused with `draft_busy` while a generation is live.
    Delete,
    /// Takes a deletion back.
    Undelete,
}

impl DraftSetting {
    pub fn review(review: Review, reason: Option<&str>) -> DraftSetting {
        DraftSetting::Review { review, reason: reason.map(str::to_owned) }
    }
}

/// That there is no such draft.
pub fn no_draft(id: DraftId) -> StoreError {
    StoreError::NotFound { what: "draft", id: id.to_string() }
}

/// The draft with the edited content as its next and current version, before its revision rises.
///
/// Errors: `NotFound` of a deleted one; `Refused`.
pub fn edited(before: &DraftRow, edit: &Edit) -> Result<DraftRow, StoreError> {
    if before.deleted_at.is_some() {
        return Err(no_draft(edit.draft));
    }
    check_revision(before, edit.if_revision)?;
    may_edit(facts(before))?;
    let versions = before.versions + 1;
    Ok(DraftRow {
        versions,
        current_version: versions,
        title: edit.content.title.clone(),
        status: DraftStatus::Draft,
        review: Review::None,
        review_reason: None,
        generated_at: Some(edit.at),
        ..before.clone()
    })
}

/// The draft after the move, before its revision rises, and the kind of event that tells of it. Equal to `before` when there is
/// nothing to do.
///
/// Errors: `NotFound` of a deleted one that is not to be taken back; `Refused`.
pub fn moved(before: &DraftRow, set: &SetDraft) -> Result<(DraftRow, &'static str), StoreError> {
    let of_deleted = matches!(set.to, DraftSetting::Delete | DraftSetting::Undelete);
    if before.deleted_at.is_some() && !of_deleted {
        return Err(no_draft(set.draft));
    }
    check_revision(before, set.if_revision)?;
    let mut row = before.clone();
    let kind = match &set.to {
        DraftSetting::Review { review, reason } => {
            row.review = *review;
            row.review_reason.clone_from(reason);
            UPDATED
        }
        DraftSetting::Publish => {
            may_publish(facts(before))?;
            row.status = DraftStatus::Published;
            row.published_at = before.published_at.or(Some(set.at));
            PUBLISHED
        }
        DraftSetting::Unpublish => {
            if before.status == DraftStatus::Published {
                row.status = DraftStatus::Draft;
                row.published_at = None;
            }
            UPDATED
        }
        DraftSetting::Delete => {
            if before.live_generation.is_some() {
                return Err(Refusal::DraftBusy.into());
            }
            row.deleted_at = before.deleted_at.or(Some(set.at));
            DELETED
        }
        DraftSetting::Undelete => {
            row.deleted_at = None;
            UPDATED
        }
    };
    Ok((row, kind))
}

fn facts(row: &DraftRow) -> DraftFacts {
    DraftFacts { status: row.status, has_version: row.versions > 0, busy: row.live_generation.is_some() }
}

fn check_revision(row: &DraftRow, expected: Option<i64>) -> Result<(), Refusal> {
    match expected {
        Some(revision) if revision != row.revision => Err(Refusal::VersionConflict { current: row.revision }),
        Some(_) | None => Ok(()),
    }
}
