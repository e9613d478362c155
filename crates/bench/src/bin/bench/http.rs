//! `cargo xtask bench http`: the API over real sockets on loopback, with its key, its edge and its server: accepting, reading
//! one draft, and any page of a long list. Server and clients share the machine; the access log is off.

use crate::throughput::{self, Load};
use copydesk_api::edge::{EdgeSettings, Hosts};
use copydesk_api::server::{Limits, Server};
use copydesk_api::{ApiSettings, router};
use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::instant::{self, InProcess, Price};
use copydesk_bench::keepalive::{Client, get, post};
use copydesk_bench::{figures, keepalive};
use copydesk_desk::keys::KeyText;
use copydesk_desk::{Desk, DeskConfig};
use copydesk_store::Scope;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub const SUITE: &str = "http";
const CLIENTS: usize = 64;
const WARM: usize = 2_000;
/// Accepts of one round, and reads.
const POSTS: usize = 20_000;
const READS: usize = 60_000;
const PAGES: usize = 3_000;
/// Single figures swing with what else the machine does; the best of so many counts, and all are printed.
const ROUNDS: usize = 3;
const PAGE_ROWS: usize = 50;
/// Finished drafts, with their texts, that are read one by one.
const FINISHED: usize = 2_000;

pub(super) struct Site {
    pub desk: Desk,
    pub address: SocketAddr,
    pub key: String,
    pub stop: oneshot::Sender<()>,
}

pub async fn run(place: &Place, drafts: usize) -> Result<(), String> {
    let store = place.open().await?;
    let config = DeskConfig { max_concurrent: Some(500), waiting_max: 100_000_000, ..DeskConfig::default() };
    let worker = instant::desk(Arc::clone(&store), InProcess::new(Duration::ZERO), config.clone()).await?;
    worker.start_working().await.map_err(|error| error.to_string())?;
    throughput::accept(&worker, Load { clients: CLIENTS, price: Price::Free }, 0, FINISHED).await?;
    throughput::drained(&worker, 0).await?;
    worker.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    // Nobody works from here on: what is measured is the API.
    let desk = instant::desk(store, InProcess::new(Duration::ZERO), config).await?;
    let site = serve(desk).await?;
    one_draft(&site, place).await?;
    accepting(&site, place).await?;
    long_list(&site, place, drafts).await?;
    site.stop.send(()).map_err(|()| "the server ended by itself")?;
    site.desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

pub(super) async fn serve(desk: Desk) -> Result<Site, String> {
    let text = |error: std::io::Error| error.to_string();
    let key = KeyText::random(desk.world());
    desk.add_key(Scope::DEFAULT, "bench", &key).await.map_err(|error| error.to_string())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let hosts = Hosts::new(IpAddr::V4(Ipv4Addr::LOCALHOST), []);
    let edge = EdgeSettings { hosts: Some(hosts), ..EdgeSettings::default() };
    let app = router(desk.clone(), ApiSettings { edge, ..ApiSettings::default() });
    let server = Server::new(app, desk.world().clone(), Limits::default());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(listener, async move { drop(stopped.await) }));
    Ok(Site { desk, address, key: key.reveal().to_owned(), stop })
}

/// POST /generations, each one durable before it is answered.
async fn accepting(site: &Site, place: &Place) -> Result<(), String> {
    let (goal, mut next) = match place.engine {
        Engine::Sqlite => (">= 4000/s, p99 <= 40 ms", 1_000_000),
        Engine::Postgres => (">= 2500/s, p99 <= 40 ms", 1_000_000),
    };
    for round in 0..=ROUNDS {
        let (first, count) = (next, if round == 0 { WARM } else { POSTS });
        next += count;
        let key = site.key.clone();
        let request = move |number: usize| {
            let input = instant::input(first + number);
            let user = format!("user-{}", number % 200);
            let body = json!({"recipe": "newsletter", "model": "inside/instant", "input": input, "user": user});
            post("/api/v1/generations", &key, &body.to_string())
        };
        let ran = keepalive::crowd(site.address, CLIENTS, count, 202, request).await?;
        if round > 0 {
            report("http_accept", goal, place, ran);
        }
    }
    Ok(())
}

async fn one_draft(site: &Site, place: &Place) -> Result<(), String> {
    let mut client = Client::connect(site.address).await?;
    let list = client.json(&get(&format!("/api/v1/drafts?limit={}", FINISHED.min(1_000)), &site.key)).await?;
    let ids: Arc<Vec<String>> = Arc::new(texts(&list, "id"));
    for round in 0..=ROUNDS {
        let (ids, key) = (Arc::clone(&ids), site.key.clone());
        let count = if round == 0 { WARM } else { READS };
        let request = move |number: usize| get(&format!("/api/v1/drafts/{}", ids[number % ids.len()]), &key);
        let ran = keepalive::crowd(site.address, CLIENTS, count, 200, request).await?;
        if round > 0 {
            report("http_read_draft", ">= 15000/s", place, ran);
        }
    }
    Ok(())
}

/// Fifty drafts from anywhere in the list. Its cursors are collected by walking through it once.
async fn long_list(site: &Site, place: &Place, drafts: usize) -> Result<(), String> {
    let begun = Instant::now();
    throughput::accept(&site.desk, Load { clients: 1_000, price: Price::Free }, 10_000_000, drafts).await?;
    let filled = begun.elapsed();
    let mut client = Client::connect(site.address).await?;
    let mut cursors = Vec::new();
    let mut path = "/api/v1/drafts?limit=1000".to_owned();
    loop {
        let page = client.json(&get(&path, &site.key)).await?;
        let Some(next) = page.get("next_cursor").and_then(Value::as_str) else { break };
        cursors.push(next.to_owned());
        path = format!("/api/v1/drafts?limit=1000&cursor={next}");
    }
    let facts = json!({"engine": place.engine.name(), "drafts": drafts, "fill_seconds": filled.as_secs(), "pages_of_1000": cursors.len()});
    figures::print("http_list_filled", "-", facts);
    let cursors = Arc::new(cursors);
    // One client: how long a page takes, not how many there are in a second.
    for clients in [1, 8] {
        for _ in 0..ROUNDS {
            let (cursors, key) = (Arc::clone(&cursors), site.key.clone());
            let request = move |number: usize| {
                // A stride that is prime to everything visits pages from all over the list.
                let cursor = &cursors[number * 7_919 % cursors.len()];
                get(&format!("/api/v1/drafts?limit={PAGE_ROWS}&cursor={cursor}"), &key)
            };
            let ran = keepalive::crowd(site.address, clients, PAGES, 200, request).await?;
            report(&format!("http_list_{clients}"), "p99 <= 10 ms", place, ran);
        }
    }
    Ok(())
}

pub(super) fn report(name: &str, goal: &str, place: &Place, mut ran: keepalive::Ran) {
    let count = ran.samples.len();
    let facts = json!({
        "engine": place.engine.name(), "requests": count,
        "per_second": (count as f64 / ran.took.as_secs_f64()).round(),
        "cpu_us_per_request": (ran.cpu * 1e6 / count as f64).round(),
        "p50_ms": figures::millis(figures::percentile(&mut ran.samples, 0.5)),
        "p99_ms": figures::millis(figures::percentile(&mut ran.samples, 0.99)),
    });
    figures::print(name, goal, facts);
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    let rows = list.get("data").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| Some(row.get(name)?.as_str()?.to_owned())).collect()
}
