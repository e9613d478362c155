//! The workspace's events in their order: a page of the past, or a stream of what comes. The sequence number is the
//! position of both. What a stream is made of: `event_stream.rs`, and `event_socket.rs` for WebSockets.

use super::look;
use crate::auth::{Caller, refuse_other_origins};
use crate::error::Code;
use crate::event_socket::{MESSAGE_BYTES_MAX, serve};
use crate::event_stream::{self, Source};
use crate::extract::address::Address;
use crate::extract::query::{Params, bad_cursor};
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::event::{EventBody, EventsBody};
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use copydesk_core::{DraftId, GenerationId, UserId};
use copydesk_desk::events::{EventFilter, Follower, KindPattern, Start, Subject};
use http::HeaderMap;
use http::header::ACCEPT;
use tokio::sync::OwnedSemaphorePermit;

const LAST_EVENT_ID: &str = "last-event-id";
const SSE: &str = "text/event-stream";
/// Most kinds one reader may name.
const KINDS_MAX: usize = 20;

pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        let (follower, permit) = follow(&api, &caller, &headers, params).await?;
        return Ok(event_stream::stream(api, follower, permit));
    }
    caller.must_have_sent_its_key()?;
    let filter = filter(&mut params, &caller);
    let after = position(params.text("after").as_deref());
    let limit = params.limit();
    params.finish()?;
    let after = match after? {
        Some(Start::After(number)) => number,
        Some(Start::Now) => api.desk().store().event_bounds(caller.scope).await?.settled,
        None => 0,
    };
    let page = api.desk().events(caller.scope, &filter, after, limit).await?;
    let data = page.rows.iter().map(EventBody::of).collect::<Result<Vec<_>, _>>();
    let data = data.map_err(|error| look::unreadable("an event after", after, &error))?;
    let next = page.more.then(|| format!("after={}", page.upto));
    let resync = page.missed.then(|| resync_url(&api, &filter));
    let body = EventsBody { object: "list", data, has_more: page.more, next_after: page.upto, resync };
    Ok(look::paged(&uri, next.as_deref(), body))
}

/// The same as messages of a WebSocket.
pub(crate) async fn socket(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| {
        let detail = format!("This address speaks WebSocket only. {}", refused.body_text());
        Problem::new(Code::BadHeader, detail).hint("GET /api/v1/events with `Accept: text/event-stream` needs none.")
    })?;
    let (follower, permit) = follow(&api, &caller, &headers, params).await?;
    let source = Source::new(api, follower, permit);
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| serve(socket, source)))
}

/// A follower as the request describes it, with one of the places for streams.
pub(crate) async fn follow(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    mut params: Params,
) -> Result<(Follower, OwnedSemaphorePermit), Problem> {
    let filter = filter(&mut params, caller);
    let after = params.text("after");
    params.stream_token();
    params.finish()?;
    // A browser that comes back sends the header, and its address still says where it once began.
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let start = position(last.or(after.as_deref()))?.unwrap_or(Start::Now);
    refuse_other_origins(headers, api.public_url())?;
    let permit = api.stream_place()?;
    let follower = api.desk().follow_events(caller.scope, filter, start).await?;
    Ok((follower, permit))
}

/// Where what was missed is read anew.
pub(crate) fn resync_url(api: &Api, filter: &EventFilter) -> String {
    match filter.subject {
        Some(Subject::Generation(id)) => api.links().generation(id, ""),
        Some(Subject::Draft(id)) => api.links().draft(id, ""),
        Some(Subject::User(id)) => api.links().generations(&format!("?user={id}")),
        None => api.links().generations(""),
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    kinds.any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SSE)))
}

fn position(text: Option<&str>) -> Result<Option<Start>, Problem> {
    match text {
        None => Ok(None),
        Some("now") => Ok(Some(Start::Now)),
        Some(text) => {
            let number = text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or_else(bad_cursor)?;
            Ok(Some(Start::After(number)))
        }
    }
}

fn filter(params: &mut Params, caller: &Caller) -> EventFilter {
    let mut kinds = Vec::new();
    for word in params.text("type").iter().flat_map(|words| words.split(',')) {
        match KindPattern::parse(word.trim()) {
            Some(kind) => kinds.push(kind),
            None => params.fault("type", "not_allowed", "it must be kinds such as draft.updated or generation.*"),
        }
    }
    if kinds.len() > KINDS_MAX {
        params.fault("type", "too_many", format!("it may name at most {KINDS_MAX} kinds"));
    }
    let subject = params.text("subject").and_then(|text| {
        let subject = subject(&text);
        if subject.is_none() {
            params.fault(
                "subject",
                "bad_id",
                "it must be the id of a generation, a draft or a user: gen_, drf_ or usr_",
            );
        }
        subject
    });
    EventFilter { kinds, subject, user: caller.user }
}

fn subject(text: &str) -> Option<Subject> {
    if text.starts_with(GenerationId::PREFIX) {
        return text.parse().ok().map(Subject::Generation);
    }
    if text.starts_with(DraftId::PREFIX) {
        return text.parse().ok().map(Subject::Draft);
    }
    text.strip_prefix(UserId::PREFIX).and_then(|_| text.parse().ok()).map(Subject::User)
}
