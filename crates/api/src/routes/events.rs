//! The workspace's events in their order: a page of the past, or a stream of what comes. The sequence number is the
//! position of both. What a stream is made of: `event_stream.rs`, and `event_socket.rs` for WebSockets.

use super::look;
use crate::auth::{Caller, refuse_other_origins};
use crate::error::Code;
use crate::event_socket::{MESSAGE_BYTES_MAX, serve};
use crate::event_stream::{self, Source};
use crate::extract::address::Address;
use crate::extract::id::Segments;
use crate::extract::query::{Params, bad_cursor};
use crate::openapi::params::GenerationPath;
use crate::problem::Problem;
use crate::router::Api;
use crate::throttle::UnderWay;
use crate::wire::event::{EventBody, EventsBody};
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use copydesk_core::{DraftId, GenerationId, UserId};
use copydesk_desk::events::{EventFilter, Follower, KindPattern, Start, Subject};
use http::header::ACCEPT;
use http::{HeaderMap, Uri};
use tokio::sync::OwnedSemaphorePermit;

const LAST_EVENT_ID: &str = "last-event-id";
const SSE: &str = "text/event-stream";
/// Most kinds one reader may name.
const KINDS_MAX: usize = 20;

/// Read the workspace's events in their order.
///
/// A page of the past, or with `Accept: text/event-stream` a stream of what comes. The sequence number is the position of
/// both.
#[utoipa::path(
    get, path = "/events", operation_id = "listEvents", tag = "events",
    params(
        ("after" = Option<String>, Query, pattern = "^([0-9]{1,18}|now)$", description = "The sequence number to read on behind, or `now`. A stream begins now unless said otherwise, a page at the beginning."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many rows a page has; 50 unless said otherwise."),
        ("type" = Option<String>, Query, description = "Only these kinds, with commas: `draft.updated,generation.*`."),
        ("subject" = Option<String>, Query, description = "Only about this generation, draft or user, by its id."),
        ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,18}$", description = "As `after`, as browsers send it; it wins."),
        ("stream_token" = Option<String>, Query, description = "Instead of the header, for streams in browsers: `POST /stream-tokens`."),
    ),
    responses((status = 200, description = "A page, or the stream.", content(
        (EventsBody = "application/json"), (String = "text/event-stream"),
    ))),
    extensions(("x-problems" = json!([Code::BadCursor, Code::RateLimited, Code::OriginRefused, Code::Draining]))),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    if wants_stream(&headers) {
        let (follower, permit) = follow(&api, &caller, &headers, params).await?;
        return Ok(event_stream::stream(api, caller, follower, permit));
    }
    caller.must_have_sent_its_key()?;
    let filter = filter(&mut params, &caller);
    page(&api, &caller, &uri, &headers, filter, params).await
}

/// List the events of a generation.
#[utoipa::path(
    get, path = "/generations/{id}/events", operation_id = "listGenerationEvents", tag = "generations",
    params(
        GenerationPath,
        ("after" = Option<String>, Query, pattern = "^([0-9]{1,18}|now)$", description = "The sequence number to read on behind; a page begins at the beginning."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many rows a page has; 50 unless said otherwise."),
    ),
    responses((status = 200, description = "A page.", body = EventsBody)),
    extensions(("x-problems" = json!([Code::BadCursor]))),
)]
pub(crate) async fn of_generation(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    Address(uri): Address,
    params: Params,
) -> Result<Response, Problem> {
    let id = path.generation(&api, caller.scope).await?;
    api.desk().store().get(caller.scope, id).await?;
    let subject = Some(Subject::Generation(id));
    let filter = EventFilter { kinds: Vec::new(), subject, user: caller.scope.user };
    page(&api, &caller, &uri, &HeaderMap::new(), filter, params).await
}

/// A page of the past.
async fn page(
    api: &Api,
    caller: &Caller,
    uri: &Uri,
    headers: &HeaderMap,
    filter: EventFilter,
    mut params: Params,
) -> Result<Response, Problem> {
    let after = start(headers, params.text("after").as_deref());
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
    let resync = page.missed.then(|| resync_url(api, &filter));
    let body = EventsBody { object: "list", data, has_more: page.more, next_after: page.upto, resync };
    Ok(look::paged(uri, next.as_deref(), body))
}

/// Follow the workspace's events over a WebSocket.
///
/// The same as the stream, one message each.
#[utoipa::path(
    get, path = "/events/ws", operation_id = "followEvents", tag = "events",
    params(
        ("after" = Option<String>, Query, pattern = "^([0-9]{1,18}|now)$", description = "The sequence number to read on behind, or `now`, which is usual."),
        ("type" = Option<String>, Query, description = "Only these kinds, with commas: `draft.updated,generation.*`."),
        ("subject" = Option<String>, Query, description = "Only about this generation, draft or user, by its id."),
        ("stream_token" = Option<String>, Query, description = "Instead of the header, for browsers: `POST /stream-tokens`."),
    ),
    responses((status = 101, description = "It speaks WebSocket from here on.")),
    extensions(("x-problems" = json!([Code::BadCursor, Code::RateLimited, Code::OriginRefused, Code::Draining]))),
)]
pub(crate) async fn socket(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
    under_way: Option<Extension<UnderWay>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| {
        let detail = format!("This address speaks WebSocket only. {}", refused.body_text());
        Problem::new(Code::BadHeader, detail).hint("GET /api/v1/events with `Accept: text/event-stream` needs none.")
    })?;
    let (follower, permit) = follow(&api, &caller, &headers, params).await?;
    let source = Source::new(api, caller, follower, permit);
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(async move |socket| {
        serve(socket, source).await;
        // The answer to the upgrade was whole long ago; the request is under way until here.
        drop(under_way);
    }))
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
    let start = start(headers, after.as_deref())?.unwrap_or(Start::Now);
    refuse_other_origins(api, headers)?;
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

/// Where to read on. A browser that comes back sends the header, and its address still says where it once began.
fn start(headers: &HeaderMap, after: Option<&str>) -> Result<Option<Start>, Problem> {
    let after = match after {
        None => None,
        Some("now") => Some(Start::Now),
        Some(text) => Some(Start::After(number(text)?)),
    };
    match headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) {
        Some(id) => Ok(Some(Start::After(number(id.to_str().unwrap_or_default())?))),
        None => Ok(after),
    }
}

fn number(text: &str) -> Result<i64, Problem> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(bad_cursor)
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
    EventFilter { kinds, subject, user: caller.scope.user }
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
