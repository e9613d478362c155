//! Pages of past events.

use super::filter::EventFilter;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_store::Scope;
use copydesk_store::events::EventRow;
use std::time::Duration;

/// How many events one look reads, and how many looks one page may take: who asks for something rare gets an empty page
/// that says where to read on.
const LOOK: u32 = 1_000;
const LOOKS_MAX: u32 = 10;
/// How long a page waits for transactions that were under way when it was asked for, so that whoever has just written
/// finds what it wrote.
const WAITS_MAX: u32 = 50;
const WAIT: Duration = Duration::from_millis(5);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventsPage {
    pub rows: Vec<EventRow>,
    /// Ask for what is after it next.
    pub upto: i64,
    /// There is more to read right now.
    pub more: bool,
    /// Events after the position that was asked for are gone for their age: what the caller knows must be read anew.
    pub missed: bool,
}

impl Desk {
    /// The events after a number that `filter` wants, oldest first.
    ///
    /// Errors: [`DeskError::PositionUnknown`] for a number that was never given out.
    pub async fn events(
        &self,
        scope: Scope,
        filter: &EventFilter,
        after: i64,
        limit: u32,
    ) -> Result<EventsPage, DeskError> {
        let mut answer = EventsPage { rows: Vec::new(), upto: after, more: true, missed: false };
        let (mut looks, mut waits, mut wanted) = (0, 0, None);
        while answer.more && looks < LOOKS_MAX {
            let page = self.store().events(scope, answer.upto, LOOK).await?;
            if after < 0 || after > page.bounds.last {
                return Err(DeskError::PositionUnknown);
            }
            answer.missed |= page.bounds.removed_to > answer.upto;
            let room = limit as usize - answer.rows.len();
            let mut fits = page.rows.into_iter().filter(|row| filter.wants(row));
            answer.rows.extend(fits.by_ref().take(room));
            let left = fits.next().is_some();
            answer.upto = answer.rows.last().filter(|_| left).map_or(page.upto, |row| row.seq);
            answer.more = left || page.more;
            looks += 1;
            if left {
                break;
            }
            // Only what was committed before the first look is waited for.
            let under_way = *wanted.get_or_insert(page.held_back);
            if under_way.is_some_and(|last| answer.upto < last) && waits < WAITS_MAX {
                (answer.more, looks, waits) = (true, looks - 1, waits + 1);
                self.inner.world.sleep(WAIT).await;
            }
        }
        Ok(answer)
    }
}
