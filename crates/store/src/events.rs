//! Events: what happened in a workspace, as one durable sequence. The number of an event is at once the cursor of pages,
//! the id of frames in streams and the sequence of deliveries, so a reader may change from one to the other. Numbers rise
//! and are never used twice; they may have gaps. Who filters: `desk/events`, with the same function for every reader.

use crate::{Answer, Scope};
use copydesk_core::{DraftId, GenerationId, Timestamp, UserId, WorkspaceId};
use futures::stream::BoxStream;
use std::borrow::Cow;

pub trait EventStore: Send + Sync {
    /// Events of the workspace with numbers above `after`, in the order of those, at most `limit`.
    ///
    /// Invariant: what a reader gets who asks again after `upto` of the page before is complete: each event once, none
    /// skipped, whoever else writes meanwhile. An event is therefore held back while an older number may still appear.
    fn events(&self, scope: Scope, after: i64, limit: u32) -> Answer<'_, EventPage>;

    /// Where the workspace's sequence begins and ends.
    fn event_bounds(&self, scope: Scope) -> Answer<'_, EventBounds>;

    /// Yields after commits of this process that may have written events, and when another process may have; what comes
    /// while nobody asks is one. A hint: it may yield for nothing, and the word of another process may be lost, so readers
    /// also look by themselves.
    fn event_news(&self) -> BoxStream<'static, ()>;
}

/// One durable event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventRow {
    pub seq: i64,
    pub kind: String,
    /// What it is about, e.g. `gen_...`, and that one's draft.
    pub generation: Option<GenerationId>,
    pub draft: Option<DraftId>,
    /// Whose generation, draft or credits; `None` for what concerns the whole workspace.
    pub user: Option<UserId>,
    pub at: Timestamp,
    /// Small facts as JSON text.
    pub data: String,
}

/// One event about to be written, in the transaction of what it tells.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub workspace: WorkspaceId,
    pub kind: &'a str,
    pub generation: Option<GenerationId>,
    pub draft: Option<DraftId>,
    pub user: Option<UserId>,
    pub at: Timestamp,
    /// JSON text.
    pub data: Cow<'a, str>,
}

/// Where a workspace's sequence begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventBounds {
    /// The highest number that retention has removed; 0 when it removed none. Who has read less has missed something.
    pub removed_to: i64,
    /// No event up to this number appears any more that is not there now.
    pub settled: i64,
    /// The highest number that was given out; no position is above it.
    pub last: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventPage {
    pub rows: Vec<EventRow>,
    /// Everything up to this number was read: ask for what is after it.
    pub upto: i64,
    /// There is more to read right now.
    pub more: bool,
    /// The last event that is written and held back because an older one may still appear.
    pub held_back: Option<i64>,
    pub bounds: EventBounds,
}

impl EventPage {
    /// Cuts `rows`, at most `limit` that were found after `after`, where numbers may still appear. `bounds` must have been
    /// read before the rows, `removed_to` after them.
    pub fn of(after: i64, limit: u32, mut rows: Vec<EventRow>, bounds: EventBounds) -> EventPage {
        let full = rows.len() >= limit as usize;
        let whole = rows.partition_point(|row| row.seq <= bounds.settled);
        let held_back = rows.last().map(|row| row.seq).filter(|_| whole < rows.len());
        rows.truncate(whole);
        let more = full && held_back.is_none();
        let upto = match rows.last() {
            Some(last) if more => last.seq,
            Some(_) | None => bounds.settled.max(after),
        };
        EventPage { rows, upto, more, held_back, bounds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(numbers: &[i64]) -> Vec<EventRow> {
        let row = |seq: &i64| EventRow {
            seq: *seq,
            kind: "draft.updated".to_owned(),
            generation: None,
            draft: None,
            user: None,
            at: Timestamp::from_micros(0),
            data: "{}".to_owned(),
        };
        numbers.iter().map(row).collect()
    }

    fn page(found: &[i64], limit: u32, settled: i64) -> (Vec<i64>, i64, bool, Option<i64>) {
        let page = EventPage::of(2, limit, rows(found), EventBounds { removed_to: 0, settled, last: 99 });
        (page.rows.iter().map(|row| row.seq).collect(), page.upto, page.more, page.held_back)
    }

    #[test]
    fn a_page_never_goes_beyond_what_is_settled() {
        assert_eq!(page(&[3, 5], 10, 9), (vec![3, 5], 9, false, None), "it has read the empty rest, too");
        assert_eq!(page(&[3, 5], 2, 9), (vec![3, 5], 5, true, None), "a full page ends with its last row");
        assert_eq!(page(&[3, 5, 8], 10, 5), (vec![3, 5], 5, false, Some(8)), "eight waits for six and seven");
        assert_eq!(page(&[3, 8], 2, 5), (vec![3], 5, false, Some(8)));
        assert_eq!(page(&[], 10, 1), (vec![], 2, false, None), "nobody is sent back");
    }
}
