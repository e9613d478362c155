//! Retention in the model: what is removed is put aside, because totals count it for ever.

use super::data::Data;
use copydesk_core::generation::State;
use copydesk_core::{Timestamp, WorkspaceId};
use copydesk_store::retention::{Aged, Place, Prune, Pruned, next};

impl Data {
    pub(super) fn prune(&mut self, prune: &Prune) -> Pruned {
        let looked = match prune.what {
            Aged::Calls => self.look_at_calls(prune),
            Aged::Events => self.look_at_events(prune),
            Aged::Deliveries => self.look_at_deliveries(prune),
        };
        let old: Vec<Place> = looked.iter().filter(|row| row.old).map(|row| row.place).collect();
        if !prune.dry_run && !old.is_empty() {
            self.remove(prune, &old);
        }
        let last = looked.last().map(|row| (row.place, row.at >= prune.before));
        Pruned { removed: old.len() as u64, next: next(looked.len(), prune.limit, last) }
    }

    fn look_at_calls(&self, prune: &Prune) -> Vec<Looked> {
        let calls = self.calls.values().map(|call| {
            let place = Place { workspace: call.scope.workspace, key: call.row.id.0.as_u128() };
            let closed = call.row.closed.as_ref().is_some_and(|(at, _)| *at < prune.before);
            let ended = self.generations.get(&call.row.generation).and_then(|entry| ended(&entry.generation.state));
            Looked { place, at: call.row.opened_at, old: closed && ended.is_some_and(|at| at < prune.before) }
        });
        batch(calls, prune)
    }

    fn look_at_events(&self, prune: &Prune) -> Vec<Looked> {
        let newest = |workspace: WorkspaceId| {
            let own = self.events.iter().filter(|(scope, _)| scope.workspace == workspace);
            own.map(|(_, event)| event.seq).max()
        };
        let events = self.events.iter().map(|(scope, event)| {
            let place = Place { workspace: scope.workspace, key: u128::try_from(event.seq).unwrap_or(0) };
            let old = event.at < prune.before && newest(scope.workspace) != Some(event.seq);
            Looked { place, at: event.at, old }
        });
        batch(events, prune)
    }

    fn look_at_deliveries(&self, prune: &Prune) -> Vec<Looked> {
        let messages = self.deliveries.values().map(|row| {
            let place = Place { workspace: row.workspace, key: row.id.0.as_u128() };
            let old = row.state.columns().1.is_some_and(|(at, _)| at < prune.before);
            Looked { place, at: row.created_at, old }
        });
        batch(messages, prune)
    }

    fn remove(&mut self, prune: &Prune, old: &[Place]) {
        let mark = self.retention.entry(prune.what.as_str()).or_insert(prune.before);
        *mark = prune.before.max(*mark);
        match prune.what {
            Aged::Calls => {
                let gone = self.calls.extract_if(.., |id, call| {
                    old.contains(&Place { workspace: call.scope.workspace, key: id.0.as_u128() })
                });
                let gone: Vec<_> = gone.map(|(_, call)| call).collect();
                gone.iter().for_each(|call| self.fold(call.row.generation));
                self.pruned_calls.extend(gone);
            }
            Aged::Events => {
                let gone = self.events.extract_if(.., |(scope, event)| {
                    let key = u128::try_from(event.seq).unwrap_or(0);
                    old.contains(&Place { workspace: scope.workspace, key })
                });
                for (scope, event) in gone {
                    let end = self.events_removed.entry(scope.workspace).or_default();
                    *end = event.seq.max(*end);
                }
            }
            Aged::Deliveries => {
                let gone =
                    |workspace, id: copydesk_core::DeliveryId| old.contains(&Place { workspace, key: id.0.as_u128() });
                self.deliveries.retain(|(workspace, id), _| !gone(*workspace, *id));
                self.attempts.retain(|(workspace, id, _), _| !gone(*workspace, *id));
            }
        }
    }

    /// Whether what is missing for an end at `at` may have been removed.
    pub(super) fn may_be_pruned(&self, what: Aged, state: &State) -> bool {
        let mark = self.retention.get(what.as_str());
        ended(state).zip(mark).is_some_and(|(at, mark)| at < *mark)
    }
}

struct Looked {
    place: Place,
    /// When it was opened or written.
    at: Timestamp,
    old: bool,
}

fn batch(rows: impl Iterator<Item = Looked>, prune: &Prune) -> Vec<Looked> {
    let mut rows: Vec<Looked> = rows.filter(|row| prune.after.is_none_or(|after| row.place > after)).collect();
    rows.sort_by_key(|row| row.place);
    rows.truncate(prune.limit as usize);
    rows
}

fn ended(state: &State) -> Option<Timestamp> {
    match state {
        State::Completed { at, .. } | State::Failed { at, .. } | State::Cancelled { at } => Some(*at),
        State::Pending { .. } | State::Processing { .. } => None,
    }
}
