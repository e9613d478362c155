//! A site behind a real socket, with a clock that is moved by hand.

use crate::site::Site;
use copydesk_api::edge::EdgeSettings;
use copydesk_api::server::{Limits, Server};
use copydesk_core::Timestamp;
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Served {
    pub site: Site,
    pub server: Server,
    pub clock: Arc<HandClock>,
    pub address: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub task: JoinHandle<()>,
}

/// Limits nobody reaches, for tests of a single one.
pub fn endless() -> Limits {
    let long = Duration::from_secs(100 * 24 * 3_600);
    Limits { first_byte: long, head: long, idle: long, body_grace: long, write_stall: long, ..Limits::default() }
}

impl Served {
    pub async fn with(limits: Limits) -> Served {
        Served::edged(limits, EdgeSettings::default()).await
    }

    pub async fn edged(limits: Limits, edge: EdgeSettings) -> Served {
        let clock = HandClock::at(Timestamp::from_micros(1_700_000_000_000_000));
        let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
        let site = Site::edged(world.clone(), DeskConfig::default(), ModelStore::new(), edge).await;
        let server = Server::new(site.app.clone(), world, limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.clone().run(listener, async move { drop(stopped.await) }));
        Served { site, server, clock, address, stop, task }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes and reads until the server closes.
    pub async fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut client).await
    }

    /// Moves the clock on, second by second, until the work is done; answers how many seconds that were.
    pub async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> (T, u32) {
        let mut work = std::pin::pin!(work);
        for second in 0.. {
            if let Ok(done) = tokio::time::timeout(Duration::from_millis(2), &mut work).await {
                return (done, second);
            }
            assert!(second < 100_000, "nothing came of it");
            self.clock.advance(Duration::from_secs(1));
        }
        unreachable!()
    }
}

/// Everything up to the end of the line. A line that is reset has ended, too.
pub async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, client.read_to_end(&mut bytes)).await;
    drop(read.expect("the server closes the line"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer, of which the length is declared.
pub async fn answer(client: &mut TcpStream) -> String {
    let reading = async {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length:").map(|length| length.trim().parse::<usize>().unwrap())
                });
                if body.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            let mut piece = [0; 4096];
            let count = client.read(&mut piece).await.unwrap();
            assert!(count > 0, "the line ended within an answer: {text}");
            bytes.extend_from_slice(&piece[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer")
}

/// Waits for a condition that comes about by itself.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}
