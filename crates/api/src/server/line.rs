//! The bytes of one connection, with time-outs where hyper has none: a client that says nothing, dribbles its head, idles
//! or does not take its answer is let go. To hyper it looks like a client that went away. The first bytes say which
//! protocol it speaks.

use super::watch::{Timer, Watch};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// A client that is still sending what nobody reads gets this long to notice the answer: closing at once would take the
/// answer away from it.
const LINGER: Duration = Duration::from_secs(1);
/// And this much of it is thrown away meanwhile. Units: bytes.
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How an HTTP/2 connection begins; no method of HTTP/1 does.
const PREFACE: [u8; 3] = *b"PRI";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// What begins with these bytes; `None` while that cannot be said.
    fn of(begun: &[u8]) -> Option<Protocol> {
        match begun {
            begun if begun == PREFACE => Some(Protocol::Http2),
            begun if PREFACE.starts_with(begun) => None,
            _ => Some(Protocol::Http1),
        }
    }
}

pub(super) struct Line {
    socket: TcpStream,
    /// What was read to know the protocol, until hyper has it.
    begun: Begun,
    watch: Watch,
    reading: Timer,
    writing: Timer,
    stalled_since: Option<Duration>,
    closing: Option<Closing>,
    /// The connection's place; also after an upgrade, when its first task has ended.
    _place: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, Default)]
struct Begun {
    bytes: [u8; PREFACE.len()],
    count: usize,
}

impl Begun {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

#[derive(Clone, Copy)]
struct Closing {
    until: Duration,
    bytes_left: usize,
}

impl Line {
    pub fn new(socket: TcpStream, watch: Watch, place: OwnedSemaphorePermit) -> Line {
        let (reading, writing) = (watch.timer(), watch.timer());
        let begun = Begun::default();
        Line { socket, begun, watch, reading, writing, stalled_since: None, closing: None, _place: place }
    }

    /// Reads the first bytes, as few as it takes; hyper gets them in one piece with what follows, because it would
    /// double its room for a head that comes in two.
    ///
    /// Errors: the client went away, or was let go.
    pub async fn protocol(&mut self) -> io::Result<Protocol> {
        loop {
            if let Some(protocol) = Protocol::of(self.begun.bytes()) {
                self.watch.speaks(protocol);
                return Ok(protocol);
            }
            let mut room = [0; PREFACE.len()];
            let mut next = ReadBuf::new(&mut room[..PREFACE.len() - self.begun.count]);
            poll_fn(|cx| self.poll_in_time(cx, |socket, cx| socket.poll_read(cx, &mut next))).await?;
            let filled = next.filled();
            if filled.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.watch.bytes_came();
            self.begun.bytes[self.begun.count..][..filled.len()].copy_from_slice(filled);
            self.begun.count += filled.len();
        }
    }

    /// Reads, or ends as at the end of the line when the client's time is over.
    fn poll_in_time(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let done = read(Pin::new(&mut self.socket), cx);
        if done.is_ready() {
            return done;
        }
        // hyper does not look here again when a request ends; the timer brings it back in time to see what holds then.
        loop {
            let deadline = self.watch.deadline();
            let look_at = deadline.unwrap_or_else(|| self.watch.world.steady() + self.watch.limits.idle);
            ready!(self.reading.poll_at(look_at, cx));
            if deadline.is_some() {
                // Nothing read is the end of the line.
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The client does not take what was written.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let since = *self.stalled_since.get_or_insert_with(|| self.watch.world.steady());
        ready!(self.writing.poll_at(since + self.watch.limits.write_stall, cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }

    fn wrote(&mut self, done: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match done {
            Poll::Pending => self.poll_stalled(cx),
            Poll::Ready(done) => {
                self.stalled_since = None;
                Poll::Ready(done)
            }
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        let begun = std::mem::take(&mut this.begun);
        // Never more than fits: whoever reads has room for a head.
        into.put_slice(begun.bytes());
        let own = into.filled().len();
        let done = this.poll_in_time(cx, |socket, cx| socket.poll_read(cx, into));
        if done.is_pending() {
            into.set_filled(before);
            this.begun = begun;
        } else if into.filled().len() > own {
            this.watch.bytes_came();
        }
        done
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(done, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.wrote(done, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            let until = this.watch.world.steady() + LINGER;
            this.closing = Some(Closing { until, bytes_left: LINGER_BYTES_MAX });
        }
        if !this.watch.has_unread() {
            return Poll::Ready(Ok(()));
        }
        let Some(closing) = &mut this.closing else { return Poll::Ready(Ok(())) };
        let mut scratch = [0; 8 * 1024];
        loop {
            let mut thrown_away = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.socket).poll_read(cx, &mut thrown_away) {
                Poll::Ready(Ok(())) if !thrown_away.filled().is_empty() => {
                    closing.bytes_left = closing.bytes_left.saturating_sub(thrown_away.filled().len());
                    if closing.bytes_left == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return this.reading.poll_at(closing.until, cx).map(Ok),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_which_protocol_it_is() {
        let table: [(&[u8], Option<Protocol>); 7] = [
            (b"", None),
            (b"P", None),
            (b"PR", None),
            (b"PRI", Some(Protocol::Http2)),
            (b"PU", Some(Protocol::Http1)),
            (b"G", Some(Protocol::Http1)),
            (b"\r\n", Some(Protocol::Http1)),
        ];
        for (begun, protocol) in table {
            assert_eq!(Protocol::of(begun), protocol, "{begun:?}");
        }
    }
}
