//! Usage as rows: one per call to a provider, also the failed, cut and cancelled ones.

use super::look;
use crate::auth::Caller;
use crate::extract::address::Address;
use crate::extract::query::{Params, listing};
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::call::CallBody;
use crate::wire::list::List;
use axum::extract::State;
use axum::response::Response;
use copydesk_desk::store::Order;
use copydesk_desk::store::usage::CallFilter;

pub(crate) async fn rows(
    State(api): State<Api>,
    caller: Caller,
    Address(uri): Address,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter =
        CallFilter { user: params.user(caller.scope), generation: params.id("generation"), draft: params.id("draft") };
    let page = params.page(Order::NewestFirst);
    params.finish()?;
    let page = api.desk().store().calls(caller.scope, filter, page).await.map_err(listing)?;
    let next = look::cursor(page.next.as_ref());
    Ok(look::paged(&uri, next.as_deref(), List::of(page, CallBody::from)))
}
