//! The duty that turns events into messages: it reads on behind each workspace's feed, and writes what somebody wants in one
//! transaction with the feed's new place. Where nobody wants anything it only remembers how far it has read, and writes that
//! down now and then. It takes no input and may run on every node: a feed is moved from where it was read, once.

use super::payload;
use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::webhook::Wanted;
use copydesk_core::{GenerationId, WorkspaceId};
use copydesk_store::Scope;
use copydesk_store::events::EventRow;
use copydesk_store::webhooks::{EndpointRow, FanOut, Feed, NewDelivery, RequestHook};
use futures::StreamExt;
use std::collections::{BTreeSet, HashMap};
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
/// How many events nobody wanted are passed before the feed's place is written down.
const UNWRITTEN_MAX: i64 = 1_000;

pub(super) fn spawn(inner: &Arc<Inner>) {
    let duty = Duty { inner: Arc::clone(inner), feeds: Vec::new(), asked: None, read_to: HashMap::new() };
    tokio::spawn(duty.run());
}

struct Duty {
    inner: Arc<Inner>,
    feeds: Vec<Feed>,
    /// When the endpoints were read, on the steady clock.
    asked: Option<Duration>,
    /// How far events were read that nobody wanted, with the epoch of the endpoints that did not want them.
    read_to: HashMap<WorkspaceId, (i64, i64)>,
}

/// What is left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
    HeldBack,
    /// Somebody else moved the feed, or the endpoints have changed.
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

    /// One look at every feed; how long to wait for the next.
    async fn round(&mut self) -> Result<Duration, DeskError> {
        let now = self.inner.world.steady();
        // However much there is to tell: another process may have changed the endpoints.
        if self.asked.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY) {
            self.feeds = self.inner.store.feeds().await?;
            self.asked = Some(now);
        }
        let (mut again, mut wrote) = (false, false);
        let mut pause = if self.feeds.is_empty() { ASK_EVERY } else { LOOK_EVERY };
        for place in 0..self.feeds.len() {
            // A page of each in turn, so that one busy workspace does not keep the others waiting.
            let (left, written) = match self.advance(place).await {
                Ok(done) => done,
                // One that cannot be read must not keep all the others from being told.
                Err(error) => {
                    let workspace = self.feeds[place].workspace;
                    tracing::warn!(%workspace, %error, "Events cannot be turned into webhook messages; it is tried again");
                    continue;
                }
            };
            wrote |= written;
            match left {
                Left::Nothing => {}
                Left::More => pause = Duration::ZERO,
                Left::HeldBack => pause = pause.min(HELD_BACK),
                Left::Stale => again = true,
            }
        }
        if wrote {
            self.inner.bells.messages.notify_one();
        }
        if again {
            self.inner.bells.endpoints.notify_one();
        }
        Ok(pause)
    }

    /// One page of one feed, and whether messages were written.
    async fn advance(&mut self, place: usize) -> Result<(Left, bool), DeskError> {
        let feed = &self.feeds[place];
        let (workspace, from_seq, epoch) = (feed.workspace, feed.seq, feed.epoch);
        let read_to = self.read_to.get(&workspace).filter(|(_, seen)| *seen == epoch).map_or(0, |(to, _)| *to);
        // Nobody wants what was before all of them.
        let since = feed.endpoints.iter().map(|it| it.since_seq).min().unwrap_or(0);
        let after = from_seq.max(read_to).max(since);
        let endpoints = u32::try_from(feed.endpoints.len()).unwrap_or(u32::MAX).max(1);
        let limit = (MESSAGES_MAX / endpoints).clamp(PAGE_MIN, PAGE);
        let page = self.inner.store.events(Scope::of(workspace), after, limit).await?;
        if page.bounds.removed_to > after {
            tracing::warn!(%workspace, "Events went for their age before webhooks were told of them");
        }
        let messages = messages(&self.inner, feed, &page.rows).await?;
        let wrote = !messages.is_empty();
        if wrote || page.upto - from_seq > UNWRITTEN_MAX {
            let upto_seq = page.upto;
            let moved = self.inner.store.fan_out(FanOut { workspace, from_seq, epoch, upto_seq, messages }).await?;
            if !moved {
                return Ok((Left::Stale, false));
            }
            self.feeds[place].seq = upto_seq;
        } else {
            self.read_to.insert(workspace, (page.upto, epoch));
        }
        let left = match (page.more, page.held_back) {
            (true, _) => Left::More,
            (false, Some(_)) => Left::HeldBack,
            (false, None) => Left::Nothing,
        };
        Ok((left, wrote))
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
    let wanted = wanted(&endpoint.events);
    let mut rows: Vec<&EventRow> =
        rows.iter().filter(|row| row.seq > endpoint.since_seq && wanted.wants(&row.kind)).collect();
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
    }
}

/// Requests' own addresses share the limits of their host.
fn host_lane(url: &str) -> Uuid {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, host.as_bytes())
}
