//! The model's claim: due rows first, then ready ones by place, skipping full lanes, paused recipes, models that are
//! cooling down and rates that are used up. The state after is the one `transition(_, Claimed)` decides; nothing is
//! decided here.

use super::data::{Call, Data, Entry};
use copydesk_core::generation::{Event, State, Status, Verdict, Wait, transition};
use copydesk_core::health::{Cooling, Door, door};
use copydesk_core::{CallId, GenerationId, NodeId, Timestamp, Tokens};
use copydesk_store::admin::{PauseKey, holding};
use copydesk_store::generations::{Claim, Claimed, Lane, Limits, probes};
use copydesk_store::usage::CallRow;
use std::collections::BTreeMap;

/// How many runs there are per lane.
pub(super) struct LaneUse {
    pub all: u32,
    pub by_lane: BTreeMap<Lane, u32>,
}

/// The provider of a `provider/model`.
pub(super) fn provider(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

pub(super) fn lanes_of(entry: &Entry) -> [Lane; 4] {
    [
        Lane::Recipe(entry.accept.recipe.clone()),
        Lane::Provider(provider(&entry.model).to_owned()),
        Lane::Model(entry.model.clone()),
        Lane::Workspace(entry.scope().workspace),
    ]
}

impl LaneUse {
    fn add(&mut self, entry: &Entry) {
        if !entry.waits {
            self.all += 1;
        }
        for lane in lanes_of(entry) {
            *self.by_lane.entry(lane).or_default() += 1;
        }
    }

    /// The first lane of this generation that has no room: its name, limit and use.
    pub fn full_lane(&self, entry: &Entry, limits: &Limits) -> Option<(String, u32, u32)> {
        if let Some(limit) = limits.global.filter(|limit| self.all >= *limit) {
            return Some(("global".to_owned(), limit, self.all));
        }
        self.full(entry, &limits.lanes)
    }

    pub fn full(&self, entry: &Entry, lanes: &[(Lane, u32)]) -> Option<(String, u32, u32)> {
        let own = lanes_of(entry);
        lanes.iter().filter(|(lane, _)| own.contains(lane)).find_map(|(lane, limit)| {
            let in_use = self.by_lane.get(lane).copied().unwrap_or_default();
            (in_use >= *limit).then(|| (lane.name(), *limit, in_use))
        })
    }
}

impl Data {
    pub(super) fn lane_use(&self) -> LaneUse {
        let mut sum = LaneUse { all: 0, by_lane: BTreeMap::new() };
        for (_, entry) in self.live_entries() {
            if entry.generation.state.status() == Status::Processing {
                sum.add(entry);
            }
        }
        sum
    }

    /// Scheduled and backing-off ones whose instant has come become ready.
    pub(super) fn promote_due(&mut self, now: Timestamp) {
        let due: Vec<GenerationId> = self
            .live_entries()
            .filter(|(_, entry)| not_before(&entry.generation.state).is_some_and(|until| until <= now))
            .map(|(id, _)| id)
            .collect();
        for id in due {
            self.set_state(id, State::Pending { wait: Wait::Ready });
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.live_entries().filter_map(|(_, entry)| not_before(&entry.generation.state)).min()
    }

    /// What was claimed, and when the first cooldown or rate lets something of the rest go.
    pub(super) fn claim(&mut self, now: Timestamp, claim: &Claim) -> (Vec<Claimed>, Option<Timestamp>) {
        self.promote_due(now);
        if self.paused(&PauseKey::Generation).is_some() || claim.calls.is_empty() {
            return (vec![], None);
        }
        let (probes, mut in_use) = (probes(&self.health, now), self.lane_use());
        let (waiting, pauses) = (self.waiting_queues(), self.list_pauses());
        let mut chosen = vec![];
        for id in self.ready.iter().map(|(_, id)| *id).collect::<Vec<_>>() {
            if chosen.len() == claim.calls.len() {
                break;
            }
            let Some(entry) = self.generations.get(&id).cloned() else { continue };
            if holding(&pauses, |lane| lanes_of(&entry).contains(lane)).is_some()
                || in_use.full_lane(&entry, &claim.limits).is_some()
            {
                continue;
            }
            let cooling = match door(&self.health, &entry.model, now) {
                Door::Cooling(cooling) if entry.onward() => Some(cooling),
                Door::Cooling(_) => continue,
                Door::Open if in_use.full(&entry, &probes).is_some() => continue,
                Door::Open if self.rate_limited(&entry, &claim.limits, now).is_some() => continue,
                Door::Open => {
                    self.pay_request(&entry, &claim.limits, now);
                    None
                }
            };
            in_use.add(&entry);
            chosen.push((id, cooling));
        }
        // From here the write must succeed.
        let pairs = chosen.into_iter().zip(claim.calls.iter().copied());
        let claimed =
            pairs.filter_map(|((id, cooling), call)| self.claim_one(id, call, cooling, claim.node, now)).collect();
        (claimed, self.let_go(&waiting, &claim.limits, now))
    }

    /// One generation of each queue that has something ready and is not paused.
    fn waiting_queues(&self) -> Vec<Entry> {
        let entries = self.ready.iter().filter_map(|(_, id)| self.generations.get(id));
        let pauses = self.list_pauses();
        let open = entries.filter(|entry| holding(&pauses, |lane| lanes_of(entry).contains(lane)).is_none());
        let by_queue: BTreeMap<_, _> = open.map(|entry| (entry.queue(), entry)).collect();
        by_queue.into_values().cloned().collect()
    }

    fn pay_request(&mut self, entry: &Entry, limits: &Limits, now: Timestamp) {
        for (lane, rate) in &limits.rates {
            if lanes_of(entry).contains(lane) {
                self.pay(lane, rate.cost(1, Tokens(0)), now);
            }
        }
    }

    /// The rate lane that holds it back: which, and until when.
    pub(super) fn rate_limited(&self, entry: &Entry, limits: &Limits, now: Timestamp) -> Option<(String, Timestamp)> {
        let paid = |lane: &str| self.rates.get(lane).copied().unwrap_or_default();
        limits.rate_limited(|lane| lanes_of(entry).contains(lane), paid, now)
    }

    /// The first instant at which a cooldown or a rate lets something of these go.
    fn let_go(&self, waiting: &[Entry], limits: &Limits, now: Timestamp) -> Option<Timestamp> {
        let until = |entry: &Entry| match door(&self.health, &entry.model, now) {
            Door::Cooling(cooling) => (!entry.onward()).then_some(cooling.until),
            Door::Open => self.rate_limited(entry, limits, now).map(|(_, until)| until),
        };
        waiting.iter().filter_map(until).min()
    }

    fn claim_one(
        &mut self,
        id: GenerationId,
        call: CallId,
        cooling: Option<Cooling>,
        node: NodeId,
        now: Timestamp,
    ) -> Option<Claimed> {
        let entry = self.generations.get_mut(&id)?;
        let Ok(Verdict::Change(decision)) = transition(&entry.generation, &Event::Claimed { node }, now) else {
            return None;
        };
        entry.generation.attempt = decision.attempt;
        entry.generation.spent = decision.spent;
        entry.generation.row_version = decision.row_version;
        entry.claimed_at = Some(now);
        entry.called = Some(entry.model.clone());
        entry.call = Some(call);
        entry.waits = false;
        let (draft, sort_key, scope) = (entry.draft, entry.sort_key, entry.scope());
        let time = self.clock.entry(entry.queue()).or_default();
        *time = (*time).max(sort_key);
        self.common_time = self.common_time.max(sort_key);
        self.set_state(id, decision.next.clone());
        for effect in &decision.effects {
            if let copydesk_core::generation::Effect::MoveDraft(order) = effect {
                self.move_draft(draft, *order, now);
            }
        }
        let entry = self.generations.get(&id)?;
        let row = open_call(entry, call, &entry.step, &entry.model, now);
        let claimed = Claimed {
            scope,
            generation: entry.generation.clone(),
            draft,
            user: entry.accept.user,
            recipe: entry.accept.recipe.clone(),
            recipe_version: entry.accept.recipe_version.clone(),
            model: entry.model.clone(),
            input: entry.accept.input.clone(),
            params: entry.accept.params.clone(),
            steps: entry.steps.clone(),
            call,
            cooling,
        };
        self.calls.insert(call, Call { scope, row });
        Some(claimed)
    }
}

/// The intent of a call.
pub(super) fn open_call(entry: &Entry, id: CallId, step: &str, model: &str, at: Timestamp) -> CallRow {
    CallRow {
        id,
        generation: entry.generation.id,
        draft: entry.draft,
        user: entry.accept.user,
        user_external: String::new(),
        attempt: entry.generation.attempt.0,
        service: entry.accept.recipe.clone(),
        operation: step.to_owned(),
        provider: provider(model).to_owned(),
        model: model.to_owned(),
        opened_at: at,
        closed: None,
    }
}

/// The instant a parked generation waits for, if it waits for one.
pub(super) fn not_before(state: &State) -> Option<Timestamp> {
    let State::Pending { wait } = state else { return None };
    match wait {
        Wait::Scheduled { until } | Wait::BackingOff { until } => Some(*until),
        Wait::Ready | Wait::Target | Wait::Held => None,
    }
}
