//! The auditor: every invariant that is visible in data, proved on live data, whole in one snapshot or slice by slice. A
//! slice is a span of one key space; the statements are the same either way. What slices find is kept until it is gone.
//! Repairs nothing.

use crate::Answer;
use crate::events::NewEvent;
use copydesk_core::{GenerationId, NodeId, Timestamp, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many findings stand open at most. What is found beyond them is found again when some of these are gone.
pub const FINDINGS_OPEN_MAX: u64 = 10_000;
/// The event a new finding makes in its workspace, or in the default one where its rows do not say whose they are.
pub const VIOLATED: &str = "promise.violated";

pub trait AuditStore: Send + Sync {
    /// Proves everything at one instant. Empty means that nothing was found. Takes time and memory bandwidth in proportion
    /// to all there is, and keeps its snapshot as long.
    fn audit(&self) -> Answer<'_, Vec<Finding>>;

    /// Makes `node` the one that audits until `until`, unless another one does, and says how far the round is. The first
    /// claim of all begins with the round `first`.
    fn claim_audit(&self, node: NodeId, now: Timestamp, until: Timestamp, first: Round) -> Answer<'_, Option<Round>>;

    /// Proves a slice, at one instant. Writes nothing.
    fn prove(&self, slice: Slice) -> Answer<'_, Proved>;

    /// Keeps what a slice found and how far the round is now. Findings that stood open in the slice and were not found
    /// again are gone. `None` when the node audits no more: nothing was written.
    fn record_proof(&self, record: Record) -> Answer<'_, Option<Recorded>>;

    /// How far the round is, and how many findings stand open, by check.
    fn audit_state(&self) -> Answer<'_, AuditState>;

    /// At most `limit` findings that stand open, by check and place.
    fn open_findings(&self, limit: u32) -> Answer<'_, Vec<FindingRow>>;
}

/// A broken invariant on live data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// Name of the check, the same in every engine (`docs/audit.md`).
    pub check: &'static str,
    /// The row it was found on.
    pub subject: String,
    pub detail: String,
}

/// What is walked through in one order of keys. A round goes through all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Space {
    /// By id, which is by time of accept.
    Generations,
    /// By workspace and id.
    Drafts,
    /// Links of the ledger's chains, by workspace, user and number. An account belongs behind its last link.
    Ledger,
    /// Series of the usage totals, by number.
    Series,
    /// By id; one is summed up at a time.
    Workspaces,
    /// Jobs, bulk actions and mailings by id; one's items are counted at a time.
    Jobs,
    /// What waits or runs now, and its locks: one slice.
    Live,
}

impl Space {
    /// In the order of a round.
    pub const ALL: [Space; 7] =
        [Self::Generations, Self::Drafts, Self::Ledger, Self::Series, Self::Workspaces, Self::Jobs, Self::Live];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Space::Generations => "generations",
            Space::Drafts => "drafts",
            Space::Ledger => "ledger",
            Space::Series => "series",
            Space::Workspaces => "workspaces",
            Space::Jobs => "jobs",
            Space::Live => "live",
        }
    }
    pub fn parse(word: &str) -> Option<Space> {
        Self::ALL.into_iter().find(|space| space.as_str() == word)
    }
    /// The one behind this in a round.
    pub fn next(self) -> Option<Space> {
        Self::ALL.into_iter().find(|space| *space > self)
    }
}

/// A place in a space. What a space does not need of it is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub first: Uuid,
    pub second: Uuid,
    /// Never below zero.
    pub number: i64,
}

impl Place {
    /// Before everything.
    pub const START: Place = Place { first: Uuid::nil(), second: Uuid::nil(), number: 0 };
    /// Behind everything.
    pub const END: Place = Place { first: Uuid::max(), second: Uuid::max(), number: i64::MAX };

    pub const fn of_id(id: Uuid) -> Place {
        Place { first: id, ..Place::START }
    }
    pub const fn of_pair(first: Uuid, second: Uuid) -> Place {
        Place { first, second, ..Place::START }
    }
    /// Behind the last link of an account.
    pub const fn of_account(workspace: Uuid, user: Uuid) -> Place {
        Place { first: workspace, second: user, number: i64::MAX }
    }
    pub const fn of_number(number: i64) -> Place {
        Place { number, ..Place::START }
    }
    /// Before every id made at `at` or later.
    pub fn of_time(at: Timestamp) -> Place {
        let ms = u128::try_from(at.micros() / 1_000).unwrap_or(0);
        Place::of_id(Uuid::from_u128(ms << 80))
    }

    /// As it is stored: bytes in the order of places.
    pub fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(self.first.as_bytes());
        bytes[16..32].copy_from_slice(self.second.as_bytes());
        bytes[32..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }
    pub fn from_bytes(bytes: [u8; 40]) -> Place {
        let (mut first, mut second, mut number) = ([0; 16], [0; 16], [0; 8]);
        first.copy_from_slice(&bytes[..16]);
        second.copy_from_slice(&bytes[16..32]);
        number.copy_from_slice(&bytes[32..]);
        Place { first: Uuid::from_bytes(first), second: Uuid::from_bytes(second), number: i64::from_be_bytes(number) }
    }
}

