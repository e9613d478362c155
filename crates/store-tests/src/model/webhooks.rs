//! The model's webhooks: endpoints, feeds, and messages under the fence of their attempt.

use super::data::{Data, paged};
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::Disabled;
use copydesk_core::{DeliveryId, GenerationId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::events::EventRow;
use copydesk_store::webhooks::{
    AttemptRow, Candidate, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, DeliveryState,
    EndpointChange, EndpointRow, FanOut, Feed, FeedMark, FeedNews, Feeds, Finished, Health, Leased, LeasedRow, Moved,
    NEWS_MAX, NewDelivery, RequestHook, Resume, disabled, health_of,
};
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use uuid::Uuid;

impl Data {
    pub(super) fn add_webhook(&mut self, row: EndpointRow) -> bool {
        let of_requests = |it: &EndpointRow| it.url.is_none() && it.removed_at.is_none();
        let known = self
            .webhooks
            .values()
            .any(|it| it.id == row.id || (it.workspace == row.workspace && of_requests(it) && of_requests(&row)));
        if !known {
            let (id, workspace, since_seq) = (row.id, row.workspace, self.last_event);
            self.webhooks.insert(id, EndpointRow { since_seq, ..row });
            self.touch_feed(workspace);
        }
        !known
    }

    fn touch_feed(&mut self, workspace: WorkspaceId) {
        let last = self.last_event;
        self.feeds.entry(workspace).and_modify(|feed| feed.1 += 1).or_insert((last, 1));
    }

    pub(super) fn webhook(&self, scope: Scope, id: WebhookId) -> Result<EndpointRow, StoreError> {
        let own = self.webhooks.get(&id).filter(|it| it.workspace == scope.workspace && it.removed_at.is_none());
        own.cloned().ok_or_else(|| StoreError::NotFound { what: "webhook", id: id.to_string() })
    }

    pub(super) fn list_webhooks(&self, scope: Scope, page: &PageRequest) -> Result<Page<EndpointRow>, StoreError> {
        let own = self.webhooks.values().filter(|it| it.workspace == scope.workspace && it.removed_at.is_none());
        paged(own.map(|it| (it.id, it.clone())).collect(), page)
    }

    pub(super) fn change_webhook(&mut self, change: EndpointChange) -> Result<EndpointRow, StoreError> {
        let new = change.row;
        let old = self.webhook(Scope::of(new.workspace), new.id)?;
        if old.revision != change.if_revision {
            return Err(Refusal::VersionConflict { current: old.revision }.into());
        }
        let again = old.disabled.is_some() && new.disabled.is_none();
        let passed = self.feeds.get(&new.workspace).map_or(0, |feed| feed.0);
        let old_events = match old.old_events {
            same if new.events == old.events => same,
            Some((before, upto)) if upto > passed => Some((before, self.last_event)),
            Some(_) | None => Some((old.events, self.last_event)),
        };
        if let Some(Resume { put_by, at }) = change.resume {
            let put_by = DeliveryState::Waiting { due_at: put_by };
            let own = |row: &&mut DeliveryRow| row.workspace == new.workspace && row.webhook == new.id;
            for row in self.deliveries.values_mut().filter(own).filter(|row| row.state == put_by) {
                row.state = DeliveryState::Waiting { due_at: at };
                row.round = row.attempt;
            }
        }
        let row = EndpointRow {
            old_events,
            since_seq: if again { self.last_event } else { old.since_seq },
            failing_since: old.failing_since.filter(|_| !again),
            revision: old.revision + 1,
            created_at: old.created_at,
            ..new
        };
        self.webhooks.insert(row.id, row.clone());
        self.touch_feed(row.workspace);
        Ok(row)
    }

    pub(super) fn request_webhook(&self, scope: Scope) -> Option<EndpointRow> {
        let own = |it: &&EndpointRow| it.workspace == scope.workspace && it.url.is_none() && it.removed_at.is_none();
        self.webhooks.values().find(own).cloned()
    }

    pub(super) fn request_hooks(
        &self,
        workspace: WorkspaceId,
        ids: &[GenerationId],
    ) -> Vec<(GenerationId, RequestHook)> {
        let hook = |id: &GenerationId| {
            let entry = self.generations.get(id).filter(|entry| entry.scope().workspace == workspace)?;
            Some((*id, entry.accept.webhook.clone()?))
        };
        ids.iter().filter_map(hook).collect()
    }

    pub(super) fn list_feeds(&self, known: Option<i64>) -> Feeds {
        let stamp = self.feeds.values().map(|(_, epoch)| epoch).sum();
        Feeds { stamp, feeds: (known != Some(stamp)).then(|| self.all_feeds()) }
    }

    pub(super) fn feed_news(&self, since: Option<FeedMark>) -> FeedNews {
        let mark = FeedMark { all: self.last_event, ..FeedMark::default() };
        let Some(since) = since else {
            return FeedNews { mark, events: Vec::new(), more: false, held_back: false };
        };
        let new =
            |(scope, event): &&(Scope, EventRow)| event.seq > since.all && self.feeds.contains_key(&scope.workspace);
        let told = |(scope, event): &(Scope, EventRow)| (scope.workspace, event.seq, event.kind.clone());
        let events: Vec<_> = self.events.iter().filter(new).take(NEWS_MAX as usize).map(told).collect();
        let more = events.len() >= NEWS_MAX as usize;
        let all = events.last().filter(|_| more).map_or(mark.all, |(_, seq, _)| *seq);
        FeedNews { mark: FeedMark { all, ..mark }, events, more, held_back: false }
    }

    fn all_feeds(&self) -> Vec<Feed> {
        let feed = |(workspace, (seq, epoch)): (&WorkspaceId, &(i64, i64))| {
            let own = self.webhooks.values().filter(|it| it.workspace == *workspace && it.is_enabled());
            let endpoints: Vec<EndpointRow> = own.cloned().collect();
            (!endpoints.is_empty()).then_some(Feed { workspace: *workspace, seq: *seq, epoch: *epoch, endpoints })
        };
        self.feeds.iter().filter_map(feed).collect()
    }

    pub(super) fn fan_out(&mut self, fan_out: FanOut) -> Moved {
        let FanOut { workspace, from_seq, epoch, upto_seq, messages } = fan_out;
        let (seq, now) = self.feeds.get(&workspace).copied().unwrap_or_default();
        if (seq, now) != (from_seq, epoch) {
            return Moved::Elsewhere { seq, epoch: now };
        }
        self.feeds.insert(workspace, (upto_seq, epoch));
        for message in messages {
            self.deliveries.entry((message.workspace, message.id)).or_insert_with(|| fresh(message));
        }
        Moved::Here
    }

    pub(super) fn send(&mut self, messages: Vec<NewDelivery>) {
        for message in messages {
            let due_at = message.at;
            let row = self.deliveries.entry((message.workspace, message.id)).or_insert_with(|| fresh(message));
            row.round = row.attempt;
            row.state = DeliveryState::Waiting { due_at };
        }
    }

    pub(super) fn claim_deliveries(&mut self, claim: &ClaimDeliveries) -> Result<Leased, StoreError> {
        let due = |row: &DeliveryRow| match row.state {
            DeliveryState::Waiting { due_at } => Some(due_at),
            DeliveryState::Ended { .. } => None,
        };
        let candidate = |row: &DeliveryRow| {
            let due_at = due(row).filter(|due_at| *due_at <= claim.now)?;
            Some(Candidate { due_at, id: row.id, workspace: row.workspace, lane: row.lane })
        };
        let chosen = claim.rooms.choose(self.deliveries.values().filter_map(candidate).collect());
        let next_due = self.deliveries.values().filter_map(due).filter(|due_at| *due_at > claim.now).min();
        let due_at = claim.now.plus(claim.lease);
        let mut rows = Vec::new();
        for id in chosen {
            let Some(row) = self.deliveries.values_mut().find(|row| row.id == id) else { continue };
            row.attempt += 1;
            row.state = DeliveryState::Waiting { due_at };
            let endpoint = self.webhooks.get(&row.webhook).cloned();
            let endpoint = endpoint.ok_or_else(|| StoreError::Corrupt(format!("{id} is for nobody")))?;
            rows.push(LeasedRow { delivery: row.clone(), endpoint });
        }
        Ok(Leased { rows, more: false, next_due })
    }

    pub(super) fn finish_deliveries(&mut self, finished: Vec<Finished>) -> Vec<bool> {
        let mut held = Vec::new();
        for one in &finished {
            let enabled = self.webhooks.get(&one.webhook).is_some_and(|row| row.disabled.is_none());
            if let Some(log) = &one.log {
                self.attempts.entry((one.workspace, one.id, log.attempt)).or_insert_with(|| log.clone());
            }
            let row = self
                .deliveries
                .get_mut(&(one.workspace, one.id))
                // An attempt from before it was sent again decides nothing any more.
                .filter(|row| row.attempt == one.attempt && row.attempt > row.round)
                .filter(|row| matches!(row.state, DeliveryState::Waiting { .. }));
            held.push(row.is_some());
            if let Some(row) = row {
                row.state = if one.put_by && enabled { DeliveryState::Waiting { due_at: one.at } } else { one.state };
            }
        }
        for (id, (at, health)) in health_of(&finished) {
            self.tell_health(id, at, health);
        }
        held
    }

    fn tell_health(&mut self, id: WebhookId, at: Timestamp, health: Health) {
        let Some(row) = self.webhooks.get_mut(&id) else { return };
        match health {
            Health::Unsaid => {}
            Health::Well => row.failing_since = None,
            Health::Failing => row.failing_since = row.failing_since.or(Some(at)),
            Health::Over { why, failing_before } => {
                row.failing_since = row.failing_since.or(Some(at));
                let over = why != Disabled::Failing || row.failing_since.is_some_and(|since| since <= failing_before);
                if row.is_enabled() && over {
                    row.disabled = Some((at, why));
                    row.revision += 1;
                    let workspace = row.workspace;
                    self.announce(disabled(workspace, id, why, at));
                    self.touch_feed(workspace);
                }
            }
        }
    }

    pub(super) fn list_deliveries(
        &self,
        scope: Scope,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryRow>, StoreError> {
        let own =
            self.deliveries.values().filter(|row| row.workspace == scope.workspace && row.webhook == filter.webhook);
        let wanted = own.filter(|row| filter.state.is_none_or(|state| row.state.word() == state));
        paged(wanted.map(|row| (row.id, row.clone())).collect(), page)
    }

    pub(super) fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<(DeliveryRow, Vec<AttemptRow>), StoreError> {
        let row = self.deliveries.get(&(scope.workspace, id));
        let row = row.ok_or_else(|| StoreError::NotFound { what: "delivery", id: id.to_string() })?;
        let place = |attempt| (scope.workspace, id, attempt);
        let attempts = self.attempts.range(place(0)..=place(u32::MAX)).map(|(_, attempt)| attempt.clone());
        Ok((row.clone(), attempts.collect()))
    }

    pub(super) fn waiting(&self, workspace: WorkspaceId, lanes: &[Uuid], at_most: u32) -> Vec<u32> {
        let count = |lane: &Uuid| {
            let own = self.deliveries.values().filter(|row| row.workspace == workspace && row.lane == *lane);
            let waiting = own.filter(|row| matches!(row.state, DeliveryState::Waiting { .. })).take(at_most as usize);
            u32::try_from(waiting.count()).unwrap_or(at_most)
        };
        lanes.iter().map(count).collect()
    }

    pub(super) fn delivery_backlog(&self, now: Timestamp) -> DeliveryBacklog {
        let due = self.deliveries.values().filter_map(|row| match row.state {
            DeliveryState::Waiting { due_at } => Some(due_at),
            DeliveryState::Ended { .. } => None,
        });
        let due: Vec<Timestamp> = due.collect();
        let there = || self.webhooks.values().filter(|it| it.removed_at.is_none());
        DeliveryBacklog {
            waiting: due.len() as u64,
            oldest_due: due.into_iter().filter(|at| *at <= now).min(),
            failing: there().filter(|it| it.failing_since.is_some() && it.disabled.is_none()).count() as u64,
            disabled: there().filter(|it| it.disabled.is_some_and(|(_, why)| why != Disabled::ByHand)).count() as u64,
        }
    }
}

fn fresh(message: NewDelivery) -> DeliveryRow {
    let state = message.state();
    let NewDelivery { id, workspace, webhook, seq, kind, url, lane, body, at, .. } = message;
    DeliveryRow { id, workspace, webhook, seq, kind, url, lane, body, created_at: at, attempt: 0, round: 0, state }
}
