//! Names that one draft at most may have, whoever asks at the same time. Engines find who has a name, with nobody between the
//! look and the write; what that means is decided here.

use crate::generations::Slot;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, UserId};

/// A name that one draft at most is to have, whoever asks at the same time. A draft that is not deleted refuses the request
/// ([`Refusal::DraftExists`]), unless it is the one to be filled, has no version and nothing is filling it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Once {
    pub external_id: String,
    /// Among this user's drafts; `None` is the workspace's.
    pub user: Option<UserId>,
    /// Among drafts that are newer than this one: what came before it is followed up.
    pub after: Option<DraftId>,
}

/// A draft that has the name, as [`Once`] looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named {
    pub draft: DraftId,
    pub user: UserId,
    pub live: Option<GenerationId>,
    pub has_version: bool,
}

impl Once {
    /// Errors: `DraftExists` with the newest of `there` that is in the way.
    pub fn check(&self, slot: &Slot, there: &[Named]) -> Result<(), Refusal> {
        let refilled = match slot {
            Slot::New { .. } => None,
            Slot::Existing(draft) => Some(*draft),
        };
        let in_the_way = |named: &&Named| {
            self.user.is_none_or(|user| named.user == user)
                && self.after.is_none_or(|after| named.draft > after)
                && (refilled != Some(named.draft) || named.has_version || named.live.is_some())
        };
        match there.iter().filter(in_the_way).max_by_key(|named| named.draft) {
            Some(named) => Err(Refusal::DraftExists { draft: named.draft, generation: named.live }),
            None => Ok(()),
        }
    }
}
