//! A stream of many small pieces, one at a time: how long from the server's write to the sink, and to the floor's read.

use super::bare::{Bare, Lengths};
use super::{question, succeeded};
use copydesk_bench::dialect::Dialect;
use copydesk_bench::figures::{self, micros, percentile};
use copydesk_bench::loopback::{Loopback, Script, Stamps};
use copydesk_providers::{DeltaSink, HttpClient};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often adapter and floor take turns.
const ROUNDS: usize = 4;
/// Time between two pieces, so that each is measured alone and not in a queue.
const PAUSE: Duration = Duration::from_micros(300);

/// Notes when text arrives.
struct Watch(Arc<Stamps>);

impl DeltaSink for Watch {
    fn delta(&self, _text: &str) {
        self.0.came();
    }
}

pub async fn all(pieces: usize) -> Result<(), String> {
    for dialect in Dialect::ALL {
        tokio::spawn(one(dialect, pieces / ROUNDS)).await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn one(dialect: Dialect, pieces: usize) -> Result<(), String> {
    let (stream, stamps) = (dialect.stream(), Stamps::new(pieces));
    let lengths = Lengths { begin: stream.begin.len(), piece: stream.piece.len(), end: stream.end.len() };
    let server = Loopback::start(Script::Pieces { stream, pause: PAUSE, stamps: Arc::clone(&stamps) })?;
    let http = HttpClient::new().map_err(|error| error.to_string())?;
    let adapter = dialect.adapter(&server.base_url(), http);
    let (mut request, watch) = (question()?, Watch(Arc::clone(&stamps)));
    request.stream = true;
    succeeded(adapter.call(&request, &watch).await)?;
    stamps.take()?;
    let bytes = server.last_request();
    let mut bare = Bare::connect(server.address).await?;
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    let (mut floor_cpu, mut ours_cpu) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let cpu = figures::cpu_seconds();
        bare.pieces(&bytes, lengths, &stamps).await?;
        floor.extend(stamps.take()?);
        floor_cpu += figures::cpu_seconds() - cpu;
        let cpu = figures::cpu_seconds();
        succeeded(adapter.call(&request, &watch).await)?;
        ours.extend(stamps.take()?);
        ours_cpu += figures::cpu_seconds() - cpu;
    }
    let [floor_p50, floor_p99] = [0.5, 0.99].map(|share| micros(percentile(&mut floor, share)));
    let [ours_p50, ours_p99] = [0.5, 0.99].map(|share| micros(percentile(&mut ours, share)));
    let facts = json!({
        "adapter": dialect.name(), "pieces": ours.len(), "piece_bytes": lengths.piece,
        "floor_p50_us": floor_p50, "floor_p99_us": floor_p99, "adapter_p50_us": ours_p50, "adapter_p99_us": ours_p99,
        "added_p50_us": (ours_p50 - floor_p50).round(), "added_p99_us": (ours_p99 - floor_p99).round(),
        "added_cpu_us": ((ours_cpu - floor_cpu) * 1e6 / ours.len() as f64).round(),
    });
    figures::print("streaming_pass_through", "added <= 100 us per piece", facts);
    Ok(())
}
