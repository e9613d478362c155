//! `cargo xtask bench queue`: the figures of the queue, one JSON line each, with the disk's own speed beside them.
//! `cargo xtask bench audit`: the full audit of many finished generations.
//! `cargo xtask bench usage`: a year of totals with ten million calls behind it.
//! `cargo xtask bench http`: the API over sockets: accepting, reading, lists.
//! `cargo xtask bench jobs`: a job of many rows, and bulk actions on what it made.
//! `cargo xtask bench prospects`: a file of prospects, a job over those that are eligible, and the last page of their list.
//! `cargo xtask bench newsletter`: a newsletter to a long list, and how long others wait meanwhile.
//! `cargo xtask bench events`: thousands of clients that follow one node's events.
//! `cargo xtask bench providers`: the figures of the adapters, which need no database.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure wall time")]

mod events;
mod http;
mod inflight;
mod jobs;
mod latency;
mod newsletter;
mod prospects;
mod providers;
mod throughput;
mod usage;

use clap::Parser;
use copydesk_bench::crowd;
use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures;
use copydesk_bench::followers;
use copydesk_bench::instant::Price;
use std::process::ExitCode;
use throughput::Load;

const QUEUE: &str = "queue";
const AUDIT: &str = "audit";
const QUEUE_PARTS: [&str; 4] = ["throughput", "backlog", "latency", "inflight"];

/// Benchmarks of Copydesk. They print figures and never fail for being slow.
#[derive(Parser, Debug)]
struct Arguments {
    /// Which suite: queue, or one of its parts: throughput, backlog, latency, inflight; audit; usage; http; jobs; prospects; newsletter; events; or providers, or one of
    /// its parts: overhead, streaming, streams
    suite: String,
    /// Only this engine
    #[arg(long)]
    engine: Option<Engine>,
    /// Generations per throughput run, or finished ones to audit
    #[arg(long, default_value_t = 60_000)]
    generations: usize,
    /// Each generation of throughput, backlog and audit costs its user a credit
    #[arg(long)]
    credits: bool,
    /// Finished generations in the database for the backlog run
    #[arg(long, default_value_t = 1_000_000)]
    finished: usize,
    /// Waiting generations for the backlog run
    #[arg(long, default_value_t = 100_000)]
    waiting: usize,
    /// How many clients accept at the same time
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Drafts in the list of the http run
    #[arg(long, default_value_t = 1_000_000)]
    drafts: usize,
    /// Rows of the jobs and newsletter runs, and half of those of the prospects run
    #[arg(long, default_value_t = 50_000)]
    rows: usize,
    /// Calls per adapter for the overhead run
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    /// Pieces per adapter for the streaming run
    #[arg(long, default_value_t = 8_000)]
    pieces: usize,
    /// How many streams are open at once (default: 10,000; 5,000 for events)
    #[arg(long)]
    streams: Option<usize>,
    /// Where the data goes (must not be a memory file system)
    #[arg(long, default_value = "/var/tmp")]
    folder: std::path::PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let suite = arguments.suite.as_str();
    if suite == crowd::SUITE {
        return crowd::serve().await;
    }
    if suite == providers::SUITE || providers::PARTS.contains(&suite) {
        let Arguments { calls, pieces, .. } = *arguments;
        let streams = arguments.streams.unwrap_or(10_000);
        return providers::run(suite, providers::Sizes { calls, pieces, streams }).await;
    }
    let followers = arguments.streams.unwrap_or(5_000);
    if suite == followers::SUITE {
        let told = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        return followers::run(&told("COPYDESK_BENCH_ADDRESS")?, &told("COPYDESK_BENCH_KEY")?, followers).await;
    }
    if [events::SUITE, usage::SUITE, http::SUITE, jobs::SUITE, prospects::SUITE, newsletter::SUITE].contains(&suite) {
        let folder = tempfile::tempdir_in(&arguments.folder).map_err(|error| error.to_string())?;
        for engine in engines(arguments) {
            let place = Place::new(engine, folder.path(), suite);
            match suite {
                events::SUITE => events::followed_by(&place, followers).await?,
                usage::SUITE => usage::run(&place).await?,
                http::SUITE => http::run(&place, arguments.drafts).await?,
                prospects::SUITE => prospects::run(&place, arguments.rows).await?,
                newsletter::SUITE => newsletter::run(&place, arguments.rows).await?,
                _ => jobs::run(&place, arguments.rows).await?,
            }
        }
        return Ok(());
    }
    if [QUEUE, AUDIT].contains(&suite) || QUEUE_PARTS.contains(&suite) {
        return queue(arguments).await;
    }
    let known = [
        &[QUEUE, AUDIT, usage::SUITE, http::SUITE, jobs::SUITE, prospects::SUITE, newsletter::SUITE, events::SUITE][..],
        &QUEUE_PARTS,
        &[providers::SUITE],
        &providers::PARTS,
    ]
    .concat();
    Err(format!("there is no suite {suite:?}; there are: {}", known.join(", ")))
}

fn engines(arguments: &Arguments) -> Vec<Engine> {
    arguments.engine.map_or(vec![Engine::Sqlite, Engine::Postgres], |engine| vec![engine])
}

/// The figures of the queue on each engine.
async fn queue(arguments: &Arguments) -> Result<(), String> {
    let folder = tempfile::tempdir_in(&arguments.folder).map_err(|error| error.to_string())?;
    let wants = |part: &str| arguments.suite == QUEUE || arguments.suite == part;
    let price = if arguments.credits { Price::OneCredit } else { Price::Free };
    let load = Load { clients: arguments.clients, price };
    for engine in engines(arguments) {
        let place = |name: &str| Place::new(engine, folder.path(), name);
        figures::print("fsync_probe", "-", figures::fsync_probe(folder.path()).map_err(|error| error.to_string())?);
        if wants("throughput") {
            throughput::empty(&place("throughput"), load, arguments.generations).await?;
        }
        if arguments.suite == AUDIT {
            throughput::audited(&place("audit"), load, arguments.generations).await?;
        }
        if wants("latency") {
            latency::idle(&place("latency")).await?;
        }
        if wants("inflight") {
            inflight::ten_thousand(&place("inflight")).await?;
        }
        if wants("backlog") {
            let sizes = throughput::Backlog { finished: arguments.finished, waiting: arguments.waiting };
            throughput::with_backlog(&place("backlog"), load, arguments.generations, &sizes).await?;
        }
    }
    Ok(())
}
