//! The bytes of one connection, with time-outs where hyper has none: a client that says nothing, dribbles its head, idles
//! or does not take its answer is let go. To hyper it looks like a client that went away.

use super::watch::{Timer, Watch};
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

pub(super) struct Line {
    socket: TcpStream,
    watch: Watch,
    reading: Timer,
    writing: Timer,
    stalled_since: Option<Duration>,
    closing: Option<Closing>,
    /// The connection's place; also after an upgrade, when its first task has ended.
    _place: OwnedSemaphorePermit,
}

#[derive(Clone, Copy)]
struct Closing {
    until: Duration,
    bytes_left: usize,
}

impl Line {
    pub fn new(socket: TcpStream, watch: Watch, place: OwnedSemaphorePermit) -> Line {
        let (reading, writing) = (watch.timer(), watch.timer());
        Line { socket, watch, reading, writing, stalled_since: None, closing: None, _place: place }
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
        let before = into.filled().len();
        let done = Pin::new(&mut self.socket).poll_read(cx, into);
        if done.is_ready() {
            let bytes = &into.filled()[before..];
            if !bytes.is_empty() {
                self.watch.bytes_came(bytes);
            }
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
