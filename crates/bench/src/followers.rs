//! Thousands of clients that follow events, in a process of their own, so that the memory of the other process is the
//! server's alone. It reads raw sockets and knows three things of a frame: that it is one, that it is whole, and when its
//! event was made.

use copydesk_core::Timestamp;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// The name these clients have on the command line of the benchmark.
pub const SUITE: &str = "event-followers";
/// How many connect at the same time.
const CONNECTING: usize = 64;

/// What arrived at all of them. Units: microseconds from the making of the event to its reading.
type Arrived = Arc<Mutex<Vec<i64>>>;

/// Opens `clients` streams at `address`, says so, and reports what came once its input has a line.
pub async fn run(address: &str, key: &str, clients: usize) -> Result<(), String> {
    let arrived = Arrived::default();
    let places = Arc::new(Semaphore::new(CONNECTING));
    let mut opening = Vec::with_capacity(clients);
    for _ in 0..clients {
        let (address, key, places) = (address.to_owned(), key.to_owned(), Arc::clone(&places));
        let arrived = Arc::clone(&arrived);
        opening.push(tokio::spawn(async move {
            let place = places.acquire().await.map_err(|error| error.to_string())?;
            let stream = open(&address, &key).await?;
            drop(place);
            tokio::spawn(read(stream, arrived));
            Ok::<(), String>(())
        }));
    }
    for opened in opening {
        opened.await.map_err(|error| error.to_string())??;
    }
    say(&json!({ "open": clients }))?;
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
    ended.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let mut micros = arrived.lock().unwrap_or_else(PoisonError::into_inner).clone();
    micros.sort_unstable();
    let at = |share: f64| {
        let place = (micros.len().saturating_sub(1) as f64 * share).round() as usize;
        micros.get(place).map(|micros| *micros as f64 / 1_000.0)
    };
    say(&json!({ "frames": micros.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0) }))
}

fn say(fact: &Value) -> Result<(), String> {
    println!("{fact}");
    std::io::stdout().flush().map_err(|error| error.to_string())
}

/// A stream whose first frame has come.
async fn open(address: &str, key: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\nauthorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    while !String::from_utf8_lossy(&head).contains(": from here") {
        if stream.read_buf(&mut head).await.map_err(|error| error.to_string())? == 0 {
            return Err(format!("the server said {:?} and hung up", String::from_utf8_lossy(&head)));
        }
    }
    Ok(stream)
}

async fn read(mut stream: TcpStream, arrived: Arrived) {
    let mut unread = Vec::with_capacity(1_024);
    while let Ok(1..) = stream.read_buf(&mut unread).await {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_micros() as i64;
        while let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
            let block = String::from_utf8_lossy(&unread[..end]).into_owned();
            unread.drain(..end + 2);
            let made = block.split("\"at\":\"").nth(1).and_then(|rest| rest.split('"').next());
            if let Some(made) = made.and_then(|text| text.parse::<Timestamp>().ok()) {
                arrived.lock().unwrap_or_else(PoisonError::into_inner).push(now - made.micros());
            }
        }
    }
}
