//! What a connection is doing, and until when it may. The bytes are `line.rs`; this only keeps the record and decides.

use super::limits::Limits;
use super::line::Protocol;
use copydesk_desk::World;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// What the client is expected to do while no request is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// To send its first byte.
    Silent,
    /// To finish the head it began.
    Head,
    /// To ask again, or not.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began, by the steady clock.
    since: Duration,
    requests: usize,
    /// Its frames come at any time, so single bytes say nothing about a head.
    http2: bool,
    /// The connection speaks something else now, which has its own rules.
    upgraded: bool,
    /// A body was left in the line.
    unread: bool,
}

impl State {
    /// When the client's time is over; `None` while it is our turn.
    fn deadline(&self, limits: &Limits) -> Option<Duration> {
        if self.requests > 0 || self.upgraded {
            return None;
        }
        let span = match self.phase {
            Phase::Silent => limits.first_byte,
            Phase::Head => limits.head,
            Phase::Idle => limits.idle,
        };
        Some(self.since + span)
    }

    fn bytes_came(&mut self, now: Duration) {
        let begins = match self.phase {
            Phase::Silent => true,
            Phase::Idle => !self.http2,
            Phase::Head => false,
        };
        if begins && self.requests == 0 {
            (self.phase, self.since) = (Phase::Head, now);
        }
    }

    fn request_ended(&mut self, now: Duration) {
        self.requests = self.requests.saturating_sub(1);
        if self.requests == 0 {
            (self.phase, self.since) = (Phase::Idle, now);
        }
    }
}

/// The record of one connection. Clones share it.
#[derive(Clone)]
pub(super) struct Watch {
    pub world: World,
    pub limits: Arc<Limits>,
    state: Arc<Mutex<State>>,
}

impl Watch {
    pub fn new(world: World, limits: Arc<Limits>) -> Watch {
        let since = world.steady();
        let state = State { phase: Phase::Silent, since, requests: 0, http2: false, upgraded: false, unread: false };
        Watch { world, limits, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn deadline(&self) -> Option<Duration> {
        self.state().deadline(&self.limits)
    }
    pub fn speaks(&self, protocol: Protocol) {
        self.state().http2 = protocol == Protocol::Http2;
    }
    pub fn bytes_came(&self) {
        let now = self.world.steady();
        self.state().bytes_came(now);
    }
    /// A request is under way until this is dropped.
    pub fn request(&self) -> Underway {
        self.state().requests += 1;
        Underway(self.clone())
    }
    pub fn upgraded(&self) {
        self.state().upgraded = true;
    }
    pub fn left_unread(&self) {
        self.state().unread = true;
    }
    pub fn has_unread(&self) -> bool {
        self.state().unread
    }
    pub fn timer(&self) -> Timer {
        Timer { world: self.world.clone(), armed: None }
    }
}

/// A request from its head to the end of its answer.
pub(super) struct Underway(Watch);

impl Drop for Underway {
    fn drop(&mut self) {
        let now = self.0.world.steady();
        self.0.state().request_ended(now);
    }
}

/// Waits for instants of the steady clock. It is armed anew only for an earlier one: a connection that is busy costs no
/// timer, one that is quiet costs one.
pub(super) struct Timer {
    world: World,
    armed: Option<(Duration, BoxFuture<'static, ()>)>,
}

impl Timer {
    /// Ready from the instant on.
    pub fn poll_at(&mut self, at: Duration, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = self.world.steady();
            if now >= at {
                return Poll::Ready(());
            }
            let (wake, mut sleep) =
                self.armed.take().filter(|(wake, _)| *wake <= at).unwrap_or_else(|| (at, self.world.sleep(at - now)));
            if sleep.as_mut().poll(cx).is_pending() {
                self.armed = Some((wake, sleep));
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn state() -> State {
        State { phase: Phase::Silent, since: seconds(0), requests: 0, http2: false, upgraded: false, unread: false }
    }

    #[test]
    fn each_phase_has_its_own_time_and_a_request_none() {
        let (mut line, limits) = (state(), Limits::default());
        assert_eq!(line.deadline(&limits), Some(seconds(10)));
        line.bytes_came(seconds(9));
        assert_eq!(line.deadline(&limits), Some(seconds(24)));
        line.bytes_came(seconds(20));
        assert_eq!(line.deadline(&limits), Some(seconds(24)), "a head that drips has no more time");
        line.requests += 1;
        line.bytes_came(seconds(21));
        assert_eq!(line.deadline(&limits), None);
        line.request_ended(seconds(30));
        assert_eq!(line.deadline(&limits), Some(seconds(105)));
        line.bytes_came(seconds(100));
        assert_eq!(line.deadline(&limits), Some(seconds(115)));
    }

    #[test]
    fn pings_do_not_keep_an_http2_connection_open() {
        let (mut line, limits) = (state(), Limits::default());
        line.http2 = true;
        line.bytes_came(seconds(0));
        line.requests += 2;
        line.request_ended(seconds(1));
        assert_eq!(line.deadline(&limits), None);
        line.request_ended(seconds(2));
        line.bytes_came(seconds(60));
        assert_eq!(line.deadline(&limits), Some(seconds(77)));
    }
}
