//! Sources and their items: who has which, what was found, and who fetches one just now.
//!
//! A source is leased by who fetches it. [`SourceRow::leased_until`] is the lease and the fence: the write that ends a fetch
//! names it, and matches nothing once it is another one, because the lease ran out or the source was changed meanwhile.

use crate::events::NewEvent;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::source::{Kind, State, Trouble};
use copydesk_core::{ItemId, SourceId, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

/// The kinds of the events that say that a source fails, and that it is well again.
pub const FAILED: &str = "source.failed";
pub const RECOVERED: &str = "source.recovered";
/// How many fetches of a source are remembered.
pub const FETCHES_KEPT: i64 = 100;

pub trait SourceStore: Send + Sync {
    /// Stores a source with the items it begins with, if its owner (or everybody together) has fewer than the most. One
    /// with this id is left as it is. `None`: there are as many as there may be, and nothing was written.
    fn add_source(&self, new: NewSource) -> Answer<'_, Option<SourceRow>>;

    /// Errors: `NotFound`.
    fn source(&self, scope: Scope, id: SourceId) -> Answer<'_, SourceRow>;

    /// In the order of their ids.
    fn sources(&self, scope: Scope, filter: SourceFilter, page: PageRequest) -> Answer<'_, Page<SourceRow>>;

    /// Writes what its owner may change over the revision that was read, and takes the source from whoever fetches it.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn change_source(&self, change: SourceChange) -> Answer<'_, SourceRow>;

    /// Removes it with its items and its log. `None` as revision removes whatever is there.
    ///
    /// Errors: `NotFound`; `Refused(VersionConflict)`.
    fn remove_source(&self, scope: Scope, id: SourceId, revision: Option<i64>) -> Answer<'_, ()>;

    /// Leases sources to who fetches them: those that are due and nobody fetches, the longest due first. One that is named
    /// is due whenever it has an address, whether paused or not; it is not among them while somebody else fetches it.
    fn claim_sources(&self, claim: ClaimSources) -> Answer<'_, Vec<SourceRow>>;

    /// Writes what came of a fetch: items, state, log, the next time, and the event if that is news. `None` is that the
    /// lease is not the writer's any more; nothing was written then.
    fn finish_fetch(&self, done: FinishFetch) -> Answer<'_, Option<Found>>;

    /// Its fetches, by number.
    fn fetches(&self, scope: Scope, id: SourceId, page: PageRequest) -> Answer<'_, Page<FetchRow>>;
}

pub trait SourceItemStore: Send + Sync {
    /// In the order of their ids, which is the one in which they were first seen.
    fn source_items(&self, scope: Scope, filter: ItemsOf, page: PageRequest) -> Answer<'_, Page<SourceItem>>;

    /// What a newsletter of this user is made of: of his own sources and everybody's, texts that were given whatever their
    /// age and what was published (or, where nothing says when, seen) since; the newest first.
    fn recent_items(&self, scope: Scope, user: UserId, since: Timestamp, limit: u32) -> Answer<'_, Vec<SourceItem>>;

    /// Removes items that no fetch has seen since, except texts that were given; how many.
    fn forget_items(&self, unseen_since: Timestamp, limit: u32) -> Answer<'_, u64>;

    /// How many items that would remove, without a limit.
    fn items_to_forget(&self, unseen_since: Timestamp) -> Answer<'_, u64>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceRow {
    pub id: SourceId,
    pub workspace: WorkspaceId,
    /// Whose it is, with the application's name for him; `None` is everybody's.
    pub user: Option<(UserId, String)>,
    pub kind: Kind,
    pub name: String,
    /// Of one that is fetched.
    pub url: Option<String>,
    /// Of one that is not.
    pub text: Option<String>,
    /// As [`copydesk_core::source::Schedule`] prints itself.
    pub schedule: String,
    pub trouble: Option<Trouble>,
    pub trouble_since: Option<Timestamp>,
    /// In a row.
    pub failures: u32,
    /// The last fetch that went well.
    pub fetched_at: Option<Timestamp>,
    /// Of one that is fetched.
    pub next_at: Option<Timestamp>,
    pub leased_until: Option<Timestamp>,
    pub paused_at: Option<Timestamp>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Of a page: the feed it names.
    pub feed_url: Option<String>,
    /// All fetches so far.
    pub fetches: i64,
    /// New at the last fetch that went well.
    pub new_items: u32,
    pub items: u64,
    /// Rises with every change its owner makes: the ETag.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl SourceRow {
    pub fn state(&self) -> State {
        State::of(self.fetched_at.is_some(), self.trouble.is_some(), self.paused_at.is_some())
    }
    pub fn owner(&self) -> Option<UserId> {
        self.user.as_ref().map(|(user, _)| *user)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSource {
    pub row: SourceRow,
    pub items: Vec<NewItem>,
    /// How many its owner may have.
    pub most: u32,
}

/// A source as its owner wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceChange {
    pub scope: Scope,
    pub id: SourceId,
    /// The one it was read with.
    pub revision: i64,
    pub at: Timestamp,
    pub name: String,
    pub url: Option<String>,
    pub text: Option<String>,
    pub schedule: String,
    pub next_at: Option<Timestamp>,
    pub paused_at: Option<Timestamp>,
    /// What servers said of the old address is forgotten.
    pub anew: bool,
    /// Of one that carries its text.
    pub items: Vec<NewItem>,
}

/// Whose sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    Everybodys,
    Own(UserId),
    /// His own and everybody's.
    For(UserId),
}

impl Whose {
    /// The two users whose rows are meant; everybody is the user of zeros.
    pub fn users(self) -> (Uuid, Uuid) {
        match self {
            Whose::Everybodys => (Uuid::nil(), Uuid::nil()),
            Whose::Own(user) => (user.0, user.0),
            Whose::For(user) => (user.0, Uuid::nil()),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceFilter {
    pub whose: Option<Whose>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ItemsOf {
    pub source: Option<SourceId>,
    pub whose: Option<Whose>,
    /// Published, or where nothing says when, seen.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimSources {
    pub now: Timestamp,
    pub until: Timestamp,
    pub limit: u32,
    /// This one, due or not.
    pub only: Option<(WorkspaceId, SourceId)>,
}

/// One entry that a fetch brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewItem {
    /// Of one that is new.
    pub id: ItemId,
    /// Within its source: [`copydesk_core::source::key_of`].
    pub key: String,
    pub title: String,
    pub link: Option<String>,
    pub text: Option<String>,
    pub published_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinishFetch {
    pub workspace: WorkspaceId,
    pub source: SourceId,
    /// The lease it was claimed with.
    pub lease: Timestamp,
    pub at: Timestamp,
    /// No two of one key.
    pub items: Vec<NewItem>,
    /// `None` is that it went well.
    pub trouble: Option<Trouble>,
    pub next_at: Timestamp,
    /// It is paused from now on: its server says that it is gone.
    pub pause: bool,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub feed_url: Option<String>,
    pub began_at: Timestamp,
    pub ms: u64,
    pub status: Option<u16>,
    /// Entries that were read.
    pub fetched: u32,
}

/// What of a fetch was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Found {
    pub new: u32,
    pub updated: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchRow {
    /// From 1, for each source.
    pub number: i64,
    pub at: Timestamp,
    pub ms: u64,
    pub status: Option<u16>,
    pub fetched: u32,
    pub found: Found,
    pub trouble: Option<Trouble>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceItem {
    pub id: ItemId,
    pub source: SourceId,
    pub source_name: String,
    pub title: String,
    pub link: Option<String>,
    pub text: Option<String>,
    pub published_at: Option<Timestamp>,
    /// First, and by the last fetch that brought it.
    pub seen_at: Timestamp,
    pub last_seen_at: Timestamp,
}

/// The event of a fetch, where it is news.
pub fn news(before: &SourceRow, done: &FinishFetch) -> Option<NewEvent<'static>> {
    let (kind, trouble) = match (&before.trouble, &done.trouble) {
        (None, Some(trouble)) => (FAILED, Some(trouble)),
        (Some(_), None) => (RECOVERED, None),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    let error = trouble.map(|trouble| serde_json::json!({"code": trouble.code, "message": trouble.message}));
    let data = serde_json::json!({"source_id": before.id.to_string(), "name": before.name, "error": error});
    let (workspace, user) = (done.workspace, before.owner());
    Some(NewEvent { workspace, kind, generation: None, draft: None, user, at: done.at, data: data.to_string().into() })
}

/// That there is no such source.
pub fn no_source(id: impl std::fmt::Display) -> StoreError {
    StoreError::NotFound { what: "source", id: id.to_string() }
}
