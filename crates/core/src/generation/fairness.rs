//! Start-time fair queueing: a user's next generation starts, in virtual time, where the user's last one ended, or at the
//! queue's own virtual time if that is later. Sorting by start time lets a single click overtake another user's batch of
//! ten thousand; nobody starves, because virtual time only moves forward.

/// A point in virtual time. Units: one generation of cost 1 is [`VirtualTime::STEP`] long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct VirtualTime(pub i64);

impl VirtualTime {
    pub const STEP: i64 = 1_000;
}

/// How urgent a generation is. Invariant: within [`Priority::MIN`]..=[`Priority::MAX`], so that it is a bounded head
/// start in virtual time and urgent work can never starve the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Priority(i16);

impl Priority {
    pub const MIN: i16 = -100;
    pub const MAX: i16 = 100;

    /// `None` outside the bounds.
    pub fn new(value: i16) -> Option<Priority> {
        (Self::MIN..=Self::MAX).contains(&value).then_some(Priority(value))
    }
    pub const fn value(self) -> i16 {
        self.0
    }
}

/// The place of one generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// What the queue sorts by: the start, less the head start of its priority.
    pub sort_key: VirtualTime,
    /// Where the user's next generation may start.
    pub user_finish: VirtualTime,
}

/// The place of a new generation, given the queue's virtual time and where its user's last one ended.
///
/// Units: one point of priority is one generation's length of head start.
pub fn place(queue: VirtualTime, user_finish: Option<VirtualTime>, priority: Priority) -> Place {
    let start = user_finish.map_or(queue, |finish| finish.max(queue));
    Place {
        sort_key: VirtualTime(start.0 - i64::from(priority.0) * VirtualTime::STEP),
        user_finish: VirtualTime(start.0 + VirtualTime::STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_click_overtakes_another_users_batch() {
        let queue = VirtualTime(0);
        let mut finish = None;
        let mut last = VirtualTime(0);
        for _ in 0..10_000 {
            let place = place(queue, finish, Priority::default());
            (finish, last) = (Some(place.user_finish), place.sort_key);
        }
        let click = place(queue, None, Priority::default());
        assert!(click.sort_key < last);
        assert_eq!(click.sort_key, VirtualTime(0));
    }

    #[test]
    fn a_flood_of_urgent_work_cannot_starve_a_waiting_generation() {
        let waiting = place(VirtualTime(0), None, Priority::default()).sort_key;
        let urgent = Priority::new(Priority::MAX).unwrap();
        let mut finish = None;
        let overtakers = (0..100_000)
            .map(|_| {
                let place = place(VirtualTime(0), finish, urgent);
                finish = Some(place.user_finish);
                place.sort_key
            })
            .filter(|key| *key < waiting)
            .count();
        assert_eq!(overtakers, 100, "a head start of 100 lets at most 100 of one user overtake");
    }
}
