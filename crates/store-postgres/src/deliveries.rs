//! Messages to webhooks: made as a feed moves, claimed for a lease, and finished under the fence of their attempt.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read, side_by_side};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, narrow, params, sql, text, unknown_word, wide};
use crate::webhooks::{endpoint, touch_feed};
use copydesk_core::webhook::{Disabled, End, Outcome};
use copydesk_core::{DeliveryId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::webhooks::{
    AttemptRow, Candidate, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, DeliveryState, FanOut, Feed,
    FeedMark, FeedNews, Feeds, Finished, Health, LANES_MAX, Leased, LeasedRow, Moved, NEWS_MAX, NewDelivery, StateWord,
    disabled, health_of,
};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use std::collections::BTreeSet;
use tokio_postgres::Row;
use uuid::Uuid;

impl PostgresStore {
    pub(crate) async fn read_feeds(&self, known: Option<i64>) -> Result<Feeds, StoreError> {
        let rows = read(&self.readers, sql!("webhooks/feed_stamp"), params![]).await?;
        let stamp = rows.first().map_or(0, |row| row.get("stamp"));
        if known == Some(stamp) {
            return Ok(Feeds { stamp, feeds: None });
        }
        let mut feeds: Vec<Feed> = Vec::new();
        for row in &read(&self.readers, sql!("webhooks/feeds"), params![]).await? {
            let endpoint = endpoint(row)?;
            match feeds.last_mut().filter(|feed| feed.workspace == endpoint.workspace) {
                Some(feed) => feed.endpoints.push(endpoint),
                None => feeds.push(Feed {
                    workspace: endpoint.workspace,
                    seq: row.get("feed_seq"),
                    epoch: row.get("epoch"),
                    endpoints: vec![endpoint],
                }),
            }
        }
        Ok(Feeds { stamp, feeds: Some(feeds) })
    }

    pub(crate) async fn read_feed_news(&self, since: Option<FeedMark>) -> Result<FeedNews, Fault> {
        let mut steps = Steps::default();
        let places = events::look(&mut steps);
        let after = since.as_ref().map(|since| since.all);
        let found = after.map(|after| steps.add(sql!("webhooks/feed_news"), params![after, i64::from(NEWS_MAX)]));
        let answers = side_by_side(&self.readers, steps).await?;
        let settled = events::settled(answers.rows(Some(places.0)), answers.rows(Some(places.1)))?.0;
        let told = |row: &Row| (WorkspaceId(row.get("workspace_id")), row.get("seq"), row.get("kind"));
        let mut events: Vec<(WorkspaceId, i64, String)> = answers.rows(found).iter().map(told).collect();
        let full = events.len() >= NEWS_MAX as usize;
        let whole = events.partition_point(|(_, seq, _)| *seq <= settled);
        let held_back = whole < events.len();
        events.truncate(whole);
        let more = full && !held_back;
        let upto = settled.max(after.unwrap_or(0));
        let all = events.last().filter(|_| more).map_or(upto, |(_, seq, _)| *seq);
        Ok(FeedNews { mark: FeedMark { all, ..FeedMark::default() }, events, more, held_back })
    }

    pub(crate) async fn move_feed(&self, fan_out: &FanOut) -> Result<Moved, Fault> {
        let FanOut { workspace, from_seq, epoch, upto_seq, messages } = fan_out;
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        // Lanes first, as everybody who writes messages does.
        let waiting: Vec<&NewDelivery> = messages.iter().filter(|one| !one.dropped).collect();
        if !waiting.is_empty() {
            steps.add(sql!("webhooks/put_lane"), lanes_of(&waiting));
        }
        let moved = steps.add(sql!("webhooks/move_feed"), params![*upto_seq, workspace.0, *from_seq, *epoch]);
        if tx.send(steps).await?.rows(Some(moved)).is_empty() {
            tx.rollback().await?;
            let rows = read(&self.writers, sql!("webhooks/feed"), params![workspace.0]).await?;
            let place = rows.first().map_or((0, 0), |row| (row.get("seq"), row.get("epoch")));
            return Ok(Moved::Elsewhere { seq: place.0, epoch: place.1 });
        }
        let mut steps = Steps::default();
        if !messages.is_empty() {
            steps.add(sql!("webhooks/insert_message"), rows_of(messages, NewDelivery::state));
        }
        tx.commit(steps).await?;
        Ok(Moved::Here)
    }

    pub(crate) async fn send_messages(&self, messages: &[NewDelivery]) -> Result<(), Fault> {
        let mut steps = Steps::default();
        let all: Vec<&NewDelivery> = messages.iter().collect();
        steps.add(sql!("webhooks/put_lane"), lanes_of(&all));
        let state = |one: &NewDelivery| DeliveryState::Waiting { due_at: one.at };
        steps.add(sql!("webhooks/send_message"), rows_of(messages, state));
        Tx::open(&self.writers).await?.commit(steps).await?;
        Ok(())
    }

    pub(crate) async fn lease_deliveries(&self, claim: &ClaimDeliveries) -> Result<Leased, Fault> {
        let now = Micros::from(claim.now);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let (full_workspaces, full_lanes) = claim.rooms.full();
        let full_workspaces: Vec<Uuid> = full_workspaces.iter().map(|id| id.0).collect();
        let (of, full): (Vec<Uuid>, Vec<Uuid>) = full_lanes.iter().map(|(of, lane)| (of.0, *lane)).unzip();
        let (lanes_max, per_lane) = (i64::from(LANES_MAX), i64::from(claim.rooms.per_lane));
        steps.add(sql!("webhooks/candidates"), params![now, full_workspaces, of, full, lanes_max, per_lane]);
        let found = tx.send(steps).await?.into_rows();
        let lanes: BTreeSet<(Uuid, Uuid)> =
            found.iter().map(|row| (row.get("workspace_id"), row.get("lane_id"))).collect();
        let candidates: Vec<Candidate> = found.iter().filter_map(candidate).collect();
        let workspaces: BTreeSet<Uuid> = candidates.iter().map(|it| it.workspace.0).collect();
        let chosen: Vec<Uuid> = claim.rooms.choose(candidates).into_iter().map(|id| id.0).collect();
        let more = lanes.len() >= LANES_MAX as usize;
        let (of, lanes): (Vec<Uuid>, Vec<Uuid>) = lanes.into_iter().unzip();
        let mut steps = Steps::default();
        let leased = (!chosen.is_empty()).then(|| {
            let until = Micros::from(claim.now.plus(claim.lease));
            let workspaces = workspaces.into_iter().collect::<Vec<_>>();
            steps.add(sql!("webhooks/lease"), params![until, chosen, workspaces, now])
        });
        if !lanes.is_empty() {
            steps.add(sql!("webhooks/end_lane"), params![of.clone(), lanes.clone()]);
            steps.add(sql!("webhooks/set_lane"), params![of, lanes]);
        }
        let next = steps.add(sql!("webhooks/next_due"), params![now]);
        let answers = tx.commit(steps).await?;
        let row = |row: &Row| -> Result<LeasedRow, StoreError> {
            let delivery = message(row, ["message_id", "own_url", "message_at"])?;
            Ok(LeasedRow { delivery, endpoint: endpoint(row)? })
        };
        let rows = answers.rows(leased).iter().map(row).collect::<Result<_, _>>()?;
        let next_due = answers.rows(Some(next)).first().and_then(|row| row.get::<_, Option<Micros>>("due_at"));
        Ok(Leased { rows, more, next_due: next_due.map(Timestamp::from) })
    }

    pub(crate) async fn write_finished(&self, finished: &[Finished]) -> Result<Vec<bool>, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let look = |one: &Finished| one.state.columns().0.map(|due| if one.put_by { one.at } else { due });
        let again: Vec<_> = finished.iter().filter_map(|one| Some((one, look(one)?))).collect();
        if !again.is_empty() {
            let lanes = columns!(again, a => a.0.workspace.0, a.0.lane, Micros::from(a.1));
            steps.add(sql!("webhooks/put_lane"), lanes);
        }
        let logs: Vec<_> = finished.iter().filter_map(|one| Some((one, one.log.as_ref()?))).collect();
        if !logs.is_empty() {
            let params = columns!(logs, l => l.0.workspace.0, l.0.id.0, i64::from(l.1.attempt), Micros::from(l.1.at),
                wide(l.1.ms), l.1.outcome.as_str(), l.1.status.map(i64::from), l.1.detail.as_deref().map(text));
            steps.add(sql!("webhooks/put_attempt"), params);
        }
        let due = |one: &Finished| one.state.columns().0.map(Micros::from);
        let end = |one: &Finished| one.state.columns().1;
        let params = columns!(finished, f => f.put_by, Micros::from(f.at), due(f), end(f).map(|(at, _)| Micros::from(at)),
            end(f).map(|(_, how)| how.as_str()), f.workspace.0, f.id.0, i64::from(f.attempt));
        let ended = steps.add(sql!("webhooks/finish"), params);
        let over = tell_health(&mut steps, finished);
        let answers = tx.send(steps).await?;
        let mut steps = Steps::default();
        announce(&mut steps, answers.rows(over), finished);
        tx.commit(steps).await?;
        let held: BTreeSet<(Uuid, i64)> =
            answers.rows(Some(ended)).iter().map(|row| (row.get("id"), row.get("attempt"))).collect();
        Ok(finished.iter().map(|one| held.contains(&(one.id.0, i64::from(one.attempt)))).collect())
    }

    pub(crate) async fn page_deliveries(
        &self,
        scope: Scope,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryRow>, StoreError> {
        let cursor = Cursor::<DeliveryId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("webhooks/deliveries_newest"),
            Order::OldestFirst => sql!("webhooks/deliveries_oldest"),
        };
        let (wanted, waiting) = (filter.state.map_or("", StateWord::as_str), StateWord::Waiting.as_str());
        let params = params![scope.workspace.0, filter.webhook.0, cursor.after.0, wanted, waiting, cursor.limit];
        page_of(&read(&self.readers, sql, params).await?, page, plain_message, |row| row.id.to_string())
    }

    pub(crate) async fn read_delivery(
        &self,
        scope: Scope,
        id: DeliveryId,
    ) -> Result<(DeliveryRow, Vec<AttemptRow>), StoreError> {
        let ids = || params![scope.workspace.0, id.0];
        let rows = read(&self.readers, sql!("webhooks/delivery"), ids()).await?;
        let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "delivery", id: id.to_string() })?;
        let attempts = read(&self.readers, sql!("webhooks/attempts"), ids()).await?;
        Ok((plain_message(row)?, attempts.iter().map(attempt).collect::<Result<_, _>>()?))
    }

    pub(crate) async fn count_waiting(
        &self,
        workspace: WorkspaceId,
        lanes: Vec<Uuid>,
        at_most: u32,
    ) -> Result<Vec<u32>, StoreError> {
        let params = params![workspace.0, lanes, i64::from(at_most)];
        let rows = read(&self.readers, sql!("webhooks/waiting"), params).await?;
        rows.iter().map(|row| narrow("waiting", row.get("waiting"))).collect()
    }

    pub(crate) async fn count_deliveries(&self, now: Timestamp) -> Result<DeliveryBacklog, StoreError> {
        let params = params![Micros::from(now), Disabled::ByHand.as_str()];
        let rows = read(&self.readers, sql!("webhooks/backlog"), params).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("a count without a row".to_owned()))?;
        let count = |column: &str| narrow(column, row.get::<_, i64>(column));
        Ok(DeliveryBacklog {
            waiting: count("waiting")?,
            oldest_due: row.get::<_, Option<Micros>>("oldest_due").map(Timestamp::from),
            failing: count("failing")?,
            disabled: count("disabled")?,
        })
    }
}

