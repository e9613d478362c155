//! The model's settings, events and its answer to "what are you?". Holds no data outside memory.

use super::data::{Data, paged};
use copydesk_core::Timestamp;
use copydesk_core::generation::Status;
use copydesk_store::admin::{Description, EventRow, Pause, PauseKey};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};

impl Data {
    pub(super) fn describe(&self) -> Description {
        Description {
            engine: "model",
            version: "1".to_owned(),
            location: "memory".to_owned(),
            schema_version: 1,
            known_schema_version: 1,
            keys: self.keys.iter().filter(|key| key.revoked_at.is_none()).count() as u64,
            nodes: self.nodes.values().cloned().collect(),
            waiting: self.count_live(Status::Pending),
            processing: self.count_live(Status::Processing),
        }
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

    /// Always oldest first.
    pub(super) fn list_events(&self, scope: Scope, page: &PageRequest) -> Result<Page<EventRow>, StoreError> {
        let own = self.events.iter().filter(|(owner, _)| *owner == scope);
        let rows: Vec<(i64, EventRow)> = own.map(|(_, event)| (event.seq, event.clone())).collect();
        paged(rows, &PageRequest { order: Order::OldestFirst, ..page.clone() })
    }
}
