//! Bulk actions and their items. Opening one writes nothing but itself; its items are gathered in pieces, each fenced by the
//! place the walk had come to, and end in pieces. The counts are written with what they count.

use crate::events::NewEvent;
use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::bulk::{Action, Bulk, BulkStatus, Changed, Kind, Outcome, Tally};
use copydesk_core::job::Note;
use copydesk_core::{BulkId, GenerationId, KeyId, Timestamp, UserId};
use uuid::Uuid;

pub trait BulkStore: Send + Sync {
    /// Makes the bulk action exist, with an event. The same idempotency key and request are answered with the first one.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`.
    fn open_bulk(&self, new: NewBulk) -> Answer<'_, Opened>;

    fn bulk(&self, scope: Scope, id: BulkId) -> Answer<'_, BulkRow>;

    /// In the order of their ids.
    fn bulks(&self, scope: Scope, filter: BulkFilter, page: PageRequest) -> Answer<'_, Page<BulkRow>>;

    /// Adds items and moves the walk on; what is an item already is left out. Nothing is written when the walk is not at
    /// `gather.from` any more: somebody else was there. The bulk action as it is then.
    fn gather(&self, gather: Gather) -> Answer<'_, BulkRow>;

    /// In the order of what they stand for, which is the order in which that was made. A cursor is the bare id.
    fn bulk_items(
        &self,
        scope: Scope,
        bulk: BulkId,
        filter: BulkItemFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<BulkItemRow>>;

    /// Says what came of items. One that is not open is left alone. The bulk action as it is then.
    fn end_bulk_items(&self, ends: EndBulkItems) -> Answer<'_, BulkRow>;

    /// Lets no further item be acted on.
    ///
    /// Errors: `Refused(AlreadyTerminal)` for one that is completed.
    fn cancel_bulk(&self, scope: Scope, id: BulkId, at: Timestamp) -> Answer<'_, BulkRow>;

    /// Bulk actions of all workspaces that have not ended. By their ids, after `after`.
    fn bulks_at_work(&self, after: Option<BulkId>, limit: u32) -> Answer<'_, Vec<BulkRow>>;
}

/// What a bulk action is made with, and never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkFacts {
    pub id: BulkId,
    pub scope: Scope,
    /// Whose things it may touch; `None` is everybody's.
    pub user: Option<UserId>,
    pub key: Option<KeyId>,
    pub action: Action,
    pub kind: Kind,
    /// Which ones, and how it is done, as JSON text.
    pub spec: String,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBulk {
    pub facts: BulkFacts,
    /// Where gathering begins; `None` when `items` are all.
    pub walk: Option<String>,
    /// Those that are known from the start, each once.
    pub items: Vec<Uuid>,
    pub idempotency: Option<Idempotency>,
}

/// How a bulk action was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    New(BulkRow),
    /// The idempotency key was used before for the same request.
    Replayed(BulkRow),
}

impl Opened {
    pub fn row(&self) -> &BulkRow {
        match self {
            Opened::New(row) | Opened::Replayed(row) => row,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkRow {
    pub facts: BulkFacts,
    pub bulk: Bulk,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BulkFilter {
    pub status: Option<BulkStatus>,
    pub user: Option<UserId>,
}

/// A piece of what a bulk action concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gather {
    pub scope: Scope,
    pub bulk: BulkId,
    pub at: Timestamp,
    /// Where the walk was when this piece was read.
    pub from: String,
    /// Where it goes on; `None` when this is the last piece.
    pub to: Option<String>,
    pub items: Vec<Uuid>,
    pub note: Option<Note>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BulkItemFilter {
    pub outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkItemRow {
    /// The generation or draft.
    pub item: Uuid,
    pub outcome: Outcome,
    /// Why it failed or was skipped.
    pub note: Option<Note>,
    /// The generation that a retry made.
    pub made: Option<GenerationId>,
}

/// What came of one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkItemEnd {
    pub item: Uuid,
    /// Not open.
    pub outcome: Outcome,
    pub note: Option<Note>,
    pub made: Option<GenerationId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndBulkItems {
    pub scope: Scope,
    pub bulk: BulkId,
    pub at: Timestamp,
    pub ends: Vec<BulkItemEnd>,
}

/// That there is no such bulk action.
pub fn no_bulk(id: BulkId) -> StoreError {
    StoreError::NotFound { what: "bulk action", id: id.to_string() }
}

/// A bulk action as opening makes it.
pub fn new_bulk(new: &NewBulk) -> Changed {
    let BulkFacts { id, scope, user, action, created_at, .. } = &new.facts;
    let empty = Bulk {
        id: *id,
        workspace: scope.workspace,
        user: *user,
        action: *action,
        status: BulkStatus::Gathering,
        walk: None,
        tally: Tally::default(),
        note: None,
        updated_at: *created_at,
        finished_at: None,
        told_at: None,
    };
    empty.gathered(new.items.len() as u64, new.walk.clone(), None, *created_at)
}

/// The event of a change, if it is told.
pub fn told(changed: &Changed) -> Option<NewEvent<'static>> {
    let Changed { bulk, news } = changed;
    let Tally { open, done, skipped, failed } = bulk.tally;
    let data = format!(
        "{{\"bulk\":\"{}\",\"action\":\"{}\",\"status\":\"{}\",\"total\":{},\"counts\":{{\"open\":{open},\"done\":{done},\
         \"skipped\":{skipped},\"failed\":{failed}}}}}",
        bulk.id,
        bulk.action.as_str(),
        bulk.status,
        bulk.tally.total(),
    );
    let (workspace, user, at) = (bulk.workspace, bulk.user, bulk.updated_at);
    (*news).map(|news| NewEvent {
        workspace,
        kind: news.as_str(),
        generation: None,
        draft: None,
        user,
        at,
        data: data.into(),
    })
}
