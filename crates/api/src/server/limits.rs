//! The limits of connections, each with its default. What they do to a client is in `docs/http.md`.

use std::time::Duration;

/// How long and how much a connection may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections that are served at once. Beyond them `/livez` alone is answered, on a few more.
    pub connections_max: usize,
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request's head to its last one.
    pub head: Duration,
    /// Between the end of an answer and the next request.
    pub idle: Duration,
    /// A body may always take this long.
    pub body_grace: Duration,
    /// And beyond that as long as it comes this fast. Units: bytes per second.
    pub body_rate_min: u32,
    /// How long an answer may lie there without the client taking a byte of it.
    pub write_stall: Duration,
    /// HTTP/2: requests of one connection at once.
    pub streams_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            body_grace: Duration::from_secs(10),
            body_rate_min: 1_024,
            write_stall: Duration::from_secs(30),
            streams_max: 100,
        }
    }
}

impl Limits {
    /// What a connection beyond the limit gets: one quick question.
    pub(super) fn crowded(&self) -> Limits {
        let short = Duration::from_secs(2);
        Limits {
            first_byte: self.first_byte.min(short),
            head: self.head.min(short),
            idle: self.idle.min(short),
            body_grace: self.body_grace.min(short),
            write_stall: self.write_stall.min(short),
            ..self.clone()
        }
    }
}
