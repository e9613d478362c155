//! Sources: where the items of a newsletter come from. Making and changing them is here; `fetch.rs` fetches them, on demand
//! and as their schedules say. What they brought is filled into requests by `filling.rs`.

mod fetch;
mod reading;

pub(crate) use fetch::spawn;
pub use reading::BODY_BYTES_MAX;

use crate::accept::NAME_BYTES_MAX;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::recall::{Looked, Recall};
use copydesk_core::recipe::items::cut;
use copydesk_core::refusal::Refusal;
use copydesk_core::source::{Kind, Schedule, title_of};
use copydesk_core::{ItemId, SourceId, Timestamp, UserId};
use copydesk_store::generations::Idempotency;
use copydesk_store::sources::{NewItem, SourceChange, SourceFilter, SourceRow, Whose, no_source};
use copydesk_store::{PageRequest, Scope, sources};
use uuid::Uuid;

/// How many sources a user may have, and everybody together.
pub const SOURCES_MAX: u32 = 200;
/// Units: characters.
pub const NAME_CHARS_MAX: usize = 200;
pub const TEXT_CHARS_MAX: usize = 20_000;
/// What the one item of a text is known by.
const TEXT_KEY: &str = "text";

/// What this process has read a moment ago.
#[derive(Default)]
pub(crate) struct Sources {
    /// Whether a workspace has any: those that have none ask once a second.
    any: Recall<bool>,
}

/// A source to be made.
#[derive(Clone, Debug)]
pub struct SourceOrder {
    pub scope: Scope,
    /// The application's name for whose it is; `None` is everybody's.
    pub user: Option<String>,
    pub kind: Kind,
    pub edit: SourceEdit,
    pub idempotency: Option<Idempotency>,
}

/// What a source would be and bring.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// As it would be after its first fetch.
    pub row: SourceRow,
    /// What its server answered.
    pub status: Option<u16>,
    pub items: Vec<NewItem>,
}

/// What is said of a source; what is not said stays.
#[derive(Clone, Debug, Default)]
pub struct SourceEdit {
    pub name: Option<String>,
    pub url: Option<String>,
    pub text: Option<String>,
    /// As [`Schedule`] reads it.
    pub schedule: Option<String>,
    pub paused: Option<bool>,
}

impl Desk {
    /// Errors: `Invalid` names everything that is wrong.
    pub async fn add_source(&self, order: SourceOrder) -> Result<SourceRow, DeskError> {
        let row = self.ordered(order)?;
        let items = self.text_item(&row, row.created_at);
        let said = |row: &SourceRow| (row.kind, row.name.clone(), row.url.clone(), row.text.clone(), row.owner());
        let wanted = said(&row);
        // From here the write must succeed.
        let kept = self.store().add_source(sources::NewSource { row, items, most: SOURCES_MAX }).await;
        self.inner.sources.any.forget(|_| true);
        self.inner.bells.sources.notify_one();
        let kept = kept?.ok_or_else(full)?;
        // The same request makes the same id; another one of the same key is another one.
        if kept.revision == 1 && said(&kept) != wanted {
            return Err(DeskError::Refused(Refusal::IdempotencyKeyReused));
        }
        Ok(kept)
    }

    /// What would be made of the order, and what it would bring: an address is fetched once. Nothing is written.
    ///
    /// Errors: as [`Desk::add_source`]; `Invalid` of an address where fetching is switched off.
    pub async fn try_source(&self, order: SourceOrder) -> Result<Outlook, DeskError> {
        let scope = order.scope.whole();
        let row = self.ordered(order)?;
        let whose = Some(row.owner().map_or(Whose::Everybodys, Whose::Own));
        let filter = SourceFilter { whose, ..SourceFilter::default() };
        let there = self.store().sources(scope, filter, PageRequest::newest(SOURCES_MAX)).await?.rows;
        if there.len() >= SOURCES_MAX as usize {
            return Err(full());
        }
        if !row.kind.is_fetched() {
            let items = self.text_item(&row, row.created_at);
            return Ok(Outlook { row, status: None, items });
        }
        self.try_fetch(row).await
    }

