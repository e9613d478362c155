//! Start-time fair queueing: a user's next generation starts, in virtual time, where the user's last one in the same queue
//! ended, or at the queue's own virtual time if that is later. Sorting by start time lets a single click overtake another
//! user's batch of ten thousand; nobody starves, because virtual time only moves forward. Each queue has its own time,
//! because lanes move at different speeds; an empty one catches up with the common time, so that it gains nothing by
//! having been idle. Where the times are kept: the engines' tables `clock` and `fair`.

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

/// The virtual times a new generation finds at its accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueTime {
    /// The largest sort key claimed from this queue, or what it was lifted to when it was empty.
    pub own: VirtualTime,
    /// The largest sort key claimed from any queue.
    pub common: VirtualTime,
    /// Whether something of this queue is claimable. What is parked does not count: it may wait for hours.
    pub has_ready: bool,
}

impl QueueTime {
    /// Where a user with nothing in this queue starts. If it is later than `own`, accepting lifts `own` to it, so that a
    /// second arrival before the first claim starts at the same place.
    pub fn base(self) -> VirtualTime {
        if self.has_ready { self.own } else { self.own.max(self.common) }
    }
}

/// The place of one generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// What the queue sorts by: the start, less the head start of its priority.
    pub sort_key: VirtualTime,
    /// Where the user's next generation of this queue may start.
    pub user_finish: VirtualTime,
}

/// The place of a new generation, given [`QueueTime::base`] and where its user's last one in this queue ended.
///
/// Units: one point of priority is one generation's length of head start.
pub fn place(base: VirtualTime, user_finish: Option<VirtualTime>, priority: Priority) -> Place {
    let start = user_finish.map_or(base, |finish| finish.max(base));
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
    fn only_an_empty_queue_catches_up_with_the_common_time() {
        let time = |own, common, has_ready| {
            QueueTime { own: VirtualTime(own), common: VirtualTime(common), has_ready }.base().0
        };
        assert_eq!(time(3, 9, true), 3, "who waits in a slow queue is not left behind by a fast one");
        assert_eq!(time(3, 9, false), 9, "nobody gains by a queue that was idle");
        assert_eq!(time(9, 3, false), 9, "virtual time never goes back");
        assert_eq!(QueueTime::default().base(), VirtualTime(0));
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
