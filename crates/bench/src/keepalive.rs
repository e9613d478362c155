//! Clients that cost next to nothing: prepared bytes out, the status and as many bytes as the answer declares in.

use crate::figures;
use crate::loopback::request_bytes;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// What a crowd has done.
pub struct Ran {
    pub took: Duration,
    /// How long each request took.
    pub samples: Vec<Duration>,
    /// What this process used, clients and server together. Units: seconds of processor time.
    pub cpu: f64,
}

pub fn get(path: &str, key: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
}

pub fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Client, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Client { stream, answer: Vec::new() })
    }

    /// Sends a request and reads its answer; returns the status.
    pub async fn ask(&mut self, request: &[u8]) -> Result<u16, String> {
        let text = |error: std::io::Error| error.to_string();
        self.stream.write_all(request).await.map_err(text)?;
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|bytes| self.answer.len() < bytes) {
            if self.stream.read_buf(&mut self.answer).await.map_err(text)? == 0 {
                return Err("the server closed the connection".to_owned());
            }
            whole = whole.or_else(|| request_bytes(&self.answer));
        }
        let status = self.answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        status.ok_or_else(|| "the answer has no status".to_owned())
    }

    pub async fn json(&mut self, request: &[u8]) -> Result<Value, String> {
        self.ask(request).await?;
        let body = self.answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        serde_json::from_slice(&self.answer[body..]).map_err(|error| error.to_string())
    }
}

/// Many clients, each with its connection, share `count` requests.
///
/// Errors: an answer with another status than `expected`, with its text.
pub async fn crowd(
    address: SocketAddr,
    clients: usize,
    count: usize,
    expected: u16,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Ran, String> {
    let (next, request) = (Arc::new(AtomicUsize::new(0)), Arc::new(request));
    let mut connected = Vec::with_capacity(clients);
    for _ in 0..clients {
        connected.push(Client::connect(address).await?);
    }
    let (begun, cpu) = (Instant::now(), figures::cpu_seconds());
    let tasks: Vec<_> = connected
        .into_iter()
        .map(|mut client| {
            let (next, request) = (Arc::clone(&next), Arc::clone(&request));
            tokio::spawn(async move {
                let mut samples = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok::<_, String>(samples);
                    }
                    let bytes = request(number);
                    let begun = Instant::now();
                    let status = client.ask(&bytes).await?;
                    if status != expected {
                        return Err(format!("{status}: {}", String::from_utf8_lossy(&client.answer)));
                    }
                    samples.push(begun.elapsed());
                }
            })
        })
        .collect();
    let mut samples = Vec::with_capacity(count);
    for task in tasks {
        samples.extend(task.await.map_err(|error| error.to_string())??);
    }
    Ok(Ran { took: begun.elapsed(), samples, cpu: figures::cpu_seconds() - cpu })
}
