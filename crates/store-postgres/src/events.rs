//! The workspace's events: written beside what they tell, read in their order. Many transactions draw numbers at once and
//! commit in another order; readers stop where a number may still appear (`sql/events/open.sql`, ADR 20).

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, side_by_side};
use crate::types::{Micros, columns, params, sql, text};
use copydesk_core::{DraftId, GenerationId, UserId};
use copydesk_store::events::{EventBounds, EventPage, EventRow, NewEvent};
use copydesk_store::{Scope, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

/// Adds the events to a transaction's writes.
pub fn write<'a>(steps: &mut Steps<'a>, events: &[NewEvent<'a>]) {
    if events.is_empty() {
        return;
    }
    let params = columns!(events, e => e.workspace.0, e.kind, e.generation.map(|id| id.0),
        e.draft.map(|id| id.0), e.user.map(|id| id.0), Micros::from(e.at), text(&e.data).into_owned());
    steps.add(sql!("admin/insert_event"), params);
}

impl PostgresStore {
    /// Tells readers of events, here and in other processes, after a write that may have made some.
    pub(crate) async fn telling<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let done = work.await?;
        self.wake.events();
        Ok(done)
    }

    pub(crate) async fn page_events(&self, scope: Scope, after: i64, limit: u32) -> Result<EventPage, Fault> {
        let mut steps = Steps::default();
        let places = look(&mut steps);
        let page = steps.add(sql!("events/page"), params![scope.workspace.0, after, i64::from(limit)]);
        let removed = steps.add(sql!("events/removed"), params![scope.workspace.0]);
        let answers = side_by_side(&self.readers, steps).await?;
        let bounds = bounds(answers.rows(Some(places.0)), answers.rows(Some(places.1)), answers.rows(Some(removed)))?;
        let rows = answers.rows(Some(page)).iter().map(event).collect();
        Ok(EventPage::of(after, limit, rows, bounds))
    }

    pub(crate) async fn bounds_of_events(&self, scope: Scope) -> Result<EventBounds, Fault> {
        let mut steps = Steps::default();
        let places = look(&mut steps);
        let removed = steps.add(sql!("events/removed"), params![scope.workspace.0]);
        let answers = side_by_side(&self.readers, steps).await?;
        Ok(bounds(answers.rows(Some(places.0)), answers.rows(Some(places.1)), answers.rows(Some(removed)))?)
    }
}

/// The last number and the open transactions, in this order, before any row is read.
pub fn look(steps: &mut Steps<'_>) -> (usize, usize) {
    (steps.add(sql!("events/last"), params![]), steps.add(sql!("events/open"), params![]))
}

/// Up to where nothing appears any more, and the last number.
pub fn settled(last: &[Row], open: &[Row]) -> Result<(i64, i64), StoreError> {
    let last = number(last)?.unwrap_or(0);
    Ok((number(open)?.map_or(last, |open| open.min(last)), last))
}

fn number(rows: &[Row]) -> Result<Option<i64>, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("an aggregate without a row".to_owned()))?;
    Ok(row.get("seq"))
}

fn bounds(last: &[Row], open: &[Row], removed: &[Row]) -> Result<EventBounds, StoreError> {
    let (settled, last) = settled(last, open)?;
    Ok(EventBounds { removed_to: number(removed)?.unwrap_or(0), settled, last })
}

fn event(row: &Row) -> EventRow {
    EventRow {
        seq: row.get("seq"),
        kind: row.get("kind"),
        generation: row.get::<_, Option<Uuid>>("generation_id").map(GenerationId),
        draft: row.get::<_, Option<Uuid>>("draft_id").map(DraftId),
        user: row.get::<_, Option<Uuid>>("user_id").map(UserId),
        at: row.get::<_, Micros>("created_at").into(),
        data: row.get("data"),
    }
}
