//! Many streams open at once, each with a piece now and then: the memory they take. The server is a process of its own.

use super::question;
use copydesk_bench::crowd;
use copydesk_bench::dialect::Dialect;
use copydesk_bench::figures;
use copydesk_providers::{DeltaSink, HttpClient};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What arrived at all streams together.
#[derive(Default)]
struct Arrivals {
    pieces: AtomicUsize,
    /// Streams with at least one piece and not ended yet.
    open: AtomicUsize,
}

/// The sink of one stream.
struct One {
    all: Arc<Arrivals>,
    pieces: AtomicUsize,
}

impl DeltaSink for One {
    fn delta(&self, _text: &str) {
        self.all.pieces.fetch_add(1, Ordering::Relaxed);
        if self.pieces.fetch_add(1, Ordering::Relaxed) == 0 {
            self.all.open.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub async fn open_at_once(streams: usize) -> Result<(), String> {
    let (mut server, port) = crowd::start().await?;
    let http = HttpClient::new().map_err(|error| error.to_string())?;
    let adapter = Dialect::OpenAiCompatible.adapter(&format!("http://127.0.0.1:{port}"), http);
    let arrivals = Arc::new(Arrivals::default());
    let (before, cpu, begun) = (figures::rss_mib(), figures::cpu_seconds(), Instant::now());
    let mut calls = Vec::with_capacity(streams);
    for _ in 0..streams {
        let (adapter, arrivals) = (Arc::clone(&adapter), Arc::clone(&arrivals));
        let mut request = question()?;
        request.stream = true;
        calls.push(tokio::spawn(async move {
            let sink = One { all: arrivals, pieces: AtomicUsize::new(0) };
            let report = adapter.call(&request, &sink).await;
            sink.all.open.fetch_sub(1, Ordering::Relaxed);
            report.result.map(drop).map_err(|error| error.message)
        }));
    }
    let (mut most, mut rss, mut rss_all_open) = (0, 0.0_f64, f64::NAN);
    while calls.iter().any(|call| !call.is_finished()) {
        let open = arrivals.open.load(Ordering::Relaxed);
        most = most.max(open);
        rss = rss.max(figures::rss_mib());
        if open == streams {
            rss_all_open = figures::rss_mib();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begun.elapsed();
    let mut failed = Vec::new();
    for call in calls {
        failed.extend(call.await.map_err(|error| error.to_string())?.err());
    }
    server.kill().await.map_err(|error| error.to_string())?;
    let pieces = arrivals.pieces.load(Ordering::Relaxed);
    let facts = json!({
        "streams": streams, "open_at_once_most": most, "pieces": pieces, "failed": failed.len(),
        "first_failure": failed.first(), "open_files_allowed": open_files_allowed(),
        "seconds": figures::millis(took) / 1_000.0, "rss_mib_before": before.round(),
        "rss_mib_all_open": rss_all_open.round(), "rss_mib_most": rss.round(),
        "kib_per_stream": ((rss - before) * 1_024.0 / streams as f64).round(),
        "cpu_us_per_piece": ((figures::cpu_seconds() - cpu) * 1e6 / pieces as f64).round(),
    });
    figures::print("open_streams", "10000 open, RSS < 600 MB", facts);
    Ok(())
}

/// The limit this process got.
fn open_files_allowed() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok())
}
