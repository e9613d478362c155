//! What this process has seen since it began, in numbers for whoever watches it: counters that are raised where an ending
//! is known to be durable, and a look at the store when somebody asks. Nothing here is a record; the books are. No label
//! names a user or a key, and no label takes more values than [`LABELS_MAX`].

mod family;
mod histogram;
mod tally;

pub use family::{Family, Kind, Sample, Value};
pub(crate) use tally::Tally;

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::generation::eta::{Pace, mean};
use copydesk_core::generation::{Generation, State, Status};
use copydesk_core::health::{HealthNews, Stance, stance};
use copydesk_core::ledger::TransferKind;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::webhook::{End, Outcome};
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_store::generations::Applied;
use histogram::Histogram;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tally::{CallTally, EndTally, late};

/// How many recipes, models and subjects are told apart; what comes later is counted as [`OTHER`].
pub const LABELS_MAX: usize = 200;
/// Where what is too much is counted.
pub const OTHER: &str = "other";

/// The counters of one process. Raising one takes a lock for some tens of nanoseconds.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// By recipe and outcome.
    generations: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// By `provider/model`, without options.
    models: BTreeMap<String, ModelCounts>,
    waits: Histogram,
    processing: Histogram,
    /// Units: nano-dollars.
    cost: u64,
    unpriced: u64,
    deadlines: u64,
    breakers_opened: u64,
    /// By kind of transfer. Units: micro-credits.
    credits: BTreeMap<&'static str, u64>,
    budget_refusals: u64,
    /// Attempts to deliver a message to a webhook, by what came of them.
    webhooks: BTreeMap<&'static str, u64>,
    /// How long completed ones took, of each recipe and of all.
    paces: BTreeMap<String, Duration>,
    pace: Option<Duration>,
    /// When the feeder of this process last looked at all jobs to the end.
    fed_at: Option<Timestamp>,
}

#[derive(Default)]
struct ModelCounts {
    requests: BTreeMap<&'static str, u64>,
    input: u64,
    output: u64,
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A claim: how long the generation has waited for its first attempt.
    pub fn claimed(&self, generation: &Generation) {
        let State::Processing { claimed_at, .. } = &generation.state else { return };
        if generation.attempt.0 == 1 {
            self.counts().waits.add(claimed_at.since(generation.terms.accepted_at));
        }
    }

    /// A write that came back. What lost its race ended nothing; its call was made all the same.
    pub fn count(&self, tally: Tally, applied: &Applied) {
        let Tally { recipe, model, call, end, .. } = tally;
        let mut counts = self.counts();
        if tally.fence.is_some_and(|fence| applied.overtaken(&fence)) {
            // Nothing was written, and it is said again.
            return;
        }
        let won = match applied {
            Applied::Done { .. } => true,
            Applied::Lost { .. } => false,
        };
        if let Some(call) = call {
            let outcome = if won { call.outcome } else { late(call.outcome) };
            counts.call(&model, CallTally { outcome, ..call });
        }
        if let Some(end) = end.filter(|_| won) {
            counts.end(recipe, end);
        }
    }

    /// Credits that moved, durably.
    pub fn moved(&self, kind: TransferKind, amount: MicroCredits) {
        if !amount.is_zero() {
            self.counts().moved(kind, amount);
        }
    }

    /// A request was refused because a budget has no room for it.
    pub fn refused_by_budget(&self) {
        self.counts().budget_refusals += 1;
    }

    pub fn delivered(&self, outcome: Outcome) {
        *self.counts().webhooks.entry(outcome.as_str()).or_default() += 1;
    }

    /// Messages that are not sent: their endpoint gets nothing, or too many wait for it.
    pub fn dropped(&self, messages: u32) {
        *self.counts().webhooks.entry(End::Dropped.as_str()).or_default() += u64::from(messages);
    }

    /// How long completed ones of this recipe, and of all, took in this process.
    pub fn pace(&self, recipe: &str) -> Pace {
        let counts = self.counts();
        Pace { own: counts.paces.get(recipe).copied(), all: counts.pace }
    }

