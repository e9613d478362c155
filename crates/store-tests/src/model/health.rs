//! The model's health and rates: what calls said, as core's `learn` puts it into the rows. Claims look at it in `claim.rs`.

use super::data::Data;
use copydesk_core::Timestamp;
use copydesk_core::generation::{State, Wait};
use copydesk_core::health::{Debt, HealthNews, Subject, learn};
use copydesk_store::HealthRow;
use copydesk_store::generations::{Change, Lane};
use copydesk_store::health::{Backlog, Depth, Load};
use std::collections::BTreeMap;

impl Data {
    /// What a change that was written says of its model, and what its call used.
    pub(super) fn heed(&mut self, change: &Change, now: Timestamp, news: &mut Vec<HealthNews>) {
        if let Some(sign) = &change.sign {
            learn(&mut self.health, sign, now, &mut vec![], news);
        }
        for (lane, debt) in &change.debts {
            self.pay(lane, *debt, now);
        }
    }

    pub(super) fn pay(&mut self, lane: &Lane, debt: Debt, now: Timestamp) {
        let paid = self.rates.entry(lane.name()).or_default();
        *paid = paid.plus(debt, now);
    }

    pub(super) fn backlog(&self) -> Backlog {
        let mut depths: BTreeMap<(String, String, &str), u64> = BTreeMap::new();
        let mut loads: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut oldest_ready: Option<Timestamp> = None;
        for (_, entry) in self.live_entries() {
            let (recipe, model) = (entry.accept.recipe.clone(), entry.model.clone());
            let State::Pending { wait } = &entry.generation.state else {
                *loads.entry((recipe, model)).or_default() += 1;
                continue;
            };
            let reason = match wait {
                Wait::Ready => Depth::READY,
                Wait::Scheduled { .. } => "scheduled",
                Wait::BackingOff { .. } => "backing_off",
                Wait::Target => "target",
                Wait::Held => "held",
            };
            *depths.entry((recipe, model, reason)).or_default() += 1;
            if *wait == Wait::Ready {
                let at = entry.accept.at;
                oldest_ready = Some(oldest_ready.map_or(at, |oldest| oldest.min(at)));
            }
        }
        let depths = depths.into_iter().map(|((recipe, model, reason), waiting)| {
            let reason = reason.to_owned();
            Depth { recipe, model, reason, waiting }
        });
        let loads = loads.into_iter().map(|((recipe, model), running)| Load { recipe, model, running });
        Backlog { depths: depths.collect(), loads: loads.collect(), oldest_ready }
    }

    pub(super) fn health_rows(&self) -> Vec<HealthRow> {
        let subject = |name: &str| Subject::parse(name).expect("names come from subjects");
        self.health.iter().map(|(name, health)| HealthRow { subject: subject(name), health: health.clone() }).collect()
    }
}
