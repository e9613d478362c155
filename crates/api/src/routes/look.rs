//! Reading what an answer is put together from: a generation with its usage and what it waits for, a draft with its
//! content. It changes nothing.

use crate::extract::query::sealed;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::call;
use crate::wire::draft::{ContentBody, DraftBody};
use crate::wire::generation::{Details, GenerationBody};
use crate::wire::waiting::WaitingBody;
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::Status;
use copydesk_core::{GenerationId, MicroCredits};
use copydesk_desk::publish::content_of;
use copydesk_desk::store::drafts::WholeDraft;
use copydesk_desk::store::generations::GenerationRow;
use copydesk_desk::store::usage::{CallFilter, CallRow};
use copydesk_desk::store::{Order, PageRequest, Scope};
use http::HeaderValue;
use http::header::LINK;
use serde::Serialize;

/// A generation with everything known about it.
pub(crate) async fn generation(api: &Api, scope: Scope, row: &GenerationRow) -> Result<GenerationBody, Problem> {
    let mut body = listed(api, row)?;
    let id = row.generation.id;
    let waiting = match row.status() {
        Status::Pending => WaitingBody::of(api.desk().why(scope, id).await?),
        Status::Processing | Status::Completed | Status::Failed | Status::Cancelled => None,
    };
    let (usage, cost) = call::sum(&all_calls(api, scope, id).await?);
    let nothing_settled = body.credits.settled == 0;
    let refunded = if nothing_settled { MicroCredits::ZERO } else { api.desk().refunded(scope, id).await? };
    body.credits.refunded = Some(refunded.micros());
    let input = serde_json::from_str(&row.input).map_err(|error| unreadable("the input of", id, &error))?;
    body.details = Details { input: Some(input), waiting, usage: Some(usage), cost: Some(cost), draft: None };
    Ok(body)
}

/// A generation as it stands in lists.
pub(crate) fn listed(api: &Api, row: &GenerationRow) -> Result<GenerationBody, Problem> {
    GenerationBody::of(row, api.links()).map_err(|error| unreadable("the metadata of", row.generation.id, &error))
}

/// A draft with its current content.
pub(crate) fn draft(api: &Api, whole: WholeDraft) -> Result<DraftBody, Problem> {
    let content = match &whole.version {
        None => None,
        Some(version) => Some(ContentBody::of(version, content_of(version)?, api.links())),
    };
    let mut body = DraftBody::of(whole.row, api.links());
    body.content = Some(content);
    Ok(body)
}

/// All calls of a generation; attempts and steps bound their number.
pub(crate) async fn all_calls(api: &Api, scope: Scope, id: GenerationId) -> Result<Vec<CallRow>, Problem> {
    let filter = CallFilter { generation: Some(id), ..CallFilter::default() };
    let mut page = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
    let mut rows = Vec::new();
    loop {
        let answer = api.desk().store().calls(scope, filter.clone(), page.clone()).await?;
        rows.extend(answer.rows);
        match answer.next {
            Some(next) => page.after = Some(next),
            None => return Ok(rows),
        }
    }
}

pub(crate) fn unreadable(what: &str, id: impl std::fmt::Display, error: &serde_json::Error) -> Problem {
    Problem::internal(format!("{what} {id} cannot be read: {error}"))
}

/// A list, with the address of its next page in the `Link` header.
pub(crate) fn paged(uri: &http::Uri, next: Option<&str>, list: impl Serialize) -> Response {
    let mut response = axum::Json(list).into_response();
    let link = next.and_then(|next| {
        let kept = uri.query().unwrap_or_default().split('&');
        let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=") && !pair.starts_with("after="));
        let query: Vec<String> = kept.map(str::to_owned).chain([next.to_owned()]).collect();
        HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
    });
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// The parameter that asks for the page after this one.
pub(crate) fn cursor(next: Option<&String>) -> Option<String> {
    next.map(|next| format!("cursor={}", sealed(next)))
}
