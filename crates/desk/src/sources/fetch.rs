//! Fetching: the duty of every node that takes what is due under a lease, and a fetch on demand. The address is read outside
//! of any transaction; one transaction writes all that came of it. Whoever dies between leaves the source to be fetched again
//! when its lease is over, with nothing half written.

use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use copydesk_core::source::{Schedule, Trouble, again, key_of};
use copydesk_core::{ItemId, SourceId, Timestamp};
use copydesk_outbound::{Failure, GetLimits, Page, Unread, Wanted};
use copydesk_recipes::feed::Seen;
use copydesk_recipes::{FeedError, FeedItem, parse_feed};
use copydesk_store::Scope;
use copydesk_store::sources::{ClaimSources, FinishFetch, Found, NewItem, SourceRow};
use futures::stream::{self, StreamExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The largest feed that is read. Units: bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What one fetch may take from its first look-up to its last byte.
const FETCH: Duration = Duration::from_secs(30);
/// How long a source is left to who took it: longer than a fetch and its writing.
const LEASE: Duration = Duration::from_secs(120);
/// How many sources one process fetches at once.
const AT_ONCE: usize = 8;
/// How often due sources are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// An entry from further in the future than this has no time that could be believed.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";

pub(crate) fn spawn(inner: &Arc<Inner>) {
    if !inner.config.fetching {
        return;
    }
    let inner = Arc::clone(inner);
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            let pause = match round(&inner).await {
                Ok(AT_ONCE) => Duration::ZERO,
                Ok(_) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "Sources cannot be fetched; it is tried again");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = inner.bells.sources.notified() => {}
                () = inner.world.sleep(pause) => {}
            }
        }
    });
}

/// Fetches what is due; how many there were.
async fn round(inner: &Arc<Inner>) -> Result<usize, DeskError> {
    if inner.draining() {
        return Ok(0);
    }
    let now = inner.now();
    let claim = ClaimSources { now, until: now.plus(LEASE), limit: AT_ONCE as u32, only: None };
    let due = inner.store.claim_sources(claim).await?;
    let count = due.len();
    let fetched = stream::iter(due).map(|row| fetch(inner, row)).buffer_unordered(AT_ONCE);
    for outcome in fetched.collect::<Vec<_>>().await {
        outcome?;
    }
    Ok(count)
}

impl Desk {
    /// Fetches a source now, whatever its schedule says, and answers with it as it is then. Somebody else who fetches it
    /// just now does it for both: the source is answered as it is.
    ///
    /// Errors: `NotFound`; `Invalid` of one that has no address, or where fetching is switched off.
    pub async fn fetch_source(&self, scope: Scope, id: SourceId) -> Result<(SourceRow, Option<Found>), DeskError> {
        let row = self.store().source(scope, id).await?;
        self.may_change(scope, &row)?;
        let refused = |code: &str, detail: &str| Err(DeskError::Invalid(vec![Fault::new("", code, detail)]));
        if !row.kind.is_fetched() {
            return refused("not_fetched", "this source carries its text: there is nothing to fetch");
        }
        if !self.inner.config.fetching {
            return refused("fetching_off", "fetching is switched off on this server (COPYDESK_FETCHING)");
        }
        let now = self.inner.now();
        let only = Some((scope.workspace, id));
        let claim = ClaimSources { now, until: now.plus(LEASE), limit: 1, only };
        let found = match self.store().claim_sources(claim).await?.pop() {
            Some(row) => fetch(&self.inner, row).await?,
            None => None,
        };
        Ok((self.store().source(scope, id).await?, found))
    }
}

/// What a fetch brought.
enum Brought {
    Items { items: Vec<FeedItem>, page: Page },
    NothingNew,
    Trouble { trouble: Trouble, status: Option<u16>, retry_after: Option<Duration>, gone: bool },
}

