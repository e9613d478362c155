//! Messages to webhooks: made as a feed moves, claimed for a lease, and finished under the fence of their attempt.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use crate::webhooks::{endpoint, touch_feed};
use copydesk_core::webhook::{Disabled, End, Outcome};
use copydesk_core::{DeliveryId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::webhooks::{
    AttemptRow, Candidate, ClaimDeliveries, DeliveryBacklog, DeliveryFilter, DeliveryRow, DeliveryState, EndpointRow,
    FanOut, Feed, FeedMark, FeedNews, Feeds, Finished, Health, LANES_MAX, Leased, LeasedRow, Moved, NEWS_MAX,
    NewDelivery, StateWord, disabled, health_of,
};
use copydesk_store::{Answer, DeliveryStore, Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};
use std::collections::BTreeMap;
use uuid::Uuid;

impl DeliveryStore for SqliteStore {
    fn feeds(&self, known: Option<i64>) -> Answer<'_, Feeds> {
        Box::pin(self.read(move |db| {
            let stamp = db.number(sql!("webhooks/feed_stamp"), [])?;
            let feeds = if known == Some(stamp) { None } else { Some(feeds(db)?) };
            Ok(Feeds { stamp, feeds })
        }))
    }

    fn feed_news(&self, since: Option<FeedMark>) -> Answer<'_, FeedNews> {
        Box::pin(self.read(move |db| feed_news(db, since)))
    }

    fn fan_out(&self, fan_out: FanOut) -> Answer<'_, Moved> {
        let bytes = fan_out.messages.iter().map(|message| message.body.len()).sum();
        Box::pin(self.write(bytes, move |session| {
            let FanOut { workspace, from_seq, epoch, upto_seq, messages } = fan_out;
            let params = params![upto_seq, workspace.0.as_bytes(), from_seq, epoch];
            let moved: Option<i64> = session.db.first(sql!("webhooks/move_feed"), params, |row| Ok(row.get(0)?))?;
            if moved.is_none() {
                let place = |row: &Row<'_>| Ok(Moved::Elsewhere { seq: row.get(0)?, epoch: row.get(1)? });
                let found = session.db.first(sql!("webhooks/feed"), [workspace.0.as_bytes()], place)?;
                return Ok(found.unwrap_or(Moved::Elsewhere { seq: 0, epoch: 0 }));
            }
            for one in &messages {
                put(session.db, sql!("webhooks/insert_message"), one, one.state())?;
            }
            Ok(Moved::Here)
        }))
    }

    fn send(&self, messages: Vec<NewDelivery>) -> Answer<'_, ()> {
        let bytes = messages.iter().map(|message| message.body.len()).sum();
        Box::pin(self.write(bytes, move |session| {
            let state = |one: &NewDelivery| DeliveryState::Waiting { due_at: one.at };
            messages.iter().try_for_each(|one| put(session.db, sql!("webhooks/send_message"), one, state(one)))
        }))
    }

    fn claim_deliveries(&self, claim: ClaimDeliveries) -> Answer<'_, Leased> {
        Box::pin(self.write(0, move |session| run_claim(session.db, &claim)))
    }

    fn finish_deliveries(&self, finished: Vec<Finished>) -> Answer<'_, Vec<bool>> {
        Box::pin(self.write(0, move |session| finish(session.db, &finished)))
    }

    fn deliveries(&self, scope: Scope, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<DeliveryRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<DeliveryId>(&page, |id| id.0)?;
            let wanted = filter.state.map_or("", StateWord::as_str);
            let params = params![
                scope.workspace.0.as_bytes(),
                filter.webhook.0.as_bytes(),
                cut.after.as_bytes(),
                wanted,
                StateWord::Waiting.as_str(),
                cut.limit
            ];
            let rows = db.all(ordered!(cut, "webhooks/deliveries"), params, delivery)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn delivery(&self, scope: Scope, id: DeliveryId) -> Answer<'_, (DeliveryRow, Vec<AttemptRow>)> {
        Box::pin(self.read(move |db| {
            let ids = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            let row = db.first(sql!("webhooks/delivery"), ids, delivery)?;
            let row = row.ok_or_else(|| StoreError::NotFound { what: "delivery", id: id.to_string() })?;
            Ok((row, db.all(sql!("webhooks/attempts"), ids, attempt)?))
        }))
    }

    fn waiting(&self, workspace: WorkspaceId, lanes: Vec<Uuid>, at_most: u32) -> Answer<'_, Vec<u32>> {
        Box::pin(self.read(move |db| {
            let count = |lane: &Uuid| {
                let params = params![workspace.0.as_bytes(), lane.as_bytes(), at_most];
                Ok(u32::try_from(db.number(sql!("webhooks/waiting"), params)?).unwrap_or(at_most))
            };
            lanes.iter().map(count).collect()
        }))
    }

    fn delivery_backlog(&self, now: Timestamp) -> Answer<'_, DeliveryBacklog> {
        Box::pin(self.read(move |db| {
            let params = params![now.micros(), Disabled::ByHand.as_str()];
            let counts = db.first(sql!("webhooks/backlog"), params, |row| {
                Ok(DeliveryBacklog {
                    waiting: codec::unsigned(row, "waiting")?,
                    oldest_due: codec::maybe_instant(row, "oldest_due")?,
                    failing: codec::unsigned(row, "failing")?,
                    disabled: codec::unsigned(row, "disabled")?,
                })
            })?;
            counts.ok_or_else(|| Fault::corrupt("a count without a row"))
        }))
    }
}

