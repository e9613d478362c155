//! A name server that is told what to answer, over UDP and TCP (RFC 1035). It makes its messages by hand, so that it does not
//! share a mistake with the library that reads them.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// What a name has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Zone {
    /// Preference and host; the root is the empty host.
    pub mx: Vec<(u16, String)>,
    pub a: Vec<Ipv4Addr>,
    pub aaaa: Vec<Ipv6Addr>,
    pub ns: Vec<String>,
    pub fault: NameFault,
}

/// What goes wrong with each question for a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameFault {
    #[default]
    None,
    /// SERVFAIL.
    Fails,
    /// REFUSED.
    Refuses,
    /// No answer comes.
    Silent,
    /// Bytes that are no message.
    Garbage,
    /// Over UDP only that there is more than fits; the whole over TCP.
    TooLong,
}

const MX: u16 = 15;
const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const NO_NAME: u8 = 3;
const FAILS: u8 = 2;
const REFUSES: u8 = 5;

#[derive(Default)]
struct Shared {
    zones: Mutex<HashMap<String, Zone>>,
    asked: Mutex<Vec<(String, u16)>>,
    is_closed: AtomicBool,
}

/// A running name server. Dropping it closes it.
pub struct FakeDns {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

impl FakeDns {
    /// Knows no name. Errors: no port that is free for both.
    pub async fn start() -> io::Result<FakeDns> {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address).await?;
        let shared = Arc::new(Shared::default());
        let tasks =
            [tokio::spawn(datagrams(udp, Arc::clone(&shared))), tokio::spawn(connections(tcp, Arc::clone(&shared)))];
        Ok(FakeDns { address, shared, tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `name` has this.
    pub fn has(&self, name: &str, zone: Zone) {
        held(&self.shared.zones).insert(name.to_lowercase(), zone);
    }

    /// A domain with one mail host that has an address.
    pub fn takes_mail(&self, domain: &str) {
        let host = format!("mx.{domain}");
        self.has(domain, Zone { mx: vec![(10, host.clone())], ..Zone::default() });
        self.has(&host, Zone { a: vec![Ipv4Addr::new(192, 0, 2, 25)], ..Zone::default() });
    }

    /// From now on it is one of a closed network: it does not say which zone lacks what it does not know.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
    }

    /// How often `name` was asked for its MX records.
    pub fn times_asked(&self, name: &str) -> usize {
        held(&self.shared.asked).iter().filter(|(asked, kind)| asked == name && *kind == MX).count()
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn datagrams(socket: UdpSocket, shared: Arc<Shared>) {
    let mut bytes = [0; 4096];
    while let Ok((count, from)) = socket.recv_from(&mut bytes).await {
        if let Some(answer) = shared.answer(&bytes[..count], true) {
            // Who has gone asks again.
            drop(socket.send_to(&answer, from).await);
        }
    }
}

async fn connections(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(talk(stream, Arc::clone(&shared)));
    }
}

async fn talk(mut stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = shared.answer(&question, false) {
            let count = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[count.to_be_bytes().to_vec(), answer].concat()).await?;
        }
    }
}

impl Shared {
    /// `None` when nothing is said, or the question cannot be read.
    fn answer(&self, question: &[u8], is_udp: bool) -> Option<Vec<u8>> {
        let (name, end) = name_at(question, 12)?;
        let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
        held(&self.asked).push((name.clone(), kind));
        let zone = held(&self.zones).get(&name).cloned();
        let fault = zone.as_ref().map_or(NameFault::None, |zone| zone.fault);
        let asked = question.get(12..end + 4)?;
        let zone_of_nothing = || if self.is_closed.load(Ordering::SeqCst) { vec![] } else { vec![start_of_root()] };
        let denied = |code| message(question, asked, code, false, [&[], &zone_of_nothing()]);
        let said = |code, cut, records: &[Vec<u8>]| message(question, asked, code, cut, [records, &[]]);
        match (fault, zone) {
            (NameFault::Silent, _) => None,
            (NameFault::Garbage, _) => Some(vec![0xff; 7]),
            (NameFault::Fails, _) => said(FAILS, false, &[]),
            (NameFault::Refuses, _) => said(REFUSES, false, &[]),
            (NameFault::TooLong, _) if is_udp => said(0, true, &[]),
            (NameFault::None | NameFault::TooLong, None) => denied(NO_NAME),
            (NameFault::None | NameFault::TooLong, Some(zone)) => match zone.records(kind) {
                records if records.is_empty() => denied(0),
                records => said(0, false, &records),
            },
        }
    }
}

impl Zone {
    fn records(&self, kind: u16) -> Vec<Vec<u8>> {
        let data: Vec<Vec<u8>> = match kind {
            MX => self
                .mx
                .iter()
                .map(|(preference, host)| [preference.to_be_bytes().to_vec(), labels(host)].concat())
                .collect(),
            A => self.a.iter().map(|address| address.octets().to_vec()).collect(),
            AAAA => self.aaaa.iter().map(|address| address.octets().to_vec()).collect(),
            NS => self.ns.iter().map(|host| labels(host)).collect(),
            _ => Vec::new(),
        };
        data.into_iter().map(|data| record(&ASKED, kind, &data)).collect()
    }
}

/// A name from `at` on, in small letters with dots, and where it ends. No question has a pointer in it.
fn name_at(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut parts = Vec::new();
    loop {
        let count = usize::from(*bytes.get(at)?);
        at += 1;
        if count == 0 {
            return Some((parts.join("."), at));
        }
        parts.push(String::from_utf8_lossy(bytes.get(at..at + count)?).to_lowercase());
        at += count;
    }
}

fn labels(name: &str) -> Vec<u8> {
    let parts = name.split('.').filter(|part| !part.is_empty());
    let mut bytes: Vec<u8> = parts.flat_map(|part| [&[part.len() as u8][..], part.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// The name that was asked for, which stands at byte 12.
const ASKED: [u8; 2] = [0xc0, 12];
const ROOT: [u8; 1] = [0];

/// Kept for no time.
fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let head = [(kind >> 8) as u8, kind as u8, 0, 1, 0, 0, 0, 0];
    [name, &head, &(data.len() as u16).to_be_bytes(), data].concat()
}

/// What stands beside a name that is not there: the zone that lacks it.
fn start_of_root() -> Vec<u8> {
    let (host, person, numbers) = (labels("ns.example"), labels("hostmaster.example"), [0; 20]);
    record(&ROOT, SOA, &[&host[..], &person, &numbers].concat())
}

/// With answers, and what stands beside them.
fn message(question: &[u8], asked: &[u8], code: u8, cut: bool, records: [&[Vec<u8>]; 2]) -> Option<Vec<u8>> {
    let count = |records: &[Vec<u8>]| u16::try_from(records.len()).ok().map(u16::to_be_bytes);
    let flags = [0x81 | if cut { 0x02 } else { 0 }, 0x80 | code];
    let head = [question.get(..2)?, &flags, &[0, 1], &count(records[0])?, &count(records[1])?, &[0, 0]].concat();
    Some([head, asked.to_vec(), records[0].concat(), records[1].concat()].concat())
}
