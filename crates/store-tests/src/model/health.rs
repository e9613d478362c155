//! The model's health and rates: what calls said, as core's `learn` puts it into the rows. Claims look at it in `claim.rs`.

use super::data::Data;
use copydesk_core::Timestamp;
use copydesk_core::health::{Debt, HealthNews, Subject, learn};
use copydesk_store::HealthRow;
use copydesk_store::generations::{Change, Lane};

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

    pub(super) fn health_rows(&self) -> Vec<HealthRow> {
        let subject = |name: &str| Subject::parse(name).expect("names come from subjects");
        self.health.iter().map(|(name, health)| HealthRow { subject: subject(name), health: health.clone() }).collect()
    }
}