    /// The feeder has looked at all jobs.
    pub fn fed(&self, at: Timestamp) {
        self.counts().fed_at = Some(at);
    }

    pub fn health(&self, news: &[HealthNews]) {
        let opened = news.iter().filter(|one| matches!(one, HealthNews::Opened { .. })).count();
        if opened > 0 {
            self.counts().breakers_opened += opened as u64;
        }
    }
}

impl Counts {
    fn call(&mut self, model: &str, call: CallTally) {
        if call.outcome == CallOutcome::NotSent {
            return;
        }
        let base = model.split('?').next().unwrap_or(model);
        let counts = at(&mut self.models, base);
        *counts.requests.entry(call.outcome.as_str()).or_default() += 1;
        counts.input = counts.input.saturating_add(call.input);
        counts.output = counts.output.saturating_add(call.output);
        match call.cost {
            Some(cost) => self.cost = self.cost.saturating_add(cost),
            None => self.unpriced += 1,
        }
    }

    fn end(&mut self, recipe: String, end: EndTally) {
        *at(&mut self.generations, &recipe).entry(end.outcome.as_str()).or_default() += 1;
        self.deadlines += u64::from(end.deadline);
        if let Some(took) = end.processing {
            self.processing.add(took);
            if end.outcome == Status::Completed {
                self.pace = Some(mean(self.pace, took));
                // What is beyond the labels has no pace of its own: others' would say nothing of it.
                if self.paces.len() < LABELS_MAX || self.paces.contains_key(&recipe) {
                    let own = mean(self.paces.get(&recipe).copied(), took);
                    self.paces.insert(recipe, own);
                }
            }
        }
        for (kind, amount) in end.credits {
            self.moved(kind, amount);
        }
    }

    fn moved(&mut self, kind: TransferKind, amount: MicroCredits) {
        let sum = self.credits.entry(kind.as_str()).or_default();
        *sum = sum.saturating_add(u64::try_from(amount.micros()).unwrap_or_default());
    }
}

fn entry(kind: &str, micros: u64) -> Sample {
    Sample::of(vec![("entry", kind.to_owned())], Value::Micros(micros))
}

/// The entry of this name, or of all others together once there are enough.
fn at<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    let name = if map.len() < LABELS_MAX || map.contains_key(name) { name } else { OTHER };
    map.entry(name.to_owned()).or_default()
}

impl Desk {
    /// Everything there is to see: this process's counters, and what the store says of the queue and the breakers.
    pub async fn metrics(&self) -> Result<Vec<Family>, DeskError> {
        let backlog = self.store().backlog().await?;
        let health = self.health().await?;
        let now = self.inner.now();
        let oldest = backlog.oldest_ready.map_or(Duration::ZERO, |at| now.since(at));
        let mut families = self.inner.metrics.counts().families();
        families.push(family::of_depths(&backlog.depths));
        families.push(family::gauge(
            "copydesk_queue_oldest_seconds",
            "Age of the oldest generation a worker may claim; 0 when there is none.",
            Value::Micros(u64::try_from(oldest.as_micros()).unwrap_or(u64::MAX)),
        ));
        families.extend(family::of_jobs(&self.store().open_jobs().await?));
        if let Some(at) = self.inner.metrics.counts().fed_at {
            let age = u64::try_from(now.since(at).as_micros()).unwrap_or(u64::MAX);
            families.push(family::gauge(
                "copydesk_job_feeder_age_seconds",
                "Since the feeder of this process last looked at all jobs; it rises when it cannot.",
                Value::Micros(age),
            ));
        }
        families.extend(family::of_webhooks(&self.store().delivery_backlog(now).await?, now));
        families.extend(family::of_audit(&self.store().audit_state().await?, now));
        let states = health.iter().take(LABELS_MAX).map(|row| {
            let state = match stance(Some(&row.health), now) {
                Stance::Closed => 0,
                Stance::Probing => 1,
                Stance::Open { .. } => 2,
            };
            Sample::of(vec![("subject", row.subject.name())], Value::Whole(state))
        });
        families.push(Family {
            name: "copydesk_breaker_state",
            help: "Circuit breakers of models and providers with failures: 0 closed, 1 probing, 2 open.",
            kind: Kind::Gauge,
            samples: states.collect(),
        });
        Ok(families)
    }
}

