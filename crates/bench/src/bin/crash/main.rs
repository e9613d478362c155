//! `cargo xtask crash --rounds 50`: kills the real server with SIGKILL under load, again and again, and then asks what is
//! left: every accepted generation has ended, repeated requests gave one generation, every request the provider saw is on
//! the books, and `copydesk audit` finds nothing.

#![allow(clippy::disallowed_methods, reason = "a test driver of real processes measures wall time")]

mod load;
mod server;
mod verdict;

use clap::Parser;
use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures::{self, millis, percentile};
use copydesk_core::MicroCredits;
use copydesk_core::ids::{TransferId, UserId};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_desk::World;
use copydesk_providers::{DemoServer, HttpClient};
use copydesk_store::Scope;
use copydesk_store::ledger::Post;
use serde_json::json;
use server::Server;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Kills a server under load and checks what is left.
#[derive(Parser, Debug)]
struct Arguments {
    /// How often the server is killed, on each engine
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Only this engine
    #[arg(long)]
    engine: Option<Engine>,
    /// Where the data goes (must not be a memory file system)
    #[arg(long, default_value = "/var/tmp")]
    folder: std::path::PathBuf,
}

/// How many users the load belongs to, and what each may spend.
const USERS: usize = 20;
const CREDITS_EACH: i64 = 1_000_000;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Chooses the process's TLS code, which every client here needs.
    if let Err(error) = HttpClient::new() {
        eprintln!("crash: {error}");
        return ExitCode::FAILURE;
    }
    let engines = arguments.engine.map_or(vec![Engine::Sqlite, Engine::Postgres], |engine| vec![engine]);
    let (mut passed, mut failed) = (0, 0);
    for engine in engines {
        match run(engine, &arguments).await {
            Ok(faults) if faults.is_empty() => passed += 1,
            Ok(faults) => {
                failed += 1;
                for fault in faults {
                    eprintln!("crash {}: {fault}", engine.name());
                }
            }
            Err(error) => {
                failed += 1;
                eprintln!("crash {}: {error}", engine.name());
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(engine: Engine, arguments: &Arguments) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir_in(&arguments.folder).map_err(|error| error.to_string())?;
    let place = Place::new(engine, folder.path(), "crash");
    let (demo, base_url) = DemoServer::start().await.map_err(|error| error.to_string())?;
    prepare(&place, folder.path()).await?;
    let setup = server::Setup::new(&place, folder.path(), &base_url)?;
    let load = load::Load::start(setup.url.clone());
    let mut to_ready = Vec::new();
    let world = World::real();
    for round in 1..=arguments.rounds {
        let server = Server::start(&setup).await?;
        to_ready.push(server.ready_after);
        let alive = Duration::from_millis(200 + u64::from(world.jitter().0) % 1_000);
        tokio::time::sleep(alive).await;
        server.kill()?;
        if round % 10 == 0 {
            eprintln!("crash {}: {round} kills, {} requests acknowledged", engine.name(), load.acknowledged());
        }
    }
    let server = Server::start(&setup).await?;
    let acknowledged = load.finish().await;
    let faults = verdict::judge(&setup, &acknowledged, &demo).await?;
    server.stop().await?;
    let audit = verdict::audit(&setup)?;
    let facts = json!({
        "engine": engine.name(), "kills": arguments.rounds, "acknowledged": acknowledged.len(),
        "provider_requests": demo.requests_total(), "audit_findings": audit.len(), "other_faults": faults.len(),
        "ready_p50_ms": millis(percentile(&mut to_ready, 0.5)), "ready_p99_ms": millis(percentile(&mut to_ready, 0.99)),
    });
    figures::print("crash", "0 findings, 0 faults", facts);
    Ok(faults.into_iter().chain(audit).collect())
}

/// A recipe that costs something, and users who can pay.
async fn prepare(place: &Place, folder: &Path) -> Result<(), String> {
    let recipe = folder.join("recipes/paid");
    let written = std::fs::create_dir_all(&recipe).and_then(|()| {
        std::fs::write(recipe.join("recipe.toml"), include_str!("paid/recipe.toml"))?;
        std::fs::write(recipe.join("input.schema.json"), include_str!("paid/input.schema.json"))?;
        std::fs::write(recipe.join("example.json"), include_str!("paid/example.json"))?;
        std::fs::write(recipe.join("prompt.j2"), include_str!("paid/prompt.j2"))
    });
    written.map_err(|error| error.to_string())?;
    let store = place.open().await?;
    let world = World::real();
    for number in 0..USERS {
        let now = world.now();
        let amount = MicroCredits::new(CREDITS_EACH * MicroCredits::PER_CREDIT).map_err(|error| error.to_string())?;
        let (workspace, name) = (Scope::DEFAULT.workspace, load::user(number));
        let owner = (workspace, UserId::from_external(workspace, &name));
        let plain = Transfer::plain(TransferId(world.uuid(now)), owner, TransferKind::Grant, amount, now);
        let transfer = Transfer { reference: Some(format!("start-{number}")), ..plain };
        let grant = Post { transfer, open_as: Some(name), idempotency: None };
        store.post(grant).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}
