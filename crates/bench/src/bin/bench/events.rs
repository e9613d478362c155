//! Thousands of clients follow one node's events: what they cost in memory, and how soon each has what happened.

use copydesk_api::server::{Limits, Server};
use copydesk_api::{ApiSettings, router};
use copydesk_bench::engine::Place;
use copydesk_bench::figures;
use copydesk_bench::followers;
use copydesk_bench::instant::{self, InProcess};
use copydesk_desk::DeskConfig;
use copydesk_desk::accept::Request;
use copydesk_desk::keys::KeyText;
use copydesk_store::Scope;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpSocket;
use tokio::process::{ChildStdout, Command};

pub const SUITE: &str = "events";
const EVENTS: usize = 100;
/// From one event to the next.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the last frames may take.
const REST: Duration = Duration::from_secs(3);
/// How many clients may wait to be let in.
const BACKLOG: u32 = 4_096;

pub async fn followed_by(place: &Place, clients: usize) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let desk = instant::desk(place.open().await?, InProcess::new(Duration::ZERO), DeskConfig::default()).await?;
    let key = KeyText::random(desk.world());
    desk.add_key(Scope::DEFAULT, "bench", &key).await.map_err(|error| error.to_string())?;
    let socket = TcpSocket::new_v4().map_err(words)?;
    socket.bind(([127, 0, 0, 1], 0).into()).map_err(words)?;
    let listener = socket.listen(BACKLOG).map_err(words)?;
    let address = listener.local_addr().map_err(words)?.to_string();
    let app = router(desk.clone(), ApiSettings::default());
    // The product's own server: its connections are what a follower costs.
    let server = Server::new(app, desk.world().clone(), Limits::default());
    let server = tokio::spawn(server.run(listener, std::future::pending()));
    let (before, program) = (figures::rss_mib(), std::env::current_exe().map_err(words)?);
    let mut child = Command::new(program)
        .args([followers::SUITE, "--streams", &clients.to_string()])
        .envs([("COPYDESK_BENCH_ADDRESS", address.as_str()), ("COPYDESK_BENCH_KEY", key.reveal())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(words)?;
    let mut said = BufReader::new(child.stdout.take().ok_or("the clients have no output")?).lines();
    next(&mut said).await?;
    let (open, cpu) = (figures::rss_mib(), figures::cpu_seconds());
    for number in 0..EVENTS {
        let mut request = Request::new("newsletter", instant::input(number));
        request.model = Some("inside/instant".to_owned());
        desk.accept(request).await.map_err(|error| error.to_string())?;
        tokio::time::sleep(PAUSE).await;
    }
    tokio::time::sleep(REST).await;
    let (after, cpu) = (figures::rss_mib(), figures::cpu_seconds() - cpu);
    child.stdin.take().ok_or("the clients have no input")?.write_all(b"end\n").await.map_err(words)?;
    let report = next(&mut said).await?;
    let facts = json!({
        "engine": place.engine.name(), "clients": clients, "events": EVENTS, "frames": report["frames"],
        "frames_missing": (clients * EVENTS) as u64 - report["frames"].as_u64().unwrap_or(0),
        "rss_mib_before": before.round(), "rss_mib_extra_open": (open - before).round(),
        "rss_mib_extra_after": (after - before).round(), "delivery_p50_ms": report["p50_ms"],
        "delivery_p99_ms": report["p99_ms"], "delivery_max_ms": report["max_ms"],
        "cpu_us_per_frame": (cpu * 1e6 / (clients * EVENTS) as f64).round(),
    });
    figures::print("event_followers", "5000 clients, <= 100 MB extra, delivery p99 <= 100 ms", facts);
    server.abort();
    Ok(())
}

async fn next(said: &mut Lines<BufReader<ChildStdout>>) -> Result<Value, String> {
    let line = said.next_line().await.map_err(|error| error.to_string())?.ok_or("the clients ended early")?;
    serde_json::from_str(&line).map_err(|error| format!("the clients said {line:?}: {error}"))
}
