//! Fetching: the duty of every node that takes what is due under a lease, and a fetch on demand. The address is read outside
//! of any transaction; one transaction writes all that came of it. Whoever dies between leaves the source to be fetched again
//! when its lease is over, with nothing half written.

use super::Outlook;
use super::reading::{Asked, Brought, bring};
use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::source::{Kind, Schedule, again, key_of};
use copydesk_core::{ItemId, SourceId, Timestamp};
use copydesk_recipes::FeedItem;
use copydesk_store::sources::{ClaimSources, FinishFetch, Found, ItemsOf, NewItem, SourceRow};
use copydesk_store::{PageRequest, Scope};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a source is left to who took it: longer than a fetch and its writing.
const LEASE: Duration = Duration::from_secs(120);
/// How many sources one process fetches at once.
const AT_ONCE: usize = 8;
/// How often due sources are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How many items of a page are looked at.
const PAGES_KNOWN: u32 = 1_000;
/// An entry from further in the future than this has no time that could be believed.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);

pub(crate) fn spawn(inner: &Arc<Inner>) {
    if !inner.config.fetching {
        return;
    }
    let inner = Arc::clone(inner);
    tokio::spawn(async move { duty(&inner).await });
}

/// Keeps up to so many fetches going at once: each that ends makes room for the next, so that a slow server holds nobody
/// but itself.
async fn duty(inner: &Arc<Inner>) {
    let mut stopped = inner.stopped.subscribe();
    let mut flying = FuturesUnordered::new();
    loop {
        let room = AT_ONCE - flying.len();
        if room > 0 {
            match claim(inner, room).await {
                Ok(due) => flying.extend(due.into_iter().map(|row| fetch(inner, row))),
                Err(error) => tracing::warn!(%error, "Sources cannot be fetched; it is tried again"),
            }
        }
        tokio::select! {
            // The sender lives in `inner`, so this only resolves when the desk has stopped.
            _ = stopped.wait_for(|stopped| *stopped) => return,
            Some(ended) = flying.next() => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "What a fetch brought cannot be kept; it is fetched again when its lease is over");
                }
            }
            () = inner.bells.sources.notified() => {}
            () = inner.world.sleep(LOOK_EVERY) => {}
        }
    }
}

/// Takes what is due.
async fn claim(inner: &Inner, room: usize) -> Result<Vec<SourceRow>, DeskError> {
    if inner.draining() {
        return Ok(Vec::new());
    }
    let now = inner.now();
    let claim = ClaimSources { now, until: now.plus(LEASE), limit: room as u32, only: None };
    Ok(inner.store.claim_sources(claim).await?)
}

impl Desk {
    /// Fetches a source now, whatever its schedule says, and answers with it as it is then. Somebody else who fetches it
    /// just now does it for both: the source is answered as it is.
    ///
    /// Errors: `NotFound`; `Invalid` of one that has no address, or where fetching is switched off.
    pub async fn fetch_source(&self, scope: Scope, id: SourceId) -> Result<(SourceRow, Option<Found>), DeskError> {
        let row = self.store().source(scope, id).await?;
        self.may_change(scope, &row)?;
        if !row.kind.is_fetched() {
            let detail = "this source carries its text: there is nothing to fetch";
            return Err(DeskError::invalid("", "not_fetched", detail));
        }
        self.may_fetch()?;
        let now = self.inner.now();
        let only = Some((scope.workspace, id));
        let claim = ClaimSources { now, until: now.plus(LEASE), limit: 1, only };
        let found = match self.store().claim_sources(claim).await?.pop() {
            Some(row) => fetch(&self.inner, row).await?,
            None => None,
        };
        Ok((self.store().source(scope, id).await?, found))
    }

    fn may_fetch(&self) -> Result<(), DeskError> {
        let off =
            || DeskError::invalid("", "fetching_off", "fetching is switched off on this server (COPYDESK_FETCHING)");
        self.inner.config.fetching.then_some(()).ok_or_else(off)
    }

    /// Fetches what is not kept, and keeps nothing.
    pub(super) async fn try_fetch(&self, row: SourceRow) -> Result<Outlook, DeskError> {
        self.may_fetch()?;
        let brought = bring(&self.inner, Asked::of(&row)).await;
        let at = self.inner.now();
        Ok(match brought {
            Brought::Items { items, page, feed_url } => {
                let items = new_items(&self.inner, items, at);
                let row = SourceRow { fetched_at: Some(at), feed_url, ..row };
                Outlook { row, status: Some(page.status), items }
            }
            // Nothing was said of an earlier version.
            Brought::NothingNew => Outlook { row, status: Some(304), items: Vec::new() },
            Brought::Trouble { trouble, status, .. } => {
                let row = SourceRow { trouble: Some(trouble), trouble_since: Some(at), ..row };
                Outlook { row, status, items: Vec::new() }
            }
        })
    }
}

