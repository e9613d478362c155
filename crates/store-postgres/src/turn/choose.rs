//! Chooses among the heads of the queues under the limits: a merge by place in which a full lane's queue is passed over.
//! Pure; the database is asked for more only when a queue's head was too short to decide.

use crate::queues::Queue;
use copydesk_store::generations::{Lane, Limits};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Whether a queue's generations belong to a lane.
pub fn belongs(lane: &Lane, queue: &Queue) -> bool {
    match lane {
        Lane::Recipe(recipe) => *recipe == queue.recipe,
        Lane::Provider(provider) => *provider == queue.provider,
        Lane::Model(model) => *model == queue.model,
        Lane::Workspace(workspace) => *workspace == queue.workspace,
    }
}

/// How much room is left.
#[derive(Clone, Debug)]
pub struct Room {
    /// In all; `None` is no limit.
    all: Option<u64>,
    /// Per entry of `limits.lanes`.
    lanes: Vec<u64>,
    /// Which entries a queue belongs to.
    of_queue: BTreeMap<i32, Vec<usize>>,
}

impl Room {
    /// `running` is counted by queue; `waiting` are the queues that have something ready and are not paused.
    pub fn new(limits: &Limits, running: &[(Queue, u64)], waiting: &[(i32, Queue)]) -> Room {
        let used: u64 = running.iter().map(|(_, count)| count).sum();
        let in_lane = |lane: &Lane| -> u64 {
            running.iter().filter(|(queue, _)| belongs(lane, queue)).map(|(_, count)| count).sum()
        };
        let lanes = limits.lanes.iter().map(|(lane, limit)| u64::from(*limit).saturating_sub(in_lane(lane))).collect();
        let of_queue = waiting
            .iter()
            .map(|(id, queue)| {
                let own = limits.lanes.iter().enumerate().filter(|(_, (lane, _))| belongs(lane, queue));
                (*id, own.map(|(place, _)| place).collect())
            })
            .collect();
        Room { all: limits.global.map(|limit| u64::from(limit).saturating_sub(used)), lanes, of_queue }
    }

    /// How many more a queue may give.
    pub fn of(&self, queue: i32) -> u64 {
        let lanes = self.of_queue.get(&queue).into_iter().flatten().map(|lane| self.lanes[*lane]);
        lanes.chain(self.all).min().unwrap_or(u64::MAX)
    }

    fn take(&mut self, queue: i32) {
        for lane in self.of_queue.get(&queue).into_iter().flatten() {
            self.lanes[*lane] -= 1;
        }
        if let Some(all) = &mut self.all {
            *all -= 1;
        }
    }
}

/// A ready generation, in the order of claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Head {
    pub sort_key: i64,
    pub id: Uuid,
    pub queue: i32,
}

/// How many to ask of each queue. The first look is a fair share with some to spare; `whole` asks for all that could count.
pub fn ask(room: &Room, want: usize, whole: bool) -> Vec<(i32, u64)> {
    let open: Vec<(i32, u64)> =
        room.of_queue.keys().map(|queue| (*queue, room.of(*queue))).filter(|(_, room)| *room > 0).collect();
    let want = want as u64;
    let share = if whole || open.len() < 2 { want } else { (2 * want / open.len() as u64 + 1).max(8) };
    open.into_iter().map(|(queue, room)| (queue, room.min(share).min(want))).collect()
}

#[derive(PartialEq, Eq, Debug)]
pub enum Choice {
    Chosen(Vec<Head>),
    /// A queue's head was used up while it still had room: ask for the whole.
    TooShort,
}

/// The first `want` heads that have room.
pub fn choose(mut heads: Vec<Head>, asked: &[(i32, u64)], mut room: Room, want: usize) -> Choice {
    heads.sort_unstable();
    let mut left: BTreeMap<i32, u64> = BTreeMap::new();
    for head in &heads {
        *left.entry(head.queue).or_default() += 1;
    }
    // A queue that gave all it was asked for may have more.
    let mut cut: BTreeMap<i32, bool> =
        asked.iter().map(|(queue, most)| (*queue, left.get(queue).is_some_and(|given| given >= most))).collect();
    let mut chosen = Vec::with_capacity(want.min(heads.len()));
    for head in heads {
        if chosen.len() == want {
            break;
        }
        let rest = left.entry(head.queue).or_default();
        *rest = rest.saturating_sub(1);
        if room.of(head.queue) == 0 {
            cut.insert(head.queue, false);
            continue;
        }
        room.take(head.queue);
        chosen.push(head);
        let exhausted = *rest == 0 && cut.get(&head.queue).copied().unwrap_or_default();
        if exhausted && room.of(head.queue) > 0 && chosen.len() < want {
            return Choice::TooShort;
        }
    }
    Choice::Chosen(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::WorkspaceId;

    fn queue(recipe: &str, model: &str) -> Queue {
        let provider = crate::queues::provider(model).to_owned();
        Queue { workspace: WorkspaceId::DEFAULT, recipe: recipe.into(), provider, model: model.into() }
    }

    fn limits(global: Option<u32>, lanes: &[(Lane, u32)]) -> Limits {
        Limits { global, lanes: lanes.to_vec() }
    }

    fn heads(places: &[(i32, i64)]) -> Vec<Head> {
        places
            .iter()
            .map(|(queue, key)| Head { queue: *queue, sort_key: *key, id: Uuid::from_u128(*key as u128) })
            .collect()
    }

    #[test]
    fn a_lane_shared_by_two_queues_is_counted_once() {
        let waiting = [(1, queue("a", "p/m")), (2, queue("b", "p/n"))];
        let limits = limits(None, &[(Lane::Provider("p".into()), 3)]);
        let room = Room::new(&limits, &[(queue("c", "p/x"), 1)], &waiting);
        let found = heads(&[(1, 10), (2, 11), (1, 12), (2, 13)]);
        let Choice::Chosen(chosen) = choose(found, &[(1, 4), (2, 4)], room, 4) else { panic!("nothing is cut") };
        assert_eq!(chosen.iter().map(|head| head.sort_key).collect::<Vec<_>>(), vec![10, 11]);
    }

    #[test]
    fn a_full_lane_does_not_hide_the_queue_behind_it() {
        let waiting = [(1, queue("a", "p/m")), (2, queue("b", "q/n"))];
        let limits = limits(Some(10), &[(Lane::Model("p/m".into()), 1)]);
        let room = Room::new(&limits, &[(queue("a", "p/m"), 1)], &waiting);
        assert_eq!(ask(&room, 4, false), vec![(2, 4)]);
        let found = heads(&[(2, 50), (2, 51)]);
        let Choice::Chosen(chosen) = choose(found, &[(2, 4)], room, 4) else { panic!("nothing is cut") };
        assert_eq!(chosen.len(), 2);
    }

    #[test]
    fn a_head_that_was_cut_too_short_is_asked_for_again() {
        let waiting = [(1, queue("a", "p/m")), (2, queue("b", "q/n"))];
        let room = Room::new(&limits(None, &[]), &[], &waiting);
        let found = heads(&[(1, 1), (1, 2), (2, 90), (2, 91)]);
        assert_eq!(choose(found.clone(), &[(1, 2), (2, 2)], room.clone(), 4), Choice::TooShort);
        let Choice::Chosen(chosen) = choose(found, &[(1, 2), (2, 2)], room, 2) else { panic!("two are known") };
        assert_eq!(chosen.iter().map(|head| head.queue).collect::<Vec<_>>(), vec![1, 1]);
    }
}
