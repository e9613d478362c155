//! The duty that turns events into messages: it hears what happens in the workspaces that have a feed, reads on behind the feeds
//! where an endpoint wants some of it, and writes that in one transaction with the feed's new place. Where nobody wants
//! anything nothing is read; that it was passed is remembered, and written down now and then. It takes no input and may run
//! on every node: a feed is moved from where it was read, once.

use super::crowd::Crowd;
use super::payload;
use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::webhook::Wanted;
use copydesk_core::{GenerationId, WorkspaceId};
use copydesk_store::Scope;
use copydesk_store::events::{EventPage, EventRow};
use copydesk_store::webhooks::{EndpointRow, FanOut, Feed, FeedMark, Moved, NewDelivery, RequestHook};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How many events are read at once, and how many messages one page may make.
const PAGE: u32 = 500;
const PAGE_MIN: u32 = 20;
const MESSAGES_MAX: u32 = 2_000;
/// How often events are looked for where somebody waits for them: a word of another process may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked whether somebody does, when this process knows of nobody.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// When to ask again for what is held back by a transaction that is just committing.
const HELD_BACK: Duration = Duration::from_millis(5);
/// How many events of a workspace nobody wanted are passed before its feed's place is written down.
const UNWRITTEN_MAX: u32 = 1_000;

pub(super) fn spawn(inner: &Arc<Inner>) {
    let (feeds, crowd) = (BTreeMap::new(), Crowd::default());
    let duty = Duty { inner: Arc::clone(inner), feeds, stamp: None, asked: None, mark: None, crowd };
    tokio::spawn(duty.run());
}

struct Duty {
    inner: Arc<Inner>,
    feeds: BTreeMap<WorkspaceId, Known>,
    /// Of the endpoints as they were read, and when that was, on the steady clock.
    stamp: Option<i64>,
    asked: Option<Duration>,
    /// Up to where it was heard what happened.
    mark: Option<FeedMark>,
    crowd: Crowd,
}

/// A feed as this process knows it.
struct Known {
    feed: Feed,
    kinds: Vec<Kinds>,
    /// Everything up to this number was read, or is of kinds that nobody wants.
    read_to: i64,
    /// How many events of the workspace came since its place was written down.
    passed: u32,
    /// There is something to read.
    due: bool,
}

impl Known {
    fn new(feed: Feed) -> Known {
        let kinds = feed.endpoints.iter().map(Kinds::of).collect();
        Known { feed, kinds, read_to: 0, passed: 0, due: true }
    }

    /// Up to where nothing has to be read any more. Nobody wants what was before all of them.
    fn after(&self) -> i64 {
        let since = self.feed.endpoints.iter().map(|it| it.since_seq).min().unwrap_or(0);
        self.feed.seq.max(self.read_to).max(since)
    }

    /// An event has happened; everything of the workspace up to `told` was heard of before.
    fn hear(&mut self, seq: i64, kind: &str, told: i64) {
        if seq <= self.after() {
            return;
        }
        self.passed += 1;
        if !self.due && (self.passed > UNWRITTEN_MAX || self.kinds.iter().any(|kinds| kinds.want(seq, kind))) {
            (self.due, self.read_to) = (true, self.read_to.max(told));
        }
    }

    /// Whether the feed is behind a change of what an endpoint wants, which waits for it.
    fn is_awaited(&self) -> bool {
        let behind = |it: &EndpointRow| it.old_events.as_ref().is_some_and(|(_, upto)| self.feed.seq < *upto);
        self.feed.endpoints.iter().any(behind)
    }
}

/// What is left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
    HeldBack,
    /// The endpoints have changed.
    Stale,
}

