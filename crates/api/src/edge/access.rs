//! The access log: one line for each request, of things that are never secret. The route stands for the address, because
//! ids and names of users stand in the address; no header, no parameter and no body is ever written.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::MatchedPath;
use axum::response::Response;
use copydesk_desk::World;
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The id of the key a request was made with, on its answer; put there by `auth.rs`.
#[derive(Clone, Debug)]
pub(crate) struct KeyId(pub String);

/// One line, as far as it is known.
pub(crate) struct Line {
    world: World,
    began: Duration,
    method: http::Method,
    route: String,
    request: String,
    client: Option<IpAddr>,
    trace: Option<String>,
    status: u16,
    key: String,
    bytes: u64,
}

impl Line {
    pub fn begin(world: &World, asked: &Request<Body>, id: &str, client: Option<IpAddr>) -> Line {
        Line {
            world: world.clone(),
            began: world.steady(),
            method: asked.method().clone(),
            route: route(asked).to_owned(),
            request: id.to_owned(),
            client,
            trace: trace(asked.headers()),
            status: 0,
            key: "-".to_owned(),
            bytes: 0,
        }
    }

    /// Writes the line, once the whole answer has gone out or the client has.
    pub fn of(mut self, response: Response) -> Response {
        self.status = response.status().as_u16();
        if let Some(KeyId(id)) = response.extensions().get() {
            self.key.clone_from(id);
        }
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.bytes = bytes;
                response
            }
            None => response.map(|inner| Body::new(Counted { inner, line: self })),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let duration_ms = u64::try_from((self.world.steady() - self.began).as_millis()).unwrap_or(u64::MAX);
        let client = self.client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        tracing::info!(
            target: "access",
            method = %self.method,
            route = %self.route,
            status = self.status,
            bytes = self.bytes,
            duration_ms,
            request = %self.request,
            key = %self.key,
            client = %client,
            trace = %self.trace.as_deref().unwrap_or("-"),
            "request"
        );
    }
}

/// The route that matched, with names where the address has ids.
pub(crate) fn route(request: &Request<Body>) -> &str {
    request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str)
}

/// A valid `traceparent` (W3C Trace Context, version 00); anything else is not repeated.
fn trace(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return None };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let valid = *version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && !zero(trace) && !zero(parent);
    valid.then(|| text.to_owned())
}

/// A body of unknown length, counted while it goes out.
struct Counted {
    inner: Body,
    line: Line,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_a_valid_traceparent_is_repeated() {
        let read = |text: &'static str| {
            trace(&HeaderMap::from_iter([(
                http::HeaderName::from_static("traceparent"),
                HeaderValue::from_static(text),
            )]))
        };
        assert!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").is_some());
        for bad in [
            "",
            "00-4BF92F3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