impl Counts {
    fn families(&self) -> Vec<Family> {
        let ends = self.generations.iter().flat_map(|(recipe, ends)| {
            let sample = move |outcome: &'static str| {
                let labels = vec![("recipe", recipe.clone()), ("outcome", outcome.to_owned())];
                Sample::of(labels, Value::Whole(ends.get(outcome).copied().unwrap_or_default()))
            };
            [Status::Completed, Status::Failed, Status::Cancelled].map(|end| sample(end.as_str()))
        });
        let counter = |name, help, samples| Family { name, help, kind: Kind::Counter, samples };
        let alone = |name, help, value| counter(name, help, vec![Sample::of(vec![], value)]);
        vec![
            counter(
                "copydesk_generations_total",
                "Generations this process wrote the end of, by recipe and outcome.",
                ends.collect(),
            ),
            counter(
                "copydesk_provider_requests_total",
                "Calls that left for a provider, by how they ended.",
                self.of_models(|counts| counts.requests.iter().map(|(outcome, n)| (*outcome, *n)).collect(), "outcome"),
            ),
            counter(
                "copydesk_tokens_total",
                "Tokens of those calls, estimates included.",
                self.of_models(|counts| vec![("input", counts.input), ("output", counts.output)], "direction"),
            ),
            alone(
                "copydesk_cost_usd_total",
                "Cost of the calls that have a price, in dollars.",
                Value::Nanos(self.cost),
            ),
            alone("copydesk_unpriced_calls_total", "Calls whose cost is unknown.", Value::Whole(self.unpriced)),
            alone(
                "copydesk_deadline_exceeded_total",
                "Generations that ended because their deadline passed.",
                Value::Whole(self.deadlines),
            ),
            alone(
                "copydesk_budget_refusals_total",
                "Requests that were refused because a budget had no room for them.",
                Value::Whole(self.budget_refusals),
            ),
            alone("copydesk_breaker_opened_total", "Circuit breakers that opened.", Value::Whole(self.breakers_opened)),
            counter(
                "copydesk_credits_total",
                "Credits this process moved, by the kind of their transfer.",
                self.credits.iter().map(|(kind, sum)| entry(kind, *sum)).collect(),
            ),
            counter(
                "copydesk_webhook_deliveries_total",
                "Attempts of this process to deliver a message to a webhook, by what came of them; dropped ones were not sent.",
                self.webhooks
                    .iter()
                    .map(|(outcome, count)| Sample::of(vec![("outcome", (*outcome).to_owned())], Value::Whole(*count)))
                    .collect(),
            ),
            self.waits.family("copydesk_wait_seconds", "From the accept to the first attempt."),
            self.processing.family("copydesk_processing_seconds", "From the claim of the last attempt to the end."),
        ]
    }

    fn of_models(&self, read: impl Fn(&ModelCounts) -> Vec<(&'static str, u64)>, third: &'static str) -> Vec<Sample> {
        let samples = self.models.iter().flat_map(|(address, counts)| {
            let (provider, model) = address.split_once('/').unwrap_or((address, address));
            read(counts).into_iter().map(move |(word, value)| {
                let labels =
                    vec![("provider", provider.to_owned()), ("model", model.to_owned()), (third, word.to_owned())];
                Sample::of(labels, Value::Whole(value))
            })
        });
        samples.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_to_tell_apart_is_counted_together() {
        let mut map: BTreeMap<String, u64> = BTreeMap::new();
        for n in 0..LABELS_MAX + 5 {
            *at(&mut map, &format!("demo/{n:05}")) += 1;
        }
        *at(&mut map, "demo/00003") += 1;
        assert_eq!((map.len(), map[OTHER], map["demo/00003"]), (LABELS_MAX + 1, 5, 2));
    }
}