impl Duty {
    async fn run(mut self) {
        let mut stopped = self.inner.stopped.subscribe();
        let mut news = self.inner.store.event_news();
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "It cannot be read who is told of events; it is tried again");
                    LOOK_EVERY
                }
            };
            let waiting = !self.feeds.is_empty();
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                Some(()) = news.next(), if waiting => {}
                () = self.inner.bells.endpoints.notified() => self.asked = None,
                () = self.inner.world.sleep(pause) => {}
            }
        }
    }

    /// One look at what happened, and a page of each feed that has something to tell; how long to wait for the next.
    async fn round(&mut self) -> Result<Duration, DeskError> {
        let now = self.inner.world.steady();
        // However much there is to tell: another process may have changed the endpoints.
        if self.asked.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY) {
            self.learn().await?;
            self.asked = Some(now);
        }
        if self.feeds.is_empty() {
            self.mark = None;
            return Ok(ASK_EVERY);
        }
        // Before anything is read: what happens meanwhile is heard of at the next look.
        let mut pause = self.hear().await?;
        let due: Vec<WorkspaceId> = self.feeds.iter().filter(|(_, known)| known.due).map(|(id, _)| *id).collect();
        for workspace in due {
            // A page of each in turn, so that one busy workspace does not keep the others waiting.
            match self.advance(workspace).await {
                Ok(Left::Nothing) => {}
                Ok(Left::More) => pause = Duration::ZERO,
                Ok(Left::HeldBack) => pause = pause.min(HELD_BACK),
                Ok(Left::Stale) => (self.asked, pause) = (None, Duration::ZERO),
                // One that cannot be read must not keep all the others from being told.
                Err(error) => {
                    tracing::warn!(%workspace, %error, "Events cannot be turned into webhook messages; it is tried again");
                }
            }
        }
        Ok(pause)
    }

    /// Who is to be told, where that has changed.
    async fn learn(&mut self) -> Result<(), DeskError> {
        let read = self.inner.store.feeds(self.stamp).await?;
        if let Some(feeds) = read.feeds {
            let mut known = std::mem::take(&mut self.feeds);
            let same = |feed: Feed| match known.remove(&feed.workspace) {
                Some(known) if known.feed.epoch == feed.epoch => (feed.workspace, Known { feed, ..known }),
                Some(_) | None => (feed.workspace, Known::new(feed)),
            };
            self.feeds = feeds.into_iter().map(same).collect();
        }
        self.stamp = Some(read.stamp);
        Ok(())
    }

    /// What happened since the last look, in all workspaces at once.
    async fn hear(&mut self) -> Result<Duration, DeskError> {
        let news = self.inner.store.feed_news(self.mark.clone()).await?;
        let told = self.mark.replace(news.mark).unwrap_or_default();
        for (workspace, seq, kind) in news.events {
            if let Some(known) = self.feeds.get_mut(&workspace) {
                known.hear(seq, &kind, told.of(workspace));
            }
        }
        Ok(match (news.more, news.held_back) {
            (true, _) => Duration::ZERO,
            (false, true) => HELD_BACK,
            (false, false) => LOOK_EVERY,
        })
    }

    /// One page of one feed.
    async fn advance(&mut self, workspace: WorkspaceId) -> Result<Left, DeskError> {
        let Some(known) = self.feeds.get_mut(&workspace) else { return Ok(Left::Nothing) };
        let (from_seq, epoch, after) = (known.feed.seq, known.feed.epoch, known.after());
        let endpoints = u32::try_from(known.feed.endpoints.len()).unwrap_or(u32::MAX).max(1);
        let limit = (MESSAGES_MAX / endpoints).clamp(PAGE_MIN, PAGE);
        let page = self.inner.store.events(Scope::of(workspace), after, limit).await?;
        if page.bounds.removed_to > after {
            tracing::warn!(%workspace, "Events went for their age before webhooks were told of them");
        }
        let mut messages = messages(&self.inner, &known.feed, &page.rows).await?;
        let dropped = self.crowd.bound(&self.inner, workspace, &mut messages).await?;
        let (upto_seq, wrote) = (page.upto, !messages.is_empty());
        if wrote || known.passed > UNWRITTEN_MAX || known.is_awaited() {
            match self.inner.store.fan_out(FanOut { workspace, from_seq, epoch, upto_seq, messages }).await? {
                Moved::Here => (known.feed.seq, known.passed) = (upto_seq, 0),
                // Another process was quicker, and has told them.
                Moved::Elsewhere { seq, epoch: theirs } if theirs == epoch => {
                    self.crowd.forget(workspace);
                    (known.feed.seq, known.passed) = (seq, 0);
                    known.due = seq < upto_seq || page.more;
                    return Ok(if known.due { Left::More } else { Left::Nothing });
                }
                Moved::Elsewhere { .. } => return Ok(Left::Stale),
            }
        }
        if dropped > 0 {
            self.inner.metrics.dropped(dropped);
            tracing::warn!(%workspace, dropped, "Webhook messages are dropped: too many wait for the same receiver");
        }
        if wrote {
            self.inner.bells.messages.notify_one();
        }
        known.read_to = upto_seq;
        let left = left(&page);
        known.due = left != Left::Nothing;
        Ok(left)
    }
}

