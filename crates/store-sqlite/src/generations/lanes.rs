//! Lanes: which limits a queue is under and how much room each has: counted over the run rows themselves, the one place of
//! what is probing, and what the rates leave. Used by the claim and by `why`; changes nothing.

use crate::db::{Db, sql};
use crate::fault::Done;
use crate::health::read_rates;
use crate::memory::Queue;
use copydesk_core::health::{Debt, Door, Paid, Rows, door};
use copydesk_core::{Timestamp, Tokens};
use copydesk_store::generations::{Lane, Limits, probes};
use std::collections::BTreeMap;

/// The name of the lane everything belongs to.
const GLOBAL: &str = "global";

/// One limit and its use.
struct Gate {
    name: String,
    limit: u32,
    in_use: u32,
}

/// All limits of a claim with their use: the global one, the lanes, what is probing, the rates.
pub(super) struct Gates<'l> {
    gates: Vec<Gate>,
    limits: &'l Limits,
    health: &'l Rows,
    probes: Vec<(Lane, u32)>,
    paid: BTreeMap<String, Paid>,
    now: Timestamp,
}

/// Which gates a queue passes through.
pub(super) struct Through {
    /// Those that must have room.
    look: Vec<usize>,
    /// Those in which it takes a place.
    count: Vec<usize>,
}

/// Whether a queue's generations belong to a lane.
pub(super) fn belongs(lane: &Lane, queue: &Queue) -> bool {
    match lane {
        Lane::Recipe(recipe) => *recipe == queue.recipe,
        Lane::Provider(provider) => *provider == queue.provider,
        Lane::Model(model) => *model == queue.model,
        Lane::Workspace(workspace) => *workspace == queue.workspace,
    }
}

impl<'l> Gates<'l> {
    pub fn read(
        db: Db<'_>,
        queues: &BTreeMap<i64, Queue>,
        limits: &'l Limits,
        health: &'l Rows,
        now: Timestamp,
    ) -> Done<Gates<'l>> {
        let probes = probes(health, now);
        let paid = if limits.rates.is_empty() { BTreeMap::new() } else { read_rates(db)? };
        let global = limits.global.map(|limit| Gate { name: GLOBAL.to_owned(), limit, in_use: 0 });
        let counted = limits.lanes.iter().chain(&probes);
        let counted = counted.map(|(lane, limit)| Gate { name: lane.name(), limit: *limit, in_use: 0 });
        let mut gates: Vec<Gate> = global.into_iter().chain(counted).collect();
        if !gates.is_empty() {
            count_runs(db, queues, limits, &probes, &mut gates)?;
        }
        gates.extend(limits.rates.iter().map(|(lane, rate)| {
            let name = lane.name();
            Gate { limit: rate.room(paid.get(&name).copied().unwrap_or_default(), now), name, in_use: 0 }
        }));
        Ok(Gates { gates, limits, health, probes, paid, now })
    }

    pub fn door(&self, queue: &Queue) -> Door {
        door(self.health, &queue.model, self.now)
    }

    /// What is claimed although it is cooling makes no call: it takes places like any run, but needs no probe's and no
    /// rate's.
    pub fn of(&self, queue: &Queue, door: &Door) -> Through {
        let counted = counted(queue, self.limits, &self.probes);
        let (first_probe, first_rate) = self.firsts();
        match door {
            Door::Cooling(_) => {
                Through { look: counted.iter().copied().filter(|gate| *gate < first_probe).collect(), count: counted }
            }
            Door::Open => {
                let rates = self.limits.rates.iter().enumerate().filter(|(_, (lane, _))| belongs(lane, queue));
                let all: Vec<usize> = counted.into_iter().chain(rates.map(|(at, _)| first_rate + at)).collect();
                Through { look: all.clone(), count: all }
            }
        }
    }

    /// Where the probes and the rates begin.
    fn firsts(&self) -> (usize, usize) {
        let first_probe = usize::from(self.limits.global.is_some()) + self.limits.lanes.len();
        (first_probe, first_probe + self.probes.len())
    }

    /// How many more may pass through all of them.
    pub fn room(&self, through: &Through) -> u32 {
        let room = |gate: &usize| self.gates[*gate].limit.saturating_sub(self.gates[*gate].in_use);
        through.look.iter().map(room).min().unwrap_or(u32::MAX)
    }

    pub fn enter(&mut self, through: &Through) {
        for gate in &through.count {
            self.gates[*gate].in_use += 1;
        }
    }

    /// The first full one that is no rate: name, limit, use.
    pub fn full(&self, through: &Through) -> Option<(String, u32, u32)> {
        let (_, first_rate) = self.firsts();
        let full = |gate: &&usize| **gate < first_rate && self.gates[**gate].in_use >= self.gates[**gate].limit;
        let gate = &self.gates[*through.look.iter().find(full)?];
        Some((gate.name.clone(), gate.limit, gate.in_use))
    }

    /// The rate that holds the queue back: which, and until when. What was let through meanwhile is paid.
    pub fn rate_limited(&self, queue: &Queue) -> Option<(String, Timestamp)> {
        let debts: BTreeMap<String, Debt> = self.debts().into_iter().map(|(lane, debt)| (lane.name(), debt)).collect();
        let paid = |name: &str| {
            let before = self.paid.get(name).copied().unwrap_or_default();
            debts.get(name).map_or(before, |debt| before.plus(*debt, self.now))
        };
        self.limits.rate_limited(|lane| belongs(lane, queue), paid, self.now)
    }

    /// When a queue that waits for a cooldown or a rate is let go.
    pub fn let_go(&self, queue: &Queue) -> Option<Timestamp> {
        match self.door(queue) {
            Door::Cooling(cooling) => (!queue.onward).then_some(cooling.until),
            Door::Open => self.rate_limited(queue).map(|(_, until)| until),
        }
    }

    /// What those that entered cost the rates.
    pub fn debts(&self) -> Vec<(Lane, Debt)> {
        let (_, first_rate) = self.firsts();
        let used = self.limits.rates.iter().zip(&self.gates[first_rate..]).filter(|(_, gate)| gate.in_use > 0);
        used.map(|((lane, rate), gate)| (lane.clone(), rate.cost(gate.in_use, Tokens(0)))).collect()
    }
}

/// The counted gates of a queue.
fn counted(queue: &Queue, limits: &Limits, probes: &[(Lane, u32)]) -> Vec<usize> {
    let first_lane = usize::from(limits.global.is_some());
    let lanes = limits.lanes.iter().chain(probes).enumerate().filter(|(_, (lane, _))| belongs(lane, queue));
    (0..first_lane).chain(lanes.map(|(index, _)| first_lane + index)).collect()
}

fn count_runs(
    db: Db<'_>,
    queues: &BTreeMap<i64, Queue>,
    limits: &Limits,
    probes: &[(Lane, u32)],
    gates: &mut [Gate],
) -> Done<()> {
    let use_of_queues = db.all(sql!("claim/lane_use"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
    })?;
    let has_global = limits.global.is_some();
    for (queue, running, holding) in use_of_queues {
        if let Some(queue) = queues.get(&queue) {
            for gate in counted(queue, limits, probes) {
                // The first gate is the global one, where there is one.
                gates[gate].in_use += if has_global && gate == 0 { holding } else { running };
            }
        }
    }
    Ok(())
}