/// `None`: somebody else has it by now.
async fn fetch(inner: &Inner, row: SourceRow) -> Result<Option<Found>, DeskError> {
    // Whoever claims gets one with a lease.
    let Some(lease) = row.leased_until else { return Ok(None) };
    let (began_at, began) = (inner.now(), inner.world.steady());
    let brought = bring(inner, &row).await;
    let took = inner.world.steady().saturating_sub(began);
    let at = inner.now();
    let schedule = row.schedule.parse().unwrap_or(Schedule::Every(inner.config.fetch_every));
    let (workspace, source) = (row.workspace, row.id);
    let mut done = FinishFetch {
        workspace,
        source,
        lease,
        at,
        items: Vec::new(),
        trouble: None,
        next_at: schedule.next(at),
        pause: false,
        etag: row.etag.clone(),
        last_modified: row.last_modified.clone(),
        began_at,
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: Some(304),
        fetched: 0,
    };
    match brought {
        Brought::Items { items, page } => {
            done.fetched = u32::try_from(items.len()).unwrap_or(u32::MAX);
            done.items = new_items(inner, items, at);
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

async fn bring(inner: &Inner, row: &SourceRow) -> Brought {
    let wanted = Wanted {
        url: row.url.clone().unwrap_or_default(),
        accept: ACCEPT,
        etag: row.etag.clone(),
        last_modified: row.last_modified.clone(),
    };
    let limits = GetLimits { total: FETCH, body_bytes_max: BODY_BYTES_MAX };
    let page = match inner.hooks.courier.get(wanted, limits).await {
        Ok(page) => page,
        Err(unread) => return unreadable(&unread),
    };
    match page.status {
        304 => Brought::NothingNew,
        200..=299 => parsed(page).await,
        410 => {
            let message =
                "Its server says that it is gone for good (410). It is paused; give it another address or remove it.";
            Brought::Trouble { trouble: trouble("gone", message), status: Some(410), retry_after: None, gone: true }
        }
        status => {
            let trouble = trouble("http_status", format!("Its server answered {status}."));
            Brought::Trouble { trouble, status: Some(status), retry_after: page.retry_after, gone: false }
        }
    }
}

/// Reading takes a moment of a core, so it is done beside the others.
async fn parsed(page: Page) -> Brought {
    let status = Some(page.status);
    let read = tokio::task::spawn_blocking(move || (parse_feed(&page.body), page)).await;
    let ill = |trouble| Brought::Trouble { trouble, status, retry_after: None, gone: false };
    match read {
        Ok((Ok(items), page)) => Brought::Items { items, page },
        Ok((Err(error), page)) => ill(not_a_feed(&error, &page.body)),
        Err(gone) => ill(trouble("unreadable", format!("It could not be read: {gone}."))),
    }
}

fn trouble(code: &str, message: impl Into<String>) -> Trouble {
    Trouble { code: code.to_owned(), message: message.into().chars().take(1_000).collect() }
}

fn not_a_feed(error: &FeedError, body: &[u8]) -> Trouble {
    let code = match error {
        FeedError::NotAFeed(_) => "not_a_feed",
        FeedError::TooLarge { .. } => "too_large",
        FeedError::BrokenXml { .. }
        | FeedError::UnknownEncoding(_)
        | FeedError::WrongEncoding(_)
        | FeedError::TooDeep => "broken_feed",
    };
    let page = matches!(error, FeedError::NotAFeed(Seen::Html));
    match feed_of_page(body).filter(|_| page) {
        Some(feed) => trouble(code, format!("This is a web page, not a feed. The page names its feed: {feed}")),
        None => trouble(code, error.to_string()),
    }
}

/// The feed that a page names in its head, in the page's own words.
fn feed_of_page(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(body);
    let tags = page.split('<').filter(|tag| tag.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("link ")));
    let mut feeds =
        tags.filter(|tag| ["application/rss+xml", "application/atom+xml"].iter().any(|kind| tag.contains(kind)));
    let tag = feeds.next()?;
    let value = tag.split_once("href=")?.1;
    let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    let address = value[1..].split(quote).next()?;
    (!address.is_empty()).then(|| address.chars().take(500).collect())
}

fn unreadable(unread: &Unread) -> Brought {
    let code = match unread {
        Unread::Refused(_) | Unread::LedAstray(_) | Unread::Failed(Failure::NotPublic(_)) => "blocked",
        Unread::Failed(Failure::NoName) => "no_name",
        Unread::Failed(Failure::Connect(_)) => "connect",
        Unread::Failed(Failure::TimedOut(_)) => "timeout",
        Unread::Failed(Failure::Broken(_)) => "broken",
        Unread::Wandering => "redirects",
        Unread::TooLarge { .. } => "too_large",
        Unread::Compressed(_) => "compressed",
    };
    let trouble = trouble(code, format!("It could not be fetched: {unread}."));
    Brought::Trouble { trouble, status: None, retry_after: None, gone: false }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_names_its_feed_says_where_it_is() {
        let page = br#"<!doctype html><head><LINK rel="alternate" type="application/rss+xml" href='/feed.xml'></head>"#;
        let error = parse_feed(page).unwrap_err();
        let told = not_a_feed(&error, page);
        assert_eq!((told.code.as_str(), told.message.ends_with("/feed.xml")), ("not_a_feed", true), "{told:?}");
        let told = not_a_feed(&error, "<link é><link type=application/rss+xml href=x>".as_bytes());
        assert!(told.message.contains("HTML page"), "{told:?}");
    }
}
