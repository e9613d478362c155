//! Answers that have no end in sight: event streams. For each HTTP/1 connection hyper keeps two buffers of 8 KiB and more,
//! which thousands of followers would hold for hours. So it writes the head of such an answer, and then the connection is
//! taken from it: what follows are chunks, which need no buffer at all.
//!
//! hyper flushes what it writes to only when it has written everything (its `Buffered::poll_flush`), so the first flush
//! after the answer was given to it is the moment when the head is through.

use super::body::Answering;
use super::line::Line;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Body as _, Frame};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// On an answer whose body has no end in sight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endless;

/// How much a client may say while it is being told. It has nothing to say: more ends the connection. Units: bytes.
const HEARD_BYTES_MAX: usize = 64 * 1024;

/// Where the answer and its connection meet when hyper is done with them. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Handover(Arc<Mutex<Meeting>>);

#[derive(Default)]
struct Meeting {
    body: Option<Answering>,
    line: Option<Line>,
}

impl Handover {
    fn meeting(&self) -> MutexGuard<'_, Meeting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the body of an endless answer back; hyper is given the head and a body that never says anything.
    /// Only what has chunks can be handed over: the answer to a GET of HTTP/1.1.
    pub fn keep(&self, has_chunks: bool, mut answer: Response<Answering>) -> Response<Answering> {
        if answer.extensions_mut().remove::<Endless>().is_none() || !has_chunks {
            return answer;
        }
        let (mut head, body) = answer.into_parts();
        // What follows is not hyper's any more, so neither is a next request.
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        self.meeting().body = Some(body);
        Response::from_parts(head, Answering::of(Body::new(Silence)))
    }

    /// Resolves when hyper has written the head. It is woken by nobody: ask after each time hyper has worked.
    pub async fn ready(&self) -> (Line, Answering) {
        poll_fn(|_| {
            let mut meeting = self.meeting();
            match (meeting.line.take(), meeting.body.take()) {
                (Some(line), Some(body)) => Poll::Ready((line, body)),
                (line, body) => {
                    (meeting.line, meeting.body) = (line, body);
                    Poll::Pending
                }
            }
        })
        .await
    }
}

struct Silence;

impl http_body::Body for Silence {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// A line as hyper has it, until it is taken away.
pub(super) struct Lent {
    line: Option<Line>,
    handover: Handover,
}

impl Lent {
    pub fn new(line: Line, handover: Handover) -> Lent {
        Lent { line: Some(line), handover }
    }

    fn line(&mut self) -> Poll<Pin<&mut Line>> {
        self.line.as_mut().map_or(Poll::Pending, |line| Poll::Ready(Pin::new(line)))
    }
}

impl AsyncRead for Lent {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.line()).poll_read(cx, into)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.line()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.line()).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(ready!(self.line()).poll_flush(cx))?;
        let this = &mut *self;
        let mut meeting = this.handover.meeting();
        if meeting.body.is_some() {
            meeting.line = this.line.take();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.line()).poll_shutdown(cx)
    }
}

/// Writes the body behind its head, chunk by chunk, until one of the two ends. A body that breaks off has no last chunk, so
/// that its client knows.
pub(super) async fn stream(mut line: Line, mut body: Answering) -> io::Result<()> {
    let (mut heard, mut room) = (0, [0; 64]);
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)) => frame,
            said = line.read(&mut room) => {
                let said = said?;
                heard += said;
                if said == 0 || heard > HEARD_BYTES_MAX {
                    return Ok(());
                }
                continue;
            }
        };
        match frame {
            Some(Ok(frame)) => {
                let piece = frame.into_data().unwrap_or_default();
                if !piece.is_empty() {
                    line.write_all(&chunk(&piece)).await?;
                }
            }
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => break,
        }
    }
    line.write_all(b"0\r\n\r\n").await?;
    line.shutdown().await
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.reserve_exact(piece.len() + 2);
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::super::watch::Watch;
    use super::*;
    use copydesk_core::Timestamp;
    use copydesk_desk::World;
    use copydesk_desk::clock::{CountingDice, HandClock};
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn s62_a_follower_that_does_not_read_is_given_up() {
        let clock = HandClock::at(Timestamp::from_micros(0));
        let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
        let limits = Limits { write_stall: Duration::from_secs(10), ..Limits::default() };
        let watch = Watch::new(world, Arc::new(limits));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let _underway = watch.request();
        let line = Line::new(socket, watch, place);
        let words = futures::stream::repeat(Ok::<_, Infallible>(vec![b'x'; 64 * 1024]));
        let mut telling = std::pin::pin!(stream(line, Answering::of(Body::from_stream(words))));
        // The client's machine takes some megabytes; then time has to pass.
        let mut seconds = 0;
        let ended = loop {
            match tokio::time::timeout(Duration::from_millis(5), &mut telling).await {
                Ok(ended) => break ended,
                Err(_) => clock.advance(Duration::from_secs(1)),
            }
            seconds += 1;
        };
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(seconds >= 10, "{seconds}");
    }
}