    /// The row that an order asks for.
    fn ordered(&self, order: SourceOrder) -> Result<SourceRow, DeskError> {
        let SourceOrder { scope, user, kind, edit, idempotency } = order;
        let mut faults = Vec::new();
        if user.as_ref().is_some_and(|user| user.is_empty() || user.len() > NAME_BYTES_MAX || user.contains('\0')) {
            let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without NUL");
            faults.push(Fault::new("/user", "bad_length", detail));
        }
        let user = user.map(|user| (UserId::from_external(scope.workspace, &user), user));
        let owner = user.as_ref().map(|(user, _)| *user);
        // A key of one user makes that user's; everybody's is not there for it to make.
        if scope.user.is_some() && scope.user != owner {
            let detail = "this key makes sources of its own user only";
            faults.push(Fault::new("/user", "not_allowed", detail));
        }
        let now = self.inner.now();
        let id = match &idempotency {
            Some(key) => {
                let name = format!("{:?} {:?} {:?}", key.owner, key.route, key.key);
                SourceId(Uuid::new_v5(&scope.workspace.0, name.as_bytes()))
            }
            None => SourceId(self.inner.world.uuid(now)),
        };
        let every = Schedule::Every(self.inner.config.fetch_every);
        let blank = blank(id, scope, kind, user, now, &every);
        let row = self.edited(blank, edit, now, &mut faults);
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        Ok(row)
    }

    /// Changes what the edit names. `revision` is the one the caller has seen.
    pub async fn edit_source(
        &self,
        scope: Scope,
        id: SourceId,
        revision: Option<i64>,
        edit: SourceEdit,
    ) -> Result<SourceRow, DeskError> {
        let before = self.store().source(scope, id).await?;
        self.may_change(scope, &before)?;
        if let Some(seen) = revision.filter(|seen| *seen != before.revision) {
            tracing::debug!(seen, "a source was changed by somebody else");
            return Err(DeskError::Refused(Refusal::VersionConflict { current: before.revision }));
        }
        let (now, mut faults) = (self.inner.now(), Vec::new());
        let row = self.edited(before.clone(), edit, now, &mut faults);
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let changed = (&row.name, &row.text) != (&before.name, &before.text);
        let items = if changed { self.text_item(&row, now) } else { Vec::new() };
        let change = SourceChange {
            scope,
            id,
            revision: before.revision,
            at: now,
            anew: row.url != before.url,
            name: row.name,
            url: row.url,
            text: row.text,
            schedule: row.schedule,
            next_at: row.next_at,
            paused_at: row.paused_at,
            items,
        };
        let row = self.store().change_source(change).await?;
        self.inner.bells.sources.notify_one();
        Ok(row)
    }

    /// Everybody's are read by keys of one user, and not changed by them: to them they are not there to be changed.
    fn may_change(&self, scope: Scope, row: &SourceRow) -> Result<(), DeskError> {
        match scope.user {
            Some(user) if row.owner() != Some(user) => Err(no_source(row.id).into()),
            Some(_) | None => Ok(()),
        }
    }

    /// The row with what the edit says of it.
    fn edited(&self, row: SourceRow, edit: SourceEdit, now: Timestamp, faults: &mut Vec<Fault>) -> SourceRow {
        let mut row = row;
        let fetched = row.kind.is_fetched();
        if let Some(url) = edit.url {
            match self.inner.hooks.courier.readable(url.trim()) {
                Ok(url) if fetched => row.url = Some(url),
                Ok(_) => {
                    faults.push(Fault::new("/url", "not_allowed", "a source of this kind has a text and no address"))
                }
                Err(bad) => faults.push(Fault::new("/url", bad.code, bad.detail)),
            }
        } else if fetched && row.url.is_none() {
            faults.push(Fault::new("/url", "required", "it is missing: the address of the feed or page"));
        }
        match edit.text {
            Some(_) if fetched => {
                faults.push(Fault::new("/text", "not_allowed", "a feed or page has an address and no text of its own"));
            }
            Some(text) => row.text = Some(text),
            None => {}
        }
        let chars = row.text.as_ref().map_or(0, |text| text.chars().count());
        let blank = row.text.as_ref().is_none_or(|text| text.trim().is_empty());
        if !fetched && (blank || chars > TEXT_CHARS_MAX) {
            let detail = format!("it must have 1 to {TEXT_CHARS_MAX} characters; it has {chars}");
            faults.push(Fault::new("/text", "bad_length", detail));
        }
        if let Some(name) = edit.name {
            let long = name.chars().count() > NAME_CHARS_MAX;
            if long || name.trim().is_empty() || name.contains('\0') {
                let detail = format!("it must have 1 to {NAME_CHARS_MAX} characters without NUL");
                faults.push(Fault::new("/name", "bad_length", detail));
            }
            row.name = name.trim().to_owned();
        } else if row.name.is_empty() {
            row.name = row.url.clone().or_else(|| title_of(row.text.as_deref()?)).unwrap_or_default();
            row.name = cut(&row.name, NAME_CHARS_MAX);
        }
        self.timed(row, edit.schedule, edit.paused, now, faults)
    }