/// `None`: somebody else has it by now.
async fn fetch(inner: &Inner, row: SourceRow) -> Result<Option<Found>, DeskError> {
    // Whoever claims gets one with a lease.
    let Some(lease) = row.leased_until else { return Ok(None) };
    let (began_at, began) = (inner.now(), inner.world.steady());
    let schedule: Result<Schedule, _> = row.schedule.parse();
    let brought = match &schedule {
        Ok(_) => bring(inner, Asked::of(&row)).await,
        Err(bad) => Brought::ill("bad_schedule", format!("It is not fetched: {bad}.")),
    };
    let took = inner.world.steady().saturating_sub(began);
    let at = inner.now();
    let (workspace, source) = (row.workspace, row.id);
    let mut done = FinishFetch {
        workspace,
        source,
        lease,
        at,
        items: Vec::new(),
        trouble: None,
        next_at: schedule.map_or(at, |schedule| schedule.next(at)),
        pause: false,
        etag: row.etag.clone(),
        last_modified: row.last_modified.clone(),
        feed_url: row.feed_url.clone(),
        began_at,
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: Some(304),
        fetched: 0,
    };
    match brought {
        Brought::Items { items, page, feed_url } => {
            done.fetched = u32::try_from(items.len()).unwrap_or(u32::MAX);
            done.items = new_items(inner, items, at);
            if row.kind == Kind::Page {
                date_by_words(inner, &row, &mut done.items, at).await?;
            }
            done.feed_url = feed_url;
            (done.etag, done.last_modified, done.status) = (page.etag, page.last_modified, Some(page.status));
        }
        Brought::NothingNew => {}
        Brought::Trouble { trouble, status, retry_after, gone } => {
            let patience = again(row.failures + 1, retry_after, at, inner.world.jitter());
            (done.next_at, done.status, done.pause, done.trouble) = (patience, status, gone, Some(trouble));
            (done.etag, done.last_modified) = (None, None);
        }
    }
    let found = inner.store.finish_fetch(done).await?;
    if found.is_none() {
        tracing::info!(%source, "A source was fetched by somebody else or changed meanwhile; this fetch is dropped");
    }
    Ok(found)
}

/// Oldest first, so that the newest has the highest id. Of two of one key the newer one counts.
fn new_items(inner: &Inner, items: Vec<FeedItem>, now: Timestamp) -> Vec<NewItem> {
    let mut known = BTreeSet::new();
    let mut new: Vec<NewItem> = items
        .into_iter()
        .filter_map(|item| {
            let FeedItem { title, link, text, published_at, mark } = item;
            let key = key_of(mark.as_deref(), link.as_deref(), &title, text.as_deref().unwrap_or_default());
            let published_at = published_at.filter(|at| *at <= now.plus(AHEAD_MAX));
            let id = ItemId(uuid::Uuid::nil());
            known.insert(key.clone()).then_some(NewItem { id, key, title, link, text, published_at })
        })
        .collect();
    new.reverse();
    let mut ids: Vec<uuid::Uuid> = new.iter().map(|_| inner.world.uuid(now)).collect();
    ids.sort();
    for (item, id) in new.iter_mut().zip(ids) {
        item.id = ItemId(id);
    }
    new
}

/// What a page says is as old as its words: it keeps its time while they stay, and has the present one once they change.
/// Nobody else writes its item while this fetch has the lease.
async fn date_by_words(inner: &Inner, row: &SourceRow, items: &mut [NewItem], at: Timestamp) -> Result<(), DeskError> {
    let whole = Scope::of(row.workspace);
    let filter = ItemsOf { source: Some(row.id), ..ItemsOf::default() };
    // One for each address the source ever had.
    let known = inner.store.source_items(whole, filter, PageRequest::newest(PAGES_KNOWN)).await?.rows;
    for item in items {
        if let Some(before) = known.iter().find(|known| known.link == item.link) {
            let same = (&before.title, &before.text) == (&item.title, &item.text);
            item.published_at = if same { before.published_at } else { Some(at) };
        }
    }
    Ok(())
}
