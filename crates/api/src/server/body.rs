//! Bodies as the server sees them: one that comes in must come at some speed, one that goes out keeps its request under way.

use super::watch::{Timer, Underway, Watch};
use axum::body::Bytes;
use axum::body::{Body, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A body that came too slowly to be waited for.
#[derive(Debug, thiserror::Error)]
#[error("the body comes too slowly")]
pub(crate) struct TooSlow;

/// The body of a request.
pub(super) struct Paced {
    inner: Incoming,
    watch: Watch,
    timer: Timer,
    /// When it was waited for first, and how much has come. Units: bytes.
    began: Option<Duration>,
    bytes: u64,
    /// Its end was seen. The inner body alone cannot say so of one in chunks.
    ended: bool,
}

impl Paced {
    pub fn new(inner: Incoming, watch: Watch) -> Paced {
        let timer = watch.timer();
        Paced { inner, watch, timer, began: None, bytes: 0, ended: false }
    }

    fn deadline(&mut self) -> Duration {
        let began = *self.began.get_or_insert_with(|| self.watch.world.steady());
        let limits = &self.watch.limits;
        began + limits.body_grace + Duration::from_secs(self.bytes / u64::from(limits.body_rate_min.max(1)))
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            match &frame {
                Some(Ok(frame)) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(_)) => {}
                None => self.ended = true,
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = self.deadline();
        ready!(self.timer.poll_at(deadline, cx));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if !self.ended && !self.inner.is_end_stream() {
            self.watch.left_unread();
        }
    }
}

/// The body of an answer.
pub(super) struct Answering {
    inner: Body,
    _underway: Option<Underway>,
}

impl Answering {
    pub fn of(inner: Body) -> Answering {
        Answering { inner, _underway: None }
    }
    /// Its request is under way until it is dropped.
    pub fn keeping(inner: Body, underway: Underway) -> Answering {
        Answering { inner, _underway: Some(underway) }
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