fn feeds(db: Db<'_>) -> Done<Vec<Feed>> {
    let rows = db.all(sql!("webhooks/feeds"), [], |row| {
        Ok((row.get::<_, i64>("feed_seq")?, row.get::<_, i64>("epoch")?, endpoint(row)?))
    })?;
    let mut feeds: Vec<Feed> = Vec::new();
    for (seq, epoch, endpoint) in rows {
        match feeds.last_mut().filter(|feed| feed.workspace == endpoint.workspace) {
            Some(feed) => feed.endpoints.push(endpoint),
            None => feeds.push(Feed { workspace: endpoint.workspace, seq, epoch, endpoints: vec![endpoint] }),
        }
    }
    Ok(feeds)
}

/// Each workspace has its own numbers: one look for each that has a feed.
fn feed_news(db: Db<'_>, since: Option<FeedMark>) -> Done<FeedNews> {
    let (first, since) = (since.is_none(), since.unwrap_or_default());
    let mut news = FeedNews { mark: FeedMark::default(), events: Vec::new(), more: false, held_back: false };
    let place = |row: &Row<'_>| Ok((WorkspaceId(codec::uuid(row, 0)?), row.get::<_, i64>(1)?));
    for (workspace, seq) in db.all(sql!("webhooks/feed_places"), [], place)? {
        if first {
            news.mark.each.insert(workspace, db.number(sql!("events/last"), [workspace.0.as_bytes()])?);
            continue;
        }
        // A feed that was made meanwhile: from where it begins.
        let after = since.each.get(&workspace).copied().unwrap_or(seq);
        let params = params![workspace.0.as_bytes(), after, NEWS_MAX];
        let found = db.all(sql!("webhooks/feed_news"), params, |row| Ok((workspace, row.get(0)?, row.get(1)?)))?;
        news.more |= found.len() >= NEWS_MAX as usize;
        news.mark.each.insert(workspace, found.last().map_or(after, |(_, seq, _)| *seq));
        news.events.extend(found);
    }
    Ok(news)
}

