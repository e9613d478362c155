//! What the fake has seen: one entry a request, made when the request has arrived and completed when its answer ends.
//! Waiting for an entry is a notification, never a sleep.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::dialects::Dialect;
use crate::fault::Fault;

/// Tokens as a provider bills them.
///
/// Invariant: `cached` is a part of `input`, `reasoning` a part of `output`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cached: u64,
    pub reasoning: u64,
}

/// How the exchange stands, or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Being answered.
    Open,
    /// Hangs on purpose, with the client still there.
    Hung,
    /// Waits for [`crate::FakeProvider::release_held`], with the client still there.
    Held,
    /// Everything that was planned is written.
    Answered,
    /// The client closed its socket first; so many bytes had been written.
    ClientClosed(u64),
    /// Ended with RST on purpose.
    Reset,
    /// Ended with FIN before the answer was whole, on purpose.
    Cut,
}

impl How {
    /// The word in the log file.
    pub const fn as_str(self) -> &'static str {
        match self {
            How::Open => "open",
            How::Hung => "hung",
            How::Held => "held",
            How::Answered => "answered",
            How::ClientClosed(_) => "client_closed",
            How::Reset => "reset",
            How::Cut => "cut",
        }
    }

    /// Nothing more will be written to this exchange.
    pub const fn is_over(self) -> bool {
        match self {
            How::Open | How::Hung | How::Held => false,
            How::Answered | How::ClientClosed(_) | How::Reset | How::Cut => true,
        }
    }
}

/// The body of a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    Json(Value),
    /// No JSON, or none at all.
    Raw(Vec<u8>),
    /// The fault struck before it was read.
    Unread,
}

impl Body {
    /// The JSON, or null.
    pub fn json(&self) -> &Value {
        match self {
            Body::Json(value) => value,
            Body::Raw(_) | Body::Unread => &Value::Null,
        }
    }
}

/// One request and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Received {
    /// Counts requests from 1, in the order they had arrived whole.
    pub at_order: u64,
    pub dialect: Dialect,
    pub method: String,
    /// With the query.
    pub path: String,
    /// The header `x-copydesk-call-id`.
    pub call_id: Option<String>,
    /// The value of whichever header or query parameter carries a key.
    pub authorization: Option<String>,
    /// As it was asked for, options included.
    pub model: String,
    pub stream: bool,
    pub body: Body,
    pub headers: Vec<(String, String)>,
    pub fault: Option<Fault>,
    pub ended: How,
    /// The status that was sent, or was going to be; 0 for none.
    pub status: u16,
    /// The response id in the body of the answer; empty where the format has none.
    pub response_id: String,
    pub bytes_written: u64,
    /// What this exchange costs so far: a whole answer is billed when it is made, a stream as it is written.
    pub billed: Usage,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }

    /// The entry for a log file. Keys are in it: it is a log of fake keys.
    pub fn to_json(&self) -> Value {
        json!({
            "at_order": self.at_order,
            "dialect": self.dialect.as_str(),
            "method": self.method,
            "path": self.path,
            "call_id": self.call_id,
            "authorization": self.authorization,
            "model": self.model,
            "stream": self.stream,
            "body": match &self.body {
                Body::Json(value) => value.clone(),
                Body::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
                Body::Unread => Value::Null,
            },
            "fault": self.fault.map(Fault::as_str),
            "ended": self.ended.as_str(),
            "status": self.status,
            "response_id": self.response_id,
            "bytes_written": self.bytes_written,
            "billed": {
                "input": self.billed.input,
                "output": self.billed.output,
                "cached": self.billed.cached,
                "reasoning": self.billed.reasoning,
            },
        })
    }
}

/// Connections to the fake.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Connections {
    pub open: u64,
    pub ever: u64,
}

type Observer = Box<dyn Fn(&Received) + Send + Sync>;

#[derive(Default)]
struct Book {
    entries: Vec<Received>,
    connections: Connections,
    orders: u64,
    observer: Option<Observer>,
}

/// The shared log.
#[derive(Clone)]
pub(crate) struct Log {
    book: Arc<Mutex<Book>>,
    changes: watch::Sender<u64>,
}

impl Log {
    pub fn new() -> Log {
        Log { book: Arc::default(), changes: watch::Sender::new(0) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    pub fn observe(&self, observer: Observer) {
        self.book().observer = Some(observer);
    }

    pub fn entries(&self) -> Vec<Received> {
        self.book().entries.clone()
    }

    /// Forgets the entries; the count of orders and connections goes on.
    pub fn clear(&self) {
        self.book().entries.clear();
        self.announce();
    }

    pub fn connections(&self) -> Connections {
        self.book().connections
    }

    pub fn next_order(&self) -> u64 {
        let mut book = self.book();
        book.orders += 1;
        book.orders
    }

    pub fn add(&self, entry: Received) {
        let mut book = self.book();
        if let Some(observer) = &book.observer {
            observer(&entry);
        }
        book.entries.push(entry);
        drop(book);
        self.announce();
    }

    /// Changes the entry of this order, if it was not cleared.
    pub fn update(&self, order: u64, change: impl FnOnce(&mut Received)) {
        let mut book = self.book();
        let book = &mut *book;
        if let Some(entry) = book.entries.iter_mut().rev().find(|entry| entry.at_order == order) {
            let before = entry.ended;
            change(entry);
            if let Some(observer) = book.observer.as_ref().filter(|_| entry.ended != before) {
                observer(entry);
            }
        }
        self.announce();
    }

    pub fn opened(&self) -> Opened {
        let mut book = self.book();
        book.connections.open += 1;
        book.connections.ever += 1;
        drop(book);
        self.announce();
        Opened { log: self.clone() }
    }

    /// Waits until the condition holds, looking again at each change.
    pub async fn wait_for(&self, condition: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            {
                let book = self.book();
                if condition(&book.entries) {
                    return book.entries.clone();
                }
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub async fn wait_for_connections(&self, condition: impl Fn(Connections) -> bool) -> Connections {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let connections = self.connections();
            if condition(connections) {
                return connections;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Counts a connection as open until it is dropped.
pub(crate) struct Opened {
    log: Log,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.log.book().connections.open -= 1;
        self.log.announce();
    }
}
