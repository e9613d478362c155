//! When a generation will probably be there: a guess from how long the last ones took, for whoever looks at a waiting one.
//! Nothing is decided by it.

use super::state::State;
use super::waiting::Waiting;
use crate::Timestamp;
use std::time::Duration;

/// How long completed generations took from their last claim to their end. `None` is: none was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    /// Of the same recipe.
    pub own: Option<Duration>,
    /// Of all recipes.
    pub all: Option<Duration>,
}

/// The mean of the last ones: each new one weighs an eighth.
pub fn mean(so_far: Option<Duration>, took: Duration) -> Duration {
    so_far.map_or(took, |mean| (mean * 7 + took) / 8)
}

/// When it will probably have ended; `None` when nothing can be said: it has ended, nobody knows when what holds it goes on,
/// or none like it was seen. `slots` is how many may run at once.
pub fn eta(state: &State, waiting: &Waiting, pace: Pace, slots: Option<u32>, now: Timestamp) -> Option<Timestamp> {
    let own = pace.own?;
    match (state, waiting) {
        (State::Processing { claimed_at, .. }, _) => Some(claimed_at.plus(own).max(now)),
        (State::Pending { .. }, Waiting::BehindOthers { position }) => {
            // Those before it go through the slots in rounds.
            let before = position.saturating_sub(1);
            let rounds = slots.map_or(0, |slots| before / slots.max(1));
            Some(now.plus(pace.all.unwrap_or(own).saturating_mul(rounds)).plus(own))
        }
        (
            State::Pending { .. },
            Waiting::CoolingDown { until, .. }
            | Waiting::RateLimited { until, .. }
            | Waiting::BackingOff { until, .. }
            | Waiting::Scheduled { until },
        ) => Some((*until).max(now).plus(own)),
        (
            State::Pending { .. },
            Waiting::LaneFull { .. }
            | Waiting::TargetLocked { .. }
            | Waiting::Paused { .. }
            | Waiting::JobPaused { .. }
            | Waiting::NoWorker
            | Waiting::NotWaiting,
        )
        | (State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. }, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::state::Wait;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
    const READY: State = State::Pending { wait: Wait::Ready };

    fn seconds(eta: Option<Timestamp>) -> Option<u64> {
        eta.map(|eta| eta.since(NOW).as_secs())
    }

    #[test]
    fn those_before_it_go_through_the_slots_in_rounds() {
        let pace = Pace { own: Some(Duration::from_secs(30)), all: Some(Duration::from_secs(10)) };
        for (position, slots, expected) in [(1, Some(4), 30), (5, Some(4), 40), (13, Some(4), 60), (900, None, 30)] {
            let eta = eta(&READY, &Waiting::BehindOthers { position }, pace, slots, NOW);
            assert_eq!(seconds(eta), Some(expected), "place {position} of {slots:?}");
        }
    }

    #[test]
    fn what_waits_for_an_instant_begins_then() {
        let pace = Pace { own: Some(Duration::from_secs(30)), all: None };
        let until = NOW.plus(Duration::from_secs(60));
        let at = |until| eta(&READY, &Waiting::Scheduled { until }, pace, Some(4), NOW);
        assert_eq!(seconds(at(until)), Some(90));
        assert_eq!(seconds(at(NOW.minus(Duration::from_secs(60)))), Some(30), "it is due since a minute");
    }

    #[test]
    fn nothing_is_said_that_nobody_knows() {
        let seen = Pace { own: Some(Duration::from_secs(30)), all: None };
        let next = Waiting::BehindOthers { position: 1 };
        assert_eq!(eta(&READY, &next, Pace::default(), Some(4), NOW), None, "none like it was seen");
        assert_eq!(eta(&READY, &Waiting::NoWorker, seen, Some(4), NOW), None);
        let ended = State::Cancelled { at: NOW };
        assert_eq!(eta(&ended, &Waiting::NotWaiting, seen, Some(4), NOW), None);
    }

    #[test]
    fn the_last_ones_weigh_most() {
        let steady = (0..40).fold(None, |so_far, _| Some(mean(so_far, Duration::from_secs(10))));
        assert_eq!(steady, Some(Duration::from_secs(10)));
        let slower = (0..40).fold(steady, |so_far, _| Some(mean(so_far, Duration::from_secs(80))));
        assert!(slower > Some(Duration::from_secs(75)), "{slower:?}");
    }
}