    fn timed(
        &self,
        mut row: SourceRow,
        schedule: Option<String>,
        paused: Option<bool>,
        now: Timestamp,
        faults: &mut Vec<Fault>,
    ) -> SourceRow {
        let fetched = row.kind.is_fetched();
        match schedule.as_deref().map(str::parse::<Schedule>) {
            Some(_) if !fetched => {
                faults.push(Fault::new("/schedule", "not_allowed", "a text is not fetched, so it has no schedule"));
            }
            Some(Ok(schedule)) => {
                row.schedule = schedule.to_string();
                // One that was never fetched is due at once.
                row.next_at = Some(if row.fetched_at.is_some() { schedule.next(now) } else { now });
            }
            Some(Err(bad)) => faults.push(Fault::new("/schedule", "bad_schedule", bad.to_string())),
            None => {}
        }
        match paused {
            Some(true) if fetched => row.paused_at = row.paused_at.or(Some(now)),
            Some(true) => faults.push(Fault::new("/paused", "not_allowed", "a text is not fetched: remove it instead")),
            // One that is resumed is due at once.
            Some(false) if row.paused_at.is_some() => (row.paused_at, row.next_at) = (None, Some(now)),
            Some(false) | None => {}
        }
        row
    }

    /// The one item of a source that carries its text.
    fn text_item(&self, row: &SourceRow, now: Timestamp) -> Vec<NewItem> {
        let Some(text) = &row.text else { return Vec::new() };
        let title = match row.kind {
            Kind::Markdown => title_of(text).unwrap_or_else(|| row.name.clone()),
            Kind::Text | Kind::Feed | Kind::Page => row.name.clone(),
        };
        let (id, key, text) = (ItemId(self.inner.world.uuid(now)), TEXT_KEY.to_owned(), Some(text.clone()));
        vec![NewItem { id, key, title, link: None, text, published_at: None }]
    }

    /// Whether a workspace has any source.
    pub(crate) async fn has_sources(&self, scope: Scope) -> Result<bool, DeskError> {
        let mut place = [0; 32];
        place[..16].copy_from_slice(scope.workspace.0.as_bytes());
        let any = &self.inner.sources.any;
        let asked = match any.look(&place, self.inner.world.steady()) {
            Looked::Fresh(any) => return Ok(*any),
            Looked::Stale(asked) => asked,
        };
        let first = self.store().sources(scope, SourceFilter::default(), PageRequest::newest(1)).await?;
        Ok(*any.learn(place, asked, !first.rows.is_empty()))
    }
}

fn full() -> DeskError {
    let detail = format!("there are {SOURCES_MAX} sources already, which is the most: remove one first");
    DeskError::invalid("", "too_many", detail)
}

fn blank(
    id: SourceId,
    scope: Scope,
    kind: Kind,
    user: Option<(UserId, String)>,
    now: Timestamp,
    every: &Schedule,
) -> SourceRow {
    let fetched = kind.is_fetched();
    SourceRow {
        id,
        workspace: scope.workspace,
        user,
        kind,
        name: String::new(),
        url: None,
        text: None,
        schedule: if fetched { every.to_string() } else { String::new() },
        trouble: None,
        trouble_since: None,
        failures: 0,
        fetched_at: (!fetched).then_some(now),
        next_at: fetched.then_some(now),
        leased_until: None,
        paused_at: None,
        etag: None,
        last_modified: None,
        feed_url: None,
        fetches: 0,
        new_items: 0,
        items: 0,
        revision: 1,
        created_at: now,
        updated_at: now,
    }
}