/// What the attempts say about their endpoints. The place of those that were disabled.
fn tell_health(steps: &mut Steps<'_>, finished: &[Finished]) -> Option<usize> {
    let all = health_of(finished);
    let well: Vec<Uuid> = all.iter().filter(|(_, it)| it.1 == Health::Well).map(|(id, _)| id.0).collect();
    let bad: Vec<_> = all.iter().filter(|(_, it)| it.1 != Health::Well).collect();
    let over: Vec<_> = all
        .iter()
        .filter_map(|(id, (at, health))| match health {
            Health::Over { why, failing_before } => {
                let before = (*why == Disabled::Failing).then(|| Micros::from(*failing_before));
                Some((*id, *at, *why, before))
            }
            Health::Unsaid | Health::Well | Health::Failing => None,
        })
        .collect();
    if !well.is_empty() {
        steps.add(sql!("webhooks/mark_well"), params![well]);
    }
    if !bad.is_empty() {
        steps.add(sql!("webhooks/mark_failing"), columns!(bad, b => Micros::from(b.1.0), b.0.0));
    }
    (!over.is_empty()).then(|| {
        let params = columns!(over, o => Micros::from(o.1), o.2.as_str(), o.0.0, o.3);
        steps.add(sql!("webhooks/disable"), params)
    })
}

