//! Reading what an answer is put together from: a generation with its usage and what it waits for, a draft with its
//! content. It changes nothing.

use crate::extract::query::sealed;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::call;
use crate::wire::draft::{ContentBody, DraftBody};
use crate::wire::generation::{Details, GenerationBody};
use crate::wire::list::List;
use crate::wire::waiting::WaitingBody;
use axum::response::{IntoResponse, Response};
use copydesk_core::generation::Status;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::{GenerationId, MicroCredits};
use copydesk_desk::publish::content_of;
use copydesk_desk::store::drafts::WholeDraft;
use copydesk_desk::store::generations::GenerationRow;
use copydesk_desk::store::usage::{CallFilter, CallRow};
use copydesk_desk::store::{Order, Page, PageRequest, Scope};
use http::HeaderValue;
use http::header::LINK;
use serde::Serialize;
use serde_json::Value;

/// A generation with everything known about it.
pub(crate) async fn generation(api: &Api, scope: Scope, row: &GenerationRow) -> Result<GenerationBody, Problem> {
    let mut body = listed(api, row)?;
    let id = row.generation.id;
    let waiting = match row.status() {
        Status::Pending => api.desk().why(scope, id).await?,
        Status::Processing | Status::Completed | Status::Failed | Status::Cancelled => Waiting::NotWaiting,
    };
    let eta = api.desk().eta(row, &waiting).map(|at| at.to_string());
    let waiting = WaitingBody::of(waiting);
    let (usage, cost) = call::sum(&all_calls(api, scope, id).await?);
    let nothing_settled = body.credits.settled == 0;
    let refunded = if nothing_settled { MicroCredits::ZERO } else { api.desk().refunded(scope, id).await? };
    body.credits.refunded = Some(refunded.micros());
    body.details = Details {
        input: Some(input_of(row)?),
        filled: filled(row)?,
        queue_position: waiting.as_ref().and_then(|waiting| waiting.position),
        waiting,
        eta,
        usage: Some(usage),
        cost: Some(cost),
        draft: None,
    };
    Ok(body)
}

/// A generation as it stands in lists.
pub(crate) fn listed(api: &Api, row: &GenerationRow) -> Result<GenerationBody, Problem> {
    GenerationBody::of(row, api.links()).map_err(|error| unreadable("the metadata of", row.generation.id, &error))
}

/// What can be asked for beside a generation.
pub(crate) const EXPAND: [&str; 3] = [DRAFT, INPUT, USAGE];
pub(crate) const DRAFT: &str = "draft";
const INPUT: &str = "input";
const USAGE: &str = "usage";

/// A generation as it stands in lists, with what was asked for besides.
pub(crate) async fn expanded(
    api: &Api,
    scope: Scope,
    row: &GenerationRow,
    expand: &[&str],
) -> Result<GenerationBody, Problem> {
    let mut body = listed(api, row)?;
    let id = row.generation.id;
    if expand.contains(&DRAFT) {
        body.details.draft = Some(draft_of(api, scope, row).await?);
    }
    if expand.contains(&INPUT) {
        body.details.input = Some(input_of(&api.desk().store().get(scope, id).await?)?);
    }
    if expand.contains(&USAGE) {
        let (usage, cost) = call::sum(&all_calls(api, scope, id).await?);
        (body.details.usage, body.details.cost) = (Some(usage), Some(cost));
    }
    Ok(body)
}

/// The draft of a generation, with its current content.
pub(crate) async fn draft_of(api: &Api, scope: Scope, row: &GenerationRow) -> Result<Box<DraftBody>, Problem> {
    Ok(Box::new(draft(api, api.desk().draft(scope, row.draft).await?)?))
}

/// The fields of its input that profiles filled.
pub(crate) fn filled(row: &GenerationRow) -> Result<Option<Vec<String>>, Problem> {
    let read = row.filled.as_deref().map(serde_json::from_str).transpose();
    read.map_err(|error| unreadable("the filled fields of", row.generation.id, &error))
}

fn input_of(row: &GenerationRow) -> Result<Value, Problem> {
    serde_json::from_str(&row.input).map_err(|error| unreadable("the input of", row.generation.id, &error))
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

/// A page as a list.
pub(crate) fn list<R, T: Serialize>(uri: &http::Uri, page: Page<R>, wire: impl FnMut(R) -> T) -> Response {
    let next = page.next.as_ref().map(|next| format!("cursor={}", sealed(next)));
    paged(uri, next.as_deref(), List::of(page, wire))
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
