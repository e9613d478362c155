//! The model's settings and its answer to "what are you?". Holds no data outside memory.

use super::data::{Data, Entry};
use copydesk_core::generation::{State, Status};
use copydesk_core::{NodeId, Timestamp};
use copydesk_store::admin::{Description, NodeRow, Pause, PauseKey};

impl Data {
    pub(super) fn describe(&self) -> Description {
        Description {
            engine: "model",
            version: "1".to_owned(),
            location: "memory".to_owned(),
            schema_version: 1,
            known_schema_version: 1,
            keys: self.keys.iter().filter(|key| key.revoked_at.is_none()).count() as u64,
            nodes: self.nodes.values().map(|node| NodeRow { running: self.runs_of(node.id), ..node.clone() }).collect(),
            waiting: self.count_live(Status::Pending),
            processing: self.count_live(Status::Processing),
        }
    }

    fn runs_of(&self, node: NodeId) -> u64 {
        let runs =
            |entry: &Entry| matches!(entry.generation.state, State::Processing { node: owner, .. } if owner == node);
        self.live_entries().filter(|(_, entry)| runs(entry)).count() as u64
    }

    pub(super) fn list_pauses(&self) -> Vec<Pause> {
        self.pauses.values().map(|(what, since)| Pause { what: what.clone(), since: *since }).collect()
    }

    pub(super) fn set_pause(&mut self, what: PauseKey, paused: bool, at: Timestamp) {
        if paused {
            self.pauses.entry(what.name()).or_insert((what, at));
        } else {
            self.pauses.remove(&what.name());
        }
    }
}
