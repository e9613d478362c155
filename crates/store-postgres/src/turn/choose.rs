//! Chooses among the heads of the queues under the limits: a merge by place in which a full lane's queue is passed over.
//! Pure; the database is asked for more only when a queue's head was too short to decide.

use crate::queues::Queue;
use crate::types::narrow;
use copydesk_core::Timestamp;
use copydesk_core::health::{Door, Paid, Rows, door};
use copydesk_store::StoreError;
use copydesk_store::generations::{Lane, Limits, probes};
use std::collections::BTreeMap;
use tokio_postgres::Row;
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

/// How many runs a queue has.
#[derive(Clone, Debug)]
pub struct Running {
    pub queue: Queue,
    pub all: u64,
    /// Those that do not only wait for a job at their provider: what the global limit counts.
    pub holding: u64,
}

impl Running {
    /// From a row of `claim/lane_use.sql`.
    pub fn of(row: &Row) -> Result<Running, StoreError> {
        Ok(Running {
            queue: Queue::of(row),
            all: narrow("count of runs", row.get("running"))?,
            holding: narrow("count of runs", row.get("holding"))?,
        })
    }
}

/// What a claim found: who runs, who waits, who is cooling down, what the rates have paid.
pub struct Scene<'a> {
    pub limits: &'a Limits,
    /// Counted by queue.
    pub running: Vec<Running>,
    /// The queues that have something ready and are not paused.
    pub waiting: Vec<(i32, Queue)>,
    pub health: &'a Rows,
    /// Of each entry of `limits.rates`.
    pub paid: Vec<Paid>,
    pub now: Timestamp,
}

impl Scene<'_> {
    pub fn door(&self, queue: &Queue) -> Door {
        door(self.health, &queue.model, self.now)
    }

    /// The entries of `limits.rates` a queue pays when it is claimed: none when it makes no call.
    pub fn rates_of(&self, queue: &Queue) -> Vec<usize> {
        let own = self.limits.rates.iter().enumerate().filter(|(_, (lane, _))| belongs(lane, queue));
        if self.door(queue) == Door::Open { own.map(|(place, _)| place).collect() } else { vec![] }
    }
}

/// How much room is left.
#[derive(Clone, Debug)]
pub struct Room {
    /// In all; `None` is no limit.
    all: Option<u64>,
    /// Per entry of `limits.lanes`, then per model or provider that is probing, then per entry of `limits.rates`.
    lanes: Vec<u64>,
    of_queue: BTreeMap<i32, Passage>,
}

/// Which entries a queue belongs to.
#[derive(Clone, Debug)]
struct Passage {
    /// Those that must have room.
    look: Vec<usize>,
    /// Those in which it takes a place.
    count: Vec<usize>,
}

impl Room {
    /// What is claimed although it is cooling makes no call: it takes places like any run, but needs no probe's and no
    /// rate's. What is cooling and cannot go on has no room at all.
    pub fn new(scene: &Scene<'_>) -> Room {
        let (limits, probes) = (scene.limits, probes(scene.health, scene.now));
        let used: u64 = scene.running.iter().map(|running| running.holding).sum();
        let in_lane = |lane: &Lane| -> u64 {
            scene.running.iter().filter(|running| belongs(lane, &running.queue)).map(|running| running.all).sum()
        };
        let counted: Vec<&(Lane, u32)> = limits.lanes.iter().chain(&probes).collect();
        let mut lanes: Vec<u64> =
            counted.iter().map(|(lane, limit)| u64::from(*limit).saturating_sub(in_lane(lane))).collect();
        let rates = limits.rates.iter().zip(&scene.paid);
        lanes.extend(rates.map(|((_, rate), paid)| u64::from(rate.room(*paid, scene.now))));
        let mut of_queue = BTreeMap::new();
        for (id, queue) in &scene.waiting {
            let cooling = scene.door(queue) != Door::Open;
            if cooling && !queue.onward {
                continue;
            }
            let own = counted.iter().enumerate().filter(|(_, (lane, _))| belongs(lane, queue));
            let mut count: Vec<usize> = own.map(|(place, _)| place).collect();
            count.extend(scene.rates_of(queue).into_iter().map(|place| counted.len() + place));
            let look = count.iter().copied().filter(|place| !cooling || *place < limits.lanes.len()).collect();
            of_queue.insert(*id, Passage { look, count });
        }
        Room { all: limits.global.map(|limit| u64::from(limit).saturating_sub(used)), lanes, of_queue }
    }

    /// How many more a queue may give.
    pub fn of(&self, queue: i32) -> u64 {
        let look = self.of_queue.get(&queue).map(|passage| passage.look.as_slice()).unwrap_or_default();
        look.iter().map(|lane| self.lanes[*lane]).chain(self.all).min().unwrap_or(u64::MAX)
    }

    fn take(&mut self, queue: i32) {
        for lane in self.of_queue.get(&queue).into_iter().flat_map(|passage| &passage.count) {
            self.lanes[*lane] = self.lanes[*lane].saturating_sub(1);
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
        Queue { workspace: WorkspaceId::DEFAULT, recipe: recipe.into(), provider, model: model.into(), onward: false }
    }

    fn limits(global: Option<u32>, lanes: &[(Lane, u32)]) -> Limits {
        Limits { global, lanes: lanes.to_vec(), rates: vec![] }
    }

    fn room(limits: &Limits, running: &[(Queue, u64)], waiting: &[(i32, Queue)]) -> Room {
        let running = running.iter().map(|(queue, all)| Running { queue: queue.clone(), all: *all, holding: *all });
        let (running, waiting, health) = (running.collect(), waiting.to_vec(), &Rows::new());
        let now = Timestamp::from_micros(0);
        Room::new(&Scene { limits, running, waiting, health, paid: vec![], now })
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
        let room = room(&limits, &[(queue("c", "p/x"), 1)], &waiting);
        let found = heads(&[(1, 10), (2, 11), (1, 12), (2, 13)]);
        let Choice::Chosen(chosen) = choose(found, &[(1, 4), (2, 4)], room, 4) else { panic!("nothing is cut") };
        assert_eq!(chosen.iter().map(|head| head.sort_key).collect::<Vec<_>>(), vec![10, 11]);
    }

    #[test]
    fn a_full_lane_does_not_hide_the_queue_behind_it() {
        let waiting = [(1, queue("a", "p/m")), (2, queue("b", "q/n"))];
        let limits = limits(Some(10), &[(Lane::Model("p/m".into()), 1)]);
        let room = room(&limits, &[(queue("a", "p/m"), 1)], &waiting);
        assert_eq!(ask(&room, 4, false), vec![(2, 4)]);
        let found = heads(&[(2, 50), (2, 51)]);
        let Choice::Chosen(chosen) = choose(found, &[(2, 4)], room, 4) else { panic!("nothing is cut") };
        assert_eq!(chosen.len(), 2);
    }

    #[test]
    fn a_head_that_was_cut_too_short_is_asked_for_again() {
        let waiting = [(1, queue("a", "p/m")), (2, queue("b", "q/n"))];
        let room = room(&limits(None, &[]), &[], &waiting);
        let found = heads(&[(1, 1), (1, 2), (2, 90), (2, 91)]);
        assert_eq!(choose(found.clone(), &[(1, 2), (2, 2)], room.clone(), 4), Choice::TooShort);
        let Choice::Chosen(chosen) = choose(found, &[(1, 2), (2, 2)], room, 2) else { panic!("two are known") };
        assert_eq!(chosen.iter().map(|head| head.queue).collect::<Vec<_>>(), vec![1, 1]);
    }
}
