//! One follower: it knows how far it has come and asks for what is next. It is never dropped for being slow and holds no
//! queue of its own: what it has not taken is in the ring, and what has left the ring is in the store.

use super::filter::EventFilter;
use super::hub::Seat;
use super::tail::{Found, Frame};
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_store::Scope;
use std::sync::Arc;
use tokio::sync::watch;

/// How many events are handed over at once.
const BATCH: usize = 64;
/// How many are read at once by one that has to catch up.
const PAGE: u32 = 500;

/// Where to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With what comes from now on.
    Now,
    /// With what comes after a number; 0 is the beginning.
    After(i64),
}

/// What a follower is told.
#[derive(Debug)]
pub enum Told {
    /// Never empty.
    Events(Vec<Arc<Frame>>),
    /// Events after its position were removed for their age: what it knows must be read anew. It goes on behind them.
    Resync,
    /// The server stops; come again, with the same position.
    Draining,
}

pub struct Follower {
    seat: Seat,
    grown: watch::Receiver<i64>,
    filter: EventFilter,
    at: i64,
}

impl Desk {
    /// Begins to follow a workspace's events.
    ///
    /// Errors: [`DeskError::PositionUnknown`] for a number that was never given out, [`DeskError::Draining`].
    pub async fn follow_events(&self, scope: Scope, filter: EventFilter, start: Start) -> Result<Follower, DeskError> {
        if self.is_draining() {
            return Err(DeskError::Draining);
        }
        // One tail serves all of a workspace; what a confined reader may see is a matter of his filter.
        let (scope, filter) = (scope.whole(), EventFilter { user: filter.user.or(scope.user), ..filter });
        let bounds = self.store().event_bounds(scope).await?;
        let at = match start {
            Start::Now => bounds.settled,
            Start::After(number) if (0..=bounds.last).contains(&number) => number,
            Start::After(_) => return Err(DeskError::PositionUnknown),
        };
        let seat = Seat::take(&self.inner, scope, bounds.settled);
        let grown = seat.tail.watch();
        Ok(Follower { seat, grown, filter, at })
    }
}

impl Follower {
    /// Everything it wants up to this number it was told; a client that names it goes on from there.
    pub fn at(&self) -> i64 {
        self.at
    }

    pub fn filter(&self) -> &EventFilter {
        &self.filter
    }

    /// The next thing to be told; waits for it. May be dropped at any time: nothing is lost by it.
    pub async fn next(&mut self) -> Result<Told, DeskError> {
        let inner = Arc::clone(&self.seat.inner);
        loop {
            if inner.draining() {
                return Ok(Told::Draining);
            }
            // Before the look, so that what comes during it is looked for again.
            self.grown.borrow_and_update();
            let found = match self.seat.tail.after(self.at, BATCH) {
                Some(found) => Some(found),
                None => self.read().await?,
            };
            let Some((frames, upto)) = found else { return Ok(Told::Resync) };
            let moved = upto > std::mem::replace(&mut self.at, upto);
            let wanted: Vec<Arc<Frame>> = frames.into_iter().filter(|frame| self.filter.wants(&frame.row)).collect();
            if !wanted.is_empty() {
                return Ok(Told::Events(wanted));
            }
            if !moved {
                tokio::select! {
                    // The sender lives in the tail, and that in the seat.
                    _ = self.grown.changed() => {}
                    () = inner.drained() => {}
                }
            }
        }
    }

    /// What the ring has no longer. `None` when the store has not all of it, either.
    async fn read(&mut self) -> Result<Option<Found>, DeskError> {
        let page = self.seat.inner.store.events(self.seat.scope, self.at, PAGE).await?;
        if page.bounds.removed_to > self.at {
            self.at = page.bounds.removed_to;
            return Ok(None);
        }
        Ok(Some((page.rows.into_iter().map(|row| Arc::new(Frame::new(row))).collect(), page.upto)))
    }
}
