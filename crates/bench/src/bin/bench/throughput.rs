//! The full path: accept, claim, an instant provider, settle, with draft, version, usage and event rows all written; with
//! credits also hold and settle. And how long the auditor takes to prove what that leaves behind.

use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures;
use copydesk_bench::instant::{self, InProcess, Price};
use copydesk_core::MicroCredits;
use copydesk_core::ids::UserId;
use copydesk_desk::accept::Request;
use copydesk_desk::credits::{Grant, Memo, Size};
use copydesk_desk::{Desk, DeskConfig};
use copydesk_store::Scope;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many users they belong to.
const USERS: usize = 200;
/// How often the auditor is timed.
const AUDITS: usize = 3;
/// How many attempts may run at once.
const SLOTS: u32 = 2_000;

fn goal(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => ">= 10000/s",
        Engine::Postgres => ">= 8000/s",
    }
}

/// Who asks, and for what.
#[derive(Clone, Copy)]
pub struct Load {
    /// How many accept at the same time.
    pub clients: usize,
    pub price: Price,
}

async fn open(place: &Place, price: Price) -> Result<Desk, String> {
    let credits = price.credits_on();
    let config = DeskConfig { max_concurrent: Some(SLOTS), waiting_max: 10_000_000, credits, ..DeskConfig::default() };
    let desk = instant::desk(place.open().await?, InProcess::new(Duration::ZERO), config).await?;
    if credits {
        grant(&desk).await?;
    }
    Ok(desk)
}

fn user(number: usize) -> String {
    format!("user-{}", number % USERS)
}

/// More to each user than he can spend here; a second time it is the first grant again.
async fn grant(desk: &Desk) -> Result<(), String> {
    let amount = MicroCredits::new(10_000_000 * MicroCredits::PER_CREDIT).map_err(|error| error.to_string())?;
    for number in 0..USERS {
        let reference = Some(format!("start-{number}"));
        let memo = Memo { scope: Scope::DEFAULT, user: user(number), reference, reason: None, idempotency: None };
        let grant = Grant { memo, kind: None, size: Size::Amount(amount), expires_at: None };
        desk.grant(grant).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What is in the database before the clock runs.
pub struct Backlog {
    pub finished: usize,
    pub waiting: usize,
}

/// On an empty database.
pub async fn empty(place: &Place, load: Load, generations: usize) -> Result<(), String> {
    let desk = open(place, load.price).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    accept(&desk, load, 0, 2_000).await?;
    drained(&desk, 0).await?;
    let start = Start::now(place).await?;
    accept(&desk, load, 2_000, generations).await?;
    let accepted = start.at.elapsed();
    drained(&desk, 0).await?;
    let name = if load.price.credits_on() { "full_path_with_credits" } else { "full_path" };
    report(name, place, generations, &start, Some(accepted)).await?;
    audit(&desk, place, generations + 2_000).await?;
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// The auditor on a database with so many finished generations.
pub async fn audited(place: &Place, load: Load, generations: usize) -> Result<(), String> {
    let desk = open(place, load.price).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    accept(&desk, load, 0, generations).await?;
    drained(&desk, 0).await?;
    for _ in 0..AUDITS {
        audit(&desk, place, generations).await?;
    }
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// The same with many finished generations in the database and many waiting ones in the queue.
pub async fn with_backlog(place: &Place, load: Load, generations: usize, sizes: &Backlog) -> Result<(), String> {
    let Backlog { finished, waiting } = *sizes;
    let desk = open(place, load.price).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    let start = Start::now(place).await?;
    accept(&desk, load, 0, finished).await?;
    drained(&desk, 0).await?;
    report("prefill_finished", place, finished, &start, None).await?;
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    drop(desk);
    let desk = open_again(place, load.price).await?;
    accept(&desk, load, finished, waiting).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    // As many come in as go out: the backlog stays while the clock runs.
    let start = Start::now(place).await?;
    accept(&desk, load, finished + waiting, generations).await?;
    drained(&desk, waiting as u64).await?;
    report("full_path_with_backlog", place, generations, &start, None).await?;
    desk.begin_stop();
    desk.stop(Duration::from_secs(5)).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// The embedded database lets one owner in at a time; the old one's threads end shortly after it is dropped.
async fn open_again(place: &Place, price: Price) -> Result<Desk, String> {
    let mut last = String::new();
    for _ in 0..500 {
        match open(place, price).await {
            Ok(desk) => return Ok(desk),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(last)
}

/// What had been used when the clock began to run.
struct Start {
    at: Instant,
    cpu: f64,
    server_cpu: Option<f64>,
}

impl Start {
    async fn now(place: &Place) -> Result<Start, String> {
        let server_cpu = place.server_cpu_seconds().await?;
        Ok(Start { at: Instant::now(), cpu: figures::cpu_seconds(), server_cpu })
    }
}

async fn report(
    name: &str,
    place: &Place,
    count: usize,
    start: &Start,
    accepted: Option<Duration>,
) -> Result<(), String> {
    let (took, cpu) = (start.at.elapsed(), figures::cpu_seconds() - start.cpu);
    let server_cpu = place.server_cpu_seconds().await?.zip(start.server_cpu).map(|(now, then)| now - then);
    let each = |seconds: f64| (seconds * 1e6 / count as f64).round();
    let accepted = accepted.unwrap_or(took);
    let facts = json!({
        "engine": place.engine.name(), "generations": count, "seconds": figures::millis(took) / 1_000.0,
        "per_second": (count as f64 / took.as_secs_f64()).round(),
        "accepts_per_second": (count as f64 / accepted.as_secs_f64()).round(), "rss_mib": figures::rss_mib().round(),
        "cpu_us_per_generation": each(cpu), "server_cpu_us_per_generation": server_cpu.map(each),
    });
    figures::print(name, goal(place.engine), facts);
    Ok(())
}

/// Accepts `count` requests from many clients at once.
pub async fn accept(desk: &Desk, load: Load, first: usize, count: usize) -> Result<(), String> {
    let next = Arc::new(AtomicUsize::new(first));
    let tasks: Vec<_> = (0..load.clients)
        .map(|_| {
            let (desk, next) = (desk.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + count {
                        return Ok::<(), String>(());
                    }
                    let mut request = Request::new(load.price.recipe(), instant::input(number));
                    request.model = Some("inside/instant".to_owned());
                    request.user = Some(user(number));
                    desk.accept(request).await.map_err(|error| error.to_string())?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Waits until at most `left` generations are pending or processing.
pub async fn drained(desk: &Desk, left: u64) -> Result<(), String> {
    loop {
        let about = desk.store().describe().await.map_err(|error| error.to_string())?;
        if about.waiting + about.processing <= left {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn audit(desk: &Desk, place: &Place, generations: usize) -> Result<(), String> {
    let begun = Instant::now();
    let findings = desk.store().audit().await.map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    let user = UserId::from_external(Scope::DEFAULT.workspace, "user-1");
    let counts = desk.store().count_drafts(Scope::DEFAULT, Some(user)).await.map_err(|error| error.to_string())?;
    let drafts: u64 = counts.iter().map(|(_, count)| count).sum();
    let facts = json!({
        "engine": place.engine.name(), "findings": findings.len(), "seconds": figures::millis(took) / 1_000.0,
        "generations": generations, "per_minute": (generations as f64 / took.as_secs_f64() * 60.0).round(),
        "drafts_of_user_1": drafts,
    });
    figures::print("audit", "0 findings, >= 500000/min", facts);
    Ok(())
}
