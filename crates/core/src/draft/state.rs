//! The states of a draft and the rules of its editorial life. Generations move a draft only by
//! [`crate::generation::DraftMove`]; people move it by the functions here.

use crate::generation::DraftMove;
use crate::refusal::Refusal;
use std::fmt;

/// The status words of a draft, as they stand on disk and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum DraftStatus {
    /// Accepted; its first generation waits.
    Pending,
    /// Its first generation is being worked on.
    Processing,
    /// It has content, is private and can be edited.
    Draft,
    /// Released; never changed again unless it is unpublished.
    Published,
    /// Its only generation failed: there is no content.
    Failed,
    /// Its only generation was cancelled: there is no content.
    Cancelled,
}

impl DraftStatus {
    pub const ALL: [DraftStatus; 6] =
        [Self::Pending, Self::Processing, Self::Draft, Self::Published, Self::Failed, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
    pub fn parse(word: &str) -> Option<DraftStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The status after a generation's order. A draft that has a version keeps its status, except that new content
    /// never arrives in a published one (regenerating it was refused at accept).
    pub fn after(self, order: DraftMove, has_version: bool) -> DraftStatus {
        match order {
            DraftMove::Fill => match self {
                Self::Published => Self::Published,
                Self::Pending | Self::Processing | Self::Draft | Self::Failed | Self::Cancelled => Self::Draft,
            },
            DraftMove::ToPending | DraftMove::ToProcessing | DraftMove::ToFailed | DraftMove::ToCancelled
                if has_version =>
            {
                self
            }
            DraftMove::ToPending => Self::Pending,
            DraftMove::ToProcessing => Self::Processing,
            DraftMove::ToFailed => Self::Failed,
            DraftMove::ToCancelled => Self::Cancelled,
        }
    }
}

/// What the editorial rules need to know of a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DraftFacts {
    pub status: DraftStatus,
    pub has_version: bool,
    /// A generation of this draft is live.
    pub busy: bool,
}

/// Whether a person may change the content (edit, restore). Editing beside a running regeneration is allowed: the
/// generated text then becomes a version of its own and the edited one stays current.
pub fn may_edit(draft: DraftFacts) -> Result<(), Refusal> {
    match draft.status {
        DraftStatus::Published => Err(Refusal::DraftPublished),
        DraftStatus::Pending | DraftStatus::Processing => Err(Refusal::DraftBusy),
        DraftStatus::Failed | DraftStatus::Cancelled if !draft.has_version => Err(Refusal::DraftEmpty),
        DraftStatus::Draft | DraftStatus::Failed | DraftStatus::Cancelled => Ok(()),
    }
}

/// Whether it may be published: it has content and no generation is about to change it.
pub fn may_publish(draft: DraftFacts) -> Result<(), Refusal> {
    match draft.status {
        DraftStatus::Published => Ok(()),
        _ if draft.busy => Err(Refusal::DraftBusy),
        DraftStatus::Draft => Ok(()),
        DraftStatus::Pending | DraftStatus::Processing | DraftStatus::Failed | DraftStatus::Cancelled => {
            Err(Refusal::DraftEmpty)
        }
    }
}

/// Whether a new generation may fill it.
pub fn may_regenerate(draft: DraftFacts) -> Result<(), Refusal> {
    match draft.status {
        DraftStatus::Published => Err(Refusal::DraftPublished),
        DraftStatus::Pending
        | DraftStatus::Processing
        | DraftStatus::Draft
        | DraftStatus::Failed
        | DraftStatus::Cancelled => Ok(()),
    }
}

impl fmt::Display for DraftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for DraftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(status: DraftStatus, has_version: bool, busy: bool) -> DraftFacts {
        DraftFacts { status, has_version, busy }
    }

    #[test]
    fn seed_s0_b19_a_generating_or_failed_draft_cannot_be_published_or_edited() {
        for status in [DraftStatus::Pending, DraftStatus::Processing] {
            assert_eq!(may_publish(facts(status, false, true)), Err(Refusal::DraftBusy));
            assert_eq!(may_edit(facts(status, false, true)), Err(Refusal::DraftBusy));
        }
        assert_eq!(may_publish(facts(DraftStatus::Failed, false, false)), Err(Refusal::DraftEmpty));
    }

    #[test]
    fn seed_s0_b18_a_published_draft_is_never_regenerated_or_edited() {
        let published = facts(DraftStatus::Published, true, false);
        assert_eq!(may_regenerate(published), Err(Refusal::DraftPublished));
        assert_eq!(may_edit(published), Err(Refusal::DraftPublished));
    }

    #[test]
    fn a_draft_with_a_version_stays_a_draft_while_a_regeneration_runs_and_fails() {
        for order in [DraftMove::ToPending, DraftMove::ToProcessing, DraftMove::ToFailed, DraftMove::ToCancelled] {
            assert_eq!(DraftStatus::Draft.after(order, true), DraftStatus::Draft);
        }
        assert_eq!(DraftStatus::Processing.after(DraftMove::ToFailed, false), DraftStatus::Failed);
    }
}
