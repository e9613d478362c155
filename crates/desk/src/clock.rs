//! The injectable world: the only place that reads a clock, sleeps or rolls dice. Everything else takes `now` and fresh
//! ids from here, so that a whole desk runs in one deterministic test. It never looks at data.

use copydesk_core::generation::event::Jitter;
use copydesk_core::{Timestamp, TransferId, uuid_at};
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// Time as the desk sees it.
pub trait Clock: Send + Sync {
    /// The instant now, in store time.
    fn now(&self) -> Timestamp;
    /// A steady reading for measuring durations.
    fn steady(&self) -> Duration;
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()>;
    /// Tells the clock what the store's own clock said just now; later readings follow it.
    fn follow(&self, store_now: Timestamp);
}

/// Randomness.
pub trait Dice: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// Clock and dice together, passed to everything that needs one.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
}

impl World {
    pub fn new(clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> World {
        World { clock, dice }
    }
    /// The real one: the machine's clock and the operating system's randomness.
    pub fn real() -> World {
        World::new(Arc::new(SystemClock::default()), Arc::new(SystemDice::default()))
    }
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
    pub fn steady(&self) -> Duration {
        self.clock.steady()
    }
    pub fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(span)
    }
    pub fn follow(&self, store_now: Timestamp) {
        self.clock.follow(store_now);
    }
    pub fn fill(&self, bytes: &mut [u8]) {
        self.dice.fill(bytes);
    }
    pub fn jitter(&self) -> Jitter {
        let mut bytes = [0; 2];
        self.dice.fill(&mut bytes);
        Jitter(u16::from_be_bytes(bytes))
    }
    /// A UUIDv7 of `now`: milliseconds, then 12 bits of the millisecond's fraction, then randomness; so ids made one
    /// after the other sort in that order.
    /// Ids for the ledger rows that one change of a generation may ask for.
    pub fn transfer_ids(&self, now: Timestamp) -> [TransferId; 3] {
        [self.uuid(now), self.uuid(now), self.uuid(now)].map(TransferId)
    }
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 8];
        self.dice.fill(&mut random);
        uuid_at(now, random)
    }
}

/// The machine's clock, moved to the store's time where the store has one of its own.
#[derive(Default)]
pub struct SystemClock {
    /// Units: microseconds to add to the machine's clock.
    offset: AtomicI64,
}

impl SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one clock")]
    fn machine() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(Self::machine().saturating_add(self.offset.load(Ordering::Relaxed)))
    }
    #[allow(clippy::disallowed_methods, reason = "the one clock")]
    fn steady(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span))
    }
    fn follow(&self, store_now: Timestamp) {
        self.offset.store(store_now.micros().saturating_sub(Self::machine()), Ordering::Relaxed);
    }
}

/// Real time that tests of an application move forward, never back. Whoever sleeps until a moved time wakes. It follows no
/// store: it is for the engine that has no clock of its own.
pub struct MovableClock {
    machine: SystemClock,
    /// How far it is ahead of real time.
    ahead: watch::Sender<Duration>,
}

impl Default for MovableClock {
    fn default() -> MovableClock {
        MovableClock { machine: SystemClock::default(), ahead: watch::Sender::new(Duration::ZERO) }
    }
}

impl MovableClock {
    pub fn advance(&self, span: Duration) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(span));
    }
    pub fn ahead(&self) -> Duration {
        *self.ahead.borrow()
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        self.machine.now().plus(self.ahead())
    }
    fn steady(&self) -> Duration {
        self.machine.steady().saturating_add(self.ahead())
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let mut ahead = self.ahead.subscribe();
        let wake = self.steady().saturating_add(span);
        Box::pin(async move {
            loop {
                let moved = *ahead.borrow_and_update();
                let left = wake.saturating_sub(SystemClock::default().steady().saturating_add(moved));
                if left.is_zero() {
                    return;
                }
                let moved = tokio::select! {
                    () = tokio::time::sleep(left) => return,
                    moved = ahead.changed() => moved,
                };
                if moved.is_err() {
                    // Without its clock nobody moves it any more: what is left passes by itself.
                    return tokio::time::sleep(left).await;
                }
            }
        })
    }
    fn follow(&self, _store_now: Timestamp) {}
}

/// The operating system's randomness, fetched in blocks.
pub struct SystemDice {
    block: Mutex<(Box<[u8; SystemDice::BLOCK]>, usize)>,
}

impl SystemDice {
    const BLOCK: usize = 4_096;
}

impl Default for SystemDice {
    fn default() -> Self {
        SystemDice { block: Mutex::new((Box::new([0; Self::BLOCK]), Self::BLOCK)) }
    }
}

impl Dice for SystemDice {
    #[allow(clippy::disallowed_methods, reason = "the one source of randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if block.1 == Self::BLOCK {
                getrandom::fill(&mut block.0[..]).expect("the operating system gives random bytes");
                block.1 = 0;
            }
            *byte = block.0[block.1];
            // Spent bytes are wiped, so that no later reader of this memory learns a key.
            let spent = block.1;
            block.0[spent] = 0;
            block.1 += 1;
        }
    }
}

/// A clock that tests move by hand. Sleepers wake when the hand passes their time.
pub struct HandClock {
    hand: watch::Sender<i64>,
}

impl HandClock {
    pub fn at(start: Timestamp) -> Arc<HandClock> {
        Arc::new(HandClock { hand: watch::Sender::new(start.micros()) })
    }
    pub fn advance(&self, span: Duration) {
        self.hand.send_modify(|micros| *micros = Timestamp::from_micros(*micros).plus(span).micros());
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.hand.borrow())
    }
    fn steady(&self) -> Duration {
        Duration::from_micros(u64::try_from(*self.hand.borrow()).unwrap_or(0))
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let wake = self.now().plus(span).micros();
        let mut hand = self.hand.subscribe();
        Box::pin(async move {
            if hand.wait_for(|now| *now >= wake).await.is_err() {
                // The clock is gone: its test is over, and nobody waits for this sleeper.
                futures::future::pending::<()>().await;
            }
        })
    }
    fn follow(&self, _store_now: Timestamp) {}
}

/// Dice that always fall the same way: a counter.
#[derive(Default)]
pub struct CountingDice {
    next: std::sync::atomic::AtomicU64,
}

impl Dice for CountingDice {
    fn fill(&self, bytes: &mut [u8]) {
        let value = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (index, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = if index < value.len() { value[value.len() - 1 - index] } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_over_its_time_and_not_before() {
        let clock = MovableClock::default();
        let (began, hour) = (clock.now(), Duration::from_secs(3_600));
        let mut sleeper = tokio::spawn(clock.sleep(hour * 2));
        clock.advance(hour);
        let early = tokio::time::timeout(Duration::from_millis(20), &mut sleeper).await;
        assert!(early.is_err(), "half of it is left");
        clock.advance(hour);
        tokio::time::timeout(Duration::from_secs(10), sleeper).await.expect("it wakes").unwrap();
        assert!(clock.now().since(began) >= hour * 2 && clock.ahead() == hour * 2);
        clock.follow(began);
        assert!(clock.now().since(began) >= hour * 2, "it never goes back");
    }

    #[test]
    fn ids_of_later_instants_sort_later() {
        let world = World::real();
        let first = world.uuid(Timestamp::from_micros(1_700_000_000_000_100));
        let second = world.uuid(Timestamp::from_micros(1_700_000_000_000_101));
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
    }
}
