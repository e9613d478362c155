//! The full path: accept, claim, an instant provider, settle, with draft, version, usage and event rows all written.

use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures;
use copydesk_bench::instant::{self, InProcess};
use copydesk_core::ids::UserId;
use copydesk_desk::accept::Request;
use copydesk_desk::{Desk, DeskConfig};
use copydesk_store::Scope;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many users they belong to.
const USERS: usize = 200;
/// How many attempts may run at once.
const SLOTS: u32 = 2_000;

fn goal(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => ">= 10000/s",
        Engine::Postgres => ">= 8000/s",
    }
}

async fn open(place: &Place) -> Result<Desk, String> {
    let config = DeskConfig { max_concurrent: Some(SLOTS), waiting_max: 10_000_000, ..DeskConfig::default() };
    instant::desk(place.open().await?, InProcess::new(Duration::ZERO), config).await
}

/// What is in the database before the clock runs.
pub struct Backlog {
    pub finished: usize,
    pub waiting: usize,
}

/// On an empty database.
pub async fn empty(place: &Place, clients: usize, generations: usize) -> Result<(), String> {
    let desk = open(place).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    accept(&desk, clients, 0, 2_000).await?;
    drained(&desk, 0).await?;
    let (begun, cpu) = (Instant::now(), figures::cpu_seconds());
    accept(&desk, clients, 2_000, generations).await?;
    let accepted = begun.elapsed();
    drained(&desk, 0).await?;
    report("full_path", place, generations, begun.elapsed(), accepted, cpu);
    audit(&desk, place).await?;
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// The same with many finished generations in the database and many waiting ones in the queue.
pub async fn with_backlog(place: &Place, clients: usize, generations: usize, sizes: &Backlog) -> Result<(), String> {
    let Backlog { finished, waiting } = *sizes;
    let desk = open(place).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    let (begun, cpu) = (Instant::now(), figures::cpu_seconds());
    accept(&desk, clients, 0, finished).await?;
    drained(&desk, 0).await?;
    report("prefill_finished", place, finished, begun.elapsed(), begun.elapsed(), cpu);
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    drop(desk);
    let desk = open_again(place).await?;
    accept(&desk, clients, finished, waiting).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    // As many come in as go out: the backlog stays while the clock runs.
    let (begun, cpu) = (Instant::now(), figures::cpu_seconds());
    accept(&desk, clients, finished + waiting, generations).await?;
    drained(&desk, waiting as u64).await?;
    report("full_path_with_backlog", place, generations, begun.elapsed(), begun.elapsed(), cpu);
    desk.begin_stop();
    desk.stop(Duration::from_secs(5)).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// The embedded database lets one owner in at a time; the old one's threads end shortly after it is dropped.
async fn open_again(place: &Place) -> Result<Desk, String> {
    let mut last = String::new();
    for _ in 0..500 {
        match open(place).await {
            Ok(desk) => return Ok(desk),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(last)
}

/// `cpu` is the processor time the process had used when the clock began to run.
fn report(name: &str, place: &Place, count: usize, took: Duration, accepted: Duration, cpu: f64) {
    let facts = json!({
        "engine": place.engine.name(), "generations": count, "seconds": figures::millis(took) / 1_000.0,
        "per_second": (count as f64 / took.as_secs_f64()).round(),
        "accepts_per_second": (count as f64 / accepted.as_secs_f64()).round(), "rss_mib": figures::rss_mib().round(),
        "cpu_us_per_generation": ((figures::cpu_seconds() - cpu) * 1e6 / count as f64).round(),
    });
    figures::print(name, goal(place.engine), facts);
}

/// Accepts `count` requests from many clients at once.
pub async fn accept(desk: &Desk, clients: usize, first: usize, count: usize) -> Result<(), String> {
    let next = Arc::new(AtomicUsize::new(first));
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (desk, next) = (desk.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + count {
                        return Ok::<(), String>(());
                    }
                    let mut request = Request::new("newsletter", instant::input(number));
                    request.model = Some("inside/instant".to_owned());
                    request.user = Some(format!("user-{}", number % USERS));
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

async fn audit(desk: &Desk, place: &Place) -> Result<(), String> {
    let begun = Instant::now();
    let findings = desk.store().audit().await.map_err(|error| error.to_string())?;
    let user = UserId::from_external(Scope::DEFAULT.workspace, "user-1");
    let counts = desk.store().count_drafts(Scope::DEFAULT, Some(user)).await.map_err(|error| error.to_string())?;
    let drafts: u64 = counts.iter().map(|(_, count)| count).sum();
    let facts = json!({ "engine": place.engine.name(), "findings": findings.len(), "seconds": figures::millis(begun.elapsed()) / 1_000.0, "drafts_of_user_1": drafts });
    figures::print("audit", "0 findings", facts);
    Ok(())
}