/// A part of a space: what lies behind `after`, up to `upto` and with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub space: Space,
    pub after: Place,
    pub upto: Place,
}

impl Span {
    pub const fn whole(space: Space) -> Span {
        Span { space, after: Place::START, upto: Place::END }
    }
    pub fn holds(&self, place: Place) -> bool {
        self.after < place && place <= self.upto
    }
}

/// What is to be proved: the first `limit` keys of a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    pub span: Span,
    pub limit: u32,
}

/// What was proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proved {
    /// The part that was; its `upto` is the slice's when nothing is left of it.
    pub span: Span,
    /// How many keys that were.
    pub rows: u64,
    pub found: Vec<Found>,
}

/// A finding at its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub finding: Finding,
    pub place: Place,
    pub workspace: Option<WorkspaceId>,
    /// Where it is about one.
    pub generation: Option<GenerationId>,
}

/// How far the audit is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    pub began_at: Timestamp,
    /// When the last whole round ended.
    pub ended_at: Option<Timestamp>,
    /// How many whole rounds there were.
    pub rounds: u64,
    /// Where the round goes on.
    pub space: Space,
    pub after: Place,
    /// Up to where generations were proved when they were new.
    pub fresh: Place,
    /// How many keys this round has proved, and how many the last whole one.
    pub rows: u64,
    pub rows_before: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub node: NodeId,
    pub at: Timestamp,
    /// What holds after it.
    pub round: Round,
    pub proved: Proved,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Those that did not stand open before.
    pub new: Vec<Finding>,
    pub gone: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditState {
    /// `None` before the first claim.
    pub round: Option<Round>,
    pub open: Vec<(String, u64)>,
}

/// A finding as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingRow {
    pub check: String,
    pub subject: String,
    pub detail: String,
    pub workspace: Option<WorkspaceId>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
}

/// What tells findings apart.
pub type FindingKey = (String, Place, String);

impl Found {
    pub fn key(&self) -> FindingKey {
        (self.finding.check.to_owned(), self.place, self.finding.subject.clone())
    }
    /// The event that announces it, in its workspace or, where it has none, in the operator's.
    pub fn event(&self, at: Timestamp) -> NewEvent<'static> {
        let Finding { check, subject, detail } = &self.finding;
        let facts = serde_json::json!({ "check": check, "subject": subject, "detail": detail });
        NewEvent {
            workspace: self.workspace.unwrap_or(WorkspaceId::DEFAULT),
            kind: VIOLATED,
            generation: self.generation,
            draft: None,
            user: None,
            at,
            data: facts.to_string().into(),
        }
    }
}

/// What a slice's findings change of those that stood open in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Each once; those with `true` did not stand open.
    pub seen: Vec<(Found, bool)>,
    pub gone: Vec<FindingKey>,
}

impl Changes {
    /// `known` stood open in the slice, `open` stand open in all.
    pub fn of(known: &BTreeSet<FindingKey>, found: &[Found], open: u64) -> Changes {
        let found: BTreeMap<FindingKey, &Found> = found.iter().map(|one| (one.key(), one)).collect();
        let mut room = FINDINGS_OPEN_MAX.saturating_sub(open);
        let mut seen = Vec::new();
        for (key, one) in &found {
            let new = !known.contains(key);
            if new && room == 0 {
                continue;
            }
            room -= u64::from(new);
            seen.push(((*one).clone(), new));
        }
        Changes { seen, gone: known.iter().filter(|key| !found.contains_key(*key)).cloned().collect() }
    }

    pub fn recorded(&self) -> Recorded {
        let new = self.seen.iter().filter(|(_, new)| *new).map(|(found, _)| found.finding.clone());
        Recorded { new: new.collect(), gone: self.gone.len() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_places_stand_in_the_order_of_places() {
        let id = |n: u128| Uuid::from_u128(n);
        let places = [
            Place::START,
            Place::of_number(7),
            Place::of_number(300),
            Place::of_pair(id(0), id(9)),
            Place::of_id(id(1)),
            Place::of_pair(id(1), id(1)),
            Place::of_account(id(1), id(1)),
            Place::of_pair(id(1), id(2)),
            Place::END,
        ];
        for pair in places.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].to_bytes() < pair[1].to_bytes(), "{pair:?}");
        }
        for place in places {
            assert_eq!(Place::from_bytes(place.to_bytes()), place);
        }
    }

    #[test]
    fn a_finding_is_new_once_known_while_it_is_found_and_gone_when_it_is_not() {
        let one = |subject: &str| Found {
            finding: Finding { check: "hold_balances", subject: subject.to_owned(), detail: "x".to_owned() },
            place: Place::of_number(1),
            workspace: None,
            generation: None,
        };
        let known = BTreeSet::from([one("a").key(), one("b").key()]);
        let changes = Changes::of(&known, &[one("b"), one("c"), one("c")], 2);
        assert_eq!(changes.seen, [(one("b"), false), (one("c"), true)]);
        assert_eq!(changes.gone, [one("a").key()]);
        let full = Changes::of(&known, &[one("b"), one("c")], FINDINGS_OPEN_MAX);
        assert_eq!(full.seen, [(one("b"), false)], "there is no room for another");
    }
}
