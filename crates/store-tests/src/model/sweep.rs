//! What the model tells the sweeper, and the end of calls nobody will report. Decides nothing about a generation.

use super::data::{Data, Entry};
use copydesk_core::generation::{State, Status};
use copydesk_core::{CallId, NodeId, Timestamp};
use copydesk_store::admin::NodeRow;
use copydesk_store::generations::{Heartbeat, Overdue, OverdueReason, Run, SweepRequest};
use copydesk_store::usage::ClosedCall;

impl Data {
    pub(super) fn heartbeat(&mut self, beat: Heartbeat) -> Vec<Run> {
        if beat.goodbye {
            self.nodes.remove(&beat.node);
        } else {
            let (id, started_at) = (beat.node, beat.at);
            let first = NodeRow { id, label: String::new(), started_at, beat_at: beat.at };
            let node = self.nodes.entry(id).or_insert(first);
            (node.label, node.beat_at) = (beat.label, beat.at);
        }
        beat.runs.into_iter().filter(|run| !self.is_running(*run)).collect()
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
                reason,
                open_call: entry.call.filter(|call| self.is_open(*call)),
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
        let orphans: Vec<(CallId, u64)> = self
            .calls
            .values()
            .filter(|call| call.row.closed.is_none() && call.row.opened_at < before)
            .filter_map(|call| self.generations.get(&call.row.generation).map(|entry| (call.row.id, entry)))
            .filter(|(call, entry)| entry.call != Some(*call))
            .map(|(call, entry)| (call, entry.accept.input.len() as u64))
            .take(limit as usize)
            .collect();
        for (id, input_bytes) in &orphans {
            if let Some(call) = self.calls.get_mut(id) {
                call.row.closed = Some((now, ClosedCall::unreported(*id, *input_bytes)));
            }
        }
        orphans.len() as u64
    }
}
