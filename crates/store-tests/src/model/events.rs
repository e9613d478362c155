//! The model's events. One numbers them all, and nothing is ever under way, so nothing is held back.

use super::data::Data;
use copydesk_store::Scope;
use copydesk_store::events::{EventBounds, EventPage};

impl Data {
    pub(super) fn page_events(&self, scope: Scope, after: i64, limit: u32) -> EventPage {
        let own = self.events.iter().filter(|(owner, event)| *owner == scope && event.seq > after);
        let rows = own.take(limit as usize).map(|(_, event)| event.clone()).collect();
        EventPage::of(after, limit, rows, self.bounds_of_events(scope))
    }

    pub(super) fn bounds_of_events(&self, scope: Scope) -> EventBounds {
        let removed_to = self.events_removed.get(&scope.workspace).copied().unwrap_or(0);
        EventBounds { removed_to, settled: self.last_event, last: self.last_event }
    }
}
