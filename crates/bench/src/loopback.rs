//! The cheapest server that can answer an adapter, so that what is measured is the adapter: blocking sockets, a thread a
//! connection, bytes made beforehand. It reads a request to its end and never looks at what it asks. For ten thousand
//! connections at once see `crowd.rs`.

use crate::dialect::Stream;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How every request is answered.
#[derive(Clone, Debug)]
pub enum Script {
    /// The same bytes, head and all.
    Whole(Vec<u8>),
    /// A stream of as many pieces as there are stamps, with a pause before each.
    Pieces { stream: Stream, pause: Duration, stamps: Arc<Stamps> },
}

/// When each piece of a stream left the server and when it came to its reader. Units: nanoseconds since `epoch`.
#[derive(Debug)]
pub struct Stamps {
    epoch: Instant,
    left: Vec<AtomicU64>,
    came: Vec<AtomicU64>,
    /// How many came.
    count: AtomicUsize,
}

impl Stamps {
    pub fn new(pieces: usize) -> Arc<Stamps> {
        let zeros = || (0..pieces).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Stamps { epoch: Instant::now(), left: zeros(), came: zeros(), count: AtomicUsize::new(0) })
    }

    pub fn pieces(&self) -> usize {
        self.left.len()
    }

    fn stamp(&self, place: Option<&AtomicU64>) {
        if let Some(place) = place {
            place.store(self.epoch.elapsed().as_nanos() as u64, Ordering::Release);
        }
    }

    /// The next piece has come.
    pub fn came(&self) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.stamp(self.came.get(number));
    }

    /// How long each piece took, if all came; begins again at zero.
    pub fn take(&self) -> Result<Vec<Duration>, String> {
        let count = self.count.swap(0, Ordering::Relaxed);
        if count != self.pieces() {
            return Err(format!("{count} pieces came of {}", self.pieces()));
        }
        let nanos = |at: &AtomicU64| at.load(Ordering::Acquire);
        let took = |(left, came)| Duration::from_nanos(nanos(came).saturating_sub(nanos(left)));
        Ok(self.left.iter().zip(&self.came).map(took).collect())
    }
}

/// A running server. Its threads end with their connections, and the one that accepts with the process.
#[derive(Clone, Debug)]
pub struct Loopback {
    pub address: SocketAddr,
    request: Arc<Mutex<Vec<u8>>>,
}

impl Loopback {
    pub fn start(script: Script) -> Result<Loopback, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let server = Loopback { address, request: Arc::default() };
        let request = Arc::clone(&server.request);
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (script, request) = (Arc::clone(&script), Arc::clone(&request));
                std::thread::spawn(move || serve(connection, &script, &request));
            }
        });
        Ok(server)
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bytes of the last request, for a client that sends them again.
    pub fn last_request(&self) -> Vec<u8> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers until the client goes; how it goes does not matter.
fn serve(mut connection: TcpStream, script: &Script, last: &Mutex<Vec<u8>>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    while read_request(&mut connection, &mut request)? {
        match script {
            Script::Whole(answer) => connection.write_all(answer)?,
            Script::Pieces { stream, pause, stamps } => {
                connection.write_all(&stream.begin)?;
                for left in &stamps.left {
                    std::thread::sleep(*pause);
                    stamps.stamp(Some(left));
                    connection.write_all(&stream.piece)?;
                }
                connection.write_all(&stream.end)?;
            }
        }
        last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&request);
    }
    Ok(())
}

/// Reads one request; `false` when the client has gone.
fn read_request(connection: &mut TcpStream, request: &mut Vec<u8>) -> io::Result<bool> {
    request.clear();
    let mut buffer = [0; 16 * 1024];
    while request_bytes(request).is_none_or(|bytes| request.len() < bytes) {
        match connection.read(&mut buffer)? {
            0 => return Ok(false),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(true)
}

/// How long a request is, once its head is there.
pub fn request_bytes(received: &[u8]) -> Option<usize> {
    let head_bytes = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..head_bytes]);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    Some(head_bytes + length.unwrap_or(0))
}
