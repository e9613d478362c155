//! Lanes: which limits a queue is under and how much room each has, counted over the run rows themselves. Used by the
//! claim and by `why`; changes nothing.

use crate::db::{Db, sql};
use crate::fault::Done;
use crate::memory::Queue;
use copydesk_store::generations::{Lane, Limits};
use std::collections::BTreeMap;

/// The name of the lane everything belongs to.
const GLOBAL: &str = "global";

/// One limit and its use.
struct Gate {
    name: String,
    limit: u32,
    in_use: u32,
}

/// All limits of a claim with their use. The global one comes first.
pub(super) struct Gates<'l> {
    gates: Vec<Gate>,
    limits: &'l Limits,
}

/// Which gates a queue passes through.
pub(super) type Through = Vec<usize>;

impl<'l> Gates<'l> {
    pub fn read(db: Db<'_>, queues: &BTreeMap<i64, Queue>, limits: &'l Limits) -> Done<Gates<'l>> {
        let global = limits.global.map(|limit| Gate { name: GLOBAL.to_owned(), limit, in_use: 0 });
        let lanes = limits.lanes.iter().map(|(lane, limit)| Gate { name: lane.name(), limit: *limit, in_use: 0 });
        let mut gates = Gates { gates: global.into_iter().chain(lanes).collect(), limits };
        if gates.gates.is_empty() {
            return Ok(gates);
        }
        let use_of_queues =
            db.all(sql!("claim/lane_use"), [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?)))?;
        for (queue, running) in use_of_queues {
            if let Some(queue) = queues.get(&queue) {
                for gate in gates.of(queue) {
                    gates.gates[gate].in_use += running;
                }
            }
        }
        Ok(gates)
    }

    pub fn of(&self, queue: &Queue) -> Through {
        let first_lane = usize::from(self.limits.global.is_some());
        let own = |lane: &Lane| match lane {
            Lane::Recipe(recipe) => *recipe == queue.recipe,
            Lane::Provider(provider) => *provider == queue.provider,
            Lane::Model(model) => *model == queue.model,
            Lane::Workspace(workspace) => *workspace == queue.workspace,
        };
        let lanes = self.limits.lanes.iter().enumerate().filter(|(_, (lane, _))| own(lane));
        (0..first_lane).chain(lanes.map(|(index, _)| first_lane + index)).collect()
    }

    /// How many more may pass through all of them.
    pub fn room(&self, through: &Through) -> u32 {
        let room = |gate: &usize| self.gates[*gate].limit.saturating_sub(self.gates[*gate].in_use);
        through.iter().map(room).min().unwrap_or(u32::MAX)
    }

    pub fn enter(&mut self, through: &Through) {
        for gate in through {
            self.gates[*gate].in_use += 1;
        }
    }

    /// The first full one: name, limit, use.
    pub fn full(&self, through: &Through) -> Option<(String, u32, u32)> {
        let full = |gate: &&usize| self.gates[**gate].in_use >= self.gates[**gate].limit;
        let gate = &self.gates[*through.iter().find(full)?];
        Some((gate.name.clone(), gate.limit, gate.in_use))
    }
}