fn put(db: Db<'_>, sql: &'static str, one: &NewDelivery, state: DeliveryState) -> Done<()> {
    let (due, end) = state.columns();
    if let Some(due) = due {
        look_at_lane(db, one.workspace, one.lane, due)?;
    }
    let (ended_at, how) = end.map(|(at, how)| (at.micros(), how.as_str())).unzip();
    let params = params![
        one.id.0.as_bytes(),
        one.workspace.0.as_bytes(),
        one.webhook.0.as_bytes(),
        one.seq,
        one.kind,
        one.url,
        one.lane.as_bytes(),
        one.body,
        one.at.micros(),
        due.map(Timestamp::micros),
        ended_at,
        how,
    ];
    db.execute(sql, params)?;
    Ok(())
}

fn run_claim(db: Db<'_>, claim: &ClaimDeliveries) -> Done<Leased> {
    let (lanes, more) = lanes_to_look_at(db, claim)?;
    let mut candidates = Vec::new();
    for (workspace, lane) in &lanes {
        let params = params![workspace.0.as_bytes(), lane.as_bytes(), claim.now.micros(), claim.rooms.per_lane];
        candidates.extend(db.all(sql!("webhooks/candidates"), params, candidate)?);
    }
    let workspaces: BTreeMap<DeliveryId, WorkspaceId> = candidates.iter().map(|it| (it.id, it.workspace)).collect();
    let (until, mut rows) = (claim.now.plus(claim.lease).micros(), Vec::new());
    let mut endpoints: BTreeMap<WebhookId, EndpointRow> = BTreeMap::new();
    for id in claim.rooms.choose(candidates) {
        let workspace = workspaces[&id].0.as_bytes();
        let leased = db.first(sql!("webhooks/lease"), params![until, workspace, id.0.as_bytes()], delivery)?;
        let Some(delivery) = leased else { continue };
        let endpoint = match endpoints.get(&delivery.webhook) {
            Some(known) => known.clone(),
            None => {
                let found = db.first(sql!("webhooks/endpoint"), [delivery.webhook.0.as_bytes()], endpoint)?;
                found.ok_or_else(|| Fault::corrupt(format!("{id} is for {}, which is not there", delivery.webhook)))?
            }
        };
        endpoints.insert(delivery.webhook, endpoint.clone());
        rows.push(LeasedRow { delivery, endpoint });
    }
    for (workspace, lane) in &lanes {
        let lane = params![workspace.0.as_bytes(), lane.as_bytes()];
        if db.execute(sql!("webhooks/end_lane"), lane)? == 0 {
            db.execute(sql!("webhooks/set_lane"), lane)?;
        }
    }
    let next = db.first(sql!("webhooks/next_due"), [claim.now.micros()], |row| codec::maybe_instant(row, "due_at"))?;
    Ok(Leased { rows, more, next_due: next.flatten() })
}

