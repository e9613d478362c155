//! The workspace's events as server-sent events. The body asks its follower when the connection can take more, so a slow
//! client costs no memory and holds nobody up. Which frames there are: `docs/events.md`.

use crate::auth::Caller;
use crate::problem::Problem;
use crate::router::Api;
use crate::routes::events::resync_url;
use crate::server::Endless;
use crate::wire::event::EventBody;
use axum::body::Body;
use axum::response::Response;
use copydesk_core::access::KeyScope;
use copydesk_desk::events::{Follower, Frame, Told};
use futures::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How often a silent stream shows that it is alive, so that no proxy cuts it and nobody waits for a dead one.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes back after a break. Units: milliseconds.
const RETRY: &str = "retry: 2000\n\n";
const TO_STRING: &str = "writing to a string cannot fail";

/// What an edge writes next, whatever its wire is.
pub(crate) enum Next {
    /// Their texts are made.
    Events(Vec<Arc<Frame>>),
    /// A frame of the stream's own: its name and data.
    Own(&'static str, Value),
    Quiet,
}

/// A follower with what every stream has around it.
pub(crate) struct Source {
    api: Api,
    follower: Follower,
    /// The position of what was handed out last.
    at: i64,
    quiet: BoxFuture<'static, ()>,
    ended: bool,
    caller: Caller,
    /// When its key was looked at last, by the steady clock.
    looked: Duration,
    _place: OwnedSemaphorePermit,
}

impl Source {
    pub fn new(api: Api, caller: Caller, follower: Follower, place: OwnedSemaphorePermit) -> Source {
        let world = api.desk().world();
        let (quiet, looked) = (world.sleep(KEEP_ALIVE), world.steady());
        Source { api, at: follower.at(), follower, quiet, ended: false, caller, looked, _place: place }
    }

    pub fn at(&self) -> i64 {
        self.at
    }

    /// `None` after `done`. May be dropped at any time.
    pub async fn next(&mut self) -> Option<Next> {
        if self.ended {
            return None;
        }
        let next = tokio::select! {
            told = self.follower.next() => match told {
                Ok(Told::Events(frames)) => match frames.iter().try_for_each(|frame| frame.text(EventBody::text).map(drop)) {
                    Ok(()) => Next::Events(frames),
                    // Nothing may be left out, so the stream ends before it.
                    Err(error) => return Some(self.broken(Problem::internal(format!("an event cannot be read: {error}")))),
                },
                Ok(Told::Resync) => Next::Own("resync", json!({ "url": resync_url(&self.api, self.follower.filter()) })),
                Ok(Told::Draining) => self.done("draining"),
                Err(error) => self.broken(error.into()),
            },
            () = &mut self.quiet => Next::Quiet,
        };
        if !self.may_go_on().await {
            return Some(self.done("key_ended"));
        }
        self.at = self.follower.at();
        self.quiet = self.api.desk().world().sleep(KEEP_ALIVE);
        Some(next)
    }

    /// A key that was revoked, has expired or may not read events any more ends its streams: it is looked at again every
    /// [`KEEP_ALIVE`], before anything more is told.
    async fn may_go_on(&mut self) -> bool {
        let now = self.api.desk().world().steady();
        if now < self.looked + KEEP_ALIVE {
            return true;
        }
        self.looked = now;
        self.caller.still_may(&self.api, KeyScope::EventsRead).await
    }

    fn broken(&mut self, problem: Problem) -> Next {
        let cause = problem.parts().cause.as_deref().unwrap_or_default();
        tracing::warn!(cause, "A stream of events broke off: {}", problem.parts().detail);
        self.done(problem.code().as_str())
    }

    fn done(&mut self, reason: &'static str) -> Next {
        self.ended = true;
        Next::Own("done", json!({ "reason": reason }))
    }
}

fn sse(next: &Next, at: i64) -> String {
    let mut text = String::new();
    match next {
        Next::Events(frames) => {
            for frame in frames {
                if let Ok(data) = frame.text(EventBody::text) {
                    write_frame(&mut text, frame.row.seq, &frame.row.kind, data);
                }
            }
        }
        Next::Own(name, data) => write_frame(&mut text, at, name, &data.to_string()),
        // A block without data moves the client's position and is no event.
        Next::Quiet => write!(text, ": keep-alive\nid: {at}\n\n").expect(TO_STRING),
    }
    text
}

fn write_frame(text: &mut String, id: i64, name: &str, data: &str) {
    write!(text, "id: {id}\nevent: {name}\ndata: {data}\n\n").expect(TO_STRING);
}

pub(crate) fn stream(api: Api, caller: Caller, follower: Follower, place: OwnedSemaphorePermit) -> Response {
    let at = follower.at();
    let source = Source::new(api, caller, follower, place);
    let hello = format!("{RETRY}: from here\nid: {at}\n\n");
    let frames = futures::stream::unfold((Some(hello), source), |(hello, mut source)| async move {
        let text = match hello {
            Some(hello) => hello,
            None => sse(&source.next().await?, source.at()),
        };
        Some((Ok::<_, Infallible>(text), (None, source)))
    });
    let mut response = Response::new(Body::from_stream(frames));
    response.extensions_mut().insert(Endless);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