fn left(page: &EventPage) -> Left {
    match (page.more, page.held_back) {
        (true, _) => Left::More,
        (false, Some(_)) => Left::HeldBack,
        (false, None) => Left::Nothing,
    }
}

/// The messages these events make for the endpoints of a feed.
async fn messages(inner: &Inner, feed: &Feed, rows: &[EventRow]) -> Result<Vec<NewDelivery>, DeskError> {
    let mut made = Vec::new();
    for endpoint in &feed.endpoints {
        made.extend(for_endpoint(inner, endpoint, rows).await?);
    }
    Ok(made)
}

/// The messages these events make for one endpoint.
pub(super) async fn for_endpoint(
    inner: &Inner,
    endpoint: &EndpointRow,
    rows: &[EventRow],
) -> Result<Vec<NewDelivery>, DeskError> {
    let kinds = Kinds::of(endpoint);
    let mut rows: Vec<&EventRow> = rows.iter().filter(|row| kinds.want(row.seq, &row.kind)).collect();
    if endpoint.url.is_some() {
        return Ok(rows.into_iter().map(|row| message(inner, endpoint, row, None)).collect());
    }
    rows.retain(|row| row.generation.is_some());
    let ids: BTreeSet<GenerationId> = rows.iter().filter_map(|row| row.generation).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let hooks = inner.store.request_hooks(endpoint.workspace, ids.into_iter().collect()).await?;
    let hooks: HashMap<GenerationId, RequestHook> = hooks.into_iter().collect();
    let of_request = |row: &&EventRow| {
        let hook = hooks.get(&row.generation?)?;
        self::wanted(&hook.events).wants(&row.kind).then(|| message(inner, endpoint, row, Some(&hook.url)))
    };
    Ok(rows.iter().filter_map(of_request).collect())
}

/// What an endpoint wants, and wanted before that was changed.
struct Kinds {
    since_seq: i64,
    now: Wanted,
    before: Option<(Wanted, i64)>,
}

impl Kinds {
    fn of(endpoint: &EndpointRow) -> Kinds {
        let before = endpoint.old_events.as_ref().map(|(before, upto)| (wanted(before), *upto));
        Kinds { since_seq: endpoint.since_seq, now: wanted(&endpoint.events), before }
    }

    fn want(&self, seq: i64, kind: &str) -> bool {
        let kinds = self.before.as_ref().filter(|(_, upto)| seq <= *upto).map_or(&self.now, |(before, _)| before);
        seq > self.since_seq && kinds.wants(kind)
    }
}

/// What was kept was checked; should it be unreadable all the same, too much is better than nothing.
fn wanted(text: &str) -> Wanted {
    Wanted::parse(text).unwrap_or_else(|error| {
        tracing::error!(%error, "An endpoint's kinds of events cannot be read; it is told of all");
        Wanted::default()
    })
}

fn message(inner: &Inner, endpoint: &EndpointRow, event: &EventRow, url: Option<&String>) -> NewDelivery {
    NewDelivery {
        id: payload::message_id(endpoint.id, event),
        workspace: endpoint.workspace,
        webhook: endpoint.id,
        seq: Some(event.seq),
        kind: event.kind.clone(),
        url: url.cloned(),
        lane: url.map_or(endpoint.id.0, |url| host_lane(url)),
        body: payload::body(event, &inner.hooks.base),
        at: inner.now(),
        dropped: false,
    }
}

/// Requests' own addresses share the limits of their host.
fn host_lane(url: &str) -> Uuid {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, host.as_bytes())
}
