//! One call after the other, whole answers of about 1 KB: through each adapter, and the same bytes through the floor.
//! Both take turns, so that what else the machine does falls on both.

use super::bare::Bare;
use super::{question, succeeded};
use copydesk_bench::dialect::Dialect;
use copydesk_bench::figures::{self, micros, percentile};
use copydesk_bench::loopback::{Loopback, Script};
use copydesk_providers::{CallRequest, HttpClient, NoSink, Provider};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the two take turns.
const ROUNDS: usize = 10;
/// Calls before the clock runs.
const WARM_UP: usize = 200;

pub async fn all(calls: usize) -> Result<(), String> {
    for dialect in Dialect::ALL {
        // On a worker of the runtime, where the product's calls run too.
        tokio::spawn(one(dialect, calls / ROUNDS)).await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// What one kind of client took.
#[derive(Default)]
struct Taken {
    /// All rounds together.
    all: Vec<Duration>,
    /// Of the quietest round.
    best_p50: Option<Duration>,
    best_p99: Option<Duration>,
    /// Processor time of the process, with the server's.
    cpu_seconds: f64,
}

impl Taken {
    fn add(&mut self, mut round: Vec<Duration>, cpu_seconds: f64) {
        let (p50, p99) = (percentile(&mut round, 0.5), percentile(&mut round, 0.99));
        self.best_p50 = Some(self.best_p50.map_or(p50, |best| best.min(p50)));
        self.best_p99 = Some(self.best_p99.map_or(p99, |best| best.min(p99)));
        self.all.extend(round);
        self.cpu_seconds += cpu_seconds;
    }
    fn p(&mut self, share: f64) -> f64 {
        micros(percentile(&mut self.all, share))
    }
    fn best(&self) -> (f64, f64) {
        (micros(self.best_p50.unwrap_or_default()), micros(self.best_p99.unwrap_or_default()))
    }
    fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.all.len() as f64
    }
}

async fn one(dialect: Dialect, calls: usize) -> Result<(), String> {
    let answer = dialect.answer();
    let answer_bytes = answer.len();
    let server = Loopback::start(Script::Whole(answer))?;
    let http = HttpClient::new().map_err(|error| error.to_string())?;
    let (adapter, request) = (dialect.adapter(&server.base_url(), http), question()?);
    through_adapter(&adapter, &request, WARM_UP).await?;
    let bytes = server.last_request();
    let mut bare = Bare::connect(server.address).await?;
    let (mut floor, mut ours) = (Taken::default(), Taken::default());
    for _ in 0..ROUNDS {
        let cpu = figures::cpu_seconds();
        let mut round = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begun = Instant::now();
            bare.call(&bytes, answer_bytes).await?;
            round.push(begun.elapsed());
        }
        floor.add(round, figures::cpu_seconds() - cpu);
        let cpu = figures::cpu_seconds();
        let round = through_adapter(&adapter, &request, calls).await?;
        ours.add(round, figures::cpu_seconds() - cpu);
    }
    print(dialect, calls * ROUNDS, &mut floor, &mut ours);
    Ok(())
}

async fn through_adapter(
    adapter: &Arc<dyn Provider>,
    request: &CallRequest,
    calls: usize,
) -> Result<Vec<Duration>, String> {
    let mut round = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let report = adapter.call(request, &NoSink).await;
        round.push(begun.elapsed());
        succeeded(report)?;
    }
    Ok(round)
}

fn print(dialect: Dialect, calls: usize, floor: &mut Taken, ours: &mut Taken) {
    let (floor_p50, floor_p99, ours_p50, ours_p99) = (floor.p(0.5), floor.p(0.99), ours.p(0.5), ours.p(0.99));
    let ((floor_best, floor_best_p99), (ours_best, ours_best_p99)) = (floor.best(), ours.best());
    let facts = json!({
        "adapter": dialect.name(), "calls": calls,
        "floor_p50_us": floor_p50, "floor_p99_us": floor_p99, "adapter_p50_us": ours_p50, "adapter_p99_us": ours_p99,
        "added_p50_us": (ours_p50 - floor_p50).round(), "added_p99_us": (ours_p99 - floor_p99).round(),
        "quietest_round_added_p50_us": (ours_best - floor_best).round(),
        "quietest_round_added_p99_us": (ours_best_p99 - floor_best_p99).round(),
        "added_cpu_us": (ours.cpu_micros() - floor.cpu_micros()).round(),
    });
    figures::print("adapter_overhead", "added p50 <= 150 us, p99 <= 1 ms", facts);
}
