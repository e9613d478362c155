//! Reads HTTP/1.1 requests from a socket, byte by byte if need be: head, then the body by length or in chunks. It keeps
//! what came too much for the next request, and it never answers.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, Interest};
use tokio::net::tcp::ReadHalf;

const HEAD_BYTES_MAX: usize = 256 * 1024;
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What a client may send ahead while it is being answered.
const AHEAD_BYTES_MAX: usize = 1024 * 1024;

/// A socket that is never read tells of its end only when it is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    pub close: bool,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub fn wants_continue(&self) -> bool {
        self.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    fn parse(text: &str) -> Option<Head> {
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        let headers: Option<Vec<(String, String)>> = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
            .collect();
        let mut head = Head { method: method.to_owned(), target: target.to_owned(), headers: headers?, close: false };
        head.close =
            version != "HTTP/1.1" || head.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        Some(head)
    }
}

/// What reading came to.
pub(crate) enum Incoming<T> {
    Whole(T),
    /// The client went away first.
    Gone,
    /// Not HTTP; these were the first bytes.
    Garbage(Vec<u8>),
}

/// The reading end of one connection.
pub(crate) struct Reader<'a> {
    half: ReadHalf<'a>,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub const fn new(half: ReadHalf<'a>) -> Reader<'a> {
        Reader { half, buffer: Vec::new() }
    }

    /// The next request's head.
    pub async fn head(&mut self) -> Incoming<Head> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                let parsed = Head::parse(&text);
                return match parsed {
                    Some(head) => {
                        self.buffer.drain(..end + 4);
                        Incoming::Whole(head)
                    }
                    None => Incoming::Garbage(std::mem::take(&mut self.buffer)),
                };
            }
            // A TLS handshake begins with 22; no method does.
            if self.buffer.first() == Some(&0x16) || self.buffer.len() > HEAD_BYTES_MAX {
                return Incoming::Garbage(std::mem::take(&mut self.buffer));
            }
            if !self.more().await {
                return Incoming::Gone;
            }
        }
    }

    /// The body that the head announced.
    pub async fn body(&mut self, head: &Head) -> Incoming<Vec<u8>> {
        if head.header("transfer-encoding").is_some_and(|value| value.to_lowercase().contains("chunked")) {
            return self.chunked_body().await;
        }
        let length = head.header("content-length").map_or(Ok(0), str::parse::<usize>);
        match length {
            Ok(length) if length <= BODY_BYTES_MAX => match self.exactly(length).await {
                Some(body) => Incoming::Whole(body),
                None => Incoming::Gone,
            },
            Ok(_) | Err(_) => Incoming::Garbage(std::mem::take(&mut self.buffer)),
        }
    }

    async fn chunked_body(&mut self) -> Incoming<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.line().await else { return Incoming::Gone };
            let size = line.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
            match size {
                Some(0) => break,
                Some(size) if body.len().saturating_add(size) <= BODY_BYTES_MAX => {
                    let Some(chunk) = self.exactly(size + 2).await else { return Incoming::Gone };
                    body.extend_from_slice(&chunk[..size]);
                }
                Some(_) | None => return Incoming::Garbage(std::mem::take(&mut self.buffer)),
            }
        }
        loop {
            match self.line().await {
                Some(line) if line.is_empty() => return Incoming::Whole(body),
                Some(_trailer) => {}
                None => return Incoming::Gone,
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Some(line);
            }
            if self.buffer.len() > HEAD_BYTES_MAX || !self.more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.buffer.split_off(length);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// What has arrived behind the head so far, to guess from.
    pub fn ahead(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns when the client has closed its end. What it sends meanwhile is kept for later.
    pub async fn closed(&mut self) {
        while self.buffer.len() <= AHEAD_BYTES_MAX {
            if !self.more().await {
                return;
            }
        }
        std::future::pending().await
    }

    /// The same without taking a byte from the socket. A client whose last bytes are stuck behind a full window cannot be
    /// seen leaving.
    pub async fn closed_unread(&mut self) {
        loop {
            match self.half.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Reads and drops everything until the client closes.
    pub async fn drained(&mut self) {
        loop {
            self.buffer.clear();
            if !self.more().await {
                return;
            }
        }
    }

    /// The same for so many bytes, such as a body nobody wants.
    pub async fn skip(&mut self, head: &Head) -> bool {
        matches!(self.body(head).await, Incoming::Whole(_))
    }

    /// The reset for which the socket is told not to linger.
    pub fn reset_on_close(&self) -> io::Result<()> {
        self.half.as_ref().set_zero_linger()
    }

    async fn more(&mut self) -> bool {
        match self.half.read_buf(&mut self.buffer).await {
            Ok(count) => count > 0,
            // A reset by the client is one way to leave.
            Err(_) => false,
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_with_its_query_and_lower_case_names() {
        let head = Head::parse("POST /v1/x?fault=reset HTTP/1.1\r\nHost: a\r\nX-Fake-Fault:  html_200 ").unwrap();
        assert_eq!((head.path(), head.query()), ("/v1/x", "fault=reset"));
        assert_eq!(head.header("x-fake-fault"), Some("html_200"));
        assert!(!head.close);
        assert!(Head::parse("GET / HTTP/1.0").unwrap().close);
        assert!(Head::parse("nonsense").is_none());
    }
}
