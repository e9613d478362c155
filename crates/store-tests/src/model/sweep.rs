//! What the model tells the sweeper, and the end of calls nobody will report. Decides nothing about a generation.

use super::data::{Call, Data, Entry};
use copydesk_core::generation::{State, Status};
use copydesk_core::{CallId, NodeId, Timestamp};
use copydesk_store::admin::NodeRow;
use copydesk_store::generations::{Beaten, Heartbeat, Overdue, OverdueReason, Run, SweepRequest};
use copydesk_store::usage::ClosedCall;

impl Data {
    pub(super) fn heartbeat(&mut self, beat: Heartbeat) -> Beaten {
        if beat.goodbye {
            self.nodes.remove(&beat.node);
        } else {
            let (id, started_at) = (beat.node, beat.at);
            let first = NodeRow { id, label: String::new(), started_at, beat_at: beat.at, running: 0 };
            let node = self.nodes.entry(id).or_insert(first);
            (node.label, node.beat_at) = (beat.label, beat.at);
        }
        let over = beat.runs.into_iter().filter(|run| !self.is_running(*run)).collect();
        Beaten { over, prices: self.newest_price() }
    }

    fn is_running(&self, run: Run) -> bool {
        let entry = self.generations.get(&run.generation).map(|entry| &entry.generation);
        entry.is_some_and(|it| it.attempt == run.attempt && it.state.status() == Status::Processing)
    }

    /// In the order of their ids, which is the order of their age.
    pub(super) fn overdue(&self, sweep: &SweepRequest) -> Vec<Overdue> {
        self.live_entries()
            .filter(|(id, _)| sweep.after.is_none_or(|after| *id > after))
            .filter_map(|(_, entry)| self.overdue_reason(entry, sweep).map(|reason| (entry, reason)))
            .take(sweep.limit as usize)
            .map(|(entry, reason)| Overdue {
                scope: entry.scope(),
                generation: entry.generation.clone(),
                recipe: entry.accept.recipe.clone(),
                model: entry.model.clone(),
                reason,
                open_call: entry.call.filter(|call| self.is_open(*call)),
                operation: entry.step.clone(),
                input_bytes: entry.accept.input.len() as u64,
            })
            .collect()
    }

    fn overdue_reason(&self, entry: &Entry, sweep: &SweepRequest) -> Option<OverdueReason> {
        if entry.generation.terms.deadline_at <= sweep.now {
            return Some(OverdueReason::Deadline);
        }
        if let State::Processing { node, attempt_deadline, .. } = &entry.generation.state {
            if self.is_lost(*node, sweep) {
                return Some(OverdueReason::NodeLost);
            }
            if attempt_deadline.plus(sweep.attempt_grace) <= sweep.now {
                return Some(OverdueReason::AttemptOverran);
            }
        }
        let stale = sweep.stale_before.is_some_and(|before| entry.generation.terms.accepted_at < before);
        stale.then_some(OverdueReason::Stale)
    }

    /// A node never heard of is lost too: nothing it ran may hang.
    fn is_lost(&self, node: NodeId, sweep: &SweepRequest) -> bool {
        let other = sweep.only_living.is_some_and(|only| only != node);
        let silent = match self.nodes.get(&node) {
            Some(known) => known.beat_at < sweep.lost_before,
            None => sweep.only_living != Some(node),
        };
        other || silent
    }

    pub(super) fn is_open(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|call| call.row.closed.is_none())
    }

    pub(super) fn close_orphan_calls(&mut self, now: Timestamp, before: Timestamp, limit: u32) -> u64 {
        let lost = |call: &Call| {
            let entry = self.generations.get(&call.row.generation)?;
            let input_bytes = entry.accept.input.len() as u64;
            let orphan = entry.call != Some(call.row.id);
            orphan.then(|| ClosedCall::unreported(call.row.id, &call.row.operation, input_bytes))
        };
        let open = self.calls.values().filter(|call| call.row.closed.is_none() && call.row.opened_at < before);
        let orphans: Vec<ClosedCall> = open.filter_map(lost).take(limit as usize).collect();
        let found = orphans.len() as u64;
        for end in orphans {
            if let Some(call) = self.calls.get_mut(&end.id) {
                call.row.closed = Some((now, end.clone()));
                self.spend(&end, None, now);
            }
        }
        found
    }
}
