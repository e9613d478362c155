//! The cap of one generation: whether its next call fits under what it may cost. What is not known for sure of an earlier
//! call (it was lost, cut off or has no figures) counts as the most it can have cost, so that the sum never lies below the
//! truth and no call that is let through can pass the cap. Pure.

use super::usage::CallOutcome;
use crate::NanoUsd;

/// An earlier call of the generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// `None` while nobody has closed it.
    pub outcome: Option<CallOutcome>,
    /// As it is booked; `None` is not known.
    pub cost: Option<NanoUsd>,
    /// Its figures are somebody's guess.
    pub estimated: bool,
    /// The provider answered with an error status: without figures it did nothing.
    pub refused: bool,
    /// The most one like it may cost; `None` is not known.
    pub most: Option<NanoUsd>,
}

impl Earlier {
    /// What it can have cost at most; `None` is not known.
    pub fn at_most(&self) -> Option<NanoUsd> {
        match (self.outcome, self.cost, self.estimated) {
            (Some(CallOutcome::NotSent), _, _) => Some(NanoUsd(0)),
            (Some(_), Some(cost), false) => Some(cost),
            (Some(_), None, _) if self.refused => Some(NanoUsd(0)),
            (_, cost, _) => Some(self.most?.max(cost.unwrap_or(NanoUsd(0)))),
        }
    }
}

/// What there is to say about a next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// Whatever it costs, the sum stays under the cap.
    Fits,
    /// `spent` so far at most, and `next` at most for the call, are more than the cap.
    Over { spent: NanoUsd, next: NanoUsd },
    /// The most of a call is not known, so nothing can be promised.
    Unknown,
}

/// Whether a call that may cost `next` fits under `cap` beside the earlier ones.
pub fn room(cap: NanoUsd, earlier: &[Earlier], next: Option<NanoUsd>) -> Room {
    let spent = earlier.iter().try_fold(0_i64, |sum, call| Some(sum.saturating_add(call.at_most()?.0)));
    match (spent, next) {
        (Some(spent), Some(next)) if spent.saturating_add(next.0) <= cap.0 => Room::Fits,
        (Some(spent), Some(next)) => Room::Over { spent: NanoUsd(spent), next },
        (_, _) => Room::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn booked(cost: i64) -> Earlier {
        Earlier {
            outcome: Some(CallOutcome::Ok),
            cost: Some(NanoUsd(cost)),
            estimated: false,
            refused: false,
            most: Some(NanoUsd(9)),
        }
    }

    #[test]
    fn what_is_not_sure_counts_as_the_most_it_can_have_cost() {
        let at_most = |call: Earlier| call.at_most().map(|cost| cost.0);
        assert_eq!(at_most(booked(4)), Some(4));
        assert_eq!(at_most(Earlier { estimated: true, ..booked(4) }), Some(9));
        assert_eq!(at_most(Earlier { estimated: true, ..booked(12) }), Some(12), "a guess above the bound is believed");
        assert_eq!(at_most(Earlier { cost: None, ..booked(0) }), Some(9));
        assert_eq!(at_most(Earlier { outcome: None, cost: None, ..booked(0) }), Some(9));
        assert_eq!(at_most(Earlier { cost: None, most: None, ..booked(0) }), None);
        let refused = Earlier { cost: None, refused: true, ..booked(0) };
        assert_eq!((at_most(refused), at_most(Earlier { outcome: None, ..refused })), (Some(0), Some(9)));
        let unsent =
            Earlier { outcome: Some(CallOutcome::NotSent), cost: None, estimated: true, most: None, ..booked(0) };
        assert_eq!(at_most(unsent), Some(0));
    }

    #[test]
    fn the_last_nano_dollar_may_be_spent_and_no_more() {
        assert_eq!(room(NanoUsd(10), &[booked(4)], Some(NanoUsd(6))), Room::Fits);
        let over = Room::Over { spent: NanoUsd(4), next: NanoUsd(7) };
        assert_eq!(room(NanoUsd(10), &[booked(4)], Some(NanoUsd(7))), over);
        assert_eq!(room(NanoUsd(10), &[], None), Room::Unknown);
        assert_eq!(room(NanoUsd(i64::MAX), &[booked(i64::MAX)], Some(NanoUsd(1))), Room::Fits, "a sum has an end");
    }

    /// How a call ends, and what is known of it afterwards.
    #[derive(Clone, Copy, Debug)]
    enum End {
        Reported,
        Guessed,
        Silent,
        NotSent,
    }

    proptest! {
        #[test]
        fn no_sequence_of_calls_that_were_let_through_passes_the_cap(
            cap in 0_i64..1_000,
            calls in prop::collection::vec((1_i64..300, 0_u8..=100, 0_u8..=100, prop_oneof![
                Just(End::Reported), Just(End::Guessed), Just(End::Silent), Just(End::NotSent)]), 1..30),
        ) {
            let (mut earlier, mut truth) = (vec![], 0);
            for (most, part, guess, end) in calls {
                if room(NanoUsd(cap), &earlier, Some(NanoUsd(most))) != Room::Fits {
                    continue;
                }
                // It costs what it costs, up to its bound, whatever the books say of it.
                let cost = most * i64::from(part) / 100;
                truth += if matches!(end, End::NotSent) { 0 } else { cost };
                let (outcome, booked, estimated) = match end {
                    End::Reported => (Some(CallOutcome::Ok), Some(cost), false),
                    End::Guessed => (Some(CallOutcome::Lost), Some(most * i64::from(guess) / 100), true),
                    End::Silent => (None, None, false),
                    End::NotSent => (Some(CallOutcome::NotSent), None, false),
                };
                let (cost, most) = (booked.map(NanoUsd), Some(NanoUsd(most)));
                earlier.push(Earlier { outcome, cost, estimated, refused: false, most });
                prop_assert!(truth <= cap, "{truth} of {cap}");
            }
        }
    }
}