/// Lanes that are due and have room, and whether there are more of them.
fn lanes_to_look_at(db: Db<'_>, claim: &ClaimDeliveries) -> Done<(Vec<(WorkspaceId, Uuid)>, bool)> {
    let (full_workspaces, full_lanes) = claim.rooms.full();
    let (mut place, mut lanes) = ((i64::MIN, Uuid::nil(), Uuid::nil()), Vec::new());
    while lanes.len() < LANES_MAX as usize {
        let params = params![claim.now.micros(), place.0, place.1.as_bytes(), place.2.as_bytes()];
        let next = db.first(sql!("webhooks/next_lane"), params, |row| {
            Ok((row.get(0)?, codec::uuid(row, 1)?, codec::uuid(row, 2)?))
        })?;
        let Some(next) = next else { return Ok((lanes, false)) };
        place = next;
        let lane = (WorkspaceId(place.1), place.2);
        if !full_workspaces.contains(&lane.0) && !full_lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    Ok((lanes, true))
}

/// Somebody is to look at the lane then.
fn look_at_lane(db: Db<'_>, workspace: WorkspaceId, lane: Uuid, due_at: Timestamp) -> Done<()> {
    db.execute(sql!("webhooks/put_lane"), params![workspace.0.as_bytes(), lane.as_bytes(), due_at.micros()])?;
    Ok(())
}

fn finish(db: Db<'_>, finished: &[Finished]) -> Done<Vec<bool>> {
    let mut held = Vec::with_capacity(finished.len());
    for one in finished {
        let (workspace, id) = (one.workspace.0.as_bytes(), one.id.0.as_bytes());
        if let Some(log) = &one.log {
            let (at, ms, outcome) = (log.at.micros(), codec::signed(log.ms), log.outcome.as_str());
            let params = params![workspace, id, log.attempt, at, ms, outcome, log.status, log.detail];
            db.execute(sql!("webhooks/put_attempt"), params)?;
        }
        let (due, end) = one.state.columns();
        let (ended_at, how) = end.map(|(at, how)| (at.micros(), how.as_str())).unzip();
        let (now, due_at) = (one.at.micros(), due.map(Timestamp::micros));
        let params = params![one.put_by, now, due_at, ended_at, how, workspace, id, one.attempt];
        let row: Option<i64> = db.first(sql!("webhooks/finish"), params, |row| Ok(row.get(0)?))?;
        held.push(row.is_some());
        if let Some(due) = due.filter(|_| row.is_some()) {
            look_at_lane(db, one.workspace, one.lane, if one.put_by { one.at } else { due })?;
        }
    }
    for (id, (at, health)) in health_of(finished) {
        match health {
            Health::Unsaid => {}
            Health::Well => drop(db.execute(sql!("webhooks/mark_well"), [id.0.as_bytes()])?),
            Health::Failing => fail(db, id, at)?,
            Health::Over { why, failing_before } => {
                fail(db, id, at)?;
                disable(db, id, why, failing_before, at)?;
            }
        }
    }
    Ok(held)
}

fn fail(db: Db<'_>, id: WebhookId, at: Timestamp) -> Done<()> {
    db.execute(sql!("webhooks/mark_failing"), params![at.micros(), id.0.as_bytes()])?;
    Ok(())
}

fn disable(db: Db<'_>, id: WebhookId, why: Disabled, failing_before: Timestamp, at: Timestamp) -> Done<()> {
    let before = (why == Disabled::Failing).then(|| failing_before.micros());
    let params = params![at.micros(), why.as_str(), id.0.as_bytes(), before];
    let workspace = db.first(sql!("webhooks/disable"), params, |row| Ok(WorkspaceId(codec::uuid(row, 0)?)))?;
    if let Some(workspace) = workspace {
        write_event(db, &disabled(workspace, id, why, at))?;
        touch_feed(db, workspace, 0)?;
    }
    Ok(())
}

fn candidate(row: &Row<'_>) -> Done<Candidate> {
    Ok(Candidate {
        due_at: codec::instant(row, "due_at")?,
        id: DeliveryId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        lane: codec::uuid(row, "lane_id")?,
    })
}

fn delivery(row: &Row<'_>) -> Done<DeliveryRow> {
    let state = match codec::maybe_instant(row, "due_at")? {
        Some(due_at) => DeliveryState::Waiting { due_at },
        None => DeliveryState::Ended {
            at: codec::instant(row, "ended_at")?,
            how: codec::word(row, "webhook_deliveries.ended_how", End::parse)?,
        },
    };
    Ok(DeliveryRow {
        id: DeliveryId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        webhook: WebhookId(codec::uuid(row, "webhook_id")?),
        seq: row.get("seq")?,
        kind: row.get("kind")?,
        url: row.get("url")?,
        lane: codec::uuid(row, "lane_id")?,
        body: row.get("body")?,
        created_at: codec::instant(row, "created_at")?,
        attempt: row.get("attempt")?,
        round: row.get("round")?,
        state,
    })
}

fn attempt(row: &Row<'_>) -> Done<AttemptRow> {
    Ok(AttemptRow {
        attempt: row.get("attempt")?,
        at: codec::instant(row, "at")?,
        ms: codec::unsigned(row, "ms")?,
        outcome: codec::word(row, "webhook_attempts.outcome", Outcome::parse)?,
        status: row.get("status")?,
        detail: row.get("detail")?,
    })
}
