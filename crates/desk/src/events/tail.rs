//! The newest events of one workspace, in memory, for all who follow it: read once, handed to everybody. The ring is
//! bounded; who is further behind than it reaches reads the store, from its own position, and comes back.

use copydesk_store::events::{EventPage, EventRow};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::watch;

/// How many events are kept. At a thousand per second, two seconds.
const FRAMES_MAX: usize = 2_048;

/// An event, and the text the edge makes of it, once for all followers.
#[derive(Debug)]
pub struct Frame {
    pub row: EventRow,
    text: OnceLock<String>,
}

impl Frame {
    pub(super) fn new(row: EventRow) -> Frame {
        Frame { row, text: OnceLock::new() }
    }

    /// What `make` makes of the event; made once.
    pub fn text<E>(&self, make: impl FnOnce(&EventRow) -> Result<String, E>) -> Result<&str, E> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let made = make(&self.row)?;
        Ok(self.text.get_or_init(|| made))
    }
}

/// Events found, and up to which number that is everything.
pub(super) type Found = (Vec<Arc<Frame>>, i64);

struct Ring {
    frames: VecDeque<Arc<Frame>>,
    /// Everything after this number is here,
    from: i64,
    /// up to this one.
    upto: i64,
}

impl Ring {
    fn starting(at: i64) -> Ring {
        Ring { frames: VecDeque::new(), from: at, upto: at }
    }

    fn add(&mut self, page: EventPage) {
        if page.bounds.removed_to > self.upto {
            // Retention was quicker than we: followers learn it from the store.
            self.frames.clear();
            self.from = page.bounds.removed_to;
        }
        self.frames.extend(page.rows.into_iter().map(|row| Arc::new(Frame::new(row))));
        while self.frames.len() > FRAMES_MAX {
            self.from = self.frames.pop_front().map_or(self.from, |frame| frame.row.seq);
        }
        self.upto = page.upto.max(self.upto);
    }

    fn after(&self, at: i64, limit: usize) -> Option<Found> {
        if at < self.from {
            return None;
        }
        let start = self.frames.partition_point(|frame| frame.row.seq <= at);
        let found: Vec<Arc<Frame>> = self.frames.iter().skip(start).take(limit).cloned().collect();
        let cut = start + found.len() < self.frames.len();
        let upto = found.last().filter(|_| cut).map_or(self.upto.max(at), |last| last.row.seq);
        Some((found, upto))
    }
}

pub(super) struct Tail {
    ring: Mutex<Ring>,
    /// The ring's `upto`, for waiting.
    grown: watch::Sender<i64>,
}

impl Tail {
    pub fn starting(at: i64) -> Tail {
        Tail { ring: Mutex::new(Ring::starting(at)), grown: watch::Sender::new(at) }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn upto(&self) -> i64 {
        self.ring().upto
    }

    pub fn add(&self, page: EventPage) {
        let mut ring = self.ring();
        ring.add(page);
        let upto = ring.upto;
        drop(ring);
        self.grown.send_if_modified(|grown| upto > std::mem::replace(grown, upto));
    }

    /// What comes after a number, at most `limit`; `None` when the ring does not reach back so far.
    pub fn after(&self, at: i64, limit: usize) -> Option<Found> {
        self.ring().after(at, limit)
    }

    pub fn watch(&self) -> watch::Receiver<i64> {
        self.grown.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::Timestamp;
    use copydesk_store::events::EventBounds;

    fn page(numbers: std::ops::RangeInclusive<i64>, upto: i64, removed_to: i64) -> EventPage {
        let row = |seq| EventRow {
            seq,
            kind: "draft.updated".to_owned(),
            generation: None,
            draft: None,
            user: None,
            at: Timestamp::from_micros(0),
            data: "{}".to_owned(),
        };
        let bounds = EventBounds { removed_to, settled: upto, last: upto };
        EventPage { rows: numbers.map(row).collect(), upto, more: false, held_back: None, bounds }
    }

    fn numbers(found: Option<Found>) -> Option<(Vec<i64>, i64)> {
        found.map(|(frames, upto)| (frames.iter().map(|frame| frame.row.seq).collect(), upto))
    }

    #[test]
    fn a_follower_is_handed_what_comes_after_it_and_never_skips() {
        let mut ring = Ring::starting(10);
        ring.add(page(11..=14, 20, 0));
        assert_eq!(numbers(ring.after(10, 2)), Some((vec![11, 12], 12)), "cut pages end with their last event");
        assert_eq!(numbers(ring.after(12, 2)), Some((vec![13, 14], 20)));
        assert_eq!(numbers(ring.after(20, 2)), Some((vec![], 20)));
        assert_eq!(numbers(ring.after(25, 2)), Some((vec![], 25)), "ahead of the tail it waits where it is");
        assert_eq!(numbers(ring.after(9, 2)), None, "the store knows");
    }

    #[test]
    fn the_ring_is_bounded_and_says_how_far_back_it_reaches() {
        let mut ring = Ring::starting(0);
        let all = 3 * FRAMES_MAX as i64;
        ring.add(page(1..=all, all, 0));
        assert_eq!(ring.frames.len(), FRAMES_MAX);
        assert_eq!(numbers(ring.after(ring.from - 1, 1)), None);
        assert_eq!(numbers(ring.after(ring.from, 1)), Some((vec![ring.from + 1], ring.from + 1)));
    }

    #[test]
    fn what_was_removed_before_it_was_read_is_left_to_the_store() {
        let mut ring = Ring::starting(0);
        ring.add(page(1..=3, 3, 0));
        ring.add(page(9..=9, 9, 7));
        assert_eq!(numbers(ring.after(3, 10)), None);
        assert_eq!(numbers(ring.after(7, 10)), Some((vec![9], 9)));
    }
}