fn announce(steps: &mut Steps<'_>, rows: &[Row], finished: &[Finished]) {
    let all = health_of(finished);
    let told: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let (id, workspace) = (WebhookId(row.get("id")), WorkspaceId(row.get("workspace_id")));
            match all.get(&id)? {
                (at, Health::Over { why, .. }) => Some(disabled(workspace, id, *why, *at)),
                (_, Health::Unsaid | Health::Well | Health::Failing) => None,
            }
        })
        .collect();
    for workspace in told.iter().map(|event| event.workspace).collect::<BTreeSet<_>>() {
        touch_feed(steps, workspace, 0);
    }
    events::write(steps, &told);
}

fn lanes_of(messages: &[&NewDelivery]) -> Vec<crate::types::Param<'static>> {
    columns!(messages, m => m.workspace.0, m.lane, Micros::from(m.at))
}

fn rows_of(messages: &[NewDelivery], state: fn(&NewDelivery) -> DeliveryState) -> Vec<crate::types::Param<'_>> {
    let due = |one: &NewDelivery| state(one).columns().0.map(Micros::from);
    let end = |one: &NewDelivery| state(one).columns().1;
    columns!(messages, m => m.id.0, m.workspace.0, m.webhook.0, m.seq, m.kind.as_str(), m.url.as_deref(), m.lane,
        m.body.as_str(), Micros::from(m.at), due(m), end(m).map(|(at, _)| Micros::from(at)), end(m).map(|(_, how)| how.as_str()))
}

