//! The workspace's events in their order. The sequence number is the position.

use super::look;
use crate::auth::Caller;
use crate::error::Code;
use crate::extract::address::Address;
use crate::extract::query::{Params, bad_cursor, listing};
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::{EventBody, EventsBody};
use axum::extract::State;
use axum::response::Response;
use copydesk_desk::store::{Order, PageRequest};

/// Read the workspace's events in their order.
#[utoipa::path(
    get, path = "/events", operation_id = "listEvents", tag = "events",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "The sequence number to read on behind."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many; 50 unless said otherwise."),
    ),
    responses((status = 200, description = "A page.", body = EventsBody)),
    extensions(("x-problems" = json!([Code::BadCursor]))),
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let after = params.text("after");
    let limit = params.limit();
    params.finish()?;
    let after = match after {
        Some(text) => Some(text.parse::<i64>().ok().filter(|seq| *seq >= 0).ok_or_else(bad_cursor)?),
        None => None,
    };
    let request = PageRequest { limit, after: after.map(|seq| seq.to_string()), order: Order::OldestFirst };
    let page = api.desk().store().events(caller.scope, request).await.map_err(listing)?;
    let has_more = page.next.is_some();
    let next_after = page.rows.last().map_or(after.unwrap_or(0), |row| row.seq);
    let events = page.rows.into_iter().map(EventBody::of).collect::<Result<Vec<_>, _>>();
    let data = events.map_err(|error| look::unreadable("an event after", next_after, &error))?;
    let next = has_more.then(|| format!("after={next_after}"));
    Ok(look::paged(&uri, next.as_deref(), EventsBody { object: "list", data, has_more, next_after }))
}
