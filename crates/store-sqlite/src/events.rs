//! The workspace's events: written beside what they tell, read in their order. One writer numbers them as it commits, so
//! nothing is ever held back.

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use copydesk_core::{DraftId, GenerationId, UserId};
use copydesk_store::events::{EventBounds, EventPage, EventRow, NewEvent};
use copydesk_store::{Answer, EventStore, Scope};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rusqlite::{Row, params};

impl EventStore for SqliteStore {
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage> {
        Box::pin(self.read(move |db| page(db, scope, after, limit)))
    }

    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds> {
        Box::pin(self.read(move |db| bounds(db, scope)))
    }

    fn event_news(&self) -> BoxStream<'static, ()> {
        stream::unfold(self.news.subscribe(), |mut news| async { news.changed().await.ok().map(|()| ((), news)) })
            .boxed()
    }
}

/// Appends to the workspace's sequence.
pub(crate) fn write_event(db: Db<'_>, event: &NewEvent<'_>) -> Done<()> {
    db.execute(
        sql!("admin/insert_event"),
        params![
            event.workspace.0.as_bytes(),
            event.kind,
            event.generation.map(|generation| *generation.0.as_bytes()),
            event.draft.map(|draft| *draft.0.as_bytes()),
            event.user.map(|user| *user.0.as_bytes()),
            event.at.micros(),
            event.data,
        ],
    )?;
    Ok(())
}

fn page(db: Db<'_>, scope: Scope, after: i64, limit: u32) -> Done<EventPage> {
    let bounds = bounds(db, scope)?;
    let rows = db.all(sql!("events/page"), params![scope.workspace.0.as_bytes(), after, limit], event_row)?;
    Ok(EventPage::of(after, limit, rows, bounds))
}

fn bounds(db: Db<'_>, scope: Scope) -> Done<EventBounds> {
    let last = db.number(sql!("events/last"), [scope.workspace.0.as_bytes()])?;
    let removed_to = db.number(sql!("events/removed"), [scope.workspace.0.as_bytes()])?;
    Ok(EventBounds { removed_to, settled: last, last })
}

fn event_row(row: &Row<'_>) -> Done<EventRow> {
    Ok(EventRow {
        seq: row.get(0)?,
        kind: row.get(1)?,
        generation: codec::maybe_uuid(row, 2)?.map(GenerationId),
        draft: codec::maybe_uuid(row, 3)?.map(DraftId),
        user: codec::maybe_uuid(row, 4)?.map(UserId),
        at: codec::instant(row, 5)?,
        data: row.get(6)?,
    })
}
