//! What calls said of their models and used of their rates: gathered in memory while a turn goes on, written with its
//! COMMIT. The last of all rows that are locked, so whoever holds one can finish.

use crate::pipeline::Steps;
use crate::types::{Micros, columns, narrow, params, sql, text, unknown_word};
use copydesk_core::Timestamp;
use copydesk_core::generation::FailureCode;
use copydesk_core::health::{Debt, Health, HealthNews, Paid, Rows, learn};
use copydesk_store::StoreError;
use copydesk_store::generations::{Change, Lane};
use copydesk_store::health::HEALTH_ROWS_MAX;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_postgres::Row;

/// Asks for all rows of `health`.
pub fn read(steps: &mut Steps<'_>) -> usize {
    steps.add(sql!(deep "health/rows"), params![i64::from(HEALTH_ROWS_MAX)])
}

pub fn rows(rows: &[Row]) -> Result<Rows, StoreError> {
    let health = |row: &Row| {
        let code: &str = row.get("code");
        Ok::<Health, StoreError>(Health {
            failures: narrow("failures", row.get("failures"))?,
            opened: narrow("opened", row.get("opened"))?,
            open_until: row.get::<_, Option<Micros>>("open_until").map(Timestamp::from),
            since: row.get::<_, Micros>("since_at").into(),
            code: FailureCode::parse(code).ok_or_else(|| unknown_word("failure code", code))?,
            message: row.get("message"),
        })
    };
    rows.iter().map(|row| Ok((row.get("name"), health(row)?))).collect()
}

/// Of the rate lanes, by name.
pub fn rates(rows: &[Row]) -> BTreeMap<String, Paid> {
    let at = |row: &Row, column| Timestamp::from(row.get::<_, Micros>(column));
    let paid = |row: &Row| Paid { requests_at: at(row, "requests_at"), tokens_at: at(row, "tokens_at") };
    rows.iter().map(|row| (row.get("lane"), paid(row))).collect()
}

/// What the changes that were written say and cost.
#[derive(Default)]
pub struct Heed {
    /// As they were read.
    before: Rows,
    /// As they are now.
    pub rows: Rows,
    changed: Vec<String>,
    pub news: Vec<HealthNews>,
    debts: BTreeMap<String, Debt>,
}

impl Heed {
    pub fn of(rows: Rows, heeded: &[&Change], now: Timestamp) -> Heed {
        let signs: Vec<_> = heeded.iter().filter_map(|change| change.sign.as_ref()).collect();
        let before = if signs.is_empty() { Rows::new() } else { rows.clone() };
        let mut heed = Heed { before, rows, ..Heed::default() };
        for sign in signs {
            learn(&mut heed.rows, sign, now, &mut heed.changed, &mut heed.news);
        }
        for (lane, debt) in heeded.iter().flat_map(|change| &change.debts) {
            heed.pay(lane, *debt);
        }
        heed
    }

    pub fn pay(&mut self, lane: &Lane, debt: Debt) {
        let sum = self.debts.entry(lane.name()).or_default();
        *sum = sum.and(debt);
    }

    /// What a lane has paid with the debts of this turn.
    pub fn paid(&self, before: &BTreeMap<String, Paid>, lane: &str, now: Timestamp) -> Paid {
        let before = before.get(lane).copied().unwrap_or_default();
        self.debts.get(lane).map_or(before, |debt| before.plus(*debt, now))
    }

    /// The statements, if anything changed.
    pub fn write(&self, steps: &mut Steps<'_>, now: Timestamp) {
        if !self.changed.is_empty() {
            steps.add(sql!(deep "health/lock"), params![self.changed.clone()]);
        }
        let until = |rows: &Rows, name: &str| rows.get(name).and_then(|health| health.open_until);
        // What is healthy again, or was and failed again since, is not the opening that was read any more.
        let ended = |name: &&String| {
            self.before.contains_key(*name)
                && (!self.rows.contains_key(*name) || until(&self.rows, name) < until(&self.before, name))
        };
        let gone: Vec<&String> = self.changed.iter().filter(ended).collect();
        if !gone.is_empty() {
            let columns = columns!(gone, name => name.to_string(), until(&self.before, name).map(Micros::from));
            steps.add(sql!(deep "health/delete"), columns);
        }
        let kept = self.changed.iter().filter_map(|name| self.rows.get(name).map(|health| (name, health)));
        let kept: Vec<(&String, &Health)> = kept.collect();
        if !kept.is_empty() {
            let columns = columns!(kept, k => k.0.clone(), i64::from(k.1.failures), i64::from(k.1.opened),
                k.1.open_until.map(Micros::from), Micros::from(k.1.since), k.1.code.as_str(), text(&k.1.message).into_owned());
            steps.add(sql!(deep "health/put"), columns);
        }
        if !self.debts.is_empty() {
            let mut columns = columns!(self.debts, d => d.0.clone(), us(d.1.requests), us(d.1.tokens));
            columns.extend(params![Micros::from(now)]);
            steps.add(sql!(deep "health/add_debt"), columns);
        }
    }
}

fn us(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