/// None where the lane has nothing that is due.
fn candidate(row: &Row) -> Option<Candidate> {
    Some(Candidate {
        due_at: row.get::<_, Option<Micros>>("due_at")?.into(),
        id: DeliveryId(row.get::<_, Option<Uuid>>("id")?),
        workspace: WorkspaceId(row.get("workspace_id")),
        lane: row.get("lane_id"),
    })
}

fn plain_message(row: &Row) -> Result<DeliveryRow, StoreError> {
    message(row, ["id", "url", "created_at"])
}

/// `columns`: what id, url and time are called where the endpoint stands beside it.
fn message(row: &Row, [id, url, at]: [&str; 3]) -> Result<DeliveryRow, StoreError> {
    let state = match row.get::<_, Option<Micros>>("due_at") {
        Some(due_at) => DeliveryState::Waiting { due_at: due_at.into() },
        None => {
            let how: String = row.get("ended_how");
            let how = End::parse(&how).ok_or_else(|| unknown_word("end", &how))?;
            DeliveryState::Ended { at: row.get::<_, Micros>("ended_at").into(), how }
        }
    };
    Ok(DeliveryRow {
        id: DeliveryId(row.get(id)),
        workspace: WorkspaceId(row.get("workspace_id")),
        webhook: WebhookId(row.get("webhook_id")),
        seq: row.get("seq"),
        kind: row.get("kind"),
        url: row.get(url),
        lane: row.get("lane_id"),
        body: row.get("body"),
        created_at: row.get::<_, Micros>(at).into(),
        attempt: narrow("attempt", row.get("attempt"))?,
        round: narrow("round", row.get("round"))?,
        state,
    })
}

fn attempt(row: &Row) -> Result<AttemptRow, StoreError> {
    let outcome: String = row.get("outcome");
    let status: Option<i64> = row.get("status");
    Ok(AttemptRow {
        attempt: narrow("attempt", row.get("attempt"))?,
        at: row.get::<_, Micros>("at").into(),
        ms: narrow("ms", row.get("ms"))?,
        outcome: Outcome::parse(&outcome).ok_or_else(|| unknown_word("outcome", &outcome))?,
        status: status.map(|status| narrow("status", status)).transpose()?,
        detail: row.get("detail"),
    })
}
